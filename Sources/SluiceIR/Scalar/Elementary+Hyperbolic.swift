/// `sinh`, `cosh` and `cbrt` as branch-free programs over IEEE operations.
extension ScalarBuilder {
  /// `sinh |x|` or `cosh x`, by `|x| = k ln2 + r` and the addition theorems.
  ///
  /// With `u = 2^(k-2)`, `v = 2^(-k-2)`, `S = sinh r`, `C = cosh r`: half of sinh is `(u - v) C + (u + v) S`,
  /// half of cosh `(u + v) C + (u - v) S`. There is no division, and `C = 1 + c` lets the largest term be
  /// added last.
  private mutating func hyperbolic(_ x: Scalar, cosine: Bool) -> Scalar {
    let size = float(binary(.and, bits(of: x), magnitudeMask(like: x)))
    let a = atMost(size, 89.5, 710.5)
    // The low bits hold k and the bias of the exponent, less 2.
    let magic = constant(like: x, 0x1.8000fap+23, 0x1.80000000003fdp+52)
    let shifted = fma(a, constant(like: x, 0x1.715476p+0, 0x1.71547652b82fep+0), magic)
    let r = reduced(a, subtract(shifted, magic))
    let up = binary(.shiftLeft, bits(of: shifted), bits(like: x, 23, 52))
    let down = subtract(bits(like: x, 0x7F00_0000, 0x7FE0_0000_0000_0000), up)
    let u = float(up)
    let v = multiply(float(down), constant(like: x, 0x1p-4, 0x1p-4))
    let z = multiply(r, r)
    let p = polynomial(
      z, f32: [0x1.555556p-3, 0x1.110fe2p-7, 0x1.a28f3ep-13],
      f64: [
        0x1.5555555555559p-3, 0x1.111111110f652p-7, 0x1.a01a01b0053f2p-13, 0x1.71ddf80a06ee6p-19,
        0x1.af5f36d44e4e4p-26,
      ])
    let s = fma(multiply(r, z), p, r)
    let q = polynomial(
      z, f32: [0x1p-1, 0x1.5554e4p-5, 0x1.6d5152p-10],
      f64: [
        0x1p-1, 0x1.5555555555558p-5, 0x1.6c16c16c1500dp-10, 0x1.a01a01ad75f66p-16, 0x1.27e4cc29e48bep-22,
        0x1.1f8bb03c251ccp-29,
      ])
    let c = multiply(z, q)
    let (sum, difference) = (add(u, v), subtract(u, v))
    let (even, odd) = cosine ? (sum, difference) : (difference, sum)
    let half = add(even, fma(even, c, multiply(odd, s)))
    return add(half, half)
  }

  /// The hyperbolic sine: the sign is put back, and tiny arguments are their own result.
  mutating func sinh(_ x: Scalar) -> Scalar {
    let all = bits(of: x)
    let result = hyperbolic(x, cosine: false)
    let signed = float(binary(.or, bits(of: result), binary(.and, all, signMask(like: x))))
    let size = binary(.and, all, magnitudeMask(like: x))
    let isTiny = compare(.less, size, bits(like: x, 0x3080_0000, 0x3C30_0000_0000_0000))
    return select(isTiny, x, signed)
  }

  /// The hyperbolic cosine.
  mutating func cosh(_ x: Scalar) -> Scalar { hyperbolic(x, cosine: true) }

  /// The cube root: `|x| = t 2^(3q)` with t in [1/2, 4), y near `t^(-1/3)`, then the root `t y^2` improved by
  /// one step of Newton's iteration whose residual is exact but for one rounding, so that cubes give their
  /// roots exactly.
  mutating func cbrt(_ x: Scalar) -> Scalar {
    let all = bits(of: x)
    let size = float(binary(.and, all, magnitudeMask(like: x)))
    let isSmall = compare(.less, size, constant(like: x, 0x1p-126, 0x1p-1022))
    let scaled = select(isSmall, multiply(size, constant(like: x, 0x1p+24, 0x1p+54)), size)
    let scaledBits = bits(of: scaled)
    let e = subtract(exponent(scaledBits, like: x), constant(like: x, 0x1.0000fep+23, 0x1.00000000003ffp+52))
    let magic = constant(like: x, 0x1.8p+23, 0x1.8p+52)
    let third = constant(like: x, 0x1.555556p-2, 0x1.5555555555555p-2)
    let q = bits(of: fma(e, third, magic))
    let position = bits(like: x, 23, 52)
    let triple = binary(.shiftLeft, add(add(q, q), q), position)
    let t = float(subtract(scaledBits, triple))
    let guess = polynomial(
      t,
      [
        0x1.e493e2p0, -0x1.ebe73ap0, 0x1.af9356p0, -0x1.c51918p-1, 0x1.103e88p-2, -0x1.58e9a6p-5, 0x1.647fp-9,
      ])
    // (1 - h)^(-1/3) = 1 + h/3 + 2h^2/9 + 14h^3/81 + ...
    let h = fma(multiply(unary(.negate, t), multiply(guess, guess)), guess, constant(like: x, 1, 1))
    let series = polynomial(
      h, f32: [0x1.555556p-2, 0x1.c71c72p-3], f64: [1.0 / 3, 2.0 / 9, 14.0 / 81])
    let y = fma(multiply(guess, h), series, guess)
    let square = multiply(y, y)
    let c = multiply(t, square)
    let c2 = multiply(c, c)
    let c2Low = fma(c, c, unary(.negate, c2))
    let residual = subtract(fma(unary(.negate, c2), c, t), multiply(c2Low, c))
    let root = fma(residual, multiply(square, third), c)
    let bias = select(isSmall, bits(like: x, 127 - 8, 1023 - 18), bits(like: x, 127, 1023))
    let result = multiply(root, float(binary(.shiftLeft, add(q, bias), position)))
    let signed = float(binary(.or, bits(of: result), binary(.and, all, signMask(like: x))))
    let isInside = binary(
      .and, compare(.less, constant(like: x, 0, 0), size),
      compare(.less, size, constant(like: x, .infinity, .infinity)))
    return select(isInside, signed, x)
  }
}
