// Kernels with a purpose: software arithmetic on millions of hard cases, memory shared by two tensors of a call,
// truth values of the caller.

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
    var m = PlanBuilder("hard", function: "hard")
    let seed = m.input("seed", .i64)
    for (dtype, bits) in [(DType.f32, DType.i32), (.f64, .i64)] {
      let (sums, roots) = (
        m.output("sums_\(bits.name)", dtype, count), m.output("roots_\(bits.name)", dtype, count)
      )
      let kernel = m.kernel("hard_\(dtype.name)") { k, m in
        let seed = k.load(k.slot("seed", .i64, .read), m.affine(0))
        let (sums, roots) = (k.slot("sums", dtype, .write), k.slot("roots", dtype, .write))
        k.loop(to: m.affine(count), .vector) { k, i in
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
          k.store(sums, k.at(i), k.scalar(.canonical, dtype, [k.scalar(.fma, dtype, [a, b, c])]))
          k.store(roots, k.at(i), k.scalar(.canonical, dtype, [k.scalar(.sqrt, dtype, [a])]))
        }
      }
      m.call(kernel, seed, sums, roots)
    }
    return m.plan
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
        let (x, y) = (a[row].words, b[row].words)
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
    var m = PlanBuilder("shared", function: "run")
    let (x, memory) = (m.input("x", .f32, 200), m.state("memory", .f32, 200))
    let scale = m.kernel("scale") { k, m in
      let (x, y) = (k.slot("x", .f32, .read), k.slot("y", .f32, .write))
      k.loop(to: m.affine(100), .vector) { k, i in
        let half = k.scalar(.multiply, .f32, [k.load(x, k.at(i)), k.float(0.5)])
        k.store(y, k.at(i), k.scalar(.add, .f32, [half, k.float(1)]))
      }
    }
    m.call(scale, x, memory)
    m.call(scale, (memory, 0), (memory, 100))
    m.call(scale, memory, memory)
    let plan = m.plan
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

  // MARK: Sizes

  @Test func sizesThatAreNegativeAreRefused() throws {
    var m = PlanBuilder("few", function: "few")
    let n = m.symbol("N", 9)
    _ = m.input("x", .f32, "N", 5)
    m.function.checkedDims = [m.dim("N-1")]
    let model = try CompiledModel(m.plan, parameters: [], states: [])
    _ = try model.run("few", inputs: [try HostTensor.zeros(.f32, shape: [1, 5])], symbols: [n: 1])
    #expect(throws: RunError.refused(function: "few", status: 2)) {
      _ = try model.run("few", inputs: [try HostTensor.zeros(.f32, shape: [0, 5])], symbols: [n: 0])
    }
  }

  // MARK: Truth values

  @Test func bytesOfTheCallerBecomeTruthValues() throws {
    var m = PlanBuilder("truth", function: "run")
    let (b, flag, y) = (m.input("b", .bool, 4), m.input("flag", .bool), m.output("y", .i32, 4))
    let kernel = m.kernel("count") { k, m in
      let (b, flag, y) = (k.slot("b", .bool, .read), k.slot("flag", .bool, .read), k.slot("y", .i32, .write))
      let extra = k.load(flag, m.affine(0))
      k.loop(to: m.affine(4), .vector) { k, i in
        let both = k.scalar(.and, .bool, [k.load(b, k.at(i)), extra])
        k.store(y, k.at(i), k.scalar(.cast, .i32, source: .bool, [both]))
      }
    }
    m.call(kernel, b, flag, y)
    let scratch = try ScratchFolder()
    _ = try scratch.write("truth.c", CSource.emitC(m.plan).source)
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
