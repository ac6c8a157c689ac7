import SluiceIR

/// What the header of a `.npy` file says about the data that follow.
struct NpyHeader: Equatable {
  /// What every `.npy` file begins with.
  static let magic: [UInt8] = [0x93] + "NUMPY".utf8

  /// What the elements are in the file.
  var stored: StoredNumber
  var isBigEndian: Bool
  /// Whether the first index runs fastest.
  var isFortranOrder: Bool
  var shape: [Int]

  /// Reads the magic, the version and the dictionary, and leaves `reader` at the data.
  init(_ reader: inout ByteReader) throws(Malformed) {
    let start = try reader.take(8, "the magic of a .npy file")
    guard reader.bytes[start.prefix(6)].elementsEqual(NpyHeader.magic) else {
      throw Malformed("begins with `\(printable(reader.bytes[start]))`, not with the magic of a .npy file")
    }
    let (major, minor) = (
      reader.bytes[start][start.lowerBound + 6], reader.bytes[start][start.lowerBound + 7]
    )
    guard (1...3).contains(major) && minor == 0 else {
      throw Malformed(".npy version \(major).\(minor) is unknown; versions 1.0, 2.0 and 3.0 are read")
    }
    let headerCount = try reader.littleEndian(major == 1 ? 2 : 4, "the length of the header")
    let range = try reader.take(Int(headerCount), "the header")
    var parser = PythonLiteralParser(Array(reader.bytes[range]))
    self = try parser.header()
  }

  fileprivate init(stored: StoredNumber, isBigEndian: Bool, isFortranOrder: Bool, shape: [Int]) {
    self.stored = stored
    self.isBigEndian = isBigEndian
    self.isFortranOrder = isFortranOrder
    self.shape = shape
  }

  /// What NumPy calls `descr`, and whether it is big-endian.
  ///
  /// A byte order of `=`, `|` or none is that of the machine that reads, to NumPy too: little-endian.
  fileprivate static func stored(_ descr: [UInt8]) throws(Malformed) -> (StoredNumber, isBigEndian: Bool) {
    let hasOrder = descr.first.map { "<>|=".utf8.contains($0) } ?? false
    let found: StoredNumber? =
      switch String(decoding: hasOrder ? descr.dropFirst() : descr[...], as: UTF8.self) {
      case "f2", "e", "float16": .dtype(.f16)
      case "f4", "f", "float32": .dtype(.f32)
      case "f8", "d", "float64": .dtype(.f64)
      case "i1", "b", "int8": .integers(byteCount: 1, isSigned: true)
      case "i2", "h", "int16": .integers(byteCount: 2, isSigned: true)
      case "i4", "i", "int32": .integers(byteCount: 4, isSigned: true)
      case "i8", "q", "int64": .integers(byteCount: 8, isSigned: true)
      case "u1", "B", "uint8": .integers(byteCount: 1, isSigned: false)
      case "u2", "H", "uint16": .integers(byteCount: 2, isSigned: false)
      case "u4", "I", "uint32": .integers(byteCount: 4, isSigned: false)
      case "u8", "Q", "uint64": .integers(byteCount: 8, isSigned: false)
      case "b1", "?", "bool": .dtype(.bool)
      default: nil
      }
    guard let found else { throw unsupported(descr) }
    return (found, isBigEndian: descr.first == UInt8(ascii: ">") && found.byteCount > 1)
  }

  private static func unsupported(_ descr: [UInt8]) -> Malformed {
    let name = printable(descr)
    let letter = descr.first { !"<>|=".utf8.contains($0) }
    let kinds: [UInt8: String] = [
      UInt8(ascii: "f"): "floats of another size", UInt8(ascii: "i"): "integers of another size",
      UInt8(ascii: "u"): "unsigned integers of another size", UInt8(ascii: "c"): "complex numbers",
      UInt8(ascii: "S"): "byte strings", UInt8(ascii: "U"): "strings", UInt8(ascii: "V"): "raw records",
      UInt8(ascii: "M"): "dates", UInt8(ascii: "m"): "time spans",
    ]
    if letter == UInt8(ascii: "O") {
      return Malformed("dtype `\(name)` holds pickled Python objects, which are never read; \(supported)")
    }
    let kind = letter.flatMap { kinds[$0] }
    return Malformed("dtype `\(name)`\(kind.map { " (\($0))" } ?? "") is not supported; \(supported)")
  }

  fileprivate static let supported =
    "convert to one of f2, f4, f8, i1 to i8, u1 to u8, b1 with `.astype` before saving"
}

/// Reads the one kind of Python literal that a `.npy` header may hold: a dictionary of three known keys.
private struct PythonLiteralParser {
  private let bytes: [UInt8]
  private var at = 0

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  mutating func header() throws(Malformed) -> NpyHeader {
    var descr: [UInt8]?
    var order: Bool?
    var shape: [Int]?
    skipSpaces()
    try expect("{")
    while !accept("}") {
      let key = String(decoding: try string("a key of the header"), as: UTF8.self)
      try expect(":")
      let isRepeated: Bool
      switch key {
      case "descr":
        isRepeated = descr != nil
        descr = try self.descr()
      case "fortran_order":
        isRepeated = order != nil
        order = try truth()
      case "shape":
        isRepeated = shape != nil
        shape = try tuple()
      default:
        throw Malformed("the header has the unknown key `\(printable(key.utf8))`")
      }
      guard !isRepeated else { throw Malformed("the header has the key `\(key)` twice") }
      if !accept(",") {
        try expect("}")
        break
      }
    }
    guard at == bytes.count else {
      throw Malformed("the header goes on with `\(printable(bytes[at...]))` after its dictionary")
    }
    guard let descr else { throw missing("descr") }
    guard let order else { throw missing("fortran_order") }
    guard let shape else { throw missing("shape") }
    let (stored, isBigEndian) = try NpyHeader.stored(descr)
    return NpyHeader(stored: stored, isBigEndian: isBigEndian, isFortranOrder: order, shape: shape)
  }

  private func missing(_ key: String) -> Malformed { Malformed("the header has no key `\(key)`") }

  /// The name of a dtype; a list here describes a record.
  private mutating func descr() throws(Malformed) -> [UInt8] {
    if at < bytes.count && (bytes[at] == UInt8(ascii: "[") || bytes[at] == UInt8(ascii: "(")) {
      throw Malformed(
        "dtype `\(printable(bytes[at...]))` is a structured one, not supported; \(NpyHeader.supported)")
    }
    return try string("`descr`")
  }

  private mutating func truth() throws(Malformed) -> Bool {
    if accept("True") { return true }
    if accept("False") { return false }
    throw Malformed("`fortran_order` is neither True nor False but begins `\(printable(bytes[at...]))`")
  }

  /// `()`, `(3,)` or `(2, 3)`; a single number needs its comma, as in Python.
  private mutating func tuple() throws(Malformed) -> [Int] {
    guard accept("(") else {
      throw Malformed("`shape` is not a tuple but begins `\(printable(bytes[at...]))`")
    }
    var extents: [Int] = []
    while !accept(")") {
      extents.append(try extent())
      if accept(",") { continue }
      guard extents.count > 1 else {
        throw Malformed("`shape` is not a tuple; one axis is written `(\(extents[0]),)`")
      }
      try expect(")")
      break
    }
    return extents
  }

  private mutating func extent() throws(Malformed) -> Int {
    let isNegative = accept("-")
    let start = at
    var value = 0
    while at < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[at]) {
      let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
      let (next, overflowToo) = tens.addingReportingOverflow(Int(bytes[at] - UInt8(ascii: "0")))
      guard !overflow && !overflowToo else { throw Malformed("an extent in `shape` does not fit 64 bits") }
      value = next
      at += 1
    }
    guard at > start else {
      throw Malformed("`shape` holds `\(printable(bytes[at...]))` where an extent should stand")
    }
    // The mark of a long integer of Python 2.
    if at > start, at < bytes.count, bytes[at] == UInt8(ascii: "L") { at += 1 }
    guard !isNegative || value == 0 else { throw Malformed("`shape` has the negative extent -\(value)") }
    skipSpaces()
    return value
  }

  /// A quoted string without escapes, which may be marked as Unicode.
  private mutating func string(_ what: String) throws(Malformed) -> [UInt8] {
    if at + 1 < bytes.count, bytes[at] | 0x20 == UInt8(ascii: "u"), "'\"".utf8.contains(bytes[at + 1]) {
      at += 1
    }
    guard at < bytes.count, bytes[at] == UInt8(ascii: "'") || bytes[at] == UInt8(ascii: "\"") else {
      throw Malformed("\(what) is not a string but begins `\(printable(bytes[at...]))`")
    }
    let start = at + 1
    guard let end = bytes[start...].firstIndex(of: bytes[at]) else {
      throw Malformed("\(what) is a string without an end")
    }
    let text = Array(bytes[start..<end])
    guard !text.contains(UInt8(ascii: "\\")) else { throw Malformed("\(what) is a string with an escape") }
    at = end + 1
    skipSpaces()
    return text
  }

  private mutating func expect(_ token: String) throws(Malformed) {
    guard accept(token) else {
      let seen = at < bytes.count ? "`\(printable(bytes[at...]))`" : "its end"
      throw Malformed("the header has \(seen) where `\(token)` should stand")
    }
  }

  /// Steps over `token` and the spaces behind it, if it is next.
  private mutating func accept(_ token: String) -> Bool {
    guard bytes[at...].starts(with: token.utf8) else { return false }
    at += token.utf8.count
    skipSpaces()
    return true
  }

  private mutating func skipSpaces() {
    while at < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[at]) { at += 1 }
  }
}
