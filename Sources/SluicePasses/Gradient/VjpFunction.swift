/// A function's derivative as a function of the same module.

package import SluiceIR

/// How many nodes a function may have with all bodies copied in, to be differentiated.
private let maximumNodes = 1 << 22

/// The module with a function `@f.vjp` behind all others: the vector-Jacobian product of `@f`.
///
/// It takes the inputs of `@f` and a cotangent `d_r` for each of its float results; it gives the results of `@f`, then a
/// cotangent for each of its float inputs and for each float variable that it reads, under the names `d_x` and `d_w`.
/// It writes no state. Throws where something in between has no derivative, with its place.
package func addVjp(of function: GraphID, to module: Module) throws(Diagnostics) -> Module {
  guard module.bodyDepth(of: function) <= Module.maximumBodyDepth,
    module.nodeCountsWithBodies[function.index] <= maximumNodes
  else {
    throw Diagnostics([
      Diagnostic(
        "`@\(module.tables.strings[module[function].name])` is too large to be differentiated",
        at: module.tables.place(module[function].location),
        notes: [
          Diagnostic.Note(
            "bodies may nest \(Module.maximumBodyDepth) deep, and make at most \(maximumNodes) nodes when they are copied in"
          )
        ])
    ])
  }
  try module.checkSizes()
  var result = GraphID.none
  var failure: GradientError?
  let graph = module[function]
  var builder = ModuleBuilder(extending: module)
  let name = builder.freeName("\(module.tables.strings[graph.name]).vjp")
  builder.begin(.function, name, symbols: graph.symbols)
  builder.location = graph.location
  var inputs = graph.inputs.map { builder.input(graph.types[$0.index], name: graph.names[$0.index]) }
  let isFloat = { (value: ValueID) in module.tables.types.dtype(graph.types[value.index]).isDifferentiable }
  var seeds: [(position: Int, cotangent: ValueID)] = []
  for (position, value) in graph.results.enumerated() where isFloat(value) {
    let known = graph.resultNames[position]
    let label = known.isNone ? "\(position)" : module.tables.strings[known]
    let type = builder.cotangentType(graph.types[value.index])
    let free = freeName("d_\(label)", among: builder.current.names, builder.tables)
    seeds.append((position, builder.input(type, name: builder.tables.strings.intern(free))))
  }
  let values = builder.inline(graph, inputs)
  inputs = inputs.filter { builder.dtype($0).isDifferentiable }
  var labels = graph.inputs.filter(isFloat).map { value -> String in
    let name = graph.names[value.index]
    return name.isNone ? "\(value.index)" : module.tables.strings[name]
  }
  for index in 0..<builder.nodeCount where builder.op(NodeID(index)) == .read {
    let value = ValueID(builder.resultRange(NodeID(index)).lowerBound)
    guard builder.dtype(value).isDifferentiable, !inputs.contains(value),
      let variable = module.tables.attributes.symbol(builder.attributes(NodeID(index)), .name)
    else { continue }
    inputs.append(value)
    labels.append(module.tables.strings[variable])
  }
  do {
    let found = try builder.cotangents(
      of: inputs, from: seeds.map { (value: values[$0.position], cotangent: $0.cotangent) })
    var results = values
    var names = graph.resultNames
    for (position, value) in inputs.enumerated() {
      if let cotangent = found[position] {
        results.append(cotangent)
      } else {
        results.append(builder.zeros(builder.cotangentType(builder.type(value))))
      }
      names.append(
        builder.tables.strings.intern(freeName("d_\(labels[position])", among: names, builder.tables)))
    }
    result = try builder.end(results: results, names: names)
  } catch let error as GradientError {
    failure = error
  } catch {
    preconditionFailure("a function without writes cannot be wrong: \(error)")
  }
  if let failure {
    builder.abandon()
    throw Diagnostics([failure.diagnostic(module.tables)])
  }
  precondition(!result.isNone)
  return builder.finish()
}

/// A name, with a number behind it where it is taken.
private func freeName(_ name: String, among taken: [StringID], _ tables: Tables) -> String {
  let texts = Set(taken.lazy.filter { !$0.isNone }.map { tables.strings[$0] })
  var candidate = name
  var number = 1
  while texts.contains(candidate) {
    number += 1
    candidate = "\(name)_\(number)"
  }
  return candidate
}

extension GradientError {
  /// The mistake with its place.
  package func diagnostic(_ tables: Tables) -> Diagnostic {
    Diagnostic(message, at: tables.place(location), notes: hint.map { [Diagnostic.Note($0)] } ?? [])
  }
}
