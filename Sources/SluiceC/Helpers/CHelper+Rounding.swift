// Helpers that round floats to integral floats, and conversions to integers that saturate.

extension CHelper {
  /// Without branches, so that loops vectorise, and without libm: SSE2 has no instruction for these.
  static let rounding: [CHelper] =
    floats(
      "round", needs: ["abs", "with_sign"], f32: ["big": "8388608.0f", "p": "23"],
      f64: ["big": "4503599627370496.0", "p": "52"],
      """
      /* The nearest integer, halves to even: from 2^{p} on there is no room for a fraction. */
      static inline {T} @round_{d}({T} x) {
        const {T} magnitude = @abs_{d}(x);
        const {T} nearest = (magnitude + {big}) - {big};
        return @with_sign_{d}(magnitude < {big} ? nearest : magnitude, x);
      }
      """)
    + floats(
      "trunc", needs: ["abs", "with_sign"], f32: ["big": "8388608.0f"], f64: ["big": "4503599627370496.0"],
      """
      /* The integer part. */
      static inline {T} @trunc_{d}({T} x) {
        const {T} magnitude = @abs_{d}(x);
        const {T} nearest = (magnitude + {big}) - {big};
        const {T} below = nearest > magnitude ? nearest - 1.0{f} : nearest;
        return @with_sign_{d}(magnitude < {big} ? below : magnitude, x);
      }
      """)
    + floats(
      "floor", needs: ["trunc"],
      """
      /* The largest integer that is not above x. */
      static inline {T} @floor_{d}({T} x) {
        const {T} whole = @trunc_{d}(x);
        return whole > x ? whole - 1.0{f} : whole;
      }
      """)
    + floats(
      "ceil", needs: ["trunc"],
      """
      /* The least integer that is not below x. */
      static inline {T} @ceil_{d}({T} x) {
        const {T} whole = @trunc_{d}(x);
        return whole < x ? whole + 1.0{f} : whole;
      }
      """)

  static let casts: [CHelper] =
    [
      CHelper(
        "f32_from_f64", needs: ["copy"],
        """
        /* The nearest float. gcc before version 13 drops this rounding where a double follows it
         * and it vectorises straight-line code (it compares how many elements vectors have, not
         * how long they are): there the sign is put back by hand, which keeps the two conversions
         * apart. */
        #if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
        static inline float @f32_from_f64(double x) {
          uint64_t wide;
          uint32_t bits;
          @@COPY(&wide, &x, sizeof wide);
          const uint32_t sign = (uint32_t)(wide >> 32) & 0x80000000u;
          wide &= UINT64_C(0x7fffffffffffffff);
          @@COPY(&x, &wide, sizeof x);
          float nearest = (float)x;
          @@COPY(&bits, &nearest, sizeof bits);
          bits |= sign;
          @@COPY(&nearest, &bits, sizeof nearest);
          return nearest;
        }
        #define @@F32_FROM_F64(x) @f32_from_f64(x)
        #else
        #define @@F32_FROM_F64(x) ((float)(x))
        #endif
        """)
    ]
    + floats(
      "i32_from", f32: ["low": "-2147483648.0f", "high": "2147483648.0f"],
      f64: ["low": "-2147483649.0", "high": "2147483648.0"],
      """
      /* The integer part as an int32_t: saturated, 0 for NaN. */
      static inline int32_t @i32_from_{d}({T} x) {
        const {T} low = {low};
        const {T} high = {high};
        const {T} inside = x > low && x < high ? x : 0.0{f};
        const int32_t whole = (int32_t)inside;
        const int32_t most = x >= high ? INT32_MAX : whole;
        return x <= low ? INT32_MIN : most;
      }
      """)
    + floats(
      "i64_from", f32: ["big": "9223372036854775808.0f"], f64: ["big": "9223372036854775808.0"],
      """
      /* The integer part as an int64_t: saturated, 0 for NaN. */
      static inline int64_t @i64_from_{d}({T} x) {
        const {T} big = {big};
        const {T} inside = x > -big && x < big ? x : 0.0{f};
        const int64_t whole = (int64_t)inside;
        const int64_t most = x >= big ? INT64_MAX : whole;
        return x <= -big ? INT64_MIN : most;
      }
      """)
    + floats(
      "u8_from",
      """
      /* The integer part as a uint8_t: saturated, 0 for NaN. */
      static inline uint8_t @u8_from_{d}({T} x) {
        const {T} inside = x > 0.0{f} && x < 255.0{f} ? x : 0.0{f};
        const int32_t whole = (int32_t)inside;
        const int32_t most = x >= 255.0{f} ? 255 : whole;
        return (uint8_t)most;
      }
      """)
}
