import Foundation
import SluiceFormats
import Testing

/// The folder of compiled models: whatever it is called and whoever uses it, models run, or a message says what to do.
struct CacheTests {
  private let sluice: Program
  private let words = ["run", "m.sluice", "-f", "f", "--input", "x=2", "--backend", "c"]

  init() throws {
    sluice = try Program("sluice")
    let text = "module @m\nfunc @f(%x: f32[]) -> f32[] {\n  %y = exp2 %x : f32[]\n  return %y\n}\n"
    try FileIO.write(text, to: "\(sluice.folder)/m.sluice")
  }

  /// The environment of this process with another home, and folders for temporary files that are there.
  private func environment(_ home: String, temporary: String? = nil) -> [String: String] {
    var environment = ProcessInfo.processInfo.environment
    environment["HOME"] = home
    environment["XDG_CACHE_HOME"] = nil
    if let temporary { environment["TMPDIR"] = temporary }
    return environment
  }

  private func libraries(_ folder: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.filter { !$0.hasSuffix(".so") && !$0.hasSuffix(".c") }.isEmpty ? names : ["left: \(names)"]
  }

  @Test(arguments: [
    "plain", "100%", "%d %s%p", "two words", "quote\"and'quote", "#hash", "$HOME", "$ORIGIN", "${LIB}",
    "über-変数", "a;b&c|d",
    "back\\slash", "star*?[x]", "-dash", "@file", "comma,colon:=", "~", "new\nline", "(paren)",
  ])
  func everyNameOfAHome(name: String) throws {
    let home = "\(sluice.folder)/\(name)"
    try FileIO.createDirectories(home)
    // What the compiler keeps for a while stands there too.
    let outcome = try sluice.run(words, environment: environment(home, temporary: home))
    #expect(outcome.code == 0 && outcome.text.contains("4"), "\(outcome.messages.prefix(2000))")
    let found = libraries("\(home)/.cache/sluice")
    #expect(found.count == 2 && found.contains { $0.hasSuffix(".so") }, "\(found)")
    // The second time it is there already, so no compiler is needed.
    var again = environment(home)
    again["SLUICE_CC"] = ProcessInfo.processInfo.environment["SLUICE_CC"]
    let second = try sluice.run(words, environment: again)
    #expect(second.code == 0 && second.text == outcome.text)
  }

  @Test func manyAtOnce() throws {
    let home = "\(sluice.folder)/home"
    let several = try (0..<4).map { _ in
      try sluice.start(words, environment: environment(home))
    }
    for process in several {
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
    }
    #expect(libraries("\(home)/.cache/sluice").count == 2)
  }

  /// A cache that cannot be used: the folder for temporary files serves.
  @Test(arguments: ["file", "missing", "relative"])
  func anotherFolder(kind: String) throws {
    let (home, temporary) = ("\(sluice.folder)/home", "\(sluice.folder)/temporary")
    try FileIO.createDirectories(temporary)
    var given = environment(home, temporary: temporary)
    switch kind {
    case "file":
      try FileIO.createDirectories("\(home)/.cache")
      try FileIO.write("", to: "\(home)/.cache/sluice")
    case "missing": given["HOME"] = "/proc/none"
    default: given["HOME"] = "home"
    }
    let outcome = try sluice.run(words, environment: given)
    #expect(outcome.code == 0 && outcome.text.contains("4"), "\(outcome.messages.prefix(2000))")
    #expect(libraries("\(temporary)/sluice-\(geteuid())").count == 2)
  }

  /// No room: every file ends at 4 KiB.
  @Test func aFullFolderSaysWhatToDo() throws {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    let script = "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\""
    process.arguments = ["-c", script, sluice.path] + words
    process.currentDirectoryURL = URL(filePath: sluice.folder)
    process.environment = environment("\(sluice.folder)/home", temporary: sluice.folder)
    process.standardOutput = FileHandle.nullDevice
    let messages = Pipe()
    process.standardError = messages
    try process.run()
    let said = String(decoding: messages.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus != 0)
    #expect(said.contains("make room there") && said.contains("XDG_CACHE_HOME"), "\(said)")
  }
}
