// The rows of the benchmark: which function of which model, at which sizes.

import Sluice
import SluiceFormats
import SluiceIR
import SluiceModels
import SluicePasses

/// One row: a function of a model at given sizes.
struct Workload: Sendable {
  /// Where the graph comes from.
  enum Source: Sendable {
    /// A model of the DSL, with settings.
    case model(Model, [String: String])
    /// Text that was read.
    case module(IRModule)
  }

  /// A part that stands in the model several times: what one more of it costs is the cost of one.
  struct Part: Sendable {
    /// What it is: `layer`.
    var name: String
    /// The setting that says how many there are.
    var setting: String
    /// How many more there are when the setting is one more.
    var count = 1
  }

  /// What a function is given for an input.
  enum Input: Sendable {
    /// Random integers from 0 up to, but without, this number.
    case below(Int)
    /// These values.
    case tensor(HostTensor)
  }

  /// The name on the command line.
  var name: String
  /// What it is, in a few words.
  var summary: String
  /// Where the graph comes from.
  var source: Source
  /// The function that is timed.
  var function: String
  /// The values of symbols; the others have their bounds.
  var dims: [String: Int] = [:]
  /// What inputs are, by name; floats are random numbers in -1 ..< 1 and integers 0 where this says nothing.
  var inputs: [String: Input] = [:]
  /// States of type i32 that are set before every call: a position in a cache.
  var states: [String: Int32] = [:]
  /// A part whose kernel calls are told as well.
  var part: Part?
  /// Whether a command line made it: inputs that are named must be there then.
  var isOwn = false
  /// Whether `run` takes it when no row is named.
  var isUsual = true

  /// The graph, with this function alone: parameters that only others write are constant.
  ///
  /// - Parameter more: How much the setting of `part` is increased.
  func module(more: Int = 0) throws -> IRModule {
    switch source {
    case .module(let module): return keepFunctions(module, [function])
    case .model(let model, var settings):
      if more > 0, let part {
        let text =
          settings[part.setting] ?? model.settings().first { $0.name == part.setting }?.defaultValue ?? ""
        guard let number = Int(text) else {
          throw UsageError(description: "the setting `\(part.setting)` of `\(model.name)` is no number")
        }
        settings[part.setting] = String(number + more)
      }
      return keepFunctions(try model.trace(settings: settings), [function])
    }
  }

  /// The rows that a word on the command line means: one of that name, or those whose names begin with it.
  static func named(_ word: String) -> [Workload] {
    let exact = all.filter { $0.name == word }
    return exact.isEmpty ? all.filter { $0.name.hasPrefix(word + "-") } : exact
  }

  /// All rows, in the order of the tables.
  static let all: [Workload] = products + training + inference + small + elementwise

  // MARK: The rows

  private static let products = [128, 512, 1024].map { size in
    Workload(
      name: "matmul-\(size)", summary: "the product of two matrices of \(size) x \(size)",
      source: .model(matrixProduct, ["size": "\(size)"]), function: "matmul")
  }

  /// The settings of a transformer.
  private static func transformer(
    _ layers: Int, _ width: Int, _ heads: Int, _ context: Int, _ batch: Int, _ vocabulary: Int
  ) -> [String: String] {
    [
      "layers": "\(layers)", "width": "\(width)", "heads": "\(heads)", "context": "\(context)",
      "max_batch": "\(batch)", "vocabulary": "\(vocabulary)",
    ]
  }
  private static let sizes = [
    (
      name: "small", settings: transformer(4, 128, 4, 64, 12, 256), text: "4 layers, 128 wide, 12 x 64 tokens"
    ),
    (
      name: "medium", settings: transformer(6, 384, 6, 256, 4, 256),
      text: "6 layers, 384 wide, 4 x 256 tokens"
    ),
  ]
  private static let gpt2 = transformer(12, 768, 12, 64, 4, 50257)
  private static let layer = Part(name: "layer", setting: "layers")
  private static let tokens = ["tokens": Input.below(256), "segments": .below(2), "follows": .below(2)]
  private static let words = ["tokens": Input.below(30522), "token": .below(30522)]

  private static let training: [Workload] =
    sizes.map {
      Workload(
        name: "gpt-\($0.name)", summary: "a training step of GPT, \($0.text), AdamW, clipped gradients",
        source: .model(gpt, $0.settings), function: "train_step", inputs: tokens, part: layer)
    }
    + sizes.map {
      Workload(
        name: "bert-\($0.name)",
        summary: "a training step of masked and pair losses, \($0.text), AdamW, clipped",
        source: .model(bert, $0.settings), function: "train_step", inputs: tokens, part: layer,
        isUsual: $0.name == "small")
    } + [
      Workload(
        name: "simclr-step",
        summary:
          "a training step of SimCLR on given views, 2 x 64 of 3 x 32 x 32, stages of 32, 64, 128, AdamW",
        source: .model(simclr, simclrSettings), function: "train_step_on_views", part: block),
      Workload(
        name: "gpt2-step", summary: "a training step of GPT-2 124M, 4 x 64 tokens, AdamW, clipped gradients",
        source: .model(gpt, gpt2), function: "train_step", inputs: words, part: layer, isUsual: false),
    ]
  private static let simclrSettings = [
    "size": "32", "channels": "3", "width": "32", "stages": "3", "blocks": "1", "max_batch": "64",
    "white": "1",
  ]
  /// One more block a stage is three more.
  private static let block = Part(name: "block", setting: "blocks", count: 3)

  private static let inference = [
    Workload(
      name: "gpt-forward", summary: "logits of GPT, \(sizes[1].text)", source: .model(gpt, sizes[1].settings),
      function: "logits", inputs: tokens, part: layer, isUsual: false),
    Workload(
      name: "gpt2-forward", summary: "logits of GPT-2 124M, 4 x 64 tokens", source: .model(gpt, gpt2),
      function: "logits", inputs: words, part: layer, isUsual: false),
    Workload(
      name: "bert-forward", summary: "logits of BERT, \(sizes[1].text)",
      source: .model(bert, sizes[1].settings),
      function: "logits", inputs: tokens, part: layer, isUsual: false),
    Workload(
      name: "simclr-embed",
      summary: "features of 128 images of 3 x 32 x 32, batch norm by running statistics",
      source: .model(simclr, simclrSettings.merging(["max_batch": "128"]) { $1 }), function: "embed",
      part: block,
      isUsual: false),
    Workload(
      name: "minilm-1", summary: "an encoder like MiniLM, 6 layers, 384 wide, 12 heads, 1 x 128 tokens",
      source: .model(minilm, [:]), function: "encode", inputs: words, part: layer),
    Workload(
      name: "minilm-8", summary: "the same, 8 x 128 tokens", source: .model(minilm, ["batch": "8"]),
      function: "encode", inputs: words, part: layer, isUsual: false),
    Workload(
      name: "gpt2-prefill", summary: "GPT-2 124M, 256 tokens, logits of the last row",
      source: .model(prefill, [:]), function: "prefill", inputs: words, part: layer, isUsual: false),
    Workload(
      name: "gpt2-decode", summary: "GPT-2 124M, one token more behind 255",
      source: .model(gpt, transformer(12, 768, 12, 256, 1, 50257)), function: "decode",
      inputs: words, states: ["position": 255], part: layer, isUsual: false),
  ]

  private static let small = [
    Workload(
      name: "mlp-row", summary: "a perceptron 784-128-10, one row", source: .model(perceptron, [:]),
      function: "logits"),
    Workload(
      name: "ica-epoch", summary: "the ICA rule, 4 sources, 100,000 examples in random order one by one",
      source: .model(ica, ["sources": "4", "max_batches": "100000", "max_batch": "1"]), function: "epoch",
      inputs: ["rate": .tensor(HostTensor(scalar: Float(1e-5)))]),
    Workload(
      name: "lstm-64", summary: "an LSTM, 256 wide, 64 steps, batch 64, forward",
      source: .model(lstm, ["batch": "64"]), function: "forward"),
    Workload(
      name: "lstm-1", summary: "the same, batch 1", source: .model(lstm, ["batch": "1"]), function: "forward"),
    Workload(
      name: "lstm-step-64", summary: "the gradients of the same LSTM by its input and weights, batch 64",
      source: .model(lstm, ["batch": "64"]), function: "gradients", isUsual: false),
    Workload(
      name: "lstm-step-1", summary: "the same, batch 1", source: .model(lstm, ["batch": "1"]),
      function: "gradients", isUsual: false),
  ]

  private static let elementwise = ["gelu", "softmax", "layernorm", "crossentropy", "adamw"].flatMap {
    function in
    (3...7).map { power in
      let rows = power == 3 ? 1 : Int(["10", "100", "1000", "10000"][power - 4]) ?? 1
      return Workload(
        name: "\(function)-1e\(power)",
        summary: function == "gelu" || function == "adamw"
          ? "`\(function)` of 10^\(power) elements" : "`\(function)` of \(rows) rows of 1000",
        source: .model(rowKernels, ["rows": "\(rows)"]), function: function,
        inputs: ["targets": .below(1000)],
        isUsual: power == 6)
    }
  }
}
