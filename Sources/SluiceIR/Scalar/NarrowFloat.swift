/// The conversions of the 16-bit floats, in integer operations and exact additions: one rounding, halves to even.
///
/// binary16 (IEEE-754) has 5 bits of exponent and 10 of fraction, bfloat16 8 and 7: the high half of a binary32.
/// Too large becomes infinity, NaN the one quiet NaN, and subnormals count. The C helpers are the same steps.
public enum NarrowFloat {
  /// The number that `bits` are in `dtype`, which is f16 or bf16; every one is a binary32.
  @inlinable
  public static func widened(_ bits: UInt16, _ dtype: DType) -> Float {
    dtype == .f16 ? f32(f16: bits) : f32(bf16: bits)
  }

  /// The bits of `x` in `dtype`, which is f16 or bf16.
  @inlinable
  public static func narrowed(_ x: Double, _ dtype: DType) -> UInt16 {
    dtype == .f16 ? f16(x) : bf16(x)
  }

  /// The same number as a binary64, and a NaN with the same sign and payload: `bits(of:_:)` gives the bits back.
  public static func kept(_ bits: UInt16, _ dtype: DType) -> Double {
    let width: UInt16 = dtype == .f16 ? 10 : 7
    let payload = bits & (1 << width - 1)
    let wide = Double(widened(bits, dtype))
    guard wide.isNaN else { return wide }
    return Double(
      bitPattern: UInt64(bits >> 15) << 63 | 0x7FF << 52 | UInt64(payload) << UInt64(52 - width))
  }

  /// The nearest bits in `dtype`, and those of a NaN that `kept` made.
  public static func bits(of x: Double, _ dtype: DType) -> UInt16 {
    guard x.isNaN else { return narrowed(x, dtype) }
    let width: UInt64 = dtype == .f16 ? 10 : 7
    let payload = UInt16(truncatingIfNeeded: x.bitPattern >> (52 - width)) & (1 << UInt16(width) - 1)
    // A payload that does not fit is no payload of this dtype.
    guard payload != 0 else { return narrowed(x, dtype) }
    let exponent: UInt16 = dtype == .f16 ? 0x7C00 : 0x7F80
    return UInt16(x.bitPattern >> 63) << 15 | exponent | payload
  }

  /// The number that binary16 bits are.
  @inlinable
  public static func f32(f16 bits: UInt16) -> Float {
    let magnitude = UInt32(bits & 0x7fff)
    let wide: UInt32
    if magnitude < 0x0400 {
      wide = (Float(magnitude) * 0x1p-24).bitPattern
    } else if magnitude < 0x7c00 {
      wide = magnitude << 13 &+ 0x3800_0000
    } else if magnitude == 0x7c00 {
      wide = 0x7f80_0000
    } else {
      return Float(bitPattern: CanonicalNaN.f32)
    }
    return Float(bitPattern: wide | UInt32(bits & 0x8000) << 16)
  }

  /// The number that bfloat16 bits are.
  @inlinable
  public static func f32(bf16 bits: UInt16) -> Float {
    Float(bitPattern: bits & 0x7fff > 0x7f80 ? CanonicalNaN.f32 : UInt32(bits) << 16)
  }

  /// The nearest binary16.
  @inlinable
  public static func f16(_ x: Float) -> UInt16 {
    let bits = x.bitPattern
    let magnitude = bits & 0x7fff_ffff
    if magnitude > 0x7f80_0000 { return CanonicalNaN.f16 }
    let narrow: UInt32
    if magnitude >= 0x4780_0000 {
      narrow = 0x7c00
    } else if magnitude >= 0x3880_0000 {
      let rebased = magnitude &- 0x3800_0000
      narrow = (rebased &+ 0x0fff &+ (rebased >> 13 & 1)) >> 13
    } else {
      // The last place of 1/2 is 2^-24, that of a subnormal binary16.
      narrow = (Float(bitPattern: magnitude) + 0.5).bitPattern &- 0x3f00_0000
    }
    return UInt16(truncatingIfNeeded: narrow | bits >> 16 & 0x8000)
  }

  /// The nearest bfloat16.
  @inlinable
  public static func bf16(_ x: Float) -> UInt16 {
    let bits = x.bitPattern
    if bits & 0x7fff_ffff > 0x7f80_0000 { return CanonicalNaN.bf16 }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ (bits >> 16 & 1)) >> 16)
  }

  /// The nearest binary16.
  @inlinable
  public static func f16(_ x: Double) -> UInt16 {
    let bits = x.bitPattern
    let magnitude = bits & 0x7fff_ffff_ffff_ffff
    if magnitude > 0x7ff0_0000_0000_0000 { return CanonicalNaN.f16 }
    let narrow: UInt64
    if magnitude >= 0x40f0_0000_0000_0000 {
      narrow = 0x7c00
    } else if magnitude >= 0x3f10_0000_0000_0000 {
      let rebased = magnitude &- 0x3f00_0000_0000_0000
      narrow = (rebased &+ 0x01ff_ffff_ffff &+ (rebased >> 42 & 1)) >> 42
    } else {
      // The last place of 2^28 is 2^-24, that of a subnormal binary16.
      narrow = (Double(bitPattern: magnitude) + 0x1p28).bitPattern &- 0x41b0_0000_0000_0000
    }
    return UInt16(truncatingIfNeeded: narrow | bits >> 48 & 0x8000)
  }

  /// The nearest bfloat16.
  @inlinable
  public static func bf16(_ x: Double) -> UInt16 {
    let bits = x.bitPattern
    let magnitude = bits & 0x7fff_ffff_ffff_ffff
    if magnitude > 0x7ff0_0000_0000_0000 { return CanonicalNaN.bf16 }
    let narrow: UInt64
    if magnitude >= 0x47f0_0000_0000_0000 {
      narrow = 0x7f80
    } else if magnitude >= 0x3810_0000_0000_0000 {
      let rebased = magnitude &- 0x3800_0000_0000_0000
      narrow = (rebased &+ 0x0fff_ffff_ffff &+ (rebased >> 45 & 1)) >> 45
    } else {
      // The last place of 2^-81 is 2^-133, that of a subnormal bfloat16.
      narrow = (Double(bitPattern: magnitude) + 0x1p-81).bitPattern &- 0x3ae0_0000_0000_0000
    }
    return UInt16(truncatingIfNeeded: narrow | bits >> 48 & 0x8000)
  }

  /// The nearest binary16; what a binary64 does not hold exactly is infinite here.
  @inlinable
  public static func f16(_ x: Int64) -> UInt16 { f16(Double(x)) }

  /// The nearest bfloat16.
  @inlinable
  public static func bf16(_ x: Int64) -> UInt16 {
    let magnitude = x.magnitude
    if magnitude < 1 << 53 { return bf16(Double(x)) }
    // One bit stands for all that a binary64 would round away, so that nothing is rounded twice.
    let sticky = magnitude >> 12 | (magnitude & 0xfff != 0 ? 1 : 0)
    return bf16(Double(sticky) * (x < 0 ? -4096 : 4096))
  }
}
