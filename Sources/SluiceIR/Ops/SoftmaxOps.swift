/// `softmax` and its logarithm.
extension OpDefinition {
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
    gradient: .softmax,
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
    gradient: .logSoftmax,
    example: exampleText("%x: f32[1]", "log_softmax %x", "f32[1]", run: "([5]) == [0]"))
}
