/// The derivatives of reductions and of sums and products up to every place.
extension GradientRule {
  /// A result of a reduction, repeated along the axes that were reduced.
  static func spread(
    _ value: ValueID, _ node: GradientNode, _ builder: inout ModuleBuilder
  ) -> ValueID {
    let shape = builder.shape(node.x)
    let axes = builder.tables.axes(node.attributes, rank: shape.count)
    let one = builder.dim(1)
    let kept = shape.indices.map { axes.contains($0) ? one : shape[$0] }
    return builder.broadcast(builder.reshape(value, kept), to: shape)
  }

  static let sum = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    spread(node.cotangent, node, &builder)
  }

  /// The product of all other elements: what stands before times what stands behind, which is right for zeros too.
  static let prod = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let shape = builder.shape(node.x)
    let axes = builder.tables.axes(node.attributes, rank: shape.count)
    let others = shape.indices.filter { !axes.contains($0) }
    let order = others + axes
    let moved = builder.transpose(node.x, order)
    let length = try Infer.fits(builder.tables.dims.product(axes.map { shape[$0] }))
    let rows = builder.reshape(moved, others.map { shape[$0] } + [length])
    let exclusive = Attribute(.exclusive, .bool(true))
    let before = builder.make(.cumprod, [rows], [exclusive])
    let behind = builder.make(.cumprod, [rows], [Attribute(.reverse, .bool(true)), exclusive])
    let product = builder.reshape(builder.multiply(before, behind), order.map { shape[$0] })
    let inverse = order.indices.map { axis in order.firstIndex(of: axis) ?? axis }
    let slope = builder.transpose(product, inverse)
    return builder.multiply(slope, spread(node.cotangent, node, &builder))
  }

  /// Equal parts for all elements that are the largest or smallest one.
  static let extremes = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let isChosen = builder.compare(.equal, node.x, spread(node.result, node, &builder))
    let dtype = builder.dtype(node.cotangent)
    let chosen = builder.cast(isChosen, dtype)
    let axes = builder.tables.axes(node.attributes, rank: builder.shape(node.x).count)
    let keeps = builder.tables.attributes.bool(node.attributes, .keepDims)
    let count = builder.reduce(.sum, chosen, axes, keepDims: keeps)
    let share = spread(builder.divide(node.cotangent, count), node, &builder)
    return builder.select(isChosen, share, builder.splat(0, like: share))
  }.marksNaN(spread: { spread($2, $1, &$0) })

  // MARK: Along an axis

  static let cumsum = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let rank = builder.shape(node.x).count
    let isReverse = builder.tables.attributes.bool(node.attributes, .reverse)
    let isExclusive = builder.tables.attributes.bool(node.attributes, .exclusive)
    return builder.make(
      .cumsum, [node.cotangent],
      [
        Attribute(.axis, .int(Int64(builder.tables.axis(node.attributes, of: .cumsum, rank: rank)))),
        Attribute(.reverse, .bool(!isReverse)), Attribute(.exclusive, .bool(isExclusive)),
      ])
  }

  /// With z[j] = z[j-1] x[j]: dx[j] = g[j] z[j-1] for g[j] = dz[j] + x[j+1] g[j+1], which is right for zeros too.
  static let cumprod = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let shape = builder.shape(node.x)
    let axis = builder.tables.axis(node.attributes, of: .cumprod, rank: shape.count)
    let isReverse = builder.tables.attributes.bool(node.attributes, .reverse)
    let isExclusive = builder.tables.attributes.bool(node.attributes, .exclusive)
    let before = builder.make(
      .cumprod, [node.x],
      [
        Attribute(.axis, .int(Int64(axis))), Attribute(.reverse, .bool(isReverse)),
        Attribute(.exclusive, .bool(true)),
      ])
    // Element j of the exclusive product is element j - 1 of the inclusive one.
    var cotangent = node.cotangent
    if isExclusive { cotangent = try builder.advance(cotangent, axis, by: 0, backwards: isReverse) }
    let next = try builder.advance(node.x, axis, by: 1, backwards: isReverse)

    let order = [axis] + shape.indices.filter { $0 != axis }
    let inverse = order.indices.map { axis in order.firstIndex(of: axis) ?? axis }
    let sequences = [builder.transpose(cotangent, order), builder.transpose(next, order)]
    let carryShape = Array(order.dropFirst().map { shape[$0] })
    let type = builder.tables.types.intern(builder.dtype(cotangent), carryShape)
    let body = try builder.linearRecurrence(type)
    let zero = builder.scalar(0, builder.dtype(cotangent))
    let first = try builder.emit(
      .scan, [builder.broadcast(zero, to: carryShape)] + sequences,
      [
        Attribute(.body, .graph(body)), Attribute(.carries, .int(1)), Attribute(.sequences, .int(2)),
        Attribute(.reverse, .bool(!isReverse)),
      ])
    let sums = builder.transpose(ValueID(first.index + 1), inverse)
    return builder.multiply(sums, before)
  }

  /// The cotangents of a running maximum go to the last element that was it.
  static let cumulativeExtremes = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let shape = builder.shape(node.x)
    let axis = builder.tables.axis(node.attributes, of: .cummax, rank: shape.count)
    let isReverse = builder.tables.attributes.bool(node.attributes, .reverse)
    let places = builder.iota(shape, axis: axis)
    // In the direction of the sweep places grow, or fall when it is reversed.
    let none = builder.broadcast(builder.count([shape[axis]], .i32), to: shape)
    let outside = isReverse ? none : builder.splat(-1, like: places)
    let isRecord = builder.compare(.equal, node.x, node.result)
    let chosen = builder.make(
      isReverse ? .cummin : .cummax, [builder.select(isRecord, places, outside)],
      [Attribute(.axis, .int(Int64(axis))), Attribute(.reverse, .bool(isReverse))])
    let target = builder.select(builder.compare(.equal, chosen, outside), none, chosen)
    return try builder.scatterAddAlong(axis, of: node.x, target, node.cotangent)
  }.marksNaN(mark: { builder, node in
    // The last result of a row is NaN where any element is.
    let shape = builder.shape(node.x)
    let axis = builder.tables.axis(node.attributes, of: .cummax, rank: shape.count)
    let isNaN = builder.reduce(.any, builder.unary(.isNaN, node.x), [axis])
    return builder.select(
      builder.broadcast(isNaN, to: shape), builder.splat(.nan, like: node.x),
      builder.splat(1, like: node.x))
  })
}

extension ModuleBuilder {
  /// The elements one place further along an axis; behind the last one comes a number.
  fileprivate mutating func advance(
    _ x: ValueID, _ axis: Int, by filler: Double, backwards: Bool
  ) throws(InferenceError) -> ValueID {
    let shape = shape(x)
    let rim = shape.indices.map { $0 == axis ? dim(1) : shape[$0] }
    let extra = broadcast(scalar(filler, dtype(x)), to: rim)
    let longer = try Infer.fits(tables.dims.add(shape[axis], dim(1)))
    if backwards { return slice(concat([extra, x], axis: axis), axis: axis, dim(0), shape[axis]) }
    return slice(concat([x, extra], axis: axis), axis: axis, dim(1), longer)
  }

  /// A body that takes g, d and x and gives d + x g, carried and as an output.
  fileprivate mutating func linearRecurrence(_ type: TypeID) throws(InferenceError) -> GraphID {
    let symbols = tables.types.shape(type).flatMap { tables.dims.symbols(in: $0) }
    var unique: [SymbolID] = []
    for symbol in symbols where !unique.contains(symbol) { unique.append(symbol) }
    begin(.body, freeName("linear_recurrence"), symbols: unique)
    let inputs = ["g", "d", "x"].map { input(type, name: tables.strings.intern($0)) }
    let next = make(.fma, [inputs[2], inputs[0], inputs[1]])
    return try end(results: [next, next])
  }

  /// Zeros of the shape of x, with values added at places along an axis; -1 is the last place, and what is out of range
  /// is left out.
  ///
  /// The elements are addressed as in one row, because `scatter_add` takes the same places for all rows.
  mutating func scatterAddAlong(
    _ axis: Int, of x: ValueID, _ places: ValueID, _ values: ValueID
  ) throws(InferenceError) -> ValueID {
    let shape = shape(x)
    let count = try Infer.fits(tables.elementCount(type(x)))
    let placeShape = self.shape(places)
    let wide = cast(places, .i64)
    let length = broadcast(self.count([shape[axis]], .i64), to: placeShape)
    let isNegative = compare(.less, wide, 0)
    let front = select(isNegative, add(wide, length), wide)
    let isInside = make(
      .and, [compare(.greaterEqual, front, 0), make(.less, [front, length])])
    var index = iota(placeShape, axis: axis, .i64)
    index = splat(0, like: index)
    for (current, dim) in shape.enumerated() {
      let own = current == axis ? front : iota(placeShape, axis: current, .i64)
      index = add(multiply(index, broadcast(self.count([dim], .i64), to: placeShape)), own)
    }
    // Far outside: `scatter_add` leaves it out.
    let total = broadcast(self.count([count], .i64), to: placeShape)
    index = select(isInside, index, total)
    let valueCount = try Infer.fits(tables.elementCount(type(values)))
    let zeros = broadcast(scalar(0, dtype(values)), to: [count])
    let flat = make(
      .scatterAdd, [zeros, reshape(index, [valueCount]), reshape(values, [valueCount])],
      [Attribute(.axis, .int(0))])
    return reshape(flat, shape)
  }
}
