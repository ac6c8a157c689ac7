/// Copies the bodies of calls in, so that other passes see through them.

import SluiceIR

/// How many nodes a graph may have with all bodies copied in, for `inline` to copy any.
private let maximumInlinedNodes = 1 << 22

/// Replaces every `call` and `custom_vjp` by the nodes of its body.
///
/// A call that is to be computed again for its derivative stays, or else its nodes would be merged with those that
/// compute it again.
@Sendable
func inline(_ module: Module, _ remarks: inout [Diagnostic]) -> Module {
  let hasCalls = module.graphs.contains { graph in
    graph.ops.contains { op in if case .body(.call) = op.definition.family { true } else { false } }
  }
  if !hasCalls { return module }
  let sizes = module.nodeCountsWithBodies
  var count = 0
  let (result, _) = rebuild(module, simplifies: false) { builder, node in
    guard case .body(.call) = node.op.definition.family,
      !builder.tables.attributes.bool(node.attributes, .recompute),
      let body = builder.tables.attributes.graph(node.attributes, .body),
      sizes[node.graph.index] <= maximumInlinedNodes
    else { return .copy }
    count += 1
    return .replace(builder.inline(builder.graph(body), node.operands))
  }
  if count > 0 { remarks.append(Diagnostic(.remark, "inline: \(count) call\(count == 1 ? "" : "s")")) }
  return result
}
