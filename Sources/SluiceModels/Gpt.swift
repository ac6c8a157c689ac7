public import Sluice

/// A decoder-only transformer that continues text: GPT-2.
///
/// Tokens and their positions are embedded, h = W_e[token] + W_p[position]; each layer adds causal attention,
/// h := h + attention(norm(h)), and a network at each position, h := h + W_2 gelu(W_1 norm(h)); the logits of the next
/// token are norm(h) W_e^T, and the loss is their mean cross-entropy.
///
/// Sources: A. Radford et al., "Language models are unsupervised multitask learners" (2019), section 2.3, for norms in
/// front of each part and the initial weights; A. Radford et al., "Improving language understanding by generative
/// pre-training" (2018), equations 1 and 2; A. Vaswani et al., "Attention is all you need" (2017), equation 1. Training
/// is that of T. Brown et al., "Language models are few-shot learners" (2020), appendix B.
///
/// GPT-2 with 124 million parameters has vocabulary 50257, width 768, layers 12, heads 12 and context 1024.
public let gpt = Model("gpt", "A transformer that continues text (Radford et al. 2019).") { model in
  let vocabulary = model.setting("vocabulary", default: 256, in: 1...1 << 20, "tokens; 256 are bytes")
  let context = model.setting("context", default: 32, in: 1...1 << 20, "tokens that are seen at once")
  let width = model.setting("width", default: 32, in: 1...1 << 16, "features of a token")
  let layers = model.setting("layers", default: 2, in: 1...1 << 10, "layers")
  let heads = model.setting("heads", default: 2, in: 1...1 << 10, "heads of attention; they divide the width")
  let batch = model.setting("max_batch", default: 8, in: 1...1 << 20, "sequences of one call")
  let streams = model.setting("streams", default: 1, in: 1...1 << 20, "sequences that are continued at once")
  let optimizer = model.setting("optimizer", default: "adamw", oneOf: ["adamw", "sgd"], "what trains")
  let rate = model.setting("rate", default: 1e-3, in: 0...1e6, "the highest learning rate")
  let warmup = model.setting("warmup", default: 100, in: 0...1 << 40, "steps until the rate is reached")
  let deviation = model.setting("deviation", default: 0.02, in: 0...1, "of initial weights")
  let steps = model.setting("steps", default: 1000, in: 1...1 << 40, "steps until it is a tenth")

  let net = Decoder(vocabulary, width, layers, heads, context, streams, deviation)
  let position = model.state("position", [], dtype: .i32)
  model.module(net)
  let schedule = LearningRate.cosine(peak: rate, warmup: warmup, steps: steps, floor: rate / 10)
  let trainer =
    optimizer == "sgd"
    ? SGD(net, rate: schedule)
    : AdamW(net, rate: schedule, beta2: 0.95, weightDecay: 0.1, clipping: .norm(1))
  let B = Dim("B", max: batch)
  let T = Dim("T", max: context)

  /// The loss of all tokens but the first, each given those before it.
  func loss(_ f: FunctionBuilder) -> Tensor {
    let tokens = f.input("tokens", .i32, [B, T + 1])
    return crossEntropy(net(tokens[.all, ..<T]), tokens[.all, 1...])
  }

  model.function("train_step", "One step on sequences of tokens; gives their loss before it.") { f in
    let loss = loss(f)
    trainer.step(minimizing: loss)
    f.output("loss", loss)
  }

  model.function("loss", "The mean of -log p(token) over all tokens but the first.") { f in
    f.output("loss", loss(f))
  }

  model.function("logits", "For every token the scores of the next one.") { f in
    f.output("logits", net(f.input("tokens", .i32, [B, T])))
  }

  model.function("restart", "Forgets the tokens that `decode` and `sample` were given.") { f in
    position.value = constant(0, .i32)
  }

  /// The scores of the token behind `token: i32[streams]`; `context` tokens at most fit in before a reset.
  func next(_ f: FunctionBuilder) -> Tensor {
    let logits = net.next(f.input("token", .i32, [Dim(streams)]), at: position.value)
    position.value = position.value + 1
    return logits
  }

  model.function("decode", "Takes one more token; gives the scores of the next one.") { f in
    f.output("logits", next(f))
  }

  model.function("sample", "Takes one more token; draws the next one.") { f in
    let place = position.value.cast(.i64)
    let logits = next(f)
    let token = namedScope("sample") {
      sample(
        logits, temperature: f.input("temperature", .f32, []), topK: f.input("top_k", .i32, []),
        topP: f.input("top_p", .f32, []), seed: f.input("seed", .i64, []), stream: place)
    }
    f.output("next", token)
  }

  model.initializer()
}

/// The network: embeddings, layers, and the embeddings again as the last map.
private struct Decoder: Module {
  let tokens: Embedding
  let positions: Embedding
  let layers: [DecoderLayer]
  let norm: LayerNorm

  init(
    _ vocabulary: Int, _ width: Int, _ depth: Int, _ heads: Int, _ context: Int, _ streams: Int,
    _ deviation: Double
  ) {
    tokens = Embedding(Dim(vocabulary), Dim(width), weights: .normal(deviation))
    positions = Embedding(Dim(context), Dim(width), weights: .normal(deviation))
    layers = (0..<depth).map { _ in DecoderLayer(width, heads, depth, context, streams, deviation) }
    norm = LayerNorm(Dim(width))
  }

  /// Logits `[B, T, V]` for tokens `[B, T]`.
  func forward(_ input: Tensor) -> Tensor {
    let h = tokens(input) + positions(iota([input.shape[1]]))  // [B, T, width]
    return norm(layers(h)).matmul(tokens.weight.T)
  }

  /// Logits `[B, V]` for one token more, `[B]`, at a position.
  func next(_ token: Tensor, at position: Tensor) -> Tensor {
    let h = (tokens(token) + positions(position)).expanded(1)  // [B, 1, width]
    let last = layers.reduce(h) { h, layer in layer.next(h, at: position) }
    return norm(last.squeezed(1)).matmul(tokens.weight.T)
  }
}

/// A layer: attention to the tokens so far, then a network at each position, both added to what comes in.
private struct DecoderLayer: Module {
  let attentionNorm: LayerNorm
  let attention: SelfAttention
  let cache: KeyValueCache
  let norm: LayerNorm
  let hidden: Linear
  let output: Linear
  let context: Int

  init(_ width: Int, _ heads: Int, _ depth: Int, _ context: Int, _ streams: Int, _ deviation: Double) {
    // Radford et al. 2019: what is added to the sum is 1 / sqrt(number of such parts) smaller.
    let (initial, residual) = (
      Initializer.normal(deviation), Initializer.normal(deviation / (2 * Double(depth)).squareRoot())
    )
    attentionNorm = LayerNorm(Dim(width))
    attention = SelfAttention(width, heads: heads, weights: initial, outputWeights: residual)
    cache = KeyValueCache(streams: streams, heads: heads, length: context, features: width / heads)
    norm = LayerNorm(Dim(width))
    hidden = Linear(Dim(width), Dim(4 * width), weights: initial)
    output = Linear(Dim(4 * width), Dim(width), weights: residual)
    self.context = context
  }

  func forward(_ h: Tensor) -> Tensor {
    network(h + attention(attentionNorm(h)) { q, k, v in Sluice.attention(q, k, v, causal: true) })
  }

  /// The same for one position, which sees what the cache holds up to it.
  func next(_ h: Tensor, at position: Tensor) -> Tensor {
    let mixed = attention(attentionNorm(h)) { q, k, v in
      let (keys, values) = cache((k, v, position))
      return Sluice.attention(q, keys, values, mask: iota([Dim(context)]) .<= position)
    }
    return network(h + mixed)
  }

  private func network(_ h: Tensor) -> Tensor {
    h + output(gelu(hidden(norm(h)), approximate: true))
  }
}
