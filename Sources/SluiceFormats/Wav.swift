/// `.wav` sound files: RIFF with linear PCM or IEEE float samples.
///
/// Read are integers of 8, 16, 24 and 32 bits and floats of 32 and 64 bits, plain or
/// `WAVE_FORMAT_EXTENSIBLE`, of any number of channels; written are one or two channels. Source: Multimedia
/// Programming Interface and Data Specifications 1.0, IBM and Microsoft 1991, and its revision of 1994.
public enum Wav {
  /// How samples are written.
  public enum Encoding: Sendable {
    /// 16-bit integers: a sample times 32768, rounded half to even and clamped; NaN becomes 0.
    case pcm16
    /// 32-bit floats, bit for bit.
    case float32
  }

  /// The sound in the file at `path` (`-` is standard input).
  ///
  /// Integers of b bits are divided by 2^(b-1), so that full scale is -1 to 1. Throws `.notFound` or `.io`
  /// when the file cannot be read, `.malformed` when it is not a supported `.wav` file.
  public static func read(_ path: String) throws(FileError) -> AudioClip {
    try decode(FileIO.read(path), path: path)
  }

  /// Writes `clip` to the file at `path` (`-` is standard output).
  ///
  /// Throws `.io`, and `.malformed` for more than two channels or 4 GiB.
  public static func write(
    _ clip: AudioClip, to path: String, as encoding: Encoding = .pcm16
  ) throws(FileError) {
    try FileIO.write(encode(clip, as: encoding, path: path), to: path)
  }

  /// The sound in the bytes of a `.wav` file; `path` is for messages.
  ///
  /// Throws `.malformed`.
  public static func decode(_ bytes: [UInt8], path: String) throws(FileError) -> AudioClip {
    try naming(path) { () throws(Malformed) in
      let (format, data) = try WavFormat.chunks(bytes)
      return try format.clip(bytes[data])
    }
  }

  /// The bytes of a `.wav` file that holds `clip`; `path` is for messages.
  ///
  /// Throws `.malformed` for more than two channels or 4 GiB.
  public static func encode(
    _ clip: AudioClip, as encoding: Encoding = .pcm16, path: String
  ) throws(FileError) -> [UInt8] {
    try naming(path) { () throws(Malformed) in
      let channelCount = clip.channels.count
      guard channelCount <= 2 else {
        throw Malformed(
          "\(channelCount) channels cannot be written as .wav, only one or two; write several files")
      }
      let isFloat = encoding == .float32
      let sampleBytes = isFloat ? 4 : 2
      let frameBytes = sampleBytes * channelCount
      // Below, the headers take less than 100 bytes and the byte rate is a 32-bit number too.
      let (dataBytes, overflow) = clip.frameCount.multipliedReportingOverflow(by: frameBytes)
      guard !overflow, dataBytes <= Int(UInt32.max) - 100 else {
        throw Malformed(
          "\(clip.frameCount) frames of \(frameBytes) bytes do not fit the 4 GiB of a .wav file")
      }
      guard clip.sampleRate <= Int(UInt32.max) / frameBytes else {
        throw Malformed("the rate of \(clip.sampleRate) Hz does not fit a .wav file")
      }
      var out: [UInt8] = []
      out.reserveCapacity(dataBytes + 100)
      out += "RIFF".utf8
      // The size of all that follows, known at the end of the headers.
      out.appendLittleEndian(0, count: 4)
      out += "WAVEfmt ".utf8
      out.appendLittleEndian(isFloat ? 18 : 16, count: 4)
      out.appendLittleEndian(isFloat ? 3 : 1, count: 2)
      out.appendLittleEndian(channelCount, count: 2)
      out.appendLittleEndian(clip.sampleRate, count: 4)
      out.appendLittleEndian(clip.sampleRate * frameBytes, count: 4)
      out.appendLittleEndian(frameBytes, count: 2)
      out.appendLittleEndian(8 * sampleBytes, count: 2)
      if isFloat {
        // Anything but PCM has a length of extra parameters, none here, and a chunk with its length in
        // frames.
        out.appendLittleEndian(0, count: 2)
        out += "fact".utf8
        out.appendLittleEndian(4, count: 4)
        out.appendLittleEndian(clip.frameCount, count: 4)
      }
      out += "data".utf8
      out.appendLittleEndian(dataBytes, count: 4)
      var size: [UInt8] = []
      size.appendLittleEndian(out.count + dataBytes - 8, count: 4)
      out.replaceSubrange(4..<8, with: size)
      appendSamples(of: clip, isFloat, to: &out)
      return out
    }
  }

  private static func appendSamples(of clip: AudioClip, _ isFloat: Bool, to out: inout [UInt8]) {
    for frame in 0..<clip.frameCount {
      for channel in clip.channels {
        let sample = channel[frame]
        if isFloat {
          out.appendLittleEndian(sample.bitPattern, count: 4)
        } else {
          let scaled = (sample * 32768).rounded(.toNearestOrEven)
          let clamped = scaled.isNaN ? 0 : min(max(scaled, -32768), 32767)
          out.appendLittleEndian(Int16(clamped), count: 2)
        }
      }
    }
  }
}
