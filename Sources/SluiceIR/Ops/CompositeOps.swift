/// Composites: given by the primitives that compute them.
extension OpDefinition {
  static let mean = OpDefinition(
    "mean", "the sum along the axes divided by their number; NaN for none",
    family: .expand(
      Expansion { builder, x, attributes in
        let type = builder.type(x[0])
        let shape = builder.tables.types.shape(type)
        let axes = builder.tables.axes(attributes, rank: shape.count)
        let sum = builder.make(.sum, [x[0]], builder.tables.attributes.attributes(attributes))
        let count = builder.count(axes.map { shape[$0] }, builder.dtype(x[0]))
        return [builder.make(.divide, [sum, builder.broadcast(count, like: sum)])]
      }), operands: [OperandSpec("x", .floats)], attributes: OpDefinition.sum.attributes,
    infer: OpDefinition.sum.infer,
    example: exampleText(
      "%x: f32[2,2]", "mean %x {axes = [1]}", "f32[2]", run: "([[1, 2], [4, 8]]) == [1.5, 6]"))

  private static let softmaxAxis = AttributeSpec(.axis, .int, default: .int(-1), "the axis that sums to 1")

  private static let inferSoftmax: InferenceRule = {
    (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
    let rank = tables.types.rank(inference.operands[0])
    _ = try Infer.axis(tables.attributes.int(inference.attributes, .axis) ?? -1, rank: rank)
    inference.results.append(inference.operands[0])
  }

  /// `x - max(x)` along the axis, and the axis.
  private static func shifted(
    _ builder: inout ModuleBuilder, _ x: ValueID, _ attributes: AttributesID
  ) -> (shifted: ValueID, axis: Int64) {
    let axis = Int64(builder.tables.axis(attributes, of: .softmax, rank: builder.shape(x).count))
    let largest = builder.make(
      .max, [x], [Attribute(.axes, .ints([axis])), Attribute(.keepDims, .bool(true))])
    return (builder.make(.subtract, [x, builder.broadcast(largest, like: x)]), axis)
  }

  static let softmax = OpDefinition(
    "softmax", "exp(x - max x) / sum exp(x - max x) along an axis; NaN for a row of -inf",
    family: .expand(
      Expansion { builder, x, attributes in
        let (shifted, axis) = shifted(&builder, x[0], attributes)
        let powers = builder.make(.exp, [shifted])
        let sum = builder.make(
          .sum, [powers], [Attribute(.axes, .ints([axis])), Attribute(.keepDims, .bool(true))])
        return [builder.make(.divide, [powers, builder.broadcast(sum, like: x[0])])]
      }), operands: [OperandSpec("x", .floats)], attributes: [softmaxAxis], infer: inferSoftmax,
    example: exampleText("%x: f32[2]", "softmax %x", "f32[2]", run: "([5, 5]) == [0.5, 0.5]"))

  static let logSoftmax = OpDefinition(
    "log_softmax", "x - max x - log sum exp(x - max x) along an axis",
    family: .expand(
      Expansion { builder, x, attributes in
        let (shifted, axis) = shifted(&builder, x[0], attributes)
        let powers = builder.make(.exp, [shifted])
        let sum = builder.make(
          .sum, [powers], [Attribute(.axes, .ints([axis])), Attribute(.keepDims, .bool(true))])
        return [builder.make(.subtract, [shifted, builder.broadcast(builder.make(.log, [sum]), like: x[0])])]
      }), operands: [OperandSpec("x", .floats)], attributes: [softmaxAxis], infer: inferSoftmax,
    example: exampleText("%x: f32[1]", "log_softmax %x", "f32[1]", run: "([5]) == [0]"))

  static let eye = OpDefinition(
    "eye", "1 where row and column are equal, else 0",
    family: .expand(
      Expansion { builder, _, attributes in
        let shape = builder.tables.attributes.dims(attributes, .shape) ?? []
        let dtype = builder.tables.attributes.dtype(attributes, .dtype) ?? .f32
        let rows = builder.make(.iota, [], [Attribute(.shape, .dims(shape)), Attribute(.axis, .int(0))])
        let columns = builder.make(.iota, [], [Attribute(.shape, .dims(shape)), Attribute(.axis, .int(1))])
        let same = builder.make(.equal, [rows, columns])
        return [builder.make(.cast, [same], [Attribute(.dtype, .dtype(dtype))])]
      }), operands: [],
    attributes: [
      AttributeSpec(.shape, .dims, "rows and columns"),
      AttributeSpec(.dtype, .dtype, default: .dtype(.f32), "the dtype"),
    ],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let shape = try generatedShape(tables, inference)
      guard shape.count == 2 else { throw InferenceError("`eye` has 2 axes, got \(tables.text(shape))") }
      let dtype = tables.attributes.dtype(inference.attributes, .dtype) ?? .f32
      inference.results.append(tables.types.intern(dtype, shape))
    },
    example: "func @f() -> f32[2,3] {\n  %r = eye {shape = [2,3]} : f32[2,3]\n  return %r\n}\n"
      + "// run: @f() == [[1, 0, 0], [0, 1, 0]]\n")
}
