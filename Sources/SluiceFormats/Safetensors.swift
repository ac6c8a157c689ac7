import SluiceIR

/// Hugging Face's `.safetensors` files: arrays by name behind one JSON header.
///
/// Eight bytes, little-endian, give the length of the header; the header gives for every array its dtype, shape
/// and place in the data that follow, and under `__metadata__` strings that mean nothing here. Strict: the
/// arrays fill the data without gap or overlap, names differ, numbers are plain digits. The header is read at
/// once, an array is copied when it is asked for, and may have any dtype before. Integers that the language lacks become
/// the next larger ones, as in `Npy`; memory is a small multiple of the header beyond the file.
/// Source: the format's description and the checks of its own reader, `safetensors` 0.8.
public struct Safetensors: Sendable {
  /// The most bytes a header may have, the same as in the format's own reader.
  public static let headerLimit = 100_000_000

  /// The names of the arrays, in the order of the header.
  public let names: [String]
  /// What the file says about itself.
  public let metadata: [String: String]
  private let path: String
  private let bytes: [UInt8]
  private let entries: [SafetensorsHeader.Entry]
  private let positions: [String: Int]

  /// Opens the file at `path` (`-` is standard input).
  ///
  /// Throws `.notFound` or `.io` when it cannot be read, `.malformed` when its header does not fit it.
  public static func read(_ path: String) throws(FileError) -> Safetensors {
    try Safetensors(FileIO.read(path), path: path)
  }

  /// Opens the bytes of a file; `path` is for messages.
  ///
  /// Throws `.malformed`.
  public init(_ bytes: [UInt8], path: String) throws(FileError) {
    self.path = path
    self.bytes = bytes
    let header = try naming(path) { () throws(Malformed) in try SafetensorsHeader(bytes) }
    metadata = header.metadata
    entries = header.entries
    names = header.entries.map(\.name)
    positions = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
  }

  /// The array of a name; nil where there is none.
  ///
  /// Throws `.malformed` for bools that are neither 0 nor 1, and where the dtype is none that can be read.
  public func tensor(_ name: String) throws(FileError) -> HostTensor? {
    guard let position = positions[name] else { return nil }
    return try tensor(at: position)
  }

  /// All arrays, in the order of the header.
  ///
  /// Throws `.malformed`.
  public func tensors() throws(FileError) -> [NamedTensor] {
    var result: [NamedTensor] = []
    for (position, name) in names.enumerated() { result.append(NamedTensor(name, try tensor(at: position))) }
    return result
  }

  private func tensor(at position: Int) throws(FileError) -> HostTensor {
    let entry = entries[position]
    func malformed(_ message: String) -> FileError {
      FileError(
        path: path, kind: .malformed,
        message: "`\(printable(entry.name.utf8))` at byte \(entry.data.lowerBound): \(message)")
    }
    guard let stored = entry.stored else {
      throw malformed(
        "the dtype `\(printable(entry.dtypeName.utf8))` is not supported; convert it to F32, or another float or "
          + "integer of 8 to 64 bits")
    }
    do throws(Malformed) {
      let elements = try stored.widened(Array(bytes[entry.data]))
      do throws(HostTensorError) {
        return try HostTensor(dtype: stored.dtype, shape: entry.shape, bytes: elements)
      } catch {
        throw Malformed(error.description)
      }
    } catch {
      throw malformed(error.message)
    }
  }
}

// Writing.
extension Safetensors {
  /// Writes arrays to the file at `path` (`-` is standard output), replacing it in one step; throws `.io`, and
  /// `.malformed` as `encode` does.
  public static func write(
    _ tensors: [NamedTensor], metadata: [String: String] = [:], to path: String
  ) throws(FileError) {
    try FileIO.write(encode(tensors, metadata: metadata, path: path), to: path)
  }

  /// The bytes of a file, the same as the format's own writer gives: wide elements first, then by name, so that
  /// every array begins at a multiple of its element's size.
  ///
  /// Throws `.malformed` when two arrays have one name, one is called `__metadata__`, or the header is longer
  /// than `headerLimit`; `path` is for messages.
  public static func encode(
    _ tensors: [NamedTensor], metadata: [String: String] = [:], path: String
  ) throws(FileError) -> [UInt8] {
    try naming(path) { () throws(Malformed) in
      if let name = NamedTensor.repeatedName(in: tensors.map(\.name)) {
        throw Malformed("two arrays have the name `\(printable(name.utf8))`; rename one")
      }
      guard !tensors.contains(where: { $0.name == SafetensorsHeader.metadataKey }) else {
        throw Malformed("an array cannot be called `\(SafetensorsHeader.metadataKey)`; rename it")
      }
      let ordered = tensors.sorted { a, b in
        let (left, right) = (order(a.tensor.dtype), order(b.tensor.dtype))
        return left != right ? left > right : a.name.utf8.lexicographicallyPrecedes(b.name.utf8)
      }
      var fields: [String] = []
      if !metadata.isEmpty {
        let rows = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map {
          "\(JSONString.quoted($0.key)):\(JSONString.quoted($0.value))"
        }
        fields.append("\"\(SafetensorsHeader.metadataKey)\":{\(rows.joined(separator: ","))}")
      }
      var offset = 0
      for (name, tensor) in ordered.map({ ($0.name, $0.tensor) }) {
        let shape = tensor.shape.map(String.init).joined(separator: ",")
        fields.append(
          "\(JSONString.quoted(name)):{\"dtype\":\"\(SafetensorsHeader.name(of: tensor.dtype))\",\"shape\":[\(shape)],"
            + "\"data_offsets\":[\(offset),\(offset + tensor.bytes.count)]}")
        offset += tensor.bytes.count
      }
      var header = Array("{\(fields.joined(separator: ","))}".utf8)
      header += repeatElement(0x20, count: (8 - header.count % 8) % 8)
      guard header.count <= headerLimit else {
        throw Malformed(
          "the header takes \(header.count) bytes, more than \(headerLimit); write several files")
      }
      var out: [UInt8] = []
      out.reserveCapacity(8 + header.count + offset)
      out.appendLittleEndian(header.count, count: 8)
      out += header
      for tensor in ordered { out += tensor.tensor.bytes }
      return out
    }
  }

  /// The place of a dtype in the format's list, whose later ones are written first.
  private static func order(_ dtype: DType) -> Int {
    switch dtype {
    case .bool: 0
    case .u8: 1
    case .f16: 2
    case .bf16: 3
    case .i32: 4
    case .f32: 5
    case .f64: 6
    case .i64: 7
    }
  }
}
