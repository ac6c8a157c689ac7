import SluiceIR

/// The header of a `.safetensors` file, read and checked against the size of the file.
struct SafetensorsHeader {
  /// The key whose value is no array.
  static let metadataKey = "__metadata__"

  /// An array: its name, type, and where its bytes stand in the file.
  struct Entry {
    let name: String
    /// What the format calls its dtype.
    let dtypeName: String
    /// What its elements are; nil where they cannot be read.
    let stored: StoredNumber?
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
    var dtype: String?
    var shape: [Int]?
    var offsets: [Int]?
    try json.object { (json, key, place) throws(Malformed) in
      let isRepeated: Bool
      switch key {
      case "dtype":
        isRepeated = dtype != nil
        dtype = try json.string()
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
    // The size of an array of a dtype that is not known here is what its offsets say.
    let bits = bitCounts[dtype]
    guard let count = HostTensor.elementCount(of: shape),
      let bitCount = bits.map({ HostTensor.elementCount(of: shape + [$0]) }) ?? 8 * (offsets[1] - offsets[0])
    else {
      throw Malformed("byte \(start): the size of `\(shown)`, \(HostTensor.text(shape)), overflows")
    }
    guard bitCount % 8 == 0, bitCount / 8 == offsets[1] - offsets[0] else {
      throw Malformed(
        "byte \(start): `\(shown)` has \(count) elements of \(dtype.lowercased()) (\(bitCount / 8) bytes), but its "
          + "offsets hold \(offsets[1] - offsets[0]) bytes")
    }
    return Entry(
      name: name, dtypeName: dtype, stored: stored(dtype), shape: shape, data: offsets[0]..<offsets[1])
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

  /// The elements of a dtype of that name; nil where they cannot be read.
  private static func stored(_ name: String) -> StoredNumber? {
    switch name {
    case "I8": .integers(byteCount: 1, isSigned: true)
    case "I16": .integers(byteCount: 2, isSigned: true)
    case "U16": .integers(byteCount: 2, isSigned: false)
    case "U32": .integers(byteCount: 4, isSigned: false)
    case "U64": .integers(byteCount: 8, isSigned: false)
    default: DType.allCases.first { self.name(of: $0) == name }.map { .dtype($0) }
    }
  }

  /// How many bits an element of each of the format's dtypes takes.
  private static let bitCounts: [String: Int] = [
    "BOOL": 8, "U8": 8, "I8": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "I64": 64, "U64": 64, "F64": 64, "C64": 64, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8, "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
  ]

  /// What the format calls a dtype.
  static func name(of dtype: DType) -> String { dtype.name.uppercased() }
}
