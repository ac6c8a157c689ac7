/// Compresses to DEFLATE (RFC 1951): LZ77 with hash chains, and per block the smallest of the three block
/// kinds.
package enum Deflate {
  /// The DEFLATE stream of `bytes`; the same bytes give the same stream everywhere.
  package static func compress(_ bytes: [UInt8]) -> [UInt8] {
    var finder = MatchFinder(bytes)
    var writer = BlockWriter(bytes)
    var at = 0
    var match = finder.match(at: 0)
    while at < bytes.count {
      // A match one byte later that is longer is worth a literal now.
      let next = match.length < MatchFinder.niceLength ? finder.match(at: at + 1) : (length: 0, distance: 0)
      if match.length >= 3 && match.length >= next.length {
        writer.append(length: match.length, distance: match.distance)
        at += match.length
        match = finder.match(at: at)
      } else {
        writer.append(literal: bytes[at])
        at += 1
        match = next
      }
      if writer.isFull && at < bytes.count { writer.flush(isLast: false) }
    }
    writer.flush(isLast: true)
    return writer.finish()
  }
}

/// Finds earlier copies of what comes next, by chains of places with the same hash of three bytes.
private struct MatchFinder {
  /// A match this long is taken without looking for a better one.
  static let niceLength = 64
  /// How many places of a chain are looked at.
  private static let chainLimit = 24

  private let bytes: [UInt8]
  /// By hash, the last place with it, or -1.
  private var heads = [Int](repeating: -1, count: 1 << 15)
  /// By place modulo the window, the place before it with the same hash, or -1.
  private var previous = [Int](repeating: -1, count: DeflateFormat.windowSize)
  /// The first place that is not in the chains yet.
  private var inserted = 0

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// The longest match of what begins at `at` with something before it, or length 0; `at` never goes back.
  mutating func match(at: Int) -> (length: Int, distance: Int) {
    guard at + 3 <= bytes.count else { return (0, 0) }
    while inserted < at {
      let hash = self.hash(inserted)
      previous[inserted & (DeflateFormat.windowSize - 1)] = heads[hash]
      heads[hash] = inserted
      inserted += 1
    }
    let most = min(DeflateFormat.maxMatch, bytes.count - at)
    var best = (length: 2, distance: 0)
    var candidate = heads[hash(at)]
    var left = MatchFinder.chainLimit
    while candidate >= 0 && at - candidate <= DeflateFormat.windowSize && left > 0 {
      if bytes[candidate + best.length] == bytes[at + best.length] {
        var length = 0
        while length < most && bytes[candidate + length] == bytes[at + length] { length += 1 }
        if length > best.length {
          best = (length, at - candidate)
          if length == most || length >= MatchFinder.niceLength { break }
        }
      }
      candidate = previous[candidate & (DeflateFormat.windowSize - 1)]
      left -= 1
    }
    return best.distance == 0 ? (0, 0) : best
  }

  /// A hash of the three bytes from `at` on, which are there.
  private func hash(_ at: Int) -> Int {
    let word = UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2]) << 16
    return Int((word &* 0x9E37_79B1) >> 17)
  }
}

/// Collects literals and matches and writes them as blocks.
private struct BlockWriter {
  private let bytes: [UInt8]
  private var bits = BitWriter()
  /// A literal, or a length times 65536 plus a distance.
  private var tokens: [UInt32] = []
  private var literalCounts = [Int](repeating: 0, count: DeflateFormat.literalCount)
  private var distanceCounts = [Int](repeating: 0, count: DeflateFormat.distanceCount)
  /// The bits that follow the codes of lengths and distances.
  private var extraBits = 0
  /// The bytes that `tokens` stand for.
  private var start = 0
  private var end = 0

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// Whether it is time for a block of its own, with a code that fits.
  var isFull: Bool { tokens.count >= 1 << 15 }

  mutating func append(literal: UInt8) {
    tokens.append(UInt32(literal))
    literalCounts[Int(literal)] += 1
    end += 1
  }

  mutating func append(length: Int, distance: Int) {
    tokens.append(UInt32(length) << 16 | UInt32(distance))
    let index = DeflateFormat.lengthIndex(length)
    let symbol = DeflateFormat.distanceSymbol(distance)
    literalCounts[257 + index] += 1
    distanceCounts[symbol] += 1
    extraBits += DeflateFormat.length(index).extraBits + DeflateFormat.distance(symbol).extraBits
    end += length
  }

  /// Writes what was collected as the kind of block that takes the fewest bits.
  mutating func flush(isLast: Bool) {
    literalCounts[DeflateFormat.endOfBlock] = 1
    let fixed = (
      literals: HuffmanEncoder(lengths: DeflateFormat.fixedLiteralLengths),
      distances: HuffmanEncoder(lengths: DeflateFormat.fixedDistanceLengths)
    )
    let dynamic = (
      literals: HuffmanEncoder(counts: literalCounts, limit: DeflateFormat.maxCodeBits),
      distances: HuffmanEncoder(counts: distanceCounts, limit: DeflateFormat.maxCodeBits)
    )
    let header = DynamicHeader(dynamic.literals.lengths, dynamic.distances.lengths)
    let fixedBits = fixed.literals.bitCount(literalCounts) + fixed.distances.bitCount(distanceCounts)
    let dynamicBits =
      header.bitCount + dynamic.literals.bitCount(literalCounts) + dynamic.distances.bitCount(distanceCounts)
    let storedBits = 8 * (end - start) + 40 * ((end - start) / 65535 + 1)

    if storedBits < min(fixedBits, dynamicBits) + extraBits {
      stored(isLast)
    } else {
      bits.write(isLast ? 1 : 0, 1)
      if fixedBits <= dynamicBits {
        bits.write(1, 2)
        compressed(fixed.literals, fixed.distances)
      } else {
        bits.write(2, 2)
        header.write(to: &bits)
        compressed(dynamic.literals, dynamic.distances)
      }
    }
    tokens.removeAll(keepingCapacity: true)
    literalCounts = [Int](repeating: 0, count: DeflateFormat.literalCount)
    distanceCounts = [Int](repeating: 0, count: DeflateFormat.distanceCount)
    extraBits = 0
    start = end
  }

  /// The whole stream, its last byte filled with zeros.
  mutating func finish() -> [UInt8] {
    bits.align()
    return bits.bytes
  }

  private mutating func stored(_ isLast: Bool) {
    repeat {
      let count = min(end - start, 65535)
      bits.write(isLast && start + count == end ? 1 : 0, 1)
      bits.write(0, 2)
      bits.align()
      bits.write(count, 16)
      bits.write(count ^ 0xffff, 16)
      bits.align()
      bits.bytes += bytes[start..<start + count]
      start += count
    } while start < end
  }

  private mutating func compressed(_ literals: HuffmanEncoder, _ distances: HuffmanEncoder) {
    for token in tokens {
      let length = Int(token >> 16)
      if length == 0 {
        bits.write(literals, Int(token))
        continue
      }
      let distance = Int(token & 0xffff)
      let index = DeflateFormat.lengthIndex(length)
      let (lengthBase, lengthBits) = DeflateFormat.length(index)
      bits.write(literals, 257 + index)
      bits.write(length - lengthBase, lengthBits)
      let symbol = DeflateFormat.distanceSymbol(distance)
      let (distanceBase, distanceBits) = DeflateFormat.distance(symbol)
      bits.write(distances, symbol)
      bits.write(distance - distanceBase, distanceBits)
    }
    bits.write(literals, DeflateFormat.endOfBlock)
  }
}
