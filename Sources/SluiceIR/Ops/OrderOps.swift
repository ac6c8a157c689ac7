/// Elements in order: `argsort`, and its composites with `take_along_axis`.
extension OpDefinition {
  static let argsort = OpDefinition(
    "argsort", "the positions that put x in ascending order along an axis; stable, -0 before +0, NaN last",
    family: .order(.argsort), operands: [OperandSpec("x", .computable)],
    attributes: [
      AttributeSpec(.axis, .int, default: .int(-1), "the axis"),
      AttributeSpec(.descending, .bool, default: .bool(false), "largest first; still stable, NaN first"),
    ],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let x = inference.operands[0]
      _ = try Infer.axis(tables.attributes.int(inference.attributes, .axis) ?? -1, rank: tables.types.rank(x))
      inference.results.append(tables.types.with(.i32, shapeOf: x))
    },
    example: exampleText("%x: f32[5]", "argsort %x", "i32[5]", run: "([3, nan, 1, 3, -1]) == [4, 2, 0, 3, 1]")
  )

  private static let descending = AttributeSpec(
    .descending, .bool, default: .bool(false), "largest first; still stable, NaN first")

  /// The positions in order along the axis of a record, and the axis.
  private static func order(
    _ builder: inout ModuleBuilder, _ x: ValueID, axis: Int, descending: Bool
  ) -> ValueID {
    builder.make(
      .argsort, [x], [Attribute(.axis, .int(Int64(axis))), Attribute(.descending, .bool(descending))])
  }

  static let sort = OpDefinition(
    "sort", "x in ascending order along an axis; stable, -0 before +0, NaN last",
    family: .expand(
      Expansion { builder, x, attributes in
        let axis = builder.tables.axis(attributes, of: .sort, rank: builder.shape(x[0]).count)
        let descending = builder.tables.attributes.bool(attributes, .descending)
        let positions = order(&builder, x[0], axis: axis, descending: descending)
        return [builder.make(.takeAlongAxis, [x[0], positions], [Attribute(.axis, .int(Int64(axis)))])]
      }), operands: [OperandSpec("x", .computable)],
    attributes: [AttributeSpec(.axis, .int, default: .int(-1), "the axis"), descending],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let rank = tables.types.rank(inference.operands[0])
      _ = try Infer.axis(tables.attributes.int(inference.attributes, .axis) ?? -1, rank: rank)
      inference.results.append(inference.operands[0])
    },
    example: exampleText("%x: f32[5]", "sort %x", "f32[5]", run: "([3, nan, 1, 3, -1]) == [-1, 1, 3, 3, nan]")
  )

  static let topK = OpDefinition(
    "top_k", "the largest elements along an axis, in descending order, NaN first, and their positions as i32",
    family: .expand(
      Expansion { builder, x, attributes in
        let axis = builder.tables.axis(attributes, of: .topK, rank: builder.shape(x[0]).count)
        let count = builder.tables.attributes.dim(attributes, .count) ?? builder.dim(0)
        let positions = order(&builder, x[0], axis: axis, descending: true)
        let first = builder.slice(positions, axis: axis, builder.dim(0), count)
        return [builder.make(.takeAlongAxis, [x[0], first], [Attribute(.axis, .int(Int64(axis)))]), first]
      }), operands: [OperandSpec("x", .computable)],
    attributes: [
      AttributeSpec(.count, .dim, "how many; at most the dim"),
      AttributeSpec(.axis, .int, default: .int(-1), "the axis"),
    ],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let x = inference.operands[0]
      var shape = tables.types.shape(x)
      let axis = try Infer.axis(tables.attributes.int(inference.attributes, .axis) ?? -1, rank: shape.count)
      guard let count = tables.attributes.dim(inference.attributes, .count) else {
        throw InferenceError("`top_k` has no count")
      }
      let rest = try Infer.fits(tables.dims.subtract(shape[axis], count))
      guard tables.dims.isNeverNegative(count), tables.dims.isNeverNegative(rest) else {
        throw InferenceError(
          "`top_k` of \(tables.text(count)) of \(tables.text(shape[axis])) elements"
            + (tables.dims.value(rest) == nil ? " for some sizes" : ""))
      }
      shape[axis] = count
      inference.results.append(tables.types.intern(tables.types.dtype(x), shape))
      inference.results.append(tables.types.intern(.i32, shape))
    },
    example: """
      func @f(%x: f32[5]) -> f32[2], i32[2] {
        %values, %positions = top_k %x {count = 2} : f32[2], i32[2]
        return %values, %positions
      }
      // run: @f([3, 4, 1, 4, -1]) == [4, 4], [1, 3]

      """)
}
