/// Products of matrices in which a mask leaves pairs out: what attention with a mask is made of.
///
/// A pair that is left out takes no part, whatever stands there: 0 times NaN would be NaN. Each op's derivative is made
/// of the two ops again, so that this holds for derivatives of any order.
extension OpDefinition {
  private static func masked(
    _ name: String, _ summary: String, masksResult: Bool, family: Family, gradient: GradientRule,
    example: String
  ) -> OpDefinition {
    OpDefinition(
      name, summary, family: family,
      operands: [OperandSpec("x", .floats), OperandSpec("y", .floats), OperandSpec("mask", .bool)],
      infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
        let operands = inference.operands
        let (x, y) = (tables.types.shape(operands[0]), tables.types.shape(operands[1]))
        let rank = x.count
        guard rank >= 2, y.count == rank, tables.types.dtype(operands[0]) == tables.types.dtype(operands[1]),
          x.dropLast(2) == y.dropLast(2), x[rank - 1] == y[rank - 2]
        else {
          throw InferenceError(
            "`\(name)` of \(tables.text(operands[0])) and \(tables.text(operands[1]))",
            hint: "x is [..., m, k] and y is [..., k, n], with the same axes in front and one dtype")
        }
        let result = Array(x.dropLast() + [y[rank - 1]])
        let wanted = masksResult ? result : x
        guard tables.types.shape(operands[2]) == wanted else {
          let type = tables.types.intern(.bool, wanted)
          throw InferenceError(
            "`\(name)` with the mask \(tables.text(operands[2]))", hint: "it is \(tables.text(type))")
        }
        inference.results.append(tables.types.intern(tables.types.dtype(operands[0]), result))
      }, gradient: gradient, example: example)
  }

  static let maskedMatmul = masked(
    "masked_matmul",
    "the sum over k of x[i,k] y[k,j] without the terms where mask[i,k] is false, whatever x and y are there",
    masksResult: false,
    family: .contract(
      ContractKernel { lhsRank, rhsRank, tables, attributes in
        matmulLabels(lhsRank, rhsRank, tables, attributes)
      }),
    gradient: .maskedMatmul,
    example: exampleText(
      "%x: f32[1,2], %y: f32[2,1], %mask: bool[1,2]", "masked_matmul %x, %y, %mask", "f32[1,1]",
      run: "([[2, 1]], [[3], [nan]], [[true, false]]) == [[6]]"))

  static let sampledMatmul = masked(
    "sampled_matmul",
    "the sum over k of x[i,k] y[k,j] where mask[i,j] is true, else 0, whatever x and y are there",
    masksResult: true,
    family: .expand(
      Expansion { builder, x, _ in
        let product = builder.make(.matmul, [x[0], x[1]])
        return [builder.select(x[2], product, builder.splat(0, like: product))]
      }),
    gradient: .sampledMatmul,
    example: exampleText(
      "%x: f32[1,2], %y: f32[2,2], %mask: bool[1,2]", "sampled_matmul %x, %y, %mask", "f32[1,2]",
      run: "([[2, 1]], [[3, 1], [1, nan]], [[true, false]]) == [[7, 0]]"))
}

extension GradientRule {
  // dx = dz y^T and dy = x^T dz, of the pairs that are there
  static let maskedMatmul = cotangents {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let (mask, dz) = (node.operands[2], node.cotangent)
    var result: [ValueID?] = [nil, nil, nil]
    if node.wanted[0] {
      result[0] = builder.make(.sampledMatmul, [dz, builder.transposed(node.y), mask])
    }
    if node.wanted[1] {
      result[1] = builder.make(
        .maskedMatmul, [builder.transposed(node.x), dz, builder.transposed(mask)])
    }
    return result
  }

  // dx = dz y^T and dy^T = dz^T x, of the pairs that are there
  static let sampledMatmul = cotangents {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let (mask, dz) = (node.operands[2], node.cotangent)
    var result: [ValueID?] = [nil, nil, nil]
    if node.wanted[0] {
      result[0] = builder.make(.maskedMatmul, [dz, builder.transposed(node.y), mask])
    }
    if node.wanted[1] {
      let turned = builder.make(
        .maskedMatmul, [builder.transposed(dz), node.x, builder.transposed(mask)])
      result[1] = builder.transposed(turned)
    }
    return result
  }
}
