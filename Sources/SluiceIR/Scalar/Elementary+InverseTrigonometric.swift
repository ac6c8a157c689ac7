/// `asin`, `acos`, `atan` and `atan2` as branch-free programs over IEEE operations.
///
/// Each is `base + t + t z P(z)` with a base of 0, pi/2 or pi in two parts, an argument t of either sign and
/// `z = t^2` (Cody and Waite 1980, chapters 10 and 11): base and t are added first, which leaves the second
/// rounding to the sum with the small rest. The polynomials are minimax approximations with rounded
/// coefficients.
extension ScalarBuilder {
  /// `base + t + t z p`, with the base in two parts; what the first sum loses goes to the small rest.
  private mutating func angle(
    _ base: (high: Scalar, low: Scalar), _ t: Scalar, _ z: Scalar, _ p: Scalar
  ) -> Scalar {
    let sum = add(base.high, t)
    let lost = add(subtract(base.high, sum), t)
    return add(sum, add(fma(multiply(t, z), p, base.low), lost))
  }

  /// The base: 0 where `isZero`, pi/2 where `isHalf` or everywhere without it, else pi.
  private mutating func base(_ isZero: Scalar, _ isHalf: Scalar? = nil, like x: Scalar) -> (
    high: Scalar, low: Scalar
  ) {
    var high = constant(like: x, 0x1.921fb6p+0, 0x1.921fb54442d18p+0)
    var low = constant(like: x, -0x1.777a5cp-25, 0x1.1a62633145c07p-54)
    if let isHalf {
      high = select(isHalf, high, constant(like: x, 0x1.921fb6p+1, 0x1.921fb54442d18p+1))
      low = select(isHalf, low, constant(like: x, -0x1.777a5cp-24, 0x1.1a62633145c07p-53))
    }
    let zero = constant(like: x, 0, 0)
    return (select(isZero, zero, high), select(isZero, zero, low))
  }

  /// `(asin s - s) / s^3` for `z = s^2` up to 1/4.
  private mutating func arcSineTail(_ z: Scalar) -> Scalar {
    polynomial(
      z,
      f32: [0x1.55554cp-3, 0x1.3338ap-4, 0x1.6caa42p-5, 0x1.04b3c8p-5, 0x1.d74498p-7, 0x1.33f1bep-5],
      f64: [
        0x1.5555555555577p-3, 0x1.333333332e11p-4, 0x1.6db6db7214efbp-5, 0x1.f1c71a93b97ebp-6,
        0x1.6e8bdf08f8534p-6, 0x1.1c49ed235bd0ap-6, 0x1.ca1fe26971866p-7, 0x1.75829a894ebc1p-7,
        0x1.614e1abb3607p-7, 0x1.e4dcd1b2dfd84p-9, 0x1.63f6350d5153p-6, -0x1.58825b4618593p-6,
        0x1.0b7205b30eae8p-5,
      ])
  }

  /// `|x|`, whether it is at most 1/2, and z: `x^2` there, `(1 - |x|) / 2` beyond.
  private mutating func halves(_ x: Scalar) -> (a: Scalar, isSmall: Scalar, z: Scalar) {
    let a = float(binary(.and, bits(of: x), magnitudeMask(like: x)))
    let half = constant(like: x, 0.5, 0.5)
    let isSmall = compare(.lessEqual, a, half)
    let far = fma(a, constant(like: x, -0.5, -0.5), half)
    return (a, isSmall, select(isSmall, multiply(a, a), far))
  }

  /// `asin x` up to 1/2, `pi/2 - 2 asin(sqrt((1 - |x|) / 2))` beyond; NaN outside [-1, 1] by the square root.
  mutating func asin(_ x: Scalar) -> Scalar {
    let (a, isSmall, z) = halves(x)
    let twice = multiply(unary(.sqrt, z), constant(like: x, -2, -2))
    let t = select(isSmall, a, twice)
    let result = angle(base(isSmall, like: x), t, z, arcSineTail(z))
    return float(binary(.or, bits(of: result), binary(.and, bits(of: x), signMask(like: x))))
  }

  /// `pi/2 - asin x` up to 1/2, `2 asin(sqrt((1 - x) / 2))` above, `pi - 2 asin(sqrt((1 + x) / 2))` below.
  mutating func acos(_ x: Scalar) -> Scalar {
    let (_, isSmall, z) = halves(x)
    let isNegative = compare(.less, x, constant(like: x, 0, 0))
    let twice = multiply(
      unary(.sqrt, z), select(isNegative, constant(like: x, -2, -2), constant(like: x, 2, 2)))
    let t = select(isSmall, unary(.negate, x), twice)
    let isZero = unary(.not, binary(.or, isSmall, isNegative))
    return angle(base(isZero, isSmall, like: x), t, z, arcSineTail(z))
  }

  /// `(atan t - t) / t^3` for `z = t^2` up to 1.
  private mutating func arcTangentTail(_ z: Scalar) -> Scalar {
    polynomial(
      z,
      f32: [
        -0x1.55553ep-2, 0x1.9991ecp-3, -0x1.24211ap-3, 0x1.c0946cp-4, -0x1.5825f2p-4, 0x1.da9c2ep-5,
        -0x1.fe7d24p-6, 0x1.6551e2p-7, -0x1.d5a1aap-10,
      ],
      f64: [
        -0x1.5555555555526p-2, 0x1.99999999955b4p-3, -0x1.249249237f57dp-3, 0x1.c71c717fcf76dp-4,
        -0x1.745d11ae74c7ap-4, 0x1.3b13669a2a047p-4, -0x1.110e5126fd02dp-4, 0x1.e1bba66c1a4b8p-5,
        -0x1.ae5e72c0e6984p-5, 0x1.82dad79d1736p-5, -0x1.59a3ff2ac6667p-5, 0x1.2c2e5ccfd4e26p-5,
        -0x1.e9fa0da6643e9p-6, 0x1.683cc98472e13p-6, -0x1.c78fcd542af16p-7, 0x1.d7b927bbdceedp-8,
        -0x1.7a399ad4364a2p-9, 0x1.b3facbcd7bb8ap-11, -0x1.3f364d4b9695cp-13, 0x1.bbed9f7b04237p-17,
      ])
  }

  /// `atan x` up to 1, `pi/2 - atan(1 / |x|)` beyond, with the sign put back.
  mutating func atan(_ x: Scalar) -> Scalar {
    let all = bits(of: x)
    let a = float(binary(.and, all, magnitudeMask(like: x)))
    let one = constant(like: x, 1, 1)
    let isSmall = compare(.lessEqual, a, one)
    let t = select(isSmall, a, divide(constant(like: x, -1, -1), a))
    let z = multiply(t, t)
    let result = angle(base(isSmall, like: x), t, z, arcTangentTail(z))
    return float(binary(.or, bits(of: result), binary(.and, all, signMask(like: x))))
  }

  /// The angle of the point (x, y): the arc tangent of the smaller over the larger coordinate, turned into
  /// its octant.
  mutating func atan2(_ y: Scalar, _ x: Scalar) -> Scalar {
    let (xBits, yBits) = (bits(of: x), bits(of: y))
    let a = float(binary(.and, yBits, magnitudeMask(like: x)))
    let b = float(binary(.and, xBits, magnitudeMask(like: x)))
    let isSteep = compare(.less, b, a)
    let isNegative = compare(.less, xBits, bits(like: x, 0, 0))
    let numerator = select(isSteep, b, a)
    let denominator = select(isSteep, a, b)
    // Equal infinities have the ratio 1, two zeros the ratio 0.
    let zero = constant(like: x, 0, 0)
    let isZero = compare(.equal, denominator, zero)
    let isOne = compare(.equal, numerator, denominator)
    let ratio = select(isOne, constant(like: x, 1, 1), divide(numerator, denominator))
    let t = select(isZero, numerator, ratio)
    let turned = select(binary(.xor, isSteep, isNegative), unary(.negate, t), t)
    let z = multiply(t, t)
    let isRight = unary(.not, binary(.or, isSteep, isNegative))
    let result = angle(base(isRight, isSteep, like: x), turned, z, arcTangentTail(z))
    return float(binary(.or, bits(of: result), binary(.and, yBits, signMask(like: x))))
  }
}
