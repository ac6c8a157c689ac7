import SluiceIR

/// Copies bodies in: `call` in line, `scan` and `while` in a loop, `cond` in the two sides of a branch.
extension Flattener {
  /// The body that an attribute names.
  func body(_ name: AttributeName, _ record: AttributesID) -> GraphID {
    guard let body = tables.attributes.graph(record, name) else { preconditionFailure("verified") }
    return body
  }

  /// A body whose inputs are these values.
  func enter(_ body: GraphID, _ inputs: [ViewID], _ ending: Ending) -> Frame {
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
  private mutating func carried(_ starts: ArraySlice<ViewID>, _ body: Graph) -> [RootID] {
    let cells = starts.indices.map { cell(body.types[$0], body.names[$0], .cell) }
    for (cell, start) in zip(cells, starts) { program.appendAssign(.cell(cell), start, block, location) }
    return cells
  }

  private mutating func cell(_ type: TypeID, _ name: StringID, _ home: Program.Home) -> RootID {
    let whole = root(type, name, home)
    return program.roots[whole.index]
  }

  /// The item that begins a loop or branch is there; what it repeats is a block of its own.
  private mutating func beginBlock(_ begin: ItemID) {
    block = program.appendBlock(in: block, begin: begin)
  }

  private mutating func beginLoop(_ begin: ItemID, _ cells: [RootID]) {
    beginBlock(begin)
    loopDepth += 1
    for cell in cells { program.makers[cell.index] = begin }
  }

  private mutating func endLoop(_ results: [RootID]) {
    let ended = block
    program.end(ended, append(control: .endLoop, ending: ended))
    block = program.parents[ended.index]
    loopDepth -= 1
    for root in results { program.makers[root.index] = program.ends[ended.index] }
  }

  /// A bool scalar that has memory: a constant gets some.
  private mutating func flag(_ value: ViewID) -> ViewID {
    program.splat(value) == nil ? value : copy(value)
  }

  // MARK: While

  /// A loop around two bodies: one that says whether it goes on, and one that gives the next carries.
  struct While {
    var cells: [RootID]
    /// The inputs of both.
    var inputs: [ViewID]
    var body: GraphID
  }

  mutating func beginWhile(
    _ graph: Graph, _ node: NodeID, _ operands: [ViewID], _ record: AttributesID
  ) -> Frame {
    let carries = Int(tables.attributes.int(record, .carries) ?? 0)
    let body = body(.body, record)
    let cells = carried(operands.prefix(carries), module[body])
    if let limit = tables.attributes.dim(record, .limit) {
      let counting = Program.Loop(counter: counter(limit), count: limit, isReverse: false)
      beginLoop(program.appendLoop(counting, block, location), cells)
    } else {
      beginLoop(append(control: .forever), cells)
    }
    let inputs = wholes(cells) + operands.dropFirst(carries)
    let loop = While(cells: cells, inputs: inputs, body: body)
    return enter(self.body(.condition, record), inputs, .condition(loop))
  }

  /// Behind the condition: leaves the loop, or goes on with the body.
  mutating func leave(_ loop: While, _ frame: Frame) -> Frame {
    append(control: .leave, flag(frame.map[frame.graph.results[0].index]))
    return enter(loop.body, loop.inputs, .whileBody(loop))
  }

  mutating func finish(_ loop: While, _ frame: Frame) {
    assign(next(loop.cells, frame.graph.results[...], frame), overwriting: loop.cells)
    endLoop(loop.cells)
  }

  /// What cells hold in the next iteration; nothing for those that stay as they are.
  private func next(_ cells: [RootID], _ results: ArraySlice<ValueID>, _ frame: Frame) -> [Assign] {
    zip(cells, results).compactMap { cell, value in
      let source = frame.map[value.index]
      return source == program.whole(cell) ? nil : Assign(source: source, target: .cell(cell))
    }
  }

  // MARK: Cond

  /// A branch with a body on either side.
  struct Cond {
    var cells: [RootID]
    /// The inputs of both.
    var inputs: [ViewID]
    var otherwise: GraphID
    /// The item that begins the branch.
    var begin: ItemID
    /// The block of the first side.
    var side: BlockID
  }

  mutating func beginCond(
    _ graph: Graph, _ node: NodeID, _ operands: [ViewID], _ record: AttributesID
  ) -> Frame {
    let inputs = Array(operands.dropFirst())
    if let bits = program.splat(operands[0]) {
      return enter(body(bits & 1 == 1 ? .then : .otherwise, record), inputs, .call)
    }
    let cells = graph.results(node).map { cell(graph.types[$0.index], graph.names[$0.index], .cell) }
    let begin = append(control: .branch, operands[0])
    beginBlock(begin)
    let cond = Cond(
      cells: cells, inputs: inputs, otherwise: body(.otherwise, record), begin: begin, side: block)
    return enter(body(.then, record), inputs, .then(cond))
  }

  private mutating func endSide(_ cond: Cond, _ frame: Frame) {
    let assigns = zip(cond.cells, frame.graph.results).map { cell, value in
      Assign(source: frame.map[value.index], target: .cell(cell))
    }
    assign(assigns, overwriting: [])
    block = program.parents[block.index]
  }

  /// Between the two sides.
  mutating func turn(_ cond: Cond, _ frame: Frame) -> Frame {
    endSide(cond, frame)
    append(control: .otherwise)
    beginBlock(cond.begin)
    return enter(cond.otherwise, cond.inputs, .otherwise(cond))
  }

  mutating func finish(_ cond: Cond, _ frame: Frame) {
    let sides = [cond.side, block]
    endSide(cond, frame)
    let end = append(control: .endBranch, ending: sides[1])
    for side in sides { program.end(side, end) }
    for cell in cond.cells { program.makers[cell.index] = end }
  }

  // MARK: Scans

  /// The loop around a body that runs once a part.
  struct Scan {
    var counter: SymbolID
    var cells: [RootID]
    var stacks: [RootID]
  }

  mutating func beginScan(
    _ graph: Graph, _ node: NodeID, _ operands: [ViewID], _ record: AttributesID
  ) -> Frame {
    let carries = Int(tables.attributes.int(record, .carries) ?? 0)
    let sequences = Int(tables.attributes.int(record, .sequences) ?? 0)
    let bodyGraph = module[body(.body, record)]
    let outer = graph.results(node)
    var length = tables.attributes.dim(record, .length) ?? tables.dims.integer(0)
    if sequences > 0 { length = tables.types.dim(program.viewTypes[operands[carries].index], 0) }
    let counter = counter(length)
    let cells = carried(operands.prefix(carries), bodyGraph)
    let stacks = outer.dropFirst(carries).map { cell(graph.types[$0.index], graph.names[$0.index], .stack) }
    let reverse = tables.attributes.bool(record, .reverse)
    let counting = Program.Loop(counter: counter, count: length, isReverse: reverse)
    beginLoop(program.appendLoop(counting, block, location), cells)

    var map = wholes(cells)
    for position in carries..<(carries + sequences) {
      let operand = operands[position]
      let input = ValueID(position)
      map.append(part(operand, counter, bodyGraph.types[input.index], bodyGraph.names[input.index]))
    }
    map += operands.dropFirst(carries + sequences)
    let scan = Scan(counter: counter, cells: cells, stacks: stacks)
    return Frame(graph: bodyGraph, next: bodyGraph.inputCount, map: map, ending: .scan(scan))
  }

  mutating func finish(_ scan: Scan, _ frame: Frame) {
    let results = frame.graph.results[...]
    // Parts come first: they may read what the cells hold before they are overwritten.
    let parts = zip(scan.stacks, results.dropFirst(scan.cells.count)).map { stack, value in
      Assign(source: frame.map[value.index], target: .part(stack: stack, counter: scan.counter))
    }
    assign(parts + next(scan.cells, results, frame), overwriting: scan.cells)
    endLoop(scan.cells + scan.stacks)
  }
}
