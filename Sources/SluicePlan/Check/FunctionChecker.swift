import SluiceIR

/// Checks the tables of one function: ports, buffers and their places, and that steps name what exists.
///
/// What it finds makes simulating the steps pointless, so they are simulated only where it finds nothing.
struct FunctionChecker {
  private let context: CheckContext
  private let tables: Tables
  private let function: ExecutionPlan
  private let position: Int
  private let symbols: Set<SymbolID>
  private var prover: Prover
  private var capacities: [CapacityKey: Bool] = [:]
  private var isSound = true

  private struct CapacityKey: Hashable {
    var count: DimID
    var size: Int
    var capacity: Int
  }

  init(_ context: CheckContext, _ position: Int) {
    self.context = context
    self.position = position
    let function = context.plan.functions[position]
    tables = context.tables
    self.function = function
    symbols = Set(function.symbols)
    prover = Prover(context.space, KernelModel(), function.environment(context.space))
  }

  /// Checks the function, steps and all.
  static func check(_ context: CheckContext, _ position: Int) {
    var checker = FunctionChecker(context, position)
    checker.checkHead()
    if checker.isSound { checker.checkBuffers() }
    checker.checkSteps()
    guard checker.isSound else { return }
    var simulator = StepSimulator(context, position)
    simulator.run()
  }

  private mutating func say(_ message: String, notes: [String] = []) {
    isSound = false
    context.say(
      "plan of `\(function.name)`\(message.hasPrefix("step ") ? "," : ":") \(message)", notes: notes)
  }

  // MARK: Head

  private mutating func checkHead() {
    for symbol in function.symbols where symbol.index >= tables.dims.symbols.count {
      say("a symbol is out of range")
    }
    for symbol in function.symbols where SymbolSpace.unknown(symbol) == 0 {
      say("there are more than \(Unknown.firstLocal - 2) symbols")
    }
    if symbols.count != function.symbols.count { say("a symbol is listed twice") }
    guard isSound else { return }
    for (kind, ports) in [("input", function.inputs), ("output", function.outputs)] {
      var names: Set<String> = []
      for port in ports {
        if !isIdentifier(port.name) { say("\(kind) `\(port.name)`: the name is no identifier") }
        if !names.insert(port.name).inserted { say("two \(kind)s are named `\(port.name)`") }
        if port.type.index >= tables.types.count {
          say("\(kind) `\(port.name)`: the type is out of range")
        } else {
          for dim in tables.types.shape(port.type) { checkDim(dim, "\(kind) `\(port.name)`") }
        }
      }
    }
    for dim in function.checkedDims { checkDim(dim, "a checked dim") }
    let (arena, bound) = (function.arenaBytes, function.lowerBoundBytes)
    if arena < 0 || arena % 64 != 0 { say("the arena has \(arena) bytes, which is no multiple of 64") }
    if bound < 0 || bound > arena {
      say("the arena has \(arena) bytes, less than its lower bound of \(bound)")
    }
  }

  /// Whether a dim exists and mentions no symbol but the function's.
  @discardableResult
  private mutating func checkDim(_ dim: DimID, _ place: @autoclosure () -> String, counters: [SymbolID] = [])
    -> Bool
  {
    guard dim.index < tables.dims.count else {
      say("\(place()): a dim is out of range")
      return false
    }
    if tables.dims.value(dim) != nil { return true }
    for symbol in tables.dims.symbols(in: dim) where !symbols.contains(symbol) && !counters.contains(symbol) {
      say("\(place()): the symbol `\(PlanPrinter.text(symbol, tables))` has no value here")
      return false
    }
    if context.space.magnitude(context.space[dim]) == nil {
      say("\(place()): the dim `\(tables.text(dim))` may not fit 64 bits")
      return false
    }
    return true
  }

  // MARK: Buffers

  private mutating func checkBuffers() {
    for (index, buffer) in function.buffers.enumerated() {
      context.here = .buffer(position, index)
      var place: String { "buffer %\(index) `\(buffer.name)`" }
      if !isIdentifier(buffer.name) { say("\(place): the name is no identifier") }
      guard checkDim(buffer.count, place) else { continue }
      guard buffer.capacity >= 0 else {
        say("\(place) has \(buffer.capacity) bytes")
        continue
      }
      checkSize(buffer, place)
      switch buffer.storage {
      case .arena(let offset):
        if offset < 0 || offset % 64 != 0 { say("\(place): the offset \(offset) is no multiple of 64") }
        if buffer.capacity > function.arenaBytes || offset > function.arenaBytes - buffer.capacity {
          // The arena is not negative, or the head would not have passed.
          say(
            "\(place) is at bytes \(offset) ..< \(offset &+ buffer.capacity) of an arena of \(function.arenaBytes)"
          )
        }
      case .parameter(let position):
        checkVariable(buffer, context.plan.parameters, position, place, "parameter")
      case .state(let position): checkVariable(buffer, context.plan.states, position, place, "state")
      case .input(let position): checkPort(buffer, function.inputs, position, place, "input")
      case .output(let position): checkPort(buffer, function.outputs, position, place, "output")
      case .constant(let id):
        guard id.index < tables.constants.count else {
          say("\(place): constant \(id.raw) does not exist")
          break
        }
        checkType(buffer, tables.constants.type(id), place, "constant")
        let byteCount = tables.constants.range(id).count
        if buffer.capacity > byteCount {
          say("\(place): \(buffer.capacity) bytes of a constant of \(byteCount)")
        }
      }
    }
  }

  /// Shows that the count is never negative and that the elements fit the capacity, for all sizes.
  private mutating func checkSize(_ buffer: Buffer, _ place: @autoclosure () -> String) {
    let key = CapacityKey(count: buffer.count, size: buffer.dtype.byteCount, capacity: buffer.capacity)
    let count = context.space[buffer.count]
    let rest = Polynomial(Int64(buffer.capacity)) - count.scaled(by: Int64(key.size))
    if capacities[key] == nil {
      capacities[key] = context.accepts(count, in: 0, &prover) && context.accepts(rest, in: 0, &prover)
    }
    guard capacities[key] == false else { return }
    if !prover.holds(count, in: 0, .boxes) {
      say(
        "\(place()): the count \(context.text(count)) may be negative",
        notes: ["list the dim among those that are checked"])
    } else {
      say(
        "\(place()): the capacity of \(buffer.capacity) bytes may be less than \(context.text(count)) elements need"
      )
    }
  }

  private mutating func checkVariable(
    _ buffer: Buffer, _ variables: [ModulePlan.Variable], _ position: Int, _ place: String, _ kind: String
  ) {
    guard variables.indices.contains(position) else {
      return say("\(place): \(kind) \(position) does not exist")
    }
    let variable = variables[position]
    guard variable.type.index < tables.types.count else { return isSound = false }
    checkType(buffer, variable.type, place, kind)
    if buffer.capacity > variable.byteCount {
      say("\(place): \(buffer.capacity) bytes of a \(kind) of \(variable.byteCount)")
    }
  }

  private mutating func checkPort(
    _ buffer: Buffer, _ ports: [Port], _ position: Int, _ place: String, _ kind: String
  ) {
    guard ports.indices.contains(position) else { return say("\(place): \(kind) \(position) does not exist") }
    checkType(buffer, ports[position].type, place, kind)
  }

  private mutating func checkType(_ buffer: Buffer, _ type: TypeID, _ place: String, _ kind: String) {
    let elements = tables.types.shape(type).reduce(Polynomial.one) { $0 * context.space[$1] }
    if tables.types.dtype(type) != buffer.dtype || elements.isLost || elements != context.space[buffer.count]
    {
      say(
        "\(place) has \(context.text(context.space[buffer.count])) elements of \(buffer.dtype.name), the \(kind) is "
          + PlanPrinter.text(type, tables))
    }
  }

  // MARK: Steps

  /// What is open where a step stands.
  private enum Block { case loop(SymbolID), forever(hasLeave: Bool), branch, otherwise, together }

  private mutating func checkSteps() {
    var blocks: [Block] = []
    for (number, step) in function.steps.enumerated() {
      context.here = .step(position, number)
      var place: String { "step \(number)" }
      let counters = blocks.compactMap { if case .loop(let counter) = $0 { counter } else { nil } }
      if case .together = blocks.last {
        switch step {
        case .call, .end: break
        default: say("\(place): only calls run together")
        }
      }
      switch step {
      case .together: blocks.append(.together)
      case .loop(let counter, let count, _):
        if counter.index >= tables.dims.symbols.count {
          say("\(place): the counter is out of range")
        } else if SymbolSpace.unknown(counter) == 0 {
          say("\(place): there are more than \(Unknown.firstLocal - 2) symbols")
        } else if symbols.contains(counter) || counters.contains(counter) {
          say("\(place): the counter `\(PlanPrinter.text(counter, tables))` is not the loop's own")
        } else if checkDim(count, place, counters: counters) {
          checkCounter(counter, count, place)
        }
        blocks.append(.loop(counter))
      case .forever: blocks.append(.forever(hasLeave: false))
      case .leave(let flag):
        switch blocks.last {
        case .loop: break
        case .forever: blocks[blocks.count - 1] = .forever(hasLeave: true)
        default: say("\(place) leaves no loop")
        }
        checkFlag(flag, place, counters)
      case .branch(let flag):
        checkFlag(flag, place, counters)
        blocks.append(.branch)
      case .otherwise:
        if case .branch? = blocks.popLast() {} else { say("\(place) is no other side of a branch") }
        blocks.append(.otherwise)
      case .end:
        switch blocks.popLast() {
        case nil: say("\(place) ends nothing")
        case .forever(hasLeave: false): say("\(place): the loop never ends")
        default: break
        }
      case .call(let kernel, let arguments): checkCall(kernel, arguments, number)
      }
      checkDepth(blocks, place)
    }
    context.here = .function(position)
    if !blocks.isEmpty { say("a loop, a branch or a `together` has no end") }
  }

  private mutating func checkDepth(_ blocks: [Block], _ place: String) {
    let loops = blocks.count { block in
      switch block {
      case .loop, .forever: true
      case .branch, .otherwise, .together: false
      }
    }
    if loops > 6 { say("\(place): more than 6 loops are nested") }
    if blocks.count > 80 { say("\(place): more than 80 loops and branches are nested") }
  }

  /// Checks that a bool that decides where to go on exists; the simulation shows that it is inside its buffer.
  private mutating func checkFlag(_ flag: Argument, _ place: String, _ counters: [SymbolID]) {
    guard flag.buffer.index < function.buffers.count else {
      return say("\(place): buffer \(flag.buffer.raw) does not exist")
    }
    let buffer = function.buffers[flag.buffer.index]
    if buffer.dtype != .bool {
      say(
        "\(place): buffer %\(flag.buffer.index) `\(buffer.name)` has elements of \(buffer.dtype.name), not bools"
      )
    }
    checkDim(flag.offset, place, counters: counters)
  }

  /// Shows that a counter keeps to the bound of its symbol, which index arithmetic relies on.
  private mutating func checkCounter(_ counter: SymbolID, _ count: DimID, _ place: String) {
    let bound = tables.dims.symbols[counter.index].bound
    if !context.accepts(Polynomial(bound) - (context.space[count] - 1), in: 0, &prover) {
      say("\(place): the counter `\(PlanPrinter.text(counter, tables))` may exceed its bound \(bound)")
    }
  }

  private mutating func checkCall(_ kernel: KernelID, _ arguments: [Argument], _ number: Int) {
    guard kernel.index < context.plan.kernels.count else {
      return say("step \(number): kernel \(kernel.raw) does not exist")
    }
    // What is wrong with the kernel has been said; what it does is not known.
    if context.models[kernel.index] == nil { isSound = false }
    let slots = context.plan.kernels[kernel.index].slots
    var place: String { "step \(number), `\(context.kernelName(kernel.index))`" }
    if slots.count != arguments.count {
      return say("\(place) takes \(slots.count) arguments, got \(arguments.count)")
    }
    for (slot, argument) in zip(slots, arguments) {
      guard argument.buffer.index < function.buffers.count else {
        say("\(place), slot `\(slot.name)`: buffer \(argument.buffer.raw) does not exist")
        continue
      }
      if argument.offset.index >= tables.dims.count {
        say("\(place), slot `\(slot.name)`: the offset is out of range")
      }
      let buffer = function.buffers[argument.buffer.index]
      var label: String { "\(place), slot `\(slot.name)`, buffer %\(argument.buffer.index) `\(buffer.name)`" }
      if buffer.dtype != slot.dtype {
        say("\(label): elements are \(buffer.dtype.name), expected \(slot.dtype.name)")
      }
      if slot.access != .read, let kind = buffer.storage.readOnlyKind { say("\(label): stores to \(kind)") }
    }
  }
}

extension Buffer.Storage {
  /// What it is, where it must not be stored to.
  var readOnlyKind: String? {
    switch self {
    case .parameter: "a parameter"
    case .input: "an input"
    case .constant: "a constant"
    case .state, .output, .arena: nil
    }
  }
}

extension ExecutionPlan {
  /// What is known about its symbols outside all loops: the dims that are checked before it runs.
  func environment(_ space: SymbolSpace) -> Environment {
    Environment(facts: checkedDims.map { space[$0] })
  }
}
