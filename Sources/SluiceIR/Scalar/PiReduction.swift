/// What is left of a large number when a multiple of pi or pi/2 is taken off: what `sin`, `cos` and `tan` need.
///
/// Exact, by Payne and Hanek 1983 (Muller, Elementary Functions, 3rd ed. 2016, section 11.4): of 2/pi only those
/// 192 bits take part that are not a multiple of four turns of pi/2 and reach far enough behind the point. No
/// double is nearer to a multiple of pi/2 than 2^-61, so what is left has more than 70 good bits.
public struct PiReduction: Hashable, Sendable {
  /// The multiples of which the nearest one is taken off.
  public enum Multiples: UInt64, CaseIterable, Sendable {
    /// `count pi`.
    case whole
    /// `(count - 1/2) pi`.
    case odd
    /// `count pi/2`.
    case half
  }

  /// Which part of the answer.
  public enum Part: UInt64, CaseIterable, Sendable {
    /// What is left, rounded to the nearest float.
    case rest
    /// What the rounding of `rest` lost.
    case tail
    /// The float whose bits are the count: its lowest bit for `whole` and `odd`, the two lowest ones for `half`.
    case count
  }

  /// The multiples.
  public var multiples: Multiples
  /// The part.
  public var part: Part

  /// A reduction.
  public init(_ multiples: Multiples, _ part: Part) {
    self.multiples = multiples
    self.part = part
  }

  /// The reduction of an instruction; every number stands for one.
  public init(immediate: UInt64) {
    multiples = Multiples(rawValue: immediate % 3) ?? .whole
    part = Part(rawValue: immediate / 3 % 3) ?? .rest
  }

  /// How an instruction writes it.
  public var immediate: UInt64 { part.rawValue * 3 + multiples.rawValue }

  /// `near` where `|x|` is at most `F.largestNearPi`, else the exact answer; NaN for infinities and NaN.
  public func callAsFunction<F: ScalarFloat>(_ x: F, near: F) -> F {
    if x.magnitude <= F.largestNearPi { return near }
    guard x.isFinite else { return F.canonicalNaN }
    let exact = Exact(Double(x), multiples)
    return part == .count ? F(bits: exact.count) : exact.rest(part)
  }

  /// The bits of 2/pi behind 64 zeros.
  package static let twoOverPi: [UInt64] = [
    0, 0xA2F9_836E_4E44_1529, 0xFC27_57D1_F534_DDC0, 0xDB62_9599_3C43_9041, 0xFE51_63AB_DEBB_C561,
    0xB724_6E3A_424D_D2E0, 0x0649_2EEA_09D1_921C, 0xFE1D_EB1C_B129_A73E, 0xE882_35F5_2EBB_4484,
    0xE99C_7026_B45F_7E41, 0x3991_D639_8353_39F4, 0x9C84_5F8B_BDF9_283B, 0x1FF8_97FF_DE05_980F,
    0xEF2F_118B_5A0A_6D1F, 0x6D36_7ECF_27CB_09B7, 0x4F46_3F66_9E5F_EA2D, 0x7527_BAC7_EBE5_F17B,
    0x3D07_39F7_8A52_92EA, 0x6BFB_5FB1_1F8D_5D08, 0x5603_3046_FC7B_6BAB,
  ]
  /// pi/2 times 2^127.
  package static let halfPi: (high: UInt64, low: UInt64) = (0xC90F_DAA2_2168_C234, 0xC4C6_628B_80DC_1CD1)

  /// The answer in integers.
  private struct Exact {
    var count: UInt64
    private var isNegative: Bool
    /// The magnitude of what is left, `(high 2^64 + low) 2^(exponent - 128)`, with the highest bit set.
    private var high: UInt64
    private var low: UInt64
    private var exponent: Int

    /// Of a finite x of at least 2^16.
    init(_ x: Double, _ multiples: Multiples) {
      let mantissa = x.bitPattern & 0xF_FFFF_FFFF_FFFF | 0x10_0000_0000_0000
      // The first bit of 2/pi that counts: with it, the product is below 4 and fills three words.
      let position = Int(x.bitPattern >> 52 & 0x7FF) - 1075 + 62
      let (word, shift) = (position / 64, UInt64(position % 64))
      func bits(_ i: Int) -> UInt64 {
        PiReduction.twoOverPi[word + i] << shift | (PiReduction.twoOverPi[word + i + 1] >> 1) >> (63 - shift)
      }
      let lowest = mantissa.multipliedFullWidth(by: bits(2))
      let middle = mantissa.multipliedFullWidth(by: bits(1))
      let (second, carry) = middle.low.addingReportingOverflow(lowest.high)
      // Two bits before the point; the middle between two multiples is added, so that the nearest one is below.
      var turns = mantissa &* bits(0) &+ middle.high &+ (carry ? 1 : 0)
      let width: UInt64 = multiples == .half ? 62 : 63
      if multiples != .odd { turns &+= 1 << (width - 1) }
      count = turns >> width
      var words = ((turns & ((1 << width) - 1)) &- 1 << (width - 1), second, lowest.low)
      isNegative = Int64(bitPattern: words.0) < 0
      if isNegative { words = (~words.0, ~words.1, ~words.2) }
      if x < 0 { isNegative.toggle() }
      // The odd multiple above n pi is the one of n + 1, below -n pi that of -n.
      if multiples == .odd, x > 0 { count ^= 1 }
      exponent = 3
      if words.0 == 0 {
        words = (words.1, words.2, 0)
        exponent -= 64
      }
      for _ in 0..<64 where words.0 >> 63 == 0 {
        words = (words.0 << 1 | words.1 >> 63, words.1 << 1 | words.2 >> 63, words.2 << 1)
        exponent -= 1
      }
      // Times pi/2.
      let top = words.0.multipliedFullWidth(by: PiReduction.halfPi.high)
      let (part, carry1) = top.low.addingReportingOverflow(
        words.0.multipliedFullWidth(by: PiReduction.halfPi.low).high)
      let (sum, carry2) = part.addingReportingOverflow(
        words.1.multipliedFullWidth(by: PiReduction.halfPi.high).high)
      (high, low) = (top.high + (carry1 ? 1 : 0) + (carry2 ? 1 : 0), sum)
      if high >> 63 == 0 {
        (high, low) = (high << 1 | low >> 63, low << 1)
        exponent -= 1
      }
    }

    /// Two floats that are exact, and their sum: it rounds.
    func rest<F: ScalarFloat>(_ part: Part) -> F {
      let digits = F.significandBitCount + 1
      let first = high >> UInt64(64 - digits)
      let rest = high << UInt64(digits) | low >> UInt64(64 - digits)
      let second = rest >> UInt64(64 - digits)
      let sign: F = isNegative ? -1 : 1
      let a = F(sign: .plus, exponent: F.Exponent(exponent - digits), significand: sign * F(first))
      let b = F(sign: .plus, exponent: F.Exponent(exponent - 2 * digits), significand: sign * F(second))
      let sum = a + b
      return part == .rest ? sum : (a - sum) + b
    }
  }
}
