import SluiceFormats
import SluiceIR
import SluiceInterpreter
import SluicePlan
import TestSupport
import Testing

/// Loops of every kind, tile by tile, against the naive runner.
@Suite struct LoopTests {
  private func floats(_ count: Int, _ seed: UInt64) -> [UInt64] {
    var random = SeededRandom(seed)
    return (0..<count).map { _ in random.word(.f32) }
  }

  private func zeros(_ count: Int) -> [UInt64] { [UInt64](repeating: 0, count: count) }

  @Test(arguments: [0, 1, 2, 255, 256, 257, 511, 512, 513])
  func mapsOverTiles(_ count: Int) throws {
    var m = PlanBuilder("map")
    var f = m.builder("map")
    let x = f.slot("x", .f32, .read)
    let y = f.slot("y", .f32, .write)
    let z = f.slot("z", .f64, .write)
    let i = f.beginLoop(to: m.affine(count), .vector)
    let value = f.load(x, f.at(i))
    let twice = f.scalar(.multiply, .f32, [value, f.float(2)])
    f.store(y, f.at(i), f.scalar(.add, .f32, [twice, f.float(1)]))
    // The index as a value.
    f.store(z, f.at(i), f.scalar(.cast, .f64, source: .i64, [i]))
    f.endLoop()
    try compare(f, m, [.f32, .f32, .f64], [floats(count, 1), zeros(count), zeros(count)])
  }

  @Test func mapsOverSeveralDims() throws {
    // y[i, j, k] = x[k, i, j] + b[j], with a transposed and a broadcast operand.
    let (a, b, c) = (3, 4, 300)
    for kind in [Loop.Kind.parallel, .sequential] {
      var m = PlanBuilder("dims")
      var f = m.builder("dims")
      let x = f.slot("x", .f32, .read)
      let bias = f.slot("b", .f32, .read)
      let y = f.slot("y", .f32, .write)
      let i = f.beginLoop(to: m.affine(a), kind)
      let j = f.beginLoop(to: m.affine(b), .parallel)
      let k = f.beginLoop(to: m.affine(c), .vector)
      let value = f.load(x, m.affine(0, (a * b, k), (b, i), (1, j)))
      let sum = f.scalar(.add, .f32, [value, f.load(bias, f.at(j))])
      f.store(y, m.affine(0, (b * c, i), (c, j), (1, k)), sum)
      for _ in 0..<3 { f.endLoop() }
      try compare(f, m, [.f32, .f32, .f32], [floats(a * b * c, 2), floats(b, 3), zeros(a * b * c)])
    }
  }

  @Test func stepsAndReversedStrides() throws {
    var m = PlanBuilder("steps")
    var f = m.builder("steps")
    let x = f.slot("x", .i32, .read)
    let y = f.slot("y", .i32, .write)
    let i = f.beginLoop(
      from: m.affine(5), to: m.affine(2000), limit: m.affine(1800), step: 3, .vector)
    f.store(y, m.affine(1999, (-1, i)), f.load(x, f.at(i)))
    f.endLoop()
    try compare(f, m, [.i32, .i32], [(0..<2000).map { UInt64($0) }, zeros(2000)])
  }

  @Test(arguments: [7, 256, 300])
  func matrixProduct(_ columns: Int) throws {
    let (rows, depth) = (5, 9)
    var m = PlanBuilder("matmul")
    var f = m.builder("matmul")
    let a = f.slot("a", .f32, .read)
    let b = f.slot("b", .f32, .read)
    let c = f.slot("c", .f32, .write)
    let i = f.beginLoop(to: m.affine(rows), .parallel)
    let j = f.beginLoop(to: m.affine(columns), .vector)
    let sum = f.variable(f.float(0))
    let k = f.beginLoop(to: m.affine(depth), .sequential)
    let left = f.load(a, m.affine(0, (depth, i), (1, k)))
    let right = f.load(b, m.affine(0, (columns, k), (1, j)))
    f.assign(sum, f.scalar(.fma, .f32, [left, right, sum]))
    f.endLoop()
    // A second sequential loop, whose index is also a value.
    let half = f.variable(sum)
    let n = f.beginLoop(to: m.affine(3), .sequential)
    let weight = f.scalar(.cast, .f32, source: .i64, [n])
    f.assign(half, f.scalar(.fma, .f32, [half, f.float(0.5), weight]))
    f.endLoop()
    f.store(c, m.affine(0, (columns, i), (1, j)), half)
    f.endLoop()
    f.endLoop()
    try compare(
      f, m, [.f32, .f32, .f32], [floats(rows * depth, 4), floats(depth * columns, 5), zeros(rows * columns)])
  }

  /// Loops in a vector loop whose variables do not differ between its iterations.
  @Test func uniformVariablesInVectorLoops() throws {
    var m = PlanBuilder("uniform")
    var f = m.builder("uniform")
    let x = f.slot("x", .f32, .read)
    let y = f.slot("y", .f32, .write)
    let i = f.beginLoop(to: m.affine(260), .vector)
    let sum = f.variable(f.float(0))
    let k = f.beginLoop(to: m.affine(4), .sequential)
    f.assign(sum, f.scalar(.add, .f32, [sum, f.load(x, f.at(k))]))
    let inner = f.beginLoop(from: f.at(k), to: m.affine(2, (1, k)), .sequential)
    f.assign(sum, f.scalar(.multiply, .f32, [sum, f.load(x, f.at(inner))]))
    f.endLoop()
    f.endLoop()
    f.store(y, f.at(i), f.scalar(.add, .f32, [sum, f.load(x, f.at(i))]))
    f.endLoop()
    try compare(f, m, [.f32, .f32], [floats(260, 8), zeros(260)])
  }

  @Test func gathersAndScatters() throws {
    let count = 600
    for kind in [Loop.Kind.vector, .sequential] {
      var m = PlanBuilder("gather")
      var f = m.builder("gather")
      let table = f.slot("table", .f64, .read)
      let indices = f.slot("indices", .i32, .read)
      let y = f.slot("y", .f64, .write)
      let i = f.beginLoop(to: m.affine(count), kind)
      let index = f.scalar(.cast, .i64, source: .i32, [f.load(indices, f.at(i))])
      // Other places from divisions of the index.
      let low = f.scalar(.remainder, .i64, [i, f.integer(10)])
      let high = f.scalar(.divide, .i64, [i, f.integer(10)])
      let value = f.load(table, m.affine(3, (2, index)))
      f.store(y, m.affine(0, (60, low), (1, high)), value)
      let twisted = f.index(m.affine(1, (2, index), (1, i)))
      f.store(y, m.affine(600, (1, i)), f.scalar(.cast, .f64, source: .i64, [twisted]))
      f.endLoop()
      var random = SeededRandom(9)
      try compare(
        f, m, [.f64, .i32, .f64],
        [(0..<103).map { Double($0).bits }, (0..<count).map { _ in UInt64(random.below(50)) }, zeros(1200)])
    }
  }

  @Test func conditionsAndDataDependentBounds() throws {
    // Insertion into runs of given lengths: bounds from memory, `if`, variables.
    var m = PlanBuilder("runs")
    var f = m.builder("runs")
    let lengths = f.slot("lengths", .i64, .read)
    let x = f.slot("x", .f32, .read)
    let y = f.slot("y", .f32, .readWrite)
    let i = f.beginLoop(to: m.affine(20), .sequential)
    let length = f.load(lengths, f.at(i))
    let best = f.variable(f.float(-.infinity))
    let j = f.beginLoop(to: f.at(length), limit: m.affine(7), .sequential)
    let value = f.load(x, m.affine(0, (7, i), (1, j)))
    let isLarger = f.scalar(.less, .bool, source: .f32, [best, value])
    f.begin(if: isLarger)
    f.assign(best, value)
    let isOdd = f.scalar(
      .equal, .bool, source: .i64, [f.scalar(.and, .i64, [j, f.integer(1)]), f.integer(1)])
    f.begin(if: isOdd)
    f.store(y, m.affine(20, (1, i)), value)
    f.endLoop()
    f.endLoop()
    f.endLoop()
    f.store(y, f.at(i), best)
    f.endLoop()
    var random = SeededRandom(10)
    let runs = (0..<20).map { _ in UInt64(bitPattern: Int64(random.below(10) - 1)) }
    try compare(f, m, [.i64, .f32, .f32], [runs, floats(140, 11), zeros(40)])
  }

  @Test func symbols() throws {
    var m = PlanBuilder("symbols")
    var f = m.builder("symbols")
    let rows = m.symbol("R", 50)
    let columns = m.symbol("C", 600)
    let x = f.slot("x", .f32, .read)
    let y = f.slot("y", .f32, .write)
    let i = f.beginLoop(to: m.affine("R"), .parallel)
    let j = f.beginLoop(to: m.affine("C"), .vector)
    let value = f.load(x, m.affine(0, ("C", i), (1, j)))
    f.store(y, m.affine(0, ("R", j), (1, i)), f.scalar(.negate, .f32, [value]))
    f.endLoop()
    f.endLoop()
    for (r, c) in [(0, 3), (1, 1), (3, 255), (2, 257), (50, 6)] {
      try compare(
        f, m, [.f32, .f32], [floats(r * c, 12), zeros(r * c)], symbols: [rows: r, columns: c])
    }
  }
}
