/// Runs passes one after the other, with time and node counts for each.

public import SluiceIR

/// What one pass did.
public struct PassReport: Sendable {
  /// The name of the pass.
  public var pass: String
  /// How long it took, without verification.
  public var duration: Duration
  /// The number of nodes of all graphs before.
  public var nodesBefore: Int
  /// The number of nodes of all graphs after.
  public var nodesAfter: Int
  /// What it has to say.
  public var remarks: [Diagnostic]
}

/// Runs the passes of these names in order; `afterEach` sees every result.
///
/// Throws when a name is not known; with `verifyEach`, also when the module given or the result of a pass breaks
/// an invariant. Without it, passes rely on a module that `verify` accepts. Values that are too large are errors.
public func runPasses(
  _ module: Module, _ names: [String], verifyEach: Bool = false,
  afterEach: (PassReport, Module) -> Void = { _, _ in }
) throws(Diagnostics) -> Module {
  var passes: [Pass] = []
  for name in names {
    guard let pass = Pass.named(name) else {
      let known = Pass.all.map { "`\($0.name)`" }.joined(separator: ", ")
      throw Diagnostics([
        Diagnostic("there is no pass `\(name)`", notes: [Diagnostic.Note("the passes are \(known)")])
      ])
    }
    passes.append(pass)
  }
  if verifyEach { try check(module, "before the first pass") }
  try module.checkSizes()
  var module = module
  let clock = ContinuousClock()
  for pass in passes {
    let before = module.nodeCount
    var remarks: [Diagnostic] = []
    let start = clock.now
    var result = pass.run(module, &remarks)
    result.keepResultNames(of: module)
    module = result
    let duration = clock.now - start
    if verifyEach { try check(module, "after the pass `\(pass.name)`") }
    afterEach(
      PassReport(
        pass: pass.name, duration: duration, nodesBefore: before, nodesAfter: module.nodeCount,
        remarks: remarks),
      module)
  }
  return module
}

private func check(_ module: Module, _ when: String) throws(Diagnostics) {
  var errors = verify(module)
  if errors.isEmpty { return }
  for index in errors.indices { errors[index].notes.append(Diagnostic.Note("found \(when)")) }
  throw Diagnostics(errors)
}

extension Module {
  /// The number of nodes of all graphs.
  public var nodeCount: Int { graphs.reduce(0) { $0 + $1.nodeCount } }
}
