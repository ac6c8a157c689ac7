// Kernels with a purpose: software arithmetic on millions of hard cases, memory shared by two tensors of a call,
// loops over calls, truth values of the caller.

import SluiceC
import SluiceFormats
import SluiceIR
import SluicePlan
import TestSupport
import Testing

@Suite struct MoreKernelTests {
  // MARK: Software arithmetic

  /// `hard`: fused multiply-adds and roots of `count` numbers made from a seed, many of them near cancellation,
  /// overflow, ties and the subnormals.
  private static func arithmetic(_ count: Int) -> ModulePlan {
    var kit = PlanKit("hard")
    let extent = kit.dim(count)
    let one = kit.one
    let none = kit.zero
    var steps: [Step] = []
    for (row, dtype) in [DType.f32, .f64].enumerated() {
      let bits: DType = dtype == .f32 ? .i32 : .i64
      var k = kit.builder("hard_\(dtype.name)")
      let seed = k.load(k.slot("seed", .i64, .read), Affine(none))
      let sums = k.slot("sums", dtype, .write)
      let roots = k.slot("roots", dtype, .write)
      k.loop(to: Affine(extent), .vector) { k, i in
        func mixed(_ k: inout KernelBuilder, _ salt: UInt64) -> Register {
          var z = k.scalar(.add, .i64, [i, k.scalar(.multiply, .i64, [seed, k.constant(salt, .i64)])])
          for factor in [0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB] as [UInt64] {
            let shifted = k.scalar(.shiftRightLogical, .i64, [z, k.constant(29, .i64)])
            z = k.scalar(.multiply, .i64, [k.scalar(.xor, .i64, [z, shifted]), k.constant(factor, .i64)])
          }
          return k.scalar(.xor, .i64, [z, k.scalar(.shiftRightLogical, .i64, [z, k.constant(32, .i64)])])
        }
        func number(_ k: inout KernelBuilder, _ salt: UInt64) -> Register {
          let word = mixed(&k, salt)
          return k.scalar(
            .bitcast, dtype, source: bits,
            [dtype == .f64 ? word : k.scalar(.cast, .i32, source: .i64, [word])])
        }
        let a = number(&k, 0x9E37_79B9_7F4A_7C15)
        let b = number(&k, 0xD6E8_FEB8_6659_FD93)
        let free = number(&k, 0xA076_1D64_78BD_642F)
        // Half of the addends all but cancel the product: its bits, sign changed, the last ones random.
        let choice = mixed(&k, 0xE703_7ED1_A0B4_28DB)
        let product = k.scalar(
          .canonical, dtype, [k.scalar(.negate, dtype, [k.scalar(.multiply, dtype, [a, b])])])
        let productBits = k.scalar(.bitcast, bits, source: dtype, [product])
        var noise = k.scalar(.and, .i64, [choice, k.constant(0x8000_0000_0000_0007, .i64)])
        if dtype == .f32 {
          noise = k.scalar(
            .and, .i32, [k.scalar(.cast, .i32, source: .i64, [choice]), k.constant(0x8000_0003, .i32)])
        }
        let near = k.scalar(.bitcast, dtype, source: bits, [k.scalar(.xor, bits, [productBits, noise])])
        let isNear = k.scalar(.less, .bool, source: .i64, [choice, k.constant(0, .i64)])
        let c = k.scalar(.select, dtype, [isNear, near, free])
        let place = Affine(none, [.init(one, i)])
        k.store(sums, place, k.scalar(.canonical, dtype, [k.scalar(.fma, dtype, [a, b, c])]))
        k.store(roots, place, k.scalar(.canonical, dtype, [k.scalar(.sqrt, dtype, [a])]))
      }
      steps.append(kit.call(kit.add(k), 0, 1 + 2 * row, 2 + 2 * row))
    }
    kit.function(
      "hard", inputs: [("seed", kit.type(.i64))],
      outputs: [
        ("sums", kit.type(.f32, [extent])), ("roots", kit.type(.f32, [extent])),
        ("sums64", kit.type(.f64, [extent])),
        ("roots64", kit.type(.f64, [extent])),
      ], steps: steps)
    return kit.finish()
  }

  @Test func softwareArithmeticIsExact() throws {
    let plan = Self.arithmetic(1 << 18)
    let build = try #require(Build.fast.first)
    let hardware = try CompiledModel(plan, parameters: [], states: [], options: build.options())
    let software = try CompiledModel(
      plan, parameters: [], states: [],
      options: build.options(["-DHARD_SOFTWARE_FMA", "-DHARD_SOFTWARE_SQRT"]))
    for seed in 0..<(Build.isExhaustive ? 2000 : 8) {
      let inputs = [HostTensor(scalar: Int64(seed))]
      let (a, b) = (try hardware.run("hard", inputs: inputs), try software.run("hard", inputs: inputs))
      for row in 0..<4 where a[row] != b[row] {
        let (x, y) = (words(a[row]), words(b[row]))
        let at = x.indices.first { x[$0] != y[$0] } ?? 0
        Issue.record(
          "seed \(seed), output \(row), element \(at): 0x\(String(x[at], radix: 16)), software 0x\(String(y[at], radix: 16))"
        )
      }
    }
  }

  // MARK: Shared memory

  /// Two tensors of a call that are the same memory, whole or in part, and the loops that say so.
  @Test func tensorsOfACallMayShareMemory() throws {
    var kit = PlanKit("shared")
    let (count, one, none) = (kit.dim(200), kit.one, kit.zero)
    let state = kit.state("memory", kit.type(.f32, [count]))
    var k = kit.builder("scale")
    let (x, y) = (k.slot("x", .f32, .read), k.slot("y", .f32, .write))
    k.loop(to: Affine(kit.dim(100)), .vector) { k, i in
      let place = Affine(none, [.init(one, i)])
      let half = k.scalar(
        .multiply, .f32, [k.load(x, place), k.constant(UInt64(Float(0.5).bitPattern), .f32)])
      k.store(y, place, k.scalar(.add, .f32, [half, k.constant(UInt64(Float(1).bitPattern), .f32)]))
    }
    let kernel = kit.add(k)
    let (start, middle) = (kit.dim(0), kit.dim(100))
    let memory = BufferID(1)
    kit.function(
      "run", inputs: [("x", kit.type(.f32, [count]))], outputs: [], others: [state],
      steps: [
        .call(
          kernel, [Argument(buffer: BufferID(0), offset: start), Argument(buffer: memory, offset: start)]),
        .call(kernel, [Argument(buffer: memory, offset: start), Argument(buffer: memory, offset: middle)]),
        .call(kernel, [Argument(buffer: memory, offset: start), Argument(buffer: memory, offset: start)]),
      ])
    let plan = kit.finish()
    #expect(CSource.emitC(plan).source.contains("SHARED_INDEPENDENT\n  for ("))
    let input = HostTensor((0..<200).map { Float($0) })
    for build in Build.fast {
      let zeros = [try HostTensor.zeros(.f32, shape: [200])]
      let model = try CompiledModel(plan, parameters: [], states: zeros, options: build.options())
      _ = try model.run("run", inputs: [input])
      var machine = PlanMachine(plan, states: zeros)
      _ = try machine.run("run", [input])
      #expect(model.stateBytes == machine.states)
    }
  }

  // MARK: Loops over calls

  @Test func loopsOverCallsRunForwardAndBackward() throws {
    var kit = PlanKit("walk")
    let (n, one, none) = (kit.symbol("N", 9), kit.one, kit.zero)
    let rows = kit.dim(n)
    let (forward, backward) = (kit.symbol("$i0", 8), kit.symbol("$i1", 8))
    let width = kit.dim(5)
    let carry = kit.buffer("carry", kit.type(.f32, [width]), .arena(0))
    func step(_ name: String, _ kit: inout PlanKit) -> KernelID {
      var k = kit.builder(name)
      let (x, c, y) = (k.slot("x", .f32, .read), k.slot("carry", .f32, .readWrite), k.slot("y", .f32, .write))
      k.loop(to: Affine(width), .vector) { k, i in
        let place = Affine(none, [.init(one, i)])
        let sum = k.scalar(
          .fma, .f32, [k.load(c, place), k.constant(UInt64(Float(0.5).bitPattern), .f32), k.load(x, place)])
        k.store(c, place, sum)
        k.store(y, place, sum)
      }
      return kit.add(k)
    }
    var k = kit.builder("clear")
    let c = k.slot("carry", .f32, .write)
    k.loop(to: Affine(width), .vector) { k, i in
      k.store(c, Affine(none, [.init(one, i)]), k.constant(0, .f32))
    }
    let clear = kit.add(k)
    let kernel = step("step", &kit)
    let forwardPlace = kit.product(width, kit.dim(forward))
    let backwardPlace = kit.product(width, kit.dim(backward))
    func call(_ input: Int, _ output: Int, _ place: DimID) -> Step {
      .call(
        kernel,
        [
          Argument(buffer: BufferID(input), offset: place), Argument(buffer: BufferID(3), offset: none),
          Argument(buffer: BufferID(output), offset: place),
        ])
    }
    let type = kit.type(.f32, [rows, width])
    kit.function(
      "walk", symbols: [n], inputs: [("x", type)], outputs: [("y", type), ("z", type)], others: [carry],
      checkedDims: [kit.sum(rows, -1)], arenaBytes: 64,
      steps: [
        kit.call(clear, 3), .loop(counter: forward, count: rows, reverse: false), call(0, 1, forwardPlace),
        .end,
        .loop(counter: backward, count: rows, reverse: true), call(1, 2, backwardPlace), .end,
      ])
    let plan = kit.finish()
    let model = try CompiledModel(plan, parameters: [], states: [])
    for count in [1, 2, 9] {
      let x = try HostTensor((0..<count * 5).map { Float($0) }).reshaped([count, 5])
      var machine = PlanMachine(plan)
      let expected = try machine.run("walk", [x], symbols: [n: count])
      #expect(try model.run("walk", inputs: [x], symbols: [n: count]) == expected)
    }
    // N - 1 is negative.
    #expect(throws: RunError.refused(function: "walk", status: 2)) {
      _ = try model.run("walk", inputs: [try HostTensor.zeros(.f32, shape: [0, 5])], symbols: [n: 0])
    }
  }

  // MARK: Truth values

  @Test func bytesOfTheCallerBecomeTruthValues() throws {
    var kit = PlanKit("truth")
    let (count, one, none) = (kit.dim(4), kit.one, kit.zero)
    var k = kit.builder("count")
    let (b, flag, y) = (k.slot("b", .bool, .read), k.slot("flag", .bool, .read), k.slot("y", .i32, .write))
    let extra = k.load(flag, Affine(none))
    k.loop(to: Affine(count), .vector) { k, i in
      let place = Affine(none, [.init(one, i)])
      let both = k.scalar(.and, .bool, [k.load(b, place), extra])
      k.store(y, place, k.scalar(.cast, .i32, source: .bool, [both]))
    }
    let kernel = kit.add(k)
    kit.function(
      "run", inputs: [("b", kit.type(.bool, [count])), ("flag", kit.type(.bool))],
      outputs: [("y", kit.type(.i32, [count]))],
      steps: [kit.call(kernel, 0, 1, 2)])
    let scratch = try ScratchFolder()
    _ = try scratch.write("truth.c", CSource.emitC(kit.finish()).source)
    let user = try scratch.write(
      "user.c",
      """
      #include "truth.c"
      int main(void) {
        static const uint8_t b[4] = {0, 1, 2, 255};
        int32_t y[4];
        const truth_context context = {NULL, NULL, NULL, 0, NULL, NULL};
        const truth_run_inputs inputs = {b, 6};
        const truth_run_outputs outputs = {y};
        if (truth_run(&context, &inputs, &outputs) != TRUTH_OK) return 2;
        return y[0] == 0 && y[1] == 1 && y[2] == 1 && y[3] == 1 ? 0 : 1;
      }

      """)
    let program = scratch.file("user")
    let (code, output) = try scratch.run(try CCompiler.find().path, ["-std=c99", "-O2", "-o", program, user])
    try #require(code == 0, "\(output)")
    #expect(try scratch.run(program, []).code == 0)
  }
}
