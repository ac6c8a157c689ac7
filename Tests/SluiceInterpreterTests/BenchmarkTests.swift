import SluiceFormats
import SluiceIR
import SluiceInterpreter
import SluicePlan
import TestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Prints what the interpreter costs; `SLUICE_BENCH=1 swift test -c release --filter BenchmarkTests`.
@Suite(.serialized, .enabled(if: unsafe getenv("SLUICE_BENCH") != nil)) struct BenchmarkTests {
  /// The best time of some runs in nanoseconds, of this thread alone.
  private func best(_ rounds: Int = 15, _ body: () throws -> Void) rethrows -> Double {
    func now() -> Double {
      var time = timespec()
      unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }
    var best = Double.infinity
    for _ in 0..<rounds {
      let start = now()
      try body()
      best = min(best, now() - start)
    }
    return best
  }

  /// Times one call of a kernel on tensors.
  private func time(_ f: KernelBuilder, _ m: PlanBuilder, _ tensors: [HostTensor]) throws -> Double {
    var interpreter = try PlanInterpreter(
      statePlan(f, m, tensors), parameters: [], states: tensors)
    return try best { _ = try interpreter.run("f", inputs: []) }
  }

  @Test func map() throws {
    let count = 1 << 20
    var m = PlanBuilder("map")
    var f = m.builder("map")
    let x = f.slot("x", .f32, .read)
    let y = f.slot("y", .f32, .write)
    let i = f.beginLoop(to: m.affine(count), .vector)
    var value = f.load(x, f.at(i))
    value = f.scalar(.multiply, .f32, [value, f.float(2)])
    value = f.scalar(.add, .f32, [value, f.float(1)])
    value = f.scalar(.maximum, .f32, [value, f.float(0)])
    f.store(y, f.at(i), value)
    f.endLoop()
    let input = HostTensor((0..<count).map { Float($0 % 1000) - 500 })
    let nanoseconds = try time(f, m, [input, HostTensor.zeros(.f32, shape: [count])])
    print("map of 3 operations: \(nanoseconds / Double(count)) ns an element")
  }

  @Test(arguments: [ScalarOp.add, .divide, .fma, .sqrt, .floor, .round, .minimum, .less, .select, .cast])
  func operation(_ op: ScalarOp) throws {
    let count = 1 << 16
    for dtype in [DType.f32, .f64] {
      var m = PlanBuilder("op")
      var f = m.builder("op")
      let x = f.slot("x", dtype, .read)
      let y = f.slot("y", dtype, .write)
      let i = f.beginLoop(to: m.affine(count), .vector)
      let value = f.load(x, f.at(i))
      let operands = [value, value, value].prefix(op.operandCount)
      var last = value
      for _ in 0..<8 {
        switch op {
        case .less: _ = f.scalar(op, .bool, Array(operands))
        case .select:
          let isLess = f.constant(1, .bool)
          last = f.scalar(op, dtype, [isLess, value, last])
        case .cast: _ = f.scalar(op, .i32, [value])
        default: last = f.scalar(op, dtype, Array(operands))
        }
      }
      f.store(y, f.at(i), last)
      f.endLoop()
      var random = SeededRandom(3)
      let inputs = HostTensor(
        words: (0..<count).map { _ in
          let value = Double.random(in: -100...100, using: &random)
          return dtype == .f32 ? Float(value).bits : value.bits
        }, dtype)
      let nanoseconds = try time(f, m, [inputs, HostTensor.zeros(dtype, shape: [count])])
      print("\(op) of \(dtype.name): \(nanoseconds / Double(count) / 8) ns an element")
    }
  }

  @Test func product() throws {
    let n = 256
    var m = PlanBuilder("product")
    var f = m.builder("product")
    let a = f.slot("a", .f32, .read)
    let b = f.slot("b", .f32, .read)
    let c = f.slot("c", .f32, .write)
    let i = f.beginLoop(to: m.affine(n), .parallel)
    let j = f.beginLoop(to: m.affine(n), .vector)
    let sum = f.variable(f.float(0))
    let k = f.beginLoop(to: m.affine(n), .sequential)
    let left = f.load(a, m.affine(0, (n, i), (1, k)))
    let right = f.load(b, m.affine(0, (n, k), (1, j)))
    f.assign(sum, f.scalar(.fma, .f32, [left, right, sum]))
    f.endLoop()
    f.store(c, m.affine(0, (n, i), (1, j)), sum)
    f.endLoop()
    f.endLoop()
    var random = SeededRandom(4)
    let matrix = HostTensor((0..<n * n).map { _ in Float.random(in: -1...1, using: &random) })
    let nanoseconds = try time(f, m, [matrix, matrix, matrix])
    print("product of 256 x 256 matrices: \(2 * Double(n * n * n) / nanoseconds) GFLOP/s")
  }

  @Test func reduction() throws {
    let count = 1 << 20
    for lanes in [8, 16] {
      var m = PlanBuilder("sum")
      var f = m.builder("sum")
      let x = f.slot("x", .f32, .read)
      let y = f.slot("y", .f32, .write)
      let sum = f.variable(f.float(0))
      let i = f.beginLoop(to: m.affine(count), .lanes(lanes))
      f.accumulate(sum, .add, f.load(x, f.at(i)))
      f.endLoop()
      f.store(y, m.affine(0), sum)
      let input = HostTensor((0..<count).map { Float($0 % 1000) - 500 })
      let nanoseconds = try time(f, m, [input, HostTensor([0 as Float])])
      print("sum in \(lanes) lanes: \(nanoseconds / Double(count)) ns an element")
    }
  }

  /// A scalar program: 100,000 iterations of a sequential loop with 6 instructions.
  @Test func scalars() throws {
    let count = 100_000
    var m = PlanBuilder("scalars")
    var f = m.builder("scalars")
    let x = f.slot("x", .f32, .read)
    let y = f.slot("y", .f32, .write)
    let sum = f.variable(f.float(0))
    let i = f.beginLoop(to: m.affine(count), .sequential)
    let value = f.load(x, f.at(i))
    let isLarger = f.scalar(.less, .bool, source: .f32, [sum, value])
    let product = f.scalar(.multiply, .f32, [value, f.float(0.5)])
    f.assign(sum, f.scalar(.select, .f32, [isLarger, product, sum]))
    f.store(y, f.at(i), sum)
    f.endLoop()
    let input = HostTensor((0..<count).map { Float($0 % 1000) - 500 })
    let nanoseconds = try time(f, m, [input, input])
    print("scalar code: \(nanoseconds / Double(count) / 7) ns an instruction")
  }

  /// A plan that calls a kernel over 4 elements 100,000 times, with an offset that follows the counter.
  @Test func calls() throws {
    let count = 100_000
    var m = PlanBuilder("tiny")
    var f = m.builder("tiny")
    let x = f.slot("x", .f32, .read)
    let h = f.slot("h", .f32, .readWrite)
    let i = f.beginLoop(to: m.affine(4), .vector)
    let sum = f.scalar(.add, .f32, [f.load(h, f.at(i)), f.load(x, f.at(i))])
    f.store(h, f.at(i), sum)
    f.endLoop()
    let counter = m.counter("t", Int64(count))
    let tensors = [
      HostTensor([Float](repeating: 1, count: 4 * count)), HostTensor([Float](repeating: 0, count: 4)),
    ]
    let (xs, sum0) = (m.state("x", .f32, 4 * count), m.state("h", .f32, 4))
    let kernel = m.add(f)
    m.loop(counter, count) { m in m.call(kernel, (xs, "4*t"), (sum0, 0)) }
    let plan = m.plan
    var interpreter = try PlanInterpreter(plan, parameters: [], states: tensors)
    let nanoseconds = try best { _ = try interpreter.run("f", inputs: []) }
    print("tiny kernel: \(nanoseconds / Double(count)) ns a call")
  }
}
