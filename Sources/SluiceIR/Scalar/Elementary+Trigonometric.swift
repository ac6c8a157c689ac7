/// `sin`, `cos` and `tan` as straight-line programs over IEEE operations.
///
/// The argument is reduced modulo pi, with pi in three parts taken off by fused multiply-adds (Cody and Waite
/// 1980, chapter 8; Handbook of Floating-Point Arithmetic, 2nd ed. 2018, section 11): one odd polynomial
/// serves the half period, and the parity of the multiple is the sign. Where the argument is too large for that,
/// `PiReduction` takes the multiple off exactly. Infinities give NaN.
extension ScalarBuilder {
  mutating func sin(_ x: Scalar) -> Scalar {
    let magic = constant(like: x, 0x1.8p+23, 0x1.8p+52)
    let shifted = fma(x, constant(like: x, 0x1.45f306p-2, 0x1.45f306dc9c883p-2), magic)
    let n = subtract(shifted, magic)
    let r = reduced(x, PiReduction(.whole, .rest), near: reducedByPi(x, n, scale: 1))
    let result = signed(sine(r), by: reduced(x, PiReduction(.whole, .count), near: shifted))
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
    let r = reduced(x, PiReduction(.odd, .rest), near: reducedByPi(x, odd, scale: 0.5))
    return signed(sine(r), by: reduced(x, PiReduction(.odd, .count), near: shifted))
  }

  /// A multiple of pi/2 is taken off; an odd one turns `tan r` into `-1 / tan r`.
  ///
  /// What is left is known to more digits than a float has, and so is `tan r`: `first + second`, where `first`
  /// is the result for even multiples, and a step of Newton's method makes the quotient of odd ones.
  mutating func tan(_ x: Scalar) -> Scalar {
    let (zero, one) = (constant(like: x, 0, 0), constant(like: x, 1, 1))
    let magic = constant(like: x, 0x1.8p+23, 0x1.8p+52)
    let shifted = fma(x, constant(like: x, 0x1.45f306p-1, 0x1.45f306dc9c883p-1), magic)
    let n = subtract(shifted, magic)
    let near = reducedWithTail(x, n, scale: 0.5)
    let r = reduced(x, PiReduction(.half, .rest), near: near.rest)
    let tail = reduced(x, PiReduction(.half, .tail), near: near.tail)
    let count = reduced(x, PiReduction(.half, .count), near: shifted)
    let square = multiply(r, r)
    let p = polynomial(
      square,
      f32: [
        0x1.555562p-2, 0x1.110d2ap-3, 0x1.baec94p-5, 0x1.5c0702p-6, 0x1.6679e8p-7, -0x1.694b02p-15,
        0x1.232328p-8,
      ],
      f64: [
        0x1.55555555554f3p-2, 0x1.11111111180aep-3, 0x1.ba1ba1b48a50bp-5, 0x1.664f49a23bfc1p-6,
        0x1.226e130caf385p-7, 0x1.d6d91aa18f168p-9, 0x1.7d5c891a87efdp-10, 0x1.37f0dff368a10p-11,
        0x1.d2dfecacc504fp-13, 0x1.1d4a79c662754p-13, -0x1.af738da3343b1p-16, 0x1.74adecd62bb69p-14,
        -0x1.75d0c28836a6bp-15, 0x1.5ccb536e6bd61p-16,
      ])
    let growth = multiply(r, multiply(square, p))
    let about = add(r, growth)
    let correction = fma(tail, fma(about, about, one), growth)
    let first = add(r, correction)
    let second = add(subtract(r, first), correction)
    let quotient = divide(constant(like: x, -1, -1), first)
    let error = fma(quotient, second, fma(quotient, first, one))
    let parity = binary(.and, bits(of: count), bits(like: x, 1, 1))
    let isOdd = compare(.notEqual, parity, bits(like: x, 0, 0))
    let result = select(isOdd, fma(quotient, error, quotient), first)
    return select(compare(.equal, x, zero), x, result)
  }

  /// `x - n pi scale` in three steps.
  private mutating func reducedByPi(_ x: Scalar, _ n: Scalar, scale: Double) -> Scalar {
    let (a, b, c) = partsOfPi(x, scale)
    return fma(n, c, fma(n, b, fma(n, a, x)))
  }

  /// `-pi scale` as the sum of three floats.
  private mutating func partsOfPi(_ x: Scalar, _ scale: Double) -> (Scalar, Scalar, Scalar) {
    let s = Float(scale)
    return (
      constant(like: x, -0x1.921fb6p+1 * s, -0x1.921fb54442d18p+1 * scale),
      constant(like: x, 0x1.777a5cp-24 * s, -0x1.1a62633145c07p-53 * scale),
      constant(like: x, 0x1.ee59dap-49 * s, 0x1.f1976b7ed8fbcp-109 * scale)
    )
  }

  /// The same as the sum of two floats, `rest` being the nearest one.
  ///
  /// The first step is exact; the product of the second one and its sum are taken with their errors (Knuth 1969).
  private mutating func reducedWithTail(
    _ x: Scalar, _ n: Scalar, scale: Double
  ) -> (rest: Scalar, tail: Scalar) {
    let (a, b, c) = partsOfPi(x, scale)
    let first = fma(n, a, x)
    let product = multiply(n, b)
    let sum = add(first, product)
    let part = subtract(sum, first)
    let error = add(subtract(first, subtract(sum, part)), subtract(product, part))
    let low = add(fma(n, c, fma(n, b, unary(.negate, product))), error)
    let rest = add(sum, low)
    return (rest, add(subtract(sum, rest), low))
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
