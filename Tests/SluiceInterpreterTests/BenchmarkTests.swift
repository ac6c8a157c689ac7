import SluiceFormats
import SluiceIR
import SluiceInterpreter
import SluicePlan
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
  private func time(_ f: KernelFixture, _ tensors: [HostTensor]) throws -> Double {
    var interpreter = try PlanInterpreter(
      statePlan(f.kernel, f.tables, tensors), parameters: [], states: tensors)
    return try best { _ = try interpreter.run("f", inputs: []) }
  }

  @Test func map() throws {
    let count = 1 << 20
    var f = KernelFixture("map")
    let x = f.builder.slot("x", .f32, .read)
    let y = f.builder.slot("y", .f32, .write)
    let i = f.loop(count, .vector)
    var value = f.builder.load(x, f.at(i))
    value = f.builder.scalar(.multiply, .f32, [value, f.float(2)])
    value = f.builder.scalar(.add, .f32, [value, f.float(1)])
    value = f.builder.scalar(.maximum, .f32, [value, f.float(0)])
    f.builder.store(y, f.at(i), value)
    f.builder.endLoop()
    let input = HostTensor((0..<count).map { Float($0 % 1000) - 500 })
    let nanoseconds = try time(f, [input, HostTensor.zeros(.f32, shape: [count])])
    print("map of 3 operations: \(nanoseconds / Double(count)) ns an element")
  }

  @Test(arguments: [ScalarOp.add, .divide, .fma, .sqrt, .floor, .round, .minimum, .less, .select, .cast])
  func operation(_ op: ScalarOp) throws {
    let count = 1 << 16
    for dtype in [DType.f32, .f64] {
      var f = KernelFixture("op")
      let x = f.builder.slot("x", dtype, .read)
      let y = f.builder.slot("y", dtype, .write)
      let i = f.loop(count, .vector)
      let value = f.builder.load(x, f.at(i))
      let operands = [value, value, value].prefix(op.operandCount)
      var last = value
      for _ in 0..<8 {
        switch op {
        case .less: _ = f.builder.scalar(op, .bool, Array(operands))
        case .select:
          let isLess = f.builder.constant(1, .bool)
          last = f.builder.scalar(op, dtype, [isLess, value, last])
        case .cast: _ = f.builder.scalar(op, .i32, [value])
        default: last = f.builder.scalar(op, dtype, Array(operands))
        }
      }
      f.builder.store(y, f.at(i), last)
      f.builder.endLoop()
      var random = Random(3)
      let inputs = try tensor(
        dtype,
        (0..<count).map { _ in
          let value = Double.random(in: -100...100, using: &random)
          return dtype == .f32 ? Float(value).bits : value.bits
        })
      let nanoseconds = try time(f, [inputs, HostTensor.zeros(dtype, shape: [count])])
      print("\(op) of \(dtype.name): \(nanoseconds / Double(count) / 8) ns an element")
    }
  }

  @Test func product() throws {
    let n = 256
    var f = KernelFixture("product")
    let a = f.builder.slot("a", .f32, .read)
    let b = f.builder.slot("b", .f32, .read)
    let c = f.builder.slot("c", .f32, .write)
    let i = f.loop(n, .parallel)
    let j = f.loop(n, .vector)
    let sum = f.builder.variable(f.float(0))
    let k = f.loop(n, .sequential)
    let left = f.builder.load(a, f.affine(0, (n, i), (1, k)))
    let right = f.builder.load(b, f.affine(0, (n, k), (1, j)))
    f.builder.assign(sum, f.builder.scalar(.fma, .f32, [left, right, sum]))
    f.builder.endLoop()
    f.builder.store(c, f.affine(0, (n, i), (1, j)), sum)
    f.builder.endLoop()
    f.builder.endLoop()
    var random = Random(4)
    let matrix = HostTensor((0..<n * n).map { _ in Float.random(in: -1...1, using: &random) })
    let nanoseconds = try time(f, [matrix, matrix, matrix])
    print("product of 256 x 256 matrices: \(2 * Double(n * n * n) / nanoseconds) GFLOP/s")
  }

  @Test func reduction() throws {
    let count = 1 << 20
    for lanes in [8, 16] {
      var f = KernelFixture("sum")
      let x = f.builder.slot("x", .f32, .read)
      let y = f.builder.slot("y", .f32, .write)
      let sum = f.builder.variable(f.float(0))
      let i = f.loop(count, .lanes(lanes))
      f.builder.accumulate(sum, .add, f.builder.load(x, f.at(i)))
      f.builder.endLoop()
      f.builder.store(y, f.affine(0), sum)
      let input = HostTensor((0..<count).map { Float($0 % 1000) - 500 })
      let nanoseconds = try time(f, [input, HostTensor([0 as Float])])
      print("sum in \(lanes) lanes: \(nanoseconds / Double(count)) ns an element")
    }
  }

  /// A scalar program: 100,000 iterations of a sequential loop with 6 instructions.
  @Test func scalars() throws {
    let count = 100_000
    var f = KernelFixture("scalars")
    let x = f.builder.slot("x", .f32, .read)
    let y = f.builder.slot("y", .f32, .write)
    let sum = f.builder.variable(f.float(0))
    let i = f.loop(count, .sequential)
    let value = f.builder.load(x, f.at(i))
    let isLarger = f.builder.scalar(.less, .bool, source: .f32, [sum, value])
    let product = f.builder.scalar(.multiply, .f32, [value, f.float(0.5)])
    f.builder.assign(sum, f.builder.scalar(.select, .f32, [isLarger, product, sum]))
    f.builder.store(y, f.at(i), sum)
    f.builder.endLoop()
    let input = HostTensor((0..<count).map { Float($0 % 1000) - 500 })
    let nanoseconds = try time(f, [input, input])
    print("scalar code: \(nanoseconds / Double(count) / 7) ns an instruction")
  }

  /// A plan that calls a kernel over 4 elements 100,000 times, with an offset that follows the counter.
  @Test func calls() throws {
    let count = 100_000
    var f = KernelFixture("tiny")
    let x = f.builder.slot("x", .f32, .read)
    let h = f.builder.slot("h", .f32, .readWrite)
    let i = f.loop(4, .vector)
    let sum = f.builder.scalar(.add, .f32, [f.builder.load(h, f.at(i)), f.builder.load(x, f.at(i))])
    f.builder.store(h, f.at(i), sum)
    f.builder.endLoop()
    let counter = f.symbol("t", bound: Int64(count))
    let counterDim = f.tables.dims.dim(counter)
    let offset = f.product(counterDim, f.tables.dims.integer(4))
    let tensors = [
      HostTensor([Float](repeating: 1, count: 4 * count)), HostTensor([Float](repeating: 0, count: 4)),
    ]
    let times = f.tables.dims.integer(count)
    let zero = f.tables.dims.integer(0)
    var plan = statePlan(f.kernel, f.tables, tensors)
    plan.functions[0].steps = [
      .loop(counter: counter, count: times, reverse: false),
      .call(
        KernelID(0),
        [Argument(buffer: BufferID(0), offset: offset), Argument(buffer: BufferID(1), offset: zero)]),
      .end,
    ]
    var interpreter = try PlanInterpreter(plan, parameters: [], states: tensors)
    let nanoseconds = try best { _ = try interpreter.run("f", inputs: []) }
    print("tiny kernel: \(nanoseconds / Double(count)) ns a call")
  }
}
