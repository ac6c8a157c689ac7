/// A straight-line program over scalars: the meaning of one element of a map, or of an elementary function.
///
/// Instruction `i` defines scalar `i`; operands come before their use. Instructions have no effects.
public struct ScalarProgram: Sendable, Hashable {
  /// One instruction.
  public struct Instruction: Sendable, Hashable {
    /// What it does.
    public var op: ScalarOp
    /// The dtype of the result.
    public var dtype: DType
    /// The dtype of the operands where it differs from the result's (compare, cast, bitcast).
    public var source: DType
    /// The first operand; itself where there is none.
    public var a: UInt32
    /// The second operand.
    public var b: UInt32
    /// The third operand.
    public var c: UInt32
    /// Bits of a constant, position of a parameter, or the elementary function called.
    public var immediate: UInt64
  }

  /// The instructions in order.
  public internal(set) var instructions: [Instruction] = []
  /// How many parameters there are; they are the first instructions.
  public internal(set) var parameterCount = 0
  /// The instruction that gives the result.
  public internal(set) var result = 0

  init() {}

  /// The program for small arguments, where no reduction by multiples of pi has anything to do; nil where there
  /// is none in it.
  ///
  /// All of them reduce the first parameter.
  package var nearPi: ScalarProgram? {
    var near = self
    var meaning = Array(0..<UInt32(instructions.count))
    for (position, instruction) in instructions.enumerated() {
      let operands = [instruction.a, instruction.b, instruction.c].map { meaning[Int($0)] }
      (near.instructions[position].a, near.instructions[position].b, near.instructions[position].c) = (
        operands[0], operands[1], operands[2]
      )
      if instruction.op == .piReduction { meaning[position] = operands[1] }
    }
    near.result = Int(meaning[result])
    return near.instructions == instructions ? nil : near
  }
}

/// A scalar of a program under construction.
public struct Scalar: Hashable, Sendable {
  /// The instruction that defines it.
  public var index: Int
  /// Its dtype.
  public var dtype: DType
}

/// Makes scalar programs, one operation a call; integers and floats are told apart by the operands' dtype.
public struct ScalarBuilder: Sendable {
  private var program = ScalarProgram()

  /// A program without instructions.
  public init() {}

  /// A builder with parameters of these dtypes, and the parameters.
  public static func make(_ dtypes: [DType]) -> (builder: ScalarBuilder, parameters: [Scalar]) {
    var builder = ScalarBuilder()
    let parameters = dtypes.enumerated().map { position, dtype in
      builder.append(.parameter, dtype, immediate: UInt64(position))
    }
    builder.program.parameterCount = dtypes.count
    return (builder, parameters)
  }

  /// The program that gives `result`.
  public mutating func finish(_ result: Scalar) -> ScalarProgram {
    program.result = result.index
    return program
  }

  private mutating func append(
    _ op: ScalarOp, _ dtype: DType, source: DType? = nil, _ a: Scalar? = nil, _ b: Scalar? = nil,
    _ c: Scalar? = nil, immediate: UInt64 = 0
  ) -> Scalar {
    let index = UInt32(program.instructions.count)
    program.instructions.append(
      ScalarProgram.Instruction(
        op: op, dtype: dtype, source: source ?? a?.dtype ?? dtype, a: a.map { UInt32($0.index) } ?? index,
        b: b.map { UInt32($0.index) } ?? index, c: c.map { UInt32($0.index) } ?? index, immediate: immediate))
    return Scalar(index: Int(index), dtype: dtype)
  }

  // MARK: Constants

  /// The constant with these bits.
  public mutating func bits(_ bits: UInt64, _ dtype: DType) -> Scalar {
    append(.constant, dtype, immediate: bits)
  }

  /// A number as a constant of any dtype: floats are rounded, integers must be exact.
  public mutating func constant(_ value: Double, _ dtype: DType) -> Scalar {
    switch dtype {
    case .f32: bits(UInt64(Float(value).bitPattern), .f32)
    case .f64: bits(value.bitPattern, .f64)
    case .i32: integer(Int64(value), .i32)
    case .i64: integer(Int64(value), .i64)
    case .u8: integer(Int64(value), .u8)
    case .bool: bits(value != 0 ? 1 : 0, .bool)
    case .f16, .bf16: bits(UInt64(NarrowFloat.narrowed(value, dtype)), dtype)
    }
  }

  /// An integer as a constant; the low bits count.
  public mutating func integer(_ value: Int64, _ dtype: DType) -> Scalar {
    let mask: UInt64 = dtype.byteCount == 8 ? .max : (1 << UInt64(8 * dtype.byteCount)) - 1
    return bits(UInt64(bitPattern: value) & mask, dtype)
  }

  /// A binary32 constant.
  public mutating func f32(_ value: Float) -> Scalar { bits(UInt64(value.bitPattern), .f32) }

  /// A binary64 constant.
  public mutating func f64(_ value: Double) -> Scalar { bits(value.bitPattern, .f64) }

  // MARK: Operations

  /// An operation of one operand.
  public mutating func unary(_ op: ScalarOp, _ a: Scalar) -> Scalar { append(op, a.dtype, a) }

  /// An operation of two operands of one dtype, which is also the result's.
  public mutating func binary(_ op: ScalarOp, _ a: Scalar, _ b: Scalar) -> Scalar {
    append(op, a.dtype, a, b)
  }

  /// A comparison.
  public mutating func compare(_ op: ScalarOp, _ a: Scalar, _ b: Scalar) -> Scalar {
    append(op, .bool, source: a.dtype, a, b)
  }

  /// `a + b`.
  public mutating func add(_ a: Scalar, _ b: Scalar) -> Scalar { binary(.add, a, b) }
  /// `a - b`.
  public mutating func subtract(_ a: Scalar, _ b: Scalar) -> Scalar { binary(.subtract, a, b) }
  /// `a * b`.
  public mutating func multiply(_ a: Scalar, _ b: Scalar) -> Scalar { binary(.multiply, a, b) }
  /// `a / b`.
  public mutating func divide(_ a: Scalar, _ b: Scalar) -> Scalar { binary(.divide, a, b) }
  /// `a * b + c` with one rounding.
  public mutating func fma(_ a: Scalar, _ b: Scalar, _ c: Scalar) -> Scalar { append(.fma, a.dtype, a, b, c) }
  /// `b` where `condition`, else `c`.
  public mutating func select(_ condition: Scalar, _ b: Scalar, _ c: Scalar) -> Scalar {
    append(.select, b.dtype, condition, b, c)
  }
  /// Converts to another dtype.
  public mutating func cast(_ a: Scalar, _ dtype: DType) -> Scalar {
    a.dtype == dtype ? a : append(.cast, dtype, source: a.dtype, a)
  }
  /// The same bits as another dtype.
  public mutating func bitcast(_ a: Scalar, _ dtype: DType) -> Scalar {
    append(.bitcast, dtype, source: a.dtype, a)
  }
  /// An elementary function of one operand.
  public mutating func call(_ function: ElementaryFunction, _ a: Scalar) -> Scalar {
    append(.call, a.dtype, a, immediate: UInt64(function.rawValue))
  }
  /// An elementary function of two operands of one dtype.
  public mutating func call(_ function: ElementaryFunction, _ a: Scalar, _ b: Scalar) -> Scalar {
    append(.call, a.dtype, a, b, immediate: UInt64(function.rawValue))
  }
  /// A part of x reduced by multiples of pi, `near` where x is small.
  public mutating func reduced(_ x: Scalar, _ reduction: PiReduction, near: Scalar) -> Scalar {
    append(.piReduction, x.dtype, x, near, immediate: reduction.immediate)
  }
  /// `c[0] + x (c[1] + x (c[2] + ...))` by Horner's rule with fused multiply-adds.
  public mutating func polynomial(_ x: Scalar, _ coefficients: [Double]) -> Scalar {
    guard let last = coefficients.last else { return constant(0, x.dtype) }
    var sum = constant(last, x.dtype)
    for coefficient in coefficients.dropLast().reversed() {
      sum = fma(sum, x, constant(coefficient, x.dtype))
    }
    return sum
  }
}
