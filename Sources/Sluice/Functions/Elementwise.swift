import SluiceIR

/// Functions that work element by element.

/// e to the power `x`.
public func exp(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.exp, x, at: Site(file, line, column))
}

/// e to the power `x`, minus 1, accurate near 0.
public func expm1(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.expm1, x, at: Site(file, line, column))
}

/// The natural logarithm.
public func log(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.log, x, at: Site(file, line, column))
}

/// The natural logarithm of 1 + `x`, accurate near 0.
public func log1p(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.log1p, x, at: Site(file, line, column))
}

/// The square root, correctly rounded.
public func sqrt(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.sqrt, x, at: Site(file, line, column))
}

/// 1 / sqrt(`x`).
public func rsqrt(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.rsqrt, x, at: Site(file, line, column))
}

/// The hyperbolic tangent.
public func tanh(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.tanh, x, at: Site(file, line, column))
}

/// The logistic function 1 / (1 + e^-x).
public func sigmoid(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.sigmoid, x, at: Site(file, line, column))
}

/// log(1 + e^x), without overflow.
public func softplus(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor
{
  Trace.emit(.softplus, x, at: Site(file, line, column))
}

/// 0 where `x` <= 0, else `x`; NaN stays.
public func relu(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.relu, x, at: Site(file, line, column))
}

/// The sine of `x` in radians.
public func sin(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.sin, x, at: Site(file, line, column))
}

/// The cosine of `x` in radians.
public func cos(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.cos, x, at: Site(file, line, column))
}

/// The absolute value; the least integer stays itself.
public func abs(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.abs, x, at: Site(file, line, column))
}

/// -1, 0 or 1 by the sign; zeros and NaN stay themselves.
public func sign(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.sign, x, at: Site(file, line, column))
}

/// The largest integer at most `x`.
public func floor(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.floor, x, at: Site(file, line, column))
}

/// The least integer at least `x`.
public func ceil(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.ceil, x, at: Site(file, line, column))
}

/// The nearest integer, halves to even.
public func round(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.round, x, at: Site(file, line, column))
}

/// `x` without its fraction.
public func trunc(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.trunc, x, at: Site(file, line, column))
}

/// Where `x` is not a number.
public func isNaN(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.isNaN, x, at: Site(file, line, column))
}

/// Where `x` is neither infinite nor NaN.
public func isFinite(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor
{
  Trace.emit(.isFinite, x, at: Site(file, line, column))
}

/// The smaller of the two, element by element; NaN wins.
public func minimum(
  _ x: Tensor, _ y: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.map(.minimum, .tensor(x), .tensor(y), at: Site(file, line, column))
}

/// The smaller of the two, element by element; NaN wins.
public func minimum(
  _ x: Tensor, _ y: Double, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.map(.minimum, .tensor(x), .double(y), at: Site(file, line, column))
}

/// The larger of the two, element by element; NaN wins.
public func maximum(
  _ x: Tensor, _ y: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.map(.maximum, .tensor(x), .tensor(y), at: Site(file, line, column))
}

/// The larger of the two, element by element; NaN wins.
public func maximum(
  _ x: Tensor, _ y: Double, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.map(.maximum, .tensor(x), .double(y), at: Site(file, line, column))
}

/// `minimum(maximum(x, low), high)`.
public func clamp(
  _ x: Tensor, _ low: Tensor, _ high: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.map(.clamp, .tensor(x), .tensor(low), .tensor(high), at: Site(file, line, column))
}

/// `minimum(maximum(x, low), high)`.
public func clamp(
  _ x: Tensor, _ low: Double, _ high: Double, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.map(.clamp, .tensor(x), .double(low), .double(high), at: Site(file, line, column))
}

/// `x * y + z` with one rounding.
public func fma(
  _ x: Tensor, _ y: Tensor, _ z: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.map(.fma, .tensor(x), .tensor(y), .tensor(z), at: Site(file, line, column))
}

/// `x` where the condition, a bool, is true, else `y`.
public func select(
  where condition: Tensor, _ x: Tensor, _ y: Tensor, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.map(.select, .tensor(condition), .tensor(x), .tensor(y), at: Site(file, line, column))
}

/// `x` where the condition, a bool, is true, else `y`.
public func select(
  where condition: Tensor, _ x: Tensor, _ y: Double, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.map(.select, .tensor(condition), .tensor(x), .double(y), at: Site(file, line, column))
}

/// `x` where the condition, a bool, is true, else `y`.
public func select(
  where condition: Tensor, _ x: Double, _ y: Tensor, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.map(.select, .tensor(condition), .double(x), .tensor(y), at: Site(file, line, column))
}

/// `x` * 2^y of integers, modulo the width; 0 where `y` is not in 0 ..< width.
public func shiftLeft(
  _ x: Tensor, by y: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.map(.shiftLeft, .tensor(x), .tensor(y), at: Site(file, line, column))
}

/// `x` * 2^y of integers, modulo the width; 0 where `y` is not in 0 ..< width.
public func shiftLeft(
  _ x: Tensor, by y: Int, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.map(.shiftLeft, .tensor(x), .int(y), at: Site(file, line, column))
}

/// `x` / 2^y of integers, rounded down; where `y` is not in 0 ..< width, -1 for negative `x`, else 0.
public func shiftRight(
  _ x: Tensor, by y: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.map(.shiftRight, .tensor(x), .tensor(y), at: Site(file, line, column))
}

/// `x` / 2^y of integers, rounded down; where `y` is not in 0 ..< width, -1 for negative `x`, else 0.
public func shiftRight(
  _ x: Tensor, by y: Int, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.map(.shiftRight, .tensor(x), .int(y), at: Site(file, line, column))
}
