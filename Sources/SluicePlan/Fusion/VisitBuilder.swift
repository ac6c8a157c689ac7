import SluiceIR

/// Forms visits: places one item after the other in the deepest visit that makes something that it reads, in one that
/// reads what it reads, or in one of its own.
struct VisitBuilder {
  var visits: Visits
  var lists: VisitLists
  let program: Program
  let fuses: Bool
  private let arenaLimit: Double
  var leaves = Leaves()
  /// How many of the readers of a root are looked at, and how many visits that follow one that would move.
  private static let mostLooks = 64
  private static let mostFollowers = 256
  /// How many visits may be moved to make room for an item.
  private static let mostRaised = 64
  /// The visits between the last two control items; what stands before them is there anyway.
  private var segment: UInt32 = 0
  var segmentBegin = 0
  /// The attempt at hand.
  var attempt = Attempt()
  /// Per leaf whether the visit makes it at the place at which the item would read it.
  var isSame: [Bool] = []
  private var raised: [(visit: VisitID, depth: Int32)] = []
  /// Products of this segment that are placed with their first readers, and per item whether it is one and still waits.
  var waiting: [ItemID] = []
  var isAwaited: [Bool]
  /// Visits that were looked at for the item at hand, and its leaves by bytes.
  var candidates: [VisitID] = []
  private var byBytes: [(bytes: Double, leaf: Int)] = []
  /// Per type of a root its bytes.
  private var typeBytes: [Double]

  /// What joining a visit would come to.
  struct Attempt {
    /// Per axis of the space its atom.
    var atoms = AxisList()
    var atomCount = 0
    /// Extents of new atoms, behind those that are there.
    var newExtents: [DimID] = []
    var outer: UInt32 = 0
    var sweep = Visits.noSweep
    var nest = 0
    var newNest: Visits.Nest?
    var phase = Visits.Phase.body
    /// Values of the visit that a later nest than theirs reads.
    var kept: [RootID] = []
    /// Maps of the visit that a later nest makes again.
    var again: [ItemID] = []
    var cost = Cost()
    /// The atoms of an operand that a contraction computes once a place and keeps as a row, and those of them that it
    /// does not sum.
    var rowAtoms: UInt32 = 0
    var rowKept: UInt32 = 0
    /// Whether the item joins because of what reads it.
    var isAwaited = false
    /// The product whose sums wait where the item copies them to.
    var waitingSum = RootID.none
    /// What the nest becomes that the item joins, where it only mapped so far.
    var refold: Visits.Nest?
    /// The visit whose results the item and the visit that it joins both read; none where they share a root.
    var source = VisitID.none

    /// Begins anew, with the memory that is there.
    mutating func reset() {
      var (extents, kept) = ([DimID](), [RootID]())
      swap(&extents, &newExtents)
      swap(&kept, &self.kept)
      extents.removeAll(keepingCapacity: true)
      kept.removeAll(keepingCapacity: true)
      self = Attempt()
      swap(&extents, &newExtents)
      swap(&kept, &self.kept)
    }
  }

  init(
    _ visits: consuming Visits, _ program: Program, _ tables: Tables, fuses: Bool, arenaLimit: Double
  ) {
    self.arenaLimit = arenaLimit
    self.visits = visits
    self.program = program
    self.fuses = fuses
    lists = VisitLists(program.itemCount, program.rootCount)
    isAwaited = [Bool](repeating: false, count: program.itemCount)
    typeBytes = [Double](repeating: -1, count: tables.types.count)
    for type in program.types where typeBytes[type.index] < 0 {
      typeBytes[type.index] = tables.byteCount(type)
    }
  }

  mutating func build(_ tables: inout Tables) {
    for index in 0..<program.itemCount {
      let item = ItemID(index)
      let role = program.roles[index]
      if role.isControl || role == .assign {
        placeWaiting(&tables)
        segment += 1
        segmentBegin = visits.count
      } else if !visits.derivation.isDerived(item) {
        if waits(item, &tables) {
          isAwaited[index] = true
          waiting.append(item)
        } else {
          place(item, role, &tables)
        }
      }
    }
    placeWaiting(&tables)
    moveUpdates(&tables)
  }

  mutating func place(_ item: ItemID, _ role: Role, _ tables: inout Tables) {
    leaves.read(item, program, visits.derivation, &tables)
    if leaves.roots.contains(where: { isWaiting($0) }) { placeAwaited(by: item, &tables) }
    let block = program.blocks[item.index]
    guard role.isElementwise || role == .contract, leaves.space.count <= Leaves.maximumAxes else {
      visits.reasons[item.index] = .kernelOfItsOwn
      let visit = appendVisit(block, isSingle: true)
      visits.append(item, to: visit)
      finish(item, visit)
      return
    }
    let own = ownCost(item, tables)
    if fuses, !program.gathersFromNothing(item, &tables) {
      let reason = join(item, own, &tables)
      visits.reasons[item.index] = reason
      if reason.isJoined { return }
    }
    let visit = appendVisit(block, isSingle: false)
    begin(item, visit, own, tables)
    commit(item, visit, &tables)
  }

  private mutating func appendVisit(_ block: BlockID, isSingle: Bool) -> VisitID {
    lists.appendVisit()
    return visits.appendVisit(block, segment, isSingle: isSingle)
  }

  // MARK: Candidates

  private mutating func join(_ item: ItemID, _ own: Cost, _ tables: inout Tables) -> Visits.Reason {
    if isLateCopy(item) { return .first }
    var best = VisitID.none
    var (deepest, isAlone) = (Int32(-1), true)
    var reason = Visits.Reason.first
    for root in leaves.roots {
      guard let visit = maker(root), visit != best else { continue }
      if lists.depths[visit.index] > deepest {
        (deepest, best, isAlone) = (lists.depths[visit.index], visit, true)
      } else if lists.depths[visit.index] == deepest {
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
    candidates.removeAll(keepingCapacity: true)
    byBytes.removeAll(keepingCapacity: true)
    for (leaf, root) in leaves.roots.enumerated() where !leaves.isRepeated(leaf) {
      byBytes.append((bytes(root), leaf))
    }
    byBytes.sort { $0.bytes != $1.bytes ? $0.bytes > $1.bytes : $0.leaf < $1.leaf }
    search: for row in byBytes.indices {
      let leaf = byBytes[row].leaf
      if let visit = maker(leaves.roots[leaf]), visit != best, !candidates.contains(visit) {
        candidates.append(visit)
        if shares(visit), attempt(item, visit, own, &tables) == .joined { return .joined }
      }
      var row = lists.readers[leaves.roots[leaf].index]
      var looks = 0
      while row != Visits.end {
        let visit = lists.readerRows[Int(row)].visit
        row = lists.readerRows[Int(row)].next
        guard visit.index >= segmentBegin, looks < Self.mostLooks else { break }
        looks += 1
        if visit == best || candidates.contains(visit) { continue }
        candidates.append(visit)
        guard shares(visit) else { continue }
        let sibling = attempt(item, visit, own, &tables)
        if sibling == .joined { return .joined }
        if reason == .first, sibling != .readsElsewhere { reason = sibling }
        tried += 1
        if tried == 4 { break search }
      }
    }
    if joinBeside(item, own, &tables) { return .beside }
    // Of a pad it is said too why it does not run in the kernel that only reads what it surrounds.
    return best.isNone && program.roles[item.index] != .pad ? .first : reason
  }

  /// Whether an item copies what was made long ago: made there, the copy would have to be kept as long.
  private func isLateCopy(_ item: ItemID) -> Bool {
    guard program.roles[item.index] == .copy else { return false }
    return leaves.roots.allSatisfy { root in
      let maker = program.makers[root.index]
      return !maker.isNone && item.index - maker.index > Program.lateDistance
    }
  }

  /// Whether an item is made again for a reader that comes later than a visit: there it would have to be kept.
  private func isTooEarly(_ item: ItemID, _ visit: VisitID) -> Bool {
    let first = program.firstRepetitions[item.index]
    return !first.isNone && visits.firstItem(visit).index < first.index
  }

  /// Whether a visit reads or makes the larger part of what the item reads.
  private func shares(_ visit: VisitID) -> Bool {
    var (shared, largest) = (0.0, 0.0)
    for root in leaves.roots {
      let bytes = bytes(root)
      largest = max(largest, bytes)
      if maker(root) == visit || reads(visit, root) { shared = max(shared, bytes) }
    }
    return 2 * shared >= largest
  }

  func bytes(_ root: RootID) -> Double { typeBytes[program.types[root.index].index] }

  /// The visit of the same segment that makes a root.
  func maker(_ root: RootID) -> VisitID? {
    guard program.homes[root.index] == .item else { return nil }
    let visit = visits.visitOf[program.makers[root.index].index]
    return !visit.isNone && visit.index >= segmentBegin ? visit : nil
  }

  /// The bytes of the arena that a visit works on more with an item: what it makes, and reads of others that nothing in
  /// the visit read yet.
  private func arenaBytes(_ item: ItemID, _ visit: VisitID) -> Double {
    if arenaLimit == .infinity { return 0 }
    var bytes = program.results(item).reduce(0) { $0 + self.bytes(RootID($1)) }
    for (leaf, root) in leaves.roots.enumerated()
    where program.homes[root.index] == .item && !leaves.roots[..<leaf].contains(root) {
      if maker(root) != visit, !reads(visit, root) { bytes += self.bytes(root) }
    }
    return bytes
  }

  /// How many arrays the kernel of a visit works on with an item.
  func arrayCount(_ item: ItemID, _ visit: VisitID) -> Int {
    var count = Int(lists.arrayCounts[visit.index]) + program.results(item).count
    for (leaf, root) in leaves.roots.enumerated() where !leaves.isRepeated(leaf) {
      if maker(root) != visit && !reads(visit, root) { count += 1 }
    }
    return count
  }

  /// Lets an item join a visit if it can, its result maybe along atoms that are known.
  mutating func attempt(
    _ item: ItemID, _ visit: VisitID, _ own: Cost, along atoms: AxisList = AxisList(),
    source: VisitID = .none,
    _ tables: inout Tables
  ) -> Visits.Reason {
    let block = program.blocks[item.index]
    if visits.isSingle[visit.index] { return .operandHasKernelOfItsOwn }
    if visits.blocks[visit.index] != block { return .otherBlock }
    if isTooEarly(item, visit) { return .tooEarly }
    if lists.arenaBytes[visit.index] + arenaBytes(item, visit) > arenaLimit { return .overBudget }
    if Int(visits.itemCounts[visit.index]) >= Visits.maximumItems
      || arrayCount(item, visit) > Visits.maximumArrays
    {
      return .full
    }
    if let refusal = unify(item, visit, along: atoms, source: source, &tables) { return refusal }
    attempt.isAwaited = atoms != AxisList()
    if let refusal = choose(item, visit, own, tables) { return refusal }
    guard settle(visit) else { return .notBefore }
    commit(item, visit, &tables)
    return .joined
  }

  // MARK: Depths

  /// Makes sure that all other makers come before a visit, by moving it and what follows it deeper where it must.
  mutating func settle(_ visit: VisitID) -> Bool {
    var depth = lists.depths[visit.index]
    for root in leaves.roots {
      if let maker = maker(root), maker != visit { depth = max(depth, lists.depths[maker.index] + 1) }
    }
    if depth == lists.depths[visit.index] { return true }
    raised.removeAll(keepingCapacity: true)
    raised.append((visit, depth))
    var (next, looks) = (0, 0)
    while next < raised.count {
      let (moved, depth) = raised[next]
      next += 1
      var row = lists.followers[moved.index]
      while row != Visits.end {
        let follower = lists.followerRows[Int(row)].visit
        row = lists.followerRows[Int(row)].next
        if leaves.roots.contains(where: { maker($0) == follower }) { return false }
        looks += 1
        if looks >= Self.mostFollowers { return false }
        if lists.depths[follower.index] > depth { continue }
        if raised.count >= Self.mostRaised { return false }
        raised.append((follower, depth + 1))
      }
    }
    for (moved, depth) in raised { lists.depths[moved.index] = max(lists.depths[moved.index], depth) }
    return true
  }

  // MARK: Writing down

  private mutating func begin(_ item: ItemID, _ visit: VisitID, _ own: Cost, _ tables: Tables) {
    attempt.reset()
    attempt.cost = own
    for axis in leaves.space.indices where tables.dims.value(leaves.space[axis]) != 1 {
      // Spaces have at most 15 axes that are loops: `Flattener` makes fewer of them where a contraction has more.
      guard attempt.newExtents.count < Visits.maximumAtoms else { break }
      attempt.atoms[axis] = attempt.newExtents.count
      if !leaves.foldedAxes.contains(axis) { attempt.outer |= 1 << UInt32(attempt.newExtents.count) }
      attempt.newExtents.append(leaves.space[axis])
    }
    if leavesParts(item) { beginSweep() }
    if program.roles[item.index] == .pad { beginPad(item, visit, tables) }
    noteRow(item)
    if attempt.rowAtoms != 0 {
      attempt.outer &= attempt.rowKept
      attempt.cost.streamed = streamedBytes(nil, tables)
    }
    let (nest, phase) = nest(item)
    attempt.newNest = nest
    attempt.phase = phase
  }

  mutating func commit(_ item: ItemID, _ visit: VisitID, _ tables: inout Tables) {
    visits.append(attempt.newExtents, to: visit)
    visits.outer[visit.index] = attempt.outer
    visits.sweeps[visit.index] = attempt.sweep
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
    visits.lastNests[item.index] = visits.nestOf[item.index]
    for map in attempt.again { visits.lastNests[map.index] = visits.nestOf[item.index] }
    visits.phases[item.index] = attempt.phase
    lists.costs[visit.index] = attempt.cost
    visits.spaceAtoms[item.index] = attempt.atoms.bits
    let rank = program.results(item).first.map { tables.types.rank(program.types[$0]) } ?? 0
    lists.resultAtoms[item.index] =
      program.resultAxes(item, rank: rank, leaves.space.count).through(attempt.atoms)
    lists.arrayCounts[visit.index] = UInt32(arrayCount(item, visit))
    visits.append(item, to: visit)
    if arenaLimit < .infinity { lists.arenaBytes[visit.index] += arenaBytes(item, visit) }
    for root in attempt.kept where !visits.isKept[root.index] {
      visits.isKept[root.index] = true
      lists.keep(root, visit)
    }
    if attempt.rowAtoms != 0 { lists.keep(operandOf: item, along: attempt.rowAtoms, visit) }
    noteLooks(item, visit, &tables)
    finish(item, visit)
  }

  /// Notes along which atoms an item reads and makes its roots.
  private mutating func noteLooks(_ item: ItemID, _ visit: VisitID, _ tables: inout Tables) {
    for leaf in 0..<leaves.count where !leaves.isIndexed(leaf) {
      for axis in leaves.space.indices where !leaves.stride(leaf, axis).isNone {
        lists.note(
          leaves.roots[leaf], leaves.stride(leaf, axis), leaves.space[axis], atom: attempt.atoms[axis], visit)
      }
    }
    let (one, atoms) = (tables.dims.integer(1), lists.resultAtoms[item.index])
    for root in program.results(item) {
      let shape = tables.types.shape(program.types[root])
      let strides = tables.contiguousStrides(shape)
      for axis in shape.indices where shape[axis] != one {
        lists.note(RootID(root), strides[axis], shape[axis], atom: atoms[axis], visit)
      }
    }
  }

  /// Notes what a visit reads, and that it follows what makes that.
  private mutating func finish(_ item: ItemID, _ visit: VisitID) {
    for root in leaves.roots {
      lists.note(reader: visit, of: root)
      guard let maker = maker(root), maker != visit else { continue }
      lists.depths[visit.index] = max(lists.depths[visit.index], lists.depths[maker.index] + 1)
      lists.note(follower: visit, of: maker)
    }
  }
}
