/// A file of arrays by name, of the format that its ending says: `.npz` or `.safetensors`.
public enum TensorArchive: Sendable {
  /// NumPy's format.
  case npz(Npz)
  /// Hugging Face's format.
  case safetensors(Safetensors)

  /// Whether the ending of `path` is that of a file of arrays by name.
  public static func isArchive(_ path: String) -> Bool {
    path.hasSuffix(".npz") || path.hasSuffix(".safetensors")
  }

  /// Opens the file at `path`; throws as the readers do, and `.malformed` for any other ending.
  public static func read(_ path: String) throws(FileError) -> TensorArchive {
    if path.hasSuffix(".npz") { return .npz(try Npz.read(path)) }
    guard path.hasSuffix(".safetensors") else { throw unknown(path) }
    return .safetensors(try Safetensors.read(path))
  }

  /// Writes arrays to the file at `path`, replacing it in one step; throws as the writers do, and `.malformed` for
  /// any other ending.
  public static func write(_ tensors: [NamedTensor], to path: String) throws(FileError) {
    if path.hasSuffix(".npz") { return try Npz.write(tensors, to: path) }
    guard path.hasSuffix(".safetensors") else { throw unknown(path) }
    try Safetensors.write(tensors, to: path)
  }

  /// The names of the arrays, in the order of the file.
  public var names: [String] {
    switch self {
    case .npz(let file): file.names
    case .safetensors(let file): file.names
    }
  }

  /// The array of a name; nil where there is none.
  ///
  /// Throws `.malformed`.
  public func tensor(_ name: String) throws(FileError) -> HostTensor? {
    switch self {
    case .npz(let file): try file.tensor(name)
    case .safetensors(let file): try file.tensor(name)
    }
  }

  private static func unknown(_ path: String) -> FileError {
    FileError(
      path: path, kind: .malformed,
      message: "arrays by name are in files that end in `.npz` or `.safetensors`")
  }
}
