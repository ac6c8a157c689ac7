import SluiceIR

/// Root mean square normalisation over the last axis (Zhang and Sennrich 2019, equation 4):
/// `x / sqrt(mean(x^2) + epsilon)`, then times a weight.
public struct RMSNorm: Module {
  @Param private var weight: Tensor
  private let epsilon: Double

  /// A layer for `width` features; `epsilon` keeps the root away from 0.
  public init(
    _ width: Dim, epsilon: Double = 1e-5, file: String = #fileID, line: Int = #line, column: Int = #column
  ) {
    _weight = Param([width], .ones, file: file, line: line, column: column)
    self.epsilon = epsilon
  }

  /// Gives the shape that it takes, `[..., width]`.
  public func forward(_ x: Tensor) -> Tensor { rmsNorm(x, weight: weight, epsilon: epsilon) }
}
