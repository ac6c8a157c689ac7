/// Views of views become one view, or none; views that only add or leave out axes of dim 1 move behind maps.
extension RewriteRule {
  static let reshapeReshape = RewriteRule(
    "reshape-reshape", "reshape(reshape(x)) = reshape(x)"
  ) { builder, op, x, attributes in
    guard builder.op(x[0]) == .reshape else { return nil }
    return builder.make(op, builder.operands(of: x[0]), builder.tables.attributes.attributes(attributes))
  }

  static let transposeIdentity = RewriteRule(
    "transpose-identity", "transpose(x, order = 0, 1, ...) = x"
  ) { builder, _, x, attributes in
    let order = builder.tables.attributes.ints(attributes, .order) ?? []
    return order.elementsEqual((0..<order.count).map { Int64($0) }) ? x[0] : nil
  }

  static let transposeTranspose = RewriteRule(
    "transpose-transpose", "transpose(transpose(x, p), q) = transpose(x, p[q])"
  ) { builder, op, x, attributes in
    guard builder.op(x[0]) == .transpose,
      let inner = builder.tables.attributes.ints(builder.attributes(of: x[0]), .order),
      let outer = builder.tables.attributes.ints(attributes, .order)
    else { return nil }
    return builder.make(
      op, builder.operands(of: x[0]), [Attribute(.order, .ints(outer.map { inner[Int($0)] }))])
  }

  static let transposeOnes = RewriteRule(
    "transpose-ones", "transpose(x) = reshape(x), where only axes of dim 1 change places"
  ) { builder, _, x, attributes in
    let order = builder.tables.attributes.ints(attributes, .order) ?? []
    let shape = builder.shape(x[0])
    let one = builder.tables.dims.integer(1)
    let others = order.filter { shape[Int($0)] != one }
    guard zip(others, others.dropFirst()).allSatisfy({ $0 < $1 }) else { return nil }
    return builder.reshape(x[0], order.map { shape[Int($0)] })
  }

  static let broadcastBroadcast = RewriteRule(
    "broadcast-broadcast", "broadcast(broadcast(x)) = broadcast(x)"
  ) { builder, op, x, attributes in
    guard builder.op(x[0]) == .broadcast else { return nil }
    return builder.make(op, builder.operands(of: x[0]), builder.tables.attributes.attributes(attributes))
  }

  static let broadcastReshape = RewriteRule(
    "broadcast-reshape", "broadcast(reshape(x)) = broadcast(x), where that adds axes of dim 1 in front"
  ) { builder, op, x, attributes in
    guard builder.op(x[0]) == .reshape else { return nil }
    let source = builder.operands(of: x[0])[0]
    let (inner, shape) = (builder.shape(source), builder.shape(x[0]))
    let one = builder.tables.dims.integer(1)
    guard shape.count > inner.count, Array(shape.suffix(inner.count)) == inner,
      shape.dropLast(inner.count).allSatisfy({ $0 == one })
    else { return nil }
    return builder.make(op, [source], builder.tables.attributes.attributes(attributes))
  }

  static let broadcastOnes = RewriteRule(
    "broadcast-ones", "broadcast(x) = reshape(x), where that only adds axes of dim 1"
  ) { builder, _, x, attributes in
    let inner = builder.shape(x[0])
    let shape = builder.tables.attributes.dims(attributes, .shape) ?? []
    let one = builder.tables.dims.integer(1)
    // A number everywhere stays one.
    guard !inner.isEmpty, Array(shape.suffix(inner.count)) == inner,
      shape.dropLast(inner.count).allSatisfy({ $0 == one })
    else { return nil }
    return builder.reshape(x[0], shape)
  }

  static let sliceSlice = RewriteRule(
    "slice-slice", "slice(slice(x)) = slice(x), in steps of 1"
  ) { builder, op, x, attributes in
    guard builder.op(x[0]) == .slice else { return nil }
    let inner = builder.attributes(of: x[0])
    guard builder.tables.attributes.ints(inner, .strides)?.allSatisfy({ $0 == 1 }) ?? true,
      builder.tables.attributes.ints(attributes, .strides)?.allSatisfy({ $0 == 1 }) ?? true,
      let first = builder.tables.attributes.dims(inner, .start),
      let starts = builder.tables.attributes.dims(attributes, .start),
      let limits = builder.tables.attributes.dims(attributes, .limit)
    else { return nil }
    var (start, limit): ([DimID], [DimID]) = ([], [])
    for axis in first.indices {
      guard let low = builder.tables.dims.add(first[axis], starts[axis]),
        let high = builder.tables.dims.add(first[axis], limits[axis])
      else { return nil }
      start.append(low)
      limit.append(high)
    }
    // That it stays within x may be beyond proof where dims are symbols.
    return try? builder.emit(
      op, builder.operands(of: x[0]), [Attribute(.start, .dims(start)), Attribute(.limit, .dims(limit))])
  }

  static let padPad = RewriteRule(
    "pad-pad", "pad(pad(x, v), v) = pad(x, v)"
  ) { builder, op, x, attributes in
    guard builder.op(x[0]) == .pad else { return nil }
    let (inner, operands) = (builder.attributes(of: x[0]), builder.operands(of: x[0]))
    guard operands[1] == x[1],
      let low = builder.sums(.low, inner, attributes), let high = builder.sums(.high, inner, attributes)
    else { return nil }
    return builder.make(op, operands, [Attribute(.low, .dims(low)), Attribute(.high, .dims(high))])
  }

  static let reverseReverse = RewriteRule(
    "reverse-reverse", "reverse(reverse(x, axes), axes) = x"
  ) { builder, _, x, attributes in
    guard builder.op(x[0]) == .reverse else { return nil }
    let rank = builder.shape(x[0]).count
    let (inner, outer) = (builder.attributes(of: x[0]), attributes)
    return builder.tables.axes(inner, rank: rank) == builder.tables.axes(outer, rank: rank)
      ? builder.operands(of: x[0])[0] : nil
  }

  static let mapReshape = RewriteRule(
    "map-reshape", "f(reshape(x), ...) = reshape(f(x, ...)), where that adds axes of dim 1"
  ) { builder, op, x, attributes in
    var source: [DimID]?
    for i in x.indices where builder.op(x[i]) == .reshape {
      let shape = builder.shape(builder.operands(of: x[i])[0])
      guard source == nil || source == shape else { return nil }
      source = shape
    }
    guard let source else { return nil }
    let target = builder.shape(x[0])
    let one = builder.tables.dims.integer(1)
    guard source.count < target.count, source.filter({ $0 != one }) == target.filter({ $0 != one }) else {
      return nil
    }
    var operands: [ValueID] = []
    for i in x.indices {
      let inner = builder.operands(of: x[i])
      switch builder.op(x[i]) {
      case .reshape: operands.append(inner[0])
      case .broadcast where builder.shape(inner[0]).isEmpty:
        operands.append(builder.broadcast(inner[0], to: source))
      default: return nil
      }
    }
    let value = builder.make(op, operands, builder.tables.attributes.attributes(attributes))
    return builder.reshape(value, target)
  }
}

extension ModuleBuilder {
  /// The sums of the numbers that two records have for every axis.
  fileprivate mutating func sums(
    _ name: AttributeName, _ a: AttributesID, _ b: AttributesID
  ) -> [DimID]? {
    guard let a = tables.attributes.dims(a, name), let b = tables.attributes.dims(b, name) else { return nil }
    var sums: [DimID] = []
    for (first, second) in zip(a, b) {
      guard let sum = tables.dims.add(first, second) else { return nil }
      sums.append(sum)
    }
    return sums
  }
}
