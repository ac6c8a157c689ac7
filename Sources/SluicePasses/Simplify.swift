/// Applies the local rules of the op table and merges identical nodes.

import SluiceIR

/// Rebuilds every graph through the simplifying builder; the remarks state how often each rule fired.
@Sendable
func simplify(_ module: Module, _ remarks: inout [Diagnostic]) -> Module {
  let (result, counts) = rebuild(module, simplifies: true) { _, _ in .copy }
  for (rule, count) in counts.sorted(by: { $0.key < $1.key }) {
    remarks.append(Diagnostic(.remark, "simplify: `\(rule)` \(count) time\(count == 1 ? "" : "s")"))
  }
  if result.nodeCount != module.nodeCount {
    remarks.append(Diagnostic(.remark, "simplify: \(module.nodeCount) nodes became \(result.nodeCount)"))
  }
  return result
}
