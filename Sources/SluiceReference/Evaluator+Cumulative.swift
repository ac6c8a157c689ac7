/// Sums, products and extremes of the elements up to every place along an axis.

import SluiceIR

extension Evaluator {
  /// Goes along every row and rounds or wraps each step, for the order is a part of the meaning.
  func cumulative(_ fold: ReduceOp, _ node: Node) -> ReferenceTensor {
    let x = node.operands[0]
    let axis = axis(node, rank: x.shape.count)
    let (extent, step) = (x.shape[axis], strides(x.shape)[axis])
    let isExclusive = bool(.exclusive, node)
    var result = (0..<x.elements.count).map { x.number($0) }
    for start in result.indices where start / step % extent == 0 {
      var places = (0..<extent).map { start + $0 * step }
      if bool(.reverse, node) { places.reverse() }
      var total: Number?
      for place in places {
        let element = x.number(place)
        let before = total ?? empty(fold, x.dtype)
        // Without `exclusive` the first result is the first element, -0 too.
        let next = total == nil && !isExclusive ? element : combined(fold, before, element, x.dtype)
        result[place] = isExclusive ? before : next
        total = next
      }
    }
    return x.dtype.isFloat
      ? floats(x.dtype, x.shape, result.map(\.double)) : integers(x.dtype, x.shape, result.map(\.int))
  }

  /// What an exclusive result begins with.
  private func empty(_ fold: ReduceOp, _ dtype: DType) -> Number {
    let value = fold == .product ? 1 : 0
    return dtype.isFloat ? .float(Double(value)) : .int(Int64(value))
  }

  private func combined(_ fold: ReduceOp, _ a: Number, _ b: Number, _ dtype: DType) -> Number {
    if case (.float(let x), .float(let y)) = (a, b) {
      let value: Double =
        switch fold {
        case .sum: x + y
        case .product: x * y
        case .maximum: x.isNaN || y.isNaN ? .nan : x == y ? (x.sign == .minus ? y : x) : Swift.max(x, y)
        case .minimum: x.isNaN || y.isNaN ? .nan : x == y ? (x.sign == .minus ? x : y) : Swift.min(x, y)
        case .and, .or: preconditionFailure("a cumulative op of floats")
        }
      return floats(dtype, [], [value]).number(0)
    }
    let value: Int64 =
      switch fold {
      case .sum: a.int &+ b.int
      case .product: a.int &* b.int
      case .maximum: Swift.max(a.int, b.int)
      case .minimum: Swift.min(a.int, b.int)
      case .and: a.int & b.int
      case .or: a.int | b.int
      }
    return integers(dtype, [], [value]).number(0)
  }
}
