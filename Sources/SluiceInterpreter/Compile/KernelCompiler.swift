import SluiceIR
import SluicePlan

/// Turns a kernel into a `CompiledKernel`: verifies it, opens calls, finds tiles, emits codes, places registers.
struct KernelCompiler {
  let kernel: Kernel
  let ends: [Int]
  let analysis: TileAnalysis
  let table: DimTable
  var codes: [Code] = []
  var addresses: [AddressCode] = []
  var affines: [AffineCode] = []
  var terms: [TermCode] = []
  var loops: [LoopCode] = []
  var dims = DimList()
  var placement = RegisterPlacement()
  /// Per register its virtual scalar and row, or -1.
  var scalars: [Int32]
  var rows: [Int32]
  /// Per register the bits of a constant that never changes.
  var constants: [UInt64?]
  var constantScalars: [Constant: Int32] = [:]
  var constantRows: [Constant: Int32] = [:]
  var addressRow: Int32 = -1
  var scopes: [Scope] = []
  /// The tiled loop around the current instruction, or -1.
  var tile = -1

  struct Constant: Hashable {
    var dtype: DType
    var bits: UInt64
  }

  /// An accumulator of a lanes loop and its lanes.
  struct Accumulator {
    var register: Register
    var op: ScalarOp
    var row: Int32
  }

  /// A loop or `if` that is open.
  struct Scope {
    /// The loop's row in `loops`, or -1 for an `if`.
    var loop: Int
    /// Its first code.
    var begin: Int
    var isTiled = false
    var laneCount = 1
    var accumulators: [Accumulator] = []
  }

  /// Compiles a kernel; throws `invalidKernel` when it is not well formed.
  static func compile(_ kernel: Kernel, _ tables: Tables) throws(InterpreterError) -> CompiledKernel {
    if let flaw = KernelVerifier(kernel, tables).verify().first {
      throw .invalidKernel(kernel: kernel.name, instruction: flaw.instruction, reason: flaw.reason)
    }
    let expanded = KernelExpansion(kernel).kernel
    var compiler = KernelCompiler(expanded, TileAnalysis(expanded), tables.dims)
    compiler.emit()
    guard let compiled = compiler.finish() else {
      throw .invalidKernel(kernel: kernel.name, instruction: nil, reason: "it has too many registers")
    }
    return compiled
  }

  init(_ kernel: Kernel, _ analysis: TileAnalysis, _ table: DimTable) {
    self.kernel = kernel
    self.analysis = analysis
    self.table = table
    scalars = kernel.registers.map { _ in -1 }
    rows = scalars
    constants = kernel.registers.map { _ in nil }
    var open: [Int] = []
    var ends = kernel.instructions.map { _ in -1 }
    for (position, instruction) in kernel.instructions.enumerated() {
      switch instruction {
      case .scalar(let scalar) where scalar.op == .constant && analysis.definitionCounts[scalar.result] == 1:
        constants[scalar.result] = scalar.immediate
      case .loop, .if: open.append(position)
      case .end: if let begin = open.popLast() { ends[begin] = position }
      default: break
      }
    }
    self.ends = ends
  }

  // MARK: Registers

  /// The virtual register of a constant.
  mutating func constant(_ dtype: DType, _ bits: UInt64, isRow: Bool) -> Int32 {
    let key = Constant(dtype: dtype, bits: bits)
    if let known = isRow ? constantRows[key] : constantScalars[key] { return known }
    let made = isRow ? placement.row(dtype.byteCount) : placement.scalar()
    placement.keep(made)
    if isRow { constantRows[key] = made } else { constantScalars[key] = made }
    return made
  }

  mutating func scalar(_ register: Register) -> Int32 {
    if let bits = constants[register] { return constant(kernel.registers[register], bits, isRow: false) }
    if scalars[register] < 0 { scalars[register] = placement.scalar() }
    return scalars[register]
  }

  /// The row of a register; where it does not vary, the row that copies of it are kept in.
  mutating func row(_ register: Register) -> Int32 {
    if let bits = constants[register] { return constant(kernel.registers[register], bits, isRow: true) }
    if rows[register] < 0 { rows[register] = placement.row(kernel.registers[register].byteCount) }
    placement.touch(rows[register], at: codes.count)
    return rows[register]
  }

  mutating func operand(_ register: Register, isWide: Bool) -> Int32 {
    isWide ? row(register) : scalar(register)
  }

  /// Copies a scalar to its row where instructions on rows need it.
  mutating func splatIfNeeded(_ register: Register) {
    guard tile >= 0, analysis.needsRow[register], !analysis.isVarying[register], constants[register] == nil
    else {
      return
    }
    let dtype = kernel.registers[register]
    codes.append(
      Code(kind: .splat, dtype: dtype, isWide: true, result: row(register), a: scalar(register)))
  }

  // MARK: Index expressions

  mutating func dim(_ dim: DimID) -> Int32 {
    // The verifier has seen that the table has it.
    Int32(dims.row(dim, table) ?? 0)
  }

  mutating func affine(_ affine: Affine) -> Int32 {
    affines.append(base(affine))
    return Int32(affines.count - 1)
  }

  /// The part of an index expression that is the same in a whole tile, at its first iteration.
  mutating func base(_ affine: Affine) -> AffineCode {
    let constant = dim(affine.constant)
    let first = Int32(terms.count)
    for term in affine.terms where !isGathered(term.register) {
      terms.append(TermCode(coefficient: dim(term.coefficient), register: scalar(term.register)))
    }
    return AffineCode(constant: constant, first: first, last: Int32(terms.count))
  }

  var tileIndex: Register? {
    guard tile >= 0, case .loop(let loop) = kernel.instructions[tile] else { return nil }
    return loop.index
  }

  func isGathered(_ register: Register) -> Bool {
    tile >= 0 && analysis.isVarying[register] && register != tileIndex
  }

  mutating func address(_ affine: Affine) -> Int32 {
    let base = base(affine)
    let first = Int32(terms.count)
    var stride: Int32 = -1
    var step = 1
    for term in affine.terms {
      if isGathered(term.register) {
        terms.append(TermCode(coefficient: dim(term.coefficient), register: row(term.register)))
      } else if let index = tileIndex, term.register == index,
        case .loop(let loop) = kernel.instructions[tile]
      {
        stride = dim(term.coefficient)
        step = loop.step
      }
    }
    let code = AddressCode(
      base: base, stride: stride, step: step, firstGather: first, lastGather: Int32(terms.count))
    if code.isGathered, addressRow < 0 {
      addressRow = placement.row(8)
      placement.keep(addressRow)
    }
    addresses.append(code)
    return Int32(addresses.count - 1)
  }
}
