public import SluiceFormats
public import SluiceIR
public import SluicePlan

/// Executes the functions of a `ModulePlan`; its bits define what the generated C must give.
///
/// It keeps the parameters and the states. A copy has states of its own.
public struct PlanInterpreter: Sendable {
  /// Choices of an interpreter.
  public struct Options: Sendable, Hashable {
    /// Whether the arena and the outputs are filled with 0xFF bytes, NaN in every float, before a function runs.
    ///
    /// Results must not depend on it.
    public var poison = false
    /// How many loop iterations one call of a function may run before it gives up with `tooManyIterations`.
    public var iterationLimit = Int.max

    /// The usual choices.
    public init(poison: Bool = false, iterationLimit: Int = .max) {
      self.poison = poison
      self.iterationLimit = iterationLimit
    }
  }

  private var engine: Engine

  /// An interpreter of a plan, with the values of its parameters and states in the plan's order.
  ///
  /// Throws when their number, dtypes or shapes are not those declared, or when their blocks are not well formed.
  public init(
    _ plan: ModulePlan, parameters: [HostTensor], states: [HostTensor], options: Options = Options()
  ) throws(InterpreterError) {
    engine = try Engine(plan, parameters: parameters, states: states, options: options)
  }

  /// The plan.
  public var plan: ModulePlan { engine.plan }

  /// Runs a function; the outputs in order.
  ///
  /// The values of symbols follow from the shapes of the inputs. When it throws `outOfBounds` or
  /// `tooManyIterations`, the states may have been written in part.
  public mutating func run(_ function: String, inputs: [HostTensor]) throws(InterpreterError) -> [HostTensor]
  {
    try own()
    guard let plan = engine.plan.function(function) else { throw .unknownFunction(function) }
    var symbols: [SymbolID: Int] = [:]
    if !plan.symbols.isEmpty {
      let values: SymbolValues
      do {
        values = try plan.bindSymbols(shapes: inputs.map(\.shape), engine.plan.tables)
      } catch {
        throw .binding(error.description)
      }
      for symbol in plan.symbols { symbols[symbol] = values[symbol].map { Int($0) } }
    }
    return try run(function, inputs: inputs, symbols: symbols)
  }

  /// Runs a function with given values of its symbols; the outputs in order.
  public mutating func run(
    _ function: String, inputs: [HostTensor], symbols: [SymbolID: Int]
  ) throws(InterpreterError) -> [HostTensor] {
    try own()
    return try engine.run(function, inputs, symbols)
  }

  /// Checks a function and all its kernels, as far as sizes do not matter, without running it.
  public func validate(_ function: String) throws(InterpreterError) {
    let position = engine.plan.functions.firstIndex { $0.name == function }
    guard let position else { throw .unknownFunction(function) }
    let prepared = try PreparedFunction(engine.plan, position)
    for kernel in prepared.kernels {
      try Self.validate(engine.plan.kernels[kernel], engine.plan.tables)
    }
  }

  /// Checks one kernel whose dims are in `tables`, without running it.
  public static func validate(_ kernel: Kernel, _ tables: Tables) throws(InterpreterError) {
    _ = try KernelCompiler.compile(kernel, tables)
  }

  /// Measures the steps of functions from now on, anew.
  public mutating func beginProfile() throws(InterpreterError) {
    try own()
    engine.beginProfile()
  }

  /// The times of the steps of a function since `beginProfile`, in the order of the plan's steps.
  public func stepTimes(_ function: String) throws(InterpreterError) -> [StepTime] {
    try engine.stepTimes(function)
  }

  /// The states in the plan's order.
  public var states: [HostTensor] { engine.states }

  /// The parameters in the plan's order.
  public var parameters: [HostTensor] { engine.parameterTensors }

  /// A state by its position in the plan, which must be one.
  public func state(at position: Int) -> HostTensor { engine.state(at: position) }

  /// Replaces a state by its position in the plan, which must be one.
  public mutating func setState(at position: Int, _ value: HostTensor) throws(InterpreterError) {
    try own()
    try engine.setState(at: position, value)
  }

  /// Replaces all states.
  public mutating func setStates(_ states: [HostTensor]) throws(InterpreterError) {
    try own()
    try engine.setStates(states)
  }

  /// The states as one block of bytes, laid out as the plan says; bytes between states are 0.
  public var stateBytes: [UInt8] { engine.stateBytes }

  /// Replaces the block of states.
  public mutating func setStateBytes(_ bytes: [UInt8]) throws(InterpreterError) {
    try own()
    try engine.setStateBytes(bytes)
  }

  /// Copies the engine before a change when a copy of the interpreter shares it.
  private mutating func own() throws(InterpreterError) {
    if !isKnownUniquelyReferenced(&engine) { engine = try engine.copy() }
  }
}
