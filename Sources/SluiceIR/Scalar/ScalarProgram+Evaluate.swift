/// Runs scalar programs on bits: constant folding, and the interpreter's lanes one at a time.
extension ScalarProgram {
  /// The bits of the result for the bits of the parameters.
  public func evaluate(_ parameters: [UInt64]) -> UInt64 {
    var values = [UInt64](repeating: 0, count: instructions.count)
    for (index, instruction) in instructions.enumerated() {
      values[index] =
        switch instruction.op {
        case .parameter: parameters[Int(instruction.immediate)]
        case .constant: instruction.immediate
        default:
          instruction.evaluate(
            values[Int(instruction.a)], values[Int(instruction.b)], values[Int(instruction.c)])
        }
    }
    return values[result]
  }
}

extension ScalarProgram.Instruction {
  /// The bits of the result for the bits of the operands.
  public func evaluate(_ a: UInt64, _ b: UInt64, _ c: UInt64) -> UInt64 {
    if op == .select { return a != 0 ? b : c }
    if op == .cast { return cast(a) }
    if op == .bitcast { return a }
    if op == .call {
      guard let function = ElementaryFunction(immediate: immediate) else {
        return 0
      }
      return function.program(dtype).evaluate(function.operandCount == 2 ? [a, b] : [a])
    }
    switch source {
    case .f32:
      let (x, y, z) = (Float(bits: a), Float(bits: b), Float(bits: c))
      return evaluateFloat(x, y, z)
    case .f64:
      let (x, y, z) = (Double(bitPattern: a), Double(bitPattern: b), Double(bitPattern: c))
      return evaluateFloat(x, y, z)
    case .i32: return evaluateInteger(Int32(truncatingIfNeeded: a), Int32(truncatingIfNeeded: b))
    case .i64: return evaluateInteger(Int64(bitPattern: a), Int64(bitPattern: b))
    case .u8: return evaluateInteger(UInt8(truncatingIfNeeded: a), UInt8(truncatingIfNeeded: b))
    case .bool: return evaluateInteger(UInt8(truncatingIfNeeded: a), UInt8(truncatingIfNeeded: b)) & 1
    case .f16, .bf16: preconditionFailure("`\(op)` is not an operation on \(source.name)")
    }
  }

  private func evaluateFloat<F: ScalarFloat>(_ x: F, _ y: F, _ z: F) -> UInt64 {
    switch op {
    case .add: (x + y).bits
    case .subtract: (x - y).bits
    case .multiply: (x * y).bits
    case .divide: (x / y).bits
    case .remainder: x.truncatingRemainder(dividingBy: y).bits
    case .fma: z.addingProduct(x, y).bits
    case .negate: (-x).bits
    case .abs: x.magnitude.bits
    case .sqrt: x.squareRoot().bits
    case .minimum: F.ieeeMinimum(x, y).bits
    case .maximum: F.ieeeMaximum(x, y).bits
    case .floor: x.rounded(.down).bits
    case .ceil: x.rounded(.up).bits
    case .trunc: x.rounded(.towardZero).bits
    case .round: x.rounded(.toNearestOrEven).bits
    case .equal: x == y ? 1 : 0
    case .notEqual: x != y ? 1 : 0
    case .less: x < y ? 1 : 0
    case .lessEqual: x <= y ? 1 : 0
    case .piReduction: PiReduction(immediate: immediate)(x, near: y).bits
    case .canonical: x.isNaN ? F.canonicalNaN.bits : x.bits
    default: preconditionFailure("`\(op)` is not an operation on floats")
    }
  }

  private func evaluateInteger<I: FixedWidthInteger>(_ x: I, _ y: I) -> UInt64 {
    let width = I(truncatingIfNeeded: I.bitWidth)
    let shifts = y >= 0 && y < width
    let result: I
    switch op {
    case .add: result = x &+ y
    case .subtract: result = x &- y
    case .multiply: result = x &* y
    case .divide: result = y == 0 ? 0 : x.dividedReportingOverflow(by: y).partialValue
    case .remainder: result = y == 0 ? x : x.remainderReportingOverflow(dividingBy: y).partialValue
    case .negate: result = 0 &- x
    case .abs: result = x < 0 ? 0 &- x : x
    case .minimum: result = Swift.min(x, y)
    case .maximum: result = Swift.max(x, y)
    case .and: result = x & y
    case .or: result = x | y
    case .xor: result = x ^ y
    case .not: result = ~x
    case .shiftLeft: result = shifts ? x << y : 0
    case .shiftRight: result = shifts ? x >> y : x < 0 ? ~0 : 0
    case .shiftRightLogical:
      result =
        shifts
        ? I(truncatingIfNeeded: I.Magnitude(truncatingIfNeeded: x) >> I.Magnitude(truncatingIfNeeded: y)) : 0
    case .multiplyHigh:
      let product = UInt64(UInt32(truncatingIfNeeded: x)) * UInt64(UInt32(truncatingIfNeeded: y))
      result = I(truncatingIfNeeded: product >> 32)
    case .equal: return x == y ? 1 : 0
    case .notEqual: return x != y ? 1 : 0
    case .less: return x < y ? 1 : 0
    case .lessEqual: return x <= y ? 1 : 0
    default: preconditionFailure("`\(op)` is not an operation on integers")
    }
    return result.zeroExtended
  }

  private func cast(_ a: UInt64) -> UInt64 {
    switch source {
    case .f32: castFloat(Float(bits: a))
    case .f64: castFloat(Double(bitPattern: a))
    case .i32: castInteger(Int64(Int32(truncatingIfNeeded: a)))
    case .i64: castInteger(Int64(bitPattern: a))
    case .u8, .bool: castInteger(Int64(a & 255))
    case .f16, .bf16: castFloat(NarrowFloat.widened(UInt16(truncatingIfNeeded: a), source))
    }
  }

  private func castFloat<F: ScalarFloat>(_ x: F) -> UInt64 {
    switch dtype {
    case .f32: Float(x).bits
    case .f64: Double(x).bitPattern
    case .i32: Int32(saturating: x).zeroExtended
    case .i64: Int64(saturating: x).zeroExtended
    case .u8: UInt8(saturating: x).zeroExtended
    case .bool: x != 0 ? 1 : 0
    // A binary32 widens exactly.
    case .f16, .bf16: UInt64(NarrowFloat.narrowed(Double(x), dtype))
    }
  }

  private func castInteger(_ x: Int64) -> UInt64 {
    switch dtype {
    case .f32: Float(x).bits
    case .f64: Double(x).bitPattern
    case .i32: Int32(truncatingIfNeeded: x).zeroExtended
    case .i64: UInt64(bitPattern: x)
    case .u8: UInt64(UInt8(truncatingIfNeeded: x))
    case .bool: x != 0 ? 1 : 0
    case .f16: UInt64(NarrowFloat.f16(x))
    case .bf16: UInt64(NarrowFloat.bf16(x))
    }
  }
}

/// What scalar operations need of `Float` and `Double`.
public protocol ScalarFloat: BinaryFloatingPoint {
  /// The number with these bits in the low part.
  init(bits: UInt64)
  /// Up to here multiples of pi are taken off in three steps of floating-point arithmetic, beyond by `PiReduction`.
  static var largestNearPi: Self { get }
  /// The bits, zero-extended.
  var bits: UInt64 { get }
  /// The NaN that leaves a program.
  static var canonicalNaN: Self { get }
}

extension ScalarFloat {
  /// The smaller one; NaN wins, -0 is smaller than +0.
  @inlinable
  public static func ieeeMinimum(_ x: Self, _ y: Self) -> Self {
    if x.isNaN { return x }
    if x == y { return x.sign == .minus ? x : y }
    return x < y ? x : y
  }

  /// The larger one; NaN wins, +0 is larger than -0.
  @inlinable
  public static func ieeeMaximum(_ x: Self, _ y: Self) -> Self {
    if x.isNaN { return x }
    if x == y { return x.sign == .plus ? x : y }
    return x > y ? x : y
  }
}

extension Float: ScalarFloat {
  /// The bits, zero-extended.
  @inlinable public var bits: UInt64 { UInt64(bitPattern) }
  /// The NaN that leaves a program.
  @inlinable public static var canonicalNaN: Float { Float(bitPattern: CanonicalNaN.f32) }
  /// Up to here multiples of pi are taken off in floating-point arithmetic.
  @inlinable public static var largestNearPi: Float { 0x1p17 }
  /// The number with these bits in the low half.
  @inlinable public init(bits: UInt64) { self.init(bitPattern: UInt32(truncatingIfNeeded: bits)) }
}

extension Double: ScalarFloat {
  /// The bits.
  @inlinable public var bits: UInt64 { bitPattern }
  /// The NaN that leaves a program.
  @inlinable public static var canonicalNaN: Double { Double(bitPattern: CanonicalNaN.f64) }
  /// Up to here multiples of pi are taken off in floating-point arithmetic.
  @inlinable public static var largestNearPi: Double { 0x1p40 }
  /// The number with these bits.
  @inlinable public init(bits: UInt64) { self.init(bitPattern: bits) }
}

extension FixedWidthInteger {
  /// The integer nearest to the float towards 0, saturated; 0 for NaN.
  @inlinable
  public init(saturating x: some BinaryFloatingPoint) {
    if x.isNaN {
      self = 0
    } else if let exact = Self(exactly: x.rounded(.towardZero)) {
      self = exact
    } else {
      self = x < 0 ? .min : .max
    }
  }

  /// The bits, zero-extended to 64.
  @inlinable
  var zeroExtended: UInt64 { UInt64(truncatingIfNeeded: Magnitude(truncatingIfNeeded: self)) }
}
