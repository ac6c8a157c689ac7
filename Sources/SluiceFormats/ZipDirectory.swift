/// What a zip file holds and where: its directory, checked against the header before every member.
///
/// Strict, so that no two programs can see different contents: members and directory fill the file without
/// gap or overlap, both headers of a member agree, and nothing stands before, between or behind them.
/// Source: PKWARE, APPNOTE.TXT 6.3.10 (the layout, zip64, data descriptors).
struct ZipDirectory {
  /// A file in the archive.
  struct Member {
    let name: String
    /// Compressed by DEFLATE; else the bytes stand there as they are.
    let isDeflated: Bool
    let checksum: UInt32
    /// The size of the contents in bytes.
    let byteCount: Int
    /// Where its bytes stand in the archive.
    let data: Range<Int>
  }

  /// The most that all members together may hold, in bytes.
  static let sizeLimit = 1 << 36
  /// DEFLATE makes at most 258 bytes of 2 bits.
  static let maxRatio = 1032

  static let endSignature: UInt64 = 0x0605_4b50
  static let entrySignature: UInt64 = 0x0201_4b50
  static let headerSignature: UInt64 = 0x0403_4b50
  static let descriptorSignature: UInt64 = 0x0807_4b50
  static let wideEndSignature: UInt64 = 0x0606_4b50
  static let wideLocatorSignature: UInt64 = 0x0706_4b50

  static let endCount = 22
  static let entryCount = 46
  static let wideEndCount = 56
  static let wideLocatorCount = 20

  /// The archive.
  let bytes: [UInt8]
  /// Its files, in the order of the directory.
  let members: [Member]

  init(_ bytes: [UInt8]) throws(Malformed) {
    self.bytes = bytes
    let (entries, range) = try ZipDirectory.directory(bytes)
    var reader = ByteReader(bytes, in: range)
    // An entry takes 46 bytes, so this many fit at most and no memory is taken on a promise.
    guard entries <= UInt64(range.count / ZipDirectory.entryCount) else {
      throw Malformed("the end record promises \(entries) members, more than the directory has room for")
    }
    var found: [(entry: ZipEntry, position: Int)] = []
    for position in 0..<Int(entries) { found.append((try ZipEntry(&reader), position)) }
    guard reader.remaining == 0 else {
      throw Malformed(
        "byte \(reader.offset): \(reader.remaining) bytes follow the \(entries) directory entries")
    }
    found.sort { ($0.entry.start, $0.position) < ($1.entry.start, $1.position) }
    var next = 0
    var total = 0
    var placed: [(member: Member, position: Int)] = []
    for (entry, position) in found {
      guard entry.start == UInt64(next) else {
        throw Malformed(
          "member `\(entry.shown)` begins at byte \(entry.start), but byte \(next) is the next free one: "
            + "members overlap or leave a hole; write the archive anew")
      }
      let member = try entry.member(bytes, from: &next, to: range.lowerBound)
      let (sum, overflow) = total.addingReportingOverflow(member.byteCount)
      guard !overflow, sum <= ZipDirectory.sizeLimit else {
        throw Malformed("the members hold more than \(ZipDirectory.sizeLimit) bytes, the most read here")
      }
      total = sum
      placed.append((member, position))
    }
    guard next == range.lowerBound else {
      throw Malformed(
        "byte \(next): \(range.lowerBound - next) bytes between the last member and the directory belong to none"
      )
    }
    members = placed.sorted { $0.position < $1.position }.map(\.member)
  }

  /// How many entries the directory has and where it is, by the record at the end of the file.
  private static func directory(_ bytes: [UInt8]) throws(Malformed) -> (UInt64, Range<Int>) {
    let start = bytes.count - endCount
    guard start >= 0 else {
      throw Malformed("\(bytes.count) bytes are no zip file, which ends in a record of 22; is it truncated?")
    }
    var reader = ByteReader(bytes, in: start..<bytes.count)
    guard try reader.littleEndian(4, "signature") == endSignature else {
      throw Malformed(
        "byte \(start): no end record of a zip file stands there; is the file truncated, or does a comment end it?"
      )
    }
    let disks = try (reader.littleEndian(2, "disk"), reader.littleEndian(2, "disk"))
    let counts = try (reader.littleEndian(2, "entries"), reader.littleEndian(2, "entries"))
    let size = try reader.littleEndian(4, "size")
    let offset = try reader.littleEndian(4, "offset")
    guard try reader.littleEndian(2, "comment") == 0 else {
      throw Malformed(
        "byte \(start): the end record promises a comment, which is not read; write the archive anew")
    }
    let isWide = counts.1 == 0xffff || size == 0xffff_ffff || offset == 0xffff_ffff
    if isWide || offset + size != UInt64(start) {
      if let (entries, range) = try wideDirectory(bytes, before: start) {
        guard counts.0 == counts.1, [0xffff, entries].contains(counts.1),
          [0xffff_ffff, UInt64(range.count)].contains(size),
          [0xffff_ffff, UInt64(range.lowerBound)].contains(offset)
        else { throw Malformed("byte \(start): the end record and the zip64 end record disagree") }
        return (entries, range)
      }
    }
    guard disks == (0, 0), counts.0 == counts.1 else {
      throw Malformed("byte \(start): the archive is split over several files; join them first")
    }
    guard offset + size == UInt64(start) else {
      throw Malformed(
        "byte \(start): the directory should end here, but it is said to have \(size) bytes from byte \(offset) on"
      )
    }
    return (counts.1, Int(offset)..<start)
  }

  /// The same by the zip64 records before byte `end`; nil where there are none.
  private static func wideDirectory(
    _ bytes: [UInt8], before end: Int
  ) throws(Malformed) -> (UInt64, Range<Int>)? {
    let place = end - wideLocatorCount
    let start = place - wideEndCount
    guard start >= 0 else { return nil }
    var locator = ByteReader(bytes, in: place..<end)
    guard try locator.littleEndian(4, "signature") == wideLocatorSignature else { return nil }
    let disk = try locator.littleEndian(4, "disk")
    let offset = try locator.littleEndian(8, "offset")
    let disks = try locator.littleEndian(4, "disks")
    var reader = ByteReader(bytes, in: start..<place)
    guard disk == 0, disks == 1, offset == UInt64(start),
      try reader.littleEndian(4, "signature") == wideEndSignature,
      try reader.littleEndian(8, "size") == UInt64(wideEndCount - 12)
    else { throw Malformed("byte \(place): the zip64 locator does not lead to a zip64 end record") }
    _ = try reader.take(4, "versions")
    let numbers = try (reader.littleEndian(4, "disk"), reader.littleEndian(4, "disk"))
    let counts = try (reader.littleEndian(8, "entries"), reader.littleEndian(8, "entries"))
    let size = try reader.littleEndian(8, "size")
    let first = try reader.littleEndian(8, "offset")
    guard numbers == (0, 0), counts.0 == counts.1 else {
      throw Malformed("byte \(start): the archive is split over several files; join them first")
    }
    guard first <= UInt64(start), size == UInt64(start) - first else {
      throw Malformed(
        "byte \(start): the directory should end here, but it is said to have \(size) bytes from byte \(first) on"
      )
    }
    return (counts.1, Int(first)..<start)
  }

  /// The contents of a member, its checksum verified; the memory taken is at most what the directory promises.
  func contents(_ member: Member) throws(Malformed) -> [UInt8] {
    guard member.isDeflated else {
      try verify(member, bytes[member.data])
      return Array(bytes[member.data])
    }
    var inflater = Inflater(bytes, from: member.data.lowerBound, limit: member.byteCount)
    try inflater.run()
    guard inflater.offset == member.data.upperBound else {
      throw Malformed(
        "the compressed data end at byte \(inflater.offset), not at byte \(member.data.upperBound) as promised"
      )
    }
    guard inflater.output.count == member.byteCount else {
      throw Malformed("\(inflater.output.count) bytes came out of it but \(member.byteCount) are promised")
    }
    try verify(member, inflater.output[...])
    return inflater.output
  }

  /// Throws unless `contents` has the checksum of `member`.
  func verify(_ member: Member, _ contents: ArraySlice<UInt8>) throws(Malformed) {
    guard Checksum.crc32(contents) == member.checksum else {
      throw Malformed("its checksum is wrong; the file is damaged")
    }
  }
}
