/// Reductions: one element from all along some axes.
extension OpDefinition {
  private static func inferReduction(
    _ tables: inout Tables, _ inference: inout Inference, _ axes: [Int], _ dtype: DType
  ) {
    let keep = tables.attributes.bool(inference.attributes, .keepDims)
    let one = tables.dims.integer(1)
    var shape: [DimID] = []
    for (axis, dim) in tables.types.shape(inference.operands[0]).enumerated() {
      if !axes.contains(axis) { shape.append(dim) } else if keep { shape.append(one) }
    }
    inference.results.append(tables.types.intern(dtype, shape))
  }

  private static let keepDims = AttributeSpec(
    .keepDims, .bool, default: .bool(false), "keep the reduced axes with dim 1")

  private static func fold(
    _ name: String, _ summary: String, _ op: ReduceOp, _ dtypes: DTypeSet = .numbers,
    rules: [RewriteRule] = [], gradient: GradientRule, example: String
  ) -> OpDefinition {
    OpDefinition(
      name, summary, family: .reduce(.fold(op)), operands: [OperandSpec("x", dtypes)],
      attributes: [
        AttributeSpec(.axes, .ints, default: .string(.none), "the axes to reduce; all when left out"),
        keepDims,
      ],
      infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
        let type = inference.operands[0]
        let axes = try Infer.axes(tables, inference.attributes, rank: tables.types.rank(type))
        inferReduction(&tables, &inference, axes, tables.types.dtype(type))
      }, rules: [.keepDims, .sortAxes] + rules, gradient: gradient, example: example)
  }

  private static func arg(_ name: String, _ summary: String, largest: Bool, example: String) -> OpDefinition {
    OpDefinition(
      name, summary, family: .reduce(.arg(largest: largest)), operands: [OperandSpec("x", .numbers)],
      attributes: [AttributeSpec(.axis, .int, default: .int(-1), "the axis to search"), keepDims],
      infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
        let rank = tables.types.rank(inference.operands[0])
        let axis = try Infer.axis(tables.attributes.int(inference.attributes, .axis) ?? -1, rank: rank)
        inferReduction(&tables, &inference, [axis], .i32)
      }, rules: [.keepDims], gradient: .zero, example: example)
  }

  static let sum = fold(
    "sum", "the sum along the axes; 0 for none", .sum, gradient: .sum,
    example: exampleText(
      "%x: f32[2,3]", "sum %x {axes = [1]}", "f32[2]", run: "([[1, 2, 3], [4, 5, 6]]) == [6, 15]"))
  static let prod = fold(
    "prod", "the product along the axes; 1 for none", .product, gradient: .prod,
    example: exampleText(
      "%x: f32[2,3]", "prod %x {axes = [0]}", "f32[3]", run: "([[1, 2, 3], [4, 5, 6]]) == [4, 10, 18]"))
  static let max = fold(
    "max", "the largest along the axes; NaN wins; the least value of the type (-inf) for none", .maximum,
    rules: [.extremeScale], gradient: .extremes,
    example: exampleText(
      "%x: f32[2,3]", "max %x {axes = [1]}", "f32[2]", run: "([[1, 2, 3], [4, nan, 6]]) == [3, nan]"))
  static let min = fold(
    "min", "the smallest along the axes; NaN wins; the largest value of the type (inf) for none", .minimum,
    rules: [.extremeScale], gradient: .extremes,
    example: exampleText(
      "%x: f32[2,3]", "min %x {axes = [1]}", "f32[2]", run: "([[1, 2, 3], [4, nan, 6]]) == [1, nan]"))
  static let any = fold(
    "any", "whether one along the axes is true; false for none", .or, .bool, gradient: .zero,
    example: exampleText(
      "%x: bool[2,2]", "any %x {axes = [1]}", "bool[2]",
      run: "([[true, false], [false, false]]) == [true, false]"))
  static let all = fold(
    "all", "whether all along the axes are true; true for none", .and, .bool, gradient: .zero,
    example: exampleText(
      "%x: bool[2,2]", "all %x {axes = [1]}", "bool[2]",
      run: "([[true, false], [true, true]]) == [false, true]"))

  static let argmax = arg(
    "argmax", "the first position of the largest; the first NaN wins; 0 for none", largest: true,
    example: exampleText(
      "%x: f32[2,3]", "argmax %x", "i32[2]", run: "([[1, 3, 3], [nan, 5, nan]]) == [1, 0]"))
  static let argmin = arg(
    "argmin", "the first position of the smallest; the first NaN wins; 0 for none", largest: false,
    example: exampleText(
      "%x: f32[2,3]", "argmin %x", "i32[2]", run: "([[1, 1, 3], [4, 5, nan]]) == [0, 2]"))
}
