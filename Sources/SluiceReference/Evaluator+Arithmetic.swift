/// The families that calculate: maps, reductions, contractions.

import SluiceIR

extension Evaluator {
  /// The row's witness for every element.
  func map(_ kernel: MapKernel, _ node: Node) -> ReferenceTensor {
    let (dtype, shape) = (dtype(node), shape(node))
    // The witness rounds and clips to the dtype that it is told; in exact64 that is f64.
    let told = dtype == .f32 && precision == .exact64 ? .f64 : dtype
    var arguments = node.operands.map { _ in Number.int(0) }
    var (doubles, integers): ([Double], [Int64]) = ([], [])
    for position in 0..<shape.reduce(1, *) {
      for (place, operand) in node.operands.enumerated() { arguments[place] = operand.number(position) }
      switch kernel.witness(arguments, told) {
      // A NaN that comes from another dtype is the one quiet NaN.
      case .float(let value): doubles.append(node.op == .cast && value.isNaN ? .nan : value)
      case .int(let value): integers.append(value)
      }
    }
    return dtype.isFloating ? floats(dtype, shape, doubles) : self.integers(dtype, shape, integers)
  }

  func reduce(_ kernel: ReduceKernel, _ node: Node) -> ReferenceTensor {
    let x = node.operands[0]
    let reduced: [Int]
    switch kernel {
    case .fold: reduced = axes(node, rank: x.shape.count)
    case .arg: reduced = [axis(node, rank: x.shape.count)]
    }
    let steps = strides(x.shape)
    let kept = x.shape.indices.filter { !reduced.contains($0) }
    let starts = positions(kept.map { x.shape[$0] }, steps: kept.map { steps[$0] })
    let offsets = positions(reduced.sorted().map { x.shape[$0] }, steps: reduced.sorted().map { steps[$0] })
    switch (kernel, x.elements) {
    case (.fold(let op), .floats(let values)):
      return floats(
        dtype(node), shape(node), starts.map { start in fold(op, offsets.lazy.map { values[start + $0] }) })
    case (.fold(let op), .integers(let values)):
      return integers(
        dtype(node), shape(node),
        starts.map { start in fold(op, x.dtype, offsets.lazy.map { values[start + $0] }) })
    case (.arg(let largest), _):
      let found = starts.map { start -> Int64 in
        var best = 0
        for (position, offset) in offsets.enumerated() where position > 0 {
          if Self.isBetter(x.number(start + offset), x.number(start + offsets[best]), largest) {
            best = position
          }
        }
        return Int64(best)
      }
      return integers(dtype(node), shape(node), found)
    }
  }

  /// Whether an element further on takes the place of the best one so far: the first NaN wins, then the first best.
  private static func isBetter(_ new: Number, _ best: Number, _ largest: Bool) -> Bool {
    if case .float(let a) = new, case .float(let b) = best {
      if b.isNaN { return false }
      return a.isNaN || (largest ? a > b : a < b)
    }
    return largest ? new.int > best.int : new.int < best.int
  }

  private func fold(_ op: ReduceOp, _ values: some Sequence<Double>) -> Double {
    switch op {
    case .sum: return values.reduce(0, +)
    case .product: return values.reduce(1, *)
    case .minimum, .maximum:
      var best: Double = op == .minimum ? .infinity : -.infinity
      for value in values where !best.isNaN {
        // Of two zeros, -0 is the smaller one.
        let isSmaller = value < best || value == best && value.sign == .minus
        let isLarger = value > best || value == best && value.sign == .plus
        if value.isNaN || (op == .minimum ? isSmaller : isLarger) { best = value }
      }
      return best
    case .and, .or: preconditionFailure("`\(op)` of floats")
    }
  }

  private func fold(_ op: ReduceOp, _ dtype: DType, _ values: some Sequence<Int64>) -> Int64 {
    let (least, greatest): (Int64, Int64) =
      switch dtype {
      case .i32: (Int64(Int32.min), Int64(Int32.max))
      case .u8: (0, 255)
      case .bool: (0, 1)
      default: (.min, .max)
      }
    switch op {
    case .sum: return values.reduce(0, &+)
    case .product: return values.reduce(1, &*)
    case .minimum: return values.reduce(greatest, Swift.min)
    case .maximum: return values.reduce(least, Swift.max)
    case .and: return values.reduce(1, &)
    case .or: return values.reduce(0, |)
    }
  }

  /// Sums of products over the labels that the result lacks, in ascending order.
  ///
  /// With a third operand, a mask with the axes of the first, of those terms where it is true.
  func contract(_ kernel: ContractKernel, _ node: Node) -> ReferenceTensor {
    let (x, y) = (node.operands[0], node.operands[1])
    let labels = kernel.labels(x.shape.count, y.shape.count, module.tables, node.attributes)
    var extents: [Int: Int] = [:]
    for (label, extent) in zip(labels.lhs + labels.rhs, x.shape + y.shape) { extents[label] = extent }
    let summed = extents.keys.filter { !labels.result.contains($0) }.sorted()

    func positions(_ over: [Int], _ own: [Int], _ shape: [Int]) -> [Int] {
      let steps = strides(shape)
      return SluiceReference.positions(
        over.map { extents[$0] ?? 1 },
        steps: over.map { label in zip(own, steps).reduce(0) { $0 + ($1.0 == label ? $1.1 : 0) } })
    }

    let lhsStarts = positions(labels.result, labels.lhs, x.shape)
    let rhsStarts = positions(labels.result, labels.rhs, y.shape)
    let lhsOffsets = positions(summed, labels.lhs, x.shape)
    let rhsOffsets = positions(summed, labels.rhs, y.shape)
    let mask = node.operands.count > 2 ? node.operands[2].integers : nil
    switch (x.elements, y.elements) {
    case (.floats(let a), .floats(let b)):
      let sums = zip(lhsStarts, rhsStarts).map { i, j in
        zip(lhsOffsets, rhsOffsets).reduce(0.0) { sum, offset in
          if let mask, mask[i + offset.0] == 0 { return sum }
          return sum + a[i + offset.0] * b[j + offset.1]
        }
      }
      return floats(dtype(node), shape(node), sums)
    default:
      let (a, b) = (x.integers, y.integers)
      let sums = zip(lhsStarts, rhsStarts).map { i, j in
        zip(lhsOffsets, rhsOffsets).reduce(Int64(0)) { $0 &+ a[i + $1.0] &* b[j + $1.1] }
      }
      return integers(dtype(node), shape(node), sums)
    }
  }
}
