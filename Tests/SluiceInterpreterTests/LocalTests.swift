import SluiceFormats
import SluiceIR
import SluiceInterpreter
import SluicePlan
import Testing

/// Memories of a kernel's own.
@Suite struct LocalTests {
  /// y = softmax of the rows of x, each row in a local; two rows of another local hold what is stored on the way.
  @Test func softmax() throws {
    var f = KernelFixture("softmax")
    let symbol = f.symbol("N", bound: 700)
    let n = f.tables.dims.dim(symbol)
    let (rows, one, none) = (3, f.builder.one, f.builder.zero)
    let x = f.builder.slot("x", .f32, .read)
    let y = f.builder.slot("y", .f32, .write)
    let r = f.loop(rows, .parallel)
    let row = f.builder.local("row", .f32, n)
    let turned = f.builder.local("turned", .f64, f.product(n, f.tables.dims.integer(2)))
    let largest = f.builder.variable(f.float(-.infinity))
    func place(_ i: Register) -> Affine { Affine(none, [Affine.Term(n, r), Affine.Term(one, i)]) }
    var i = f.builder.beginLoop(to: Affine(n), .lanes(16))
    f.builder.accumulate(largest, .maximum, f.builder.load(x, place(i)))
    f.builder.endLoop()
    i = f.builder.beginLoop(to: Affine(n), .vector)
    let below = f.builder.scalar(.subtract, .f32, [f.builder.load(x, place(i)), largest])
    let exponential = f.builder.scalar(
      .call, .f32, [below], immediate: UInt64(ElementaryFunction.exp.rawValue))
    f.builder.store(row, f.at(i), exponential)
    f.builder.endLoop()
    // Both rows of the other local, in two loops, the second one backwards.
    let half = f.loop(2, .parallel)
    i = f.builder.beginLoop(to: Affine(n), .vector)
    let value = f.builder.scalar(.cast, .f64, source: .f32, [f.builder.load(row, f.at(i))])
    let last = f.sum(n, f.tables.dims.integer(-1))
    let minusOne = f.tables.dims.integer(-1)
    f.builder.store(
      turned, Affine(last, [Affine.Term(n, half), Affine.Term(minusOne, i)]), value)
    f.builder.endLoop()
    f.builder.endLoop()
    let sum = f.builder.variable(f.builder.constant(0, .f64))
    i = f.builder.beginLoop(to: Affine(n), .lanes(8))
    f.builder.accumulate(sum, .add, f.builder.load(turned, Affine(n, [Affine.Term(one, i)])))
    f.builder.endLoop()
    let total = f.builder.scalar(.cast, .f32, source: .f64, [sum])
    i = f.builder.beginLoop(to: Affine(n), .vector)
    let own = f.builder.load(turned, Affine(last, [Affine.Term(minusOne, i)]))
    let narrow = f.builder.scalar(.cast, .f32, source: .f64, [own])
    f.builder.store(y, place(i), f.builder.scalar(.divide, .f32, [narrow, total]))
    f.builder.endLoop()
    f.builder.endLoop()
    var random = Random(3)
    for count in [700, 0, 1, 5, 256, 300] {
      let values = (0..<rows * count).map { _ in Float(random.below(2000)) / 100 }.map {
        UInt64($0.bitPattern)
      }
      let zeros = [UInt64](repeating: 0, count: values.count)
      try compare(f, [.f32, .f32], [values, zeros], symbols: [symbol: count])
      let result = try run(
        f.kernel, f.tables, [tensor(.f32, values), tensor(.f32, zeros)], symbols: [symbol: count])
      for row in 0..<(count == 0 ? 0 : rows) {
        let parts = bits(result[1])[row * count..<(row + 1) * count].map { Float(bits: $0) }
        #expect(abs(parts.reduce(0, +) - 1) < 1e-4)
      }
    }
  }

  /// A local begins with bits that show, in every life: what an earlier iteration stored is gone.
  @Test(arguments: DType.allCases)
  func undefined(_ dtype: DType) throws {
    var f = KernelFixture("undefined")
    let y = f.builder.slot("y", dtype, .write)
    let zero = f.builder.constant(0, dtype)
    let r = f.loop(3, .parallel)
    let row = f.builder.local("row", dtype, f.tables.dims.integer(5))
    f.builder.store(y, f.affine(0, (5, r)), zero)
    let i = f.loop(4, .vector)
    f.builder.store(y, f.affine(1, (5, r), (1, i)), f.builder.load(row, f.affine(1, (1, i))))
    f.builder.store(row, f.affine(1, (1, i)), zero)
    f.builder.endLoop()
    f.builder.endLoop()
    let result = try f.run([try tensor(dtype, [UInt64](repeating: 0, count: 15))])
    let ones = UInt64.max >> UInt64(64 - 8 * dtype.byteCount)
    // Tensors of bools hold 0 and 1 outside of plans.
    let expected = [0, 1, 1, 1, 1].map { $0 * (dtype == .bool ? 1 : ones) }
    #expect(bits(result[0]) == expected + expected + expected)
  }

  @Test func beyond() throws {
    for (kind, isStore) in [
      (Loop.Kind.vector, true), (.sequential, true), (.vector, false), (.sequential, false),
    ] {
      var f = KernelFixture("beyond")
      let y = f.builder.slot("y", .i64, .read)
      let n = f.symbol("N", bound: 9)
      let row = f.builder.local("row", .i64, f.tables.dims.dim(n))
      _ = f.builder.local("behind", .i64, f.tables.dims.integer(9))
      let i = f.loop(4, kind)
      // At an affine place, and at one that is loaded.
      let place = f.builder.load(y, f.at(i))
      if isStore { f.builder.store(row, f.at(place), i) } else { _ = f.builder.load(row, f.at(place)) }
      f.builder.endLoop()
      for (places, index) in [([0, 1, 2, 3], 3), ([0, 1, -1, 2], -1)] as [([Int64], Int)] {
        #expect(
          throws: InterpreterError.outOfBounds(kernel: "beyond", memory: "row", index: index, count: 3)
        ) { try run(f.kernel, f.tables, [HostTensor(places)], symbols: [n: 3]) }
      }
      _ = try run(f.kernel, f.tables, [HostTensor([0, 1, 2, 3] as [Int64])], symbols: [n: 4])
    }
  }
}
