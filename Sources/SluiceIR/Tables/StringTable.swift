/// Interned UTF-8 strings: names of values, parameters, functions, symbols and files.
public struct StringTable: Sendable {
  private var bytes: [UInt8] = []
  private var ends: [UInt32] = []
  private var index = HashIndex()

  init() {}

  /// How many different strings there are.
  public var count: Int { ends.count }

  /// The handle of a string, which is added when it is new.
  public mutating func intern(_ text: String) -> StringID {
    var copy = text
    return copy.withUTF8 { buffer in unsafe intern(buffer.span) }
  }

  /// The handle of a string given as UTF-8 bytes.
  public mutating func intern(_ text: Span<UInt8>) -> StringID {
    var hasher = WordHasher()
    for i in text.indices { hasher.combine(UInt64(text[i])) }
    hasher.combine(UInt64(text.count))
    let hash = hasher.hash
    let found = index.find(hash) { isEqual($0, text) }
    if let found { return StringID(found) }
    let row = ends.count
    for i in text.indices { bytes.append(text[i]) }
    ends.append(UInt32(bytes.count))
    index.insert(row, hash: hash)
    return StringID(row)
  }

  /// The handle of a string that is already interned.
  public func find(_ text: String) -> StringID? {
    var hasher = WordHasher()
    for byte in text.utf8 { hasher.combine(UInt64(byte)) }
    hasher.combine(UInt64(text.utf8.count))
    let hash = hasher.hash
    let found = index.find(hash) { bytes[range($0)].elementsEqual(text.utf8) }
    return found.map { StringID($0) }
  }

  /// The string as text.
  public subscript(id: StringID) -> String {
    id.isNone ? "" : String(decoding: bytes[range(id.index)], as: UTF8.self)
  }

  /// Appends the string's bytes to a buffer.
  public func append(_ id: StringID, to output: inout [UInt8]) {
    output.append(contentsOf: bytes[range(id.index)])
  }

  private func range(_ row: Int) -> Range<Int> {
    (row == 0 ? 0 : Int(ends[row - 1]))..<Int(ends[row])
  }

  private func isEqual(_ row: Int, _ text: Span<UInt8>) -> Bool {
    let range = range(row)
    guard range.count == text.count else { return false }
    for i in text.indices where bytes[range.lowerBound + i] != text[i] { return false }
    return true
  }
}
