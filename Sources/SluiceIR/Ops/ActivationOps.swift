/// Activations of neural networks that are made of other maps.
extension OpDefinition {
  /// A row for a composite of one operand that works element by element.
  private static func activation(
    _ name: String, _ summary: String, _ attributes: [AttributeSpec] = [], gradient: GradientRule? = nil,
    call: String, run: String,
    _ body: @escaping @Sendable (inout ModuleBuilder, ValueID, AttributesID) -> ValueID
  ) -> OpDefinition {
    OpDefinition(
      name, summary,
      family: .expand(Expansion { builder, x, attributes in [body(&builder, x[0], attributes)] }),
      operands: [OperandSpec("x", .floats)], attributes: attributes, infer: Infer.sameAsFirst,
      gradient: gradient,
      example: exampleText("%x: f32[4]", call, "f32[4]", run: run))
  }

  /// `x` where it is positive, else `y`; NaN gives y.
  private static func positive(_ builder: inout ModuleBuilder, _ x: ValueID, else y: ValueID) -> ValueID {
    let isPositive = builder.make(.greater, [x, builder.splat(0, like: x)])
    return builder.make(.select, [isPositive, x, y])
  }

  static let leakyRelu = activation(
    "leaky_relu", "x where x > 0, else x * negative_slope",
    [AttributeSpec(.negativeSlope, .number, default: .number(0.01), "the factor of what is not positive")],
    gradient: .leakyRelu,
    call: "leaky_relu %x {negative_slope = 0.25}", run: "([3, -2, -0.0, nan]) == [3, -0.5, -0.0, nan]"
  ) { builder, x, attributes in
    let slope = builder.tables.attributes.number(attributes, .negativeSlope) ?? 0.01
    let scaled = builder.make(.multiply, [x, builder.splat(slope, like: x)])
    return positive(&builder, x, else: scaled)
  }

  static let elu = activation(
    "elu", "x where x > 0, else alpha * expm1(x)",
    [AttributeSpec(.alpha, .number, default: .number(1), "minus the limit for x to -inf")],
    call: "elu %x {alpha = 2.0}", run: "([3, -inf, -0.0, nan]) == [3, -2, -0.0, nan]"
  ) { builder, x, attributes in
    let alpha = builder.tables.attributes.number(attributes, .alpha) ?? 1
    // Where x > 0 the other side is the one of 0: its slope is finite, and 0 times it is 0.
    let zero = builder.splat(0, like: x)
    let rest = builder.select(builder.make(.greater, [x, zero]), zero, x)
    let power = builder.make(.expm1, [rest])
    return positive(&builder, x, else: builder.make(.multiply, [builder.splat(alpha, like: x), power]))
  }

  static let silu = activation(
    "silu", "x * sigmoid(x), also called swish; NaN for -inf", gradient: .silu, call: "silu %x",
    run: "([0, -inf, 100, inf]) == [0, nan, 100, inf]"
  ) { builder, x, _ in builder.make(.multiply, [x, builder.make(.sigmoid, [x])]) }

  /// Hendrycks and Gimpel 2016, section 2.
  static let gelu = activation(
    "gelu",
    "x / 2 * (1 + erf(x / sqrt 2)), approximately x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))); NaN for -inf",
    [AttributeSpec(.approximate, .bool, default: .bool(false), "whether to take the form with tanh")],
    gradient: .gelu,
    call: "gelu %x", run: "([0, -inf, 100, inf]) == [0, nan, 100, inf]"
  ) { builder, x, attributes in
    func times(_ a: ValueID, _ factor: Double) -> ValueID {
      builder.make(.multiply, [a, builder.splat(factor, like: x)])
    }
    let inner: ValueID
    if builder.tables.attributes.bool(attributes, .approximate) {
      let square = builder.make(.multiply, [x, x])
      let cube = builder.make(.multiply, [square, x])
      let sum = builder.make(.add, [x, times(cube, 0.044715)])
      inner = builder.make(.tanh, [times(sum, 0.7978845608028654)])
    } else {
      inner = builder.make(.erf, [times(x, 0.7071067811865476)])
    }
    return builder.make(.multiply, [times(x, 0.5), builder.make(.add, [builder.splat(1, like: x), inner])])
  }
}
