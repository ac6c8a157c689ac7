// What the header promises: how it is called, on which targets it compiles, which pointers may be NULL, how many
// parameters functions have, and that random numbers are computed, not written down.

import SluiceC
import SluiceFormats
import SluiceIR
import SluicePasses
import SluicePlan
import SluiceText
import TestSupport
import Testing

@Suite struct PromiseTests {
  private static func plan(_ text: String) throws -> ModulePlan {
    let module = try parseModule(Array(text.utf8), file: "test.sluice")
    return try Planner.plan(runPasses(module, ["expand"]))
  }

  private static let sanitized = [
    "-std=c11", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
  ]

  // MARK: Calling it

  /// The example in the header is a program.
  @Test func theHeaderExplainsHowToCallIt() throws {
    let plan = SampleModel.plan()
    let (source, header) = CSource.emitC(plan)
    #expect(
      source.contains(try #require(header.firstRange(of: "#ifndef").map { String(header[$0.lowerBound...]) }))
    )
    #expect(!header.contains("explains how"))
    var lines: [String] = []
    for line in header.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("#include") { break }
      if line.hasPrefix(" *   ") { lines.append(String(line.dropFirst(5).replacing(" */", with: ""))) }
    }
    #expect((8...14).contains(lines.count), "\(lines)")
    let folder = try ScratchFolder()
    _ = try folder.write("sample.c", source)
    try FileIO.write(
      ParametersFile.encode([UInt8](repeating: 0, count: plan.parameterBytes), of: plan),
      to: folder.file("sample.params"))
    let program = try folder.write(
      "main.c",
      """
      #include "sample.c"
      #include <stdio.h>
      #include <stdlib.h>
      int main(int count, char **arguments) {
        FILE *stream = fopen(count > 1 ? arguments[1] : "", "rb");
        if (stream == NULL) return 2;
        void *file = aligned_alloc(64, 1 << 20);
        size_t bytes = fread(file, 1, 1 << 20, stream);
        fclose(stream);
        static float x[24 * 5], y[40 * 5], rate = 0.5f, mean[1] = {7}, n[1];
        int64_t B = 5;
      \(lines.joined(separator: "\n"))
        printf("%d %g %g", (int)status, (double)mean[0], (double)n[0]);
        free(file);
        free(context.state);
        free(context.arena);
        return 0;
      }

      """)
    for (compiler, flags) in [("gcc", Self.sanitized), ("clang", ["-std=c11", "-O2"])] {
      guard let found = try? CCompiler(compiler) else { continue }
      let built = try folder.run(found.path, flags + ["-w", "-o", folder.file("main"), program])
      #expect(built.code == 0, "\(built.output.prefix(2000))")
      let run = try folder.run(folder.path + "/main", [folder.path + "/sample.params"])
      #expect(run.code == 0 && run.output == "0 0 1", "\(run.output.prefix(2000))")
    }
  }

  /// No header speaks of a function or file that is not there.
  @Test func headersNameOnlyWhatIsThere() throws {
    let stateless = CSource.emitC(
      try Self.plan(
        "module @gemm\nfunc @run(%x: f32[2]) -> f32[2] {\n  %y = add %x, %x : f32[2]\n  return %y\n}\n"))
    for word in ["gemm_reset", "params_bind", "checkpoint", "gemm.params", "gemm.state"] {
      #expect(!stateless.header.contains(word) && !stateless.source.contains(word), "\(word)")
    }
    for plan in [SampleModel.plan(), HostileModel.plan()] {
      let header = CSource.emitC(plan).header
      let code = NameTests.identifiers(NameTests.withoutComments(header))
      let stem = CSource.fileStem(plan)
      let mentioned = NameTests.identifiers(header).filter { $0.hasPrefix(stem + "_") && !$0.hasSuffix("_") }
      #expect(mentioned.subtracting(code).isEmpty)
    }
  }

  // MARK: NULL

  /// Tensors without elements need no memory: those that never have any, and those of size 0 in this call.
  @Test func nullForTensorsWithoutElements() throws {
    let text = """
      module @empty
      state @nothing : f32[0]
      param @none : f32[0,2]
      func @run(%x: f32[N], %y: f32[0,3], %z: f32[M,N]) -> (a: f32[N], b: f32[0,3], c: f32[M], d: f32[0]) \
      where N <= 4, M <= 3 {
        %a = add %x, %x : f32[N]
        %b = add %y, %y : f32[0,3]
        %c = sum %z {axes = [1]} : f32[M]
        %none = read @none : f32[0,2]
        %s = sum %none {axes = [1]} : f32[0]
        %nothing = read @nothing : f32[0]
        %d = add %s, %nothing : f32[0]
        return %a, %b, %c, %d, @nothing = %d
      }

      """
    let source = CSource.emitC(try Self.plan(text)).source
    let folder = try ScratchFolder()
    _ = try folder.write("empty.c", source)
    let program = try folder.write(
      "main.c",
      """
      #include "empty.c"
      #define TRY(n, m, in, rows, out, sums) \\
        (dims.N = n, dims.M = m, inputs.x = in, inputs.z = rows, outputs.a = out, outputs.c = sums, \\
        (int)empty_run(&context, &dims, &inputs, &outputs))
      #include <stdio.h>
      int main(void) {
        static unsigned char arena[EMPTY_ARENA_BYTES + 128];
        empty_context context = {0};
        if (EMPTY_ARENA_BYTES > 0) {
          context.arena = arena + (64 - (uintptr_t)arena % 64) % 64;
          context.arena_bytes = EMPTY_ARENA_BYTES;
        }
        empty_run_dims dims = {0, 0};
        empty_run_inputs inputs = {0};
        empty_run_outputs outputs = {0};
        float four[12] = {1, 2, 3, 4};
        printf("%d ", TRY(0, 0, NULL, NULL, NULL, NULL));
        float c[3] = {7, 7, 7};
        int status = TRY(0, 3, NULL, NULL, NULL, c);
        printf("%d %g ", status, (double)c[2]);
        float a[4];
        status = TRY(4, 0, four, NULL, a, NULL);
        printf("%d %g ", status, (double)a[3]);
        printf("%d ", TRY(1, 0, NULL, NULL, a, NULL));
        printf("%d ", TRY(1, 0, four, NULL, NULL, NULL));
        printf("%d ", TRY(1, 1, four, NULL, a, c));
        const void *in[3] = {NULL, NULL, NULL};
        void *out[4] = {NULL, NULL, NULL, NULL};
        const int64_t sizes[2] = {0, 0};
        printf("%d", (int)empty_call(&context, 0, sizes, in, out));
        return 0;
      }

      """)
    for (compiler, flags) in [("gcc", Self.sanitized), ("clang", ["-std=c11", "-O2"])] {
      guard let found = try? CCompiler(compiler) else { continue }
      let built = try folder.run(found.path, flags + ["-o", folder.file("main"), program])
      #expect(built.code == 0, "\(built.output.prefix(2000))")
      let run = try folder.run(folder.path + "/main", [])
      #expect(run.code == 0 && run.output == "0 0 0 0 8 1 1 1 0", "\(run.output.prefix(2000))")
    }
  }

  // MARK: Targets

  /// Models that are larger than pointers reach are refused by the compiler of a target with small pointers.
  @Test func targetsWithSmallPointersAreRefused() throws {
    let cases: [(name: String, text: String, says: String)] = [
      (
        "state",
        """
        state @a : f32[1073741824]
        state @b : f32[8]
        func @put(%x: f32[8]) {
          return @b = %x
        }
        """, "the state"
      ),
      (
        "parameters",
        """
        param @w : f32[600000000]
        func @sum() -> f32[] {
          %w = read @w : f32[600000000]
          %y = sum %w : f32[]
          return %y
        }
        """, "the parameters"
      ),
      (
        "arena",
        """
        func @f(%x: f32[N]) -> f32[N] where N <= 40000 {
          %a = reshape %x {shape = [N,1]} : f32[N,1]
          %b = broadcast %a {shape = [N,N]} : f32[N,N]
          %c = cumsum %b {axis = 0} : f32[N,N]
          %d = cumsum %c {axis = 1} : f32[N,N]
          %y = sum %d {axes = [0]} : f32[N]
          return %y
        }
        """, "the arena"
      ),
      (
        "input",
        """
        func @f(%x: f32[N,M]) -> f32[] where N <= 65536, M <= 65536 {
          %y = sum %x : f32[]
          return %y
        }
        """, "a tensor or loop"
      ),
      (
        "size",
        """
        func @f(%x: f32[N]) -> i64[] where N <= 60000 {
          %y = size {length = N*N, dtype = i64} : i64[]
          return %y
        }
        """, "a tensor or loop"
      ),
    ]
    let clang = try CCompiler.find()
    guard clang.family == .clang else { return }
    let folder = try ScratchFolder()
    let resources = try folder.run(clang.path, ["-print-resource-dir"]).output.filter { $0 != "\n" }
    let bare = [
      "-nostdinc", "-isystem", resources + "/include", "-ffreestanding", "-fsyntax-only", "-msse2",
      "-mfpmath=sse",
    ]
    for (name, text, says) in cases {
      let (source, header) = CSource.emitC(try Self.plan("module @large\n\(text)\n"))
      for content in [source, header] {
        let file = try folder.write("\(name).c", content)
        let small = try folder.run(clang.path, ["--target=i386-linux-gnu"] + bare + [file])
        #expect(
          small.code != 0 && small.output.contains("\(says)") && small.output.contains("too large"),
          "\(name)\n\(small.output.prefix(1000))")
        let large = try folder.run(clang.path, ["--target=x86_64-linux-gnu"] + bare + [file])
        #expect(large.code == 0, "\(name)\n\(large.output.prefix(1000))")
      }
    }
    // What fits is not refused.
    let file = try folder.write("sample.c", CSource.emitC(SampleModel.plan()).source)
    #expect(try folder.run(clang.path, ["--target=i386-linux-gnu"] + bare + [file]).code == 0)
  }

  // MARK: Parameters of functions

  /// The most parameters of any function of a source.
  private static func mostParameters(_ source: String) -> Int {
    source.split(separator: "\nstatic ").map { part in
      guard let open = part.firstIndex(of: "("), let close = part.firstIndex(of: ")") else { return 0 }
      return open < close ? part[open..<close].filter { $0 == "," }.count + 1 : 0
    }.max() ?? 0
  }

  private static func parts(_ count: Int, _ stride: Int) -> String {
    var text = "module @parts\nfunc @f(%x: f32[\(count * stride + 3)]) -> f32[\(count * 3)] {\n"
    for part in 0..<count {
      let start = part * stride + (stride > 4 ? part % 3 : 0)
      text += "  %p\(part) = slice %x {start = [\(start)], limit = [\(start + 3)]} : f32[3]\n"
    }
    let names = (0..<count).map { "%p\($0)" }.joined(separator: ", ")
    return text + "  %y = concat \(names) {axis = 0} : f32[\(count * 3)]\n  return %y\n}\n"
  }

  /// Many parts of one array, many arrays, sums of many arrays, many symbols: never more parameters than C promises.
  @Test func kernelsHaveFewParameters() throws {
    for (count, stride) in [(90, 3), (400, 5)] {
      let plan = try Self.plan(Self.parts(count, stride))
      for kernel in plan.kernels where count < 96 { #expect(kernel.slots.count == 2) }
      #expect(Self.mostParameters(CSource.emitC(plan).source) <= 127)
    }
    var many = "module @many\nfunc @f("
    many += (0..<200).map { "%x\($0): f32[A\($0)]" }.joined(separator: ", ")
    many += ") -> f32[" + (0..<200).map { "A\($0)" }.joined(separator: "+") + "] where "
    many += (0..<200).map { "A\($0) <= 5" }.joined(separator: ", ") + " {\n  %y = concat "
    many += (0..<200).map { "%x\($0)" }.joined(separator: ", ") + " {axis = 0} : f32["
    many += (0..<200).map { "A\($0)" }.joined(separator: "+") + "]\n  return %y\n}\n"
    var sum = "module @sum\nfunc @f(" + (0..<200).map { "%x\($0): f32[7]" }.joined(separator: ", ")
    sum += ") -> f32[7] {\n  %s0 = add %x0, %x1 : f32[7]\n"
    for place in 1..<199 { sum += "  %s\(place) = add %s\(place - 1), %x\(place + 1) : f32[7]\n" }
    sum += "  return %s198\n}\n"
    for text in [many, sum] {
      let plan = try Self.plan(text)
      let source = CSource.emitC(plan).source
      #expect(Self.mostParameters(source) <= 127)
      var random = SeededRandom(3)
      let inputs = plan.functions[0].inputs.map { _ in
        HostTensor((0..<(text == sum ? 7 : Int(random.next() % 6))).map { _ in random.float() })
      }
      var machine = PlanMachine(plan)
      let symbols = zip(plan.functions[0].symbols, inputs)
      let sizes = Dictionary(uniqueKeysWithValues: symbols.map { ($0, $1.count) })
      let expected = try machine.run("f", inputs, symbols: sizes)
      let model = try CompiledModel(plan, parameters: [], states: [], options: Build.all[0].options())
      #expect(try model.run("f", inputs: inputs, symbols: sizes) == expected)
    }
  }

  /// Parts of one array in their right places, at distances that are all the same and that are not.
  @Test(arguments: [(90, 3), (90, 5), (250, 3), (250, 5)])
  func partsOfOneArray(count: Int, stride: Int) throws {
    let plan = try Self.plan(Self.parts(count, stride))
    let x = HostTensor((0..<count * stride + 3).map { Float($0) })
    let expected = (0..<count).flatMap { part in
      (0..<3).map { Float(part * stride + (stride > 4 ? part % 3 : 0) + $0) }
    }
    let model = try CompiledModel(plan, parameters: [], states: [], options: Build.all[0].options())
    #expect(try model.run("f", inputs: [x])[0].floats() == expected)
    var machine = PlanMachine(plan)
    #expect(try machine.run("f", [x])[0].floats() == expected)
  }

  // MARK: Random numbers

  /// Draws of one shape are one kernel: seed and stream are arguments.
  @Test func drawsOfOneShapeAreOneKernel() throws {
    func text(_ draws: Int) -> String {
      let types = [String](repeating: "f32[5,3]", count: draws).joined(separator: ", ")
      var text = "module @draws\nfunc @f(%seed: i64[]) -> \(types) {\n"
      for draw in 0..<draws {
        text += "  %k\(draw) = constant {value = \(draw)} : i64[]\n"
        text += "  %r\(draw) = normal %seed, %k\(draw) {shape = [5,3]} : f32[5,3]\n"
      }
      return text + "  return \((0..<draws).map { "%r\($0)" }.joined(separator: ", "))\n}\n"
    }
    let (one, twelve) = (try Self.plan(text(1)), try Self.plan(text(12)))
    #expect(one.kernels.count == twelve.kernels.count)
    let seed = HostTensor(scalar: Int64(42))
    let expected = try CompiledModel(twelve, parameters: [], states: []).run("f", inputs: [seed])
    #expect(Set(expected.map(\.bytes)).count == 12)
    #expect(try CompiledModel(one, parameters: [], states: []).run("f", inputs: [seed])[0] == expected[0])
    // A constant seed is no different from a given one.
    let fixed = text(12).replacing("%seed: i64[]", with: "").replacing(
      "{\n  %k0", with: "{\n  %seed = constant {value = 42} : i64[]\n  %k0")
    #expect(try CompiledModel(Self.plan(fixed), parameters: [], states: []).run("f", inputs: []) == expected)
  }
}
