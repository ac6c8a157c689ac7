import SluiceIR

/// Conversions between rows of all dtypes.
extension RegisterFile {
  /// `result = target(a)`.
  @inline(never)
  func cast(_ code: Code, _ width: Int) {
    switch code.dtype {
    case .f32: castFloat(code, width, Float.self)
    case .f64: castFloat(code, width, Double.self)
    case .i32: castInteger(code, width, Int32.self)
    case .i64: castInteger(code, width, Int64.self)
    case .u8, .bool: castInteger(code, width, UInt8.self)
    }
  }

  private func castFloat<F: RowFloat>(_ code: Code, _ width: Int, _: F.Type) {
    switch code.target {
    case .f32: map(code, width) { (x: F) in Float(x) }
    case .f64: map(code, width) { (x: F) in Double(x) }
    case .i32: map(code, width) { (x: F) in Double(x).saturated32 }
    case .i64: map(code, width) { (x: F) in Double(x).saturated64 }
    case .u8: map(code, width) { (x: F) in Double(x).saturated8 }
    case .bool: map(code, width) { (x: F) -> UInt8 in x != 0 ? 1 : 0 }
    }
  }

  private func castInteger<I: FixedWidthInteger & BitwiseCopyable>(_ code: Code, _ width: Int, _: I.Type) {
    switch code.target {
    case .f32: map(code, width) { (x: I) in Float(x) }
    case .f64: map(code, width) { (x: I) in Double(x) }
    case .i32: map(code, width) { (x: I) in Int32(truncatingIfNeeded: x) }
    case .i64: map(code, width) { (x: I) in Int64(truncatingIfNeeded: x) }
    case .u8: map(code, width) { (x: I) in UInt8(truncatingIfNeeded: x) }
    case .bool: map(code, width) { (x: I) -> UInt8 in x != 0 ? 1 : 0 }
    }
  }
}

extension Double {
  /// The integer towards 0, saturated; 0 for NaN: without a branch.
  @inline(__always)
  fileprivate var saturated32: Int32 {
    let low = self > -0x1p31 ? self : -0x1p31
    let clamped = low < 0x1p31 - 1 ? low : 0x1p31 - 1
    // An integer in the low half of the significand.
    let bits = (clamped.truncated + 0x1.8p52).bitPattern
    return self == self ? Int32(truncatingIfNeeded: bits) : 0
  }

  /// The integer towards 0, saturated; 0 for NaN.
  @inline(__always)
  fileprivate var saturated8: UInt8 {
    let integer = saturated32
    return integer < 0 ? 0 : integer > 255 ? 255 : UInt8(truncatingIfNeeded: integer)
  }

  /// The integer towards 0, saturated; 0 for NaN.
  @inline(__always)
  fileprivate var saturated64: Int64 {
    if self != self { return 0 }
    if self >= 0x1p63 { return .max }
    if self < -0x1p63 { return .min }
    return Int64(self)
  }
}
