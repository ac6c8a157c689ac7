public import Sluice

/// A bidirectional encoder of text: BERT.
///
/// Tokens, their positions and the segments they are in are embedded and normalised; each layer is h := norm(h +
/// attention(h)), then h := norm(h + W_2 gelu(W_1 h)). Pretraining fills in masked tokens, and tells whether a second
/// segment follows the first; the sum of both losses falls. Then a linear map of the first token, of every token, or of
/// start and end of a span, is trained for a task: with the encoder (fine-tuning) or alone (a probe).
///
/// Source: J. Devlin, M. Chang, K. Lee, K. Toutanova, "BERT: Pre-training of deep bidirectional transformers for
/// language understanding" (2019), sections 3 and 4 and appendix A; the layer of A. Vaswani et al., "Attention is all
/// you need" (2017), section 3. There is no dropout.
///
/// Tokens 0 to 3 are padding, the first of a sequence, the end of a segment, and the mask; 1 is what the first token
/// must be for the pair loss. BERT base has vocabulary 30522, width 768, layers 12, heads 12 and context 512.
public let bert = Model("bert", "An encoder that fills in masked words (Devlin et al. 2019).") { model in
  let vocabulary = model.setting(
    "vocabulary", default: 256, in: 5...1 << 20, "tokens, with the four special ones")
  let context = model.setting("context", default: 32, in: 1...1 << 20, "tokens that are seen at once")
  let width = model.setting("width", default: 32, in: 1...1 << 16, "features of a token")
  let layers = model.setting("layers", default: 2, in: 1...1 << 10, "layers")
  let heads = model.setting("heads", default: 2, in: 1...1 << 10, "heads of attention; they divide the width")
  let batch = model.setting("max_batch", default: 8, in: 1...1 << 20, "sequences of one call")
  let kind = model.setting("optimizer", default: "adamw", oneOf: ["adamw", "sgd"], "what trains")
  let rate = model.setting("rate", default: 1e-3, in: 0...1e6, "the highest learning rate")
  let warmup = model.setting("warmup", default: 100, in: 1...1 << 40, "steps until the rate is reached")
  let deviation = model.setting("deviation", default: 0.02, in: 0...1, "of initial weights")
  let steps = model.setting("steps", default: 1000, in: 1...1 << 40, "steps until it is 0")
  let task = model.setting(
    "task", default: "sentence", oneOf: Task.allCases.map(\.rawValue), "what to train for after pretraining")
  let classes = model.setting("classes", default: 2, in: 1...1 << 20, "classes of the task")

  let initial = Initializer.normal(deviation)
  let net = model.module("bert", Encoder(vocabulary, width, layers, heads, context, initial))
  let pretraining = model.module("pretraining", PretrainingHeads(vocabulary, width, initial))
  let head = model.module("task", TaskHead(Task(rawValue: task) ?? .none, width, classes, initial))
  let B = Dim("B", max: batch)
  let T = Dim("T", max: context)

  // Devlin et al. 2019, appendix A.2: a line up to the highest rate, and a line down to 0.
  let schedule = LearningRate { step in
    let falling = maximum(Double(steps) - step, 0) / Double(max(steps - warmup, 1))
    return rate * minimum((step + 1) / Double(warmup), minimum(falling, 1))
  }
  func optimizer(_ name: String, _ modules: [Any]) -> Optimizer {
    kind == "sgd"
      ? SGD(modules, rate: schedule, name: name)
      : AdamW(modules, rate: schedule, epsilon: 1e-6, weightDecay: 0.01, clipping: .norm(1), name: name)
  }

  func tokens(_ f: FunctionBuilder) -> Tensor { f.input("tokens", .i32, [B, T]) }
  func segments(_ f: FunctionBuilder) -> Tensor { f.input("segments", .i32, [B, T]) }
  func seed(_ f: FunctionBuilder) -> Tensor { f.input("seed", .i64, []) }

  /// The losses of masked tokens, drawn with `seed`, and of pairs; `follows` is 1 where the second segment follows the
  /// first, 0 where it does not, -1 where there is none.
  func pretrainingLosses(_ f: FunctionBuilder) -> (masked: Tensor, pairs: Tensor) {
    let (tokens, segments, follows) = (tokens(f), segments(f), f.input("follows", .i32, [B]))
    let (input, targets) = masked(tokens, vocabulary, seed: seed(f))
    let h = net((input, segments))
    return (
      meanCrossEntropy(pretraining.scores(h, net.tokens.weight), targets),
      meanCrossEntropy(pretraining(net.pooled(h)), follows)
    )
  }

  let trainer = optimizer("adamw", [net, pretraining])
  for trains in [true, false] {
    model.function(
      trains ? "train_step" : "loss",
      "The loss of masked tokens and pairs, and its parts" + (trains ? "; makes a step." : ".")
    ) { f in
      let (masked, pairs) = pretrainingLosses(f)
      if trains { trainer.step(minimizing: masked + pairs) }
      f.output("loss", masked + pairs)
      f.output("masked_loss", masked)
      f.output("pair_loss", pairs)
    }
  }

  model.function("mask", "What pretraining makes of tokens, and its targets: -1 where there is none.") { f in
    let (input, targets) = masked(tokens(f), vocabulary, seed: seed(f))
    f.output("masked", input)
    f.output("targets", targets)
  }

  model.function("logits", "For every place the scores of the tokens that may stand there.") { f in
    f.output("logits", pretraining.scores(net((tokens(f), segments(f))), net.tokens.weight))
  }

  if head.task != .none {
    func logits(_ f: FunctionBuilder, fixed: Bool = false) -> Tensor {
      let tokens = tokens(f)
      let h = net((tokens, head.task == .sentence ? tokens * 0 : segments(f)))
      let features = head.task.isOfSequences ? net.pooled(h) : h
      return head(fixed ? stopGradient(features) : features)
    }
    func loss(_ f: FunctionBuilder, fixed: Bool) -> Tensor {
      let scores = logits(f, fixed: fixed)
      return meanCrossEntropy(scores, f.input("labels", .i32, scores.shape.dropLast()))
    }
    let tuner = optimizer("finetune", head.task.isOfSequences ? [net, head] : [net.body, head])
    let prober = optimizer("probe", [head])

    model.function("predict", "The scores of the task's classes.") { f in f.output("logits", logits(f)) }
    model.function("finetune_step", "One step of the task, of encoder and head; gives the loss.") { f in
      let loss = loss(f, fixed: false)
      tuner.step(minimizing: loss)
      f.output("loss", loss)
    }
    model.function("probe_step", "One step of the task, of the head alone; gives the loss.") { f in
      let loss = loss(f, fixed: true)
      prober.step(minimizing: loss)
      f.output("loss", loss)
    }
  }

  model.initializer()
}

/// Special tokens.
private enum Special {
  static let padding = 0
  static let mask = 3
  /// The first token that is no special one.
  static let first = 4
}

/// Tokens for pretraining, and what they are to be.
///
/// 15 % of the ordinary tokens are chosen, of which 80 % become the mask, 10 % any token, and 10 % stay (Devlin et al.
/// 2019, section 3.1). Targets are -1 where nothing was chosen.
private func masked(_ tokens: Tensor, _ vocabulary: Int, seed: Tensor) -> (input: Tensor, targets: Tensor) {
  let isChosen = (uniform(tokens.shape, seed: seed, stream: 0) .< 0.15) .& (tokens .>= Special.first)
  let fate = uniform(tokens.shape, seed: seed, stream: 1)
  let ordinary = Double(vocabulary - Special.first)
  let any = (uniform(tokens.shape, seed: seed, stream: 2) * ordinary).cast(.i32) + Special.first
  let changed = select(where: fate .< 0.8, tokens * 0 + Special.mask, select(where: fate .< 0.9, any, tokens))
  return (select(where: isChosen, changed, tokens), select(where: isChosen, tokens, tokens * 0 - 1))
}

/// The mean cross-entropy of targets that are classes; 0 where there is none.
private func meanCrossEntropy(_ logits: Tensor, _ targets: Tensor) -> Tensor {
  let count = (targets .>= 0).cast(.f32).sum()
  return crossEntropy(logits, targets, reduction: .sum) / maximum(count, 1)
}

/// Embeddings, layers, and the features of the first token.
private struct Encoder: Module {
  let tokens: Embedding
  let positions: Embedding
  let segments: Embedding
  let norm: LayerNorm
  let layers: [EncoderLayer]
  let pooler: Linear

  init(_ vocabulary: Int, _ width: Int, _ depth: Int, _ heads: Int, _ context: Int, _ initial: Initializer) {
    tokens = Embedding(Dim(vocabulary), Dim(width), weights: initial)
    positions = Embedding(Dim(context), Dim(width), weights: initial)
    segments = Embedding(2, Dim(width), weights: initial)
    norm = LayerNorm(Dim(width), epsilon: 1e-12)
    layers = (0..<depth).map { _ in EncoderLayer(width, heads, initial) }
    pooler = Linear(Dim(width), Dim(width), weights: initial)
  }

  /// All but the map that tasks of single tokens do without.
  var body: [Any] { [tokens, positions, segments, norm, layers] }

  /// Features `[B, T, width]` of tokens and their segments, 0 or 1, `[B, T]`; padding is not seen.
  func forward(_ input: (tokens: Tensor, segments: Tensor)) -> Tensor {
    let places = positions(iota([input.tokens.shape[1]]))
    let isSeen = (input.tokens .!= Special.padding).expanded(1).expanded(1)  // [B, 1, 1, T]
    let h = norm(tokens(input.tokens) + places + segments(input.segments))
    return layers.reduce(h) { h, layer in layer((h, isSeen)) }
  }

  /// Features `[B, width]` of sequences: those of the first token.
  func pooled(_ h: Tensor) -> Tensor { tanh(pooler(gather(h, constant(0, .i32), axis: 1))) }
}

/// A layer: attention to all tokens, then a network at each place, both normalised with what comes in.
private struct EncoderLayer: Module {
  let attention: SelfAttention
  let attentionNorm: LayerNorm
  let hidden: Linear
  let output: Linear
  let norm: LayerNorm

  init(_ width: Int, _ heads: Int, _ initial: Initializer) {
    attention = SelfAttention(width, heads: heads, weights: initial)
    attentionNorm = LayerNorm(Dim(width), epsilon: 1e-12)
    hidden = Linear(Dim(width), Dim(4 * width), weights: initial)
    output = Linear(Dim(4 * width), Dim(width), weights: initial)
    norm = LayerNorm(Dim(width), epsilon: 1e-12)
  }

  func forward(_ input: (h: Tensor, isSeen: Tensor)) -> Tensor {
    let mixed = attention(input.h) { q, k, v in Sluice.attention(q, k, v, mask: input.isSeen) }
    let h = attentionNorm(input.h + mixed)
    return norm(h + output(gelu(hidden(h))))
  }
}

/// What pretraining asks: the token at every place, by the embeddings, and whether a segment follows.
private struct PretrainingHeads: Module {
  let transform: Linear
  let norm: LayerNorm
  @Param var bias: Tensor
  let follows: Linear

  init(_ vocabulary: Int, _ width: Int, _ initial: Initializer) {
    transform = Linear(Dim(width), Dim(width), weights: initial)
    norm = LayerNorm(Dim(width), epsilon: 1e-12)
    _bias = Param([Dim(vocabulary)])
    follows = Linear(Dim(width), 2, weights: initial)
  }

  /// Scores `[B, T, V]` of the tokens for features `[B, T, width]`.
  func scores(_ h: Tensor, _ embeddings: Tensor) -> Tensor {
    norm(gelu(transform(h))).matmul(embeddings.T) + bias
  }

  func forward(_ pooled: Tensor) -> Tensor { follows(pooled) }
}

/// What the encoder may be used for.
///
/// Source: Devlin et al. 2019, section 4.
private enum Task: String, CaseIterable {
  /// Nothing.
  case none
  /// The class of a sentence: labels `[B]`.
  case sentence
  /// The class of two segments: labels `[B]`.
  case pair
  /// The class of every token, -1 for those that do not count: labels `[B, T]`.
  case tags
  /// The first and the last token of an answer: labels `[B, 2]`, places.
  case span

  /// Whether a class is one of a sequence rather than of a token.
  var isOfSequences: Bool { self == .sentence || self == .pair }
}

/// A linear map from features to the scores of a task.
private struct TaskHead: Module {
  let task: Task
  let output: Linear

  init(_ task: Task, _ width: Int, _ classes: Int, _ initial: Initializer) {
    self.task = task
    output = Linear(Dim(width), Dim(task == .span ? 2 : classes), weights: initial)
  }

  /// Scores `[B, classes]` or `[B, T, classes]`; of a span `[B, 2, T]`: for start and end those of all places.
  func forward(_ features: Tensor) -> Tensor {
    task == .span ? output(features).T : output(features)
  }
}
