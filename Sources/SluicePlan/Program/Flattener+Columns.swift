import SluiceIR

/// Sums down columns of what a product makes: the kernel of the product leaves parts of them, and a small fold follows.
///
/// By the order of sums the blocks of an axis are summed apart and then added, so that nothing else comes out. Without
/// parts the sum would have to wait until all rows are there, and read them from memory again.
extension Flattener {
  /// The most parts along the axis: as many as one block of the sum over them has.
  private static let mostParts = Int64(SumOrder.columnBlock)
  /// With fewer parts in all, threads would find too few tasks.
  private static let fewParts: Int64 = 8
  /// Shorter rows leave nothing to run side by side.
  private static let fewColumns: Int64 = 16
  /// How many maps may lie between the product and the sum.
  private static let longestChain = 24

  /// The axis along which a sum down columns is left in parts, and the type of these; nil where it is not.
  mutating func columnParts(_ operand: ViewID, _ axes: AxisSet) -> (axis: Int, type: TypeID)? {
    let type = program.viewTypes[operand.index]
    var shape = tables.types.shape(type)
    let axis = axes.bits.trailingOnes - 1
    // The folded axes come first, and rows are behind them.
    guard axis >= 0, axis < shape.count - 1, axes.bits == UInt16(1) << UInt16(axis + 1) - 1,
      program.isWhole(operand), comesFromProduct(program.roots[operand.index]),
      let bound = tables.dims.bound(shape[axis]), bound > 0
    else { return nil }
    let parts = (bound - 1) / Int64(SumOrder.columnBlock) + 1
    let columns = shape[(axis + 1)...].reduce(Int64(1)) { product(of: $0, $1) }
    guard parts <= Self.mostParts, columns >= Self.fewColumns,
      shape[..<axis].reduce(parts, { product(of: $0, $1) }) >= Self.fewParts
    else { return nil }
    shape[axis] = tables.dims.integer(parts)
    return (axis, tables.types.intern(tables.types.dtype(type), shape))
  }

  private func product(of count: Int64, _ dim: DimID) -> Int64 {
    let (product, overflows) = count.multipliedReportingOverflow(by: tables.dims.bound(dim) ?? .max)
    return overflows ? .max : product
  }

  /// Whether maps of a product's result make a root.
  private func comesFromProduct(_ root: RootID) -> Bool {
    var open = [root]
    var looks = 0
    while let root = open.popLast(), looks < Self.longestChain {
      looks += 1
      guard !root.isNone, program.homes[root.index] == .item, program.homeBlocks[root.index] == block else {
        continue
      }
      let item = program.makers[root.index]
      if program.roles[item.index] == .contract { return true }
      guard program.roles[item.index] == .map else { continue }
      for view in program.operands(item) where program.isWhole(view) {
        open.append(program.roots[view.index])
      }
    }
    return false
  }
}

extension UInt16 {
  /// How many of the lowest bits are set in a row.
  fileprivate var trailingOnes: Int { (~self).trailingZeroBitCount }
}
