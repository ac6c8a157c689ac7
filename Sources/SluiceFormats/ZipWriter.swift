/// Writes a zip file member by member, the way Python's `zipfile` does for NumPy: no times, zip64 sizes in the
/// header of every member, zip64 records at the end only where numbers need them.
struct ZipWriter {
  private var out: [UInt8] = []
  private var directory: [UInt8] = []
  private var count = 0
  /// The greatest number that is written in 32 bits; less only to test zip64 without files of 4 GiB.
  private let narrowLimit: Int

  init(narrowLimit: Int = 0xffff_fffe) {
    self.narrowLimit = narrowLimit
  }

  /// Appends a member whose name is at most 65535 bytes long.
  mutating func append(_ name: String, _ contents: [UInt8], isPacked: Bool) {
    let packed = isPacked ? Deflate.compress(contents) : contents
    let isDeflated = isPacked && packed.count < contents.count
    let data = isDeflated ? packed : contents
    let start = out.count
    let isASCII = name.utf8.allSatisfy { $0 < 0x80 }
    // Flags, method, time 0:00 and date 1980-01-01, checksum.
    var common: [UInt8] = []
    common.appendLittleEndian(isASCII ? 0 : 1 << 11, count: 2)
    common.appendLittleEndian(isDeflated ? 8 : 0, count: 2)
    common.appendLittleEndian(0x0021_0000, count: 4)
    common.appendLittleEndian(Checksum.crc32(contents), count: 4)

    out.appendLittleEndian(ZipDirectory.headerSignature, count: 4)
    out.appendLittleEndian(45, count: 2)
    out += common
    out.appendLittleEndian(UInt64.max, count: 8)
    out.appendLittleEndian(name.utf8.count, count: 2)
    out.appendLittleEndian(20, count: 2)
    out += name.utf8
    out.appendLittleEndian(1, count: 2)
    out.appendLittleEndian(16, count: 2)
    out.appendLittleEndian(contents.count, count: 8)
    out.appendLittleEndian(data.count, count: 8)
    out += data

    var extra: [UInt8] = []
    directory.appendLittleEndian(ZipDirectory.entrySignature, count: 4)
    directory.appendLittleEndian(45 | 3 << 8, count: 2)
    directory.appendLittleEndian(45, count: 2)
    directory += common
    // The packed size stands first here but second in the zip64 field.
    directory.appendLittleEndian(data.count > narrowLimit ? 0xffff_ffff : data.count, count: 4)
    directory.appendLittleEndian(narrow(contents.count, &extra), count: 4)
    if data.count > narrowLimit { extra.appendLittleEndian(data.count, count: 8) }
    let offset = narrow(start, &extra)
    directory.appendLittleEndian(name.utf8.count, count: 2)
    directory.appendLittleEndian(extra.isEmpty ? 0 : extra.count + 4, count: 2)
    directory.appendLittleEndian(0, count: 6)
    // A file that its owner may read and write.
    directory.appendLittleEndian(0o600 << 16, count: 4)
    directory.appendLittleEndian(offset, count: 4)
    directory += name.utf8
    if !extra.isEmpty {
      directory.appendLittleEndian(1, count: 2)
      directory.appendLittleEndian(extra.count, count: 2)
      directory += extra
    }
    count += 1
  }

  /// The whole archive.
  consuming func finish() -> [UInt8] {
    let start = out.count
    let size = directory.count
    out += directory
    if count > min(narrowLimit, 0xfffe) || size > narrowLimit || start > narrowLimit {
      let end = out.count
      out.appendLittleEndian(ZipDirectory.wideEndSignature, count: 4)
      out.appendLittleEndian(ZipDirectory.wideEndCount - 12, count: 8)
      out.appendLittleEndian(45 | 45 << 16, count: 4)
      out.appendLittleEndian(0, count: 8)
      for number in [count, count, size, start] { out.appendLittleEndian(number, count: 8) }
      out.appendLittleEndian(ZipDirectory.wideLocatorSignature, count: 4)
      out.appendLittleEndian(0, count: 4)
      out.appendLittleEndian(end, count: 8)
      out.appendLittleEndian(1, count: 4)
    }
    out.appendLittleEndian(ZipDirectory.endSignature, count: 4)
    out.appendLittleEndian(0, count: 4)
    let shown = min(count, 0xffff)
    out.appendLittleEndian(shown, count: 2)
    out.appendLittleEndian(shown, count: 2)
    out.appendLittleEndian(size > narrowLimit ? 0xffff_ffff : size, count: 4)
    out.appendLittleEndian(start > narrowLimit ? 0xffff_ffff : start, count: 4)
    out.appendLittleEndian(0, count: 2)
    return out
  }

  /// The number as 32 bits can say it; where they cannot, all ones, and it joins the zip64 field.
  private func narrow(_ number: Int, _ extra: inout [UInt8]) -> Int {
    guard number > narrowLimit else { return number }
    extra.appendLittleEndian(number, count: 8)
    return 0xffff_ffff
  }
}
