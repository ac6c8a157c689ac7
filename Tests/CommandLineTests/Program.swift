import Foundation
import SluiceFormats

/// Runs a program of this package as a user would, in a folder of its own, which goes with the last reference.
final class Program {
  /// What a run gave.
  struct Outcome {
    var code: Int32
    var output: [UInt8]
    var messages: String

    /// The standard output as text.
    var text: String { String(decoding: output, as: UTF8.self) }
  }

  /// Where it is.
  let path: String
  /// A fresh folder for files.
  let folder: String

  init(_ name: String) throws {
    // Programs lie beside the bundle of tests.
    let bundle =
      CommandLine.arguments.first { $0.hasSuffix(".xctest") || $0.contains(".xctest/") }
      ?? CommandLine.arguments[0]
    var place = URL(filePath: bundle)
    while place.path().contains(".xctest") { place.deleteLastPathComponent() }
    path = place.appending(path: name).path()
    folder = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)").path()
    try FileIO.createDirectories(folder)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  /// Starts the program; its messages go to a file `messages`.
  func start(_ words: [String], environment: [String: String]? = nil) throws -> Process {
    let process = Process()
    process.environment = environment
    process.executableURL = URL(filePath: path)
    process.arguments = words
    process.currentDirectoryURL = URL(filePath: folder)
    try Data().write(to: URL(filePath: "\(folder)/messages"))
    process.standardOutput = FileHandle.nullDevice
    process.standardError = try FileHandle(forWritingTo: URL(filePath: "\(folder)/messages"))
    try process.run()
    return process
  }

  /// Runs the program with these words and bytes on standard input.
  func run(
    _ words: [String], input: [UInt8] = [], environment: [String: String]? = nil
  ) throws -> Outcome {
    let process = Process()
    process.environment = environment
    process.executableURL = URL(filePath: path)
    process.arguments = words
    process.currentDirectoryURL = URL(filePath: folder)
    let files = ["in", "out", "err"].map { URL(filePath: "\(folder)/.\($0)-\(UUID().uuidString)") }
    try Data(input).write(to: files[0])
    for file in files.dropFirst() { try Data().write(to: file) }
    process.standardInput = try FileHandle(forReadingFrom: files[0])
    process.standardOutput = try FileHandle(forWritingTo: files[1])
    process.standardError = try FileHandle(forWritingTo: files[2])
    try process.run()
    process.waitUntilExit()
    let output = try Data(contentsOf: files[1])
    let messages = try String(decoding: Data(contentsOf: files[2]), as: UTF8.self)
    for file in files { try FileManager.default.removeItem(at: file) }
    let code = process.terminationReason == .exit ? process.terminationStatus : -1
    return Outcome(code: code, output: Array(output), messages: messages)
  }
}
