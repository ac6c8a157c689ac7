/// The derivatives of maps; z is the result and dz its cotangent.
///
/// Where a function has a kink, the rule takes the mean of the two sides for ties of `minimum` and `maximum`, the
/// inside for `clamp`, and 0 for `abs` and `relu`; where a choice is NaN, so are all its cotangents. At infinity it has
/// the limit of the slope. No rule multiplies 0 by an infinity of a side that was not taken, so that the rules of these
/// rules do not either.
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

  // d(x / y) / dy = -(x / y) / y; the product comes first, which is 0 for x = 0 also where 1 / y overflows.
  static let divide = cotangents {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let dx = builder.divide(node.cotangent, node.y)
    let dy = builder.divide(builder.multiply(node.cotangent, node.result), node.y)
    return [dx, builder.unary(.negate, dy)]
  }

  // d(x - y q) / dy = -q with the integer q = (x - z) / y, which x / y may round to the next one.
  static let remainder = cotangents {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let quotient = builder.unary(
      .round, builder.divide(builder.subtract(node.x, node.result), node.y))
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
    }.marksNaN()
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
  }.marksNaN()

  static let negate = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    builder.unary(.negate, node.cotangent)
  }

  static let abs = partials { builder, x, _ in [builder.unary(.sign, x[0])] }

  // z > 0 exactly where x > 0, and z is what the way there goes on with, so that x need not be kept.
  static let relu = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let isPositive = builder.compare(.greater, node.result, 0)
    return builder.select(isPositive, node.cotangent, builder.splat(0, like: node.cotangent))
  }.marksNaN()

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

  // -1/2 x^(-3/2); halved first, for z^3 may overflow where the half does not.
  static let rsqrt = partials { builder, _, z in
    [builder.multiply(builder.multiply(builder.multiply(z, -0.5), z), z)]
  }

  // 1 / (3 z^2), of 1 / z, which is 0 at infinity
  static let cbrt = partials { builder, _, z in
    let inverse = builder.divide(builder.splat(1, like: z), z)
    return [builder.divide(builder.multiply(inverse, inverse), 3)]
  }

  // dx = y x^(y - 1), 0 for y = 0; dy = x^y log x, 0 for x = 0 and y >= 0 and for x = inf and y < 0. Where 0 would meet an
  // infinity, another exponent and another logarithm stand.
  static let power = cotangents {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let (x, y) = (node.x, node.y)
    // Below that, 1 / x is infinite.
    let least = builder.dtype(x) == .f32 ? 0x1p-127 : 0x1p-1023
    let isOrdinary = builder.compare(.greaterEqual, builder.unary(.abs, x), least)
    let isConstant = builder.make(.and, [builder.compare(.equal, y, 0), builder.unary(.not, isOrdinary)])
    let exponent = builder.select(isConstant, builder.splat(0, like: y), builder.subtract(y, 1))
    let dx = builder.multiply(builder.make(.power, [x, exponent]), y)

    let isOrigin = builder.make(.and, [builder.compare(.equal, x, 0), builder.compare(.equal, y, 0)])
    let vanishes = builder.make(.or, [isOrigin, builder.compare(.equal, node.result, 0)])
    let isFlat = builder.make(.and, [vanishes, builder.compare(.greaterEqual, x, 0)])
    let logarithm = builder.unary(.log, builder.select(isFlat, builder.splat(1, like: x), x))
    let dy = builder.multiply(node.result, logarithm)
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
    let x = builder.bounded(x[0], 30)
    let power = builder.unary(.exp, builder.unary(.negate, builder.multiply(x, x)))
    return [builder.multiply(power, 1.12837916709551257390)]
  }

  // MARK: Circular and hyperbolic functions

  static let sin = partials { builder, x, _ in [builder.unary(.cos, x[0])] }
  static let cos = partials { builder, x, _ in [builder.unary(.negate, builder.unary(.sin, x[0]))] }
  // 1 + z^2
  static let tan = partials { builder, _, z in [builder.add(builder.multiply(z, z), 1)] }
  static let sinh = partials { builder, x, _ in [builder.unary(.cosh, x[0])] }
  static let cosh = partials { builder, x, _ in [builder.unary(.sinh, x[0])] }

  /// `sign / sqrt(1 - x^2)`, with one rounding below the root.
  static func arc(_ sign: Double) -> GradientRule {
    partials { builder, x, _ in
      let one = builder.splat(1, like: x[0])
      let square = builder.make(.fma, [builder.unary(.negate, x[0]), x[0], one])
      return [builder.multiply(builder.unary(.rsqrt, square), sign)]
    }
  }

  static let asin = arc(1)
  static let acos = arc(-1)
  /// 1 / (1 + x^2): the slope of the angle of (x, 1).
  static let atan = partials { builder, x, _ in
    let largest = builder.dtype(x[0]) == .f32 ? 0x1.fffffep127 : Double.greatestFiniteMagnitude
    let one = builder.splat(1, like: x[0])
    return [angleSlopes(builder.bounded(x[0], largest), one, &builder)[0]]
  }

  /// 0 at the origin and at infinity.
  static let atan2 = partials { builder, x, _ in
    let larger = builder.make(.maximum, x.map { builder.unary(.abs, $0) })
    let (zero, one) = (builder.splat(0, like: larger), builder.splat(1, like: larger))
    let isSingular = builder.make(
      .or, [builder.compare(.equal, larger, 0), builder.compare(.equal, larger, .infinity)])
    // There the point (1, 1) stands, and its slopes are not taken.
    let (v, u) = (builder.select(isSingular, one, x[0]), builder.select(isSingular, one, x[1]))
    return angleSlopes(v, u, &builder).map { slope in builder.select(isSingular, zero, slope) }
  }

  /// For the angle of the point (y, x), not the origin: x / (x^2 + y^2) and -y / (x^2 + y^2).
  ///
  /// Both are divided by the larger of them first, so that no square overflows or vanishes; what they are divided by does
  /// not count in the result, and is a constant to differentiation.
  private static func angleSlopes(
    _ y: ValueID, _ x: ValueID, _ builder: inout ModuleBuilder
  ) -> [ValueID] {
    let larger = builder.make(.maximum, [builder.unary(.abs, x), builder.unary(.abs, y)])
    let size = builder.unary(.stopGradient, larger)
    let (u, v) = (builder.divide(x, size), builder.divide(y, size))
    let square = builder.add(builder.multiply(u, u), builder.multiply(v, v))
    return [
      builder.divide(builder.divide(u, square), size),
      builder.unary(.negate, builder.divide(builder.divide(v, square), size)),
    ]
  }

  // MARK: Activations

  /// 1 for x > 0, else a number.
  static let leakyRelu = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let slope = builder.tables.attributes.number(node.attributes, .negativeSlope) ?? 0.01
    let isPositive = builder.compare(.greater, node.x, 0)
    return builder.select(isPositive, node.cotangent, builder.multiply(node.cotangent, slope))
  }.marksNaN()

  // s (1 + x (1 - s)) for s = sigmoid x
  static let silu = partials { builder, x, _ in
    let x = builder.bounded(x[0], 1000)
    let s = builder.unary(.sigmoid, x)
    let rest = builder.multiply(x, builder.subtract(1, s))
    return [builder.multiply(s, builder.add(rest, 1))]
  }

  /// With the normal distribution P and its density p: P(x) + x p(x); or of the form with tanh, for t = tanh(a x (1 + b
  /// x^2)): (1 + t) / 2 + x / 2 (1 - t^2) a (1 + 3 b x^2).
  static let gelu = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let x = builder.bounded(node.x, 100)
    let square = builder.multiply(x, x)
    let (half, bell): (ValueID, ValueID)
    if builder.tables.attributes.bool(node.attributes, .approximate) {
      let (a, b) = (0.7978845608028654, 0.044715)
      let inner = builder.multiply(builder.multiply(x, builder.add(builder.multiply(square, b), 1)), a)
      let t = builder.unary(.tanh, inner)
      half = builder.multiply(builder.add(t, 1), 0.5)
      let slope = builder.multiply(builder.add(builder.multiply(square, 3 * b), 1), 0.5 * a)
      bell = builder.multiply(builder.subtract(1, builder.multiply(t, t)), slope)
    } else {
      let erf = builder.unary(.erf, builder.multiply(x, 0.7071067811865476))
      half = builder.multiply(builder.add(erf, 1), 0.5)
      bell = builder.multiply(builder.unary(.exp, builder.multiply(square, -0.5)), 0.3989422804014327)
    }
    return builder.multiply(node.cotangent, builder.add(half, builder.multiply(x, bell)))
  }
}
