import SluiceIR

// Large arguments of sin, cos and tan: the steps of `PiReduction`, in the integers of C99.

extension CHelper {
  static let piReduction: [CHelper] =
    floats(
      "is_large", needs: ["abs"], f32: ["I": "int32_t", "most": "131072.0f"],
      f64: ["I": "int64_t", "most": "1099511627776.0"],
      """
      /* Whether multiples of pi are not taken off in floating-point arithmetic; also of NaN. */
      static inline {I} @is_large_{d}({T} x) {
        return @abs_{d}(x) <= {most} ? 0 : 1;
      }
      """)
    + [
      CHelper(
        "multiply_wide",
        """
        /* The 128-bit product: the high half, and in *low the low one. */
        static inline uint64_t @multiply_wide(uint64_t a, uint64_t b, uint64_t *low) {
          const uint64_t mask = 0xffffffffu;
          const uint64_t right = (a & mask) * (b & mask);
          const uint64_t left = (a >> 32) * (b & mask) + (right >> 32);
          const uint64_t cross = (a & mask) * (b >> 32) + (left & mask);
          *low = (cross << 32) | (right & mask);
          return (a >> 32) * (b >> 32) + (left >> 32) + (cross >> 32);
        }
        """),
      CHelper(
        "large_pi_reduction", needs: ["bits_f64", "multiply_wide"],
        """
        /* A large number reduced by multiples of pi, after Payne and Hanek 1983, see docs/numerics.md. */
        typedef struct @pi_rest {
          uint64_t count;      /* how many multiples were taken off, modulo 2 or 4 */
          uint64_t high, low;  /* what is left: (high 2^64 + low) 2^(exponent - 128) */
          int32_t exponent;
          int32_t negative;
        } @pi_rest;

        /* Takes off a multiple of pi (0), an odd multiple of pi/2 (1) or a multiple of pi/2 (2). */
        static @pi_rest @large_pi_reduction(double x, int32_t multiples) {
          /* 2/pi, behind 64 zeros. */
          static const uint64_t two_over_pi[\(PiReduction.twoOverPi.count)] = {
        \(words)
          };
          const uint64_t bits = @bits_f64(x);
          const uint64_t fraction = (bits & UINT64_C(0xfffffffffffff)) | UINT64_C(0x10000000000000);
          /* Of 2/pi, 192 bits from where the product is below 4. */
          const int32_t position = (int32_t)((bits >> 52) & 0x7ff) - 1013;
          const int32_t shift = position % 64;
          const uint64_t *from = two_over_pi + position / 64;
          uint64_t window[3];
          for (int32_t i = 0; i < 3; ++i) {
            window[i] = (from[i] << shift) | ((from[i + 1] >> 1) >> (63 - shift));
          }
          uint64_t lowest, middle;
          const uint64_t carried = @multiply_wide(fraction, window[2], &lowest);
          uint64_t turns = @multiply_wide(fraction, window[1], &middle) + fraction * window[0];
          middle += carried;
          turns += middle < carried ? 1 : 0;
          /* Two bits before the point; half a multiple is added, so that the nearest one is below. */
          const int32_t width = multiples == 2 ? 62 : 63;
          const uint64_t half = UINT64_C(1) << (width - 1);
          turns += multiples == 1 ? 0 : half;
          @pi_rest rest;
          rest.count = turns >> width;
          turns = (turns & (2 * half - 1)) - half;
          rest.negative = turns >> 63 != 0;
          if (rest.negative) {
            turns = ~turns;
            middle = ~middle;
            lowest = ~lowest;
          }
          if (bits >> 63 != 0) {
            rest.negative = !rest.negative;
          } else if (multiples == 1) {
            rest.count ^= 1; /* the odd multiple above n pi is the one of n + 1 */
          }
          rest.exponent = 3;
          if (turns == 0) {
            turns = middle;
            middle = lowest;
            lowest = 0;
            rest.exponent -= 64;
          }
          for (int32_t i = 0; i < 64 && turns >> 63 == 0; ++i) {
            turns = (turns << 1) | (middle >> 63);
            middle = (middle << 1) | (lowest >> 63);
            lowest <<= 1;
            rest.exponent -= 1;
          }
          /* Times pi/2. */
          uint64_t ignored;
          rest.high = @multiply_wide(turns, UINT64_C(\(hex(PiReduction.halfPi.high))), &rest.low);
          const uint64_t first = @multiply_wide(turns, UINT64_C(\(hex(PiReduction.halfPi.low))), &ignored);
          rest.low += first;
          rest.high += rest.low < first ? 1 : 0;
          const uint64_t second = @multiply_wide(middle, UINT64_C(\(hex(PiReduction.halfPi.high))), &ignored);
          rest.low += second;
          rest.high += rest.low < second ? 1 : 0;
          if (rest.high >> 63 == 0) {
            rest.high = (rest.high << 1) | (rest.low >> 63);
            rest.low <<= 1;
            rest.exponent -= 1;
          }
          return rest;
        }
        """),
    ]
    + floats(
      "pi_reduction", needs: ["is_large", "from_bits", "canonical"],
      f32: ["p": "24", "q": "40", "bias": "127", "last": "23"],
      f64: ["p": "53", "q": "11", "bias": "1023", "last": "52"],
      """
      /* near where x is not large; else of x reduced by multiples of pi what is left (part 0), what
       * the rounding of that lost (1), or as bits how many multiples were taken off (2). */
      static inline {T} @pi_reduction_{d}({T} x, {T} near, int32_t multiples, int32_t part) {
        if (!@is_large_{d}(x)) {
          return near;
        }
        if (x - x != x - x) {
          return @canonical_{d}(x - x);
        }
        const @pi_rest rest = @large_pi_reduction(x, multiples);
        if (part == 2) {
          return @from_bits_{d}(({U})rest.count);
        }
        /* Two floats that are exact, and their sum: it rounds. */
        const uint64_t behind = (rest.high << {p}) | (rest.low >> {q});
        const int32_t exponent = rest.exponent + {bias} - {p};
        const {T} unit = @from_bits_{d}(({U})exponent << {last});
        const {T} small_unit = @from_bits_{d}(({U})(exponent - {p}) << {last});
        const {T} sign = rest.negative ? -1.0{f} : 1.0{f};
        const {T} a = sign * (({T})(int64_t)(rest.high >> {q}) * unit);
        const {T} b = sign * (({T})(int64_t)(behind >> {q}) * small_unit);
        const {T} sum = a + b;
        return part == 0 ? sum : (a - sum) + b;
      }
      """
    ).map { helper in
      var helper = helper
      helper.needs.append("large_pi_reduction")
      return helper
    }

  private static let words: String = stride(from: 0, to: PiReduction.twoOverPi.count, by: 3).map { start in
    let row = PiReduction.twoOverPi[start..<min(start + 3, PiReduction.twoOverPi.count)]
    return "    " + row.map { "UINT64_C(\(hex($0)))," }.joined(separator: " ")
  }.joined(separator: "\n")

  private static func hex(_ word: UInt64) -> String { "0x" + String(word, radix: 16) }
}
