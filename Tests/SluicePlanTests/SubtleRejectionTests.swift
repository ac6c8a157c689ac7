import SluiceIR
import SluicePlan
import TestSupport
import Testing

/// Pairs of plans that differ in little: one sound, the other one not.
@Suite struct SubtleRejectionTests {
  /// The messages about a kernel with the slots x: f32[4], index: i32[4], y: f32[`count`], which is also an output.
  private func messages(
    _ count: String, access: Slot.Access = .write, _ body: (inout KernelBuilder, inout PlanBuilder) -> Void
  ) -> [String] {
    var m = PlanBuilder("subtle")
    let (x, index) = (m.input("x", .f32, "4"), m.input("index", .i32, "4"))
    let y = m.output("y", .f32, count)
    let kernel = m.kernel("subtle") { k, m in
      _ = (k.slot("x", .f32, .read), k.slot("index", .i32, .read), k.slot("y", .f32, access))
      body(&k, &m)
    }
    m.call(kernel, x, index, y)
    return PlanChecker().check(m.plan).map(\.message)
  }

  private func expect(_ messages: [String], _ text: String, sourceLocation: SourceLocation = #_sourceLocation)
  {
    #expect(
      messages.contains { $0.contains(text) }, "expected `\(text)`, got \(messages)",
      sourceLocation: sourceLocation)
  }

  /// y[i] = 0 for `count` elements.
  private func fill(_ k: inout KernelBuilder, _ m: inout PlanBuilder, _ count: String) {
    let zero = k.constant(0, .f32)
    k.loop(to: m.affine(count), .vector) { k, i in k.store(.slot(2), k.at(i), zero) }
  }

  /// The element of `index` at `i`, between 0 and 3.
  private func clamped(_ k: inout KernelBuilder, _ m: inout PlanBuilder, _ i: Register) -> Register {
    let given = k.scalar(.cast, .i64, source: .i32, [k.load(.slot(1), k.at(i))])
    let low = k.scalar(.maximum, .i64, [given, k.constant(0, .i64)])
    return k.scalar(.minimum, .i64, [low, k.constant(3, .i64)])
  }

  @Test func loopsThatShareACounter() {
    // What is proven in the first loop holds in the second one only where that counts as far.
    func plan(_ second: String) -> [String] {
      var m = PlanBuilder("counters")
      let x = m.input("x", .f32, "4")
      let (y, z) = (m.output("y", .f32, "4"), m.output("z", .f32, "4"))
      let copy = SamplePlans.map(&m, "1", .abs)
      let c = m.counter("c", 8)
      m.loop(c, "4") { m in m.call(copy, (x, "c"), (y, "c")) }
      m.loop(c, second) { m in m.call(copy, (x, "c"), (z, "c")) }
      return PlanChecker().check(m.plan).map(\.message)
    }
    #expect(plan("4") == [])
    expect(plan("5"), "behind the buffer")
    expect(plan("3"), "output `z` is not completely written")
  }

  @Test func slabs() {
    func pair(_ first: String, _ second: String, from start: String) -> [String] {
      messages("8") { k, m in
        fill(&k, &m, "8")
        k.loop(from: m.affine(start), to: m.affine("4"), .parallel) { k, i in
          let value = k.constant(0, .f32)
          k.store(.slot(2), m.affine(first, ("2", i)), value)
          k.store(.slot(2), m.affine(second, ("2", i)), value)
        }
      }
    }
    #expect(pair("0", "1", from: "0") == [])
    #expect(pair("1", "0", from: "0") == [])
    expect(pair("1", "-1", from: "1"), "iterations are not independent")
    expect(pair("-1", "1", from: "1"), "iterations are not independent")
  }

  @Test func borders() {
    // Rows of 4 elements, at an inner loop's distance from each other; some of them are stored again further in.
    func plan(_ start: String) -> [String] {
      messages("16") { k, m in
        fill(&k, &m, "16")
        k.loop(to: m.affine("2"), .parallel) { k, row in
          let value = k.constant(0, .f32)
          k.loop(to: m.affine("2"), .parallel) { k, image in
            k.loop(to: m.affine("4"), .parallel) { k, i in
              k.store(.slot(2), m.affine("0", ("8", image), ("4", row), ("1", i)), value)
            }
          }
          k.loop(to: m.affine("2"), .parallel) { k, image in
            k.loop(to: m.affine("2"), .parallel) { k, i in
              k.store(.slot(2), m.affine(start, ("8", image), ("4", row), ("1", i)), value)
            }
          }
        }
      }
    }
    #expect(plan("1") == [])
    #expect(plan("2") == [])
    expect(plan("3"), "iterations are not independent")
  }

  @Test func scattering() {
    func plan(_ stride: String, _ count: String) -> [String] {
      messages(count) { k, m in
        fill(&k, &m, count)
        k.loop(to: m.affine("4"), .parallel) { k, i in
          let place = clamped(&k, &m, i)
          k.store(.slot(2), m.affine("0", (stride, i), ("1", place)), k.constant(0, .f32))
        }
      }
    }
    #expect(plan("4", "16") == [])
    expect(plan("1", "7"), "iterations are not independent")
  }

  @Test func diagonals() {
    // Different iterations touch the same element of the diagonal: it must not be stored in place.
    func plan(_ stride: String) -> [String] {
      var m = PlanBuilder("diagonal")
      let (x, y) = (m.input("x", .f32, "6"), m.output("y", .f32, "6"))
      let (a, b) = (m.arena("a", .f32, "6"), m.arena("b", .f32, "6", at: 0))
      let copy = SamplePlans.map(&m, "6", .abs)
      let kernel = m.kernel("diagonal") { k, m in
        let (x, y) = (k.slot("x", .f32, .read), k.slot("y", .f32, .write))
        k.loop(to: m.affine("2"), .sequential) { k, i in
          k.loop(to: m.affine("3"), .sequential) { k, j in
            let at = m.affine("0", (stride, i), ("1", j))
            k.store(y, at, k.scalar(.negate, .f32, [k.load(x, at)]))
          }
        }
      }
      m.call(copy, x, a)
      m.call(kernel, a, b)
      m.call(copy, b, y)
      return PlanChecker().check(m.plan).map(\.message)
    }
    #expect(plan("3") == [])
    expect(plan("1"), "the kernel may load an element after it was stored")
  }

  @Test func elementsOfOtherSizes() {
    var m = PlanBuilder("sizes")
    let (x, y) = (m.input("x", .u8, "4"), m.output("y", .f32, "4"))
    let (a, b) = (m.arena("a", .u8, "4"), m.arena("b", .f32, "4", at: 0))
    func kernel(_ m: inout PlanBuilder, _ from: DType, _ to: DType) -> KernelID {
      m.kernel("convert") { k, m in
        let (x, y) = (k.slot("x", from, .read), k.slot("y", to, .write))
        k.loop(to: m.affine("4"), .sequential) { k, i in
          let value = k.load(x, k.at(i))
          k.store(y, k.at(i), from == to ? value : k.scalar(.cast, to, source: from, [value]))
        }
      }
    }
    m.call(kernel(&m, .u8, .u8), x, a)
    m.call(kernel(&m, .u8, .f32), a, b)
    m.call(kernel(&m, .f32, .f32), b, y)
    expect(PlanChecker().check(m.plan).map(\.message), "their elements have different sizes")
  }

  @Test func conditionalStores() {
    func plan(_ limit: Int, otherwise: Bool) -> [String] {
      messages("4") { k, m in
        let (zero, end) = (k.constant(0, .f32), k.constant(UInt64(limit), .i64))
        k.loop(to: m.affine("4"), .sequential) { k, i in
          let condition = k.scalar(.less, .bool, source: .i64, [k.index(k.at(i)), end])
          k.when(condition) { k in k.store(.slot(2), k.at(i), zero) }
          if otherwise {
            k.when(k.scalar(.not, .bool, [condition])) { k in k.store(.slot(2), k.at(i), zero)
            }
          }
        }
      }
    }
    #expect(plan(4, otherwise: false) == [])
    #expect(plan(2, otherwise: true) == [])
    expect(plan(3, otherwise: false), "output `y` is not completely written")
    // A condition that is not followed.
    expect(
      messages("4") { k, m in
        let zero = k.constant(0, .f32)
        k.loop(to: m.affine("4"), .sequential) { k, i in
          let isLess = k.scalar(
            .less, .bool, source: .f32, [k.load(.slot(0), k.at(i)), zero])
          k.when(isLess) { k in k.store(.slot(2), k.at(i), zero) }
        }
      }, "output `y` is not completely written")
  }

  @Test func partsBesideWhatIsLoaded() {
    // Columns 1 and 2 of three rows of four are there; others are loaded.
    func plan(_ from: String, _ width: String) -> [String] {
      var m = PlanBuilder("columns")
      let (x, y) = (m.input("x", .f32, "3", "4"), m.output("y", .f32, "3", width))
      let whole = m.arena("whole", .f32, "12")
      func columns(
        _ m: inout PlanBuilder, _ width: String, _ from: String, _ to: String, _ pitches: (String, String)
      )
        -> KernelID
      {
        m.kernel("columns") { k, m in
          let (x, y) = (k.slot("x", .f32, .read), k.slot("y", .f32, .write))
          k.loop(to: m.affine("3"), .parallel) { k, i in
            k.loop(to: m.affine(width), .vector) { k, j in
              let value = k.load(x, m.affine(from, (pitches.0, i), ("1", j)))
              k.store(y, m.affine(to, (pitches.1, i), ("1", j)), value)
            }
          }
        }
      }
      m.call(columns(&m, "2", "1", "1", ("4", "4")), x, whole)
      m.call(columns(&m, width, from, "0", ("4", width)), whole, y)
      return PlanChecker().check(m.plan).map(\.message)
    }
    #expect(plan("1", "2") == [])
    #expect(plan("2", "1") == [])
    for (from, width) in [("0", "2"), ("2", "2"), ("1", "3"), ("0", "1")] {
      expect(plan(from, width), "may load elements that were never stored")
    }
  }

  @Test func partOfALoopThatMayNotRun() {
    var m = PlanBuilder("maybe")
    m.symbol("T", 3)
    let (x, y) = (m.input("x", .f32, "2"), m.output("y", .f32, "4"))
    let t = m.arena("t", .f32, "4")
    let (copy, all) = (SamplePlans.map(&m, "2", .negate), SamplePlans.map(&m, "4", .abs))
    let c = m.counter("c", 2)
    m.loop(c, "T") { m in m.call(copy, (x, "0"), (t, "0")) }
    m.call(copy, (x, "0"), (t, "2"))
    m.call(all, t, y)
    expect(PlanChecker().check(m.plan).map(\.message), "may load elements that were never stored")
    m.function.checkedDims = [m.dim("T-1")]
    #expect(PlanChecker().check(m.plan) == [])
  }

  @Test func variables() {
    // Known before, not known after an `if`, and not in the second iteration of a loop.
    func afterIf(_ before: UInt64, _ inside: UInt64) -> [String] {
      messages("4", access: .readWrite) { k, m in
        fill(&k, &m, "4")
        let place = k.variable(k.constant(before, .i64))
        let isLess = k.scalar(
          .less, .bool, source: .f32, [k.load(.slot(0), m.affine("0")), k.constant(0, .f32)])
        k.when(isLess) { k in k.assign(place, k.constant(inside, .i64)) }
        _ = k.load(.slot(2), k.at(place))
      }
    }
    expect(afterIf(9, 3), "may touch an element")
    expect(afterIf(3, 9), "may touch an element")
    expect(
      messages("4", access: .readWrite) { k, m in
        fill(&k, &m, "4")
        let place = k.variable(k.constant(0, .i64))
        k.loop(to: m.affine("4"), .sequential) { k, i in
          _ = k.load(.slot(2), k.at(place))
          k.assign(place, k.constant(9, .i64))
        }
      }, "may touch an element")
    #expect(
      messages("4", access: .readWrite) { k, m in
        fill(&k, &m, "4")
        let place = k.variable(k.constant(9, .i64))
        k.assign(place, k.constant(2, .i64))
        _ = k.load(.slot(2), k.at(place))
      } == [])
  }

  @Test func arithmeticThatWraps() {
    func plan(_ op: ScalarOp) -> [String] {
      messages("4", access: .readWrite) { k, m in
        fill(&k, &m, "4")
        let given = k.scalar(.cast, .i64, source: .f32, [k.load(.slot(0), m.affine("0"))])
        // The largest integer and 1 are the least one, which is less than 4.
        let place = op == .add ? k.scalar(.add, .i64, [given, k.constant(1, .i64)]) : given
        let isPositive = k.scalar(.lessEqual, .bool, source: .i64, [k.constant(0, .i64), given])
        let isInside = k.scalar(.less, .bool, source: .i64, [place, k.constant(4, .i64)])
        k.when(k.scalar(.and, .bool, [isPositive, isInside])) { k in
          _ = k.load(.slot(2), k.at(place))
        }
      }
    }
    #expect(plan(.negate) == [])
    expect(plan(.add), "may touch an element before the buffer")
  }

  @Test func loopsOfKernelsThatMayNotRun() {
    func plan(_ outer: String, _ body: String, checked: Bool = false) -> [String] {
      var m = PlanBuilder("maybe")
      m.symbol("T", 4)
      let y = m.output("y", .f32, body)
      if checked { m.function.checkedDims = [m.dim("T-1")] }
      let kernel = m.kernel("maybe") { k, m in
        let y = k.slot("y", .f32, .write)
        let zero = k.constant(0, .f32)
        k.loop(to: m.affine(outer), .sequential) { k, _ in
          k.loop(to: m.affine(body), .vector) { k, i in k.store(y, k.at(i), zero) }
        }
      }
      m.call(kernel, y)
      return PlanChecker().check(m.plan).map(\.message)
    }
    #expect(plan("2", "4") == [])
    #expect(plan("T", "4", checked: true) == [])
    expect(plan("T", "4"), "output `y` is not completely written")
    // Where T is 0, y has one element, and neither loop runs.
    var m = PlanBuilder("square")
    m.symbol("T", 4)
    let y = m.output("y", .f32, "T*T-2*T+1")
    let kernel = m.kernel("square") { k, m in
      let y = k.slot("y", .f32, .write)
      let zero = k.constant(0, .f32)
      k.loop(to: m.affine("T-1"), .parallel) { k, i in
        k.loop(to: m.affine("T-1"), .vector) { k, j in k.store(y, m.affine("0", ("T-1", i), ("1", j)), zero) }
      }
    }
    m.call(kernel, y)
    expect(PlanChecker().check(m.plan).map(\.message), "output `y` is not completely written")
    m.function.checkedDims = [m.dim("T-1")]
    #expect(PlanChecker().check(m.plan) == [])
  }

  /// What is left when signs and facts do not show it: boxes are proofs, samples are counted.
  @Test func sizesThatNeedMoreThanSigns() {
    func plan(_ count: String, _ bound: Int64) -> PlanChecker.Report {
      var m = PlanBuilder("sizes")
      m.symbol("A", bound)
      m.symbol("B", bound)
      let x = m.input("x", .u8, count)
      let y = m.output("y", .u8, "1")
      m.function.buffers[0].capacity = 1 << 50
      let kernel = m.kernel("first") { k, m in
        let (x, y) = (k.slot("x", .u8, .read), k.slot("y", .u8, .write))
        k.store(y, m.affine("0"), k.load(x, m.affine("0")))
      }
      m.call(kernel, x, y)
      return PlanChecker().report(m.plan)
    }
    // (A - 1)(A - 2) + 1 is at least 1 for integers, not for all numbers.
    let parabola = plan("A*A-3*A+3", 1000)
    #expect(parabola.diagnostics == [] && parabola.sampledCount == 0 && parabola.provenCount > 0)
    let square = plan("A*A-2*A*B+B*B+1", 1_000_000)
    #expect(square.diagnostics == [] && square.sampledCount > 0)
    let small = plan("A*A-2*A*B+B*B+1", 6)
    #expect(small.diagnostics == [] && small.sampledCount == 0)
    #expect(!plan("A*A-2*A*B+B*B", 1_000_000).diagnostics.isEmpty)
    #expect(!plan("A*A-3*A+2", 1000).diagnostics.isEmpty)
  }
}
