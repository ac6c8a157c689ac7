import SluiceIR

/// Numbers names given as bytes: equal bytes, equal number; in order of first use.
package struct NameTable: Sendable {
  /// What is known of one name; side by side, since a look at one part leads to the others.
  private struct Row {
    /// The first eight bytes: enough to know most names.
    var head: UInt64
    var start: UInt32
    var end: UInt32
  }

  private var bytes: [UInt8] = []
  private var rows: [Row] = []
  /// Names that are numbers, as values without a name have them.
  private var numbers = NumberIndex()
  private var index = HashIndex()

  /// How many different names there are.
  package var count: Int { rows.count }

  /// The number of the name at `range` of `source`, which is added when it is new.
  package mutating func intern(_ source: [UInt8], _ range: Range<Int>) -> Int {
    let number = Self.number(source.span.extracting(range))
    if let row = numbers.find(number) { return row }
    let key = Self.key(source.span.extracting(range))
    if let row = find(source, range, key) { return row }
    let row = rows.count
    let start = UInt32(bytes.count)
    bytes.append(contentsOf: source[range])
    rows.append(Row(head: key.head, start: start, end: UInt32(bytes.count)))
    if !numbers.insert(number, row) { index.insert(row, hash: key.hash) }
    return row
  }

  /// The number of a name that is already in the table.
  func find(_ source: [UInt8], _ range: Range<Int>) -> Int? {
    numbers.find(Self.number(source.span.extracting(range)))
      ?? find(source, range, Self.key(source.span.extracting(range)))
  }

  /// The bytes of a name.
  subscript(row: Int) -> ArraySlice<UInt8> { bytes[range(row)] }

  @inline(__always)
  private func find(_ source: [UInt8], _ range: Range<Int>, _ key: (head: UInt64, hash: UInt64)) -> Int? {
    index.find(key.hash) { row in
      guard rows[row].head == key.head else { return false }
      let known = self.range(row)
      return known.count == range.count
        && (range.count <= 8 || bytes[known].dropFirst(8).elementsEqual(source[range].dropFirst(8)))
    }
  }

  private func range(_ row: Int) -> Range<Int> {
    Int(rows[row].start)..<Int(rows[row].end)
  }

  /// The number that a name is, or -1: digits without a leading 0, below 10^9.
  @inline(__always)
  private static func number(_ name: Span<UInt8>) -> Int {
    guard name.count > 0, name.count < 10, name[0] != 0x30 || name.count == 1 else { return -1 }
    var number = 0
    for i in name.indices {
      guard name[i].isDigit else { return -1 }
      number = number * 10 + Int(name[i] & 15)
    }
    return number
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
