// Memories of a kernel's own, tasks that threads share, and kernels that stay functions.

import SluiceC
import SluiceFormats
import SluiceIR
import SluicePlan
import TestSupport
import Testing

@Suite struct LocalTests {
  private static let warnings = ["-Wall", "-Wextra", "-Wconversion", "-Wcast-qual", "-Werror"]
  private static let exp = UInt64(ElementaryFunction.exp.rawValue)

  /// `run`: softmax of the rows of x: f32[B,T,N], each row in a local, B and T tasks.
  private static func softmax() -> (plan: ModulePlan, symbols: [SymbolID]) {
    var m = PlanBuilder("softmax", function: "run")
    let symbols = [m.symbol("B", 4), m.symbol("T", 64), m.symbol("N", 384)]
    let (x, y) = (m.input("x", .f32, "B", "T", "N"), m.output("y", .f32, "B", "T", "N"))
    let kernel = m.kernel("softmax") { k, m in
      let (x, y) = (k.slot("x", .f32, .read), k.slot("y", .f32, .write))
      let n = m.affine("N")
      k.loop(to: m.affine("B"), .parallel) { k, i in
        k.loop(to: m.affine("T"), .parallel) { k, j in
          let local = k.local("row", .f32, m.dim("N"))
          let largest = k.variable(k.float(-.infinity))
          k.loop(to: n, .lanes(16)) { k, l in
            k.accumulate(largest, .maximum, k.load(x, m.affine(0, ("T*N", i), ("N", j), (1, l))))
          }
          k.loop(to: n, .vector) { k, l in
            let value = k.load(x, m.affine(0, ("T*N", i), ("N", j), (1, l)))
            let below = k.scalar(.subtract, .f32, [value, largest])
            k.store(local, k.at(l), k.scalar(.call, .f32, [below], immediate: exp))
          }
          let sum = k.variable(k.float(0))
          k.loop(to: n, .lanes(16)) { k, l in k.accumulate(sum, .add, k.load(local, k.at(l))) }
          k.loop(to: n, .vector) { k, l in
            let part = k.scalar(.divide, .f32, [k.load(local, k.at(l)), sum])
            k.store(y, m.affine(0, ("T*N", i), ("N", j), (1, l)), part)
          }
        }
      }
    }
    m.call(kernel, x, y)
    return (m.plan, symbols)
  }

  @Test func rowsInLocals() throws {
    let (plan, symbols) = Self.softmax()
    #expect(PlanChecker().check(plan).map(\.message) == [])
    let source = CSource.emitC(plan).source
    #expect(source.contains(" softmax_f32 row[384];\n"))
    #expect(source.contains("SOFTMAX_KERNEL\nstatic void softmax_k0_softmax("))
    var random = SeededRandom(7)
    for build in Build.isExhaustive ? Build.all : Build.fast {
      let models = try [1, 2].map {
        try CompiledModel(
          plan, parameters: [], states: [], options: build.options(Self.warnings, threads: $0))
      }
      for sizes in [[1, 64, 60], [4, 3, 17], [2, 1, 1], [0, 5, 8], [3, 0, 8], [2, 2, 0]] {
        let x = HostTensor(
          words: (0..<sizes.reduce(1, *)).map { _ in UInt64(random.float().bitPattern) }, .f32, shape: sizes)
        let given = Dictionary(uniqueKeysWithValues: zip(symbols, sizes))
        var machine = PlanMachine(plan)
        let expected = try machine.run("run", [x], symbols: given)
        for model in models { #expect(try model.run("run", inputs: [x], symbols: given) == expected) }
      }
    }
  }

  /// Elements of every dtype go through a local, in two loops around it.
  @Test func everyDType() throws {
    var m = PlanBuilder("types", function: "turn")
    for dtype in DType.allCases {
      let (x, y) = (m.input("x_\(dtype.name)", dtype, 40), m.output("y_\(dtype.name)", dtype, 40))
      let turn = m.kernel("turn_\(dtype.name)") { k, m in
        let (x, y) = (k.slot("x", dtype, .read), k.slot("y", dtype, .write))
        for half in 0..<2 {
          k.loop(to: m.affine(2), .sequential) { k, i in
            // Nothing is loaded from the second one: no compiler may warn of it.
            let rows = [k.local("row", dtype, m.dim(10)), k.local("needless", dtype, m.dim(10))]
            for row in rows {
              k.loop(to: m.affine(10), .vector) { k, j in
                k.store(row, k.at(j), k.load(x, m.affine(20 * half, (10, i), (1, j))))
              }
            }
            k.loop(to: m.affine(10), .vector) { k, j in
              k.store(y, m.affine(20 * half, (10, i), (1, j)), k.load(rows[0], m.affine(9, (-1, j))))
            }
          }
        }
      }
      m.call(turn, x, y)
    }
    let plan = m.plan
    #expect(PlanChecker().check(plan).map(\.message) == [])
    #expect(!CSource.emitC(plan).source.contains("needless"))
    let inputs = DType.allCases.map { dtype in
      let width = UInt64(8 * dtype.byteCount)
      return HostTensor(
        words: (0..<40).map {
          dtype == .bool ? $0 & 1 : ($0 &* 0x0123_4567_89AB_CDEF) & (.max >> (64 - width))
        }, dtype)
    }
    var machine = PlanMachine(plan)
    let expected = try machine.run("turn", inputs)
    for build in Build.all {
      let model = try CompiledModel(
        plan, parameters: [], states: [], options: build.options(Self.warnings))
      #expect(try model.run("turn", inputs: inputs) == expected)
    }
  }

  // MARK: Tasks

  /// `run`: loops of tasks from -2, in steps, over symbols that may make them empty, around a vector loop.
  private static func tasks() -> (plan: ModulePlan, symbols: [SymbolID]) {
    var m = PlanBuilder("tasks", function: "run")
    let symbols = [m.symbol("A", 3), m.symbol("B", 40)]
    let (x, y) = (m.input("x", .i32), m.output("y", .i32, "720*A*B"))
    let tasks = m.kernel("tasks") { k, m in
      let (x, y) = (k.slot("x", .i32, .read), k.slot("y", .i32, .readWrite))
      let first = k.load(x, m.affine(0))
      // i over A; the second runs once; j over B - 3 in steps of 5 from 3; l from -2 to 10 in steps of 3.
      k.loop(to: m.affine("A"), .parallel) { k, i in
        k.loop(from: m.affine(1), to: m.affine(2), .parallel) { k, once in
          k.loop(from: m.affine(3), to: m.affine("B"), step: 5, .parallel) { k, j in
            k.loop(from: m.affine(-2), to: m.affine(10), step: 3, .parallel) { k, l in
              k.loop(to: m.affine(60), .vector) { k, n in
                let product = k.scalar(.multiply, .i64, [k.scalar(.multiply, .i64, [i, j]), l])
                var value = k.scalar(.add, .i64, [k.scalar(.add, .i64, [product, once]), n])
                // Enough work for parts.
                for divisor in [10_007, 1009, 997] as [Int64] {
                  value = k.scalar(.remainder, .i64, [value, k.integer(divisor)])
                }
                let narrow = k.scalar(.cast, .i32, source: .i64, [value])
                let place = m.affine(120, ("720*B", i), (720, j), (60, l), (1, n))
                k.store(y, place, k.scalar(.add, .i32, [narrow, first]))
              }
            }
          }
        }
      }
    }
    let clear = m.kernel("clear") { k, m in
      let y = k.slot("y", .i32, .write)
      k.loop(to: m.affine("720*A*B"), .vector) { k, i in k.store(y, k.at(i), k.constant(7, .i32)) }
    }
    m.call(clear, y)
    m.call(tasks, x, y)
    return (m.plan, symbols)
  }

  @Test func chainsAreDivided() throws {
    let (plan, symbols) = Self.tasks()
    #expect(PlanChecker().check(plan).map(\.message) == [])
    for build in Build.fast {
      let models = try [1, 2].map {
        try CompiledModel(
          plan, parameters: [], states: [], options: build.options(Self.warnings, threads: $0))
      }
      for sizes in [[3, 40], [1, 40], [1, 39], [2, 4], [3, 3], [3, 0], [0, 40], [1, 1]] {
        let given = Dictionary(uniqueKeysWithValues: zip(symbols, sizes))
        var machine = PlanMachine(plan)
        let expected = try machine.run("run", [HostTensor(scalar: Int32(5))], symbols: given)
        for model in models {
          #expect(try model.run("run", inputs: [HostTensor(scalar: Int32(5))], symbols: given) == expected)
        }
      }
    }
  }

  /// A batch of one is divided as well, into tasks that give the same bits in any order.
  @Test func aBatchOfOneIsDivided() throws {
    let (plan, _) = Self.softmax()
    let scratch = try ScratchFolder()
    _ = try scratch.write("softmax.c", CSource.emitC(plan).source)
    let user = try scratch.write(
      "user.c",
      """
      #include "softmax.c"
      #include <string.h>
      static int64_t parts;
      static void backwards(
          void *user, int64_t count, void (*body)(void *argument, int64_t index), void *argument) {
        (void)user;
        parts += count;
        for (int64_t i = count - 1; i >= 0; --i) body(argument, i);
      }
      static float x[64 * 384], y[64 * 384], z[64 * 384];
      int main(void) {
        for (int i = 0; i < 64 * 384; ++i) x[i] = (float)(i % 37) * 0.25f;
        softmax_context context = {NULL, NULL, NULL, 0, NULL, NULL};
        const softmax_run_dims dims = {1, 64, 384};
        const softmax_run_inputs inputs = {x};
        const softmax_run_outputs once = {y}, divided = {z};
        if (softmax_run(&context, &dims, &inputs, &once) != SOFTMAX_OK) return 2;
        context.parallel_for = backwards;
        if (softmax_run(&context, &dims, &inputs, &divided) != SOFTMAX_OK) return 3;
        return parts >= 4 && memcmp(y, z, sizeof y) == 0 ? 0 : 1;
      }

      """)
    let program = scratch.file("user")
    let (code, output) = try scratch.run(try CCompiler.find().path, ["-std=c99", "-O2", "-o", program, user])
    try #require(code == 0, "\(output)")
    #expect(try scratch.run(program, []).code == 0)
  }

  /// Where nothing else runs more than once, threads share a vector loop; short kernels are left to the compiler.
  @Test func oneRowAndShortKernels() {
    var m = PlanBuilder("short", function: "run")
    for (name, count) in [("long", 100_000), ("short", 8)] {
      let (x, y) = (m.input("x_\(name)", .f32, count), m.output("y_\(name)", .f32, count))
      let kernel = m.kernel(name) { k, m in
        let (x, y) = (k.slot("x", .f32, .read), k.slot("y", .f32, .write))
        k.loop(to: m.affine(1), .parallel) { k, i in
          k.loop(to: m.affine(count), .vector) { k, j in
            let place = m.affine(0, (count, i), (1, j))
            k.store(y, place, k.scalar(.negate, .f32, [k.load(x, place)]))
          }
        }
      }
      m.call(kernel, x, y)
    }
    let source = CSource.emitC(m.plan).source
    #expect(source.contains("SHORT_KERNEL\nstatic void short_k0_long("))
    #expect(source.contains("  for (ptrdiff_t i = begin; i < end; ++i) {\n"), "\(source)")
    #expect(source.contains("short_k0_long_call(context, "))
    #expect(!source.contains("SHORT_KERNEL\nstatic void short_k1_short("))
  }
}
