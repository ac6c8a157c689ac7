/// Puts the nodes of every graph in one order, however they were traced or written.

import SluiceIR

/// Copies nodes in the order in which a depth-first walk from the results leaves them.
///
/// Results come in their order, then writes in the order of their states. Of a node's operands the one that is soonest
/// ready, with the shortest way to inputs, comes first, then the one that stands first. Of nodes that do not depend on
/// each other nothing else decides, so all that follows sees what is computed and not how it was written. A graph
/// reads every state before it writes one, and random numbers are functions of their operands: no bit changes.
@Sendable
func order(_ module: Module, _ remarks: inout [Diagnostic]) -> Module {
  var places: [StringID: Int] = [:]
  for (place, variable) in module.variables.enumerated() { places[variable.name] = place }
  return rebuild(
    module, simplifies: false, order: { canonicalOrder($0, places) }, decide: { _, _ in .copy }
  ).module
}

/// The order in which the walk leaves the nodes of a graph, given the places of variables.
private func canonicalOrder(_ graph: Graph, _ places: [StringID: Int]) -> GraphOrder {
  let writes = graph.writes.sorted { places[$0.state, default: 0] < places[$1.state, default: 0] }
  return GraphOrder(nodes: depthFirst(graph, from: graph.results + writes.map(\.value)), writes: writes)
}

/// The nodes that are no inputs in the order in which a depth-first walk from these values leaves them.
///
/// It depends on what the values are made of alone, not on where nodes stand. Without recursion, in linear time.
func depthFirst(_ graph: Graph, from roots: [ValueID]) -> [NodeID] {
  let makers = makersByDepth(graph)
  var isReached = graph.ops.map { $0 == .input }
  var nodes: [NodeID] = []
  nodes.reserveCapacity(graph.nodeCount)
  // The nodes from a root down to the one at hand, and which operand of each is next.
  var path: [NodeID] = []
  var next: [Int] = []
  func enter(_ node: NodeID) {
    if isReached[node.index] { return }
    isReached[node.index] = true
    path.append(node)
    next.append(graph.operandRange(node).lowerBound)
  }
  for root in roots {
    enter(graph.definers[root.index])
    while let node = path.last, let position = next.last {
      if position < graph.operandRange(node).upperBound {
        next[next.count - 1] += 1
        enter(makers[position])
      } else {
        nodes.append(node)
        path.removeLast()
        next.removeLast()
      }
    }
  }
  return nodes
}

/// The makers of all operands; those of one node by their depth, the longest way to them from an input or source.
private func makersByDepth(_ graph: Graph) -> [NodeID] {
  var makers = graph.operandPool.map { graph.definers[$0.index] }
  var depths = [UInt32](repeating: 0, count: graph.nodeCount)
  var keys: [UInt64] = []
  for node in graph.nodes {
    let range = graph.operandRange(node)
    keys.removeAll(keepingCapacity: true)
    var isSorted = true
    for position in range {
      let key = UInt64(depths[makers[position].index]) << 32 | UInt64(position - range.lowerBound)
      if let last = keys.last, last > key { isSorted = false }
      keys.append(key)
    }
    if !isSorted { keys.sort() }
    guard let deepest = keys.last else { continue }
    depths[node.index] = UInt32(truncatingIfNeeded: deepest >> 32) + 1
    if isSorted { continue }
    for (position, key) in zip(range, keys) {
      let operand = graph.operandPool[range.lowerBound + Int(UInt32(truncatingIfNeeded: key))]
      makers[position] = graph.definers[operand.index]
    }
  }
  return makers
}
