// Seeded random kernels of all shapes that the backend knows: maps, blocks of a vector loop with loops inside,
// reductions in lanes, and sequential code with conditions.

import SluiceFormats
import SluiceIR
import SluicePlan

/// Makes the functions of one plan; each calls one random kernel.
struct RandomKernels {
  private(set) var kit = PlanKit("random")
  private var random: Seeded
  /// Rows and columns: the symbols of every function.
  let rows: SymbolID
  let columns: SymbolID
  private let rowDim: DimID
  private let columnDim: DimID
  private(set) var count = 0

  static let dtypes: [DType] = [.f32, .f32, .f64, .i32, .i64, .u8, .bool]

  init(seed: UInt64) {
    random = Seeded(seed)
    rows = kit.symbol("R", 70)
    columns = kit.symbol("C", 130)
    rowDim = kit.dim(rows)
    columnDim = kit.dim(columns)
  }

  private mutating func pick<Element>(_ list: [Element]) -> Element {
    list[Int(random.next() % UInt64(list.count))]
  }

  private mutating func chance(_ percent: UInt64) -> Bool { random.next() % 100 < percent }

  /// Scalars that instructions may use, by dtype.
  private struct Pool {
    var registers: [DType: [Register]] = [:]

    mutating func add(_ register: Register, _ dtype: DType) { registers[dtype, default: []].append(register) }
  }

  // MARK: Scalars

  private mutating func constant(_ k: inout KernelBuilder, _ dtype: DType) -> Register {
    if dtype.isFloat, chance(70) {
      let value = pick([0.0, 1, -1, 0.5, 2, -3.25, 1e-3, 100])
      return k.constant(dtype == .f32 ? UInt64(Float(value).bitPattern) : value.bitPattern, dtype)
    }
    return k.constant(pick(ScalarCase.specials(dtype)), dtype)
  }

  private mutating func operand(_ k: inout KernelBuilder, _ pool: Pool, _ dtype: DType) -> Register {
    let known = pool.registers[dtype] ?? []
    if known.isEmpty || chance(12) { return constant(&k, dtype) }
    return chance(50) ? known[known.count - 1] : pick(known)
  }

  /// One more scalar of a random kind.
  private mutating func grow(_ k: inout KernelBuilder, _ pool: inout Pool) {
    let dtype = pick(Self.dtypes)
    let result: Register
    switch random.next() % 10 {
    case 0:
      let source = pick(Self.dtypes)
      let value = operand(&k, pool, source)
      result = source == dtype ? value : k.scalar(.cast, dtype, source: source, [value])
    case 1:
      let condition = operand(&k, pool, .bool)
      result = k.scalar(.select, dtype, [condition, operand(&k, pool, dtype), operand(&k, pool, dtype)])
    case 2:
      let source = pick(Self.dtypes)
      let op: ScalarOp = pick([.equal, .notEqual, .less, .lessEqual])
      let operands = [operand(&k, pool, source), operand(&k, pool, source)]
      pool.add(k.scalar(op, .bool, source: source, operands), .bool)
      return
    case 3 where dtype.isFloat:
      let op: ScalarOp = pick([.sqrt, .floor, .ceil, .trunc, .round, .canonical, .abs, .negate])
      result = k.scalar(op, dtype, [operand(&k, pool, dtype)])
    case 4 where dtype.isFloat:
      result = k.scalar(
        .fma, dtype, [operand(&k, pool, dtype), operand(&k, pool, dtype), operand(&k, pool, dtype)])
    case 5 where dtype == .i32 || dtype == .i64:
      // Only canonical NaNs have bits that are the same everywhere.
      let source: DType = dtype == .i32 ? .f32 : .f64
      let clean = k.scalar(.canonical, source, [operand(&k, pool, source)])
      result = k.scalar(.bitcast, dtype, source: source, [clean])
    case 6 where !dtype.isFloat:
      let op: ScalarOp = pick([.and, .or, .xor, .shiftLeft, .shiftRight, .shiftRightLogical])
      result = k.scalar(op, dtype, [operand(&k, pool, dtype), operand(&k, pool, dtype)])
    case 7 where !dtype.isFloat:
      result = k.scalar(pick([.not, .negate, .abs]), dtype, [operand(&k, pool, dtype)])
    default:
      let ops: [ScalarOp] = [
        .add, .add, .subtract, .multiply, .multiply, .divide, .minimum, .maximum, .remainder,
      ]
      result = k.scalar(pick(ops), dtype, [operand(&k, pool, dtype), operand(&k, pool, dtype)])
    }
    pool.add(result, dtype)
  }

  private mutating func grow(_ k: inout KernelBuilder, _ pool: inout Pool, _ steps: Int) {
    for _ in 0..<steps { grow(&k, &pool) }
  }

  // MARK: Kernels

  private struct Slots {
    var inputs: [(slot: Memory, dtype: DType)] = []
    var outputs: [(slot: Memory, dtype: DType)] = []
  }

  /// Adds a function with a random kernel; `shape` picks the template.
  mutating func add(shape: Int) {
    var k = kit.builder("kernel")
    var slots = Slots()
    let inputTypes = (0..<3).map { _ in pick(Self.dtypes) } + [.f32]
    let outputTypes = (0..<2).map { _ in pick(Self.dtypes) } + [.f32]
    for (row, dtype) in inputTypes.enumerated() {
      slots.inputs.append((k.slot("x\(row)", dtype, .read), dtype))
    }
    for (row, dtype) in outputTypes.enumerated() {
      slots.outputs.append((k.slot("y\(row)", dtype, shape == 3 ? .readWrite : .write), dtype))
    }
    switch shape {
    case 0: map(&k, slots)
    case 1: blocks(&k, slots)
    case 2: reduction(&k, slots)
    default: sequence(&k, slots)
    }
    let kernel = kit.add(k, comment: ["random kernel \(count) of shape \(shape)"])
    let inputs = inputTypes.enumerated().map { ("x\($0)", kit.type($1, [rowDim, columnDim])) }
    let outputs = outputTypes.enumerated().map { ("y\($0)", kit.type($1, [rowDim, columnDim])) }
    let arguments = (0..<inputs.count + outputs.count).map {
      Argument(buffer: BufferID($0), offset: kit.zero)
    }
    kit.function(
      "f\(count)", symbols: [rows, columns], inputs: inputs, outputs: outputs,
      steps: [.call(kernel, arguments)])
    count += 1
  }

  private func place(_ i: Register, _ j: Register) -> Affine {
    Affine(kit.zero, [.init(columnDim, i), .init(kit.one, j)])
  }

  private mutating func load(_ k: inout KernelBuilder, _ slots: Slots, _ pool: inout Pool, _ place: Affine) {
    for (slot, dtype) in slots.inputs where chance(80) { pool.add(k.load(slot, place), dtype) }
  }

  private mutating func store(_ k: inout KernelBuilder, _ slots: Slots, _ pool: Pool, _ place: Affine) {
    for (slot, dtype) in slots.outputs {
      var value = operand(&k, pool, dtype)
      if dtype.isFloat { value = k.scalar(.canonical, dtype, [value]) }
      k.store(slot, place, value)
    }
  }

  /// Elements one by one.
  private mutating func map(_ k: inout KernelBuilder, _ slots: Slots) {
    var pool = Pool()
    let i = k.beginLoop(to: Affine(rowDim), .parallel)
    if chance(40) { pool.add(i, .i64) }
    let j = k.beginLoop(to: Affine(columnDim), .vector)
    if chance(40) { pool.add(j, .i64) }
    load(&k, slots, &pool, place(i, j))
    grow(&k, &pool, 4 + Int(random.next() % 24))
    store(&k, slots, pool, place(i, j))
    k.endLoop()
    k.endLoop()
  }

  /// A vector loop over columns with loops over rows inside, which carry scalars.
  private mutating func blocks(_ k: inout KernelBuilder, _ slots: Slots) {
    var outer = Pool()
    outer.add(constant(&k, .f32), .f32)
    let j = k.beginLoop(to: Affine(columnDim), .vector)
    var pool = outer
    if chance(30) { pool.add(j, .i64) }
    let carried = (0..<1 + Int(random.next() % 3)).map { _ -> (Register, DType) in
      let dtype = pick(Self.dtypes)
      return (k.variable(constant(&k, dtype)), dtype)
    }
    for _ in 0..<1 + Int(random.next() % 2) {
      let isTiled = chance(30)
      if isTiled {
        let step = k.beginLoop(to: Affine(rowDim), step: 5, .sequential)
        let end = Affine(kit.dim(5), [.init(kit.one, step)])
        let i = k.beginLoop(
          from: Affine(kit.zero, [.init(kit.one, step)]), to: end, limit: Affine(rowDim), .sequential)
        accumulate(&k, slots, pool, i, j, carried)
        k.endLoop()
        k.endLoop()
      } else {
        let i = k.beginLoop(to: Affine(rowDim), .sequential)
        accumulate(&k, slots, pool, i, j, carried)
        k.endLoop()
      }
      for (register, dtype) in carried { pool.add(register, dtype) }
      grow(&k, &pool, Int(random.next() % 5))
    }
    let i = k.beginLoop(to: Affine(rowDim), .sequential)
    var inner = pool
    load(&k, slots, &inner, place(i, j))
    grow(&k, &inner, 3)
    store(&k, slots, inner, place(i, j))
    k.endLoop()
    k.endLoop()
  }

  private mutating func accumulate(
    _ k: inout KernelBuilder, _ slots: Slots, _ outer: Pool, _ i: Register, _ j: Register,
    _ carried: [(Register, DType)]
  ) {
    var pool = outer
    load(&k, slots, &pool, place(i, j))
    // An element that is the same for all lanes.
    pool.add(k.load(slots.inputs[3].slot, Affine(kit.zero, [.init(columnDim, i)])), .f32)
    if chance(30) { pool.add(i, .i64) }
    for (register, dtype) in carried { pool.add(register, dtype) }
    grow(&k, &pool, 2 + Int(random.next() % 8))
    for (register, dtype) in carried { k.assign(register, operand(&k, pool, dtype)) }
  }

  /// Sums over columns in lanes; every element of a row gets the row's results.
  private mutating func reduction(_ k: inout KernelBuilder, _ slots: Slots) {
    let i = k.beginLoop(to: Affine(rowDim), .parallel)
    let local = chance(60) ? self.local(&k, slots, i) : nil
    var accumulators: [(Register, DType, ScalarOp)] = []
    for _ in 0..<1 + Int(random.next() % 3) {
      let dtype = pick(Self.dtypes)
      var op: ScalarOp = pick([.add, .maximum, .minimum, .multiply])
      if !dtype.isFloat, chance(30) { op = pick([.and, .or, .xor]) }
      accumulators.append((k.variable(constant(&k, dtype)), dtype, op))
    }
    let lanes = pick([1, 2, 4, 8, 16])
    var body = { (self: inout RandomKernels, k: inout KernelBuilder, j: Register) in
      var pool = Pool()
      self.load(&k, slots, &pool, self.place(i, j))
      if let (row, dtype) = local { pool.add(k.load(row, self.element(j)), dtype) }
      self.grow(&k, &pool, 2 + Int(self.random.next() % 8))
      for (register, dtype, op) in accumulators { k.accumulate(register, op, self.operand(&k, pool, dtype)) }
    }
    if chance(50) {
      let block = k.beginLoop(to: Affine(columnDim), step: 40, .sequential)
      let end = Affine(kit.dim(40), [.init(kit.one, block)])
      let start = Affine(kit.zero, [.init(kit.one, block)])
      let j = k.beginLoop(from: start, to: end, limit: Affine(columnDim), .lanes(lanes))
      body(&self, &k, j)
      k.endLoop()
      k.endLoop()
    } else {
      let step = pick([1, 1, 1, 3])
      let j = k.beginLoop(to: Affine(columnDim), step: step, .lanes(lanes))
      body(&self, &k, j)
      k.endLoop()
    }
    body = { _, _, _ in }
    let j = k.beginLoop(to: Affine(columnDim), .vector)
    var pool = Pool()
    for (register, dtype, _) in accumulators { pool.add(register, dtype) }
    if let (row, dtype) = local { pool.add(k.load(row, element(j)), dtype) }
    load(&k, slots, &pool, place(i, j))
    grow(&k, &pool, 4)
    store(&k, slots, pool, place(i, j))
    k.endLoop()
    k.endLoop()
  }

  private func element(_ j: Register) -> Affine { Affine(kit.zero, [.init(kit.one, j)]) }

  /// A row of the kernel's own, made of the inputs' rows.
  private mutating func local(
    _ k: inout KernelBuilder, _ slots: Slots, _ i: Register
  ) -> (row: Memory, dtype: DType) {
    let dtype = pick(Self.dtypes)
    let row = k.local("row", dtype, columnDim)
    let j = k.beginLoop(to: Affine(columnDim), pick([.vector, .sequential]))
    var pool = Pool()
    load(&k, slots, &pool, place(i, j))
    grow(&k, &pool, 3)
    k.store(row, element(j), operand(&k, pool, dtype))
    k.endLoop()
    return (row, dtype)
  }

  /// Loops in order, with conditions, elements read back, and indices that come from data.
  private mutating func sequence(_ k: inout KernelBuilder, _ slots: Slots) {
    let i = k.beginLoop(to: Affine(rowDim), .sequential)
    let last = k.index(Affine(kit.sum(columnDim, -1)))
    let total = k.variable(constant(&k, .f32))
    let clear = k.beginLoop(to: Affine(columnDim), .sequential)
    for (slot, dtype) in slots.outputs {
      k.store(slot, place(i, clear), k.constant(dtype == .bool ? 1 : 0, dtype))
    }
    k.endLoop()
    let j = k.beginLoop(to: Affine(columnDim), .sequential)
    var pool = Pool()
    load(&k, slots, &pool, place(i, j))
    pool.add(total, .f32)
    for (slot, dtype) in slots.outputs { pool.add(k.load(slot, place(i, j)), dtype) }
    grow(&k, &pool, 3 + Int(random.next() % 8))
    let wanted = operand(&k, pool, .i64)
    let low = k.scalar(.maximum, .i64, [wanted, k.constant(0, .i64)])
    let index = k.scalar(.minimum, .i64, [low, last])
    pool.add(k.load(slots.inputs[3].slot, place(i, index)), .f32)
    grow(&k, &pool, 2)
    k.assign(total, k.scalar(.canonical, .f32, [operand(&k, pool, .f32)]))
    k.begin(if: operand(&k, pool, .bool))
    var inner = pool
    grow(&k, &inner, 2)
    store(&k, slots, inner, place(i, chance(50) ? j : index))
    k.endLoop()
    k.endLoop()
    k.endLoop()
  }

  // MARK: Inputs

  /// Inputs of a function for some sizes.
  mutating func inputs(_ function: Int, _ rowCount: Int, _ columnCount: Int) throws -> [HostTensor] {
    let plan = kit.plan.functions[function]
    return try plan.inputs.map { port in
      let dtype = kit.tables.types.dtype(port.type)
      let words = (0..<rowCount * columnCount).map { _ -> UInt64 in
        if chance(10) { return pick(ScalarCase.specials(dtype)) }
        switch dtype {
        case .f32: return UInt64(random.float().bitPattern)
        case .f64: return Double(random.float()).bitPattern
        case .i32: return random.next() >> 40 & 0xFFFF_FFFF
        case .i64: return UInt64(bitPattern: Int64(bitPattern: random.next()) >> 56)
        case .u8: return random.next() & 255
        case .bool: return random.next() & 1
        case .f16, .bf16: return random.next() & 0xFFFF
        }
      }
      return try tensor(words, dtype, shape: [rowCount, columnCount])
    }
  }
}
