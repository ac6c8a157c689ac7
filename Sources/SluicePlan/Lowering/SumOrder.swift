import SluiceIR

/// The order of every sum: a function of the op and the extents of its axes, and of nothing else.
///
/// - *Folds*: a fold over several axes is that over the last of them, of whose results the others are folded. Along an
///   axis elements go in in ascending order, in blocks: each block begins with the identity, and its result goes into
///   the total. Along the last axis of the operand a block is `rowBlock` elements in `lanes` lanes, along others
///   `columnBlock` elements.
/// - *Contractions*: the summed axes run in the order of their labels, the last one innermost. Chains of fused
///   multiply-adds begin with 0; a chain is as many inner axes as come to at most `chainLength` terms, and so many
///   steps of the next axis. The chains are added in ascending order.
///
/// Whole blocks can be made apart from each other and by other threads without another result. Only sums and products
/// of floats need this; what is exact has the same result in any order.
struct SumOrder {
  /// How many partial results a fold along the last axis keeps: lane `i % lanes` takes element `i` in; then the upper
  /// half of the lanes is added to the lower half until one is left.
  static let lanes = 16
  /// The elements of a block along the last axis.
  static let rowBlock = 1024
  /// The elements of a block along other axes.
  static let columnBlock = 64
  /// The most terms of a chain of fused multiply-adds.
  static let chainLength: Int64 = 256

  /// Whether the order can be seen in the results.
  let isOrdered: Bool

  /// The order of folds that run together.
  init(_ folds: [ReduceOp], _ dtypes: [DType]) {
    isOrdered = zip(folds, dtypes).contains { ($0 == .sum || $0 == .product) && $1.isFloat }
  }

  /// The elements of a block along an axis; nil where the whole axis is one.
  func block(_ extent: DimID, lanes: Int, _ tables: Tables) -> Int? {
    if !isOrdered { return nil }
    let block = lanes > 1 ? Self.rowBlock : Self.columnBlock
    if let bound = tables.dims.bound(extent), bound <= Int64(block) { return nil }
    return block
  }

  /// The chains of a contraction: where they begin among the summed axes, and after how many steps of that axis a new
  /// one begins; nil where a chain is the rest of the axes.
  struct Chain {
    var first: Int
    var block: Int?
  }

  /// The chains of a contraction over axes of these extents.
  static func chain(_ extents: [DimID], _ tables: Tables) -> Chain {
    var terms: Int64 = 1
    for position in extents.indices.reversed() {
      guard let extent = tables.dims.value(extents[position]), extent <= chainLength / terms else {
        let block = Int(chainLength / terms)
        if let bound = tables.dims.bound(extents[position]), bound <= Int64(block) {
          return Chain(first: position)
        }
        return Chain(first: position, block: block)
      }
      terms *= max(extent, 1)
    }
    return Chain(first: 0)
  }
}
