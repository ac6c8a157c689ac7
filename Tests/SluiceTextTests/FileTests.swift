import SluiceIR
import SluiceText
import Testing

import enum TestSupport.Repository

/// The files of `IR/tests` whose first line is `// test: parse`.
struct FileTests {
  /// The paths below `IR/tests` of modules; those below `kernels` are plans.
  static let files = Repository.sluiceFiles(below: "IR/tests").map { String($0.dropFirst("IR/tests/".count)) }
    .filter { !$0.hasPrefix("kernels/") }

  static func bytes(_ file: String) throws -> [UInt8] { try #require(Repository.read("IR/tests/\(file)")) }

  @Test func thereAreFiles() {
    #expect(Self.files.count { $0.hasPrefix("parse/") } > 10)
  }

  @Test(arguments: files)
  func parse(_ file: String) throws {
    let text = try Self.bytes(file)
    let directives = try TestDirectives(text, file: file)
    guard directives.command == "parse" else { return }
    let name = file.split(separator: "/").last ?? ""
    #expect(name.hasPrefix("fail_") == !directives.errors.isEmpty, "fail_ stands for expected errors")
    do throws(Diagnostics) {
      let module = try parseModule(text, file: file)
      let printed = printModule(module)
      #expect(printModule(try parseModule(printed, file: file)) == printed)
      #expect(directives.errors.isEmpty)
    } catch {
      var expected = directives.errors
      for diagnostic in error.all {
        let place = try #require(diagnostic.place)
        #expect(place.file == file)
        let match = expected.firstIndex { $0.line == place.line && diagnostic.message.contains($0.message) }
        if let match { expected.remove(at: match) } else { Issue.record("not expected: \(diagnostic)") }
      }
      for missing in expected { Issue.record("missing: \(file):\(missing.line): \(missing.message)") }
    }
  }
}
