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
    var random = SeededRandom(seed)
    let pool = dtype.specialWords
    let values = (0..<count).map { _ in
      dtype == .f32 ? (random.word(.f32)) : random.pick(pool)
    }
    let start = random.pick(pool)
    var m = PlanBuilder("reduce")
    var f = m.builder("reduce")
    let x = f.slot("x", dtype, .read)
    let y = f.slot("y", dtype, .readWrite)
    let zero = f.integer(0)
    let total = f.variable(f.load(y, f.at(zero)))
    let i = f.beginLoop(to: m.affine(count), .lanes(lanes))
    f.accumulate(total, op, f.load(x, f.at(i)))
    f.endLoop()
    f.store(y, f.at(zero), total)
    let result = try run(f, m, [HostTensor(words: values, dtype), HostTensor(words: [start], dtype)])
    let wrong = result[1].difference(from: [reduce(op, dtype, start, values, lanes: lanes)])
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
    var m = PlanBuilder("blocks")
    var f = m.builder("blocks")
    let x = f.slot("x", .f32, .read)
    let y = f.slot("y", .f32, .write)
    let sum = f.variable(f.float(0))
    let block = f.beginLoop(to: m.affine(count), step: 300, .sequential)
    let part = f.variable(f.float(0))
    let largest = f.variable(f.float(-.infinity))
    let i = f.beginLoop(
      from: f.at(block), to: m.affine(300, (1, block)), limit: m.affine(count), step: 3, .lanes(8))
    let value = f.load(x, f.at(i))
    f.accumulate(part, .add, f.scalar(.multiply, .f32, [value, value]))
    f.accumulate(largest, .maximum, value)
    f.endLoop()
    let both = f.scalar(.add, .f32, [part, largest])
    f.assign(sum, f.scalar(.add, .f32, [sum, both]))
    f.endLoop()
    f.store(y, m.affine(0), sum)
    var random = SeededRandom(5)
    let values = (0..<count).map { _ in random.word(.f32) }
    try compare(f, m, [.f32, .f32], [values, [0]])
  }

  /// Two values an iteration go into one accumulator in order.
  @Test func twoValuesForOneAccumulator() throws {
    var m = PlanBuilder("two")
    var f = m.builder("two")
    let x = f.slot("x", .f32, .read)
    let y = f.slot("y", .f32, .write)
    let sum = f.variable(f.float(0.1))
    let i = f.beginLoop(to: m.affine(300), .lanes(4))
    f.accumulate(sum, .add, f.load(x, f.at(i)))
    f.accumulate(sum, .add, f.load(x, m.affine(300, (1, i))))
    f.accumulate(sum, .add, f.float(0.3))
    f.endLoop()
    f.store(y, m.affine(0), sum)
    var random = SeededRandom(6)
    try compare(f, m, [.f32, .f32], [(0..<600).map { _ in (Float(random.below(1000)) / 7).bits }, [0]])
  }

  /// A row by row reduction in a parallel loop, with lanes that load what other rows store.
  @Test func softmaxRows() throws {
    let (rows, columns) = (5, 19)
    var m = PlanBuilder("softmax")
    var f = m.builder("softmax")
    let x = f.slot("x", .f32, .read)
    let y = f.slot("y", .f32, .readWrite)
    let row = f.beginLoop(to: m.affine(rows), .parallel)
    let largest = f.variable(f.float(-.infinity))
    var j = f.beginLoop(to: m.affine(columns), .lanes(8))
    f.accumulate(largest, .maximum, f.load(x, m.affine(0, (columns, row), (1, j))))
    f.endLoop()
    let sum = f.variable(f.float(0))
    j = f.beginLoop(to: m.affine(columns), .lanes(8))
    let value = f.load(x, m.affine(0, (columns, row), (1, j)))
    let shifted = f.scalar(.subtract, .f32, [value, largest])
    let power = f.scalar(
      .call, .f32, [shifted], immediate: UInt64(ElementaryFunction.exp.rawValue))
    f.store(y, m.affine(0, (columns, row), (1, j)), power)
    f.accumulate(sum, .add, power)
    f.endLoop()
    j = f.beginLoop(to: m.affine(columns), .vector)
    let scaled = f.scalar(
      .divide, .f32, [f.load(y, m.affine(0, (columns, row), (1, j))), sum])
    f.store(y, m.affine(0, (columns, row), (1, j)), scaled)
    f.endLoop()
    f.endLoop()
    var random = SeededRandom(7)
    let values = (0..<rows * columns).map { _ in (Float(random.below(1000)) / 100).bits }
    try compare(f, m, [.f32, .f32], [values, values])
  }
}
