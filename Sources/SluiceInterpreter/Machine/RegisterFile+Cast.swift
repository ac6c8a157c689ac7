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
    case .f16: widen(code, width) { NarrowFloat.f32(f16: $0) }
    case .bf16: widen(code, width) { NarrowFloat.f32(bf16: $0) }
    }
  }

  /// Casts from f16 and bf16 go through f32, which holds them exactly.
  @inline(__always)
  private func widen(_ code: Code, _ width: Int, _ wide: (UInt16) -> Float) {
    switch code.target {
    case .f32: map(code, width) { (x: UInt16) in wide(x) }
    case .f64: map(code, width) { (x: UInt16) in Double(wide(x)) }
    case .i32: map(code, width) { (x: UInt16) in Double(wide(x)).saturated32 }
    case .i64: map(code, width) { (x: UInt16) in Double(wide(x)).saturated64 }
    case .u8: map(code, width) { (x: UInt16) in Double(wide(x)).saturated8 }
    case .bool: map(code, width) { (x: UInt16) -> UInt8 in x & 0x7fff != 0 ? 1 : 0 }
    case .f16: map(code, width) { (x: UInt16) in NarrowFloat.f16(wide(x)) }
    case .bf16: map(code, width) { (x: UInt16) in NarrowFloat.bf16(wide(x)) }
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
    case .f16: map(code, width) { (x: F) in NarrowFloat.f16(Double(x)) }
    case .bf16: map(code, width) { (x: F) in NarrowFloat.bf16(Double(x)) }
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
    case .f16: map(code, width) { (x: I) in NarrowFloat.f16(Int64(truncatingIfNeeded: x)) }
    case .bf16: map(code, width) { (x: I) in NarrowFloat.bf16(Int64(truncatingIfNeeded: x)) }
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
