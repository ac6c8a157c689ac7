package import SluiceIR

/// Numbers as text: exact both ways, the shortest digits that read back to the same bits.
package enum NumberText {
  /// What a numeral turned out to be.
  enum Parsed<Value> {
    case value(Value)
    /// It is no number of this kind.
    case malformed
    /// It is a number, but too large.
    case outOfRange
  }

  // MARK: Reading

  /// The integer with these decimal digits.
  static func magnitude(_ bytes: [UInt8], _ range: Range<Int>) -> Parsed<UInt64> {
    var value: UInt64 = 0
    var fits = !range.isEmpty
    for i in range {
      guard bytes[i].isDigit else { return .malformed }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt64(bytes[i] &- 0x30))
      if overflow || carry { fits = false }
      value = sum
    }
    return fits ? .value(value) : .outOfRange
  }

  /// The integer with these decimal digits and this sign.
  static func integer(_ bytes: [UInt8], _ range: Range<Int>, isNegative: Bool) -> Parsed<Int64> {
    switch magnitude(bytes, range) {
    case .malformed: return .malformed
    case .outOfRange: return .outOfRange
    case .value(let value):
      if isNegative {
        return value <= Int64.min.magnitude ? .value(0 &- Int64(truncatingIfNeeded: value)) : .outOfRange
      }
      return value <= UInt64(Int64.max) ? .value(Int64(value)) : .outOfRange
    }
  }

  /// The binary64 number nearest to an unsigned numeral of the lexer.
  static func double(_ bytes: [UInt8], _ range: Range<Int>) -> Parsed<Double> {
    if let quick = quickDouble(bytes, range) { return .value(quick) }
    guard let value = Double(String(decoding: bytes[range], as: UTF8.self)) else { return .malformed }
    return value.isFinite ? .value(value) : .outOfRange
  }

  /// The binary32 number nearest to an unsigned numeral of the lexer, rounded once.
  static func float(_ bytes: [UInt8], _ range: Range<Int>) -> Parsed<Float> {
    if let quick = quickDouble(bytes, range), quick == 0 || quick > 1e-30, quick < 1e30 {
      // Rounding twice differs from rounding once only from a tie of binary32.
      if quick.bitPattern & 0x1FFF_FFFF != 0x1000_0000 { return .value(Float(quick)) }
    }
    guard let value = Float(String(decoding: bytes[range], as: UTF8.self)) else { return .malformed }
    return value.isFinite ? .value(value) : .outOfRange
  }

  /// The number where digits and power of ten are both exact in binary64 (Clinger 1990): most numbers.
  private static func quickDouble(_ bytes: [UInt8], _ range: Range<Int>) -> Double? {
    guard range.count <= 24 else { return nil }
    var (digits, exponent) = (UInt64(0), 0)
    var at = range.lowerBound
    var isFraction = false
    while at < range.upperBound, bytes[at].isDigit || bytes[at] == 0x2E {
      if bytes[at] == 0x2E {
        isFraction = true
      } else {
        guard digits < 900_719_925_474_099 else { return nil }
        digits = digits * 10 + UInt64(bytes[at] &- 0x30)
        if isFraction { exponent -= 1 }
      }
      at += 1
    }
    if at < range.upperBound {
      guard bytes[at] | 0x20 == 0x65, at + 1 < range.upperBound else { return nil }
      let sign = bytes[at + 1]
      let first = sign == 0x2B || sign == 0x2D ? at + 2 : at + 1
      guard case .value(let given) = magnitude(bytes, first..<range.upperBound), given < 100 else {
        return nil
      }
      exponent += sign == 0x2D ? -Int(given) : Int(given)
    }
    guard exponent.magnitude < powers.count else { return nil }
    let power = powers[Int(exponent.magnitude)]
    return exponent < 0 ? Double(digits) / power : Double(digits) * power
  }

  private static let powers: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19,
    1e20, 1e21, 1e22,
  ]

  // MARK: Writing

  /// Appends a number in shortest form: `3`, `-0.0`, `2.5e-10`, `inf`, `nan`.
  static func append(_ value: some BinaryFloatingPoint & LosslessStringConvertible, to output: inout [UInt8])
  {
    var text = value.description
    if text.hasSuffix(".0"), text != "-0.0" { text.removeLast(2) }
    output.append(contentsOf: text.utf8)
  }

  /// Appends an integer.
  static func append(_ value: Int64, to output: inout [UInt8]) {
    if value < 0 { output.append(0x2D) }
    var rest = value.magnitude
    let start = output.count
    repeat {
      output.append(0x30 + UInt8(truncatingIfNeeded: rest % 10))
      rest /= 10
    } while rest > 0
    output[start...].reverse()
  }

  /// Appends the element of a dtype with these bits; a NaN other than the canonical one as the bits.
  package static func append(_ bits: UInt64, _ dtype: DType, to output: inout [UInt8]) {
    switch dtype {
    case .f32:
      let value = Float(bits: bits)
      if value.isNaN, value.bitPattern != CanonicalNaN.f32 { return appendHex(bits, digits: 8, to: &output) }
      append(value, to: &output)
    case .f64:
      let value = Double(bitPattern: bits)
      if value.isNaN, bits != CanonicalNaN.f64 { return appendHex(bits, digits: 16, to: &output) }
      append(value, to: &output)
    case .f16, .bf16:
      let narrow = UInt16(truncatingIfNeeded: bits)
      let isCanonical = narrow == (dtype == .f16 ? CanonicalNaN.f16 : CanonicalNaN.bf16)
      if NarrowFloat.widened(narrow, dtype).isNaN, !isCanonical {
        return appendHex(bits, digits: 4, to: &output)
      }
      append(narrow, dtype, to: &output)
    case .i32: append(Int64(Int32(truncatingIfNeeded: bits)), to: &output)
    case .i64: append(Int64(bitPattern: bits), to: &output)
    case .u8: append(Int64(bits & 255), to: &output)
    case .bool: output.append(contentsOf: (bits != 0 ? "true" : "false").utf8)
    }
  }

  private static func appendHex(_ bits: UInt64, digits: Int, to output: inout [UInt8]) {
    output.append(contentsOf: "0x".utf8)
    for digit in (0..<digits).reversed() {
      let value = UInt8(truncatingIfNeeded: bits >> UInt64(4 * digit)) & 15
      output.append(value < 10 ? 0x30 + value : 0x57 + value)
    }
  }
}
