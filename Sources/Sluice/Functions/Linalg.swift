import SluiceIR

// Algorithms on small dense matrices, the last two axes; softmax; products of vectors.

/// The inverse of square matrices; inf or NaN where they are singular.
public func inverse(
  _ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(.inverse, x, at: Site(file, line, column))
}

/// log |det x| of square matrices; -inf where they are singular.
public func logAbsDet(
  _ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(.logAbsDet, x, at: Site(file, line, column))
}

/// The lower triangular L with L L^T = x for symmetric positive definite matrices; NaN where they are not.
public func cholesky(
  _ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(.cholesky, x, at: Site(file, line, column))
}

/// The y with `a` y = `b`, for `a` of `[..., n, n]` and `b` of `[..., n, m]`.
public func solve(
  _ a: Tensor, _ b: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(.solve, a, b, at: Site(file, line, column))
}

/// The matrix product over the last two axes; see `Tensor.matmul(_:)`.
public func matmul(
  _ x: Tensor, _ y: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  x.matmul(y, file: file, line: line, column: column)
}

/// The inner product of two vectors, a scalar.
public func dot(
  _ x: Tensor, _ y: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.vectors("dot", x, y, Site(file, line, column))
    ?? x.matmul(y, file: file, line: line, column: column)
}

/// The outer product `x y^T` of two vectors: `[n, m]` for `[n]` and `[m]`.
public func outer(
  _ x: Tensor, _ y: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  let site = Site(file, line, column)
  if let mistake = Trace.vectors("outer", x, y, site) { return mistake }
  return Trace.map(
    .multiply, .tensor(x.expanded(1, file: file, line: line, column: column)), .tensor(y), at: site)
}

/// exp(x - max x) / sum exp(x - max x) along an axis; NaN for a row of -inf.
public func softmax(
  _ x: Tensor, axis: Int = -1, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(.softmax, x, with: [.int(.axis, axis)], at: Site(file, line, column))
}

/// The logarithm of `softmax`, without underflow.
public func logSoftmax(
  _ x: Tensor, axis: Int = -1, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(.logSoftmax, x, with: [.int(.axis, axis)], at: Site(file, line, column))
}

extension Trace {
  /// Nil for two vectors; else the tensor for a mistake, which is reported.
  static func vectors(_ name: String, _ x: Tensor, _ y: Tensor, _ site: Site) -> Tensor? {
    if x.isPoison || y.isPoison { return current?.poison() ?? .homeless }
    if x.rank == 1, y.rank == 1 { return nil }
    // A tensor of no function is the mistake to report.
    return (x.trace == nil ? x : y).mistake("`\(name)` of \(x) and \(y)", "it takes two vectors", site)
  }
}

/// The sum of products that an equation describes, as in `einsum("bij,bjk->bik", x, y)`.
///
/// A letter names an axis of an operand; equal letters run together, and letters that the result lacks are
/// summed. Dtypes are equal; nothing broadcasts.
public func einsum(
  _ equation: String, _ x: Tensor, _ y: Tensor, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(
    .contract, x, y, with: [.string(.equation, equation.filter { $0 != " " })],
    at: Site(file, line, column))
}
