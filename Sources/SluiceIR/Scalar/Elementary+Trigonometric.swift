/// `sin`, `cos` and `tan` as branch-free programs over IEEE operations.
///
/// The argument is reduced modulo pi, with pi in three parts taken off by fused multiply-adds (Cody and Waite
/// 1980, chapter 8; Handbook of Floating-Point Arithmetic, 2nd ed. 2018, section 11): one odd polynomial
/// serves the half period, and the parity of the multiple is the sign. Results are limited to [-1, 1], which
/// also serves arguments that are too large for the reduction; infinities give NaN there.
extension ScalarBuilder {
  mutating func sin(_ x: Scalar) -> Scalar {
    let magic = constant(like: x, 0x1.8p+23, 0x1.8p+52)
    let shifted = fma(x, constant(like: x, 0x1.45f306p-2, 0x1.45f306dc9c883p-2), magic)
    let n = subtract(shifted, magic)
    let result = signed(sine(reducedByPi(x, n, scale: 1)), by: shifted)
    return select(compare(.equal, x, constant(like: x, 0, 0)), x, result)
  }

  /// The odd multiple of pi/2 nearest to x is taken off; the large constant is odd, which turns the sign
  /// round.
  mutating func cos(_ x: Scalar) -> Scalar {
    let magic = constant(like: x, 0x1.800002p+23, 0x1.8000000000001p+52)
    let turns = fma(
      x, constant(like: x, 0x1.45f306p-2, 0x1.45f306dc9c883p-2), constant(like: x, -0.5, -0.5))
    let shifted = add(turns, magic)
    let n = subtract(shifted, magic)
    let odd = fma(n, constant(like: x, 2, 2), constant(like: x, 1, 1))
    return signed(sine(reducedByPi(x, odd, scale: 0.5)), by: shifted)
  }

  /// A multiple of pi/2 is taken off; what is left has `tan r = sin r / cos r`, or `-cos r / sin r` for odd
  /// multiples.
  ///
  /// The reduced argument is limited, so that arguments too large for the reduction give a number.
  mutating func tan(_ x: Scalar) -> Scalar {
    let magic = constant(like: x, 0x1.8p+23, 0x1.8p+52)
    let shifted = fma(x, constant(like: x, 0x1.45f306p-1, 0x1.45f306dc9c883p-1), magic)
    let n = subtract(shifted, magic)
    let r = atMost(atLeast(reducedByPi(x, n, scale: 0.5), -0.8125, -0.8125), 0.8125, 0.8125)
    let square = multiply(r, r)
    let p = polynomial(
      square, f32: [-0x1.555546p-3, 0x1.110778p-7, -0x1.9953fep-13],
      f64: [
        -0x1.5555555555548p-3, 0x1.111111110f75dp-7, -0x1.a01a019bf222ep-13, 0x1.71de355f05599p-19,
        -0x1.ae5e5471f5503p-26, 0x1.5d8e3511cdcf2p-33,
      ])
    let sine = fma(r, multiply(square, p), r)
    let q = polynomial(
      square, f32: [-0x1p-1, 0x1.55554ap-5, -0x1.6c0c2ap-10, 0x1.99e90ep-16],
      f64: [
        -0x1p-1, 0x1.555555555554ap-5, -0x1.6c16c16c14e48p-10, 0x1.a01a019c684bap-16, -0x1.27e4f7d8b5053p-22,
        0x1.1ee9cc8efd699p-29, -0x1.8f9f4a7f4408fp-37,
      ])
    let cosine = fma(square, q, constant(like: x, 1, 1))
    let parity = binary(.and, bits(of: shifted), bits(like: x, 1, 1))
    let isOdd = compare(.notEqual, parity, bits(like: x, 0, 0))
    let numerator = select(isOdd, unary(.negate, cosine), sine)
    let quotient = divide(numerator, select(isOdd, sine, cosine))
    return select(compare(.equal, x, constant(like: x, 0, 0)), x, quotient)
  }

  /// `x - n pi scale` in three steps.
  private mutating func reducedByPi(_ x: Scalar, _ n: Scalar, scale: Double) -> Scalar {
    let s = Float(scale)
    let first = fma(n, constant(like: x, -0x1.921fb6p+1 * s, -0x1.921fb54442d18p+1 * scale), x)
    let second = fma(n, constant(like: x, 0x1.777a5cp-24 * s, -0x1.1a62633145c07p-53 * scale), first)
    return fma(n, constant(like: x, 0x1.ee59dap-49 * s, 0x1.f1976b7ed8fbcp-109 * scale), second)
  }

  /// `sin r` for `|r|` up to a little more than pi/2, within [-1, 1].
  private mutating func sine(_ r: Scalar) -> Scalar {
    let square = multiply(r, r)
    let q = polynomial(
      square, f32: [-0x1.55554cp-3, 0x1.110ed4p-7, -0x1.9f6f2p-13, 0x1.5da7f2p-19],
      f64: [
        -0x1.5555555555555p-3, 0x1.11111111110c6p-7, -0x1.a01a01a014aa3p-13, 0x1.71de3a5289248p-19,
        -0x1.ae6454c83cb29p-26, 0x1.6123c9ae52034p-33, -0x1.ae42969ce0197p-41, 0x1.8818510091f97p-49,
      ])
    let result = fma(r, multiply(square, q), r)
    return atMost(atLeast(result, -1, -1), 1, 1)
  }

  /// The sign turned round where the lowest bit of `count` is set.
  private mutating func signed(_ y: Scalar, by count: Scalar) -> Scalar {
    let sign = binary(.shiftLeft, bits(of: count), bits(like: y, 31, 63))
    return float(binary(.xor, bits(of: y), sign))
  }
}
