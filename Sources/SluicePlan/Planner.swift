public import SluiceIR

/// Makes execution plans: flattens a module's functions, groups their items into kernels, gives every value a
/// place, and writes down what runs.
public struct Planner {
  /// Choices of a plan.
  public struct Options: Sendable, Hashable {
    /// Whether items that share an iteration space run in one kernel.
    public var fuses = true
    /// The most bytes that the arena of a function may have; nil where that does not matter.
    public var arenaBytes: Int?

    /// The usual choices.
    public init() {}
  }

  /// No buffer may be larger than this many bytes at its symbols' bounds.
  static let maximumBytes = 1 << 40

  /// No function may run bodies of more nodes than this, all copies counted; each level of calls may double them.
  static let maximumNodes = 1 << 22

  /// After so many errors no more functions are planned.
  private static let maximumErrorCount = 100

  var tables: Tables
  private let module: Module
  private let options: Options
  private var kernels: [Kernel] = []
  private var kernelIndex: [Kernel: KernelID] = [:]
  private var requests = RequestTable()
  private var writer: RequestWriter
  private var interned = Flattener.Interned()
  var remarks: [Remark] = []
  /// Per recipe and reason the text of a remark.
  private var refusals: [String?] = []
  private var parameters: [ModulePlan.Variable] = []
  private var states: [ModulePlan.Variable] = []
  private var variables = Flattener.VariableIndex()

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
        var function = try planner.plan(module[id], nodeCounts[id.index])
        function.symbolChecks = module.symbolChecks(of: id).thatMayFail(module.tables)
        functions.append(function)
      } catch {
        errors += error.located(at: module.tables.place(module[id].location)).all
      }
    }
    if !errors.isEmpty { throw Diagnostics(errors) }
    var finished = module
    finished.tables = planner.tables
    var plan = ModulePlan(
      module: finished, kernels: planner.kernels, functions: functions, parameters: planner.parameters,
      parameterBytes: parameterBytes, states: planner.states, stateBytes: stateBytes, remarks: planner.remarks
    )
    plan.noteScopes()
    plan.noteRecomputation()
    return plan
  }

  private init(_ module: Module, _ options: Options) {
    self.module = module
    self.tables = module.tables
    self.options = options
    writer = RequestWriter(tables.dims.integer(0))
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
        variables.parameters[variable.name] = parameters.count
        parameters.append(row)
      } else {
        variables.states[variable.name] = states.count
        states.append(row)
      }
      offset += (bytes + ArenaAllocator.alignment - 1) / ArenaAllocator.alignment * ArenaAllocator.alignment
    }
    return offset
  }

  // MARK: One function

  /// What a function comes to: what runs, and what it works on.
  private struct Outcome {
    var table: CallTable
    var storages: [StorageAssignment.Storage]
    var checkedDims: [DimID]
    /// The first entry at which the most of the arena is alive, and where what happens then came from.
    var peak: Int?
    var peakLocation: LocationID
  }

  private mutating func plan(_ graph: Graph, _ nodeCount: Int) throws(Diagnostics) -> ExecutionPlan {
    let firstRemark = remarks.count
    let outcome = try outcome(graph, nodeCount)
    let (buffers, arenaBytes, lowerBound) = buffers(outcome.storages)
    if let budget = options.arenaBytes, arenaBytes > budget {
      throw tooSmall(budget, arenaBytes, arenaBytes, graph)
    }
    let peak = outcome.storages.peakRemark(
      buffers, arenaBytes, lowerBound, at: outcome.peak, outcome.peakLocation, tables)
    if let peak { remarks.append(peak) }
    for row in firstRemark..<remarks.count { remarks[row].function = graph.name }
    var plan = ExecutionPlan(
      name: tables.strings[graph.name], comment: graph.comment.map { tables.strings[$0] },
      symbols: graph.symbols,
      inputs: zip(
        tables.portNames(graph.inputs.map { (stated: graph.names[$0.index], value: .none) }, "input"),
        graph.inputs
      ).map { Port(name: $0, type: graph.types[$1.index]) },
      outputs: zip(tables.resultNames(graph), graph.results).map {
        Port(name: $0, type: graph.types[$1.index])
      },
      buffers: buffers, steps: outcome.table.steps, checkedDims: outcome.checkedDims, arenaBytes: arenaBytes,
      lowerBoundBytes: lowerBound)
    plan.origins = outcome.table.origins
    return plan
  }

  /// Arranges a function and writes its steps; its program and visits end here.
  private mutating func outcome(_ graph: Graph, _ nodeCount: Int) throws(Diagnostics) -> Outcome {
    var program = try Flattener.flatten(
      graph, of: module, variables, &interned, &tables, recomputes: options.fuses, nodeCount: nodeCount)
    if options.fuses { readInsideOfPads(&program) }
    let ports = StorageAssignment.Ports(
      parameterCount: parameters.count, inputCount: graph.inputCount, states: states.map(\.type),
      outputs: graph.results.map { graph.types[$0.index] })
    var arrangement = try arranged(program, ports)
    if let budget = options.arenaBytes { arrangement = try fit(arrangement, budget, ports, graph) }
    arrangement.dropChoices()
    let visits = arrangement.visits
    program = arrangement.program
    var storage = arrangement.storage
    let table = try steps(program, visits, &storage)
    writer.dropColumns()
    for item in storage.placement.copied {
      remarks.append(
        Remark(
          .copy, "copied: the value cannot be made at its target", at: program.locations[item.index]))
    }
    let peak = ArenaAllocator.peak(storage.arenaRequests).time
    return Outcome(
      table: table, storages: storage.storages, checkedDims: checkedDims(program), peak: peak,
      peakLocation: peak.map { storage.location(ofEntry: $0) } ?? .none)
  }

  private mutating func readInsideOfPads(_ program: inout Program) {
    for item in program.readInsideOfPads(&tables) {
      let name = program.recipeTable.names[program.recipe(item).index]
      remarks.append(
        Remark(
          .memory, "not kept: `\(name)`, which late readers read inside of its border",
          at: program.locations[item.index]))
    }
  }

  /// What runs together, in which order, and where values are.
  mutating func arranged(
    _ program: Program, _ ports: StorageAssignment.Ports, arenaLimit: Double = .infinity
  ) throws(Diagnostics) -> Arrangement {
    let visits = Visits.form(
      program, &tables, stateCount: states.count, fuses: options.fuses, arenaLimit: arenaLimit)
    let storage = try StorageAssignment(program, visits, &tables, ports)
    return Arrangement(program: program, visits: visits, storage: storage)
  }

  /// Says what is made again, and where items could not join the kernel that makes their operand, and why.
  private mutating func remark(
    _ items: [ItemID], _ kernel: KernelID, _ program: Program, _ visits: Visits, _ storage: StorageAssignment
  ) {
    guard options.fuses else { return }
    for item in items where !program.firstRepetitions[item.index].isNone {
      let name = program.recipeTable.names[program.recipe(item).index]
      // What stays inside of the kernel is made again for what is stored.
      let stored = program.results(item).first { visits.needsMemory[$0] }.flatMap {
        storage.place(of: RootID($0))
      }
      let size = stored.map { " of \(storage.storages[$0.storage.index].capacity) bytes" } ?? ""
      remarks.append(
        Remark(
          .recompute,
          "made again: `\(name)`\(size), for readers that come much later, instead of kept until then",
          at: program.locations[item.index], kernel: kernel))
    }
    for item in items where visits.nestCount(of: item) > 1 && leavesParts(item, program) {
      let name = program.recipeTable.names[program.recipe(item).index]
      remarks.append(
        Remark(
          .fuse,
          "fused: `\(name)` leaves a part for every \(SumOrder.columnBlock) rows, and a small kernel adds them",
          at: program.locations[item.index], kernel: kernel))
    }
    for item in items where visits.reasons[item.index].isJoined {
      guard let how = joining(item, program, visits) else { continue }
      let name = program.recipeTable.names[program.recipe(item).index]
      remarks.append(
        Remark(.fuse, "fused: `\(name)` \(how)", at: program.locations[item.index], kernel: kernel))
    }
    for item in items where program.roles[item.index] == .contract && visits.goesOn(item) {
      let name = program.recipeTable.names[program.recipe(item).index]
      remarks.append(
        Remark(
          .fuse, "fused: the sums of `\(name)` go on from one block of rows to the next",
          at: program.locations[item.index], kernel: kernel))
    }
    for item in items {
      guard let text = refusal(visits.reasons[item.index], program.recipe(item), program) else { continue }
      remarks.append(Remark(.fuse, text, at: program.locations[item.index], kernel: kernel))
    }
  }

  /// How an item joined its kernel, where that is no plain reading of what the kernel makes or reads.
  private func joining(_ item: ItemID, _ program: Program, _ visits: Visits) -> String? {
    if program.roles[item.index] == .pad { return "stores its border around what this kernel makes or reads" }
    return visits.reasons[item.index] == .beside
      ? "runs beside what reads other results of the same kernel" : nil
  }

  private func leavesParts(_ item: ItemID, _ program: Program) -> Bool {
    program.roles[item.index] == .fold && program.recipeTable.leavesParts[program.recipe(item).index]
  }

  /// Why an item was not fused, made once for all items of a recipe; nil where there is nothing to say.
  private mutating func refusal(
    _ reason: Visits.Reason, _ recipe: RecipeID, _ program: Program
  ) -> String? {
    let row = recipe.index * Visits.Reason.allCases.count + Int(reason.rawValue)
    if row >= refusals.count { refusals += repeatElement(nil, count: row + 1 - refusals.count) }
    if refusals[row] == nil {
      refusals[row] = reason.text.map { "not fused: `\(program.recipeTable.names[recipe.index])`: \($0)" }
    }
    return refusals[row]
  }

  private mutating func steps(
    _ program: Program, _ visits: Visits, _ storage: inout StorageAssignment
  ) throws(Diagnostics) -> CallTable {
    var table = CallTable()
    for (entry, what) in visits.entries.enumerated() {
      switch what {
      case .control(let item):
        table.append(try control(item, program, storage), [program.locations[item.index]])
      case .visits(let first, let end):
        for visit in visits.run(first, end) where isSeen(visit, program, visits) {
          writer.write(visit, program, visits, storage, &tables)
          let items = visits.items(visit)
          let (kernel, arguments) = try call(items, nil, entry, program, &storage)
          table.join(
            kernel, arguments, kernels[kernel.index].slots, items.map { program.locations[$0.index] })
          remark(items, kernel, program, visits, storage)
        }
        table.end()
      case .assign(let item):
        guard !storage.placement.isElided[item.index] else { continue }
        writer.write(item, program, storage, &tables)
        let (kernel, arguments) = try call([item], program.target(item), entry, program, &storage)
        table.append(.call(kernel, arguments), [program.locations[item.index]])
      }
    }
    return table
  }

  /// Whether anything reads what a visit makes.
  private func isSeen(_ visit: VisitID, _ program: Program, _ visits: Visits) -> Bool {
    var item = visits.firstItem(visit)
    while !item.isNone {
      if program.results(item).contains(where: { visits.needsMemory[$0] }) { return true }
      item = visits.nextItem(item)
    }
    return false
  }

  private mutating func control(
    _ item: ItemID, _ program: Program, _ storage: StorageAssignment
  ) throws(Diagnostics) -> Step {
    switch program.roles[item.index] {
    case .loop:
      let loop = program.loop(item)
      return .loop(counter: loop.counter, count: loop.count, reverse: loop.isReverse)
    case .forever: return .forever
    case .leave: return .leave(unless: try flag(item, program, storage))
    case .branch: return .branch(try flag(item, program, storage))
    case .otherwise: return .otherwise
    default: return .end
    }
  }

  /// Where the bool is that an item asks.
  private mutating func flag(
    _ item: ItemID, _ program: Program, _ storage: StorageAssignment
  ) throws(Diagnostics) -> Argument {
    guard let view = program.operands(item).first, let place = storage.place(of: program.roots[view.index])
    else { preconditionFailure("a value that is read has no place") }
    var offset = place.offset
    if !program.isWhole(view) {
      let own = program.layoutTable.offsets[program.layouts[view.index].index]
      offset = try tables.sum(offset, tables.sum(program.bases[view.index], own))
    }
    return Argument(buffer: place.storage, offset: offset)
  }

  /// The call that does what was written down.
  private mutating func call(
    _ items: [ItemID], _ target: Program.Target?, _ entry: Int, _ program: Program,
    _ storage: inout StorageAssignment
  ) throws(Diagnostics) -> (KernelID, [Argument]) {
    do throws(Diagnostics) {
      let row = try kernel(items, program)
      for choice in requests.choices(row) {
        let item = writer.items[choice.item]
        let text = "`\(program.recipeTable.names[program.recipe(item).index])`: \(choice.text)"
        remarks.append(
          Remark(choice.remark, text, at: program.locations[item.index], kernel: requests.kernel(row)))
      }
      return (requests.kernel(row), try arguments(row, target, entry, &storage))
    } catch {
      throw error.located(at: tables.place(program.locations[items[0].index]))
    }
  }

  /// What the kernel of an item of its own needs of the arena besides its values, in the order of its arguments.
  mutating func scratchBytes(
    _ item: ItemID, _ visit: VisitID, _ arrangement: Arrangement
  ) throws(Diagnostics) -> [Int] {
    let program = arrangement.program
    guard isSeen(visit, program, arrangement.visits) else { return [] }
    writer.write(visit, program, arrangement.visits, arrangement.storage, &tables)
    let row = try kernel([item], program)
    let slots = kernels[requests.kernel(row).index].slots
    return zip(slots, requests.meanings(row)).compactMap { slot, meaning in
      guard case .scratch(let count) = meaning, let bound = tables.dims.bound(count),
        let elements = Int(exactly: bound), elements <= Self.maximumBytes / slot.dtype.byteCount
      else { return nil }
      return max(elements, 0) * slot.dtype.byteCount
    }
  }

  /// The row of the request that was written down last; its kernel is made if it is new.
  private mutating func kernel(_ items: [ItemID], _ program: Program) throws(Diagnostics) -> Int {
    let request = writer.request
    let hash = request.hash
    if let known = requests.find(request, hash) { return known }
    let comment = KernelComment(program, tables)
    let name = request.target == .none ? comment.name(items) : "copy"
    let lower = request.isSingle ? SingleLowering.lower : VisitLowering.lower
    var lowered = try lower(request, program.recipeTable, program.layoutTable, &tables, name)
    // Other requests may come to the same instructions: names and comments do not count.
    let id = kernelIndex[lowered.kernel] ?? KernelID(kernels.count)
    if id.index == kernels.count {
      kernelIndex[lowered.kernel] = id
      lowered.kernel.comment = comment.lines(writer.items)
      let stored = request.target == .none ? nil : program.operands(items[0]).first
      comment.name(&lowered.kernel, lowered.meanings, writer.roots, target: stored)
      kernels.append(lowered.kernel)
    }
    return requests.add(request, hash, id, lowered)
  }

  /// The arguments of a call of a row's kernel for the request that was written down last.
  private mutating func arguments(
    _ row: Int, _ target: Program.Target?, _ entry: Int, _ storage: inout StorageAssignment
  ) throws(Diagnostics) -> [Argument] {
    let meanings = requests.meanings(row)
    let slots = kernels[requests.kernel(row).index].slots
    var arguments: [Argument] = []
    arguments.reserveCapacity(meanings.count)
    for (slot, meaning) in zip(slots, meanings) {
      switch meaning {
      case .root(let number, let base):
        guard let place = storage.place(of: writer.roots[Int(number)]) else {
          preconditionFailure("a value that is read has no place")
        }
        let offset = base == 0 ? place.offset : try tables.sum(place.offset, writer.bases[Int(base)])
        arguments.append(Argument(buffer: place.storage, offset: offset))
      case .scratch(let count):
        let name = tables.strings.intern(slot.name)
        let buffer = try storage.scratch(slot.dtype, count, entry: entry, name: name, tables)
        arguments.append(Argument(buffer: buffer, offset: tables.dims.integer(0)))
      case .target:
        guard let target else { preconditionFailure("only a copy has a target") }
        arguments.append(try storage.argument(target, &tables))
      }
    }
    return arguments
  }

  // MARK: Buffers and ports

  private func buffers(
    _ storages: [StorageAssignment.Storage]
  ) -> (buffers: [Buffer], arenaBytes: Int, lowerBound: Int) {
    let (offsets, bytes, lowerBound) = ArenaAllocator.allocate(storages.arenaRequests)
    var next = 0
    var names = UniqueNames()
    let buffers = storages.enumerated().map { index, row -> Buffer in
      let kind: Buffer.Storage =
        switch row.kind {
        case .parameter(let position): .parameter(position)
        case .state(let position): .state(position)
        case .input(let position): .input(position)
        case .output(let position): .output(position)
        case .constant(let id): .constant(id)
        case .arena: .arena(offsets[next])
        }
      if row.kind == .arena { next += 1 }
      let name = names.unique(row.name.isNone ? "t\(index)" : tables.identifier(row.name))
      return Buffer(name: name, dtype: row.dtype, count: row.count, capacity: row.capacity, storage: kind)
    }
    return (buffers, bytes, lowerBound)
  }

  /// Dims that some sizes within the bounds would make negative.
  private func checkedDims(_ program: Program) -> [DimID] {
    var found: [DimID] = []
    var seen: Set<DimID> = []
    var seenTypes = [Bool](repeating: false, count: tables.types.count)
    for type in program.viewTypes where !seenTypes[type.index] {
      seenTypes[type.index] = true
      for dim in tables.types.shape(type) where seen.insert(dim).inserted {
        if !tables.dims.isNeverNegative(dim) { found.append(dim) }
      }
    }
    return found
  }
}
