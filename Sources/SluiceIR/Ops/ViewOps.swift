/// Views: the same elements at other places, and the ops that put tensors side by side.
extension OpDefinition {
  static let reshape = OpDefinition(
    "reshape", "the same elements in row-major order under another shape", family: .view(.reshape),
    operands: [OperandSpec("x")], attributes: [AttributeSpec(.shape, .dims, "the new shape")],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let shape = tables.attributes.dims(inference.attributes, .shape) ?? []
      let x = inference.operands[0]
      try checkShape(tables, shape)
      let old = try Infer.fits(tables.elementCount(x))
      let new = try Infer.fits(tables.dims.product(shape))
      guard old == new else {
        throw InferenceError(
          "`reshape` of \(tables.text(x)), \(tables.text(old)) elements, to \(tables.text(shape)), "
            + "\(tables.text(new)) elements")
      }
      inference.results.append(tables.types.intern(tables.types.dtype(x), shape))
    }, rules: [.sameType, .reshapeReshape], gradient: .reshape,
    example: exampleText(
      "%x: f32[2,3]", "reshape %x {shape = [3,2]}", "f32[3,2]",
      run: "([[1, 2, 3], [4, 5, 6]]) == [[1, 2], [3, 4], [5, 6]]"))

  static let transpose = OpDefinition(
    "transpose", "axis i of the result is axis order[i] of x", family: .view(.transpose),
    operands: [OperandSpec("x")], attributes: [AttributeSpec(.order, .ints, "a permutation of the axes")],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let order = tables.attributes.ints(inference.attributes, .order) ?? []
      let x = inference.operands[0]
      let shape = tables.types.shape(x)
      guard order.sorted() == (0..<shape.count).map({ Int64($0) }) else {
        throw InferenceError(
          "`transpose`: order \(order) is no permutation of the \(shape.count) axes of \(tables.text(x))")
      }
      inference.results.append(tables.types.intern(tables.types.dtype(x), order.map { shape[Int($0)] }))
    }, rules: [.transposeIdentity, .transposeTranspose, .transposeOnes], gradient: .transpose,
    example: exampleText(
      "%x: f32[2,3]", "transpose %x {order = [1,0]}", "f32[3,2]",
      run: "([[1, 2, 3], [4, 5, 6]]) == [[1, 4], [2, 5], [3, 6]]"))

  static let broadcast = OpDefinition(
    "broadcast", "x repeated along new leading axes and along axes of dim 1", family: .view(.broadcast),
    operands: [OperandSpec("x")],
    attributes: [AttributeSpec(.shape, .dims, "the new shape; its last axes are those of x or replace a 1")],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let shape = tables.attributes.dims(inference.attributes, .shape) ?? []
      let x = inference.operands[0]
      try checkShape(tables, shape)
      let old = tables.types.shape(x)
      let one = tables.dims.integer(1)
      let fits =
        old.count <= shape.count && zip(old, shape.suffix(old.count)).allSatisfy { $0 == $1 || $0 == one }
      guard fits else {
        throw InferenceError(
          "`broadcast` of \(tables.text(x)) to \(tables.text(shape))",
          hint: "aligned at the last axis, dims must be equal or 1")
      }
      inference.results.append(tables.types.intern(tables.types.dtype(x), shape))
    }, rules: [.sameType, .broadcastBroadcast, .broadcastReshape, .broadcastOnes], gradient: .broadcast,
    example: exampleText(
      "%x: f32[2,1]", "broadcast %x {shape = [2,2,3]}", "f32[2,2,3]",
      run: "([[1], [2]]) == [[[1, 1, 1], [2, 2, 2]], [[1, 1, 1], [2, 2, 2]]]"))

  static let slice = OpDefinition(
    "slice", "elements start, start + stride, ... up to limit, which is not taken, along every axis",
    family: .view(.slice),
    operands: [OperandSpec("x")],
    attributes: [
      AttributeSpec(.start, .dims, "the first index, for every axis", signed: true),
      AttributeSpec(
        .limit, .dims, "the index that is not reached any more, for every axis; backwards from -1 on",
        signed: true),
      AttributeSpec(
        .strides, .ints, default: .string(.none), "the steps, backwards below 0; all 1 when left out"),
    ], infer: inferSlice, rules: [.sameType, .sliceSlice], gradient: .slice,
    example: exampleText(
      "%x: f32[2,4]", "slice %x {start = [0,1], limit = [2,4], strides = [1,2]}", "f32[2,2]",
      run: "([[1, 2, 3, 4], [5, 6, 7, 8]]) == [[2, 4], [6, 8]]"))

  static let reverse = OpDefinition(
    "reverse", "the elements in opposite order along the axes", family: .view(.reverse),
    operands: [OperandSpec("x")],
    attributes: [
      AttributeSpec(.axes, .ints, default: .string(.none), "the axes to reverse; all when left out")
    ],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      _ = try Infer.axes(tables, inference.attributes, rank: tables.types.rank(inference.operands[0]))
      inference.results.append(inference.operands[0])
    }, rules: [.reverseReverse], gradient: .reverse,
    example: exampleText(
      "%x: f32[2,3]", "reverse %x {axes = [1]}", "f32[2,3]",
      run: "([[1, 2, 3], [4, 5, 6]]) == [[3, 2, 1], [6, 5, 4]]"))

  static let concat = OpDefinition(
    "concat", "the operands one after the other along an axis", family: .view(.concat),
    operands: [OperandSpec("x", variadic: true)],
    attributes: [AttributeSpec(.axis, .int, default: .int(0), "the axis along which they are joined")],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let first = inference.operands[0]
      var shape = tables.types.shape(first)
      let axis = try Infer.axis(tables.attributes.int(inference.attributes, .axis) ?? 0, rank: shape.count)
      for other in inference.operands.dropFirst() {
        var joined = tables.types.shape(other)
        guard joined.count == shape.count, tables.types.dtype(other) == tables.types.dtype(first) else {
          throw Infer.mismatch(tables, first, other)
        }
        let length = joined[axis]
        joined[axis] = shape[axis]
        guard joined == shape else {
          throw InferenceError(
            "`concat` along axis \(axis): other dims differ, \(tables.text(first)) and \(tables.text(other))")
        }
        shape[axis] = try Infer.fits(tables.dims.add(shape[axis], length))
      }
      inference.results.append(tables.types.intern(tables.types.dtype(first), shape))
    }, rules: [.sameType], gradient: .concat,
    example: exampleText(
      "%x: f32[1,2], %y: f32[2,2]", "concat %x, %y", "f32[3,2]",
      run: "([[1, 2]], [[3, 4], [5, 6]]) == [[1, 2], [3, 4], [5, 6]]"))

  static let pad = OpDefinition(
    "pad", "x with copies of a value before and after, along every axis", family: .view(.pad),
    operands: [OperandSpec("x"), OperandSpec("value")],
    attributes: [
      AttributeSpec(.low, .dims, "how many before, for every axis"),
      AttributeSpec(.high, .dims, "how many after, for every axis"),
    ], infer: inferPad, rules: [.padPad], gradient: .pad,
    example: exampleText(
      "%x: f32[2], %v: f32[]", "pad %x, %v {low = [1], high = [2]}", "f32[5]",
      run: "([1, 2], 9) == [9, 1, 2, 9, 9]"))

  private static func checkShape(_ tables: Tables, _ shape: [DimID]) throws(InferenceError) {
    guard shape.count <= TypeTable.maximumRank else {
      throw InferenceError("\(shape.count) axes; there may be at most \(TypeTable.maximumRank)")
    }
    for dim in shape {
      if let value = tables.dims.value(dim), value < 0 {
        throw InferenceError("the dim \(value) is negative")
      }
    }
  }

  private static let inferSlice: InferenceRule = {
    (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
    let x = inference.operands[0]
    let shape = tables.types.shape(x)
    let start = tables.attributes.dims(inference.attributes, .start) ?? []
    let limit = tables.attributes.dims(inference.attributes, .limit) ?? []
    let strides = tables.attributes.ints(inference.attributes, .strides)
    guard start.count == shape.count, limit.count == shape.count, strides?.count ?? shape.count == shape.count
    else {
      throw InferenceError(
        "`slice` of \(tables.text(x)) needs \(shape.count) starts, limits and strides, "
          + "got \(start.count), \(limit.count) and \(strides?.count ?? shape.count)")
    }
    var result: [DimID] = []
    for axis in shape.indices {
      result.append(
        try sliceLength(&tables, x, axis, shape[axis], start[axis], limit[axis], strides?[axis] ?? 1))
    }
    inference.results.append(tables.types.intern(tables.types.dtype(x), result))
  }

  /// How many elements a slice takes from one axis; throws when it leaves the axis for some sizes.
  private static func sliceLength(
    _ tables: inout Tables, _ x: TypeID, _ axis: Int, _ dim: DimID, _ start: DimID, _ limit: DimID,
    _ stride: Int64
  ) throws(InferenceError) -> DimID {
    guard stride != 0, stride > -Int64.max else {
      throw InferenceError(
        "`slice`: stride \(stride) on axis \(axis) of \(tables.text(x))", hint: "it is not 0")
    }
    let (low, high) = stride > 0 ? (start, limit) : (limit, start)
    let length = try Infer.fits(tables.dims.subtract(high, low))
    let one = tables.dims.integer(1)
    // Backwards the limit may be -1 and the start is an element: both are one lower than forwards.
    let first = stride > 0 ? start : try Infer.fits(tables.dims.add(limit, one))
    let behind = stride > 0 ? limit : try Infer.fits(tables.dims.add(start, one))
    let rest = try Infer.fits(tables.dims.subtract(dim, behind))
    let parts = [
      (first, stride > 0 ? "starts before 0" : "ends before -1"), (length, "ends before it starts"),
      (rest, stride > 0 ? "ends behind the axis" : "starts behind the axis"),
    ]
    for (dim, what) in parts where !tables.dims.isNeverNegative(dim) {
      throw InferenceError(
        "`slice` [\(tables.text(start)), \(tables.text(limit))) on axis \(axis) of \(tables.text(x)) \(what)"
          + (tables.dims.value(dim) == nil ? " for some sizes" : ""))
    }
    let step = Swift.abs(stride)
    if step == 1 { return length }
    if let count = tables.dims.value(length) {
      return tables.dims.integer(count == 0 ? 0 : (count - 1) / step + 1)
    }
    guard let count = tables.dims.divide(length, exactlyBy: tables.dims.integer(step)) else {
      throw InferenceError(
        "`slice`: \(tables.text(length)) elements of axis \(axis) of \(tables.text(x)) in steps of \(step) need "
          + "a division by a symbol", hint: "make the length a multiple of the stride")
    }
    return count
  }

  private static let inferPad: InferenceRule = {
    (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
    let (x, value) = (inference.operands[0], inference.operands[1])
    guard tables.types.rank(value) == 0, tables.types.dtype(value) == tables.types.dtype(x) else {
      throw InferenceError(
        "`pad` of \(tables.text(x)) with \(tables.text(value))",
        hint: "the value is a scalar of the same dtype")
    }
    let shape = tables.types.shape(x)
    let low = tables.attributes.dims(inference.attributes, .low) ?? []
    let high = tables.attributes.dims(inference.attributes, .high) ?? []
    guard low.count == shape.count, high.count == shape.count else {
      throw InferenceError("`pad` of \(tables.text(x)) needs \(shape.count) numbers in `low` and in `high`")
    }
    var result: [DimID] = []
    for axis in shape.indices {
      guard tables.dims.isNeverNegative(low[axis]), tables.dims.isNeverNegative(high[axis]) else {
        throw InferenceError("`pad` by a negative number on axis \(axis)", hint: "use `slice` to take away")
      }
      let sum = try Infer.fits(tables.dims.add(shape[axis], low[axis]))
      result.append(try Infer.fits(tables.dims.add(sum, high[axis])))
    }
    inference.results.append(tables.types.intern(tables.types.dtype(x), result))
  }
}
