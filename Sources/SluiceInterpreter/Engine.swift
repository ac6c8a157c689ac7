import SluiceFormats
import SluiceIR
import SluicePlan

/// The memory and the compiled kernels of a `PlanInterpreter`.
///
/// Sendable because `PlanInterpreter` changes an engine only when nobody shares it.
final class Engine: @unchecked Sendable {
  let plan: ModulePlan
  private let options: PlanInterpreter.Options
  private let parameters: MemoryBlock
  private let stateBlock: MemoryBlock
  private let constants: MemoryBlock
  private var arena: MemoryBlock
  private var kernels: [BoundKernel?]
  private var functions: [PreparedFunction?]
  /// Per function the times of its steps since they are measured; nil before that.
  private var times: [[StepTime]]?

  init(
    _ plan: ModulePlan, parameters: [HostTensor], states: [HostTensor], options: PlanInterpreter.Options
  ) throws(InterpreterError) {
    self.plan = plan
    self.options = options
    self.parameters = try Self.block(plan.parameterBytes)
    stateBlock = try Self.block(plan.stateBytes)
    let constantBytes = plan.tables.constants.bytes
    constants = try Self.block(constantBytes.count)
    constants.write(constantBytes, at: 0)
    arena = try Self.block(0)
    kernels = plan.kernels.map { _ in nil }
    functions = plan.functions.map { _ in nil }
    try Self.fill(self.parameters, parameters, plan.parameters, "parameters", plan.tables)
    try Self.fill(stateBlock, states, plan.states, "states", plan.tables)
  }

  private init(_ other: Engine) throws(InterpreterError) {
    plan = other.plan
    options = other.options
    // Nobody writes parameters and constants.
    parameters = other.parameters
    constants = other.constants
    guard let states = other.stateBlock.copy() else { throw .outOfMemory(bytes: other.stateBlock.byteCount) }
    stateBlock = states
    arena = try Self.block(0)
    kernels = plan.kernels.map { _ in nil }
    functions = other.functions
  }

  /// An engine with states of its own.
  func copy() throws(InterpreterError) -> Engine { try Engine(self) }

  private static func block(_ byteCount: Int) throws(InterpreterError) -> MemoryBlock {
    guard let block = MemoryBlock(byteCount: byteCount) else { throw .outOfMemory(bytes: byteCount) }
    return block
  }

  /// Puts tensors into a block of variables.
  private static func fill(
    _ block: MemoryBlock, _ tensors: [HostTensor], _ variables: [ModulePlan.Variable], _ role: String,
    _ tables: Tables
  ) throws(InterpreterError) {
    guard tensors.count == variables.count else {
      throw .tensorCount(role: role, expected: variables.count, actual: tensors.count)
    }
    for (tensor, variable) in zip(tensors, variables) {
      guard variable.type.index < tables.types.count else {
        throw .invalidPlan(function: role, reason: "`\(variable.name)` has no type")
      }
      let shape = tables.types.shape(variable.type).map { tables.dims.value($0) ?? -1 }
      guard tables.types.dtype(variable.type) == tensor.dtype, shape == tensor.shape.map({ Int64($0) }) else {
        throw .tensorType(name: variable.name, expected: tables.text(variable.type), actual: tensor.typeText)
      }
      guard tensor.bytes.count == variable.byteCount, variable.offset >= 0, variable.offset % 64 == 0,
        variable.byteCount <= block.byteCount, variable.offset <= block.byteCount - variable.byteCount
      else { throw .invalidPlan(function: role, reason: "`\(variable.name)` is not inside its block") }
    }
    for (tensor, variable) in zip(tensors, variables) { block.write(tensor.bytes, at: variable.offset) }
  }

  // MARK: States

  var states: [HostTensor] { plan.states.map { tensor($0, stateBlock) } }

  var parameterTensors: [HostTensor] { plan.parameters.map { tensor($0, parameters) } }

  func state(at position: Int) -> HostTensor { tensor(plan.states[position], stateBlock) }

  func setState(at position: Int, _ value: HostTensor) throws(InterpreterError) {
    try Self.fill(stateBlock, [value], [plan.states[position]], "states", plan.tables)
  }

  private func tensor(_ variable: ModulePlan.Variable, _ block: MemoryBlock) -> HostTensor {
    let shape = plan.tables.types.shape(variable.type).map { Int(plan.tables.dims.value($0) ?? 0) }
    let bytes = block.read(variable.offset, variable.byteCount)
    return HostTensor.made(plan.tables.types.dtype(variable.type), shape, bytes)
  }

  func setStates(_ states: [HostTensor]) throws(InterpreterError) {
    try Self.fill(stateBlock, states, plan.states, "states", plan.tables)
  }

  var stateBytes: [UInt8] { stateBlock.read(0, stateBlock.byteCount) }

  func setStateBytes(_ bytes: [UInt8]) throws(InterpreterError) {
    guard bytes.count == stateBlock.byteCount else {
      throw .stateSize(expected: stateBlock.byteCount, actual: bytes.count)
    }
    stateBlock.write(bytes, at: 0)
  }

  // MARK: Running

  func run(
    _ name: String, _ inputs: [HostTensor], _ given: [SymbolID: Int]
  ) throws(InterpreterError) -> [HostTensor] {
    guard let position = plan.functions.firstIndex(where: { $0.name == name }) else {
      throw .unknownFunction(name)
    }
    let function = try prepared(position)
    for kernel in function.kernels where kernels[kernel] == nil {
      kernels[kernel] = try BoundKernel(KernelCompiler.compile(plan.kernels[kernel], plan.tables))
    }
    if arena.byteCount < function.plan.arenaBytes { arena = try Self.block(function.plan.arenaBytes) }
    if options.poison { arena.fill(0xFF) }
    var run = try FunctionRun(function, plan, given, limit: options.iterationLimit, measures: times != nil)
    try run.takeInputs(inputs)
    try run.makeOutputs(poison: options.poison)
    let blocks = FunctionRun.Blocks(
      parameters: parameters, states: stateBlock, constants: constants, arena: arena)
    try run.place(blocks)
    try run.execute(kernels, blocks)
    note(run.times, position)
    return try run.outputs()
  }

  // MARK: Times

  func beginProfile() { times = plan.functions.map { $0.steps.map { _ in StepTime() } } }

  func stepTimes(_ name: String) throws(InterpreterError) -> [StepTime] {
    guard let position = plan.functions.firstIndex(where: { $0.name == name }) else {
      throw .unknownFunction(name)
    }
    return times?[position] ?? plan.functions[position].steps.map { _ in StepTime() }
  }

  private func note(_ added: [StepTime], _ function: Int) {
    for (step, time) in added.enumerated() {
      times?[function][step].runs += time.runs
      times?[function][step].seconds += time.seconds
    }
  }

  private func prepared(_ position: Int) throws(InterpreterError) -> PreparedFunction {
    if let known = functions[position] { return known }
    let function = try PreparedFunction(plan, position)
    functions[position] = function
    return function
  }
}
