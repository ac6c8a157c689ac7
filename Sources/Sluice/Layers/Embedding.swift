import SluiceIR

/// A table of vectors that indices choose from: `y[..., :] = W[index[...], :]` with W of `[count, width]`.
public struct Embedding: Module {
  private let _weight: Param

  /// A table of `count` vectors of `width` features.
  ///
  /// - Parameters:
  ///   - count: How many vectors.
  ///   - width: How many features each has.
  ///   - weights: The initial W; of deviation 1 when left out.
  ///   - file: The file of the declaration.
  ///   - line: The line of the declaration.
  ///   - column: The column of the declaration.
  public init(
    _ count: Dim, _ width: Dim, weights: Initializer = .normal(1), file: String = #fileID,
    line: Int = #line, column: Int = #column
  ) {
    _weight = Param([count, width], weights, file: file, line: line, column: column)
  }

  /// W, `[count, width]`.
  public var weight: Tensor { _weight.value }

  /// Gives `[..., width]` for indices, i32 or i64, `[...]`; zeros for an index out of range.
  public func forward(_ indices: Tensor) -> Tensor { gather(weight, indices) }
}
