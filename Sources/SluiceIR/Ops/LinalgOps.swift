/// Algorithms on small dense matrices: the last two axes are the matrix, axes before them are a batch.
extension OpDefinition {
  static func square(_ tables: Tables, _ type: TypeID, _ name: String) throws(InferenceError)
    -> [DimID]
  {
    let shape = tables.types.shape(type)
    guard shape.count >= 2, shape[shape.count - 1] == shape[shape.count - 2] else {
      throw InferenceError("`\(name)` needs square matrices, got \(tables.text(type))")
    }
    return shape
  }

  static let inverse = OpDefinition(
    "inverse",
    "the inverse of the matrix x, by Gauss-Jordan elimination with row pivots; inf or NaN where x is singular",
    family: .linalg(.inverse), operands: [OperandSpec("x", .floats)],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      _ = try square(tables, inference.operands[0], "inverse")
      inference.results.append(inference.operands[0])
    }, gradient: .inverse,
    example: exampleText(
      "%x: f32[2,2]", "inverse %x", "f32[2,2]", run: "([[2, 0], [0, 4]]) == [[0.5, 0], [0, 0.25]]"))

  static let logAbsDet = OpDefinition(
    "log_abs_det", "log |det x|, by LU decomposition with row pivots; -inf where x is singular",
    family: .linalg(.logAbsDet), operands: [OperandSpec("x", .floats)],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let shape = try square(tables, inference.operands[0], "log_abs_det")
      inference.results.append(
        tables.types.intern(tables.types.dtype(inference.operands[0]), shape.dropLast(2)))
    }, gradient: .logAbsDet,
    example: exampleText("%x: f32[2,2]", "log_abs_det %x", "f32[]", run: "([[0, 1], [-1, 0]]) == 0"))

  static let cholesky = OpDefinition(
    "cholesky",
    "the lower triangular L with L L^T = x for a symmetric positive definite x; NaN where it is not",
    family: .linalg(.cholesky), operands: [OperandSpec("x", .floats)],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      _ = try square(tables, inference.operands[0], "cholesky")
      inference.results.append(inference.operands[0])
    }, gradient: .cholesky,
    example: exampleText(
      "%x: f32[2,2]", "cholesky %x", "f32[2,2]", run: "([[4, 2], [2, 10]]) == [[2, 0], [1, 3]]"))

  /// The y of a y = b has the type of b, where a is square and b has as many rows.
  static func inferSolve(_ name: String) -> InferenceRule {
    { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let (a, b) = (inference.operands[0], inference.operands[1])
      let shape = try square(tables, a, name)
      let right = tables.types.shape(b)
      guard tables.types.dtype(a) == tables.types.dtype(b) else { throw Infer.mismatch(tables, a, b) }
      guard right.count == shape.count, right.dropLast() == shape.dropLast() else {
        throw InferenceError(
          "`\(name)`: \(tables.text(a)) does not fit \(tables.text(b))",
          hint: "b is [..., n, m] for a of [..., n, n]")
      }
      inference.results.append(b)
    }
  }

  static let solve = OpDefinition(
    "solve", "the y with a y = b, by Gauss-Jordan elimination with row pivots", family: .linalg(.solve),
    operands: [OperandSpec("a", .floats), OperandSpec("b", .floats)],
    infer: inferSolve("solve"), gradient: .solve,
    example: exampleText(
      "%a: f32[2,2], %b: f32[2,1]", "solve %a, %b", "f32[2,1]",
      run: "([[2, 0], [0, 4]], [[2], [2]]) == [[1], [0.5]]"))
}
