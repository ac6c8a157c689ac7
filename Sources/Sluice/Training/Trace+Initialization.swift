import SluiceIR
import SluicePasses

extension Trace {
  /// Traces the function that writes the first values of all variables.
  func addInitialization(_ name: String, at site: Site) {
    guard isIdentifier(name), functionNames.insert(name).inserted else {
      report(
        isIdentifier(name) ? "two functions are named `\(name)`" : "`\(name)` is no name of a function",
        at: site)
      return
    }
    guard diagnostics.isEmpty else { return }
    beginFrame(
      name, isFunction: true, comment: ["The first values of all parameters and states."], at: site)
    let seed = builder.input(
      builder.tables.types.intern(.i64, []), name: builder.tables.strings.intern("seed"))
    var writes: [Graph.Write] = []
    for (stream, variable) in builder.tables.variables.enumerated() {
      let dtype = builder.tables.types.dtype(variable.type)
      let shape = builder.tables.types.shape(variable.type)
      let value = builder.initialValue(variable.initializer, dtype, shape, seed: seed, stream: stream)
      writes.append(Graph.Write(state: variable.name, value: value))
    }
    if writes.isEmpty { report("a model without parameters and states has nothing to initialize", at: site) }
    _ = endFrame(results: [], writes: writes)
  }
}
