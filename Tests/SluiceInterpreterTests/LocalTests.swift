import SluiceFormats
import SluiceIR
import SluiceInterpreter
import SluicePlan
import TestSupport
import Testing

/// Memories of a kernel's own.
@Suite struct LocalTests {
  /// y = softmax of the rows of x, each row in a local; two rows of another local hold what is stored on the way.
  @Test func softmax() throws {
    var m = PlanBuilder("softmax")
    var f = m.builder("softmax")
    let symbol = m.symbol("N", 700)
    let rows = 3
    let x = f.slot("x", .f32, .read)
    let y = f.slot("y", .f32, .write)
    let r = f.beginLoop(to: m.affine(rows), .parallel)
    let row = f.local("row", .f32, m.dim("N"))
    let turned = f.local("turned", .f64, m.dim("2*N"))
    let largest = f.variable(f.float(-.infinity))
    func place(_ i: Register) -> Affine { m.affine(0, ("N", r), (1, i)) }
    var i = f.beginLoop(to: m.affine("N"), .lanes(16))
    f.accumulate(largest, .maximum, f.load(x, place(i)))
    f.endLoop()
    i = f.beginLoop(to: m.affine("N"), .vector)
    let below = f.scalar(.subtract, .f32, [f.load(x, place(i)), largest])
    let exponential = f.scalar(
      .call, .f32, [below], immediate: UInt64(ElementaryFunction.exp.rawValue))
    f.store(row, f.at(i), exponential)
    f.endLoop()
    // Both rows of the other local, in two loops, the second one backwards.
    let half = f.beginLoop(to: m.affine(2), .parallel)
    i = f.beginLoop(to: m.affine("N"), .vector)
    let value = f.scalar(.cast, .f64, source: .f32, [f.load(row, f.at(i))])
    f.store(turned, m.affine("N-1", ("N", half), (-1, i)), value)
    f.endLoop()
    f.endLoop()
    let sum = f.variable(f.constant(0, .f64))
    i = f.beginLoop(to: m.affine("N"), .lanes(8))
    f.accumulate(sum, .add, f.load(turned, m.affine("N", (1, i))))
    f.endLoop()
    let total = f.scalar(.cast, .f32, source: .f64, [sum])
    i = f.beginLoop(to: m.affine("N"), .vector)
    let own = f.load(turned, m.affine("N-1", (-1, i)))
    let narrow = f.scalar(.cast, .f32, source: .f64, [own])
    f.store(y, place(i), f.scalar(.divide, .f32, [narrow, total]))
    f.endLoop()
    f.endLoop()
    var random = SeededRandom(3)
    for count in [700, 0, 1, 5, 256, 300] {
      let values = (0..<rows * count).map { _ in Float(random.below(2000)) / 100 }.map {
        UInt64($0.bitPattern)
      }
      let zeros = [UInt64](repeating: 0, count: values.count)
      try compare(f, m, [.f32, .f32], [values, zeros], symbols: [symbol: count])
      let result = try run(
        f, m, [HostTensor(words: values, .f32), HostTensor(words: zeros, .f32)], symbols: [symbol: count])
      for row in 0..<(count == 0 ? 0 : rows) {
        let parts = result[1].words[row * count..<(row + 1) * count].map { Float(bits: $0) }
        #expect(abs(parts.reduce(0, +) - 1) < 1e-4)
      }
    }
  }

  /// A local begins with bits that show, in every life: what an earlier iteration stored is gone.
  @Test(arguments: DType.allCases)
  func undefined(_ dtype: DType) throws {
    var m = PlanBuilder("undefined")
    var f = m.builder("undefined")
    let y = f.slot("y", dtype, .write)
    let zero = f.constant(0, dtype)
    let r = f.beginLoop(to: m.affine(3), .parallel)
    let row = f.local("row", dtype, m.dim(5))
    f.store(y, m.affine(0, (5, r)), zero)
    let i = f.beginLoop(to: m.affine(4), .vector)
    f.store(y, m.affine(1, (5, r), (1, i)), f.load(row, m.affine(1, (1, i))))
    f.store(row, m.affine(1, (1, i)), zero)
    f.endLoop()
    f.endLoop()
    let result = try run(f, m, [.zeros(dtype, shape: [15])])
    let ones = UInt64.max >> UInt64(64 - 8 * dtype.byteCount)
    // Tensors of bools hold 0 and 1 outside of plans.
    let expected = [0, 1, 1, 1, 1].map { $0 * (dtype == .bool ? 1 : ones) }
    #expect(result[0].words == expected + expected + expected)
  }

  @Test func beyond() throws {
    for (kind, isStore) in [
      (Loop.Kind.vector, true), (.sequential, true), (.vector, false), (.sequential, false),
    ] {
      var m = PlanBuilder("beyond")
      var f = m.builder("beyond")
      let y = f.slot("y", .i64, .read)
      let n = m.symbol("N", 9)
      let row = f.local("row", .i64, m.dim(n))
      _ = f.local("behind", .i64, m.dim(9))
      let i = f.beginLoop(to: m.affine(4), kind)
      // At an affine place, and at one that is loaded.
      let place = f.load(y, f.at(i))
      if isStore { f.store(row, f.at(place), i) } else { _ = f.load(row, f.at(place)) }
      f.endLoop()
      for (places, index) in [([0, 1, 2, 3], 3), ([0, 1, -1, 2], -1)] as [([Int64], Int)] {
        #expect(
          throws: InterpreterError.outOfBounds(kernel: "beyond", memory: "row", index: index, count: 3)
        ) { try run(f, m, [HostTensor(places)], symbols: [n: 3]) }
      }
      _ = try run(f, m, [HostTensor([0, 1, 2, 3] as [Int64])], symbols: [n: 4])
    }
  }
}
