import Sluice
import SluiceFormats
import SluiceModels
import SluicePasses
import Testing

/// `bert` against PyTorch (Tools/oracle/bert_reference.py), and its training for tasks.
struct BERTTests {
  private static let settings = [
    "vocabulary": "17", "width": "12", "layers": "2", "heads": "2", "context": "8", "max_batch": "3",
    "rate": "0.01", "warmup": "2", "steps": "6", "task": "none", "classes": "3",
  ]

  private let reference = TrainingReference("bert")

  /// The model with these functions alone: those that write the states that are given values are among them.
  private func session(
    _ functions: Set<String>, _ settings: [String: String] = [:], _ backend: Backend = .interpreter
  ) throws -> Session {
    let module = try bert.trace(settings: Self.settings.merging(settings) { $1 })
    var session = try Session(keepFunctions(module, functions), backend: backend, seed: 3)
    try reference.load(into: &session)
    return session
  }

  /// Tokens, segments, whether the second follows, and the seed of the masks.
  private func batch(_ step: Int) throws -> [HostTensor] {
    try ["tokens", "segments", "follows"].map { try part(reference.tensor($0), step) }
      + [HostTensor(scalar: Int64(100 + step))]
  }

  @Test(arguments: ["sgd", "adamw"])
  func trainsAsPyTorch(_ optimizer: String) throws {
    var session = try session(["train_step"], ["optimizer": optimizer])
    let losses = try (0..<5).flatMap { step in
      try session.run("train_step", batch(step)).map { try #require($0.floats().first) }
    }
    try reference.expect(losses, optimizer)
    // The gradient of a bias of keys is 0 but for rounding, as in GPTTests.
    try reference.expect(session, optimizer) { optimizer == "adamw" && $0.hasSuffix(".key.bias") }
  }

  /// In C too: `backendsGiveTheSameBits` compares its logits with the interpreter's.
  @Test(arguments: [Backend.interpreter, .reference])
  func givesTheLogitsOfPyTorch(_ backend: Backend) throws {
    var session = try session(["train_step", "logits"], [:], backend)
    let logits = try session.run("logits", Array(batch(0).prefix(2)))[0]
    #expect(try distance(logits, reference.tensor("logits")) < 1e-5)
  }

  /// A row of nothing but padding changes no loss, and takes part in no step.
  @Test func paddingTakesNoPart() throws {
    let row: [Int32] = [1, 5, 6, 7, 8, 9, 10, 2]
    func train(_ rows: [[Int32]], _ follows: [Int32]) throws -> (Session, Float) {
      var session = try session(["train_step"], ["optimizer": "sgd"])
      let shape = [rows.count, 8]
      let loss = try session.run(
        "train_step",
        [
          HostTensor(Array(rows.joined()), shape: shape),
          HostTensor([Int32](repeating: 0, count: 8 * rows.count), shape: shape),
          HostTensor(follows), HostTensor(scalar: Int64(5)),
        ])[0].floats()[0]
      return (session, loss)
    }
    let (alone, loss) = try train([row], [1])
    let (padded, other) = try train([row, [Int32](repeating: 0, count: 8)], [1, -1])
    #expect(loss.isFinite && abs(loss - other) <= 1e-6 * loss)
    for name in alone.stateNames where try alone.state(name).dtype == .f32 {
      for (a, b) in zip(try alone.state(name).floats(), try padded.state(name).floats()) {
        #expect(abs(a - b) <= 1e-6, "`\(name)`")
      }
    }
  }

  @Test func masksAsNumPy() throws {
    var session = try session(["mask"])
    for step in 0..<5 {
      let inputs = try batch(step)
      let outputs = try session.run("mask", [inputs[0], inputs[3]])
      #expect(try outputs[0] == part(reference.tensor("masked"), step))
      #expect(try outputs[1] == part(reference.tensor("targets"), step))
    }
  }

  /// 15 % of the ordinary tokens: of those 80 % are masked, 10 % become any token, 10 % stay.
  @Test func masksTheRightParts() throws {
    var session = try session(["mask"], ["max_batch": "2000", "context": "8", "vocabulary": "1004"])
    let row: [Int32] = [1, 500, 501, 2, 502, 503, 2, 0]
    let tokens = HostTensor(Array(repeatElement(row, count: 2000).joined()), shape: [2000, 8])
    let outputs = try session.run("mask", [tokens, HostTensor(scalar: Int64(7))])
    var (chosen, masked, kept) = (0, 0, 0)
    for (token, (seen, target)) in zip(tokens.int32s(), zip(outputs[0].int32s(), outputs[1].int32s())) {
      #expect(target == -1 ? seen == token : target == token && token >= 4 && seen >= 3)
      if target < 0 { continue }
      chosen += 1
      if seen == 3 { masked += 1 }
      if seen == token { kept += 1 }
    }
    #expect(abs(Double(chosen) / 8000 - 0.15) < 0.02)
    #expect(abs(Double(masked) / Double(chosen) - 0.8) < 0.05)
    #expect(abs(Double(kept) / Double(chosen) - 0.1) < 0.04)
  }

  /// The first loss is PyTorch's; fine-tuning and the probe make it fall, and the probe leaves the encoder as it is.
  @Test(arguments: ["sentence", "pair", "tags", "span"])
  func trainsForTasks(_ task: String) throws {
    let number = try #require(["sentence", "pair", "tags", "span"].firstIndex(of: task))
    let wanted = try reference.tensor("task_losses").floats()[number]
    var inputs = try Array(batch(0).prefix(task == "sentence" ? 1 : 2))
    let labels = try reference.tensor("labels")
    let narrowed = columns(labels, 0..<(task == "tags" ? 8 : task == "span" ? 2 : 1))
    inputs.append(number < 2 ? try narrowed.reshaped([3]) : narrowed)
    for function in ["finetune_step", "probe_step"] {
      var session = try session(
        ["finetune_step", "probe_step", "predict"], ["task": task, "warmup": "1", "steps": "100"])
      if task == "span" {
        for name in ["task.output.weight", "task.output.bias"] {
          try session.setState(name, spanPart(reference.tensor("first.\(name)")))
        }
      }
      let losses = try (0..<4).map { _ in try session.run(function, inputs)[0].floats()[0] }
      #expect(abs(losses[0] - wanted) <= 1e-5 * wanted, "\(losses[0]), not \(wanted)")
      #expect(losses[3] < losses[0], "\(function)")
      let weight = "bert.layers.0.hidden.weight"
      let isKept = try session.state(weight) == reference.tensor("first.\(weight)")
      #expect(isKept == (function == "probe_step"))
      #expect(try session.run("predict", Array(inputs.dropLast())).count == 1)
    }
  }

  /// The columns of two classes of three.
  private func spanPart(_ tensor: HostTensor) throws -> HostTensor {
    let values = tensor.floats()
    let kept = values.indices.filter { $0 % 3 < 2 }.map { values[$0] }
    return HostTensor(kept, shape: tensor.shape.dropLast() + [2])
  }

  @Test func backendsGiveTheSameBits() throws {
    var states: [[HostTensor]] = []
    for backend in [Backend.interpreter, .c] {
      var session = try session(["train_step", "logits"], [:], backend)
      let logits = try session.run("logits", Array(batch(0).prefix(2)))
      for step in 0..<5 { _ = try session.run("train_step", batch(step)) }
      states.append(try session.stateNames.map { try session.state($0) } + logits)
    }
    #expect(states[0] == states[1])
  }
}
