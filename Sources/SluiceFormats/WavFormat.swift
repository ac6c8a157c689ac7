/// What the chunks of a `.wav` file say about its samples.
struct WavFormat {
  /// How a sample is stored.
  enum Sample {
    case uint8
    case int16
    case int24
    case int32
    case float32
    case float64

    /// Its size in bytes.
    var byteCount: Int {
      switch self {
      case .uint8: 1
      case .int16: 2
      case .int24: 3
      case .int32, .float32: 4
      case .float64: 8
      }
    }
  }

  let sample: Sample
  let channelCount: Int
  let sampleRate: Int

  /// The format of the file in `bytes` and the place of its samples: a whole number of frames.
  static func chunks(_ bytes: [UInt8]) throws(Malformed) -> (WavFormat, data: Range<Int>) {
    var reader = ByteReader(bytes)
    let magic = bytes[try reader.take(4, "the magic of a .wav file")]
    guard magic.elementsEqual("RIFF".utf8) else {
      throw Malformed("begins with `\(printable(magic))`, not with RIFF as a .wav file")
    }
    let size = Int(try reader.littleEndian(4, "the size of the RIFF chunk"))
    guard size == reader.remaining || (size % 2 == 1 && size + 1 == reader.remaining) else {
      let hint = size > reader.remaining ? "is the file truncated?" : "what follows the sound?"
      throw Malformed("the header says that \(size) bytes follow but \(reader.remaining) are there; \(hint)")
    }
    let form = bytes[try reader.take(4, "the kind of RIFF file")]
    guard form.elementsEqual("WAVE".utf8) else {
      throw Malformed("is a RIFF file of the kind `\(printable(form))`, not WAVE")
    }

    var format: WavFormat?
    var data: Range<Int>?
    while reader.remaining > 0 {
      let name = printable(bytes[try reader.take(4, "the name of a chunk")])
      let count = Int(try reader.littleEndian(4, "the size of the chunk `\(name)`"))
      let contents = try reader.take(count, "the chunk `\(name)`")
      // Chunks begin at even places; some writers leave the last filling byte out.
      if count % 2 == 1 && reader.remaining > 0 { _ = try reader.take(1, "the end of the chunk `\(name)`") }
      if name == "fmt " {
        guard format == nil else { throw Malformed("has two chunks `fmt `") }
        format = try WavFormat(Array(bytes[contents]))
      } else if name == "data" {
        guard data == nil else { throw Malformed("has two chunks `data`") }
        guard format != nil else { throw Malformed("the chunk `data` comes before the chunk `fmt `") }
        data = contents
      }
    }
    guard let format else { throw Malformed("has no chunk `fmt `, which describes the samples") }
    guard let data else { throw Malformed("has no chunk `data`, so no samples") }
    guard data.count % format.frameBytes == 0 else {
      throw Malformed(
        "\(data.count) bytes of samples are no whole number of frames of \(format.frameBytes) bytes")
    }
    return (format, data)
  }

  /// Bytes of one sample of every channel.
  private var frameBytes: Int { channelCount * sample.byteCount }

  /// Reads the contents of a `fmt ` chunk.
  private init(_ contents: [UInt8]) throws(Malformed) {
    var reader = ByteReader(contents)
    var tag = try reader.littleEndian(2, "the format tag")
    channelCount = Int(try reader.littleEndian(2, "the number of channels"))
    sampleRate = Int(try reader.littleEndian(4, "the sample rate"))
    _ = try reader.take(4, "the byte rate")
    let frameBytes = Int(try reader.littleEndian(2, "the size of a frame"))
    let bits = Int(try reader.littleEndian(2, "the bits of a sample"))
    if tag == 0xfffe {
      let extraCount = try reader.littleEndian(2, "the size of the extended format")
      guard extraCount >= 22 else {
        throw Malformed("the extended format has \(extraCount) bytes instead of at least 22")
      }
      let validBits = Int(try reader.littleEndian(2, "the valid bits of a sample"))
      // Fewer valid bits stand at the upper end of the sample, so full scale is the same.
      guard (1...max(1, bits)).contains(validBits) else {
        throw Malformed("\(validBits) valid bits do not fit a sample of \(bits) bits")
      }
      _ = try reader.take(4, "the channel mask")
      tag = try reader.littleEndian(2, "the format tag")
      let rest = contents[try reader.take(14, "the format's identifier")]
      guard rest.elementsEqual(WavFormat.identifierEnd) else {
        throw Malformed("the extended format's identifier ends in the unknown `\(printable(rest))`")
      }
    }
    switch (tag, bits) {
    case (1, 8): sample = .uint8
    case (1, 16): sample = .int16
    case (1, 24): sample = .int24
    case (1, 32): sample = .int32
    case (3, 32): sample = .float32
    case (3, 64): sample = .float64
    default:
      throw Malformed(
        "format tag \(tag) with \(bits) bits a sample is not supported; "
          + "convert it to PCM of 8, 16, 24 or 32 bits or float of 32 or 64 bits")
    }
    guard channelCount >= 1 && sampleRate >= 1 else {
      throw Malformed("the header says \(channelCount) channels at \(sampleRate) Hz; both must be at least 1")
    }
    guard frameBytes == channelCount * sample.byteCount else {
      throw Malformed(
        "the header says frames of \(frameBytes) bytes, but \(channelCount) channels of \(bits) bits take "
          + "\(channelCount * sample.byteCount)")
    }
  }

  /// What follows the format tag in the identifier of an extended format: KSDATAFORMAT_SUBTYPE_PCM and its
  /// kin.
  private static let identifierEnd: [UInt8] = [
    0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x80, 0x00, 0x00, 0xaa, 0x00, 0x38, 0x9b, 0x71,
  ]

  /// The sound in `data`, which are whole frames.
  func clip(_ data: ArraySlice<UInt8>) throws(Malformed) -> AudioClip {
    let samples = floats(Array(data))
    let frameCount = samples.count / channelCount
    let channels = (0..<channelCount).map { channel in
      (0..<frameCount).map { samples[$0 * channelCount + channel] }
    }
    guard let clip = AudioClip(sampleRate: sampleRate, channels: channels) else {
      throw Malformed("\(channelCount) channels at \(sampleRate) Hz are no sound")
    }
    return clip
  }

  /// All samples in the order of the file, full scale from -1 to 1.
  private func floats(_ data: [UInt8]) -> [Float] {
    switch sample {
    case .uint8: data.map { (Float($0) - 128) / 128 }
    case .int16: elements(Int16.self, of: data).map { Float($0) / 32768 }
    case .int24:
      stride(from: 0, to: data.count - 2, by: 3).map { at in
        let word = UInt32(data[at]) << 8 | UInt32(data[at + 1]) << 16 | UInt32(data[at + 2]) << 24
        return Float(Int32(bitPattern: word)) / 2_147_483_648
      }
    case .int32: elements(Int32.self, of: data).map { Float($0) / 2_147_483_648 }
    case .float32: elements(Float.self, of: data)
    case .float64: elements(Double.self, of: data).map { Float($0) }
    }
  }
}
