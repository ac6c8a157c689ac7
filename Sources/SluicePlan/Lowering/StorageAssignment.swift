import SluiceIR

/// Decides where every root value lives, the caller's memory, a cell or the arena, and for how long.
///
/// Times are positions among the entries of a `Grouping`. A loop counts as a whole for everything that was there
/// before it: what one iteration reads must survive all of them. A branch counts as a whole too.
struct StorageAssignment {
  /// A piece of memory; `first ... last` are the entries during which an arena storage holds something.
  struct Storage {
    var kind: Kind
    var dtype: DType
    var count: DimID
    var capacity: Int
    var first: Int
    var last: Int
    var name: StringID
  }

  enum Kind: Hashable {
    case parameter(Int), state(Int), input(Int), output(Int), constant(ConstantID), arena
  }

  /// Where a root is: a storage, from an element on.
  struct Place {
    var storage: Int
    var offset: DimID
  }

  private(set) var storages: [Storage] = []
  /// Per root value its place.
  private var places: [Place]
  /// Per value made in place the value whose memory it takes over.
  private(set) var inPlace: [Int: Int] = [:]
  /// Assigns that need no copy, because the value is made at the target.
  private(set) var elided: Set<Int> = []
  private(set) var remarks: [Diagnostic] = []
  /// Values that are too large; until all are found, they count as empty.
  private var errors: [Diagnostic] = []

  private let program: FlatProgram
  private let grouping: Grouping
  private let ports: Ports
  /// The reads of root `r` are `reads[readEnds[r]..<readEnds[r + 1]]`, in order.
  private var reads: [Read] = []
  private var readEnds: [Int]
  /// Per root the entry of its last read as seen from its own region; -1 for none.
  private var lastReads: [Int]
  /// Per value whether another one is made in its place.
  private var isTakenOver: [Bool]
  /// Per cell the entry of its first assign.
  private var firstAssigns: [Int: Int] = [:]
  /// Per item that ends a loop or branch its region.
  private var regionOfEnd: [Int: Int] = [:]
  private var stateRoots: [Int: [Int]] = [:]
  /// What values and cells are bound to, before storages exist.
  private var bindings: [Int: FlatProgram.Target] = [:]
  private var storageOf: [Kind: Int] = [:]
  private let zero: DimID

  /// The types of what lies outside.
  struct Ports {
    var outputs: [TypeID]
    var states: [TypeID]
  }

  private struct Read {
    var entry: Int
    var region: Int
  }

  init(
    _ program: FlatProgram, _ grouping: Grouping, _ tables: inout Tables, _ ports: Ports
  ) throws(Diagnostics) {
    self.program = program
    self.grouping = grouping
    self.ports = ports
    zero = tables.dims.integer(0)
    places = [Place](repeating: Place(storage: -1, offset: zero), count: program.values.count)
    readEnds = [Int](repeating: 0, count: program.values.count + 1)
    lastReads = [Int](repeating: -1, count: program.values.count)
    isTakenOver = [Bool](repeating: false, count: program.values.count)
    for (index, region) in program.regions.enumerated() { regionOfEnd[region.end] = index }
    collectReads()
    bindAssigns(tables)
    reuseInPlace(tables)
    try makeStorages(&tables)
  }

  /// Where a root value is; nil where it needs no place.
  func place(of value: Int) -> Place? { places[value].storage < 0 ? nil : places[value] }

  // MARK: What reads what, when

  private mutating func collectReads() {
    Self.forEachRead(program, grouping) { root, _ in readEnds[root + 1] += 1 }
    for root in 1..<readEnds.count { readEnds[root] += readEnds[root - 1] }
    reads = [Read](repeating: Read(entry: 0, region: 0), count: readEnds[readEnds.count - 1])
    var next = readEnds
    Self.forEachRead(program, grouping) { root, read in
      reads[next[root]] = read
      next[root] += 1
    }
    for root in lastReads.indices {
      let home = program.values[root].region
      for read in reads(of: root) { lastReads[root] = Swift.max(lastReads[root], entry(read, from: home)) }
    }
    for position in program.items.indices {
      guard case .assign(.cell(let cell)) = program.items[position].action, firstAssigns[cell] == nil else {
        continue
      }
      firstAssigns[cell] = grouping.itemEntry[position]
    }
    for (value, row) in program.values.enumerated() {
      if case .root = row.form, case .state(let state) = row.source {
        stateRoots[state, default: []].append(value)
      }
    }
  }

  private static func forEachRead(
    _ program: FlatProgram, _ grouping: Grouping, _ body: (_ root: Int, Read) -> Void
  ) {
    for position in program.items.indices {
      let item = program.items[position]
      let group = grouping.groupOf[position]
      for operand in item.operands {
        guard let root = program.root(operand) else { continue }
        let value = program.values[root]
        if value.source == .item, group >= 0, grouping.groupOf[value.item] == group { continue }
        body(root, Read(entry: grouping.itemEntry[position], region: item.region))
      }
    }
  }

  private func reads(of root: Int) -> ArraySlice<Read> { reads[readEnds[root]..<readEnds[root + 1]] }

  /// The entry of a read as seen from an enclosing region: a loop or branch between the two counts to its end.
  private func entry(_ read: Read, from home: Int) -> Int {
    var (entry, region) = (read.entry, read.region)
    while region != home, region > 0 {
      entry = grouping.itemEntry[program.regions[region].end]
      region = program.regions[region].parent
    }
    return entry
  }

  // MARK: Making values at their target

  private mutating func bindAssigns(_ tables: Tables) {
    for position in program.items.indices {
      let item = program.items[position]
      guard case .assign(let target) = item.action, let source = item.operands.first,
        case .root = program.values[source].form, bindings[source] == nil
      else { continue }
      let value = program.values[source]
      let isBound: Bool
      switch (target, value.source) {
      case (.output, .item), (.output, .cell), (.output, .stack): isBound = value.region == item.region
      case (.part, .item): isBound = value.region == item.region
      case (.cell(let cell), .item):
        isBound =
          value.region == item.region && isRegionOfLoop(item.region, of: cell)
          && takesOver([cell], source, item, tables)
      case (.cell(let cell), .cell), (.cell(let cell), .stack):
        // Nothing reads the result of a branch inside it.
        isBound =
          value.region == item.region && isBranch(item.region) && isRegionOfLoop(item.region, of: cell)
      case (.state(let state), .item):
        isBound =
          value.region == item.region && takesOver(stateRoots[state, default: []], source, item, tables)
      default: isBound = false
      }
      if isBound {
        bindings[source] = target
        elided.insert(position)
      } else {
        remark(position, "copied: the value cannot be made at its target", tables)
      }
    }
  }

  private func isBranch(_ region: Int) -> Bool {
    guard region > 0 else { return false }
    return if case .beginBranch = program.items[program.regions[region].begin].action { true } else { false }
  }

  /// Whether an assign stands inside the loop that carries the cell, not before it, or inside the cell's branch.
  private func isRegionOfLoop(_ region: Int, of cell: Int) -> Bool {
    program.values[cell].region == program.regions[region].parent
      && program.values[cell].item == program.regions[region].end
  }

  /// Whether a value can be made where the old roots are: nothing reads them later, and the kernel that makes it
  /// reads them, if at all, at the element that it then stores.
  private mutating func takesOver(
    _ old: [Int], _ value: Int, _ item: FlatProgram.Item, _ tables: Tables
  ) -> Bool {
    let made = grouping.itemEntry[program.values[value].item]
    var shared: Int?
    for root in old {
      for read in reads(of: root) {
        if item.region > 0, read.entry > grouping.itemEntry[program.regions[item.region].end] { continue }
        if item.region > 0, read.entry < grouping.itemEntry[program.regions[item.region].begin] { continue }
        let time = entry(read, from: item.region)
        if time > made { return false }
        if time == made {
          guard read.region == item.region, shared == nil || shared == root, canShare(root, value, tables)
          else {
            return false
          }
          shared = root
        }
      }
    }
    if let shared { take(shared, value) }
    return true
  }

  private mutating func take(_ old: Int, _ value: Int) {
    inPlace[value] = old
    isTakenOver[old] = true
  }

  /// Whether the kernel that makes `value` reads `old` only at the element that it stores.
  private func canShare(_ old: Int, _ value: Int, _ tables: Tables) -> Bool {
    if updates(old, value) { return !isTakenOver[old] && inPlace[value] == nil }
    let group = grouping.groupOf[program.values[value].item]
    guard group >= 0, grouping.groups[group].kind == .loops, grouping.groups[group].reducedAxes == nil,
      !isTakenOver[old], inPlace[value] == nil
    else { return false }
    let type = program.values[value].type
    let oldType = program.values[old].type
    guard tables.types.sameShape(type, oldType), tables.types.shape(type) == grouping.groups[group].space,
      tables.types.dtype(type) == tables.types.dtype(oldType)
    else { return false }
    for position in grouping.groups[group].items {
      let item = program.items[position]
      for operand in item.operands where program.root(operand) == old {
        guard case .root = program.values[operand].form else { return false }
        if case .node(let op, _) = item.action, case .index = op.definition.family { return false }
      }
    }
    return true
  }

  /// Whether `value` is `old` with other elements at some places, and nothing else of its kernel reads `old`.
  private func updates(_ old: Int, _ value: Int) -> Bool {
    let item = program.items[program.values[value].item]
    guard case .node(let op, _) = item.action, case .update = op.definition.family else { return false }
    return item.operands[0] == old && !item.operands.dropFirst().contains { program.root($0) == old }
  }

  /// Values of the arena that take over the memory of an operand that is read for the last time.
  private mutating func reuseInPlace(_ tables: Tables) {
    for group in grouping.groups where group.reducedAxes == nil {
      for position in group.items {
        for value in program.items[position].results
        where grouping.needsMemory[value] && bindings[value] == nil {
          if inPlace[value] == nil { share(value, group, position, tables) }
        }
      }
    }
  }

  private mutating func share(_ value: Int, _ group: Grouping.Group, _ position: Int, _ tables: Tables) {
    let made = grouping.itemEntry[position]
    for member in group.items {
      for operand in program.items[member].operands {
        guard case .root = program.values[operand].form, program.values[operand].source == .item,
          program.values[operand].region == group.region, bindings[operand] == nil,
          grouping.itemEntry[program.values[operand].item] < made, lastReads[operand] == made,
          canShare(operand, value, tables)
        else { continue }
        take(operand, value)
        return
      }
    }
  }

  private mutating func remark(_ position: Int, _ message: String, _ tables: Tables) {
    let location = program.items[position].location
    var place: Diagnostic.Place?
    if !location.isNone {
      let row = tables.locations[location]
      place = Diagnostic.Place(file: tables.strings[row.file], line: Int(row.line), column: Int(row.column))
    }
    remarks.append(Diagnostic(.remark, message, at: place))
  }

  // MARK: Storages

  private mutating func makeStorages(_ tables: inout Tables) throws(Diagnostics) {
    for (value, row) in program.values.enumerated() {
      guard case .root = row.form else { continue }
      let isUsed = grouping.needsMemory[value] || row.source != .item
      guard isUsed else { continue }
      do throws(Diagnostics) {
        try place(value, &tables)
      } catch {
        throw error.located(at: tables.place(row.location))
      }
    }
    if !errors.isEmpty { throw Diagnostics(errors) }
  }

  private mutating func place(_ value: Int, _ tables: inout Tables) throws(Diagnostics) {
    if places[value].storage >= 0 { return }
    let row = program.values[value]
    switch row.source {
    case .input(let position): places[value] = outside(.input(position), row.type, row, &tables)
    case .parameter(let position): places[value] = outside(.parameter(position), row.type, row, &tables)
    case .state(let position): places[value] = outside(.state(position), row.type, row, &tables)
    case .constant(let id): places[value] = outside(.constant(id), row.type, row, &tables)
    case .item, .cell, .stack:
      switch bindings[value] {
      case .output(let position):
        places[value] = outside(.output(position), ports.outputs[position], row, &tables)
      case .state(let position):
        places[value] = outside(.state(position), ports.states[position], row, &tables)
      case .cell(let cell):
        try place(cell, &tables)
        places[value] = places[cell]
      case .part(stack: let stack, let counter):
        try place(stack, &tables)
        guard var target = place(of: stack) else { return }
        guard let count = tables.elementCount(row.type) else {
          throw Diagnostics([tooLarge(row, row.type, tables)])
        }
        target.offset = try tables.sum(target.offset, tables.product(count, tables.dims.dim(counter)))
        places[value] = target
      case nil:
        if let old = inPlace[value] {
          try place(old, &tables)
          places[value] = places[old]
          extend(places[value].storage, by: value)
        } else {
          places[value] = arena(value, &tables)
        }
      }
    }
  }

  /// The memory of a kind that the caller or the module owns; `row` is a value that is there.
  private mutating func outside(
    _ kind: Kind, _ type: TypeID, _ row: FlatProgram.Value?, _ tables: inout Tables
  ) -> Place {
    if let known = storageOf[kind] { return Place(storage: known, offset: zero) }
    storageOf[kind] = storages.count
    let storage = append(kind, type, row, first: 0, last: grouping.entries.count, &tables)
    return Place(storage: storage, offset: zero)
  }

  /// Where an assign that could not be avoided puts its value.
  mutating func target(_ target: FlatProgram.Target, _ tables: inout Tables) throws(Diagnostics) -> Argument {
    var place: Place?
    switch target {
    case .output(let position):
      place = outside(.output(position), ports.outputs[position], nil, &tables)
    case .state(let position): place = outside(.state(position), ports.states[position], nil, &tables)
    case .cell(let cell): place = self.place(of: cell)
    case .part(stack: let stack, let counter):
      place = self.place(of: stack)
      let shape = Array(tables.types.shape(program.values[stack].type).dropFirst())
      if let start = place?.offset, let count = tables.dims.product(shape) {
        place?.offset = try tables.sum(start, tables.product(count, tables.dims.dim(counter)))
      }
    }
    guard let place else { preconditionFailure("an assign to a value without a place") }
    if !errors.isEmpty { throw Diagnostics(errors) }
    return Argument(buffer: BufferID(place.storage), offset: place.offset)
  }

  private mutating func arena(_ value: Int, _ tables: inout Tables) -> Place {
    let row = program.values[value]
    let storage = append(.arena, row.type, row, first: .max, last: -1, &tables)
    extend(storage, by: value)
    return Place(storage: storage, offset: zero)
  }

  private mutating func extend(_ storage: Int, by value: Int) {
    guard storages[storage].kind == .arena else { return }
    let row = program.values[value]
    var first = row.item >= 0 ? grouping.itemEntry[row.item] : 0
    var last = Swift.max(lastReads[value], first)
    if row.source == .cell || row.source == .stack {
      // A cell is written before its loop, or inside its branch; a stack keeps its parts from the first iteration on.
      if let region = regionOfEnd[row.item] { first = grouping.itemEntry[program.regions[region].begin] }
      if let assign = firstAssigns[value] { first = Swift.min(first, assign) }
      last = Swift.max(last, grouping.itemEntry[row.item])
    }
    storages[storage].first = Swift.min(storages[storage].first, first)
    storages[storage].last = Swift.max(storages[storage].last, last)
  }

  private mutating func append(
    _ kind: Kind, _ type: TypeID, _ row: FlatProgram.Value?, first: Int, last: Int, _ tables: inout Tables
  ) -> Int {
    let dtype = tables.types.dtype(type)
    var (count, capacity) = (zero, 0)
    if let known = tables.elementCount(type), let bound = tables.dims.bound(known), bound >= 0,
      let least = Int(exactly: bound), least <= Planner.maximumBytes / dtype.byteCount
    {
      (count, capacity) = (known, least)
    } else {
      errors.append(tooLarge(row, type, tables))
    }
    storages.append(
      Storage(
        kind: kind, dtype: dtype, count: count, capacity: capacity * dtype.byteCount, first: first,
        last: last, name: row?.name ?? .none))
    return storages.count - 1
  }

  /// Memory for one call.
  mutating func scratch(
    _ dtype: DType, _ count: DimID, entry: Int, name: StringID, _ tables: Tables
  ) throws(Diagnostics) -> Int {
    guard let bound = tables.dims.bound(count), let capacity = Int(exactly: bound),
      capacity <= Planner.maximumBytes / dtype.byteCount
    else { throw Diagnostics([Diagnostic("scratch memory of `\(tables.strings[name])` does not fit")]) }
    storages.append(
      Storage(
        kind: .arena, dtype: dtype, count: count, capacity: Swift.max(capacity, 0) * dtype.byteCount,
        first: entry,
        last: entry, name: name))
    return storages.count - 1
  }

  private func tooLarge(_ row: FlatProgram.Value?, _ type: TypeID, _ tables: Tables) -> Diagnostic {
    let name = row?.name ?? .none
    let hasSymbols = tables.types.shape(type).contains { tables.dims.value($0) == nil }
    return Diagnostic(
      "\(name.isNone ? "a value" : "`%\(tables.strings[name])`") of type \(tables.text(type)) "
        + "may need more than 2^40 bytes",
      at: row.flatMap { tables.place($0.location) },
      notes: hasSymbols ? [Diagnostic.Note("lower the bounds of its symbols")] : [])
  }
}
