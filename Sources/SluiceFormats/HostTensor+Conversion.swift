public import SluiceIR

// The same numbers as another dtype.
extension HostTensor {
  /// The same numbers as another dtype; throws `HostTensorError` at the first that it does not have.
  ///
  /// Nothing is rounded: an f64 becomes an f32 where it is one, an i64 an i32 where it is in range, a float an integer
  /// where it has no fraction, any number a bool where it is 0 or 1. NaN stays NaN among floats.
  public func converted(to target: DType) throws(HostTensorError) -> HostTensor {
    if dtype == target { return self }
    var out: [UInt8] = []
    out.reserveCapacity(count * target.byteCount)
    if dtype.isFloating {
      for (position, number) in asDoubles().enumerated() {
        guard let bits = Self.exactBits(number, target) else { throw lost("\(number)", position, target) }
        Self.append(bits, target.byteCount, to: &out)
      }
    } else {
      for (position, number) in asIntegers().enumerated() {
        guard let bits = ScalarConstant.bits(holding: number, target) else {
          throw lost("\(number)", position, target)
        }
        Self.append(bits, target.byteCount, to: &out)
      }
    }
    return HostTensor(unchecked: target, shape, out)
  }

  /// The elements of a tensor of integers or bools in row-major order, a bool as 0 or 1; any other dtype stops the
  /// program.
  public func asIntegers() -> [Int64] {
    switch dtype {
    case .i64: int64s()
    case .i32: int32s().map { Int64($0) }
    case .u8, .bool: bytes.map { Int64($0) }
    case .f32, .f64, .f16, .bf16: preconditionFailure("the tensor holds \(dtype.name), no integers")
    }
  }

  private static func exactBits(_ number: Double, _ target: DType) -> UInt64? {
    guard let bits = ScalarConstant.bits(holding: number, target) else { return nil }
    let isExact =
      switch target {
      case .f32: Double(Float(number)) == number
      case .f16, .bf16: Double(NarrowFloat.widened(UInt16(truncatingIfNeeded: bits), target)) == number
      case .f64, .i32, .i64, .u8, .bool: true
      }
    return isExact || number.isNaN ? bits : nil
  }

  private static func append(_ bits: UInt64, _ byteCount: Int, to bytes: inout [UInt8]) {
    for position in 0..<byteCount { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt64(8 * position))) }
  }

  private func lost(_ number: String, _ position: Int, _ target: DType) -> HostTensorError {
    HostTensorError("its element \(HostTensor.text(index(of: position))), \(number), is no \(target.name)")
  }

  /// The index along every axis of the element at a place in row-major order.
  public func index(of position: Int) -> [Int] { Self.index(of: position, in: shape) }

  /// The index along every axis of an array of this shape, for a place in row-major order.
  public static func index(of position: Int, in shape: [Int]) -> [Int] {
    var (rest, index) = (position, [Int](repeating: 0, count: shape.count))
    for axis in shape.indices.reversed() where shape[axis] > 0 {
      index[axis] = rest % shape[axis]
      rest /= shape[axis]
    }
    return index
  }
}
