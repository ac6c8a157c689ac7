import SluiceIR
import SluicePlan

/// A function's plan after everything that depends on no size has been checked, in a form that runs quickly.
struct PreparedFunction {
  /// One step.
  enum Step {
    /// Runs a kernel on the arguments of a range.
    case call(kernel: Int, arguments: Range<Int>)
    /// Begins a loop; `exit` is the step after it.
    case loop(counter: Int, count: Int, isReverse: Bool, exit: Int)
    /// Begins a loop without a counter.
    case forever
    /// Goes to the step `exit`, behind the loop, unless the bool of an argument is true.
    case leave(argument: Int, exit: Int)
    /// Goes to a step unless the bool of an argument is true.
    case branch(argument: Int, otherwise: Int)
    /// Goes to a step: the first side of a branch ends here.
    case skip(to: Int)
    /// Ends the loop that begins at a step.
    case end(begin: Int)
    /// Ends a branch, or begins or ends what runs together: nothing happens.
    case pass
  }

  /// A tensor argument.
  struct Argument {
    /// The buffer.
    var buffer: Int
    /// The row of its first element in `dims`.
    var offset: Int
    /// Whether that depends on a loop counter.
    var isMoving: Bool
  }

  let plan: ExecutionPlan
  private(set) var steps: [Step] = []
  private(set) var arguments: [Argument] = []
  private(set) var dims = DimList()
  /// The kernels that are called, each once.
  private(set) var kernels: [Int] = []

  /// Prepares a function; throws `invalidPlan` when it is not well formed.
  init(_ module: ModulePlan, _ position: Int) throws(InterpreterError) {
    plan = module.functions[position]
    let tables = module.tables
    for buffer in plan.buffers {
      _ = try row(buffer.count, tables)
      try check(buffer, module)
    }
    for dim in plan.checkedDims { _ = try row(dim, tables) }
    for port in plan.inputs + plan.outputs {
      guard port.type.index < tables.types.count else { throw flaw("`\(port.name)` has no type") }
      for dim in tables.types.shape(port.type) { _ = try row(dim, tables) }
    }
    for symbol in plan.symbols where symbol.index >= tables.dims.symbols.count {
      throw flaw("an unknown symbol")
    }
    guard plan.arenaBytes >= 0 else { throw flaw("the arena has \(plan.arenaBytes) bytes") }
    try prepareSteps(module)
  }

  private func flaw(_ reason: String) -> InterpreterError {
    .invalidPlan(function: plan.name, reason: reason)
  }

  private mutating func row(_ dim: DimID, _ tables: Tables) throws(InterpreterError) -> Int {
    guard let row = dims.row(dim, tables.dims) else { throw flaw("there is no dim \(dim.raw)") }
    return row
  }

  private func check(_ buffer: Buffer, _ module: ModulePlan) throws(InterpreterError) {
    let tables = module.tables
    var type: TypeID?
    switch buffer.storage {
    case .parameter(let position):
      guard module.parameters.indices.contains(position) else {
        throw flaw("`\(buffer.name)` is no parameter")
      }
      type = module.parameters[position].type
    case .state(let position):
      guard module.states.indices.contains(position) else { throw flaw("`\(buffer.name)` is no state") }
      type = module.states[position].type
    case .input(let position):
      guard plan.inputs.indices.contains(position) else { throw flaw("`\(buffer.name)` is no input") }
      type = plan.inputs[position].type
    case .output(let position):
      guard plan.outputs.indices.contains(position) else { throw flaw("`\(buffer.name)` is no output") }
      type = plan.outputs[position].type
    case .constant(let id):
      guard id.index < tables.constants.count else { throw flaw("`\(buffer.name)` is no constant") }
      type = tables.constants.type(id)
    case .arena(let offset):
      guard offset >= 0, offset % 64 == 0 else {
        throw flaw("`\(buffer.name)` is at byte \(offset) of the arena")
      }
    }
    if let type {
      guard type.index < tables.types.count, tables.types.dtype(type) == buffer.dtype else {
        throw flaw("the buffer `\(buffer.name)` has another dtype than what it stands for")
      }
    }
  }

  private mutating func prepareSteps(_ module: ModulePlan) throws(InterpreterError) {
    // Per open loop or branch the steps that must learn where it ends, the one that begins it first.
    var open: [[Int]] = []
    var counters: [Int] = []
    for step in plan.steps {
      switch step {
      case .call(let kernel, let arguments):
        try prepareCall(kernel, arguments, module, Set(counters))
      case .loop(let counter, let count, let isReverse):
        guard counter.index < module.tables.dims.symbols.count else { throw flaw("an unknown counter") }
        guard !counters.contains(counter.index), !plan.symbols.contains(counter) else {
          throw flaw("a counter that is in use")
        }
        let count = try row(count, module.tables)
        open.append([steps.count])
        counters.append(counter.index)
        steps.append(.loop(counter: counter.index, count: count, isReverse: isReverse, exit: 0))
      case .together:
        open.append([steps.count])
        steps.append(.pass)
      case .forever:
        open.append([steps.count])
        steps.append(.forever)
      case .leave(let flag):
        guard let begin = open.last?[0], steps[begin].isLoop else {
          throw flaw("a `leave` outside of a loop")
        }
        open[open.count - 1].append(steps.count)
        steps.append(.leave(argument: try prepareFlag(flag, module, Set(counters)), exit: 0))
      case .branch(let flag):
        open.append([steps.count])
        steps.append(.branch(argument: try prepareFlag(flag, module, Set(counters)), otherwise: 0))
      case .otherwise:
        guard let waiting = open.last, waiting.count == 1,
          case .branch(let argument, _) = steps[waiting[0]]
        else { throw flaw("an `otherwise` without a branch") }
        open[open.count - 1].append(steps.count)
        steps.append(.skip(to: 0))
        steps[waiting[0]] = .branch(argument: argument, otherwise: steps.count)
      case .end:
        guard let waiting = open.popLast() else { throw flaw("an end without a loop") }
        if case .loop = steps[waiting[0]] { counters.removeLast() }
        steps.append(steps[waiting[0]].isLoop ? .end(begin: waiting[0]) : .pass)
        for step in waiting { steps[step].leads(to: steps.count, isOnly: waiting.count == 1) }
      }
    }
    if !open.isEmpty { throw flaw("a loop has no end") }
  }

  /// A bool argument that decides where to go on; its position among the arguments.
  private mutating func prepareFlag(
    _ flag: SluicePlan.Argument, _ module: ModulePlan, _ counters: Set<Int>
  ) throws(InterpreterError) -> Int {
    guard flag.buffer.index < plan.buffers.count else { throw flaw("there is no buffer \(flag.buffer.raw)") }
    let buffer = plan.buffers[flag.buffer.index]
    guard buffer.dtype == .bool else { throw flaw("`\(buffer.name)` decides a branch and is no bool") }
    let offset = try row(flag.offset, module.tables)
    arguments.append(
      Argument(
        buffer: flag.buffer.index, offset: offset, isMoving: dims.mentions(offset) { counters.contains($0) }))
    return arguments.count - 1
  }

  private mutating func prepareCall(
    _ kernel: KernelID, _ given: [SluicePlan.Argument], _ module: ModulePlan, _ counters: Set<Int>
  ) throws(InterpreterError) {
    guard kernel.index < module.kernels.count else { throw flaw("there is no kernel \(kernel.raw)") }
    let slots = module.kernels[kernel.index].slots
    let name = module.kernels[kernel.index].name
    guard slots.count == given.count else {
      throw flaw("the kernel `\(name)` has \(slots.count) slots, it is called with \(given.count) arguments")
    }
    let first = arguments.count
    for (slot, argument) in zip(slots, given) {
      guard argument.buffer.index < plan.buffers.count else {
        throw flaw("there is no buffer \(argument.buffer.raw)")
      }
      let buffer = plan.buffers[argument.buffer.index]
      guard buffer.dtype == slot.dtype else {
        throw flaw("`\(slot.name)` of `\(name)` is \(slot.dtype.name), the buffer `\(buffer.name)` is not")
      }
      if slot.access != .read, buffer.storage.isReadOnly {
        throw flaw("the kernel `\(name)` stores to `\(buffer.name)`, which is only read")
      }
      let offset = try row(argument.offset, module.tables)
      arguments.append(
        Argument(
          buffer: argument.buffer.index, offset: offset,
          isMoving: dims.mentions(offset) { counters.contains($0) }))
    }
    if !kernels.contains(kernel.index) { kernels.append(kernel.index) }
    steps.append(.call(kernel: kernel.index, arguments: first..<arguments.count))
  }
}

extension Buffer.Storage {
  /// Whether kernels may not store to it.
  var isReadOnly: Bool {
    switch self {
    case .parameter, .input, .constant: true
    case .state, .output, .arena: false
    }
  }
}

extension PreparedFunction.Step {
  /// Whether it begins a loop.
  var isLoop: Bool {
    switch self {
    case .loop, .forever: true
    default: false
    }
  }

  /// Sets where it goes when it leaves its loop or branch; `isOnly` for a branch without another side.
  mutating func leads(to exit: Int, isOnly: Bool) {
    switch self {
    case .loop(let counter, let count, let isReverse, _):
      self = .loop(counter: counter, count: count, isReverse: isReverse, exit: exit)
    case .leave(let argument, _): self = .leave(argument: argument, exit: exit)
    case .branch(let argument, _): if isOnly { self = .branch(argument: argument, otherwise: exit) }
    case .skip: self = .skip(to: exit)
    case .call, .forever, .end, .pass: break
    }
  }
}
