import SluiceFormats

/// A C compiler of this machine.
public struct CCompiler: Hashable, Sendable {
  /// Whose command line it understands.
  public enum Family: Hashable, Sendable {
    /// clang.
    case clang
    /// gcc, and what is called `cc`.
    case gcc
  }

  /// Where it is.
  public let path: String
  /// Whose command line it understands.
  public let family: Family

  /// The compiler at a path, or of a name in `PATH`.
  public init(_ name: String) throws(CompileError) {
    guard let path = Self.search(name) else {
      throw CompileError(.noCompiler, "there is no C compiler `\(name)`")
    }
    self.init(path: path)
  }

  private init(path: String) {
    self.path = path
    let names = [path, System.resolved(path)].map { $0.split(separator: "/").last ?? "" }
    family = names.contains { $0.contains("clang") } ? .clang : .gcc
  }

  /// The compiler to use: what `SLUICE_CC` names, else the clang beside `swift`, else `clang` or `cc` in `PATH`.
  public static func find() throws(CompileError) -> CCompiler {
    if let name = System.environment("SLUICE_CC") {
      guard let path = search(name) else {
        throw CompileError(
          .noCompiler, "the environment variable SLUICE_CC names `\(name)`, which is no program")
      }
      return CCompiler(path: path)
    }
    if let swift = search("swift") {
      let clang = System.folder(of: System.resolved(swift)) + "/clang"
      if System.isExecutable(clang) { return CCompiler(path: clang) }
    }
    for name in ["clang", "cc", "gcc"] {
      if let path = search(name) { return CCompiler(path: path) }
    }
    throw CompileError(
      .noCompiler,
      "there is no C compiler: neither clang beside swift nor clang, cc or gcc in PATH; install one "
        + "(`apt install clang` or `xcode-select --install`) or name one in the environment variable SLUICE_CC"
    )
  }

  /// The path of a program given by path or by name.
  private static func search(_ name: String) -> String? {
    if name.contains("/") { return System.isExecutable(name) ? name : nil }
    if name.isEmpty { return nil }
    for folder in (System.environment("PATH") ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":") {
      let path = "\(folder)/\(name)"
      if System.isExecutable(path) { return path }
    }
    return nil
  }

  /// The flags for code that is as fast as this machine allows.
  public var optimisationFlags: [String] {
    // gcc vectorises loops of unknown length at -O3 only.
    let level = family == .clang ? "-O2" : "-O3"
    #if arch(arm64)
      return [level, "-mcpu=native"]
    #else
      return [level, "-march=native"]
    #endif
  }

  /// The flags for a shared library.
  func libraryFlags(usesThreads: Bool) -> [String] {
    var flags = ["-std=c99", "-fno-math-errno", "-fPIC", "-shared"]
    #if os(Linux)
      // Without threads the code needs nothing but the compiler: neither headers nor libraries of a libc.
      flags += usesThreads ? ["-pthread"] : ["-ffreestanding", "-nostdlib"]
      if family == .clang, hasLinker { flags.append("-fuse-ld=lld") }
    #endif
    return flags
  }

  private var hasLinker: Bool {
    System.isExecutable(System.folder(of: System.resolved(path)) + "/ld.lld") || Self.search("ld.lld") != nil
  }

  /// What distinguishes this compiler on this machine from others, for the cache.
  var identity: String {
    let resolved = System.resolved(path)
    return "\(resolved) \(System.identity(of: resolved) ?? "") \(Self.processor)"
  }

  /// What `-march=native` depends on.
  private static var processor: String {
    guard let bytes = try? FileIO.read("/proc/cpuinfo") else { return "" }
    let text = String(decoding: bytes, as: UTF8.self)
    let lines = text.prefix(upTo: text.firstRange(of: "\n\n")?.lowerBound ?? text.endIndex).split(
      separator: "\n")
    let isTelling = ["model name", "flags", "Features", "CPU part", "isa"]
    return lines.filter { line in isTelling.contains { line.hasPrefix($0) } }.joined(separator: "\n")
  }
}
