import SluiceFormats
import SluiceIR

/// The arrays that a command line names in files; a file of several is opened once.
struct ArrayFiles {
  private var archives: [String: TensorArchive] = [:]

  /// The file of arrays by name at `path`.
  mutating func archive(_ path: String) throws -> TensorArchive {
    if let archive = archives[path] { return archive }
    let archive = try TensorArchive.read(path)
    archives[path] = archive
    return archive
  }

  /// The array that `text` means, with the numbers of its file as a dtype.
  ///
  /// Throws `InputError` where one of them is no such number.
  mutating func tensor(_ text: String, for name: String, as dtype: DType) throws -> HostTensor {
    try Self.converted(tensor(text, for: name), to: dtype, name: name, path: text)
  }

  /// The same numbers as another dtype; throws `InputError` where one of them is none, and says how to round.
  static func converted(
    _ tensor: HostTensor, to dtype: DType, name: String, path: String
  ) throws -> HostTensor {
    do throws(HostTensorError) {
      return try tensor.converted(to: dtype)
    } catch {
      let numpy: String? =
        switch dtype {
        case .f32: "float32"
        case .f64: "float64"
        case .f16: "float16"
        case .i32: "int32"
        case .i64: "int64"
        case .u8: "uint8"
        case .bool: "bool"
        case .bf16: nil
        }
      throw InputError(
        "`\(name)` is \(dtype.name), `\(path)` holds \(tensor.dtype.name), and \(error.description); convert it "
          + (numpy.map { "first, as NumPy does with `x.astype(\"\($0)\")`" } ?? "before it is written"))
    }
  }

  /// The array that `text` means: a `.npy` file, `FILE.npz:ARRAY` or `FILE.safetensors:ARRAY`; without `:ARRAY`, the
  /// array called `name`.
  mutating func tensor(_ text: String, for name: String) throws -> HostTensor {
    var (path, array) = (text, name)
    if !TensorArchive.isArchive(text) {
      // The name of an array may have colons, so the file is the shortest beginning that can be one.
      let colon = text.indices.first { text[$0] == ":" && TensorArchive.isArchive(String(text[..<$0])) }
      guard let colon else { return try Npy.read(text) }
      (path, array) = (String(text[..<colon]), String(text[text.index(after: colon)...]))
    }
    let archive = try archive(path)
    if let tensor = try archive.tensor(array) { return tensor }
    let list = archive.names.prefix(20).map { "`\($0)`" }.joined(separator: ", ")
    throw InputError(
      "`\(path)` has no array `\(array)`" + Suggestion.text(for: array, among: archive.names)
        + (archive.names.isEmpty
          ? "; it has none" : "; it has \(list)\(archive.names.count > 20 ? ", ..." : "")")
        + "; `\(path):ARRAY` chooses one")
  }
}
