/// `log`, `log2`, `log1p` and `softplus` as branch-free programs over IEEE operations.
///
/// `x = m 2^e`, `f = m - 1` exactly, `log x = e ln2 + log1p(f)` with ln 2 in two parts (Muller, Elementary
/// Functions, 3rd ed. 2016, chapter 5). In f32 m lies in [2/3, 4/3) and `log1p(f) = f + f^2 Q(f)`; in f64 m
/// lies in [sqrt 1/2, sqrt 2) and `log1p(f) = 2 atanh(f / (2 + f))`. The exponent is read as a float by
/// putting its bits under those of a large constant, so there is no conversion.
extension ScalarBuilder {
  /// What `bits(1) - bits(lower end of m)` adds so that the exponent field counts whole powers.
  private mutating func mantissaOffset(like x: Scalar) -> Scalar {
    bits(like: x, 0x0055_5555, 0x0009_5F61_9980_C433)
  }

  /// The exponent field of bits that have the offset, as a float above a large constant.
  mutating func exponent(_ offsetBits: Scalar, like x: Scalar) -> Scalar {
    let field = binary(.shiftRightLogical, offsetBits, bits(like: x, 23, 52))
    return float(binary(.or, field, bits(like: x, 0x4B00_0000, 0x4330_0000_0000_0000)))
  }

  /// `e ln2 + log1p(f)`.
  private mutating func logarithm(_ e: Scalar, _ f: Scalar) -> Scalar {
    let small = multiply(e, constant(like: f, -0x1.05c61p-29, 0x1.abc9e3b39803fp-56))
    let high = constant(like: f, 0x1.62e43p-1, 0x1.62e42fefa39efp-1)
    if f.dtype == .f32 {
      let q = polynomial(
        f,
        [
          -0x1p-1, 0x1.555502p-2, -0x1.ffff14p-3, 0x1.99d1c6p-3, -0x1.559804p-3, 0x1.1ec0dp-3, -0x1.f3a788p-4,
          0x1.1ec6ep-3, -0x1.06cedcp-3,
        ])
      return fma(e, high, add(f, fma(multiply(f, f), q, small)))
    }
    let (s, g) = areaTangent(f)
    return fma(e, high, add(f, fma(s, g, small)))
  }

  /// `s = f / (2 + f)` and g, with `log1p(f) = 2 atanh s = f + s g`; f64 only.
  private mutating func areaTangent(_ f: Scalar) -> (s: Scalar, g: Scalar) {
    let s = divide(f, add(f, f64(2)))
    let z = multiply(s, s)
    let q = polynomial(
      z,
      [
        0x1.5555555555592p-1, 0x1.999999997ff14p-2, 0x1.24924941e29d6p-2, 0x1.c71c521247f6p-3,
        0x1.74663d8f3f446p-3,
        0x1.39a1d2ed92fbcp-3, 0x1.2f04cd5a49ef9p-3,
      ])
    return (s, fma(z, q, unary(.negate, f)))
  }

  /// A positive x as `m 2^e` with `f = m - 1`: f32 m in [2/3, 4/3), or, for `symmetric`, as in f64 in
  /// [sqrt 1/2, sqrt 2); denormals are scaled up first.
  mutating func decomposed(_ x: Scalar, symmetric: Bool = false) -> (e: Scalar, f: Scalar) {
    let isSmall = compare(.less, x, constant(like: x, 0x1p-126, 0x1p-1022))
    let scaled = select(isSmall, multiply(x, constant(like: x, 0x1p+23, 0x1p+54)), x)
    let bias = select(
      isSmall, constant(like: x, 0x1.00012cp+23, 0x1.0000000000435p+52),
      constant(like: x, 0x1.0000fep+23, 0x1.00000000003ffp+52))
    let offset =
      symmetric ? bits(like: x, 0x004A_FB0D, 0x0009_5F61_9980_C433) : mantissaOffset(like: x)
    let offsetBits = add(bits(of: scaled), offset)
    let e = subtract(exponent(offsetBits, like: x), bias)
    let fraction = binary(.and, offsetBits, bits(like: x, 0x007F_FFFF, 0x000F_FFFF_FFFF_FFFF))
    let m = float(add(fraction, bits(like: x, symmetric ? 0x3F35_04F3 : 0x3F2A_AAAB, 0x3FE6_A09E_667F_3BCD)))
    return (e, subtract(m, constant(like: x, 1, 1)))
  }

  /// A logarithm's special values: -inf at 0, NaN below, inf and NaN as they are.
  mutating func withLogarithmEdges(_ result: Scalar, _ x: Scalar) -> Scalar {
    let zero = constant(like: x, 0, 0)
    let atZero = constant(like: x, -.infinity, -.infinity)
    let below = constant(like: x, .nan, .nan)
    let edge = select(compare(.equal, x, zero), atZero, below)
    let inside = select(compare(.less, zero, x), result, edge)
    return select(compare(.less, x, constant(like: x, .infinity, .infinity)), inside, x)
  }

  /// The natural logarithm; denormals are scaled up first.
  mutating func log(_ x: Scalar) -> Scalar {
    let (e, f) = decomposed(x)
    return withLogarithmEdges(logarithm(e, f), x)
  }

  /// The logarithm to base 2: `e + log2(1 + f)`, the leading term times 1/ln2 in two parts.
  ///
  /// Exact for powers of two.
  mutating func log2(_ x: Scalar) -> Scalar {
    let (e, f) = decomposed(x)
    let low = multiply(f, constant(like: x, 0x1.4ae0cp-26, 0x1.777d0ffda0d24p-56))
    let scale = constant(like: x, 0x1.715476p+0, 0x1.71547652b82fep+0)
    let tail: Scalar
    if x.dtype == .f32 {
      let q = polynomial(
        f,
        [
          -0x1.715476p-1, 0x1.ec7024p-2, -0x1.715404p-2, 0x1.279f9p-2, -0x1.ecc50ap-3, 0x1.9dab04p-3,
          -0x1.68ea1p-3, 0x1.9ddbc2p-3, -0x1.795a28p-3,
        ])
      tail = fma(multiply(f, f), q, low)
    } else {
      let (s, g) = areaTangent(f)
      tail = fma(multiply(s, g), scale, low)
    }
    return withLogarithmEdges(add(e, fma(f, scale, tail)), x)
  }

  /// `log(1 + x)`, with one rounding before the polynomial.
  ///
  /// The exponent comes from the rounded `1 + x`, but `f = (1 + x) 2^-e - 1 = x 2^-e + (2^-e - 1)` is formed
  /// by one fused multiply-add (Kahan's idea; Handbook of Floating-Point Arithmetic, 2nd ed. 2018, section
  /// 10). `2^-e` is built four times too large and x taken four times too small, so that the largest
  /// exponents stay in range.
  mutating func log1p(_ x: Scalar) -> Scalar {
    let one = constant(like: x, 1, 1)
    let quarter = constant(like: x, 0.25, 0.25)
    let offsetBits = add(bits(of: add(one, x)), mantissaOffset(like: x))
    let e = subtract(exponent(offsetBits, like: x), constant(like: x, 0x1.0000fep+23, 0x1.00000000003ffp+52))
    let power = binary(.and, offsetBits, bits(like: x, 0xFF80_0000, 0xFFF0_0000_0000_0000))
    let scale = float(subtract(signMask(like: x), power))
    let base = fma(quarter, scale, constant(like: x, -1, -1))
    let result = logarithm(e, fma(multiply(x, quarter), scale, base))
    // Outside [2^-30, inf) in absolute value (2^-60 in f64) the result is x: one wrapping signed range test.
    let size = binary(.and, bits(of: x), magnitudeMask(like: x))
    let shifted = subtract(size, bits(like: x, 0xB080_0000, 0xBC30_0000_0000_0000))
    let isInside = compare(.less, shifted, bits(like: x, 0xCF00_0000, 0xC3C0_0000_0000_0000))
    let value = select(isInside, result, x)
    let minusOne = constant(like: x, -1, -1)
    let atPole = constant(like: x, -.infinity, -.infinity)
    let below = constant(like: x, .nan, .nan)
    let edge = select(compare(.equal, x, minusOne), atPole, below)
    return select(compare(.less, minusOne, x), value, edge)
  }

  /// `log(1 + e^x) = max(x, 0) + log1p(e)` with `e = exp(-|x|)` in [0, 1]: no exponent to take apart.
  mutating func softplus(_ x: Scalar) -> Scalar {
    let e = expInside(atLeast(negativeMagnitude(x), -104, -746))
    let logarithm: Scalar
    if x.dtype == .f32 {
      let q = polynomial(
        e,
        [
          -0x1.ffffd2p-2, 0x1.554ddap-2, -0x1.ff2556p-3, 0x1.935568p-3, -0x1.3a6736p-3, 0x1.b53c48p-4,
          -0x1.d7efa8p-5, 0x1.4a9226p-6, -0x1.b22adep-9,
        ])
      logarithm = fma(multiply(e, e), q, e)
    } else {
      let s = divide(e, add(e, f64(2)))
      let z = multiply(s, s)
      let q = polynomial(
        z,
        [
          0x1.5555555555535p-1, 0x1.99999999a0725p-2, 0x1.249249208e892p-2, 0x1.c71c741b15a37p-3,
          0x1.745cb438b4937p-3, 0x1.3b1dd62634f2cp-3, 0x1.10681126b98dap-3, 0x1.efd33f593d079p-4,
          0x1.55c870b8c38e9p-4, 0x1.5c62245ac6f53p-3,
        ])
      logarithm = fma(s, fma(z, q, unary(.negate, e)), e)
    }
    let zero = constant(like: x, 0, 0)
    return add(select(compare(.less, zero, x), x, zero), logarithm)
  }
}
