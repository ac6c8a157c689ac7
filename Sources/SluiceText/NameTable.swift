import SluiceIR

/// Numbers names given as bytes: equal bytes, equal number; in order of first use.
struct NameTable: Sendable {
  private var bytes: [UInt8] = []
  private var ends: [UInt32] = []
  /// Per name its first eight bytes: enough to know most names.
  private var heads: [UInt64] = []
  private var hashes: [UInt64] = []
  private var index = HashIndex()

  /// How many different names there are.
  var count: Int { ends.count }

  /// The number of the name at `range` of `source`, which is added when it is new.
  mutating func intern(_ source: [UInt8], _ range: Range<Int>) -> Int {
    let key = Self.key(source.span.extracting(range))
    if let row = find(source, range, key) { return row }
    let row = ends.count
    bytes.append(contentsOf: source[range])
    ends.append(UInt32(bytes.count))
    heads.append(key.head)
    hashes.append(key.hash)
    index.insert(row, hash: key.hash) { hashes[$0] }
    return row
  }

  /// The number of a name that is already in the table.
  func find(_ source: [UInt8], _ range: Range<Int>) -> Int? {
    find(source, range, Self.key(source.span.extracting(range)))
  }

  /// The bytes of a name.
  subscript(row: Int) -> ArraySlice<UInt8> { bytes[range(row)] }

  @inline(__always)
  private func find(_ source: [UInt8], _ range: Range<Int>, _ key: (head: UInt64, hash: UInt64)) -> Int? {
    index.find(key.hash) { row in
      guard hashes[row] == key.hash, heads[row] == key.head else { return false }
      let known = self.range(row)
      return known.count == range.count
        && (range.count <= 8 || bytes[known].dropFirst(8).elementsEqual(source[range].dropFirst(8)))
    }
  }

  private func range(_ row: Int) -> Range<Int> {
    (row == 0 ? 0 : Int(ends[row - 1]))..<Int(ends[row])
  }

  /// The first eight bytes, and the hash of all, eight bytes a step.
  @inline(__always)
  private static func key(_ name: Span<UInt8>) -> (head: UInt64, hash: UInt64) {
    var hasher = WordHasher()
    let head = word(name, from: 0)
    hasher.combine(head ^ UInt64(name.count) << 56)
    var at = 8
    while at < name.count {
      hasher.combine(word(name, from: at))
      at += 8
    }
    return (head, hasher.hash)
  }

  @inline(__always)
  private static func word(_ name: Span<UInt8>, from start: Int) -> UInt64 {
    var word: UInt64 = 0
    for i in start..<min(start + 8, name.count) { word = word << 8 | UInt64(name[i]) }
    return word
  }
}
