/// Random numbers: distributions made of `random_bits`, a function of seed and stream alone.
extension OpDefinition {
  private static let seedAndStream = [
    OperandSpec("seed", DTypeSet(.i64)), OperandSpec("stream", DTypeSet(.i64)),
  ]

  private static func distribution(
    _ name: String, _ summary: String, example: String,
    body: @escaping @Sendable (inout ModuleBuilder, [ValueID], [DimID]) -> ValueID
  ) -> OpDefinition {
    OpDefinition(
      name, summary,
      family: .expand(
        Expansion { builder, x, attributes in
          [body(&builder, x, builder.tables.attributes.dims(attributes, .shape) ?? [])]
        }), operands: seedAndStream, attributes: [AttributeSpec(.shape, .dims, "the shape")],
      infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
        let shape = try generatedShape(tables, inference)
        guard shape.count < TypeTable.maximumRank else {
          throw InferenceError(
            "`\(name)` makes at most \(TypeTable.maximumRank - 1) axes, got \(shape.count)")
        }
        try scalars(tables, inference, name)
        inference.results.append(tables.types.intern(.f32, shape))
      }, example: example)
  }

  /// `(bits >> 8) * 2^-24` for bits of any shape: every multiple of 2^-24 in [0, 1) is equally likely.
  private static func unit(_ builder: inout ModuleBuilder, _ bits: ValueID) -> ValueID {
    let shifted = builder.make(.shiftRight, [bits, builder.splat(8, like: bits)])
    let mantissa = builder.make(.and, [shifted, builder.splat(0xFF_FFFF, like: bits)])
    let number = builder.make(.cast, [mantissa], [Attribute(.dtype, .dtype(.f32))])
    return builder.make(.multiply, [number, builder.splat(0x1p-24, like: number)])
  }

  static let uniform = distribution(
    "uniform", "f32 numbers in [0, 1): the high 24 bits of each word of random_bits, times 2^-24",
    example: "func @f(%seed: i64[], %stream: i64[]) -> f32[2] {\n"
      + "  %r = uniform %seed, %stream {shape = [2]} : f32[2]\n  return %r\n}\n"
      + "// run: @f(0, 0) == [0.39904642, 0.88052016]\n"
  ) { builder, x, shape in
    unit(&builder, builder.make(.randomBits, x, [Attribute(.shape, .dims(shape))]))
  }

  static let normal = distribution(
    "normal", "f32 numbers of mean 0 and variance 1: Box and Muller (1958) on the two halves of uniform",
    example: "func @f(%seed: i64[], %stream: i64[]) -> f32[0] {\n"
      + "  %r = normal %seed, %stream {shape = [0]} : f32[0]\n  return %r\n}\n// run: @f(0, 0) == []\n"
  ) { builder, x, shape in
    let two = builder.tables.dims.integer(2)
    let pairs = builder.make(.uniform, x, [Attribute(.shape, .dims([two] + shape))])
    let halves = [0, 1].map { half -> ValueID in
      let zero = builder.tables.dims.integer(0)
      let start = [builder.tables.dims.integer(half)] + shape.map { _ in zero }
      let limit = [builder.tables.dims.integer(half + 1)] + shape
      let part = builder.make(
        .slice, [pairs], [Attribute(.start, .dims(start)), Attribute(.limit, .dims(limit))])
      return builder.make(.reshape, [part], [Attribute(.shape, .dims(shape))])
    }
    // 1 - u is in (0, 1], so its logarithm is finite.
    let positive = builder.make(.subtract, [builder.splat(1, like: halves[0]), halves[0]])
    let logarithm = builder.make(.log, [positive])
    let radius = builder.make(
      .sqrt, [builder.make(.multiply, [logarithm, builder.splat(-2, like: logarithm)])])
    let angle = builder.make(.multiply, [halves[1], builder.splat(2 * Double.pi, like: halves[1])])
    return builder.make(.multiply, [radius, builder.make(.cos, [angle])])
  }

  static let permutation = OpDefinition(
    "permutation", "the numbers 0 ..< n in random order: the order that sorts n words of random_bits",
    family: .expand(
      Expansion { builder, x, attributes in
        let length = builder.tables.attributes.dim(attributes, .length) ?? builder.tables.dims.integer(0)
        let bits = builder.make(.randomBits, x, [Attribute(.shape, .dims([length]))])
        return [builder.make(.argsort, [bits])]
      }), operands: seedAndStream, attributes: [AttributeSpec(.length, .dim, "n")],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      guard let length = tables.attributes.dim(inference.attributes, .length) else {
        throw InferenceError("`permutation` has no length")
      }
      if let value = tables.dims.value(length), value < 0 {
        throw InferenceError("the dim \(value) is negative")
      }
      try scalars(tables, inference, "permutation")
      inference.results.append(tables.types.intern(.i32, [length]))
    },
    example: "func @f(%seed: i64[], %stream: i64[]) -> i32[4] {\n"
      + "  %r = permutation %seed, %stream {length = 4} : i32[4]\n  return %r\n}\n// run: @f(0, 0) == [3, 2, 1, 0]\n"
  )

  private static func checkedProbability(
    _ name: String, _ tables: Tables, _ attributes: AttributesID
  ) throws(InferenceError) {
    let probability = tables.attributes.number(attributes, .probability) ?? 0.5
    guard probability >= 0, probability <= 1 else {
      throw InferenceError("`\(name)` with probability \(probability)", hint: "it is 0 to 1")
    }
  }

  static let bernoulli = OpDefinition(
    "bernoulli", "true with a probability: where `uniform` is below it",
    family: .expand(
      Expansion { builder, x, attributes in
        let shape = builder.tables.attributes.dims(attributes, .shape) ?? []
        let probability = builder.tables.attributes.number(attributes, .probability) ?? 0.5
        let draws = builder.make(.uniform, x, [Attribute(.shape, .dims(shape))])
        return [builder.compare(.less, draws, probability)]
      }), operands: [OperandSpec("seed", DTypeSet(.i64)), OperandSpec("stream", DTypeSet(.i64))],
    attributes: [
      AttributeSpec(.shape, .dims, "the shape"),
      AttributeSpec(.probability, .number, default: .number(0.5), "the probability of true, 0 to 1"),
    ],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      try checkedProbability("bernoulli", tables, inference.attributes)
      try OpDefinition.uniform.infer(&tables, &inference)
      inference.results = inference.results.map { tables.types.with(.bool, shapeOf: $0) }
    },
    example: "func @f(%seed: i64[], %stream: i64[]) -> bool[2] {\n"
      + "  %r = bernoulli %seed, %stream {shape = [2]} : bool[2]\n  return %r\n}\n"
      + "// run: @f(0, 0) == [true, false]\n")

  static let dropout = OpDefinition(
    "dropout",
    "0 with a probability p, else x / (1 - p) (Srivastava et al. 2014, section 10); all 0 for p = 1",
    family: .expand(
      Expansion { builder, x, attributes in
        let probability = builder.tables.attributes.number(attributes, .probability) ?? 0.5
        let keep = 1 - probability
        let kept = builder.make(
          .bernoulli, [x[1], x[2]],
          [Attribute(.shape, .dims(builder.shape(x[0]))), Attribute(.probability, .number(keep))])
        let scaled = builder.multiply(x[0], keep > 0 ? 1 / keep : 0)
        return [builder.select(kept, scaled, builder.splat(0, like: x[0]))]
      }),
    operands: [
      OperandSpec("x", .floats), OperandSpec("seed", DTypeSet(.i64)), OperandSpec("stream", DTypeSet(.i64)),
    ],
    attributes: [AttributeSpec(.probability, .number, default: .number(0.5), "the probability of 0, 0 to 1")],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      try checkedProbability("dropout", tables, inference.attributes)
      for type in inference.operands.dropFirst() where tables.types.rank(type) != 0 {
        throw InferenceError("`dropout` takes scalars for seed and stream, got \(tables.text(type))")
      }
      inference.results.append(inference.operands[0])
    },
    example: exampleText(
      "%x: f32[2], %seed: i64[], %stream: i64[]", "dropout %x, %seed, %stream", "f32[2]",
      run: "([1, 2], 0, 0) == [2, 0]"))
}
