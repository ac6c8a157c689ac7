/// The derivatives of views: the cotangents of elements go back to where the elements came from.
extension GradientRule {
  static let reshape = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    builder.reshape(node.cotangent, builder.shape(node.x))
  }

  static let transpose = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let order = builder.tables.attributes.ints(node.attributes, .order) ?? []
    let back = order.indices.map { axis in order.firstIndex(of: Int64(axis)) ?? axis }
    return builder.contraction(node.cotangent, transposedBy: back)
      ?? builder.transpose(node.cotangent, back)
  }

  /// The sum over all copies.
  static let broadcast = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let (old, new) = (builder.shape(node.x), builder.shape(node.cotangent))
    let added = new.count - old.count
    let axes = new.indices.filter { $0 < added || old[$0 - added] != new[$0] }
    if axes.isEmpty { return node.cotangent }
    return builder.reshape(builder.reduce(.sum, node.cotangent, axes, keepDims: false), old)
  }

  static let slice = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let shape = builder.shape(node.x)
    let start = builder.tables.attributes.dims(node.attributes, .start) ?? []
    let strides = builder.tables.attributes.ints(node.attributes, .strides)
    var result = node.cotangent
    for axis in shape.indices {
      result = try builder.place(
        result, axis: axis, start: start[axis], stride: strides?[axis] ?? 1, in: shape[axis])
    }
    return result
  }

  static let reverse = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let axes = builder.tables.axes(node.attributes, rank: builder.shape(node.x).count)
    return builder.reverse(node.cotangent, axes: axes)
  }

  static let concat = cotangents {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let axis = builder.tables.axis(node.attributes, of: .concat, rank: builder.shape(node.x).count)
    var start = builder.dim(0)
    return node.operands.map { operand in
      let limit = builder.sum(start, builder.shape(operand)[axis])
      defer { start = limit }
      return builder.slice(node.cotangent, axis: axis, start, limit)
    }
  }

  static let pad = cotangents {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let shape = builder.shape(node.x)
    let low = builder.tables.attributes.dims(node.attributes, .low) ?? []
    let high = builder.tables.attributes.dims(node.attributes, .high) ?? []
    let limit = zip(low, shape).map { builder.sum($0, $1) }
    let inside = builder.make(
      .slice, [node.cotangent], [Attribute(.start, .dims(low)), Attribute(.limit, .dims(limit))])
    guard node.wanted[1] else { return [inside, nil] }
    let hole = builder.broadcast(builder.scalar(0, .bool), to: shape)
    let isRim = builder.pad(hole, bits: 1, low: low, high: high)
    let rim = builder.select(isRim, node.cotangent, builder.splat(0, like: node.cotangent))
    return [inside, builder.reduce(.sum, rim, Array(shape.indices), keepDims: false)]
  }

  /// Every element of x gets the sum over the windows that it is in.
  static let unfold = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let shape = builder.shape(node.x)
    let tables = builder.tables
    let axis = tables.axis(node.attributes, of: .unfold, rank: shape.count)
    let size = tables.int(node.attributes, .size, default: 1)
    let step = tables.attributes.int(node.attributes, .step) ?? 1
    let dilation = tables.int(node.attributes, .dilation, default: 1)
    let windows = Array(builder.shape(node.cotangent).dropLast())
    guard size <= maximumWindow else {
      throw InferenceError(
        "`unfold` of windows of \(size) elements has no derivative",
        hint: "they have at most \(maximumWindow)")
    }
    var result: ValueID?
    for position in 0..<size {
      let column = builder.slice(node.cotangent, axis: shape.count, position, position + 1)
      let part = try builder.place(
        builder.reshape(column, windows), axis: axis, start: builder.dim(position * dilation), stride: step,
        in: shape[axis])
      result = result.map { builder.add($0, part) } ?? part
    }
    guard let result else { throw InferenceError("`unfold` of windows without elements") }
    return result
  }
}

/// The derivative of `unfold` is a sum with a term for every element of a window.
private let maximumWindow = 4096

extension ModuleBuilder {
  /// The transpose of a contraction, as a contraction whose result has its axes in that order.
  ///
  /// So the gradient of a weight that was used transposed lies as the weight does. Nil where the value is none.
  mutating func contraction(_ value: ValueID, transposedBy order: [Int]) -> ValueID? {
    guard op(value) == .contract,
      let equation = tables.attributes.string(attributes(of: value), .equation)
    else { return nil }
    let parts = tables.strings[equation].split(separator: ">", omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    let letters = Array(parts[1])
    guard letters.count == order.count else { return nil }
    let factors = operands(of: value)
    return contract("\(parts[0])>\(String(order.map { letters[$0] }))", factors[0], factors[1])
  }

  /// Puts the elements of an axis among zeros, from `start` in steps of `stride`: the transpose of a slice.
  mutating func place(
    _ x: ValueID, axis: Int, start: DimID, stride: Int64, in length: DimID
  ) throws(InferenceError) -> ValueID {
    let one = dim(1)
    var x = x
    var (first, count) = (start, shape(x)[axis])
    let step = stride.magnitude
    if step > 1 {
      // Every element gets step - 1 zeros beside it, behind it in the direction of the slice.
      let zeros = tables.dims.integer(Int64(clamping: step - 1))
      let spread = shape(x)
      // Axes before and behind are one each: there may be no room for another axis.
      let outer = try Infer.fits(tables.dims.product(Array(spread[..<axis])))
      let inner = try Infer.fits(tables.dims.product(Array(spread[(axis + 1)...])))
      let none = [dim(0), dim(0), dim(0), dim(0)]
      let rim = [dim(0), dim(0), zeros, dim(0)]
      var wide = reshape(x, [outer, count, one, inner])
      if stride < 0 { wide = reverse(wide, axes: [1]) }
      wide = pad(wide, bits: 0, low: stride < 0 ? rim : none, high: stride < 0 ? none : rim)
      count = try Infer.fits(tables.dims.multiply(count, tables.dims.integer(Int64(clamping: step))))
      x = reshape(wide, spread.indices.map { $0 == axis ? count : spread[$0] })
    } else if stride < 0 {
      x = reverse(x, axes: [axis])
    }
    if stride < 0 {
      first = try Infer.fits(tables.dims.add(try Infer.fits(tables.dims.subtract(start, count)), one))
    }
    let end = try Infer.fits(tables.dims.add(first, count))
    let rest = try Infer.fits(tables.dims.subtract(length, end))
    // The zeros beside the outermost element may reach beyond the axis.
    let low = try fit(&x, axis, first, atStart: true)
    let high = try fit(&x, axis, rest, atStart: false)
    let shape = shape(x)
    return pad(
      x, bits: 0, low: shape.indices.map { $0 == axis ? low : dim(0) },
      high: shape.indices.map { $0 == axis ? high : dim(0) })
  }

  /// How many zeros go to one end of an axis; takes elements away there where it is less than none.
  private mutating func fit(
    _ x: inout ValueID, _ axis: Int, _ room: DimID, atStart: Bool
  ) throws(InferenceError) -> DimID {
    if tables.dims.isNeverNegative(room) { return room }
    let zero = dim(0)
    let excess = try Infer.fits(tables.dims.subtract(zero, room))
    guard tables.dims.isNeverNegative(excess) else {
      throw InferenceError(
        "the derivative of a slice with steps needs to know whether \(tables.text(room)) is negative",
        hint: "make the length a multiple of the step")
    }
    let length = shape(x)[axis]
    if atStart {
      x = slice(x, axis: axis, excess, length)
    } else {
      x = slice(x, axis: axis, zero, try Infer.fits(tables.dims.subtract(length, excess)))
    }
    return zero
  }
}
