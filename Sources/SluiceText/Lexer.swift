/// Cuts `.sluice` text into tokens: a kind and a byte range, nothing copied.
///
/// Lines are counted on the way. A newline is a token, so that the reader decides where it ends a statement;
/// comments are not, but are kept on the side.
package struct Lexer: Sendable {
  /// What a token is.
  package enum Kind: UInt8, Sendable {
    case end, newline, identifier, value, symbol, number, string, malformed
    case comma, colon, equal, arrow, lessEqual, plus, minus, star, tilde
    /// Of plans: `$i0`, `..<`, `>=`, `:=` and `<-`.
    case counter, range, greaterEqual, assign, accumulate
    case openParenthesis, closeParenthesis, openBracket, closeBracket, openBrace, closeBrace
  }

  /// A place in the text that lexing can go back to, and that errors point at.
  package struct Spot: Sendable {
    package var offset: Int
    package var line: Int
    package var lineStart: Int
  }

  /// A `//` comment, without the slashes.
  struct Comment: Sendable {
    var text: Range<Int>
    var line: Int
    /// Whether nothing but blanks stands before it.
    var isWholeLine: Bool
  }

  package let bytes: [UInt8]
  let end: Int
  /// The token: its kind and where it is; `name` leaves out the `%`, `@` or quotes.
  package private(set) var kind: Kind = .newline
  package private(set) var low: Int
  package private(set) var high: Int
  package private(set) var line: Int
  private(set) var lineStart: Int
  /// Whether the token is the first one of its line.
  package private(set) var startsLine = false
  /// All comments so far; those of parts that are read twice, such as signatures, twice.
  private(set) var comments: [Comment] = []

  /// A lexer at the first token of a part of the text that starts on `line`.
  init(_ bytes: [UInt8], in range: Range<Int>, line: Int, lineStart: Int) {
    self.bytes = bytes
    self.end = range.upperBound
    self.low = range.lowerBound
    self.high = range.lowerBound
    self.line = line - 1
    self.lineStart = lineStart
    advance()
    self.lineStart = lineStart
  }

  /// A lexer at the first token of a text; a byte order mark counts for nothing.
  package init(_ bytes: [UInt8]) {
    let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    self.init(bytes, in: start..<bytes.count, line: 1, lineStart: start)
  }

  /// Where the token is.
  package var spot: Spot { Spot(offset: low, line: line, lineStart: lineStart) }

  /// The bytes of the token's name: without the `%`, `@` or quotes, but with the `$`.
  package var name: Range<Int> {
    switch kind {
    case .value, .symbol: low + 1..<high
    case .string: low + 1..<high - 1
    default: low..<high
    }
  }

  /// Whether the token is an identifier with these bytes.
  package func isWord(_ word: String) -> Bool {
    kind == .identifier && high - low == word.utf8.count && text(low..<high) == word
  }

  /// Whether the token is a number that gives the bits of a float.
  var isHexadecimal: Bool { high - low > 2 && bytes[low + 1] == 0x78 }

  /// The bits that a hexadecimal number gives; nil for more than 64.
  var hexadecimal: UInt64? {
    guard high - low <= 18 else { return nil }
    return bytes[(low + 2)..<high].reduce(0) { $0 << 4 | ($1.hexValue ?? 0) }
  }

  /// A part of the text as a string.
  package func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

  /// Goes back to a place, or on to one whose line is known, and reads the token there.
  package mutating func jump(to spot: Spot) {
    kind = .comma
    high = spot.offset
    line = spot.line
    lineStart = spot.lineStart
    advance()
  }

  /// Goes on to the next token.
  package mutating func advance() {
    var at = high
    startsLine = kind == .newline
    if startsLine {
      line += 1
      lineStart = at
    }
    while at < end {
      let byte = bytes[at]
      if byte == 0x20 || byte == 0x09 || byte == 0x0D {
        at += 1
      } else if byte == 0x2F, at + 1 < end, bytes[at + 1] == 0x2F {
        at = comment(at, isWholeLine: startsLine)
      } else {
        break
      }
    }
    low = at
    guard at < end else {
      kind = .end
      high = at
      return
    }
    scan(bytes[at])
  }

  /// Reads the token that starts with `byte` at `low`.
  private mutating func scan(_ byte: UInt8) {
    high = low + 1
    switch byte {
    case 0x0A: kind = .newline
    case 0x25: name(.value)
    case 0x40: name(.symbol)
    case 0x2C: kind = .comma
    case 0x3A: pair(0x3D, .assign, else: .colon)
    case 0x24: name(.counter)
    case 0x3D: kind = .equal
    case 0x2B: kind = .plus
    case 0x2A: kind = .star
    case 0x7E: kind = .tilde
    case 0x28: kind = .openParenthesis
    case 0x29: kind = .closeParenthesis
    case 0x5B: kind = .openBracket
    case 0x5D: kind = .closeBracket
    case 0x7B: kind = .openBrace
    case 0x7D: kind = .closeBrace
    case 0x22: string()
    case 0x2D: pair(0x3E, .arrow, else: .minus)
    case 0x3E: pair(0x3D, .greaterEqual, else: .malformed)
    case 0x3C:
      pair(0x3D, .lessEqual, else: .malformed)
      if kind == .malformed { pair(0x2D, .accumulate, else: .malformed) }
    case 0x2E where bytes[low..<end].starts(with: "..<".utf8):
      high = low + 3
      kind = .range
    case 0x30...0x39: number()
    case 0x41...0x5A, 0x61...0x7A, 0x5F: word(.identifier)
    default:
      // One character, whole.
      while high < end, bytes[high] & 0xC0 == 0x80 { high += 1 }
      kind = .malformed
    }
  }

  private mutating func pair(_ second: UInt8, _ both: Kind, else one: Kind) {
    if high < end, bytes[high] == second {
      high += 1
      kind = both
    } else {
      kind = one
    }
  }

  private mutating func word(_ kind: Kind) {
    while high < end, bytes[high].isWord { high += 1 }
    self.kind = kind
  }

  /// A name behind `%` or `@`: it starts with a letter, or behind `%` is a number.
  private mutating func name(_ kind: Kind) {
    word(kind)
    guard low + 1 < high else {
      self.kind = .malformed
      return
    }
    if bytes[low + 1].isDigit || bytes[low + 1] == 0x2E {
      let isNumber = kind == .value && bytes[low + 1..<high].allSatisfy(\.isDigit)
      if !isNumber { self.kind = .malformed }
    }
  }

  /// Digits, a fraction, an exponent; or `0x` and the bits of a float.
  private mutating func number() {
    kind = .number
    if bytes[low] == 0x30, high < end, bytes[high] == 0x78 {
      high += 1
      let first = high
      while high < end, bytes[high].hexValue != nil { high += 1 }
      if first == high { kind = .malformed }
    } else {
      digits()
      if high + 1 < end, bytes[high] == 0x2E, bytes[high + 1].isDigit {
        high += 1
        digits()
      }
      if high < end, bytes[high] | 0x20 == 0x65 {
        var after = high + 1
        if after < end, bytes[after] == 0x2B || bytes[after] == 0x2D { after += 1 }
        if after < end, bytes[after].isDigit {
          high = after
          digits()
        }
      }
    }
    if high < end, bytes[high].isWord {
      word(.malformed)
    }
  }

  private mutating func digits() {
    while high < end, bytes[high].isDigit { high += 1 }
  }

  /// Text up to the closing quote on the same line; a backslash keeps the next byte.
  private mutating func string() {
    while high < end, bytes[high] != 0x0A {
      if bytes[high] == 0x22 {
        high += 1
        kind = .string
        return
      }
      high += bytes[high] == 0x5C && high + 1 < end && bytes[high + 1] != 0x0A ? 2 : 1
    }
    kind = .malformed
  }

  /// Passes over a comment; gives the offset of the newline behind it.
  private mutating func comment(_ start: Int, isWholeLine: Bool) -> Int {
    var at = start + 2
    while at < end, bytes[at] != 0x0A { at += 1 }
    comments.append(Comment(text: start + 2..<at, line: line, isWholeLine: isWholeLine))
    return at
  }
}

extension UInt8 {
  /// Whether this is an ASCII digit.
  var isDigit: Bool { self &- 0x30 < 10 }

  /// Whether this continues an identifier: a letter, a digit, `_` or `.`.
  var isWord: Bool { (self | 0x20) &- 0x61 < 26 || isDigit || self == 0x5F || self == 0x2E }

  /// Whether this starts an identifier: a letter or `_`.
  var isWordStart: Bool { (self | 0x20) &- 0x61 < 26 || self == 0x5F }

  /// The value of a hexadecimal digit.
  var hexValue: UInt64? {
    if isDigit { return UInt64(self &- 0x30) }
    let letter = (self | 0x20) &- 0x61
    return letter < 6 ? UInt64(letter) + 10 : nil
  }
}
