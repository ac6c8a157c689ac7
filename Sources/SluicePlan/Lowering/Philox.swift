import SluiceIR

/// Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011), table 2,
/// as a scalar program: position, seed and stream (i64) give one word (i32).
enum Philox {
  /// Word `position mod 4` of the block with counter (position div 4, stream) under the key `seed`.
  static let program: ScalarProgram = {
    var (b, x) = ScalarBuilder.make([.i64, .i64, .i64])
    func low(_ b: inout ScalarBuilder, _ word: Scalar) -> Scalar { b.cast(word, .i32) }
    func high(_ b: inout ScalarBuilder, _ word: Scalar) -> Scalar {
      let shifted = b.binary(.shiftRightLogical, word, b.integer(32, .i64))
      return b.cast(shifted, .i32)
    }
    let block = b.binary(.shiftRightLogical, x[0], b.integer(2, .i64))
    var counter = [low(&b, block), high(&b, block), low(&b, x[2]), high(&b, x[2])]
    var key = [low(&b, x[1]), high(&b, x[1])]
    let multipliers = [b.integer(0xD251_1F53, .i32), b.integer(0xCD9E_8D57, .i32)]
    let weyl = [b.integer(0x9E37_79B9, .i32), b.integer(0xBB67_AE85, .i32)]
    for round in 0..<10 {
      if round > 0 { key = [b.add(key[0], weyl[0]), b.add(key[1], weyl[1])] }
      let high0 = b.binary(.multiplyHigh, counter[0], multipliers[0])
      let low0 = b.multiply(counter[0], multipliers[0])
      let high1 = b.binary(.multiplyHigh, counter[2], multipliers[1])
      let low1 = b.multiply(counter[2], multipliers[1])
      counter = [
        b.binary(.xor, b.binary(.xor, high1, counter[1]), key[0]), low1,
        b.binary(.xor, b.binary(.xor, high0, counter[3]), key[1]), low0,
      ]
    }
    let word = b.cast(x[0], .i32)
    let bit0 = b.compare(.notEqual, b.binary(.and, word, b.integer(1, .i32)), b.integer(0, .i32))
    let bit1 = b.compare(.notEqual, b.binary(.and, word, b.integer(2, .i32)), b.integer(0, .i32))
    let first = b.select(bit0, counter[1], counter[0])
    let second = b.select(bit0, counter[3], counter[2])
    return b.finish(b.select(bit1, second, first))
  }()
}
