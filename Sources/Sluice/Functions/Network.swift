import SluiceIR

// The composites of neural networks.

/// softmax(q k^T * scale) v over the last two axes.
///
/// Vaswani et al. 2017, equation 1.
///
/// - Parameters:
///   - q: Queries, `[..., heads, m, d]`.
///   - k: Keys, `[..., key heads, n, d]`; several heads of `q` may share one.
///   - v: Values, `[..., key heads, n, e]`.
///   - mask: A bool that is true where a query sees a key, or numbers to be added to the scores, of which -inf means
///     that it does not; it repeats to `[..., heads, m, n]`. What a query does not see takes no part in its result and
///     its gradients, whatever it holds; a query that sees nothing gives 0.
///   - causal: Query `i` sees keys up to `i + n - m`: with as many keys as queries, up to its own.
///   - scale: 1 / sqrt(d) when left out.
public func attention(
  _ q: Tensor, _ k: Tensor, _ v: Tensor, mask: Tensor? = nil, causal: Bool = false, scale: Double? = nil,
  file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(
    .attention, ([q, k, v] + (mask.map { [$0] } ?? [])).map { .tensor($0) },
    [.bool(.causal, causal)] + (scale.map { [.number(.scale, $0)] } ?? []), at: Site(file, line, column))
}

/// The sum over k of x[i,k] y[k,j] without the terms where the mask is false, whatever they hold.
///
/// - Parameters:
///   - x: `[..., m, k]`.
///   - y: `[..., k, n]`, with the same axes in front.
///   - mask: A bool of the shape of `x`.
public func maskedMatmul(
  _ x: Tensor, _ y: Tensor, mask: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(.maskedMatmul, x, y, mask, at: Site(file, line, column))
}

/// The matrix product x y where the mask is true, else 0, whatever they hold there.
///
/// - Parameters:
///   - x: `[..., m, k]`.
///   - y: `[..., k, n]`, with the same axes in front.
///   - mask: A bool `[..., m, n]`.
public func sampledMatmul(
  _ x: Tensor, _ y: Tensor, mask: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(.sampledMatmul, x, y, mask, at: Site(file, line, column))
}

/// Pairs `(x[i], x[i + d/2])` of the last axis turned by position * base^(-2i/d).
///
/// Su et al. 2021, equation 34. `x` is `[..., n, d]` with d even, `positions` are integers, `[n]`.
public func rotaryEmbedding(
  _ x: Tensor, positions: Tensor, base: Double = 10000, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(.rotaryEmbedding, x, positions, with: [.number(.base, base)], at: Site(file, line, column))
}

/// (x - mean) / sqrt(variance + epsilon) * weight + bias along the last axis.
///
/// Ba et al. 2016, equation 4.
public func layerNorm(
  _ x: Tensor, weight: Tensor, bias: Tensor, epsilon: Double = 1e-5, file: String = #fileID,
  line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(.layerNorm, x, weight, bias, with: [.number(.epsilon, epsilon)], at: Site(file, line, column))
}

/// x / sqrt(mean x^2 + epsilon) * weight along the last axis.
///
/// Zhang and Sennrich 2019, equation 4.
public func rmsNorm(
  _ x: Tensor, weight: Tensor, epsilon: Double = 1e-5, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(.rmsNorm, x, weight, with: [.number(.epsilon, epsilon)], at: Site(file, line, column))
}

/// (x - mean) / sqrt(variance + epsilon) * weight + bias with vectors along axis 1, the channels.
///
/// Ioffe and Szegedy 2015, algorithm 1. Mean and variance are those of the batch or moving averages.
public func batchNorm(
  _ x: Tensor, mean: Tensor, variance: Tensor, weight: Tensor, bias: Tensor, epsilon: Double = 1e-5,
  file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(
    .batchNorm, x, mean, variance, weight, bias, with: [.number(.epsilon, epsilon)],
    at: Site(file, line, column))
}

/// `layerNorm` over every group of the channels, axis 1, and all axes behind (Wu and He 2018, equation 7).
public func groupNorm(
  _ x: Tensor, groups: Int, weight: Tensor, bias: Tensor, epsilon: Double = 1e-5, file: String = #fileID,
  line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(
    .groupNorm, x, weight, bias, with: [.int(.groups, groups), .number(.epsilon, epsilon)],
    at: Site(file, line, column))
}

/// x / max(norm x, epsilon) along an axis.
public func l2Normalize(
  _ x: Tensor, axis: Int = -1, epsilon: Double = 1e-12, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(
    .l2Normalize, x, with: [.int(.axis, axis), .number(.epsilon, epsilon)], at: Site(file, line, column))
}

/// The cosine of the angle between `x` and `y` along an axis; norms are at least `epsilon`.
public func cosineSimilarity(
  _ x: Tensor, _ y: Tensor, axis: Int = -1, epsilon: Double = 1e-8, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(
    .cosineSimilarity, x, y, with: [.int(.axis, axis), .number(.epsilon, epsilon)],
    at: Site(file, line, column))
}

/// How the losses of many elements become one.
public enum LossReduction: String, Sendable {
  /// Their mean.
  case mean
  /// Their sum.
  case sum
  /// They stay as they are.
  case none

  var setup: [Setup] { self == .mean ? [] : [.string(.reduction, rawValue)] }
}

/// A loss, in a scope of its name.
private func loss(_ op: Op, _ x: Tensor, _ y: Tensor, _ reduction: LossReduction, at site: Site) -> Tensor {
  Trace.scoped(op.definition.name, at: site) { Trace.emit(op, x, y, with: reduction.setup, at: site) }
}

/// The squared error (x - y)^2; its mean over all elements.
public func mse(
  _ x: Tensor, _ y: Tensor, reduction: LossReduction = .mean, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  loss(.mse, x, y, reduction, at: Site(file, line, column))
}

/// -log softmax(logits) at the target classes, its mean over all targets.
///
/// Logits are `[..., classes]`, targets integers, `[...]`. Targets that are no class, such as -1, are left out.
public func crossEntropy(
  _ logits: Tensor, _ targets: Tensor, reduction: LossReduction = .mean, file: String = #fileID,
  line: Int = #line, column: Int = #column
) -> Tensor {
  loss(.crossEntropy, logits, targets, reduction, at: Site(file, line, column))
}

/// softplus(x) - x y for logits `x` and probabilities `y`, its mean over all elements.
public func binaryCrossEntropy(
  _ x: Tensor, _ y: Tensor, reduction: LossReduction = .mean, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  loss(.binaryCrossEntropy, x, y, reduction, at: Site(file, line, column))
}

/// 0 with a probability p, else x / (1 - p).
///
/// Srivastava et al. 2014, section 10.
public func dropout(
  _ x: Tensor, probability: Double = 0.5, seed: Tensor, stream: Tensor, file: String = #fileID,
  line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(
    .dropout, x, seed, stream, with: [.number(.probability, probability)], at: Site(file, line, column))
}

/// 0 with a probability p, else x / (1 - p).
///
/// Srivastava et al. 2014, section 10. A `stream` that is left out is numbered, as that of other draws.
public func dropout(
  _ x: Tensor, probability: Double = 0.5, seed: Tensor, stream: Int? = nil, file: String = #fileID,
  line: Int = #line, column: Int = #column
) -> Tensor {
  let chosen = Trace.current?.stream(stream, seed: seed, at: Site(file, line, column)) ?? 0
  let number = constant(chosen, .i64, file: file, line: line, column: column)
  return dropout(
    x, probability: probability, seed: seed, stream: number, file: file, line: line, column: column)
}

/// The weights of a recurrent cell, gate above gate.
public struct CellWeights {
  /// `[gates * hidden, input]`.
  public var input: Tensor
  /// `[gates * hidden, hidden]`.
  public var hidden: Tensor
  /// `[gates * hidden]`.
  public var inputBias: Tensor
  /// `[gates * hidden]`.
  public var hiddenBias: Tensor

  /// Weights with their biases.
  public init(input: Tensor, hidden: Tensor, inputBias: Tensor, hiddenBias: Tensor) {
    self.input = input
    self.hidden = hidden
    self.inputBias = inputBias
    self.hiddenBias = hiddenBias
  }

  var tensors: [Tensor] { [input, hidden, inputBias, hiddenBias] }
}

/// One step of a gated recurrent unit, gates r, z, n: gives the next state, `[batch, hidden]`.
///
/// Cho et al. 2014.
public func gruCell(
  _ x: Tensor, state h: Tensor, _ weights: CellWeights, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(.gruCell, ([x, h] + weights.tensors).map { .tensor($0) }, at: Site(file, line, column))
}

/// One step of a long short-term memory (Hochreiter and Schmidhuber 1997), gates i, f, g, o.
///
/// Takes and gives the state h and the cell c, `[batch, hidden]`.
public func lstmCell(
  _ x: Tensor, state h: Tensor, cell c: Tensor, _ weights: CellWeights, file: String = #fileID,
  line: Int = #line, column: Int = #column
) -> (state: Tensor, cell: Tensor) {
  let results = Trace.emit(.lstmCell, [x, h, c] + weights.tensors, count: 2, at: Site(file, line, column))
  return (results[0], results[1])
}
