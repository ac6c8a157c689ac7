/// Small values that expansions and rules keep needing.
extension ModuleBuilder {
  /// A scalar constant of a dtype.
  public mutating func scalar(_ value: Double, _ dtype: DType) -> ValueID {
    scalar(bits: ScalarConstant.bits(value, dtype), dtype)
  }

  /// A scalar constant with these bits.
  public mutating func scalar(bits: UInt64, _ dtype: DType) -> ValueID {
    let type = tables.types.intern(dtype, [])
    let bytes = (0..<dtype.byteCount).map { UInt8(truncatingIfNeeded: bits >> UInt64(8 * $0)) }
    let constant = tables.constants.intern(type, bytes)
    return make(.constant, [], [Attribute(.value, .constant(constant))])
  }

  /// A value repeated to the shape of another one.
  public mutating func broadcast(_ value: ValueID, like other: ValueID) -> ValueID {
    if shape(value) == shape(other) { return value }
    return make(.broadcast, [value], [Attribute(.shape, .dims(shape(other)))])
  }

  /// A constant repeated to the shape of another value, in its dtype.
  public mutating func splat(_ number: Double, like other: ValueID) -> ValueID {
    broadcast(scalar(number, dtype(other)), like: other)
  }

  /// The product of dims as a scalar tensor of a float dtype.
  public mutating func count(_ dims: [DimID], _ dtype: DType) -> ValueID {
    guard let product = tables.dims.product(dims) else { return scalar(.infinity, dtype) }
    if let value = tables.dims.value(product) { return scalar(Double(value), dtype) }
    return make(.size, [], [Attribute(.length, .dim(product)), Attribute(.dtype, .dtype(dtype))])
  }
}

/// Numbers as the bits of a dtype.
package enum ScalarConstant {
  /// The bits of a number: floats are rounded, integers truncated to their low bits.
  package static func bits(_ value: Double, _ dtype: DType) -> UInt64 {
    switch dtype {
    case .f32: UInt64(Float(value).bitPattern)
    case .f64: value.bitPattern
    case .i32: UInt64(UInt32(truncatingIfNeeded: Int64(value)))
    case .i64: UInt64(bitPattern: Int64(value))
    case .u8: UInt64(UInt8(truncatingIfNeeded: Int64(value)))
    case .bool: value != 0 ? 1 : 0
    case .f16, .bf16: UInt64(NarrowFloat.narrowed(value, dtype))
    }
  }

  /// The bits of a number that a dtype can hold: floats are rounded to nearest; nil for a finite number that would
  /// become infinite, and where an integer or bool is no such number.
  package static func bits(holding value: Double, _ dtype: DType) -> UInt64? {
    switch dtype {
    case .f32: Float(value).isInfinite && value.isFinite ? nil : bits(value, dtype)
    case .f64: value.bitPattern
    case .f16, .bf16:
      NarrowFloat.widened(NarrowFloat.narrowed(value, dtype), dtype).isInfinite && value.isFinite
        ? nil : bits(value, dtype)
    case .i32, .i64, .u8, .bool: Int64(exactly: value).flatMap { bits(holding: $0, dtype) }
    }
  }

  /// The bits of an integer that a dtype has exactly; nil where it has not.
  package static func bits(holding value: Int64, _ dtype: DType) -> UInt64? {
    switch dtype {
    case .f32: Float(exactly: value).map { UInt64($0.bitPattern) }
    case .f64: Double(exactly: value)?.bitPattern
    case .f16, .bf16:
      Float(exactly: value).flatMap { float in
        let narrow = NarrowFloat.narrowed(Double(float), dtype)
        return NarrowFloat.widened(narrow, dtype) == float ? UInt64(narrow) : nil
      }
    case .i32: Int32(exactly: value).map { UInt64(UInt32(bitPattern: $0)) }
    case .i64: UInt64(bitPattern: value)
    case .u8: UInt8(exactly: value).map { UInt64($0) }
    case .bool: value == 0 || value == 1 ? UInt64(value) : nil
    }
  }
}
