/// A model with some of its functions only.

public import SluiceIR

/// Copies the functions of these names with what they need: bodies, and the variables that they read or write.
///
/// Parameters that only other functions write are constant then.
public func keepFunctions(_ module: Module, _ names: Set<String>) -> Module {
  let liveness = liveness(of: module) {
    $0.kind == .function && names.contains(module.tables.strings[$0.name])
  }
  var result =
    rebuild(
      module, simplifies: false, keeps: { !liveness[$0.index].isEmpty },
      decide: { _, node in liveness[node.graph.index][node.node.index] ? .copy : .drop }
    ).module
  var used = result.writtenVariables
  for graph in result.graphs {
    for node in graph.nodes where graph.ops[node.index] == .read {
      if let name = result.tables.attributes.symbol(graph.attributes[node.index], .name) { used.insert(name) }
    }
  }
  result.tables.keepVariables { used.contains($0.name) }
  return result
}
