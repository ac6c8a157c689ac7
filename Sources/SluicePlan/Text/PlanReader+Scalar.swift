import SluiceIR
import SluiceText

/// Scalar operations and index expressions of kernels.
extension PlanReader {
  /// A number and its dtype, `0.5 as f32`; nil, and nothing is read, for anything else.
  mutating func readScalarConstant() throws(Stop) -> ScalarInstruction? {
    let start = text.lexer.spot
    _ = text.accept(.minus)
    guard text.lexer.kind == .number || text.lexer.kind == .identifier else {
      text.lexer.jump(to: start)
      return nil
    }
    text.advance()
    let isConstant = accept(word: "as")
    guard isConstant else {
      text.lexer.jump(to: start)
      return nil
    }
    let dtype = try readDType()
    let end = text.lexer.spot
    text.lexer.jump(to: start)
    var bytes: [UInt8] = []
    try text.readElement(dtype, into: &bytes)
    text.lexer.jump(to: end)
    let bits = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return ScalarInstruction(
      op: .constant, result: 0, dtype: dtype, source: dtype, operands: [], immediate: bits)
  }

  /// A scalar operation or an elementary function behind its name.
  mutating func readScalar(
    _ name: String, _ spot: Lexer.Spot, _ kernel: Kernel
  ) throws(Stop) -> ScalarInstruction {
    guard let known = ScalarNames.byName[name] else {
      throw text.report("there is no operation `\(name)`", at: spot)
    }
    var op: ScalarOp
    var immediate: UInt64 = 0
    switch known {
    case .op(let found): op = found
    case .function(let function):
      op = .call
      immediate = UInt64(function.rawValue)
    }
    if op == .piReduction {
      try text.expect(.openBracket, "`[` and which part")
      immediate = UInt64(bitPattern: try text.readInteger())
      try text.expect(.closeBracket, "`]`")
    }
    try text.expect(.openParenthesis, "`(` and the operands")
    var operands = [try readRegister()]
    while text.accept(.comma) { operands.append(try readRegister()) }
    try text.expect(.closeParenthesis, "`,` or `)`")
    let dtypes = operands.map { kernel.registers[$0] }
    let count = op.operandCount(immediate: immediate)
    guard dtypes.count == count else {
      throw text.report("`\(name)` takes \(count) operands, got \(dtypes.count)", at: spot)
    }
    var scalar = ScalarInstruction(
      op: op, result: 0, dtype: dtypes[0], source: dtypes[0], operands: operands, immediate: immediate)
    switch op {
    case .cast, .bitcast:
      try expectWord("as", "`as` and the dtype of the result")
      scalar.dtype = try readDType()
    case .equal, .notEqual, .less, .lessEqual: scalar.dtype = .bool
    case .select:
      scalar.dtype = dtypes[1]
      scalar.source = dtypes[1]
    default: break
    }
    if let message = scalar.mismatch(dtypes) { throw text.report(message, at: spot) }
    return scalar
  }

  // MARK: Index expressions

  /// An index in brackets.
  mutating func readIndex() throws(Stop) -> Affine {
    try text.open(.openBracket, "`[` and the index")
    let index = try readAffine()
    try text.close(.closeBracket, "`+`, `-`, `*` or `]`")
    return index
  }

  /// A sum of products, each of them with at most one register.
  mutating func readAffine() throws(Stop) -> Affine {
    var affine = Affine(text.builder.tables.dims.integer(0))
    var isNegative = false
    repeat {
      let spot = text.lexer.spot
      var (product, register) = try readFactor()
      while text.accept(.star) {
        let factorSpot = text.lexer.spot
        let (factor, other) = try readFactor()
        if register != nil, other != nil {
          throw text.report("a product of two registers", at: factorSpot)
        }
        register = register ?? other
        product = try text.fits(text.builder.tables.dims.multiply(product, factor), factorSpot)
      }
      if isNegative {
        let minus = text.builder.tables.dims.integer(Int64(-1))
        product = try text.fits(text.builder.tables.dims.multiply(product, minus), spot)
      }
      if let register {
        guard !affine.terms.contains(where: { $0.register == register }) else {
          throw text.report("this register stands in the sum already", at: spot)
        }
        guard affine.terms.count < 64 else { throw text.report("more than 64 registers in a sum", at: spot) }
        affine.terms.append(Affine.Term(product, register))
      } else {
        affine.constant = try text.fits(text.builder.tables.dims.add(affine.constant, product), spot)
      }
      isNegative = text.lexer.kind == .minus
    } while text.accept(.plus) || text.accept(.minus)
    return affine
  }

  /// A register, or a factor of a dim with none.
  private mutating func readFactor() throws(Stop) -> (DimID, Register?) {
    if text.lexer.kind == .identifier {
      let spot = text.lexer.spot
      let row = text.names.intern(text.lexer.bytes, text.lexer.name)
      if registerRows[row] != nil {
        text.advance()
        return (text.builder.tables.dims.integer(1), try register(row, spot))
      }
    }
    return (try text.readFactor(), nil)
  }
}

/// The names of scalar operations and elementary functions.
enum ScalarNames {
  /// What a name stands for.
  enum Meaning {
    case op(ScalarOp)
    case function(ElementaryFunction)
  }

  /// All that instructions name; constants and calls are written in other ways.
  static let byName: [String: Meaning] = {
    var table: [String: Meaning] = [:]
    for op in ScalarOp.allCases where ![.parameter, .constant, .call].contains(op) {
      table["\(op)"] = .op(op)
    }
    for function in ElementaryFunction.allCases { table["\(function)"] = .function(function) }
    return table
  }()
}
