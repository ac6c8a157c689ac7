/// Packs bits into bytes, the first one lowest.
struct BitWriter {
  /// The bytes that are full; append to them only after `align`.
  var bytes: [UInt8] = []
  private var bits: UInt64 = 0
  private var bitCount = 0

  /// Writes the low `count` bits of `value`; the bits above are zero and `count` is at most 16.
  mutating func write(_ value: Int, _ count: Int) {
    bits |= UInt64(truncatingIfNeeded: value) << UInt64(bitCount)
    bitCount += count
    while bitCount >= 8 {
      bytes.append(UInt8(truncatingIfNeeded: bits))
      bits >>= 8
      bitCount -= 8
    }
  }

  /// Writes the code of `symbol`.
  mutating func write(_ code: HuffmanEncoder, _ symbol: Int) {
    write(Int(code.codes[symbol]), Int(code.lengths[symbol]))
  }

  /// Fills the last byte with zeros.
  mutating func align() {
    if bitCount > 0 { write(0, 8 - bitCount) }
  }
}

/// The head of a dynamic block: the lengths of both codes, run-length coded and Huffman coded themselves.
struct DynamicHeader {
  private let literalCount: Int
  private let distanceCount: Int
  private let lengthCodeCount: Int
  /// A symbol of the code for code lengths, its extra bits and how many of them.
  private let tokens: [(symbol: Int, extra: Int, extraBits: Int)]
  private let code: HuffmanEncoder

  init(_ literals: [UInt8], _ distances: [UInt8]) {
    literalCount = max(257, DynamicHeader.usedCount(literals))
    distanceCount = max(1, DynamicHeader.usedCount(distances))
    tokens = DynamicHeader.runs(Array(literals[..<literalCount] + distances[..<distanceCount]))
    var counts = [Int](repeating: 0, count: DeflateFormat.lengthCodeCount)
    for token in tokens { counts[token.symbol] += 1 }
    let code = HuffmanEncoder(counts: counts, limit: 7)
    self.code = code
    lengthCodeCount = max(4, DynamicHeader.usedCount(DeflateFormat.lengthCodeOrder.map { code.lengths[$0] }))
  }

  /// The bits it takes.
  var bitCount: Int {
    tokens.reduce(14 + 3 * lengthCodeCount) { $0 + Int(code.lengths[$1.symbol]) + $1.extraBits }
  }

  func write(to bits: inout BitWriter) {
    bits.write(literalCount - 257, 5)
    bits.write(distanceCount - 1, 5)
    bits.write(lengthCodeCount - 4, 4)
    for symbol in DeflateFormat.lengthCodeOrder.prefix(lengthCodeCount) {
      bits.write(Int(code.lengths[symbol]), 3)
    }
    for token in tokens {
      bits.write(code, token.symbol)
      bits.write(token.extra, token.extraBits)
    }
  }

  /// The count without the zeros at the end.
  private static func usedCount(_ lengths: [UInt8]) -> Int {
    (lengths.lastIndex { $0 > 0 } ?? -1) + 1
  }

  /// `lengths` with runs shortened: 16 repeats the last length 3 to 6 times, 17 and 18 stand for 3 to 138
  /// zeros.
  private static func runs(_ lengths: [UInt8]) -> [(symbol: Int, extra: Int, extraBits: Int)] {
    var out: [(symbol: Int, extra: Int, extraBits: Int)] = []
    var at = 0
    while at < lengths.count {
      let length = lengths[at]
      var run = lengths[at...].prefix { $0 == length }.count
      at += run
      if length > 0 {
        out.append((Int(length), 0, 0))
        run -= 1
      }
      while run >= 3 {
        let part: Int
        if length > 0 {
          part = min(run, 6)
          out.append((16, part - 3, 2))
        } else if run > 10 {
          part = min(run, 138)
          out.append((18, part - 11, 7))
        } else {
          part = run
          out.append((17, part - 3, 3))
        }
        run -= part
      }
      for _ in 0..<run { out.append((Int(length), 0, 0)) }
    }
    return out
  }
}
