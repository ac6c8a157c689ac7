/// Recorded sound: a sequence of samples per channel, all of one length and rate.
public struct AudioClip: Sendable, Equatable {
  /// Samples a second of every channel, in hertz; at least 1.
  public let sampleRate: Int
  /// The samples of every channel; full scale is -1 to 1.
  public let channels: [[Float]]

  /// A clip of these channels, or nil when there is none, their lengths differ or the rate is not a positive
  /// 32-bit number.
  public init?(sampleRate: Int, channels: [[Float]]) {
    guard (1...Int(UInt32.max)).contains(sampleRate), let first = channels.first else { return nil }
    guard channels.allSatisfy({ $0.count == first.count }) else { return nil }
    self.sampleRate = sampleRate
    self.channels = channels
  }

  /// Samples of one channel.
  public var frameCount: Int { channels.first?.count ?? 0 }

  /// The samples as an `f32` tensor `[channels, frames]`.
  public var tensor: HostTensor {
    HostTensor(Array(channels.joined()), shape: [channels.count, frameCount])
  }
}
