/// The operations that kernels are made of: IEEE-754 with one rounding each, integers that wrap.
///
/// Interpreter and C backend implement exactly these; everything above them (`exp`, `softmax`, ...) is made
/// of them, so both give the same bits. Operands and result have the dtype of the instruction unless stated.
public enum ScalarOp: UInt8, CaseIterable, Sendable {
  /// A parameter of the program; `immediate` is its position.
  case parameter
  /// The bits in `immediate`.
  case constant
  /// `a + b`.
  case add
  /// `a - b`.
  case subtract
  /// `a * b`.
  case multiply
  /// `a / b`; integers truncate, and give 0 for a divisor of 0.
  case divide
  /// The remainder of truncated division, with the sign of `a`; integers give `a` for a divisor of 0.
  case remainder
  /// `a * b + c` with one rounding; floats only.
  case fma
  /// `-a`.
  case negate
  /// `|a|`.
  case abs
  /// The correctly rounded square root; floats only.
  case sqrt
  /// The smaller one; NaN wins, -0 is smaller than +0.
  case minimum
  /// The larger one; NaN wins, +0 is larger than -0.
  case maximum
  /// Rounds towards -inf; floats only.
  case floor
  /// Rounds towards +inf; floats only.
  case ceil
  /// Rounds towards 0; floats only.
  case trunc
  /// Rounds to the nearest integer, halves to even; floats only.
  case round
  /// `a == b`, a bool; operands have the dtype `source`.
  case equal
  /// `a != b`, a bool; operands have the dtype `source`.
  case notEqual
  /// `a < b`, a bool; operands have the dtype `source`.
  case less
  /// `a <= b`, a bool; operands have the dtype `source`.
  case lessEqual
  /// Bitwise and, of bools too.
  case and
  /// Bitwise or, of bools too.
  case or
  /// Bitwise exclusive or, of bools too.
  case xor
  /// Bitwise complement, of bools too.
  case not
  /// `a` shifted left by `b` bits; 0 where `b` is not in 0 ..< width.
  case shiftLeft
  /// `a` shifted right by `b` bits with copies of the sign bit; the sign where `b` is not in 0 ..< width.
  case shiftRight
  /// `a` shifted right by `b` bits with zeros; 0 where `b` is not in 0 ..< width.
  case shiftRightLogical
  /// The high 32 bits of the unsigned 64-bit product; i32 only.
  case multiplyHigh
  /// `b` where the bool `a` is true, else `c`.
  case select
  /// Converts from `source`: to integers truncating and saturating (NaN gives 0), between integers by the low
  /// bits, to bool by `!= 0`, to floats rounding to nearest even. What f16 and bf16 have besides moving.
  case cast
  /// The same bits as another dtype of the same width.
  case bitcast
  /// `b` where `|a|` is small, else a part, told by `immediate`, of `a` reduced by multiples of pi: `PiReduction`;
  /// floats only.
  case piReduction
  /// NaNs become the one quiet NaN that leaves the program; floats only.
  case canonical
  /// An elementary function of as many operands as it has; `immediate` is the raw value of
  /// `ElementaryFunction`.
  case call
}

/// The bits of the only NaN that leaves a program.
public enum CanonicalNaN {
  /// As binary32.
  public static let f32: UInt32 = 0x7FC0_0000
  /// As binary64.
  public static let f64: UInt64 = 0x7FF8_0000_0000_0000
  /// As binary16.
  public static let f16: UInt16 = 0x7E00
  /// As bfloat16.
  public static let bf16: UInt16 = 0x7FC0
}
