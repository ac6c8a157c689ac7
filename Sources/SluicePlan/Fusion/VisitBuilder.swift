import SluiceIR

/// Forms visits: places one item after the other in the deepest visit that makes something that it reads, in one that
/// reads what it reads, or in one of its own.
struct VisitBuilder {
  var visits: Visits
  let program: Program
  private let fuses: Bool
  private let arenaLimit: Double
  var leaves = Leaves()
  /// The last visit of small items without independent places.
  private var serial = VisitID.none
  /// How many visits back one of the same shape counts as near.
  private static let near = 8
  /// How many of the readers of a root are looked at, and how many visits that follow one that would move.
  private static let mostLooks = 64
  private static let mostFollowers = 256
  /// How many visits may be moved to make room for an item.
  private static let mostRaised = 64
  /// Operations that are not worth a call of their own, nor threads.
  private static let serialWork = 2e5
  /// The visits between the last two control items; what stands before them is there anyway.
  private var segment: UInt32 = 0
  private var segmentBegin = 0
  /// The attempt at hand.
  var attempt = Attempt()
  /// Per leaf whether the visit makes it at the place at which the item would read it.
  var isSame: [Bool] = []
  private var raised: [(visit: VisitID, depth: Int32)] = []

  /// What joining a visit would come to.
  struct Attempt {
    /// Per axis of the space its atom; 15 for none.
    var atoms = [UInt8](repeating: 15, count: Leaves.maximumAxes)
    var atomCount = 0
    /// Extents of new atoms, behind those that are there.
    var newExtents: [DimID] = []
    var outer: UInt32 = 0
    var nest = 0
    var newNest: Visits.Nest?
    var phase = Visits.Phase.body
    /// Values of the visit that a later nest than theirs reads.
    var kept: [RootID] = []
    var cost = Cost()
    /// The atoms of an operand that a contraction computes once a place and keeps as a row, and those of them that it
    /// does not sum.
    var rowAtoms: UInt32 = 0
    var rowKept: UInt32 = 0
    /// What the nest becomes that the item joins, where it only mapped so far.
    var refold: Visits.Nest?
  }

  init(_ visits: Visits, _ program: Program, fuses: Bool, arenaLimit: Double) {
    self.arenaLimit = arenaLimit
    self.visits = visits
    self.program = program
    self.fuses = fuses
  }

  mutating func build(_ tables: inout Tables) {
    for index in 0..<program.itemCount {
      let item = ItemID(index)
      let role = program.roles[index]
      if role.isControl || role == .assign {
        segment += 1
        segmentBegin = visits.count
      } else if !visits.derivation.isDerived(item) {
        place(item, role, &tables)
      }
    }
  }

  private mutating func place(_ item: ItemID, _ role: Role, _ tables: inout Tables) {
    leaves.read(item, program, visits.derivation, &tables)
    let block = program.blocks[item.index]
    guard role.isElementwise || role == .contract, leaves.space.count <= Leaves.maximumAxes else {
      visits.reasons[item.index] = .kernelOfItsOwn
      let visit = visits.appendVisit(item, block, segment, isSingle: true)
      visits.append(item, to: visit)
      finish(item, visit)
      return
    }
    let own = ownCost(item, tables)
    if fuses, !program.gathersFromNothing(item, &tables) {
      let reason = join(item, own, &tables)
      visits.reasons[item.index] = reason
      if reason == .joined { return }
    }
    let visit = visits.appendVisit(item, block, segment, isSingle: false)
    if isSerial(own, tables) { serial = visit }
    begin(item, visit, own, tables)
    commit(item, visit, &tables)
  }

  // MARK: Candidates

  private mutating func join(_ item: ItemID, _ own: Cost, _ tables: inout Tables) -> Visits.Reason {
    if isLateCopy(item) { return attemptAlike(item, own, &tables) ? .joined : .first }
    var best = VisitID.none
    var (deepest, isAlone) = (Int32(-1), true)
    var reason = Visits.Reason.first
    for root in leaves.roots {
      guard let visit = maker(root), visit != best else { continue }
      if visits.depths[visit.index] > deepest {
        (deepest, best, isAlone) = (visits.depths[visit.index], visit, true)
      } else if visits.depths[visit.index] == deepest {
        isAlone = false
      }
    }
    if !best.isNone {
      if isAlone {
        reason = attempt(item, best, own, &tables)
        if reason == .joined { return .joined }
      } else {
        reason = .notBefore
      }
    }
    var tried = 0
    var candidates: [VisitID] = []
    // Sizes are looked up once, not in every comparison.
    var byBytes: [(bytes: Double, leaf: Int)] = []
    for (leaf, root) in leaves.roots.enumerated() where !leaves.roots[..<leaf].contains(root) {
      byBytes.append((bytes(root, tables), leaf))
    }
    byBytes.sort { $0.bytes != $1.bytes ? $0.bytes > $1.bytes : $0.leaf < $1.leaf }
    search: for (_, leaf) in byBytes {
      if let visit = maker(leaves.roots[leaf]), visit != best, !candidates.contains(visit) {
        candidates.append(visit)
        if shares(visit, tables), attempt(item, visit, own, &tables) == .joined { return .joined }
      }
      var row = visits.readers[leaves.roots[leaf].index]
      var looks = 0
      while row != Visits.end {
        let visit = visits.readerRows[Int(row)].visit
        row = visits.readerRows[Int(row)].next
        guard visit.index >= segmentBegin, looks < Self.mostLooks else { break }
        looks += 1
        if visit == best || candidates.contains(visit) { continue }
        candidates.append(visit)
        guard shares(visit, tables) else { continue }
        let sibling = attempt(item, visit, own, &tables)
        if sibling == .joined { return .joined }
        if reason == .first, sibling != .readsElsewhere { reason = sibling }
        tried += 1
        if tried == 4 { break search }
      }
    }
    if attemptSerial(item, own, &tables) { return .joined }
    if attemptAlike(item, own, &tables) { return .joined }
    return best.isNone ? .first : reason
  }

  /// Whether an item copies what was made long ago: made there, the copy would have to be kept as long.
  private func isLateCopy(_ item: ItemID) -> Bool {
    guard program.roles[item.index] == .copy else { return false }
    return leaves.roots.allSatisfy { root in
      let maker = program.makers[root.index]
      return !maker.isNone && item.index - maker.index > Program.lateDistance
    }
  }

  /// Lets a small item without independent places join another one: such items share a call.
  private mutating func attemptSerial(_ item: ItemID, _ own: Cost, _ tables: inout Tables) -> Bool {
    guard !serial.isNone, serial.index >= segmentBegin, isSerial(own, tables),
      visits.costs[serial.index].operations + own.operations <= Self.serialWork
    else { return false }
    return attempt(item, serial, own, &tables) == .joined
  }

  /// Lets a copy, or a sum down columns, ride beside another one of the same shape that stands near: such items are
  /// no more than a pass over memory, and one call for several is enough.
  private mutating func attemptAlike(_ item: ItemID, _ own: Cost, _ tables: inout Tables) -> Bool {
    let role = program.roles[item.index]
    let isColumn =
      role == .fold && !(leaves.space.indices.last.map { leaves.foldedAxes.contains($0) } ?? true)
    guard role == .copy || isColumn else { return false }
    for index in (max(segmentBegin, visits.count - Self.near)..<visits.count).reversed() {
      let visit = VisitID(index)
      guard !visits.isSingle[index], program.roles[visits.firstItem(visit).index] == role,
        visits.blocks[index] == program.blocks[item.index], visits.itemCounts[index] < 8,
        Int(visits.arrayCounts[index]) + leaves.count + 1 <= Visits.maximumArrays,
        liken(item, visit, tables), choose(item, visit, own, tables) == nil,
        isNear(visit), settle(visit)
      else { continue }
      commit(item, visit, &tables)
      return true
    }
    return false
  }

  /// Whether an item is made again for a reader that comes later than a visit: there it would have to be kept.
  private func isTooEarly(_ item: ItemID, _ visit: VisitID) -> Bool {
    let first = program.firstRepetitions[item.index]
    return !first.isNone && visits.firstItem(visit).index < first.index
  }

  /// Whether a visit would not have to move far behind what makes the item's operands.
  private func isNear(_ visit: VisitID) -> Bool {
    leaves.roots.allSatisfy { root in
      guard let maker = maker(root) else { return true }
      return maker != visit && visits.depths[maker.index] <= visits.depths[visit.index] + 1
    }
  }

  /// Whether the item has no independent places and little to do.
  private func isSerial(_ own: Cost, _ tables: Tables) -> Bool {
    guard own.operations <= Self.serialWork else { return false }
    return leaves.space.indices.allSatisfy {
      leaves.foldedAxes.contains($0) || tables.dims.value(leaves.space[$0]) == 1
    }
  }

  /// Whether a visit reads or makes the larger part of what the item reads.
  private func shares(_ visit: VisitID, _ tables: Tables) -> Bool {
    var (shared, largest) = (0.0, 0.0)
    for root in leaves.roots {
      let bytes = bytes(root, tables)
      largest = max(largest, bytes)
      if maker(root) == visit || reads(visit, root) { shared = max(shared, bytes) }
    }
    return 2 * shared >= largest
  }

  private func bytes(_ root: RootID, _ tables: Tables) -> Double {
    tables.byteCount(program.types[root.index])
  }

  /// The visit of the same segment that makes a root.
  func maker(_ root: RootID) -> VisitID? {
    guard program.homes[root.index] == .item else { return nil }
    let visit = visits.visitOf[program.makers[root.index].index]
    return !visit.isNone && visit.index >= segmentBegin ? visit : nil
  }

  /// The bytes of the arena that a visit works on more with an item: what it makes, and reads of others that nothing in
  /// the visit read yet.
  private func arenaBytes(_ item: ItemID, _ visit: VisitID, _ tables: Tables) -> Double {
    var bytes = program.results(item).reduce(0) { $0 + self.bytes(RootID($1), tables) }
    for (leaf, root) in leaves.roots.enumerated()
    where program.homes[root.index] == .item && !leaves.roots[..<leaf].contains(root) {
      if maker(root) != visit, !reads(visit, root) { bytes += self.bytes(root, tables) }
    }
    return bytes
  }

  /// Lets an item join a visit if it can.
  private mutating func attempt(
    _ item: ItemID, _ visit: VisitID, _ own: Cost, _ tables: inout Tables
  ) -> Visits.Reason {
    let block = program.blocks[item.index]
    if visits.isSingle[visit.index] { return .operandHasKernelOfItsOwn }
    if visits.blocks[visit.index] != block { return .otherBlock }
    if isTooEarly(item, visit) { return .tooEarly }
    if visits.arenaBytes[visit.index] + arenaBytes(item, visit, tables) > arenaLimit { return .overBudget }
    let arrays = leaves.count + program.results(item).count
    if Int(visits.itemCounts[visit.index]) >= Visits.maximumItems
      || Int(visits.arrayCounts[visit.index]) + arrays > Visits.maximumArrays
    {
      return .full
    }
    if let refusal = unify(item, visit, &tables) { return refusal }
    if let refusal = choose(item, visit, own, tables) { return refusal }
    guard settle(visit) else { return .notBefore }
    commit(item, visit, &tables)
    return .joined
  }

  // MARK: Depths

  /// Makes sure that all other makers come before a visit, by moving it and what follows it deeper where it must.
  private mutating func settle(_ visit: VisitID) -> Bool {
    var depth = visits.depths[visit.index]
    for root in leaves.roots {
      if let maker = maker(root), maker != visit { depth = max(depth, visits.depths[maker.index] + 1) }
    }
    if depth == visits.depths[visit.index] { return true }
    raised.removeAll(keepingCapacity: true)
    raised.append((visit, depth))
    var (next, looks) = (0, 0)
    while next < raised.count {
      let (moved, depth) = raised[next]
      next += 1
      var row = visits.followers[moved.index]
      while row != Visits.end {
        let follower = visits.followerRows[Int(row)].visit
        row = visits.followerRows[Int(row)].next
        if leaves.roots.contains(where: { maker($0) == follower }) { return false }
        looks += 1
        if looks >= Self.mostFollowers { return false }
        if visits.depths[follower.index] > depth { continue }
        if raised.count >= Self.mostRaised { return false }
        raised.append((follower, depth + 1))
      }
    }
    for (moved, depth) in raised { visits.depths[moved.index] = max(visits.depths[moved.index], depth) }
    return true
  }

  // MARK: Writing down

  private mutating func begin(_ item: ItemID, _ visit: VisitID, _ own: Cost, _ tables: Tables) {
    attempt = Attempt()
    attempt.cost = own
    for axis in leaves.space.indices where tables.dims.value(leaves.space[axis]) != 1 {
      // Spaces have at most 15 axes that are loops: `Flattener` makes fewer of them where a contraction has more.
      guard attempt.newExtents.count < Visits.maximumAtoms else { break }
      attempt.atoms[axis] = UInt8(attempt.newExtents.count)
      if !leaves.foldedAxes.contains(axis) { attempt.outer |= 1 << UInt32(attempt.newExtents.count) }
      attempt.newExtents.append(leaves.space[axis])
    }
    noteRow(item)
    if attempt.rowAtoms != 0 {
      attempt.outer &= attempt.rowKept
      attempt.cost.streamed = streamedBytes(nil, tables)
    }
    let (nest, phase) = nest(item)
    attempt.newNest = nest
    attempt.phase = phase
  }

  private mutating func commit(_ item: ItemID, _ visit: VisitID, _ tables: inout Tables) {
    let row = visit.index * Visits.maximumAtoms
    for extent in attempt.newExtents {
      visits.atomExtents[row + Int(visits.atomCounts[visit.index])] = extent
      visits.atomCounts[visit.index] += 1
    }
    visits.outer[visit.index] = attempt.outer
    if let nest = attempt.newNest {
      visits.nestOf[item.index] = visits.nestCounts[visit.index]
      visits.append(nest, to: visit)
    } else {
      visits.nestOf[item.index] = UInt8(attempt.nest)
      let nest = visits.nestRow(visit, attempt.nest)
      if attempt.phase == .fold {
        if let folding = attempt.refold {
          visits.nestRows[nest].kept = folding.kept
          visits.nestRows[nest].folded = folding.folded
          visits.nestRows[nest].hasLanes = folding.hasLanes
        }
        visits.nestRows[nest].folds = true
        if program.roles[item.index] == .argument { visits.nestRows[nest].argues = true }
      }
    }
    visits.phases[item.index] = attempt.phase
    visits.rowAtoms[item.index] = attempt.rowAtoms
    for root in attempt.kept { visits.isKept[root.index] = true }
    visits.costs[visit.index] = attempt.cost
    var list = UInt64.max
    for axis in leaves.space.indices {
      let shift = UInt64(4 * axis)
      list = list & ~(15 << shift) | UInt64(attempt.atoms[axis]) << shift
    }
    visits.spaceAtoms[item.index] = list
    visits.append(item, to: visit)
    visits.arrayCounts[visit.index] += UInt32(leaves.count + program.results(item).count)
    if arenaLimit < .infinity { visits.arenaBytes[visit.index] += arenaBytes(item, visit, tables) }
    noteLooks(item, visit, &tables)
    finish(item, visit)
  }

  /// Notes along which atoms an item reads and makes its roots.
  private mutating func noteLooks(_ item: ItemID, _ visit: VisitID, _ tables: inout Tables) {
    for leaf in 0..<leaves.count where !leaves.isIndexed[leaf] {
      for axis in leaves.space.indices where !leaves.stride(leaf, axis).isNone {
        note(leaves.roots[leaf], leaves.stride(leaf, axis), leaves.space[axis], attempt.atoms[axis], visit)
      }
    }
    for root in program.results(item) {
      let shape = tables.types.shape(program.types[root])
      let strides = tables.contiguousStrides(shape)
      let one = tables.dims.integer(1)
      for (axis, own) in program.resultAxes(item, rank: shape.count, leaves.space.count).enumerated()
      where shape[axis] != one && own >= 0 {
        note(RootID(root), strides[axis], shape[axis], attempt.atoms[own], visit)
      }
    }
  }

  private mutating func note(
    _ root: RootID, _ stride: DimID, _ extent: DimID, _ atom: UInt8, _ visit: VisitID
  ) {
    guard atom != 15 else { return }
    visits.lookRows.append(
      Visits.Look(root: root, stride: stride, extent: extent, atom: atom, next: visits.looks[visit.index]))
    visits.looks[visit.index] = UInt32(visits.lookRows.count - 1)
  }

  /// Notes what a visit reads, and that it follows what makes that.
  private mutating func finish(_ item: ItemID, _ visit: VisitID) {
    for root in leaves.roots {
      let row = visits.readers[root.index]
      if row == Visits.end || visits.readerRows[Int(row)].visit != visit {
        visits.readerRows.append(Visits.Link(visit: visit, next: row))
        visits.readers[root.index] = UInt32(visits.readerRows.count - 1)
      }
      guard let maker = maker(root), maker != visit else { continue }
      visits.depths[visit.index] = max(visits.depths[visit.index], visits.depths[maker.index] + 1)
      let follower = visits.followers[maker.index]
      if follower == Visits.end || visits.followerRows[Int(follower)].visit != visit {
        visits.followerRows.append(Visits.Link(visit: visit, next: follower))
        visits.followers[maker.index] = UInt32(visits.followerRows.count - 1)
      }
    }
  }
}
