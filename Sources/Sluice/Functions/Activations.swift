import SluiceIR

/// Activations of neural networks, element by element on f32 or f64.

/// `x` where it is positive, else `x` * `negativeSlope` (Maas, Hannun and Ng 2013).
public func leakyRelu(
  _ x: Tensor, negativeSlope: Double = 0.01, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(
    .leakyRelu, x, with: [.plain(.negativeSlope, .number(negativeSlope))], at: Site(file, line, column))
}

/// `x` where it is positive, else `alpha` * (e^x - 1) (Clevert, Unterthiner and Hochreiter 2016).
public func elu(
  _ x: Tensor, alpha: Double = 1, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(.elu, x, with: [.plain(.alpha, .number(alpha))], at: Site(file, line, column))
}

/// `x` * sigmoid(`x`), also called swish; NaN for -inf.
public func silu(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.silu, x, at: Site(file, line, column))
}

/// `x` times the normal distribution function of `x` (Hendrycks and Gimpel 2016); NaN for -inf.
///
/// It is x / 2 * (1 + erf(x / sqrt 2)), or x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) where
/// `approximate`.
public func gelu(
  _ x: Tensor, approximate: Bool = false, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(.gelu, x, with: [.bool(.approximate, approximate)], at: Site(file, line, column))
}
