import SluiceIR

/// The scalar operations on rows of every dtype.
extension RegisterFile {
  /// `result = op(a, b, c)`.
  @inline(__always)
  func scalar(_ code: Code, _ width: Int) {
    switch code.dtype {
    case .f32: float(code, width, Float.self)
    case .f64: float(code, width, Double.self)
    case .i32: integer(code, width, Int32.self)
    case .i64: integer(code, width, Int64.self)
    case .u8, .bool: integer(code, width, UInt8.self)
    // The checker lets nothing through that calculates with them.
    case .f16, .bf16: break
    }
  }

  @inline(never)
  private func float<F: RowFloat>(_ code: Code, _ width: Int, _ type: F.Type) {
    if code.op.isComparison { return compare(code, width, type) }
    let (x, y) = (row(code.a, width, type), row(code.b, width, type))
    let result = row(code.result, width, type)
    switch code.op {
    case .add: result.set(width) { x[$0] + y[$0] }
    case .subtract: result.set(width) { x[$0] - y[$0] }
    case .multiply: result.set(width) { x[$0] * y[$0] }
    case .divide: result.set(width) { x[$0] / y[$0] }
    case .remainder: result.set(width) { x[$0].truncatingRemainder(dividingBy: y[$0]) }
    case .fma: F.multiplyAdd(x, y, row(code.c, width, type), result, width)
    case .negate: result.set(width) { -x[$0] }
    case .abs: result.set(width) { x[$0].magnitude }
    case .sqrt: result.set(width) { x[$0].squareRoot() }
    case .minimum: result.set(width) { F.smaller(x[$0], y[$0]) }
    case .maximum: result.set(width) { F.larger(x[$0], y[$0]) }
    case .floor: result.set(width) { x[$0].roundedDown }
    case .ceil: result.set(width) { x[$0].roundedUp }
    case .trunc: result.set(width) { x[$0].truncated }
    case .round: result.set(width) { x[$0].roundedToEven }
    case .piReduction:
      let reduction = PiReduction(immediate: UInt64(code.index))
      result.set(width) { x[$0].magnitude <= F.largestNearPi ? y[$0] : reduction(x[$0], near: y[$0]) }
    case .canonical: result.set(width) { x[$0] != x[$0] ? F.canonicalNaN : x[$0] }
    default: break
    }
  }

  @inline(never)
  private func integer<I: FixedWidthInteger & BitwiseCopyable>(_ code: Code, _ width: Int, _ type: I.Type) {
    if code.op.isComparison { return compare(code, width, type) }
    let bits = I(truncatingIfNeeded: I.bitWidth)
    let (x, y) = (row(code.a, width, type), row(code.b, width, type))
    let result = row(code.result, width, type)
    switch code.op {
    case .add: result.set(width) { x[$0] &+ y[$0] }
    case .subtract: result.set(width) { x[$0] &- y[$0] }
    case .multiply: result.set(width) { x[$0] &* y[$0] }
    case .divide:
      result.set(width) { y[$0] == 0 ? 0 : x[$0].dividedReportingOverflow(by: y[$0]).partialValue }
    case .remainder:
      result.set(width) {
        y[$0] == 0 ? x[$0] : x[$0].remainderReportingOverflow(dividingBy: y[$0]).partialValue
      }
    case .negate: result.set(width) { 0 &- x[$0] }
    case .abs: result.set(width) { x[$0] < 0 ? 0 &- x[$0] : x[$0] }
    case .minimum: result.set(width) { x[$0] < y[$0] ? x[$0] : y[$0] }
    case .maximum: result.set(width) { x[$0] > y[$0] ? x[$0] : y[$0] }
    case .and: result.set(width) { x[$0] & y[$0] }
    case .or: result.set(width) { x[$0] | y[$0] }
    case .xor: result.set(width) { x[$0] ^ y[$0] }
    case .not: result.set(width) { ~x[$0] }
    case .shiftLeft: result.set(width) { y[$0] >= 0 && y[$0] < bits ? x[$0] &<< y[$0] : 0 }
    case .shiftRight: result.set(width) { y[$0] >= 0 && y[$0] < bits ? x[$0] &>> y[$0] : x[$0] < 0 ? ~0 : 0 }
    case .shiftRightLogical:
      result.set(width) {
        let shifted = I.Magnitude(truncatingIfNeeded: x[$0]) &>> I.Magnitude(truncatingIfNeeded: y[$0])
        return y[$0] >= 0 && y[$0] < bits ? I(truncatingIfNeeded: shifted) : 0
      }
    case .multiplyHigh:
      result.set(width) {
        let product = UInt64(UInt32(truncatingIfNeeded: x[$0])) &* UInt64(UInt32(truncatingIfNeeded: y[$0]))
        return I(truncatingIfNeeded: product &>> 32)
      }
    default: break
    }
    // Arithmetic on bools keeps the low bit.
    if code.dtype == .bool { result.set(width) { result[$0] & 1 } }
  }

  @inline(never)
  private func compare<T: Comparable & BitwiseCopyable>(_ code: Code, _ width: Int, _ type: T.Type) {
    let (x, y) = (row(code.a, width, type), row(code.b, width, type))
    let result = row(code.result, width, UInt8.self)
    switch code.op {
    case .equal: result.set(width) { x[$0] == y[$0] ? 1 : 0 }
    case .notEqual: result.set(width) { x[$0] != y[$0] ? 1 : 0 }
    case .less: result.set(width) { x[$0] < y[$0] ? 1 : 0 }
    case .lessEqual: result.set(width) { x[$0] <= y[$0] ? 1 : 0 }
    default: break
    }
  }

  /// Lanes of `result` take in the row `b`.
  @inline(never)
  func fold(_ code: Code, _ width: Int) {
    switch (code.dtype, code.op) {
    case (.f32, .add): fold(code, width) { (x: Float, y: Float) in x + y }
    case (.f32, .multiply): fold(code, width) { (x: Float, y: Float) in x * y }
    case (.f32, .minimum): fold(code, width) { (x: Float, y: Float) in Float.smaller(x, y) }
    case (.f32, .maximum): fold(code, width) { (x: Float, y: Float) in Float.larger(x, y) }
    case (.f64, .add): fold(code, width) { (x: Double, y: Double) in x + y }
    case (.f64, .multiply): fold(code, width) { (x: Double, y: Double) in x * y }
    case (.f64, .minimum): fold(code, width) { (x: Double, y: Double) in Double.smaller(x, y) }
    case (.f64, .maximum): fold(code, width) { (x: Double, y: Double) in Double.larger(x, y) }
    default:
      // Block by block in place: the lanes are the first operand and the result.
      let lanes = Int(code.index)
      var block = code
      block.a = code.result
      block.index = 0
      var start = 0
      while start < width {
        block.b = code.b + Int32(start * code.dtype.byteCount)
        scalar(block, Swift.min(lanes, width - start))
        start += lanes
      }
    }
  }

  /// The lanes of `a`, combined as a tree, in the scalar `result`.
  @inline(never)
  func tree(_ code: Code) {
    switch (code.dtype, code.op) {
    case (.f32, .add): tree(code) { (x: Float, y: Float) in x + y }
    case (.f64, .add): tree(code) { (x: Double, y: Double) in x + y }
    default:
      var step = code
      step.result = code.a
      step.index = 0
      var half = Int(code.index) / 2
      while half >= 1 {
        step.b = code.a + Int32(half * code.dtype.byteCount)
        scalar(step, half)
        half /= 2
      }
      step = code
      copy(step, 1)
    }
  }

  /// `result = a`, the same bits.
  @inline(__always)
  func copy(_ code: Code, _ width: Int) {
    switch code.dtype {
    case .f32, .i32: copy(code, width, UInt32.self)
    case .f64, .i64: copy(code, width, UInt64.self)
    case .u8, .bool: copy(code, width, UInt8.self)
    case .f16, .bf16: copy(code, width, UInt16.self)
    }
  }

  /// Every element of `result` = the scalar `a`.
  @inline(never)
  func splat(_ code: Code, _ width: Int) {
    switch code.dtype {
    case .f32, .i32: splat(code, width, UInt32.self)
    case .f64, .i64: splat(code, width, UInt64.self)
    case .u8, .bool: splat(code, width, UInt8.self)
    case .f16, .bf16: splat(code, width, UInt16.self)
    }
  }

  /// `result = a ? b : c`.
  @inline(never)
  func select(_ code: Code, _ width: Int) {
    switch code.target {
    case .f32, .i32: select(code, width, UInt32.self)
    case .f64, .i64: select(code, width, UInt64.self)
    case .u8, .bool: select(code, width, UInt8.self)
    case .f16, .bf16: select(code, width, UInt16.self)
    }
  }

  @inline(__always)
  private func select<Element: BitwiseCopyable>(_ code: Code, _ width: Int, _ type: Element.Type) {
    let condition = row(code.a, width, UInt8.self)
    let (yes, no) = (row(code.b, width, type), row(code.c, width, type))
    row(code.result, width, type).set(width) { condition[$0] != 0 ? yes[$0] : no[$0] }
  }
}
