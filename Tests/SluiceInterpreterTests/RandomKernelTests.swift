import SluiceFormats
import SluiceIR
import SluiceInterpreter
import SluicePlan
import Testing

/// Random kernels of every shape give what the naive runner gives.
@Suite struct RandomKernelTests {
  @Test func kernels() throws {
    for seed in 0..<(isRelease ? 2000 : 60) {
      var generator = KernelGenerator(UInt64(seed))
      let (dtypes, memory) = generator.make()
      try compare(generator.fixture, dtypes, memory)
      try checkText(generator.fixture, dtypes, memory)
    }
  }
}

/// The text of a kernel is read back as the same kernel.
private func checkText(_ fixture: KernelFixture, _ dtypes: [DType], _ memory: [[UInt64]]) throws {
  let kernel = fixture.kernel
  let plan = statePlan(kernel, fixture.tables, try zip(dtypes, memory).map { try tensor($0, $1) })
  let text = printPlan(plan)
  let again = try parsePlan(text, file: "\(kernel.name).sluice")
  #expect(printPlan(again) == text)
  #expect(again.kernels[0].registers == kernel.registers && again.kernels[0].slots == kernel.slots)
  // Constants with all their bits, and what no text shows.
  func scalars(_ kernel: Kernel) -> [ScalarInstruction] {
    kernel.instructions.compactMap { if case .scalar(let scalar) = $0 { scalar } else { nil } }
  }
  #expect(scalars(again.kernels[0]) == scalars(kernel))
}

/// Writes random kernels whose iterations are independent: they load from read-only slots, anywhere, and store
/// each element once.
struct KernelGenerator {
  var fixture: KernelFixture
  private var random: Random
  private var known: [DType: [Register]] = [:]
  private var sources: [(slot: Memory, dtype: DType)] = []
  private var outputs: [(dtype: DType, count: Int)] = []
  /// The loops around: indices and extents.
  private var loops: [(index: Register, extent: Int)] = []
  private static let sourceCount = 997

  init(_ seed: UInt64) {
    fixture = KernelFixture("random\(seed)")
    random = Random(seed)
  }

  /// Makes the kernel; the dtypes and the first contents of its slots.
  mutating func make() -> (dtypes: [DType], memory: [[UInt64]]) {
    for dtype in DType.allCases {
      sources.append((fixture.builder.slot("x\(dtype.name)", dtype, .read), dtype))
    }
    for dtype in DType.allCases {
      known[dtype] = [fixture.builder.constant(dtype == .bool ? 1 : random.next() & 63, dtype)]
    }
    for _ in 0...random.below(2) { nest(0) }
    var dtypes = sources.map(\.dtype)
    var memory: [[UInt64]] = dtypes.map { dtype in
      let pool = ScalarOperationTests.operands(dtype, &random)
      return (0..<Self.sourceCount).map { _ in random.pick(pool) }
    }
    for output in outputs {
      dtypes.append(output.dtype)
      memory.append([UInt64](repeating: 0, count: output.count))
    }
    return (dtypes, memory)
  }

  /// Puts code between scopes: registers defined inside are not seen after it.
  private mutating func scoped(_ open: (inout Self) -> Void, _ body: (inout Self) -> Void) {
    let (before, around) = (known, loops)
    open(&self)
    body(&self)
    fixture.builder.endLoop()
    (known, loops) = (before, around)
  }

  private mutating func begin(_ extent: Int, _ kind: Loop.Kind) {
    let step = random.below(4) == 0 ? 2 : 1
    let index: Register
    if random.below(4) == 0 {
      index = fixture.builder.beginLoop(
        from: fixture.affine(0), to: fixture.extent(extent * step + 3), limit: fixture.extent(extent * step),
        step: step, kind)
    } else {
      index = fixture.loop(extent * step, step: step, kind)
    }
    loops.append((index, extent * step))
    known[.i64, default: []].append(index)
  }

  private mutating func nest(_ depth: Int) {
    if random.below(3) == 0 { work(random.below(4)) }
    switch random.below(depth > 2 ? 3 : 7) {
    case 0: vector()
    case 6 where fixture.builder.kernel.locals.count < 4: local()
    case 1: lanes()
    case 2:
      work(2)
      store()
    case 3:
      let condition = value(.bool)
      scoped({ $0.fixture.builder.begin(if: condition) }, { $0.nest(depth + 1) })
    default:
      let kind: Loop.Kind = random.below(2) == 0 ? .parallel : .sequential
      scoped {
        $0.begin($0.random.pick([0, 1, 2, 5]), kind)
      } _: { generator in
        for _ in 0...generator.random.below(2) { generator.nest(depth + 1) }
      }
    }
  }

  private mutating func vector() {
    scoped {
      $0.begin($0.random.pick([1, 2, 9, 40, 255, 256, 257, 300]), .vector)
    } _: { generator in
      generator.work(generator.random.below(6))
      if generator.random.below(2) == 0 { generator.carried(2) }
      generator.work(generator.random.below(4))
      for _ in 0...generator.random.below(2) { generator.store() }
    }
  }

  /// A local that is filled in one loop, and read in another one from its end.
  private mutating func local() {
    let dtype = random.pick(DType.allCases)
    let count = random.pick([1, 7, 255, 300])
    let row = fixture.builder.local("row", dtype, fixture.tables.dims.integer(count))
    for isStore in [true, false] {
      let kind = random.pick([Loop.Kind.vector, .parallel, .sequential])
      scoped {
        $0.loops.append(($0.fixture.loop(count, kind), count))
      } _: { generator in
        let i = generator.loops[generator.loops.count - 1].index
        if isStore {
          generator.work(generator.random.below(4))
          generator.fixture.builder.store(row, generator.fixture.at(i), generator.value(dtype))
        } else {
          let value = generator.fixture.builder.load(row, generator.fixture.affine(count - 1, (-1, i)))
          generator.known[dtype, default: []].append(value)
          generator.store(value, dtype)
        }
      }
    }
  }

  /// A sequential loop with variables.
  private mutating func carried(_ depth: Int) {
    let dtype = random.pick(DType.allCases)
    let variable = fixture.builder.variable(value(dtype))
    scoped {
      $0.begin($0.random.below(4), .sequential)
    } _: { generator in
      generator.known[dtype, default: []].append(variable)
      generator.work(generator.random.below(3))
      if depth > 0, generator.random.below(3) == 0 { generator.carried(depth - 1) }
      generator.fixture.builder.assign(variable, generator.value(dtype))
    }
    known[dtype, default: []].append(variable)
  }

  private mutating func lanes() {
    let dtype = random.pick(DType.allCases.filter { !$0.isNarrow })
    let operations = ScalarOp.allCases.filter { $0.isAccumulation && $0.supports(dtype) }
    let first = fixture.builder.variable(value(dtype))
    let second = fixture.builder.variable(value(.f32))
    scoped {
      $0.begin($0.random.pick([0, 1, 7, 8, 255, 256, 257, 300]), .lanes($0.random.pick([1, 2, 8, 16])))
    } _: { generator in
      generator.work(generator.random.below(4))
      let op = generator.random.pick(operations)
      generator.fixture.builder.accumulate(first, op, generator.value(dtype))
      generator.fixture.builder.accumulate(second, .add, generator.value(.f32))
      if generator.random.below(4) == 0 {
        generator.fixture.builder.accumulate(first, op, generator.value(dtype))
      }
      if generator.random.below(3) == 0 { generator.store() }
    }
    known[dtype, default: []].append(first)
    known[.f32, default: []].append(second)
    store()
  }

  /// Some operations on what is known.
  private mutating func work(_ count: Int) {
    for _ in 0..<count {
      switch random.below(5) {
      case 0: load()
      case 1:
        let (from, to) = (random.pick(DType.allCases), random.pick(DType.allCases))
        if from != to {
          let result = fixture.builder.scalar(.cast, to, source: from, [value(from)])
          known[to, default: []].append(result)
        }
      case 2:
        let dtype = random.pick(DType.allCases)
        let operands = [value(.bool), value(dtype), value(dtype)]
        known[dtype, default: []].append(fixture.builder.scalar(.select, dtype, operands))
      default:
        let dtype = random.pick([DType.f32, .f32, .f64, .i32, .i64, .u8, .bool])
        let op = random.pick(ScalarOp.allCases.filter { $0.supports(dtype) })
        let result: DType = op.isComparison ? .bool : dtype
        let operands = (0..<op.operandCount).map { _ in value(dtype) }
        known[result, default: []].append(fixture.builder.scalar(op, result, operands))
      }
    }
  }

  private mutating func value(_ dtype: DType) -> Register {
    // The last ones are more interesting.
    let registers = known[dtype] ?? []
    return random.below(2) == 0 ? registers[registers.count - 1] : random.pick(registers)
  }

  /// An element of a source: at an affine place, or at one that depends on data.
  private mutating func load() {
    let source = random.pick(sources)
    var terms: [(Int, Register)] = []
    var largest = 0
    for loop in loops where random.below(3) > 0 {
      let coefficient = random.pick([1, 1, 2, 3, 0])
      guard largest + coefficient * loop.extent < Self.sourceCount - 100 else { continue }
      largest += coefficient * loop.extent
      terms.append((coefficient, loop.index))
    }
    if random.below(3) == 0 {
      let any = fixture.builder.scalar(.and, .i64, [value(.i64), fixture.integer(63)])
      terms.append((1, any))
    }
    let zero = fixture.tables.dims.integer(random.below(30))
    let affine = Affine(zero, terms.map { Affine.Term(fixture.tables.dims.integer($0.0), $0.1) })
    if random.below(8) == 0 { known[.i64, default: []].append(fixture.builder.index(affine)) }
    known[source.dtype, default: []].append(fixture.builder.load(source.slot, affine))
  }

  /// Stores a value at the place of this iteration in a slot of its own.
  private mutating func store() {
    let dtype = random.pick(DType.allCases)
    store(value(dtype), dtype)
  }

  private mutating func store(_ value: Register, _ dtype: DType) {
    let slot = fixture.builder.slot("y\(outputs.count)", dtype, .write)
    var count = 1
    var terms: [(Int, Register)] = []
    for loop in loops.reversed() {
      terms.append((count, loop.index))
      count *= max(loop.extent, 1)
    }
    outputs.append((dtype, count))
    let affine = Affine(
      fixture.tables.dims.integer(0), terms.map { Affine.Term(fixture.tables.dims.integer($0.0), $0.1) })
    fixture.builder.store(slot, affine, value)
  }
}
