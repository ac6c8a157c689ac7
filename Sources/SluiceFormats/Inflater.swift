/// Decompresses one DEFLATE stream (RFC 1951): stored, fixed and dynamic blocks.
package struct Inflater {
  /// What has been decompressed; never more than the limit.
  package private(set) var output: [UInt8] = []
  /// The next byte of the input to read; after `run`, the first one behind the stream.
  package private(set) var offset: Int

  private let input: [UInt8]
  private let limit: Int
  /// Bits read from the input and not used yet, the next one lowest; above `bitCount` all are zero.
  private var bits: UInt64 = 0
  private var bitCount = 0

  /// An inflater of the stream in `input` that begins at byte `offset` and may give `limit` bytes.
  package init(_ input: [UInt8], from offset: Int, limit: Int) {
    self.input = input
    self.offset = offset
    self.limit = limit
    // No stream holds more than 1032 times its length: 258 bytes for a length of one bit and a distance of
    // one.
    let most = max(0, input.count - offset).multipliedReportingOverflow(by: 1032)
    output.reserveCapacity(most.overflow ? limit : min(limit, most.partialValue))
  }

  /// Decompresses all blocks; throws when the stream is broken, truncated or longer than the limit.
  package mutating func run() throws(Malformed) {
    var isLast = false
    while !isLast {
      isLast = try take(1) == 1
      switch try take(2) {
      case 0:
        try stored()
      case 1:
        let literals = try HuffmanDecoder(DeflateFormat.fixedLiteralLengths, "literals", mayBeEmpty: false)
        let distances = try HuffmanDecoder(DeflateFormat.fixedDistanceLengths, "distances", mayBeEmpty: false)
        try compressed(literals, distances)
      case 2:
        let (literals, distances) = try dynamicCodes()
        try compressed(literals, distances)
      default:
        throw Malformed("the compressed data have a block of the unknown kind 3")
      }
    }
    // Whole bytes that were read ahead belong to what follows.
    offset -= bitCount >> 3
    bitCount = 0
    bits = 0
  }

  /// A block of bytes as they are.
  private mutating func stored() throws(Malformed) {
    let skipped = bitCount & 7
    bits >>= UInt64(skipped)
    bitCount -= skipped
    let count = try take(16)
    guard try take(16) == count ^ 0xffff else {
      throw Malformed("a stored block of the compressed data has two lengths that disagree")
    }
    offset -= bitCount >> 3
    bitCount = 0
    bits = 0
    guard count <= input.count - offset else { throw truncated }
    try checkRoom(count)
    output += input[offset..<offset + count]
    offset += count
  }

  /// The two codes at the head of a dynamic block.
  private mutating func dynamicCodes() throws(Malformed) -> (
    literals: HuffmanDecoder, distances: HuffmanDecoder
  ) {
    let literalCount = try take(5) + 257
    let distanceCount = try take(5) + 1
    let lengthCodeCount = try take(4) + 4
    guard literalCount <= DeflateFormat.literalCount && distanceCount <= DeflateFormat.distanceCount else {
      throw Malformed("a block of the compressed data has too many symbols")
    }
    var codeLengths = [UInt8](repeating: 0, count: DeflateFormat.lengthCodeCount)
    for symbol in DeflateFormat.lengthCodeOrder.prefix(lengthCodeCount) {
      codeLengths[symbol] = UInt8(truncatingIfNeeded: try take(3))
    }
    let code = try HuffmanDecoder(codeLengths, "code lengths", mayBeEmpty: false)

    var lengths: [UInt8] = []
    while lengths.count < literalCount + distanceCount {
      let symbol = try self.symbol(code)
      guard symbol >= 16 else {
        lengths.append(UInt8(truncatingIfNeeded: symbol))
        continue
      }
      var repeated: UInt8 = 0
      if symbol == 16 {
        guard let last = lengths.last else {
          throw Malformed("a block of the compressed data repeats a code length before the first one")
        }
        repeated = last
      }
      let count = try symbol == 16 ? 3 + take(2) : symbol == 17 ? 3 + take(3) : 11 + take(7)
      guard lengths.count + count <= literalCount + distanceCount else {
        throw Malformed("a block of the compressed data has more code lengths than symbols")
      }
      lengths += repeatElement(repeated, count: count)
    }
    guard lengths[DeflateFormat.endOfBlock] > 0 else {
      throw Malformed("a block of the compressed data has no code for its end")
    }
    return (
      try HuffmanDecoder(Array(lengths[..<literalCount]), "literals", mayBeEmpty: false),
      try HuffmanDecoder(Array(lengths[literalCount...]), "distances", mayBeEmpty: true)
    )
  }

  /// The symbols of a fixed or dynamic block, up to and with its end.
  private mutating func compressed(_ literals: HuffmanDecoder, _ distances: HuffmanDecoder) throws(Malformed)
  {
    while true {
      let symbol = try self.symbol(literals)
      if symbol < DeflateFormat.endOfBlock {
        try checkRoom(1)
        output.append(UInt8(truncatingIfNeeded: symbol))
        continue
      }
      if symbol == DeflateFormat.endOfBlock { return }
      guard symbol < DeflateFormat.literalCount else {
        throw Malformed("the compressed data hold the reserved length symbol \(symbol)")
      }
      let length = DeflateFormat.length(symbol - 257)
      let count = length.base + (try take(length.extraBits))

      let distanceSymbol = try self.symbol(distances)
      guard distanceSymbol < DeflateFormat.distanceCount else {
        throw Malformed("the compressed data hold the reserved distance symbol \(distanceSymbol)")
      }
      let distance = DeflateFormat.distance(distanceSymbol)
      let back = distance.base + (try take(distance.extraBits))
      guard back <= output.count else {
        throw Malformed("the compressed data copy from \(back) bytes back but only \(output.count) are there")
      }
      try checkRoom(count)
      let start = output.count - back
      for at in start..<start + count { output.append(output[at]) }
    }
  }

  private func checkRoom(_ count: Int) throws(Malformed) {
    guard count <= limit - output.count else {
      throw Malformed("the compressed data hold more than the \(limit) bytes promised")
    }
  }

  /// Reads ahead so that at least 56 bits are there, or all that are left.
  private mutating func refill() {
    while bitCount <= 56 && offset < input.count {
      bits |= UInt64(input[offset]) << UInt64(bitCount)
      bitCount += 8
      offset += 1
    }
  }

  /// The next `count` bits, at most 16 of them.
  private mutating func take(_ count: Int) throws(Malformed) -> Int {
    if bitCount < count {
      refill()
      guard bitCount >= count else { throw truncated }
    }
    let value = Int(truncatingIfNeeded: bits & ((1 << UInt64(count)) - 1))
    bits >>= UInt64(count)
    bitCount -= count
    return value
  }

  /// The next symbol of `code`.
  private mutating func symbol(_ code: HuffmanDecoder) throws(Malformed) -> Int {
    if bitCount < DeflateFormat.maxCodeBits { refill() }
    guard let (symbol, length) = code.decode(bits) else {
      throw Malformed("the compressed data hold a bit pattern that is no code")
    }
    guard length <= bitCount else { throw truncated }
    bits >>= UInt64(length)
    bitCount -= length
    return symbol
  }

  private var truncated: Malformed { Malformed("the compressed data are truncated") }
}
