/// Copies with other elements at computed places.

import SluiceIR

extension Evaluator {
  func update(_ kernel: UpdateKernel, _ node: Node) -> ReferenceTensor {
    let x = node.operands[0]
    var elements = (0..<x.elements.count).map { x.number($0) }
    switch kernel {
    case .dynamicUpdateSlice:
      let update = node.operands[1]
      let starts = starts(node.operands.dropFirst(2), x.shape, update.shape)
      let places = positions(update.shape, steps: strides(x.shape), from: offset(starts, x.shape))
      for (position, place) in places.enumerated() { elements[place] = update.number(position) }
    case .scatter, .scatterAdd:
      let (indices, updates) = (node.operands[1].integers, node.operands[2])
      let axis = axis(node, rank: x.shape.count)
      let extent = Int64(x.shape[axis])
      let inner = x.shape[(axis + 1)...].reduce(1, *)
      for outer in 0..<x.shape[..<axis].reduce(1, *) {
        for (row, given) in indices.enumerated() {
          let index = given < 0 ? given + extent : given
          guard index >= 0, index < extent else { continue }
          for position in 0..<inner {
            let place = (outer * Int(extent) + Int(index)) * inner + position
            let update = updates.number((outer * indices.count + row) * inner + position)
            elements[place] = kernel == .scatter ? update : sum(elements[place], update, x.dtype)
          }
        }
      }
    }
    return dtype(node).isFloating
      ? floats(dtype(node), shape(node), elements.map(\.double))
      : integers(dtype(node), shape(node), elements.map(\.int))
  }

  /// The sum of two elements, rounded or wrapped to the dtype.
  private func sum(_ a: Number, _ b: Number, _ dtype: DType) -> Number {
    switch (a, b) {
    case (.int(let x), .int(let y)): integers(dtype, [], [x &+ y]).number(0)
    default: floats(dtype, [], [a.double + b.double]).number(0)
    }
  }

  /// The starts of a part, clamped so that it is inside.
  func starts(_ operands: ArraySlice<ReferenceTensor>, _ shape: [Int], _ sizes: [Int]) -> [Int] {
    operands.enumerated().map { axis, start in
      Int(Swift.min(Swift.max(start.integers[0], 0), Int64(shape[axis] - sizes[axis])))
    }
  }

  /// The position of an index in row-major order.
  func offset(_ index: [Int], _ shape: [Int]) -> Int {
    zip(index, strides(shape)).reduce(0) { $0 + $1.0 * $1.1 }
  }
}
