// Helpers that convert f16 (binary16) and bf16 (the high half of a binary32), the steps of `NarrowFloat`.

extension CHelper {
  static let narrow: [CHelper] =
    [
      CHelper(
        "f32_from_f16", needs: ["bits_f32", "from_bits_f32"],
        """
        /* The number that binary16 bits are. */
        static inline float @f32_from_f16(uint16_t bits) {
          const uint32_t magnitude = bits & 0x7fffu;
          const uint32_t sign = (bits & 0x8000u) << 16;
          const uint32_t small = @bits_f32((float)(int32_t)magnitude * 0x1p-24f);
          const uint32_t normal = (magnitude << 13) + 0x38000000u;
          const uint32_t finite = magnitude < 0x0400u ? small : normal;
          const uint32_t wide = (magnitude < 0x7c00u ? finite : 0x7f800000u) | sign;
          return @from_bits_f32(magnitude > 0x7c00u ? 0x7fc00000u : wide);
        }
        """),
      CHelper(
        "f32_from_bf16", needs: ["from_bits_f32"],
        """
        /* The number that bfloat16 bits are. */
        static inline float @f32_from_bf16(uint16_t bits) {
          const uint32_t wide = (uint32_t)bits << 16;
          return @from_bits_f32((bits & 0x7fffu) > 0x7f80u ? 0x7fc00000u : wide);
        }
        """),
      CHelper(
        "f16_from_f32", needs: ["bits_f32", "from_bits_f32"],
        """
        /* The nearest binary16: the last place of 1/2 is 2^-24, that of a subnormal. */
        static inline uint16_t @f16_from_f32(float x) {
          const uint32_t bits = @bits_f32(x);
          const uint32_t magnitude = bits & 0x7fffffffu;
          const uint32_t rebased = magnitude - 0x38000000u;
          const uint32_t normal = (rebased + 0x0fffu + ((rebased >> 13) & 1u)) >> 13;
          const uint32_t small = @bits_f32(@from_bits_f32(magnitude) + 0.5f) - 0x3f000000u;
          const uint32_t finite = magnitude < 0x38800000u ? small : normal;
          const uint32_t number = magnitude < 0x47800000u ? finite : 0x7c00u;
          const uint32_t narrow = number | ((bits >> 16) & 0x8000u);
          return (uint16_t)(magnitude > 0x7f800000u ? 0x7e00u : narrow);
        }
        """),
      CHelper(
        "bf16_from_f32", needs: ["bits_f32"],
        """
        /* The nearest bfloat16. */
        static inline uint16_t @bf16_from_f32(float x) {
          const uint32_t bits = @bits_f32(x);
          const uint32_t narrow = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
          return (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : narrow);
        }
        """),
    ]
    + fromDouble(
      "f16",
      [
        "nan": "0x7e00", "inf": "0x7c00", "above": "0x40f0000000000000", "least": "0x3f10000000000000",
        "bias": "0x3f00000000000000", "half": "0x01ffffffffff", "shift": "42", "big": "0x1p28",
        "bigBits": "0x41b0000000000000", "words": "binary16: the last place of 2^28 is 2^-24",
      ])
    + fromDouble(
      "bf16",
      [
        "nan": "0x7fc0", "inf": "0x7f80", "above": "0x47f0000000000000", "least": "0x3810000000000000",
        "bias": "0x3800000000000000", "half": "0x0fffffffffff", "shift": "45", "big": "0x1p-81",
        "bigBits": "0x3ae0000000000000", "words": "bfloat16: the last place of 2^-81 is 2^-133",
      ])
    + [
      CHelper(
        "bf16_from_i64", needs: ["bf16_from_f64"],
        """
        /* The nearest bfloat16: one bit stands for all that a double would round away. */
        static inline uint16_t @bf16_from_i64(int64_t x) {
          const uint64_t magnitude = x < 0 ? 0u - (uint64_t)x : (uint64_t)x;
          const uint64_t sticky = (magnitude >> 12) | ((magnitude & 0xfffu) != 0 ? 1u : 0u);
          const double large = (double)(int64_t)sticky * (x < 0 ? -4096.0 : 4096.0);
          return @bf16_from_f64(magnitude < UINT64_C(0x20000000000000) ? (double)x : large);
        }
        """)
    ]

  private static func fromDouble(_ name: String, _ words: [String: String]) -> [CHelper] {
    let text = """
      /* The nearest {words}, that of a subnormal. */
      static inline uint16_t @{name}_from_f64(double x) {
        const uint64_t bits = @bits_f64(x);
        const uint64_t magnitude = bits & UINT64_C(0x7fffffffffffffff);
        const uint64_t rebased = magnitude - UINT64_C({bias});
        const uint64_t normal = (rebased + UINT64_C({half}) + ((rebased >> {shift}) & 1u)) >> {shift};
        const uint64_t small = @bits_f64(@from_bits_f64(magnitude) + {big}) - UINT64_C({bigBits});
        const uint64_t finite = magnitude < UINT64_C({least}) ? small : normal;
        const uint64_t number = magnitude < UINT64_C({above}) ? finite : {inf}u;
        const uint64_t narrow = number | ((bits >> 48) & 0x8000u);
        return (uint16_t)(magnitude > UINT64_C(0x7ff0000000000000) ? {nan}u : narrow);
      }
      """
    return [
      CHelper(
        "\(name)_from_f64", needs: ["bits_f64", "from_bits_f64"],
        fill(text, words.merging(["name": name]) { own, _ in own }))
    ]
  }
}
