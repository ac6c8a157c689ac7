/// The families that move elements or make them from their place: views, gather, generators, sorting.

import SluiceIR

extension Evaluator {
  func view(_ kernel: ViewKernel, _ node: Node) -> ReferenceTensor {
    let x = node.operands[0]
    let shape = shape(node)
    let steps = strides(x.shape)
    switch kernel {
    case .reshape:
      return ReferenceTensor(x.dtype, shape, x.elements)
    case .transpose:
      let order = ints(.order, node) ?? []
      return x.picking(positions(shape, steps: order.map { steps[$0] }), shape)
    case .broadcast:
      // Axes are aligned at the last one; a new axis and an axis of extent 1 repeat.
      let new = shape.count - x.shape.count
      let repeating = shape.indices.map { $0 < new || x.shape[$0 - new] == 1 ? 0 : steps[$0 - new] }
      return x.picking(positions(shape, steps: repeating), shape)
    case .slice:
      let factors = ints(.strides, node) ?? shape.map { _ in 1 }
      let start = zip(dims(.start, node), steps).reduce(0) { $0 + $1.0 * $1.1 }
      return x.picking(positions(shape, steps: zip(steps, factors).map { $0 * $1 }, from: start), shape)
    case .reverse:
      let axes = axes(node, rank: shape.count)
      let start = axes.reduce(0) { $0 + (shape[$1] - 1) * steps[$1] }
      let turned = shape.indices.map { axes.contains($0) ? -steps[$0] : steps[$0] }
      return x.picking(positions(shape, steps: turned, from: start), shape)
    case .unfold:
      let axis = axis(node, rank: x.shape.count)
      var apart = steps + [steps[axis] * int(.dilation, node)]
      apart[axis] *= int(.step, node)
      return x.picking(positions(shape, steps: apart), shape)
    case .concat:
      return concat(node.operands, axis: axis(node, rank: shape.count), shape)
    case .pad:
      let low = dims(.low, node)
      let sources = indices(shape).map { index -> Int in
        let inner = zip(index, low).map { $0 - $1 }
        guard zip(inner, x.shape).allSatisfy({ $0 >= 0 && $0 < $1 }) else { return -1 }
        return zip(inner, steps).reduce(0) { $0 + $1.0 * $1.1 }
      }
      return x.picking(sources, shape, fill: node.operands[1].number(0))
    }
  }

  /// Every index of a shape, in row-major order.
  private func indices(_ shape: [Int]) -> [[Int]] {
    var indices: [[Int]] = [[]]
    for extent in shape { indices = indices.flatMap { index in (0..<extent).map { index + [$0] } } }
    return indices
  }

  private func concat(_ parts: [ReferenceTensor], axis: Int, _ shape: [Int]) -> ReferenceTensor {
    let rows = shape[..<axis].reduce(1, *)
    let lengths = parts.map { $0.shape[axis...].reduce(1, *) }
    var (doubles, integers): ([Double], [Int64]) = ([], [])
    for row in 0..<rows {
      for (part, length) in zip(parts, lengths) {
        let range = row * length..<(row + 1) * length
        switch part.elements {
        case .floats(let values): doubles += values[range]
        case .integers(let values): integers += values[range]
        }
      }
    }
    let dtype = parts[0].dtype
    return dtype.isFloating
      ? ReferenceTensor(dtype, shape, floats: doubles) : ReferenceTensor(dtype, shape, integers: integers)
  }

  func index(_ kernel: IndexKernel, _ node: Node) -> ReferenceTensor {
    switch kernel {
    case .gather:
      let x = node.operands[0]
      let axis = axis(node, rank: x.shape.count)
      let extent = Int64(x.shape[axis])
      let inner = x.shape[(axis + 1)...].reduce(1, *)
      var sources: [Int] = []
      for outer in 0..<x.shape[..<axis].reduce(1, *) {
        for given in node.operands[1].integers {
          let index = given < 0 ? given + extent : given
          let isInside = index >= 0 && index < extent
          for position in 0..<inner {
            sources.append(isInside ? (outer * Int(extent) + Int(index)) * inner + position : -1)
          }
        }
      }
      return x.picking(sources, shape(node))
    case .takeAlongAxis:
      let (x, indices) = (node.operands[0], node.operands[1])
      let axis = axis(node, rank: x.shape.count)
      let extent = Int64(x.shape[axis])
      let sources = zip(self.indices(indices.shape), indices.integers).map { place, given -> Int in
        var place = place
        let index = given < 0 ? given + extent : given
        guard index >= 0, index < extent else { return -1 }
        place[axis] = Int(index)
        return offset(place, x.shape)
      }
      return x.picking(sources, shape(node))
    case .dynamicSlice:
      let x = node.operands[0]
      let shape = shape(node)
      let starts = starts(node.operands.dropFirst(), x.shape, shape)
      return x.picking(positions(shape, steps: strides(x.shape), from: offset(starts, x.shape)), shape)
    }
  }

  func generate(_ kernel: GenerateKernel, _ node: Node) -> ReferenceTensor {
    let (dtype, shape) = (dtype(node), shape(node))
    switch kernel {
    case .iota:
      let axis = axis(node, rank: shape.count)
      let steps = shape.indices.map { $0 == axis ? 1 : 0 }
      return numbers(dtype, shape, positions(shape, steps: steps).map { Int64($0) })
    case .randomBits:
      let (seed, stream) = (node.operands[0].integers[0], node.operands[1].integers[0])
      let count = shape.reduce(1, *)
      var words: [Int64] = []
      for block in 0..<(count + 3) / 4 {
        words += Philox.block(seed: seed, stream: stream, index: UInt64(block)).map { Int64($0) }
      }
      return integers(dtype, shape, Array(words.prefix(count)))
    case .size:
      return numbers(dtype, shape, [Int64(dim(.length, node))])
    }
  }

  /// Integers as elements of any dtype: wrapped, or rounded once.
  private func numbers(_ dtype: DType, _ shape: [Int], _ values: [Int64]) -> ReferenceTensor {
    if !dtype.isFloating { return integers(dtype, shape, values) }
    let isSingle = dtype == .f32 && precision == .asTyped
    return ReferenceTensor(dtype, shape, floats: values.map { isSingle ? Double(Float($0)) : Double($0) })
  }

  func order(_ kernel: OrderKernel, _ node: Node) -> ReferenceTensor {
    switch kernel {
    case .argsort:
      let x = node.operands[0]
      let axis = axis(node, rank: x.shape.count)
      let isDescending = bool(.descending, node)
      let step = strides(x.shape)[axis]
      let extent = x.shape[axis]
      var result = [Int64](repeating: 0, count: x.elements.count)
      for start in 0..<x.elements.count where start / step % Swift.max(extent, 1) == 0 {
        let sorted = (0..<extent).sorted { a, b in
          let order = Self.compare(x.number(start + a * step), x.number(start + b * step))
          if order != 0 { return isDescending ? order > 0 : order < 0 }
          return a < b
        }
        for (place, position) in sorted.enumerated() { result[start + place * step] = Int64(position) }
      }
      return integers(dtype(node), shape(node), result)
    }
  }

  /// -1, 0 or 1 as a comes before, with or after b in ascending order: -0 before +0, NaNs last and equal.
  private static func compare(_ a: Number, _ b: Number) -> Int {
    guard case .float(let x) = a, case .float(let y) = b else {
      return (a.int > b.int ? 1 : 0) - (a.int < b.int ? 1 : 0)
    }
    if x.isNaN || y.isNaN { return (x.isNaN ? 1 : 0) - (y.isNaN ? 1 : 0) }
    if x == 0, y == 0 { return (x.sign == .plus ? 1 : 0) - (y.sign == .plus ? 1 : 0) }
    return (x > y ? 1 : 0) - (x < y ? 1 : 0)
  }
}
