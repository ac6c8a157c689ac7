import SluiceIR

/// A picture of 8-bit samples, grey or RGB: what picture files hold.
public struct Image: Sendable, Equatable {
  /// The samples of a pixel; the raw value is their number.
  public enum Channels: Int, Sendable {
    /// One sample, from 0 black to 255 white.
    case grey = 1
    /// Red, green and blue.
    case rgb = 3
  }

  /// Pixels in a row, at least 1.
  public let width: Int
  /// Rows, at least 1.
  public let height: Int
  /// The samples of a pixel.
  public let channels: Channels
  /// The samples, row by row from the top: `[height, width, channels]`.
  public let samples: [UInt8]

  /// The most samples of a picture, 2^30; files that promise more are refused.
  public static let sampleLimit = 1 << 30

  /// A picture of these samples, or nil when they are not `width * height * channels` or an extent is below
  /// 1.
  public init?(width: Int, height: Int, channels: Channels, samples: [UInt8]) {
    guard Image.sampleCount(width, height, channels) == samples.count else { return nil }
    self.width = width
    self.height = height
    self.channels = channels
    self.samples = samples
  }

  /// A picture from a `u8` tensor `[height, width]` or `[height, width, 3]`, or nil for any other.
  public init?(_ tensor: HostTensor) {
    guard tensor.dtype == .u8, tensor.rank == 2 || (tensor.rank == 3 && tensor.shape[2] == 3) else {
      return nil
    }
    self.init(
      width: tensor.shape[1], height: tensor.shape[0], channels: tensor.rank == 2 ? .grey : .rgb,
      samples: tensor.bytes)
  }

  /// The samples as a `u8` tensor: `[height, width]` of a grey picture, `[height, width, 3]` of an RGB one.
  public var tensor: HostTensor {
    HostTensor(samples, shape: channels == .grey ? [height, width] : [height, width, 3])
  }

  /// The picture in grey: the luma of ITU-R BT.601, 0.299 R + 0.587 G + 0.114 B, rounded to nearest.
  ///
  /// The weights are taken in 65536ths, so the result is the same everywhere.
  public var grey: Image {
    guard channels == .rgb else { return self }
    var luma: [UInt8] = []
    luma.reserveCapacity(samples.count / 3)
    for at in stride(from: 0, to: samples.count, by: 3) {
      let (r, g, b) = (UInt32(samples[at]), UInt32(samples[at + 1]), UInt32(samples[at + 2]))
      luma.append(UInt8(truncatingIfNeeded: (19595 * r + 38470 * g + 7471 * b + 32768) >> 16))
    }
    return Image(unchecked: width, height, .grey, luma)
  }

  /// A picture whose parts are known to fit.
  init(unchecked width: Int, _ height: Int, _ channels: Channels, _ samples: [UInt8]) {
    self.width = width
    self.height = height
    self.channels = channels
    self.samples = samples
  }

  /// How many samples such a picture has, or nil when an extent is below 1 or there are more than
  /// `sampleLimit`.
  static func sampleCount(_ width: Int, _ height: Int, _ channels: Channels) -> Int? {
    guard width >= 1, height >= 1 else { return nil }
    let (area, overflow) = width.multipliedReportingOverflow(by: height)
    let (count, overflowToo) = area.multipliedReportingOverflow(by: channels.rawValue)
    return overflow || overflowToo || count > sampleLimit ? nil : count
  }
}
