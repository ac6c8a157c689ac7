/// Decompositions of small dense matrices, and systems that are triangular already.
extension OpDefinition {
  static let triangularSolve = OpDefinition(
    "triangular_solve",
    "the y with a y = b for a triangular a, by substitution; the other triangle of a is not read",
    family: .linalg(.triangularSolve), operands: [OperandSpec("a", .floats), OperandSpec("b", .floats)],
    attributes: [
      AttributeSpec(.lower, .bool, default: .bool(false), "read the lower triangle, not the upper one"),
      AttributeSpec(.transpose, .bool, default: .bool(false), "solve with the transpose of that triangle"),
      AttributeSpec(
        .unitDiagonal, .bool, default: .bool(false), "take the diagonal as ones, whatever it holds"),
    ],
    infer: inferSolve("triangular_solve"), gradient: .triangularSolve,
    example: exampleText(
      "%a: f32[2,2], %b: f32[2,1]", "triangular_solve %a, %b {lower = true}", "f32[2,1]",
      run: "([[2, 9], [1, 4]], [[2], [9]]) == [[1], [2]]"))

  static let qr = OpDefinition(
    "qr",
    "x = q r with orthonormal columns in q and an upper triangular r, reduced, by Householder reflections",
    family: .linalg(.qr), operands: [OperandSpec("x", .floats)],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let x = inference.operands[0]
      let shape = tables.types.shape(x)
      guard shape.count >= 2 else {
        throw InferenceError("`qr` needs matrices, got \(tables.text(x))")
      }
      guard let least = tables.shorter(shape) else {
        throw InferenceError(
          "`qr` of \(tables.text(x)): which of the last two dims is smaller differs between sizes")
      }
      let dtype = tables.types.dtype(x)
      let batch = Array(shape.dropLast(2))
      inference.results.append(tables.types.intern(dtype, batch + [shape[shape.count - 2], least]))
      inference.results.append(tables.types.intern(dtype, batch + [least, shape[shape.count - 1]]))
    }, gradient: .qr,
    example: """
      func @f(%x: f32[2,2]) -> f32[2,2], f32[2,2] {
        %q, %r = qr %x : f32[2,2], f32[2,2]
        return %q, %r
      }
      // run: @f([[0, 2], [4, 3]]) == [[0, -1], [-1, 0]], [[-4, -3], [0, -2]]

      """)

  static let eigh = OpDefinition(
    "eigh",
    "the eigenvalues of a symmetric x, ascending, and its eigenvectors in columns; reads the lower triangle",
    family: .linalg(.eigh), operands: [OperandSpec("x", .floats)],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let x = inference.operands[0]
      let shape = try square(tables, x, "eigh")
      inference.results.append(tables.types.intern(tables.types.dtype(x), Array(shape.dropLast())))
      inference.results.append(x)
    }, gradient: .eigh,
    example: """
      func @f(%x: f32[2,2]) -> f32[2], f32[2,2] {
        %w, %v = eigh %x : f32[2], f32[2,2]
        return %w, %v
      }
      // run: @f([[3, 9], [0, 1]]) == [1, 3], [[0, 1], [1, 0]]

      """)
}

extension Tables {
  /// The smaller one of the last two dims, where it is the same one for all sizes.
  package mutating func shorter(_ shape: [DimID]) -> DimID? {
    let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1])
    if let rest = dims.subtract(rows, columns), dims.isNeverNegative(rest) { return columns }
    if let rest = dims.subtract(columns, rows), dims.isNeverNegative(rest) { return rows }
    return nil
  }
}
