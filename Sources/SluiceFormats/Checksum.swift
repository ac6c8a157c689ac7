/// The checksums of PNG chunks and zlib streams.
package enum Checksum {
  /// CRC-32 of `bytes` (ISO 3309, reflected polynomial 0xEDB88320), as PNG and gzip use it.
  package static func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 {
    let table = crcTable
    var crc = UInt32.max
    for byte in bytes { crc = table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ (crc >> 8) }
    return ~crc
  }

  /// Adler-32 of `bytes` (RFC 1950).
  package static func adler32(_ bytes: [UInt8]) -> UInt32 {
    var low: UInt32 = 1
    var high: UInt32 = 0
    var at = 0
    while at < bytes.count {
      // 5552 is the most bytes after which neither sum can have overflowed.
      let end = min(at + 5552, bytes.count)
      for byte in bytes[at..<end] {
        low += UInt32(byte)
        high += low
      }
      low %= 65521
      high %= 65521
      at = end
    }
    return high << 16 | low
  }

  private static let crcTable: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { crc, _ in crc & 1 == 0 ? crc >> 1 : (crc >> 1) ^ 0xEDB8_8320 }
  }
}
