/// Runs loops over the same values as one.

import SluiceIR

/// Replaces scans that have the same operands, and carry the same values on, by one that gives the results of all.
///
/// Differentiation makes such a scan: the one that was there, and one that also keeps what the way back needs.
@Sendable
func fuseScans(_ module: Module, _ remarks: inout [Diagnostic]) -> Module {
  let groups = module.graphs.map { scanGroups($0, module.tables) }
  if groups.allSatisfy(\.isEmpty) { return module }
  // Per graph the values that stand for the results of scans that were run before they were reached.
  var ready: [[Int: [ValueID]]] = module.graphs.map { _ in [:] }
  var count = 0
  let (result, _) = rebuild(module, simplifies: true) { builder, node in
    guard node.op == .scan else { return .copy }
    if let values = ready[node.graph.index].removeValue(forKey: node.node.index) { return .replace(values) }
    guard let others = groups[node.graph.index][node.node.index] else { return .copy }
    let graph = module[node.graph]
    let bodies = others.map { other -> GraphID in
      let old = module.tables.attributes.graph(graph.attributes[other], .body) ?? .none
      return node.newGraphs[old.index]
    }
    let fused = fuse(
      [builder.tables.attributes.graph(node.attributes, .body) ?? .none] + bodies, node, &builder)
    for (other, values) in zip(others, fused.dropFirst()) {
      guard let values else { continue }
      ready[node.graph.index][other] = values
      count += 1
    }
    return fused[0].map { .replace($0) } ?? .copy
  }
  if count > 0 {
    remarks.append(
      Diagnostic(.remark, "fuse-scans: \(count) scan\(count == 1 ? "" : "s") run in another one"))
  }
  return result
}

/// For the first of several scans over the same operands, the others.
private func scanGroups(_ graph: Graph, _ tables: Tables) -> [Int: [Int]] {
  struct Key: Hashable {
    var operands: [ValueID]
    var attributes: [Attribute]
  }
  var first: [Key: Int] = [:]
  var groups: [Int: [Int]] = [:]
  for index in 0..<graph.nodeCount where graph.ops[index] == .scan {
    let attributes = tables.attributes.attributes(graph.attributes[index]).filter {
      $0.name != .body && $0.name != .recompute
    }
    let key = Key(operands: graph.operands(NodeID(index)), attributes: attributes)
    if let leader = first[key] { groups[leader, default: []].append(index) } else { first[key] = index }
  }
  return groups
}

/// Emits one scan for bodies of which the first one leads; gives the results of each, nil for those that carry other
/// values on.
private func fuse(_ bodies: [GraphID], _ node: NodeCopy, _ builder: inout ModuleBuilder) -> [[ValueID]?] {
  let carries = Int(builder.tables.attributes.int(node.attributes, .carries) ?? 0)
  let inputs = builder.begin("fused", like: builder.graph(bodies[0]))
  var results = builder.inline(builder.graph(bodies[0]), inputs)
  var places: [[Int]?] = [Array(results.indices)]
  for body in bodies.dropFirst() {
    let values = builder.inline(builder.graph(body), inputs)
    guard values.prefix(carries).elementsEqual(results.prefix(carries)) else {
      places.append(nil)
      continue
    }
    places.append(
      values.enumerated().map { position, value in
        if position < carries { return position }
        if let known = results.dropFirst(carries).firstIndex(of: value) { return known }
        results.append(value)
        return results.count - 1
      })
  }
  guard places.dropFirst().contains(where: { $0 != nil }) else {
    builder.abandon()
    return bodies.map { _ in nil }
  }
  let fused = builder.endBody(results)
  var attributes = builder.tables.attributes.attributes(node.attributes).filter { $0.name != .recompute }
  for position in attributes.indices where attributes[position].name == .body {
    attributes[position].value = .graph(fused)
  }
  let first = builder.make(.scan, node.operands, attributes)
  return places.map { $0.map { places in places.map { ValueID(first.index + $0) } } }
}
