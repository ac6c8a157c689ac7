// Models of the benchmark that do not ship: what others measure, in the DSL.

import Sluice
import SluiceIR

/// x y for square matrices.
let matrixProduct = Model("matmul") { model in
  let n = Dim(model.setting("size", default: 512, in: 1...1 << 16, "rows and columns"))
  model.function("matmul") { f in
    f.output("z", f.input("x", .f32, [n, n]).matmul(f.input("y", .f32, [n, n])))
  }
}

/// Maps and rows: `rows` of 1000 elements.
let rowKernels = Model("rows") { model in
  let count = model.setting("rows", default: 1000, in: 1...1 << 24, "rows of 1000 elements")
  let shape: Shape = [Dim(count), 1000]
  let parameter = model.state("p", shape)
  let (m, v) = (model.state("m", shape), model.state("v", shape))
  let (weight, bias) = (model.parameter("weight", [1000], .ones), model.parameter("bias", [1000]))

  model.function("gelu") { f in f.output("y", gelu(f.input("x", .f32, shape), approximate: true)) }
  model.function("softmax") { f in f.output("y", softmax(f.input("x", .f32, shape))) }
  model.function("layernorm") { f in
    f.output("y", layerNorm(f.input("x", .f32, shape), weight: weight.value, bias: bias.value))
  }
  model.function("crossentropy") { f in
    f.output("y", crossEntropy(f.input("x", .f32, shape), f.input("targets", .i32, [Dim(count)])))
  }
  // Loshchilov and Hutter 2019, "Decoupled weight decay regularization", algorithm 2, at the thousandth step.
  model.function("adamw") { f in
    let g = f.input("g", .f32, shape)
    m.value = 0.9 * m.value + 0.1 * g
    v.value = 0.999 * v.value + 0.001 * (g * g)
    let direction = m.value / (sqrt(v.value) / 0.795 + 1e-8)
    parameter.value = (1 - 1e-5) * parameter.value - 1e-3 * direction
  }
}

/// A perceptron for pictures of 28 x 28.
let perceptron = Model("perceptron") { model in
  let hidden = model.module("hidden", Linear(784, 128))
  let output = model.module("output", Linear(128, 10))
  model.function("logits") { f in f.output("y", output(relu(hidden(f.input("x", .f32, [1, 784]))))) }
}

/// An LSTM as wide as its input, over a sequence of 64.
let lstm = Model("lstm") { model in
  let batch = Dim(model.setting("batch", default: 64, in: 1...1 << 16, "sequences"))
  let (width, steps): (Dim, Dim) = (256, 64)
  let weights = Initializer.uniform(-1.0 / 16, 1.0 / 16)
  let parameters = [
    model.parameter("input_weight", [4 * width, width], weights),
    model.parameter("hidden_weight", [4 * width, width], weights),
    model.parameter("input_bias", [4 * width]), model.parameter("hidden_bias", [4 * width]),
  ]

  func states(_ x: Tensor) -> Tensor {
    let cell = CellWeights(
      input: parameters[0].value, hidden: parameters[1].value, inputBias: parameters[2].value,
      hiddenBias: parameters[3].value)
    let zero = constant(0, .f32).broadcast(to: [batch, width])
    return scan(over: x, from: (zero, zero)) { h, c, x in
      let next = lstmCell(x, state: h, cell: c, cell)
      return (next.state, next.cell, next.state)
    }.2
  }
  model.function("forward") { f in f.output("h", states(f.input("x", .f32, [steps, batch, width]))) }
  model.function("gradients") { f in
    let x = f.input("x", .f32, [steps, batch, width])
    let gradients = gradient(of: states(x).sum(), wrt: [x] + parameters.map(\.value))
    for (position, gradient) in gradients.enumerated() { f.output("g\(position)", gradient) }
  }
}

/// An encoder of sentences of the size of MiniLM: post-norm layers as in BERT.
///
/// Source: Wang et al. 2020, "MiniLM".
let minilm = Model("minilm") { model in
  let layers = model.setting("layers", default: 6, in: 1...64, "layers")
  let batch = Dim(model.setting("batch", default: 1, in: 1...1 << 16, "sequences of 128 tokens"))
  let net = Transformer(30522, places: 512, layers, 384, heads: 12, isPostNorm: true)
  model.function("encode") { f in f.output("h", net(f.input("tokens", .i32, [batch, 128]))) }
}

/// GPT-2 124M that takes 256 tokens and gives the scores of the next one.
let prefill = Model("prefill") { model in
  let layers = model.setting("layers", default: 12, in: 1...64, "layers")
  let net = Transformer(50257, places: 1024, layers, 768, heads: 12, isPostNorm: false)
  model.function("prefill") { f in
    f.output("logits", net(f.input("tokens", .i32, [1, 256])).matmul(net.words.weight.T)[.all, 255])
  }
}

/// Embeddings and layers of a transformer: BERT's with norms behind every part, GPT-2's with norms in front.
private struct Transformer: Sluice.Module {
  let words: Embedding
  let places: Embedding
  let norm: LayerNorm
  let layers: [TransformerLayer]
  let isPostNorm: Bool

  init(_ vocabulary: Int, places count: Int, _ depth: Int, _ width: Int, heads: Int, isPostNorm: Bool) {
    words = Embedding(Dim(vocabulary), Dim(width), weights: .normal(0.02))
    places = Embedding(Dim(count), Dim(width), weights: .normal(0.02))
    norm = LayerNorm(Dim(width))
    layers = (0..<depth).map { _ in TransformerLayer(width, heads: heads, isPostNorm: isPostNorm) }
    self.isPostNorm = isPostNorm
  }

  /// Features `[B, T, width]` of tokens `[B, T]`; without the norm behind the layers of BERT, which have their own.
  func forward(_ tokens: Tensor) -> Tensor {
    let h = words(tokens) + places(iota([tokens.shape[1]]))
    let last = layers.reduce(isPostNorm ? norm(h) : h) { $1($0) }
    return isPostNorm ? last : norm(last)
  }
}

/// Attention and a network of four times the width.
private struct TransformerLayer: Sluice.Module {
  let attention: SelfAttention
  let attentionNorm: LayerNorm
  let hidden: Linear
  let output: Linear
  let norm: LayerNorm
  let isPostNorm: Bool

  init(_ width: Int, heads: Int, isPostNorm: Bool) {
    let initial = Initializer.normal(0.02)
    attention = SelfAttention(width, heads: heads, weights: initial)
    attentionNorm = LayerNorm(Dim(width))
    hidden = Linear(Dim(width), Dim(4 * width), weights: initial)
    output = Linear(Dim(4 * width), Dim(width), weights: initial)
    norm = LayerNorm(Dim(width))
    self.isPostNorm = isPostNorm
  }

  func forward(_ h: Tensor) -> Tensor {
    // BERT's GELU is exact, GPT-2's the one by tanh; BERT's attention sees all, GPT-2's what came before.
    func mix(_ x: Tensor) -> Tensor {
      attention(x) { q, k, v in Sluice.attention(q, k, v, causal: !isPostNorm) }
    }
    func network(_ x: Tensor) -> Tensor { output(gelu(hidden(x), approximate: !isPostNorm)) }
    if isPostNorm {
      let mixed = attentionNorm(h + mix(h))
      return norm(mixed + network(mixed))
    }
    let mixed = h + mix(attentionNorm(h))
    return mixed + network(norm(mixed))
  }
}
