/// `exp2` and `power` as branch-free programs over IEEE operations.
///
/// `x^y = 2^(y log2 |x|)` wants the logarithm to more places than a float has: it is carried as an
/// unevaluated sum of two floats (Dekker 1971; Handbook of Floating-Point Arithmetic, 2nd ed. 2018, section
/// 14.1), whose products come exactly from fused multiply-adds.
extension ScalarBuilder {
  /// `2^x` for arguments inside the limits (or NaN); exact for integers.
  mutating func exp2Inside(_ x: Scalar) -> Scalar {
    let magic = constant(like: x, 0x1.8001fcp+23, 0x1.80000000007fep+52)
    let shifted = add(x, magic)
    let r = subtract(x, subtract(shifted, magic))
    let p = polynomial(
      r,
      f32: [
        0x1p+0, 0x1.62e43p-1, 0x1.ebfbd8p-3, 0x1.c6af74p-5, 0x1.3b3098p-7, 0x1.5f0ccap-10, 0x1.3fabfep-13,
      ],
      f64: [
        0x1p+0, 0x1.62e42fefa39efp-1, 0x1.ebfbdff82c5a6p-3, 0x1.c6b08d704a12ap-5, 0x1.3b2ab6fb9fd79p-7,
        0x1.5d87fe789f11dp-10, 0x1.4309130f7bdb8p-13, 0x1.ffcbfc6419476p-17, 0x1.62bfc627a9254p-20,
        0x1.b52527b1d2ec7p-24, 0x1.e61da9b9bb9dbp-28, 0x1.e96c003c3eb49p-32,
      ])
    return scaled(p, by: shifted)
  }

  /// `2^x`; the limits lie beyond the last arguments that give 0 and infinity.
  mutating func exp2(_ x: Scalar) -> Scalar { exp2Inside(atMost(atLeast(x, -152, -1077), 129, 1025)) }

  /// A sum of two floats, the second small against the first.
  private struct Pair {
    var high: Scalar
    var low: Scalar
  }

  /// The pair of a sum, for `|a| >= |b|` or a of 0, with more added to the low part.
  private mutating func pair(_ a: Scalar, plus b: Scalar, low: Scalar? = nil) -> Pair {
    let high = add(a, b)
    let rest = add(subtract(a, high), b)
    return Pair(high: high, low: low.map { add(rest, $0) } ?? rest)
  }

  private mutating func product(_ a: Pair, _ b: Pair) -> Pair {
    let high = multiply(a.high, b.high)
    let rest = fma(a.high, b.high, unary(.negate, high))
    return Pair(high: high, low: fma(a.high, b.low, fma(a.low, b.high, rest)))
  }

  /// `log2 x` of a positive number as a pair: `e + s (c1 + s^2 (c3 + ...))` with `s = f / (2 + f)`.
  private mutating func log2Pair(_ x: Scalar) -> Pair {
    let (e, f) = decomposed(x, symmetric: true)
    let two = constant(like: x, 2, 2)
    let denominator = pair(two, plus: f)
    let inverse = divide(constant(like: x, 1, 1), denominator.high)
    let quotient = multiply(f, inverse)
    let rest = fma(unary(.negate, quotient), denominator.high, f)
    let remainder = fma(unary(.negate, quotient), denominator.low, rest)
    let s = Pair(high: quotient, low: multiply(remainder, inverse))
    let z = product(s, s)
    let q = polynomial(
      z.high, f32: [0x1.2776c4p-1, 0x1.a61946p-2, 0x1.47b4b4p-2, 0x1.202c96p-2],
      f64: [
        0x1.2776c50ef9bffp-1, 0x1.a61762a7adc2dp-2, 0x1.484b13d7ebcafp-2, 0x1.0c9a848167c5ap-2,
        0x1.c68f661634c04p-3, 0x1.89f08d4596019p-3, 0x1.5bff95374436ap-3, 0x1.2f897d761486ap-3,
        0x1.636199cc273bap-3,
      ])
    let c1 = constant(like: x, 0x1.715476p+1, 0x1.71547652b82fep+1)
    let c1Low = constant(like: x, 0x1.4ae0cp-25, 0x1.777d0ffda0d24p-55)
    let c3 = constant(like: x, 0x1.ec709ep-1, 0x1.ec709dc3a03fdp-1)
    let c3Low = constant(like: x, -0x1.e2fe02p-28, 0x1.d27f05548af0cp-55)
    let inner = product(z, pair(c3, plus: multiply(z.high, q), low: c3Low))
    let outer = product(s, pair(c1, plus: inner.high, low: add(inner.low, c1Low)))
    return pair(e, plus: outer.high, low: outer.low)
  }

  /// `x^y` with the special values of C's annex F.
  mutating func power(_ x: Scalar, _ y: Scalar) -> Scalar {
    let all = bits(of: x)
    let size = float(binary(.and, all, magnitudeMask(like: x)))
    let logarithm = log2Pair(size)
    // Beyond these exponents every result is 0, 1 or infinity.
    let limited = atMost(atLeast(y, -0x1p+34, -0x1p+66), 0x1p+34, 0x1p+66)
    let high = multiply(limited, logarithm.high)
    let rest = fma(limited, logarithm.high, unary(.negate, high))
    let low = fma(limited, logarithm.low, rest)
    let isInside = compare(
      .less, float(binary(.and, bits(of: high), magnitudeMask(like: x))), constant(like: x, 256, 2048))
    let zero = constant(like: x, 0, 0)
    let result = exp2(atMost(atLeast(high, -152, -1077), 129, 1025), plus: select(isInside, low, zero))
    return withPowerEdges(result, x, y, size)
  }

  /// `2^(x + rest)` for a rest that is small against 1, with one rounding that counts.
  private mutating func exp2(_ x: Scalar, plus rest: Scalar) -> Scalar {
    let magic = constant(like: x, 0x1.8001fcp+23, 0x1.80000000007fep+52)
    let shifted = add(x, magic)
    let r = pair(subtract(x, subtract(shifted, magic)), plus: rest)
    let ln2 = Pair(
      high: constant(like: x, 0x1.62e43p-1, 0x1.62e42fefa39efp-1),
      low: constant(like: x, -0x1.05c61p-29, 0x1.abc9e3b39803fp-56))
    let linear = product(r, ln2)
    let sum = pair(constant(like: x, 1, 1), plus: linear.high, low: linear.low)
    let q = polynomial(
      r.high, f32: [0x1.ebfbdcp-3, 0x1.c6af88p-5, 0x1.3b2dep-7, 0x1.5f0448p-10, 0x1.416beep-13],
      f64: [
        0x1.ebfbdff82c5a1p-3, 0x1.c6b08d704a043p-5, 0x1.3b2ab6fba076ep-7, 0x1.5d87fe78c4088p-10,
        0x1.4309130dd422bp-13, 0x1.ffcbfbc521688p-17, 0x1.62bfc9c25831fp-20, 0x1.b52657c28f6f3p-24,
        0x1.e618209552c4bp-28, 0x1.e7c099e878bcap-32,
      ])
    let tail = fma(multiply(r.high, r.high), q, sum.low)
    return scaled(add(sum.high, tail), by: shifted)
  }

  /// The sign of odd powers, NaN for broken powers of negative numbers, 0, infinity and 1.
  private mutating func withPowerEdges(
    _ power: Scalar, _ x: Scalar, _ y: Scalar, _ size: Scalar
  ) -> Scalar {
    let zero = constant(like: x, 0, 0)
    let infinity = constant(like: x, .infinity, .infinity)
    let isZero = compare(.equal, size, zero)
    let isEdge = binary(.or, isZero, compare(.equal, size, infinity))
    let isLarge = binary(.xor, isZero, compare(.less, zero, y))
    let magnitude = select(isEdge, select(isLarge, infinity, zero), power)

    let isInteger = compare(.equal, unary(.floor, y), y)
    let half = multiply(y, constant(like: x, 0.5, 0.5))
    let isOdd = binary(.and, isInteger, compare(.notEqual, unary(.floor, half), half))
    let sign = binary(.and, bits(of: x), signMask(like: x))
    let signOfOdd = select(isOdd, sign, bits(like: x, 0, 0))
    let signed = float(binary(.or, bits(of: magnitude), signOfOdd))

    let isNegative = binary(
      .and, compare(.less, x, zero), compare(.less, constant(like: x, -.infinity, -.infinity), x))
    let isBroken = binary(.and, isNegative, unary(.not, isInteger))
    let isNaN = binary(.or, compare(.notEqual, x, x), compare(.notEqual, y, y))
    let value = select(binary(.or, isBroken, isNaN), constant(like: x, .nan, .nan), signed)
    let one = constant(like: x, 1, 1)
    return select(binary(.or, compare(.equal, x, one), compare(.equal, y, zero)), one, value)
  }

  /// `x^y` of integers, wrapping, by squaring once for every bit of y; for negative y the quotient `1 / x^-y`
  /// truncated, 0 for x = 0.
  mutating func integerPower(_ x: Scalar, _ y: Scalar) -> Scalar {
    let (zero, one) = (integer(0, x.dtype), integer(1, x.dtype))
    let isSigned = x.dtype != .u8
    let count = 8 * x.dtype.byteCount - (isSigned ? 1 : 0)
    var (result, factor) = (one, x)
    for bit in 0..<count {
      let isSet = compare(.notEqual, binary(.and, y, integer(1 << Int64(bit), x.dtype)), zero)
      result = select(isSet, bit == 0 ? x : multiply(result, factor), result)
      if bit + 1 < count { factor = multiply(factor, factor) }
    }
    guard isSigned else { return result }
    // Of 1 and -1 the lowest bit of y decides as before.
    let isUnit = binary(
      .or, compare(.equal, x, one), compare(.equal, x, integer(-1, x.dtype)))
    let isInverse = binary(.and, compare(.less, y, zero), unary(.not, isUnit))
    return select(isInverse, zero, result)
  }
}
