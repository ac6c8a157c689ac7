// Helpers for integers: arithmetic that wraps, division and shifts that are defined for every operand.

extension CHelper {
  static let integers: [CHelper] =
    signed("i32", "int32_t", "uint32_t", "0u", 32) + [multiplyHigh]
    + signed("i64", "int64_t", "uint64_t", "UINT64_C(0)", 64) + bytes

  private static func signed(
    _ dtype: String, _ type: String, _ unsigned: String, _ zero: String, _ width: Int
  ) -> [CHelper] {
    let words = ["d": dtype, "T": type, "U": unsigned, "z": zero, "w": "\(width)u", "m": "\(width - 1)u"]
    let texts: [(String, String)] = [
      (
        "add",
        """
        /* a + b, wrapping. */
        static inline {T} @add_{d}({T} a, {T} b) {
          return ({T})(({U})a + ({U})b);
        }
        """
      ),
      (
        "subtract",
        """
        /* a - b, wrapping. */
        static inline {T} @subtract_{d}({T} a, {T} b) {
          return ({T})(({U})a - ({U})b);
        }
        """
      ),
      (
        "multiply",
        """
        /* a * b, wrapping. */
        static inline {T} @multiply_{d}({T} a, {T} b) {
          return ({T})(({U})a * ({U})b);
        }
        """
      ),
      (
        "negate",
        """
        /* -a, wrapping. */
        static inline {T} @negate_{d}({T} a) {
          return ({T})({z} - ({U})a);
        }
        """
      ),
      (
        "abs",
        """
        /* The magnitude; the least number stays what it is. */
        static inline {T} @abs_{d}({T} a) {
          const {T} negative = ({T})({z} - ({U})a);
          return a < 0 ? negative : a;
        }
        """
      ),
      (
        "divide",
        """
        /* a / b towards zero; by 0 it is 0, and the least number by -1 wraps. */
        static inline {T} @divide_{d}({T} a, {T} b) {
          const {T} divisor = b == 0 || b == -1 ? 1 : b;
          const {T} quotient = a / divisor;
          const {T} negative = ({T})({z} - ({U})a);
          const {T} result = b == -1 ? negative : quotient;
          return b == 0 ? 0 : result;
        }
        """
      ),
      (
        "remainder",
        """
        /* The remainder of a / b with the sign of a; by 0 it is a. */
        static inline {T} @remainder_{d}({T} a, {T} b) {
          const {T} divisor = b == 0 || b == -1 ? 1 : b;
          const {T} rest = a % divisor;
          return b == 0 ? a : rest;
        }
        """
      ),
      (
        "shift_left",
        """
        /* a * 2^b in the low bits; 0 where b is no bit's number. */
        static inline {T} @shift_left_{d}({T} a, {T} b) {
          const {T} shifted = ({T})(({U})a << (({U})b & {m}));
          return ({U})b < {w} ? shifted : 0;
        }
        """
      ),
      (
        "shift_right",
        """
        /* a shifted right with copies of its sign; nothing but its sign where b is no bit's number. */
        static inline {T} @shift_right_{d}({T} a, {T} b) {
          return a >> (({U})b < {w} ? ({U})b : {m});
        }
        """
      ),
      (
        "shift_right_logical",
        """
        /* a shifted right with zeros; 0 where b is no bit's number. */
        static inline {T} @shift_right_logical_{d}({T} a, {T} b) {
          const {T} shifted = ({T})(({U})a >> (({U})b & {m}));
          return ({U})b < {w} ? shifted : 0;
        }
        """
      ),
    ]
    return texts.map { CHelper("\($0.0)_\(dtype)", fill($0.1, words)) } + extrema(dtype, type)
  }

  private static func extrema(_ dtype: String, _ type: String) -> [CHelper] {
    [
      CHelper(
        "minimum_\(dtype)",
        """
        /* The smaller one. */
        static inline \(type) @minimum_\(dtype)(\(type) a, \(type) b) {
          return a < b ? a : b;
        }
        """),
      CHelper(
        "maximum_\(dtype)",
        """
        /* The larger one. */
        static inline \(type) @maximum_\(dtype)(\(type) a, \(type) b) {
          return a > b ? a : b;
        }
        """),
    ]
  }

  private static let multiplyHigh = CHelper(
    "multiply_high_i32",
    """
    /* The high 32 bits of the unsigned product. */
    static inline int32_t @multiply_high_i32(int32_t a, int32_t b) {
      return (int32_t)(uint32_t)(((uint64_t)(uint32_t)a * (uint64_t)(uint32_t)b) >> 32);
    }
    """)

  private static let bytes: [CHelper] =
    [
      CHelper(
        "divide_u8",
        """
        /* a / b; by 0 it is 0. */
        static inline uint8_t @divide_u8(uint8_t a, uint8_t b) {
          const int divisor = b == 0 ? 1 : b;
          const uint8_t quotient = (uint8_t)(a / divisor);
          return (uint8_t)(b == 0 ? 0 : quotient);
        }
        """),
      CHelper(
        "remainder_u8",
        """
        /* The remainder of a / b; by 0 it is a. */
        static inline uint8_t @remainder_u8(uint8_t a, uint8_t b) {
          const int divisor = b == 0 ? 1 : b;
          const uint8_t rest = (uint8_t)(a % divisor);
          return (uint8_t)(b == 0 ? a : rest);
        }
        """),
      CHelper(
        "shift_left_u8",
        """
        /* a * 2^b in the low bits; 0 where b is no bit's number. */
        static inline uint8_t @shift_left_u8(uint8_t a, uint8_t b) {
          return (uint8_t)(b < 8 ? a << (b & 7) : 0);
        }
        """),
      CHelper(
        "shift_right_u8",
        """
        /* a / 2^b; 0 where b is no bit's number. */
        static inline uint8_t @shift_right_u8(uint8_t a, uint8_t b) {
          return (uint8_t)(b < 8 ? a >> (b & 7) : 0);
        }
        """),
    ] + extrema("u8", "uint8_t")
}
