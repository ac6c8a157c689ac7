import SluiceIR
import SluicePlan

/// Checks that a kernel is well formed, so that what runs it need not ask again.
///
/// A register is visible from its definition to the end of the loop or `if` that it is defined in.
struct KernelChecker {
  /// What is wrong with a kernel, and where.
  struct Flaw: Error {
    var instruction: Int
    var reason: String
  }

  private struct Scope {
    var begin: Int
    var loop: Loop?
    /// Where the registers defined in it begin in `defined`.
    var firstDefinition: Int
  }

  private let kernel: Kernel
  private let dims: DimTable
  /// Per `loop` and `if` the position of its `end`.
  private(set) var ends: [Int]
  private var position = 0
  private var scopes: [Scope] = []
  private var defined: [Register] = []
  /// Per register the number of scopes around its definition; -1 when it is not visible, -2 when it never was.
  private var depths: [Int]
  private var isIndex: [Bool]
  /// The accumulators of the current `lanes` loop, and what it reads.
  private var accumulators: [Register: ScalarOp] = [:]
  private var readInLanes: Set<Register> = []

  init(_ kernel: Kernel, _ dims: DimTable) {
    self.kernel = kernel
    self.dims = dims
    ends = kernel.instructions.map { _ in -1 }
    depths = kernel.registers.map { _ in -2 }
    isIndex = kernel.registers.map { _ in false }
  }

  mutating func check() throws(Flaw) {
    for (at, instruction) in kernel.instructions.enumerated() {
      position = at
      try check(instruction)
    }
    position = kernel.instructions.count
    if let open = scopes.last { throw flaw("the loop or `if` of instruction \(open.begin) has no end") }
  }

  private func flaw(_ reason: String) -> Flaw { Flaw(instruction: position, reason: reason) }

  private mutating func check(_ instruction: Instruction) throws(Flaw) {
    switch instruction {
    case .scalar(let scalar): try check(scalar)
    case .index(let result, let affine):
      try use(affine)
      try define(result, .i64)
    case .load(let result, let slot, let index):
      let tensor = try self.slot(slot)
      if tensor.access == .write { throw flaw("loads from `\(tensor.name)`, which is only written") }
      try use(index)
      try define(result, tensor.dtype)
    case .store(let slot, let index, let value):
      let tensor = try self.slot(slot)
      if tensor.access == .read { throw flaw("stores to `\(tensor.name)`, which is only read") }
      try use(index)
      try use(value, tensor.dtype)
    case .assign(let result, let value):
      let dtype = try dtype(of: value)
      try use(value, dtype)
      try assign(result, dtype)
    case .accumulate(let accumulator, let op, let value): try accumulate(accumulator, op, value)
    case .loop(let loop): try begin(loop)
    case .if(let condition):
      try use(condition, .bool)
      if scopes.contains(where: { $0.loop?.kind == .vector || $0.loop?.lanes != nil }) {
        throw flaw("an `if` in a vector or lanes loop")
      }
      open(nil)
    case .end: try close()
    }
  }

  // MARK: Scopes

  private mutating func open(_ loop: Loop?) {
    scopes.append(Scope(begin: position, loop: loop, firstDefinition: defined.count))
  }

  private mutating func close() throws(Flaw) {
    guard let scope = scopes.popLast() else { throw flaw("an end without a loop or `if`") }
    ends[scope.begin] = position
    for register in defined[scope.firstDefinition...] { depths[register] = -1 }
    defined.removeSubrange(scope.firstDefinition...)
    if scope.loop?.lanes != nil {
      if let mixed = accumulators.keys.first(where: { readInLanes.contains($0) }) {
        throw flaw("the accumulator \(mixed) is read in its lanes loop")
      }
      accumulators = [:]
      readInLanes = []
    }
  }

  private mutating func begin(_ loop: Loop) throws(Flaw) {
    if loop.step < 1 { throw flaw("a loop with step \(loop.step)") }
    for bound in [loop.start, loop.end] { try use(bound) }
    if let limit = loop.limit { try use(limit) }
    for scope in scopes {
      guard let outer = scope.loop else { continue }
      if outer.lanes != nil { throw flaw("a loop in a lanes loop") }
      if outer.kind == .vector, loop.kind != .sequential {
        throw flaw("a loop in a vector loop is not sequential")
      }
    }
    if let lanes = loop.lanes {
      guard lanes >= 1, lanes <= CompiledKernel.tileWidth, lanes & (lanes - 1) == 0 else {
        throw flaw("\(lanes) lanes: not a power of two up to \(CompiledKernel.tileWidth)")
      }
    }
    open(loop)
    try define(loop.index, .i64)
    isIndex[loop.index] = true
  }

  // MARK: Registers

  private func dtype(of register: Register) throws(Flaw) -> DType {
    guard kernel.registers.indices.contains(register) else { throw flaw("there is no register \(register)") }
    return kernel.registers[register]
  }

  private mutating func use(_ register: Register, _ dtype: DType) throws(Flaw) {
    let own = try self.dtype(of: register)
    if own != dtype { throw flaw("register \(register) is \(own.name), \(dtype.name) is expected") }
    if depths[register] < 0 { throw flaw("register \(register) has no value here") }
    if scopes.last?.loop?.lanes != nil { readInLanes.insert(register) }
  }

  private mutating func use(_ affine: Affine) throws(Flaw) {
    for dim in [affine.constant] + affine.terms.map(\.coefficient) where dim.index >= dims.count {
      throw flaw("there is no dim \(dim.raw)")
    }
    for term in affine.terms { try use(term.register, .i64) }
  }

  private mutating func define(_ register: Register, _ dtype: DType) throws(Flaw) {
    let own = try self.dtype(of: register)
    if own != dtype { throw flaw("register \(register) is \(own.name), \(dtype.name) is defined") }
    if depths[register] != -2 { throw flaw("register \(register) is defined twice") }
    depths[register] = scopes.count
    defined.append(register)
  }

  private mutating func assign(_ register: Register, _ dtype: DType) throws(Flaw) {
    let own = try self.dtype(of: register)
    if depths[register] < 0 { return try define(register, dtype) }
    if own != dtype { throw flaw("register \(register) is \(own.name), \(dtype.name) is assigned") }
    if isIndex[register] { throw flaw("the loop index \(register) is assigned") }
    for scope in scopes[depths[register]...] {
      guard let loop = scope.loop, loop.kind != .sequential else { continue }
      throw flaw("register \(register) is assigned in a loop that is not sequential, and comes from outside")
    }
  }

  private mutating func accumulate(
    _ accumulator: Register, _ op: ScalarOp, _ value: Register
  ) throws(Flaw) {
    let dtype = try dtype(of: value)
    try use(value, dtype)
    guard scopes.last?.loop?.lanes != nil else { throw flaw("an accumulate outside a lanes loop") }
    guard try self.dtype(of: accumulator) == dtype else { throw flaw("the accumulator has another dtype") }
    guard depths[accumulator] >= 0, depths[accumulator] < scopes.count else {
      throw flaw("the accumulator \(accumulator) has no value before the lanes loop")
    }
    for scope in scopes[depths[accumulator]...].dropLast() {
      guard let loop = scope.loop, loop.kind != .sequential else { continue }
      throw flaw("the accumulator \(accumulator) comes from outside a loop that is not sequential")
    }
    if isIndex[accumulator] { throw flaw("the loop index \(accumulator) is an accumulator") }
    guard op.operandCount == 2, !op.isComparison, op.supports(dtype) else {
      throw flaw("`\(op)` does not accumulate \(dtype.name)")
    }
    guard accumulators[accumulator, default: op] == op else {
      throw flaw("the accumulator \(accumulator) has two operations")
    }
    accumulators[accumulator] = op
  }

  // MARK: Operations

  private func slot(_ slot: Int) throws(Flaw) -> Slot {
    guard kernel.slots.indices.contains(slot) else { throw flaw("there is no slot \(slot)") }
    return kernel.slots[slot]
  }

  private mutating func check(_ scalar: ScalarInstruction) throws(Flaw) {
    let (op, dtype, source) = (scalar.op, scalar.dtype, scalar.source)
    let count = op.operandCount(immediate: scalar.immediate)
    guard scalar.operands.count == count else {
      throw flaw("`\(op)` takes \(count) operands, got \(scalar.operands.count)")
    }
    switch op {
    case .parameter: throw flaw("a parameter in a kernel")
    case .constant: break
    case .select:
      try use(scalar.operands[0], .bool)
      try use(scalar.operands[1], dtype)
      try use(scalar.operands[2], dtype)
    case .cast: try use(scalar.operands[0], source)
    case .bitcast:
      guard source.byteCount == dtype.byteCount, !source.isNarrow else {
        throw flaw("a bitcast from \(source.name) to \(dtype.name)")
      }
      try use(scalar.operands[0], source)
    case .call:
      guard let function = ElementaryFunction(immediate: scalar.immediate), function.dtypes.contains(dtype)
      else { throw flaw("a call of no elementary function") }
      for operand in scalar.operands { try use(operand, dtype) }
    default:
      guard op.supports(source) else { throw flaw("`\(op)` is not an operation on \(source.name)") }
      guard dtype == (op.isComparison ? .bool : source) else {
        throw flaw("`\(op)` of \(source.name) does not give \(dtype.name)")
      }
      for operand in scalar.operands { try use(operand, source) }
    }
    try define(scalar.result, dtype)
  }
}

extension Loop {
  /// How many lanes a `lanes` loop has.
  var lanes: Int? {
    if case .lanes(let count) = kind { return count }
    return nil
  }
}
