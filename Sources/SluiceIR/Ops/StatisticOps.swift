/// Composites that sum up: statistics along axes, normalisations, similarities.
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

  /// A composite that reduces like `sum`.
  private static func statistic(
    _ name: String, _ summary: String, attributes: [AttributeSpec] = [], gradient: GradientRule? = nil,
    example: String,
    check: @escaping @Sendable (Tables, AttributesID) throws(InferenceError) -> Void = {
      (_: Tables, _: AttributesID) throws(InferenceError) in
    },
    body: @escaping @Sendable (inout ModuleBuilder, ValueID, [Int], AttributesID) -> ValueID
  ) -> OpDefinition {
    OpDefinition(
      name, summary,
      family: .expand(
        Expansion { builder, x, attributes in
          let shape = builder.shape(x[0])
          let axes = builder.tables.axes(attributes, rank: shape.count)
          let result = body(&builder, x[0], axes, attributes)
          if builder.tables.attributes.bool(attributes, .keepDims) { return [result] }
          return [builder.reshape(result, shape.indices.filter { !axes.contains($0) }.map { shape[$0] })]
        }), operands: [OperandSpec("x", .floats)], attributes: OpDefinition.sum.attributes + attributes,
      infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
        try check(tables, inference.attributes)
        try OpDefinition.sum.infer(&tables, &inference)
      }, gradient: gradient, example: example)
  }

  static let logsumexp = statistic(
    "logsumexp", "log of the sum of exp(x) along the axes, without overflow; -inf for none or for all -inf",
    gradient: .logsumexp,
    example: exampleText(
      "%x: f32[2]", "logsumexp %x", "f32[]", run: "([1000, 1000]) == 1000.6931472 ~ 1e-6")
  ) { builder, x, axes, _ in
    let largest = builder.reduce(.max, x, axes)
    let isFinite = builder.unary(.isFinite, largest)
    let shift = builder.select(isFinite, largest, builder.splat(0, like: largest))
    let powers = builder.unary(.exp, builder.subtract(x, shift))
    return builder.add(builder.unary(.log, builder.reduce(.sum, powers, axes)), shift)
  }

  static let variance = statistic(
    "variance", "the mean of (x - mean x)^2 along the axes, over n - correction instead of n; NaN for none",
    attributes: [
      AttributeSpec(.correction, .int, default: .int(0), "1 for the unbiased estimate (Bessel)")
    ],
    example: exampleText(
      "%x: f32[2,2]", "variance %x {axes = [1]}", "f32[2]", run: "([[1, 2], [4, 8]]) == [0.25, 4]"),
    check: { (tables: Tables, attributes: AttributesID) throws(InferenceError) in
      let correction = tables.attributes.int(attributes, .correction) ?? 0
      guard (0...1_000_000).contains(correction) else {
        throw InferenceError("`variance` with correction \(correction)", hint: "it is 0 or 1")
      }
    }
  ) { builder, x, axes, attributes in
    let shape = builder.shape(x)
    let centred = builder.subtract(x, builder.reduce(.mean, x, axes))
    let sum = builder.reduce(.sum, builder.multiply(centred, centred), axes)
    let count = builder.count(axes.map { shape[$0] }, builder.dtype(x))
    let correction = builder.tables.int(attributes, .correction, default: 0)
    return builder.divide(sum, correction == 0 ? count : builder.subtract(count, Double(correction)))
  }

  static let norm = statistic(
    "norm", "the vector norm along the axes: sqrt(sum x^2), sum |x| (ord = 1) or max |x| (ord = inf)",
    attributes: [AttributeSpec(.ord, .number, default: .number(2), "1, 2 or inf")], gradient: .norm,
    example: exampleText("%x: f32[2]", "norm %x", "f32[]", run: "([3, 4]) == 5"),
    check: { (tables: Tables, attributes: AttributesID) throws(InferenceError) in
      let order = tables.attributes.number(attributes, .ord) ?? 2
      guard order == 1 || order == 2 || order == .infinity else {
        throw InferenceError("`norm` of ord \(order)", hint: "it is 1, 2 or inf")
      }
    }
  ) { builder, x, axes, attributes in
    switch builder.tables.attributes.number(attributes, .ord) ?? 2 {
    case 1: return builder.reduce(.sum, builder.unary(.abs, x), axes)
    case 2: return builder.unary(.sqrt, builder.reduce(.sum, builder.multiply(x, x), axes))
    default:
      // No element has norm 0, where `max` of none is -inf.
      return builder.maximum(builder.reduce(.max, builder.unary(.abs, x), axes), 0)
    }
  }

  // MARK: Normalisations

  private static let epsilon = AttributeSpec(
    .epsilon, .number, default: .number(1e-5), "what is added to the variance")

  /// Vectors, beside x, that have the dim of one axis of it.
  private static func requireVectors(
    _ name: String, _ tables: Tables, _ inference: Inference, axis: Int, names: [String]
  ) throws(InferenceError) {
    let x = inference.operands[0]
    let wanted = tables.types.shape(x)[axis]
    for (position, type) in inference.operands.dropFirst().enumerated() {
      guard tables.types.dtype(type) == tables.types.dtype(x), tables.types.shape(type) == [wanted] else {
        throw InferenceError(
          "`\(name)` of \(tables.text(x)) with \(names[position]) \(tables.text(type))",
          hint: "it is \(tables.types.dtype(x).name)[\(tables.text(wanted))]")
      }
    }
  }

  private static func normalisation(
    _ name: String, _ summary: String, operands: [String], axis: Int, minimumRank: Int,
    attributes: [AttributeSpec] = [], example: String,
    check: @escaping @Sendable (Tables, Inference) throws(InferenceError) -> Void = {
      (_: Tables, _: Inference) throws(InferenceError) in
    },
    body: @escaping @Sendable (inout ModuleBuilder, [ValueID], AttributesID) -> ValueID
  ) -> OpDefinition {
    OpDefinition(
      name, summary,
      family: .expand(Expansion { builder, x, attributes in [body(&builder, x, attributes)] }),
      operands: (["x"] + operands).map { OperandSpec($0, .floats) }, attributes: attributes + [epsilon],
      infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
        let x = inference.operands[0]
        let rank = tables.types.rank(x)
        guard rank >= minimumRank else {
          throw InferenceError("`\(name)` of \(tables.text(x))", hint: "it has \(minimumRank) axes or more")
        }
        try requireVectors(name, tables, inference, axis: axis < 0 ? axis + rank : axis, names: operands)
        try check(tables, inference)
        inference.results.append(x)
      }, example: example)
  }

  /// A vector along one axis of x, repeated along the others.
  private static func along(
    _ builder: inout ModuleBuilder, _ vector: ValueID, _ axis: Int, like x: ValueID
  ) -> ValueID {
    let shape = builder.shape(x)
    let column = shape.indices.map { $0 == axis ? shape[$0] : builder.dim(1) }
    return builder.broadcast(builder.reshape(vector, column), to: shape)
  }

  /// `(x - mean) / sqrt(variance + epsilon)` along axes.
  private static func standardised(
    _ builder: inout ModuleBuilder, _ x: ValueID, _ axes: [Int], _ attributes: AttributesID
  ) -> ValueID {
    let epsilon = builder.tables.attributes.number(attributes, .epsilon) ?? 1e-5
    let centred = builder.subtract(x, builder.reduce(.mean, x, axes))
    let variance = builder.reduce(.mean, builder.multiply(centred, centred), axes)
    return builder.multiply(centred, builder.unary(.rsqrt, builder.add(variance, epsilon)))
  }

  static let layerNorm = normalisation(
    "layer_norm",
    "(x - mean) / sqrt(variance + epsilon) * weight + bias along the last axis (Ba et al. 2016, equation 4)",
    operands: ["weight", "bias"], axis: -1, minimumRank: 1,
    example: exampleText(
      "%x: f32[2], %w: f32[2], %b: f32[2]", "layer_norm %x, %w, %b {epsilon = 0}", "f32[2]",
      run: "([1, 3], [1, 2], [10, 20]) == [9, 22]")
  ) { builder, x, attributes in
    let last = builder.shape(x[0]).count - 1
    let normal = standardised(&builder, x[0], [last], attributes)
    return builder.add(builder.multiply(normal, x[1]), x[2])
  }

  static let rmsNorm = normalisation(
    "rms_norm",
    "x / sqrt(mean x^2 + epsilon) * weight along the last axis (Zhang and Sennrich 2019, equation 4)",
    operands: ["weight"], axis: -1, minimumRank: 1,
    example: exampleText(
      "%x: f32[2], %w: f32[2]", "rms_norm %x, %w {epsilon = 0}", "f32[2]", run: "([2, 2], [1, 3]) == [1, 3]")
  ) { builder, x, attributes in
    let epsilon = builder.tables.attributes.number(attributes, .epsilon) ?? 1e-5
    let last = builder.shape(x[0]).count - 1
    let square = builder.reduce(.mean, builder.multiply(x[0], x[0]), [last])
    let scale = builder.unary(.rsqrt, builder.add(square, epsilon))
    return builder.multiply(builder.multiply(x[0], scale), x[1])
  }

  static let batchNorm = normalisation(
    "batch_norm",
    "(x - mean) / sqrt(variance + epsilon) * weight + bias with vectors along axis 1 "
      + "(Ioffe and Szegedy 2015, algorithm 1)",
    operands: ["mean", "variance", "weight", "bias"], axis: 1, minimumRank: 2,
    example: exampleText(
      "%x: f32[1,2], %m: f32[2], %v: f32[2], %w: f32[2], %b: f32[2]",
      "batch_norm %x, %m, %v, %w, %b {epsilon = 0}", "f32[1,2]",
      run: "([[3, 4]], [1, 2], [4, 1], [1, 2], [10, 20]) == [[11, 24]]")
  ) { builder, x, attributes in
    let epsilon = builder.tables.attributes.number(attributes, .epsilon) ?? 1e-5
    let scale = builder.multiply(builder.unary(.rsqrt, builder.add(x[2], epsilon)), x[3])
    let centred = builder.subtract(x[0], along(&builder, x[1], 1, like: x[0]))
    let scaled = builder.multiply(centred, along(&builder, scale, 1, like: x[0]))
    return builder.add(scaled, along(&builder, x[4], 1, like: x[0]))
  }

  static let groupNorm = normalisation(
    "group_norm",
    "layer_norm over every group of the channels, axis 1, and all axes behind (Wu and He 2018, equation 7)",
    operands: ["weight", "bias"], axis: 1, minimumRank: 2,
    attributes: [AttributeSpec(.groups, .int, "how many groups; divides the channels")],
    example: exampleText(
      "%x: f32[1,4], %w: f32[4], %b: f32[4]", "group_norm %x, %w, %b {groups = 2, epsilon = 0}", "f32[1,4]",
      run: "([[1, 3, 5, 9]], [1, 1, 1, 1], [0, 0, 0, 1]) == [[-1, 1, -1, 2]]"),
    check: { (tables: Tables, inference: Inference) throws(InferenceError) in
      let x = inference.operands[0]
      let groups = tables.attributes.int(inference.attributes, .groups) ?? 1
      guard groups >= 1, let channels = tables.dims.value(tables.types.shape(x)[1]), channels % groups == 0
      else {
        throw InferenceError(
          "`group_norm` of \(tables.text(x)) in \(groups) groups", hint: "groups divide the channels, axis 1")
      }
      guard tables.types.rank(x) < TypeTable.maximumRank else {
        throw InferenceError("`group_norm` of \(tables.text(x))", hint: "at most 7 axes")
      }
    }
  ) { builder, x, attributes in
    let shape = builder.shape(x[0])
    let groups = builder.tables.int(attributes, .groups, default: 1)
    let channels = (builder.tables.dims.value(shape[1]) ?? 0) / Int64(groups)
    let split = [shape[0], builder.dim(groups), builder.tables.dims.integer(channels)] + shape.dropFirst(2)
    let parts = builder.reshape(x[0], split)
    let normal = standardised(&builder, parts, Array(2..<split.count), attributes)
    let joined = builder.reshape(normal, shape)
    let scaled = builder.multiply(joined, along(&builder, x[1], 1, like: x[0]))
    return builder.add(scaled, along(&builder, x[2], 1, like: x[0]))
  }

  // MARK: Similarities

  static let l2Normalize = OpDefinition(
    "l2_normalize", "x / max(norm x, epsilon) along an axis",
    family: .expand(
      Expansion { builder, x, attributes in
        let axis = builder.tables.axis(attributes, of: .l2Normalize, rank: builder.shape(x[0]).count)
        let epsilon = builder.tables.attributes.number(attributes, .epsilon) ?? 1e-12
        let norm = builder.reduce(.norm, x[0], [axis])
        return [builder.divide(x[0], builder.maximum(norm, epsilon))]
      }), operands: [OperandSpec("x", .floats)],
    attributes: [
      AttributeSpec(.axis, .int, default: .int(-1), "the axis"),
      AttributeSpec(.epsilon, .number, default: .number(1e-12), "the least divisor"),
    ],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let rank = tables.types.rank(inference.operands[0])
      _ = try Infer.axis(tables.attributes.int(inference.attributes, .axis) ?? -1, rank: rank)
      inference.results.append(inference.operands[0])
    },
    example: exampleText(
      "%x: f32[2]", "l2_normalize %x", "f32[2]", run: "([3, 4]) == [0.6, 0.8]"))

  static let cosineSimilarity = OpDefinition(
    "cosine_similarity", "sum x y / (max(norm x, epsilon) max(norm y, epsilon)) along an axis",
    family: .expand(
      Expansion { builder, x, attributes in
        let shape = builder.shape(x[0])
        let axis = builder.tables.axis(attributes, of: .cosineSimilarity, rank: shape.count)
        let epsilon = builder.tables.attributes.number(attributes, .epsilon) ?? 1e-8
        let product = builder.reduce(.sum, builder.multiply(x[0], x[1]), [axis], keepDims: false)
        let norms = x.map { value -> ValueID in
          builder.maximum(builder.reduce(.norm, value, [axis], keepDims: false), epsilon)
        }
        return [builder.divide(product, builder.multiply(norms[0], norms[1]))]
      }), operands: [OperandSpec("x", .floats), OperandSpec("y", .floats)],
    attributes: [
      AttributeSpec(.axis, .int, default: .int(-1), "the axis that is summed"),
      AttributeSpec(.epsilon, .number, default: .number(1e-8), "the least norm"),
    ],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      try Infer.requireEqual(tables, inference)
      let x = inference.operands[0]
      var shape = tables.types.shape(x)
      let axis = try Infer.axis(tables.attributes.int(inference.attributes, .axis) ?? -1, rank: shape.count)
      shape.remove(at: axis)
      inference.results.append(tables.types.intern(tables.types.dtype(x), shape))
    },
    example: exampleText(
      "%x: f32[2], %y: f32[2]", "cosine_similarity %x, %y", "f32[]", run: "([3, 4], [4, 3]) == 0.96 ~ 1e-6"))
}
