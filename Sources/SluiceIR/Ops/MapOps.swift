#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Maps of numbers: arithmetic, rounding, elementary functions.
extension OpDefinition {
  /// A row for a map whose result has the type of its operands.
  static func map(
    _ name: String, _ summary: String, _ operands: [String], _ dtypes: DTypeSet, traits: Traits = [],
    rules: [RewriteRule] = [], gradient: GradientRule, example: String,
    witness: @escaping MapKernel.Witness, program: @escaping MapKernel.Program
  ) -> OpDefinition {
    OpDefinition(
      name, summary, family: .map(MapKernel(program: program, witness: witness)),
      operands: operands.map { OperandSpec($0, dtypes) }, traits: traits, infer: Infer.sameAsFirst,
      rules: rules + [.foldConstants, .mapReshape], gradient: gradient, example: example)
  }

  /// A row for a map that is one scalar operation of two operands.
  static func binary(
    _ name: String, _ summary: String, _ op: ScalarOp, _ dtypes: DTypeSet = .numbers, traits: Traits = [],
    rules: [RewriteRule] = [], gradient: GradientRule, run: String...,
    witness: @escaping MapKernel.Witness
  ) -> OpDefinition {
    map(
      name, summary, ["x", "y"], dtypes, traits: traits, rules: rules, gradient: gradient,
      example: Self.text("%x: f32[3], %y: f32[3]", "\(name) %x, %y", "f32[3]", run), witness: witness
    ) { builder, x, _ in builder.binary(op, x[0], x[1]) }
  }

  /// A row for a map of one operand that is one scalar operation.
  static func unary(
    _ name: String, _ summary: String, _ op: ScalarOp, _ dtypes: DTypeSet = .floats,
    rules: [RewriteRule] = [], gradient: GradientRule, run: String...,
    witness: @escaping MapKernel.Witness
  ) -> OpDefinition {
    map(
      name, summary, ["x"], dtypes, rules: rules, gradient: gradient,
      example: Self.text("%x: f32[4]", "\(name) %x", "f32[4]", run),
      witness: witness
    ) { builder, x, _ in builder.unary(op, x[0]) }
  }

  /// A row for an elementary function.
  static func elementary(
    _ name: String, _ summary: String, _ function: ElementaryFunction, gradient: GradientRule,
    run: String..., witness: @escaping @Sendable (Double) -> Double
  ) -> OpDefinition {
    map(
      name, summary, ["x"], .floats, gradient: gradient,
      example: Self.text("%x: f32[3]", "\(name) %x", "f32[3]", run),
      witness: { x, _ in .float(witness(x[0].double)) }
    ) { builder, x, _ in builder.call(function, x[0]) }
  }

  static func text(_ inputs: String, _ node: String, _ type: String, _ runs: [String]) -> String {
    exampleText(inputs, node, type) + runs.map { "// run: @f\($0)\n" }.joined()
  }

  static let add = binary(
    "add", "x + y", .add, traits: .commutative, rules: [.addZero], gradient: .add,
    run: "([1, 2, 3], [4, 5, -3]) == [5, 7, 0]"
  ) { x, _ in
    switch (x[0], x[1]) {
    case (.float(let a), .float(let b)): .float(a + b)
    case (let a, let b): .int(a.int &+ b.int)
    }
  }

  static let subtract = binary(
    "subtract", "x - y", .subtract, rules: [.subtractZero], gradient: .subtract,
    run: "([1, 2, 3], [4, 5, -3]) == [-3, -3, 6]"
  ) { x, _ in
    switch (x[0], x[1]) {
    case (.float(let a), .float(let b)): .float(a - b)
    case (let a, let b): .int(a.int &- b.int)
    }
  }

  static let multiply = binary(
    "multiply", "x * y", .multiply, traits: .commutative, rules: [.multiplyOne],
    gradient: .multiply, run: "([1, 2, 3], [4, 5, -3]) == [4, 10, -9]"
  ) { x, _ in
    switch (x[0], x[1]) {
    case (.float(let a), .float(let b)): .float(a * b)
    case (let a, let b): .int(a.int &* b.int)
    }
  }

  static let divide = binary(
    "divide", "x / y; integers truncate towards 0, and give 0 for y = 0", .divide, rules: [.divideOne],
    gradient: .divide, run: "([1, 10, 3], [4, 5, -3]) == [0.25, 2, -1]"
  ) { x, _ in
    switch (x[0], x[1]) {
    case (.float(let a), .float(let b)): return .float(a / b)
    case (let a, let b):
      if b.int == 0 { return .int(0) }
      return .int(a.int.dividedReportingOverflow(by: b.int).partialValue)
    }
  }

  static let remainder = binary(
    "remainder", "x - y * trunc(x / y), exactly; the sign is x's; for y = 0 integers give x, floats NaN",
    .remainder, gradient: .remainder, run: "([7, -7, 5], [4, 4, 0]) == [3, -3, nan]",
    "([5.5, -4, 1], [2, inf, -0.75]) == [1.5, -4, 0.25]"
  ) { x, _ in
    if case .float(let a) = x[0], case .float(let b) = x[1] {
      return .float(a.truncatingRemainder(dividingBy: b))
    }
    let (a, b) = (x[0].int, x[1].int)
    return .int(b == 0 ? a : a.remainderReportingOverflow(dividingBy: b).partialValue)
  }

  static let minimum = binary(
    "minimum", "the smaller of x and y; NaN wins, -0 is smaller than +0", .minimum, traits: .commutative,
    gradient: .extreme(.less), run: "([1, 2, nan], [4, -5, 0]) == [1, -5, nan]"
  ) { x, _ in smaller(x[0], x[1]) }

  static let maximum = binary(
    "maximum", "the larger of x and y; NaN wins, +0 is larger than -0", .maximum, traits: .commutative,
    gradient: .extreme(.greater), run: "([1, 2, nan], [4, -5, 0]) == [4, 2, nan]"
  ) { x, _ in larger(x[0], x[1]) }

  private static func smaller(_ x: Number, _ y: Number) -> Number {
    guard case .float(let a) = x, case .float(let b) = y else { return .int(Swift.min(x.int, y.int)) }
    if a.isNaN || b.isNaN { return .float(.nan) }
    if a == b { return .float(a.sign == .minus ? a : b) }
    return .float(a < b ? a : b)
  }

  private static func larger(_ x: Number, _ y: Number) -> Number {
    guard case .float(let a) = x, case .float(let b) = y else { return .int(Swift.max(x.int, y.int)) }
    if a.isNaN || b.isNaN { return .float(.nan) }
    if a == b { return .float(a.sign == .plus ? a : b) }
    return .float(a > b ? a : b)
  }

  static let fma = map(
    "fma", "x * y + z with one rounding", ["x", "y", "z"], .floats,
    gradient: .fma,
    example: exampleText(
      "%x: f32[2], %y: f32[2], %z: f32[2]", "fma %x, %y, %z", "f32[2]",
      run: "([2, 3], [4, 5], [1, -1]) == [9, 14]"),
    witness: { x, dtype in
      let (a, b, c) = (x[0].double, x[1].double, x[2].double)
      // To round the f64 result to f32 would be a second rounding.
      return .float(
        dtype == .f32 ? Double(Float(c).addingProduct(Float(a), Float(b))) : c.addingProduct(a, b))
    }
  ) { builder, x, _ in builder.fma(x[0], x[1], x[2]) }

  static let clamp = map(
    "clamp", "minimum(maximum(x, low), high)", ["x", "low", "high"], .numbers,
    gradient: .clamp,
    example: exampleText(
      "%x: f32[3], %low: f32[3], %high: f32[3]", "clamp %x, %low, %high", "f32[3]",
      run: "([-2, 0.5, 9], [0, 0, 0], [1, 1, 1]) == [0, 0.5, 1]"),
    witness: { x, _ in smaller(larger(x[0], x[1]), x[2]) }
  ) { builder, x, _ in builder.binary(.minimum, builder.binary(.maximum, x[0], x[1]), x[2]) }

  static let negate = unary(
    "negate", "-x", .negate, [.floats, DTypeSet(.i32), DTypeSet(.i64)], rules: [.negateNegate],
    gradient: .negate, run: "([1, -2, 0, inf]) == [-1, 2, -0.0, -inf]"
  ) { x, _ in
    if case .float(let a) = x[0] { .float(-a) } else { .int(0 &- x[0].int) }
  }

  static let abs = unary(
    "abs", "|x|; the least integer stays itself", .abs, [.floats, DTypeSet(.i32), DTypeSet(.i64)],
    gradient: .abs, run: "([1, -2, -0.0, -inf]) == [1, 2, 0, inf]"
  ) { x, _ in
    if case .float(let a) = x[0] {
      .float(a.magnitude)
    } else {
      .int(x[0].int < 0 ? 0 &- x[0].int : x[0].int)
    }
  }

  static let sign = map(
    "sign", "-1, 0 or 1 by the sign of x; zeros and NaN stay themselves", ["x"], .numbers,
    gradient: .zero,
    example: exampleText(
      "%x: f32[4]", "sign %x", "f32[4]", run: "([3, -2, -0.0, nan]) == [1, -1, -0.0, nan]"),
    witness: { x, _ in
      guard case .float(let a) = x[0] else { return .int(x[0].int.signum()) }
      return .float(a > 0 ? 1 : a < 0 ? -1 : a)
    }
  ) { builder, x, dtype in
    let zero = builder.constant(0, dtype)
    let negative =
      dtype == .u8
      ? x[0] : builder.select(builder.compare(.less, x[0], zero), builder.constant(-1, dtype), x[0])
    return builder.select(builder.compare(.less, zero, x[0]), builder.constant(1, dtype), negative)
  }

  static let sqrt = unary(
    "sqrt", "the square root of x, correctly rounded", .sqrt, gradient: .sqrt,
    run: "([4, 2.25, 0, inf]) == [2, 1.5, 0, inf]"
  ) {
    x, _ in .float(x[0].double.squareRoot())
  }

  static let rsqrt = map(
    "rsqrt", "1 / sqrt(x), each step rounded", ["x"], .floats,
    gradient: .rsqrt,
    example: exampleText("%x: f32[3]", "rsqrt %x", "f32[3]", run: "([4, 0.25, 0]) == [0.5, 2, inf]"),
    witness: { x, dtype in
      let a = x[0].double
      return .float(dtype == .f32 ? Double(1 / Float(a).squareRoot()) : 1 / a.squareRoot())
    }
  ) { builder, x, dtype in builder.divide(builder.constant(1, dtype), builder.unary(.sqrt, x[0])) }

  static let floor = unary(
    "floor", "the largest integer at most x", .floor, gradient: .zero,
    run: "([1.5, -1.5, 2, -0.5]) == [1, -2, 2, -1]"
  ) {
    x, _ in .float(x[0].double.rounded(.down))
  }

  static let ceil = unary(
    "ceil", "the least integer at least x", .ceil, gradient: .zero,
    run: "([1.5, -1.5, 2, -0.5]) == [2, -1, 2, -0.0]"
  ) {
    x, _ in .float(x[0].double.rounded(.up))
  }

  static let round = unary(
    "round", "the integer nearest to x, halves to even", .round,
    gradient: .zero, run: "([1.5, 2.5, -0.5, 2.6]) == [2, 2, -0.0, 3]"
  ) { x, _ in .float(x[0].double.rounded(.toNearestOrEven)) }

  static let trunc = unary(
    "trunc", "x without its fraction", .trunc, gradient: .zero,
    run: "([1.5, -1.5, 2, -0.5]) == [1, -1, 2, -0.0]"
  ) {
    x, _ in .float(x[0].double.rounded(.towardZero))
  }

  static let exp = elementary(
    "exp", "e to the power x", .exp, gradient: .exp, run: "([0, -inf, inf]) == [1, 0, inf]"
  ) {
    libm.exp($0)
  }
  static let expm1 = elementary(
    "expm1", "e^x - 1, accurate near 0", .expm1, gradient: .expm1, run: "([0, -inf, inf]) == [0, -1, inf]"
  ) {
    libm.expm1($0)
  }
  static let log = elementary(
    "log", "the natural logarithm of x", .log, gradient: .log, run: "([1, 0, inf]) == [0, -inf, inf]"
  ) {
    libm.log($0)
  }
  static let log1p = elementary(
    "log1p", "log(1 + x), accurate near 0", .log1p, gradient: .log1p, run: "([0, -1, inf]) == [0, -inf, inf]"
  ) {
    libm.log1p($0)
  }
  static let tanh = elementary(
    "tanh", "the hyperbolic tangent of x", .tanh, gradient: .tanh, run: "([0, -inf, inf]) == [0, -1, 1]"
  ) {
    libm.tanh($0)
  }
  static let sigmoid = elementary(
    "sigmoid", "1 / (1 + e^-x), the logistic function", .sigmoid, gradient: .sigmoid,
    run: "([0, -inf, inf]) == [0.5, 0, 1]"
  ) { $0 < 0 ? libm.exp($0) / (1 + libm.exp($0)) : 1 / (1 + libm.exp(-$0)) }
  static let softplus = elementary(
    "softplus", "log(1 + e^x), without overflow", .softplus, gradient: .softplus,
    run: "([-inf, 100, inf]) == [0, 100, inf]"
  ) { $0 > 0 ? $0 + libm.log1p(libm.exp(-$0)) : libm.log1p(libm.exp($0)) }
  static let sin = elementary(
    "sin", "the sine of x in radians", .sin, gradient: .sin, run: "([0, -0.0, nan]) == [0, -0.0, nan]"
  ) {
    libm.sin($0)
  }
  static let cos = elementary(
    "cos", "the cosine of x in radians", .cos, gradient: .cos, run: "([0, -0.0, nan]) == [1, 1, nan]"
  ) {
    libm.cos($0)
  }

  static let relu = map(
    "relu", "0 where x <= 0, else x; NaN stays", ["x"], .numbers,
    gradient: .relu,
    example: exampleText("%x: f32[4]", "relu %x", "f32[4]", run: "([1, -2, -0.0, nan]) == [1, 0, 0, nan]"),
    witness: { x, _ in
      guard case .float(let a) = x[0] else { return .int(Swift.max(x[0].int, 0)) }
      return .float(a <= 0 ? 0 : a)
    }
  ) { builder, x, dtype in
    let zero = builder.constant(0, dtype)
    return builder.select(builder.compare(.lessEqual, x[0], zero), zero, x[0])
  }
}

/// The C library's functions on `Double`, under a name that the rows of the same names do not hide.
enum libm {
  static func exp(_ x: Double) -> Double { cExp(x) }
  static func expm1(_ x: Double) -> Double { cExpm1(x) }
  static func log(_ x: Double) -> Double { cLog(x) }
  static func log1p(_ x: Double) -> Double { cLog1p(x) }
  static func tanh(_ x: Double) -> Double { cTanh(x) }
  static func sin(_ x: Double) -> Double { cSin(x) }
  static func cos(_ x: Double) -> Double { cCos(x) }
}

private func cExp(_ x: Double) -> Double { exp(x) }
private func cExpm1(_ x: Double) -> Double { expm1(x) }
private func cLog(_ x: Double) -> Double { log(x) }
private func cLog1p(_ x: Double) -> Double { log1p(x) }
private func cTanh(_ x: Double) -> Double { tanh(x) }
private func cSin(_ x: Double) -> Double { sin(x) }
private func cCos(_ x: Double) -> Double { cos(x) }
