/// A function's tangents as a function of the same module.

package import SluiceIR
import SluicePasses

/// The module with a function `@f.jvp`: it takes the inputs of `@f` and a tangent for each float input, and gives the
/// tangent of each float result.
package func addJvp(of function: String, to module: Module) throws -> Module {
  guard let id = module.function(function) else {
    throw TestFailure("there is no function `@\(function)`")
  }
  let source = module[id]
  var builder = ModuleBuilder(extending: module)
  builder.begin(.function, "\(function).jvp", symbols: source.symbols)
  let inputs = source.inputs.map {
    builder.input(source.types[$0.index], name: source.names[$0.index])
  }
  let moving = inputs.filter { builder.dtype($0).isFloating }
  let tangents = moving.map { builder.input(builder.cotangentType(builder.type($0)), name: .none) }
  let outputs = builder.inline(source, inputs).filter { builder.dtype($0).isFloating }
  let moved = try builder.tangents(
    of: outputs, from: zip(moving, tangents).map { (value: $0, tangent: $1) })
  var results: [ValueID] = []
  for (output, tangent) in zip(outputs, moved) {
    if let tangent { results.append(tangent) } else { results.append(builder.zeroCotangent(of: output)) }
  }
  try builder.end(results: results)
  return builder.finish()
}
