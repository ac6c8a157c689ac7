import SluiceIR

/// Which values are made where they are wanted: directly at the target of their assign, or in the memory of an
/// operand that dies.
struct Placement {
  /// Per root the assign at whose target it is made; none for those that are not.
  private(set) var boundAssigns: [ItemID]
  /// Per root the one whose memory it takes over, element by element, in the kernel that makes it; or none.
  private(set) var inPlace: [RootID]
  /// Per item whether it is an assign that needs no copy.
  private(set) var isElided: [Bool]
  /// The assigns whose values could not be made at their targets.
  private(set) var copied: [ItemID] = []

  private(set) var reads: Reads
  /// Per root whether another one is made in its place.
  private var isTakenOver: [Bool]
  /// The roots that stand for a state are linked: the first per state, and per root the next one.
  private var firstStateRoots: [RootID]
  private var nextStateRoots: [RootID]
  private var leaves = Leaves()

  init(_ program: Program, _ visits: Visits, _ tables: inout Tables, stateCount: Int) {
    reads = Reads(program, visits)
    boundAssigns = [ItemID](repeating: .none, count: program.rootCount)
    inPlace = [RootID](repeating: .none, count: program.rootCount)
    isElided = [Bool](repeating: false, count: program.itemCount)
    isTakenOver = [Bool](repeating: false, count: program.rootCount)
    firstStateRoots = [RootID](repeating: .none, count: stateCount)
    nextStateRoots = [RootID](repeating: .none, count: program.rootCount)
    for root in (0..<program.rootCount).reversed() {
      guard case .state(let state) = program.homes[root] else { continue }
      nextStateRoots[root] = firstStateRoots[state]
      firstStateRoots[state] = RootID(root)
    }
    bindAssigns(program, visits, &tables)
    reuse(program, visits, &tables)
    (isTakenOver, nextStateRoots) = ([], [])
  }

  /// Drops what only says how long values are needed.
  mutating func dropReads() { reads = Reads() }

  // MARK: At the target

  private mutating func bindAssigns(_ program: Program, _ visits: Visits, _ tables: inout Tables) {
    for index in 0..<program.itemCount where program.roles[index] == .assign {
      let item = ItemID(index)
      guard let view = program.operands(item).first, program.isWhole(view) else { continue }
      let root = program.roots[view.index]
      guard boundAssigns[root.index].isNone else { continue }
      if isBindable(item, root, program, visits, &tables) {
        boundAssigns[root.index] = item
        isElided[index] = true
      } else {
        copied.append(item)
      }
    }
  }

  private mutating func isBindable(
    _ assign: ItemID, _ root: RootID, _ program: Program, _ visits: Visits, _ tables: inout Tables
  ) -> Bool {
    let block = program.blocks[assign.index]
    guard program.homeBlocks[root.index] == block else { return false }
    switch (program.target(assign), program.homes[root.index]) {
    case (.output, .item), (.output, .cell), (.output, .stack), (.part, .item): return true
    case (.cell(let cell), .item):
      return repeats(block, cell, program) && takesOver(cell, root, block, program, visits, &tables)
    case (.cell(let cell), .cell), (.cell(let cell), .stack):
      // Nothing reads the result of a branch inside it.
      return isSide(block, program) && repeats(block, cell, program)
    case (.state(let state), .item):
      return takesOver(firstStateRoots[state], root, block, program, visits, &tables)
    default: return false
    }
  }

  private func isSide(_ block: BlockID, _ program: Program) -> Bool {
    block != Program.function && program.roles[program.begins[block.index].index] == .branch
  }

  /// Whether a block is the loop that carries a cell, or a side of the cell's branch.
  private func repeats(_ block: BlockID, _ cell: RootID, _ program: Program) -> Bool {
    program.homeBlocks[cell.index] == program.parents[block.index]
      && program.makers[cell.index] == program.ends[block.index]
  }

  /// Whether a value can be made where the old roots are, which are linked from `first` on.
  ///
  /// Nothing may read them later, and the kernel that makes it may read them only at the element that it then stores.
  private mutating func takesOver(
    _ first: RootID, _ root: RootID, _ block: BlockID, _ program: Program, _ visits: Visits,
    _ tables: inout Tables
  ) -> Bool {
    let made = visits.entry(program.makers[root.index])
    let isInside = block != Program.function
    let begin = isInside ? visits.entry(program.begins[block.index]) : 0
    let end = isInside ? visits.entry(program.ends[block.index]) : .max
    var shared = RootID.none
    var old = first
    while !old.isNone {
      for read in reads.of(old) {
        if isInside, read.entry > end || read.entry < begin { continue }
        let time = reads.entry(read, from: block, program, visits)
        if time > made { return false }
        if time == made {
          guard read.block == block, shared.isNone || shared == old,
            isReadAlone(old, by: visits.visitOf[program.makers[root.index].index], visits),
            canShare(old, root, program, visits, &tables)
          else { return false }
          shared = old
        }
      }
      old = nextStateRoots[old.index]
    }
    if !shared.isNone { take(shared, root) }
    return true
  }

  // MARK: In place

  private mutating func take(_ old: RootID, _ root: RootID) {
    inPlace[root.index] = old
    isTakenOver[old.index] = true
  }

  /// Whether the kernel that makes a root reads `old` only at the element that it stores.
  private mutating func canShare(
    _ old: RootID, _ root: RootID, _ program: Program, _ visits: Visits, _ tables: inout Tables
  ) -> Bool {
    guard !isTakenOver[old.index], inPlace[root.index].isNone else { return false }
    let maker = program.makers[root.index]
    if updates(old, maker, program) { return true }
    let visit = visits.visitOf[maker.index]
    guard !visit.isNone, !visits.isSingle[visit.index], program.roles[maker.index] != .pad else {
      return false
    }
    let (type, oldType) = (program.types[root.index], program.types[old.index])
    guard tables.types.sameShape(type, oldType), tables.types.dtype(type) == tables.types.dtype(oldType)
    else {
      return false
    }
    let (nest, phase) = (visits.nestOf[maker.index], visits.phases[maker.index])
    if phase == .fold { return false }
    let shape = tables.types.shape(type)
    // Where the outer loops alone say which element it is, what runs before in them is done with the old one.
    let isOuter = visits.spaceBits(maker) & ~visits.outer[visit.index] == 0
    var item = visits.firstItem(visit)
    while !item.isNone {
      leaves.read(item, program, visits.derivation, &tables)
      for leaf in 0..<leaves.count where leaves.roots[leaf] == old {
        let last = visits.lastNests[item.index]
        let isAtOnce =
          visits.nestOf[item.index] == nest && last == nest
          && (visits.phases[item.index] == .post) == (phase == .post)
        guard isAtOnce || (isOuter && last < nest), leaves.isWhole(leaf) else {
          return false
        }
        // The item and the maker run over the same places; both must be at the same element.
        for axis in shape.indices where tables.dims.value(shape[axis]) != 1 {
          let space = leaves.spaceAxis(leaf, axis)
          guard space >= 0, visits.atom(item, space) == visits.atom(maker, axis) else { return false }
        }
      }
      item = visits.nextItem(item)
    }
    return true
  }

  /// Whether an item gives `old` with other elements at some places, and reads it for nothing else.
  private func updates(_ old: RootID, _ item: ItemID, _ program: Program) -> Bool {
    guard program.roles[item.index] == .update, let view = program.operands(item).first else { return false }
    return program.isWhole(view) && program.roots[view.index] == old
      && !program.operands(item).dropFirst().contains { program.roots[$0.index] == old }
  }

  /// Values of the arena that take over the memory of an operand that is read for the last time.
  private mutating func reuse(_ program: Program, _ visits: Visits, _ tables: inout Tables) {
    for index in 0..<visits.count {
      let visit = VisitID(index)
      var item = visits.firstItem(visit)
      while !item.isNone {
        for root in program.results(item)
        where visits.needsMemory[root] && boundAssigns[root].isNone && inPlace[root].isNone {
          share(RootID(root), visit, program, visits, &tables)
        }
        item = visits.nextItem(item)
      }
    }
  }

  /// Whether a visit reads a root, and none that runs together with it does.
  private func isReadAlone(_ root: RootID, by visit: VisitID, _ visits: Visits) -> Bool {
    guard !visit.isNone, visits.reads(visit).contains(root) else { return false }
    let entry = Int(visits.entryOf[visit.index])
    return reads.of(root).count { Int($0.entry) == entry } == 1
  }

  private mutating func share(
    _ root: RootID, _ visit: VisitID, _ program: Program, _ visits: Visits, _ tables: inout Tables
  ) {
    let made = Int(visits.entryOf[visit.index])
    for old in visits.reads(visit) {
      guard program.homes[old.index] == .item, program.homeBlocks[old.index] == visits.blocks[visit.index],
        boundAssigns[old.index].isNone, visits.entry(program.makers[old.index]) < made,
        Int(reads.last[old.index]) == made, isReadAlone(old, by: visit, visits),
        canShare(old, root, program, visits, &tables)
      else { continue }
      return take(old, root)
    }
  }
}
