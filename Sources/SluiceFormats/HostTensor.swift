public import SluiceIR

/// An array on the host: what files hold, what functions take and give, and what tests compare.
///
/// The elements lie in `bytes` in row-major order without gaps, little-endian. Two tensors are equal when
/// dtype, shape and every bit are: NaN equals the same NaN, 0.0 does not equal -0.0.
public struct HostTensor: Sendable, Equatable {
  /// The element type.
  public let dtype: DType
  /// The extents, outermost first; empty for a scalar.
  public let shape: [Int]
  /// The elements: `count * dtype.byteCount` bytes.
  ///
  /// A bool is a byte holding 0 or 1.
  public let bytes: [UInt8]

  /// A tensor over these bytes.
  ///
  /// Throws `HostTensorError` when an extent is negative, when the size overflows, when `bytes` has not
  /// exactly the bytes of the elements, and when a byte of a bool tensor is neither 0 nor 1.
  public init(dtype: DType, shape: [Int], bytes: [UInt8]) throws(HostTensorError) {
    let count = try HostTensor.checkedCount(of: shape, dtype)
    let byteCount = count * dtype.byteCount
    guard bytes.count == byteCount else {
      throw HostTensorError(
        "\(count) elements of \(dtype.name) take \(byteCount) bytes but \(bytes.count) were given")
    }
    if dtype == .bool, let odd = bytes.firstIndex(where: { $0 > 1 }) {
      throw HostTensorError("element \(odd) of a bool array is the byte \(bytes[odd]), neither 0 nor 1")
    }
    self.init(unchecked: dtype, shape, bytes)
  }

  /// A tensor whose parts are known to fit.
  init(unchecked dtype: DType, _ shape: [Int], _ bytes: [UInt8]) {
    self.dtype = dtype
    self.shape = shape
    self.bytes = bytes
  }

  /// A tensor of these values in row-major order, by default of one axis.
  ///
  /// That `shape` has as many elements as `values` is the caller's duty.
  public init<Element: HostElement>(_ values: [Element], shape: [Int]? = nil) {
    let shape = shape ?? [values.count]
    precondition(
      HostTensor.elementCount(of: shape) == values.count,
      "shape \(shape) does not have the \(values.count) elements given")
    self.init(unchecked: Element.dtype, shape, rawBytes(of: values))
  }

  /// A tensor of these values, rounded to `dtype`, which is f16 or bf16, in row-major order; by default of one axis.
  ///
  /// That `shape` has as many elements as `values` is the caller's duty.
  public init(narrowing values: [Double], to dtype: DType, shape: [Int]? = nil) {
    let shape = shape ?? [values.count]
    precondition(dtype.isNarrow, "\(dtype.name) is neither f16 nor bf16")
    precondition(
      HostTensor.elementCount(of: shape) == values.count,
      "shape \(shape) does not have the \(values.count) elements given")
    self.init(unchecked: dtype, shape, rawBytes(of: values.map { NarrowFloat.narrowed($0, dtype) }))
  }

  /// A tensor of elements with these bits, of f16 or bf16, in row-major order.
  ///
  /// That `shape` has as many elements as `words` is the caller's duty.
  package init(words: [UInt16], of dtype: DType, shape: [Int]) {
    precondition(dtype.isNarrow, "\(dtype.name) is neither f16 nor bf16")
    precondition(
      HostTensor.elementCount(of: shape) == words.count,
      "shape \(shape) does not have the \(words.count) elements given")
    self.init(unchecked: dtype, shape, rawBytes(of: words))
  }

  /// A tensor of one element and no axis.
  public init<Element: HostElement>(scalar value: Element) {
    self.init([value], shape: [])
  }

  /// A tensor of zeros; throws `HostTensorError` when an extent is negative or the size overflows.
  public static func zeros(_ dtype: DType, shape: [Int]) throws(HostTensorError) -> HostTensor {
    let count = try checkedCount(of: shape, dtype)
    return HostTensor(unchecked: dtype, shape, [UInt8](repeating: 0, count: count * dtype.byteCount))
  }

  /// A tensor of bytes that a plan has computed, as many as it needs; a bool that is neither 0 nor 1 becomes 1.
  package static func made(_ dtype: DType, _ shape: [Int], _ bytes: [UInt8]) -> HostTensor {
    precondition(
      bytes.count == elementCount(of: shape).map { $0 * dtype.byteCount },
      "a result of another size than its type")
    return HostTensor(unchecked: dtype, shape, dtype == .bool ? bytes.map { $0 == 0 ? 0 : 1 } : bytes)
  }

  /// How many elements there are.
  public var count: Int { bytes.count / dtype.byteCount }

  /// How many axes there are.
  public var rank: Int { shape.count }

  /// The same elements under another shape; throws `HostTensorError` unless it has as many.
  public func reshaped(_ shape: [Int]) throws(HostTensorError) -> HostTensor {
    guard try HostTensor.checkedCount(of: shape, dtype) == count else {
      throw HostTensorError(
        "\(HostTensor.text(self.shape)) has \(count) elements and cannot become \(HostTensor.text(shape))")
    }
    return HostTensor(unchecked: dtype, shape, bytes)
  }

  /// How many elements an array of that shape has, or nil when an extent is negative or the product
  /// overflows.
  ///
  /// Extents of zero are left out of the overflow test, so that the strides of an empty array are in range as
  /// well.
  public static func elementCount(of shape: [Int]) -> Int? {
    var product = 1
    var isEmpty = false
    for extent in shape {
      if extent == 0 {
        isEmpty = true
        continue
      }
      let (next, overflow) = product.multipliedReportingOverflow(by: extent)
      guard extent > 0 && !overflow else { return nil }
      product = next
    }
    return isEmpty ? 0 : product
  }

  /// How many elements there are in an array of that shape and dtype whose byte count fits an `Int`.
  private static func checkedCount(of shape: [Int], _ dtype: DType) throws(HostTensorError) -> Int {
    if let negative = shape.first(where: { $0 < 0 }) {
      throw HostTensorError("shape \(text(shape)) has the negative extent \(negative)")
    }
    // The size in bytes is the size of an array with one axis more.
    guard let count = elementCount(of: shape), elementCount(of: shape + [dtype.byteCount]) != nil else {
      throw HostTensorError("the size of \(dtype.name)\(text(shape)) overflows")
    }
    return count
  }

  /// The shape as `[2,3]`, cut short after 16 extents.
  static func text(_ shape: [Int]) -> String {
    let shown = shape.prefix(16).map(String.init).joined(separator: ",")
    return shape.count > 16 ? "[\(shown),...]" : "[\(shown)]"
  }
}

/// Why bytes and a shape do not make a tensor.
public struct HostTensorError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What was seen: lower case, no full stop.
  public let description: String

  init(_ description: String) {
    self.description = description
  }
}

/// A Swift type that is the host's form of a dtype.
public protocol HostElement: BitwiseCopyable, Sendable {
  /// The dtype of tensors of this type.
  static var dtype: DType { get }
}

extension Float: HostElement {
  /// `f32`.
  public static var dtype: DType { .f32 }
}

extension Double: HostElement {
  /// `f64`.
  public static var dtype: DType { .f64 }
}

extension Int32: HostElement {
  /// `i32`.
  public static var dtype: DType { .i32 }
}

extension Int64: HostElement {
  /// `i64`.
  public static var dtype: DType { .i64 }
}

extension UInt8: HostElement {
  /// `u8`.
  public static var dtype: DType { .u8 }
}

extension Bool: HostElement {
  /// `bool`.
  public static var dtype: DType { .bool }
}
