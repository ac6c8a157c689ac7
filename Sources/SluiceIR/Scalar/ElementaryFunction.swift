/// The functions that are expanded into scalar operations: the same bits in interpreter and C, and no libm.
public enum ElementaryFunction: UInt8, CaseIterable, Sendable {
  case exp, expm1, log, log1p, tanh, sigmoid, softplus, sin, cos
  case exp2, log2, erf, tan, asin, acos, atan, atan2, sinh, cosh, cbrt, power

  /// The function of a call's immediate; nil where there is none.
  public init?(immediate: UInt64) {
    guard let raw = UInt8(exactly: immediate) else { return nil }
    self.init(rawValue: raw)
  }

  /// How many operands it has; all have the dtype of the result.
  public var operandCount: Int {
    switch self {
    case .atan2, .power: 2
    default: 1
    }
  }

  /// The dtypes it is defined for.
  public var dtypes: DTypeSet { self == .power ? .numbers : .floats }

  /// The program for one element of a dtype that the function is defined for.
  public func program(_ dtype: DType) -> ScalarProgram {
    Self.programs[Int(rawValue) * DType.allCases.count + Int(dtype.rawValue)]
  }

  /// A row of dtypes a function; for others than its own the program gives 0.
  private static let programs: [ScalarProgram] = allCases.flatMap { function in
    DType.allCases.map { dtype in
      let operands = [DType](repeating: dtype, count: function.operandCount)
      let (builder, parameters) = ScalarBuilder.make(operands)
      var scalars = builder
      guard function.dtypes.contains(dtype) else { return scalars.finish(scalars.bits(0, dtype)) }
      let result = function.emit(&scalars, parameters)
      return scalars.finish(result)
    }
  }

  private func emit(_ builder: inout ScalarBuilder, _ x: [Scalar]) -> Scalar {
    switch self {
    case .exp: builder.exp(x[0])
    case .expm1: builder.expm1(x[0])
    case .log: builder.log(x[0])
    case .log1p: builder.log1p(x[0])
    case .tanh: builder.tanh(x[0])
    case .sigmoid: builder.sigmoid(x[0])
    case .softplus: builder.softplus(x[0])
    case .sin: builder.sin(x[0])
    case .cos: builder.cos(x[0])
    case .exp2: builder.exp2(x[0])
    case .log2: builder.log2(x[0])
    case .erf: builder.erf(x[0])
    case .tan: builder.tan(x[0])
    case .asin: builder.asin(x[0])
    case .acos: builder.acos(x[0])
    case .atan: builder.atan(x[0])
    case .atan2: builder.atan2(x[0], x[1])
    case .sinh: builder.sinh(x[0])
    case .cosh: builder.cosh(x[0])
    case .cbrt: builder.cbrt(x[0])
    case .power: x[0].dtype.isFloat ? builder.power(x[0], x[1]) : builder.integerPower(x[0], x[1])
    }
  }
}
