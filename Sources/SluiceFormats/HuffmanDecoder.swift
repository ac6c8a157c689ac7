/// A canonical Huffman code, ready to decode: a table for the short codes, a search by length for the long
/// ones.
struct HuffmanDecoder {
  private static let tableBits = 9

  /// By the next 9 bits: the symbol times 16 plus its code's length, or 0 where the code is longer.
  private var table: [UInt16]
  /// By code length, the number of codes.
  private var counts: [Int]
  /// The symbols ordered by their codes.
  private var symbols: [UInt16]

  /// A code from the length in bits of every symbol's code, at most 15; 0 is a symbol without one.
  ///
  /// Throws when the lengths are those of no prefix code. Incomplete may be only a code of a single bit, and
  /// empty only where `mayBeEmpty`; `name` is for the message.
  init(_ lengths: [UInt8], _ name: String, mayBeEmpty: Bool) throws(Malformed) {
    counts = [Int](repeating: 0, count: DeflateFormat.maxCodeBits + 1)
    for length in lengths { counts[Int(length)] += 1 }
    let usedCount = lengths.count - counts[0]
    counts[0] = 0

    // How many codes of the current length are still free.
    var free = 1
    for length in 1...DeflateFormat.maxCodeBits {
      free = 2 * free - counts[length]
      guard free >= 0 else {
        throw Malformed("the code for \(name) in the compressed data has too many codes")
      }
    }
    let isSingle = usedCount == 1 && counts[1] == 1
    guard free == 0 || isSingle || (usedCount == 0 && mayBeEmpty) else {
      throw Malformed("the code for \(name) in the compressed data is incomplete")
    }

    var starts = [Int](repeating: 0, count: DeflateFormat.maxCodeBits + 2)
    var codes = starts
    for length in 1...DeflateFormat.maxCodeBits {
      starts[length + 1] = starts[length] + counts[length]
      codes[length + 1] = (codes[length] + counts[length]) << 1
    }
    symbols = [UInt16](repeating: 0, count: usedCount)
    table = [UInt16](repeating: 0, count: 1 << HuffmanDecoder.tableBits)
    for (symbol, length) in lengths.enumerated() where length > 0 {
      let length = Int(length)
      symbols[starts[length]] = UInt16(symbol)
      starts[length] += 1
      let code = codes[length]
      codes[length] += 1
      if length <= HuffmanDecoder.tableBits {
        // Codes come highest bit first, so the table is entered by the reversed code and anything above it.
        var entry = HuffmanDecoder.reversed(code, length)
        while entry < table.count {
          table[entry] = UInt16(symbol << 4 | length)
          entry += 1 << length
        }
      }
    }
  }

  /// The symbol whose code the low bits of `bits` begin with, and its length; nil if there is none.
  func decode(_ bits: UInt64) -> (symbol: Int, length: Int)? {
    let entry = Int(table[Int(truncatingIfNeeded: bits) & (1 << HuffmanDecoder.tableBits - 1)])
    if entry != 0 { return (entry >> 4, entry & 15) }
    var code = 0
    var first = 0
    var index = 0
    for length in 1...DeflateFormat.maxCodeBits {
      code |= Int(truncatingIfNeeded: bits >> UInt64(length - 1)) & 1
      let count = counts[length]
      if code - first < count { return (Int(symbols[index + code - first]), length) }
      index += count
      first = (first + count) << 1
      code <<= 1
    }
    return nil
  }

  /// The low `length` bits of `code` in reverse order.
  static func reversed(_ code: Int, _ length: Int) -> Int {
    var (rest, out) = (code, 0)
    for _ in 0..<length {
      out = out << 1 | rest & 1
      rest >>= 1
    }
    return out
  }
}
