/// A strict reader of the JSON in file headers (RFC 8259): objects, strings and lists of whole numbers, without
/// recursion over what the text nests.
struct JSONReader {
  let bytes: [UInt8]
  /// The next byte to read.
  private(set) var offset: Int
  let end: Int

  /// A reader of the part `range` of a file.
  init(_ bytes: [UInt8], in range: Range<Int>) {
    self.bytes = bytes
    offset = range.lowerBound
    end = range.upperBound
  }

  /// An error about what stands at the next byte.
  func error(_ what: String) -> Malformed {
    let seen = offset < end ? "`\(printable(bytes[offset..<min(offset + 12, end)]))`" : "its end"
    return Malformed("byte \(offset): \(what); the header has \(seen) there")
  }

  mutating func skipSpaces() {
    while offset < end, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[offset]) { offset += 1 }
  }

  /// Steps over `byte`, if it is next behind white space.
  private mutating func accept(_ byte: UInt8) -> Bool {
    skipSpaces()
    guard offset < end, bytes[offset] == byte else { return false }
    offset += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar, _ what: String) throws(Malformed) {
    guard accept(UInt8(truncatingIfNeeded: character.value)) else {
      throw error("`\(character)` should stand \(what)")
    }
  }

  /// An object; `value` reads what follows each key, whose place it is told.
  mutating func object(
    _ value: (inout JSONReader, _ key: String, _ place: Int) throws(Malformed) -> Void
  ) throws(Malformed) {
    try expect("{", "at the beginning of an object")
    if accept(UInt8(ascii: "}")) { return }
    repeat {
      skipSpaces()
      let place = offset
      let key = try string()
      try expect(":", "behind the key")
      skipSpaces()
      try value(&self, key, place)
    } while accept(UInt8(ascii: ","))
    try expect("}", "at the end of an object")
  }

  /// A list of whole numbers, none negative.
  mutating func integers() throws(Malformed) -> [Int] {
    var numbers: [Int] = []
    try expect("[", "at the beginning of a list of whole numbers")
    if accept(UInt8(ascii: "]")) { return numbers }
    repeat { numbers.append(try integer()) } while accept(UInt8(ascii: ","))
    try expect("]", "at the end of a list of whole numbers")
    return numbers
  }

  /// A whole number in plain digits, without sign, leading zero, fraction or exponent.
  private mutating func integer() throws(Malformed) -> Int {
    skipSpaces()
    let start = offset
    var value = 0
    while offset < end, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[offset]) {
      let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
      let (next, overflowToo) = tens.addingReportingOverflow(Int(bytes[offset] - UInt8(ascii: "0")))
      guard !overflow && !overflowToo else { throw error("a number does not fit 64 bits") }
      value = next
      offset += 1
    }
    let isPlain = offset == start + 1 || offset > start && bytes[start] != UInt8(ascii: "0")
    guard isPlain, offset == end || !".eE".utf8.contains(bytes[offset]) else {
      offset = start
      throw error("a whole number in plain digits should stand here")
    }
    return value
  }

  /// A string, its escapes resolved.
  mutating func string() throws(Malformed) -> String {
    try expect("\"", "at the beginning of a string")
    let start = offset
    var text: [UInt8] = []
    while true {
      guard offset < end else { throw error("a string has no end") }
      let byte = bytes[offset]
      guard byte >= 0x20 else { throw error("a string has a control character; write it as an escape") }
      offset += 1
      if byte == UInt8(ascii: "\"") { break }
      if byte == UInt8(ascii: "\\") { try escape(&text) } else { text.append(byte) }
    }
    guard let string = String(validating: text, as: UTF8.self) else {
      offset = start
      throw error("a string is not UTF-8")
    }
    return string
  }

  /// What stands behind a backslash, and what it means.
  private static let escapes: [UInt8: UInt8] = [
    UInt8(ascii: "\""): 0x22, UInt8(ascii: "\\"): 0x5c, UInt8(ascii: "/"): 0x2f, UInt8(ascii: "b"): 0x08,
    UInt8(ascii: "f"): 0x0c, UInt8(ascii: "n"): 0x0a, UInt8(ascii: "r"): 0x0d, UInt8(ascii: "t"): 0x09,
  ]

  private mutating func escape(_ text: inout [UInt8]) throws(Malformed) {
    let place = offset - 1
    guard offset < end else { throw error("a string has no end") }
    let letter = bytes[offset]
    offset += 1
    if let byte = JSONReader.escapes[letter] { return text.append(byte) }
    if letter == UInt8(ascii: "u"), let first = hexadecimal() {
      var code = first
      if (0xd800..<0xdc00).contains(first), offset + 1 < end, bytes[offset] == UInt8(ascii: "\\"),
        bytes[offset + 1] == UInt8(ascii: "u")
      {
        offset += 2
        if let second = hexadecimal(), (0xdc00..<0xe000).contains(second) {
          code = 0x10000 + (first - 0xd800) << 10 + (second - 0xdc00)
        }
      }
      if let scalar = Unicode.Scalar(code) {
        text += Unicode.UTF8.encode(scalar).map(Array.init) ?? []
        return
      }
    }
    offset = place
    throw error("a string has an unknown or broken escape")
  }

  /// Four hexadecimal digits.
  private mutating func hexadecimal() -> UInt32? {
    guard end - offset >= 4 else { return nil }
    var value: UInt32 = 0
    for at in offset..<offset + 4 {
      guard let digit = Character(Unicode.Scalar(bytes[at])).hexDigitValue, bytes[at] < 0x80 else {
        return nil
      }
      value = value << 4 | UInt32(digit)
    }
    offset += 4
    return value
  }
}

/// Strings as JSON writes them.
enum JSONString {
  /// The string in quotes, with the escapes that JSON asks for and no others.
  static func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\u{8}": out += "\\b"
      case "\u{c}": out += "\\f"
      case "\n": out += "\\n"
      case "\r": out += "\\r"
      case "\t": out += "\\t"
      case "\u{0}"..<" ":
        out += (scalar.value < 16 ? "\\u000" : "\\u00") + String(scalar.value, radix: 16)
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }
}
