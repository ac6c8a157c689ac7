internal import SluiceData
public import SluiceFormats

/// The data that ships with Sluice; `Sources/SluiceData/Data/README.md` says where it comes from.
public enum ModelData {
  /// A photograph of a Chinese temple, luma: u8 [427, 640].
  public static func chinaGray() throws -> HostTensor { try tensor("china_gray") }

  /// A photograph of a flower, luma: u8 [427, 640].
  public static func flowerGray() throws -> HostTensor { try tensor("flower_gray") }

  /// Handwritten digits with grey levels from 0 to 16: u8 [1797, 8, 8].
  public static func digitImages() throws -> HostTensor { try tensor("digits_images") }

  /// The classes of the digits: i32 [1797].
  public static func digitLabels() throws -> HostTensor { try tensor("digits_labels") }

  /// The Pentateuch and the Gospels in the King James translation: ASCII, a verse a line.
  public static func kingJames() -> [UInt8] { bytes("kjv") }

  /// An array that ships, by its path without the ending.
  static func tensor(_ name: String) throws -> HostTensor {
    try Npy.decode(bytes(name), path: "\(name).npy")
  }

  private static func bytes(_ name: String) -> [UInt8] {
    var byteCount = 0
    let bytes = unsafe sluice_data(name, &byteCount)
    return unsafe Array(UnsafeBufferPointer(start: bytes, count: byteCount))
  }
}
