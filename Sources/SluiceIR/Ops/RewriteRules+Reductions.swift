/// Reductions in one form, so that equal ones are found.
extension RewriteRule {
  static let keepDims = RewriteRule(
    "keep-dims", "f(x, axes, keep_dims) = reshape(f(x, axes))"
  ) { builder, op, x, attributes in
    guard builder.tables.attributes.bool(attributes, .keepDims) else { return nil }
    let others = builder.tables.attributes.attributes(attributes).filter { $0.name != .keepDims }
    let rank = builder.shape(x[0]).count
    let axes =
      op.definition.attribute(.axis) == nil
      ? builder.tables.axes(attributes, rank: rank) : [builder.tables.axis(attributes, of: op, rank: rank)]
    let one = builder.tables.dims.integer(1)
    let shape = builder.shape(x[0]).enumerated().map { axes.contains($0.offset) ? one : $0.element }
    return builder.reshape(builder.make(op, [x[0]], others), shape)
  }

  static let sortAxes = RewriteRule(
    "sort-axes", "f(x, axes) = f(x), where these are all, and counts axes from the front in order"
  ) { builder, op, x, attributes in
    guard let given = builder.tables.attributes.ints(attributes, .axes) else { return nil }
    let rank = builder.shape(x[0]).count
    let axes = builder.tables.axes(attributes, rank: rank)
    let sorted: [Int64]? = axes.count == rank ? nil : axes.map { Int64($0) }
    if sorted == given { return nil }
    var others = builder.tables.attributes.attributes(attributes).filter { $0.name != .axes }
    if let sorted { others.append(Attribute(.axes, .ints(sorted))) }
    return builder.make(op, [x[0]], others)
  }

  /// Rounding keeps the order of numbers, -0 before +0 too, and a product with such a c is NaN only where x is.
  static let extremeScale = RewriteRule(
    "extreme-scale", "max(x * c) = max(x) * c and max(x / c) = max(x) / c for 0 < c < inf, min as well"
  ) { builder, op, x, attributes in
    let scaling = builder.op(x[0])
    guard scaling == .multiply || scaling == .divide else { return nil }
    var operands = builder.operands(of: x[0])
    guard
      let place = operands.indices.reversed().first(where: {
        ($0 == 1 || scaling == .multiply) && isPositive(builder, operands[$0])
      })
    else { return nil }
    let others = builder.tables.attributes.attributes(attributes)
    let extreme = builder.make(op, [operands[1 - place]], others)
    var factor = operands[place]
    if builder.op(factor) == .broadcast { factor = builder.operands(of: factor)[0] }
    operands[1 - place] = extreme
    operands[place] = builder.broadcast(factor, like: extreme)
    return builder.make(scaling, operands)
  }

  /// Whether a value is one float above 0 everywhere, and finite.
  private static func isPositive(_ builder: borrowing ModuleBuilder, _ value: ValueID) -> Bool {
    guard let bits = constant(builder, value) else { return false }
    switch builder.dtype(value) {
    case .f32:
      let number = Float(bitPattern: UInt32(truncatingIfNeeded: bits))
      return number > 0 && number.isFinite
    case .f64:
      let number = Double(bitPattern: bits)
      return number > 0 && number.isFinite
    default: return false
    }
  }
}
