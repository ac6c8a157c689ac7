import SluiceFormats
import SluiceIR
import SluicePlan

/// One call of a function: sizes, places of buffers, and the walk over the steps.
struct FunctionRun {
  /// The memory that outlives the call.
  struct Blocks {
    var parameters: MemoryBlock
    var states: MemoryBlock
    var constants: MemoryBlock
    var arena: MemoryBlock
  }

  private let function: PreparedFunction
  private let plan: ModulePlan
  /// The value of every symbol of the module; -1 where it has none.
  private var symbols: [Int64]
  /// Views point into these.
  private var inputBlocks: [MemoryBlock] = []
  private var outputBlocks: [MemoryBlock] = []
  private var outputShapes: [[Int]] = []
  /// One view an argument.
  private var views: [TensorView] = []
  private let limit: Int
  /// Per step its runs and their time, where they are measured.
  private(set) var times: [StepTime] = []

  /// A call with given values of the function's symbols.
  init(
    _ function: PreparedFunction, _ plan: ModulePlan, _ given: [SymbolID: Int], limit: Int, measures: Bool
  ) throws(InterpreterError) {
    self.function = function
    if measures { times = [StepTime](repeating: StepTime(), count: function.steps.count) }
    self.plan = plan
    self.limit = limit
    let table = plan.tables.dims
    symbols = [Int64](repeating: -1, count: table.symbols.count)
    for symbol in function.plan.symbols {
      let row = table.symbols[symbol.index]
      let name = plan.tables.strings[row.name]
      guard let value = given[symbol].map({ Int64($0) }) else { throw .unboundSymbol(name) }
      guard value >= 0, value <= row.bound else {
        throw .symbolOutOfBounds(name: name, value: value, bound: row.bound)
      }
      symbols[symbol.index] = value
    }
    for dim in function.plan.checkedDims {
      let value = try evaluate(dim)
      if value < 0 { throw .negativeDim(plan.tables.text(dim), value: value) }
    }
  }

  /// The value of a dim that mentions no counter.
  private func evaluate(_ dim: DimID) throws(InterpreterError) -> Int64 {
    for symbol in plan.tables.dims.symbols(in: dim) where symbols[symbol.index] < 0 {
      throw .unboundSymbol(plan.tables.strings[plan.tables.dims.symbols[symbol.index].name])
    }
    guard let value = plan.tables.dims.evaluate(dim, { symbols[$0.index] }) else {
      throw .dimOverflow(plan.tables.text(dim))
    }
    return value
  }

  private func flaw(_ reason: String) -> InterpreterError {
    .invalidPlan(function: function.plan.name, reason: reason)
  }

  /// The actual extents of a type.
  private func shape(_ type: TypeID) throws(InterpreterError) -> [Int] {
    var shape: [Int] = []
    for dim in plan.tables.types.shape(type) {
      let value = try evaluate(dim)
      if value < 0 { throw .negativeDim(plan.tables.text(dim), value: value) }
      shape.append(Int(value))
    }
    return shape
  }

  // MARK: Inputs and outputs

  /// Copies the inputs in.
  mutating func takeInputs(_ inputs: [HostTensor]) throws(InterpreterError) {
    let ports = function.plan.inputs
    guard inputs.count == ports.count else {
      throw .tensorCount(role: "inputs", expected: ports.count, actual: inputs.count)
    }
    for (input, port) in zip(inputs, ports) {
      let shape = try shape(port.type)
      guard input.dtype == plan.tables.types.dtype(port.type), input.shape == shape else {
        throw .tensorType(name: port.name, expected: plan.tables.text(port.type), actual: input.typeText)
      }
    }
    for input in inputs {
      guard let block = MemoryBlock(byteCount: input.bytes.count) else {
        throw .outOfMemory(bytes: input.bytes.count)
      }
      block.write(input.bytes, at: 0)
      inputBlocks.append(block)
    }
  }

  /// Makes room for the outputs.
  mutating func makeOutputs(poison: Bool) throws(InterpreterError) {
    for port in function.plan.outputs {
      let shape = try shape(port.type)
      let size = HostTensor.elementCount(of: shape + [plan.tables.types.dtype(port.type).byteCount])
      guard let size, let block = MemoryBlock(byteCount: size) else {
        throw .outOfMemory(bytes: size ?? .max)
      }
      if poison { block.fill(0xFF) }
      outputBlocks.append(block)
      outputShapes.append(shape)
    }
  }

  /// The outputs after the run.
  func outputs() throws(InterpreterError) -> [HostTensor] {
    zip(zip(outputBlocks, outputShapes), function.plan.outputs).map { output, port in
      HostTensor.made(plan.tables.types.dtype(port.type), output.1, output.0.read(0, output.0.byteCount))
    }
  }

  // MARK: Buffers

  /// Makes a view of every argument.
  mutating func place(_ blocks: Blocks) throws(InterpreterError) {
    var buffers: [TensorView] = []
    for buffer in function.plan.buffers { buffers.append(try view(buffer, blocks)) }
    views = []
    for argument in function.arguments {
      var view = buffers[argument.buffer]
      if !argument.isMoving { view.first = Int(try offset(argument.offset)) }
      views.append(view)
    }
  }

  private func view(_ buffer: Buffer, _ blocks: Blocks) throws(InterpreterError) -> TensorView {
    let count = try evaluate(buffer.count)
    if count < 0 { throw .negativeDim(plan.tables.text(buffer.count), value: count) }
    let size = buffer.dtype.byteCount
    guard count <= Int64(buffer.capacity / size) else {
      throw flaw("`\(buffer.name)` has \(count) elements, more than its \(buffer.capacity) bytes hold")
    }
    let view: TensorView?
    switch buffer.storage {
    case .parameter(let position):
      view = inside(plan.parameters[position], blocks.parameters, Int(count), size)
    case .state(let position): view = inside(plan.states[position], blocks.states, Int(count), size)
    case .input(let position):
      view = inputBlocks[position].view(offset: 0, count: Int(count), elementBytes: size)
    case .output(let position):
      view = outputBlocks[position].view(offset: 0, count: Int(count), elementBytes: size)
    case .constant(let id):
      let range = plan.tables.constants.range(id)
      view =
        Int(count) * size <= range.count
        ? blocks.constants.view(offset: range.lowerBound, count: Int(count), elementBytes: size) : nil
    case .arena(let offset):
      let (end, overflow) = offset.addingReportingOverflow(Int(count) * size)
      view =
        !overflow && end <= function.plan.arenaBytes
        ? blocks.arena.view(offset: offset, count: Int(count), elementBytes: size) : nil
    }
    guard let view else { throw flaw("`\(buffer.name)` with \(count) elements is not inside its block") }
    return view
  }

  /// The view of a variable; nil when it has not so many elements.
  private func inside(
    _ variable: ModulePlan.Variable, _ block: MemoryBlock, _ count: Int, _ size: Int
  ) -> TensorView? {
    guard count * size <= variable.byteCount else { return nil }
    return block.view(offset: variable.offset, count: count, elementBytes: size)
  }

  // MARK: Steps

  /// The value of a dim that may mention counters, by row of the function's dims.
  private func offset(_ row: Int) throws(InterpreterError) -> Int64 {
    if let value = function.dims.evaluate(row, symbols) { return value }
    throw failure(function.dims.dims[row])
  }

  /// Why a dim has no value.
  private func failure(_ dim: DimID) -> InterpreterError {
    let isUnbound = plan.tables.dims.symbols(in: dim).contains { symbols[$0.index] < 0 }
    let text = plan.tables.text(dim)
    return isUnbound ? flaw("`\(text)` mentions a symbol without a value") : .dimOverflow(text)
  }

  /// Runs the steps on buffers in the blocks that they were placed in.
  mutating func execute(_ kernels: [BoundKernel?], _ blocks: Blocks) throws(InterpreterError) {
    // Views point into these blocks and own none of them.
    try withExtendedLifetime((blocks, inputBlocks, outputBlocks)) { () throws(InterpreterError) in
      try execute(kernels)
    }
  }

  private mutating func execute(_ kernels: [BoundKernel?]) throws(InterpreterError) {
    var budget = UInt64(Swift.max(limit, 0))
    // The last value of the counter of every loop, by step.
    var ends = [Int64](repeating: 0, count: function.steps.count)
    var at = 0
    while at < function.steps.count {
      switch function.steps[at] {
      case .call(let kernel, let arguments):
        let begin = times.isEmpty ? nil : ContinuousClock.now
        try call(kernels[kernel], arguments, &budget)
        if let begin {
          times[at].runs += 1
          times[at].seconds += (ContinuousClock.now - begin) / .seconds(1)
        }
        at += 1
      case .loop(let counter, let count, let isReverse, let exit):
        let count = try offset(count)
        guard count > 0 else {
          at = exit
          continue
        }
        try spend(&budget)
        symbols[counter] = isReverse ? count - 1 : 0
        ends[at] = isReverse ? 0 : count - 1
        at += 1
      case .forever:
        try spend(&budget)
        at += 1
      case .leave(let argument, let exit):
        let isStaying = try isTrue(argument)
        // A counter has no value outside of its loop; its step stands before the exit's end.
        if !isStaying, case .end(let begin) = function.steps[exit - 1],
          case .loop(let counter, _, _, _) = function.steps[begin]
        {
          symbols[counter] = -1
        }
        at = isStaying ? at + 1 : exit
      case .branch(let argument, let otherwise): at = try isTrue(argument) ? at + 1 : otherwise
      case .skip(let exit): at = exit
      case .pass: at += 1
      case .end(let begin):
        guard case .loop(let counter, _, let isReverse, _) = function.steps[begin] else {
          try spend(&budget)
          at = begin + 1
          continue
        }
        if symbols[counter] == ends[begin] {
          symbols[counter] = -1
          at += 1
        } else {
          try spend(&budget)
          symbols[counter] += isReverse ? -1 : 1
          at = begin + 1
        }
      }
    }
  }

  /// Pays for one iteration.
  private func spend(_ budget: inout UInt64) throws(InterpreterError) {
    guard budget > 0 else { throw .tooManyIterations(limit: limit) }
    budget -= 1
  }

  /// The value of a bool argument.
  private mutating func isTrue(_ argument: Int) throws(InterpreterError) -> Bool {
    if function.arguments[argument].isMoving {
      views[argument].first = Int(try offset(function.arguments[argument].offset))
    }
    let view = views[argument]
    guard let isTrue = view.bool else {
      throw flaw(
        "`\(function.plan.buffers[function.arguments[argument].buffer].name)` has no element \(view.first)")
    }
    return isTrue
  }

  private mutating func call(
    _ kernel: BoundKernel?, _ arguments: Range<Int>, _ budget: inout UInt64
  ) throws(InterpreterError) {
    guard let kernel else { return }
    for at in arguments where function.arguments[at].isMoving {
      views[at].first = Int(try offset(function.arguments[at].offset))
    }
    if let dim = kernel.bind(symbols) { throw failure(dim) }
    do throws(KernelRunner.Fault) {
      try KernelRunner.run(kernel, views.span.extracting(arguments), budget: &budget)
    } catch {
      switch error {
      case .outOfBounds(let memory, let index):
        let view =
          memory < arguments.count
          ? views[arguments.lowerBound + memory] : kernel.locals[memory - arguments.count]
        throw .outOfBounds(
          kernel: kernel.compiled.name, memory: kernel.compiled.memories[memory], index: index,
          count: view.count)
      case .tooManyIterations: throw .tooManyIterations(limit: limit)
      }
    }
  }
}
