/// The files of the repository that tests read, and the golden files that they keep.

import Foundation

/// Places in the repository.
package enum Repository {
  /// The folder of `Package.swift`.
  package static let root: String = {
    var path = URL(filePath: #filePath)
    for _ in 0..<3 { path.deleteLastPathComponent() }
    return path.path(percentEncoded: false)
  }()

  /// All `.sluice` files below a folder, relative to the root, sorted.
  package static func sluiceFiles(below folder: String) -> [String] {
    let start = URL(filePath: root).appending(path: folder).path(percentEncoded: false)
    let found = FileManager.default.enumerator(atPath: start)?.compactMap { $0 as? String } ?? []
    return found.filter { $0.hasSuffix(".sluice") }.map { "\(folder)/\($0)" }.sorted()
  }

  /// The bytes of a file, relative to the root; nil where there is none.
  package static func read(_ path: String) -> [UInt8]? {
    FileManager.default.contents(
      atPath: URL(filePath: root).appending(path: path).path(percentEncoded: false)
    )
    .map { [UInt8]($0) }
  }

  /// Whether `BLESS=1` asks to write what tests find in place of what is expected.
  package static let blesses = ProcessInfo.processInfo.environment["BLESS"] == "1"

  /// Whether `SLUICE_EXHAUSTIVE=1` asks for everything that the gate only samples.
  package static let isExhaustive = ProcessInfo.processInfo.environment["SLUICE_EXHAUSTIVE"] == "1"

  /// Whether `SLUICE_SANITIZE=1` asks for C that watches its memory and its arithmetic while it runs.
  ///
  /// The tests end where it finds something. It needs a library in this process: `Tools/sanitize` sees to it.
  package static let sanitizes = ProcessInfo.processInfo.environment["SLUICE_SANITIZE"] == "1"

  /// Whether `SLUICE_WITHOUT_C=1` lets tests pass that have no C compiler.
  package static let mayLackC = ProcessInfo.processInfo.environment["SLUICE_WITHOUT_C"] == "1"

  /// The number in an environment variable.
  package static func number(_ variable: String) -> Int? {
    ProcessInfo.processInfo.environment[variable].flatMap { Int($0) }
  }

  /// What differs between a text and the golden file beside a test; with `BLESS=1` the file is written.
  package static func difference(_ found: String, golden path: String) throws -> String? {
    if blesses {
      try found.write(to: URL(filePath: root).appending(path: path), atomically: true, encoding: .utf8)
      return nil
    }
    guard let bytes = read(path) else { return "\(path) is missing; BLESS=1 writes it" }
    let expected = String(decoding: bytes, as: UTF8.self)
    if expected == found { return nil }
    let old = expected.split(separator: "\n", omittingEmptySubsequences: false)
    let new = found.split(separator: "\n", omittingEmptySubsequences: false)
    let line =
      zip(old, new).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? min(old.count, new.count)
    func text(_ lines: [Substring]) -> String { line < lines.count ? "`\(lines[line])`" : "the end" }
    return "\(path):\(line + 1) has \(text(old)), found \(text(new)); BLESS=1 writes what was found"
  }
}
