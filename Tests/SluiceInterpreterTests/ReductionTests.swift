import SluiceFormats
import SluiceIR
import SluiceInterpreter
import SluicePlan
import TestSupport
import Testing

/// Reductions with lanes: the order of every sum is the stated one.
@Suite struct ReductionTests {
  static let laneCounts = [1, 2, 4, 8, 16, 32]

  /// The stated order, written down once more: lanes in ascending order, then a tree.
  private func reduce(
    _ op: ScalarOp, _ dtype: DType, _ start: UInt64, _ values: [UInt64], lanes count: Int
  ) -> UInt64 {
    let program = scalarProgram(op, [dtype, dtype], dtype)
    var lanes = [UInt64](repeating: start, count: count)
    for (i, value) in values.enumerated() { lanes[i % count] = program.evaluate([lanes[i % count], value]) }
    var half = count / 2
    while half >= 1 {
      for j in 0..<half { lanes[j] = program.evaluate([lanes[j], lanes[j + half]]) }
      half /= 2
    }
    return lanes[0]
  }

  private func check(_ op: ScalarOp, _ dtype: DType, _ count: Int, lanes: Int, seed: UInt64) throws {
    var random = Random(seed)
    let pool = ScalarOperationTests.operands(dtype, &random)
    let values = (0..<count).map { _ in
      dtype == .f32 ? (random.float().bits) : random.pick(pool)
    }
    let start = random.pick(pool)
    var f = KernelFixture("reduce")
    let x = f.builder.slot("x", dtype, .read)
    let y = f.builder.slot("y", dtype, .readWrite)
    let zero = f.integer(0)
    let total = f.builder.variable(f.builder.load(y, f.at(zero)))
    let i = f.loop(count, .lanes(lanes))
    f.builder.accumulate(total, op, f.builder.load(x, f.at(i)))
    f.builder.endLoop()
    f.builder.store(y, f.at(zero), total)
    let result = try f.run([tensor(dtype, values), tensor(dtype, [start])])
    let wrong = difference(result[1], [reduce(op, dtype, start, values, lanes: lanes)])
    #expect(wrong == nil, "\(op) of \(count) \(dtype.name) in \(lanes) lanes: \(wrong ?? "")")
  }

  @Test func smallSizes() throws {
    for count in 0...40 {
      for lanes in Self.laneCounts {
        for op in [ScalarOp.add, .multiply, .minimum, .maximum] {
          try check(op, .f32, count, lanes: lanes, seed: UInt64(count * 64 + lanes))
        }
      }
    }
  }

  @Test func everyOperation() throws {
    for dtype in DType.allCases {
      for op in ScalarOp.allCases where op.isAccumulation && op.supports(dtype) {
        for lanes in [1, 8] { try check(op, dtype, 37, lanes: lanes, seed: UInt64(op.rawValue)) }
      }
    }
  }

  @Test func severalTiles() throws {
    for count in [255, 256, 257, 511, 1000] {
      for lanes in [1, 8, 256] { try check(.add, .f32, count, lanes: lanes, seed: UInt64(count)) }
    }
  }

  /// A sum of squares in blocks, as planners write long sums, and two accumulators in one loop.
  @Test func blocksAndTwoAccumulators() throws {
    let count = 700
    var f = KernelFixture("blocks")
    let x = f.builder.slot("x", .f32, .read)
    let y = f.builder.slot("y", .f32, .write)
    let sum = f.builder.variable(f.float(0))
    let block = f.builder.beginLoop(to: f.extent(count), step: 300, .sequential)
    let part = f.builder.variable(f.float(0))
    let largest = f.builder.variable(f.float(-.infinity))
    let i = f.builder.beginLoop(
      from: f.at(block), to: f.affine(300, (1, block)), limit: f.extent(count), step: 3, .lanes(8))
    let value = f.builder.load(x, f.at(i))
    f.builder.accumulate(part, .add, f.builder.scalar(.multiply, .f32, [value, value]))
    f.builder.accumulate(largest, .maximum, value)
    f.builder.endLoop()
    let both = f.builder.scalar(.add, .f32, [part, largest])
    f.builder.assign(sum, f.builder.scalar(.add, .f32, [sum, both]))
    f.builder.endLoop()
    f.builder.store(y, f.affine(0), sum)
    var random = Random(5)
    let values = (0..<count).map { _ in random.float().bits }
    try compare(f, [.f32, .f32], [values, [0]])
  }

  /// Two values an iteration go into one accumulator in order.
  @Test func twoValuesForOneAccumulator() throws {
    var f = KernelFixture("two")
    let x = f.builder.slot("x", .f32, .read)
    let y = f.builder.slot("y", .f32, .write)
    let sum = f.builder.variable(f.float(0.1))
    let i = f.loop(300, .lanes(4))
    f.builder.accumulate(sum, .add, f.builder.load(x, f.at(i)))
    f.builder.accumulate(sum, .add, f.builder.load(x, f.affine(300, (1, i))))
    f.builder.accumulate(sum, .add, f.float(0.3))
    f.builder.endLoop()
    f.builder.store(y, f.affine(0), sum)
    var random = Random(6)
    try compare(f, [.f32, .f32], [(0..<600).map { _ in (Float(random.below(1000)) / 7).bits }, [0]])
  }

  /// A row by row reduction in a parallel loop, with lanes that load what other rows store.
  @Test func softmaxRows() throws {
    let (rows, columns) = (5, 19)
    var f = KernelFixture("softmax")
    let x = f.builder.slot("x", .f32, .read)
    let y = f.builder.slot("y", .f32, .readWrite)
    let row = f.loop(rows, .parallel)
    let largest = f.builder.variable(f.float(-.infinity))
    var j = f.loop(columns, .lanes(8))
    f.builder.accumulate(largest, .maximum, f.builder.load(x, f.affine(0, (columns, row), (1, j))))
    f.builder.endLoop()
    let sum = f.builder.variable(f.float(0))
    j = f.loop(columns, .lanes(8))
    let value = f.builder.load(x, f.affine(0, (columns, row), (1, j)))
    let shifted = f.builder.scalar(.subtract, .f32, [value, largest])
    let power = f.builder.scalar(
      .call, .f32, [shifted], immediate: UInt64(ElementaryFunction.exp.rawValue))
    f.builder.store(y, f.affine(0, (columns, row), (1, j)), power)
    f.builder.accumulate(sum, .add, power)
    f.builder.endLoop()
    j = f.loop(columns, .vector)
    let scaled = f.builder.scalar(
      .divide, .f32, [f.builder.load(y, f.affine(0, (columns, row), (1, j))), sum])
    f.builder.store(y, f.affine(0, (columns, row), (1, j)), scaled)
    f.builder.endLoop()
    f.builder.endLoop()
    var random = Random(7)
    let values = (0..<rows * columns).map { _ in (Float(random.below(1000)) / 100).bits }
    try compare(f, [.f32, .f32], [values, values])
  }
}

/// Runs a kernel in the interpreter and in the plainest machine, and compares all memory.
func compare(
  _ fixture: KernelFixture, _ dtypes: [DType], _ memory: [[UInt64]], symbols: [SymbolID: Int] = [:],
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let kernel = fixture.kernel
  let tensors = try zip(dtypes, memory).map { try tensor($0, $1) }
  let plan = statePlan(kernel, fixture.tables, tensors, symbols: symbols.keys.sorted { $0.raw < $1.raw })
  var machine = PlanMachine(plan, states: tensors)
  _ = try machine.run("f", [], symbols: symbols)
  let result = try run(kernel, fixture.tables, tensors, symbols: symbols)
  for (slot, row) in plan.states.enumerated() {
    let bytes = Array(machine.states[row.offset..<row.offset + row.byteCount])
    let expected = try HostTensor(dtype: dtypes[slot], shape: [memory[slot].count], bytes: bytes)
    let wrong = difference(result[slot], bits(expected))
    #expect(wrong == nil, "slot \(slot) of `\(kernel.name)`: \(wrong ?? "")", sourceLocation: sourceLocation)
  }
}
