import SluiceFormats
import SluiceIR
import SluiceInterpreter
import SluicePlan

/// Tables and a kernel under construction, with short forms for what tests write often.
struct KernelFixture {
  var tables: Tables
  var builder: KernelBuilder
  private var zero: DimID
  private var one: DimID

  init(_ name: String = "test", _ tables: Tables = Tables()) {
    self.tables = tables
    builder = KernelBuilder(name: name)
    zero = self.tables.dims.integer(0)
    one = self.tables.dims.integer(1)
    builder.zero = zero
    builder.one = one
  }

  /// A number of iterations.
  mutating func extent(_ value: Int) -> Affine { Affine(tables.dims.integer(value)) }

  /// `constant + sum of coefficient * register`.
  mutating func affine(_ constant: Int, _ terms: (Int, Register)...) -> Affine {
    Affine(
      tables.dims.integer(constant), terms.map { Affine.Term(tables.dims.integer($0.0), $0.1) })
  }

  /// Just a register.
  func at(_ register: Register) -> Affine { Affine(zero, [Affine.Term(one, register)]) }

  /// `a + b`; the sums of tests fit.
  mutating func sum(_ a: DimID, _ b: DimID) -> DimID { tables.dims.add(a, b) ?? .none }

  /// `a * b`; the products of tests fit.
  mutating func product(_ a: DimID, _ b: DimID) -> DimID { tables.dims.multiply(a, b) ?? .none }

  /// A bounded symbol.
  mutating func symbol(_ name: String, bound: Int64) -> SymbolID {
    tables.dims.symbol(tables.strings.intern(name), bound: bound)
  }

  mutating func loop(_ count: Int, step: Int = 1, _ kind: Loop.Kind) -> Register {
    builder.beginLoop(to: extent(count), step: step, kind)
  }

  mutating func float(_ value: Float) -> Register { builder.constant(UInt64(value.bitPattern), .f32) }

  mutating func integer(_ value: Int64) -> Register { builder.constant(UInt64(bitPattern: value), .i64) }

  /// Instructions that replace others when the kernel is finished.
  var replacements: [Int: Instruction] = [:]

  var kernel: Kernel {
    var kernel = builder.finish(tables)
    for (position, instruction) in replacements { kernel.instructions[position] = instruction }
    return kernel
  }
}

/// A module without functions and variables.
func emptyModule(_ tables: Tables) -> Module {
  var module = ModuleBuilder(name: "test").finish()
  module.tables = tables
  return module
}

/// A plan whose one function `f` calls a kernel on states, one a slot.
func statePlan(_ kernel: Kernel, _ tables: Tables, _ tensors: [HostTensor], symbols: [SymbolID] = [])
  -> ModulePlan
{
  var tables = tables
  var states: [ModulePlan.Variable] = []
  var buffers: [Buffer] = []
  var offset = 0
  let zero = tables.dims.integer(0)
  for (position, tensor) in tensors.enumerated() {
    let type = tables.types.intern(tensor.dtype, tensor.shape.map { tables.dims.integer($0) })
    _ = tables.declare(Variable(kind: .state, name: tables.strings.intern("s\(position)"), type: type))
    states.append(
      ModulePlan.Variable(name: "s\(position)", type: type, offset: offset, byteCount: tensor.bytes.count))
    buffers.append(
      Buffer(
        name: "s\(position)", dtype: tensor.dtype, count: tables.dims.integer(tensor.count),
        capacity: tensor.bytes.count, storage: .state(position)))
    offset += (tensor.bytes.count + 63) / 64 * 64
  }
  let arguments = tensors.indices.map { Argument(buffer: BufferID($0), offset: zero) }
  let function = ExecutionPlan(
    name: "f", symbols: symbols, inputs: [], outputs: [], buffers: buffers,
    steps: [.call(KernelID(0), arguments)], arenaBytes: 0, lowerBoundBytes: 0)
  return ModulePlan(
    module: emptyModule(tables), kernels: [kernel], functions: [function], states: states, stateBytes: offset)
}

/// Runs a kernel on tensors, one a slot; what they are afterwards.
func run(
  _ kernel: Kernel, _ tables: Tables, _ tensors: [HostTensor], symbols: [SymbolID: Int] = [:],
  options: PlanInterpreter.Options = .init()
) throws -> [HostTensor] {
  let order = symbols.keys.sorted { $0.raw < $1.raw }
  var interpreter = try PlanInterpreter(
    statePlan(kernel, tables, tensors, symbols: order), parameters: [], states: tensors, options: options)
  _ = try interpreter.run("f", inputs: [], symbols: symbols)
  return interpreter.states
}

extension KernelFixture {
  func run(_ tensors: [HostTensor]) throws -> [HostTensor] {
    try SluiceInterpreterTests.run(kernel, tables, tensors)
  }
}

/// The bits of every element.
func bits(_ tensor: HostTensor) -> [UInt64] {
  let size = tensor.dtype.byteCount
  return (0..<tensor.count).map { element in
    (0..<size).reduce(UInt64(0)) { $0 | UInt64(tensor.bytes[element * size + $1]) << UInt64(8 * $1) }
  }
}

/// A tensor of these bits.
func tensor(_ dtype: DType, _ bits: [UInt64]) throws -> HostTensor {
  var bytes: [UInt8] = []
  for word in bits {
    for byte in 0..<dtype.byteCount { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(8 * byte))) }
  }
  return try HostTensor(dtype: dtype, shape: [bits.count], bytes: bytes)
}

/// Whether two elements are the same: the same bits, or two NaNs.
func isSame(_ a: UInt64, _ b: UInt64, _ dtype: DType) -> Bool {
  switch dtype {
  case .f32: a == b || (Float(bits: a).isNaN && Float(bits: b).isNaN)
  case .f64: a == b || (Double(bitPattern: a).isNaN && Double(bitPattern: b).isNaN)
  default: a == b
  }
}

/// The first element that differs, as text.
func difference(_ a: HostTensor, _ b: [UInt64]) -> String? {
  let seen = bits(a)
  guard seen.count == b.count else { return "\(seen.count) elements, not \(b.count)" }
  for (position, pair) in zip(seen, b).enumerated() where !isSame(pair.0, pair.1, a.dtype) {
    return "element \(position): \(String(pair.0, radix: 16)), not \(String(pair.1, radix: 16))"
  }
  return nil
}

/// A small generator of equal sequences for equal seeds.
struct Random: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 0x1234_5678_9ABC_DEF1 }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func below(_ count: Int) -> Int { Int(next() % UInt64(count)) }

  mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }

  /// Floats of all magnitudes, many of them ordinary.
  mutating func float() -> Float {
    switch below(8) {
    case 0: Float(bitPattern: UInt32(truncatingIfNeeded: next()))
    case 1:
      pick([
        0, -0.0, 1, -1, .infinity, -.infinity, .nan, 0.5, 2, .leastNonzeroMagnitude, .greatestFiniteMagnitude,
      ])
    case 2: Float(below(9) - 4)
    default: Float(Int64(bitPattern: next()) >> 40) / 4096
    }
  }
}
