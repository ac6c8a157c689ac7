import SluiceIR

/// An affine map of the last axis: `y = x W + b` with W of `[in, out]` and b of `[out]`.
public struct Linear: Module {
  private let _weight: Param
  private let _bias: Param?

  /// A layer from `input` features to `output` features.
  ///
  /// - Parameters:
  ///   - input: The last dim of what it takes.
  ///   - output: The last dim of what it gives.
  ///   - bias: Whether a vector is added.
  ///   - weights: The initial W; uniform within 1 / sqrt(in) of 0 when left out.
  ///   - biases: The initial b.
  ///   - file: The file of the declaration.
  ///   - line: The line of the declaration.
  ///   - column: The column of the declaration.
  public init(
    _ input: Dim, _ output: Dim, bias: Bool = true, weights: Initializer? = nil, biases: Initializer = .zeros,
    file: String = #fileID, line: Int = #line, column: Int = #column
  ) {
    let limit = 1 / Double(Swift.max(input.value ?? 1, 1)).squareRoot()
    _weight = Param(
      [input, output], weights ?? .uniform(-limit, limit), file: file, line: line, column: column)
    _bias = bias ? Param([output], biases, file: file, line: line, column: column) : nil
  }

  /// W, `[in, out]`.
  public var weight: Tensor { _weight.value }

  /// b, `[out]`; nil without one.
  public var bias: Tensor? { _bias?.value }

  /// Gives `[..., out]` for `[..., in]`.
  public func forward(_ x: Tensor) -> Tensor {
    let y = x.matmul(weight)
    return bias.map { y + $0 } ?? y
  }
}
