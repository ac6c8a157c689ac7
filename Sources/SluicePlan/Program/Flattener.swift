import SluiceIR

/// Builds the program of one function: copies bodies in and turns ops that only look elsewhere into views.
struct Flattener {
  var program = Program()
  var tables: Tables
  let module: Module
  private let variables: VariableIndex
  var block = Program.function
  /// The loops around what is being copied in.
  var loopDepth = 0
  private(set) var location: LocationID = .none
  let zero: DimID
  private let recomputes: Bool

  /// Where the module's variables are kept, by name.
  struct VariableIndex {
    var parameters: [StringID: Int] = [:]
    var states: [StringID: Int] = [:]
  }

  /// What the programs of a module share.
  struct Interned {
    var recipes = RecipeTable()
    var layouts = LayoutTable()
  }

  /// The program of a function that runs about so many nodes; dims, recipes and layouts that it makes go into the tables.
  static func flatten(
    _ function: Graph, of module: Module, _ variables: VariableIndex, _ interned: inout Interned,
    _ tables: inout Tables, recomputes: Bool, nodeCount: Int
  ) throws(Diagnostics) -> Program {
    var flattener = Flattener(module, variables, moving: &tables, recomputes: recomputes)
    flattener.program.recipeTable = interned.recipes
    flattener.program.layoutTable = interned.layouts
    flattener.program.reserveCapacity(nodeCount)
    defer {
      interned = Interned(recipes: flattener.program.recipeTable, layouts: flattener.program.layoutTable)
      swap(&tables, &flattener.tables)
    }
    try flattener.flatten(function)
    return flattener.program
  }

  private init(
    _ module: Module, _ variables: VariableIndex, moving tables: inout Tables, recomputes: Bool
  ) {
    self.recomputes = recomputes
    self.module = module
    self.variables = variables
    self.tables = Tables()
    swap(&self.tables, &tables)
    zero = self.tables.dims.integer(0)
  }

  /// A graph that is being copied in: where it is, what its values became.
  struct Frame {
    var graph: Graph
    var next: Int
    var map: [ViewID]
    var ending: Ending
  }

  /// What happens when a graph has been copied in.
  enum Ending {
    case function, call, scan(Scan), condition(While), whileBody(While), then(Cond), otherwise(Cond)
  }

  /// What follows a graph: the values that its node gives, or another graph to copy in.
  private enum Followup {
    case results([ViewID])
    case frame(Frame)
  }

  private mutating func flatten(_ function: Graph) throws(Diagnostics) {
    var inputs: [ViewID] = []
    for (position, value) in function.inputs.enumerated() {
      location = function.locations[position]
      inputs.append(root(function.types[value.index], function.names[value.index], .input(position)))
    }
    var frames = [Frame(graph: function, next: function.inputCount, map: inputs, ending: .function)]
    while var frame = frames.popLast() {
      let graph = frame.graph
      var entered: Frame?
      while frame.next < graph.nodeCount, entered == nil {
        let node = NodeID(frame.next)
        frame.next += 1
        do throws(Diagnostics) {
          entered = try copy(node, of: graph, &frame)
        } catch {
          throw error.located(at: tables.place(location))
        }
      }
      if let entered {
        frames.append(frame)
        frames.append(try admit(entered, frames.count))
        continue
      }
      switch followup(frame) {
      case .frame(let next): frames.append(try admit(next, frames.count))
      case .results(let results): if !frames.isEmpty { frames[frames.count - 1].map += results }
      }
    }
  }

  /// A body may be copied in unless it makes the program too deep.
  private func admit(_ frame: Frame, _ depth: Int) throws(Diagnostics) -> Frame {
    let message: String
    if depth > Module.maximumBodyDepth {
      message = "bodies are nested more than \(Module.maximumBodyDepth) deep"
    } else if loopDepth > Program.maximumLoopDepth {
      message = "more than \(Program.maximumLoopDepth) loops are nested"
    } else {
      return frame
    }
    throw Diagnostics([Diagnostic(message, at: tables.place(location))])
  }

  private mutating func followup(_ frame: Frame) -> Followup {
    switch frame.ending {
    case .function:
      finishFunction(frame)
      return .results([])
    case .call: return .results(frame.graph.results.map { frame.map[$0.index] })
    case .scan(let scan):
      finish(scan, frame)
      return .results(wholes(scan.cells) + wholes(scan.stacks))
    case .condition(let loop): return .frame(leave(loop, frame))
    case .whileBody(let loop):
      finish(loop, frame)
      return .results(wholes(loop.cells))
    case .then(let cond): return .frame(turn(cond, frame))
    case .otherwise(let cond):
      finish(cond, frame)
      return .results(wholes(cond.cells))
    }
  }

  func wholes(_ roots: [RootID]) -> [ViewID] { roots.map { program.whole($0) } }

  // MARK: Nodes

  private mutating func copy(
    _ node: NodeID, of graph: Graph, _ frame: inout Frame
  ) throws(Diagnostics) -> Frame? {
    let op = graph.ops[node.index]
    let record = graph.attributes[node.index]
    var operands = graph.operands(node).map { frame.map[$0.index] }
    let result = graph.result(node)
    let type = graph.types[result.index]
    let name = graph.names[result.index]
    location = graph.locations[node.index]
    switch op.definition.family {
    case .source(.constant):
      frame.map.append(constant(record, type, name))
    case .source:
      frame.map.append(read(record, type, name))
    case .view(let kernel) where kernel != .concat && kernel != .pad:
      frame.map.append(try view(kernel, operands[0], record, type, name))
    case .body(let kernel):
      switch kernel {
      case .call: return enter(body(.body, record), operands, .call)
      case .cond: return beginCond(graph, node, operands, record)
      case .while: return beginWhile(graph, node, operands, record)
      case .scan: return beginScan(graph, node, operands, record)
      }
    default:
      let types = operands.map { program.viewTypes[$0.index] }
      guard var recipe = program.recipeTable.intern(op, record, types, type, tables) else {
        throw Diagnostics([Diagnostic("`\(op.definition.name)` was not expanded before planning")])
      }
      if recomputes { operands = operands.map { recomputed($0) } }
      switch program.recipeTable.roles[recipe.index] {
      case .contract:
        (operands, recipe) = try boundedAxes(operands, recipe)
        operands = copiedWhereItPays(operands, recipe)
      case .join: operands = try bounded(operands, op, record, recipe)
      // Seed and stream are no constants of the kernel, so that kernels of one shape are one.
      case .generate: operands = operands.map { inMemory($0) }
      default: break
      }
      if program.recipeTable.roles[recipe.index] == .fold {
        frame.map.append(try fold(recipe, operands[0], type, name))
        break
      }
      append(recipe, operands)
      for value in graph.results(node) {
        frame.map.append(program.appendResult(graph.types[value.index], name))
      }
    }
    return nil
  }

  /// A fold; one over the last axis and others is two: what rows come to, and what their results come to.
  ///
  /// By the
  /// order of sums that is the same, and the first can run where the rows are made.
  private mutating func fold(
    _ recipe: RecipeID, _ operand: ViewID, _ type: TypeID, _ name: StringID
  ) throws(Diagnostics) -> ViewID {
    let operandType = program.viewTypes[operand.index]
    let shape = tables.types.shape(operandType)
    let axes = program.recipeTable.axes[recipe.index]
    let last = shape.count - 1
    if recomputes, let parts = columnParts(operand, axes) {
      append(
        program.recipeTable.part(
          of: recipe, over: AxisSet([parts.axis]), leavesParts: true, operandType, tables), [operand])
      append(recipe, [program.appendResult(parts.type, .none)])
      return program.appendResult(type, name)
    }
    let others = AxisSet((0..<Swift.max(last, 0)).filter { axes.contains($0) })
    guard last > 0, axes.contains(last), tables.types.rank(type) < shape.count,
      isWorthSplitting(shape, others)
    else {
      append(recipe, [operand])
      return program.appendResult(type, name)
    }
    let rows = tables.types.intern(tables.types.dtype(operandType), Array(shape.dropLast()))
    append(
      program.recipeTable.part(of: recipe, over: AxisSet([last]), isColumn: false, operandType, tables),
      [operand])
    let parts = program.appendResult(rows, .none)
    append(program.recipeTable.part(of: recipe, over: others, isColumn: true, rows, tables), [parts])
    return program.appendResult(type, name)
  }

  /// Whether there are several rows, and each has enough elements.
  private func isWorthSplitting(_ shape: [DimID], _ others: AxisSet) -> Bool {
    guard let length = tables.dims.value(shape[shape.count - 1]), length >= 16 else { return false }
    return shape.indices.contains { others.contains($0) && tables.dims.value(shape[$0]) != 1 }
  }

  // MARK: Items and roots

  /// An item that computes; its results are appended behind it.
  mutating func append(_ recipe: RecipeID, _ operands: [ViewID]) {
    let role = program.recipeTable.roles[recipe.index]
    _ = program.appendItem(role, detail: recipe.raw, operands, block, location)
  }

  /// Begins, turns or ends a loop or branch.
  @discardableResult
  mutating func append(control role: Role, _ operand: ViewID? = nil, ending block: BlockID = .none) -> ItemID
  {
    program.appendItem(role, detail: block.raw, operand.map { [$0] } ?? [], self.block, location)
  }

  /// The elements of a view in row-major order.
  mutating func copy(_ view: ViewID, _ name: StringID? = nil) -> ViewID {
    append(program.recipeTable.copy, [view])
    return program.appendResult(program.viewTypes[view.index], name ?? program.viewNames[view.index])
  }

  mutating func root(_ type: TypeID, _ name: StringID, _ home: Program.Home) -> ViewID {
    program.appendRoot(type, name, home, block, location)
  }

  private mutating func constant(_ record: AttributesID, _ type: TypeID, _ name: StringID) -> ViewID {
    guard let id = tables.attributes.constant(record, .value) else { preconditionFailure("verified") }
    if tables.types.rank(type) == 0 {
      let size = tables.types.dtype(type).byteCount
      return program.appendSplat(type, name, tables.constants.bits(id, 0, size: size))
    }
    return root(type, name, .constant(id))
  }

  /// A scalar as an array of one element, where it is a constant.
  private mutating func inMemory(_ view: ViewID) -> ViewID {
    let (type, name) = (program.viewTypes[view.index], program.viewNames[view.index])
    guard let bits = program.splat(view), tables.types.rank(type) == 0 else { return view }
    let count = tables.types.dtype(type).byteCount
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: bits >> UInt64(8 * $0)) }
    return root(type, name, .constant(tables.constants.intern(type, bytes)))
  }

  /// At most `Visits.maximumArrays` operands of a join: where there are more, they are joined in runs first.
  private mutating func bounded(
    _ operands: [ViewID], _ op: Op, _ record: AttributesID, _ recipe: RecipeID
  ) throws(Diagnostics) -> [ViewID] {
    let axis = program.recipeTable.axes[recipe.index].first
    var parts = operands
    while parts.count > Visits.maximumArrays {
      var joined: [ViewID] = []
      for start in stride(from: 0, to: parts.count, by: Visits.maximumArrays) {
        let run = Array(parts[start..<Swift.min(start + Visits.maximumArrays, parts.count)])
        guard run.count > 1 else {
          joined += run
          continue
        }
        let types = run.map { program.viewTypes[$0.index] }
        var shape = tables.types.shape(types[0])
        for type in types.dropFirst() {
          shape[axis] = try tables.sum(shape[axis], tables.types.dim(type, axis))
        }
        let type = tables.types.intern(tables.types.dtype(types[0]), shape)
        guard let own = program.recipeTable.intern(op, record, types, type, tables) else { continue }
        append(own, run)
        joined.append(program.appendResult(type, .none))
      }
      parts = joined
    }
    return parts
  }

  private mutating func read(_ record: AttributesID, _ type: TypeID, _ name: StringID) -> ViewID {
    guard let variable = tables.attributes.symbol(record, .name) else { preconditionFailure("verified") }
    let shown = name.isNone ? variable : name
    if let parameter = variables.parameters[variable] { return root(type, shown, .parameter(parameter)) }
    guard let state = variables.states[variable] else { preconditionFailure("verified") }
    return root(type, shown, .state(state))
  }

  // MARK: The end

  private mutating func finishFunction(_ frame: Frame) {
    var assigns: [Assign] = []
    for (position, value) in frame.graph.results.enumerated() {
      assigns.append(Assign(source: whole(frame.map[value.index]), target: .output(position)))
    }
    for write in frame.graph.writes {
      guard let state = variables.states[write.state] else { continue }
      let value = whole(frame.map[write.value.index])
      if program.isWhole(value), program.homes[program.roots[value.index].index] == .state(state) { continue }
      assigns.append(Assign(source: value, target: .state(state)))
    }
    assign(assigns) { if case .state = $0 { true } else { false } }
  }

  /// The root behind a view of all of its elements in their order, such as a reshape, if it is computed here.
  private mutating func whole(_ view: ViewID) -> ViewID {
    let root = program.roots[view.index]
    guard !root.isNone, !program.isWhole(view), program.homes[root.index] == .item else { return view }
    let look = look(view)
    let type = program.viewTypes[view.index]
    let count = tables.elementCount(type)
    guard look.base == zero, look.offset == zero, count != nil,
      count == tables.elementCount(program.types[root.index]),
      look.strides == tables.contiguousStrides(tables.types.shape(type))
    else { return view }
    return program.whole(root)
  }

  /// What goes where at the end of a block.
  struct Assign {
    var source: ViewID
    var target: Program.Target
  }

  /// Assigns that happen at once: what one of them overwrites and another one reads is copied first.
  mutating func assign(_ assigns: [Assign], overwriting isOverwritten: (Program.Home) -> Bool) {
    assign(assigns) { (program: Program, root: RootID) in isOverwritten(program.homes[root.index]) }
  }

  /// The same for some cells.
  mutating func assign(_ assigns: [Assign], overwriting cells: [RootID]) {
    let overwritten = Set(cells)
    assign(assigns) { (_: Program, root: RootID) in overwritten.contains(root) }
  }

  private mutating func assign(_ assigns: [Assign], _ isOverwritten: (Program, RootID) -> Bool) {
    var sources: [ViewID] = []
    for assign in assigns {
      let root = program.roots[assign.source.index]
      switch assign.target {
      case .output, .part: sources.append(assign.source)
      case .state, .cell:
        let copies = !root.isNone && isOverwritten(program, root)
        sources.append(copies ? copy(assign.source) : assign.source)
      }
    }
    for (source, assign) in zip(sources, assigns) {
      program.appendAssign(assign.target, source, block, location)
    }
  }
}
