/// Random words by Philox4x32-10, written a second time from the paper.
///
/// Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
enum Philox {
  /// Four 32-bit words.
  ///
  /// The key is the seed, the counter is the block's index below the stream, low words first.
  static func block(seed: Int64, stream: Int64, index: UInt64) -> [UInt32] {
    var key = words(UInt64(bitPattern: seed))
    var counter = words(index) + words(UInt64(bitPattern: stream))
    for round in 0..<10 {
      if round > 0 { key = [key[0] &+ 0x9E37_79B9, key[1] &+ 0xBB67_AE85] }
      let first = words(UInt64(counter[0]) * 0xD251_1F53)
      let second = words(UInt64(counter[2]) * 0xCD9E_8D57)
      counter = [second[1] ^ counter[1] ^ key[0], second[0], first[1] ^ counter[3] ^ key[1], first[0]]
    }
    return counter
  }

  /// The low and the high half.
  private static func words(_ value: UInt64) -> [UInt32] {
    [UInt32(truncatingIfNeeded: value), UInt32(truncatingIfNeeded: value >> 32)]
  }
}
