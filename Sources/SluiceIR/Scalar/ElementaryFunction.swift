/// The functions that are expanded into scalar operations: the same bits in interpreter and C, and no libm.
public enum ElementaryFunction: UInt8, CaseIterable, Sendable {
  case exp, expm1, log, log1p, tanh, sigmoid, softplus, sin, cos

  /// The program for one element of f32 or f64.
  public func program(_ dtype: DType) -> ScalarProgram {
    Self.programs[Int(rawValue) * 2 + (dtype == .f64 ? 1 : 0)]
  }

  private static let programs: [ScalarProgram] = allCases.flatMap { function in
    [DType.f32, .f64].map { dtype in
      let (builder, parameters) = ScalarBuilder.make([dtype])
      var scalars = builder
      let result = function.emit(&scalars, parameters[0])
      return scalars.finish(result)
    }
  }

  private func emit(_ builder: inout ScalarBuilder, _ x: Scalar) -> Scalar {
    switch self {
    case .exp: builder.exp(x)
    case .expm1: builder.expm1(x)
    case .log: builder.log(x)
    case .log1p: builder.log1p(x)
    case .tanh: builder.tanh(x)
    case .sigmoid: builder.sigmoid(x)
    case .softplus: builder.softplus(x)
    case .sin: builder.sin(x)
    case .cos: builder.cos(x)
    }
  }
}
