import SluiceIR

/// The rules by which an item joins a visit.
extension VisitBuilder {
  /// Below this many operations dividing work among threads does not pay.
  private static let smallWork = 2e5
  /// At least so many outer places are left, with a contraction and without one.
  static let leastPlaces = (contraction: 128.0, other: 16.0)
  /// The most bytes of private memory of one outer place.
  static let privateBytes = 16_384.0
  /// The most maps of a visit that one nest makes again.
  private static let mostAgain = 8
  /// What is larger does not stay near.
  static let nearBytes = 65_536.0

  // MARK: Axes

  /// Finds the atoms of the visit along which the item runs; those of its first axes may be known.
  mutating func unify(
    _ item: ItemID, _ visit: VisitID, along known: AxisList = AxisList(), source: VisitID = .none,
    _ tables: inout Tables
  ) -> Visits.Reason? {
    attempt.reset()
    attempt.source = source
    attempt.atomCount = Int(visits.atomCounts[visit.index])
    attempt.atoms = known
    var used: UInt32 = 0
    for axis in leaves.space.indices where known[axis] != AxisList.none { used |= 1 << UInt32(known[axis]) }
    for isMade in [true, false] {
      for leaf in 0..<leaves.count where (maker(leaves.roots[leaf]) == visit) == isMade {
        if leaves.isIndexed(leaf) {
          if isMade { return .readsElsewhere }
          continue
        }
        for axis in leaves.space.indices {
          let stride = leaves.stride(leaf, axis)
          guard !stride.isNone,
            let atom = look(visit, leaves.roots[leaf], stride, leaves.space[axis])
              ?? besideAtom(leaf, axis, visit, &tables)
          else { continue }
          if attempt.atoms[axis] == atom { continue }
          guard attempt.atoms[axis] == AxisList.none, used >> UInt32(atom) & 1 == 0 else {
            if isMade { return .otherPlace }
            continue
          }
          attempt.atoms[axis] = atom
          used |= 1 << UInt32(atom)
        }
      }
    }
    let one = tables.dims.integer(1)
    for axis in leaves.space.indices where attempt.atoms[axis] == AxisList.none && leaves.space[axis] != one {
      guard attempt.atomCount + attempt.newExtents.count < Visits.maximumAtoms else { return .full }
      attempt.atoms[axis] = attempt.atomCount + attempt.newExtents.count
      attempt.newExtents.append(leaves.space[axis])
    }
    if used & visits.outer[visit.index] == 0, visits.outer[visit.index] != 0 { return .noCommonAxis }
    return nil
  }

  /// The atom along which a visit reads or makes a root at a stride.
  private func look(_ visit: VisitID, _ root: RootID, _ stride: DimID, _ extent: DimID) -> Int? {
    var row = lists.looks[visit.index]
    while row != Visits.end {
      let look = lists.lookRows[Int(row)]
      row = look.next
      guard look.root == root else { continue }
      let way = lists.way(look)
      if way.stride == stride, way.extent == extent { return Int(way.atom) }
    }
    return nil
  }

  private func extent(_ visit: VisitID, _ atom: Int) -> DimID {
    atom < attempt.atomCount ? visits.extent(visit, atom) : attempt.newExtents[atom - attempt.atomCount]
  }

  /// The product of the extents of some atoms.
  func places(_ visit: VisitID, _ atoms: UInt32, _ tables: Tables) -> Double {
    var (product, rest) = (1.0, atoms)
    while rest != 0 {
      let atom = rest.trailingZeroBitCount
      product *= tables.extent(extent(visit, atom))
      rest &= rest - 1
    }
    return product
  }

  // MARK: The item

  /// The bits of the atoms along which the item runs, and of those that it folds.
  var domain: (all: UInt32, folded: UInt32) {
    var (all, folded): (UInt32, UInt32) = (0, 0)
    for axis in leaves.space.indices where attempt.atoms[axis] != AxisList.none {
      all |= 1 << UInt32(attempt.atoms[axis])
      if leaves.foldedAxes.contains(axis) { folded |= 1 << UInt32(attempt.atoms[axis]) }
    }
    return (all, folded)
  }

  /// What the item costs on its own.
  func ownCost(_ item: ItemID, _ tables: Tables) -> Cost {
    var elements = 1.0
    for dim in leaves.space { elements *= tables.extent(dim) }
    let isContraction = program.roles[item.index] == .contract
    var cost = Cost(
      operations: elements * Double(isContraction ? 2 : leaves.operations), contracts: isContraction)
    for (leaf, root) in leaves.roots.enumerated() {
      if leaves.isRepeated(leaf) { continue }
      cost.bytes += bytes(root)
    }
    for root in program.results(item) { cost.bytes += bytes(RootID(root)) }
    return cost
  }

  /// Notes the atoms of the operand that a contraction computes once a place.
  mutating func noteRow(_ item: ItemID) {
    attempt.rowAtoms = 0
    guard program.roles[item.index] == .contract else { return }
    let labels = program.recipeTable.labels(program.recipe(item))
    let order = labels.result + program.recipeTable.summedLabels(program.recipe(item))
    for (position, view) in program.operands(item).prefix(2).enumerated() {
      let own = position == 0 ? labels.lhs : labels.rhs
      let root = program.roots[view.index]
      guard isComputed(root), labels.result.contains(where: { !own.contains($0) }) else { continue }
      for label in own {
        guard let axis = order.firstIndex(of: label), attempt.atoms[axis] != AxisList.none else { continue }
        attempt.rowAtoms |= 1 << UInt32(attempt.atoms[axis])
        if labels.result.contains(label) { attempt.rowKept |= 1 << UInt32(attempt.atoms[axis]) }
      }
    }
  }

  func isComputed(_ root: RootID) -> Bool { visits.derivation.isDerived(root, program) }

  /// The nest that the item alone would have, and when it runs in it.
  func nest(_ item: ItemID) -> (Visits.Nest, Visits.Phase) {
    var nest = Visits.Nest()
    var (keptCount, foldedCount): (UInt64, UInt64) = (0, 0)
    for axis in leaves.space.indices where attempt.atoms[axis] != AxisList.none {
      let atom = UInt64(attempt.atoms[axis])
      if leaves.foldedAxes.contains(axis) {
        nest.folded = nest.folded & ~(15 << (4 * foldedCount)) | atom << (4 * foldedCount)
        foldedCount += 1
      } else {
        nest.kept = nest.kept & ~(15 << (4 * keptCount)) | atom << (4 * keptCount)
        keptCount += 1
      }
    }
    let role = program.roles[item.index]
    nest.folds = role.isReduction || role == .contract
    nest.contracts = role == .contract
    nest.argues = role == .argument
    let foldsLast = leaves.space.indices.last.map { leaves.foldedAxes.contains($0) } ?? true
    nest.isColumn = role == .fold && !foldsLast
    nest.leavesParts = leavesParts(item)
    nest.hasLanes = role == .fold && foldsLast && !program.recipeTable.isColumn[program.recipe(item).index]
    return (nest, nest.folds ? .fold : .body)
  }

  // MARK: Choosing

  /// Whether and how the item joins; nil where it does.
  mutating func choose(
    _ item: ItemID, _ visit: VisitID, _ own: Cost, _ tables: Tables
  ) -> Visits.Reason? {
    let (all, folded) = domain
    noteRow(item)
    attempt.outer = visits.outer[visit.index] & all & ~folded
    attempt.sweep = visits.sweeps[visit.index]
    if leavesParts(item) {
      guard sweeps(visit, all, folded) else { return .foldsElsewhere }
    } else if goesOn(item, visit, all, folded, tables) {
      attempt.outer = visits.outer[visit.index]
      attempt.sweep = UInt8(folded.trailingZeroBitCount)
      // Each block of the sweep has a row of its own.
      attempt.rowKept |= folded
    } else if let sum = copiedSum(item, visit) {
      attempt.outer = visits.outer[visit.index]
      guard attempt.outer & ~(all | 1 << UInt32(attempt.sweep)) == 0 else { return .readsElsewhere }
      attempt.waitingSum = sum
    } else if attempt.sweep != Visits.noSweep, attempt.outer >> UInt32(attempt.sweep) & 1 == 0 {
      return .foldsElsewhere
    }
    if attempt.rowAtoms != 0 { attempt.outer &= attempt.rowKept }
    if !attempt.source.isNone, attempt.outer != visits.outer[visit.index] { return .noCommonAxis }
    if attempt.isAwaited { attempt.outer &= ~lastAtom(all & ~folded) }
    if program.roles[item.index] == .pad {
      attempt.outer &= leadingAtoms(item, tables)
      if attempt.outer == 0, visits.outer[visit.index] != 0 { return .outsideOfBorder }
      // Loops of a product change for what it makes, not for what it reads too.
      if lists.costs[visit.index].contracts, !leaves.roots.contains(where: { maker($0) == visit }) {
        return .borderOfOperand
      }
    }
    if let refusal = match(visit, tables) { return refusal }
    let joined = lists.costs[visit.index] + own
    let places = places(visit, attempt.outer, tables)
    let least = joined.contracts ? Self.leastPlaces.contraction : Self.leastPlaces.other
    if joined.operations > Self.smallWork, places < least {
      if attempt.outer != visits.outer[visit.index] { return .fewPlaces }
      if own.operations > Self.smallWork, self.places(visit, all & ~folded, tables) >= least {
        return .fewPlaces
      }
    }
    if let refusal = chooseNest(item, visit, joined.contracts, tables) { return refusal }
    if !attempt.waitingSum.isNone, attempt.newNest != nil || attempt.phase != .post { return .readsElsewhere }
    if let refusal = checkLanes(visit) { return refusal }
    if !keepsRows(visit, tables), joined.contracts || strides(visit, tables) { return .rowsApart }
    if rowBytes(visit, attempt.outer, item, attempt.kept, tables) > Self.privateBytes {
      return .privateMemory
    }
    let rows = rowBytes(visit, attempt.outer, item, attempt.kept, tables, withStored: false)
    return weigh(item, visit, own, joined, places, rows, tables)
  }

  /// The atom of the last axis of the item's space that has one of these: its places run side by side.
  private func lastAtom(_ atoms: UInt32) -> UInt32 {
    for axis in leaves.space.indices.reversed() where attempt.atoms[axis] != AxisList.none {
      let atom = UInt32(1) << UInt32(attempt.atoms[axis])
      if atoms & atom != 0 { return atom }
    }
    return 0
  }

  /// The atom of an axis of a root that the visit makes.
  func madeAtom(_ root: RootID, _ axis: Int) -> Int? {
    let atom = lists.resultAtoms[program.makers[root.index].index][axis]
    return atom == AxisList.none ? nil : atom
  }

  /// Along outer atoms, what the visit makes must be read where it is made.
  private mutating func match(_ visit: VisitID, _ tables: Tables) -> Visits.Reason? {
    isSame.removeAll(keepingCapacity: true)
    for (leaf, root) in leaves.roots.enumerated() {
      isSame.append(maker(root) == visit && isSameElement(leaf, tables))
    }
    for (leaf, root) in leaves.roots.enumerated() where maker(root) == visit {
      guard leaves.isMapped(leaf), !leaves.isAhead(leaf), !leavesParts(program.makers[root.index]),
        program.roles[program.makers[root.index].index] != .pad,
        root == attempt.waitingSum || !visits.goesOn(program.makers[root.index])
      else {
        return .readsElsewhere
      }
      for axis in 0..<rank(root, tables) {
        guard let atom = madeAtom(root, axis), attempt.outer >> UInt32(atom) & 1 == 1 else { continue }
        let space = leaves.spaceAxis(leaf, axis)
        guard space >= 0, attempt.atoms[space] == atom else { return .readsElsewhere }
      }
    }
    return nil
  }

  func rank(_ root: RootID, _ tables: Tables) -> Int {
    tables.types.rank(program.types[root.index])
  }

  /// Whether a leaf that the visit makes is read at the place at which it is made, along all of its axes.
  private func isSameElement(_ leaf: Int, _ tables: Tables) -> Bool {
    let root = leaves.roots[leaf]
    guard leaves.isWhole(leaf) else { return false }
    let type = program.types[root.index]
    for axis in 0..<tables.types.rank(type) where tables.dims.value(tables.types.dim(type, axis)) != 1 {
      let space = leaves.spaceAxis(leaf, axis)
      guard space >= 0, let atom = madeAtom(root, axis),
        attempt.atoms[space] == atom
      else { return false }
    }
    return true
  }

  private mutating func chooseNest(
    _ item: ItemID, _ visit: VisitID, _ contracts: Bool, _ tables: Tables
  ) -> Visits.Reason? {
    let (own, phase) = nest(item)
    var earliest = 0
    for root in leaves.roots where maker(root) == visit {
      earliest = max(earliest, Int(visits.nestOf[program.makers[root.index].index]))
    }
    let count = Int(visits.nestCounts[visit.index])
    attempt.newNest = nil
    attempt.again.removeAll(keepingCapacity: true)
    var found = -1
    if !own.contracts && attempt.rowAtoms == 0 {
      for nest in earliest..<count {
        guard let phase = fit(own, phase, visit, nest) else { continue }
        found = nest
        attempt.nest = nest
        attempt.phase = phase
        break
      }
    }
    if found < 0 {
      guard count < Visits.maximumNests else { return .full }
      attempt.newNest = own
      attempt.phase = phase
      found = count
    }
    for root in leaves.roots where maker(root) == visit { keep(root, visit, found, contracts, tables) }
    return nil
  }

  /// Keeps a value of the visit for a later nest, or what it is made of where it is a map whose row would be too long:
  /// then it is made again there.
  private mutating func keep(
    _ root: RootID, _ visit: VisitID, _ nest: Int, _ contracts: Bool, _ tables: Tables
  ) {
    var open = [root]
    while let root = open.popLast() {
      guard maker(root) == visit || isComputed(root) else { continue }
      let item = program.makers[root.index]
      if !isComputed(root) {
        guard Int(visits.nestOf[item.index]) < nest else { continue }
        if attempt.again.contains(item) { continue }
        let isLong = rowBytes(root, attempt.outer, tables) > Self.privateBytes
        let isMap = program.roles[item.index] == .map && attempt.again.count < Self.mostAgain
        if contracts || !isLong || !isMap {
          if !attempt.kept.contains(root) { attempt.kept.append(root) }
          continue
        }
        attempt.again.append(item)
      }
      for view in program.operands(item) where !program.roots[view.index].isNone {
        open.append(program.roots[view.index])
      }
    }
  }

  /// When the item would run in a nest; nil where it cannot.
  private mutating func fit(
    _ own: Visits.Nest, _ phase: Visits.Phase, _ visit: VisitID, _ number: Int
  ) -> Visits.Phase? {
    let row = visits.nestRow(visit, number)
    let nest = visits.nestRows[row]
    var (readsBody, readsFolds) = (false, false)
    for (leaf, root) in leaves.roots.enumerated() where maker(root) == visit {
      let maker = program.makers[root.index].index
      guard Int(visits.nestOf[maker]) == number else { continue }
      guard isSame[leaf] else { return nil }
      if visits.phases[maker] == .body { readsBody = true } else { readsFolds = true }
    }
    if readsBody && readsFolds { return nil }
    if phase == .fold {
      if readsFolds || nest.contracts { return nil }
      if nest.folds {
        guard !nest.argues, !own.argues, nest.kept == own.kept, nest.folded == own.folded,
          nest.isColumn == own.isColumn, nest.hasLanes == own.hasLanes,
          nest.leavesParts == own.leavesParts
        else { return nil }
        return .fold
      }
      // A nest of maps becomes one that folds, where the folded axes are its inner loops.
      guard !own.isColumn, Visits.joined(own.kept, own.folded) == nest.kept else { return nil }
      attempt.refold = own
      return .fold
    }
    if nest.leavesParts { return nil }
    if readsFolds { return Visits.sameLoops(nest.kept, own.kept) ? .post : nil }
    if nest.contracts { return Visits.sameLoops(nest.kept, own.kept) && !readsBody ? .post : nil }
    if nest.folds {
      if !nest.isColumn, Visits.sameLoops(Visits.joined(nest.kept, nest.folded), own.kept) { return .body }
      return Visits.sameLoops(nest.kept, own.kept) && !readsBody ? .post : nil
    }
    return Visits.sameLoops(nest.kept, own.kept) ? .body : nil
  }

  /// What has several nests needs something to run side by side inside of the outer loops.
  private func checkLanes(_ visit: VisitID) -> Visits.Reason? {
    let count = Int(visits.nestCounts[visit.index]) + (attempt.newNest == nil ? 0 : 1)
    if count == 1 { return nil }
    for number in 0..<count {
      let nest =
        number < Int(visits.nestCounts[visit.index])
        ? visits.nest(visit, number) : attempt.newNest ?? Visits.Nest()
      guard Visits.bits(nest.kept) & ~attempt.outer == 0 else { continue }
      if nest.contracts { return .noLanes }
      if nest.isColumn, Visits.bits(nest.folded) != 0 { return .foldsElsewhere }
    }
    return nil
  }

  func reads(_ visit: VisitID, _ root: RootID) -> Bool {
    var row = lists.readers[root.index]
    var steps = 0
    while row != Visits.end, steps < 16 {
      if lists.readerRows[Int(row)].visit == visit { return true }
      row = lists.readerRows[Int(row)].next
      steps += 1
    }
    return false
  }
}

extension Visits {
  /// Whether two lists are loops over the same atoms with the same one innermost: neighbours stay side by side.
  static func sameLoops(_ a: UInt64, _ b: UInt64) -> Bool {
    a == b || (bits(a) == bits(b) && atoms(a).last == atoms(b).last)
  }

  /// One list of atoms behind another.
  static func joined(_ a: UInt64, _ b: UInt64) -> UInt64 {
    var count = 0
    while count < 16, atom(a, count) != nil { count += 1 }
    if count == 0 { return b }
    if count == 16 { return a }
    let shift = UInt64(4 * count)
    return a & ((1 << shift) - 1) | b << shift
  }
}
