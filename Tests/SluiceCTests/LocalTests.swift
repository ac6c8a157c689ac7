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

  /// `softmax`: of the rows of x: f32[B,T,N], each row in a local, B and T tasks.
  private static func softmax(_ kit: inout PlanKit, _ b: DimID, _ t: DimID, _ n: DimID) -> KernelID {
    var k = kit.builder("softmax")
    let (x, y) = (k.slot("x", .f32, .read), k.slot("y", .f32, .write))
    let (one, none) = (kit.one, kit.zero)
    let row = kit.product(t, n)
    k.loop(to: Affine(b), .parallel) { k, i in
      k.loop(to: Affine(t), .parallel) { k, j in
        let local = k.local("row", .f32, n)
        func place(_ l: Register) -> Affine { Affine(none, [.init(row, i), .init(n, j), .init(one, l)]) }
        func element(_ l: Register) -> Affine { Affine(none, [.init(one, l)]) }
        let largest = k.variable(k.constant(UInt64((-Float.infinity).bitPattern), .f32))
        k.loop(to: Affine(n), .lanes(16)) { k, l in k.accumulate(largest, .maximum, k.load(x, place(l))) }
        k.loop(to: Affine(n), .vector) { k, l in
          let below = k.scalar(.subtract, .f32, [k.load(x, place(l)), largest])
          k.store(local, element(l), k.scalar(.call, .f32, [below], immediate: exp))
        }
        let sum = k.variable(k.constant(0, .f32))
        k.loop(to: Affine(n), .lanes(16)) { k, l in k.accumulate(sum, .add, k.load(local, element(l))) }
        k.loop(to: Affine(n), .vector) { k, l in
          k.store(y, place(l), k.scalar(.divide, .f32, [k.load(local, element(l)), sum]))
        }
      }
    }
    return kit.add(k)
  }

  private static func softmax() -> (plan: ModulePlan, symbols: [SymbolID]) {
    var kit = PlanKit("softmax")
    let symbols = [kit.symbol("B", 4), kit.symbol("T", 64), kit.symbol("N", 384)]
    let dims = symbols.map { kit.dim($0) }
    let kernel = softmax(&kit, dims[0], dims[1], dims[2])
    let type = kit.type(.f32, dims)
    kit.function(
      "run", symbols: symbols, inputs: [("x", type)], outputs: [("y", type)], steps: [kit.call(kernel, 0, 1)])
    return (kit.finish(), symbols)
  }

  @Test func rowsInLocals() throws {
    let (plan, symbols) = Self.softmax()
    #expect(PlanChecker().check(plan).map(\.message) == [])
    let source = CSource.emitC(plan).source
    #expect(source.contains(" softmax_f32 row[384];\n"))
    #expect(source.contains("SOFTMAX_KERNEL\nstatic void softmax_k0_softmax("))
    var random = Seeded(7)
    for build in Build.isExhaustive ? Build.all : Build.fast {
      let models = try [1, 2].map {
        try CompiledModel(
          plan, parameters: [], states: [], options: build.options(Self.warnings, threads: $0))
      }
      for sizes in [[1, 64, 60], [4, 3, 17], [2, 1, 1], [0, 5, 8], [3, 0, 8], [2, 2, 0]] {
        let x = try tensor(
          (0..<sizes.reduce(1, *)).map { _ in UInt64(random.float().bitPattern) }, .f32, shape: sizes)
        let given = Dictionary(uniqueKeysWithValues: zip(symbols, sizes))
        var machine = PlanMachine(plan)
        let expected = try machine.run("run", [x], symbols: given)
        for model in models { #expect(try model.run("run", inputs: [x], symbols: given) == expected) }
      }
    }
  }

  /// Elements of every dtype go through a local, in two loops around it.
  @Test func everyDType() throws {
    var kit = PlanKit("types")
    let (count, one, none) = (kit.dim(40), kit.one, kit.zero)
    var steps: [Step] = []
    for (row, dtype) in DType.allCases.enumerated() {
      var k = kit.builder("turn_\(dtype.name)")
      let (x, y) = (k.slot("x", dtype, .read), k.slot("y", dtype, .write))
      for half in 0..<2 {
        k.loop(to: Affine(kit.dim(2)), .sequential) { k, i in
          // Nothing is loaded from the second one: no compiler may warn of it.
          let rows = [k.local("row", dtype, kit.dim(10)), k.local("needless", dtype, kit.dim(10))]
          for row in rows {
            k.loop(to: Affine(kit.dim(10)), .vector) { k, j in
              let place = Affine(kit.dim(20 * half), [.init(kit.dim(10), i), .init(one, j)])
              k.store(row, Affine(none, [.init(one, j)]), k.load(x, place))
            }
          }
          k.loop(to: Affine(kit.dim(10)), .vector) { k, j in
            let place = Affine(kit.dim(20 * half), [.init(kit.dim(10), i), .init(one, j)])
            k.store(y, place, k.load(rows[0], Affine(kit.dim(9), [.init(kit.dim(-1), j)])))
          }
        }
      }
      steps.append(kit.call(kit.add(k), row, DType.allCases.count + row))
    }
    let ports = DType.allCases.map { ($0.name, kit.type($0, [count])) }
    kit.function(
      "turn", inputs: ports.map { ("x_\($0.0)", $0.1) }, outputs: ports.map { ("y_\($0.0)", $0.1) },
      steps: steps)
    let plan = kit.finish()
    #expect(PlanChecker().check(plan).map(\.message) == [])
    #expect(!CSource.emitC(plan).source.contains("needless"))
    let inputs = try DType.allCases.map { dtype in
      let width = UInt64(8 * dtype.byteCount)
      return try tensor(
        (0..<40).map { dtype == .bool ? $0 & 1 : ($0 &* 0x0123_4567_89AB_CDEF) & (.max >> (64 - width)) },
        dtype)
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
    var kit = PlanKit("tasks")
    let symbols = [kit.symbol("A", 3), kit.symbol("B", 40)]
    let (a, b) = (kit.dim(symbols[0]), kit.dim(symbols[1]))
    let (one, none) = (kit.one, kit.zero)
    var k = kit.builder("tasks")
    let (x, y) = (k.slot("x", .i32, .read), k.slot("y", .i32, .readWrite))
    let wide = kit.dim(60)
    let long = kit.product(kit.dim(12), wide)
    let plane = kit.product(b, long)
    let first = k.load(x, Affine(none))
    // i over A; the second runs once; j over B - 3 in steps of 5 from 3; l from -2 to 10 in steps of 3.
    k.loop(to: Affine(a), .parallel) { k, i in
      k.loop(from: Affine(one), to: Affine(kit.dim(2)), .parallel) { k, once in
        k.loop(from: Affine(kit.dim(3)), to: Affine(b), step: 5, .parallel) { k, j in
          k.loop(from: Affine(kit.dim(-2)), to: Affine(kit.dim(10)), step: 3, .parallel) { k, l in
            k.loop(to: Affine(wide), .vector) { k, m in
              let place = Affine(
                kit.product(kit.dim(2), wide),
                [.init(plane, i), .init(long, j), .init(wide, l), .init(one, m)])
              let sum = k.scalar(
                .add, .i64, [k.scalar(.multiply, .i64, [k.scalar(.multiply, .i64, [i, j]), l]), once])
              var value = k.scalar(.add, .i64, [sum, m])
              // Enough work for parts.
              for divisor in [10_007, 1009, 997] as [UInt64] {
                value = k.scalar(.remainder, .i64, [value, k.constant(divisor, .i64)])
              }
              let narrow = k.scalar(.cast, .i32, source: .i64, [value])
              k.store(y, place, k.scalar(.add, .i32, [narrow, first]))
            }
          }
        }
      }
    }
    let kernel = kit.add(k)
    var clear = kit.builder("clear")
    let all = kit.product(a, plane)
    let target = clear.slot("y", .i32, .write)
    clear.loop(to: Affine(all), .vector) { k, i in
      k.store(target, Affine(none, [.init(one, i)]), k.constant(7, .i32))
    }
    let cleared = kit.add(clear)
    kit.function(
      "run", symbols: symbols, inputs: [("x", kit.type(.i32))], outputs: [("y", kit.type(.i32, [all]))],
      steps: [kit.call(cleared, 1), kit.call(kernel, 0, 1)])
    return (kit.finish(), symbols)
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
    var kit = PlanKit("short")
    let (one, none) = (kit.one, kit.zero)
    var kernels: [KernelID] = []
    for (name, count) in [("long", 100_000), ("short", 8)] {
      var k = kit.builder(name)
      let (x, y) = (k.slot("x", .f32, .read), k.slot("y", .f32, .write))
      k.loop(to: Affine(one), .parallel) { k, i in
        k.loop(to: Affine(kit.dim(count)), .vector) { k, j in
          let place = Affine(none, [.init(kit.dim(count), i), .init(one, j)])
          k.store(y, place, k.scalar(.negate, .f32, [k.load(x, place)]))
        }
      }
      kernels.append(kit.add(k))
    }
    let types = [kit.type(.f32, [kit.dim(100_000)]), kit.type(.f32, [kit.dim(8)])]
    kit.function(
      "run", inputs: [("a", types[0]), ("b", types[1])], outputs: [("c", types[0]), ("d", types[1])],
      steps: [kit.call(kernels[0], 0, 2), kit.call(kernels[1], 1, 3)])
    let source = CSource.emitC(kit.finish()).source
    #expect(source.contains("SHORT_KERNEL\nstatic void short_k0_long("))
    #expect(source.contains("  for (ptrdiff_t i = begin; i < end; ++i) {\n"), "\(source)")
    #expect(source.contains("short_run_job(context, short_k0_long_job(&row, 1));"))
    #expect(!source.contains("SHORT_KERNEL\nstatic void short_k1_short("))
  }
}
