/// The checks of one graph: its columns, its nodes, its return.
extension Verifier {
  mutating func checkGraph(_ index: Int) {
    let graph = module.graphs[index]
    if let problem = Self.structure(graph) {
      report("`@\(text(graph.name))`: \(problem)", at: graph.location)
      return
    }
    let stamp = UInt32(index) + 1
    checkWhere(graph, stamp)
    for line in graph.comment where line.raw >= stringCount {
      report(
        "`@\(text(graph.name))`: a line of the comment is not in the table, \(line.raw)", at: graph.location)
    }
    for node in 0..<graph.nodeCount { checkNode(graph, NodeID(node), index) }
    checkReturn(graph)
  }

  private mutating func checkWhere(_ graph: Graph, _ stamp: UInt32) {
    var names: Set<String> = []
    for symbol in graph.symbols {
      guard symbol.index < symbolSeen.count else {
        report("`@\(text(graph.name))`: a symbol is not in the table, \(symbol.raw)", at: graph.location)
        continue
      }
      let name = text(tables.dims.symbols[symbol.index].name)
      if !names.insert(name).inserted {
        report("`@\(text(graph.name))` names the symbol `\(name)` twice in its `where`", at: graph.location)
      }
      symbolSeen[symbol.index] = stamp
    }
    let areSound =
      graph.symbols.allSatisfy { $0.index < symbolSeen.count }
      && graph.inputs.allSatisfy { input in
        let type = graph.types[input.index]
        return type.index < soundTypes.count && soundTypes[type.index]
      }
    guard graph.kind == .function, areSound else { return }
    for problem in tables.symbolProblems(in: graph) { report(problem.error.message, at: graph.location) }
  }

  // MARK: Nodes

  private mutating func checkNode(_ graph: Graph, _ node: NodeID, _ index: Int) {
    let isSound = checkResults(graph, node, UInt32(index) + 1)
    let hasOperands = checkOperands(graph, node)
    if !graph.locations[node.index].isNone, graph.locations[node.index].index >= tables.locations.count {
      report(graph, node, "the location is not in the table, \(graph.locations[node.index].raw)")
    }
    let record = graph.attributes[node.index]
    guard record.index < soundRecords.count, soundRecords[record.index] else {
      report(graph, node, "the attribute record \(record.raw) is not in the table, or names what is in none")
      return
    }
    let op = graph.ops[node.index]
    if node.index < graph.inputCount || op == .input {
      checkInput(graph, node)
      return
    }
    if op == .read, graph.kind == .body {
      report(
        graph, node, "a body reads a variable", hint: "hand it over: bodies see nothing but their inputs")
    }
    let hasRecord = checkRecord(graph, node, record, index)
    if isSound, hasOperands, hasRecord { infer(graph, node) }
  }

  /// Whether types, definers and names of a node's results are in order.
  private mutating func checkResults(_ graph: Graph, _ node: NodeID, _ stamp: UInt32) -> Bool {
    var isSound = true
    if graph.resultRange(node).isEmpty { report(graph, node, "the node has no results") }
    for value in graph.resultRange(node) {
      let type = graph.types[value]
      if type.index >= soundTypes.count || !soundTypes[type.index] {
        report(graph, node, "value \(value) has a type that is not in the table, or is no type: \(type.raw)")
        isSound = false
      } else if typeSeen[type.index] != stamp {
        typeSeen[type.index] = stamp
        let what = "the type \(text(type))"
        checkSymbols(tables.types.shape(type), graph, node, what, stamp)
      }
      if graph.definers[value] != node {
        report(
          graph, node, "value \(value) is a result of this node but names node \(graph.definers[value].raw)")
      }
      let name = graph.names[value]
      if name.isNone { continue }
      guard name.raw < stringCount else {
        report(graph, node, "value \(value) has a name that is not in the table, \(name.raw)")
        continue
      }
      // Names of other values are only for people to read; the printer makes them differ.
      guard value < graph.inputCount else { continue }
      if !isIdentifier(text(name), dots: true) {
        report(graph, node, "the input name `\(text(name))` is no identifier")
      }
      if nameSeen[name.index] == stamp { report(graph, node, "two inputs are named `%\(text(name))`") }
      nameSeen[name.index] = stamp
    }
    return isSound
  }

  private mutating func checkOperands(_ graph: Graph, _ node: NodeID) -> Bool {
    let first = UInt32(graph.resultRange(node).lowerBound)
    var isSound = true
    for position in graph.operandRange(node) {
      let operand = graph.operandPool[position]
      let number = position - graph.operandRange(node).lowerBound + 1
      if operand.raw >= first {
        report(graph, node, "operand \(number) is value \(operand.raw), which is not defined earlier")
        isSound = false
      } else if case let type = graph.types[operand.index],
        type.index >= soundTypes.count || !soundTypes[type.index]
      {
        // Reported where the operand is defined.
        isSound = false
      }
    }
    return isSound
  }

  private mutating func checkInput(_ graph: Graph, _ node: NodeID) {
    if node.index >= graph.inputCount {
      report(graph, node, "an input stands behind the \(graph.inputCount) inputs of the signature")
    } else if graph.ops[node.index] != .input {
      report(graph, node, "node \(node.index) of \(graph.inputCount) inputs is no input")
    }
    let resultCount = graph.resultRange(node).count
    if graph.ops[node.index] == .input,
      !graph.operandRange(node).isEmpty || resultCount != 1
        || graph.attributes[node.index] != AttributeTable.empty
    {
      report(graph, node, "an input has one result, no operands and no attributes")
    }
  }

  /// Whether a sound record fits the op; also checks the symbols and the body that it names.
  private mutating func checkRecord(_ graph: Graph, _ node: NodeID, _ record: AttributesID, _ index: Int)
    -> Bool
  {
    let definition = graph.ops[node.index].definition
    let stamp = UInt32(index) + 1
    let known = fittingOps[record.index] == graph.ops[node.index].rawValue + 1
    if record == AttributeTable.empty || known && recordSeen[record.index] == stamp { return true }
    let attributes = tables.attributes.attributes(record)
    var isSound = true
    for attribute in attributes {
      // Text only where something is wrong.
      func name() -> String { "the attribute `\(attribute.name.text)`" }
      switch attribute.value {
      case .dims(let dims): checkSymbols(dims, graph, node, name(), stamp)
      case .dim(let dim): checkSymbols([dim], graph, node, name(), stamp)
      case .graph(let body):
        if body.index >= index {
          report(
            graph, node, "the body `@\(text(module.graphs[body.index].name))` does not stand before its use")
          isSound = false
        } else if !soundGraphs[body.index] {
          isSound = false
        } else {
          checkSymbols(of: module.graphs[body.index], graph, node, stamp)
        }
      default: break
      }
    }
    if definition.record(attributes, &tables) != record {
      report(graph, node, "the attributes are not in the schema's order, are given twice or state a default")
    }
    if isSound {
      recordSeen[record.index] = stamp
      fittingOps[record.index] = graph.ops[node.index].rawValue + 1
    }
    return isSound
  }

  private mutating func checkSymbols(
    _ dims: [DimID], _ graph: Graph, _ node: NodeID, _ what: @autoclosure () -> String, _ stamp: UInt32
  ) {
    for dim in dims {
      for symbol in tables.dims.symbols(in: dim) where symbolSeen[symbol.index] != stamp {
        let name = text(tables.dims.symbols[symbol.index].name)
        let bound = tables.dims.symbols[symbol.index].bound
        report(
          graph, node,
          "\(what()) mentions the symbol `\(name)`, which is not in the `where` of `@\(text(graph.name))`",
          hint: "add `\(name) <= \(bound)`")
      }
    }
  }

  private mutating func checkSymbols(of body: Graph, _ graph: Graph, _ node: NodeID, _ stamp: UInt32) {
    for symbol in body.symbols where symbol.index < symbolSeen.count && symbolSeen[symbol.index] != stamp {
      let name = text(tables.dims.symbols[symbol.index].name)
      report(
        graph, node,
        "the body `@\(text(body.name))` has the symbol `\(name)`, which is not in the `where` of `@\(text(graph.name))`"
      )
    }
  }

  private mutating func infer(_ graph: Graph, _ node: NodeID) {
    inference.operands.removeAll(keepingCapacity: true)
    inference.results.removeAll(keepingCapacity: true)
    for position in graph.operandRange(node) {
      inference.operands.append(graph.types[graph.operandPool[position].index])
    }
    inference.attributes = graph.attributes[node.index]
    do {
      try answers.infer(graph.ops[node.index], &tables, &inference)
    } catch {
      report(graph, node, error.message, hint: error.hint)
      return
    }
    let range = graph.resultRange(node)
    if inference.results.elementsEqual(graph.types[range]) { return }
    let stated = graph.types[range].map { text($0) }.joined(separator: ", ")
    let inferred = inference.results.map { text($0) }.joined(separator: ", ")
    report(graph, node, "the results are stated as (\(stated)), they are (\(inferred))")
  }

  // MARK: The return

  private mutating func checkReturn(_ graph: Graph) {
    let name = "`@\(text(graph.name))`"
    for value in graph.results where value.index >= graph.valueCount {
      report("\(name) returns value \(value.raw), there are \(graph.valueCount)", at: graph.location)
    }
    if graph.resultNames.count != graph.results.count {
      report(
        "\(name) has \(graph.results.count) results but \(graph.resultNames.count) names of results",
        at: graph.location)
    }
    var names: Set<StringID> = []
    for result in graph.resultNames where !result.isNone {
      if result.raw >= stringCount || !isIdentifier(text(result), dots: true) {
        report("\(name) has the result name `\(text(result))`, which is no identifier", at: graph.location)
      } else if !names.insert(result).inserted {
        report("\(name) has two results named `\(text(result))`", at: graph.location)
      }
    }
    if graph.kind == .body, !graph.writes.isEmpty {
      report("the body \(name) writes a state", at: graph.location, hint: "make it a result")
    }
    var written: Set<StringID> = []
    for write in graph.writes { checkWrite(graph, write, isFirst: written.insert(write.state).inserted) }
  }

  private mutating func checkWrite(_ graph: Graph, _ write: Graph.Write, isFirst: Bool) {
    let state = "`@\(text(write.state))`"
    let name = "`@\(text(graph.name))`"
    guard let variable = tables.variable(write.state) else {
      report("\(name) writes \(state), which is not declared", at: graph.location)
      return
    }
    if !isFirst { report("\(name) writes \(state) twice", at: graph.location) }
    guard write.value.index < graph.valueCount else {
      report(
        "\(name) writes value \(write.value.raw) to \(state), there are \(graph.valueCount)",
        at: graph.location)
      return
    }
    let type = graph.types[write.value.index]
    if type != variable.type {
      report(
        "\(state) is \(text(variable.type)), the value that \(name) writes is \(text(type))",
        at: graph.location)
    }
  }

  // MARK: Messages

  /// A node as it would be printed, with the types of its operands.
  private func text(_ graph: Graph, _ node: NodeID) -> String {
    func name(_ value: Int) -> String {
      value < graph.valueCount && !graph.names[value].isNone ? "%\(text(graph.names[value]))" : "%\(value)"
    }
    let results = graph.resultRange(node).map { name($0) }.joined(separator: ", ")
    let operands = graph.operandRange(node).map { position -> String in
      let operand = graph.operandPool[position].index
      return name(operand) + (operand < graph.valueCount ? ": \(text(graph.types[operand]))" : "")
    }
    return (results.isEmpty ? "" : "\(results) = ") + graph.ops[node.index].definition.name
      + (operands.isEmpty ? "" : " ") + operands.joined(separator: ", ")
  }

  private mutating func report(_ graph: Graph, _ node: NodeID, _ message: String, hint: String? = nil) {
    let note = Diagnostic.Note("in `@\(text(graph.name))`: `\(text(graph, node))`")
    let own = graph.locations[node.index]
    report(message, at: own.index < tables.locations.count ? own : graph.location, notes: [note], hint: hint)
  }
}
