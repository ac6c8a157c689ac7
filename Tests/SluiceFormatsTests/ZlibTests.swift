import SluiceFormats
import Testing

/// DEFLATE in both directions, against streams that zlib wrote.
@Suite struct ZlibTests {
  static let streams: [(bytes: [UInt8], contents: [UInt8])] = [
    (Reference.zlibEmpty, []),
    (Reference.zlibStored, Reference.skewed(300)),
    (Reference.zlibFixed, Array(Reference.bottles.prefix(400))),
    (Reference.zlibDynamic, Reference.bottles),
    (Reference.zlibHuffmanOnly, Reference.skewed(1500)),
    (Reference.zlibRunLength, [UInt8](repeating: 0, count: 70000) + Reference.bottles.prefix(100)),
    (Reference.zlibFlushed, Reference.bottles.prefix(300) + Reference.skewed(200) + Reference.bottles),
    (Reference.zlibFar, far),
  ]
  private static let far =
    Reference.skewed(300, seed: 7) + [UInt8](repeating: 0, count: 32000) + Reference.skewed(300, seed: 7)

  @Test func checksumsAreThoseOfTheStandards() {
    #expect(Checksum.crc32("123456789".utf8) == 0xCBF4_3926)
    #expect(Checksum.crc32([]) == 0)
    #expect(Checksum.adler32(Array("Wikipedia".utf8)) == 0x11E6_0398)
    #expect(Checksum.adler32([]) == 1)
    // zlib.crc32 and zlib.adler32 of the same text
    #expect(Checksum.crc32(Reference.bottles) == 0xF9CB_9A84)
    #expect(Checksum.adler32(Reference.bottles) == 0xE42A_8C2F)
  }

  @Test func referenceHasEveryKindOfBlock() {
    #expect(Set(ZlibTests.streams.map { $0.bytes[2] >> 1 & 3 }) == [0, 1, 2])
  }

  @Test(arguments: streams.indices) func readsWhatZlibWrote(_ index: Int) throws {
    let (bytes, contents) = ZlibTests.streams[index]
    #expect(try Zlib.decompress(bytes, limit: contents.count) == contents)
    #expect(try Zlib.decompress(bytes, limit: .max) == contents)
    if !contents.isEmpty {
      #expect(throws: Malformed.self) { try Zlib.decompress(bytes, limit: contents.count - 1) }
    }
    #expect(throws: Malformed.self) { try Zlib.decompress(bytes + [0], limit: contents.count) }
    for count in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 20)) {
      #expect(throws: Malformed.self) { try Zlib.decompress(Array(bytes[..<count]), limit: contents.count) }
    }
    var damaged = bytes
    damaged[bytes.count - 1] ^= 1
    #expect(throws: Malformed("the checksum of the zlib stream is wrong; the file is damaged")) {
      try Zlib.decompress(damaged, limit: contents.count)
    }
  }

  @Test(arguments: streams.indices) func readsWhatItWrites(_ index: Int) throws {
    let (bytes, contents) = ZlibTests.streams[index]
    let written = Zlib.compress(contents)
    #expect(try Zlib.decompress(written, limit: contents.count) == contents)
    // Not far behind zlib: the matches are looked for less long, the codes are as good.
    #expect(written.count <= bytes.count + bytes.count / 10 + 40)
  }

  @Test func writesAllKindsOfBlocks() throws {
    var generator = SplitMix64(seed: 3)
    let random = (0..<70000).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    #expect(Deflate.compress([7, 7]).count == 4)
    // A match at the greatest distance, 32768.
    let twice = Array(random[..<32768] + random[..<5000])
    #expect(Zlib.compress(twice).count < 33500)
    let all: [[UInt8]] = [[], [7], random, Array(random[..<65535]), twice]
    for contents in all {
      let written = Zlib.compress(contents)
      let overhead = 5 * (contents.count / 32768 + 2) + 6
      #expect(written.count <= contents.count + overhead)
      #expect(try Zlib.decompress(written, limit: contents.count) == contents)
    }
  }

  static let broken: [(bits: [UInt8], message: String)] = [
    ([0x07], "unknown kind 3"),
    ([0x01, 1, 0, 0xff, 0xff, 9], "two lengths that disagree"),
    ([0x01, 2, 0, 0xfd, 0xff, 9], "truncated"),
    // Fixed block: length 3 at distance 1, with nothing before it.
    ([0x03, 0x02, 0x00, 0x00], "copy from 1 bytes back but only 0 are there"),
    // Fixed block with the reserved length symbol 286.
    ([0x1b, 0x03, 0x00, 0x00], "reserved length symbol 286"),
    // Dynamic block of 288 literal symbols.
    ([0xfd, 0x00, 0x00], "too many symbols"),
    // Dynamic block, no code for code lengths at all.
    ([0x05, 0x00, 0x00, 0x00], "the code for code lengths in the compressed data is incomplete"),
    // Dynamic block, all four first code lengths are 1.
    ([0x05, 0x00, 0x92, 0x04], "too many codes"),
    ([], "truncated"),
  ]

  @Test(arguments: broken) func refuses(_ stream: (bits: [UInt8], message: String)) {
    var inflater = Inflater(stream.bits, from: 0, limit: 100)
    do throws(Malformed) {
      try inflater.run()
      Issue.record("expected an error containing `\(stream.message)`")
    } catch {
      #expect(error.message.contains(stream.message), "\(error.message)")
    }
  }

  @Test func refusesWrongHeaders() {
    for header: [UInt8] in [[], [0x78], [0x78, 0x9d], [0x79, 0x9c], [0x88, 0x1c], [0x78, 0xbb]] {
      #expect(throws: Malformed.self) { try Zlib.decompress(header + [3, 0, 0, 0, 0, 1], limit: 0) }
    }
    #expect(throws: Never.self) { try Zlib.decompress([0x78, 0x9c, 3, 0, 0, 0, 0, 1], limit: 0) }
  }
}
