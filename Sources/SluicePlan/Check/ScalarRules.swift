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
      return source.isNarrow ? "`\(op)` of \(source.name)" : nil
    case .call:
      guard let function = ElementaryFunction(immediate: immediate) else {
        return "the function \(immediate) does not exist"
      }
      let isDefined = function.dtypes.contains(dtype)
      return uniform(dtypes) ?? (isDefined ? nil : "`\(function)` of \(dtype.name)")
    case .fma, .sqrt, .floor, .ceil, .trunc, .round, .piReduction, .canonical:
      return uniform(dtypes) ?? (dtype.isFloat ? nil : "`\(op)` of \(dtype.name), expected a float")
    case .add, .subtract, .multiply, .divide, .remainder, .negate, .abs:
      return uniform(dtypes) ?? (dtype == .bool || dtype.isNarrow ? "`\(op)` of \(dtype.name)" : nil)
    case .minimum, .maximum: return uniform(dtypes) ?? (dtype.isNarrow ? "`\(op)` of \(dtype.name)" : nil)
    case .and, .or, .xor, .not:
      return uniform(dtypes)
        ?? (dtype.isFloating ? "`\(op)` of \(dtype.name), expected an integer or bool" : nil)
    case .shiftLeft, .shiftRight, .shiftRightLogical:
      return uniform(dtypes) ?? (dtype.isInteger ? nil : "`\(op)` of \(dtype.name), expected an integer")
    case .multiplyHigh:
      return uniform(dtypes) ?? (dtype == .i32 ? nil : "`\(op)` of \(dtype.name), expected i32")
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
