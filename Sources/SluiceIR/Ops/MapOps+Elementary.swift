#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Maps of numbers: powers, and the elementary functions that are used less often.
extension OpDefinition {
  static let exp2 = elementary(
    "exp2", "2 to the power x; exact for integers", .exp2, gradient: .exp2,
    run: "([3, -inf, -149]) == [8, 0, 1.4012985e-45]"
  ) { libm.exp2($0) }
  static let log2 = elementary(
    "log2", "the logarithm of x to base 2; exact for powers of 2", .log2,
    gradient: .log2, run: "([8, 0, 0.125]) == [3, -inf, -3]"
  ) { libm.log2($0) }
  static let erf = elementary(
    "erf", "the error function, 2 / sqrt(pi) times the integral of e^-t^2 from 0 to x", .erf,
    gradient: .erf, run: "([-inf, -0.0, 5]) == [-1, -0.0, 1]"
  ) { libm.erf($0) }
  static let tan = elementary(
    "tan", "the tangent of x in radians", .tan, gradient: .tan, run: "([0, -0.0, inf]) == [0, -0.0, nan]"
  ) { libm.tan($0) }
  static let asin = elementary(
    "asin", "the arc sine of x in radians; NaN outside [-1, 1]", .asin,
    gradient: .asin, run: "([0, -0.0, 2]) == [0, -0.0, nan]"
  ) { libm.asin($0) }
  static let acos = elementary(
    "acos", "the arc cosine of x in radians; NaN outside [-1, 1]", .acos,
    gradient: .acos, run: "([1, -2, nan]) == [0, nan, nan]"
  ) { libm.acos($0) }
  static let atan = elementary(
    "atan", "the arc tangent of x in radians", .atan, gradient: .atan,
    run: "([0, -0.0, 1e-40]) == [0, -0.0, 1e-40]"
  ) { libm.atan($0) }
  static let sinh = elementary(
    "sinh", "the hyperbolic sine of x", .sinh, gradient: .sinh,
    run: "([-0.0, -inf, 100]) == [-0.0, -inf, inf]"
  ) { libm.sinh($0) }
  static let cosh = elementary(
    "cosh", "the hyperbolic cosine of x", .cosh, gradient: .cosh, run: "([-0.0, -inf, 100]) == [1, inf, inf]"
  ) { libm.cosh($0) }
  static let cbrt = elementary(
    "cbrt", "the cube root of x, also of negative numbers; exact for cubes", .cbrt,
    gradient: .cbrt, run: "([27, -8, -0.0]) == [3, -2, -0.0]"
  ) { libm.cbrt($0) }

  static let atan2 = map(
    "atan2", "the angle of the point with coordinates x, y, in [-pi, pi]; zeros by their signs", ["y", "x"],
    .floats,
    gradient: .atan2,
    example: exampleText(
      "%y: f32[3], %x: f32[3]", "atan2 %y, %x", "f32[3]",
      run: "([0, -0.0, nan], [1, 2, -1]) == [0, -0.0, nan]"),
    witness: { x, _ in .float(libm.atan2(x[0].double, x[1].double)) }
  ) { builder, x, _ in builder.call(.atan2, x[0], x[1]) }

  static let power = map(
    "power",
    "x to the power y; 1 for y = 0 and for x = 1; integers wrap, and truncate 1 / x^-y for negative y (0 for x = 0)",
    ["x", "y"], .numbers,
    gradient: .power,
    example: exampleText(
      "%x: f32[4], %y: f32[4]", "power %x, %y", "f32[4]",
      run: "([3, -2, -8, nan], [4, -3, 0.5, 0]) == [81, -0.125, nan, 1]")
      + "// run: @f([0, -0.0, -inf, 1], [-2, -3, 3, nan]) == [inf, -inf, -inf, 1]\n",
    witness: { x, _ in
      if case .float(let a) = x[0], case .float(let b) = x[1] { return .float(libm.pow(a, b)) }
      return .int(wrappingPower(x[0].int, x[1].int))
    }
  ) { builder, x, _ in builder.call(.power, x[0], x[1]) }

  /// `x^y` modulo 2^64.
  private static func wrappingPower(_ x: Int64, _ y: Int64) -> Int64 {
    if y < 0 { return x == 1 ? 1 : x == -1 ? (y % 2 == 0 ? 1 : -1) : 0 }
    var (result, factor, rest) = (Int64(1), x, y)
    while rest > 0 {
      if rest % 2 == 1 { result = result &* factor }
      factor = factor &* factor
      rest /= 2
    }
    return result
  }
}

extension libm {
  static func exp2(_ x: Double) -> Double { cExp2(x) }
  static func log2(_ x: Double) -> Double { cLog2(x) }
  static func erf(_ x: Double) -> Double { cErf(x) }
  static func tan(_ x: Double) -> Double { cTan(x) }
  static func asin(_ x: Double) -> Double { cAsin(x) }
  static func acos(_ x: Double) -> Double { cAcos(x) }
  static func atan(_ x: Double) -> Double { cAtan(x) }
  static func atan2(_ y: Double, _ x: Double) -> Double { cAtan2(y, x) }
  static func sinh(_ x: Double) -> Double { cSinh(x) }
  static func cosh(_ x: Double) -> Double { cCosh(x) }
  static func cbrt(_ x: Double) -> Double { cCbrt(x) }
  static func pow(_ x: Double, _ y: Double) -> Double { cPow(x, y) }
}

private func cExp2(_ x: Double) -> Double { exp2(x) }
private func cLog2(_ x: Double) -> Double { log2(x) }
private func cErf(_ x: Double) -> Double { erf(x) }
private func cTan(_ x: Double) -> Double { tan(x) }
private func cAsin(_ x: Double) -> Double { asin(x) }
private func cAcos(_ x: Double) -> Double { acos(x) }
private func cAtan(_ x: Double) -> Double { atan(x) }
private func cAtan2(_ y: Double, _ x: Double) -> Double { atan2(y, x) }
private func cSinh(_ x: Double) -> Double { sinh(x) }
private func cCosh(_ x: Double) -> Double { cosh(x) }
private func cCbrt(_ x: Double) -> Double { cbrt(x) }
private func cPow(_ x: Double, _ y: Double) -> Double { pow(x, y) }
