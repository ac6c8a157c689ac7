/// The reference evaluator: the meaning of the language, by which every faster way to run a module is judged.

public import SluiceIR
internal import SluicePasses

/// Runs functions of a module op by op in the simplest possible code.
///
/// It shares nothing with planning, fusion or the scalar programs: composites are expanded, and every kernel
/// family is written out here a second time, over `Double` and `Int64`. The module must be one that `verify`
/// accepts.
public struct Reference: Sendable {
  /// What happens to floats between ops.
  public enum Precision: Sendable {
    /// f32 results are rounded to f32 after every op, once.
    case asTyped
    /// All floats stay f64, also those whose type is f32: the yardstick for rounding errors.
    case exact64
  }

  /// What a function gives.
  public struct Outcome: Equatable, Sendable {
    /// The values returned.
    public var results: [ReferenceTensor]
    /// The new values of the states written.
    public var states: [String: ReferenceTensor]
  }

  /// The module, with its composites expanded.
  public let module: Module
  /// What happens to floats between ops.
  public let precision: Precision
  /// The largest number of elements that a value may have; an element takes 8 bytes.
  public var elementLimit: Int64 = 1 << 30

  /// An evaluator of a module.
  public init(_ module: Module, precision: Precision = .asTyped) {
    var remarks: [Diagnostic] = []
    self.module = expand(module, &remarks)
    self.precision = precision
  }

  /// Runs a function on inputs of any sizes that fit its symbols.
  ///
  /// `variables` are the values at entry of what the function reads, by name; others are ignored. In `exact64`
  /// inputs and variables may hold f32 elements that are no f32 numbers.
  public func run(
    function name: String, inputs: [any ReferenceConvertible] = [], variables: [String: ReferenceTensor] = [:]
  ) throws(ReferenceError) -> Outcome {
    guard let function = module.function(name) else {
      throw .noFunction(name, known: module.functions.map { module.tables.strings[module[$0].name] })
    }
    guard module.bodyDepth(of: function) <= Module.maximumBodyDepth else { throw .nesting(function: name) }
    let inputs = inputs.map(\.referenceTensor)
    let symbols: SymbolValues
    do {
      symbols = try module.bindSymbols(of: function, shapes: inputs.map(\.shape), elementLimit: elementLimit)
    } catch {
      throw .binding(error)
    }
    for (position, input) in inputs.enumerated() {
      let expected = module.tables.types.dtype(module[function].types[position])
      guard input.dtype == expected else {
        throw .inputDType(
          function: name, input: module.inputName(position, of: function), expected: expected,
          actual: input.dtype)
      }
    }
    try check(variables, of: function, name)
    let evaluator = Evaluator(module, symbols, precision, variables)
    let (results, states) = evaluator.run(function, inputs)
    return Outcome(results: results, states: states)
  }

  /// Throws unless every variable that a function reads has a value of its type.
  private func check(
    _ variables: [String: ReferenceTensor], of function: GraphID, _ name: String
  ) throws(ReferenceError) {
    let graph = module[function]
    for node in graph.nodes where graph.ops[node.index] == .read {
      let variable = module.tables.strings[
        module.tables.attributes.symbol(graph.attributes[node.index], .name) ?? .none]
      guard let value = variables[variable] else { throw .noVariable(function: name, variable: variable) }
      let type = graph.types[graph.result(node).index]
      let shape = module.tables.types.shape(type).map { Int(module.tables.dims.value($0) ?? -1) }
      guard value.dtype == module.tables.types.dtype(type), value.shape == shape else {
        throw .variableType(
          variable: variable, expected: module.tables.text(type),
          actual: "\(value.dtype.name)\(value.shape.text)")
      }
    }
  }

  /// The values of all variables before the first call, by name.
  ///
  /// They are the results of `initializerModule(for:)`, so every backend gives the same numbers up to the
  /// rounding of `log` and `cos`.
  public static func initialVariables(
    of module: Module, seed: Int64, precision: Precision = .asTyped
  ) throws(ReferenceError) -> [String: ReferenceTensor] {
    let reference = Reference(initializerModule(for: module), precision: precision)
    let outcome = try reference.run(function: "init", inputs: [ReferenceTensor(.i64, [], integers: [seed])])
    var values: [String: ReferenceTensor] = [:]
    for (variable, value) in zip(module.variables, outcome.results) {
      values[module.tables.strings[variable.name]] = value
    }
    return values
  }
}

/// Why a function cannot be run on what was given.
public enum ReferenceError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The module has no function of that name.
  case noFunction(String, known: [String])
  /// Bodies are nested more than `Module.maximumBodyDepth` deep.
  case nesting(function: String)
  /// The number or the shapes of the inputs do not fit.
  case binding(SymbolBindingError)
  /// An input has another element type.
  case inputDType(function: String, input: String, expected: DType, actual: DType)
  /// A variable that the function reads has no value.
  case noVariable(function: String, variable: String)
  /// The value of a variable has another type.
  case variableType(variable: String, expected: String, actual: String)

  /// The message: lower case, no full stop.
  public var description: String {
    switch self {
    case .noFunction(let name, let known):
      "there is no function `@\(name)`, the functions are "
        + (known.isEmpty ? "none" : known.map { "`@\($0)`" }.joined(separator: ", "))
    case .nesting(let function):
      "`@\(function)` runs bodies that are nested more than \(Module.maximumBodyDepth) deep"
    case .binding(let error): error.description
    case .inputDType(let function, let input, let expected, let actual):
      "input `\(input)` of `@\(function)` is \(expected.name), the array given is \(actual.name)"
    case .noVariable(let function, let variable):
      "`@\(function)` reads `@\(variable)`, which has no value"
    case .variableType(let variable, let expected, let actual):
      "`@\(variable)` is \(expected), the value given is \(actual)"
    }
  }
}

extension [Int] {
  /// The shape as `[2,3]`.
  var text: String { "[" + map { String($0) }.joined(separator: ",") + "]" }
}
