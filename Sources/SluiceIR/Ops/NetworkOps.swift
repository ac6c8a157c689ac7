/// Composites of neural networks: attention, losses, dropout, recurrent cells.
extension OpDefinition {
  // MARK: Attention

  static let attention = OpDefinition(
    "attention",
    "softmax(q k^T * scale) v over the last two axes (Vaswani et al. 2017, equation 1); q may have several heads "
      + "for one of k and v",
    family: .expand(Expansion { builder, x, attributes in [attend(&builder, x, attributes)] }),
    operands: [
      OperandSpec("q", .floats), OperandSpec("k", .floats), OperandSpec("v, mask", variadic: true),
    ],
    attributes: [
      AttributeSpec(
        .causal, .bool, default: .bool(false),
        "query i of m sees the keys up to i + n - m of n: the last query sees all"),
      AttributeSpec(.scale, .number, default: .string(.none), "1 / sqrt(the last dim of q) when left out"),
    ], infer: inferAttention,
    example: exampleText(
      "%q: f32[1,2], %k: f32[2,2], %v: f32[2,1]", "attention %q, %k, %v", "f32[1,1]",
      run: "([[0, 0]], [[1, 2], [3, 4]], [[1], [3]]) == [[2]]"))

  private static let inferAttention: InferenceRule = {
    (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
    let operands = inference.operands
    let text = operands.map { tables.text($0) }.joined(separator: ", ")
    guard operands.count == 3 || operands.count == 4 else {
      throw InferenceError("`attention` takes q, k, v and maybe a mask, got \(operands.count) operands")
    }
    let dtype = tables.types.dtype(operands[0])
    let shapes = operands.map { tables.types.shape($0) }
    let rank = shapes[0].count
    let hint = "q is [..., heads, m, d], k [..., key heads, n, d], v [..., key heads, n, e]"
    guard rank >= 2, operands[1...2].allSatisfy({ tables.types.dtype($0) == dtype }),
      shapes[1].count == rank, shapes[2].count == rank,
      shapes[0][rank - 1] == shapes[1][rank - 1], shapes[1].dropLast() == shapes[2].dropLast(),
      shapes[0].dropLast(3) == shapes[1].dropLast(3)
    else { throw InferenceError("`attention` of \(text)", hint: hint) }
    if rank >= 3, shapes[0][rank - 3] != shapes[1][rank - 3] {
      guard rank < TypeTable.maximumRank, let heads = tables.dims.value(shapes[0][rank - 3]),
        let keys = tables.dims.value(shapes[1][rank - 3]), keys > 0, heads % keys == 0
      else {
        throw InferenceError(
          "`attention` of \(text)", hint: "the heads of q are a multiple of those of k and v")
      }
    }
    let scores = Array(shapes[0].dropLast()) + [shapes[1][rank - 2]]
    if operands.count == 4 {
      let mask = tables.types.dtype(operands[3])
      let one = tables.dims.integer(1)
      guard mask == .bool || mask == dtype, shapes[3].count <= rank,
        zip(shapes[3].reversed(), scores.reversed()).allSatisfy({ $0 == $1 || $0 == one })
      else {
        throw InferenceError(
          "`attention` with a mask \(tables.text(operands[3]))",
          hint: "a bool that is true where a query sees a key, or \(dtype.name) to be added to the scores; "
            + "it repeats to \(tables.text(scores))")
      }
    }
    inference.results.append(tables.types.intern(dtype, shapes[0].dropLast() + [shapes[2][rank - 1]]))
  }

  private static func attend(
    _ builder: inout ModuleBuilder, _ x: [ValueID], _ attributes: AttributesID
  ) -> ValueID {
    let (qs, ks, vs) = (builder.shape(x[0]), builder.shape(x[1]), builder.shape(x[2]))
    let rank = qs.count
    var (q, k, v) = (x[0], x[1], x[2])
    let isGrouped = rank >= 3 && qs[rank - 3] != ks[rank - 3]
    if isGrouped {
      // [.., heads, m, d] becomes [.., key heads, heads a key head, m, d].
      let keyHeads = ks[rank - 3]
      let count = (builder.tables.dims.value(qs[rank - 3]) ?? 0) / (builder.tables.dims.value(keyHeads) ?? 1)
      let group = builder.tables.dims.integer(count)
      let lead = qs.dropLast(3)
      q = builder.reshape(q, lead + [keyHeads, group] + qs.suffix(2))
      k = builder.broadcast(
        builder.reshape(k, lead + [keyHeads, builder.dim(1)] + ks.suffix(2)),
        to: lead + [keyHeads, group] + ks.suffix(2))
      v = builder.broadcast(
        builder.reshape(v, lead + [keyHeads, builder.dim(1)] + vs.suffix(2)),
        to: lead + [keyHeads, group] + vs.suffix(2))
    }
    var scores = builder.make(.matmul, [q, k], [Attribute(.transposeRhs, .bool(true))])
    if let scale = builder.tables.attributes.number(attributes, .scale) {
      scores = builder.multiply(scores, scale)
    } else {
      let width = builder.unary(.rsqrt, builder.count([qs[rank - 1]], builder.dtype(q)))
      scores = builder.multiply(scores, width)
    }
    let (m, n) = (qs[rank - 2], ks[rank - 2])
    let hidden = builder.splat(-.infinity, like: scores)
    if builder.tables.attributes.bool(attributes, .causal) {
      let shift = builder.make(
        .subtract, [builder.count([n], .i64), builder.count([m], .i64)])
      let row = builder.add(builder.iota([m, n], axis: 0, .i64), shift)
      let visible = builder.make(.lessEqual, [builder.iota([m, n], axis: 1, .i64), row])
      scores = builder.select(builder.broadcast(visible, like: scores), scores, hidden)
    }
    if x.count == 4 {
      let full = Array(qs.dropLast()) + [n]
      let mask = builder.reshape(builder.broadcast(x[3], to: full), builder.shape(scores))
      scores =
        builder.dtype(mask) == .bool ? builder.select(mask, scores, hidden) : builder.add(scores, mask)
    }
    let weights = builder.make(.softmax, [scores])
    let mixed = builder.make(.matmul, [weights, v])
    return builder.reshape(mixed, qs.dropLast() + [vs[rank - 1]])
  }

  static let rotaryEmbedding = OpDefinition(
    "rotary_embedding",
    "pairs (x[i], x[i + d/2]) of the last axis turned by position * base^(-2i/d) (Su et al. 2021, equation 34)",
    family: .expand(
      Expansion { builder, x, attributes in
        let base = builder.tables.attributes.number(attributes, .base) ?? 10000
        let shape = builder.shape(x[0])
        let rank = shape.count
        let dtype = builder.dtype(x[0])
        let half = Int((builder.tables.dims.value(shape[rank - 1]) ?? 0) / 2)
        let halfDim = builder.dim(half)
        let place = builder.iota([halfDim], axis: 0, dtype)
        let logarithm = builder.unary(.log, builder.scalar(base, dtype))
        let exponent = builder.multiply(builder.multiply(place, -1 / Double(Swift.max(half, 1))), logarithm)
        let speed = builder.unary(.exp, exponent)
        let grid = [shape[rank - 2], halfDim]
        let column = builder.reshape(builder.cast(x[1], dtype), [shape[rank - 2], builder.dim(1)])
        let angle = builder.multiply(builder.broadcast(column, to: grid), speed)
        let low = builder.slice(x[0], axis: rank - 1, builder.dim(0), halfDim)
        let high = builder.slice(x[0], axis: rank - 1, halfDim, shape[rank - 1])
        let cos = builder.broadcast(builder.unary(.cos, angle), like: low)
        let sin = builder.broadcast(builder.unary(.sin, angle), like: low)
        let first = builder.subtract(builder.multiply(low, cos), builder.multiply(high, sin))
        let second = builder.add(builder.multiply(high, cos), builder.multiply(low, sin))
        return [builder.concat([first, second], axis: rank - 1)]
      }), operands: [OperandSpec("x", .floats), OperandSpec("positions", .indices)],
    attributes: [
      AttributeSpec(.base, .number, default: .number(10000), "the base of the wavelengths, above 0")
    ],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let (x, positions) = (inference.operands[0], inference.operands[1])
      let shape = tables.types.shape(x)
      guard shape.count >= 2, let width = tables.dims.value(shape[shape.count - 1]), width % 2 == 0,
        tables.types.shape(positions) == [shape[shape.count - 2]]
      else {
        throw InferenceError(
          "`rotary_embedding` of \(tables.text(x)) at \(tables.text(positions))",
          hint: "x is [..., n, d] with d even, positions are [n]")
      }
      let base = tables.attributes.number(inference.attributes, .base) ?? 10000
      guard base > 0 else {
        throw InferenceError("`rotary_embedding` with base \(base)", hint: "it is above 0")
      }
      inference.results.append(x)
    },
    example: exampleText(
      "%x: f32[2,2], %p: i32[2]", "rotary_embedding %x, %p", "f32[2,2]",
      run: "([[1, 2], [1, 0]], [0, 1]) == [[1, 2], [0.5403023, 0.84147098]] ~ 1e-6"))

  // MARK: Losses

  private static let reduction = AttributeSpec(
    .reduction, .string, default: .string(.none), "\"mean\", also when left out, \"sum\" or \"none\"")

  private static func checkedReduction(
    _ name: String, _ tables: Tables, _ attributes: AttributesID
  ) throws(InferenceError) -> String {
    let reduction = tables.string(attributes, .reduction, default: "mean")
    guard ["mean", "sum", "none"].contains(reduction) else {
      throw InferenceError(
        "`\(name)` has no reduction \"\(reduction)\"", hint: "it is \"mean\", \"sum\" or \"none\"")
    }
    return reduction
  }

  /// Losses put together as the attribute says; `count` is what a mean divides by.
  private static func reduced(
    _ builder: inout ModuleBuilder, _ losses: ValueID, _ attributes: AttributesID, count: ValueID?
  ) -> ValueID {
    let axes = Array(builder.shape(losses).indices)
    switch builder.tables.string(attributes, .reduction, default: "mean") {
    case "none": return losses
    case "sum": return builder.reduce(.sum, losses, axes, keepDims: false)
    default:
      guard let count else { return builder.reduce(.mean, losses, axes, keepDims: false) }
      return builder.make(.divide, [builder.reduce(.sum, losses, axes, keepDims: false), count])
    }
  }

  static let mse = OpDefinition(
    "mse", "the squared error (x - y)^2, its mean over all elements",
    family: .expand(
      Expansion { builder, x, attributes in
        let error = builder.subtract(x[0], x[1])
        return [reduced(&builder, builder.multiply(error, error), attributes, count: nil)]
      }), operands: [OperandSpec("x", .floats), OperandSpec("y", .floats)], attributes: [reduction],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      try Infer.requireEqual(tables, inference)
      let kept = try checkedReduction("mse", tables, inference.attributes) == "none"
      let x = inference.operands[0]
      inference.results.append(kept ? x : tables.types.intern(tables.types.dtype(x), []))
    },
    example: exampleText("%x: f32[2], %y: f32[2]", "mse %x, %y", "f32[]", run: "([1, 2], [1, 4]) == 2"))

  static let crossEntropy = OpDefinition(
    "cross_entropy",
    "-log_softmax(logits) at the target class of the last axis; targets out of range are left out",
    family: .expand(
      Expansion { builder, x, attributes in
        let shape = builder.shape(x[0])
        let dtype = builder.dtype(x[0])
        let depth = shape[shape.count - 1]
        let logarithms = builder.make(.logSoftmax, [x[0]])
        let isTarget = builder.make(
          .oneHot, [x[1]], [Attribute(.depth, .dim(depth)), Attribute(.dtype, .dtype(.bool))])
        let picked = builder.select(isTarget, logarithms, builder.splat(-0.0, like: logarithms))
        let losses = builder.unary(.negate, builder.reduce(.sum, picked, [shape.count - 1], keepDims: false))
        let counted = builder.cast(builder.reduce(.any, isTarget, [shape.count - 1], keepDims: false), dtype)
        let count = builder.reduce(.sum, counted, Array(builder.shape(counted).indices), keepDims: false)
        let shown = builder.select(
          builder.compare(.equal, counted, 1), losses, builder.splat(0, like: losses))
        return [reduced(&builder, shown, attributes, count: count)]
      }), operands: [OperandSpec("logits", .floats), OperandSpec("targets", .indices)],
    attributes: [reduction],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let (x, targets) = (inference.operands[0], inference.operands[1])
      let shape = tables.types.shape(x)
      guard !shape.isEmpty, tables.types.shape(targets) == Array(shape.dropLast()) else {
        throw InferenceError(
          "`cross_entropy` of \(tables.text(x)) and \(tables.text(targets))",
          hint: "logits are [..., classes], targets [...]")
      }
      let kept = try checkedReduction("cross_entropy", tables, inference.attributes) == "none"
      inference.results.append(
        tables.types.intern(tables.types.dtype(x), kept ? Array(shape.dropLast()) : []))
    },
    example: exampleText(
      "%x: f32[2,2], %t: i32[2]", "cross_entropy %x, %t", "f32[]",
      run: "([[1, 1], [0, 5]], [0, -1]) == 0.69314718 ~ 1e-6"))

  static let binaryCrossEntropy = OpDefinition(
    "binary_cross_entropy",
    "softplus(x) - x y for logits x and probabilities y: -log of the probability of y",
    family: .expand(
      Expansion { builder, x, attributes in
        let losses = builder.subtract(builder.unary(.softplus, x[0]), builder.multiply(x[0], x[1]))
        return [reduced(&builder, losses, attributes, count: nil)]
      }), operands: [OperandSpec("x", .floats), OperandSpec("y", .floats)], attributes: [reduction],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      try Infer.requireEqual(tables, inference)
      let kept = try checkedReduction("binary_cross_entropy", tables, inference.attributes) == "none"
      let x = inference.operands[0]
      inference.results.append(kept ? x : tables.types.intern(tables.types.dtype(x), []))
    },
    example: exampleText(
      "%x: f32[1], %y: f32[1]", "binary_cross_entropy %x, %y", "f32[]", run: "([0], [1]) == 0.69314718 ~ 1e-6"
    ))

  // MARK: Random

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

  // MARK: Recurrent cells

  /// Checks x [B, I], states [B, H], and weights [gates * H, I], [gates * H, H] and biases [gates * H].
  private static func checkCell(
    _ name: String, _ tables: inout Tables, _ operands: [TypeID], states: Int, gates: Int64
  ) throws(InferenceError) {
    let shapes = operands.map { tables.types.shape($0) }
    let text = operands.map { tables.text($0) }.joined(separator: ", ")
    let hint =
      "x is [batch, input], states [batch, hidden], weights [\(gates) * hidden, input] and "
      + "[\(gates) * hidden, hidden], biases [\(gates) * hidden]"
    guard shapes[0].count == 2, shapes[1].count == 2,
      operands.allSatisfy({ tables.types.dtype($0) == tables.types.dtype(operands[0]) }),
      let hidden = tables.dims.value(shapes[1][1]), hidden <= Int64.max / gates
    else { throw InferenceError("`\(name)` of \(text)", hint: hint) }
    let rows = tables.dims.integer(gates * hidden)
    let state = [shapes[0][0], shapes[1][1]]
    var wanted = [shapes[0]] + Array(repeating: state, count: states)
    wanted += [[rows, shapes[0][1]], [rows, shapes[1][1]], [rows], [rows]]
    guard shapes == wanted else { throw InferenceError("`\(name)` of \(text)", hint: hint) }
  }

  /// `x w^T + b`, cut into parts for the gates.
  private static func gates(
    _ builder: inout ModuleBuilder, _ x: ValueID, _ w: ValueID, _ b: ValueID, count: Int
  ) -> [ValueID] {
    let product = builder.make(.matmul, [x, w], [Attribute(.transposeRhs, .bool(true))])
    let sums = builder.add(product, b)
    let width = (builder.tables.dims.value(builder.shape(sums)[1]) ?? 0) / Int64(count)
    return (0..<count).map { gate in
      let start = builder.tables.dims.integer(Int64(gate) * width)
      return builder.slice(sums, axis: 1, start, builder.tables.dims.integer(Int64(gate + 1) * width))
    }
  }

  private static let cellWeights = ["input_weights", "hidden_weights", "input_bias", "hidden_bias"]

  static let gruCell = OpDefinition(
    "gru_cell",
    "a gated recurrent unit (Cho et al. 2014) with gates r, z, n as PyTorch has them: "
      + "h' = (1 - z) n + z h",
    family: .expand(
      Expansion { builder, x, _ in
        let a = gates(&builder, x[0], x[2], x[4], count: 3)
        let b = gates(&builder, x[1], x[3], x[5], count: 3)
        let reset = builder.unary(.sigmoid, builder.add(a[0], b[0]))
        let update = builder.unary(.sigmoid, builder.add(a[1], b[1]))
        let new = builder.unary(.tanh, builder.add(a[2], builder.multiply(reset, b[2])))
        let fresh = builder.multiply(builder.subtract(1, update), new)
        return [builder.add(fresh, builder.multiply(update, x[1]))]
      }), operands: (["x", "h"] + cellWeights).map { OperandSpec($0, .floats) },
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      try checkCell("gru_cell", &tables, inference.operands, states: 1, gates: 3)
      inference.results.append(inference.operands[1])
    },
    example: exampleText(
      "%x: f32[1,1], %h: f32[1,1], %u: f32[3,1], %v: f32[3,1], %a: f32[3], %b: f32[3]",
      "gru_cell %x, %h, %u, %v, %a, %b", "f32[1,1]",
      run: "([[0]], [[4]], [[1], [1], [1]], [[0], [0], [0]], [0, 0, 0], [0, 0, 0]) == [[2]]"))

  static let lstmCell = OpDefinition(
    "lstm_cell",
    "a long short-term memory (Hochreiter and Schmidhuber 1997) with gates i, f, g, o as PyTorch "
      + "has them: c' = f c + i g, h' = o tanh c'",
    family: .expand(
      Expansion { builder, x, _ in
        let a = gates(&builder, x[0], x[3], x[5], count: 4)
        let b = gates(&builder, x[1], x[4], x[6], count: 4)
        let sums = zip(a, b).map { builder.add($0, $1) }
        let kept = builder.multiply(builder.unary(.sigmoid, sums[1]), x[2])
        let taken = builder.multiply(builder.unary(.sigmoid, sums[0]), builder.unary(.tanh, sums[2]))
        let cell = builder.add(kept, taken)
        return [builder.multiply(builder.unary(.sigmoid, sums[3]), builder.unary(.tanh, cell)), cell]
      }), operands: (["x", "h", "c"] + cellWeights).map { OperandSpec($0, .floats) },
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      try checkCell("lstm_cell", &tables, inference.operands, states: 2, gates: 4)
      inference.results += inference.operands[1...2]
    },
    example: """
      func @f(%x: f32[1,1], %h: f32[1,1], %c: f32[1,1], %u: f32[4,1], %v: f32[4,1], %a: f32[4], %b: f32[4]) -> f32[1,1], f32[1,1] {
        %h1, %c1 = lstm_cell %x, %h, %c, %u, %v, %a, %b : f32[1,1], f32[1,1]
        return %h1, %c1
      }
      // run: @f([[0]], [[0]], [[0]], [[1], [1], [1], [1]], [[0], [0], [0], [0]], [0, 0, 0, 0], [0, 0, 0, 0]) == [[0]], [[0]]

      """)
}
