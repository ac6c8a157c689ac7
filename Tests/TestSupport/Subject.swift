/// A module under test, with the values of its variables and every way to run it.

package import SluiceFormats
package import SluiceIR
import SluiceInterpreter
package import SluicePasses
package import SluicePlan
package import SluiceReference
package import SluiceText

/// A module and the values that its variables have before the first call.
package struct Subject: Sendable {
  package let module: Module
  /// What the module's `// run:` lines ask for.
  package let runs: [RunLine]
  /// The values of all variables, in order of declaration.
  package let variables: [HostTensor]

  /// The module of a text, verified; its variables are initialised with seed 0.
  package init(_ text: String, file: String) throws {
    let bytes = Array(text.utf8)
    let module = try parseModule(bytes, file: file)
    let errors = verify(module)
    if !errors.isEmpty { throw Diagnostics(errors) }
    try self.init(module, runs: TestDirectives(bytes, file: file).runs)
  }

  /// A module, verified already; its variables are initialised with seed 0.
  package init(_ module: Module, runs: [RunLine] = []) throws {
    self.module = module
    self.runs = runs
    if module.variables.isEmpty {
      variables = []
    } else {
      let plan = try Planner.plan(runPasses(initializerModule(for: module), ["expand"]))
      var interpreter = try PlanInterpreter(plan, parameters: [], states: [])
      variables = try interpreter.run("init", inputs: [HostTensor(scalar: Int64(0))])
    }
  }

  /// The values of the variables that a plan keeps among the parameters, which nothing writes, or among the states.
  package func values(_ kind: Variable.Kind) -> [HostTensor] {
    zip(module.variables, variables).filter { keeps($0.0, as: kind) }.map(\.1)
  }

  /// Whether a plan keeps a variable among the parameters or states.
  fileprivate func keeps(_ variable: Variable, as kind: Variable.Kind) -> Bool {
    let isConstant = variable.kind == .parameter && !module.writtenVariables.contains(variable.name)
    return isConstant == (kind == .parameter)
  }

  /// The plan after the passes of a level.
  package func plan(
    fuses: Bool = true, level: OptimizationLevel = .none, arenaBytes: Int? = nil
  ) throws -> ModulePlan {
    var options = Planner.Options()
    options.fuses = fuses
    options.arenaBytes = arenaBytes
    return try Planner.plan(runPasses(module, level.passes, verifyEach: true), options: options)
  }

  /// The arrays of a call's arguments.
  package func inputs(_ run: RunLine) throws -> [HostTensor] {
    let graph = module[try function(run)]
    return try tensors(run.arguments, graph.inputs.map { graph.types[$0.index] }, "arguments") {
      module.tables.dims.value($0)
    }
  }

  /// The arrays that a call must give for its arguments; nil where the line states none.
  package func expected(_ run: RunLine, _ inputs: [HostTensor]) throws -> [HostTensor]? {
    if run.expected.isEmpty { return nil }
    let function = try function(run)
    let graph = module[function]
    let symbols = try module.bindSymbols(of: function, shapes: inputs.map(\.shape))
    return try tensors(run.expected, graph.results.map { graph.types[$0.index] }, "results") {
      symbols.evaluate($0, module.tables.dims)
    }
  }

  private func function(_ run: RunLine) throws -> GraphID {
    guard let function = module.function(run.function) else {
      throw TestFailure("there is no function `@\(run.function)`")
    }
    return function
  }

  private func tensors(
    _ literals: [Literal], _ types: [TypeID], _ what: String, _ value: (DimID) -> Int64?
  ) throws -> [HostTensor] {
    guard literals.count == types.count else {
      throw TestFailure("\(literals.count) \(what) are given, there are \(types.count)")
    }
    let types = types.map { (module.tables.types.dtype($0), module.tables.types.shape($0)) }
    return try zip(literals, types).map { literal, type in
      try literal.tensor(type.0, declared: type.1.map { value($0).map { Int($0) } })
    }
  }
}

/// A way to run the functions of a module, with states of its own.
package protocol Backend {
  /// The outputs of a call.
  mutating func run(_ function: String, _ inputs: [HostTensor]) throws -> [HostTensor]
  /// The states, in order of declaration.
  var states: [HostTensor] { get }
}

/// The evaluator that says what a module means.
package struct ReferenceBackend: Backend {
  private let reference: Reference
  private let stateNames: [String]
  private var variables: [String: ReferenceTensor] = [:]

  package init(_ subject: Subject, precision: Reference.Precision = .asTyped) {
    let module = subject.module
    reference = Reference(module, precision: precision)
    stateNames = module.variables.filter { subject.keeps($0, as: .state) }.map {
      module.tables.strings[$0.name]
    }
    for (variable, value) in zip(module.variables, subject.variables) {
      variables[module.tables.strings[variable.name]] = value.referenceTensor
    }
  }

  package mutating func run(_ function: String, _ inputs: [HostTensor]) throws -> [HostTensor] {
    let outcome = try reference.run(function: function, inputs: inputs, variables: variables)
    for (name, value) in outcome.states { variables[name] = value }
    return outcome.results.map(\.hostTensor.canonical)
  }

  package var states: [HostTensor] { stateNames.compactMap { variables[$0]?.hostTensor.canonical } }
}

/// The plan interpreter.
package struct InterpreterBackend: Backend {
  private var interpreter: PlanInterpreter

  package init(_ subject: Subject, _ plan: ModulePlan, poison: Bool = false) throws {
    try self.init(plan, subject.values(.parameter), subject.values(.state), poison: poison)
  }

  /// With the values of the plan's variables, in its order.
  package init(
    _ plan: ModulePlan, _ parameters: [HostTensor], _ states: [HostTensor], poison: Bool = false
  ) throws {
    interpreter = try PlanInterpreter(
      plan, parameters: parameters, states: states, options: PlanInterpreter.Options(poison: poison))
  }

  package mutating func run(_ function: String, _ inputs: [HostTensor]) throws -> [HostTensor] {
    try interpreter.run(function, inputs: inputs)
  }

  package var states: [HostTensor] { interpreter.states }
}
