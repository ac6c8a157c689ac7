import Foundation
import SluiceFormats
import SluiceIR
import Testing

import enum TestSupport.Repository

/// A small generator of random bits, the same in every run (Steele, Lea and Flood 2014).
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word >> 31
  }
}

/// Every reader on thousands of damaged files: it may return or throw, never stop the program.
@Suite struct FuzzTests {
  /// How many damaged files a reader gets: `SLUICE_RANDOM=N` asks for N.
  static let rounds = max(1, Repository.number("SLUICE_RANDOM") ?? 3000)
  /// Where the random numbers begin: `SLUICE_SEED`.
  static let firstSeed = UInt64(max(0, Repository.number("SLUICE_SEED") ?? 0))

  /// One to four small damages to one of `files`.
  static func damaged(_ files: [[UInt8]], _ random: inout SplitMix64) -> [UInt8] {
    var bytes = files.randomElement(using: &random) ?? []
    for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
      let at = Int.random(in: 0..<bytes.count, using: &random)
      let end = min(bytes.count, at + Int.random(in: 1...8, using: &random))
      switch Int.random(in: 0..<9, using: &random) {
      case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 1: bytes[at] = [0, 1, 0x7f, 0x80, 0xff].randomElement(using: &random) ?? 0
      case 2: bytes[at] = UInt8.random(in: 0...255, using: &random)
      case 3: bytes.removeSubrange(at...)
      case 4: bytes.removeSubrange(at..<end)
      case 5: bytes.insert(contentsOf: bytes[at..<end], at: at)
      case 6: for index in at..<end { bytes[index] = 0xff }
      case 7: bytes.insert(UInt8(ascii: "9"), at: at)
      default: bytes.swapAt(at, end - 1)
      }
    }
    return bytes
  }

  /// Runs `body` on damaged `files`; it says whether it could read one.
  ///
  /// Some must be readable, some not.
  func fuzz(_ files: [[UInt8]], seed: UInt64, _ body: ([UInt8]) throws -> Bool) rethrows {
    var random = SplitMix64(seed: Self.firstSeed &* 1000 &+ seed)
    var readCount = 0
    for _ in 0..<FuzzTests.rounds where try body(FuzzTests.damaged(files, &random)) { readCount += 1 }
    if FuzzTests.rounds >= 3000 { #expect(readCount > 0 && readCount < FuzzTests.rounds) }
    for file in files {
      let isRead = try body(file)
      #expect(isRead)
    }
  }

  @Test func npy() throws {
    let files =
      NpyTests.plain.map(\.bytes) + [
        Reference.npyFortran, Reference.npyBigEndian, Reference.npyBigEndianFortran, Reference.npyVersion2,
        Reference.npyVersion3,
      ]
    try fuzz(files, seed: 1) { bytes in
      guard let tensor = try? Npy.decode(bytes, path: "x") else { return false }
      #expect(tensor.bytes.count == tensor.count * tensor.dtype.byteCount)
      let again = try Npy.decode(Npy.encode(tensor), path: "x")
      #expect(again == tensor)
      return !tensor.description.isEmpty
    }
  }

  /// Damage to the header alone, where it is most likely to be read all the same.
  @Test func npyHeader() throws {
    let header = "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }"
    var random = SplitMix64(seed: Self.firstSeed &* 1000 &+ 2)
    for _ in 0..<FuzzTests.rounds {
      let text = FuzzTests.damaged([Array(header.utf8)], &random)
      var bytes = NpyTests.file(String(repeating: " ", count: text.count), [UInt8](repeating: 1, count: 24))
      bytes.replaceSubrange(10..<10 + text.count, with: text)
      guard let tensor = try? Npy.decode(bytes, path: "x") else { continue }
      #expect(tensor.bytes.count == 24)
    }
  }

  @Test func png() {
    let files = [
      Reference.pngGrey, Reference.pngRGB, Reference.pngPillowGrey, Reference.pngOpaqueAlpha,
      Reference.pngOpaqueGreyAlpha,
    ]
    fuzz(files, seed: 3) { bytes in
      // Without repaired checksums nearly every damage would be refused at the door.
      guard let image = try? Png.decode(PictureTests.repaired(bytes), path: "x") else { return false }
      #expect(image.samples.count == image.width * image.height * image.channels.rawValue)
      return true
    }
  }

  @Test func inflate() {
    let streams = ZlibTests.streams.map { Array($0.bytes.dropFirst(2).dropLast(4)) }.filter {
      $0.count < 1000
    }
    fuzz(streams, seed: 4) { bytes in
      // Enough for all but the run of 70000 zeros, so that the limit is met as well.
      var inflater = Inflater(bytes, from: 0, limit: 6000)
      do throws(Malformed) { try inflater.run() } catch { return error.message.contains("promised") }
      #expect(inflater.offset <= bytes.count)
      return inflater.output.count <= 6000
    }
  }

  @Test func pgm() throws {
    let image = try PictureTests.picture(9, 7, .grey)
    let files = [Pgm.encode(image), Pgm.encode(image, asText: true), Array("P2 # a\n4 1 15\n0 1 7 15".utf8)]
    fuzz(files, seed: 5) { bytes in
      guard let image = try? Pgm.decode(bytes, path: "x") else { return false }
      #expect(image.samples.count == image.width * image.height)
      return true
    }
  }

  @Test func wav() {
    fuzz(WavTests.files.map(\.bytes), seed: 6) { bytes in
      guard let clip = try? Wav.decode(bytes, path: "x") else { return false }
      return clip.frameCount >= 0 && clip.tensor.rank == 2
    }
  }

  /// Damage between the headers; what can be read holds no more than the file can promise.
  @Test func npz() throws {
    let files =
      NpzTests.files.map(\.bytes) + [
        NpzTests.encode(NpzTests.plain, true, narrowLimit: 0),
        NpzTests.encode(NpzTests.files[1].tensors, true, narrowLimit: 100),
      ]
    try fuzz(files, seed: 7) { bytes in
      guard let file = try? Npz(bytes, path: "x"), let tensors = try? file.tensors() else { return false }
      #expect(tensors.reduce(0) { $0 + $1.tensor.bytes.count } <= bytes.count * 1032)
      let again = try Npz(Npz.encode(tensors, path: "x"), path: "x").tensors()
      #expect(again == tensors)
      return true
    }
  }

  /// Damage inside packed members whose checksums are mended, so that it gets as far as the array.
  @Test func npzMembers() throws {
    let contents = [Npy.encode(NpzTests.plain[0].tensor), Npy.encode(NpzTests.files[1].tensors[1].tensor)]
    try fuzz(contents, seed: 8) { bytes in
      let file = try Npz(NpzTests.zip([("x.npy", bytes)], isPacked: bytes.count % 2 == 0), path: "x")
      guard let tensors = try? file.tensors() else { return false }
      return tensors[0].tensor.bytes.count <= bytes.count
    }
  }

  @Test func safetensors() throws {
    let files = [
      Reference.safetensors, SafetensorsTests.one(),
      SafetensorsTests.file("{\"__metadata__\":{\"a\":\"b\"}}"),
    ]
    try fuzz(files, seed: 9) { bytes in
      guard let file = try? Safetensors(bytes, path: "x"), let tensors = try? file.tensors() else {
        return false
      }
      #expect(tensors.reduce(0) { $0 + $1.tensor.bytes.count } <= bytes.count)
      let again = try Safetensors(
        Safetensors.encode(tensors, metadata: file.metadata, path: "x"), path: "x")
      #expect(again.metadata == file.metadata && again.names.count == file.names.count)
      for tensor in tensors {
        let same = try again.tensor(tensor.name)
        #expect(same == tensor.tensor)
      }
      return true
    }
  }

  /// Damage to the header alone, its length mended.
  @Test func safetensorsHeader() {
    let header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}"
    fuzz([Array(header.utf8)], seed: 10) { text in
      let count = (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) }
      let bytes = count + text + [UInt8](repeating: 1, count: 24)
      guard let file = try? Safetensors(bytes, path: "x"), let tensors = try? file.tensors() else {
        return false
      }
      #expect(tensors.reduce(0) { $0 + $1.tensor.bytes.count } == 24)
      return true
    }
  }

  /// The start of every file, of every length.
  @Test func truncated() {
    for file in NpyTests.plain.map(\.bytes) where file.count > 128 {
      for count in file.indices { #expect((try? Npy.decode(Array(file[..<count]), path: "x")) == nil) }
    }
    for file in [Reference.pngGrey, Reference.pngRGB] {
      for count in file.indices {
        #expect((try? Png.decode(PictureTests.repaired(Array(file[..<count])), path: "x")) == nil)
      }
    }
    for file in WavTests.files.map(\.bytes) {
      for count in file.indices { #expect((try? Wav.decode(Array(file[..<count]), path: "x")) == nil) }
    }
  }
}
