/// Elements at computed places.
extension OpDefinition {
  static let gather = OpDefinition(
    "gather", "the parts of x at the indices along an axis; -1 is the last, and what is out of range gives 0",
    family: .index(.gather), operands: [OperandSpec("x"), OperandSpec("indices", .indices)],
    attributes: [AttributeSpec(.axis, .int, default: .int(0), "the axis of x that is indexed")],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let x = inference.operands[0]
      var shape = tables.types.shape(x)
      let axis = try Infer.axis(tables.attributes.int(inference.attributes, .axis) ?? 0, rank: shape.count)
      shape.replaceSubrange(axis...axis, with: tables.types.shape(inference.operands[1]))
      guard shape.count <= TypeTable.maximumRank else {
        throw InferenceError(
          "`gather` gives \(shape.count) axes; there may be at most \(TypeTable.maximumRank)")
      }
      inference.results.append(tables.types.intern(tables.types.dtype(x), shape))
    }, gradient: .gather,
    example: exampleText(
      "%x: f32[3,2], %i: i32[4]", "gather %x, %i", "f32[4,2]",
      run: "([[1, 2], [3, 4], [5, 6]], [2, 0, -1, 7]) == [[5, 6], [1, 2], [5, 6], [0, 0]]"))
}
