/// `exp`, `expm1`, `tanh` and `sigmoid` as branch-free programs over IEEE operations.
///
/// All reduce by ln 2: `x = k ln2 + r`, with k found by adding a large constant whose low bits then hold it, and
/// ln 2 in two parts taken off with fused multiply-adds (Cody and Waite 1980, chapter 6; Muller, Elementary
/// Functions, 3rd ed. 2016, chapter 5). The polynomials are minimax approximations with rounded coefficients
/// (Brisebarre and Chevillard 2007). Accuracy is measured in `docs/numerics.md`.
extension ScalarBuilder {
  /// A constant of the dtype of `x`, written for both.
  mutating func constant(like x: Scalar, _ f32: Float, _ f64: Double) -> Scalar {
    x.dtype == .f32 ? self.f32(f32) : self.f64(f64)
  }

  /// An integer constant as wide as `x`, written for both.
  mutating func bits(like x: Scalar, _ i32: UInt32, _ i64: UInt64) -> Scalar {
    x.dtype == .f32 ? bits(UInt64(i32), .i32) : bits(i64, .i64)
  }

  /// The bits of a float as an integer.
  mutating func bits(of x: Scalar) -> Scalar { bitcast(x, x.dtype == .f32 ? .i32 : .i64) }

  /// The float with these bits.
  mutating func float(_ bits: Scalar) -> Scalar { bitcast(bits, bits.dtype == .i32 ? .f32 : .f64) }

  /// The sign bit alone.
  mutating func signMask(like x: Scalar) -> Scalar { bits(like: x, 0x8000_0000, 0x8000_0000_0000_0000) }

  /// All bits but the sign.
  mutating func magnitudeMask(like x: Scalar) -> Scalar { bits(like: x, 0x7FFF_FFFF, 0x7FFF_FFFF_FFFF_FFFF) }

  /// The larger of `x` and a limit; NaN passes.
  mutating func atLeast(_ x: Scalar, _ f32: Float, _ f64: Double) -> Scalar {
    let limit = constant(like: x, f32, f64)
    return select(compare(.less, x, limit), limit, x)
  }

  /// The smaller of `x` and a limit; NaN passes.
  mutating func atMost(_ x: Scalar, _ f32: Float, _ f64: Double) -> Scalar {
    let limit = constant(like: x, f32, f64)
    return select(compare(.less, limit, x), limit, x)
  }

  /// `-|x|`.
  mutating func negativeMagnitude(_ x: Scalar) -> Scalar {
    float(binary(.or, bits(of: x), signMask(like: x)))
  }

  /// `x - k ln2` in two steps, times 1 or, for `half`, with ln2 / 2.
  mutating func reduced(_ x: Scalar, _ k: Scalar, half: Bool = false) -> Scalar {
    let scale = half ? 0.5 : 1.0
    let high = constant(like: x, -0x1.62e43p-1 * Float(scale), -0x1.62e42fefa39efp-1 * scale)
    let low = constant(like: x, 0x1.05c61p-29 * Float(scale), -0x1.abc9e3b39803fp-56 * scale)
    return fma(k, low, fma(k, high, x))
  }

  /// A polynomial with coefficients for both dtypes, lowest first.
  mutating func polynomial(_ x: Scalar, f32: [Double], f64: [Double]) -> Scalar {
    polynomial(x, x.dtype == .f32 ? f32 : f64)
  }

  /// `e^x` for arguments inside the limits (or NaN): `p(r) 2^k`; overflow and gradual underflow come out right.
  mutating func expInside(_ x: Scalar) -> Scalar {
    // 1.5 * 2^23 + 254 (1.5 * 2^52 + 2046): the low bits hold k with the exponent's bias twice.
    let magic = constant(like: x, 0x1.8001fcp+23, 0x1.80000000007fep+52)
    let shifted = fma(x, constant(like: x, 0x1.715476p+0, 0x1.71547652b82fep+0), magic)
    let r = reduced(x, subtract(shifted, magic))
    let p = polynomial(
      r,
      f32: [
        0x1p+0, 0x1p+0, 0x1.fffffap-2, 0x1.555492p-3, 0x1.555a28p-5, 0x1.12398ep-7, 0x1.694ac4p-10,
      ],
      f64: [
        0x1p+0, 0x1p+0, 0x1.000000000000ap-1, 0x1.55555555554fdp-3, 0x1.55555555506a4p-5,
        0x1.1111111126ecbp-7,
        0x1.6c16c1847f532p-10, 0x1.a01a012edb8a1p-13, 0x1.a0199942cc2e3p-16, 0x1.71df1b0872664p-19,
        0x1.28ae1ad6175d4p-22, 0x1.ad900f767f2b1p-26,
      ])
    return scaled(p, by: shifted)
  }

  /// `p 2^k`, with k and twice the exponent's bias in the low bits of `shifted`: two steps, of which the first is
  /// exact and the second rounds once.
  mutating func scaled(_ p: Scalar, by shifted: Scalar) -> Scalar {
    let exponents = bits(of: shifted)
    let first = binary(.shiftRightLogical, exponents, bits(like: p, 1, 1))
    let second = subtract(exponents, first)
    let position = bits(like: p, 23, 52)
    let halfway = multiply(p, float(binary(.shiftLeft, first, position)))
    return multiply(halfway, float(binary(.shiftLeft, second, position)))
  }

  /// `e^x`; the limits lie beyond the last arguments that give 0 and infinity.
  ///
  /// Below, where masked scores are, another argument is taken: products that underflow cost processors over a hundred
  /// cycles.
  mutating func exp(_ x: Scalar) -> Scalar {
    let zero = constant(like: x, 0, 0)
    let isBelow = compare(.less, x, constant(like: x, -104, -746))
    return select(isBelow, zero, expInside(select(isBelow, zero, atMost(x, 89, 710))))
  }

  /// `e^x - 1 = 2 (p 2^(k-1) + (2^(k-1) - 1/2))` with `p = e^r - 1`.
  ///
  /// k is rounded off the nearest so that r lies in [ln 3/4, ln 3/2], where p loses least against the result. Tiny arguments are their own result.
  mutating func expm1(_ x: Scalar) -> Scalar {
    let inside = atMost(atLeast(x, -20, -40), 89, 710)
    let turns = fma(
      inside, constant(like: x, 0x1.715476p+0, 0x1.71547652b82fep+0),
      constant(like: x, -0x1.5c01a4p-4, -0x1.5c01a39fbd688p-4))
    let magic = constant(like: x, 0x1.8000fcp+23, 0x1.80000000003fep+52)
    let shifted = add(turns, magic)
    let k = subtract(shifted, magic)
    let scale = float(binary(.shiftLeft, bits(of: shifted), bits(like: x, 23, 52)))
    let r = reduced(inside, k)
    let q = polynomial(
      r, f32: [0x1.000004p-1, 0x1.5554e6p-3, 0x1.5546cap-5, 0x1.11e78cp-7, 0x1.7e9352p-10],
      f64: [
        0x1.fffffffffffffp-2, 0x1.5555555555648p-3, 0x1.5555555555c19p-5, 0x1.11111110b06ap-7,
        0x1.6c16c16af5431p-10, 0x1.a01a04b0e2552p-13, 0x1.a019f6648b75p-16, 0x1.71d4270811e26p-19,
        0x1.283b594a49fe7p-22, 0x1.c5f8e5806b9ecp-26,
      ])
    let p = fma(multiply(r, r), q, r)
    let half = fma(p, scale, subtract(scale, constant(like: x, 0.5, 0.5)))
    let size = binary(.and, bits(of: x), magnitudeMask(like: x))
    let isTiny = compare(.less, size, bits(like: x, 0x3080_0000, 0x3C30_0000_0000_0000))
    return select(isTiny, x, add(half, half))
  }

  /// `h / (h + 1)` with `h = (e^(2|x|) - 1) / 2` as a sum of positive terms, and the sign put back.
  ///
  /// The quotient is formed as `m - m (m / (1 + h))` with `m = min(h, 1)`, so that its rounding weighs less.
  mutating func tanh(_ x: Scalar) -> Scalar {
    let all = bits(of: x)
    let sign = binary(.and, all, signMask(like: x))
    let a = atMost(float(binary(.and, all, magnitudeMask(like: x))), 10, 20)
    let turns = fma(
      a, constant(like: x, 0x1.715476p+1, 0x1.71547652b82fep+1), constant(like: x, -0x1.ffp-2, -0x1.ffp-2))
    let magic = constant(like: x, 0x1.8000fep+23, 0x1.80000000003ffp+52)
    let shifted = add(turns, magic)
    let k = subtract(shifted, magic)
    let scale = float(binary(.shiftLeft, bits(of: shifted), bits(like: x, 23, 52)))
    let r = reduced(a, k, half: true)
    let q = polynomial(
      r, f32: [0x1.00001ep+0, 0x1.554b62p-1, 0x1.56623p-2, 0x1.04ea7ep-3, 0x1.e7b4d4p-5],
      f64: [
        0x1.fffffffffffa8p-1, 0x1.55555555586a9p-1, 0x1.5555555424963p-2, 0x1.1111114b14e06p-3,
        0x1.6c16b4c7d9f2bp-5, 0x1.a01bb3fe5817ep-7, 0x1.9ff4eb5945484p-9, 0x1.73e1e3da8a346p-11,
        0x1.16beb06b37557p-13, 0x1.274c98959443cp-15,
      ])
    let p = fma(multiply(r, r), q, r)
    let one = constant(like: x, 1, 1)
    let base = fma(constant(like: x, 0.5, 0.5), scale, constant(like: x, -0.5, -0.5))
    let h = fma(p, scale, base)
    let minusDenominator = subtract(constant(like: x, -1, -1), h)
    let m = select(compare(.less, h, one), h, one)
    let result = fma(m, divide(m, minusDenominator), m)
    return float(binary(.or, bits(of: result), sign))
  }

  /// `n / (1 + e)` with `e = exp(-|x|)` and `n` = 1 for positive x, e for negative, formed as `n - n (e / (1 + e))`:
  /// the left tail keeps its relative accuracy and underflows gradually.
  mutating func sigmoid(_ x: Scalar) -> Scalar {
    let e = expInside(atLeast(negativeMagnitude(x), -104, -746))
    let one = constant(like: x, 1, 1)
    let quotient = divide(e, subtract(constant(like: x, -1, -1), e))
    let n = select(compare(.less, x, constant(like: x, 0, 0)), e, one)
    return fma(n, quotient, n)
  }
}
