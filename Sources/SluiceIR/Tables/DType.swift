/// The element types of tensors.
///
/// The raw value is stable: it is written into parameter files and into the reflection table of generated C.
public enum DType: UInt8, CaseIterable, Hashable, Sendable, BitwiseCopyable {
  /// IEEE-754 binary32.
  case f32 = 0
  /// IEEE-754 binary64.
  case f64 = 1
  /// Two's complement 32-bit integer; arithmetic wraps.
  case i32 = 2
  /// Two's complement 64-bit integer; arithmetic wraps.
  case i64 = 3
  /// Unsigned 8-bit integer; arithmetic wraps.
  case u8 = 4
  /// A truth value, stored as one byte holding 0 or 1.
  case bool = 5
  /// IEEE-754 binary16, which only stores: it is moved and cast, not calculated with.
  case f16 = 6
  /// bfloat16, the high half of a binary32, which only stores.
  case bf16 = 7

  /// The name in `.sluice` text: `f32`, `i64`, ...
  @inlinable
  public var name: String {
    switch self {
    case .f32: "f32"
    case .f64: "f64"
    case .i32: "i32"
    case .i64: "i64"
    case .u8: "u8"
    case .bool: "bool"
    case .f16: "f16"
    case .bf16: "bf16"
    }
  }

  /// The dtype of that name, or nil.
  public init?(name: some StringProtocol) {
    guard let found = DType.allCases.first(where: { $0.name == name }) else { return nil }
    self = found
  }

  /// Size of one element in bytes.
  @inlinable
  public var byteCount: Int {
    switch self {
    case .f32, .i32: 4
    case .f64, .i64: 8
    case .u8, .bool: 1
    case .f16, .bf16: 2
    }
  }

  /// Whether this is `f32` or `f64`: floats that are calculated with.
  @inlinable
  public var isFloat: Bool { self == .f32 || self == .f64 }

  /// Whether this is `f16` or `bf16`: floats that are only stored, moved and cast.
  @inlinable
  public var isNarrow: Bool { self == .f16 || self == .bf16 }

  /// Whether the elements are floats, calculated with or only stored.
  @inlinable
  public var isFloating: Bool { isFloat || isNarrow }

  /// Whether this is `i32`, `i64` or `u8`.
  @inlinable
  public var isInteger: Bool { self == .i32 || self == .i64 || self == .u8 }
}
