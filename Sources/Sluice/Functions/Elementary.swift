import SluiceIR

/// Powers, and the elementary functions that are used less often.

/// 2 to the power `x`; exact for integers.
public func exp2(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.exp2, x, at: Site(file, line, column))
}

/// The logarithm to base 2; exact for powers of 2, -inf for 0, NaN below.
public func log2(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.log2, x, at: Site(file, line, column))
}

/// The error function: 2 / sqrt(pi) times the integral of e^-t^2 from 0 to `x`.
public func erf(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.erf, x, at: Site(file, line, column))
}

/// The tangent of `x` in radians.
public func tan(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.tan, x, at: Site(file, line, column))
}

/// The arc sine in radians; NaN outside [-1, 1].
public func asin(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.asin, x, at: Site(file, line, column))
}

/// The arc cosine in radians; NaN outside [-1, 1].
public func acos(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.acos, x, at: Site(file, line, column))
}

/// The arc tangent in radians.
public func atan(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.atan, x, at: Site(file, line, column))
}

/// The angle in [-pi, pi] of the point with coordinates (`x`, `y`), element by element; zeros count by their
/// signs.
public func atan2(
  _ y: Tensor, _ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.map(.atan2, .tensor(y), .tensor(x), at: Site(file, line, column))
}

/// The hyperbolic sine.
public func sinh(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.sinh, x, at: Site(file, line, column))
}

/// The hyperbolic cosine.
public func cosh(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.cosh, x, at: Site(file, line, column))
}

/// The cube root, also of negative numbers; exact for cubes.
public func cbrt(_ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column) -> Tensor {
  Trace.emit(.cbrt, x, at: Site(file, line, column))
}

/// `x` to the power `y`, element by element; 1 for `y` = 0 and for `x` = 1, NaN for broken powers of negative
/// numbers.
///
/// Integers wrap; for negative `y` they give 1 / x^-y truncated, and 0 for `x` = 0.
public func power(
  _ x: Tensor, _ y: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.map(.power, .tensor(x), .tensor(y), at: Site(file, line, column))
}

/// `x` to the power `y`, element by element, of floats.
public func power(
  _ x: Tensor, _ y: Double, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.map(.power, .tensor(x), .double(y), at: Site(file, line, column))
}

/// `x` to the power `y`, element by element; integers wrap.
public func power(
  _ x: Tensor, _ y: Int, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.map(.power, .tensor(x), .int(y), at: Site(file, line, column))
}

/// `x` to the power `y`, element by element, of floats.
public func power(
  _ x: Double, _ y: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.map(.power, .double(x), .tensor(y), at: Site(file, line, column))
}

extension Tensor {
  /// The bits of the elements as another dtype of the same width: f32 and i32, f64 and i64.
  ///
  /// A NaN has the bits of the one NaN.
  public func bitcast(
    _ dtype: DType, file: String = #fileID, line: Int = #line, column: Int = #column
  ) -> Tensor {
    Trace.emit(.bitcast, self, with: [.dtype(dtype)], at: Site(file, line, column))
  }
}
