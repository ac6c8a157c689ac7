/// A cursor over the bytes of a file that throws where an array would trap.
struct ByteReader {
  /// The whole file.
  let bytes: [UInt8]
  /// Where the next read begins; never beyond `end`.
  private(set) var offset: Int
  /// Where reading ends.
  let end: Int

  /// A reader of all of `bytes`.
  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    offset = 0
    end = bytes.count
  }

  /// A reader of the part `range` of `bytes`.
  init(_ bytes: [UInt8], in range: Range<Int>) {
    self.bytes = bytes
    offset = range.lowerBound
    end = range.upperBound
  }

  /// How many bytes are left.
  var remaining: Int { end - offset }

  /// Steps over `count` bytes and gives their place; `what` names them in the error.
  mutating func take(_ count: Int, _ what: @autoclosure () -> String) throws(Malformed) -> Range<Int> {
    guard count >= 0 && count <= remaining else {
      throw Malformed("\(what()) takes \(count) bytes but \(remaining) are left; is the file truncated?")
    }
    let range = offset..<offset + count
    offset = range.upperBound
    return range
  }

  /// An unsigned little-endian integer of `count` bytes, at most 8 of them.
  mutating func littleEndian(
    _ count: Int, _ what: @autoclosure () -> String
  ) throws(Malformed) -> UInt64 {
    var value: UInt64 = 0
    for at in try take(count, what()).reversed() { value = value << 8 | UInt64(bytes[at]) }
    return value
  }

  /// An unsigned big-endian integer of `count` bytes, at most 8 of them.
  mutating func bigEndian(
    _ count: Int, _ what: @autoclosure () -> String
  ) throws(Malformed) -> UInt64 {
    var value: UInt64 = 0
    for at in try take(count, what()) { value = value << 8 | UInt64(bytes[at]) }
    return value
  }
}

extension [UInt8] {
  /// Appends the `count` low bytes of `value`, the lowest first.
  mutating func appendLittleEndian(_ value: some FixedWidthInteger, count: Int) {
    for at in 0..<count { append(UInt8(truncatingIfNeeded: value >> (8 * at))) }
  }

  /// Appends the four bytes of `value`, the highest first.
  mutating func appendBigEndian(_ value: UInt32) {
    for at in (0..<4).reversed() { append(UInt8(truncatingIfNeeded: value >> (8 * at))) }
  }
}
