// Processors other than this one, as far as cross compilers and emulators are installed: which instructions are
// used, what is refused and with which advice, and both byte orders.

import SluiceC
import SluiceFormats
import SluiceIR
import SluicePlan
import TestSupport
import Testing

@Suite struct TargetTests {
  /// Products, square roots and elementary functions of one dtype.
  private static func model(_ dtype: String) throws -> String {
    CSource.emitC(
      try planned(
        """
        module @\(dtype == "f32" ? "single" : "wide")

        func @f(%x: \(dtype)[4,6], %y: \(dtype)[6,4]) -> (z: \(dtype)[4,4]) {
          %a = matmul %x, %y : \(dtype)[4,4]
          %b = sqrt %a : \(dtype)[4,4]
          %c = exp %b : \(dtype)[4,4]
          %z = add %c, %a : \(dtype)[4,4]
          return %z
        }

        """)
    ).source
  }

  /// A target and what its floating-point unit has.
  private struct Target: Sendable {
    var command: [String]
    var hasSingle = true
    var hasDouble = true
  }

  private static let targets: [Target] = [
    Target(command: ["gcc"]), Target(command: ["gcc-11"]), Target(command: ["clang"]),
    Target(command: ["gcc", "-mfma"]), Target(command: ["aarch64-linux-gnu-gcc"]),
    Target(command: ["riscv64-linux-gnu-gcc"]), Target(command: ["s390x-linux-gnu-gcc"]),
    Target(command: ["arm-linux-gnueabihf-gcc"]),
    Target(command: ["arm-linux-gnueabihf-gcc", "-mfpu=vfpv4"]),
    Target(
      command: ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"],
      hasDouble: false),
    Target(command: ["arm-none-eabi-gcc", "-mcpu=cortex-m7", "-mfloat-abi=hard", "-mfpu=fpv5-d16"]),
    Target(command: ["clang", "--target=thumbv7em-none-eabihf", "-mcpu=cortex-m4"], hasDouble: false),
    Target(command: ["clang", "--target=thumbv8m.main-none-eabihf", "-mcpu=cortex-m33"], hasDouble: false),
    Target(command: ["clang", "--target=thumbv7em-none-eabihf", "-mcpu=cortex-m7"]),
    Target(command: ["clang", "--target=aarch64-none-elf"]),
    Target(command: ["clang", "--target=riscv64-none-elf", "-march=rv64gc"]),
    Target(
      command: ["clang", "--target=riscv32-none-elf", "-march=rv32imf", "-mabi=ilp32f"], hasDouble: false),
    Target(command: ["clang", "--target=s390x-linux-gnu"]), Target(command: ["clang", "--target=wasm32"]),
  ]

  /// Nothing of libm is called anywhere, and no software double where floats have instructions.
  @Test func instructionsAreUsedWhereTheyAre() throws {
    let folder = try ScratchFolder()
    let object = folder.file("target.o")
    for dtype in ["f32", "f64"] {
      let file = try folder.write("\(dtype).c", try Self.model(dtype))
      for target in Self.targets where dtype == "f32" || target.hasDouble {
        guard let compiler = try? CCompiler(target.command[0]) else { continue }
        for level in Build.isExhaustive ? ["-O0", "-O1", "-O2", "-O3"] : ["-O2"] {
          let flags =
            target.command.dropFirst() + [
              level, "-std=gnu99", "-ffreestanding", "-Wall", "-Wextra", "-Werror",
            ]
          let (code, output) = try folder.run(compiler.path, flags + ["-c", "-o", object, file])
          // A clang may be built without a target.
          if code != 0, output.contains("unable to create target") || output.contains("No available targets")
          {
            continue
          }
          #expect(code == 0, "\(dtype) \(target.command)\n\(output.prefix(2000))")
          for symbol in try undefinedSymbols(object, target.command[0], folder) {
            #expect(
              ["memcpy", "memset", "memmove", "__stack_pointer"].contains(symbol),
              "\(dtype) \(target.command) \(level) calls \(symbol)")
          }
        }
      }
    }
  }

  private func undefinedSymbols(_ object: String, _ compiler: String, _ folder: ScratchFolder) throws
    -> [String]
  {
    let own = compiler.hasSuffix("-gcc") ? String(compiler.dropLast(3)) + "nm" : "nm"
    for name in [own, "llvm-nm", "nm"] {
      guard let tool = try? CCompiler(name) else { continue }
      let (code, output) = try folder.run(tool.path, ["-u", object])
      guard code == 0 else { continue }
      return output.split(separator: "\n").compactMap { line in
        let words = line.split(separator: " ")
        return words.count == 2 && words[0] == "U" ? String(words[1]) : nil
      }
    }
    return []
  }

  /// What is refused while compiling, and the word of the advice.
  @Test(arguments: [
    (["clang", "-m32", "-march=i386", "-mno-sse"], "-mfpmath=sse"), (["tcc", "-m32"], "-mfpmath=sse"),
    (["gcc", "-m32"], "-mfpmath=sse"), (["s390x-linux-gnu-gcc", "-std=c99"], "-fexcess-precision=fast"),
    (["clang", "-D_M_FP_FAST"], "/fp:precise"), (["clang", "-D_M_IX86_FP=0"], "/arch:SSE2"),
    (["clang", "--target=armv7a-none-eabihf", "-mfpu=neon-vfpv4"], "-fno-slp-vectorize"),
  ])
  func refusalsSayWhatToDo(_ command: [String], _ advice: String) throws {
    guard let compiler = try? CCompiler(command[0]) else { return }
    let folder = try ScratchFolder()
    let file = try folder.write("single.c", try Self.model("f32"))
    let flags = command.dropFirst() + ["-ffreestanding", "-c", "-o", folder.file("refused.o"), file]
    let (code, output) = try folder.run(compiler.path, Array(flags))
    #expect(
      code != 0 && output.contains("this file needs") == !command[1].contains("armv7a"),
      "\(output.prefix(500))")
    #expect(output.contains(advice), "\(output.prefix(500))")
  }

  @Test func whatTheAdviceSaysCompiles() throws {
    let folder = try ScratchFolder()
    let file = try folder.write("single.c", try Self.model("f32"))
    for command in [
      [
        "clang", "--target=armv7a-none-eabihf", "-mfpu=neon-vfpv4", "-fno-vectorize", "-fno-slp-vectorize",
        "-DSINGLE_ALLOW_NEON",
      ],
      ["s390x-linux-gnu-gcc", "-std=c99", "-fexcess-precision=fast"],
      ["gcc", "-m32", "-msse2", "-mfpmath=sse"],
    ] {
      guard let compiler = try? CCompiler(command[0]) else { continue }
      let flags = command.dropFirst() + ["-O2", "-ffreestanding", "-c", "-o", folder.file("allowed.o")]
      // A compiler may be there without the headers of the target.
      let header = command.contains("-msse2") ? "#include <emmintrin.h>\n" : "#include <stdint.h>\n"
      let probe = try folder.write("probe.c", header)
      guard try folder.run(compiler.path, flags + [probe]).0 == 0 else { continue }
      let (code, output) = try folder.run(compiler.path, flags + [file])
      #expect(code == 0, "\(command) \(output.prefix(500))")
    }
  }

  // MARK: Byte orders

  /// A model that returns its parameters, one of every dtype, three elements each.
  private static let dtypes: [DType] = [.f32, .f64, .i32, .i64, .u8, .bool, .f16, .bf16]

  private static func parameterModel() throws -> ModulePlan {
    var text = "module @order\n\n"
    for dtype in dtypes { text += "param @p_\(dtype.name) : \(dtype.name)[3] init zeros\n" }
    let results = dtypes.map { "\($0.name): \($0.name)[3]" }.joined(separator: ", ")
    text += "\nfunc @f() -> (\(results)) {\n"
    for dtype in dtypes { text += "  %\(dtype.name) = read @p_\(dtype.name) : \(dtype.name)[3]\n" }
    return try planned(text + "  return \(dtypes.map { "%\($0.name)" }.joined(separator: ", "))\n}\n")
  }

  @Test func parametersHaveBothByteOrders() throws {
    let plan = try Self.parameterModel()
    let values = SelfTest.parameters(plan)
    var block = [UInt8](repeating: 0, count: plan.parameterBytes)
    for (variable, value) in zip(plan.parameters, values) {
      block.replaceSubrange(variable.offset..<variable.offset + variable.byteCount, with: value.bytes)
    }
    var options = CSource.Options()
    options.parameters = .embedded(block)
    options.selfTest = try selfTest(plan)
    let folder = try ScratchFolder()
    let (source, header) = CSource.emitC(plan, options: options)
    _ = try folder.write("order.h", header)
    let file = try folder.write("order.c", source)
    // A file in the other order is refused, and differs in its elements alone.
    let little = ParametersFile.encode(block, of: plan)
    let big = ParametersFile.encode(block, of: plan, byteOrder: .big)
    #expect(throws: ParametersFile.Failure.byteOrder) { _ = try ParametersFile.decode(big, of: plan) }
    #expect(big.count == little.count && Array(big[8..<12]) == [1, 2, 3, 4])
    for variable in plan.parameters {
      let size = plan.tables.types.dtype(variable.type).byteCount
      let at = 64 + variable.offset
      #expect(Array(big[at..<at + size]) == little[at..<at + size].reversed())
    }
    try FileIO.write(little, to: folder.file("little.params"))
    try FileIO.write(big, to: folder.file("big.params"))

    let names = Self.dtypes.map { "p_\($0.name)" }
    let lengths = Self.dtypes.map(\.byteCount)
    let user = try folder.write(
      "user.c",
      """
      #include <stdio.h>
      #include <string.h>
      #include "order.h"
      static unsigned char file[64 + ORDER_PARAMS_BYTES] __attribute__((aligned(64)));
      static unsigned char memory[ORDER_SELF_TEST_BYTES] __attribute__((aligned(64)));
      static unsigned char results[\(names.count)][24] __attribute__((aligned(64)));
      static const int sizes[\(names.count)] = {\(lengths.map(String.init).joined(separator: ", "))};
      static void show(const order_context *context) {
        void *outputs[\(names.count)];
        for (int i = 0; i < \(names.count); ++i) outputs[i] = results[i];
        printf("%d", order_call(context, 0, NULL, NULL, outputs));
        for (int i = 0; i < \(names.count); ++i) {
          for (int k = 0; k < 3; ++k) {
            uint64_t word = 0;
            const int big = *(const unsigned char *)&(const int){1} == 0;
            for (int b = 0; b < sizes[i]; ++b)
              word |= (uint64_t)results[i][k * sizes[i] + b] << 8 * (big ? sizes[i] - 1 - b : b);
            printf(" %llx", (unsigned long long)word);
          }
        }
        printf("\\n");
      }
      int main(int count, char **arguments) {
        order_context context;
        memset(&context, 0, sizeof context);
        show(&context);
        FILE *stream = fopen(arguments[count - 1], "rb");
        if (stream == NULL || fread(file, 1, sizeof file, stream) != sizeof file) return 1;
        printf("%d\\n", order_params_bind(&context, file, sizeof file));
        show(&context);
        printf("%d", order_self_test(memory, sizeof memory));
        return 0;
      }

      """)
    let bits = values.flatMap { $0.words }.map { " " + String($0, radix: 16) }.joined()
    let expected = "0\(bits)\n0\n0\(bits)\n0"
    let program = folder.file("user")
    for (compiler, emulator, order) in [
      (try CCompiler.find().path, nil, "little"), ("gcc", nil, "little"),
      ("s390x-linux-gnu-gcc", "qemu-s390x", "big"),
    ] {
      guard let compiler = try? CCompiler(compiler) else { continue }
      if let emulator, (try? CCompiler(emulator)) == nil { continue }
      let flags = ["-O2", "-std=gnu99", "-DORDER_SELF_TEST", "-I", folder.path, "-o", program, user, file]
      let (code, output) = try folder.run(compiler.path, flags + (emulator == nil ? [] : ["-static"]))
      try #require(code == 0, "\(output.prefix(2000))")
      let arguments = [folder.path + "/\(order).params"]
      let run =
        if let emulator { try folder.run(try CCompiler(emulator).path, [program] + arguments) } else {
          try folder.run(program, arguments)
        }
      #expect(run.output == expected, "\(compiler.path)")
    }
  }

  @Test func alignmentIsSaidInTheWordsOfTheLanguage() throws {
    let plan = SampleModel.plan()
    var options = CSource.Options()
    options.parameters = .embedded([UInt8](repeating: 1, count: plan.parameterBytes))
    let folder = try ScratchFolder()
    let file = try folder.write("sample.c", CSource.emitC(plan, options: options).source)
    let compiler = try CCompiler.find()
    for (flags, word) in [
      (["-x", "c", "-std=c11"], "_Alignas(64)"), (["-x", "c++", "-std=c++17"], "alignas(64)"),
      (["-x", "c", "-std=c99"], "__attribute__((aligned(64)))"),
    ] {
      let (code, output) = try folder.run(compiler.path, flags + ["-E", file])
      #expect(code == 0 && output.contains(word + " static const uint32_t"), "\(flags)")
    }
  }
}
