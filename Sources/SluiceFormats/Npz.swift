/// NumPy's `.npz` files: arrays by name, each a `.npy` file in a zip archive.
///
/// Read are stored and deflated members, zip64 and data descriptors, so what `np.savez`,
/// `np.savez_compressed` and other zip programs write; see `ZipDirectory` for what is refused. The directory is
/// read at once, an array when it is asked for. Memory: the file, and an array's own size (twice, when it is
/// compressed); a compressed array is unpacked only if its own header fits what the directory promises, and
/// all members together may promise 2^36 bytes. Source: `numpy.lib.npyio`, PKWARE APPNOTE.
public struct Npz: Sendable {
  /// The names of the arrays, in the order of the directory, without `.npy`.
  public let names: [String]
  private let path: String
  private let directory: ZipDirectory
  private let positions: [String: Int]

  /// Opens the file at `path` (`-` is standard input).
  ///
  /// Throws `.notFound` or `.io` when it cannot be read, `.malformed` when it is not a sound archive.
  public static func read(_ path: String) throws(FileError) -> Npz {
    try Npz(FileIO.read(path), path: path)
  }

  /// Opens the bytes of a file; `path` is for messages.
  ///
  /// Throws `.malformed`.
  public init(_ bytes: [UInt8], path: String) throws(FileError) {
    self.path = path
    let found = try naming(path) { () throws(Malformed) in
      let directory = try ZipDirectory(bytes)
      var names: [String] = []
      for member in directory.members {
        let shown = printable(member.name.utf8)
        guard member.name.hasSuffix(".npy") else {
          throw Malformed("member `\(shown)` is no `.npy` file; remove it from the archive")
        }
        let name = String(member.name.dropLast(4))
        if let flaw = NamedTensor.flaw(inName: name) {
          throw Malformed("member `\(shown)`: its name \(flaw); rename it")
        }
        names.append(name)
      }
      if let name = NamedTensor.repeatedName(in: names) {
        throw Malformed("member `\(printable(name.utf8)).npy` is there twice")
      }
      return (directory, names)
    }
    (directory, names) = found
    positions = Dictionary(uniqueKeysWithValues: found.1.enumerated().map { ($1, $0) })
  }

  /// The array of a name; nil where there is none.
  ///
  /// Throws `.malformed`.
  public func tensor(_ name: String) throws(FileError) -> HostTensor? {
    guard let position = positions[name] else { return nil }
    return try tensor(at: position)
  }

  /// All arrays, in the order of the directory.
  ///
  /// Throws `.malformed`.
  public func tensors() throws(FileError) -> [NamedTensor] {
    var result: [NamedTensor] = []
    for (position, name) in names.enumerated() { result.append(NamedTensor(name, try tensor(at: position))) }
    return result
  }

  private func tensor(at position: Int) throws(FileError) -> HostTensor {
    let member = directory.members[position]
    do throws(Malformed) {
      guard member.isDeflated else {
        // Straight from the file: the copy is the tensor's own.
        try directory.verify(member, directory.bytes[member.data])
        return try Npy.tensor(ByteReader(directory.bytes, in: member.data))
      }
      try checkPromise(member)
      return try Npy.tensor(ByteReader(directory.contents(member)))
    } catch {
      throw FileError(
        path: path, kind: .malformed,
        message: "member `\(printable(member.name.utf8))` at byte \(member.data.lowerBound): \(error.message)"
      )
    }
  }

  /// Unpacks the beginning of a member and throws unless the array that it announces has the size promised.
  private func checkPromise(_ member: ZipDirectory.Member) throws(Malformed) {
    // No block or match is longer than this leaves room for, behind a header of up to 64 KiB.
    let enough = 1 << 18
    guard member.byteCount > enough else { return }
    var inflater = Inflater(directory.bytes, from: member.data.lowerBound, limit: enough)
    // It ends at the limit, or at a fault that unpacking all of it will tell.
    try? inflater.run()
    var reader = ByteReader(inflater.output)
    let header = try NpyHeader(&reader)
    _ = try Npy.checkedByteCount(header, following: member.byteCount - reader.offset)
  }
}

// Writing.
extension Npz {
  /// Writes arrays to the file at `path` (`-` is standard output), replacing it in one step; throws `.io`, and
  /// `.malformed` as `encode` does.
  public static func write(
    _ tensors: [NamedTensor], to path: String, compressed: Bool = false
  ) throws(FileError) {
    try FileIO.write(encode(tensors, path: path, compressed: compressed), to: path)
  }

  /// The bytes of a `.npz` file, as `np.savez` writes them; `compressed` packs each array where that helps.
  ///
  /// Throws `.malformed` when two arrays have one name, or a name is empty, has control characters or reads as
  /// a path that is absolute or leads upwards; `path` is for messages.
  public static func encode(
    _ tensors: [NamedTensor], path: String, compressed: Bool = false
  ) throws(FileError) -> [UInt8] {
    try naming(path) { () throws(Malformed) in
      if let name = NamedTensor.repeatedName(in: tensors.map(\.name)) {
        throw Malformed("two arrays have the name `\(printable(name.utf8))`; rename one")
      }
      var writer = ZipWriter()
      for tensor in tensors {
        if let flaw = NamedTensor.flaw(inName: tensor.name) {
          throw Malformed("the name `\(printable(tensor.name.utf8))` of an array \(flaw); rename it")
        }
        guard tensor.name.utf8.count + 4 <= Int(UInt16.max) else {
          throw Malformed("the name `\(printable(tensor.name.utf8))` of an array is longer than 65531 bytes")
        }
        writer.append(tensor.name + ".npy", try Npy.encoded(tensor.tensor), isPacked: compressed)
      }
      return writer.finish()
    }
  }
}
