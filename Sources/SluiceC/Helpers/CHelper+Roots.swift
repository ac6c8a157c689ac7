// The square root and the remainder of floats, exact and without libm.

extension CHelper {
  static let roots: [CHelper] =
    [
      CHelper(
        "has_sqrt",
        """
        /* The square root instruction, by type. gcc's builtin may call libm for the sake
         * of errno, unless -fno-math-errno says that nobody looks. */
        #if defined(@@SOFTWARE_SQRT) || !defined(__GNUC__)
        #elif defined(__SSE2__) || defined(__aarch64__) || defined(__VSX__) || defined(__s390x__) || \\
            defined(__wasm__)
        #define @@HAS_SQRT_F32
        #define @@HAS_SQRT_F64
        #else
        #if (defined(__ARM_FP) && (__ARM_FP & 4) != 0) || \\
            (defined(__riscv_fsqrt) && __riscv_flen >= 32) || \\
            (defined(__loongarch_frlen) && __loongarch_frlen >= 32)
        #define @@HAS_SQRT_F32
        #endif
        #if (defined(__ARM_FP) && (__ARM_FP & 8) != 0) || \\
            (defined(__riscv_fsqrt) && __riscv_flen >= 64) || \\
            (defined(__loongarch_frlen) && __loongarch_frlen >= 64)
        #define @@HAS_SQRT_F64
        #endif
        #endif
        #if defined(__clang__) && defined(__has_builtin)
        #if __has_builtin(__builtin_elementwise_sqrt)
        #define @@SQRT_F32(y, x) y = __builtin_elementwise_sqrt(x)
        #define @@SQRT_F64(y, x) y = __builtin_elementwise_sqrt(x)
        #endif
        #endif
        #if defined(@@SQRT_F32)
        #elif defined(__NO_MATH_ERRNO__) || defined(__clang__)
        #define @@SQRT_F32(y, x) y = __builtin_sqrtf(x)
        #define @@SQRT_F64(y, x) y = __builtin_sqrt(x)
        #elif defined(__SSE2__)
        #define @@SQRT_F32(y, x) y = _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x)))
        #define @@SQRT_F64(y, x) y = _mm_cvtsd_f64(_mm_sqrt_sd(_mm_setzero_pd(), _mm_set_sd(x)))
        #elif defined(__aarch64__)
        #define @@SQRT_F32(y, x) __asm__("fsqrt %s0, %s1" : "=w"(y) : "w"(x))
        #define @@SQRT_F64(y, x) __asm__("fsqrt %d0, %d1" : "=w"(y) : "w"(x))
        #elif defined(__arm__)
        #define @@SQRT_F32(y, x) __asm__("vsqrt.f32 %0, %1" : "=t"(y) : "t"(x))
        #define @@SQRT_F64(y, x) __asm__("vsqrt.f64 %P0, %P1" : "=w"(y) : "w"(x))
        #elif defined(__s390x__)
        #define @@SQRT_F32(y, x) __asm__("sqebr %0, %1" : "=f"(y) : "f"(x))
        #define @@SQRT_F64(y, x) __asm__("sqdbr %0, %1" : "=f"(y) : "f"(x))
        #elif defined(__VSX__)
        #define @@SQRT_F32(y, x) __asm__("fsqrts %0, %1" : "=f"(y) : "f"(x))
        #define @@SQRT_F64(y, x) __asm__("fsqrt %0, %1" : "=d"(y) : "d"(x))
        #else
        #define @@SQRT_F32(y, x) __asm__("fsqrt.s %0, %1" : "=f"(y) : "f"(x))
        #define @@SQRT_F64(y, x) __asm__("fsqrt.d %0, %1" : "=f"(y) : "f"(x))
        #endif
        """)
    ]
    + floats(
      "sqrt", needs: [],
      f32: [
        "MAX": "0x7f800000u", "NAN": "0x7fc00000u", "one": "0x00800000u", "bits": "32",
        "e": "23", "bias": "127", "half": "0x80000000u", "n": "25", "field": "0xff", "z": "0u",
      ],
      f64: [
        "MAX": "UINT64_C(0x7ff0000000000000)", "NAN": "UINT64_C(0x7ff8000000000000)",
        "one": "UINT64_C(0x0010000000000000)", "bits": "64", "e": "52", "bias": "1023",
        "half": "UINT64_C(0x8000000000000000)", "n": "54", "field": "0x7ff", "z": "UINT64_C(0)",
      ],
      """
      /* The correctly rounded square root. */
      static inline {T} @sqrt_{d}({T} x) {
      #if defined(@@HAS_SQRT_{D})
        {T} root;
        @@SQRT_{D}(root, x);
        return root;
      #else
        /* Digit by digit: {n} bits of the root of the fraction, the last one for rounding. A root
         * is never halfway between two numbers. */
        {U} fraction;
        @@COPY(&fraction, &x, sizeof fraction);
        if ((fraction & ~{half}) == 0) {
          return x;
        }
        if (fraction == {MAX}) {
          return x;
        }
        {T} result;
        if (fraction > {MAX}) {
          fraction = {NAN};
          @@COPY(&result, &fraction, sizeof result);
          return result;
        }
        int32_t exponent = (int32_t)(fraction >> {e});
        fraction &= {one} - 1;
        if (exponent == 0) {
          exponent = 1;
        } else {
          fraction |= {one};
        }
        while (fraction < {one}) {
          fraction <<= 1;
          exponent -= 1;
        }
        /* x = fraction * 2^(exponent - {bias} - {e}); an even power of two halves exactly. */
        exponent -= {bias};
        if ((exponent & 1) != 0) {
          fraction <<= 1;
          exponent -= 1;
        }
        uint64_t rest = 0;
        uint64_t root = 0;
        uint64_t digits = (uint64_t)fraction << (62 - {e});
        for (int32_t digit = 0; digit < {n}; ++digit) {
          rest = (rest << 2) | (digits >> 62);
          digits <<= 2;
          const uint64_t trial = (root << 2) | 1;
          root <<= 1;
          if (rest >= trial) {
            rest -= trial;
            root |= 1;
          }
        }
        const {U} rounded = ({U})((root >> 1) + (root & 1));
        fraction = (({U})(exponent / 2 + {bias} - 1) << {e}) + rounded;
        @@COPY(&result, &fraction, sizeof result);
        return result;
      #endif
      }
      """
    ).map { helper in
      var helper = helper
      let dtype = String(helper.name.suffix(3))
      helper.needs = ["has_sqrt", "copy"]
      helper.text = fill(helper.text, ["D": dtype.uppercased()])
      return helper
    }
    + floats(
      "remainder", needs: ["bits", "from_bits"],
      f32: [
        "MAX": "0x7f800000u", "NAN": "0x7fc00000u", "one": "0x00800000u", "e": "23", "sign": "0x80000000u",
        "step": "40",
      ],
      f64: [
        "MAX": "UINT64_C(0x7ff0000000000000)", "NAN": "UINT64_C(0x7ff8000000000000)",
        "one": "UINT64_C(0x0010000000000000)", "e": "52", "sign": "UINT64_C(0x8000000000000000)",
        "step": "11",
      ],
      """
      /* The remainder of a / b with the sign of a, exact: long division of the fractions. */
      static inline {T} @remainder_{d}({T} a, {T} b) {
        const {U} sign = @bits_{d}(a) & {sign};
        const {U} dividend = @bits_{d}(a) & ~{sign};
        const {U} divisor = @bits_{d}(b) & ~{sign};
        if (dividend >= {MAX} || divisor > {MAX} || divisor == 0) {
          return @from_bits_{d}({NAN});
        }
        if (dividend < divisor) {
          return a;
        }
        int32_t exponent = (int32_t)(dividend >> {e});
        int32_t least = (int32_t)(divisor >> {e});
        uint64_t rest = (dividend & ({one} - 1)) | (exponent > 0 ? {one} : 0);
        const uint64_t unit = (divisor & ({one} - 1)) | (least > 0 ? {one} : 0);
        exponent = exponent > 0 ? exponent : 1;
        least = least > 0 ? least : 1;
        rest %= unit;
        while (exponent > least) {
          const int32_t step = exponent - least < {step} ? exponent - least : {step};
          rest = (rest << step) % unit;
          exponent -= step;
        }
        while (rest != 0 && rest < {one} && exponent > 1) {
          rest <<= 1;
          exponent -= 1;
        }
        const {U} field = rest < {one} ? 0 : ({U})exponent << {e};
        return @from_bits_{d}(sign | field | (({U})rest & ({one} - 1)));
      }
      """)
}
