// The system calls behind running a compiler: environment, files, child processes. Everything unsafe about them
// stays in this file.

import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Questions to the system.
package enum System {
  /// The value of an environment variable; nil when it is not set, or empty.
  package static func environment(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    let text = unsafe String(cString: value)
    return text.isEmpty ? nil : text
  }

  /// A clock that only goes forward.
  static var nanoseconds: Int64 {
    var time = timespec()
    unsafe _ = clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  /// Whether a path leads to a file that may be run.
  static func isExecutable(_ path: String) -> Bool {
    var info = stat()
    let runs = unsafe access(path, X_OK) == 0
    return unsafe stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFREG && runs
  }

  /// The path without symbolic links; as given where that fails.
  static func resolved(_ path: String) -> String {
    guard let resolved = unsafe realpath(path, nil) else { return path }
    defer { unsafe free(resolved) }
    return unsafe String(cString: resolved)
  }

  /// The path from the root on; as given where the working folder is gone.
  static func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/"), let folder = unsafe getcwd(nil, 0) else { return path }
    defer { unsafe free(folder) }
    return unsafe String(cString: folder) + "/" + path
  }

  /// The folder of a path.
  static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// What distinguishes this file from others and from its own later versions; nil where there is none.
  static func identity(of path: String) -> String? {
    var info = stat()
    guard unsafe stat(path, &info) == 0 else { return nil }
    #if canImport(Darwin)
      let time = info.st_mtimespec
    #else
      let time = info.st_mtim
    #endif
    return "\(info.st_size) \(time.tv_sec).\(time.tv_nsec)"
  }

  /// Makes sure that a folder is there, belongs to this user, and can be written by nobody else.
  package static func makePrivateFolder(_ path: String) -> Bool {
    if unsafe mkdir(path, 0o700) != 0, errno != EEXIST { return false }
    var info = stat()
    guard unsafe lstat(path, &info) == 0, info.st_mode & S_IFMT == S_IFDIR, info.st_uid == geteuid() else {
      return false
    }
    if info.st_mode & 0o022 != 0, unsafe chmod(path, 0o700) != 0 { return false }
    return unsafe access(path, W_OK | X_OK) == 0
  }

  /// The number of this user.
  static var user: String { String(geteuid()) }

  /// A part of a file name that no other process uses.
  package static var uniqueName: String {
    "\(getpid())-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
  }

  /// Puts a file in the place of another one in one step.
  static func rename(_ source: String, to target: String) -> Bool { renamePath(source, target) == 0 }

  /// Removes a file; a failure is not worth a word.
  package static func remove(_ path: String) { _ = unsafe unlink(path) }

  /// Removes an empty folder.
  package static func removeFolder(_ path: String) { _ = unsafe rmdir(path) }

  /// Runs a program in a folder, where it keeps its temporary files too; see `run`.
  static func run(
    _ program: String, _ arguments: [String], in folder: String, output: String
  ) -> Int32? {
    let script = #"cd "$0" && TMPDIR=. exec "$@""#
    let code = run("/bin/sh", ["-c", script, folder, absolute(program)] + arguments, output: output)
    return code == 126 || code == 127 ? nil : code
  }

  /// Runs a program, its output and errors going to a file; its exit code, or nil when it cannot be started.
  ///
  /// A program killed by a signal gives 128 and the signal.
  package static func run(_ program: String, _ arguments: [String], output: String) -> Int32? {
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
    #else
      var actions = unsafe posix_spawn_file_actions_t()
    #endif
    guard unsafe posix_spawn_file_actions_init(&actions) == 0 else { return nil }
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)

    var argumentList = unsafe ([program] + arguments).map { unsafe strdup($0) } + [nil]
    // What compilers look for; the rest of the environment does not matter to them.
    let names = [
      "PATH", "HOME", "TMPDIR", "TMP", "TEMP", "SDKROOT", "DEVELOPER_DIR", "LD_LIBRARY_PATH", "LIBRARY_PATH",
      "COMPILER_PATH", "GCC_EXEC_PREFIX",
    ]
    let settings = names.compactMap { name in environment(name).map { "\(name)=\($0)" } } + ["LC_ALL=C"]
    var environmentList = unsafe settings.map { unsafe strdup($0) } + [nil]
    defer { unsafe (argumentList + environmentList).forEach { unsafe free($0) } }
    var child = pid_t()
    guard unsafe posix_spawn(&child, program, &actions, nil, &argumentList, &environmentList) == 0 else {
      return nil
    }
    var status: Int32 = 0
    while unsafe waitpid(child, &status, 0) < 0 {
      if errno != EINTR { return nil }
    }
    let signal = status & 0x7F
    return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
  }
}

/// `open(2)` for reading, under a name that `SharedLibrary.open` does not hide.
private func openPath(_ path: String) -> Int32 { unsafe open(path, O_RDONLY | O_CLOEXEC) }

/// `rename(2)`, under a name that `System.rename` does not hide.
private func renamePath(_ source: String, _ target: String) -> Int32 { unsafe rename(source, target) }

/// A shared library that stays loaded as long as this lives.
///
/// Sendable because it never changes.
@safe package final class SharedLibrary: @unchecked Sendable {
  /// Held while a library is unloaded, and by whoever walks over the images of the process: an unloaded one
  /// must not be read.
  private static let unloading = Mutex(())

  /// The file that `whileLoaded` adds a frame of to a backtrace.
  package static let file = #filePath

  /// Runs something that reads the loaded images, a backtrace for example, while no library is unloaded.
  package static func whileLoaded<Result>(_ body: () -> Result) -> Result {
    unloading.withLock { _ in body() }
  }

  private let handle: UnsafeMutableRawPointer

  /// Loads a library; nil with the reason when the system refuses.
  init(_ path: String) throws(CompileError) {
    guard let handle = unsafe Self.open(path) else {
      let reason = unsafe dlerror().map { unsafe String(cString: $0) } ?? "dlopen failed"
      throw CompileError(.load, "the compiled model cannot be loaded: \(reason)")
    }
    unsafe self.handle = handle
  }

  private static func open(_ path: String) -> UnsafeMutableRawPointer? {
    // The loader replaces words such as `$ORIGIN`, which may be the name of a folder.
    guard path.contains("$") else { return unsafe dlopen(path, RTLD_NOW | RTLD_LOCAL) }
    #if os(Linux)
      let file = openPath(path)
      guard file >= 0 else { return nil }
      defer { close(file) }
      return unsafe dlopen("/proc/self/fd/\(file)", RTLD_NOW | RTLD_LOCAL)
    #else
      return unsafe dlopen(path, RTLD_NOW | RTLD_LOCAL)
    #endif
  }

  deinit { SharedLibrary.unloading.withLock { _ in _ = unsafe dlclose(handle) } }

  /// The address of a function.
  func address(of name: String) throws(CompileError) -> UnsafeMutableRawPointer {
    guard let address = unsafe dlsym(handle, name) else {
      throw CompileError(.load, "the compiled model has no function `\(name)`")
    }
    return unsafe address
  }
}
