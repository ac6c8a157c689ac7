// Arithmetic that is not ours: compilers that round or fuse otherwise, options that change floats, modes of the
// processor. The C gives the right bits, or it says no.

import SluiceC
import SluiceFormats
import SluiceIR
import SluicePasses
import SluicePlan
import SluiceText
import TestSupport
import Testing

/// A plan of a module in text form, optimised as users' are.
func planned(_ text: String) throws -> ModulePlan {
  let module = try parseModule(Array(text.utf8), file: "test.sluice")
  return try Planner.plan(runPasses(runPasses(module, OptimizationLevel.full.passes), ["expand"]))
}

/// The rows of a self-test by the plain machine of these tests; functions here have no symbols.
func selfTest(_ plan: ModulePlan) throws -> [SelfTest.Row] {
  try plan.functions.indices.map { position in
    var machine = PlanMachine(
      plan, parameters: SelfTest.parameters(plan), states: SelfTest.states(plan))
    let inputs = try #require(SelfTest.inputs(plan, function: position, sizes: []))
    let outputs = try machine.run(plan.functions[position].name, inputs)
    let states = try plan.states.map { variable in
      let shape = plan.tables.types.shape(variable.type).map { Int(plan.tables.dims.value($0) ?? 0) }
      return try HostTensor(
        dtype: plan.tables.types.dtype(variable.type), shape: shape,
        bytes: Array(machine.states[variable.offset..<variable.offset + variable.byteCount]))
    }
    let hash = SelfTest.hash(states, into: SelfTest.hash(outputs, into: SelfTest.seed))
    return SelfTest.Row(function: position, sizes: [], hash: hash)
  }
}

@Suite struct ArithmeticTests {
  /// Every compiler of this machine, and its levels.
  private static let builds: [Build] = {
    let names =
      Build.isExhaustive
      ? ["clang", "gcc", "gcc-11", "gcc-12", "gcc-13", "gcc-14"] : ["clang", "gcc", "gcc-11"]
    return names.compactMap { try? CCompiler($0) }.flatMap { compiler in
      (Build.isExhaustive ? ["-O0", "-O1", "-O2", "-O3"] : ["-O2", "-O3"]).map {
        Build(compiler: compiler, flags: [$0])
      }
    }
  }()

  // MARK: Compilers that round otherwise

  /// gcc makes one instruction of a negated multiply-add, however the negation is written, and loses the sign of a sum
  /// that is exactly 0.
  @Test func negatedSumsKeepTheirSign() throws {
    var text = "module @negated\n\n"
    for (dtype, count) in [("f32", 4), ("f64", 3), ("f32", 40)] {
      text += """
        func @n_\(dtype)_\(count)(%x: \(dtype)[\(count)], %y: \(dtype)[\(count)], %z: \(dtype)[\(count)]) -> (a: \(dtype)[\(count)], b: \(dtype)[\(count)], c: \(dtype)[\(count)], d: \(dtype)[\(count)]) {
          %s = fma %x, %y, %z : \(dtype)[\(count)]
          %n = negate %s : \(dtype)[\(count)]
          %a = reverse %n : \(dtype)[\(count)]
          %minus_one = constant {value = -1} : \(dtype)[]
          %ones = broadcast %minus_one {shape = [\(count)]} : \(dtype)[\(count)]
          %zero = constant {value = -0.0} : \(dtype)[]
          %zeros = broadcast %zero {shape = [\(count)]} : \(dtype)[\(count)]
          %m = multiply %s, %ones : \(dtype)[\(count)]
          %b = reverse %m : \(dtype)[\(count)]
          %q = divide %s, %ones : \(dtype)[\(count)]
          %c = reverse %q : \(dtype)[\(count)]
          %t = subtract %zeros, %s : \(dtype)[\(count)]
          %d = reverse %t : \(dtype)[\(count)]
          return %a, %b, %c, %d
        }


        """
    }
    let plan = try planned(text)
    for build in Self.builds {
      let model = try CompiledModel(
        plan, parameters: [], states: [], options: build.options(["-march=native"]))
      for function in plan.functions {
        let inputs = zip(function.inputs, [1.0, 1.0, -1.0]).map { port, value in
          let shape = plan.tables.types.shape(port.type).map { Int(plan.tables.dims.value($0) ?? 0) }
          let dtype = plan.tables.types.dtype(port.type)
          let bits = dtype == .f32 ? UInt64(Float(value).bitPattern) : value.bitPattern
          return HostTensor(words: [UInt64](repeating: bits, count: shape[0]), dtype, shape: shape)
        }
        var machine = PlanMachine(plan)
        let expected = try machine.run(function.name, inputs)
        #expect(try model.run(function.name, inputs: inputs) == expected, "\(function.name) \(build)")
      }
    }
  }

  /// gcc before 13 drops a rounding to f32 between doubles where it vectorises straight-line code: the sums of small
  /// products without an instruction for them, and casts there and back.
  @Test func roundingsBetweenDoublesStay() throws {
    let shapes = [(2, 3, 2), (1, 4, 4), (3, 2, 5), (2, 8, 2), (5, 3, 2), (4, 4, 4), (1, 1, 2), (2, 2, 7)]
    var text = "module @small\n\n"
    for (number, (m, k, n)) in shapes.enumerated() {
      for dtype in ["f32", "f64"] {
        text += """
          func @p\(number)_\(dtype)(%x: \(dtype)[\(m),\(k)], %y: \(dtype)[\(k),\(n)]) -> (z: \(dtype)[\(m),\(n)]) {
            %z = matmul %x, %y : \(dtype)[\(m),\(n)]
            return %z
          }


          """
      }
    }
    for count in [2, 3, 4, 6, 7, 10, 18, 20] {
      text += """
        func @c\(count)(%x: f64[\(count)]) -> (z: f64[\(count)]) {
          %a = cast %x {dtype = f32} : f32[\(count)]
          %b = cast %a {dtype = f64} : f64[\(count)]
          %z = add %b, %x : f64[\(count)]
          return %z
        }


        """
    }
    let plan = try planned(text)
    for build in Self.builds {
      let model = try CompiledModel(
        plan, parameters: [], states: [], options: build.options(["-DSMALL_SOFTWARE_FMA"]))
      var random = SeededRandom(3)
      for function in plan.functions {
        for _ in 0..<(Build.isExhaustive ? 500 : 20) {
          let inputs = function.inputs.map { port in
            let shape = plan.tables.types.shape(port.type).map { Int(plan.tables.dims.value($0) ?? 0) }
            let dtype = plan.tables.types.dtype(port.type)
            // Numbers with all their bits, of about one size: sums round.
            let bits = (0..<shape.reduce(1, *)).map { _ in
              dtype == .f32
                ? UInt64((random.float() * 1e-3 + 1 / 3).bitPattern)
                : (Double(random.float()) * 1e-3 + 1 / 3).bitPattern
            }
            return HostTensor(words: bits, dtype, shape: shape)
          }
          var machine = PlanMachine(plan)
          let expected = try machine.run(function.name, inputs)
          #expect(try model.run(function.name, inputs: inputs) == expected, "\(function.name) \(build)")
        }
      }
    }
  }

  /// The arena holds i64 where it held f32: clang moved the stores, which it made a memset, over the loads.
  @Test func memoryMayChangeItsType() throws {
    let plan = try planned(
      """
      module @arena

      func @f(%x: f32[6,1]) -> (t: f32[6,1], p: i64[9,1,1]) {
        %a = max %x {axes = [1], keep_dims = true} : f32[6,1]
        %b = cumsum %a {axis = 1} : f32[6,1]
        %i = iota {shape = [9,1,1], axis = -2, dtype = i64} : i64[9,1,1]
        %j = iota {shape = [9,1,1], axis = -1, dtype = i64} : i64[9,1,1]
        %p = subtract %j, %i : i64[9,1,1]
        %c = multiply %b, %x : f32[6,1]
        %t = cumsum %c {axis = 0} : f32[6,1]
        return %t, %p
      }

      """)
    let source = CSource.emitC(plan).source
    #expect(!source.contains("const float *ARENA_RESTRICT"), "a kernel's pointer is of a plain type")
    for build in Self.builds {
      let model = try CompiledModel(plan, parameters: [], states: [], options: build.options(["-fhosted"]))
      let x = try HostTensor([1, 2, 3, 4, 5, 6] as [Float]).reshaped([6, 1])
      #expect(try model.run("f", inputs: [x])[0].floats() == [1, 5, 14, 30, 55, 91], "\(build)")
    }
  }

  // MARK: Options

  /// A model that most liberties with floats change.
  private static let model = """
    module @strict

    func @f(%x: f32[8,33], %y: f32[33,8], %u: f64[40], %s: f32[]) -> (z: f32[8,8], w: f64[40], p: f32[8,33], n: f32[8,33], q: f32[8,33], g: f32[8,33], e: f32[8,33], m: f32[8], r: bool[8,33]) {
      %z = matmul %x, %y : f32[8,8]
      %b = sqrt %u : f64[40]
      %c = cast %b {dtype = f32} : f32[40]
      %d = cast %c {dtype = f64} : f64[40]
      %v = multiply %d, %u : f64[40]
      %w = add %v, %d : f64[40]
      %sb = broadcast %s {shape = [8,33]} : f32[8,33]
      %xx = multiply %x, %x : f32[8,33]
      %p = subtract %xx, %sb : f32[8,33]
      %n = divide %x, %sb : f32[8,33]
      %q0 = add %x, %sb : f32[8,33]
      %q = subtract %q0, %sb : f32[8,33]
      %g = sign %x : f32[8,33]
      %e = exp %x : f32[8,33]
      %m = sum %x {axes = [1]} : f32[8]
      %r = less_equal %x, %xx : bool[8,33]
      return %z, %w, %p, %n, %q, %g, %e, %m, %r
    }

    """

  /// Runs the model on numbers of all kinds; prints the two checks and a hash of the bits.
  private static let driver = """
    #include <stdio.h>
    #include <string.h>
    #ifndef STRICT_SELF_TEST
    #define STRICT_SELF_TEST
    #endif
    #include "strict.h"
    static float x[264], y[264], z[64], p[264], n[264], q[264], g[264], e[264], m[8];
    static double u[40], w[40];
    static uint8_t r[264];
    static unsigned char arena[STRICT_ARENA_BYTES + 64] __attribute__((aligned(64)));
    static unsigned char memory[STRICT_SELF_TEST_BYTES] __attribute__((aligned(64)));
    static uint32_t hash;
    static void add(const void *values, size_t bytes) {
      for (size_t i = 0; i < bytes; ++i) hash = hash * 31 + ((const unsigned char *)values)[i];
    }
    int main(void) {
      static const uint32_t special[6] = {0x80000000u, 0, 3, 0x7fc00000u, 0xff800000u, 0x00400000u};
      uint32_t s = 7;
      for (int i = 0; i < 264; ++i) {
        for (int k = 0; k < 2; ++k) {
          s = s * 1664525u + 1013904223u;
          const uint32_t bits = (s & 0x80000000u) | ((120 + (s >> 8) % 10) << 23) | (s >> 9 & 0x7fffff);
          memcpy(k ? &y[i] : &x[i], &bits, 4);
        }
      }
      memcpy(x, special, sizeof special);
      for (int i = 0; i < 40; ++i) {
        s = s * 1664525u + 1013904223u;
        const uint64_t bits = ((uint64_t)(1020 + s % 6) << 52) | ((uint64_t)s << 20);
        memcpy(&u[i], &bits, 8);
      }
      strict_context context;
      memset(&context, 0, sizeof context);
      context.arena = arena;
      context.arena_bytes = STRICT_ARENA_BYTES;
      const strict_f_inputs inputs = {x, y, u, 0.7f};
      const strict_f_outputs outputs = {z, w, p, n, q, g, e, m, r};
      if (strict_f(&context, &inputs, &outputs) != STRICT_OK) return 1;
      add(z, sizeof z); add(w, sizeof w); add(p, sizeof p); add(n, sizeof n); add(q, sizeof q);
      add(g, sizeof g); add(e, sizeof e); add(m, sizeof m); add(r, sizeof r);
      printf("%d %d %08x", strict_check_arithmetic(), strict_self_test(memory, sizeof memory), hash);
      return 0;
    }

    """

  /// Flags that give compilers liberties: most define no macro.
  private static let liberties: [(flags: [String], isSampled: Bool)] = [
    (["-O2"], true), (["-O3", "-march=native"], false),
    (["-O2", "-ffp-contract=fast", "-march=native"], true), (["-O2", "-ffp-contract=fast"], false),
    (["-O2", "-funsafe-math-optimizations"], true),
    (["-O3", "-funsafe-math-optimizations", "-march=native"], false),
    (["-O2", "-fassociative-math"], true),
    (["-O2", "-fassociative-math", "-fno-signed-zeros", "-fno-trapping-math"], false),
    (["-O2", "-freciprocal-math"], true), (["-O2", "-fno-signed-zeros"], true),
    (["-O2", "-ffinite-math-only"], false),
    (["-O2", "-fno-honor-nans"], true), (["-O2", "-fno-honor-infinities"], false),
    (["-O2", "-fapprox-func"], false),
    (["-O2", "-ffp-model=fast"], false), (["-O2", "-ffp-model=aggressive"], false),
    (["-O2", "-ffast-math"], false),
    (["-O2", "-fdenormal-fp-math=preserve-sign"], false), (["-O2", "-mdaz-ftz"], false),
    (["-O2", "-frounding-math"], false),
    (["-O2", "-fno-rounding-math"], false), (["-O2", "-fsingle-precision-constant"], false),
    (["-O2", "-mfpmath=387"], false), (["-O2", "-mfpmath=sse+387"], false),
    (["-O2", "-ffp-eval-method=double"], false),
    (["-O2", "-fexcess-precision=fast"], false), (["-O2", "-fno-strict-aliasing"], false), (["-Os"], false),
    (["-O1"], false),
  ]

  @Test(arguments: ["clang", "gcc", "gcc-11"])
  func optionsGiveTheRightBitsOrAreRefused(compiler name: String) throws {
    guard let compiler = try? CCompiler(name) else { return }
    let plan = try planned(Self.model)
    var options = CSource.Options()
    options.selfTest = try selfTest(plan)
    let folder = try ScratchFolder()
    let (source, header) = CSource.emitC(plan, options: options)
    _ = try folder.write("strict.h", header)
    let files = [try folder.write("driver.c", Self.driver), try folder.write("strict.c", source)]
    let program = folder.file("program")
    func outcome(_ flags: [String]) throws -> (code: Int32, output: String) {
      let (code, output) = try folder.run(
        compiler.path, flags + ["-std=gnu11", "-DSTRICT_SELF_TEST", "-I", folder.path, "-o", program] + files)
      return code == 0 ? try folder.run(program, []) : (-1, output)
    }
    let right = try outcome(["-O1"])
    try #require(right.code == 0 && right.output.hasPrefix("0 0 "), "\(right.output)")
    for (flags, isSampled) in Self.liberties where isSampled || Build.isExhaustive {
      let (code, output) = try outcome(flags)
      // What compilers do not know is refused by them, what we see by an #error or a check that fails.
      let isUnknown = ["unrecognized", "unknown", "not supported"].contains(where: output.contains)
      let isRefused = output.contains("this file needs") || output.contains("strict_check_double")
      #expect(
        code < 0 ? isUnknown || isRefused : output == right.output || output.hasPrefix("9 9 "),
        "\(name) \(flags): \(output.prefix(300))")
    }
  }

  @Test func modesOfTheProcessorAreSeen() throws {
    let folder = try ScratchFolder()
    let (source, header) = CSource.emitC(SampleModel.plan())
    _ = try folder.write("sample.h", header)
    let file = try folder.write("sample.c", source)
    let user = try folder.write(
      "user.c",
      """
      #include <fenv.h>
      #include <stdio.h>
      #include "sample.h"
      #if defined(__SSE2__)
      #include <xmmintrin.h>
      #endif
      static unsigned char state[SAMPLE_STATE_BYTES] __attribute__((aligned(64)));
      int main(void) {
        sample_context context = {NULL, state, NULL, 0, NULL, NULL};
        if (sample_check_arithmetic() != SAMPLE_OK || sample_reset(&context) != SAMPLE_OK) return 1;
        const int modes[3] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
        for (int i = 0; i < 3; ++i) {
          fesetround(modes[i]);
          if (sample_check_arithmetic() != SAMPLE_ERROR_ARITHMETIC) return 2 + i;
          if (sample_reset(&context) != SAMPLE_ERROR_ARITHMETIC) return 5;
        }
        fesetround(FE_TONEAREST);
      #if defined(__SSE2__)
        const unsigned mode = _mm_getcsr();
        _mm_setcsr(mode | 0x8000);
        if (sample_check_arithmetic() != SAMPLE_ERROR_ARITHMETIC) return 6;
        _mm_setcsr(mode | 0x40);
        if (sample_check_arithmetic() != SAMPLE_ERROR_ARITHMETIC) return 7;
        _mm_setcsr(mode);
      #elif defined(__aarch64__)
        unsigned long mode;
        __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
        __asm__ volatile("msr fpcr, %0" : : "r"(mode | (1ul << 24)));
        if (sample_check_arithmetic() != SAMPLE_ERROR_ARITHMETIC) return 8;
        __asm__ volatile("msr fpcr, %0" : : "r"(mode));
      #endif
        return sample_check_arithmetic() == SAMPLE_OK ? 0 : 9;
      }

      """)
    let program = folder.file("user")
    for build in Self.builds {
      let (code, output) = try folder.run(
        build.compiler.path,
        build.flags + ["-std=gnu11", "-I", folder.path, "-o", program, user, file, "-lm"])
      try #require(code == 0, "\(output)")
      let run = try folder.run(program, [])
      #expect(run.code == 0, "\(build): \(run.code)")
    }
  }

  /// A self-test notices a wrong bit anywhere: here in the hash itself.
  @Test func selfTestsNotice() throws {
    let plan = try planned(Self.model)
    var rows = try selfTest(plan)
    rows[0].hash ^= 1
    var options = CSource.Options()
    options.selfTest = rows
    let folder = try ScratchFolder()
    let (source, header) = CSource.emitC(plan, options: options)
    _ = try folder.write("strict.h", header)
    let files = [try folder.write("driver.c", Self.driver), try folder.write("strict.c", source)]
    let program = folder.file("program")
    let (code, output) = try folder.run(
      try CCompiler.find().path,
      ["-O1", "-std=gnu11", "-DSTRICT_SELF_TEST", "-I", folder.path, "-o", program] + files)
    try #require(code == 0, "\(output)")
    #expect(try folder.run(program, []).output.hasPrefix("0 9 "))
  }
}
