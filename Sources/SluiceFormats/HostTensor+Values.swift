import SluiceIR

// The elements as Swift arrays.
extension HostTensor {
  /// The elements in row-major order, exactly; the dtype must be that of `Element`.
  ///
  /// Asking for another type is a programmer's mistake and stops the program: look at `dtype` first.
  public func values<Element: HostElement>(as type: Element.Type = Element.self) -> [Element] {
    precondition(dtype == Element.dtype, "the tensor holds \(dtype.name), not \(Element.dtype.name)")
    return elements(type, of: bytes)
  }

  /// The elements of an `f32` tensor in row-major order; any other dtype stops the program.
  public func floats() -> [Float] { values() }

  /// The elements of an `f64` tensor in row-major order; any other dtype stops the program.
  public func doubles() -> [Double] { values() }

  /// The elements of an `i32` tensor in row-major order; any other dtype stops the program.
  public func int32s() -> [Int32] { values() }

  /// The elements of an `i64` tensor in row-major order; any other dtype stops the program.
  public func int64s() -> [Int64] { values() }

  /// The elements of a `u8` tensor in row-major order; any other dtype stops the program.
  public func uint8s() -> [UInt8] { values() }

  /// The elements of a `bool` tensor in row-major order; any other dtype stops the program.
  public func bools() -> [Bool] { values() }

  /// The bits of the elements of an `f16` or `bf16` tensor in row-major order; any other dtype stops the program.
  public func words() -> [UInt16] {
    precondition(dtype.isNarrow, "the tensor holds \(dtype.name), not f16 or bf16")
    return elements(UInt16.self, of: bytes)
  }

  /// The elements of a tensor of any dtype in row-major order.
  ///
  /// A bool is 0 or 1. Exact but for `i64` beyond 2^53, which is rounded to nearest.
  public func asDoubles() -> [Double] {
    switch dtype {
    case .f32: floats().map { Double($0) }
    case .f64: doubles()
    case .i32: int32s().map { Double($0) }
    case .i64: int64s().map { Double($0) }
    case .u8, .bool: bytes.map { Double($0) }
    case .f16, .bf16: words().map { Double(NarrowFloat.widened($0, dtype)) }
    }
  }
}
