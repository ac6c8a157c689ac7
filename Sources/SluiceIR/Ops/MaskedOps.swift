/// Products of matrices in which a mask leaves pairs out: what attention with a mask is made of.
///
/// A pair that is left out takes no part, whatever stands there: 0 times NaN would be NaN. Each op's derivative is made
/// of the two ops again, so that this holds for derivatives of any order.
extension OpDefinition {
  private static func masked(
    _ name: String, _ summary: String, masksResult: Bool, gradient: GradientRule, example: String,
    _ body: @escaping @Sendable (inout ModuleBuilder, ValueID, ValueID, ValueID) -> ValueID
  ) -> OpDefinition {
    OpDefinition(
      name, summary,
      family: .expand(Expansion { builder, x, _ in [body(&builder, x[0], x[1], x[2])] }),
      operands: [OperandSpec("x", .floats), OperandSpec("y", .floats), OperandSpec("mask", .bool)],
      infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
        let operands = inference.operands
        let (x, y) = (tables.types.shape(operands[0]), tables.types.shape(operands[1]))
        let rank = x.count
        guard rank >= 2, y.count == rank, tables.types.dtype(operands[0]) == tables.types.dtype(operands[1]),
          x.dropLast(2) == y.dropLast(2), x[rank - 1] == y[rank - 2]
        else {
          throw InferenceError(
            "`\(name)` of \(tables.text(operands[0])) and \(tables.text(operands[1]))",
            hint: "x is [..., m, k] and y is [..., k, n], with the same axes in front and one dtype")
        }
        let result = Array(x.dropLast() + [y[rank - 1]])
        let wanted = masksResult ? result : x
        guard tables.types.shape(operands[2]) == wanted else {
          let type = tables.types.intern(.bool, wanted)
          throw InferenceError(
            "`\(name)` with the mask \(tables.text(operands[2]))", hint: "it is \(tables.text(type))")
        }
        try requireRoom(tables: &tables, x)
        inference.results.append(tables.types.intern(tables.types.dtype(operands[0]), result))
      }, gradient: gradient, example: example)
  }

  /// Throws where the first two axes cannot be one, which makes room for another axis beside the most that there may be.
  static func requireRoom(tables: inout Tables, _ shape: [DimID]) throws(InferenceError) {
    if shape.count == TypeTable.maximumRank { _ = try Infer.fits(tables.dims.product(Array(shape[..<2]))) }
  }

  static let maskedMatmul = masked(
    "masked_matmul",
    "the sum over k of x[i,k] y[k,j] without the terms where mask[i,k] is false, whatever x and y are there",
    masksResult: false, gradient: .maskedMatmul,
    example: exampleText(
      "%x: f32[1,2], %y: f32[2,1], %mask: bool[1,2]", "masked_matmul %x, %y, %mask", "f32[1,1]",
      run: "([[2, 1]], [[3], [nan]], [[true, false]]) == [[6]]")
  ) { builder, x, y, mask in
    let kept = builder.select(mask, x, builder.splat(0, like: x))
    let isFinite = builder.unary(.isFinite, y)
    let isPlain = builder.reduce(.all, isFinite, Array(builder.shape(y).indices), keepDims: false)
    let types = [kept, y, mask].map { builder.type($0) }
    let plain = builder.body("masked_matmul.finite", types) { builder, inputs in
      builder.make(.matmul, [inputs[0], inputs[1]])
    }
    let careful = builder.body("masked_matmul.careful", types) { builder, inputs in
      carefulProduct(&builder, inputs[0], inputs[1], inputs[2])
    }
    return builder.make(
      .cond, [isPlain, kept, y, mask],
      [Attribute(.then, .graph(plain)), Attribute(.otherwise, .graph(careful))])
  }

  /// The product where y has infinities or NaN: term by term in the elements that they reach, and the bits of the plain
  /// product, to which they are zeros, in all others.
  private static func carefulProduct(
    _ builder: inout ModuleBuilder, _ x: ValueID, _ y: ValueID, _ mask: ValueID
  ) -> ValueID {
    let shape = builder.shape(x).dropLast() + builder.shape(y).suffix(1)
    func roomy(_ value: ValueID) -> ValueID {
      let shape = builder.shape(value)
      if shape.count < TypeTable.maximumRank { return value }
      return builder.reshape(value, [builder.product(Array(shape[..<2]))] + shape.dropFirst(2))
    }
    let (x, y, mask) = (roomy(x), roomy(y), roomy(mask))
    let rank = builder.shape(x).count
    let one = builder.dim(1)
    // The summed axis is the last one: terms are made and summed in one loop, and never kept.
    let turned = builder.transposed(y)
    let terms = builder.shape(x).suffix(1)
    let cube = Array(builder.shape(x).dropLast() + builder.shape(y).suffix(1) + terms)
    let column = Array(builder.shape(x).dropLast() + [one] + terms)
    let row = Array(builder.shape(turned).dropLast(2) + [one] + builder.shape(turned).suffix(2))
    func spread(_ value: ValueID, _ shape: [DimID]) -> ValueID {
      builder.broadcast(builder.reshape(value, shape), to: cube)
    }
    let isFinite = builder.unary(.isFinite, y)
    let isSeen = spread(mask, column)
    let isOdd = builder.unary(.not, spread(builder.transposed(isFinite), row))
    let isReached = builder.reduce(.any, builder.make(.and, [isSeen, isOdd]), [rank], keepDims: false)
    let products = builder.multiply(spread(x, column), spread(turned, row))
    let seen = builder.select(isSeen, products, builder.splat(0, like: products))
    let sums = builder.reduce(.sum, seen, [rank], keepDims: false)
    let finite = builder.select(isFinite, y, builder.splat(0, like: y))
    let plain = builder.make(.matmul, [x, finite])
    return builder.reshape(builder.select(isReached, sums, plain), Array(shape))
  }

  static let sampledMatmul = masked(
    "sampled_matmul",
    "the sum over k of x[i,k] y[k,j] where mask[i,j] is true, else 0, whatever x and y are there",
    masksResult: true, gradient: .sampledMatmul,
    example: exampleText(
      "%x: f32[1,2], %y: f32[2,2], %mask: bool[1,2]", "sampled_matmul %x, %y, %mask", "f32[1,2]",
      run: "([[2, 1]], [[3, 1], [1, nan]], [[true, false]]) == [[7, 0]]")
  ) { builder, x, y, mask in
    let product = builder.make(.matmul, [x, y])
    return builder.select(mask, product, builder.splat(0, like: product))
  }
}

extension GradientRule {
  // dx = dz y^T and dy = x^T dz, of the pairs that are there
  static let maskedMatmul = cotangents {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let (mask, dz) = (node.operands[2], node.cotangent)
    var result: [ValueID?] = [nil, nil, nil]
    if node.wanted[0] {
      result[0] = builder.make(.sampledMatmul, [dz, builder.transposed(node.y), mask])
    }
    if node.wanted[1] {
      result[1] = builder.make(
        .maskedMatmul, [builder.transposed(node.x), dz, builder.transposed(mask)])
    }
    return result
  }

  // dx = dz y^T and dy^T = dz^T x, of the pairs that are there
  static let sampledMatmul = cotangents {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let (mask, dz) = (node.operands[2], node.cotangent)
    var result: [ValueID?] = [nil, nil, nil]
    if node.wanted[0] {
      result[0] = builder.make(.maskedMatmul, [dz, builder.transposed(node.y), mask])
    }
    if node.wanted[1] {
      let turned = builder.make(
        .maskedMatmul, [builder.transposed(dz), node.x, builder.transposed(mask)])
      result[1] = builder.transposed(turned)
    }
    return result
  }
}

extension ModuleBuilder {
  /// A body of one result for an expansion, made of inputs of these types alone.
  mutating func body(
    _ name: String, _ types: [TypeID], _ build: (inout ModuleBuilder, [ValueID]) -> ValueID
  ) -> GraphID {
    var symbols: [SymbolID] = []
    for symbol in types.flatMap({ tables.types.shape($0) }).flatMap({ tables.dims.symbols(in: $0) })
    where !symbols.contains(symbol) {
      symbols.append(symbol)
    }
    begin(.body, freeName(name), symbols: symbols)
    let inputs = types.map { input($0, name: .none) }
    let result = build(&self, inputs)
    do {
      return try end(results: [result])
    } catch {
      preconditionFailure("a body without writes cannot be wrong: \(error.message)")
    }
  }
}
