import SluiceIR

/// Operators on tensors, and on tensors with Swift numbers, which take the tensor's dtype.
extension Tensor {
  /// The sum, element by element.
  public static func + (x: Tensor, y: Tensor) -> Tensor { Trace.map(.add, .tensor(x), .tensor(y), at: nil) }
  /// The sum, element by element.
  public static func + (x: Tensor, y: Double) -> Tensor { Trace.map(.add, .tensor(x), .double(y), at: nil) }
  /// The sum, element by element.
  public static func + (x: Double, y: Tensor) -> Tensor { Trace.map(.add, .double(x), .tensor(y), at: nil) }
  /// The sum, element by element.
  public static func + (x: Tensor, y: Int) -> Tensor { Trace.map(.add, .tensor(x), .int(y), at: nil) }
  /// The sum, element by element.
  public static func + (x: Int, y: Tensor) -> Tensor { Trace.map(.add, .int(x), .tensor(y), at: nil) }

  /// The difference, element by element.
  public static func - (x: Tensor, y: Tensor) -> Tensor {
    Trace.map(.subtract, .tensor(x), .tensor(y), at: nil)
  }
  /// The difference, element by element.
  public static func - (x: Tensor, y: Double) -> Tensor {
    Trace.map(.subtract, .tensor(x), .double(y), at: nil)
  }
  /// The difference, element by element.
  public static func - (x: Double, y: Tensor) -> Tensor {
    Trace.map(.subtract, .double(x), .tensor(y), at: nil)
  }
  /// The difference, element by element.
  public static func - (x: Tensor, y: Int) -> Tensor { Trace.map(.subtract, .tensor(x), .int(y), at: nil) }
  /// The difference, element by element.
  public static func - (x: Int, y: Tensor) -> Tensor { Trace.map(.subtract, .int(x), .tensor(y), at: nil) }

  /// The product, element by element; the matrix product is `matmul`.
  public static func * (x: Tensor, y: Tensor) -> Tensor {
    Trace.map(.multiply, .tensor(x), .tensor(y), at: nil)
  }
  /// The product, element by element; the matrix product is `matmul`.
  public static func * (x: Tensor, y: Double) -> Tensor {
    Trace.map(.multiply, .tensor(x), .double(y), at: nil)
  }
  /// The product, element by element; the matrix product is `matmul`.
  public static func * (x: Double, y: Tensor) -> Tensor {
    Trace.map(.multiply, .double(x), .tensor(y), at: nil)
  }
  /// The product, element by element; the matrix product is `matmul`.
  public static func * (x: Tensor, y: Int) -> Tensor { Trace.map(.multiply, .tensor(x), .int(y), at: nil) }
  /// The product, element by element; the matrix product is `matmul`.
  public static func * (x: Int, y: Tensor) -> Tensor { Trace.map(.multiply, .int(x), .tensor(y), at: nil) }

  /// The quotient, element by element; integers truncate towards 0, and give 0 for a divisor of 0.
  public static func / (x: Tensor, y: Tensor) -> Tensor {
    Trace.map(.divide, .tensor(x), .tensor(y), at: nil)
  }
  /// The quotient, element by element; integers truncate towards 0, and give 0 for a divisor of 0.
  public static func / (x: Tensor, y: Double) -> Tensor {
    Trace.map(.divide, .tensor(x), .double(y), at: nil)
  }
  /// The quotient, element by element; integers truncate towards 0, and give 0 for a divisor of 0.
  public static func / (x: Double, y: Tensor) -> Tensor {
    Trace.map(.divide, .double(x), .tensor(y), at: nil)
  }
  /// The quotient, element by element; integers truncate towards 0, and give 0 for a divisor of 0.
  public static func / (x: Tensor, y: Int) -> Tensor { Trace.map(.divide, .tensor(x), .int(y), at: nil) }
  /// The quotient, element by element; integers truncate towards 0, and give 0 for a divisor of 0.
  public static func / (x: Int, y: Tensor) -> Tensor { Trace.map(.divide, .int(x), .tensor(y), at: nil) }

  /// The remainder x - y * trunc(x / y), exactly, with the sign of `x`; for a divisor of 0 integers give `x`,
  /// floats NaN.
  public static func % (x: Tensor, y: Tensor) -> Tensor {
    Trace.map(.remainder, .tensor(x), .tensor(y), at: nil)
  }
  /// The remainder x - y * trunc(x / y), exactly, with the sign of `x`; for a divisor of 0 integers give `x`,
  /// floats NaN.
  public static func % (x: Tensor, y: Int) -> Tensor { Trace.map(.remainder, .tensor(x), .int(y), at: nil) }

  /// The negative, element by element.
  public static prefix func - (x: Tensor) -> Tensor { Trace.emit(.negate, x, at: nil) }
}

/// Comparisons: a bool for every element; every comparison with NaN but `.!=` is false.
extension Tensor {
  /// Where `x` is equal to `y`.
  public static func .== (x: Tensor, y: Tensor) -> Tensor {
    Trace.map(.equal, .tensor(x), .tensor(y), at: nil)
  }
  /// Where `x` is equal to `y`.
  public static func .== (x: Tensor, y: Double) -> Tensor {
    Trace.map(.equal, .tensor(x), .double(y), at: nil)
  }
  /// Where `x` is equal to `y`.
  public static func .== (x: Tensor, y: Int) -> Tensor { Trace.map(.equal, .tensor(x), .int(y), at: nil) }

  /// Where `x` is different from `y`.
  public static func .!= (x: Tensor, y: Tensor) -> Tensor {
    Trace.map(.notEqual, .tensor(x), .tensor(y), at: nil)
  }
  /// Where `x` is different from `y`.
  public static func .!= (x: Tensor, y: Double) -> Tensor {
    Trace.map(.notEqual, .tensor(x), .double(y), at: nil)
  }
  /// Where `x` is different from `y`.
  public static func .!= (x: Tensor, y: Int) -> Tensor { Trace.map(.notEqual, .tensor(x), .int(y), at: nil) }

  /// Where `x` is less than `y`.
  public static func .< (x: Tensor, y: Tensor) -> Tensor { Trace.map(.less, .tensor(x), .tensor(y), at: nil) }
  /// Where `x` is less than `y`.
  public static func .< (x: Tensor, y: Double) -> Tensor { Trace.map(.less, .tensor(x), .double(y), at: nil) }
  /// Where `x` is less than `y`.
  public static func .< (x: Tensor, y: Int) -> Tensor { Trace.map(.less, .tensor(x), .int(y), at: nil) }

  /// Where `x` is less than or equal to `y`.
  public static func .<= (x: Tensor, y: Tensor) -> Tensor {
    Trace.map(.lessEqual, .tensor(x), .tensor(y), at: nil)
  }
  /// Where `x` is less than or equal to `y`.
  public static func .<= (x: Tensor, y: Double) -> Tensor {
    Trace.map(.lessEqual, .tensor(x), .double(y), at: nil)
  }
  /// Where `x` is less than or equal to `y`.
  public static func .<= (x: Tensor, y: Int) -> Tensor { Trace.map(.lessEqual, .tensor(x), .int(y), at: nil) }

  /// Where `x` is greater than `y`.
  public static func .> (x: Tensor, y: Tensor) -> Tensor {
    Trace.map(.greater, .tensor(x), .tensor(y), at: nil)
  }
  /// Where `x` is greater than `y`.
  public static func .> (x: Tensor, y: Double) -> Tensor {
    Trace.map(.greater, .tensor(x), .double(y), at: nil)
  }
  /// Where `x` is greater than `y`.
  public static func .> (x: Tensor, y: Int) -> Tensor { Trace.map(.greater, .tensor(x), .int(y), at: nil) }

  /// Where `x` is greater than or equal to `y`.
  public static func .>= (x: Tensor, y: Tensor) -> Tensor {
    Trace.map(.greaterEqual, .tensor(x), .tensor(y), at: nil)
  }
  /// Where `x` is greater than or equal to `y`.
  public static func .>= (x: Tensor, y: Double) -> Tensor {
    Trace.map(.greaterEqual, .tensor(x), .double(y), at: nil)
  }
  /// Where `x` is greater than or equal to `y`.
  public static func .>= (x: Tensor, y: Int) -> Tensor {
    Trace.map(.greaterEqual, .tensor(x), .int(y), at: nil)
  }
}

/// Logic of bools, and bit by bit of integers.
extension Tensor {
  /// The conjunction, bit by bit.
  public static func .& (x: Tensor, y: Tensor) -> Tensor { Trace.map(.and, .tensor(x), .tensor(y), at: nil) }

  /// The disjunction, bit by bit.
  public static func .| (x: Tensor, y: Tensor) -> Tensor { Trace.map(.or, .tensor(x), .tensor(y), at: nil) }

  /// Where the bits differ.
  public static func .^ (x: Tensor, y: Tensor) -> Tensor { Trace.map(.xor, .tensor(x), .tensor(y), at: nil) }

  /// The negation, bit by bit.
  public static prefix func .! (x: Tensor) -> Tensor { Trace.emit(.not, x, at: nil) }
}
