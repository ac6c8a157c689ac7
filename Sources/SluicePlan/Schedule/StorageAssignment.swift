import SluiceIR

/// Decides where every root lives, the caller's memory, a cell or the arena, and for how long.
///
/// Times are positions among the entries of `Visits`.
struct StorageAssignment {
  /// A piece of memory; `first ... last` are the entries during which an arena storage holds something.
  struct Storage {
    var kind: Kind
    var dtype: DType
    var count: DimID
    var capacity: Int
    var first: Int32
    var last: Int32
    var name: StringID
    /// Where what it is made for came from.
    var location: LocationID
  }

  /// Whose memory it is.
  enum Kind: Equatable {
    case parameter(Int), state(Int), input(Int), output(Int), constant(ConstantID), arena
  }

  /// Where a root is: a storage, from an element on.
  struct Place {
    var storage: BufferID
    var offset: DimID
  }

  private(set) var storages: [Storage] = []
  /// Per root its place; without a storage for what needs none.
  private var places: [Place]
  /// Values that are too large; until all are found, they count as empty.
  private var errors: [Diagnostic] = []

  let program: Program
  private(set) var visits: Visits
  private(set) var placement: Placement
  private let ports: Ports
  /// Per cell the entry of its first assign; -1 for others.
  private var firstAssigns: [Int32]
  /// The storages of memory that lies outside: parameters, states, inputs, outputs, then constants.
  private var outsideStorages: [BufferID]
  private let zero: DimID

  /// What lies outside of the function.
  struct Ports {
    var parameterCount: Int
    var inputCount: Int
    var states: [TypeID]
    var outputs: [TypeID]
  }

  init(
    _ program: Program, _ visits: Visits, _ tables: inout Tables, _ ports: Ports
  ) throws(Diagnostics) {
    self.program = program
    self.visits = visits
    self.ports = ports
    placement = Placement(program, visits, &tables, stateCount: ports.states.count)
    zero = tables.dims.integer(0)
    places = [Place](repeating: Place(storage: .none, offset: zero), count: program.rootCount)
    firstAssigns = [Int32](repeating: -1, count: program.rootCount)
    outsideStorages = [BufferID](
      repeating: .none,
      count: ports.parameterCount + ports.states.count + ports.inputCount + ports.outputs.count)
    for index in 0..<program.itemCount where program.roles[index] == .assign {
      guard case .cell(let cell) = program.target(ItemID(index)), firstAssigns[cell.index] < 0 else {
        continue
      }
      firstAssigns[cell.index] = Int32(visits.entry(ItemID(index)))
    }
    try makeStorages(&tables)
    firstAssigns = []
  }

  /// Drops what only choosing places needs.
  mutating func dropChoices() {
    visits.dropChoices()
    placement.dropReads()
  }

  /// What the storages of the arena ask of it, in order.
  var arenaRequests: [ArenaAllocator.Request] { storages.arenaRequests }

  /// Where a root is; nil where it needs no place.
  func place(of root: RootID) -> Place? {
    let place = places[root.index]
    return place.storage.isNone ? nil : place
  }

  /// Whether a root is seen by the caller or the module: floats are stored with canonical NaNs.
  func isExternal(_ root: RootID) -> Bool {
    guard let place = place(of: root) else { return false }
    switch storages[place.storage.index].kind {
    case .output, .state: return true
    case .parameter, .input, .constant, .arena: return false
    }
  }

  /// Whether the memory of a target belongs to the caller or the module.
  func isExternal(_ target: Program.Target) -> Bool {
    switch target {
    case .output, .state: true
    case .cell(let root), .part(stack: let root, _): isExternal(root)
    }
  }

  // MARK: Storages

  private mutating func makeStorages(_ tables: inout Tables) throws(Diagnostics) {
    for index in 0..<program.rootCount {
      guard visits.needsMemory[index] || program.homes[index] != .item else { continue }
      do throws(Diagnostics) {
        try place(RootID(index), &tables)
      } catch {
        throw error.located(at: tables.place(program.rootLocations[index]))
      }
    }
    if !errors.isEmpty { throw Diagnostics(errors) }
  }

  /// Gives a root its place, and before it what that place depends on.
  private mutating func place(_ root: RootID, _ tables: inout Tables) throws(Diagnostics) {
    // From the root to the one whose place is known without others, and back.
    var chain = [root]
    while let last = chain.last, places[last.index].storage.isNone, let next = dependency(last),
      places[next.index].storage.isNone
    {
      chain.append(next)
    }
    while let root = chain.popLast() {
      if places[root.index].storage.isNone { try placeAlone(root, &tables) }
    }
  }

  /// The root in whose memory a root is made; nil where it is in none.
  private func dependency(_ root: RootID) -> RootID? {
    let assign = placement.boundAssigns[root.index]
    if !assign.isNone {
      switch program.target(assign) {
      case .output, .state: return nil
      case .cell(let cell): return cell
      case .part(stack: let stack, _): return stack
      }
    }
    let old = placement.inPlace[root.index]
    return old.isNone ? nil : old
  }

  private mutating func placeAlone(_ root: RootID, _ tables: inout Tables) throws(Diagnostics) {
    let type = program.types[root.index]
    let assign = placement.boundAssigns[root.index]
    let target = assign.isNone ? nil : program.target(assign)
    switch (program.homes[root.index], target) {
    case (.input(let position), _): places[root.index] = outside(.input(position), type, root, &tables)
    case (.parameter(let position), _):
      places[root.index] = outside(.parameter(position), type, root, &tables)
    case (.state(let position), _): places[root.index] = outside(.state(position), type, root, &tables)
    case (.constant(let id), _): places[root.index] = outside(.constant(id), type, root, &tables)
    case (_, .output(let position)):
      places[root.index] = outside(.output(position), ports.outputs[position], root, &tables)
    case (_, .state(let position)):
      places[root.index] = outside(.state(position), ports.states[position], root, &tables)
    case (_, .cell(let cell)): places[root.index] = places[cell.index]
    case (_, .part(stack: let stack, let counter)):
      guard var place = place(of: stack) else { return }
      guard let count = tables.elementCount(type) else {
        throw Diagnostics([tooLarge(root, type, tables)])
      }
      place.offset = try tables.sum(place.offset, tables.product(count, tables.dims.dim(counter)))
      places[root.index] = place
    case (_, nil):
      let old = placement.inPlace[root.index]
      if old.isNone {
        let storage = append(.arena, type, root, first: .max, last: -1, &tables)
        places[root.index] = Place(storage: storage, offset: zero)
      } else {
        places[root.index] = places[old.index]
      }
      extend(places[root.index].storage, by: root)
    }
  }

  /// The row of `outsideStorages` of what lies outside; nil for constants and the arena.
  private func outsideRow(_ kind: Kind) -> Int? {
    switch kind {
    case .parameter(let position): position
    case .state(let position): ports.parameterCount + position
    case .input(let position): ports.parameterCount + ports.states.count + position
    case .output(let position): ports.parameterCount + ports.states.count + ports.inputCount + position
    case .constant, .arena: nil
    }
  }

  /// The memory of a kind that the caller or the module owns; `root` is a value that is there.
  private mutating func outside(
    _ kind: Kind, _ type: TypeID, _ root: RootID?, _ tables: inout Tables
  ) -> Place {
    let row = outsideRow(kind) ?? constantRow(kind)
    if outsideStorages[row].isNone {
      outsideStorages[row] = append(kind, type, root, first: 0, last: Int32(visits.entries.count), &tables)
    }
    return Place(storage: outsideStorages[row], offset: zero)
  }

  /// Constants stand behind everything else that lies outside.
  private mutating func constantRow(_ kind: Kind) -> Int {
    guard case .constant(let id) = kind else { preconditionFailure("the arena lies inside") }
    let begin = ports.parameterCount + ports.states.count + ports.inputCount + ports.outputs.count
    let row = begin + id.index
    if row >= outsideStorages.count {
      outsideStorages += repeatElement(.none, count: row + 1 - outsideStorages.count)
    }
    return row
  }

  /// Where an assign that could not be avoided puts its value.
  mutating func argument(_ target: Program.Target, _ tables: inout Tables) throws(Diagnostics) -> Argument {
    var place: Place?
    switch target {
    case .output(let position):
      place = outside(.output(position), ports.outputs[position], nil, &tables)
    case .state(let position): place = outside(.state(position), ports.states[position], nil, &tables)
    case .cell(let cell): place = self.place(of: cell)
    case .part(stack: let stack, let counter):
      place = self.place(of: stack)
      let shape = tables.types.shape(program.types[stack.index]).dropFirst()
      if let start = place?.offset, let count = tables.dims.product(shape) {
        place?.offset = try tables.sum(start, tables.product(count, tables.dims.dim(counter)))
      }
    }
    guard let place else { preconditionFailure("an assign to a value without a place") }
    if !errors.isEmpty { throw Diagnostics(errors) }
    return Argument(buffer: place.storage, offset: place.offset)
  }

  /// Lets a storage of the arena hold something while a root does.
  private mutating func extend(_ storage: BufferID, by root: RootID) {
    guard storages[storage.index].kind == .arena else { return }
    let maker = program.makers[root.index]
    var first = maker.isNone ? 0 : visits.entry(maker)
    var last = Swift.max(Int(placement.reads.last[root.index]), first)
    switch program.homes[root.index] {
    case .cell, .stack:
      // A cell is written before its loop, or inside its branch; a stack keeps its parts from the first iteration on.
      let begin = program.begins[program.endedBlock(maker).index]
      first = visits.entry(begin)
      if firstAssigns[root.index] >= 0 { first = Swift.min(first, Int(firstAssigns[root.index])) }
      last = Swift.max(last, visits.entry(maker))
    case .item, .input, .parameter, .state, .constant: break
    }
    storages[storage.index].first = Swift.min(storages[storage.index].first, Int32(first))
    storages[storage.index].last = Swift.max(storages[storage.index].last, Int32(last))
  }

  private mutating func append(
    _ kind: Kind, _ type: TypeID, _ root: RootID?, first: Int32, last: Int32, _ tables: inout Tables
  ) -> BufferID {
    let dtype = tables.types.dtype(type)
    var (count, capacity) = (zero, 0)
    if let known = tables.elementCount(type), let bound = tables.dims.bound(known), bound >= 0,
      let least = Int(exactly: bound), least <= Planner.maximumBytes / dtype.byteCount
    {
      (count, capacity) = (known, least)
    } else {
      errors.append(tooLarge(root, type, tables))
    }
    storages.append(
      Storage(
        kind: kind, dtype: dtype, count: count, capacity: capacity * dtype.byteCount, first: first,
        last: last, name: root.map { program.names[$0.index] } ?? .none,
        location: root.map { program.rootLocations[$0.index] } ?? .none))
    return BufferID(storages.count - 1)
  }

  /// Memory for one call.
  mutating func scratch(
    _ dtype: DType, _ count: DimID, entry: Int, name: StringID, _ tables: Tables
  ) throws(Diagnostics) -> BufferID {
    guard let bound = tables.dims.bound(count), let capacity = Int(exactly: bound),
      capacity <= Planner.maximumBytes / dtype.byteCount
    else { throw Diagnostics([Diagnostic("scratch memory of `\(tables.strings[name])` does not fit")]) }
    storages.append(
      Storage(
        kind: .arena, dtype: dtype, count: count, capacity: Swift.max(capacity, 0) * dtype.byteCount,
        first: Int32(entry), last: Int32(entry), name: name, location: location(ofEntry: entry)))
    return BufferID(storages.count - 1)
  }

  private func tooLarge(_ root: RootID?, _ type: TypeID, _ tables: Tables) -> Diagnostic {
    let name = root.map { program.names[$0.index] } ?? .none
    let hasSymbols = tables.types.shape(type).contains { tables.dims.value($0) == nil }
    return Diagnostic(
      "\(name.isNone ? "a value" : "`%\(tables.strings[name])`") of type \(tables.text(type)) "
        + "may need more than 2^40 bytes",
      at: root.flatMap { tables.place(program.rootLocations[$0.index]) },
      notes: hasSymbols ? [Diagnostic.Note("lower the bounds of its symbols")] : [])
  }
}
