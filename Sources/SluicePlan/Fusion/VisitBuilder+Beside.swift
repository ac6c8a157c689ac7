import SluiceIR

/// Items that read one result of a visit, in a visit that reads another one: the sums of a channel, of what a product
/// summed row by row.
///
/// They share no root, but what one visit makes along one of its atoms is one axis for both. Sums down columns are left
/// out: they have one shape in all layers, and run together in one call without that.
extension VisitBuilder {
  /// How many readers of what a visit makes are looked at.
  private static let mostBeside = 16

  /// Lets an item join a visit without a product that reads other results of what makes its operands.
  mutating func joinBeside(_ item: ItemID, _ own: Cost, _ tables: inout Tables) -> Bool {
    let isColumn = !leaves.foldedAxes.isEmpty && !leaves.foldedAxes.contains(leaves.space.count - 1)
    if own.contracts || isColumn { return false }
    for root in leaves.roots {
      guard let source = maker(root) else { continue }
      var row = lists.followers[source.index]
      var looks = 0
      while row != VisitLists.end, looks < Self.mostBeside {
        let visit = lists.followerRows[Int(row)].visit
        row = lists.followerRows[Int(row)].next
        looks += 1
        if visits.outer[visit.index] == 0 || candidates.contains(visit) { continue }
        if lists.costs[visit.index].contracts || visits.nest(visit, 0).isColumn { continue }
        candidates.append(visit)
        if attempt(item, visit, own, source: source, &tables) == .joined { return true }
      }
    }
    return false
  }

  /// The atom along which a visit reads another result of the source where that has the atom of an axis of a leaf.
  func besideAtom(_ leaf: Int, _ axis: Int, _ visit: VisitID, _ tables: inout Tables) -> Int? {
    let root = leaves.roots[leaf]
    guard !attempt.source.isNone, maker(root) == attempt.source,
      let own = (0..<rank(root, tables)).first(where: { leaves.spaceAxis(leaf, $0) == axis }),
      let made = madeAtom(root, own)
    else { return nil }
    var row = lists.looks[visit.index]
    while row != VisitLists.end {
      let look = lists.lookRows[Int(row)]
      row = look.next
      let way = lists.way(look)
      guard way.extent == leaves.space[axis], maker(look.root) == attempt.source else { continue }
      let shape = tables.types.shape(program.types[look.root.index])
      let strides = tables.contiguousStrides(shape)
      for axis in shape.indices where strides[axis] == way.stride && madeAtom(look.root, axis) == made {
        return Int(way.atom)
      }
    }
    return nil
  }
}
