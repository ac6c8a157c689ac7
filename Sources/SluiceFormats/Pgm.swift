/// `.pgm` pictures: 8-bit grey in binary (P5) or plain text (P2).
///
/// Source: the Netpbm manual, `pgm(5)`.
public enum Pgm {
  /// The grey picture in the file at `path` (`-` is standard input).
  ///
  /// A file whose white is not 255 is brought to that scale. Throws `.notFound` or `.io` when the file cannot
  /// be read, `.malformed` when it is not an 8-bit `.pgm` file of one picture.
  public static func read(_ path: String) throws(FileError) -> Image {
    try decode(FileIO.read(path), path: path)
  }

  /// Writes `image`, in grey, to the file at `path` (`-` is standard output); throws `.io`.
  public static func write(_ image: Image, to path: String, asText: Bool = false) throws(FileError) {
    try FileIO.write(encode(image, asText: asText), to: path)
  }

  /// The grey picture in the bytes of a `.pgm` file; `path` is for messages.
  ///
  /// Throws `.malformed`.
  public static func decode(_ bytes: [UInt8], path: String) throws(FileError) -> Image {
    try naming(path) { () throws(Malformed) in
      var parser = PgmParser(bytes)
      return try parser.image()
    }
  }

  /// The bytes of a `.pgm` file that holds `image` in grey: P5, or P2 `asText`.
  public static func encode(_ image: Image, asText: Bool = false) -> [UInt8] {
    let grey = image.grey
    var out = Array("\(asText ? "P2" : "P5")\n\(grey.width) \(grey.height)\n255\n".utf8)
    guard asText else { return out + grey.samples }
    // A line holds at most 70 characters: 17 numbers of up to three digits.
    let perLine = 17
    for row in 0..<grey.height {
      for column in 0..<grey.width {
        let isLineOver = column == grey.width - 1 || column % perLine == perLine - 1
        out += String(grey.samples[row * grey.width + column]).utf8
        out.append(isLineOver ? 0x0a : 0x20)
      }
    }
    return out
  }
}

/// Reads one `.pgm` file.
private struct PgmParser {
  private let bytes: [UInt8]
  private var at = 0

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  mutating func image() throws(Malformed) -> Image {
    let isText = bytes.starts(with: "P2".utf8)
    guard isText || bytes.starts(with: "P5".utf8) else {
      throw Malformed("begins with `\(printable(bytes.prefix(2)))`, not with P5 or P2 as a .pgm file")
    }
    at = 2
    let width = try number("the width")
    let height = try number("the height")
    let white = try number("the greatest value")
    guard let count = Image.sampleCount(width, height, .grey) else {
      throw Malformed("\(width) x \(height) pixels are not between 1 and \(Image.sampleLimit)")
    }
    guard (1...255).contains(white) else {
      throw Malformed(
        "the greatest value is \(white), but only 1 to 255 (8 bits) are supported; convert it first")
    }
    var samples = try isText ? textSamples(count) : binarySamples(count)
    if let bad = samples.firstIndex(where: { $0 > white }) {
      throw Malformed("sample \(bad) is \(samples[bad]), above the greatest value \(white) of the header")
    }
    if white < 255 {
      samples = samples.map { UInt8(truncatingIfNeeded: (Int($0) * 255 + white / 2) / white) }
    }
    return Image(unchecked: width, height, .grey, samples)
  }

  /// All that follows a single space.
  private mutating func binarySamples(_ count: Int) throws(Malformed) -> [UInt8] {
    guard at < bytes.count, isSpace(bytes[at]) else { throw Malformed("no space stands before the samples") }
    at += 1
    guard bytes.count - at == count else {
      let hint = bytes.count - at < count ? "is the file truncated?" : "what follows the picture?"
      throw Malformed("header says \(count) samples but \(bytes.count - at) bytes follow; \(hint)")
    }
    return Array(bytes[at...])
  }

  private mutating func textSamples(_ count: Int) throws(Malformed) -> [UInt8] {
    // Every number takes at least a space and a digit.
    guard count <= (bytes.count - at) / 2 else {
      throw Malformed(
        "header says \(count) samples but only \(bytes.count - at) bytes follow; is the file truncated?")
    }
    var samples: [UInt8] = []
    samples.reserveCapacity(count)
    for index in 0..<count {
      let value = try number("sample \(index)")
      guard value <= 255 else { throw Malformed("sample \(index) is \(value), above 255") }
      samples.append(UInt8(value))
    }
    skipSpaces()
    guard at == bytes.count else { throw Malformed("`\(printable(bytes[at...]))` follows the last sample") }
    return samples
  }

  /// The next number, behind at least one space or comment.
  private mutating func number(_ what: @autoclosure () -> String) throws(Malformed) -> Int {
    let before = at
    skipSpaces()
    let start = at
    var value = 0
    while at < bytes.count, (0x30...0x39).contains(bytes[at]) {
      // No number of a .pgm file is beyond 2^31, so the product below stays far from overflow.
      guard value <= Int(Int32.max) else { throw Malformed("\(what()) is too large") }
      value = value * 10 + Int(bytes[at] - 0x30)
      at += 1
    }
    guard at > start, start > before else {
      let seen =
        at < bytes.count ? "`\(printable(bytes[before...].prefix(8)))` stands there" : "the file ends"
      throw Malformed("\(what()) should be a number behind a space, but \(seen)")
    }
    return value
  }

  /// Steps over spaces, and over comments from `#` to the end of the line.
  private mutating func skipSpaces() {
    while at < bytes.count {
      if bytes[at] == UInt8(ascii: "#") {
        while at < bytes.count, bytes[at] != 0x0a, bytes[at] != 0x0d { at += 1 }
      } else if isSpace(bytes[at]) {
        at += 1
      } else {
        return
      }
    }
  }

  private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }
}
