import SluiceIR

/// A function with the bodies that it runs copied in: items over roots, in columns.
///
/// Ops that only look elsewhere are gone. What an item reads is a *view*: a root as a whole, or an affine part of a
/// root, or one constant everywhere. Carried values, stacked results and the results of a `cond` are roots that
/// `assign` items write.
struct Program {
  /// More loops in each other would make checking a plan slow.
  static let maximumLoopDepth = 6

  /// A reader so many items behind the maker of a value is late.
  static let lateDistance = 40

  // MARK: Items

  /// What each item does.
  private(set) var roles: [Role] = []
  /// By role: a recipe, a row of `targets` or of `loops`, the block that ends, or nothing.
  private var details: [UInt32] = []
  private var operandEnds: [UInt32] = []
  private var operandPool: [ViewID] = []
  /// The results of an item are so many roots from this one on.
  private var firstResults: [RootID] = []
  private var resultCounts: [UInt32] = []
  /// The block in which each item stands.
  private(set) var blocks: [BlockID] = []
  /// Where each item comes from.
  private(set) var locations: [LocationID] = []
  /// Of an item that does again what another one did the first that was made again for the same late reader.
  private(set) var firstRepetitions = RareColumn<ItemTag>()

  /// What the items compute.
  var recipeTable = RecipeTable()
  private var targets: [Target] = []
  private var loops: [Loop] = []

  /// Where an `assign` puts its operand.
  enum Target: Hashable {
    case output(Int)
    case state(Int)
    case cell(RootID)
    case part(stack: RootID, counter: SymbolID)
  }

  /// How a loop counts.
  struct Loop {
    var counter: SymbolID
    var count: DimID
    var isReverse: Bool
  }

  // MARK: Roots

  /// Per root its type.
  private(set) var types: [TypeID] = []
  /// Per root its name.
  private(set) var names: [StringID] = []
  /// Per root where its elements come from.
  private(set) var homes = HomeColumn()
  /// Per root the item after which it is there; none for what is there from the start.
  var makers: [ItemID] = []
  /// Per root the block that it lives in; for cells and stacks the one around their loop or branch.
  private(set) var homeBlocks: [BlockID] = []
  /// Per root the one that late readers read, made again for them; none where there is no such one.
  private(set) var repetitions = RareColumn<RootTag>()
  /// Per root the place of the node or input that gives it.
  private(set) var rootLocations: [LocationID] = []
  /// Per root the view of all of it.
  private var wholes: [ViewID] = []

  /// Where the elements of a root come from.
  enum Home: Hashable {
    /// The item that computes it.
    case item
    /// Memory of the caller or the module.
    case input(Int), parameter(Int), state(Int), constant(ConstantID)
    /// A carried value: written before the loop and at the end of every iteration. Or a result of a `cond`: written
    /// at the end of both bodies.
    case cell
    /// The stacked results of a loop: one part written in every iteration.
    case stack

    /// Whether the caller or the module gives it: its bytes may hold anything.
    var isForeign: Bool {
      switch self {
      case .input, .parameter, .state: true
      case .item, .constant, .cell, .stack: false
      }
    }
  }

  /// Homes in five bytes each.
  struct HomeColumn {
    private var kinds: [UInt8] = []
    private var rows: [UInt32] = []

    subscript(_ root: Int) -> Home {
      let row = rows[root]
      switch kinds[root] {
      case 0: return .item
      case 1: return .input(Int(row))
      case 2: return .parameter(Int(row))
      case 3: return .state(Int(row))
      case 4: return .constant(ConstantID(raw: row))
      case 5: return .cell
      default: return .stack
      }
    }

    mutating func append(_ home: Home) {
      let (kind, row): (UInt8, UInt32) =
        switch home {
        case .item: (0, 0)
        case .input(let position): (1, UInt32(position))
        case .parameter(let position): (2, UInt32(position))
        case .state(let position): (3, UInt32(position))
        case .constant(let id): (4, id.raw)
        case .cell: (5, 0)
        case .stack: (6, 0)
        }
      kinds.append(kind)
      rows.append(row)
    }

    mutating func reserveCapacity(_ count: Int) {
      kinds.reserveCapacity(count)
      rows.reserveCapacity(count)
    }
  }

  // MARK: Views

  /// Per view its type.
  private(set) var viewTypes: [TypeID] = []
  /// Per view its name.
  private(set) var viewNames: [StringID] = []
  /// Per view its root; none where it is one constant everywhere.
  private(set) var roots: [RootID] = []
  /// Per view its layout; none where it is its root as a whole.
  private(set) var layouts: [LayoutID] = []
  /// Per view the part of its offset that the caller of a kernel adds: it may depend on loop counters.
  private(set) var bases: [DimID] = []
  /// The layouts of views.
  var layoutTable = LayoutTable()

  // MARK: Blocks

  /// Per block the one around it; block 0 is the function, the others are loops and the two sides of branches.
  private(set) var parents: [BlockID] = [.none]
  /// Per block the item that begins it: for either side of a branch, the branch.
  private(set) var begins: [ItemID] = [.none]
  /// Per block the item that ends it: for either side of a branch, the end of the whole branch.
  private(set) var ends: [ItemID] = [.none]

  /// The block of the function itself.
  static let function = BlockID(0)

  // MARK: Reading

  var itemCount: Int { roles.count }
  var rootCount: Int { types.count }
  var viewCount: Int { roots.count }
  var blockCount: Int { parents.count }

  /// How many operands all items have; `operandRange` says which are whose.
  var operandCount: Int { operandPool.count }

  /// The view in a row of operands.
  func operand(_ row: Int) -> ViewID { operandPool[row] }

  func operands(_ item: ItemID) -> ArraySlice<ViewID> { operandPool[operandRange(item)] }

  /// The rows of an item's operands, for columns that have one row an operand.
  func operandRange(_ item: ItemID) -> Range<Int> {
    (item.index == 0 ? 0 : Int(operandEnds[item.index - 1]))..<Int(operandEnds[item.index])
  }

  func results(_ item: ItemID) -> Range<Int> {
    let first = firstResults[item.index]
    return first.isNone ? 0..<0 : first.index..<first.index + Int(resultCounts[item.index])
  }

  /// The recipe of an item that computes.
  func recipe(_ item: ItemID) -> RecipeID { RecipeID(raw: details[item.index]) }

  /// Where an `assign` puts its operand.
  func target(_ item: ItemID) -> Target { targets[Int(details[item.index])] }

  /// How a `loop` counts.
  func loop(_ item: ItemID) -> Loop { loops[Int(details[item.index])] }

  /// The loop, or the last side of the branch, that an item ends.
  func endedBlock(_ item: ItemID) -> BlockID { BlockID(raw: details[item.index]) }

  /// The view of a whole root.
  func whole(_ root: RootID) -> ViewID { wholes[root.index] }

  /// Whether a view is its root as a whole.
  func isWhole(_ view: ViewID) -> Bool { !roots[view.index].isNone && layouts[view.index].isNone }

  /// The constant that a view is everywhere, as bits; nil where it has a root.
  func splat(_ view: ViewID) -> UInt64? {
    guard roots[view.index].isNone else { return nil }
    return UInt64(bases[view.index].raw) << 32 | UInt64(layouts[view.index].raw)
  }

  // MARK: Writing

  /// Makes room for so many items with a result each.
  mutating func reserveCapacity(_ count: Int) {
    roles.reserveCapacity(count)
    details.reserveCapacity(count)
    operandEnds.reserveCapacity(count)
    operandPool.reserveCapacity(2 * count)
    firstResults.reserveCapacity(count)
    resultCounts.reserveCapacity(count)
    blocks.reserveCapacity(count)
    locations.reserveCapacity(count)
    types.reserveCapacity(count)
    names.reserveCapacity(count)
    homes.reserveCapacity(count)
    makers.reserveCapacity(count)
    homeBlocks.reserveCapacity(count)
    rootLocations.reserveCapacity(count)
    wholes.reserveCapacity(count)
    viewTypes.reserveCapacity(count)
    viewNames.reserveCapacity(count)
    roots.reserveCapacity(count)
    layouts.reserveCapacity(count)
    bases.reserveCapacity(count)
  }

  mutating func appendItem(
    _ role: Role, detail: UInt32, _ operands: some Sequence<ViewID>, _ block: BlockID, _ location: LocationID
  ) -> ItemID {
    roles.append(role)
    details.append(detail)
    operandPool.append(contentsOf: operands)
    operandEnds.append(UInt32(operandPool.count))
    firstResults.append(.none)
    resultCounts.append(0)
    blocks.append(block)
    locations.append(location)
    return ItemID(roles.count - 1)
  }

  /// Lets an item read another view in a row of its operands.
  mutating func replaceOperand(_ row: Int, _ view: ViewID) { operandPool[row] = view }

  /// Does again, for late readers, what an item did.
  ///
  /// - Parameters:
  ///   - item: The item.
  ///   - operands: What it works on: its operands, or repetitions of them.
  ///   - first: The first item that is made again for the same reader: this one, or one before it.
  ///   - block: Where it stands.
  mutating func repeatItem(_ item: ItemID, _ operands: [ViewID], first: ItemID, _ block: BlockID) {
    let copy = appendItem(
      roles[item.index], detail: details[item.index], operands, block, locations[item.index])
    firstRepetitions[copy.index] = first
    for result in results(item) {
      let whole = appendResult(types[result], names[result])
      repetitions[result] = roots[whole.index]
    }
  }

  /// A view, or the same of its root's repetition.
  mutating func repeated(_ view: ViewID) -> ViewID {
    guard !roots[view.index].isNone else { return view }
    let root = repetitions[roots[view.index].index]
    if root.isNone { return view }
    if isWhole(view) { return whole(root) }
    return appendView(
      viewTypes[view.index], viewNames[view.index], root, layouts[view.index], bases[view.index])
  }

  mutating func appendAssign(
    _ target: Target, _ operand: ViewID, _ block: BlockID, _ location: LocationID
  ) {
    targets.append(target)
    _ = appendItem(.assign, detail: UInt32(targets.count - 1), [operand], block, location)
  }

  mutating func appendLoop(_ loop: Loop, _ block: BlockID, _ location: LocationID) -> ItemID {
    loops.append(loop)
    return appendItem(.loop, detail: UInt32(loops.count - 1), [], block, location)
  }

  /// A result of the item that was appended last.
  mutating func appendResult(_ type: TypeID, _ name: StringID) -> ViewID {
    let item = ItemID(roles.count - 1)
    let view = appendRoot(type, name, .item, blocks[item.index], locations[item.index])
    makers[types.count - 1] = item
    if resultCounts[item.index] == 0 { firstResults[item.index] = RootID(types.count - 1) }
    resultCounts[item.index] += 1
    return view
  }

  /// A root that is there from the start; gives the view of all of it.
  mutating func appendRoot(
    _ type: TypeID, _ name: StringID, _ home: Home, _ block: BlockID, _ location: LocationID
  ) -> ViewID {
    types.append(type)
    names.append(name)
    homes.append(home)
    makers.append(.none)
    homeBlocks.append(block)
    rootLocations.append(location)
    let whole = appendView(type, name, RootID(types.count - 1), .none, .none)
    wholes.append(whole)
    return whole
  }

  mutating func appendView(
    _ type: TypeID, _ name: StringID, _ root: RootID, _ layout: LayoutID, _ base: DimID
  ) -> ViewID {
    viewTypes.append(type)
    viewNames.append(name)
    roots.append(root)
    layouts.append(layout)
    bases.append(base)
    return ViewID(roots.count - 1)
  }

  /// A view that is one constant everywhere.
  mutating func appendSplat(_ type: TypeID, _ name: StringID, _ bits: UInt64) -> ViewID {
    appendView(
      type, name, .none, LayoutID(raw: UInt32(truncatingIfNeeded: bits)),
      DimID(raw: UInt32(truncatingIfNeeded: bits >> 32)))
  }

  mutating func appendBlock(in parent: BlockID, begin: ItemID) -> BlockID {
    parents.append(parent)
    begins.append(begin)
    ends.append(.none)
    return BlockID(parents.count - 1)
  }

  mutating func end(_ block: BlockID, _ item: ItemID) { ends[block.index] = item }

  // MARK: Versions

  /// The same roots, views and blocks, and no items: the begin of another version of the program.
  func withoutItems() -> Program {
    var version = self
    version.roles = []
    version.details = []
    version.operandEnds = []
    version.operandPool = []
    version.firstResults = []
    version.resultCounts = []
    version.blocks = []
    version.locations = []
    version.firstRepetitions = RareColumn()
    version.repetitions = RareColumn()
    return version
  }

  /// An item of another version, which makes the same roots from other operands.
  mutating func appendItem(_ item: ItemID, of other: Program, _ operands: [ViewID]) {
    let copy = appendItem(
      other.roles[item.index], detail: other.details[item.index], operands, other.blocks[item.index],
      other.locations[item.index])
    firstRepetitions[copy.index] = other.firstRepetitions[item.index]
    firstResults[copy.index] = other.firstResults[item.index]
    resultCounts[copy.index] = other.resultCounts[item.index]
  }

  /// Names the items of this version where those of the other one are named.
  ///
  /// - Parameters:
  ///   - items: Per item of the other version its place in this one.
  ///   - rootCount: How many roots that one has.
  mutating func rename(_ items: [ItemID], rootCount: Int) {
    for root in 0..<rootCount where !makers[root].isNone { makers[root] = items[makers[root].index] }
    for block in begins.indices where !begins[block].isNone { begins[block] = items[begins[block].index] }
    for block in ends.indices where !ends[block].isNone { ends[block] = items[ends[block].index] }
    for item in items where !firstRepetitions[item.index].isNone {
      firstRepetitions[item.index] = items[firstRepetitions[item.index].index]
    }
  }
}
