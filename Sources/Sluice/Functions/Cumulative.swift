import SluiceIR

// Sums, products and extremes of the elements up to each along an axis; the result has the type of `x`.

/// The sums of the elements up to each along an axis, added one after the other; integers wrap.
///
/// - Parameters:
///   - x: Numbers of at least one axis.
///   - axis: The axis; -1 is the last.
///   - reverse: Goes from the last element to the first.
///   - exclusive: Leaves the element itself out: the first sum is 0.
public func cumsum(
  _ x: Tensor, axis: Int = -1, reverse: Bool = false, exclusive: Bool = false, file: String = #fileID,
  line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(
    .cumsum, x, with: [.int(.axis, axis), .bool(.reverse, reverse), .bool(.exclusive, exclusive)],
    at: Site(file, line, column))
}

/// The products of the elements up to each along an axis, multiplied one after the other; integers wrap.
///
/// - Parameters:
///   - x: Numbers of at least one axis.
///   - axis: The axis; -1 is the last.
///   - reverse: Goes from the last element to the first.
///   - exclusive: Leaves the element itself out: the first product is 1.
public func cumprod(
  _ x: Tensor, axis: Int = -1, reverse: Bool = false, exclusive: Bool = false, file: String = #fileID,
  line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(
    .cumprod, x, with: [.int(.axis, axis), .bool(.reverse, reverse), .bool(.exclusive, exclusive)],
    at: Site(file, line, column))
}

/// The largest of the elements up to each along an axis, or from the other end; NaN wins.
public func cummax(
  _ x: Tensor, axis: Int = -1, reverse: Bool = false, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(
    .cummax, x, with: [.int(.axis, axis), .bool(.reverse, reverse)], at: Site(file, line, column))
}

/// The smallest of the elements up to each along an axis, or from the other end; NaN wins.
public func cummin(
  _ x: Tensor, axis: Int = -1, reverse: Bool = false, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(
    .cummin, x, with: [.int(.axis, axis), .bool(.reverse, reverse)], at: Site(file, line, column))
}
