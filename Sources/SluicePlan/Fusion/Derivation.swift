import SluiceIR

/// Which items are never stored, but computed again wherever they are read.
///
/// They are what is made of one value of at least their size: a chain of maps over one array, a mask drawn from a seed, a row looked up in a table.
///
/// Recomputing them costs less than a pass over memory, and it is what lets a reader look at the value behind a view,
/// broadcast or transposed, without a copy.
struct Derivation {
  /// Why an item is stored, or is not.
  enum Reason: UInt8 {
    /// It is computed again where it is read.
    case derived
    /// Its role is no map, generator or look-up.
    case role
    case number, result, otherBlock, ownKernel, gathered, noMap, lanes, fewRows, longRow, lastForm,
      maybeEmpty, large,
      long
  }

  /// A row that a contraction keeps of an operand that it computes, at most so many bytes.
  static let rowLimit = 8192
  /// With fewer rows than this a product has to be divided by columns, so that its operand has to be in memory.
  private static let leastRows = 16.0
  private static let operationLimit = 64
  private static let rootLimit = 12
  private static let slack = 4096.0
  /// One number that is made of more roots than this is stored.
  private static let numberRoots = 2

  /// Per item whether it is computed again where it is read, and why not.
  private(set) var reasons: [Reason]
  /// Per item how many operations it comes to with all derived items that it reads.
  private var operationCounts: [UInt8]
  /// What derived items come from.
  private(set) var leaves = DerivedLeaves()
  /// Per root whether it is read once, or more often, and by which item last.
  private var readCounts: [UInt8]
  private var lastReaders: [ItemID]

  init(_ program: Program, _ tables: inout Tables, isOn: Bool) {
    reasons = [Reason](repeating: .role, count: program.itemCount)
    operationCounts = [UInt8](repeating: 1, count: program.itemCount)
    readCounts = [UInt8](repeating: 0, count: program.rootCount)
    lastReaders = [ItemID](repeating: .none, count: program.rootCount)
    guard isOn else { return }
    for item in 0..<program.itemCount {
      guard Self.isCandidate(program.roles[item]) else { continue }
      reasons[item] = program.gathersFromNothing(ItemID(item), &tables) ? .maybeEmpty : .derived
    }
    for item in 0..<program.itemCount { look(ItemID(item), program, &tables) }
    for item in 0..<program.itemCount where program.roles[item] == .contract {
      placeLastForm(of: ItemID(item), program, tables)
    }
    var scratch = Leaves()
    for item in 0..<program.itemCount { weigh(ItemID(item), &scratch, program, &tables) }
  }

  /// Drops the leaves, behind what asks for them last.
  mutating func dropLeaves() { leaves = DerivedLeaves() }

  /// Whether an item is computed again where it is read.
  func isDerived(_ item: ItemID) -> Bool { reasons[item.index] == .derived }

  /// Whether a root is computed again where it is read.
  func isDerived(_ root: RootID, _ program: Program) -> Bool {
    guard !root.isNone, program.homes[root.index] == .item else { return false }
    return isDerived(program.makers[root.index])
  }

  /// Whether a root is read once.
  func isReadOnce(_ root: RootID) -> Bool { readCounts[root.index] == 1 }

  /// Whether a map of a root is stored in its place.
  func hasLastForm(_ root: RootID) -> Bool {
    isReadOnce(root) && reasons[lastReaders[root.index].index] == .lastForm
  }

  /// Whether an item is a map that is stored in the place of a product.
  func isLastForm(_ item: ItemID) -> Bool { reasons[item.index] == .lastForm }

  /// How many operations a derived item comes to.
  func operations(_ item: ItemID) -> Int { Int(operationCounts[item.index]) }

  /// Whether something reads a root much later than it is made.
  func isReadLate(_ root: RootID, _ program: Program) -> Bool {
    let (maker, last) = (program.makers[root.index], lastReaders[root.index])
    return !maker.isNone && !last.isNone && last.index - maker.index > Program.lateDistance
  }

  private static func isCandidate(_ role: Role) -> Bool {
    switch role {
    case .map, .generate, .gather, .gatherAlong, .slice: true
    default: false
    }
  }

  // MARK: What readers demand

  private mutating func look(_ reader: ItemID, _ program: Program, _ tables: inout Tables) {
    let role = program.roles[reader.index]
    for (position, row) in program.operandRange(reader).enumerated() {
      let view = program.operand(row)
      let root = program.roots[view.index]
      guard !root.isNone else { continue }
      readCounts[root.index] = min(readCounts[root.index] + 1, 2)
      lastReaders[root.index] = reader
      guard isDerived(root, program) else { continue }
      let maker = program.makers[root.index]
      if let demand = demand(reader, role, position, view, root, program, &tables) {
        reasons[maker.index] = demand
      }
    }
  }

  private func demand(
    _ reader: ItemID, _ role: Role, _ position: Int, _ view: ViewID, _ root: RootID, _ program: Program,
    _ tables: inout Tables
  ) -> Reason? {
    if role == .assign { return .result }
    if role.isControl { return .ownKernel }
    if program.blocks[program.makers[root.index].index] != program.blocks[reader.index] { return .otherBlock }
    if !role.isElementwise && role != .contract { return .ownKernel }
    if role.isIndexed && position == 0 { return .gathered }
    if !program.isWhole(view), program.axisMap(view, &tables) == nil { return .noMap }
    if role == .contract { return contracted(reader, position, view, program, tables) }
    return nil
  }

  /// Why a contraction wants an operand in memory: because it reads each element many times.
  private func contracted(
    _ reader: ItemID, _ position: Int, _ view: ViewID, _ program: Program, _ tables: Tables
  ) -> Reason? {
    // A mask is looked at once a term, whatever it takes.
    if position > 1 { return nil }
    let labels = program.recipeTable.labels(program.recipe(reader))
    let own = position == 0 ? labels.lhs : labels.rhs
    let others = labels.result.filter { !own.contains($0) }
    if others.isEmpty { return nil }
    guard let lane = labels.result.last, !own.contains(lane) else { return .lanes }
    let type = program.viewTypes[view.index]
    var (bytes, places) = (Double(tables.types.dtype(type).byteCount), 1.0)
    for (axis, label) in own.enumerated() {
      let extent = tables.extent(tables.types.dim(type, axis))
      if labels.result.contains(label) { places *= extent } else { bytes *= extent }
    }
    if places < Self.leastRows { return .fewRows }
    return bytes > Double(Self.rowLimit) ? .longRow : nil
  }

  /// A product that everything reads through one map is stored as that map.
  private mutating func placeLastForm(of product: ItemID, _ program: Program, _ tables: Tables) {
    guard let first = program.results(product).first else { return }
    var root = RootID(first)
    var last = ItemID.none
    for _ in 0..<8 {
      guard readCounts[root.index] == 1 else { break }
      let reader = lastReaders[root.index]
      guard reasons[reader.index] == .derived, program.roles[reader.index] == .map,
        program.operands(reader).contains(program.whole(root)),
        let next = program.results(reader).first,
        tables.byteCount(program.types[next]) <= tables.byteCount(program.types[first])
      else { break }
      last = reader
      root = RootID(next)
    }
    if !last.isNone { reasons[last.index] = .lastForm }
  }

  // MARK: What it costs

  private func isOnlyFolded(_ root: RootID, _ program: Program) -> Bool {
    isReadOnce(root) && program.roles[lastReaders[root.index].index] == .fold
  }

  /// Notes what a derived item comes from, and stores it where that is too large, or it is too much work.
  private mutating func weigh(
    _ item: ItemID, _ scratch: inout Leaves, _ program: Program, _ tables: inout Tables
  ) {
    guard isDerived(item), let result = program.results(item).first else { return leaves.append(nil) }
    scratch.read(item, program, self, &tables)
    operationCounts[item.index] = UInt8(clamping: scratch.operations)
    var (bytes, count) = (0.0, 0)
    for leaf in 0..<scratch.count where !scratch.isRepeated(leaf) {
      bytes += tables.byteCount(program.types[scratch.roots[leaf].index])
      count += 1
    }
    // Storing what a fold alone reads, and reading that, is no less than reading two arrays for it.
    let limit = isOnlyFolded(RootID(result), program) ? 2.25 : 1.25
    if bytes > limit * tables.byteCount(program.types[result]) + Self.slack {
      reasons[item.index] = .large
    } else if count > Self.numberRoots, tables.elementBound(program.types[result]) == 1 {
      // Many may read it, and each of them would read all that it is made of.
      reasons[item.index] = .number
    } else if scratch.operations > Self.operationLimit || count > Self.rootLimit {
      reasons[item.index] = .long
    }
    leaves.append(isDerived(item) ? scratch : nil)
  }
}

extension Tables {
  /// A dim at its symbols' bounds, for estimates.
  func extent(_ dim: DimID) -> Double { Double(dims.bound(dim) ?? .max) }

  /// How many elements a type has at its symbols' bounds, for estimates.
  func elementBound(_ type: TypeID) -> Double {
    (0..<types.rank(type)).reduce(1) { $0 * extent(types.dim(type, $1)) }
  }

  /// How many bytes a type has at its symbols' bounds, for estimates; a bool counts as four, as what is made of it
  /// does.
  func byteCount(_ type: TypeID) -> Double {
    let dtype = types.dtype(type)
    return elementBound(type) * Double(dtype == .bool ? 4 : dtype.byteCount)
  }
}

extension Program {
  /// Whether an item gathers along an axis that may have no elements: its kernel has another form for that.
  func gathersFromNothing(_ item: ItemID, _ tables: inout Tables) -> Bool {
    let role = roles[item.index]
    guard role == .gather || role == .gatherAlong, let data = operands(item).first else { return false }
    let count = tables.types.dim(viewTypes[data.index], recipeTable.axes[recipe(item).index].first)
    guard let rest = tables.dims.subtract(count, tables.dims.integer(1)) else { return true }
    return !tables.dims.isNeverNegative(rest)
  }

  /// How the axes of a view lie among its root's; nil where they are no parts of them.
  func axisMap(_ view: ViewID, _ tables: inout Tables) -> AxisMap? {
    let root = roots[view.index]
    if root.isNone { return nil }
    let shape = tables.types.shape(types[root.index])
    let layout = layouts[view.index]
    if layout.isNone {
      let (zero, one) = (tables.dims.integer(0), tables.dims.integer(1))
      return AxisMap(
        axes: shape.indices.map { shape[$0] == one ? -1 : $0 }, steps: shape.map { $0 == one ? zero : one },
        starts: shape.map { _ in zero })
    }
    guard let offset = tables.dims.add(bases[view.index], layoutTable.offsets[layout.index]) else {
      return nil
    }
    return tables.axisMap(
      shape, offset, Array(layoutTable.strides(layout)), tables.types.shape(viewTypes[view.index]))
  }
}
