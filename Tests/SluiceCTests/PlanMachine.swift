// Runs plans one instruction and one element at a time, in the plainest way: what compiled code is compared with.

import SluiceFormats
import SluiceIR
import SluicePlan

/// The memory of a plan, and a walk over the steps of its functions.
struct PlanMachine {
  let plan: ModulePlan
  var parameters: [UInt8]
  var states: [UInt8]

  init(_ plan: ModulePlan, parameters: [HostTensor] = [], states: [HostTensor] = []) {
    self.plan = plan
    self.parameters = [UInt8](repeating: 0, count: plan.parameterBytes)
    self.states = [UInt8](repeating: 0, count: plan.stateBytes)
    for (variable, tensor) in zip(plan.parameters, parameters) {
      self.parameters.replaceSubrange(
        variable.offset..<variable.offset + variable.byteCount, with: tensor.bytes)
    }
    for (variable, tensor) in zip(plan.states, states) {
      self.states.replaceSubrange(variable.offset..<variable.offset + variable.byteCount, with: tensor.bytes)
    }
  }

  /// Runs a function; the outputs in order.
  mutating func run(
    _ name: String, _ inputs: [HostTensor], symbols: [SymbolID: Int] = [:]
  ) throws -> [HostTensor] {
    guard let function = plan.function(name) else { preconditionFailure("no function \(name)") }
    let tables = plan.tables
    let shapes = function.outputs.map { port in
      tables.types.shape(port.type).map { Int(tables.dims.evaluate($0) { Int64(symbols[$0] ?? 0) } ?? 0) }
    }
    var walk = Walk(
      plan: plan, function: function, symbols: symbols.mapValues { Int64($0) }, parameters: parameters,
      states: states, inputs: inputs.map(\.bytes),
      outputs: zip(function.outputs, shapes).map { port, shape in
        [UInt8](repeating: 0, count: shape.reduce(1, *) * tables.types.dtype(port.type).byteCount)
      }, arena: [UInt8](repeating: 0xFF, count: function.arenaBytes))
    walk.run(0..<function.steps.count)
    states = walk.states
    return try zip(zip(function.outputs, shapes), walk.outputs).map { output, bytes in
      try HostTensor(dtype: tables.types.dtype(output.0.type), shape: output.1, bytes: bytes)
    }
  }
}

/// One call of one function.
private struct Walk {
  let plan: ModulePlan
  let function: ExecutionPlan
  var symbols: [SymbolID: Int64]
  let parameters: [UInt8]
  var states: [UInt8]
  let inputs: [[UInt8]]
  var outputs: [[UInt8]]
  var arena: [UInt8]
  private var registers: [UInt64] = []
  private var locals: [[UInt64]] = []
  private var kernel = Kernel(name: "")
  private var arguments: [(buffer: Buffer, offset: Int)] = []

  init(
    plan: ModulePlan, function: ExecutionPlan, symbols: [SymbolID: Int64], parameters: [UInt8],
    states: [UInt8],
    inputs: [[UInt8]], outputs: [[UInt8]], arena: [UInt8]
  ) {
    self.plan = plan
    self.function = function
    self.symbols = symbols
    self.parameters = parameters
    self.states = states
    self.inputs = inputs
    self.outputs = outputs
    self.arena = arena
  }

  func value(_ dim: DimID) -> Int { Int(plan.tables.dims.evaluate(dim) { symbols[$0] ?? 0 } ?? 0) }

  /// Runs steps; whether the loop around them was left.
  @discardableResult
  mutating func run(_ range: Range<Int>) -> Bool {
    var at = range.lowerBound
    while at < range.upperBound {
      switch function.steps[at] {
      case .call(let kernel, let arguments):
        self.kernel = plan.kernels[kernel.index]
        self.arguments = arguments.map { (function.buffers[$0.buffer.index], value($0.offset)) }
        registers = [UInt64](repeating: 0, count: self.kernel.registers.count)
        locals = self.kernel.locals.map { _ in [] }
        execute(0..<self.kernel.instructions.count)
        at += 1
      case .loop(let counter, let count, let reverse):
        let (_, end) = ends(at)
        let all = Array(0..<max(value(count), 0))
        for index in reverse ? all.reversed() : all {
          symbols[counter] = Int64(index)
          if run(at + 1..<end) { break }
        }
        at = end + 1
      case .forever:
        let (_, end) = ends(at)
        while !run(at + 1..<end) {}
        at = end + 1
      case .leave(let flag):
        if !isTrue(flag) { return true }
        at += 1
      case .branch(let flag):
        let (middle, end) = ends(at)
        run(isTrue(flag) ? at + 1..<middle : min(middle + 1, end)..<end)
        at = end + 1
      case .end, .otherwise: at += 1
      }
    }
    return false
  }

  /// The steps between the sides and at the end of a loop or branch; both are the end where there is one side.
  private func ends(_ begin: Int) -> (middle: Int, end: Int) {
    var (depth, middle) = (0, -1)
    for at in begin..<function.steps.count {
      switch function.steps[at] {
      case .loop, .forever, .branch: depth += 1
      case .otherwise: if depth == 1 { middle = at }
      case .end:
        depth -= 1
        if depth == 0 { return (middle < 0 ? at : middle, at) }
      case .call, .leave: break
      }
    }
    preconditionFailure("a loop or branch without an end")
  }

  private mutating func isTrue(_ flag: Argument) -> Bool {
    arguments = [(function.buffers[flag.buffer.index], value(flag.offset))]
    return load(0, 0) != 0
  }

  // MARK: Kernels

  func value(_ affine: Affine) -> Int {
    affine.terms.reduce(value(affine.constant)) {
      $0 + value($1.coefficient) * Int(Int64(bitPattern: registers[$1.register]))
    }
  }

  /// The position behind the matching `end`.
  func end(of begin: Int) -> Int {
    var depth = 0
    for at in begin..<kernel.instructions.count {
      switch kernel.instructions[at] {
      case .loop, .if: depth += 1
      case .end:
        depth -= 1
        if depth == 0 { return at + 1 }
      default: break
      }
    }
    preconditionFailure("no end")
  }

  mutating func execute(_ range: Range<Int>) {
    var at = range.lowerBound
    while at < range.upperBound {
      switch kernel.instructions[at] {
      case .scalar(let scalar): registers[scalar.result] = evaluate(scalar)
      case .index(let result, let affine): registers[result] = UInt64(bitPattern: Int64(value(affine)))
      case .load(let result, .slot(let slot), let index): registers[result] = load(slot, value(index))
      case .load(let result, .local(let local), let index): registers[result] = locals[local][value(index)]
      case .store(.slot(let slot), let index, let register): store(slot, value(index), registers[register])
      case .store(.local(let local), let index, let register):
        locals[local][value(index)] = registers[register]
      case .local(let local):
        // Elements that nobody stored would be noticed.
        locals[local] = Array(repeating: .max, count: value(Affine(kernel.locals[local].count)))
      case .assign(let result, let register): registers[result] = registers[register]
      case .accumulate(let accumulator, let op, let register):
        registers[accumulator] = combine(op, accumulator, registers[accumulator], registers[register])
      case .if(let condition):
        let end = end(of: at)
        if registers[condition] != 0 { execute(at + 1..<end - 1) }
        at = end
        continue
      case .loop(let loop):
        let end = end(of: at)
        run(loop, at + 1..<end - 1)
        at = end
        continue
      case .end: break
      }
      at += 1
    }
  }

  private mutating func run(_ loop: Loop, _ body: Range<Int>) {
    var indices: [Int] = []
    let last = min(value(loop.end), loop.limit.map { value($0) } ?? .max)
    for index in stride(from: value(loop.start), to: last, by: loop.step) { indices.append(index) }
    guard case .lanes(let count) = loop.kind else {
      for index in indices {
        registers[loop.index] = UInt64(bitPattern: Int64(index))
        execute(body)
      }
      return
    }
    var accumulators: [Register: ScalarOp] = [:]
    for case .accumulate(let register, let op, _) in kernel.instructions[body] { accumulators[register] = op }
    var lanes = accumulators.mapValues { _ in [UInt64](repeating: 0, count: count) }
    for register in accumulators.keys {
      lanes[register] = [UInt64](repeating: registers[register], count: count)
    }
    for (position, index) in indices.enumerated() {
      registers[loop.index] = UInt64(bitPattern: Int64(index))
      for register in accumulators.keys { registers[register] = lanes[register]?[position % count] ?? 0 }
      execute(body)
      for register in accumulators.keys { lanes[register]?[position % count] = registers[register] }
    }
    for (register, op) in accumulators {
      var values = lanes[register] ?? []
      var half = count / 2
      while half > 0 {
        for lane in 0..<half { values[lane] = combine(op, register, values[lane], values[lane + half]) }
        half /= 2
      }
      registers[register] = values[0]
    }
  }

  private func combine(_ op: ScalarOp, _ register: Register, _ a: UInt64, _ b: UInt64) -> UInt64 {
    let dtype = kernel.registers[register]
    return ScalarProgram.Instruction.make(op, dtype, source: dtype).evaluate(a, b, 0)
  }

  private func evaluate(_ scalar: ScalarInstruction) -> UInt64 {
    if scalar.op == .constant { return scalar.immediate }
    let operands = scalar.operands.map { registers[$0] } + [0, 0, 0]
    return ScalarProgram.Instruction.make(
      scalar.op, scalar.dtype, source: scalar.source, immediate: scalar.immediate
    ).evaluate(operands[0], operands[1], operands[2])
  }

  private func place(_ slot: Int, _ index: Int) -> (buffer: Buffer, start: Int, size: Int) {
    let (buffer, offset) = arguments[slot]
    let size = buffer.dtype.byteCount
    let start = (offset + index) * size
    switch buffer.storage {
    case .parameter(let row): return (buffer, plan.parameters[row].offset + start, size)
    case .state(let row): return (buffer, plan.states[row].offset + start, size)
    case .arena(let base): return (buffer, base + start, size)
    case .constant(let id): return (buffer, plan.tables.constants.range(id).lowerBound + start, size)
    case .input, .output: return (buffer, start, size)
    }
  }

  private func load(_ slot: Int, _ index: Int) -> UInt64 {
    let (buffer, start, size) = place(slot, index)
    let bytes =
      switch buffer.storage {
      case .parameter: parameters
      case .state: states
      case .arena: arena
      case .constant: plan.tables.constants.bytes
      case .input(let row): inputs[row]
      case .output(let row): outputs[row]
      }
    return (0..<size).reduce(0) { $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1) }
  }

  private mutating func store(_ slot: Int, _ index: Int, _ value: UInt64) {
    let (buffer, start, size) = place(slot, index)
    for byte in 0..<size {
      let part = UInt8(truncatingIfNeeded: value >> UInt64(8 * byte))
      switch buffer.storage {
      case .state: states[start + byte] = part
      case .arena: arena[start + byte] = part
      case .output(let row): outputs[row][start + byte] = part
      case .parameter, .input, .constant: preconditionFailure("a store to memory that is only read")
      }
    }
  }
}

extension ScalarProgram.Instruction {
  /// An instruction to evaluate on its own.
  static func make(
    _ op: ScalarOp, _ dtype: DType, source: DType, immediate: UInt64 = 0
  ) -> ScalarProgram.Instruction {
    var builder = ScalarBuilder()
    let zero = builder.bits(0, dtype)
    var instruction = builder.finish(zero).instructions[0]
    instruction.op = op
    instruction.source = source
    instruction.immediate = immediate
    return instruction
  }
}
