public import SluiceIR

/// Makes execution plans: flattens a module's functions, groups their items into kernels, gives every value a
/// place, and writes down what runs.
public struct Planner {
  /// Choices of a plan.
  public struct Options: Sendable, Hashable {
    /// Whether items that share an iteration space run in one kernel.
    public var fuses = true

    /// The usual choices.
    public init() {}
  }

  /// No buffer may be larger than this many bytes at its symbols' bounds.
  static let maximumBytes = 1 << 40

  /// No function may run bodies of more nodes than this, all copies counted; each level of calls may double them.
  static let maximumNodes = 1 << 22

  /// After so many errors no more functions are planned.
  private static let maximumErrorCount = 100

  private var tables: Tables
  private let module: Module
  private let options: Options
  private var kernels: [Kernel] = []
  private var kernelIndex: [Kernel: KernelID] = [:]
  private var cache: KernelCache
  private var remarks: [Diagnostic] = []
  private var parameters: [ModulePlan.Variable] = []
  private var states: [ModulePlan.Variable] = []
  private var parameterIndex: [StringID: Int] = [:]
  private var stateIndex: [StringID: Int] = [:]

  /// The plan of a verified module without composites.
  public static func plan(_ module: Module, options: Options = Options()) throws(Diagnostics) -> ModulePlan {
    var planner = Planner(module, options)
    let (parameterBytes, stateBytes) = try planner.layOutVariables()
    var functions: [ExecutionPlan] = []
    var errors: [Diagnostic] = []
    let nodeCounts = module.nodeCountsWithBodies
    for id in module.functions where errors.count < maximumErrorCount {
      do throws(Diagnostics) {
        guard nodeCounts[id.index] - module[id].nodeCount <= maximumNodes else {
          throw planner.tooManyNodes(module[id])
        }
        functions.append(try planner.plan(module[id]))
      } catch {
        errors += error.located(at: module.tables.place(module[id].location)).all
        // The tables were given away. What else is wrong is found by another planner.
        planner = Planner(module, options)
        _ = try planner.layOutVariables()
      }
    }
    if !errors.isEmpty { throw Diagnostics(errors) }
    var finished = module
    finished.tables = planner.tables
    return ModulePlan(
      module: finished, kernels: planner.kernels, functions: functions, parameters: planner.parameters,
      parameterBytes: parameterBytes, states: planner.states, stateBytes: stateBytes, remarks: planner.remarks
    )
  }

  private init(_ module: Module, _ options: Options) {
    self.module = module
    self.tables = module.tables
    self.options = options
    cache = KernelCache(tables.dims.integer(0))
  }

  private func tooManyNodes(_ graph: Graph) -> Diagnostics {
    Diagnostics([
      Diagnostic(
        "`@\(tables.strings[graph.name])` runs bodies of more than \(Self.maximumNodes) nodes",
        at: tables.place(graph.location),
        notes: [Diagnostic.Note("a plan holds a copy of a body for every place where it is run")])
    ])
  }

  /// Gives all variables their places; the sizes of both blocks.
  private mutating func layOutVariables() throws(Diagnostics) -> (parameterBytes: Int, stateBytes: Int) {
    var errors: [Diagnostic] = []
    let parameterBytes = layOut(.parameter, &errors)
    let stateBytes = layOut(.state, &errors)
    if !errors.isEmpty { throw Diagnostics(errors) }
    return (parameterBytes, stateBytes)
  }

  /// Gives variables their places in one block; its size.
  ///
  /// A parameter that a function writes is kept with the states: parameters can be in memory that is only read.
  private mutating func layOut(_ kind: Variable.Kind, _ errors: inout [Diagnostic]) -> Int {
    let written = module.writtenVariables
    var offset = 0
    for variable in tables.variables
    where (variable.kind == .parameter && !written.contains(variable.name)) == (kind == .parameter) {
      let dtype = tables.types.dtype(variable.type)
      guard let count = tables.elementCount(variable.type).flatMap({ tables.dims.value($0) }),
        count <= Int64(Self.maximumBytes / dtype.byteCount)
      else {
        errors.append(
          Diagnostic(
            "`@\(tables.strings[variable.name])` is larger than 2^40 bytes",
            at: tables.place(variable.location)))
        continue
      }
      let bytes = Int(count) * dtype.byteCount
      let row = ModulePlan.Variable(
        name: tables.strings[variable.name], type: variable.type, offset: offset, byteCount: bytes,
        isParameter: variable.kind == .parameter)
      if kind == .parameter {
        parameterIndex[variable.name] = parameters.count
        parameters.append(row)
      } else {
        stateIndex[variable.name] = states.count
        states.append(row)
      }
      offset += (bytes + ArenaAllocator.alignment - 1) / ArenaAllocator.alignment * ArenaAllocator.alignment
    }
    return offset
  }

  // MARK: One function

  private mutating func plan(_ graph: Graph) throws(Diagnostics) -> ExecutionPlan {
    let program: FlatProgram
    (program, tables) = try Flattener(
      module, takeTables(), parameters: parameterIndex, states: stateIndex
    ).flatten(graph)
    let grouping = Grouping(program, tables, fuses: options.fuses)
    let ports = StorageAssignment.Ports(
      outputs: graph.results.map { graph.types[$0.index] }, states: states.map(\.type))
    var storage = try StorageAssignment(program, grouping, &tables, ports)
    remarks += storage.remarks
    let residence = residence(program, grouping, storage)
    let steps = try steps(program, grouping, residence, &storage)
    let (buffers, arenaBytes, lowerBound) = buffers(storage)
    return ExecutionPlan(
      name: tables.strings[graph.name], comment: graph.comment.map { tables.strings[$0] },
      symbols: graph.symbols,
      inputs: portNames(graph.inputs.map { (graph.names[$0.index], graph.types[$0.index]) }, "input"),
      outputs: portNames(
        zip(graph.results, graph.resultNames).map { value, name in
          (name.isNone ? graph.names[value.index] : name, graph.types[value.index])
        }, "result"),
      buffers: buffers, steps: steps, checkedDims: checkedDims(program), arenaBytes: arenaBytes,
      lowerBoundBytes: lowerBound)
  }

  private func residence(
    _ program: FlatProgram, _ grouping: Grouping, _ storage: StorageAssignment
  ) -> Residence {
    let isExternal = program.values.indices.map { value in
      guard let place = storage.place(of: value) else { return false }
      switch storage.storages[place.storage].kind {
      case .output, .state: return true
      default: return false
      }
    }
    return Residence(needsMemory: grouping.needsMemory, isExternal: isExternal, inPlace: storage.inPlace)
  }

  private mutating func steps(
    _ program: FlatProgram, _ grouping: Grouping, _ residence: Residence, _ storage: inout StorageAssignment
  ) throws(Diagnostics) -> [Step] {
    var steps: [Step] = []
    for (entry, what) in grouping.entries.enumerated() {
      switch what {
      case .control(let position):
        let item = program.items[position]
        switch item.action {
        case .beginLoop(let counter, let count, let reverse):
          steps.append(.loop(counter: counter, count: count, reverse: reverse))
        case .beginForever: steps.append(.forever)
        case .leave: steps.append(.leave(unless: try element(item.operands[0], program, storage)))
        case .beginBranch: steps.append(.branch(try element(item.operands[0], program, storage)))
        case .otherwise: steps.append(.otherwise)
        case .endLoop, .endBranch: steps.append(.end)
        case .node, .copy, .assign: continue
        }
      case .group(let index):
        let group = grouping.groups[index]
        let isSeen = group.items.contains { program.items[$0].results.contains { residence.needsMemory[$0] } }
        guard isSeen else { continue }
        let row = try kernel(group, nil, program, residence)
        do throws(Diagnostics) {
          let arguments = try cache.arguments(row, entry: entry, target: nil, &storage, &tables)
          steps.append(.call(cache.kernel(row), arguments))
        } catch {
          throw error.located(at: tables.place(program.items[group.items[0]].location))
        }
      case .assign(let position):
        guard !storage.elided.contains(position) else { continue }
        let item = program.items[position]
        guard case .assign(let target) = item.action else { continue }
        let space = tables.types.shape(program.values[item.operands[0]].type)
        let group = Grouping.Group(
          kind: .loops, space: space, reducedAxes: nil, items: [position], region: item.region)
        let row = try kernel(group, target, program, residence)
        let arguments = try cache.arguments(row, entry: entry, target: target, &storage, &tables)
        steps.append(.call(cache.kernel(row), arguments))
      }
    }
    return steps
  }

  /// Where a scalar is.
  private mutating func element(
    _ value: Int, _ program: FlatProgram, _ storage: StorageAssignment
  ) throws(Diagnostics) -> Argument {
    guard let root = program.root(value), let place = storage.place(of: root) else {
      preconditionFailure("a value that is read has no place")
    }
    var offset = place.offset
    if case .view(let look) = program.values[value].form {
      offset = try tables.sum(offset, tables.sum(look.base, look.offset))
    }
    return Argument(buffer: BufferID(place.storage), offset: offset)
  }

  /// The kernel of a group, as a row of the cache; an identical one is used again.
  private mutating func kernel(
    _ group: Grouping.Group, _ target: FlatProgram.Target?, _ program: FlatProgram, _ residence: Residence
  ) throws(Diagnostics) -> Int {
    do throws(Diagnostics) {
      return try makeKernel(group, target, program, residence)
    } catch {
      throw error.located(at: module.tables.place(program.items[group.items[0]].location))
    }
  }

  private mutating func makeKernel(
    _ group: Grouping.Group, _ target: FlatProgram.Target?, _ program: FlatProgram, _ residence: Residence
  ) throws(Diagnostics) -> Int {
    let looks = SharedLooks(group.items, program, &tables)
    if let known = cache.find(group.items, program, residence, looks) { return known }
    let lowered: LoweredKernel
    let (name, comment) = headline(group, target, program)
    // The tables move along, so that nobody else holds them when dims are added.
    if group.kind == .loops {
      (lowered, tables) = try LoopLowering(group, program, residence, looks, takeTables(), name: name)
        .lower(target: target, comment: comment)
    } else {
      let item = program.items[group.items[0]]
      (lowered, tables) = try SingleLowering(item, program, residence, looks, takeTables(), name: name)
        .lower(comment: comment)
    }
    // Other items may come to the same instructions: slots count without their names.
    var key = lowered.kernel
    key.comment = []
    for slot in key.slots.indices { key.slots[slot].name = "" }
    let id = kernelIndex[key] ?? KernelID(kernels.count)
    if id.index == kernels.count {
      kernelIndex[key] = id
      kernels.append(lowered.kernel)
    }
    return cache.add(id, lowered, &tables)
  }

  private func headline(
    _ group: Grouping.Group, _ target: FlatProgram.Target?, _ program: FlatProgram
  ) -> (name: String, comment: [String]) {
    let writer = KernelComment(program, tables)
    return (target == nil ? writer.name(group.items) : "copy", writer.lines(group.items))
  }

  /// Gives the tables away; they have to be put back.
  private mutating func takeTables() -> Tables {
    let taken = tables
    tables = Self.noTables
    return taken
  }

  private static let noTables = Tables()

  // MARK: Buffers and ports

  private func buffers(_ storage: StorageAssignment) -> (buffers: [Buffer], arenaBytes: Int, lowerBound: Int)
  {
    let inArena = storage.storages.indices.filter { storage.storages[$0].kind == .arena }
    let requests = inArena.map { index in
      let row = storage.storages[index]
      return ArenaAllocator.Request(bytes: row.capacity, first: row.first, last: row.last)
    }
    let (offsets, bytes, lowerBound) = ArenaAllocator.allocate(requests)
    var places = [Int](repeating: 0, count: storage.storages.count)
    for (index, offset) in zip(inArena, offsets) { places[index] = offset }
    var names = UniqueNames()
    let buffers = storage.storages.enumerated().map { index, row -> Buffer in
      let kind: Buffer.Storage =
        switch row.kind {
        case .parameter(let position): .parameter(position)
        case .state(let position): .state(position)
        case .input(let position): .input(position)
        case .output(let position): .output(position)
        case .constant(let id): .constant(id)
        case .arena: .arena(places[index])
        }
      let name = names.unique(row.name.isNone ? "t\(index)" : tables.identifier(row.name))
      return Buffer(name: name, dtype: row.dtype, count: row.count, capacity: row.capacity, storage: kind)
    }
    return (buffers, bytes, lowerBound)
  }

  private func portNames(_ ports: [(name: StringID, type: TypeID)], _ stem: String) -> [Port] {
    var names = UniqueNames()
    return ports.enumerated().map { position, port in
      let fallback = ports.count == 1 ? stem : "\(stem)\(position)"
      let text = port.name.isNone ? fallback : tables.identifier(port.name)
      return Port(name: names.unique(text), type: port.type)
    }
  }

  /// Dims that some sizes within the bounds would make negative.
  private func checkedDims(_ program: FlatProgram) -> [DimID] {
    var found: [DimID] = []
    var seen: Set<DimID> = []
    var seenTypes = [Bool](repeating: false, count: tables.types.count)
    for value in program.values where !seenTypes[value.type.index] {
      seenTypes[value.type.index] = true
      for dim in tables.types.shape(value.type) where seen.insert(dim).inserted {
        if !tables.dims.isNeverNegative(dim) { found.append(dim) }
      }
    }
    return found
  }
}

extension Tables {
  /// A name as an identifier: `attention.qkv` becomes `attention_qkv`, and a leading digit gets a `v`.
  func identifier(_ name: StringID) -> String {
    let text = String(strings[name].map { $0 == "." ? "_" : $0 })
    return text.utf8.first.map { $0 < 58 } ?? true ? "v\(text)" : text
  }
}

/// Gives names that are used again a number.
struct UniqueNames {
  private var used: Set<String> = []
  /// Per name the number to try next.
  private var numbers: [String: Int] = [:]

  /// The name, or the name with the first free number.
  mutating func unique(_ name: String) -> String {
    if used.insert(name).inserted { return name }
    var number = numbers[name] ?? 1
    var result: String
    repeat {
      result = "\(name)_\(number)"
      number += 1
    } while !used.insert(result).inserted
    numbers[name] = number
    return result
  }
}
