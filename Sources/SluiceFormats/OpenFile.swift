// The system calls of this module: an open file descriptor that closes itself, and questions about paths.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A failed system call.
struct SystemError: Error {
  /// The `errno` it left.
  let code: Int32

  /// The system's words for it, in the style of this project's messages.
  var text: String {
    guard let words = unsafe strerror(code) else { return "error \(code)" }
    let text = unsafe String(cString: words)
    return text.prefix(1).lowercased() + text.dropFirst()
  }

  /// No such file, or a part of the path is not a folder.
  var isNotFound: Bool { code == ENOENT || code == ENOTDIR }
  /// The name is taken.
  var isTaken: Bool { code == EEXIST }

  /// The error of the call just made.
  static var last: SystemError { SystemError(code: errno) }
}

/// What a path leads to, symbolic links followed.
struct FileStatus {
  /// The part of the answer this module decides by.
  enum Kind {
    case regular
    case folder
    /// A device, a pipe or a socket.
    case special
  }

  let kind: Kind
  /// Size in bytes; 0 where the system does not know it.
  let byteCount: Int
  /// The permission bits.
  let permissions: mode_t

  fileprivate init(_ info: stat) {
    switch info.st_mode & S_IFMT {
    case S_IFREG: kind = .regular
    case S_IFDIR: kind = .folder
    default: kind = .special
    }
    byteCount = max(0, Int(info.st_size))
    permissions = info.st_mode & 0o777
  }

  /// Asks the system about `path`.
  init(path: String) throws(SystemError) {
    var info = stat()
    guard unsafe stat(path, &info) == 0 else { throw SystemError.last }
    self.init(info)
  }
}

/// A file descriptor; the owner closes it when it goes.
struct OpenFile: ~Copyable {
  private let descriptor: Int32
  private let isOwned: Bool

  /// A descriptor that stays open afterwards: 0 is standard input, 1 standard output.
  init(borrowing descriptor: Int32) {
    self.descriptor = descriptor
    isOwned = false
  }

  private init(path: String, flags: Int32) throws(SystemError) {
    var opened: Int32
    repeat {
      opened = unsafe open(path, flags | O_CLOEXEC, 0o666)
    } while opened < 0 && errno == EINTR
    guard opened >= 0 else { throw SystemError.last }
    descriptor = opened
    isOwned = true
  }

  deinit {
    if isOwned { _ = close(descriptor) }
  }

  /// Opens an existing file for reading.
  static func reading(_ path: String) throws(SystemError) -> OpenFile {
    try OpenFile(path: path, flags: O_RDONLY)
  }

  /// Opens what is already there, such as a device, for writing.
  static func writing(_ path: String) throws(SystemError) -> OpenFile {
    try OpenFile(path: path, flags: O_WRONLY)
  }

  /// Makes a new file for writing; fails if the name is taken.
  static func creating(_ path: String) throws(SystemError) -> OpenFile {
    try OpenFile(path: path, flags: O_WRONLY | O_CREAT | O_EXCL)
  }

  /// A name in `folder` (empty, or ending in `/`) that is not likely to be taken.
  static func temporaryPath(in folder: String) -> String {
    "\(folder).sluice-\(getpid())-\(String(UInt64.random(in: 0...UInt64.max), radix: 36)).tmp"
  }

  /// What this is.
  func status() throws(SystemError) -> FileStatus {
    var info = stat()
    guard unsafe fstat(descriptor, &info) == 0 else { throw SystemError.last }
    return FileStatus(info)
  }

  /// Reads until `capacity` bytes are there or the file ends.
  func readBlock(capacity: Int) throws(SystemError) -> [UInt8] {
    var failure: SystemError?
    let block = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, filled in
      guard let base = buffer.baseAddress else { return }
      while filled < capacity {
        let got = unsafe read(descriptor, base + filled, min(capacity - filled, OpenFile.transferLimit))
        if got > 0 {
          filled += got
        } else if got == 0 {
          return
        } else if errno != EINTR {
          failure = SystemError.last
          return
        }
      }
    }
    if let failure { throw failure }
    return block
  }

  /// Writes all of `bytes`.
  func write(_ bytes: [UInt8]) throws(SystemError) {
    let failure: SystemError? = unsafe bytes.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return nil }
      var done = 0
      while done < buffer.count {
        let put = unsafe writeSome(descriptor, base + done, min(buffer.count - done, OpenFile.transferLimit))
        if put >= 0 {
          done += put
        } else if errno != EINTR {
          return SystemError.last
        }
      }
      return nil
    }
    if let failure { throw failure }
  }

  /// Waits until the contents are on the disk; a file system that cannot is no failure.
  func synchronize() throws(SystemError) {
    guard fsync(descriptor) != 0, errno != EINVAL, errno != ENOTSUP else { return }
    throw SystemError.last
  }

  /// Gives the file these permission bits where the system lets it.
  func setPermissions(_ permissions: mode_t) {
    _ = fchmod(descriptor, permissions)
  }

  /// The most one system call moves; macOS refuses more than `Int32.max`.
  private static let transferLimit = 1 << 30
}

/// `write(2)`, under a name that `OpenFile.write` does not hide.
private func writeSome(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
  unsafe write(descriptor, bytes, count)
}

/// The path with symbolic links resolved, or as given where that fails.
func resolvedPath(_ path: String) -> String {
  guard let resolved = unsafe realpath(path, nil) else { return path }
  defer { unsafe free(resolved) }
  return unsafe String(cString: resolved)
}

/// Puts `source` in the place of `target` in one step.
func renameFile(_ source: String, to target: String) throws(SystemError) {
  guard unsafe rename(source, target) == 0 else { throw SystemError.last }
}

/// Removes a file; a failure is not worth a word.
func removeFile(_ path: String) {
  _ = unsafe unlink(path)
}

/// Makes one folder.
func makeFolder(_ path: String) throws(SystemError) {
  guard unsafe mkdir(path, 0o777) == 0 else { throw SystemError.last }
}
