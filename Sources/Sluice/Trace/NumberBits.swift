import SluiceIR

/// Swift numbers as elements of tensors: only what a dtype can hold.
///
/// An integer has to be held exactly. Other numbers are rounded to nearest, but a finite one never becomes infinite,
/// and a dtype of integers takes only integers.
enum NumberBits {
  /// The bits of a number; throws where the dtype cannot hold it.
  static func bits(_ number: Int, _ dtype: DType) throws(InferenceError) -> UInt64 {
    guard let bits = ScalarConstant.bits(holding: Int64(number), dtype) else {
      let hint =
        dtype.isFloating ? "write `\(number).0` where the nearest \(dtype.name) will do" : nil
      throw error("\(number)", dtype, hint)
    }
    return bits
  }

  /// The bits of a number; throws where the dtype cannot hold it.
  static func bits(_ number: Double, _ dtype: DType) throws(InferenceError) -> UInt64 {
    guard let bits = ScalarConstant.bits(holding: number, dtype) else {
      throw error("\(number)", dtype, dtype.isFloating ? "infinity is `.infinity`" : nil)
    }
    return bits
  }

  /// The little-endian bytes of numbers; throws at the first that the dtype cannot hold.
  static func bytes(_ numbers: [Double], _ dtype: DType) throws(InferenceError) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(numbers.count * dtype.byteCount)
    for number in numbers { append(try bits(number, dtype), dtype, to: &bytes) }
    return bytes
  }

  /// The little-endian bytes of integers; throws at the first that the dtype cannot hold.
  static func bytes(_ numbers: [Int], _ dtype: DType) throws(InferenceError) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(numbers.count * dtype.byteCount)
    for number in numbers { append(try bits(number, dtype), dtype, to: &bytes) }
    return bytes
  }

  private static func append(_ bits: UInt64, _ dtype: DType, to bytes: inout [UInt8]) {
    for position in 0..<dtype.byteCount {
      bytes.append(UInt8(truncatingIfNeeded: bits >> UInt64(8 * position)))
    }
  }

  private static func error(_ number: String, _ dtype: DType, _ hint: String?) -> InferenceError {
    InferenceError(
      "`\(number)` is no \(dtype.name)",
      hint: hint
        ?? (dtype == .bool
          ? "compare with `.==`, or convert the tensor with `.cast(...)`"
          : "convert the tensor: `.cast(.f32)`"))
  }
}
