import SluiceIR

/// The next values of states come last in their visit.
extension VisitBuilder {
  /// Moves what makes the next value of a state behind all nests of its visit that read the old one, so that it can
  /// be made in place.
  mutating func moveUpdates(_ tables: inout Tables) {
    guard fuses else { return }
    for index in 0..<program.itemCount where program.roles[index] == .assign {
      guard case .state(let state) = program.target(ItemID(index)),
        let view = program.operands(ItemID(index)).first, program.isWhole(view)
      else { continue }
      let root = program.roots[view.index]
      guard program.homes[root.index] == .item, visits.derivation.isReadOnce(root) else { continue }
      let item = program.makers[root.index]
      if canMove(item), readsElsewhere(state, item, &tables) { move(item, &tables) }
    }
  }

  /// Whether an item is a map whose element the outer loops alone name.
  private func canMove(_ item: ItemID) -> Bool {
    let visit = visits.visitOf[item.index]
    guard program.roles[item.index] == .map, !visit.isNone, !visits.isSingle[visit.index] else {
      return false
    }
    let count = Int(visits.nestCounts[visit.index])
    return count > 1 && count < Visits.maximumNests
      && visits.spaceBits(item) & ~visits.outer[visit.index] == 0
  }

  /// Whether another item of the visit reads a state in another nest, or at another time in it.
  private mutating func readsElsewhere(_ state: Int, _ item: ItemID, _ tables: inout Tables) -> Bool {
    var member = visits.firstItem(visits.visitOf[item.index])
    while !member.isNone {
      defer { member = visits.nextItem(member) }
      let isAtOnce =
        visits.nestOf[member.index] == visits.nestOf[item.index]
        && (visits.phases[member.index] == .post) == (visits.phases[item.index] == .post)
      if isAtOnce { continue }
      leaves.read(member, program, visits.derivation, &tables)
      if leaves.roots.contains(where: { program.homes[$0.index] == .state(state) }) { return true }
    }
    return false
  }

  private mutating func move(_ item: ItemID, _ tables: inout Tables) {
    let visit = visits.visitOf[item.index]
    leaves.read(item, program, visits.derivation, &tables)
    let made = leaves.roots.indices.filter { maker(leaves.roots[$0], of: visit) }
    guard made.allSatisfy({ leaves.isWhole($0) }) else { return }
    for leaf in made { visits.isKept[leaves.roots[leaf].index] = true }
    var (nest, list) = (Visits.Nest(), AxisList())
    var count = 0
    for axis in leaves.space.indices {
      guard let atom = visits.atom(item, axis) else { continue }
      list[count] = atom
      count += 1
    }
    nest.kept = list.bits
    visits.append(nest, to: visit)
    visits.nestOf[item.index] = visits.nestCounts[visit.index] - 1
    visits.lastNests[item.index] = visits.nestOf[item.index]
    visits.phases[item.index] = .body
  }

  private func maker(_ root: RootID, of visit: VisitID) -> Bool {
    program.homes[root.index] == .item && visits.visitOf[program.makers[root.index].index] == visit
  }
}
