import SluiceIR

/// A C expression, and how tightly its outermost operator binds.
struct CExpression {
  /// How tightly operators bind, loosest first.
  enum Precedence: Int, Comparable {
    case conditional, bitwise, comparison, additive, multiplicative, unary, primary

    static func < (a: Precedence, b: Precedence) -> Bool { a.rawValue < b.rawValue }
  }

  /// What values the expression has, as far as printing must know.
  enum Kind {
    /// A value of the dtype asked for.
    case value
    /// The int 0 or 1 of a comparison: a bool after a cast.
    case truth
    /// A ptrdiff_t: an i64 after a cast.
    case index
  }

  var text: String
  var precedence: Precedence
  var kind: Kind

  init(_ text: String, _ precedence: Precedence = .primary, _ kind: Kind = .value) {
    self.text = text
    self.precedence = precedence
    self.kind = kind
  }

  /// The text, in parentheses where it binds less tightly than `least`.
  func text(atLeast least: Precedence) -> String { precedence < least ? "(\(text))" : text }

  /// The expression as a value of its dtype: truths become bytes, indices 64-bit integers.
  var asValue: CExpression {
    switch kind {
    case .value: self
    case .truth: CExpression("(uint8_t)\(text(atLeast: .primary))", .unary)
    case .index:
      // A plain number has a value of any type.
      text.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
        ? CExpression(text) : CExpression("(int64_t)\(text(atLeast: .primary))", .unary)
    }
  }

  /// The expression as a ptrdiff_t.
  var asIndex: CExpression {
    switch kind {
    case .index: self
    case .value, .truth: CExpression("(ptrdiff_t)\(text(atLeast: .primary))", .unary, .index)
    }
  }

  /// The expression as a condition.
  var asCondition: String { asTruth.text }

  /// The expression as an int that is 0 or 1.
  var asTruth: CExpression {
    kind == .truth ? self : CExpression("\(text(atLeast: .additive)) != 0", .comparison, .truth)
  }

  /// `a op b` for an operator that groups to the left.
  static func binary(
    _ a: CExpression, _ op: String, _ b: CExpression, _ precedence: Precedence, _ kind: Kind = .value
  ) -> CExpression {
    let next = Precedence(rawValue: precedence.rawValue + 1) ?? .primary
    return CExpression("\(a.text(atLeast: precedence)) \(op) \(b.text(atLeast: next))", precedence, kind)
  }

  /// `a op b` for operators whose precedence people do not know by heart: operands stand in parentheses.
  static func bitwise(_ a: CExpression, _ op: String, _ b: CExpression, _ kind: Kind = .value) -> CExpression
  {
    CExpression("\(a.text(atLeast: .unary)) \(op) \(b.text(atLeast: .unary))", .bitwise, kind)
  }

  /// `name(a, b, ...)`.
  static func call(_ name: String, _ operands: [CExpression]) -> CExpression {
    CExpression("\(name)(\(operands.map(\.asValue.text).joined(separator: ", ")))")
  }

  /// `condition ? a : b`.
  static func conditional(_ condition: CExpression, _ a: CExpression, _ b: CExpression) -> CExpression {
    let test = condition.asTruth
    let asked = test.precedence == .bitwise ? test.text(atLeast: .primary) : test.text(atLeast: .comparison)
    return CExpression(
      "\(asked) ? \(a.asValue.text(atLeast: .comparison)) : \(b.asValue.text(atLeast: .comparison))",
      .conditional)
  }

  /// `(type)a`.
  static func cast(_ type: String, _ a: CExpression) -> CExpression {
    CExpression("(\(type))\(a.text(atLeast: .unary))", .unary)
  }
}

extension DType {
  /// The C type of an element; bools are bytes that hold 0 or 1, f16 and bf16 their bits.
  var cType: String {
    switch self {
    case .f32: "float"
    case .f64: "double"
    case .i32: "int32_t"
    case .i64: "int64_t"
    case .u8, .bool: "uint8_t"
    case .f16, .bf16: "uint16_t"
    }
  }
}

/// Numbers as C writes them.
enum CLiteral {
  /// A constant of that dtype and these bits; `special` gives floats that have no literal, from their bits.
  static func constant(_ bits: UInt64, _ dtype: DType, special: (String) -> CExpression) -> CExpression {
    switch dtype {
    case .f32:
      let value = Float(bitPattern: UInt32(truncatingIfNeeded: bits))
      guard value.isFinite else { return special("0x\(CText.hex(bits & 0xFFFF_FFFF, 8))u") }
      return signed("\(value.magnitude)f", isNegative: value.sign == .minus)
    case .f64:
      let value = Double(bitPattern: bits)
      guard value.isFinite else { return special("UINT64_C(0x\(CText.hex(bits, 16)))") }
      return signed("\(value.magnitude)", isNegative: value.sign == .minus)
    case .i32: return integer(Int64(Int32(truncatingIfNeeded: bits)), .i32)
    case .i64: return integer(Int64(bitPattern: bits), .i64)
    case .u8, .bool: return CExpression(String(UInt8(truncatingIfNeeded: bits)))
    case .f16, .bf16: return CExpression("0x\(CText.hex(bits & 0xFFFF, 4))")
    }
  }

  /// Whether the bits are a NaN of that dtype.
  static func isNaN(_ bits: UInt64, _ dtype: DType) -> Bool {
    dtype == .f32 ? Float(bitPattern: UInt32(truncatingIfNeeded: bits)).isNaN : Double(bitPattern: bits).isNaN
  }

  /// An integer of i32 or i64; large ones that are no round number are masks and keys, shown in hexadecimal.
  private static func integer(_ value: Int64, _ dtype: DType) -> CExpression {
    if dtype == .i32, value == Int64(Int32.min) { return CExpression("INT32_MIN") }
    if dtype == .i64, value == .min { return CExpression("INT64_MIN") }
    let isMask = value.magnitude >= 65_536 && value.magnitude % 1000 != 0
    guard isMask else {
      let digits = String(value.magnitude)
      return signed(value.magnitude > 0x7FFF_FFFF ? "INT64_C(\(digits))" : digits, isNegative: value < 0)
    }
    if dtype == .i32 {
      let digits = "0x" + CText.hex(UInt64(UInt32(truncatingIfNeeded: value)), 8)
      return value < 0 ? CExpression("(int32_t)\(digits)u", .unary) : CExpression(digits)
    }
    let digits = "0x" + CText.hex(UInt64(bitPattern: value), 16)
    return value < 0 ? CExpression("(int64_t)UINT64_C(\(digits))", .unary) : CExpression("INT64_C(\(digits))")
  }

  private static func signed(_ digits: String, isNegative: Bool) -> CExpression {
    isNegative ? CExpression("-" + digits, .unary) : CExpression(digits)
  }
}
