/// Parts at computed places: taken out, and put into a copy.
extension OpDefinition {
  static let takeAlongAxis = OpDefinition(
    "take_along_axis",
    "along an axis the elements of x at the indices of their row; -1 is the last, out of range gives 0",
    family: .index(.takeAlongAxis), operands: [OperandSpec("x"), OperandSpec("indices", .indices)],
    attributes: [AttributeSpec(.axis, .int, default: .int(-1), "the axis of x that is indexed")],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let (x, indices) = (inference.operands[0], inference.operands[1])
      var shape = tables.types.shape(x)
      let other = tables.types.shape(indices)
      let axis = try Infer.axis(tables.attributes.int(inference.attributes, .axis) ?? -1, rank: shape.count)
      if axis < other.count { shape[axis] = other[axis] }
      guard shape == other else {
        throw InferenceError(
          "`take_along_axis`: indices \(tables.text(indices)) do not fit \(tables.text(x))",
          hint: "they have the dims of x but along axis \(axis)")
      }
      inference.results.append(tables.types.intern(tables.types.dtype(x), other))
    }, gradient: .takeAlongAxis,
    example: exampleText(
      "%x: f32[2,3], %i: i32[2,2]", "take_along_axis %x, %i", "f32[2,2]",
      run: "([[1, 2, 3], [4, 5, 6]], [[2, 0], [-1, 3]]) == [[3, 1], [6, 0]]"))

  static let dynamicSlice = OpDefinition(
    "dynamic_slice",
    "the part of x of given sizes from a start along every axis; the starts are clamped so that it is inside",
    family: .index(.dynamicSlice),
    operands: [OperandSpec("x"), OperandSpec("starts", .indices, variadic: true)],
    attributes: [AttributeSpec(.sizes, .dims, "the dims of the part; at most those of x")],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let x = inference.operands[0]
      let sizes = tables.attributes.dims(inference.attributes, .sizes) ?? []
      try checkPart(&tables, inference, "dynamic_slice", sizes, starts: 1)
      inference.results.append(tables.types.intern(tables.types.dtype(x), sizes))
    }, gradient: .dynamicSlice,
    example: exampleText(
      "%x: f32[2,4], %i: i32[], %j: i64[]", "dynamic_slice %x, %i, %j {sizes = [1,3]}", "f32[1,3]",
      run: "([[1, 2, 3, 4], [5, 6, 7, 8]], 0, 1) == [[2, 3, 4]]",
      "([[1, 2, 3, 4], [5, 6, 7, 8]], 9, -9) == [[5, 6, 7]]"))

  static let dynamicUpdateSlice = OpDefinition(
    "dynamic_update_slice",
    "x with the update put in from a start along every axis; the starts are clamped so that it is inside",
    family: .update(.dynamicUpdateSlice),
    operands: [OperandSpec("x"), OperandSpec("update"), OperandSpec("starts", .indices, variadic: true)],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let (x, update) = (inference.operands[0], inference.operands[1])
      guard tables.types.dtype(x) == tables.types.dtype(update) else {
        throw Infer.mismatch(tables, x, update)
      }
      try checkPart(&tables, inference, "dynamic_update_slice", tables.types.shape(update), starts: 2)
      inference.results.append(x)
    }, gradient: .dynamicUpdateSlice,
    example: exampleText(
      "%x: f32[2,3], %u: f32[1,2], %i: i32[], %j: i32[]", "dynamic_update_slice %x, %u, %i, %j", "f32[2,3]",
      run: "([[1, 2, 3], [4, 5, 6]], [[7, 8]], 1, 0) == [[1, 2, 3], [7, 8, 6]]",
      "([[1, 2, 3], [4, 5, 6]], [[7, 8]], -5, 5) == [[1, 7, 8], [4, 5, 6]]"))

  static let scatter = scatter(
    "scatter",
    "x with the updates at the indices along an axis; the last of equal indices wins, out of range is left out",
    .scatter, .any, gradient: .scatter,
    run: "([[1, 2], [3, 4], [5, 6]], [2, -1, 3], [[7, 8], [9, 10], [11, 12]])"
      + " == [[1, 2], [3, 4], [9, 10]]")

  static let scatterAdd = scatter(
    "scatter_add",
    "x plus the updates at the indices along an axis, one after the other; out of range is left out",
    .scatterAdd, .numbers, gradient: .scatterAdd,
    run: "([[1, 2], [3, 4], [5, 6]], [2, -1, 3], [[7, 8], [9, 10], [11, 12]])"
      + " == [[1, 2], [3, 4], [21, 24]]")

  private static func scatter(
    _ name: String, _ summary: String, _ kernel: UpdateKernel, _ dtypes: DTypeSet,
    gradient: GradientRule, run: String
  ) -> OpDefinition {
    OpDefinition(
      name, summary, family: .update(kernel),
      operands: [
        OperandSpec("x", dtypes), OperandSpec("indices", .indices), OperandSpec("updates", dtypes),
      ],
      attributes: [AttributeSpec(.axis, .int, default: .int(0), "the axis of x that is indexed")],
      infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
        let (x, indices, updates) = (inference.operands[0], inference.operands[1], inference.operands[2])
        guard tables.types.dtype(x) == tables.types.dtype(updates) else {
          throw Infer.mismatch(tables, x, updates)
        }
        var shape = tables.types.shape(x)
        let given = tables.attributes.int(inference.attributes, .axis) ?? 0
        let axis = try Infer.axis(given, rank: shape.count)
        shape.replaceSubrange(axis...axis, with: tables.types.shape(indices))
        guard shape == tables.types.shape(updates) else {
          throw InferenceError(
            "`\(name)`: updates \(tables.text(updates)) do not fit \(tables.text(x)) "
              + "at indices \(tables.text(indices))",
            .text("they have the dims of `gather %x, %indices`: \(tables.text(shape))"))
        }
        inference.results.append(x)
      }, gradient: gradient,
      example: exampleText(
        "%x: f32[3,2], %i: i32[3], %u: f32[3,2]", "\(name) %x, %i, %u", "f32[3,2]", run: run))
  }

  /// Throws unless a part of these dims fits in operand 0, and the operands from `starts` on are one an axis.
  private static func checkPart(
    _ tables: inout Tables, _ inference: Inference, _ name: String, _ sizes: [DimID], starts: Int
  ) throws(InferenceError) {
    let x = inference.operands[0]
    let shape = tables.types.shape(x)
    guard sizes.count == shape.count else {
      throw InferenceError(
        "`\(name)`: a part of \(tables.text(sizes)) in \(tables.text(x))", hint: "it has as many axes as x")
    }
    for axis in shape.indices {
      let rest = try Infer.fits(tables.dims.subtract(shape[axis], sizes[axis]))
      guard tables.dims.isNeverNegative(sizes[axis]), tables.dims.isNeverNegative(rest) else {
        throw InferenceError(
          "`\(name)`: \(tables.text(sizes[axis])) elements along axis \(axis) of \(tables.text(x))",
          hint: "a part is not larger than x for any sizes")
      }
    }
    let given = inference.operands.dropFirst(starts)
    guard given.count == shape.count else {
      throw InferenceError(
        "`\(name)` of \(tables.text(x)) takes \(shape.count) starts, got \(given.count)",
        hint: "one scalar an axis")
    }
    for type in given where tables.types.rank(type) != 0 {
      throw InferenceError("`\(name)`: a start is a scalar, got \(tables.text(type))")
    }
  }
}
