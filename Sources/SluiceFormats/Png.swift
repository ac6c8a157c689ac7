/// `.png` pictures of 8-bit grey or RGB samples.
///
/// Read are pictures of 8 bits a sample without palette and interlacing; an alpha channel must be opaque
/// throughout and is left out. Colour spaces are not converted. Source: PNG (Portable Network Graphics)
/// Specification, third edition, W3C.
public enum Png {
  /// The picture in the file at `path` (`-` is standard input).
  ///
  /// Throws `.notFound` or `.io` when the file cannot be read, `.malformed` when it is not a supported `.png`
  /// file.
  public static func read(_ path: String) throws(FileError) -> Image {
    try decode(FileIO.read(path), path: path)
  }

  /// Writes `image` to the file at `path` (`-` is standard output); throws `.io`.
  public static func write(_ image: Image, to path: String) throws(FileError) {
    try FileIO.write(encode(image), to: path)
  }

  /// The picture in the bytes of a `.png` file; `path` is for messages.
  ///
  /// Throws `.malformed`.
  public static func decode(_ bytes: [UInt8], path: String) throws(FileError) -> Image {
    try naming(path) { () throws(Malformed) in
      let (header, compressed) = try PngHeader.chunks(bytes)
      let filtered = try Zlib.decompress(compressed, limit: header.filteredCount)
      guard filtered.count == header.filteredCount else {
        throw Malformed(
          "\(header.width) x \(header.height) pixels take \(header.filteredCount) bytes "
            + "but \(filtered.count) are there")
      }
      let samples = try PngFilter.undo(filtered, rowCount: header.rowCount, step: header.channelCount)
      return try header.image(samples)
    }
  }

  /// The bytes of a `.png` file that holds `image`; the same picture gives the same bytes everywhere.
  public static func encode(_ image: Image) -> [UInt8] {
    var out = PngHeader.magic
    var header: [UInt8] = []
    header.appendBigEndian(UInt32(image.width))
    header.appendBigEndian(UInt32(image.height))
    header += [8, image.channels == .grey ? 0 : 2, 0, 0, 0]
    appendChunk("IHDR", header[...], to: &out)
    let filtered = PngFilter.apply(
      image.samples, rowCount: image.width * image.channels.rawValue, step: image.channels.rawValue)
    let compressed = Zlib.compress(filtered)
    // Decoders may expect chunks that fit their buffers.
    let chunkLimit = 1 << 20
    for start in stride(from: 0, to: compressed.count, by: chunkLimit) {
      appendChunk("IDAT", compressed[start..<min(start + chunkLimit, compressed.count)], to: &out)
    }
    appendChunk("IEND", [], to: &out)
    return out
  }

  private static func appendChunk(_ type: String, _ data: ArraySlice<UInt8>, to out: inout [UInt8]) {
    out.appendBigEndian(UInt32(data.count))
    let start = out.count
    out += type.utf8
    out += data
    out.appendBigEndian(Checksum.crc32(out[start...]))
  }
}
