/// What holds for a scalar operation wherever it runs.
extension ScalarOp {
  /// How many operands it has with this immediate: a call has as many as its function.
  package func operandCount(immediate: UInt64) -> Int {
    self == .call ? ElementaryFunction(immediate: immediate)?.operandCount ?? 1 : operandCount
  }

  /// How many operands it has; 1 for a call, whose function decides.
  package var operandCount: Int {
    switch self {
    case .parameter, .constant: 0
    case .negate, .abs, .sqrt, .floor, .ceil, .trunc, .round, .not, .cast, .bitcast, .canonical, .call: 1
    case .add, .subtract, .multiply, .divide, .remainder, .minimum, .maximum, .equal, .notEqual, .less,
      .lessEqual, .and, .or, .xor, .shiftLeft, .shiftRight, .shiftRightLogical, .multiplyHigh, .piReduction:
      2
    case .fma, .select: 3
    }
  }

  /// Whether it gives a bool.
  package var isComparison: Bool {
    switch self {
    case .equal, .notEqual, .less, .lessEqual: true
    default: false
    }
  }

  /// Whether it takes operands of a dtype; for what is no special form.
  package func supports(_ dtype: DType) -> Bool {
    switch self {
    case .parameter, .constant, .select, .cast, .bitcast, .call: false
    case .fma, .sqrt, .floor, .ceil, .trunc, .round, .piReduction, .canonical: dtype.isFloat
    case .and, .or, .xor, .not: !dtype.isFloating
    case .shiftLeft, .shiftRight, .shiftRightLogical: dtype.isInteger
    case .multiplyHigh: dtype == .i32
    case .add, .subtract, .multiply, .divide, .remainder, .negate, .abs: !dtype.isNarrow && dtype != .bool
    case .minimum, .maximum, .equal, .notEqual, .less, .lessEqual: !dtype.isNarrow
    }
  }

  /// Whether lanes of a reduction may be joined by it.
  package var isAccumulation: Bool {
    switch self {
    case .add, .multiply, .minimum, .maximum, .and, .or, .xor: true
    default: false
    }
  }
}
