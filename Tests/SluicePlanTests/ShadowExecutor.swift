import SluiceIR
import SluicePlan

/// Runs plans one element at a time and watches every byte: who stored it last, and whether anyone has.
///
/// It throws where a load or store leaves its buffer, and where a load finds bytes that its buffer did not store.
/// Loops whose iterations may run in any order run backwards, so that an order that matters shows. It is slow, and
/// meant to find out what the checker should not have accepted.
struct ShadowExecutor {
  struct Violation: Error, CustomStringConvertible {
    var description: String
  }

  /// Memory with the buffer that stored each byte; -1 for none.
  private struct Block {
    var bytes: [UInt8]
    var owners: [Int32]
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
  private var blocks: [Block] = []
  private var places: [Place] = []
  private var symbols: [Int64]
  private var decoded: [Int: DecodedKernel] = [:]
  /// The elements of the locals of the running kernel; nil for those that nobody stored in this life.
  private var locals: [[UInt64?]] = []

  private init(_ plan: ModulePlan) {
    self.plan = plan
    symbols = plan.tables.dims.symbols.map { _ in 0 }
  }

  /// The outputs and states of every function, for a few sizes each.
  static func run(_ plan: ModulePlan) throws -> [[UInt8]] {
    var executor = ShadowExecutor(plan)
    var results: [[UInt8]] = []
    for function in plan.functions {
      for size in 0..<4 {
        for (position, symbol) in function.symbols.enumerated() {
          let bound = plan.tables.dims.symbols[symbol.index].bound
          executor.symbols[symbol.index] =
            size == 0 ? bound : size == 1 ? Int64(position % 2) : min(bound, Int64((position * 7 + size) % 5))
        }
        if try function.checkedDims.contains(where: { try executor.value($0) < 0 }) { continue }
        results += try executor.run(function)
      }
    }
    return results
  }

  private func value(_ dim: DimID) throws -> Int64 {
    guard let value = plan.tables.dims.evaluate(dim, { symbols[$0.index] }) else {
      throw Violation(description: "overflow")
    }
    return value
  }

  // MARK: Functions

  private mutating func run(_ function: ExecutionPlan) throws -> [[UInt8]] {
    blocks = [
      Block(
        bytes: [UInt8](repeating: 0xAB, count: function.arenaBytes),
        owners: [Int32](repeating: -1, count: function.arenaBytes))
    ]
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
        blocks.append(try given(buffer, Int(max(count, 0)), function))
      }
      places.append(
        Place(block: block, base: 0, owner: 0, count: count, size: size, capacity: Int(max(count, 0)) * size))
    }
    try run(function, function.steps.indices)
    return try results(function)
  }

  private func given(_ buffer: Buffer, _ count: Int, _ function: ExecutionPlan) throws -> Block {
    let byteCount = count * buffer.dtype.byteCount
    switch buffer.storage {
    case .constant(let id):
      let bytes = Array(plan.tables.constants.bytes[plan.tables.constants.range(id)])
      return Block(bytes: bytes, owners: [Int32](repeating: 0, count: bytes.count))
    case .output:
      return Block(
        bytes: [UInt8](repeating: 0xCD, count: byteCount), owners: [Int32](repeating: -1, count: byteCount))
    case .input(let position): return numbers(buffer.dtype, count, seed: UInt64(position) + 1)
    case .parameter(let position): return numbers(buffer.dtype, count, seed: UInt64(position) + 101)
    case .state(let position): return numbers(buffer.dtype, count, seed: UInt64(position) + 201)
    case .arena: return Block(bytes: [], owners: [])
    }
  }

  private func numbers(_ dtype: DType, _ count: Int, seed: UInt64) -> Block {
    var state = seed &* 0x9E37_79B9_7F4A_7C15
    var bytes: [UInt8] = []
    for _ in 0..<count {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let number = Int64(state >> 40) % 19 - 9
      let bits: UInt64 =
        switch dtype {
        case .f32: UInt64((Float(number) / 4).bitPattern)
        case .f64: (Double(number) / 4).bitPattern
        case .i32, .i64: UInt64(bitPattern: number)
        case .u8: UInt64(number.magnitude)
        case .bool: UInt64(number & 1)
        case .f16: UInt64(NarrowFloat.f16(Double(number) / 4))
        case .bf16: UInt64(NarrowFloat.bf16(Double(number) / 4))
        }
      for byte in 0..<dtype.byteCount { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt64(8 * byte))) }
    }
    return Block(bytes: bytes, owners: [Int32](repeating: 0, count: bytes.count))
  }

  private func results(_ function: ExecutionPlan) throws -> [[UInt8]] {
    var results: [[UInt8]] = []
    for position in function.outputs.indices {
      guard let buffer = function.buffers.firstIndex(where: { $0.storage == .output(position) }) else {
        results.append([])
        continue
      }
      let block = blocks[places[buffer].block]
      if block.owners.contains(-1) { throw Violation(description: "output \(position) is not written") }
      results.append(block.bytes)
    }
    for position in plan.states.indices {
      guard let buffer = function.buffers.firstIndex(where: { $0.storage == .state(position) }) else {
        continue
      }
      results.append(blocks[places[buffer].block].bytes)
    }
    return results
  }

  /// Runs steps; whether the loop around them was left.
  @discardableResult
  private mutating func run(_ function: ExecutionPlan, _ range: Range<Int>) throws -> Bool {
    var at = range.lowerBound
    while at < range.upperBound {
      switch function.steps[at] {
      case .end, .otherwise: at += 1
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
      case .loop, .forever, .branch: depth += 1
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
        let evaluator = call.kernel.evaluators[at]
        registers[scalar.result] =
          scalar.op == .constant
          ? scalar.immediate : evaluator?.evaluate(operand(0), operand(1), operand(2)) ?? operand(0)
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
    case .tasks, .parallel, .vector:
      for index in indices.reversed() {
        registers[loop.index] = UInt64(bitPattern: index)
        try execute(call, body, &registers)
      }
    case .lanes(let count):
      var lanes: [Register: [UInt64]] = [:]
      for (number, index) in indices.enumerated() {
        registers[loop.index] = UInt64(bitPattern: index)
        try execute(call, body, &registers)
        for at in body {
          guard case .accumulate(let register, _, let value) = call.kernel.kernel.instructions[at] else {
            continue
          }
          var own = lanes[register] ?? [UInt64](repeating: registers[register], count: count)
          own[number % count] =
            call.kernel.evaluators[at]?.evaluate(own[number % count], registers[value], 0) ?? 0
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
            own[lane] = call.kernel.evaluators[at]?.evaluate(own[lane], own[lane + half], 0) ?? 0
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
final class DecodedKernel {
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
        evaluators[position] = Self.evaluator(scalar, scalar.operands.map { kernel.registers[$0] })
      case .accumulate(let accumulator, let op, _):
        let dtype = kernel.registers[accumulator]
        let (builder, x) = ScalarBuilder.make([dtype, dtype])
        evaluators[position] = Self.last(builder) { $0.binary(op, x[0], x[1]) }
      case .index, .load, .store, .assign, .local: break
      }
    }
  }

  private static func last(_ builder: ScalarBuilder, _ emit: (inout ScalarBuilder) -> Scalar) -> ScalarProgram
    .Instruction?
  {
    var builder = builder
    let result = emit(&builder)
    let program = builder.finish(result)
    return program.instructions[program.result]
  }

  private static func evaluator(_ scalar: ScalarInstruction, _ dtypes: [DType]) -> ScalarProgram.Instruction?
  {
    let (builder, x) = ScalarBuilder.make(dtypes)
    switch scalar.op {
    case .parameter, .constant: return nil
    case .equal, .notEqual, .less, .lessEqual: return last(builder) { $0.compare(scalar.op, x[0], x[1]) }
    case .fma: return last(builder) { $0.fma(x[0], x[1], x[2]) }
    case .select: return last(builder) { $0.select(x[0], x[1], x[2]) }
    case .cast: return dtypes[0] == scalar.dtype ? nil : last(builder) { $0.cast(x[0], scalar.dtype) }
    case .bitcast: return last(builder) { $0.bitcast(x[0], scalar.dtype) }
    case .call:
      guard let function = ElementaryFunction(rawValue: UInt8(truncatingIfNeeded: scalar.immediate)) else {
        return nil
      }
      return last(builder) { $0.call(function, x[0]) }
    default:
      return last(builder) {
        dtypes.count == 1 ? $0.unary(scalar.op, x[0]) : $0.binary(scalar.op, x[0], x[1])
      }
    }
  }
}
