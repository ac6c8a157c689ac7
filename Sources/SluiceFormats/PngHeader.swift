/// What the chunks of a `.png` file say about its picture.
struct PngHeader {
  /// What every `.png` file begins with.
  static let magic: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

  /// Pixels in a row, at least 1.
  let width: Int
  /// Rows, at least 1.
  let height: Int
  /// Samples of a pixel, alpha included: 1 to 4.
  let channelCount: Int

  /// Bytes of a row without its filter; cannot overflow, since the picture is no larger than
  /// `Image.sampleLimit`.
  var rowCount: Int { width * channelCount }
  /// Bytes of all rows with their filters.
  var filteredCount: Int { (rowCount + 1) * height }
  /// Whether the last sample of a pixel is its opacity.
  var hasAlpha: Bool { channelCount == 2 || channelCount == 4 }

  /// The header of the file in `bytes` and the compressed data of all its IDAT chunks.
  static func chunks(_ bytes: [UInt8]) throws(Malformed) -> (PngHeader, compressed: [UInt8]) {
    var reader = ByteReader(bytes)
    let start = bytes[try reader.take(magic.count, "the magic of a .png file")]
    guard start.elementsEqual(magic) else {
      throw Malformed("begins with `\(printable(start))`, not with the magic of a .png file")
    }
    var header: PngHeader?
    var compressed: [UInt8] = []
    var isDataOver = false
    while true {
      let (type, data) = try chunk(&reader)
      guard (header == nil) == (type == "IHDR") else {
        throw Malformed("the chunk IHDR must come first and once, but the chunk \(type) is there")
      }
      // Data in several chunks must stand together.
      if type != "IDAT" && !compressed.isEmpty { isDataOver = true }
      switch type {
      case "IHDR":
        header = try PngHeader(bytes[data])
      case "IDAT":
        guard !isDataOver else { throw Malformed("other chunks stand between the IDAT chunks") }
        compressed += bytes[data]
      case "IEND":
        guard let header, data.isEmpty, reader.remaining == 0 else {
          throw Malformed("\(data.count + reader.remaining) bytes follow the end of the picture")
        }
        guard !compressed.isEmpty else { throw Malformed("there is no IDAT chunk, so no pixels") }
        return (header, compressed)
      case "tRNS":
        throw Malformed("has a transparent colour; flatten it onto a background first")
      default:
        // A small first letter marks what may be skipped; a palette beside RGB samples is only a suggestion.
        guard type == "PLTE" || type.utf8.first.map({ $0 & 0x20 != 0 }) == true else {
          throw Malformed("the chunk \(type) is unknown and must not be skipped")
        }
      }
    }
  }

  /// The type of the next chunk and the place of its data, the checksum verified.
  private static func chunk(_ reader: inout ByteReader) throws(Malformed) -> (type: String, data: Range<Int>)
  {
    let count = Int(try reader.bigEndian(4, "the length of a chunk"))
    let type = try reader.take(4, "the type of a chunk")
    let name = printable(reader.bytes[type])
    guard reader.bytes[type].allSatisfy({ (0x41...0x5a).contains($0 & 0xdf) && $0 < 0x80 }) else {
      throw Malformed("`\(name)` stands where the type of a chunk should")
    }
    let data = try reader.take(count, "the chunk \(name)")
    let sum = try reader.bigEndian(4, "the checksum of the chunk \(name)")
    guard UInt64(Checksum.crc32(reader.bytes[type.lowerBound..<data.upperBound])) == sum else {
      throw Malformed("the checksum of the chunk \(name) is wrong; the file is damaged")
    }
    return (name, data)
  }

  /// Reads the data of an IHDR chunk.
  private init(_ data: ArraySlice<UInt8>) throws(Malformed) {
    var reader = ByteReader(Array(data))
    guard reader.remaining == 13 else {
      throw Malformed("the chunk IHDR has \(reader.remaining) bytes instead of 13")
    }
    width = Int(try reader.bigEndian(4, "the width"))
    height = Int(try reader.bigEndian(4, "the height"))
    let depth = try reader.bigEndian(1, "the bit depth")
    let colour = try reader.bigEndian(1, "the colour type")
    let compression = try reader.bigEndian(1, "the compression method")
    let filter = try reader.bigEndian(1, "the filter method")
    let interlace = try reader.bigEndian(1, "the interlace method")
    switch colour {
    case 0: channelCount = 1
    case 2: channelCount = 3
    case 4: channelCount = 2
    case 6: channelCount = 4
    case 3: throw Malformed("has a palette, which is not supported; convert it to grey or RGB first")
    default: throw Malformed("the colour type \(colour) is unknown")
    }
    guard depth == 8 else {
      throw Malformed("has \(depth) bits a sample, but only 8 are supported; convert it first")
    }
    guard compression == 0 && filter == 0 else {
      throw Malformed("the compression method \(compression) with the filter method \(filter) is unknown")
    }
    guard interlace == 0 else {
      throw Malformed("is interlaced, which is not supported; save it without interlacing")
    }
    // Alpha is counted as a colour, so that the filtered rows are bounded as well.
    guard Image.sampleCount(width, height, channelCount <= 1 ? .grey : .rgb) != nil else {
      throw Malformed(
        "\(width) x \(height) pixels are not between 1 and \(Image.sampleLimit) samples; "
          + "is the header damaged?"
      )
    }
  }

  /// The picture of these samples, which are `height * rowCount`; alpha must be opaque and goes.
  func image(_ samples: [UInt8]) throws(Malformed) -> Image {
    let channels: Image.Channels = channelCount <= 2 ? .grey : .rgb
    guard hasAlpha else { return Image(unchecked: width, height, channels, samples) }
    var colours: [UInt8] = []
    colours.reserveCapacity(width * height * channels.rawValue)
    for pixel in 0..<width * height {
      let start = pixel * channelCount
      let alpha = samples[start + channels.rawValue]
      guard alpha == 255 else {
        throw Malformed(
          "the pixel in column \(pixel % width) of row \(pixel / width) has opacity \(alpha) of 255; "
            + "flatten the picture onto a background first")
      }
      colours += samples[start..<start + channels.rawValue]
    }
    return Image(unchecked: width, height, channels, colours)
  }
}
