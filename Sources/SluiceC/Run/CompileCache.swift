import SluiceFormats
import SluiceIR

/// The folder of compiled models: one library per source, flags, compiler and processor.
struct CompileCache {
  /// Where it is.
  let folder: String

  /// The cache of this user: in `XDG_CACHE_HOME`, else in `~/.cache`, else in the folder for temporary files.
  static func standard() throws(CompileError) -> CompileCache {
    var parents: [String] = []
    if let cache = System.environment("XDG_CACHE_HOME"), cache.hasPrefix("/") { parents.append(cache) }
    if let home = System.environment("HOME"), home.hasPrefix("/") { parents.append(home + "/.cache") }
    for parent in parents {
      guard (try? FileIO.createDirectories(parent)) != nil else { continue }
      if System.makePrivateFolder(parent + "/sluice") { return CompileCache(folder: parent + "/sluice") }
    }
    // A folder that others can write to as well: ours must belong to us alone.
    let temporary = (System.environment("TMPDIR") ?? "/tmp") + "/sluice-" + System.user
    if System.makePrivateFolder(temporary) { return CompileCache(folder: temporary) }
    throw CompileError(
      .cache, "there is no folder for compiled models: neither in XDG_CACHE_HOME, ~/.cache nor `\(temporary)`"
    )
  }

  /// The path of the library of a source, compiled now if it was not compiled before, and how long that took.
  func library(
    _ source: String, _ compiler: CCompiler, _ flags: [String]
  ) throws(CompileError) -> (path: String, duration: Duration?) {
    let key = Self.key([source, compiler.identity] + flags)
    let library = "\(folder)/\(key).so"
    let kept = "\(folder)/\(key).c"
    // The source is kept beside its library: two sources of one key are told apart.
    if System.identity(of: library) != nil,
      (try? FileIO.read(kept)).map({ $0.elementsEqual(source.utf8) }) ?? false
    {
      return (library, nil)
    }
    let stem = "\(folder)/\(key)-\(System.uniqueName)"
    let (draft, product, log) = (stem + ".c", stem + ".so", stem + ".log")
    defer {
      for path in [draft, product, log] { System.remove(path) }
    }
    do {
      try FileIO.write(source, to: draft)
    } catch {
      throw CompileError(.cache, error.description)
    }
    let arguments = flags + ["-o", product, draft]
    let clock = ContinuousClock()
    let start = clock.now
    guard let code = System.run(compiler.path, arguments, output: log) else {
      throw CompileError(.compiler, "the C compiler `\(compiler.path)` cannot be started")
    }
    let duration = clock.now - start
    guard code == 0 else {
      let said = (try? FileIO.read(log)).map { String(decoding: $0.prefix(8192), as: UTF8.self) } ?? ""
      let command = ([compiler.path] + arguments).joined(separator: " ")
      throw CompileError(.compiler, "the C compiler ended with code \(code)\n\(command)\n\(said)")
    }
    guard System.rename(product, to: library), System.rename(draft, to: kept) else {
      throw CompileError(.cache, "`\(library)` cannot be written")
    }
    return (library, duration)
  }

  /// 128 bits in hexadecimal that depend on every byte.
  private static func key(_ texts: [String]) -> String {
    var key = ""
    for seed in [1, 2] as [UInt64] {
      var hasher = WordHasher()
      hasher.combine(seed)
      for text in texts {
        hasher.combine(UInt64(text.utf8.count))
        for byte in text.utf8 { hasher.combine(UInt64(byte)) }
      }
      key += CText.hex(hasher.hash, 16)
    }
    return key
  }
}
