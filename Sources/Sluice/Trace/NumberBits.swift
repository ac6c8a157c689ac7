import SluiceIR

/// Swift numbers as elements of tensors: only what a dtype can hold.
enum NumberBits {
  /// The bits of a number; floats are rounded to nearest, nil where an integer or bool does not fit.
  static func bits(_ number: Int, _ dtype: DType) -> UInt64? {
    switch dtype {
    case .f32: UInt64(Float(number).bitPattern)
    case .f64: Double(number).bitPattern
    case .i32: Int32(exactly: number).map { UInt64(UInt32(bitPattern: $0)) }
    case .i64: UInt64(bitPattern: Int64(number))
    case .u8: UInt8(exactly: number).map { UInt64($0) }
    case .bool: number == 0 || number == 1 ? UInt64(number) : nil
    case .f16, .bf16: ScalarConstant.bits(Double(number), dtype)
    }
  }

  /// The bits of a number; floats are rounded to nearest, nil where it is no integer that fits.
  static func bits(_ number: Double, _ dtype: DType) -> UInt64? {
    switch dtype {
    case .f32: UInt64(Float(number).bitPattern)
    case .f64: number.bitPattern
    case .f16, .bf16: ScalarConstant.bits(number, dtype)
    default: Int(exactly: number).flatMap { bits($0, dtype) }
    }
  }

  /// The little-endian bytes of numbers; throws at the first that the dtype cannot hold.
  static func bytes(_ numbers: [Double], _ dtype: DType) throws(InferenceError) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(numbers.count * dtype.byteCount)
    for number in numbers {
      guard let bits = bits(number, dtype) else { throw error("\(number)", dtype) }
      for position in 0..<dtype.byteCount {
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt64(8 * position)))
      }
    }
    return bytes
  }

  static func error(_ number: String, _ dtype: DType) -> InferenceError {
    InferenceError(
      "`\(number)` is no \(dtype.name)",
      hint: dtype == .bool
        ? "compare with `.==`, or convert the tensor with `.cast(...)`" : "convert the tensor: `.cast(.f32)`")
  }
}
