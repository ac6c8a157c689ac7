import SluiceC
public import SluiceFormats
public import SluiceIR
import SluiceInterpreter
import SluicePasses
public import SluicePlan
import SluiceReference

/// What computes.
public enum Backend: String, CaseIterable, Sendable {
  /// The C that is generated, compiled by this machine's compiler.
  case c
  /// The interpreter of plans: the same bits as the C.
  case interpreter
  /// The reference evaluator: op by op in the simplest code, close to the others but not the same bits.
  case reference
}

/// A mistake in how a session is used: names, numbers, dtypes or shapes.
public struct SessionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was seen, and the way out.
  public var description: String

  init(_ description: String) { self.description = description }
}

/// A compiled model with its parameters and states, ready to run: the same calls over every backend.
public struct Session {
  /// The module as it was given.
  public let module: SluiceIR.Module
  /// What computes.
  public let backend: Backend
  /// The plan; the reference evaluator does not use it.
  public let plan: ModulePlan

  /// Whether `run` refuses inputs with indices or classes out of range; else they mean what the language says.
  public var checksIndices = true

  private var interpreter: PlanInterpreter?
  private var compiled: CompiledModel?
  private var reference: Reference?
  /// The values of variables for the reference evaluator, by name.
  private var referenceVariables: [String: ReferenceTensor] = [:]
  private let threads: Int
  /// Whether the C is compiled so that its steps can be measured.
  private let profiles: Bool

  /// Compiles a module and gives its variables their initial values, drawn with `seed` where they are random.
  public init(
    _ module: SluiceIR.Module, backend: Backend = .interpreter, seed: Int64 = 0, threads: Int = 1,
    profiles: Bool = false, options: CompileOptions = CompileOptions()
  ) throws {
    self.module = module
    self.backend = backend
    self.threads = threads
    self.profiles = profiles
    plan = try compile(module, options: options)
    try start(Self.initialValues(module, seed: seed))
  }

  /// Runs a plan that was read, and gives its variables their initial values, drawn with `seed` where they are random.
  ///
  /// Throws for the reference evaluator, which knows graphs alone.
  public init(
    _ plan: ModulePlan, backend: Backend = .interpreter, seed: Int64 = 0, threads: Int = 1,
    profiles: Bool = false
  ) throws {
    guard backend != .reference else {
      throw SessionError("the reference evaluator runs modules, `\(plan.module.name)` is a plan")
    }
    module = plan.module
    self.backend = backend
    self.threads = threads
    self.profiles = profiles
    self.plan = plan
    try start(Self.initialValues(module, seed: seed))
  }

  /// Compiles a module that a function of its own will initialize: all variables begin with 0.
  init(
    uninitialized module: SluiceIR.Module, backend: Backend, threads: Int, options: CompileOptions
  ) throws {
    self.module = module
    self.backend = backend
    self.threads = threads
    profiles = false
    plan = try compile(module, options: options)
    try start(Self.zeros(plan))
  }

  /// Traces a model and compiles it.
  public init(
    _ model: Model, settings: [String: String] = [:], backend: Backend = .interpreter, seed: Int64 = 0,
    threads: Int = 1
  ) throws {
    try self.init(model.trace(settings: settings), backend: backend, seed: seed, threads: threads)
  }

  /// The values of all variables before the first call, by name: computed by the module's own random numbers.
  public static func initialValues(_ module: SluiceIR.Module, seed: Int64) throws -> [String: HostTensor] {
    guard !module.variables.isEmpty else { return [:] }
    let plan = try compile(initializerModule(for: module))
    var interpreter = try PlanInterpreter(plan, parameters: [], states: [])
    let values = try interpreter.run("init", inputs: [HostTensor(scalar: seed)])
    let names = module.variables.map { module.tables.strings[$0.name] }
    return Dictionary(uniqueKeysWithValues: zip(names, values))
  }

  /// Zeros for all variables, by name.
  private static func zeros(_ plan: ModulePlan) throws -> [String: HostTensor] {
    var values: [String: HostTensor] = [:]
    for variable in plan.parameters + plan.states {
      let shape = plan.tables.types.shape(variable.type).compactMap { plan.tables.dims.value($0) }
      values[variable.name] = try .zeros(plan.tables.types.dtype(variable.type), shape: shape.map { Int($0) })
    }
    return values
  }

  private mutating func start(_ values: [String: HostTensor]) throws {
    let parameters = plan.parameters.compactMap { values[$0.name] }
    let states = plan.states.compactMap { values[$0.name] }
    switch backend {
    case .interpreter: interpreter = try PlanInterpreter(plan, parameters: parameters, states: states)
    case .c:
      var options = CompiledModel.Options()
      options.threads = threads
      options.profiles = profiles
      compiled = try CompiledModel(plan, parameters: parameters, states: states, options: options)
    case .reference:
      reference = Reference(module)
      referenceVariables = values.mapValues(\.referenceTensor)
    }
  }

  // MARK: Running

  /// Runs a function on inputs by name; gives its outputs in order, and keeps the states it wrote.
  public mutating func run(
    _ function: String, _ inputs: [String: HostTensor]
  ) throws -> [(name: String, tensor: HostTensor)] {
    guard let plan = plan.function(function) else {
      throw SessionError("there is no function `@\(function)`")
    }
    let names = plan.inputs.map(\.name)
    for name in inputs.keys.sorted() where !names.contains(name) {
      throw SessionError("`@\(function)` has no input `\(name)`; it has \(Self.list(names))")
    }
    let missing = names.filter { inputs[$0] == nil }
    guard missing.isEmpty else {
      throw SessionError(
        "`@\(function)` needs \(missing.count == 1 ? "the input" : "the inputs") \(Self.list(missing))")
    }
    let outputs = try run(function, names.compactMap { inputs[$0] })
    return zip(plan.outputs, outputs).map { ($0.name, $1) }
  }

  /// Runs a function on inputs in order; gives its outputs in order, and keeps the states it wrote.
  public mutating func run(_ function: String, _ inputs: [HostTensor]) throws -> [HostTensor] {
    guard let plan = plan.function(function) else {
      throw SessionError("there is no function `@\(function)`")
    }
    for (port, tensor) in zip(plan.inputs, inputs) { try checkInput(port, tensor, function) }
    if checksIndices { try checkIndices(plan, inputs) }
    if let compiled { return try compiled.run(function, inputs: inputs) }
    if interpreter != nil { return try interpreter?.run(function, inputs: inputs) ?? [] }
    guard let reference else { return [] }
    let outcome = try reference.run(function: function, inputs: inputs, variables: referenceVariables)
    for (name, value) in outcome.states { referenceVariables[name] = value }
    return outcome.results.map(\.hostTensor)
  }

  /// Runs a function again and again, for so many seconds and at least so often, and says where its time goes.
  ///
  /// One call before is not measured. The states change with every call. Throws `SessionError` for the reference
  /// evaluator, which has no steps, and for C unless the session was made with `profiles`.
  public mutating func profile(
    _ function: String, _ inputs: [String: HostTensor], seconds: Double = 1, leastCalls: Int = 3
  ) throws -> Profile {
    guard backend != .reference else {
      throw SessionError("the reference evaluator has no steps to measure; the others have")
    }
    guard backend != .c || profiles else {
      throw SessionError("a session over C measures its steps when it was made with `profiles: true`")
    }
    _ = try run(function, inputs)
    try compiled?.beginProfile()
    try interpreter?.beginProfile()
    let begin = ContinuousClock.now
    var calls = 0
    while calls < max(leastCalls, 1) || (ContinuousClock.now - begin) / .seconds(1) < seconds {
      _ = try run(function, inputs)
      calls += 1
    }
    let times = try compiled?.stepTimes(function) ?? interpreter?.stepTimes(function) ?? []
    guard let executed = plan.function(function) else {
      throw SessionError("there is no function `@\(function)`")
    }
    let shapes = executed.inputs.compactMap { inputs[$0.name]?.shape }
    let values = try executed.bindSymbols(shapes: shapes, plan.tables)
    var sizes: [SymbolID: Int64] = [:]
    for symbol in executed.symbols { sizes[symbol] = values[symbol] }
    return Profile(plan, executed, sizes, times, calls: calls)
  }

  /// Throws when an input has another dtype or number of axes than declared: the sizes are checked later.
  private func checkInput(_ port: Port, _ tensor: HostTensor, _ function: String) throws {
    let type = plan.tables.text(port.type)
    let seen = "\(tensor.dtype.name)[\(tensor.shape.map(String.init).joined(separator: ","))]"
    guard plan.tables.types.dtype(port.type) == tensor.dtype,
      plan.tables.types.rank(port.type) == tensor.shape.count
    else { throw SessionError("the input `\(port.name)` of `@\(function)` is \(type), got \(seen)") }
  }

  /// Throws when an input has indices or classes out of range; shapes that do not fit are told when it runs.
  private func checkIndices(_ function: ExecutionPlan, _ inputs: [HostTensor]) throws {
    guard !function.indexUses.isEmpty,
      let sizes = try? function.bindSymbols(shapes: inputs.map(\.shape), plan.tables)
    else { return }
    for use in function.indexUses {
      let input = inputs[use.input]
      let check = IndexCheck(use, sizes, plan.tables)
      let places = use.places(sizes, plan.tables.dims, count: input.count)
      if let finding = check.find(input.asIntegers(), at: places) {
        let name = function.inputs[use.input].name
        throw SessionError(
          check.message(finding, "the input `\(name)` of `@\(function.name)`", input.index(of: finding.first))
        )
      }
    }
  }

  static func list(_ names: [String]) -> String {
    let shown = names.prefix(20).map { "`\($0)`" }.joined(separator: ", ")
    return names.isEmpty ? "none" : names.count > 20 ? "\(shown), ..." : shown
  }

  // MARK: Variables

  /// The names of the states, in order.
  public var stateNames: [String] { plan.states.map(\.name) }

  /// The value of a state.
  public func state(_ name: String) throws -> HostTensor {
    let position = try position(of: name)
    if let compiled { return compiled.state(at: position) }
    if let interpreter { return interpreter.state(at: position) }
    guard let value = referenceVariables[name] else { throw SessionError("there is no state `@\(name)`") }
    return value.hostTensor
  }

  /// Gives a state another value.
  public mutating func setState(_ name: String, _ value: HostTensor) throws {
    let position = try position(of: name)
    try Self.check(value, plan.states[position], plan, "the state")
    if let compiled {
      try compiled.setState(at: position, value)
    } else if interpreter != nil {
      try interpreter?.setState(at: position, value)
    } else {
      referenceVariables[name] = value.referenceTensor
    }
  }

  /// The values of all parameters and states by name, parameters that no function writes first.
  public func variables() throws -> [NamedTensor] {
    var values: [NamedTensor] = []
    let constant = compiled?.parameters ?? interpreter?.parameters
    for (position, row) in plan.parameters.enumerated() {
      guard let value = constant?[position] ?? referenceVariables[row.name]?.hostTensor else { continue }
      values.append(NamedTensor(row.name, value))
    }
    for row in plan.states { values.append(NamedTensor(row.name, try state(row.name))) }
    return values
  }

  /// Takes the parameters from a file that `sluice compile` wrote; the states stay as they are.
  public mutating func loadParameters(_ file: [UInt8], path: String) throws {
    let block: [UInt8]
    do {
      block = try ParametersFile.decode(file, of: plan)
    } catch {
      throw SessionError("`\(path)`: \(error)")
    }
    var values: [String: HostTensor] = [:]
    for row in plan.parameters {
      let shape = plan.tables.types.shape(row.type).compactMap { plan.tables.dims.value($0).map { Int($0) } }
      values[row.name] = try HostTensor(
        dtype: plan.tables.types.dtype(row.type), shape: shape,
        bytes: Array(block[row.offset..<(row.offset + row.byteCount)]))
    }
    try setVariables(values)
  }

  /// Gives parameters and states other values, which fit; the rest stays as it is.
  mutating func setVariables(_ given: [String: HostTensor]) throws {
    if plan.parameters.allSatisfy({ given[$0.name] == nil }) {
      for row in plan.states { if let value = given[row.name] { try setState(row.name, value) } }
      return
    }
    var values = given
    for old in try variables() where values[old.name] == nil { values[old.name] = old.tensor }
    try start(values)
  }

  /// Throws unless a value has the type of a variable; `what` names its kind in the message.
  static func check(
    _ value: HostTensor, _ variable: ModulePlan.Variable, _ plan: ModulePlan, _ what: String
  ) throws {
    let shape = plan.tables.types.shape(variable.type).compactMap { plan.tables.dims.value($0) }
    guard value.dtype == plan.tables.types.dtype(variable.type), value.shape.map({ Int64($0) }) == shape
    else {
      let seen = "\(value.dtype.name)[\(value.shape.map(String.init).joined(separator: ","))]"
      throw SessionError("\(what) `@\(variable.name)` is \(plan.tables.text(variable.type)), got \(seen)")
    }
  }

  private func position(of state: String) throws -> Int {
    guard let position = plan.states.firstIndex(where: { $0.name == state }) else {
      throw SessionError("there is no state `@\(state)`; there are \(Self.list(stateNames))")
    }
    return position
  }
}
