/// The derivatives of maps; z is the result and dz its cotangent.
///
/// Where a function has a kink, the rule takes the mean of the two sides for ties of `minimum` and `maximum`, the
/// inside for `clamp`, and 0 for `abs` and `relu`.
extension GradientRule {
  static let add = cotangents {
    (_: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    [node.cotangent, node.cotangent]
  }

  static let subtract = cotangents {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    [node.cotangent, builder.unary(.negate, node.cotangent)]
  }

  static let multiply = partials { _, x, _ in [x[1], x[0]] }

  // d(x / y) / dy = -(x / y) / y
  static let divide = cotangents {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let dx = builder.divide(node.cotangent, node.y)
    return [dx, builder.unary(.negate, builder.multiply(dx, node.result))]
  }

  // d(x - y trunc(x / y)) / dy = -trunc(x / y)
  static let remainder = cotangents {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let quotient = builder.unary(.trunc, builder.divide(node.x, node.y))
    return [node.cotangent, builder.unary(.negate, builder.multiply(node.cotangent, quotient))]
  }

  /// What `minimum` or `maximum` chose gets the cotangent; two equal operands get half of it each.
  static func extreme(_ wins: Op) -> GradientRule {
    cotangents { (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
      let zero = builder.splat(0, like: node.cotangent)
      let half = builder.multiply(node.cotangent, 0.5)
      let isTie = builder.compare(.equal, node.x, node.y)
      return [(node.x, node.y), (node.y, node.x)].map { own, other in
        let won = builder.select(builder.compare(wins, own, other), node.cotangent, zero)
        return builder.select(isTie, half, won)
      }
    }
  }

  static let fma = cotangents {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    [
      builder.multiply(node.cotangent, node.y), builder.multiply(node.cotangent, node.x), node.cotangent,
    ]
  }

  // minimum(maximum(x, low), high): high where it is below the rest, else low where x is below it, else x.
  static let clamp = cotangents {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let (x, low, high) = (node.operands[0], node.operands[1], node.operands[2])
    let zero = builder.splat(0, like: node.cotangent)
    let raised = builder.make(.maximum, [x, low])
    let isHigh = builder.compare(.greater, raised, high)
    let isLow = builder.compare(.less, x, low)
    let inside = builder.select(isHigh, zero, node.cotangent)
    return [
      builder.select(isLow, zero, inside), builder.select(isLow, inside, zero),
      builder.select(isHigh, node.cotangent, zero),
    ]
  }

  static let negate = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    builder.unary(.negate, node.cotangent)
  }

  static let abs = partials { builder, x, _ in [builder.unary(.sign, x[0])] }

  static let relu = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let isPositive = builder.compare(.greater, node.x, 0)
    return builder.select(isPositive, node.cotangent, builder.splat(0, like: node.cotangent))
  }

  static let select = cotangents {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let zero = builder.splat(0, like: node.cotangent)
    return [
      nil, builder.select(node.x, node.cotangent, zero), builder.select(node.x, zero, node.cotangent),
    ]
  }

  static let cast = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let dtype = builder.dtype(node.x)
    return builder.cast(node.cotangent, dtype.isNarrow ? .f32 : dtype)
  }

  // MARK: Roots and powers

  // 1 / (2 sqrt x)
  static let sqrt = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    builder.divide(builder.multiply(node.cotangent, 0.5), node.result)
  }

  // -1/2 x^(-3/2)
  static let rsqrt = partials { builder, _, z in
    let cube = builder.multiply(builder.multiply(z, z), z)
    return [builder.multiply(cube, -0.5)]
  }

  // 1 / (3 z^2)
  static let cbrt = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let square = builder.multiply(node.result, node.result)
    return builder.divide(node.cotangent, builder.multiply(square, 3))
  }

  // dx = y x^(y - 1), 0 for y = 0; dy = x^y log x, 0 for x = 0 and y >= 0.
  static let power = cotangents {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let (x, y) = (node.x, node.y)
    let zero = builder.splat(0, like: x)
    let slope = builder.multiply(builder.make(.power, [x, builder.subtract(y, 1)]), y)
    let dx = builder.select(builder.compare(.equal, y, 0), zero, slope)
    let isFlat = builder.make(
      .and, [builder.compare(.equal, x, 0), builder.compare(.greaterEqual, y, 0)])
    let growth = builder.multiply(node.result, builder.unary(.log, x))
    let dy = builder.select(isFlat, zero, growth)
    return [builder.multiply(node.cotangent, dx), builder.multiply(node.cotangent, dy)]
  }

  // MARK: Exponentials and logarithms

  static let exp = partials { _, _, z in [z] }
  static let expm1 = partials { builder, x, _ in [builder.unary(.exp, x[0])] }
  static let exp2 = partials { builder, _, z in [builder.multiply(z, 0.693147180559945309417)] }

  /// `dz / (factor * x)`.
  static func logarithm(_ factor: Double) -> GradientRule {
    first { (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
      builder.divide(node.cotangent, factor == 1 ? node.x : builder.multiply(node.x, factor))
    }
  }

  static let log = logarithm(1)
  static let log2 = logarithm(0.693147180559945309417)
  static let log1p = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    builder.divide(node.cotangent, builder.add(node.x, 1))
  }

  // 1 - z^2
  static let tanh = partials { builder, _, z in [builder.subtract(1, builder.multiply(z, z))] }
  // z (1 - z)
  static let sigmoid = partials { builder, _, z in [builder.multiply(z, builder.subtract(1, z))] }
  static let softplus = partials { builder, x, _ in [builder.unary(.sigmoid, x[0])] }

  // 2 / sqrt(pi) exp(-x^2)
  static let erf = partials { builder, x, _ in
    let power = builder.unary(.exp, builder.unary(.negate, builder.multiply(x[0], x[0])))
    return [builder.multiply(power, 1.12837916709551257390)]
  }

  // MARK: Circular and hyperbolic functions

  static let sin = partials { builder, x, _ in [builder.unary(.cos, x[0])] }
  static let cos = partials { builder, x, _ in [builder.unary(.negate, builder.unary(.sin, x[0]))] }
  // 1 + z^2
  static let tan = partials { builder, _, z in [builder.add(builder.multiply(z, z), 1)] }
  static let sinh = partials { builder, x, _ in [builder.unary(.cosh, x[0])] }
  static let cosh = partials { builder, x, _ in [builder.unary(.sinh, x[0])] }

  /// `sign / sqrt((1 - x)(1 + x))`.
  static func arc(_ sign: Double) -> GradientRule {
    partials { builder, x, _ in
      let square = builder.multiply(builder.subtract(1, x[0]), builder.add(x[0], 1))
      return [builder.multiply(builder.unary(.rsqrt, square), sign)]
    }
  }

  static let asin = arc(1)
  static let acos = arc(-1)
  static let atan = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    builder.divide(node.cotangent, builder.add(builder.multiply(node.x, node.x), 1))
  }

  // For the angle of (y, x): x / (x^2 + y^2) and -y / (x^2 + y^2).
  static let atan2 = cotangents {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let (y, x) = (node.operands[0], node.operands[1])
    let square = builder.add(builder.multiply(x, x), builder.multiply(y, y))
    let scaled = builder.divide(node.cotangent, square)
    return [
      builder.multiply(scaled, x), builder.unary(.negate, builder.multiply(scaled, y)),
    ]
  }
}
