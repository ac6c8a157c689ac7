import SluiceIR
import SluicePlan

/// Runs a kernel one instruction after the other in the simplest way: the meaning of kernels, for comparison.
struct NaiveRunner {
  let kernel: Kernel
  let tables: Tables
  let symbols: [SymbolID: Int]
  /// The bits of the elements of every slot.
  var memory: [[UInt64]]
  /// The bits of the elements of every local that has begun.
  private var locals: [[UInt64]]
  private var registers: [UInt64]
  private var ends: [Int]
  private var programs: [ScalarInstruction: ScalarProgram] = [:]
  /// The lane of the running iteration and the lanes of the accumulators.
  private var lane = 0
  private var lanes: [Register: [UInt64]] = [:]

  init(_ kernel: Kernel, _ tables: Tables, _ memory: [[UInt64]], symbols: [SymbolID: Int] = [:]) {
    self.kernel = kernel
    self.tables = tables
    self.symbols = symbols
    self.memory = memory
    locals = kernel.locals.map { _ in [] }
    registers = kernel.registers.map { _ in 0 }
    ends = kernel.instructions.map { _ in 0 }
    var open: [Int] = []
    for (position, instruction) in kernel.instructions.enumerated() {
      switch instruction {
      case .loop, .if: open.append(position)
      case .end: ends[open.removeLast()] = position
      default: break
      }
    }
  }

  mutating func run() { run(0..<kernel.instructions.count) }

  private func value(_ affine: Affine) -> Int {
    func dim(_ id: DimID) -> Int64 { tables.dims.evaluate(id) { Int64(symbols[$0] ?? 0) } ?? 0 }
    return Int(
      affine.terms.reduce(dim(affine.constant)) {
        $0 &+ dim($1.coefficient) &* Int64(bitPattern: registers[$1.register])
      })
  }

  private mutating func run(_ range: Range<Int>) {
    var at = range.lowerBound
    while at < range.upperBound {
      switch kernel.instructions[at] {
      case .scalar(let scalar): registers[scalar.result] = evaluate(scalar)
      case .index(let result, let affine): registers[result] = UInt64(bitPattern: Int64(value(affine)))
      case .load(let result, .slot(let slot), let index): registers[result] = memory[slot][value(index)]
      case .load(let result, .local(let local), let index): registers[result] = locals[local][value(index)]
      case .store(.slot(let slot), let index, let value): memory[slot][self.value(index)] = registers[value]
      case .store(.local(let local), let index, let value):
        locals[local][self.value(index)] = registers[value]
      case .local(let local):
        // Bits of its dtype, which are likely to show.
        let own = kernel.locals[local]
        let bits = UInt64.max >> UInt64(64 - 8 * own.dtype.byteCount)
        locals[local] = Array(repeating: bits, count: value(Affine(own.count)))
      case .assign(let result, let value): registers[result] = registers[value]
      case .accumulate(let accumulator, let op, let value):
        let old = lanes[accumulator]?[lane] ?? 0
        let new = combine(op, old, registers[value], kernel.registers[value])
        lanes[accumulator]?[lane] = new
      case .if(let condition):
        if registers[condition] != 0 { run(at + 1..<ends[at]) }
        at = ends[at]
      case .loop(let loop):
        run(loop, at + 1..<ends[at])
        at = ends[at]
      case .end: break
      }
      at += 1
    }
  }

  private mutating func run(_ loop: Loop, _ body: Range<Int>) {
    let end = min(value(loop.end), loop.limit.map { value($0) } ?? .max)
    var operations: [Register: ScalarOp] = [:]
    if case .lanes(let count) = loop.kind {
      for at in body {
        guard case .accumulate(let accumulator, let op, _) = kernel.instructions[at] else { continue }
        operations[accumulator] = op
        lanes[accumulator] = [UInt64](repeating: registers[accumulator], count: count)
      }
    }
    for (iteration, index) in stride(from: value(loop.start), to: end, by: loop.step).enumerated() {
      registers[loop.index] = UInt64(bitPattern: Int64(index))
      if case .lanes(let count) = loop.kind { lane = iteration % count }
      run(body)
    }
    guard case .lanes(let count) = loop.kind else { return }
    for (accumulator, op) in operations {
      var values = lanes[accumulator] ?? []
      var half = count / 2
      while half >= 1 {
        for j in 0..<half {
          values[j] = combine(op, values[j], values[j + half], kernel.registers[accumulator])
        }
        half /= 2
      }
      registers[accumulator] = values[0]
    }
  }

  private mutating func combine(_ op: ScalarOp, _ a: UInt64, _ b: UInt64, _ dtype: DType) -> UInt64 {
    var (builder, parameters) = ScalarBuilder.make([dtype, dtype])
    let result = builder.binary(op, parameters[0], parameters[1])
    return builder.finish(result).evaluate([a, b])
  }

  private mutating func evaluate(_ scalar: ScalarInstruction) -> UInt64 {
    let operands = scalar.operands.map { registers[$0] }
    if let known = programs[scalar] { return known.evaluate(operands) }
    let program = scalarProgram(
      scalar.op, scalar.operands.map { kernel.registers[$0] }, scalar.dtype, immediate: scalar.immediate)
    programs[scalar] = program
    return program.evaluate(operands)
  }
}

/// The program of one operation on parameters.
func scalarProgram(_ op: ScalarOp, _ operands: [DType], _ dtype: DType, immediate: UInt64 = 0)
  -> ScalarProgram
{
  var (builder, x) = ScalarBuilder.make(operands)
  let result: Scalar
  switch op {
  case .constant: result = builder.bits(immediate, dtype)
  case .select: result = builder.select(x[0], x[1], x[2])
  case .cast: result = builder.cast(x[0], dtype)
  case .bitcast: result = builder.bitcast(x[0], dtype)
  case .fma: result = builder.fma(x[0], x[1], x[2])
  case .equal, .notEqual, .less, .lessEqual: result = builder.compare(op, x[0], x[1])
  case .call:
    guard let function = ElementaryFunction(rawValue: UInt8(immediate)) else {
      preconditionFailure("no function")
    }
    result =
      function.operandCount == 2 ? builder.call(function, x[0], x[1]) : builder.call(function, x[0])
  default: result = operands.count == 1 ? builder.unary(op, x[0]) : builder.binary(op, x[0], x[1])
  }
  return builder.finish(result)
}
