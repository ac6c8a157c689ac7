import SluiceIR

/// Sums down columns that ride in the visit that makes the rows: its tasks leave a part of them each.
extension VisitBuilder {
  func leavesParts(_ item: ItemID) -> Bool {
    program.roles[item.index] == .fold && program.recipeTable.leavesParts[program.recipe(item).index]
  }

  /// Lets the item make a sweep of the atom that it folds, the innermost one of the loops around all nests from then
  /// on; false where the visit has no product, or the item does not run along all of these loops.
  mutating func sweeps(_ visit: VisitID, _ all: UInt32, _ folded: UInt32) -> Bool {
    var outer = visits.outer[visit.index]
    guard let atom = Self.onlyAtom(folded), outer & folded != 0 else { return false }
    if Int(visits.sweeps[visit.index]) != atom {
      guard visits.sweeps[visit.index] == Visits.noSweep, lists.costs[visit.index].contracts else {
        return false
      }
      let kept = Visits.atoms(visits.nest(visit, 0).kept)
      for inner in kept.reversed().prefix(while: { $0 != atom }) { outer &= ~(1 << UInt32(inner)) }
    }
    guard outer & all == outer else { return false }
    attempt.outer = outer
    attempt.sweep = UInt8(atom)
    return true
  }

  /// Makes the loops around all nests those over the folded atom and what lies outside of it.
  mutating func beginSweep() {
    guard let atom = Self.onlyAtom(domain.folded) else { return }
    attempt.outer = 0
    attempt.sweep = UInt8(atom)
    for axis in leaves.space.indices where attempt.atoms[axis] != AxisList.none {
      attempt.outer |= 1 << UInt32(attempt.atoms[axis])
      if attempt.atoms[axis] == atom { break }
    }
  }

  /// The atom of a set of one.
  static func onlyAtom(_ bits: UInt32) -> Int? {
    bits.nonzeroBitCount == 1 ? bits.trailingZeroBitCount : nil
  }
}
