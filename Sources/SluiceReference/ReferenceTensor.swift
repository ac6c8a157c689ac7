/// The arrays that the reference evaluator computes with.

public import SluiceFormats
public import SluiceIR

/// An array of 64-bit elements, whatever its dtype: floats as `Double`, integers and bools as `Int64`.
///
/// The elements lie in row-major order; two tensors are equal when dtype, shape and every bit are. An f32 element is a `Double` that a `Float` can hold, except in
/// `Reference.Precision.exact64`; an integer is in the range of its dtype, and a bool is 0 or 1.
public struct ReferenceTensor: Equatable, Sendable {
  /// The elements of an array.
  public enum Elements: Equatable, Sendable {
    /// Of f32, f64, f16 and bf16.
    case floats([Double])
    /// Of i32, i64, u8 and bool.
    case integers([Int64])

    /// How many there are.
    public var count: Int {
      switch self {
      case .floats(let values): values.count
      case .integers(let values): values.count
      }
    }

    /// Whether every bit is the same: NaN equals the same NaN, 0.0 does not equal -0.0.
    public static func == (a: Elements, b: Elements) -> Bool {
      switch (a, b) {
      case (.floats(let x), .floats(let y)): x.map(\.bitPattern) == y.map(\.bitPattern)
      case (.integers(let x), .integers(let y)): x == y
      default: false
      }
    }
  }

  /// The element type.
  public let dtype: DType
  /// The extents, outermost first; empty for a scalar.
  public let shape: [Int]
  /// The elements in row-major order.
  public let elements: Elements

  /// An array of these elements; their number and kind must fit shape and dtype.
  public init(_ dtype: DType, _ shape: [Int], _ elements: Elements) {
    precondition(shape.reduce(1, *) == elements.count, "\(elements.count) elements in the shape \(shape)")
    if case .floats = elements {
      precondition(dtype.isFloating, "floats as elements of \(dtype.name)")
    } else {
      precondition(!dtype.isFloating, "integers as elements of \(dtype.name)")
    }
    self.dtype = dtype
    self.shape = shape
    self.elements = elements
  }

  /// An array of floats.
  public init(_ dtype: DType, _ shape: [Int], floats: [Double]) {
    self.init(dtype, shape, .floats(floats))
  }

  /// An array of integers, or of bools as 0 and 1.
  public init(_ dtype: DType, _ shape: [Int], integers: [Int64]) {
    self.init(dtype, shape, .integers(integers))
  }

  /// The elements as floats.
  public var floats: [Double] {
    switch elements {
    case .floats(let values): values
    case .integers(let values): values.map { Double($0) }
    }
  }

  /// The elements as integers; empty for an array of floats.
  public var integers: [Int64] { if case .integers(let values) = elements { values } else { [] } }

  /// One element.
  func number(_ position: Int) -> Number {
    switch elements {
    case .floats(let values): .float(values[position])
    case .integers(let values): .int(values[position])
    }
  }

  /// The elements at these positions under another shape; `fill` for the position -1.
  func picking(_ positions: [Int], _ shape: [Int], fill: Number = .int(0)) -> ReferenceTensor {
    switch elements {
    case .floats(let values):
      ReferenceTensor(dtype, shape, floats: positions.map { $0 < 0 ? fill.double : values[$0] })
    case .integers(let values):
      ReferenceTensor(dtype, shape, integers: positions.map { $0 < 0 ? fill.int : values[$0] })
    }
  }
}

/// What the reference evaluator takes as an argument.
public protocol ReferenceConvertible: Sendable {
  /// The value as an array of 64-bit elements.
  var referenceTensor: ReferenceTensor { get }
}

extension ReferenceTensor: ReferenceConvertible {
  /// Itself.
  public var referenceTensor: ReferenceTensor { self }

  /// The elements in their dtype; f32 elements are rounded.
  public var hostTensor: HostTensor {
    switch (dtype, elements) {
    case (.f32, .floats(let values)): HostTensor(values.map { Float($0) }, shape: shape)
    case (.f16, .floats(let values)), (.bf16, .floats(let values)):
      HostTensor(words: values.map { NarrowFloat.bits(of: $0, dtype) }, of: dtype, shape: shape)
    case (_, .floats(let values)): HostTensor(values, shape: shape)
    case (.i32, .integers(let values)): HostTensor(values.map { Int32(truncatingIfNeeded: $0) }, shape: shape)
    case (.u8, .integers(let values)): HostTensor(values.map { UInt8(truncatingIfNeeded: $0) }, shape: shape)
    case (.bool, .integers(let values)): HostTensor(values.map { $0 != 0 }, shape: shape)
    case (_, .integers(let values)): HostTensor(values, shape: shape)
    }
  }
}

extension HostTensor: ReferenceConvertible {
  /// The same numbers as 64-bit elements.
  public var referenceTensor: ReferenceTensor {
    ReferenceTensor(dtype: dtype, shape: shape, bytes: bytes[...])
  }
}

extension ReferenceTensor {
  /// The numbers that little-endian bytes hold.
  init(dtype: DType, shape: [Int], bytes: ArraySlice<UInt8>) {
    let size = dtype.byteCount
    let words = (0..<bytes.count / size).map { position -> UInt64 in
      let start = bytes.startIndex + position * size
      return (0..<size).reduce(0) { $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1) }
    }
    switch dtype {
    case .f32:
      self.init(dtype, shape, floats: words.map { Double(Float(bitPattern: UInt32(truncatingIfNeeded: $0))) })
    case .f64: self.init(dtype, shape, floats: words.map { Double(bitPattern: $0) })
    case .i32: self.init(dtype, shape, integers: words.map { Int64(Int32(truncatingIfNeeded: $0)) })
    case .i64: self.init(dtype, shape, integers: words.map { Int64(bitPattern: $0) })
    case .u8, .bool: self.init(dtype, shape, integers: words.map { Int64($0) })
    case .f16, .bf16:
      self.init(
        dtype, shape,
        floats: words.map { NarrowFloat.kept(UInt16(truncatingIfNeeded: $0), dtype) })
    }
  }
}
