import SluiceIR

/// Layer normalisation over the last axis (Ba, Kiros, Hinton 2016): `(x - mean) / sqrt(variance + epsilon)`, then
/// times a weight plus a bias.
public struct LayerNorm: Module {
  @Param private var weight: Tensor
  @Param private var bias: Tensor
  private let epsilon: Double

  /// A layer for `width` features; `epsilon` keeps the root away from 0.
  public init(
    _ width: Dim, epsilon: Double = 1e-5, file: String = #fileID, line: Int = #line, column: Int = #column
  ) {
    _weight = Param([width], .ones, file: file, line: line, column: column)
    _bias = Param([width], .zeros, file: file, line: line, column: column)
    self.epsilon = epsilon
  }

  /// Gives the shape that it takes, `[..., width]`.
  public func forward(_ x: Tensor) -> Tensor {
    layerNorm(x, weight: weight, bias: bias, epsilon: epsilon)
  }
}
