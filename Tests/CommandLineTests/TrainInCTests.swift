import Foundation
import Sluice
import SluiceC
import SluiceFormats
import SluiceIR
import SluicePlan
import SluiceText
import Testing

import enum TestSupport.Repository

/// Models that are trained from C.
struct TrainInCTests {
  private static let model = "\(Repository.root)/Tests/Data/train/perceptron.sluice"

  /// The program of docs/c-api.md.
  private func example() throws -> String {
    let document = try String(decoding: FileIO.read("\(Repository.root)/docs/c-api.md"), as: UTF8.self)
    let section = try #require(document.range(of: "\n## Training\n"))
    let begin = try #require(document.range(of: "```c\n", range: section.upperBound..<document.endIndex))
    let end = try #require(document.range(of: "```", range: begin.upperBound..<document.endIndex))
    return String(document[begin.upperBound..<end.lowerBound])
  }

  /// It is built without warnings, runs under sanitizers and valgrind without a word, and gives the same state.
  @Test func theExampleTrains() throws {
    let sluice = try Program("sluice")
    let folder = sluice.folder
    #expect(try sluice.run(["compile", Self.model, "-o", "."]).code == 0)
    try FileIO.write(example(), to: "\(folder)/train.c")
    let warnings = ["-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror"]
    var states: [[UInt8]] = []
    for (compiler, flags) in [
      ("gcc", ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]),
      ("gcc", ["-O3", "-march=native"]), ("clang", ["-O2"]),
    ] {
      guard let found = try? CCompiler(compiler) else { continue }
      let arguments = ["-std=c11"] + warnings + flags + ["train.c", "perceptron.c", "-o", "train"]
      let built = try run(found.path, arguments, in: folder)
      #expect(built.code == 0 && built.output.isEmpty, "\(built.output.prefix(2000))")
      let outcome = try run("\(folder)/train", [], in: folder)
      #expect(outcome.code == 0 && outcome.output.contains("step 200: loss 0."), "\(outcome.output)")
      states.append(try FileIO.read("\(folder)/perceptron.state"))
    }
    #expect(!states.isEmpty && states.allSatisfy { $0 == states[0] })
    let valgrind = "/usr/bin/valgrind"
    guard FileIO.exists(valgrind), let compiler = try? CCompiler("gcc") else { return }
    let plain = ["-std=c11", "-O1", "-g", "train.c", "perceptron.c", "-o", "plain"]
    #expect(try run(compiler.path, plain, in: folder).code == 0)
    let checked = try run(
      valgrind, ["-q", "--leak-check=full", "--error-exitcode=9", "\(folder)/plain"], in: folder)
    #expect(checked.code == 0 && !checked.output.contains("=="), "\(checked.output.prefix(2000))")
  }

  /// Random numbers are computed, by `reset` and `@init`; more than 1 MiB of given ones is in a file.
  @Test func largeInitialStatesAreNotEmbedded() throws {
    let module = try TrainModels.perceptron.trace(settings: ["units": "80000"])
    func names(_ artefact: CArtefact) -> [String] { artefact.files.map(\.name) }
    func header(_ artefact: CArtefact) -> String {
      String(decoding: artefact.files[1].bytes, as: UTF8.self).replacing("\n * ", with: " ")
    }
    let whole = try CArtefact(module)
    #expect(names(whole) == ["perceptron.c", "perceptron.h"] && whole.files[0].bytes.count < 1 << 18)
    #expect(header(whole).contains("perceptron_reset"))
    #expect(header(whole).contains("Writes all parameters that are in the state."))
    #expect(header(whole).contains("/* parameter @hidden.weight : f32[2,80000] */"))
    let small = try CArtefact(TrainModels.perceptron.trace())
    #expect(names(small) == ["perceptron.c", "perceptron.h"] && header(small).contains("perceptron_reset"))
    // Parameters that are given.
    let session = try Session(module, seed: 5)
    let file = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString).npz")
      .path()
    defer { try? FileManager.default.removeItem(atPath: file) }
    try session.save(to: file)
    let given = try CArtefact(module, parameters: (TensorArchive.read(file), file))
    #expect(names(given) == ["perceptron.c", "perceptron.h", "perceptron.state"])
    #expect(header(given).contains("The initial state is the file perceptron.state"))
    let first = try session.state("hidden.weight").bytes
    #expect(Array(given.files[2].bytes.prefix(first.count)) == first)
    // Without what trains, parameters are constants.
    let inference = try CArtefact(
      module, functions: ["predict"], parameters: (TensorArchive.read(file), file))
    #expect(names(inference) == ["perceptron.c", "perceptron.h", "perceptron.params"])
    #expect(header(inference).contains("#define PERCEPTRON_STATE_BYTES 0\n"))
    #expect(throws: SessionError.self) { _ = try CArtefact(module, functions: ["nothing"]) }
  }

  /// `reset` in C gives what a session begins with, whatever the initializer, with all functions and with one.
  @Test(arguments: [[], ["shuffle"]] as [[String]])
  func resetGivesTheInitialValues(functions: [String]) throws {
    let text = """
      module @first
      param @unused : f32[5] init normal(0, 1)
      param @a : f32[3,5] init normal(0.5, 2)
      param @b : f32[2,1,3,2] init uniform(-3, 7)
      param @c : f64[7] init normal(0, 1)
      state @d : f32[] init uniform(1, 2)
      state @e : f32[9,9] init eye
      state @f : f32[300] init ones
      state @g : i64[2,2] init constant(-5)
      state @h : f32[3] init data [1, 2, 3]
      state @i : f32[3,5] init normal(0.5, 2)
      state @j : f32[0,4] init normal(0, 1)
      func @values(%x: f32[5]) -> f32[5] {
        %u = read @unused : f32[5]
        %y = add %x, %u : f32[5]
        return %y
      }
      func @shuffle(%a: f32[3,5], %b: f32[2,1,3,2], %c: f64[7], %d: f32[], %e: f32[9,9], %f: f32[300]) {
        %g = read @g : i64[2,2]
        %h = read @h : f32[3]
        %i = read @i : f32[3,5]
        %j = read @j : f32[0,4]
        %k = add %g, %g : i64[2,2]
        %l = add %h, %h : f32[3]
        return @a = %i, @b = %b, @c = %c, @d = %d, @e = %e, @f = %f, @g = %k, @h = %l, @i = %a, @j = %j
      }

      """
    let module = try parseModule(Array(text.utf8), file: "first.sluice")
    let artefact = try CArtefact(module, functions: functions, seed: 77)
    #expect(artefact.files.map(\.name) == ["first.c", "first.h"])
    let sluice = try Program("sluice")
    for file in artefact.files { try FileIO.write(file.bytes, to: "\(sluice.folder)/\(file.name)") }
    try FileIO.write(
      """
      #include "first.c"
      #include <stdio.h>
      int main(void) {
        static uint64_t state[FIRST_STATE_BYTES / 8 + 8], arena[FIRST_ARENA_BYTES / 8 + 8];
        first_context context = {0};
        context.state = (char *)state + (64 - (uintptr_t)state % 64) % 64;
        context.arena = (char *)arena + (64 - (uintptr_t)arena % 64) % 64;
        context.arena_bytes = FIRST_ARENA_BYTES;
        if (first_reset(&context) != FIRST_OK || first_reset(NULL) != FIRST_ERROR_NULL) return 1;
        int32_t count;
        first_functions(&count);
        fwrite(context.state, 1, FIRST_STATE_BYTES, stdout);
        return count;
      }

      """, to: "\(sluice.folder)/main.c")
    let values = try Session(module, seed: 77)
    for (compiler, flags) in [
      ("gcc", ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]), ("clang", ["-O2"]),
    ] {
      guard let found = try? CCompiler(compiler) else { continue }
      let built = try run(
        found.path, ["-std=c11", "-Wall", "-Wextra", "-Werror"] + flags + ["main.c", "-o", "main"],
        in: sluice.folder)
      #expect(built.code == 0, "\(built.output.prefix(2000))")
      let process = Process()
      process.executableURL = URL(filePath: "\(sluice.folder)/main")
      let pipe = Pipe()
      process.standardOutput = pipe
      try process.run()
      let bytes = Array(pipe.fileHandleForReading.readDataToEndOfFile())
      process.waitUntilExit()
      #expect(process.terminationStatus == Int32(functions.isEmpty ? 2 : 1))
      #expect(bytes.count == values.plan.stateBytes)
      for row in values.plan.states where bytes.count == values.plan.stateBytes {
        #expect(
          Array(bytes[row.offset..<row.offset + row.byteCount]) == (try values.state(row.name).bytes),
          "\(row.name)")
      }
    }
    // Nothing random is written down, and the seed does not tell models apart.
    let other = try CArtefact(module, functions: functions, seed: 78)
    let (a, b) = (
      String(decoding: artefact.files[1].bytes, as: UTF8.self),
      String(decoding: other.files[1].bytes, as: UTF8.self)
    )
    #expect(a == b)
  }

  private func run(
    _ program: String, _ arguments: [String], in folder: String
  ) throws -> (code: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    process.currentDirectoryURL = URL(filePath: folder)
    let log = URL(filePath: "\(folder)/log-\(UUID().uuidString)")
    try Data().write(to: log)
    let handle = try FileHandle(forWritingTo: log)
    process.standardOutput = handle
    process.standardError = handle
    try process.run()
    process.waitUntilExit()
    let code = process.terminationReason == .exit ? process.terminationStatus : -1
    return (code, try String(decoding: Data(contentsOf: log), as: UTF8.self))
  }
}
