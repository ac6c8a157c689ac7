import SluiceIR

/// Copies bodies in: `call` in line, `scan` and `while` in a loop, `cond` in the two sides of a branch.
extension Flattener {
  /// The body that an attribute names.
  func body(_ name: AttributeName, _ record: AttributesID) -> GraphID {
    guard let body = tables.attributes.graph(record, name) else { preconditionFailure("verified") }
    return body
  }

  /// A body whose inputs are these values.
  func enter(_ body: GraphID, _ inputs: [Int], _ ending: Ending) -> Frame {
    Frame(graph: module[body], next: module[body].inputCount, map: inputs, ending: ending)
  }

  // MARK: Loops

  /// The counter of a new loop.
  ///
  /// Loops that are not inside each other share it, where it has the same bound: symbols that the checker tells
  /// apart are few.
  private mutating func counter(_ count: DimID) -> SymbolID {
    let bound = tables.dims.bound(count) ?? .max
    return tables.dims.symbol(tables.strings.intern("$i\(loopDepth)"), bound: Swift.max(bound - 1, 0))
  }

  /// Cells that begin with these values, for the first inputs of a body.
  private mutating func carried(_ starts: ArraySlice<Int>, _ body: Graph) -> [Int] {
    let cells = starts.indices.map { root(body.types[$0], body.names[$0], .cell) }
    for (cell, start) in zip(cells, starts) { append(.assign(.cell(cell)), [start]) }
    return cells
  }

  private mutating func beginLoop(_ action: FlatProgram.Action, _ cells: [Int]) {
    append(action, [])
    program.regions.append(FlatProgram.Region(parent: region, begin: program.items.count - 1, end: -1))
    region = program.regions.count - 1
    loopDepth += 1
    for cell in cells { program.values[cell].item = program.items.count - 1 }
  }

  private mutating func endLoop(_ results: [Int]) {
    append(.endLoop, [])
    program.regions[region].end = program.items.count - 1
    region = program.regions[region].parent
    loopDepth -= 1
    for value in results { program.values[value].item = program.items.count - 1 }
  }

  /// A bool scalar that has memory: a constant gets some.
  private mutating func flag(_ value: Int) -> Int {
    guard case .splat = program.values[value].form else { return value }
    return append(.copy, [value], [program.values[value].type], program.values[value].name)[0]
  }

  // MARK: While

  /// A loop around two bodies: one that says whether it goes on, and one that gives the next carries.
  struct While {
    var cells: [Int]
    /// The inputs of both.
    var inputs: [Int]
    var body: GraphID
  }

  mutating func beginWhile(
    _ graph: Graph, _ node: NodeID, _ operands: [Int], _ record: AttributesID
  ) -> Frame {
    let carries = Int(tables.attributes.int(record, .carries) ?? 0)
    let body = body(.body, record)
    let cells = carried(operands.prefix(carries), module[body])
    if let limit = tables.attributes.dim(record, .limit) {
      beginLoop(.beginLoop(counter: counter(limit), count: limit, reverse: false), cells)
    } else {
      beginLoop(.beginForever, cells)
    }
    let inputs = cells + operands.dropFirst(carries)
    let loop = While(cells: cells, inputs: inputs, body: body)
    return enter(self.body(.condition, record), inputs, .condition(loop))
  }

  /// Behind the condition: leaves the loop, or goes on with the body.
  mutating func leave(_ loop: While, _ frame: Frame) -> Frame {
    append(.leave, [flag(frame.map[frame.graph.results[0].index])])
    return enter(loop.body, loop.inputs, .whileBody(loop))
  }

  mutating func finish(_ loop: While, _ frame: Frame) {
    let results = frame.graph.results.map { frame.map[$0.index] }
    var assigns: [(source: Int, target: FlatProgram.Target)] = []
    for (cell, value) in zip(loop.cells, results) where value != cell { assigns.append((value, .cell(cell))) }
    assign(assigns, overwritten: Set(loop.cells))
    endLoop(loop.cells)
  }

  // MARK: Cond

  /// A branch with a body on either side.
  struct Cond {
    var cells: [Int]
    /// The inputs of both.
    var inputs: [Int]
    var otherwise: GraphID
    /// The item that begins the branch.
    var begin: Int
    /// The region of the first side.
    var side: Int
  }

  mutating func beginCond(
    _ graph: Graph, _ node: NodeID, _ operands: [Int], _ record: AttributesID
  ) -> Frame {
    let inputs = Array(operands.dropFirst())
    if case .splat(let bits) = program.values[operands[0]].form {
      return enter(body(bits & 1 == 1 ? .then : .otherwise, record), inputs, .call)
    }
    let cells = graph.results(node).map { root(graph.types[$0.index], graph.names[$0.index], .cell) }
    append(.beginBranch, [operands[0]])
    let begin = program.items.count - 1
    beginSide(begin)
    let cond = Cond(
      cells: cells, inputs: inputs, otherwise: body(.otherwise, record), begin: begin, side: region)
    return enter(body(.then, record), inputs, .then(cond))
  }

  private mutating func beginSide(_ begin: Int) {
    program.regions.append(FlatProgram.Region(parent: region, begin: begin, end: -1))
    region = program.regions.count - 1
  }

  private mutating func endSide(_ cond: Cond, _ frame: Frame) {
    let results = frame.graph.results.map { frame.map[$0.index] }
    assign(zip(cond.cells, results).map { ($1, .cell($0)) }, overwritten: [])
    region = program.regions[region].parent
  }

  /// Between the two sides.
  mutating func turn(_ cond: Cond, _ frame: Frame) -> Frame {
    endSide(cond, frame)
    append(.otherwise, [])
    beginSide(cond.begin)
    return enter(cond.otherwise, cond.inputs, .otherwise(cond))
  }

  mutating func finish(_ cond: Cond, _ frame: Frame) {
    let sides = [cond.side, region]
    endSide(cond, frame)
    append(.endBranch, [])
    let end = program.items.count - 1
    for side in sides { program.regions[side].end = end }
    for cell in cond.cells { program.values[cell].item = end }
  }

  // MARK: Scans

  mutating func beginScan(
    _ graph: Graph, _ node: NodeID, _ operands: [Int], _ record: AttributesID
  ) -> Frame {
    let carries = Int(tables.attributes.int(record, .carries) ?? 0)
    let sequences = Int(tables.attributes.int(record, .sequences) ?? 0)
    let bodyGraph = module[body(.body, record)]
    let outer = graph.results(node)
    var length = tables.attributes.dim(record, .length) ?? tables.dims.integer(0)
    if sequences > 0 { length = tables.types.dim(program.values[operands[carries]].type, 0) }
    let counter = counter(length)
    let cells = carried(operands.prefix(carries), bodyGraph)
    let stacks = outer.dropFirst(carries).map { root(graph.types[$0.index], graph.names[$0.index], .stack) }
    let reverse = tables.attributes.bool(record, .reverse)
    beginLoop(.beginLoop(counter: counter, count: length, reverse: reverse), cells)

    var map = cells
    for position in carries..<(carries + sequences) {
      let operand = operands[position]
      let input = ValueID(position)
      map.append(part(operand, counter, bodyGraph.types[input.index], bodyGraph.names[input.index]))
    }
    map += operands.dropFirst(carries + sequences)
    let scan = Scan(counter: counter, cells: cells, stacks: stacks)
    return Frame(graph: bodyGraph, next: bodyGraph.inputCount, map: map, ending: .scan(scan))
  }

  /// Element `counter` along the first axis.
  private mutating func part(_ operand: Int, _ counter: SymbolID, _ type: TypeID, _ name: StringID) -> Int {
    if case .splat = program.values[operand].form {
      var value = program.values[operand]
      value.type = type
      program.values.append(value)
      return program.values.count - 1
    }
    var look = layout(operand)
    let index = tables.dims.dim(counter)
    // The constant part goes along: where the stride is negative, the base alone would lie before the root.
    if let step = tables.dims.multiply(index, look.strides.removeFirst()),
      let start = tables.dims.add(look.base, look.offset), let base = tables.dims.add(start, step)
    {
      look.base = base
      look.offset = tables.dims.integer(0)
    }
    return viewValue(look, type, name)
  }

  mutating func finish(_ scan: Scan, _ frame: Frame) {
    let results = frame.graph.results.map { frame.map[$0.index] }
    let carried = results.prefix(scan.cells.count)
    // Parts come first: they may read what the cells hold before they are overwritten.
    var assigns: [(source: Int, target: FlatProgram.Target)] = []
    for (stack, value) in zip(scan.stacks, results.dropFirst(scan.cells.count)) {
      assigns.append((value, .part(stack: stack, counter: scan.counter)))
    }
    for (cell, value) in zip(scan.cells, carried) where value != cell { assigns.append((value, .cell(cell))) }
    assign(assigns, overwritten: Set(scan.cells))
    endLoop(scan.cells + scan.stacks)
  }
}
