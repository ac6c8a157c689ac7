/// `erf` as a branch-free program over IEEE operations.
extension ScalarBuilder {
  /// The error function: `x + x P(x^2)` up to 1, beyond `1 - 2^q` with `q = log2 erfc |x|` as a polynomial in
  /// `|x| - 1`.
  ///
  /// An error of q weighs as much as erfc is large, so the polynomial is a minimax approximation with erfc as
  /// its weight, and arguments beyond the last that differs from 1 are limited.
  mutating func erf(_ x: Scalar) -> Scalar {
    let all = bits(of: x)
    let a = float(binary(.and, all, magnitudeMask(like: x)))
    let one = constant(like: x, 1, 1)
    let p = polynomial(
      multiply(x, x),
      f32: [
        0x1.06eba80000000p-3, -0x1.81273ep-2, 0x1.ce2cf2p-4, -0x1.b7f88cp-6, 0x1.540172p-8,
        -0x1.a3d812p-11, 0x1.4917a4p-14,
      ],
      f64: [
        0x1.06eba8214db68p-3, -0x1.812746b0379b2p-2, 0x1.ce2f21a0408d1p-4, -0x1.b82ce311ee09bp-6,
        0x1.565bccf7e2856p-8, -0x1.c02db0149d904p-11, 0x1.f9a2b75531772p-14, -0x1.f4ca204c771c5p-17,
        0x1.b97e44280cfb9p-20, -0x1.5bfe76384472p-23, 0x1.d6e3ddfeb1f49p-27, -0x1.ab15c51d2ebebp-31,
      ])
    let near = fma(x, p, x)
    let q = polynomial(
      subtract(atMost(a, 4, 5.9375), one),
      f32: [
        -0x1.558eaep1, -0x1.e7532p1, -0x1.37638ap0, -0x1.ea7a7p-5, 0x1.d39596p-7, -0x1.595264p-9,
        0x1.18bb54p-12,
      ],
      f64: [
        -0x1.558eada6637f3p1, -0x1.e75328fe78c2bp1, -0x1.37627e9b5d93ep0, -0x1.eb313685cf2edp-5,
        0x1.da57640bd14f1p-7, -0x1.7603d971e45fbp-9, 0x1.6701a7ac7c7c5p-12, 0x1.3e3e52b5f0da3p-15,
        -0x1.492ada925fdb4p-15, 0x1.d42de5f90713ep-17, -0x1.9cd0f29c942ddp-19, 0x1.3d41560a43fb2p-22,
        0x1.677e0b29fd8bbp-24, -0x1.9dd525f5b3e08p-25, 0x1.a64f36a5f09bap-27, -0x1.059358391475fp-29,
        0x1.7a99461b6a5dbp-33, -0x1.edf40dde87719p-38,
      ])
    let far = subtract(one, exp2Inside(q))
    let signed = float(binary(.or, bits(of: far), binary(.and, all, signMask(like: x))))
    return select(compare(.less, a, one), near, signed)
  }
}
