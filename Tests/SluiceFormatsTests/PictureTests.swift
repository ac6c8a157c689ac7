import SluiceFormats
import SluiceIR
import Testing

/// `.png` and `.pgm` files and the picture they hold.
@Suite struct PictureTests {
  static func picture(_ width: Int, _ height: Int, _ channels: Image.Channels) throws -> Image {
    try #require(
      Image(
        width: width, height: height, channels: channels,
        samples: Reference.samples(width, height, channels.rawValue)))
  }

  @Test func readsReferencePngs() throws {
    #expect(try Png.decode(Reference.pngGrey, path: "x") == PictureTests.picture(9, 7, .grey))
    #expect(try Png.decode(Reference.pngRGB, path: "x") == PictureTests.picture(6, 11, .rgb))
    #expect(try Png.decode(Reference.pngPillowGrey, path: "x") == PictureTests.picture(20, 12, .grey))
    #expect(try Png.decode(Reference.pngPillowRGB, path: "x") == PictureTests.picture(10, 6, .rgb))
    #expect(try Png.decode(Reference.pngOpaqueAlpha, path: "x") == PictureTests.picture(4, 6, .rgb))
    #expect(try Png.decode(Reference.pngOpaqueGreyAlpha, path: "x") == PictureTests.picture(4, 6, .grey))
  }

  @Test func breaksTiesOfThePaethFilterByTheOrderOfTheStandard() throws {
    let samples = Reference.skewed(144).map { $0 & 7 }
    #expect(try Png.decode(Reference.pngPaeth, path: "x").samples == samples)
  }

  @Test func readsWhatItWrites() throws {
    for (width, height) in [(1, 1), (1, 9), (200, 3), (33, 40)] {
      for channels in [Image.Channels.grey, .rgb] {
        let image = try PictureTests.picture(width, height, channels)
        #expect(try Png.decode(Png.encode(image), path: "x") == image)
      }
    }
  }

  @Test func compressesSmoothPictures() throws {
    let samples = (0..<64 * 64 * 3).map { UInt8(truncatingIfNeeded: $0 / 192 + $0 % 192 / 3 + $0 % 3) }
    let image = try #require(Image(width: 64, height: 64, channels: .rgb, samples: samples))
    #expect(Png.encode(image).count < 500)
  }

  @Test func namesWhatItDoesNotRead() {
    expectMalformed("the pixel in column 2 of row 3 has opacity 17 of 255") {
      () throws(FileError) in try Png.decode(Reference.pngTransparent, path: "x")
    }
    expectMalformed("has a palette") { () throws(FileError) in try Png.decode(Reference.pngPalette, path: "x")
    }
    expectMalformed("has 16 bits a sample") { () throws(FileError) in
      try Png.decode(Reference.pngSixteen, path: "x")
    }
  }

  /// The 9 x 7 grey reference with byte `offset` of its file changed and the checksums of its chunks
  /// repaired.
  static func changed(_ offset: Int, to byte: UInt8) -> [UInt8] {
    var bytes = Reference.pngGrey
    bytes[offset] = byte
    return repaired(bytes)
  }

  /// `bytes` with the right checksum in every chunk that can be found.
  static func repaired(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    var at = 8
    while at + 12 <= bytes.count {
      let count = bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
      guard count <= bytes.count - at - 12 else { break }
      let sum = Checksum.crc32(bytes[at + 4..<at + 8 + count])
      for index in 0..<4 {
        bytes[at + 8 + count + index] = UInt8(truncatingIfNeeded: sum >> (24 - 8 * index))
      }
      at += 12 + count
    }
    return bytes
  }

  static let broken: [(bytes: [UInt8], message: String)] = [
    ([], "the magic of a .png file takes 8 bytes but 0 are left"),
    (Array("GIF89a..".utf8), "begins with `GIF89a..`"),
    (Array(Reference.pngGrey.dropLast(1)), "the checksum of the chunk IEND takes 4 bytes but 3 are left"),
    (Reference.pngGrey + [1, 2], "2 bytes follow the end of the picture"),
    (Array(Reference.pngGrey.dropLast(12)), "the length of a chunk takes 4 bytes but 0 are left"),
    (Array(Reference.pngGrey.prefix(33) + Reference.pngGrey.suffix(12)), "no IDAT chunk"),
    (Array(Reference.pngGrey.prefix(8) + Reference.pngGrey.suffix(12)), "IHDR must come first and once"),
    (Array(Reference.pngGrey.prefix(33) + Reference.pngGrey[8...]), "IHDR must come first and once"),
    (changed(19, to: 10), "10 x 7 pixels take 77 bytes but 70 are there"),
    (changed(19, to: 8), "hold more than the 63 bytes promised"),
    (changed(19, to: 0), "0 x 7 pixels are not between"),
    (changed(16, to: 0x7f), "x 7 pixels are not between 1 and 1073741824 samples"),
    (changed(24, to: 1), "has 1 bits a sample"),
    (changed(25, to: 5), "the colour type 5 is unknown"),
    (changed(26, to: 1), "compression method 1"),
    (changed(28, to: 1), "is interlaced"),
    (changed(37, to: UInt8(ascii: "J")), "the chunk JDAT is unknown and must not be skipped"),
    (changed(37, to: UInt8(ascii: "!")), "`!DAT` stands where the type of a chunk should"),
  ]

  @Test(arguments: broken) func refusesPng(_ file: (bytes: [UInt8], message: String)) {
    expectMalformed(file.message) { () throws(FileError) in try Png.decode(file.bytes, path: "x") }
  }

  @Test func refusesDamagedChunks() {
    var bytes = Reference.pngGrey
    bytes[45] ^= 4
    expectMalformed("the checksum of the chunk IDAT is wrong; the file is damaged") {
      () throws(FileError) in try Png.decode(bytes, path: "x")
    }
  }

  @Test func lumaIsThatOfPillow() throws {
    let grey = try PictureTests.picture(6, 11, .rgb).grey
    // Image.convert("L") of Pillow, the first two rows and the checksum of all
    #expect(Array(grey.samples[..<12]) == [41, 44, 53, 68, 89, 116, 48, 52, 62, 78, 100, 128])
    #expect(Checksum.crc32(grey.samples) == 1_719_698_779)
    #expect(grey.grey == grey)
  }

  @Test func convertsToTensors() throws {
    let rgb = try PictureTests.picture(6, 11, .rgb)
    #expect(rgb.tensor.shape == [11, 6, 3])
    #expect(Image(rgb.tensor) == rgb)
    #expect(rgb.grey.tensor.shape == [11, 6])
    #expect(Image(rgb.grey.tensor) == rgb.grey)
    #expect(Image(HostTensor([1] as [Float], shape: [1, 1])) == nil)
    #expect(Image(HostTensor([1, 2] as [UInt8], shape: [1, 1, 2])) == nil)
    #expect(Image(HostTensor([] as [UInt8], shape: [0, 1])) == nil)
    #expect(Image(width: 2, height: 1, channels: .grey, samples: [1]) == nil)
    #expect(Image(width: -1, height: -1, channels: .grey, samples: [1]) == nil)
    #expect(Image(width: .max, height: 2, channels: .rgb, samples: []) == nil)
  }

  @Test func readsAndWritesPgm() throws {
    let image = try #require(Image(width: 3, height: 2, channels: .grey, samples: [0, 10, 255, 9, 32, 200]))
    let binary = Array("P5\n3 2\n255\n".utf8) + image.samples
    let text = "P2\n3 2\n255\n0 10 255\n9 32 200\n"
    #expect(Pgm.encode(image) == binary)
    #expect(Pgm.encode(image, asText: true) == Array(text.utf8))
    #expect(try Pgm.decode(binary, path: "x") == image)
    #expect(try Pgm.decode(Array(text.utf8), path: "x") == image)
    let commented = "P2 # made\n# by hand\n3\t2 255 0 10 255 # row\r\n 9 32 200"
    #expect(try Pgm.decode(Array(commented.utf8), path: "x") == image)
    let scaled = try Pgm.decode(Array("P2 4 1 15 0 1 7 15".utf8), path: "x")
    #expect(scaled.samples == [0, 17, 119, 255])
    let wide = try PictureTests.picture(50, 3, .grey)
    let lines = String(decoding: Pgm.encode(wide, asText: true), as: UTF8.self).split(separator: "\n")
    #expect(lines.allSatisfy { $0.utf8.count <= 70 })
    #expect(try Pgm.decode(Pgm.encode(wide, asText: true), path: "x") == wide)
  }

  static let brokenPgm: [(text: String, message: String)] = [
    ("", "not with P5 or P2"),
    ("P6 1 1 255 abc", "begins with `P6`"),
    ("P53 1 255 ", "the width should be a number behind a space"),
    ("P5 1 1 65535 ab", "the greatest value is 65535"),
    ("P5 1 1 0 a", "the greatest value is 0"),
    ("P5 0 1 255 ", "0 x 1 pixels are not between"),
    ("P5 99999999999 1 255 ", "the width is too large"),
    ("P5 2000000000 2000000000 255 ", "pixels are not between"),
    ("P5 2 2 255 abc", "header says 4 samples but 3 bytes follow; is the file truncated?"),
    ("P5 2 2 255 abcde", "header says 4 samples but 5 bytes follow; what follows the picture?"),
    ("P5 1 1 255", "no space stands before the samples"),
    ("P5 1 1 50 3\n", "what follows the picture?"),
    ("P5 1 1 50 3", "sample 0 is 51, above the greatest value 50"),
    ("P2 2 1 255 1 256", "sample 1 is 256, above 255"),
    ("P2 2 1 255 1 ", "header says 2 samples but only 3 bytes follow"),
    ("P2 2 1 255 1    ", "sample 1 should be a number behind a space, but the file ends"),
    ("P2 2 1 255 1 -2", "sample 1 should be a number"),
    ("P2 1 1 255 1 2", "`2` follows the last sample"),
  ]

  @Test(arguments: brokenPgm) func refusesPgm(_ file: (text: String, message: String)) {
    expectMalformed(file.message) { () throws(FileError) in try Pgm.decode(Array(file.text.utf8), path: "x") }
  }
}
