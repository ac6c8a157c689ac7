/// Sums, products and extremes of the elements up to every place along an axis.
extension OpDefinition {
  private static func cumulative(
    _ name: String, _ summary: String, _ op: ReduceOp, exclusive: String? = nil,
    gradient: GradientRule, example: String
  ) -> OpDefinition {
    var attributes = [
      AttributeSpec(.axis, .int, default: .int(-1), "the axis to go along"),
      AttributeSpec(.reverse, .bool, default: .bool(false), "from the last element to the first"),
    ]
    if let exclusive { attributes.append(AttributeSpec(.exclusive, .bool, default: .bool(false), exclusive)) }
    return OpDefinition(
      name, summary, family: .cumulative(op), operands: [OperandSpec("x", .numbers)], attributes: attributes,
      infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
        let x = inference.operands[0]
        let axis = tables.attributes.int(inference.attributes, .axis) ?? -1
        _ = try Infer.axis(axis, rank: tables.types.rank(x))
        inference.results.append(x)
      }, gradient: gradient, example: example)
  }

  static let cumsum = cumulative(
    "cumsum", "the sums of the elements up to each along an axis, added one after the other", .sum,
    exclusive: "leave the element itself out: begin with 0", gradient: .cumsum,
    example: exampleText(
      "%x: f32[2,3]", "cumsum %x {reverse = true}", "f32[2,3]",
      run: "([[1, 2, 3], [4, 5, nan]]) == [[6, 5, 3], [nan, nan, nan]]"))
  static let cumprod = cumulative(
    "cumprod", "the products of the elements up to each along an axis, multiplied one after the other",
    .product, exclusive: "leave the element itself out: begin with 1", gradient: .cumprod,
    example: exampleText(
      "%x: f32[2,3]", "cumprod %x {exclusive = true}", "f32[2,3]",
      run: "([[1, 2, 3], [4, 5, 6]]) == [[1, 1, 2], [1, 4, 20]]"))
  static let cummax = cumulative(
    "cummax", "the largest of the elements up to each along an axis; NaN wins", .maximum,
    gradient: .cumulativeExtremes,
    example: exampleText(
      "%x: f32[2,3]", "cummax %x", "f32[2,3]",
      run: "([[1, 3, 2], [4, nan, 6]]) == [[1, 3, 3], [4, nan, nan]]"))
  static let cummin = cumulative(
    "cummin", "the smallest of the elements up to each along an axis; NaN wins", .minimum,
    gradient: .cumulativeExtremes,
    example: exampleText(
      "%x: f32[2,3]", "cummin %x {axis = 0}", "f32[2,3]",
      run: "([[1, 3, nan], [4, 2, 6]]) == [[1, 3, nan], [1, 2, nan]]"))
}
