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
    guard let atom = Self.onlyAtom(folded), outer & folded != 0,
      !hasNest(visit, where: { sumsAlong(atom, $0) })
    else { return false }
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

  // MARK: Products

  /// The most bytes of sums of one task that go on from one block of rows to the next.
  private static let mostSumBytes = 65_536.0

  /// Whether a product that sums an outer atom goes on from one block of it to the next: it takes what the visit makes
  /// of a block into sums that wait in memory, as the gradients of keys and values go on from queries to queries.
  ///
  /// A chain of fused multiply-adds may be stopped and resumed anywhere, so nothing else comes out.
  func goesOn(
    _ item: ItemID, _ visit: VisitID, _ all: UInt32, _ folded: UInt32, _ tables: Tables
  ) -> Bool {
    let outer = visits.outer[visit.index]
    guard program.roles[item.index] == .contract, let atom = Self.onlyAtom(folded), outer & folded != 0,
      outer & all == outer, let root = program.results(item).first.map({ RootID($0) }),
      !visits.derivation.hasLastForm(root),
      attempt.sweep == Visits.noSweep || Int(attempt.sweep) == atom,
      !hasNest(visit, where: \.leavesParts),
      leaves.roots.contains(where: { isWorthTaking($0, visit, than: root, tables) }),
      SumOrder.chain([visits.extent(visit, atom)], tables).block == nil
    else { return false }
    let dtype = tables.types.dtype(program.types[root.index])
    guard dtype == .f32 || dtype == .f64 else { return false }
    let inner = Visits.atoms(visits.nest(visit, 0).kept).reversed().prefix { $0 != atom }
    return inner.allSatisfy { outer >> UInt32($0) & 1 == 0 }
      && places(visit, outer & ~folded, tables) >= Self.leastPlaces.other
      && Double(dtype.byteCount) * places(visit, all & ~outer, tables) <= Self.mostSumBytes
  }

  /// Whether the visit makes rows of a root, and these are larger than sums over them: else the sums would be loaded and
  /// stored as often.
  private func isWorthTaking(_ rows: RootID, _ visit: VisitID, than sum: RootID, _ tables: Tables) -> Bool {
    maker(rows) == visit && bytes(rows) >= 2 * bytes(sum)
      && rowBytes(rows, visits.outer[visit.index], tables) > 0
  }

  /// The product whose sums an item copies, and nothing else does: they wait where the copy is stored.
  func copiedSum(_ item: ItemID, _ visit: VisitID) -> RootID? {
    guard program.roles[item.index] == .copy, let view = program.operands(item).first else { return nil }
    let root = program.roots[view.index]
    guard !root.isNone, maker(root) == visit, program.roles[program.makers[root.index].index] == .contract,
      visits.goesOn(program.makers[root.index]),
      visits.derivation.isReadOnce(root)
    else { return nil }
    return root
  }

  private func hasNest(_ visit: VisitID, where isIt: (Visits.Nest) -> Bool) -> Bool {
    (0..<Int(visits.nestCounts[visit.index])).contains { isIt(visits.nest(visit, $0)) }
  }

  private func sumsAlong(_ atom: Int, _ nest: Visits.Nest) -> Bool {
    nest.contracts && Visits.bits(nest.folded) >> UInt32(atom) & 1 == 1
  }

  /// The atom of a set of one.
  static func onlyAtom(_ bits: UInt32) -> Int? {
    bits.nonzeroBitCount == 1 ? bits.trailingZeroBitCount : nil
  }
}

extension Visits {
  /// Whether an item is a product whose sums go on from one block of a sweep to the next, or a copy of them.
  func goesOn(_ item: ItemID) -> Bool {
    let visit = visitOf[item.index]
    guard !visit.isNone, sweeps[visit.index] != Self.noSweep else { return false }
    let nest = nest(visit, Int(nestOf[item.index]))
    return nest.contracts && Self.bits(nest.folded) >> UInt32(sweeps[visit.index]) & 1 == 1
  }
}
