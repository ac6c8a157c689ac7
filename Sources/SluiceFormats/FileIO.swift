/// Whole files in and out: the one door to the file system, with errors that name the path.
///
/// `-` stands for standard input when reading and for standard output when writing.
/// Files are read, not mapped: a map of a file that another program cuts short would end this process.
public enum FileIO {
  /// The contents of the file at `path`, or of standard input for `-`.
  ///
  /// Throws `.notFound` when there is no such file, and `.io` when it cannot be read, is a folder or holds
  /// more than `limit` bytes.
  public static func read(_ path: String, limit: Int = 1 << 36) throws(FileError) -> [UInt8] {
    try check(path)
    let file = try open(path)
    let status = try naming(path, "cannot be read") { () throws(SystemError) in try file.status() }
    guard status.kind != .folder else {
      throw FileError(path: path, kind: .io, message: "is a folder; give a file")
    }
    let tooLarge = FileError(
      path: path, kind: .io, message: "holds more than \(limit) bytes, the most read here")
    guard status.byteCount <= limit, status.byteCount < Int.max else { throw tooLarge }

    // One byte more than expected, so that the first block usually sees the end of the file too.
    var wanted = status.byteCount + 1
    var bytes: [UInt8] = []
    while true {
      let block = try naming(path, "cannot be read") { () throws(SystemError) in
        try file.readBlock(capacity: wanted)
      }
      if bytes.isEmpty { bytes = block } else { bytes += block }
      guard bytes.count <= limit else { throw tooLarge }
      if block.count < wanted { return bytes }
      wanted = max(bytes.count, 1 << 16)
    }
  }

  /// Writes `bytes` to the file at `path`, or to standard output for `-`.
  ///
  /// A file is replaced in one step: whoever reads it sees the old contents or the new ones, and a failure
  /// leaves the old ones. A symbolic link to a file stays and the file is replaced; a device or pipe is
  /// written directly. Throws `.io`.
  public static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
    try check(path)
    if path == "-" {
      return try naming(path, "cannot write to standard output") { () throws(SystemError) in
        try OpenFile(borrowing: 1).write(bytes)
      }
    }
    // No status: there is nothing at `path` yet, or the attempt below says what is wrong with it.
    guard let status = try? FileStatus(path: path) else { return try replace(path, path, nil, with: bytes) }
    switch status.kind {
    case .folder:
      throw FileError(path: path, kind: .io, message: "is a folder; give the name of a file")
    case .special:
      try naming(path, "cannot be written") { () throws(SystemError) in
        try OpenFile.writing(path).write(bytes)
      }
    case .regular:
      try replace(resolvedPath(path), path, status, with: bytes)
    }
  }

  /// Writes `text` as UTF-8 to the file at `path`, or to standard output for `-`; throws as the other
  /// `write`.
  public static func write(_ text: String, to path: String) throws(FileError) {
    try write(Array(text.utf8), to: path)
  }

  /// Whether something is at `path`, a file or a folder; a link that leads nowhere is not.
  public static func exists(_ path: String) -> Bool {
    (try? check(path)) != nil && (try? FileStatus(path: path)) != nil
  }

  /// Whether `path` is a folder or a link to one.
  public static func isFolder(_ path: String) -> Bool {
    (try? check(path)) != nil && (try? FileStatus(path: path))?.kind == .folder
  }

  /// Makes the folder at `path` and those above it; those already there are left alone.
  ///
  /// Throws `.io`.
  public static func createDirectories(_ path: String) throws(FileError) {
    try check(path)
    var prefix = ""
    for part in path.split(separator: "/", omittingEmptySubsequences: false) {
      prefix += part
      if !part.isEmpty && !isFolder(prefix) {
        do throws(SystemError) {
          try makeFolder(prefix)
        } catch {
          // Another process may have made it in the meantime.
          guard isFolder(prefix) else {
            let reason = error.isTaken ? "a file of that name is in the way" : error.text
            throw FileError(path: path, kind: .io, message: "cannot make the folder `\(prefix)`: \(reason)")
          }
        }
      }
      prefix += "/"
    }
  }

  /// Writes a new file beside `target` and renames it; `path` is for messages.
  private static func replace(
    _ target: String, _ path: String, _ old: FileStatus?, with bytes: [UInt8]
  ) throws(FileError) {
    let folder = target.lastIndex(of: "/").map { String(target[...$0]) } ?? ""
    do throws(SystemError) {
      let temporary = OpenFile.temporaryPath(in: folder)
      let file = try OpenFile.creating(temporary)
      do throws(SystemError) {
        if let old { file.setPermissions(old.permissions) }
        try file.write(bytes)
        try file.synchronize()
        try renameFile(temporary, to: target)
      } catch {
        removeFile(temporary)
        throw error
      }
    } catch {
      let isFolderMissing = error.isNotFound && !isFolder(folder.isEmpty ? "." : folder)
      let reason = isFolderMissing ? "there is no folder `\(folder)`; make it first" : error.text
      throw FileError(path: path, kind: .io, message: "cannot be written: \(reason)")
    }
  }

  /// Opens the file at `path`, or standard input for `-`.
  private static func open(_ path: String) throws(FileError) -> OpenFile {
    if path == "-" { return OpenFile(borrowing: 0) }
    do throws(SystemError) {
      return try OpenFile.reading(path)
    } catch {
      if error.isNotFound { throw FileError(path: path, kind: .notFound, message: error.text) }
      throw FileError(path: path, kind: .io, message: "cannot be read: \(error.text)")
    }
  }

  /// Runs `body` and puts `path` and `failure` in front of the system's complaint.
  private static func naming<Value>(
    _ path: String, _ failure: String, _ body: () throws(SystemError) -> Value
  ) throws(FileError) -> Value {
    do throws(SystemError) {
      return try body()
    } catch {
      throw FileError(path: path, kind: .io, message: "\(failure): \(error.text)")
    }
  }

  /// Refuses what the system would misread: no path at all, or one that C would cut short.
  private static func check(_ path: String) throws(FileError) {
    guard !path.isEmpty else { throw FileError(path: path, kind: .io, message: "the path is empty") }
    guard !path.utf8.contains(0) else {
      throw FileError(path: path, kind: .io, message: "the path holds a zero byte")
    }
  }
}
