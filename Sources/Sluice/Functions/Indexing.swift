import SluiceIR

// Parts at places that are computed: taken out, and put into a copy.

/// Along an axis the elements of `x` at the indices, of i32 or i64, of their row.
///
/// -1 is the last, and what is out of range gives 0. The indices have the dims of `x` but along the axis, and
/// the result has theirs.
public func takeAlongAxis(
  _ x: Tensor, _ indices: Tensor, axis: Int = -1, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(.takeAlongAxis, x, indices, with: [.int(.axis, axis)], at: Site(file, line, column))
}

/// The part of `x` of these sizes from a start, a scalar of i32 or i64, along every axis.
///
/// A start below 0 counts as 0, and one that is too large as the largest at which the part is inside `x`.
public func dynamicSlice(
  _ x: Tensor, starts: [Tensor], sizes: Shape, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(
    .dynamicSlice, ([x] + starts).map { .tensor($0) }, [.shape(.sizes, sizes)], at: Site(file, line, column))
}

/// `x` with an update, not larger than it, put in from a start, a scalar of i32 or i64, along every axis.
///
/// Starts are clamped as in `dynamicSlice`.
public func dynamicUpdateSlice(
  _ x: Tensor, _ update: Tensor, starts: [Tensor], file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(
    .dynamicUpdateSlice, ([x, update] + starts).map { .tensor($0) }, at: Site(file, line, column))
}

/// `x` with the updates at indices, of i32 or i64, along an axis.
///
/// The updates have the dims of `gather(x, indices, axis: axis)`. -1 is the last, and what is out of range is
/// left out. Of equal indices the last one, in row-major order, wins.
public func scatter(
  _ x: Tensor, _ indices: Tensor, _ updates: Tensor, axis: Int = 0, file: String = #fileID,
  line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(.scatter, x, indices, updates, with: [.int(.axis, axis)], at: Site(file, line, column))
}

/// `x` with the updates added at indices, of i32 or i64, along an axis.
///
/// The updates have the dims of `gather(x, indices, axis: axis)`. -1 is the last, and what is out of range is
/// left out. They are added one after the other, in row-major order of the indices; integers wrap.
public func scatterAdd(
  _ x: Tensor, _ indices: Tensor, _ updates: Tensor, axis: Int = 0, file: String = #fileID,
  line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(.scatterAdd, x, indices, updates, with: [.int(.axis, axis)], at: Site(file, line, column))
}
