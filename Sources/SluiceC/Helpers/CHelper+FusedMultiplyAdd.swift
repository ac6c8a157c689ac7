// Fused multiply-add: the instruction where the target has one, exact software where not.

extension CHelper {
  static let fusedMultiplyAdd: [CHelper] = [
    CHelper(
      "has_fma",
      """
      /* Whether the target has fused multiply-adds, by type; otherwise the compiler would call
       * libm. gcc and clang each say it in words of their own. */
      #if defined(@@SOFTWARE_FMA) || !defined(__GNUC__)
      #elif defined(__FMA__) || defined(__AVX512F__) || defined(__aarch64__) || defined(__VSX__) || \\
          defined(__s390x__)
      #define @@HAS_FMA_F32
      #define @@HAS_FMA_F64
      #else
      #if defined(__FP_FAST_FMAF) || (defined(__riscv_flen) && __riscv_flen >= 32) || \\
          (defined(__loongarch_frlen) && __loongarch_frlen >= 32) || \\
          (defined(__ARM_FEATURE_FMA) && defined(__ARM_FP) && (__ARM_FP & 4) != 0)
      #define @@HAS_FMA_F32
      #endif
      #if defined(__FP_FAST_FMA) || (defined(__riscv_flen) && __riscv_flen >= 64) || \\
          (defined(__loongarch_frlen) && __loongarch_frlen >= 64) || \\
          (defined(__ARM_FEATURE_FMA) && defined(__ARM_FP) && (__ARM_FP & 8) != 0)
      #define @@HAS_FMA_F64
      #endif
      #endif

      /* The instruction: clang's builtin of old may call libm for the sake of errno. */
      #if defined(__clang__) && defined(__has_builtin)
      #if __has_builtin(__builtin_elementwise_fma)
      #define @@FMA_OF_VECTORS
      #define @@FMA_F32(a, b, c) __builtin_elementwise_fma(a, b, c)
      #define @@FMA_F64(a, b, c) __builtin_elementwise_fma(a, b, c)
      #endif
      #endif
      #if !defined(@@FMA_F32)
      #define @@FMA_F32(a, b, c) __builtin_fmaf(a, b, c)
      #define @@FMA_F64(a, b, c) __builtin_fma(a, b, c)
      #endif
      """),
    CHelper(
      "fma_f32", needs: ["has_fma", "copy", "f32_from_f64"],
      """
      /* a * b + c with one rounding. */
      static inline float @fma_f32(float a, float b, float c) {
      #if defined(@@HAS_FMA_F32)
        return @@FMA_F32(a, b, c);
      #else
        /* The product of two floats is exact as a double. The sum is rounded to odd: where it is
         * not exact, an even last bit makes a step towards the exact sum and becomes 1, so that
         * the final rounding sees on which side of a tie it is. */
        const double product = (double)a * (double)b;
        const double addend = (double)c;
        double sum = product + addend;
        const double rest = sum - product;
        const double error = (product - (sum - rest)) + (addend - rest);
        uint64_t sum_bits;
        uint64_t error_bits;
        @@COPY(&sum_bits, &sum, sizeof sum_bits);
        @@COPY(&error_bits, &error, sizeof error_bits);
        const uint64_t towards = UINT64_C(1) - (((sum_bits ^ error_bits) >> 63) << 1);
        const uint64_t step = towards & ((sum_bits & 1) - 1);
        const uint64_t up = error > 0.0 ? step : 0;
        const uint64_t down = error < 0.0 ? step : 0;
        sum_bits += up | down;
        @@COPY(&sum, &sum_bits, sizeof sum);
        return @@F32_FROM_F64(sum);
      #endif
      }
      """),
    CHelper(
      "fma_f64", needs: ["has_fma", "copy"],
      """
      #if !defined(@@HAS_FMA_F64)
      /* A natural number of 128 bits. */
      typedef struct @wide {
        uint64_t high;
        uint64_t low;
      } @wide;

      /* The product of two numbers of 64 bits. */
      static inline @wide @wide_product(uint64_t a, uint64_t b) {
        const uint64_t mask = UINT64_C(0xffffffff);
        const uint64_t low = (a & mask) * (b & mask);
        const uint64_t middle = (a >> 32) * (b & mask) + (low >> 32);
        const uint64_t other = (a & mask) * (b >> 32) + (middle & mask);
        @wide result;
        result.high = (a >> 32) * (b >> 32) + (middle >> 32) + (other >> 32);
        result.low = (other << 32) | (low & mask);
        return result;
      }

      /* x * 2^count without overflow, for 0 <= count < 128. */
      static inline @wide @wide_left(@wide x, int32_t count) {
        @wide result;
        if (count == 0) {
          return x;
        }
        result.high = count < 64 ? (x.high << count) | (x.low >> (64 - count)) : x.low << (count - 64);
        result.low = count < 64 ? x.low << count : 0;
        return result;
      }

      /* x / 2^count, for 0 <= count; the last bit is 1 where a 1 was lost. */
      static inline @wide @wide_right(@wide x, int32_t count) {
        @wide result;
        uint64_t lost;
        if (count == 0) {
          return x;
        }
        if (count < 64) {
          lost = x.low << (64 - count);
          result.low = (x.low >> count) | (x.high << (64 - count));
          result.high = x.high >> count;
        } else if (count < 128) {
          lost = x.low | (count == 64 ? 0 : x.high << (128 - count));
          result.low = x.high >> (count - 64);
          result.high = 0;
        } else {
          lost = x.high | x.low;
          result.low = 0;
          result.high = 0;
        }
        result.low |= lost != 0 ? UINT64_C(1) : UINT64_C(0);
        return result;
      }

      /* The number of zeros above the highest 1 of x, which is not 0. */
      static inline int32_t @leading_zeros(uint64_t x) {
        int32_t count = 0;
        for (int32_t step = 32; step > 0; step /= 2) {
          if (x >> (64 - step) == 0) {
            x <<= step;
            count += step;
          }
        }
        return count;
      }

      /* The fraction of a finite number that is not 0, as an integer in 2^52 ..< 2^53. */
      static inline uint64_t @fraction(uint64_t bits, int32_t *exponent) {
        const uint64_t fraction = bits & UINT64_C(0x000fffffffffffff);
        const int32_t field = (int32_t)((bits >> 52) & 0x7ff);
        if (field != 0) {
          *exponent = field - 1075;
          return fraction | UINT64_C(0x0010000000000000);
        }
        const int32_t shift = @leading_zeros(fraction) - 11;
        *exponent = -1074 - shift;
        return fraction << shift;
      }
      #endif

      /* a * b + c with one rounding. */
      static inline double @fma_f64(double a, double b, double c) {
      #if defined(@@HAS_FMA_F64)
        return @@FMA_F64(a, b, c);
      #else
        const uint64_t infinity = UINT64_C(0x7ff0000000000000);
        const uint64_t magnitude = UINT64_C(0x7fffffffffffffff);
        uint64_t a_bits;
        uint64_t b_bits;
        uint64_t c_bits;
        @@COPY(&a_bits, &a, sizeof a_bits);
        @@COPY(&b_bits, &b, sizeof b_bits);
        @@COPY(&c_bits, &c, sizeof c_bits);
        const uint64_t sign = (a_bits ^ b_bits) & ~magnitude;
        if ((a_bits & magnitude) >= infinity || (b_bits & magnitude) >= infinity ||
            (a_bits & magnitude) == 0 || (b_bits & magnitude) == 0) {
          return a * b + c;
        }
        if ((c_bits & magnitude) >= infinity) {
          return c;
        }
        if ((c_bits & magnitude) == 0) {
          return a * b;
        }

        /* Both terms as integers below 2^126 times a power of two. */
        int32_t a_exponent;
        int32_t b_exponent;
        int32_t c_exponent;
        const uint64_t a_fraction = @fraction(a_bits, &a_exponent);
        const uint64_t b_fraction = @fraction(b_bits, &b_exponent);
        const uint64_t c_fraction = @fraction(c_bits, &c_exponent);
        @wide product = @wide_left(@wide_product(a_fraction, b_fraction), 20);
        @wide addend = {0, 0};
        addend.low = c_fraction;
        addend = @wide_left(addend, 73);
        int32_t exponent = a_exponent + b_exponent - 20;
        c_exponent -= 73;
        if (exponent > c_exponent) {
          addend = @wide_right(addend, exponent - c_exponent);
        } else {
          product = @wide_right(product, c_exponent - exponent);
          exponent = c_exponent;
        }

        /* Their sum; what was lost below is in the last bit, far from what rounding looks at. */
        uint64_t sum_sign = sign;
        @wide sum;
        if (((c_bits & ~magnitude) ^ sign) == 0) {
          sum.low = product.low + addend.low;
          sum.high = product.high + addend.high + (sum.low < product.low ? 1 : 0);
        } else {
          const int is_less = product.high < addend.high ||
                              (product.high == addend.high && product.low < addend.low);
          const @wide larger = is_less ? addend : product;
          const @wide smaller = is_less ? product : addend;
          sum.low = larger.low - smaller.low;
          sum.high = larger.high - smaller.high - (larger.low < smaller.low ? 1 : 0);
          sum_sign = is_less ? sign ^ ~magnitude : sign;
          if (sum.high == 0 && sum.low == 0) {
            return 0.0;
          }
        }

        /* Rounded to nearest, ties to even. */
        const int32_t shift =
            sum.high != 0 ? @leading_zeros(sum.high) : 64 + @leading_zeros(sum.low);
        sum = @wide_left(sum, shift);
        exponent += 127 + 1023 - shift;
        if (exponent < 1) {
          sum = @wide_right(sum, 1 - exponent);
          exponent = 1;
        }
        const uint64_t rest = ((sum.high & 0x7ff) << 1) | (sum.low != 0 ? 1 : 0);
        const uint64_t kept = sum.high >> 11;
        const uint64_t up = rest > 0x800 || (rest == 0x800 && (kept & 1) != 0) ? 1 : 0;
        uint64_t bits = infinity;
        if (exponent < 2047) {
          bits = ((uint64_t)(exponent - 1) << 52) + kept + up;
        }
        bits |= sum_sign;
        double result;
        @@COPY(&result, &bits, sizeof result);
        return result;
      #endif
      }
      """),
  ]
}
