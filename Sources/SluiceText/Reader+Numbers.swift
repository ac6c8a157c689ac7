package import SluiceIR

/// Numbers and the elements of constants.
extension Reader {
  /// A constant whose elements are read when the type is known.
  struct PendingConstant {
    var name: AttributeName
    var spot: Lexer.Spot
  }

  /// Reads an integer with its sign.
  package mutating func readInteger() throws(Stop) -> Int64 {
    let spot = lexer.spot
    let isNegative = accept(.minus)
    guard lexer.kind == .number else { throw unexpected("an integer") }
    let range = lexer.low..<lexer.high
    switch NumberText.integer(lexer.bytes, range, isNegative: isNegative) {
    case .value(let value):
      advance()
      return value
    case .malformed: throw unexpected("an integer")
    case .outOfRange: throw report("the number does not fit 64 bits", at: spot)
    }
  }

  /// Reads a number with its sign, `inf` or `nan`.
  mutating func readDouble() throws(Stop) -> Double {
    let spot = lexer.spot
    let isNegative = accept(.minus)
    let value: Double
    if lexer.isWord("inf") {
      value = .infinity
    } else if lexer.isWord("nan"), !isNegative {
      value = Double(bitPattern: CanonicalNaN.f64)
    } else {
      guard lexer.kind == .number else { throw unexpected("a number") }
      switch NumberText.double(lexer.bytes, lexer.low..<lexer.high) {
      case .value(let number): value = number
      case .malformed: throw unexpected("a number")
      case .outOfRange: throw report("the number is out of range", at: spot, hint: "infinity is `inf`")
      }
    }
    advance()
    return isNegative ? -value : value
  }

  // MARK: Constants

  /// Reads the elements of a constant that was passed over, now that its type is known, and comes back.
  mutating func readPendingConstant(_ constant: PendingConstant, _ spot: Lexer.Spot) throws(Stop) {
    guard let type = written.first?.type else {
      throw report(
        "the type of the constant is missing", at: lexer.spot,
        hint: "write `: f32[]`, or what the elements are")
    }
    let end = lexer.spot
    lexer.jump(to: constant.spot)
    nesting += 1
    let id = try readConstant(type, at: constant.spot)
    nesting -= 1
    lexer.jump(to: end)
    attributes.append(Attribute(constant.name, .constant(id)))
  }

  /// Passes over the elements of a constant: a number, a word, or brackets.
  mutating func skipElements() throws(Stop) {
    guard lexer.kind == .openBracket else {
      _ = accept(.minus)
      guard lexer.kind == .number || lexer.kind == .identifier else { throw unexpected("a number or `[`") }
      return advance()
    }
    var depth = 0
    repeat {
      switch lexer.kind {
      case .openBracket: depth += 1
      case .closeBracket: depth -= 1
      case .number, .identifier, .comma, .minus: break
      default: throw unexpected("a number, `,` or `]`")
      }
      advance()
    } while depth > 0
  }

  /// Reads the elements of a constant of a type.
  package mutating func readConstant(_ type: TypeID, at spot: Lexer.Spot) throws(Stop) -> ConstantID {
    var shape: [Int] = []
    var count = 1
    for dim in builder.tables.types.shape(type) {
      guard let value = builder.tables.dims.value(dim).flatMap({ Int(exactly: $0) }) else {
        throw report(
          "a constant of \(builder.tables.text(type))", at: spot,
          hint: "its size must be known: use a scalar and `broadcast`")
      }
      shape.append(value)
      let (product, overflow) = count.multipliedReportingOverflow(by: value)
      count = overflow ? .max : product
    }
    let dtype = builder.tables.types.dtype(type)
    var content: [UInt8] = []
    if shape.isEmpty {
      guard lexer.kind != .openBracket else {
        throw report(
          "\(builder.tables.text(type)) is a scalar", at: spot, hint: "write the number without brackets")
      }
      try readElement(dtype, into: &content)
    } else {
      guard lexer.kind == .openBracket else {
        throw report(
          "\(builder.tables.text(type)) has a list of \(count) elements in `[]`", at: spot,
          hint: "to repeat one number, use a scalar and `broadcast`")
      }
      try readElements(of: type, shape, count, into: &content)
    }
    return builder.tables.constants.intern(type, content)
  }

  /// Reads the elements in brackets, flat or nested like the shape.
  private mutating func readElements(
    of type: TypeID, _ shape: [Int], _ count: Int, into content: inout [UInt8]
  ) throws(Stop) {
    let spot = lexer.spot
    lexer.advance()
    while lexer.kind == .newline { lexer.advance() }
    let isNested = shape.count > 1 && lexer.kind == .openBracket
    lexer.jump(to: spot)
    try readLevel(type, isNested ? shape[...] : [count], isWhole: !isNested, into: &content)
  }

  private mutating func readLevel(
    _ type: TypeID, _ shape: ArraySlice<Int>, isWhole: Bool, into content: inout [UInt8]
  ) throws(Stop) {
    let spot = lexer.spot
    guard lexer.kind == .openBracket else {
      throw report("expected `[` and a row of \(builder.tables.text(type)), found \(tokenText)", at: spot)
    }
    let dtype = builder.tables.types.dtype(type)
    let isLast = shape.count == 1
    var count = 0
    try readList("a number") { reader throws(Stop) in
      count += 1
      if isLast {
        try reader.readElement(dtype, into: &content)
      } else {
        try reader.readLevel(type, shape.dropFirst(), isWhole: false, into: &content)
      }
    }
    guard count == shape.first else {
      let wanted = shape.first ?? 0
      let what = isWhole ? "elements" : isLast ? "elements a row" : "rows"
      throw report("\(builder.tables.text(type)) has \(wanted) \(what), here are \(count)", at: spot)
    }
  }

  /// Reads one element of a dtype.
  package mutating func readElement(_ dtype: DType, into content: inout [UInt8]) throws(Stop) {
    let spot = lexer.spot
    let isNegative = accept(.minus)
    var bits: UInt64
    switch dtype {
    case .bool:
      guard !isNegative, lexer.isWord("true") || lexer.isWord("false") else {
        throw unexpected("`true` or `false`")
      }
      bits = lexer.isWord("true") ? 1 : 0
    case .f32, .f64, .f16, .bf16: bits = try readFloatBits(dtype, isNegative, spot)
    case .i32, .i64, .u8:
      guard lexer.kind == .number else { throw unexpected("an integer") }
      switch NumberText.integer(lexer.bytes, lexer.low..<lexer.high, isNegative: isNegative) {
      case .malformed: throw unexpected("an integer")
      case .value(let value) where dtype.holds(value): bits = UInt64(bitPattern: value)
      default:
        throw report(
          "\(isNegative ? "-" : "")\(lexer.text(lexer.low..<lexer.high)) is out of the range of \(dtype.name)",
          at: spot)
      }
    }
    advance()
    for _ in 0..<dtype.byteCount {
      content.append(UInt8(truncatingIfNeeded: bits))
      bits >>= 8
    }
  }

  private mutating func readFloatBits(
    _ dtype: DType, _ isNegative: Bool, _ spot: Lexer.Spot
  ) throws(Stop) -> UInt64 {
    let sign: UInt64 = !isNegative ? 0 : 1 << UInt64(8 * dtype.byteCount - 1)
    if lexer.isWord("inf") { return sign | ScalarConstant.bits(.infinity, dtype) }
    if lexer.isWord("nan"), !isNegative { return ScalarConstant.bits(.nan, dtype) }
    guard lexer.kind == .number else { throw unexpected("a number") }
    let range = lexer.low..<lexer.high
    if lexer.isHexadecimal {
      guard !isNegative, range.count == 2 + 2 * dtype.byteCount, let bits = lexer.hexadecimal else {
        throw report("the bits of \(dtype.name) are `0x` and \(2 * dtype.byteCount) digits", at: spot)
      }
      return bits
    }
    switch dtype {
    case .f32:
      switch NumberText.float(lexer.bytes, range) {
      case .value(let value): return sign | UInt64(value.bitPattern)
      case .malformed: throw unexpected("a number")
      case .outOfRange: break
      }
    case .f16, .bf16:
      switch NumberText.narrow(lexer.bytes, range, dtype) {
      case .value(let bits): return sign | UInt64(bits)
      case .malformed: throw unexpected("a number")
      case .outOfRange: break
      }
    default:
      switch NumberText.double(lexer.bytes, range) {
      case .value(let value): return sign | value.bitPattern
      case .malformed: throw unexpected("a number")
      case .outOfRange: break
      }
    }
    let shown = range.count <= 40 ? lexer.text(range) : "the number"
    throw report("\(shown) is out of the range of \(dtype.name)", at: spot, hint: "infinity is `inf`")
  }
}

extension DType {
  /// Whether an integer dtype has this value.
  func holds(_ value: Int64) -> Bool {
    switch self {
    case .i32: Int32(exactly: value) != nil
    case .u8: UInt8(exactly: value) != nil
    default: true
    }
  }
}
