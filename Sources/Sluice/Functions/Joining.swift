public import SluiceIR

// Functions that put tensors side by side, take parts of them, or put them in order.

/// The tensors one after the other along an axis; their other dims and dtypes are equal.
public func concat(
  _ tensors: [Tensor], axis: Int = 0, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  let site = Site(file, line, column)
  guard !tensors.isEmpty else { return Trace.emptyList("concat", site) }
  return Trace.emit(.concat, tensors.map { .tensor($0) }, [.int(.axis, axis)], at: site)
}

/// The tensors, of one shape and dtype, along a new axis, which stands at `axis` of the result.
public func stack(
  _ tensors: [Tensor], axis: Int = 0, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  let site = Site(file, line, column)
  guard !tensors.isEmpty else { return Trace.emptyList("stack", site) }
  return Trace.emit(.stack, tensors.map { .tensor($0) }, [.int(.axis, axis)], at: site)
}

/// The parts of `x` along an axis, whose dim is an integer, without that axis.
public func unstack(
  _ x: Tensor, axis: Int = 0, file: String = #fileID, line: Int = #line, column: Int = #column
) -> [Tensor] {
  let position = axis < 0 ? axis + x.rank : axis
  let dims = x.shape.dims
  let count = dims.indices.contains(position) ? dims[position].value ?? 0 : 0
  return Trace.emit(
    .unstack, [x], count: (1...4096).contains(count) ? count : 1, with: [.int(.axis, axis)],
    at: Site(file, line, column))
}

/// `x` repeated whole, so often along every axis.
public func tile(
  _ x: Tensor, _ repeats: [Int], file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(.tile, x, with: [.ints(.repeats, repeats)], at: Site(file, line, column))
}

/// The parts of `x` at indices, of i32 or i64, along an axis.
///
/// -1 is the last, and what is out of range gives 0. The axes of the indices take the place of `axis`.
public func gather(
  _ x: Tensor, _ indices: Tensor, axis: Int = 0, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(.gather, x, indices, with: [.int(.axis, axis)], at: Site(file, line, column))
}

/// The tensor with copies of a value before and after, along every axis.
///
/// - Parameters:
///   - x: The tensor.
///   - low: How many before, for every axis.
///   - high: How many after, for every axis.
///   - value: The value.
public func pad(
  _ x: Tensor, low: Shape, high: Shape, value: Double = 0, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(
    .pad, [.tensor(x), .double(value)], [.shape(.low, low), .shape(.high, high)], at: Site(file, line, column)
  )
}

/// `x` continued by its mirror image at every side; the outermost element is not repeated.
///
/// As many as `low` before and `high` after, for every axis; less than the dim.
public func padReflect(
  _ x: Tensor, low: [Int], high: [Int], file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(.padReflect, x, with: [.ints(.low, low), .ints(.high, high)], at: Site(file, line, column))
}

/// `x` continued by copies of its outermost elements at every side.
public func padEdge(
  _ x: Tensor, low: [Int], high: [Int], file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(.padEdge, x, with: [.ints(.low, low), .ints(.high, high)], at: Site(file, line, column))
}

/// 1 at the index along a new last axis of `depth`, else 0; all 0 where the index is out of range.
public func oneHot(
  _ indices: Tensor, depth: Dim, _ dtype: DType = .f32, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(.oneHot, indices, with: [.dim(.depth, depth), .dtype(dtype)], at: Site(file, line, column))
}

/// The elements in opposite order along the axes, all of them when left out.
public func reverse(
  _ x: Tensor, axes: [Int]? = nil, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  x.reversed(axes: axes, file: file, line: line, column: column)
}

/// The positions, as i32, that put `x` in order along an axis; stable, NaN last.
///
/// - Parameters:
///   - x: The tensor.
///   - axis: The axis; -1 is the last.
///   - descending: Largest first, NaN before them; still stable.
public func argsort(
  _ x: Tensor, axis: Int = -1, descending: Bool = false, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(
    .argsort, x, with: [.int(.axis, axis), .bool(.descending, descending)], at: Site(file, line, column))
}

/// `x` in order along an axis; stable, NaN last.
///
/// - Parameters:
///   - x: The tensor.
///   - axis: The axis; -1 is the last.
///   - descending: Largest first, NaN before them; still stable.
public func sort(
  _ x: Tensor, axis: Int = -1, descending: Bool = false, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(
    .sort, x, with: [.int(.axis, axis), .bool(.descending, descending)], at: Site(file, line, column))
}

/// The `count` largest elements along an axis, in descending order, and their positions as i32.
///
/// NaN counts as the largest; of equal elements the first comes first.
public func topK(
  _ x: Tensor, _ count: Dim, axis: Int = -1, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> (values: Tensor, positions: Tensor) {
  let results = Trace.emit(
    .topK, [x], count: 2, with: [.dim(.count, count), .int(.axis, axis)], at: Site(file, line, column))
  return (results[0], results[1])
}

extension Trace {
  /// The tensor for an op of no tensors at all, which is a mistake.
  static func emptyList(_ name: String, _ site: Site) -> Tensor {
    guard let current else { return .homeless }
    current.report("`\(name)` of no tensors", hint: "it takes one or more", at: site)
    return current.poison()
  }
}
