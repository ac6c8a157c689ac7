/// Runs plans one element at a time: what interpreter and C are compared with, and what the checker is held against.

package import SluiceFormats
package import SluiceIR
package import SluicePlan

/// Runs plans in the plainest way and watches every byte: who stored it last, and whether anyone has.
///
/// It throws where a load or store leaves its buffer, and where a load finds bytes that its buffer did not store.
/// Loops whose iterations may run in any order run backwards, so that an order that matters shows.
package struct PlanMachine {
  /// What a plan does that it must not.
  package struct Violation: Error, CustomStringConvertible {
    package var description: String

    package init(description: String) { self.description = description }
  }

  /// Memory with the buffer that stored each byte; -1 for none.
  private struct Block {
    var bytes: [UInt8]
    var owners: [Int32]

    /// Bytes that were given.
    init(_ bytes: [UInt8]) {
      self.bytes = bytes
      owners = [Int32](repeating: 0, count: bytes.count)
    }

    /// Bytes that nobody stored.
    init(unstored count: Int, _ byte: UInt8) {
      bytes = [UInt8](repeating: byte, count: count)
      owners = [Int32](repeating: -1, count: count)
    }
  }

  /// A buffer: its block, where it begins, what it is to the block's owners.
  private struct Place {
    var block: Int
    var base: Int
    var owner: Int32
    var count: Int64
    var size: Int
    var capacity: Int
  }

  private let plan: ModulePlan
  /// The plan's dims: kept here, because its tables are copied at every use.
  private let dims: DimTable
  /// The block of parameters.
  private var parameters: [UInt8]
  /// The block of states, as the calls so far left it.
  package private(set) var states: [UInt8]
  private var blocks: [Block] = []
  private var places: [Place] = []
  private var symbols: [Int64]
  private var decoded: [Int: DecodedKernel] = [:]
  /// Where floats are terms; nil where they are numbers.
  package var terms: TermTable?
  /// The elements of the locals of the running kernel; nil for those that nobody stored in this life.
  private var locals: [[UInt64?]] = []

  /// A machine with the values of a plan's variables in its order; zeros for those that are left out.
  package init(_ plan: ModulePlan, parameters: [HostTensor] = [], states: [HostTensor] = []) {
    func block(_ byteCount: Int, _ variables: [ModulePlan.Variable], _ tensors: [HostTensor]) -> [UInt8] {
      var bytes = [UInt8](repeating: 0, count: byteCount)
      for (variable, tensor) in zip(variables, tensors) {
        bytes.replaceSubrange(variable.offset..<variable.offset + variable.byteCount, with: tensor.bytes)
      }
      return bytes
    }
    self.plan = plan
    dims = plan.tables.dims
    self.parameters = block(plan.parameterBytes, plan.parameters, parameters)
    self.states = block(plan.stateBytes, plan.states, states)
    symbols = plan.tables.dims.symbols.map { _ in 0 }
  }

  /// Runs a function; the outputs in order.
  package mutating func run(
    _ name: String, _ inputs: [HostTensor], symbols values: [SymbolID: Int] = [:]
  ) throws -> [HostTensor] {
    guard let function = plan.function(name) else { throw Violation(description: "no function \(name)") }
    for symbol in function.symbols { symbols[symbol.index] = Int64(values[symbol] ?? 0) }
    let tables = plan.tables
    var outputs: [[UInt8]] = []
    var shapes: [[Int]] = []
    for port in function.outputs {
      shapes.append(try tables.types.shape(port.type).map { Int(max(try value($0), 0)) })
      let count = shapes[shapes.count - 1].reduce(1, *)
      outputs.append([UInt8](repeating: 0xCD, count: count * tables.types.dtype(port.type).byteCount))
    }
    try run(function, inputs.map(\.bytes), outputs.map(\.count))
    for (index, buffer) in function.buffers.enumerated() {
      let block = blocks[places[index].block]
      switch buffer.storage {
      case .state(let row):
        states.replaceSubrange(
          plan.states[row].offset..<plan.states[row].offset + block.bytes.count, with: block.bytes)
      case .output(let position):
        if block.owners.contains(-1) { throw Violation(description: "output \(position) is not written") }
        outputs[position] = block.bytes
      case .parameter, .input, .constant, .arena: break
      }
    }
    return try function.outputs.indices.map {
      try HostTensor(
        dtype: tables.types.dtype(function.outputs[$0].type), shape: shapes[$0], bytes: outputs[$0])
    }
  }

  private func value(_ dim: DimID) throws -> Int64 {
    guard let value = dims.evaluate(dim, { symbols[$0.index] }) else {
      throw Violation(description: "overflow")
    }
    return value
  }

  // MARK: Functions

  private mutating func run(_ function: ExecutionPlan, _ inputs: [[UInt8]], _ outputSizes: [Int]) throws {
    blocks = [Block(unstored: function.arenaBytes, 0xFF)]
    places = []
    var known: [Buffer.Storage: Int] = [:]
    for (index, buffer) in function.buffers.enumerated() {
      let count = try value(buffer.count)
      let size = buffer.dtype.byteCount
      if case .arena(let offset) = buffer.storage {
        places.append(
          Place(
            block: 0, base: offset, owner: Int32(index), count: count, size: size, capacity: buffer.capacity))
        continue
      }
      let block = known[buffer.storage] ?? blocks.count
      if block == blocks.count {
        known[buffer.storage] = block
        blocks.append(given(buffer, inputs, outputSizes))
      }
      places.append(
        Place(block: block, base: 0, owner: 0, count: count, size: size, capacity: Int(max(count, 0)) * size))
    }
    try run(function, function.steps.indices)
  }

  private func given(_ buffer: Buffer, _ inputs: [[UInt8]], _ outputSizes: [Int]) -> Block {
    func part(_ bytes: [UInt8], _ variable: ModulePlan.Variable) -> Block {
      Block(Array(bytes[variable.offset..<variable.offset + variable.byteCount]))
    }
    return switch buffer.storage {
    case .constant(let id): Block(Array(plan.tables.constants.bytes[plan.tables.constants.range(id)]))
    case .output(let position): Block(unstored: outputSizes[position], 0xCD)
    case .input(let position): Block(inputs[position])
    case .parameter(let position): part(parameters, plan.parameters[position])
    case .state(let position): part(states, plan.states[position])
    case .arena: Block([])
    }
  }

  /// Runs steps; whether the loop around them was left.
  @discardableResult
  private mutating func run(_ function: ExecutionPlan, _ range: Range<Int>) throws -> Bool {
    var at = range.lowerBound
    while at < range.upperBound {
      switch function.steps[at] {
      case .end, .otherwise: at += 1
      case .together:
        // Their order does not matter: here it is the other one.
        let (_, end) = Self.ends(function, at)
        for call in ((at + 1)..<end).reversed() { try run(function, call..<(call + 1)) }
        at = end + 1
      case .call(let kernel, let arguments):
        try call(kernel.index, arguments)
        at += 1
      case .leave(let flag):
        if try !isTrue(flag) { return true }
        at += 1
      case .branch(let flag):
        let (middle, end) = Self.ends(function, at)
        try run(function, try isTrue(flag) ? (at + 1)..<middle : Swift.min(middle + 1, end)..<end)
        at = end + 1
      case .forever:
        let (_, end) = Self.ends(function, at)
        // A corrupted plan may go on for ever: what it touched until here was there.
        for _ in 0..<1000 {
          if try run(function, (at + 1)..<end) { break }
        }
        at = end + 1
      case .loop(let counter, let count, let reverse):
        let (_, end) = Self.ends(function, at)
        let total = max(try value(count), 0)
        for i in 0..<total {
          symbols[counter.index] = reverse ? total - 1 - i : i
          if try run(function, (at + 1)..<end) { break }
        }
        symbols[counter.index] = 0
        at = end + 1
      }
    }
    return false
  }

  /// The steps between the sides and at the end of a loop or branch; both are the end where there is one side.
  private static func ends(_ function: ExecutionPlan, _ begin: Int) -> (middle: Int, end: Int) {
    var (depth, middle) = (0, -1)
    for at in begin..<function.steps.count {
      switch function.steps[at] {
      case .loop, .forever, .branch, .together: depth += 1
      case .otherwise: if depth == 1 { middle = at }
      case .end:
        depth -= 1
        if depth == 0 { return (middle < 0 ? at : middle, at) }
      case .call, .leave: break
      }
    }
    return (function.steps.count, function.steps.count)
  }

  private func isTrue(_ flag: Argument) throws -> Bool {
    let place = places[flag.buffer.index]
    let offset = try value(flag.offset)
    guard place.size == 1, offset >= 0, offset < place.count else {
      throw Violation(description: "a bool at \(offset) of \(place.count)")
    }
    let byte = place.base + Int(offset)
    guard blocks[place.block].owners[byte] == place.owner else {
      throw Violation(description: "a bool of \(blocks[place.block].owners[byte])")
    }
    return blocks[place.block].bytes[byte] != 0
  }

  // MARK: Kernels

  private mutating func call(_ index: Int, _ arguments: [Argument]) throws {
    let kernel: DecodedKernel
    if let known = decoded[index] {
      kernel = known
    } else {
      kernel = DecodedKernel(plan.kernels[index])
      decoded[index] = kernel
    }
    var offsets: [Int64] = []
    for argument in arguments { offsets.append(try value(argument.offset)) }
    var registers = [UInt64](repeating: 0, count: kernel.kernel.registers.count)
    locals = kernel.kernel.locals.map { _ in [] }
    let run = Call(kernel: kernel, arguments: arguments, offsets: offsets)
    try execute(run, 0..<kernel.kernel.instructions.count, &registers)
  }

  private struct Call {
    var kernel: DecodedKernel
    var arguments: [Argument]
    var offsets: [Int64]
  }

  private func value(_ affine: Affine, _ registers: [UInt64]) throws -> Int64 {
    var sum = try value(affine.constant)
    for term in affine.terms {
      let (product, overflow) = try value(term.coefficient).multipliedReportingOverflow(
        by: Int64(bitPattern: registers[term.register]))
      let (next, more) = sum.addingReportingOverflow(product)
      if overflow || more { throw Violation(description: "overflow") }
      sum = next
    }
    return sum
  }

  private func place(_ call: Call, _ slot: Int, _ index: Affine, _ registers: [UInt64]) throws -> (Place, Int)
  {
    let place = places[call.arguments[slot].buffer.index]
    let element = try value(index, registers) + call.offsets[slot]
    let byte = place.base + Int(element) * place.size
    guard element >= 0, element < place.count, Int(element) * place.size + place.size <= place.capacity,
      byte + place.size <= blocks[place.block].bytes.count
    else { throw Violation(description: "slot \(slot): element \(element) of \(place.count)") }
    return (place, byte)
  }

  /// An element of a local, which must be inside.
  private func element(_ local: Int, _ index: Affine, _ registers: [UInt64]) throws -> Int {
    let element = try value(index, registers)
    guard element >= 0, element < locals[local].count else {
      throw Violation(description: "local \(local): element \(element) of \(locals[local].count)")
    }
    return Int(element)
  }

  private mutating func execute(_ call: Call, _ range: Range<Int>, _ registers: inout [UInt64]) throws {
    var at = range.lowerBound
    while at < range.upperBound {
      switch call.kernel.kernel.instructions[at] {
      case .scalar(let scalar):
        func operand(_ i: Int) -> UInt64 { i < scalar.operands.count ? registers[scalar.operands[i]] : 0 }
        if scalar.op == .constant {
          registers[scalar.result] = scalar.immediate
        } else if let terms,
          let term = terms.apply(
            scalar.op, scalar.dtype, source: scalar.source, immediate: scalar.immediate,
            scalar.operands.map { registers[$0] })
        {
          registers[scalar.result] = term
        } else {
          let evaluator = call.kernel.evaluators[at]
          registers[scalar.result] =
            evaluator?.evaluate(operand(0), operand(1), operand(2)) ?? operand(0)
        }
      case .index(let result, let affine):
        registers[result] = UInt64(bitPattern: try value(affine, registers))
      case .load(let result, .local(let local), let index):
        let element = try self.element(local, index, registers)
        guard let bits = locals[local][element] else {
          throw Violation(description: "local \(local): element \(element) is undefined")
        }
        registers[result] = bits
      case .store(.local(let local), let index, let value):
        locals[local][try element(local, index, registers)] = registers[value]
      case .local(let local):
        let count = try value(call.kernel.kernel.locals[local].count)
        locals[local] = Array(repeating: nil, count: Int(max(count, 0)))
      case .load(let result, .slot(let slot), let index):
        let (place, byte) = try place(call, slot, index, registers)
        var bits: UInt64 = 0
        for i in 0..<place.size {
          guard blocks[place.block].owners[byte + i] == place.owner else {
            throw Violation(
              description: "slot \(slot) loads byte \(byte + i) of \(blocks[place.block].owners[byte + i])")
          }
          bits |= UInt64(blocks[place.block].bytes[byte + i]) << UInt64(8 * i)
        }
        registers[result] = bits
      case .store(.slot(let slot), let index, let value):
        let (place, byte) = try place(call, slot, index, registers)
        for i in 0..<place.size {
          blocks[place.block].bytes[byte + i] = UInt8(truncatingIfNeeded: registers[value] >> UInt64(8 * i))
          blocks[place.block].owners[byte + i] = place.owner
        }
      case .assign(let result, let value): registers[result] = registers[value]
      case .accumulate: break
      case .if(let condition):
        let end = call.kernel.ends[at]
        if registers[condition] != 0 { try execute(call, (at + 1)..<end, &registers) }
        at = end
      case .loop(let loop):
        try execute(loop, call, (at + 1)..<call.kernel.ends[at], &registers)
        at = call.kernel.ends[at]
      case .end: break
      }
      at += 1
    }
  }

  /// A lane that takes a value in.
  private func accumulate(_ kernel: DecodedKernel, _ at: Int, _ lane: UInt64, _ value: UInt64) -> UInt64 {
    if let terms, case .accumulate(let register, let op, _) = kernel.kernel.instructions[at] {
      let dtype = kernel.kernel.registers[register]
      if let term = terms.apply(op, dtype, source: dtype, immediate: 0, [lane, value]) { return term }
    }
    return kernel.evaluators[at]?.evaluate(lane, value, 0) ?? 0
  }

  private mutating func execute(_ loop: Loop, _ call: Call, _ body: Range<Int>, _ registers: inout [UInt64])
    throws
  {
    let start = try value(loop.start, registers)
    var end = try value(loop.end, registers)
    if let limit = loop.limit { end = min(end, try value(limit, registers)) }
    let indices = Array(stride(from: start, to: end, by: loop.step))
    switch loop.kind {
    case .sequential:
      for index in indices {
        registers[loop.index] = UInt64(bitPattern: index)
        try execute(call, body, &registers)
      }
    case .tasks, .parallel, .vector, .jam:
      for index in indices.reversed() {
        registers[loop.index] = UInt64(bitPattern: index)
        try execute(call, body, &registers)
      }
    case .lanes(let count):
      // All lanes begin with the value from before the loop, which counts also where nothing runs.
      var lanes: [Register: [UInt64]] = [:]
      for case .accumulate(let register, _, _) in call.kernel.kernel.instructions[body] {
        lanes[register] = [UInt64](repeating: registers[register], count: count)
      }
      for (number, index) in indices.enumerated() {
        registers[loop.index] = UInt64(bitPattern: index)
        try execute(call, body, &registers)
        for at in body {
          guard case .accumulate(let register, _, let value) = call.kernel.kernel.instructions[at] else {
            continue
          }
          var own = lanes[register] ?? []
          own[number % count] = accumulate(call.kernel, at, own[number % count], registers[value])
          lanes[register] = own
        }
      }
      for at in body {
        guard case .accumulate(let register, _, _) = call.kernel.kernel.instructions[at],
          var own = lanes[register]
        else { continue }
        var half = count / 2
        while half > 0 {
          for lane in 0..<half {
            own[lane] = accumulate(call.kernel, at, own[lane], own[lane + half])
          }
          half /= 2
        }
        registers[register] = own[0]
        lanes[register] = nil
      }
    }
  }
}

/// A kernel with its blocks matched and its operations looked up.
private final class DecodedKernel {
  let kernel: Kernel
  private(set) var ends: [Int]
  private(set) var evaluators: [ScalarProgram.Instruction?]

  init(_ kernel: Kernel) {
    self.kernel = kernel
    ends = kernel.instructions.map { _ in 0 }
    evaluators = kernel.instructions.map { _ in nil }
    var open: [Int] = []
    for (position, instruction) in kernel.instructions.enumerated() {
      switch instruction {
      case .loop, .if: open.append(position)
      case .end: ends[open.removeLast()] = position
      case .scalar(let scalar):
        evaluators[position] = .make(
          scalar.op, scalar.dtype, source: scalar.source, immediate: scalar.immediate)
      case .accumulate(let accumulator, let op, _):
        let dtype = kernel.registers[accumulator]
        evaluators[position] = .make(op, dtype, source: dtype)
      case .index, .load, .store, .assign, .local: break
      }
    }
  }
}

extension ScalarProgram.Instruction {
  /// An instruction to evaluate on its own.
  package static func make(
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
