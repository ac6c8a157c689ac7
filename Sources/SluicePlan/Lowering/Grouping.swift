import SluiceIR

/// Which items of a flat program run together in one kernel.
///
/// A group has one iteration space. An item joins the latest group that makes one of its operands, when it reads
/// that operand element by element and all its other operands are there before the group: then every edge leads
/// from an earlier entry to a later one, so the order stays a topological one and each decision costs only the
/// item's own operands.
struct Grouping {
  /// How the items of a group run.
  enum Kind {
    /// Element by element over the space.
    case loops
    /// One item that has a kernel of its own.
    case single
  }

  struct Group {
    var kind: Kind
    /// The iteration space of `loops`.
    var space: [DimID]
    /// The axes that reductions of the group run over; nil where there are none.
    var reducedAxes: [Int]?
    var items: [Int]
    var region: Int
    /// A bound of how many arrays it works on.
    var arrayCount = 0
  }

  /// The most arrays that a kernel works on: C99 promises functions of 127 parameters, and there are others.
  static let maximumArrays = 96

  /// What happens, in order.
  enum Entry {
    case group(Int)
    case assign(item: Int)
    /// The begin, the middle or the end of a loop or branch.
    case control(item: Int)
  }

  private(set) var groups: [Group] = []
  private(set) var entries: [Entry] = []
  /// Per item its group; -1 for none.
  private(set) var groupOf: [Int]
  /// Per value whether it needs memory: it is read by another group, through a view, or by an assign.
  private(set) var needsMemory: [Bool]
  /// Why items began a group of their own although an operand was made by another one.
  private(set) var remarks: [Diagnostic] = []

  /// Per group its entry.
  private var entryOf: [Int] = []
  /// Per item the entry where it happens.
  private(set) var itemEntry: [Int]
  /// Per region the entry that leaves it early: what stands behind it must not run before.
  private var leaves: [Int: Int] = [:]
  private let maximumItems: Int

  init(_ program: FlatProgram, _ tables: Tables, fuses: Bool) {
    maximumItems = fuses ? 48 : 1
    groupOf = [Int](repeating: -1, count: program.items.count)
    itemEntry = [Int](repeating: 0, count: program.items.count)
    needsMemory = [Bool](repeating: false, count: program.values.count)
    for position in program.items.indices { place(position, program, tables) }
  }

  private mutating func place(_ position: Int, _ program: FlatProgram, _ tables: Tables) {
    let item = program.items[position]
    switch item.action {
    case .beginLoop, .beginForever, .endLoop, .beginBranch, .otherwise, .endBranch, .leave:
      entries.append(.control(item: position))
      markMemory(item.operands, program)
      if case .leave = item.action { leaves[item.region] = entries.count - 1 }
    case .assign:
      entries.append(.assign(item: position))
      markMemory(item.operands, program)
    case .copy, .node:
      guard let space = Self.space(item, program, tables) else {
        begin(Group(kind: .single, space: [], items: [position], region: item.region), position)
        markMemory(item.operands, program)
        return
      }
      let axes = Self.reducedAxes(item, program, tables)
      let arrays = item.operands.count + item.results.count
      if let group = joinable(item, space, axes, program, tables),
        groups[group].arrayCount + arrays <= Self.maximumArrays
      {
        groups[group].items.append(position)
        if let axes { groups[group].reducedAxes = axes }
        groupOf[position] = group
        itemEntry[position] = entryOf[group]
      } else {
        begin(
          Group(kind: .loops, space: space, reducedAxes: axes, items: [position], region: item.region),
          position)
      }
      groups[groupOf[position]].arrayCount += item.results.count
      for operand in item.operands where !isInside(operand, groupOf[position], item, program, tables) {
        groups[groupOf[position]].arrayCount += 1
        markMemory([operand], program)
      }
      return
    }
    itemEntry[position] = entries.count - 1
  }

  private mutating func begin(_ group: Group, _ position: Int) {
    groupOf[position] = groups.count
    groups.append(group)
    entryOf.append(entries.count)
    itemEntry[position] = entries.count
    entries.append(.group(groups.count - 1))
  }

  private mutating func markMemory(_ values: [Int], _ program: FlatProgram) {
    for value in values {
      switch program.values[value].form {
      case .root: needsMemory[value] = true
      case .view(let layout): needsMemory[layout.root] = true
      case .splat: break
      }
    }
  }

  /// Whether the item reads this operand, made in the same group, element by element.
  private func isInside(
    _ operand: Int, _ group: Int, _ item: FlatProgram.Item, _ program: FlatProgram, _ tables: Tables
  ) -> Bool {
    let value = program.values[operand]
    switch value.form {
    case .splat: return true
    case .view: return false
    case .root:
      guard value.source == .item, groupOf[value.item] == group, groups[group].kind == .loops else {
        return false
      }
      guard case .node(let op, _) = item.action, case .index = op.definition.family else {
        return tables.types.shape(value.type) == groups[group].space
      }
      return false
    }
  }

  private func joinable(
    _ item: FlatProgram.Item, _ space: [DimID], _ axes: [Int]?, _ program: FlatProgram, _ tables: Tables
  ) -> Int? {
    var latest = -1
    var candidate = -1
    for operand in item.operands {
      let value = program.values[operand]
      let root: Int
      var elementwise = true
      switch value.form {
      case .splat: continue
      case .root: root = operand
      case .view(let layout):
        root = layout.root
        elementwise = false
      }
      let definer = program.values[root].item
      guard definer >= 0 else { continue }
      let entry = itemEntry[definer]
      if entry > latest || (entry == latest && !elementwise) {
        latest = entry
        candidate = elementwise && program.values[root].source == .item ? groupOf[definer] : -1
      }
    }
    guard candidate >= 0 else { return nil }
    let group = groups[candidate]
    guard group.kind == .loops, group.region == item.region, group.space == space,
      group.items.count < maximumItems, entryOf[candidate] > leaves[item.region, default: -1],
      runsInOrder(space, axes ?? group.reducedAxes, tables)
    else { return nil }
    if let axes, let known = group.reducedAxes {
      guard axes == known, !Self.isArgument(item),
        !group.items.contains(where: { Self.isArgument(program.items[$0]) })
      else { return nil }
    }
    // Every operand made in the group must be read element by element, which excludes results of its reductions.
    for operand in item.operands {
      let value = program.values[operand]
      guard case .root = value.form, value.source == .item, groupOf[value.item] == candidate else { continue }
      if !isInside(operand, candidate, item, program, tables) { return nil }
      if Self.reducedAxes(program.items[value.item], program, tables) != nil { return nil }
    }
    return candidate
  }

  /// The iteration space of an item that runs element by element; nil for one with a kernel of its own.
  static func space(_ item: FlatProgram.Item, _ program: FlatProgram, _ tables: Tables) -> [DimID]? {
    guard case .node(let op, _) = item.action else {
      return tables.types.shape(program.values[item.results[0]].type)
    }
    switch op.definition.family {
    case .map, .generate, .index: return tables.types.shape(program.values[item.results[0]].type)
    case .reduce: return tables.types.shape(program.values[item.operands[0]].type)
    default: return nil
    }
  }

  /// Whether the reduced axes, if any, are the inner loops: elsewhere a reduction has a kernel of its own, so that
  /// every kernel stores its elements in the order of its loops.
  private func runsInOrder(_ space: [DimID], _ reduced: [Int]?, _ tables: Tables) -> Bool {
    guard let reduced else { return true }
    let last = space.indices.last { tables.dims.value(space[$0]) != 1 }
    return last.map { reduced.contains($0) } ?? true
  }

  /// Whether an item looks for a position: it runs one element after the other, alone.
  static func isArgument(_ item: FlatProgram.Item) -> Bool {
    if case .node(let op, _) = item.action, case .reduce(.arg) = op.definition.family { true } else { false }
  }

  /// The axes that an item reduces; nil where it is no reduction.
  static func reducedAxes(_ item: FlatProgram.Item, _ program: FlatProgram, _ tables: Tables) -> [Int]? {
    guard case .node(let op, let record) = item.action, case .reduce(let kernel) = op.definition.family else {
      return nil
    }
    let rank = tables.types.rank(program.values[item.operands[0]].type)
    if case .arg = kernel { return [tables.axis(record, of: op, rank: rank)] }
    return tables.axes(record, rank: rank)
  }
}
