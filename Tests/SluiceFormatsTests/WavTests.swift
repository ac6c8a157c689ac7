import SluiceFormats
import Testing

/// `.wav` files against those of Python's `wave`.
@Suite struct WavTests {
  static let files: [(bytes: [UInt8], rate: Int, channels: [[Float]])] = [
    (Reference.wavUInt8, 8000, [[-1, 0, 127.0 / 128]]),
    (Reference.wavInt16, 44100, [[0, 0.5, 1.0 / 32768], [-1, 32767.0 / 32768, -1.0 / 32768]]),
    (Reference.wavInt24, 48000, [[-1, 0.5, -1.0 / 8_388_608]]),
    (Reference.wavInt32, 48000, [[-1, 0.5]]),
    (Reference.wavFloat32, 22050, [[0.5, 1.5], [-0.25, 0]]),
    (Reference.wavFloat64, 16000, [[0.1, -0.75]]),
    (Reference.wavExtensible, 96000, [[0.5], [-0.5], [0]]),
    (Reference.wavExtensibleFloat, 8000, [[0.125]]),
  ]

  @Test(arguments: files.indices) func readsEverySampleFormat(_ index: Int) throws {
    let (bytes, rate, channels) = WavTests.files[index]
    #expect(try Wav.decode(bytes, path: "x") == AudioClip(sampleRate: rate, channels: channels))
  }

  @Test func writesAsPython() throws {
    let integers = try Wav.decode(Reference.wavInt16, path: "x")
    #expect(try Wav.encode(integers, path: "x") == Reference.wavInt16)
    let floats = try Wav.decode(Reference.wavFloat32, path: "x")
    #expect(try Wav.encode(floats, as: .float32, path: "x") == Reference.wavFloat32)
  }

  @Test func roundsAndClampsIntegers() throws {
    let samples: [Float] = [1.5 / 32768, 2.5 / 32768, 1, -1, 7, -.infinity, .nan]
    let clip = try #require(AudioClip(sampleRate: 1, channels: [samples]))
    let read = try Wav.decode(Wav.encode(clip, path: "x"), path: "x")
    #expect(read.channels[0].map { $0 * 32768 } == [2, 2, 32767, -32768, 32767, -32768, 0])
    let kept = try Wav.decode(Wav.encode(clip, as: .float32, path: "x"), path: "x")
    #expect(kept.channels[0].map(\.bitPattern) == samples.map(\.bitPattern))
  }

  @Test func checksClips() throws {
    #expect(AudioClip(sampleRate: 0, channels: [[1]]) == nil)
    #expect(AudioClip(sampleRate: 1 << 32, channels: [[1]]) == nil)
    #expect(AudioClip(sampleRate: 1, channels: []) == nil)
    #expect(AudioClip(sampleRate: 1, channels: [[1], []]) == nil)
    let clip = try #require(AudioClip(sampleRate: 9, channels: [[1, 2], [3, 4], [5, 6]]))
    #expect(clip.tensor == HostTensor([1, 2, 3, 4, 5, 6] as [Float], shape: [3, 2]))
    expectMalformed("3 channels cannot be written") { () throws(FileError) in try Wav.encode(clip, path: "x")
    }
    let fast = try #require(AudioClip(sampleRate: Int(UInt32.max), channels: [[1]]))
    expectMalformed("Hz does not fit") { () throws(FileError) in try Wav.encode(fast, path: "x") }
    let silent = try #require(AudioClip(sampleRate: 9, channels: [[], []]))
    #expect(try Wav.decode(Wav.encode(silent, path: "x"), path: "x") == silent)
  }

  /// A reference file with `bytes` at `offset`.
  static func changed(_ file: [UInt8], _ offset: Int, _ bytes: [UInt8]) -> [UInt8] {
    file[..<offset] + bytes + file[(offset + bytes.count)...]
  }

  static let broken: [(bytes: [UInt8], message: String)] = [
    ([], "the magic of a .wav file takes 4 bytes but 0 are left"),
    (Array("OggS1234".utf8), "begins with `OggS`"),
    (
      Array(Reference.wavInt16.dropLast(1)),
      "says that 48 bytes follow but 47 are there; is the file truncated?"
    ),
    (Reference.wavInt16 + [0], "says that 48 bytes follow but 49 are there; what follows the sound?"),
    (changed(Reference.wavInt16, 4, [255, 255, 255, 255]), "says that 4294967295 bytes follow"),
    (changed(Reference.wavInt16, 8, [65]), "of the kind `AAVE`"),
    (changed(Reference.wavInt16, 12, [65]), "the chunk `data` comes before the chunk `fmt `"),
    (changed(Reference.wavInt16, 36, [65]), "has no chunk `data`"),
    (changed(Reference.wavInt16, 40, [255, 255, 255, 255]), "`data` takes 4294967295 bytes but 12 are left"),
    (changed(Reference.wavInt16, 40, [8, 0, 0, 0]), "the size of the chunk `\\x01\\x00\\xff\\xff`"),
    (changed(Reference.wavInt16, 20, [2]), "format tag 2 with 16 bits a sample is not supported"),
    (changed(Reference.wavInt16, 20, [0xfe, 0xff]), "the size of the extended format takes 2 bytes but 0"),
    (changed(Reference.wavInt16, 22, [0]), "the header says 0 channels"),
    (changed(Reference.wavInt16, 22, [1]), "frames of 4 bytes, but 1 channels of 16 bits take 2"),
    (changed(Reference.wavInt16, 34, [12]), "with 12 bits a sample is not supported"),
    (changed(Reference.wavInt16, 24, [0, 0, 0, 0]), "at 0 Hz"),
    (changed(Reference.wavExtensible, 36, [8]), "has 8 bytes instead of at least 22"),
    (changed(Reference.wavExtensible, 38, [25]), "25 valid bits do not fit a sample of 24 bits"),
    (changed(Reference.wavExtensible, 46, [1]), "identifier ends in the unknown"),
    (
      changed(Reference.wavInt16, 22, [5, 0, 68, 172, 0, 0, 0, 0, 0, 0, 10]),
      "no whole number of frames of 10 bytes"
    ),
  ]

  @Test(arguments: broken) func refuses(_ file: (bytes: [UInt8], message: String)) {
    expectMalformed(file.message) { () throws(FileError) in try Wav.decode(file.bytes, path: "x") }
  }
}
