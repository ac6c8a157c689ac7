import SluiceIR

/// The header of a `.safetensors` file, read and checked against the size of the file.
struct SafetensorsHeader {
  /// The key whose value is no array.
  static let metadataKey = "__metadata__"

  /// An array: its name, type, and where its bytes stand in the file.
  struct Entry {
    let name: String
    let dtype: DType
    let shape: [Int]
    var data: Range<Int>
  }

  private(set) var metadata: [String: String] = [:]
  private(set) var entries: [Entry] = []

  init(_ bytes: [UInt8]) throws(Malformed) {
    var reader = ByteReader(bytes)
    let count = try reader.littleEndian(8, "the length of the header")
    guard count <= UInt64(Safetensors.headerLimit) else {
      throw Malformed(
        "the first 8 bytes promise a header of \(count) bytes, more than \(Safetensors.headerLimit); "
          + "is this a .safetensors file?")
    }
    let range = try reader.take(Int(count), "the header")
    var json = JSONReader(bytes, in: range)
    try read(&json)
    try place(from: range.upperBound, to: bytes.count)
  }

  /// Reads the JSON: one object of objects, so no text can nest deeper than the code does.
  private mutating func read(_ json: inout JSONReader) throws(Malformed) {
    guard json.offset < json.end, json.bytes[json.offset] == UInt8(ascii: "{") else {
      throw json.error("the header does not begin with `{`")
    }
    var seen: Set<String> = []
    try json.object { (json, key, place) throws(Malformed) in
      guard seen.insert(key).inserted else {
        throw Malformed("byte \(place): the name `\(printable(key.utf8))` is there twice")
      }
      if key == SafetensorsHeader.metadataKey {
        try json.object { (json, key, place) throws(Malformed) in
          guard metadata.updateValue(try json.string(), forKey: key) == nil else {
            throw Malformed("byte \(place): `\(printable(key.utf8))` is in the metadata twice")
          }
        }
      } else {
        entries.append(try SafetensorsHeader.entry(key, &json))
      }
    }
    json.skipSpaces()
    guard json.offset == json.end else { throw json.error("the header goes on after its closing `}`") }
  }

  /// One array; its range counts from the beginning of the data.
  private static func entry(_ name: String, _ json: inout JSONReader) throws(Malformed) -> Entry {
    let start = json.offset
    let shown = printable(name.utf8)
    var dtype: DType?
    var shape: [Int]?
    var offsets: [Int]?
    try json.object { (json, key, place) throws(Malformed) in
      let isRepeated: Bool
      switch key {
      case "dtype":
        isRepeated = dtype != nil
        dtype = try SafetensorsHeader.dtype(try json.string(), shown, place)
      case "shape":
        isRepeated = shape != nil
        shape = try json.integers()
      case "data_offsets":
        isRepeated = offsets != nil
        offsets = try json.integers()
      default:
        throw Malformed("byte \(place): `\(shown)` has the unknown key `\(printable(key.utf8))`")
      }
      guard !isRepeated else { throw Malformed("byte \(place): `\(shown)` has the key `\(key)` twice") }
    }
    guard let dtype, let shape, let offsets else {
      throw Malformed("byte \(start): `\(shown)` needs the keys `dtype`, `shape` and `data_offsets`")
    }
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw Malformed(
        "byte \(start): `data_offsets` of `\(shown)` are the first byte and the one behind the last, not "
          + HostTensor.text(offsets))
    }
    guard let count = HostTensor.elementCount(of: shape),
      HostTensor.elementCount(of: shape + [dtype.byteCount]) != nil
    else {
      throw Malformed("byte \(start): the size of `\(shown)`, \(HostTensor.text(shape)), overflows")
    }
    guard count * dtype.byteCount == offsets[1] - offsets[0] else {
      throw Malformed(
        "byte \(start): `\(shown)` has \(count) elements of \(dtype.name) (\(count * dtype.byteCount) bytes), but its "
          + "offsets hold \(offsets[1] - offsets[0]) bytes")
    }
    return Entry(name: name, dtype: dtype, shape: shape, data: offsets[0]..<offsets[1])
  }

  /// Moves the ranges to their places in the file and throws unless they fill the data.
  private mutating func place(from start: Int, to end: Int) throws(Malformed) {
    let order = entries.indices.sorted {
      let (a, b) = (entries[$0].data, entries[$1].data)
      return (a.lowerBound, a.upperBound, $0) < (b.lowerBound, b.upperBound, $1)
    }
    var next = 0
    for at in order {
      let range = entries[at].data
      let shown = printable(entries[at].name.utf8)
      guard range.lowerBound == next else {
        let what = range.lowerBound < next ? "overlaps the array before it" : "leaves a hole before it"
        throw Malformed(
          "`\(shown)` begins at byte \(range.lowerBound) of the data and \(what), up to \(next)")
      }
      guard range.upperBound <= end - start else {
        throw Malformed(
          "`\(shown)` ends at byte \(range.upperBound) of the data but there are \(end - start); "
            + "is the file truncated?")
      }
      next = range.upperBound
      entries[at].data = start + range.lowerBound..<start + range.upperBound
    }
    guard next == end - start else {
      throw Malformed(
        "byte \(start + next): \(end - start - next) bytes behind the last array belong to none")
    }
  }

  /// The dtype of a name; `place` is where it stands.
  private static func dtype(_ name: String, _ owner: String, _ place: Int) throws(Malformed) -> DType {
    guard let found = DType.allCases.first(where: { self.name(of: $0) == name }) else {
      let known = DType.allCases.map { self.name(of: $0) }.joined(separator: ", ")
      throw Malformed(
        "byte \(place): the dtype `\(printable(name.utf8))` of `\(owner)` is not supported; convert it to one of "
          + known)
    }
    return found
  }

  /// What the format calls a dtype.
  static func name(of dtype: DType) -> String { dtype.name.uppercased() }
}
