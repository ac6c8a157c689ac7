/// zlib streams (RFC 1950): a DEFLATE stream between two bytes of header and a checksum.
package enum Zlib {
  /// A zlib stream of `bytes`.
  package static func compress(_ bytes: [UInt8]) -> [UInt8] {
    var out: [UInt8] = [0x78, 0x9c]
    out += Deflate.compress(bytes)
    out.appendBigEndian(Checksum.adler32(bytes))
    return out
  }

  /// The contents of a zlib stream that must fill `bytes`.
  ///
  /// Throws when the stream is broken, when something follows it and when it holds more than `limit` bytes;
  /// no more memory than that is taken.
  package static func decompress(_ bytes: [UInt8], limit: Int) throws(Malformed) -> [UInt8] {
    guard bytes.count >= 2 else { throw Malformed("the zlib stream is truncated") }
    let header = Int(bytes[0]) << 8 | Int(bytes[1])
    guard bytes[0] & 0x0f == 8, bytes[0] >> 4 <= 7, header % 31 == 0 else {
      throw Malformed("the zlib stream begins with the wrong bytes `\(printable(bytes.prefix(2)))`")
    }
    guard bytes[1] & 0x20 == 0 else { throw Malformed("the zlib stream needs a preset dictionary") }
    var inflater = Inflater(bytes, from: 2, limit: limit)
    try inflater.run()
    var reader = ByteReader(bytes)
    _ = try reader.take(inflater.offset, "the zlib stream")
    let sum = try reader.bigEndian(4, "the checksum of the zlib stream")
    guard UInt64(Checksum.adler32(inflater.output)) == sum else {
      throw Malformed("the checksum of the zlib stream is wrong; the file is damaged")
    }
    guard reader.remaining == 0 else {
      throw Malformed("\(reader.remaining) bytes follow the end of the zlib stream")
    }
    return inflater.output
  }
}
