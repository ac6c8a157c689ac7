import SluiceIR

/// Which dtypes scalar operations take and give: the rules stated at `ScalarOp`, for instructions of kernels.
extension ScalarInstruction {
  /// What is wrong with the dtypes, the number of operands or the immediate; nil where nothing is.
  func mismatch(_ dtypes: [DType]) -> String? {
    let count = op.operandCount(immediate: immediate)
    if dtypes.count != count { return "`\(op)` takes \(count) operands, got \(dtypes.count)" }
    switch op {
    case .parameter: return "a kernel has no parameters"
    case .constant:
      let width = UInt64(8 * dtype.byteCount)
      if dtype == .bool, immediate > 1 { return "the bits of a bool are 0 or 1" }
      return width < 64 && immediate >> width != 0 ? "the constant has more bits than \(dtype.name)" : nil
    case .select:
      if dtypes[0] != .bool { return "the condition is \(dtypes[0].name), expected bool" }
      return dtypes[1] == dtype && dtypes[2] == dtype ? nil : mixed(dtypes)
    case .cast: return dtypes[0] == source ? nil : sources(dtypes[0])
    case .bitcast:
      if dtypes[0] != source { return sources(dtypes[0]) }
      if dtype == .bool || source == .bool { return "`bitcast` of or to bool" }
      if dtype.isNarrow || source.isNarrow { return "`bitcast` of \(source.name) to \(dtype.name)" }
      return dtype.byteCount == source.byteCount ? nil : "`bitcast` of \(source.name) to \(dtype.name)"
    case .equal, .notEqual, .less, .lessEqual:
      if dtype != .bool { return "the result is \(dtype.name), expected bool" }
      if let other = dtypes.first(where: { $0 != source }) { return sources(other) }
      return op.supports(source) ? nil : "`\(op)` of \(source.name)"
    case .call:
      guard let function = ElementaryFunction(immediate: immediate) else {
        return "the function \(immediate) does not exist"
      }
      let isDefined = function.dtypes.contains(dtype)
      return uniform(dtypes) ?? (isDefined ? nil : "`\(function)` of \(dtype.name)")
    default:
      return uniform(dtypes) ?? (op.supports(dtype) ? nil : "`\(op)` of \(dtype.name)\(expectation)")
    }
  }

  /// What an operation expects instead of a dtype that it does not take.
  private var expectation: String {
    switch op {
    case .fma, .sqrt, .floor, .ceil, .trunc, .round, .piReduction, .canonical: ", expected a float"
    case .and, .or, .xor, .not: ", expected an integer or bool"
    case .shiftLeft, .shiftRight, .shiftRightLogical: ", expected an integer"
    case .multiplyHigh: ", expected i32"
    default: ""
    }
  }

  private func uniform(_ dtypes: [DType]) -> String? {
    if dtypes.contains(where: { $0 != dtype }) { return mixed(dtypes) }
    return source == dtype ? nil : "the source is \(source.name), the operands are \(dtype.name)"
  }

  private func mixed(_ dtypes: [DType]) -> String {
    "`\(op)` of \(dtypes.map(\.name).joined(separator: ", ")) gives no \(dtype.name)"
  }

  private func sources(_ dtype: DType) -> String {
    "the source is \(source.name), an operand is \(dtype.name)"
  }
}
