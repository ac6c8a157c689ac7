import SluiceIR

/// Which items of a program run together in one kernel.
///
/// A group has one iteration space. An item joins the latest group that makes one of its operands, when it reads
/// that operand element by element and all its other operands are there before the group: then every edge leads
/// from an earlier entry to a later one, so the order stays a topological one and each decision costs only the
/// item's own operands. What was decided, and why, is stored an item and an operand.
struct Grouping {
  /// Marks handles of groups.
  enum GroupTag {}
  /// The items of one kernel.
  typealias GroupID = Handle<GroupTag>

  /// What happens, in order.
  enum Entry {
    case group(GroupID)
    case assign(ItemID)
    /// The begin, the middle or the end of a loop or branch.
    case control(ItemID)
  }

  /// How an item reads an operand.
  enum Edge: UInt8 {
    /// A constant everywhere.
    case splat
    /// Made in the same kernel, at the same place of the space.
    case register
    /// From memory.
    case memory
  }

  /// Why an item stands in the group in which it stands.
  enum Reason: UInt8 {
    /// It joined the group that makes one of its operands.
    case joined
    /// It begins a group: nothing that it reads is made by another one.
    case first
    case kernelOfItsOwn, operandHasKernelOfItsOwn, readsElsewhere, otherSpace, otherBlock, behindLeave, full
    case foldsOtherAxes, outerFold, twoPositions, readsFold
  }

  /// The most arrays that a kernel works on: C99 promises functions of 127 parameters, and there are others.
  static let maximumArrays = 96

  // Per group.

  /// Whether the group is one item that has a kernel of its own; else it runs element by element.
  private(set) var isSingle: [Bool] = []
  /// The iteration space of an elementwise group: a type with its dims.
  private(set) var spaces: [TypeID] = []
  /// The axes that folds of the group run over; empty where there are none.
  private(set) var foldedAxes: [AxisSet] = []
  /// Whether there are folds; they may be over no axis.
  private(set) var folds: [Bool] = []
  /// The block in which the group runs.
  private(set) var blocks: [BlockID] = []
  private var firstItems: [ItemID] = []
  private var lastItems: [ItemID] = []
  private var itemCounts: [UInt32] = []
  /// A bound of how many arrays each group works on.
  private var arrayCounts: [UInt32] = []
  private var hasArgument: [Bool] = []
  /// The entry of each group.
  private var entryOf: [UInt32] = []

  // Per item, operand and root.

  /// Per item its group; none for assigns and control.
  private(set) var groupOf: [GroupID]
  /// Per item the entry where it happens.
  private(set) var itemEntries: [UInt32]
  /// Per item why it is where it is.
  private(set) var reasons: [Reason]
  /// Per operand how it is read.
  private(set) var edges: [Edge]
  /// Per root whether it needs memory: another group reads it, or a view of it, or an assign.
  private(set) var needsMemory: [Bool]
  /// Per item the next one of its group.
  private var nextItems: [ItemID]
  /// Per block the entry that leaves it early, from 1: what stands behind it must not run before.
  private var leaves: [UInt32]

  private(set) var entries: [Entry] = []
  private let maximumItems: UInt32

  init(_ program: Program, _ tables: inout Tables, fuses: Bool) {
    maximumItems = fuses ? 48 : 1
    groupOf = [GroupID](repeating: .none, count: program.itemCount)
    itemEntries = [UInt32](repeating: 0, count: program.itemCount)
    reasons = [Reason](repeating: .first, count: program.itemCount)
    nextItems = [ItemID](repeating: .none, count: program.itemCount)
    edges = [Edge](repeating: .memory, count: program.operandCount)
    needsMemory = [Bool](repeating: false, count: program.rootCount)
    leaves = [UInt32](repeating: 0, count: program.blockCount)
    for item in 0..<program.itemCount { place(ItemID(item), program, tables) }
  }

  /// The entry of an item.
  func entry(_ item: ItemID) -> Int { Int(itemEntries[item.index]) }

  /// The items of a group, in order.
  func items(_ group: GroupID) -> [ItemID] {
    var items: [ItemID] = []
    items.reserveCapacity(Int(itemCounts[group.index]))
    var item = firstItems[group.index]
    while !item.isNone {
      items.append(item)
      item = nextItems[item.index]
    }
    return items
  }

  var groupCount: Int { firstItems.count }

  private mutating func place(_ item: ItemID, _ program: Program, _ tables: Tables) {
    let role = program.roles[item.index]
    itemEntries[item.index] = UInt32(entries.count)
    if role.isControl || role == .assign {
      entries.append(role == .assign ? .assign(item) : .control(item))
      if role == .leave { leaves[program.blocks[item.index].index] = UInt32(entries.count) }
    } else if role.isElementwise {
      let space = Self.space(item, program)
      let (group, reason) = joinable(item, space, program, tables)
      reasons[item.index] = reason
      if group.isNone {
        begin(item, space, isSingle: false, program)
      } else {
        append(item, to: group, program)
      }
    } else {
      reasons[item.index] = .kernelOfItsOwn
      begin(item, Self.space(item, program), isSingle: true, program)
    }
    for row in program.operandRange(item) { setEdge(row, item, program, tables) }
  }

  private mutating func begin(_ item: ItemID, _ space: TypeID, isSingle: Bool, _ program: Program) {
    let group = GroupID(firstItems.count)
    self.isSingle.append(isSingle)
    spaces.append(space)
    foldedAxes.append(AxisSet())
    folds.append(false)
    blocks.append(program.blocks[item.index])
    firstItems.append(item)
    lastItems.append(item)
    itemCounts.append(0)
    arrayCounts.append(0)
    hasArgument.append(false)
    entryOf.append(UInt32(entries.count))
    entries.append(.group(group))
    append(item, to: group, program)
  }

  private mutating func append(_ item: ItemID, to group: GroupID, _ program: Program) {
    if itemCounts[group.index] > 0 { nextItems[lastItems[group.index].index] = item }
    lastItems[group.index] = item
    itemCounts[group.index] += 1
    groupOf[item.index] = group
    arrayCounts[group.index] += UInt32(program.results(item).count)
    itemEntries[item.index] = entryOf[group.index]
    let role = program.roles[item.index]
    if role.isReduction {
      foldedAxes[group.index] = program.recipeTable.axes[program.recipe(item).index]
      folds[group.index] = true
    }
    if role == .argument { hasArgument[group.index] = true }
  }

  private mutating func setEdge(_ row: Int, _ item: ItemID, _ program: Program, _ tables: Tables) {
    let view = program.operand(row)
    let root = program.roots[view.index]
    if root.isNone {
      edges[row] = .splat
    } else if isInside(view, groupOf[item.index], item, program, tables) {
      edges[row] = .register
    } else {
      edges[row] = .memory
      let group = groupOf[item.index]
      if !group.isNone { arrayCounts[group.index] += 1 }
      needsMemory[root.index] = true
    }
  }

  /// Whether the item would read this operand, made in the group, element by element.
  private func isInside(
    _ view: ViewID, _ group: GroupID, _ item: ItemID, _ program: Program, _ tables: Tables
  ) -> Bool {
    guard !group.isNone, !isSingle[group.index], program.isWhole(view) else { return false }
    let root = program.roots[view.index]
    guard program.homes[root.index] == .item, groupOf[program.makers[root.index].index] == group else {
      return false
    }
    return !program.roles[item.index].isIndexed
      && tables.types.sameShape(program.types[root.index], spaces[group.index])
  }

  /// The group that an item joins, or none and why.
  private func joinable(
    _ item: ItemID, _ space: TypeID, _ program: Program, _ tables: Tables
  ) -> (GroupID, Reason) {
    var latest = -1
    var candidate = GroupID.none
    var readsElsewhere = false
    for view in program.operands(item) {
      let root = program.roots[view.index]
      guard !root.isNone, !program.makers[root.index].isNone else { continue }
      let maker = program.makers[root.index]
      let entry = self.entry(maker)
      let isWhole = program.isWhole(view)
      if entry > latest || (entry == latest && !isWhole) {
        latest = entry
        readsElsewhere = !isWhole
        candidate = isWhole && program.homes[root.index] == .item ? groupOf[maker.index] : .none
      }
    }
    guard !candidate.isNone else { return (.none, readsElsewhere ? .readsElsewhere : .first) }
    if let reason = refusal(item, candidate, space, program, tables) { return (.none, reason) }
    return (candidate, .joined)
  }

  /// Why an item cannot join a group; nil where it can.
  private func refusal(
    _ item: ItemID, _ group: GroupID, _ space: TypeID, _ program: Program, _ tables: Tables
  ) -> Reason? {
    let role = program.roles[item.index]
    let block = program.blocks[item.index]
    if isSingle[group.index] { return .operandHasKernelOfItsOwn }
    if blocks[group.index] != block { return .otherBlock }
    if !tables.types.sameShape(spaces[group.index], space) { return .otherSpace }
    let arrays = program.operandRange(item).count + program.results(item).count
    if itemCounts[group.index] >= maximumItems
      || Int(arrayCounts[group.index]) + arrays > Self.maximumArrays
    {
      return .full
    }
    if entryOf[group.index] < leaves[block.index] { return .behindLeave }
    let own = role.isReduction ? program.recipeTable.axes[program.recipe(item).index] : nil
    if let axes = own ?? (folds[group.index] ? foldedAxes[group.index] : nil),
      !runsInOrder(space, axes, tables)
    {
      return .outerFold
    }
    if let own, folds[group.index] {
      if own != foldedAxes[group.index] { return .foldsOtherAxes }
      if role == .argument || hasArgument[group.index] { return .twoPositions }
    }
    // Every operand made in the group must be read element by element, which excludes results of its folds.
    for view in program.operands(item) where program.isWhole(view) {
      let root = program.roots[view.index]
      guard program.homes[root.index] == .item else { continue }
      let maker = program.makers[root.index]
      guard groupOf[maker.index] == group else { continue }
      if !isInside(view, group, item, program, tables) { return .readsElsewhere }
      if program.roles[maker.index].isReduction { return .readsFold }
    }
    return nil
  }

  /// The iteration space of an item: the type of its result, of its operand where it folds that.
  static func space(_ item: ItemID, _ program: Program) -> TypeID {
    if program.roles[item.index].isReduction, let operand = program.operands(item).first {
      return program.viewTypes[operand.index]
    }
    return program.results(item).first.map { program.types[$0] } ?? .none
  }

  /// Whether the folded axes are the inner loops: elsewhere a fold has a kernel of its own, so that every kernel
  /// stores its elements in the order of its loops.
  private func runsInOrder(_ space: TypeID, _ folded: AxisSet, _ tables: Tables) -> Bool {
    let last = (0..<tables.types.rank(space)).last { tables.dims.value(tables.types.dim(space, $0)) != 1 }
    return last.map { folded.contains($0) } ?? true
  }
}

extension Grouping.Reason {
  /// Why the item was not fused with the maker of its operand, for remarks; nil where there is nothing to say.
  var text: String? {
    switch self {
    case .joined, .first: nil
    case .kernelOfItsOwn: nil
    case .operandHasKernelOfItsOwn: "its operand is made by a kernel of its own"
    case .readsElsewhere: "it reads elements at other places than the one that it makes"
    case .otherSpace: "it runs over another shape than what makes its operand"
    case .otherBlock: "its operand is made outside of the loop or branch"
    case .behindLeave: "the loop may be left in between"
    case .full: "the kernel has as many operations or arrays as it may have"
    case .foldsOtherAxes: "the kernel reduces other axes"
    case .outerFold: "the reduced axes are not the inner ones"
    case .twoPositions: "a kernel looks for one position at a time"
    case .readsFold: "it reads the result of a reduction, which is there only when the loop has ended"
    }
  }
}
