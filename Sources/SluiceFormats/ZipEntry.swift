/// An entry of the directory of a zip file, on its way to a member.
struct ZipEntry {
  private static let isEncrypted: UInt64 = 1 << 0
  private static let hasDescriptor: UInt64 = 1 << 3
  private static let isUTF8: UInt64 = 1 << 11
  /// Bits 1 and 2 say how hard the compressor tried.
  private static let knownFlags: UInt64 = hasDescriptor | isUTF8 | 0b110

  private let flags: UInt64
  private let method: UInt64
  private let checksum: UInt64
  private let packedCount: UInt64
  private let byteCount: UInt64
  private let nameBytes: [UInt8]
  private let name: String
  /// Where the header of the member begins in the file.
  let start: UInt64

  /// The name made fit for a message.
  var shown: String { printable(nameBytes) }

  /// Reads the next entry.
  init(_ reader: inout ByteReader) throws(Malformed) {
    let place = reader.offset
    guard try reader.littleEndian(4, "a directory entry") == ZipDirectory.entrySignature else {
      throw Malformed("byte \(place): no directory entry stands where one should")
    }
    _ = try reader.take(4, "the versions of a directory entry")
    flags = try reader.littleEndian(2, "the flags of a directory entry")
    method = try reader.littleEndian(2, "the method of a directory entry")
    _ = try reader.take(4, "the time of a directory entry")
    checksum = try reader.littleEndian(4, "the checksum of a directory entry")
    var packed = try reader.littleEndian(4, "the packed size of a directory entry")
    var count = try reader.littleEndian(4, "the size of a directory entry")
    let nameCount = try reader.littleEndian(2, "the length of a name")
    let extraCount = try reader.littleEndian(2, "the length of an extra field")
    let commentCount = try reader.littleEndian(2, "the length of a comment")
    let disk = try reader.littleEndian(2, "the disk of a directory entry")
    _ = try reader.take(6, "the attributes of a directory entry")
    var offset = try reader.littleEndian(4, "the offset of a directory entry")
    nameBytes = Array(reader.bytes[try reader.take(Int(nameCount), "the name of a member")])
    let extra = try reader.take(Int(extraCount), "the extra field of a member")
    _ = try reader.take(Int(commentCount), "the comment of a member")
    let shown = printable(nameBytes)
    guard disk == 0 else {
      throw Malformed("member `\(shown)` is in another file of a split archive; join them first")
    }
    if var wide = try ZipEntry.wideNumbers(reader.bytes, extra, shown) {
      if count == 0xffff_ffff { count = try wide.littleEndian(8, "the zip64 size of `\(shown)`") }
      if packed == 0xffff_ffff { packed = try wide.littleEndian(8, "the zip64 packed size of `\(shown)`") }
      if offset == 0xffff_ffff { offset = try wide.littleEndian(8, "the zip64 offset of `\(shown)`") }
      guard wide.remaining == 0 else {
        throw Malformed("member `\(shown)`: its zip64 field has \(wide.remaining) bytes too many")
      }
    }
    (packedCount, byteCount, start) = (packed, count, offset)
    guard flags & ZipEntry.isEncrypted == 0 else {
      throw Malformed("member `\(shown)` is encrypted; write the archive without a password")
    }
    guard flags & ~ZipEntry.knownFlags == 0 else {
      throw Malformed("member `\(shown)` has the flags 0x\(String(flags, radix: 16)), not all known")
    }
    guard method == 0 || method == 8 else {
      throw Malformed(
        "member `\(shown)` is packed by method \(method); stored (0) and deflated (8) ones are read, as "
          + "`np.savez` and `np.savez_compressed` write them")
    }
    guard let text = String(validating: nameBytes, as: UTF8.self),
      flags & ZipEntry.isUTF8 != 0 || nameBytes.allSatisfy({ $0 < 0x80 })
    else { throw Malformed("member `\(shown)`: its name is not UTF-8") }
    name = text
  }

  /// The member of this entry: checks the header at `next`, which moves behind the member, at most to `end`.
  func member(
    _ bytes: [UInt8], from next: inout Int, to end: Int
  ) throws(Malformed) -> ZipDirectory.Member {
    var reader = ByteReader(bytes, in: next..<end)
    let what = "the header of member `\(shown)`"
    guard try reader.littleEndian(4, what) == ZipDirectory.headerSignature else {
      throw Malformed("byte \(next): \(what) should stand here")
    }
    _ = try reader.take(2, what)
    let seen = try (reader.littleEndian(2, what), reader.littleEndian(2, what))
    _ = try reader.take(4, what)
    let sum = try reader.littleEndian(4, what)
    var packed = try reader.littleEndian(4, what)
    var count = try reader.littleEndian(4, what)
    let nameCount = try reader.littleEndian(2, what)
    let extraCount = try reader.littleEndian(2, what)
    let nameRange = try reader.take(Int(nameCount), what)
    let extra = try reader.take(Int(extraCount), what)
    let wide = try ZipEntry.wideNumbers(bytes, extra, shown)
    if var wide, count == 0xffff_ffff, packed == 0xffff_ffff {
      count = try wide.littleEndian(8, "the zip64 size of `\(shown)`")
      packed = try wide.littleEndian(8, "the zip64 packed size of `\(shown)`")
    }
    guard bytes[nameRange].elementsEqual(nameBytes), seen == (flags, method) else {
      throw Malformed("member `\(shown)`: the header at byte \(next) has another name, method or flags")
    }
    // With a descriptor behind the data, the header may leave its numbers at 0.
    let isLate = flags & ZipEntry.hasDescriptor != 0
    guard sum == checksum || isLate && sum == 0, packed == packedCount || isLate && packed == 0,
      count == byteCount || isLate && count == 0
    else {
      throw Malformed("member `\(shown)`: the header at byte \(next) has another size or checksum")
    }
    guard packedCount <= UInt64(reader.remaining) else {
      throw Malformed(
        "member `\(shown)` has \(packedCount) bytes from byte \(reader.offset) on, but \(reader.remaining) are "
          + "there; is the file truncated?")
    }
    let data = try reader.take(Int(packedCount), "member `\(shown)`")
    let isDeflated = method == 8
    let most =
      isDeflated
      ? UInt64(data.count).multipliedReportingOverflow(by: UInt64(ZipDirectory.maxRatio)).partialValue
      : UInt64(data.count)
    guard isDeflated ? byteCount <= most : byteCount == most, let size = Int(exactly: byteCount) else {
      throw Malformed(
        "member `\(shown)` promises \(byteCount) bytes, which its \(data.count) bytes in the file cannot hold"
      )
    }
    if isLate {
      let late = "the data descriptor of member `\(shown)`"
      let width = wide == nil ? 4 : 8
      guard try reader.littleEndian(4, late) == ZipDirectory.descriptorSignature,
        try reader.littleEndian(4, late) == checksum, try reader.littleEndian(width, late) == packedCount,
        try reader.littleEndian(width, late) == byteCount
      else { throw Malformed("byte \(data.upperBound): \(late) is missing or has other numbers") }
    }
    next = reader.offset
    return ZipDirectory.Member(
      name: name, isDeflated: isDeflated, checksum: UInt32(truncatingIfNeeded: checksum), byteCount: size,
      data: data)
  }

  /// The numbers in the zip64 part of an extra field; nil where there is none.
  private static func wideNumbers(
    _ bytes: [UInt8], _ extra: Range<Int>, _ shown: String
  ) throws(Malformed) -> ByteReader? {
    var reader = ByteReader(bytes, in: extra)
    var found: ByteReader?
    while reader.remaining > 0 {
      let kind = try reader.littleEndian(2, "an extra field of `\(shown)`")
      let count = try reader.littleEndian(2, "an extra field of `\(shown)`")
      let range = try reader.take(Int(count), "an extra field of `\(shown)`")
      guard kind == 1 else { continue }
      guard found == nil else { throw Malformed("member `\(shown)` has two zip64 fields") }
      found = ByteReader(bytes, in: range)
    }
    return found
  }
}
