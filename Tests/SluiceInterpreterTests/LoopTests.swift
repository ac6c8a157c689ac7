import SluiceFormats
import SluiceIR
import SluiceInterpreter
import SluicePlan
import Testing

/// Loops of every kind, tile by tile, against the naive runner.
@Suite struct LoopTests {
  private func floats(_ count: Int, _ seed: UInt64) -> [UInt64] {
    var random = Random(seed)
    return (0..<count).map { _ in random.float().bits }
  }

  private func zeros(_ count: Int) -> [UInt64] { [UInt64](repeating: 0, count: count) }

  @Test(arguments: [0, 1, 2, 255, 256, 257, 511, 512, 513])
  func mapsOverTiles(_ count: Int) throws {
    var f = KernelFixture("map")
    let x = f.builder.slot("x", .f32, .read)
    let y = f.builder.slot("y", .f32, .write)
    let z = f.builder.slot("z", .f64, .write)
    let i = f.loop(count, .vector)
    let value = f.builder.load(x, f.at(i))
    let twice = f.builder.scalar(.multiply, .f32, [value, f.float(2)])
    f.builder.store(y, f.at(i), f.builder.scalar(.add, .f32, [twice, f.float(1)]))
    // The index as a value.
    f.builder.store(z, f.at(i), f.builder.scalar(.cast, .f64, source: .i64, [i]))
    f.builder.endLoop()
    try compare(f, [.f32, .f32, .f64], [floats(count, 1), zeros(count), zeros(count)])
  }

  @Test func mapsOverSeveralDims() throws {
    // y[i, j, k] = x[k, i, j] + b[j], with a transposed and a broadcast operand.
    let (a, b, c) = (3, 4, 300)
    for kind in [Loop.Kind.parallel, .sequential] {
      var f = KernelFixture("dims")
      let x = f.builder.slot("x", .f32, .read)
      let bias = f.builder.slot("b", .f32, .read)
      let y = f.builder.slot("y", .f32, .write)
      let i = f.loop(a, kind)
      let j = f.loop(b, .parallel)
      let k = f.loop(c, .vector)
      let value = f.builder.load(x, f.affine(0, (a * b, k), (b, i), (1, j)))
      let sum = f.builder.scalar(.add, .f32, [value, f.builder.load(bias, f.at(j))])
      f.builder.store(y, f.affine(0, (b * c, i), (c, j), (1, k)), sum)
      for _ in 0..<3 { f.builder.endLoop() }
      try compare(f, [.f32, .f32, .f32], [floats(a * b * c, 2), floats(b, 3), zeros(a * b * c)])
    }
  }

  @Test func stepsAndReversedStrides() throws {
    var f = KernelFixture("steps")
    let x = f.builder.slot("x", .i32, .read)
    let y = f.builder.slot("y", .i32, .write)
    let i = f.builder.beginLoop(
      from: f.affine(5), to: f.extent(2000), limit: f.extent(1800), step: 3, .vector)
    f.builder.store(y, f.affine(1999, (-1, i)), f.builder.load(x, f.at(i)))
    f.builder.endLoop()
    try compare(f, [.i32, .i32], [(0..<2000).map { UInt64($0) }, zeros(2000)])
  }

  @Test(arguments: [7, 256, 300])
  func matrixProduct(_ columns: Int) throws {
    let (rows, depth) = (5, 9)
    var f = KernelFixture("matmul")
    let a = f.builder.slot("a", .f32, .read)
    let b = f.builder.slot("b", .f32, .read)
    let c = f.builder.slot("c", .f32, .write)
    let i = f.loop(rows, .parallel)
    let j = f.loop(columns, .vector)
    let sum = f.builder.variable(f.float(0))
    let k = f.loop(depth, .sequential)
    let left = f.builder.load(a, f.affine(0, (depth, i), (1, k)))
    let right = f.builder.load(b, f.affine(0, (columns, k), (1, j)))
    f.builder.assign(sum, f.builder.scalar(.fma, .f32, [left, right, sum]))
    f.builder.endLoop()
    // A second sequential loop, whose index is also a value.
    let half = f.builder.variable(sum)
    let m = f.loop(3, .sequential)
    let weight = f.builder.scalar(.cast, .f32, source: .i64, [m])
    f.builder.assign(half, f.builder.scalar(.fma, .f32, [half, f.float(0.5), weight]))
    f.builder.endLoop()
    f.builder.store(c, f.affine(0, (columns, i), (1, j)), half)
    f.builder.endLoop()
    f.builder.endLoop()
    try compare(
      f, [.f32, .f32, .f32], [floats(rows * depth, 4), floats(depth * columns, 5), zeros(rows * columns)])
  }

  /// Loops in a vector loop whose variables do not differ between its iterations.
  @Test func uniformVariablesInVectorLoops() throws {
    var f = KernelFixture("uniform")
    let x = f.builder.slot("x", .f32, .read)
    let y = f.builder.slot("y", .f32, .write)
    let i = f.loop(260, .vector)
    let sum = f.builder.variable(f.float(0))
    let k = f.loop(4, .sequential)
    f.builder.assign(sum, f.builder.scalar(.add, .f32, [sum, f.builder.load(x, f.at(k))]))
    let inner = f.builder.beginLoop(from: f.at(k), to: f.affine(2, (1, k)), .sequential)
    f.builder.assign(sum, f.builder.scalar(.multiply, .f32, [sum, f.builder.load(x, f.at(inner))]))
    f.builder.endLoop()
    f.builder.endLoop()
    f.builder.store(y, f.at(i), f.builder.scalar(.add, .f32, [sum, f.builder.load(x, f.at(i))]))
    f.builder.endLoop()
    try compare(f, [.f32, .f32], [floats(260, 8), zeros(260)])
  }

  @Test func gathersAndScatters() throws {
    let count = 600
    for kind in [Loop.Kind.vector, .sequential] {
      var f = KernelFixture("gather")
      let table = f.builder.slot("table", .f64, .read)
      let indices = f.builder.slot("indices", .i32, .read)
      let y = f.builder.slot("y", .f64, .write)
      let i = f.loop(count, kind)
      let index = f.builder.scalar(.cast, .i64, source: .i32, [f.builder.load(indices, f.at(i))])
      // Other places from divisions of the index.
      let low = f.builder.scalar(.remainder, .i64, [i, f.integer(10)])
      let high = f.builder.scalar(.divide, .i64, [i, f.integer(10)])
      let value = f.builder.load(table, f.affine(3, (2, index)))
      f.builder.store(y, f.affine(0, (60, low), (1, high)), value)
      let twisted = f.builder.index(f.affine(1, (2, index), (1, i)))
      f.builder.store(y, f.affine(600, (1, i)), f.builder.scalar(.cast, .f64, source: .i64, [twisted]))
      f.builder.endLoop()
      var random = Random(9)
      try compare(
        f, [.f64, .i32, .f64],
        [(0..<103).map { Double($0).bits }, (0..<count).map { _ in UInt64(random.below(50)) }, zeros(1200)])
    }
  }

  @Test func conditionsAndDataDependentBounds() throws {
    // Insertion into runs of given lengths: bounds from memory, `if`, variables.
    var f = KernelFixture("runs")
    let lengths = f.builder.slot("lengths", .i64, .read)
    let x = f.builder.slot("x", .f32, .read)
    let y = f.builder.slot("y", .f32, .readWrite)
    let i = f.loop(20, .sequential)
    let length = f.builder.load(lengths, f.at(i))
    let best = f.builder.variable(f.float(-.infinity))
    let j = f.builder.beginLoop(to: f.at(length), limit: f.extent(7), .sequential)
    let value = f.builder.load(x, f.affine(0, (7, i), (1, j)))
    let isLarger = f.builder.scalar(.less, .bool, source: .f32, [best, value])
    f.builder.begin(if: isLarger)
    f.builder.assign(best, value)
    let isOdd = f.builder.scalar(
      .equal, .bool, source: .i64, [f.builder.scalar(.and, .i64, [j, f.integer(1)]), f.integer(1)])
    f.builder.begin(if: isOdd)
    f.builder.store(y, f.affine(20, (1, i)), value)
    f.builder.endLoop()
    f.builder.endLoop()
    f.builder.endLoop()
    f.builder.store(y, f.at(i), best)
    f.builder.endLoop()
    var random = Random(10)
    let runs = (0..<20).map { _ in UInt64(bitPattern: Int64(random.below(10) - 1)) }
    try compare(f, [.i64, .f32, .f32], [runs, floats(140, 11), zeros(40)])
  }

  @Test func symbols() throws {
    var f = KernelFixture("symbols")
    let rows = f.symbol("R", bound: 50)
    let columns = f.symbol("C", bound: 600)
    let (rowDim, columnDim) = (f.tables.dims.dim(rows), f.tables.dims.dim(columns))
    let x = f.builder.slot("x", .f32, .read)
    let y = f.builder.slot("y", .f32, .write)
    let i = f.builder.beginLoop(to: Affine(rowDim), .parallel)
    let j = f.builder.beginLoop(to: Affine(columnDim), .vector)
    let one = f.tables.dims.integer(1)
    let place = Affine(f.tables.dims.integer(0), [Affine.Term(columnDim, i), Affine.Term(one, j)])
    let turned = Affine(f.tables.dims.integer(0), [Affine.Term(rowDim, j), Affine.Term(one, i)])
    f.builder.store(y, turned, f.builder.scalar(.negate, .f32, [f.builder.load(x, place)]))
    f.builder.endLoop()
    f.builder.endLoop()
    for (r, c) in [(0, 3), (1, 1), (3, 255), (2, 257), (50, 6)] {
      try compare(
        f, [.f32, .f32], [floats(r * c, 12), zeros(r * c)], symbols: [rows: r, columns: c])
    }
  }
}
