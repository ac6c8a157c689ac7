// Helpers that look at bits: elements in memory, reinterpretation, signs, the canonical NaN, minimum and maximum.

import SluiceIR

extension CHelper {
  static let memory: [CHelper] =
    [
      CHelper(
        "copy",
        """
        /* Copies the bytes of one object into another one of the same size. */
        #if defined(__GNUC__)
        #define @@COPY(to, from, size) __builtin_memcpy(to, from, size)
        #else
        static inline void @copy(void *to, const void *from, size_t size) {
          for (size_t i = 0; i < size; ++i) {
            ((unsigned char *)to)[i] = ((const unsigned char *)from)[i];
          }
        }
        #define @@COPY(to, from, size) @copy(to, from, size)
        #endif
        """),
      CHelper(
        "may_alias",
        """
        /* Memory holds elements of one type after another: an arena, a block of state. C allows
         * that, but LLVM moves accesses by their types nevertheless, unless these say that they
         * may alias. Compilers without the attribute keep to C. */
        #if defined(__GNUC__)
        #define @@MAY_ALIAS __attribute__((__may_alias__))
        #else
        #define @@MAY_ALIAS
        #endif
        """),
    ]
    + DType.allCases.filter { $0.byteCount > 1 }.map { dtype in
      CHelper(
        dtype.name, needs: ["may_alias"],
        """
        /* An element of \(dtype.name) in memory. */
        typedef \(dtype.cType) @\(dtype.name) @@MAY_ALIAS;
        /* The elements that begin at an address. */
        #define @@\(dtype.name.uppercased())(address) ((@\(dtype.name) *)(void *)(address))
        #define @@CONST_\(dtype.name.uppercased())(address) ((const @\(dtype.name) *)(const void *)(address))
        """)
    }

  static let bits: [CHelper] =
    [
      CHelper(
        "bits_f32", needs: ["copy"],
        """
        /* The bits of a float. */
        static inline uint32_t @bits_f32(float x) {
          uint32_t bits;
          @@COPY(&bits, &x, sizeof bits);
          return bits;
        }
        """),
      CHelper(
        "bits_f64", needs: ["copy"],
        """
        /* The bits of a double. */
        static inline uint64_t @bits_f64(double x) {
          uint64_t bits;
          @@COPY(&bits, &x, sizeof bits);
          return bits;
        }
        """),
      CHelper(
        "from_bits_f32", needs: ["copy"],
        """
        /* The float with these bits. */
        static inline float @from_bits_f32(uint32_t bits) {
          float x;
          @@COPY(&x, &bits, sizeof x);
          return x;
        }
        """),
      CHelper(
        "from_bits_f64", needs: ["copy"],
        """
        /* The double with these bits. */
        static inline double @from_bits_f64(uint64_t bits) {
          double x;
          @@COPY(&x, &bits, sizeof x);
          return x;
        }
        """),
    ]
    + floats(
      "canonical", needs: ["from_bits"], f32: ["nan": "0x7fc00000u"],
      f64: ["nan": "UINT64_C(0x7ff8000000000000)"],
      """
      /* Turns every NaN into the one that leaves a program. */
      static inline {T} @canonical_{d}({T} x) {
        return x == x ? x : @from_bits_{d}({nan});
      }
      """)
    + floats(
      "abs", needs: ["bits", "from_bits"], f32: ["mask": "0x7fffffffu"],
      f64: ["mask": "UINT64_C(0x7fffffffffffffff)"],
      """
      /* The magnitude. */
      static inline {T} @abs_{d}({T} x) {
        return @from_bits_{d}(@bits_{d}(x) & {mask});
      }
      """)
    + floats(
      "negate", needs: ["bits", "from_bits"], f32: ["sign": "0x80000000u"],
      f64: ["sign": "UINT64_C(0x8000000000000000)"],
      """
      /* The other sign. gcc makes one instruction of a negated multiply-add, and a sum of exactly 0
       * loses its sign there. */
      static inline {T} @negate_{d}({T} x) {
      #if defined(__GNUC__) && !defined(__clang__)
        return @from_bits_{d}(@bits_{d}(x) ^ {sign});
      #else
        return -x;
      #endif
      }
      """)
    + floats(
      "with_sign", needs: ["bits", "from_bits"], f32: ["sign": "0x80000000u"],
      f64: ["sign": "UINT64_C(0x8000000000000000)"],
      """
      /* The magnitude given, with the sign of x. */
      static inline {T} @with_sign_{d}({T} magnitude, {T} x) {
        return @from_bits_{d}(@bits_{d}(magnitude) | (@bits_{d}(x) & {sign}));
      }
      """)
    + floats(
      "minimum", needs: ["bits", "from_bits"],
      """
      /* The smaller one; NaN wins, -0 is smaller than +0. */
      static inline {T} @minimum_{d}({T} a, {T} b) {
        const {T} same = @from_bits_{d}(@bits_{d}(a) | @bits_{d}(b));
        const {T} least = a < b ? a : b;
        const {T} number = a == b ? same : least;
        return a != a ? a : number;
      }
      """)
    + floats(
      "maximum", needs: ["bits", "from_bits"],
      """
      /* The larger one; NaN wins, +0 is larger than -0. */
      static inline {T} @maximum_{d}({T} a, {T} b) {
        const {T} same = @from_bits_{d}(@bits_{d}(a) & @bits_{d}(b));
        const {T} most = a > b ? a : b;
        const {T} number = a == b ? same : most;
        return a != a ? a : number;
      }
      """)
}
