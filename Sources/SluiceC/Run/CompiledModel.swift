public import SluiceFormats
public import SluiceIR
public import SluicePlan

/// A model compiled to machine code by the C compiler of this machine, loaded into this process.
///
/// It keeps the parameters and the states; one thread at a time may use it.
public final class CompiledModel {
  /// Choices of compilation and running.
  public struct Options: Sendable {
    /// The compiler; nil takes what `CCompiler.find` gives.
    public var compiler: CCompiler?
    /// The flags for optimisation, such as `["-O1"]`; nil takes the compiler's best for this machine.
    public var optimisation: [String]?
    /// More flags, such as `["-DICA_SOFTWARE_FMA"]`; paths in them begin at the root.
    public var flags: [String] = []
    /// Which calls refuse indices out of range, as the macro `CHECK_INDICES` of the C; none, as in the interpreter.
    public var indexChecks = 0
    /// How many threads share the work, the calling one included.
    public var threads = 1
    /// Whether the time of every step can be measured: `beginProfile`.
    public var profiles = false
    /// Choices of the generated C.
    public var source = CSource.Options()
    /// The folder of compiled models; nil takes that of the user.
    public var cache: String?

    /// The usual choices: one thread, as fast as possible.
    public init() {}
  }

  /// The plan that was compiled.
  public let plan: ModulePlan
  /// The C that was compiled.
  public let source: String
  /// How long the C compiler took; nil where the model was in the cache.
  public let compileDuration: Duration?

  private let library: SharedLibrary
  private let code: ModelCode
  /// What the names of the C begin with.
  private let prefix: String
  private let parameterBlock: MemoryBlock
  private let stateBlock: MemoryBlock
  private let arena: MemoryBlock

  /// Compiles a plan and loads it, with the values of its parameters and states in the plan's order.
  ///
  /// What was compiled before with the same compiler and flags is taken from the cache. Throws `CompileError` when
  /// that fails, and `RunError` when the tensors are not those the plan declares.
  public init(
    _ plan: ModulePlan, parameters: [HostTensor], states: [HostTensor], options: Options = Options()
  ) throws {
    self.plan = plan
    let compiler = try options.compiler ?? CCompiler.find()
    let usesThreads = options.threads > 1
    source = CSource.emitC(plan, options: options.source).source
    let model = CModel(plan, options.source)
    var flags = compiler.libraryFlags(usesThreads: usesThreads)
    flags += options.optimisation ?? compiler.optimisationFlags
    if usesThreads { flags.append("-D\(model.macroPrefix)THREADS") }
    flags.append("-D\(model.macroPrefix)CHECK_INDICES=\(options.indexChecks)")
    if options.profiles { flags.append("-D\(model.macroPrefix)PROFILE") }
    flags += options.flags
    var compiled = try CompileCache.library(source, compiler, flags, in: options.cache)
    do {
      library = try SharedLibrary(compiled.path)
    } catch {
      // A library that was damaged since it was made is made again.
      System.remove(compiled.path)
      System.removeFolder(compiled.path)
      compiled = try CompileCache.library(source, compiler, flags, in: options.cache)
      library = try SharedLibrary(compiled.path)
    }
    compileDuration = compiled.duration
    parameterBlock = try MemoryBlock(plan.parameterBytes)
    stateBlock = try MemoryBlock(plan.stateBytes)
    arena = try MemoryBlock(plan.functions.map(\.arenaBytes).max() ?? 0)
    prefix = model.prefix
    code = try ModelCode(library, prefix: model.prefix, threads: options.threads)
    try Self.fill(parameterBlock, parameters, plan.parameters, "parameters", plan.tables)
    try Self.fill(stateBlock, states, plan.states, "states", plan.tables)
  }

  private static func fill(
    _ block: MemoryBlock, _ tensors: [HostTensor], _ variables: [ModulePlan.Variable], _ role: String,
    _ tables: Tables
  ) throws(RunError) {
    guard tensors.count == variables.count else {
      throw .tensorCount(role: role, expected: variables.count, actual: tensors.count)
    }
    for (tensor, variable) in zip(tensors, variables) {
      let shape = tables.types.shape(variable.type).map { tables.dims.value($0) ?? -1 }
      guard tables.types.dtype(variable.type) == tensor.dtype, shape == tensor.shape.map({ Int64($0) }) else {
        throw .tensorType(name: variable.name, expected: tables.text(variable.type), actual: tensor.typeText)
      }
    }
    for (tensor, variable) in zip(tensors, variables) { block.write(tensor.bytes, at: variable.offset) }
  }

  /// Shares the work among another number of threads, the calling one included.
  ///
  /// A model that was made for one thread stays with one. Throws `CompileError` when the system gives no threads.
  public func setThreads(_ count: Int) throws(CompileError) { try code.setThreads(count) }

  // MARK: Times

  /// Measures the steps of functions from now on, anew; the model must have been made with `profiles`.
  public func beginProfile() throws { try code.beginProfile(prefix: prefix) }

  /// The times of the steps of a function since `beginProfile`, in the order of the plan's steps.
  ///
  /// Calls of kernels have times, and what runs together has one at the step that begins it; other steps have none.
  public func stepTimes(_ function: String) throws -> [StepTime] {
    guard let position = plan.functions.firstIndex(where: { $0.name == function }) else {
      throw RunError.unknownFunction(function)
    }
    return try code.stepTimes(prefix: prefix, function: position)
  }

  // MARK: States

  /// The states in the plan's order.
  public var states: [HostTensor] { plan.states.map { tensor($0, stateBlock) } }

  /// The parameters in the plan's order.
  public var parameters: [HostTensor] { plan.parameters.map { tensor($0, parameterBlock) } }

  /// A state by its position in the plan, which must be one.
  public func state(at position: Int) -> HostTensor { tensor(plan.states[position], stateBlock) }

  /// Replaces a state by its position in the plan, which must be one.
  public func setState(at position: Int, _ value: HostTensor) throws(RunError) {
    try Self.fill(stateBlock, [value], [plan.states[position]], "states", plan.tables)
  }

  private func tensor(_ variable: ModulePlan.Variable, _ block: MemoryBlock) -> HostTensor {
    let shape = plan.tables.types.shape(variable.type).map { Int(plan.tables.dims.value($0) ?? 0) }
    return HostTensor.made(
      plan.tables.types.dtype(variable.type), shape, block.read(variable.offset, variable.byteCount))
  }

  /// Replaces all states.
  public func setStates(_ states: [HostTensor]) throws(RunError) {
    try Self.fill(stateBlock, states, plan.states, "states", plan.tables)
  }

  /// The states as one block of bytes, laid out as the plan says: a checkpoint.
  public var stateBytes: [UInt8] { stateBlock.read(0, plan.stateBytes) }

  /// Replaces the block of states.
  public func setStateBytes(_ bytes: [UInt8]) throws(RunError) {
    guard bytes.count == plan.stateBytes else {
      throw .stateSize(expected: plan.stateBytes, actual: bytes.count)
    }
    stateBlock.write(bytes, at: 0)
  }

  // MARK: Running

  /// Runs a function; the outputs in order.
  ///
  /// The values of symbols follow from the shapes of the inputs.
  public func run(_ function: String, inputs: [HostTensor]) throws(RunError) -> [HostTensor] {
    guard let plan = plan.function(function) else { throw .unknownFunction(function) }
    var symbols: [SymbolID: Int] = [:]
    if !plan.symbols.isEmpty {
      let values: SymbolValues
      do {
        values = try plan.bindSymbols(shapes: inputs.map(\.shape), self.plan.tables)
      } catch {
        throw .binding(error.description)
      }
      for symbol in plan.symbols { symbols[symbol] = values[symbol].map { Int($0) } }
    }
    return try run(function, inputs: inputs, symbols: symbols)
  }

  /// Runs a function with given values of its symbols; the outputs in order.
  public func run(
    _ function: String, inputs: [HostTensor], symbols: [SymbolID: Int]
  ) throws(RunError) -> [HostTensor] {
    let call = try prepare(function, inputs: inputs, symbols: symbols)
    try call.run()
    return call.outputs
  }

  /// A call of a function with memory for its outputs, to be repeated: what is checked and allocated is so once.
  public func prepare(
    _ function: String, inputs: [HostTensor], symbols: [SymbolID: Int]
  ) throws(RunError) -> PreparedCall {
    guard let position = plan.functions.firstIndex(where: { $0.name == function }) else {
      throw .unknownFunction(function)
    }
    let called = plan.functions[position]
    var dims: [Int64] = []
    for symbol in called.symbols {
      guard let value = symbols[symbol] else {
        throw .unboundSymbol(plan.tables.strings[plan.tables.dims.symbols[symbol.index].name])
      }
      dims.append(Int64(value))
    }
    guard inputs.count == called.inputs.count else {
      throw .tensorCount(role: "inputs", expected: called.inputs.count, actual: inputs.count)
    }
    for (port, tensor) in zip(called.inputs, inputs) {
      let shape = try shape(port.type, symbols)
      guard plan.tables.types.dtype(port.type) == tensor.dtype, shape == tensor.shape else {
        throw .tensorType(name: port.name, expected: plan.tables.text(port.type), actual: tensor.typeText)
      }
    }
    var outputs: [PreparedCall.Output] = []
    for port in called.outputs {
      let shape = try shape(port.type, symbols)
      let dtype = plan.tables.types.dtype(port.type)
      let count = HostTensor.elementCount(of: shape) ?? 0
      outputs.append(PreparedCall.Output(dtype, shape, try MemoryBlock(count * dtype.byteCount)))
    }
    return PreparedCall(self, position, dims, inputs.map(\.bytes), outputs)
  }

  /// A call whose arguments fit, and which knows where its results go.
  public struct PreparedCall {
    /// Where a result goes.
    struct Output {
      let dtype: DType
      let shape: [Int]
      let memory: MemoryBlock

      init(_ dtype: DType, _ shape: [Int], _ memory: MemoryBlock) {
        (self.dtype, self.shape, self.memory) = (dtype, shape, memory)
      }
    }

    private let model: CompiledModel
    private let function: Int
    private let dims: [Int64]
    private let inputs: [[UInt8]]
    private let results: [Output]
    private let resultMemory: [MemoryBlock]

    init(_ model: CompiledModel, _ function: Int, _ dims: [Int64], _ inputs: [[UInt8]], _ results: [Output]) {
      (self.model, self.function, self.dims) = (model, function, dims)
      (self.inputs, self.results) = (inputs, results)
      resultMemory = results.map(\.memory)
    }

    /// Runs the function; `outputs` are new then, and so are the states.
    public func run() throws(RunError) {
      let status = model.code.call(
        function, dims, inputs, resultMemory, parameters: model.parameterBlock, state: model.stateBlock,
        arena: model.arena)
      guard status == 0 else {
        throw .refused(function: model.plan.functions[function].name, status: Int(status))
      }
    }

    /// The outputs of the last run, in order; zeros before the first.
    public var outputs: [HostTensor] {
      results.map { .made($0.dtype, $0.shape, $0.memory.read(0, $0.memory.byteCount)) }
    }
  }

  private func shape(_ type: TypeID, _ symbols: [SymbolID: Int]) throws(RunError) -> [Int] {
    var shape: [Int] = []
    for dim in plan.tables.types.shape(type) {
      guard let value = plan.tables.dims.evaluate(dim, { Int64(symbols[$0] ?? 0) }), value >= 0 else {
        throw .binding(
          "the dim `\(plan.tables.text(dim))` is negative or does not fit 64 bits for these sizes")
      }
      shape.append(Int(value))
    }
    return shape
  }
}

/// Why a compiled function was not run.
public enum RunError: Error, Hashable, Sendable {
  /// The plan has no function of this name.
  case unknownFunction(String)
  /// A wrong number of parameters, states or inputs; `role` says of what.
  case tensorCount(role: String, expected: Int, actual: Int)
  /// A tensor has another dtype or shape than declared; the types as text.
  case tensorType(name: String, expected: String, actual: String)
  /// A block of states has another size in bytes.
  case stateSize(expected: Int, actual: Int)
  /// The shapes of the inputs give no values to the symbols; the reason as text.
  case binding(String)
  /// No value was given for a symbol.
  case unboundSymbol(String)
  /// There is no memory for a block of states, parameters or results, or for the arena.
  case outOfMemory(bytes: Int)
  /// The C refused the call; the status is that of its header.
  case refused(function: String, status: Int)
}

extension RunError: CustomStringConvertible {
  /// The message: lower case, no full stop.
  public var description: String {
    switch self {
    case .unknownFunction(let name): "there is no function `@\(name)`"
    case .tensorCount(let role, let expected, let actual): "\(expected) \(role) expected, got \(actual)"
    case .tensorType(let name, let expected, let actual): "`\(name)` is \(expected), got \(actual)"
    case .stateSize(let expected, let actual): "the states have \(expected) bytes, got \(actual)"
    case .binding(let reason): reason
    case .unboundSymbol(let name): "the symbol `\(name)` has no value"
    case .outOfMemory(let bytes):
      "there is no memory for \(bytes) bytes: lower the bounds of the symbols, or use the interpreter"
    case .refused(let function, let status):
      status == 2
        ? "`@\(function)` refuses a dim: it is negative, or above its bound"
        : "`@\(function)` refuses the call with status \(status)"
    }
  }
}
