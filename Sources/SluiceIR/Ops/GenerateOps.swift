/// Elements from their place, or from indices, alone.
extension OpDefinition {
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

  static let linspace = OpDefinition(
    "linspace", "n numbers evenly spaced from start to stop; the last is stop itself, one alone is start",
    family: .expand(
      Expansion { builder, _, attributes in
        let length = builder.tables.attributes.dim(attributes, .length) ?? builder.dim(0)
        let dtype = builder.tables.attributes.dtype(attributes, .dtype) ?? .f32
        let start = builder.tables.attributes.number(attributes, .start) ?? 0
        let stop = builder.tables.attributes.number(attributes, .stop) ?? 0
        let place = builder.iota([length], axis: 0, dtype)
        let last = builder.make(
          .subtract, [builder.count([length], dtype), builder.scalar(1, dtype)])
        // Where the difference is out of range, half the numbers are computed, and these twice; rounding many of them
        // must not lead beyond the ends.
        let isWide = ScalarConstant.bits(holding: stop - start, dtype) == nil || (stop - start).isInfinite
        let scale = isWide && start.isFinite && stop.isFinite ? 0.5 : 1
        let (low, high) = (builder.scalar(scale * start, dtype), builder.scalar(scale * stop, dtype))
        let step = builder.make(.divide, [builder.make(.subtract, [high, low]), last])
        var ramp = builder.make(
          .fma, [place, builder.broadcast(step, like: place), builder.broadcast(low, like: place)])
        if scale < 1 {
          ramp = builder.make(
            .clamp,
            [
              builder.add(ramp, ramp), builder.splat(Swift.min(start, stop), like: place),
              builder.splat(Swift.max(start, stop), like: place),
            ])
        }
        let isLast = builder.compare(.equal, place, last)
        let isFirst = builder.compare(.equal, place, 0)
        let ended = builder.select(isLast, builder.splat(stop, like: place), ramp)
        return [builder.select(isFirst, builder.splat(start, like: place), ended)]
      }), operands: [],
    attributes: [
      AttributeSpec(.start, .number, "the first number"), AttributeSpec(.stop, .number, "the last number"),
      AttributeSpec(.length, .dim, "n"), AttributeSpec(.dtype, .dtype, default: .dtype(.f32), "f32 or f64"),
    ],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let dtype = tables.attributes.dtype(inference.attributes, .dtype) ?? .f32
      guard dtype == .f32 || dtype == .f64 else {
        throw InferenceError("`linspace` of \(dtype.name)", hint: "it makes f32 or f64")
      }
      guard let length = tables.attributes.dim(inference.attributes, .length),
        tables.dims.value(length).map({ $0 >= 0 }) ?? true
      else { throw InferenceError("`linspace` with a negative length") }
      inference.results.append(tables.types.intern(dtype, [length]))
    },
    example: "func @f() -> f32[5] {\n  %r = linspace {start = -1, stop = 1, length = 5} : f32[5]\n"
      + "  return %r\n}\n// run: @f() == [-1, -0.5, 0, 0.5, 1]\n")

  static let oneHot = OpDefinition(
    "one_hot", "1 at the index along a new last axis, else 0; all 0 where the index is out of range",
    family: .expand(
      Expansion { builder, x, attributes in
        let depth = builder.tables.attributes.dim(attributes, .depth) ?? builder.dim(0)
        let dtype = builder.tables.attributes.dtype(attributes, .dtype) ?? .f32
        let shape = builder.shape(x[0])
        let column = builder.reshape(x[0], shape + [builder.dim(1)])
        let classes = builder.iota(shape + [depth], axis: shape.count, builder.dtype(x[0]))
        let isSet = builder.make(.equal, [builder.broadcast(column, to: shape + [depth]), classes])
        return [builder.cast(isSet, dtype)]
      }), operands: [OperandSpec("indices", .indices)],
    attributes: [
      AttributeSpec(.depth, .dim, "how many classes"),
      AttributeSpec(.dtype, .dtype, default: .dtype(.f32), "the dtype"),
    ],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let x = inference.operands[0]
      let shape = tables.types.shape(x)
      guard shape.count < TypeTable.maximumRank else {
        throw InferenceError(
          "`one_hot` of \(tables.text(x)) would have more than \(TypeTable.maximumRank) axes")
      }
      guard let depth = tables.attributes.dim(inference.attributes, .depth),
        tables.dims.value(depth).map({ $0 >= 0 }) ?? true
      else { throw InferenceError("`one_hot` with a negative depth") }
      let dtype = tables.attributes.dtype(inference.attributes, .dtype) ?? .f32
      inference.results.append(tables.types.intern(dtype, shape + [depth]))
    },
    example: exampleText(
      "%i: i32[3]", "one_hot %i {depth = 2}", "f32[3,2]", run: "([1, 0, 2]) == [[0, 1], [1, 0], [0, 0]]"))

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
