/// The forward copy of a module that every pass customises.

package import SluiceIR

/// What becomes of a node.
package enum NodeFate {
  /// The same op with the new operands.
  case copy
  /// Nothing; no node that stays may use it.
  case drop
  /// These values of the new graph, one a result.
  case replace([ValueID])
  /// The same, but of other types: what reads them is changed too.
  case parts([ValueID])
}

/// A node that is about to be copied.
package struct NodeCopy {
  /// The graph that it is copied from.
  package var graph: GraphID
  /// Its place there.
  package var node: NodeID
  /// The op.
  package var op: Op
  /// The operands as values of the new graph; none for operands that were dropped.
  package var operands: [ValueID]
  /// The attributes, with bodies as graphs of the new module.
  package var attributes: AttributesID
  /// The graphs of the new module by those of the old one.
  package var newGraphs: [GraphID]
}

/// Copies a module graph by graph and node by node through a builder.
///
/// Inputs, results, names, writes, comments and locations stay. `keeps` chooses graphs; `decide` says what becomes
/// of a node and may emit others in its stead. A value has the type that it had before. `adding` may append graphs.
/// `order` says in which order nodes that are no inputs come, without those that nothing needs, and writes; without
/// it they come as they stand.
package func rebuild(
  _ module: Module, simplifies: Bool, keeps: (GraphID) -> Bool = { _ in true },
  adding: (inout ModuleBuilder) -> Void = { _ in }, order: (Graph) -> GraphOrder? = { _ in nil },
  decide: (inout ModuleBuilder, NodeCopy) -> NodeFate
) -> (module: Module, ruleCounts: [String: Int]) {
  var builder = ModuleBuilder(rebuilding: module, simplifies: simplifies)
  var graphs = [GraphID](repeating: .none, count: module.graphs.count)
  for index in module.graphs.indices where keeps(GraphID(index)) {
    graphs[index] = copy(GraphID(index), of: module, into: &builder, graphs, order, decide)
  }
  adding(&builder)
  let counts = builder.ruleCounts
  return (builder.finish(), counts)
}

/// The order of a graph's nodes and writes.
package struct GraphOrder {
  /// Nodes that are no inputs, each behind those that it reads.
  package var nodes: [NodeID]
  /// The writes.
  package var writes: [Graph.Write]

  /// An order.
  package init(nodes: [NodeID], writes: [Graph.Write]) {
    self.nodes = nodes
    self.writes = writes
  }
}

/// Per op whether its attributes may name a graph.
private let namesGraph: [Bool] = Op.allCases.map { op in
  op.definition.attributes.contains { $0.kind == .graph }
}

private func copy(
  _ id: GraphID, of module: Module, into builder: inout ModuleBuilder, _ graphs: [GraphID],
  _ order: (Graph) -> GraphOrder?, _ decide: (inout ModuleBuilder, NodeCopy) -> NodeFate
) -> GraphID {
  let graph = module[id]
  builder.begin(like: graph)
  var values = [ValueID](repeating: .none, count: graph.valueCount)
  for input in 0..<graph.inputCount {
    builder.location = graph.locations[input]
    values[input] = builder.input(graph.types[input], name: graph.names[input])
  }
  var current = NodeCopy(
    graph: id, node: NodeID(0), op: .input, operands: [], attributes: AttributeTable.empty,
    newGraphs: graphs)
  let order = order(graph)
  for position in 0..<(order?.nodes.count ?? graph.nodeCount - graph.inputCount) {
    let index = order?.nodes[position].index ?? graph.inputCount + position
    current.node = NodeID(index)
    current.op = graph.ops[index]
    current.attributes = graph.attributes[index]
    if namesGraph[Int(current.op.rawValue)] { remap(&current, graphs, &builder.tables) }
    current.operands.removeAll(keepingCapacity: true)
    for position in graph.operandRange(current.node) {
      current.operands.append(values[graph.operandPool[position].index])
    }
    builder.location = graph.locations[index]
    let results = graph.resultRange(current.node)
    var keepsTypes = true
    switch decide(&builder, current) {
    case .drop: continue
    case .copy:
      let first = builder.emit(
        current.op, current.operands.span, current.attributes, known: graph.types[results])
      for (offset, result) in results.enumerated() { values[result] = ValueID(first.index + offset) }
    case .replace(let others):
      precondition(others.count == results.count, "a node is replaced by another number of values")
      for (other, result) in zip(others, results) { values[result] = other }
    case .parts(let others):
      precondition(others.count == results.count, "a node is replaced by another number of values")
      for (other, result) in zip(others, results) { values[result] = other }
      keepsTypes = false
    }
    for result in results {
      precondition(
        !keepsTypes || builder.type(values[result]) == graph.types[result],
        "a rewrite changed the type of a value")
      if !graph.names[result].isNone { builder.name(values[result], graph.names[result]) }
    }
  }
  builder.location = graph.location
  do {
    return try builder.end(
      results: graph.results.map { values[$0.index] }, names: graph.resultNames,
      writes: (order?.writes ?? graph.writes).map {
        Graph.Write(state: $0.state, value: values[$0.value.index])
      })
  } catch {
    preconditionFailure("a graph that was not verified: \(error.message)")
  }
}

/// Replaces graphs in the attributes by those of the new module.
private func remap(_ node: inout NodeCopy, _ graphs: [GraphID], _ tables: inout Tables) {
  var attributes = tables.attributes.attributes(node.attributes)
  for index in attributes.indices {
    if case .graph(let old) = attributes[index].value { attributes[index].value = .graph(graphs[old.index]) }
  }
  node.attributes = tables.attributes.intern(attributes)
}
