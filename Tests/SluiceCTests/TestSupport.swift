// What the tests of this target share: compilers of this machine, folders for what they make.

import SluiceC
import SluiceFormats
import SluiceIR
import SluicePlan
import TestSupport
import Testing

/// A compiler with flags: one way to turn C into machine code.
struct Build: CustomStringConvertible, Sendable {
  var compiler: CCompiler
  var flags: [String]

  var description: String { ([compiler.path] + flags).joined(separator: " ") }

  /// Whether the slow tests run: `SLUICE_EXHAUSTIVE=1`.
  static let isExhaustive = Repository.isExhaustive

  /// Every compiler found, at the levels that the gate looks at or at all of them.
  static let all: [Build] = {
    var builds: [Build] = []
    for name in ["clang", "gcc"] {
      guard let compiler = try? CCompiler(name) else { continue }
      for level in ["-O0", "-O2", "-O3"] {
        for native in [false, true] {
          let isSampled = ["clang-O2true", "clang-O0false", "gcc-O3true", "gcc-O2false"].contains(
            "\(name)\(level)\(native)")
          if isExhaustive || isSampled {
            builds.append(Build(compiler: compiler, flags: [level] + (native ? ["-march=native"] : [])))
          }
        }
      }
    }
    return builds
  }()

  /// The fast builds of the compilers found: what users run.
  static let fast: [Build] = ["clang", "gcc"].compactMap { name in
    guard let compiler = try? CCompiler(name) else { return nil }
    return Build(compiler: compiler, flags: compiler.optimisationFlags)
  }

  /// The choices for a `CompiledModel`.
  func options(_ extra: [String] = [], threads: Int = 1) -> CompiledModel.Options {
    var options = CompiledModel.Options()
    options.compiler = compiler
    options.optimisation = flags
    options.flags = extra
    options.threads = threads
    return options
  }
}

/// A folder of this test run that is removed at the end.
final class ScratchFolder {
  let path: String
  private var files: [String] = []

  init() throws {
    path = (System.environment("TMPDIR") ?? "/tmp") + "/sluice-test-\(System.uniqueName)"
    try #require(System.makePrivateFolder(path))
  }

  deinit {
    for file in files { System.remove(file) }
    System.removeFolder(path)
  }

  /// Writes a file; its path.
  func write(_ name: String, _ text: String) throws -> String {
    let file = self.file(name)
    try FileIO.write(text, to: file)
    return file
  }

  /// The path of a file that will be there.
  func file(_ name: String) -> String {
    files.append("\(path)/\(name)")
    return "\(path)/\(name)"
  }

  /// Runs a program; its exit code and what it said.
  func run(_ program: String, _ arguments: [String]) throws -> (code: Int32, output: String) {
    let log = file("log-\(files.count)")
    let code = try #require(System.run(program, arguments, output: log))
    return (code, String(decoding: try FileIO.read(log), as: UTF8.self))
  }
}
