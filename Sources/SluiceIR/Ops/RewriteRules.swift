/// The local simplifications. Each is exact: it changes no bit of any result, NaN payloads apart.
extension RewriteRule {
  /// The scalar constant behind a value: a constant, or a broadcast of one.
  static func constant(_ builder: borrowing ModuleBuilder, _ value: ValueID) -> UInt64? {
    var value = value
    if builder.op(value) == .broadcast { value = builder.operands(of: value)[0] }
    guard builder.op(value) == .constant, builder.shape(value).isEmpty,
      let id = builder.tables.attributes.constant(builder.attributes(of: value), .value)
    else { return nil }
    return builder.tables.constants.bits(id, 0, size: builder.dtype(value).byteCount)
  }

  private static func isConstant(
    _ builder: borrowing ModuleBuilder, _ value: ValueID, float: Double, integer: Double
  ) -> Bool {
    let dtype = builder.dtype(value)
    return constant(builder, value) == ScalarConstant.bits(dtype.isFloat ? float : integer, dtype)
  }

  static let addZero = RewriteRule("add-zero", "x + -0.0 = x, for integers x + 0 = x") { builder, _, x, _ in
    if isConstant(builder, x[1], float: -0.0, integer: 0) { return x[0] }
    if isConstant(builder, x[0], float: -0.0, integer: 0) { return x[1] }
    return nil
  }

  static let subtractZero = RewriteRule("subtract-zero", "x - 0 = x") { builder, _, x, _ in
    isConstant(builder, x[1], float: 0, integer: 0) ? x[0] : nil
  }

  static let multiplyOne = RewriteRule("multiply-one", "x * 1 = x") { builder, _, x, _ in
    if isConstant(builder, x[1], float: 1, integer: 1) { return x[0] }
    if isConstant(builder, x[0], float: 1, integer: 1) { return x[1] }
    return nil
  }

  static let divideOne = RewriteRule("divide-one", "x / 1 = x") { builder, _, x, _ in
    isConstant(builder, x[1], float: 1, integer: 1) ? x[0] : nil
  }

  static let negateNegate = RewriteRule("negate-negate", "-(-x) = x") { builder, _, x, _ in
    builder.op(x[0]) == .negate ? builder.operands(of: x[0])[0] : nil
  }

  static let selectSame = RewriteRule("select-same", "select(c, x, x) = x") { _, _, x, _ in
    x[1] == x[2] ? x[1] : nil
  }

  static let castSame = RewriteRule("cast-same", "cast(x, dtype of x) = x") { builder, _, x, attributes in
    builder.tables.attributes.dtype(attributes, .dtype) == builder.dtype(x[0]) ? x[0] : nil
  }

  static let bitcastSame = RewriteRule(
    "bitcast-same", "bitcast(x, dtype of x) = x"
  ) { builder, _, x, attributes in
    builder.tables.attributes.dtype(attributes, .dtype) == builder.dtype(x[0]) ? x[0] : nil
  }

  static let sameType = RewriteRule(
    "view-same", "a reshape, broadcast, slice or concat of one that keeps the shape = x"
  ) { builder, op, x, attributes in
    guard x.count == 1 else { return nil }
    let shape = builder.shape(x[0])
    let tables = builder.tables.attributes
    switch op {
    case .reshape, .broadcast: return tables.dims(attributes, .shape) == shape ? x[0] : nil
    case .slice:
      let starts = tables.dims(attributes, .start) ?? []
      let keeps = starts.allSatisfy { builder.tables.dims.value($0) == 0 }
      return keeps && tables.dims(attributes, .limit) == shape && tables.ints(attributes, .strides) == nil
        ? x[0] : nil
    case .concat: return x[0]
    default: return nil
    }
  }

  static let foldConstants = RewriteRule(
    "fold-constants", "f(constant, ...) = constant, also through broadcasts"
  ) { builder, op, x, attributes in
    guard case .map(let kernel) = op.definition.family else { return nil }
    var bits: [UInt64] = []
    var dtypes: [DType] = []
    for i in x.indices {
      guard let value = constant(builder, x[i]) else { return nil }
      bits.append(value)
      dtypes.append(builder.dtype(x[i]))
    }
    let result = resultDType(op, dtypes, builder.tables.attributes.dtype(attributes, .dtype))
    var (scalars, parameters) = ScalarBuilder.make(dtypes)
    let root = kernel.program(&scalars, parameters, result)
    let folded = builder.scalar(bits: scalars.finish(root).evaluate(bits), root.dtype)
    return builder.broadcast(folded, like: x[0])
  }

  private static func resultDType(_ op: Op, _ operands: [DType], _ attribute: DType?) -> DType {
    attribute ?? operands[op.definition.traits.contains(.conditional) ? 1 : 0]
  }
}
