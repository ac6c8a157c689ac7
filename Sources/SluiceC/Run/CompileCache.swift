import SluiceFormats
import SluiceIR

/// The folder of compiled models: one library per source, flags, compiler and processor.
struct CompileCache {
  /// Where it is.
  let folder: String

  /// The caches that this user may write to, best first: in `XDG_CACHE_HOME`, in `~/.cache`, in the folder for
  /// temporary files.
  static func all() throws(CompileError) -> [CompileCache] {
    var folders: [String] = []
    var parents: [String] = []
    if let cache = System.environment("XDG_CACHE_HOME"), cache.hasPrefix("/") { parents.append(cache) }
    if let home = System.environment("HOME"), home.hasPrefix("/") { parents.append(home + "/.cache") }
    for parent in parents where (try? FileIO.createDirectories(parent)) != nil {
      folders.append(parent + "/sluice")
    }
    // Folders that others can write to as well: ours must belong to us alone.
    for parent in [System.environment("TMPDIR"), "/tmp"] {
      if let parent, parent.hasPrefix("/") { folders.append("\(parent)/sluice-\(System.user)") }
    }
    let caches = folders.filter(System.makePrivateFolder).map { CompileCache(folder: $0) }
    guard caches.isEmpty else { return caches }
    throw CompileError(
      .cache,
      "there is no folder for compiled models: none of \(folders.map { "`\($0)`" }.joined(separator: ", ")) can be "
        + "made and written by this user alone; name a folder that can in the environment variable XDG_CACHE_HOME"
    )
  }

  /// The path of the library of a source, compiled now if it was not compiled before, and how long that took.
  ///
  /// Where a folder is full, the next one is tried. With `folder`, that one is taken.
  static func library(
    _ source: String, _ compiler: CCompiler, _ flags: [String], in folder: String? = nil
  ) throws(CompileError) -> (path: String, duration: Duration?) {
    var failure: CompileError?
    let caches = if let folder { [CompileCache(folder: folder)] } else { try all() }
    for cache in caches {
      do throws(CompileError) {
        return try cache.library(source, compiler, flags)
      } catch {
        guard error.kind == .cache else { throw error }
        failure = failure ?? error
      }
    }
    throw failure ?? CompileError(.cache, "there is no folder for compiled models")
  }

  private func library(
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
    // Everything happens in a folder of its own, under names without a path: compilers and linkers give a meaning to
    // some characters of paths, such as `%`.
    let work = "\(folder)/\(key)-\(System.uniqueName)"
    guard System.makePrivateFolder(work) else { throw Self.unusable(folder, "no folder can be made in it") }
    defer {
      for name in ["model.c", "model.so", "log"] { System.remove("\(work)/\(name)") }
      System.removeFolder(work)
    }
    do {
      try FileIO.write(source, to: "\(work)/model.c")
    } catch {
      throw Self.unusable(folder, error.description)
    }
    let arguments = flags + ["-o", "model.so", "model.c"]
    let clock = ContinuousClock()
    let start = clock.now
    guard let code = System.run(compiler.path, arguments, in: work, output: "\(work)/log") else {
      throw CompileError(.compiler, "the C compiler `\(compiler.path)` cannot be started")
    }
    let duration = clock.now - start
    guard code == 0 else {
      let said =
        (try? FileIO.read("\(work)/log")).map { String(decoding: $0.prefix(8192), as: UTF8.self) } ?? ""
      if said.contains("No space left on device") || said.contains("Disk quota exceeded") {
        throw Self.unusable(folder, said)
      }
      let command = ([compiler.path] + arguments).joined(separator: " ")
      throw CompileError(.compiler, "the C compiler ended with code \(code)\n\(command)\n\(said)")
    }
    guard System.rename("\(work)/model.so", to: library), System.rename("\(work)/model.c", to: kept) else {
      throw Self.unusable(folder, "`\(library)` cannot be written")
    }
    return (library, duration)
  }

  private static func unusable(_ folder: String, _ reason: String) -> CompileError {
    CompileError(
      .cache,
      "compiled models cannot be kept in `\(folder)`: \(reason); make room there, or name another folder in the "
        + "environment variable XDG_CACHE_HOME")
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
