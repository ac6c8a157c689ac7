/// What the rows of several families share: inference over equal shapes, axes, examples.
enum Infer {
  /// The result has the type of the first operand; all operands have that type.
  static let sameAsFirst: InferenceRule = {
    (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
    try requireEqual(tables, inference)
    inference.results.append(inference.operands[0])
  }

  /// A bool of the operands' shape; all operands have the same type.
  static let boolOfFirst: InferenceRule = {
    (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
    try requireEqual(tables, inference)
    inference.results.append(tables.types.with(.bool, shapeOf: inference.operands[0]))
  }

  /// Throws unless operands `first...` all have the type of operand `first`.
  static func requireEqual(_ tables: Tables, _ inference: Inference, from first: Int = 0)
    throws(InferenceError)
  {
    let type = inference.operands[first]
    for other in inference.operands.dropFirst(first + 1) where other != type {
      throw mismatch(tables, type, other)
    }
  }

  static func mismatch(_ tables: Tables, _ a: TypeID, _ b: TypeID) -> InferenceError {
    if tables.types.dtype(a) != tables.types.dtype(b) {
      return InferenceError(
        "operands have different dtypes: \(tables.text(a)) and \(tables.text(b))",
        .convert("one of them", to: tables.types.dtype(a)))
    }
    return InferenceError(
      "operands have different shapes: \(tables.text(a)) and \(tables.text(b))",
      .repeat)
  }

  /// An axis counted from the front, for one that may be negative; throws when it is out of range.
  static func axis(_ axis: Int64, rank: Int) throws(InferenceError) -> Int {
    guard axis >= -Int64(rank), axis < Int64(rank) else {
      throw InferenceError(
        "axis \(axis) is out of range for rank \(rank)",
        hint: rank == 0 ? "a scalar has no axes" : "axes are -\(rank) ... \(rank - 1)")
    }
    return Int(axis < 0 ? axis + Int64(rank) : axis)
  }

  /// The axes of a record, sorted; all axes when it has none; throws when one is out of range or given twice.
  static func axes(_ tables: Tables, _ attributes: AttributesID, rank: Int) throws(InferenceError) -> [Int] {
    guard let given = tables.attributes.ints(attributes, .axes) else { return Array(0..<rank) }
    var axes: [Int] = []
    for value in given {
      let axis = try axis(value, rank: rank)
      guard !axes.contains(axis) else { throw InferenceError("axis \(value) is given twice") }
      axes.append(axis)
    }
    return axes.sorted()
  }

  /// A dim that came out of checked arithmetic, or the error that it does not fit.
  static func fits(_ dim: DimID?) throws(InferenceError) -> DimID {
    guard let dim else { throw InferenceError("a dim of the result does not fit 64 bits") }
    return dim
  }
}

extension Tables {
  /// The axes of a record that inference has accepted, sorted; all axes when it has none.
  package func axes(_ attributes: AttributesID, rank: Int) -> [Int] {
    guard let given = self.attributes.ints(attributes, .axes) else { return Array(0..<rank) }
    return given.map { Int($0 < 0 ? $0 + Int64(rank) : $0) }.sorted()
  }

  /// The axis of a record of `op` that inference has accepted, or the op's default.
  package func axis(_ attributes: AttributesID, of op: Op, rank: Int) -> Int {
    var axis = self.attributes.int(attributes, .axis)
    if axis == nil, case .int(let value)? = op.definition.attribute(.axis)?.defaultValue { axis = value }
    let given = axis ?? -1
    return Int(given < 0 ? given + Int64(rank) : given)
  }
}

/// Text of an example: a function of one node.
func exampleText(_ inputs: String, _ node: String, _ type: String, run: String...) -> String {
  "func @f(\(inputs)) -> \(type) {\n  %r = \(node) : \(type)\n  return %r\n}\n"
    + run.map { "// run: @f\($0)\n" }.joined()
}
