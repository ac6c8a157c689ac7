/// Elements at computed places, elements from their place alone, elements in order.
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
    },
    example: exampleText(
      "%x: f32[3,2], %i: i32[4]", "gather %x, %i", "f32[4,2]",
      run: "([[1, 2], [3, 4], [5, 6]], [2, 0, -1, 7]) == [[5, 6], [1, 2], [5, 6], [0, 0]]"))

  static let iota = OpDefinition(
    "iota", "the position along an axis", family: .generate(.iota), operands: [],
    attributes: [
      AttributeSpec(.shape, .dims, "the shape"), AttributeSpec(.axis, .int, default: .int(-1), "the axis"),
      AttributeSpec(
        .dtype, .dtype, default: .dtype(.i32), "the dtype; positions that do not fit wrap or round"),
    ],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let shape = try generatedShape(tables, inference)
      _ = try Infer.axis(tables.attributes.int(inference.attributes, .axis) ?? -1, rank: shape.count)
      let dtype = tables.attributes.dtype(inference.attributes, .dtype) ?? .i32
      guard dtype != .bool else { throw InferenceError("`iota` of bool", hint: "compare an iota of i32") }
      guard !dtype.isNarrow else {
        throw InferenceError("`iota` of \(dtype.name), which only stores", hint: "cast an iota of i32")
      }
      inference.results.append(tables.types.intern(dtype, shape))
    },
    example: "func @f() -> i32[2,3] {\n  %r = iota {shape = [2,3]} : i32[2,3]\n  return %r\n}\n"
      + "// run: @f() == [[0, 1, 2], [0, 1, 2]]\n")

  static let randomBits = OpDefinition(
    "random_bits",
    "words of Philox4x32-10 (Salmon et al. 2011): element i is word i mod 4 of block i div 4 of a seed and stream",
    family: .generate(.randomBits),
    operands: [OperandSpec("seed", DTypeSet(.i64)), OperandSpec("stream", DTypeSet(.i64))],
    attributes: [AttributeSpec(.shape, .dims, "the shape")],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let shape = try generatedShape(tables, inference)
      try scalars(tables, inference, "random_bits")
      inference.results.append(tables.types.intern(.i32, shape))
    },
    example: "func @f(%seed: i64[], %stream: i64[]) -> i32[4] {\n"
      + "  %r = random_bits %seed, %stream {shape = [4]} : i32[4]\n  return %r\n}\n"
      + "// run: @f(0, 0) == [1713891541, -513161843, -1135104948, -1694442536]\n")

  static let size = OpDefinition(
    "size", "the actual value of a dim", family: .generate(.size), operands: [],
    attributes: [
      AttributeSpec(.length, .dim, "the dim", signed: true),
      AttributeSpec(.dtype, .dtype, default: .dtype(.i64), "the dtype"),
    ],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let dtype = tables.attributes.dtype(inference.attributes, .dtype) ?? .i64
      guard dtype != .bool else { throw InferenceError("`size` of bool", hint: "compare a size of i64") }
      guard !dtype.isNarrow else {
        throw InferenceError("`size` of \(dtype.name), which only stores", hint: "cast a size of i64")
      }
      inference.results.append(tables.types.intern(dtype, []))
    },
    example:
      "func @f(%x: f32[N]) -> i64[] where N <= 8 {\n  %r = size {length = N*N} : i64[]\n  return %r\n}\n"
      + "// run: @f([5, 6, 7]) == 9\n")

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

  static func generatedShape(_ tables: Tables, _ inference: Inference) throws(InferenceError) -> [DimID] {
    let shape = tables.attributes.dims(inference.attributes, .shape) ?? []
    guard shape.count <= TypeTable.maximumRank else {
      throw InferenceError("\(shape.count) axes; there may be at most \(TypeTable.maximumRank)")
    }
    for dim in shape {
      if let value = tables.dims.value(dim), value < 0 {
        throw InferenceError("the dim \(value) is negative")
      }
    }
    return shape
  }

  static func scalars(_ tables: Tables, _ inference: Inference, _ name: String) throws(InferenceError) {
    for type in inference.operands where tables.types.rank(type) != 0 {
      throw InferenceError("`\(name)` takes scalars, got \(tables.text(type))")
    }
  }
}
