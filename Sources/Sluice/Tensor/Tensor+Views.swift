public import SluiceIR

/// Views: the same elements under another shape or in another order.
extension Tensor {
  /// The matrix product over the last two axes; axes before them are a batch, which broadcasts.
  ///
  /// A vector counts as a row on the left and as a column on the right, and its axis goes away.
  ///
  /// - Parameters:
  ///   - other: A tensor of the same dtype, `[..., k, n]` for this one of `[..., m, k]`.
  ///   - transposeLhs: Swap the last two axes of this one first.
  ///   - transposeRhs: Swap the last two axes of the other one first.
  public func matmul(
    _ other: Tensor, transposeLhs: Bool = false, transposeRhs: Bool = false, file: String = #fileID,
    line: Int = #line, column: Int = #column
  ) -> Tensor {
    let site = Site(file, line, column)
    let (x, y) = withCommonBatch(other, at: site)
    return Trace.emit(
      .matmul, x, y, with: [.bool(.transposeLhs, transposeLhs), .bool(.transposeRhs, transposeRhs)], at: site)
  }

  /// Both with the axes before the last two repeated where one of them has 1 and the other does not.
  private func withCommonBatch(_ other: Tensor, at site: Site) -> (Tensor, Tensor) {
    let (a, b) = (shape, other.shape)
    let count = Swift.min(a.count, b.count)
    guard count > 2, !a.isPoison, !b.isPoison else { return (self, other) }
    let pairs = zip(a.dims.dropLast(2).suffix(count - 2), b.dims.dropLast(2).suffix(count - 2))
    guard pairs.contains(where: { $0 != $1 && ($0 == 1 || $1 == 1) }),
      pairs.allSatisfy({ $0 == $1 || $0 == 1 || $1 == 1 })
    else { return (self, other) }
    let batch = pairs.map { $0 == 1 ? $1 : $0 }
    func repeated(_ x: Tensor, _ shape: Shape) -> Tensor {
      let own = shape.dims.dropLast(2).dropLast(count - 2)
      let target = Shape(Array(own) + batch + shape.dims.suffix(2))
      return target == shape ? x : Trace.emit(.broadcast, x, with: [.shape(.shape, target)], at: site)
    }
    return (repeated(self, a), repeated(other, b))
  }

  /// The tensor with its last two axes swapped.
  public var T: Tensor {
    guard !isPoison, rank >= 2 else { return mistake("`T` of \(self)", "it swaps the last two axes", nil) }
    let order = Array(0..<(rank - 2)) + [rank - 1, rank - 2]
    return Trace.emit(.transpose, self, with: [.ints(.order, order)], at: nil)
  }

  /// The axes in another order: axis `i` of the result is axis `order[i]`; negative axes count from the end.
  public func transposed(
    _ order: Int..., file: String = #fileID, line: Int = #line, column: Int = #column
  ) -> Tensor {
    let axes = order.map { $0 < 0 ? $0 + rank : $0 }
    return Trace.emit(.transpose, self, with: [.ints(.order, axes)], at: Site(file, line, column))
  }

  /// The same elements in row-major order under another shape; one dim may be -1 and follows from the others.
  public func reshaped(
    _ shape: Shape, file: String = #fileID, line: Int = #line, column: Int = #column
  ) -> Tensor {
    let site = Site(file, line, column)
    var target = shape
    if !isPoison, let open = shape.dims.firstIndex(of: -1) {
      let others = Shape(shape.dims[..<open] + shape.dims[(open + 1)...])
      let (count, known) = (self.shape.elementCount, others.elementCount)
      guard !others.dims.contains(-1), let missing = count.quotient(by: known) else {
        return mistake(
          "`reshape` of \(self) to \(shape)", "one dim may be -1, and the other dims must divide \(count)",
          site)
      }
      target = Shape(shape.dims[..<open] + [missing] + shape.dims[(open + 1)...])
    }
    return Trace.emit(.reshape, self, with: [.shape(.shape, target)], at: site)
  }

  /// The tensor repeated to a shape: aligned at the last axis, dims must be equal or 1.
  public func broadcast(
    to shape: Shape, file: String = #fileID, line: Int = #line, column: Int = #column
  ) -> Tensor {
    Trace.emit(.broadcast, self, with: [.shape(.shape, shape)], at: Site(file, line, column))
  }

  /// The tensor with a new axis of 1 in front of `axis`; -1 is behind the last.
  public func expanded(
    _ axis: Int, file: String = #fileID, line: Int = #line, column: Int = #column
  ) -> Tensor {
    let site = Site(file, line, column)
    let position = axis < 0 ? axis + rank + 1 : axis
    guard !isPoison, (0...rank).contains(position) else {
      return mistake("a new axis \(axis) of \(self)", "axes are -\(rank + 1) ... \(rank)", site)
    }
    var dims = shape.dims
    dims.insert(1, at: position)
    return Trace.emit(.reshape, self, with: [.shape(.shape, Shape(dims))], at: site)
  }

  /// The tensor without an axis, which must be 1.
  public func squeezed(
    _ axis: Int, file: String = #fileID, line: Int = #line, column: Int = #column
  ) -> Tensor {
    let site = Site(file, line, column)
    let position = axis < 0 ? axis + rank : axis
    var dims = shape.dims
    guard !isPoison, dims.indices.contains(position), dims[position] == 1 else {
      return mistake(
        "axis \(axis) of \(self) cannot be taken away", "it must be there and have the dim 1", site)
    }
    dims.remove(at: position)
    return Trace.emit(.reshape, self, with: [.shape(.shape, Shape(dims))], at: site)
  }

  /// The same numbers as another dtype: to integers truncating and saturating, NaN as 0.
  public func cast(
    _ dtype: DType, file: String = #fileID, line: Int = #line, column: Int = #column
  ) -> Tensor {
    Trace.emit(.cast, self, with: [.dtype(dtype)], at: Site(file, line, column))
  }

  /// The elements in opposite order along the axes, all of them when left out.
  public func reversed(
    axes: [Int]? = nil, file: String = #fileID, line: Int = #line, column: Int = #column
  ) -> Tensor {
    Trace.emit(.reverse, self, with: axes.map { [.ints(.axes, $0)] } ?? [], at: Site(file, line, column))
  }

  /// A mistake of a view; silent where this tensor is one already.
  func mistake(_ message: String, _ hint: String?, _ site: Site?) -> Tensor {
    guard let current = Trace.current else { return .homeless }
    // A tensor of no function has no shape to be wrong; that it is of none is the mistake.
    if trace == nil { _ = current.resolve(self, at: site) }
    if !isPoison, trace != nil { current.report(message, hint: hint, at: site) }
    return current.poison(self)
  }
}
