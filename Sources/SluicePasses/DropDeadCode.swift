/// Drops what no result and no write needs.

package import SluiceIR

/// Copies what functions need: live nodes, and the bodies that live nodes run.
///
/// Inputs stay, they are the signature.
@Sendable
func dropDeadCode(_ module: Module, _ remarks: inout [Diagnostic]) -> Module {
  let liveness = liveness(of: module)
  let result =
    rebuild(
      module, simplifies: false, keeps: { !liveness[$0.index].isEmpty },
      decide: { _, node in liveness[node.graph.index][node.node.index] ? .copy : .drop }
    ).module
  if result.nodeCount != module.nodeCount || result.graphs.count != module.graphs.count {
    let bodies = module.graphs.count - result.graphs.count
    remarks.append(
      Diagnostic(
        .remark,
        "dce: \(module.nodeCount) nodes became \(result.nodeCount)"
          + (bodies == 0 ? "" : ", \(bodies) bodies dropped")))
  }
  return result
}

/// Per graph, per node whether it is needed for the roots; nothing, not even a flag, for a graph that is not.
///
/// Users come behind what they use, nodes and graphs alike, so one sweep down finds everything. A graph without
/// nodes has one flag too many, which tells it from a dropped one.
package func liveness(
  of module: Module, from isRoot: (Graph) -> Bool = { $0.kind == .function }
) -> [[Bool]] {
  var result = [[Bool]](repeating: [], count: module.graphs.count)
  var isNeeded = module.graphs.map(isRoot)
  for index in module.graphs.indices.reversed() where isNeeded[index] {
    let graph = module.graphs[index]
    var liveValues = [Bool](repeating: false, count: graph.valueCount)
    for value in graph.results { liveValues[value.index] = true }
    for write in graph.writes { liveValues[write.value.index] = true }
    var liveNodes = [Bool](repeating: true, count: graph.nodeCount + 1)
    for node in (graph.inputCount..<graph.nodeCount).reversed() {
      guard graph.resultRange(NodeID(node)).contains(where: { liveValues[$0] }) else {
        liveNodes[node] = false
        continue
      }
      for position in graph.operandRange(NodeID(node)) {
        liveValues[graph.operandPool[position].index] = true
      }
      guard case .body = graph.ops[node].definition.family else { continue }
      for attribute in module.tables.attributes.attributes(graph.attributes[node]) {
        if case .graph(let body) = attribute.value { isNeeded[body.index] = true }
      }
    }
    result[index] = liveNodes
  }
  return result
}
