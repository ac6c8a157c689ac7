public import SluiceFormats
import SluiceIR

/// The value of a parameter or state before the first call.
public struct Initializer: Sendable {
  private enum Content: Sendable {
    case known(SluiceIR.Variable.Initializer)
    case numbers([Double])
    case integer(Int)
    case integers([Int])
    case array(HostTensor)
  }

  private var content: Content

  /// All 0.
  public static let zeros = Initializer(content: .known(.zeros))
  /// All 1.
  public static let ones = Initializer(content: .known(.ones))
  /// The identity matrix.
  public static let eye = Initializer(content: .known(.eye))

  /// All the same number.
  public static func constant(_ value: Double) -> Initializer {
    Initializer(content: .known(.constant(value)))
  }

  /// All the same integer.
  public static func constant(_ value: Int) -> Initializer { Initializer(content: .integer(value)) }

  /// Normally distributed with a standard deviation and a mean.
  public static func normal(_ deviation: Double, mean: Double = 0) -> Initializer {
    Initializer(content: .known(.normal(mean: mean, deviation: deviation)))
  }

  /// Uniformly distributed in `low ..< high`.
  public static func uniform(_ low: Double, _ high: Double) -> Initializer {
    Initializer(content: .known(.uniform(low: low, high: high)))
  }

  /// These numbers in row-major order.
  public static func data(_ numbers: [some BinaryFloatingPoint]) -> Initializer {
    Initializer(content: .numbers(numbers.map { Double($0) }))
  }

  /// These integers in row-major order.
  public static func data(_ numbers: [Int]) -> Initializer { Initializer(content: .integers(numbers)) }

  /// This array, of the same dtype and shape.
  public static func data(_ array: HostTensor) -> Initializer { Initializer(content: .array(array)) }

  /// The initialiser of a variable of a type with integer dims; throws where the two do not fit.
  func resolve(_ type: TypeID, _ tables: inout Tables) throws(InferenceError) -> SluiceIR.Variable.Initializer
  {
    let dtype = tables.types.dtype(type)
    let shape = tables.types.shape(type).compactMap { tables.dims.value($0) }.map { Int($0) }
    switch content {
    case .known(.constant(let value)):
      _ = try NumberBits.bits(value, dtype)
      return .constant(value)
    case .integer(let value):
      _ = try NumberBits.bits(value, dtype)
      // The language keeps it as a binary64.
      guard let number = Double(exactly: value) else {
        throw InferenceError(
          "the initial value `\(value)` needs more than 53 bits", hint: "give the elements: `.data([...])`")
      }
      return .constant(number)
    case .known(.normal(let mean, let deviation)):
      guard dtype.isFloating else {
        throw InferenceError("`normal` of \(dtype.name)", hint: "it needs floats")
      }
      guard mean.isFinite, deviation.isFinite, deviation >= 0 else {
        throw InferenceError("`normal` of deviation \(deviation) and mean \(mean)", hint: Self.finiteHint)
      }
      _ = try (NumberBits.bits(mean, dtype), NumberBits.bits(deviation, dtype))
      return .normal(mean: mean, deviation: deviation)
    case .known(.uniform(let low, let high)):
      guard dtype.isFloating else {
        throw InferenceError("`uniform` of \(dtype.name)", hint: "it needs floats")
      }
      guard low.isFinite, high.isFinite, low <= high else {
        throw InferenceError("`uniform` from \(low) to \(high)", hint: Self.finiteHint)
      }
      _ = try (NumberBits.bits(low, dtype), NumberBits.bits(high, dtype))
      return .uniform(low: low, high: high)
    case .known(let initializer): return initializer
    case .numbers(let numbers):
      try Self.check(numbers.count, type, shape, tables)
      return .data(tables.constants.intern(type, try NumberBits.bytes(numbers, dtype)))
    case .integers(let numbers):
      try Self.check(numbers.count, type, shape, tables)
      return .data(tables.constants.intern(type, try NumberBits.bytes(numbers, dtype)))
    case .array(let array):
      guard array.dtype == dtype, array.shape == shape else {
        throw InferenceError(
          "an array of \(array.dtype.name)\(array.shape) for the initial value of \(tables.text(type))")
      }
      return .data(tables.constants.intern(type, array.bytes))
    }
  }

  private static func check(
    _ count: Int, _ type: TypeID, _ shape: [Int], _ tables: Tables
  ) throws(InferenceError) {
    guard HostTensor.elementCount(of: shape) == count else {
      throw InferenceError("\(count) numbers for the initial value of \(tables.text(type))")
    }
  }

  private static let finiteHint = "numbers are finite, deviations not negative, the lower bound first"
}
