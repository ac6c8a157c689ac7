import SluiceIR

/// Marks handles of visits.
enum VisitTag {}
/// The items of one kernel, and the loops that they share.
typealias VisitID = Handle<VisitTag>

/// Which items of a program run together in one kernel: one *visit* of an outer space, in *nests* of loops.
///
/// Axes of a visit are *atoms*: an item that reads a value where another one makes or reads it shares its atoms. The
/// *outer* atoms are loops around everything; inside them the nests run one after the other, each over atoms of its
/// own. What one nest makes and a later one reads stays in registers, or in a row of private memory.
///
/// The rules are those of docs/fusion.md. Every decision is stored: per item the visit, the nest and the phase in
/// which it runs, and why it did not join the visit of what it reads.
struct Visits {
  // MARK: Per visit

  /// Whether the visit is one item that has a kernel of its own; else it runs in nests.
  var isSingle: [Bool] = []
  var blocks: [BlockID] = []
  /// Visits between the same control items may change places.
  var segments: [UInt32] = []
  /// The atoms of the loops around everything, as bits.
  var outer: [UInt32] = []
  /// The outer atom whose blocks come one after the other in a task, because sums go on from one to the next.
  var sweeps: [UInt8] = []
  var atomCounts: [UInt8] = []
  var nestCounts: [UInt8] = []
  private var firstItems: [ItemID] = []
  private var lastItems: [ItemID] = []
  var itemCounts: [UInt32] = []
  /// The entry of each visit.
  private(set) var entryOf: [UInt32] = []
  /// The extents of the atoms of visit `v` are so many as it has, from row `firstAtoms[v]` on.
  private var atomExtents: [DimID] = []
  private var firstAtoms: [UInt32] = []
  /// The first rows of the lists of nests.
  var firstNests: [UInt32] = []

  static let maximumAtoms = 15
  /// No atom.
  static let noSweep = UInt8.max
  static let maximumNests = 24
  static let maximumItems = 48
  /// The most arrays that a kernel works on: C99 promises functions of 127 parameters, and there are others.
  static let maximumArrays = 96

  // MARK: Per item

  /// Per item its visit; none for derived items, assigns and control.
  var visitOf: [VisitID]
  /// Per item the nest in which it runs, and when.
  var nestOf: [UInt8]
  /// Per item the last nest that makes it: a later one than its own where that makes it again.
  var lastNests: [UInt8]
  var phases: [Phase]
  /// Per item the atom of each axis of its space, four bits each; 15 for none.
  var spaceAtoms: [UInt64]
  var reasons: [Reason]
  private var nextItems: [ItemID]
  /// Per item its entry; of a derived item, none.
  private var itemEntries: [UInt32] = []

  // MARK: Per root

  /// Per root whether it has memory that others see: another visit reads it, or an assign, or control.
  var needsMemory: [Bool]
  /// Per root whether a later nest of its visit reads it: it keeps a row of private memory, unless it has memory.
  var isKept: [Bool]

  private(set) var derivation: Derivation
  private(set) var entries: [Entry] = []
  /// The visits in the order in which they run.
  private(set) var ordered: [VisitID] = []
  /// What visits read from memory: the roots of visit `v` are `readPool[readEnds[v - 1]..<readEnds[v]]`.
  private(set) var readEnds: [UInt32] = []
  private(set) var readPool: [RootID] = []

  var nestRows: [Nest] = []

  /// What happens, in order.
  enum Entry {
    /// Visits that run together, as a range of `ordered`.
    case visits(UInt32, UInt32)
    case assign(ItemID)
    /// The begin, the middle or the end of a loop or branch.
    case control(ItemID)
  }

  /// A nest of loops: over kept atoms, inside them over folded ones.
  ///
  /// Atoms are four bits each, 15 ends the list.
  struct Nest: Equatable {
    var kept: UInt64 = .max
    var folded: UInt64 = .max
    /// Whether something is folded, maybe over no axis.
    var folds = false
    var contracts = false
    /// Whether it looks for a position.
    var argues = false
    /// Whether elements are taken in side by side, in lanes.
    var hasLanes = false
    /// Whether what is folded is not the last axis of the space: neighbours lie apart.
    var isColumn = false
    /// Whether it leaves parts of sums: the folded atom is the sweep of the visit.
    var leavesParts = false
    var next = Visits.end
  }

  /// When an item runs in its nest: at every place, as a fold, or behind the folds.
  enum Phase: UInt8 { case body, fold, post }

  /// Marks the end of a list.
  static let end = UInt32.max

  private init(_ program: Program, _ tables: inout Tables, fuses: Bool) {
    derivation = Derivation(program, &tables, isOn: fuses)
    let (items, roots) = (program.itemCount, program.rootCount)
    visitOf = [VisitID](repeating: .none, count: items)
    nestOf = [UInt8](repeating: 0, count: items)
    lastNests = [UInt8](repeating: 0, count: items)
    phases = [Phase](repeating: .body, count: items)
    spaceAtoms = [UInt64](repeating: .max, count: items)
    reasons = [Reason](repeating: .first, count: items)
    nextItems = [ItemID](repeating: .none, count: items)
    needsMemory = [Bool](repeating: false, count: roots)
    isKept = [Bool](repeating: false, count: roots)
  }

  /// The visits of a program, in the order in which they run.
  ///
  /// - Parameters:
  ///   - program: The items.
  ///   - tables: Types and dims.
  ///   - stateCount: How many states the module has.
  ///   - fuses: Whether several items may share a visit.
  ///   - arenaLimit: The most bytes of the arena that a visit of several items may work on.
  static func form(
    _ program: Program, _ tables: inout Tables, stateCount: Int, fuses: Bool, arenaLimit: Double = .infinity
  ) -> Visits {
    var visits = built(program, &tables, fuses: fuses, arenaLimit: arenaLimit)
    visits.noteReads(program)
    visits.order(program, tables, stateCount: stateCount)
    return visits
  }

  /// The visits of a program, in no order yet: the lists that only the builder needs end with this function.
  private static func built(
    _ program: Program, _ tables: inout Tables, fuses: Bool, arenaLimit: Double
  ) -> Visits {
    var builder = VisitBuilder(
      Visits(program, &tables, fuses: fuses), program, tables, fuses: fuses, arenaLimit: arenaLimit)
    builder.build(&tables)
    return builder.visits
  }

  var count: Int { isSingle.count }

  /// The items of a visit, in order; derived ones are not among them.
  func items(_ visit: VisitID) -> [ItemID] {
    var items: [ItemID] = []
    items.reserveCapacity(Int(itemCounts[visit.index]))
    var item = firstItems[visit.index]
    while !item.isNone {
      items.append(item)
      item = nextItems[item.index]
    }
    return items
  }

  /// The visits of an entry.
  func run(_ first: UInt32, _ end: UInt32) -> ArraySlice<VisitID> { ordered[Int(first)..<Int(end)] }

  func firstItem(_ visit: VisitID) -> ItemID { firstItems[visit.index] }

  func nextItem(_ item: ItemID) -> ItemID { nextItems[item.index] }

  /// The atom of an axis of an item's space; nil for one of one element.
  func atom(_ item: ItemID, _ axis: Int) -> Int? { Self.atom(spaceAtoms[item.index], axis) }

  /// The atom at a position of a list.
  static func atom(_ list: UInt64, _ position: Int) -> Int? {
    let atom = Int(list >> UInt64(4 * position) & 15)
    return atom == 15 ? nil : atom
  }

  /// The atoms of a list, in order.
  static func atoms(_ list: UInt64) -> [Int] {
    var atoms: [Int] = []
    while atoms.count < 16, let atom = atom(list, atoms.count) { atoms.append(atom) }
    return atoms
  }

  /// The atoms of a list as bits.
  static func bits(_ list: UInt64) -> UInt32 {
    var bits: UInt32 = 0
    var position = 0
    while position < 16, let atom = atom(list, position) {
      bits |= 1 << UInt32(atom)
      position += 1
    }
    return bits
  }

  /// The atoms along which an item runs, as bits.
  func spaceBits(_ item: ItemID) -> UInt32 {
    var bits: UInt32 = 0
    for axis in 0..<Leaves.maximumAxes {
      if let atom = atom(item, axis) { bits |= 1 << UInt32(atom) }
    }
    return bits
  }

  /// The row of a nest.
  func nestRow(_ visit: VisitID, _ nest: Int) -> Int {
    var row = Int(firstNests[visit.index])
    for _ in 0..<nest { row = Int(nestRows[row].next) }
    return row
  }

  func nest(_ visit: VisitID, _ nest: Int) -> Nest { nestRows[nestRow(visit, nest)] }

  /// Adds a nest behind the others.
  mutating func append(_ nest: Nest, to visit: VisitID) {
    let row = UInt32(nestRows.count)
    if nestCounts[visit.index] == 0 {
      firstNests[visit.index] = row
    } else {
      nestRows[nestRow(visit, Int(nestCounts[visit.index]) - 1)].next = row
    }
    nestRows.append(nest)
    nestCounts[visit.index] += 1
  }

  func extent(_ visit: VisitID, _ atom: Int) -> DimID { atomExtents[Int(firstAtoms[visit.index]) + atom] }

  /// Adds atoms to a visit.
  mutating func append(_ extents: [DimID], to visit: VisitID) {
    if extents.isEmpty { return }
    let (first, count) = (Int(firstAtoms[visit.index]), Int(atomCounts[visit.index]))
    if first + count != atomExtents.count {
      // Those of others stand behind the ones that there are: all of them go to the end.
      firstAtoms[visit.index] = UInt32(atomExtents.count)
      for row in first..<first + count { atomExtents.append(atomExtents[row]) }
    }
    atomExtents += extents
    atomCounts[visit.index] += UInt8(extents.count)
  }

  /// How many nests the visit of an item has.
  func nestCount(of item: ItemID) -> Int {
    let visit = visitOf[item.index]
    return visit.isNone ? 0 : Int(nestCounts[visit.index])
  }

  /// The entry of an item; of a derived one that of nothing.
  func entry(_ item: ItemID) -> Int { Int(itemEntries[item.index]) }

  /// Whether all that a visit does was done before: it is for late readers.
  func isRepeated(_ visit: VisitID, _ program: Program) -> Bool {
    var item = firstItems[visit.index]
    while !item.isNone, !program.firstRepetitions[item.index].isNone { item = nextItems[item.index] }
    return item.isNone
  }

  /// The roots that a visit reads from memory.
  func reads(_ visit: VisitID) -> ArraySlice<RootID> {
    readPool[(visit.index == 0 ? 0 : Int(readEnds[visit.index - 1]))..<Int(readEnds[visit.index])]
  }

  // MARK: Making

  mutating func appendVisit(_ block: BlockID, _ segment: UInt32, isSingle: Bool) -> VisitID {
    self.isSingle.append(isSingle)
    blocks.append(block)
    segments.append(segment)
    outer.append(0)
    sweeps.append(Self.noSweep)
    atomCounts.append(0)
    nestCounts.append(0)
    firstItems.append(.none)
    lastItems.append(.none)
    itemCounts.append(0)
    firstAtoms.append(UInt32(atomExtents.count))
    firstNests.append(Self.end)
    return VisitID(count - 1)
  }

  mutating func append(_ item: ItemID, to visit: VisitID) {
    if firstItems[visit.index].isNone {
      firstItems[visit.index] = item
    } else {
      nextItems[lastItems[visit.index].index] = item
    }
    lastItems[visit.index] = item
    itemCounts[visit.index] += 1
    visitOf[item.index] = visit
  }

  /// Puts the visits of every segment in order, and everything in entries.
  ///
  /// - Parameter choice: Which of the orders that are tried is taken; nil for the one of the smallest peak.
  mutating func order(_ program: Program, _ tables: Tables, stateCount: Int, choice: Int? = nil) {
    // What is written below must not be shared with the copy that the order looks at.
    (entries, ordered, entryOf, itemEntries) = ([], [], [], [])
    var order = VisitOrder(program, self, tables, stateCount: stateCount)
    ordered.reserveCapacity(count)
    entryOf = [UInt32](repeating: 0, count: count)
    itemEntries = [UInt32](repeating: Self.end, count: program.itemCount)
    var next = 0
    var segment: UInt32 = 0
    for index in 0...program.itemCount {
      let isLast = index == program.itemCount
      guard isLast || program.roles[index].isControl || program.roles[index] == .assign else { continue }
      let begin = next
      while next < count, segments[next] == segment { next += 1 }
      let (visits, ends) = order.order(begin, next, choice)
      var first = 0
      for end in ends {
        for visit in visits[first..<end] { note(visit, entry: entries.count) }
        entries.append(.visits(UInt32(ordered.count + first), UInt32(ordered.count + end)))
        first = end
      }
      ordered += visits
      segment += 1
      if isLast { break }
      itemEntries[index] = UInt32(entries.count)
      entries.append(program.roles[index] == .assign ? .assign(ItemID(index)) : .control(ItemID(index)))
    }
  }

  private mutating func note(_ visit: VisitID, entry: Int) {
    entryOf[visit.index] = UInt32(entry)
    var item = firstItems[visit.index]
    while !item.isNone {
      itemEntries[item.index] = UInt32(entry)
      item = nextItems[item.index]
    }
  }

  /// Drops what only choosing an arrangement needs.
  mutating func dropChoices() {
    derivation.dropLeaves()
    (lastNests, itemEntries, readEnds, readPool) = ([], [], [], [])
  }

  /// Notes which roots are read from memory, and by which visits.
  private mutating func noteReads(_ program: Program) {
    for item in 0..<program.itemCount where program.roles[item].isControl || program.roles[item] == .assign {
      for view in program.operands(ItemID(item)) where !program.roots[view.index].isNone {
        needsMemory[program.roots[view.index].index] = true
      }
    }
    var seen = [VisitID](repeating: .none, count: program.rootCount)
    var open: [ItemID] = []
    for index in 0..<count {
      let visit = VisitID(index)
      var item = firstItems[index]
      while !item.isNone {
        open.append(item)
        while let reader = open.popLast() {
          for view in program.operands(reader) {
            let root = program.roots[view.index]
            if root.isNone || seen[root.index] == visit { continue }
            seen[root.index] = visit
            if derivation.isDerived(root, program) {
              open.append(program.makers[root.index])
              continue
            }
            let isOwn =
              program.homes[root.index] == .item && visitOf[program.makers[root.index].index] == visit
            if isOwn { continue }
            readPool.append(root)
            needsMemory[root.index] = true
          }
        }
        item = nextItems[item.index]
      }
      readEnds.append(UInt32(readPool.count))
    }
  }
}

extension Visits {
  /// Why an item stands in the visit in which it stands.
  enum Reason: UInt8, CaseIterable {
    /// It joined a visit that makes or reads one of its operands.
    case joined
    /// It joined one that reads other results of what makes its operands.
    case beside
    /// It begins a visit: nothing that it reads is made by one that it could join.
    case first
    case kernelOfItsOwn, operandHasKernelOfItsOwn, readsElsewhere, noCommonAxis, otherBlock, full
    case otherPlace, notBefore, tooEarly, overBudget, fewPlaces, privateMemory, rowsApart, cost, noLanes,
      foldsElsewhere, outsideOfBorder, borderOfOperand
  }
}

extension Visits.Reason {
  var isJoined: Bool { self == .joined || self == .beside }

  /// Why the item was not fused with the maker of its operand, for remarks; nil where there is nothing to say.
  var text: String? {
    switch self {
    case .joined, .beside, .first, .kernelOfItsOwn: nil
    case .operandHasKernelOfItsOwn: "its operand is made by a kernel of its own"
    case .readsElsewhere: "it reads elements at other places than the one that it makes"
    case .noCommonAxis: "it runs over no axis of what makes its operand"
    case .otherBlock: "its operand is made outside of the loop or branch"
    case .full: "the kernel has as many operations, loops or arrays as it may have"
    case .otherPlace: "two axes of it would have to be one axis of the kernel"
    case .notBefore: "another operand is made only after that kernel has begun"
    case .overBudget: "the kernel would need too much of the arena at once"
    case .tooEarly: "it is made again for a later reader"
    case .fewPlaces: "too few independent iterations would be left"
    case .privateMemory: "its rows do not fit the private memory of an iteration"
    case .rowsApart: "what one iteration makes would not lie behind each other in memory"
    case .cost: "reading operands again would cost more than it saves"
    case .noLanes: "nothing would be left to run side by side"
    case .outsideOfBorder: "no loop around that kernel runs outside of the axes that it makes longer"
    case .borderOfOperand: "it surrounds an operand of a product, whose loops would have to be others"
    case .foldsElsewhere: "it reduces axes that do not lie behind each other in memory"
    }
  }
}
