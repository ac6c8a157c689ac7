/// Replaces composites by the primitives that compute them, until none is left.

package import SluiceIR

/// Expands every composite; the values keep their names.
///
/// The remark states how many composites there were.
@Sendable
package func expand(_ module: Module, _ remarks: inout [Diagnostic]) -> Module {
  var module = module
  var counts = [Int](repeating: 0, count: Op.allCases.count)
  // One sweep a level of composites within composites (`normal` is made of `uniform`).
  while hasComposites(module) {
    module =
      rebuild(module, simplifies: false) { builder, node in
        guard case .expand(let expansion) = node.op.definition.family else { return .copy }
        counts[Int(node.op.rawValue)] += 1
        return .replace(expansion.body(&builder, node.operands, node.attributes))
      }.module
  }
  for op in Op.allCases where counts[Int(op.rawValue)] > 0 {
    let count = counts[Int(op.rawValue)]
    remarks.append(
      Diagnostic(.remark, "expand: `\(op.definition.name)` \(count) time\(count == 1 ? "" : "s")"))
  }
  return module
}

private func hasComposites(_ module: Module) -> Bool {
  let isComposite = Op.allCases.map { op in if case .expand = op.definition.family { true } else { false } }
  return module.graphs.contains { graph in graph.ops.contains { isComposite[Int($0.rawValue)] } }
}
