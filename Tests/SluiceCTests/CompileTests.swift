// Generated C compiles everywhere it should, without a warning, a library or a global that changes.

import SluiceC
import SluiceFormats
import SluiceIR
import SluicePasses
import SluicePlan
import SluiceText
import TestSupport
import Testing

@Suite struct CompileTests {
  static let warnings = [
    "-Wall", "-Wextra", "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Wcast-qual", "-Wvla", "-Werror",
    "-pedantic",
  ]

  /// Sources with a bit of everything.
  private static let sources: [(name: String, text: String)] = {
    var options = CSource.Options()
    let sample = SampleModel.plan()
    options.parameters = .embedded((0..<sample.parameterBytes).map { UInt8(truncatingIfNeeded: $0 &* 7) })
    options.states = (0..<sample.stateBytes).map { UInt8(truncatingIfNeeded: $0 &* 13) }
    let random = RandomKernels(seed: 77, functions: Build.isExhaustive ? 400 : 16).m.plan
    return [
      ("sample", CSource.emitC(sample).source), ("embedded", CSource.emitC(sample, options: options).source),
      ("unread", unread()),
      ("ops", CSource.emitC(ScalarCase.plan(ScalarCase.all, count: 100)).source),
      ("random", CSource.emitC(random).source),
      ("hostile", CSource.emitC(HostileModel.plan()).source),
    ]
  }()

  /// Embedded parameters that nobody reads, scalars by value, and constants of which one is not used.
  private static func unread() -> String {
    var m = PlanBuilder("unread", function: "run")
    let (x, _) = (m.input("x", .f32), m.input("n", .i64))
    let (y, w) = (m.output("y", .f32), m.parameter("w", .f32, 3))
    _ = m.constant("c", HostTensor([1, 2, 3] as [Float]))
    let copy = m.kernel("copy") { k, m in
      let (x, y) = (k.slot("x", .f32, .read), k.slot("y", .f32, .write))
      _ = k.load(k.slot("w", .f32, .read), m.affine(0))
      k.store(y, m.affine(0), k.scalar(.canonical, .f32, [k.load(x, m.affine(0))]))
    }
    m.call(copy, x, y, w)
    // A function that does not look at its inputs.
    m.begin("seed")
    _ = m.input("seed", .i64)
    var options = CSource.Options()
    let plan = m.plan
    options.parameters = .embedded([UInt8](repeating: 7, count: plan.parameterBytes))
    return CSource.emitC(plan, options: options).source
  }

  private static let languages = [
    ["-x", "c", "-std=c99"], ["-x", "c++", "-std=c++17"], ["-x", "c", "-std=gnu17"],
    ["-x", "c++", "-std=gnu++17"],
  ]

  @Test(arguments: ["clang", "gcc"])
  func noWarnings(compiler name: String) throws {
    guard let compiler = try? CCompiler(name) else { return }
    let folder = try ScratchFolder()
    for (source, text) in Self.sources {
      let file = try folder.write("\(source).c", text)
      for (row, language) in Self.languages.enumerated()
      where row < 2 || source == "sample" || Build.isExhaustive {
        // clang finds everything while it reads, gcc some things only while it optimises.
        var levels = [name == "clang" || row > 0 ? ["-fsyntax-only"] : ["-O1"]]
        if Build.isExhaustive { levels = [["-O0"], ["-O2"], ["-O3", "-march=native"]] }
        for flags in levels {
          let more = source == "sample" ? ["-DSAMPLE_THREADS", "-DSAMPLE_PROFILE"] : []
          let outcome = flags == ["-fsyntax-only"] ? [] : ["-c", "-o", folder.file("out.o")]
          let (code, output) = try folder.run(
            compiler.path, language + Self.warnings + flags + more + outcome + [file])
          #expect(code == 0, "\(source) \(language) \(flags)\n\(output.prefix(2000))")
        }
      }
    }
  }

  /// gcc warns about `~` of what was a bool, through any cast.
  @Test func noWarningsAboutBools() throws {
    guard let compiler = try? CCompiler("gcc") else { return }
    let text = """
      func @f(%x: bool[4]) -> i32[4], i64[4], u8[4], i32[4] {
        %i = cast %x {dtype = i32} : i32[4]
        %j = cast %x {dtype = i64} : i64[4]
        %k = cast %x {dtype = u8} : u8[4]
        %a = not %i : i32[4]
        %b = not %j : i64[4]
        %c = not %k : u8[4]
        %d = argsort %x {descending = true} : i32[4]
        return %a, %b, %c, %d
      }

      """
    let module = try parseModule(Array(text.utf8), file: "bools.sluice")
    let folder = try ScratchFolder()
    let source = CSource.emitC(try Planner.plan(runPasses(module, ["expand"]))).source
    let file = try folder.write("bools.c", source)
    for language in Self.languages.prefix(2) {
      let (code, output) = try folder.run(
        compiler.path, language + Self.warnings + ["-c", "-o", folder.file("out.o"), file])
      #expect(code == 0, "\(output.prefix(2000))")
    }
  }

  @Test func noLineIsTooLong() {
    for (source, text) in Self.sources {
      // A word that is longer than a line, in a comment.
      let isLong = { (line: Substring) in line.count > 100 && !line.contains("[very_long_name") }
      for line in text.split(separator: "\n") where isLong(line) && !line.hasPrefix("#") {
        Issue.record("\(source): \(line)")
      }
    }
  }

  @Test func nothingButTheCompilerIsNeeded() throws {
    guard let clang = try? CCompiler("clang") else { return }
    let folder = try ScratchFolder()
    let resources = try folder.run(clang.path, ["-print-resource-dir"]).output.filter { $0 != "\n" }
    let bare = [
      "-std=c99", "-O1", "--sysroot=/nonexistent", "-nostdinc", "-isystem", resources + "/include",
      "-ffreestanding",
    ]
    for (source, text) in Self.sources {
      let file = try folder.write("\(source).c", text)
      let isSmall = source == "sample" || Build.isExhaustive
      for target in [nil, "aarch64-linux-gnu"] + (isSmall ? ["riscv64-linux-gnu", "wasm32"] : []) {
        let flags = target.map { ["--target=\($0)"] } ?? []
        let (code, output) = try folder.run(
          clang.path, flags + bare + ["-c", "-o", folder.file("\(source)-\(target ?? "host").o"), file])
        #expect(code == 0, "\(source) \(target ?? "host")\n\(output.prefix(2000))")
      }
    }
  }

  @Test func nothingIsCalledAndNothingChanges() throws {
    let folder = try ScratchFolder()
    // What compilers may call without being asked: C requires it of every environment.
    let allowed: Set = ["memcpy", "memset", "memmove", "_GLOBAL_OFFSET_TABLE_", "__stack_chk_fail"]
    for build in Build.all {
      // The large one with the last build of each compiler alone, which optimises most.
      for (source, text) in Self.sources
      where source == "sample" || source == "ops" && build.flags.contains("-O3") || Build.isExhaustive {
        let file = try folder.write("\(source).c", text)
        let object = folder.file("\(source).o")
        let flags = build.flags + ["-std=c99", "-fPIC", "-c", "-o", object, file]
        let (code, output) = try folder.run(build.compiler.path, flags)
        try #require(code == 0, "\(output.prefix(2000))")
        guard let tool = try? CCompiler("nm") else { continue }
        let table = try folder.run(tool.path, ["-f", "sysv", object]).output
        for line in table.split(separator: "\n") {
          let cells = line.split(separator: "|", omittingEmptySubsequences: false).map {
            $0.filter { $0 != " " }
          }
          guard cells.count == 7 else { continue }
          if cells[6] == "*UND*" || cells[2] == "U" {
            #expect(allowed.contains(cells[0]), "\(source) with \(build) calls \(cells[0])")
          }
          let isChanging = [".data", ".bss", ".tbss", ".tdata", "*COM*"].contains { cells[6].hasPrefix($0) }
          #expect(
            !isChanging || cells[6].hasPrefix(".data.rel.ro"),
            "\(source) with \(build) has the global \(cells[0])")
        }
      }
    }
  }

  @Test func framesAreSmall() throws {
    guard let gcc = try? CCompiler("gcc") else { return }
    let folder = try ScratchFolder()
    for (source, text) in Self.sources {
      let file = try folder.write("\(source).c", text)
      for level in source == "sample" || Build.isExhaustive ? ["-O0", "-O3"] : ["-O0"] {
        let (code, output) = try folder.run(
          gcc.path,
          [
            "-std=c99", level, "-Wframe-larger-than=4096", "-Werror", "-c", "-o", folder.file("frame.o"),
            file,
          ])
        #expect(code == 0, "\(source) \(level)\n\(output.prefix(2000))")
      }
    }
  }

  @Test func fastMathIsRefused() throws {
    let folder = try ScratchFolder()
    let file = try folder.write("sample.c", Self.sources[0].text)
    for name in ["clang", "gcc"] {
      guard let compiler = try? CCompiler(name) else { continue }
      for flag in ["-ffast-math", "-ffinite-math-only"] {
        let (code, output) = try folder.run(compiler.path, [flag, "-c", "-o", folder.file("fast.o"), file])
        #expect(code != 0 && output.contains("IEEE"))
      }
    }
  }

  /// Nothing is said of what a program does not use, whatever the file was told to leave out or to bring.
  @Test(arguments: ["gcc", "clang"])
  func noWarningsAboutWhatIsNotUsed(compiler name: String) throws {
    guard let compiler = try? CCompiler(name) else { return }
    let folder = try ScratchFolder()
    for (source, text) in Self.sources where source != "random" {
      let file = try folder.write("\(source).c", text)
      let macro = source == "embedded" ? "SAMPLE" : source == "hostile" ? "INT" : source.uppercased()
      let choices = [
        ["-D\(macro)_API=static"], ["-D\(macro)_NO_REFLECTION"],
        ["-D\(macro)_API=static", "-D\(macro)_NO_REFLECTION"],
        ["-D\(macro)_SOFTWARE_FMA", "-D\(macro)_API=static", "-D\(macro)_THREADS"],
      ]
      for choice in Build.isExhaustive || ["embedded", "unread"].contains(source) ? choices : [choices[2]] {
        for language in Self.languages.prefix(2) {
          let (code, output) = try folder.run(
            compiler.path,
            language + Self.warnings + choice + ["-O1", "-c", "-o", folder.file("out.o"), file])
          #expect(code == 0, "\(source) \(language) \(choice)\n\(output.prefix(2000))")
        }
      }
    }
  }

  @Test func theHeaderStandsAloneAndTheFileCanBeIncluded() throws {
    let folder = try ScratchFolder()
    let (source, header) = CSource.emitC(SampleModel.plan())
    _ = try folder.write("sample.c", source)
    _ = try folder.write("sample.h", header)
    let user = try folder.write(
      "user.c",
      """
      #define SAMPLE_API static
      #include "sample.c"
      #include "sample.h"
      int main(void) {
        const sample_function *f = sample_functions(NULL);
        return f[0].input_count == 2 && sample_status_string(SAMPLE_OK)[0] == 'o' ? 0 : 1;
      }

      """)
    let program = folder.file("user")
    let compiler = try CCompiler.find()
    let (code, output) = try folder.run(compiler.path, ["-std=c99", "-o", program, user])
    try #require(code == 0, "\(output)")
    #expect(try folder.run(program, []).code == 0)
    for language in [["-x", "c"], ["-x", "c++"]] {
      let (code, output) = try folder.run(
        compiler.path, language + Self.warnings + ["-fsyntax-only", folder.path + "/sample.h"])
      #expect(code == 0, "\(output)")
    }
  }
}
