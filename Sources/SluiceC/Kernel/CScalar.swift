import SluiceIR

/// C expressions for scalar operations: each has exactly the meaning of `ScalarProgram.Instruction.evaluate`.
struct CScalar {
  let helpers: CHelpers

  /// The expression of a constant.
  func constant(_ bits: UInt64, _ dtype: DType) -> CExpression {
    CLiteral.constant(bits, dtype) { CExpression("\(helpers.use("from_bits_\(dtype.name)"))(\($0))") }
  }

  /// The expression of an operation other than `parameter` on these operands.
  func expression(
    _ op: ScalarOp, _ dtype: DType, source: DType, _ operands: [CExpression], immediate: UInt64
  ) -> CExpression {
    switch op {
    case .parameter: preconditionFailure("a parameter is not computed")
    case .constant: return constant(immediate, dtype)
    case .select: return select(dtype, operands)
    case .cast: return cast(operands[0], from: source, to: dtype)
    case .bitcast: return bitcast(operands[0], from: source, to: dtype)
    case .call: return call(operands, dtype, immediate)
    case .piReduction:
      let reduction = PiReduction(immediate: immediate)
      let which = [reduction.multiples.rawValue, reduction.part.rawValue].map { CExpression("\($0)") }
      return .call(helpers.use("pi_reduction_\(dtype.name)"), operands + which)
    case .equal: return compare("==", source, operands)
    case .notEqual: return compare("!=", source, operands)
    case .less: return compare("<", source, operands)
    case .lessEqual: return compare("<=", source, operands)
    default: break
    }
    switch source {
    case .f32, .f64: return float(op, source, operands)
    case .i32, .i64: return integer(op, source, operands.map(\.asValue))
    case .u8: return byte(op, operands.map(\.asValue))
    case .bool: return bool(op, operands)
    case .f16, .bf16: preconditionFailure("`\(op)` is not an operation on \(source.name)")
    }
  }

  private func select(_ dtype: DType, _ operands: [CExpression]) -> CExpression {
    let chosen = CExpression.conditional(operands[0], operands[1], operands[2])
    return dtype.byteCount < 4 ? CExpression("(\(dtype.cType))(\(chosen.text))", .unary) : chosen
  }

  private func compare(_ sign: String, _ source: DType, _ operands: [CExpression]) -> CExpression {
    var (a, b) = (operands[0], operands[1])
    // Two loop indices compare as they are.
    if a.kind != .index || b.kind != .index { (a, b) = (a.asValue, b.asValue) }
    if a.text == b.text, !source.isFloat {
      // Compilers warn of an integer compared with itself.
      return CExpression(
        "((void)\(a.text(atLeast: .unary)), \(sign.hasSuffix("=") && sign != "!=" ? 1 : 0))", .primary, .truth
      )
    }
    return CExpression(
      "\(a.text(atLeast: .additive)) \(sign) \(b.text(atLeast: .additive))", .comparison, .truth)
  }

  private func call(_ operands: [CExpression], _ dtype: DType, _ immediate: UInt64) -> CExpression {
    guard let function = ElementaryFunction(immediate: immediate) else {
      // What the evaluator gives for a function that does not exist.
      return constant(0, dtype)
    }
    return .call(helpers.use(function, dtype), operands)
  }

  private func negated(_ operand: CExpression, _ dtype: DType) -> CExpression {
    .call(helpers.use("negate_\(dtype.name)"), [operand])
  }

  /// Whether an operand is the literal of a number.
  private func isNumber(_ operand: CExpression, _ number: String) -> Bool {
    operand.text == number || operand.text == number + "f"
  }

  private func float(_ op: ScalarOp, _ dtype: DType, _ operands: [CExpression]) -> CExpression {
    func helper(_ name: String) -> CExpression { .call(helpers.use("\(name)_\(dtype.name)"), operands) }
    switch op {
    case .add: return .binary(operands[0], "+", operands[1], .additive)
    // What compilers take for a negation is one; see the helper.
    case .subtract where isNumber(operands[0], "-0.0"): return negated(operands[1], dtype)
    case .multiply where isNumber(operands[0], "-1.0"): return negated(operands[1], dtype)
    case .multiply where isNumber(operands[1], "-1.0"): return negated(operands[0], dtype)
    case .divide where isNumber(operands[1], "-1.0"): return negated(operands[0], dtype)
    case .subtract: return .binary(operands[0], "-", operands[1], .additive)
    case .multiply: return .binary(operands[0], "*", operands[1], .multiplicative)
    case .divide: return .binary(operands[0], "/", operands[1], .multiplicative)
    case .negate: return helper("negate")
    case .remainder: return helper("remainder")
    case .fma: return helper("fma")
    case .abs: return helper("abs")
    case .sqrt: return helper("sqrt")
    case .minimum: return helper("minimum")
    case .maximum: return helper("maximum")
    case .floor: return helper("floor")
    case .ceil: return helper("ceil")
    case .trunc: return helper("trunc")
    case .round: return helper("round")
    case .canonical: return helper("canonical")
    default: preconditionFailure("`\(op)` is not an operation on floats")
    }
  }

  private func integer(_ op: ScalarOp, _ dtype: DType, _ operands: [CExpression]) -> CExpression {
    func helper(_ name: String) -> CExpression { .call(helpers.use("\(name)_\(dtype.name)"), operands) }
    switch op {
    case .add: return helper("add")
    case .subtract: return helper("subtract")
    case .multiply: return helper("multiply")
    case .divide: return helper("divide")
    case .remainder: return helper("remainder")
    case .negate: return helper("negate")
    case .abs: return helper("abs")
    case .minimum: return helper("minimum")
    case .maximum: return helper("maximum")
    case .and: return .bitwise(operands[0], "&", operands[1])
    case .or: return .bitwise(operands[0], "|", operands[1])
    case .xor: return .bitwise(operands[0], "^", operands[1])
    // Of what was a bool, gcc warns about `~`.
    case .not: return .bitwise(operands[0], "^", CExpression("-1", .unary))
    case .shiftLeft: return helper("shift_left")
    case .shiftRight: return helper("shift_right")
    case .shiftRightLogical: return helper("shift_right_logical")
    case .multiplyHigh: return helper("multiply_high")
    default: preconditionFailure("`\(op)` is not an operation on integers")
    }
  }

  /// Bytes: what C computes as int goes back into a byte.
  private func byte(_ op: ScalarOp, _ operands: [CExpression]) -> CExpression {
    func helper(_ name: String) -> CExpression { .call(helpers.use("\(name)_u8"), operands) }
    func low(_ expression: CExpression) -> CExpression {
      CExpression("(uint8_t)(\(expression.text))", .unary)
    }
    switch op {
    case .add: return low(.binary(operands[0], "+", operands[1], .additive))
    case .subtract: return low(.binary(operands[0], "-", operands[1], .additive))
    case .multiply: return low(.binary(operands[0], "*", operands[1], .multiplicative))
    case .divide: return helper("divide")
    case .remainder: return helper("remainder")
    case .negate: return low(CExpression("-\(operands[0].text(atLeast: .primary))"))
    case .abs: return same(operands[0])
    case .minimum: return helper("minimum")
    case .maximum: return helper("maximum")
    case .and: return low(.bitwise(operands[0], "&", operands[1]))
    case .or: return low(.bitwise(operands[0], "|", operands[1]))
    case .xor: return low(.bitwise(operands[0], "^", operands[1]))
    case .not: return low(.bitwise(operands[0], "^", CExpression("255")))
    case .shiftLeft: return helper("shift_left")
    case .shiftRight, .shiftRightLogical: return helper("shift_right")
    default: preconditionFailure("`\(op)` is not an operation on integers")
    }
  }

  /// Truth values: logic on 0 and 1, everything else on bytes of which the lowest bit counts.
  private func bool(_ op: ScalarOp, _ operands: [CExpression]) -> CExpression {
    switch op {
    case .and, .multiply, .minimum:
      return .bitwise(truthOrByte(operands[0]), "&", truthOrByte(operands[1]), .truth)
    case .or, .maximum: return .bitwise(truthOrByte(operands[0]), "|", truthOrByte(operands[1]), .truth)
    case .xor, .add, .subtract:
      return .bitwise(truthOrByte(operands[0]), "^", truthOrByte(operands[1]), .truth)
    case .not: return CExpression("!\(truthOrByte(operands[0]).text(atLeast: .unary))", .unary, .truth)
    case .negate, .abs: return same(operands[0])
    default: return .bitwise(byte(op, operands.map(\.asValue)), "&", CExpression("1"), .truth)
    }
  }

  /// The operand as it is, in other words: compilers warn of a variable assigned to itself.
  private func same(_ operand: CExpression) -> CExpression {
    operand.kind == .truth ? operand : .cast("uint8_t", operand.asValue)
  }

  private func truthOrByte(_ operand: CExpression) -> CExpression {
    operand.kind == .index ? operand.asValue : operand
  }

  private func cast(_ operand: CExpression, from source: DType, to dtype: DType) -> CExpression {
    if source.isNarrow || dtype.isNarrow { return narrow(operand, from: source, to: dtype) }
    if dtype == .bool {
      if source == .bool { return same(operand) }
      let zero = source.isFloat ? constant(0, source) : CExpression("0")
      return CExpression("\(operand.asValue.text(atLeast: .additive)) != \(zero.text)", .comparison, .truth)
    }
    if source.isFloat, dtype.isInteger {
      return .call(helpers.use("\(dtype.name)_from_\(source.name)"), [operand])
    }
    if source == .f64, dtype == .f32 {
      helpers.use("f32_from_f64")
      return .call("\(helpers.macroPrefix)F32_FROM_F64", [operand.asValue])
    }
    return .cast(dtype.cType, operand)
  }

  /// Casts from and to f16 and bf16, through a float or double that holds the number exactly.
  private func narrow(_ operand: CExpression, from source: DType, to dtype: DType) -> CExpression {
    let value = operand.asValue
    if source.isNarrow {
      if source == dtype { return .cast(dtype.cType, value) }
      if dtype == .bool {
        return CExpression("(\(value.text(atLeast: .additive)) & 0x7fff) != 0", .comparison, .truth)
      }
      let wide = CExpression.call(helpers.use("f32_from_\(source.name)"), [value])
      return dtype == .f32 ? wide : cast(wide, from: .f32, to: dtype)
    }
    switch source {
    case .f32, .f64: return .call(helpers.use("\(dtype.name)_from_\(source.name)"), [value])
    case .i64 where dtype == .bf16: return .call(helpers.use("bf16_from_i64"), [value])
    case .i32, .i64: return .call(helpers.use("\(dtype.name)_from_f64"), [.cast("double", value)])
    default: return .call(helpers.use("\(dtype.name)_from_f32"), [.cast("float", value)])
    }
  }

  private func bitcast(_ operand: CExpression, from source: DType, to dtype: DType) -> CExpression {
    let value = operand.asValue
    if source == dtype || (source.byteCount == 1 && dtype.byteCount == 1) { return same(operand) }
    if source.isFloat {
      return .cast(dtype.cType, .call(helpers.use("bits_\(source.name)"), [value]))
    }
    let unsigned = dtype == .f32 ? "uint32_t" : "uint64_t"
    return .call(helpers.use("from_bits_\(dtype.name)"), [.cast(unsigned, value)])
  }
}
