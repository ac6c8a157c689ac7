/// A length-limited canonical Huffman code made for given symbol counts.
struct HuffmanEncoder {
  /// By symbol, the length of its code in bits; 0 for a symbol without one.
  let lengths: [UInt8]
  /// By symbol, its code with the first bit lowest, as DEFLATE packs it.
  let codes: [UInt16]

  /// The code of these lengths.
  init(lengths: [UInt8]) {
    self.lengths = lengths
    var counts = [Int](repeating: 0, count: DeflateFormat.maxCodeBits + 1)
    for length in lengths where length > 0 { counts[Int(length)] += 1 }
    var next = [Int](repeating: 0, count: DeflateFormat.maxCodeBits + 2)
    for length in 1...DeflateFormat.maxCodeBits { next[length + 1] = (next[length] + counts[length]) << 1 }
    codes = lengths.map { length in
      guard length > 0 else { return 0 }
      defer { next[Int(length)] += 1 }
      return UInt16(truncatingIfNeeded: HuffmanDecoder.reversed(next[Int(length)], Int(length)))
    }
  }

  /// The best code for symbols that occur so often, with no code longer than `limit` bits.
  ///
  /// At least two symbols get a code, since some decoders refuse less.
  init(counts: [Int], limit: Int) {
    var counts = counts
    for symbol in 0..<2 where counts.count(where: { $0 > 0 }) < 2 { counts[symbol] = max(counts[symbol], 1) }
    var lengths = HuffmanEncoder.optimalLengths(counts)
    // Flatter counts give a flatter tree; equal ones a balanced one, which is always short enough.
    while lengths.contains(where: { $0 > limit }) {
      counts = counts.map { $0 == 0 ? 0 : $0 >> 1 | 1 }
      lengths = HuffmanEncoder.optimalLengths(counts)
    }
    self.init(lengths: lengths)
  }

  /// The bits that symbols with these counts take.
  func bitCount(_ counts: [Int]) -> Int {
    zip(counts, lengths).reduce(0) { $0 + $1.0 * Int($1.1) }
  }

  /// The depths of a Huffman tree over the symbols that occur; there are at least two.
  private static func optimalLengths(_ counts: [Int]) -> [UInt8] {
    let leaves = counts.indices.filter { counts[$0] > 0 }.sorted { (counts[$0], $0) < (counts[$1], $1) }
    // Nodes: first the leaves by weight, then the inner ones, which come into being by weight as well.
    var weights = leaves.map { counts[$0] }
    var parents = [Int](repeating: 0, count: leaves.count)
    var nextLeaf = 0
    var nextInner = leaves.count
    func takeLightest() -> Int {
      if nextLeaf < leaves.count && (nextInner == weights.count || weights[nextLeaf] <= weights[nextInner]) {
        nextLeaf += 1
        return nextLeaf - 1
      }
      nextInner += 1
      return nextInner - 1
    }
    while weights.count < 2 * leaves.count - 1 {
      let (first, second) = (takeLightest(), takeLightest())
      parents[first] = weights.count
      parents[second] = weights.count
      parents.append(0)
      weights.append(weights[first] + weights[second])
    }
    var depths = [UInt8](repeating: 0, count: weights.count)
    for node in (0..<weights.count - 1).reversed() { depths[node] = depths[parents[node]] + 1 }
    var lengths = [UInt8](repeating: 0, count: counts.count)
    for (node, symbol) in leaves.enumerated() { lengths[symbol] = depths[node] }
    return lengths
  }
}
