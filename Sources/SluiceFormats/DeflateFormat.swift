/// What both directions of DEFLATE (RFC 1951) agree on: symbols, their bases and extra bits, the fixed code.
enum DeflateFormat {
  /// The literal/length symbol that ends a block.
  static let endOfBlock = 256
  /// How many literal/length symbols a code may have.
  static let literalCount = 286
  /// How many distance symbols a code may have.
  static let distanceCount = 30
  /// How many symbols the code for code lengths has.
  static let lengthCodeCount = 19
  /// How far back a match may reach, in bytes.
  static let windowSize = 32768
  /// The longest match, in bytes.
  static let maxMatch = 258
  /// The longest code for a literal, length or distance, in bits.
  static let maxCodeBits = 15
  /// The order in which a dynamic block gives the lengths of the code for code lengths.
  static let lengthCodeOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

  /// The code lengths of a fixed block's literal/length symbols, the two unused ones included.
  static let fixedLiteralLengths: [UInt8] = (0..<288).map { symbol in
    symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8
  }
  /// The code lengths of a fixed block's distance symbols, the two unused ones included.
  static let fixedDistanceLengths = [UInt8](repeating: 5, count: 32)

  /// The shortest match of length symbol `257 + index` and the bits that are added to it; `index` is below
  /// 29.
  static func length(_ index: Int) -> (base: Int, extraBits: Int) {
    if index < 8 { return (3 + index, 0) }
    if index == 28 { return (258, 0) }
    let extraBits = (index - 4) >> 2
    return (3 + ((4 + (index & 3)) << extraBits), extraBits)
  }

  /// The shortest distance of distance symbol `symbol` and the bits that are added to it; `symbol` is below
  /// 30.
  static func distance(_ symbol: Int) -> (base: Int, extraBits: Int) {
    if symbol < 2 { return (1 + symbol, 0) }
    let extraBits = (symbol >> 1) - 1
    return (1 + ((2 + (symbol & 1)) << extraBits), extraBits)
  }

  /// The symbol of a match of `length` bytes, less 257.
  static func lengthIndex(_ length: Int) -> Int {
    let above = UInt32(length - 3)
    if above < 8 { return Int(above) }
    if length == maxMatch { return 28 }
    let extraBits = 29 - above.leadingZeroBitCount
    return 4 * extraBits + 4 + Int(above >> UInt32(extraBits)) & 3
  }

  /// The symbol of a distance of `distance` bytes.
  static func distanceSymbol(_ distance: Int) -> Int {
    let above = UInt32(distance - 1)
    if above < 2 { return Int(above) }
    let extraBits = 30 - above.leadingZeroBitCount
    return 2 * extraBits + 2 + Int(above >> UInt32(extraBits)) & 1
  }
}
