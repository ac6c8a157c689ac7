/// Attention, and the positions that it needs to know.
extension OpDefinition {
  static let attention = OpDefinition(
    "attention",
    "softmax(q k^T * scale) v over the last two axes (Vaswani et al. 2017, equation 1); q may have several heads "
      + "for one of k and v. Keys that a query does not see take no part in its result; one that sees none gives 0",
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
          hint: "a bool that is true where a query sees a key, or \(dtype.name) to be added to the scores, "
            + "-inf where it does not; it repeats to \(tables.text(scores))")
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
    let (m, n) = (qs[rank - 2], ks[rank - 2])
    let (scoreShape, grouped) = (Array(qs.dropLast() + [n]), Array(builder.shape(q).dropLast() + [n]))
    // What is given for scores [.., heads, m, n] stands for [.., key heads, heads a key head, m, n] too.
    func spread(_ value: ValueID) -> ValueID {
      builder.reshape(builder.broadcast(value, to: scoreShape), grouped)
    }
    let isCausal = builder.tables.attributes.bool(attributes, .causal)
    let pairs = seenPairs(&builder, mask: x.count == 4 ? x[3] : nil, causal: isCausal, m, n)
    var scores: ValueID
    if let pairs {
      scores = builder.make(.sampledMatmul, [q, builder.transposed(k), spread(pairs)])
    } else {
      scores = builder.make(.matmul, [q, k], [Attribute(.transposeRhs, .bool(true))])
    }
    if let scale = builder.tables.attributes.number(attributes, .scale) {
      scores = builder.multiply(scores, scale)
    } else {
      let width = builder.unary(.rsqrt, builder.count([qs[rank - 1]], builder.dtype(q)))
      scores = builder.multiply(scores, width)
    }
    let mixed: ValueID
    if let pairs {
      if x.count == 4, builder.dtype(x[3]) != .bool {
        let isSeen = builder.compare(.notEqual, x[3], -.infinity)
        let bias = builder.select(isSeen, x[3], builder.splat(0, like: x[3]))
        scores = builder.add(scores, spread(bias))
      }
      // Excluded keys have the weight 0; a query that sees none has any weights, of which none is used.
      let seesAny = builder.reduce(.any, pairs, [builder.shape(pairs).count - 1])
      let excluded = builder.select(
        seesAny, builder.broadcast(builder.scalar(-.infinity, builder.dtype(q)), like: seesAny),
        builder.broadcast(builder.scalar(0, builder.dtype(q)), like: seesAny))
      let weights = builder.make(.softmax, [builder.select(spread(pairs), scores, spread(excluded))])
      mixed = builder.make(.maskedMatmul, [weights, v, spread(pairs)])
    } else {
      mixed = builder.make(.matmul, [builder.make(.softmax, [scores]), v])
    }
    return builder.reshape(mixed, qs.dropLast() + [vs[rank - 1]])
  }

  /// Which queries see which keys, a bool [.., m, n] that repeats to the scores; nil where all see all.
  private static func seenPairs(
    _ builder: inout ModuleBuilder, mask: ValueID?, causal: Bool, _ m: DimID, _ n: DimID
  ) -> ValueID? {
    var pairs: ValueID?
    if let mask {
      var isSeen = mask
      if builder.dtype(mask) != .bool { isSeen = builder.compare(.notEqual, mask, -.infinity) }
      let shape = builder.shape(mask)
      let one = builder.dim(1)
      let lead = Array(repeating: one, count: Swift.max(0, 2 - shape.count)) + shape
      pairs = builder.broadcast(
        builder.reshape(isSeen, lead), to: lead.dropLast(2) + [causal ? m : lead[lead.count - 2], n])
    }
    guard causal else { return pairs }
    let shift = builder.make(.subtract, [builder.count([n], .i64), builder.count([m], .i64)])
    let row = builder.add(builder.iota([m, n], axis: 0, .i64), shift)
    let isBefore = builder.make(.lessEqual, [builder.iota([m, n], axis: 1, .i64), row])
    guard let pairs else { return isBefore }
    return builder.make(.and, [pairs, builder.broadcast(isBefore, like: pairs)])
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
}
