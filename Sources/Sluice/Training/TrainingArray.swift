import SluiceFormats
import SluiceIR

/// An array of data as a model takes it: rows along the first axis.
struct TrainingArray: Sendable {
  /// The element type.
  let dtype: DType
  /// How many rows there are.
  let count: Int
  /// The shape of one row.
  let shape: [Int]
  private let rowBytes: Int
  private let bytes: [UInt8]

  /// The rows of `array` with this dtype and this shape of a row; throws `TrainingError` where they do not fit.
  ///
  /// Rows with as many elements are reshaped. Integers are taken over exactly where the dtype is an integer, and
  /// rounded where it is a float, floats are rounded to narrower ones; none becomes infinite.
  init(_ array: HostTensor, _ dtype: DType, rowShape: [Int], name: String) throws {
    guard let count = array.shape.first else {
      throw TrainingError("the data `\(name)` is a scalar; its first axis counts the examples")
    }
    let row = HostTensor.elementCount(of: rowShape) ?? 0
    guard HostTensor.elementCount(of: Array(array.shape.dropFirst())) == row else {
      throw TrainingError(
        "the data `\(name)` has examples \(Self.text(array.shape.dropFirst())), the model takes "
          + Self.text(rowShape[...]))
    }
    self.dtype = dtype
    self.count = count
    shape = rowShape
    rowBytes = row * dtype.byteCount
    bytes = try Self.converted(array, to: dtype, name).bytes
  }

  /// The elements of an array of integers, row by row.
  var integers: [Int64] {
    ((try? HostTensor(dtype: dtype, shape: [count] + shape, bytes: bytes)) ?? HostTensor([Int64]()))
      .asIntegers()
  }

  /// These rows, in this order; all must be there.
  func rows(_ rows: [Int]) throws -> HostTensor {
    var gathered: [UInt8] = []
    gathered.reserveCapacity(rows.count * rowBytes)
    for row in rows { gathered += bytes[row * rowBytes..<(row + 1) * rowBytes] }
    return try HostTensor(dtype: dtype, shape: [rows.count] + shape, bytes: gathered)
  }

  /// Windows of `length` rows without axes that begin at these places: `[starts, length]`.
  func windows(_ starts: [Int], length: Int) throws -> HostTensor {
    var gathered: [UInt8] = []
    gathered.reserveCapacity(starts.count * length * rowBytes)
    for start in starts { gathered += bytes[start * rowBytes..<(start + length) * rowBytes] }
    return try HostTensor(dtype: dtype, shape: [starts.count, length], bytes: gathered)
  }

  /// A number that changes with the elements, the dtype and the shape.
  var fingerprint: UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func mix(_ word: UInt64) {
      hash = (hash ^ word) &* 0x9e37_79b9_7f4a_7c15
      hash ^= hash >> 32
    }
    for extent in [count] + shape { mix(UInt64(extent)) }
    for byte in dtype.name.utf8 { mix(UInt64(byte)) }
    var word: UInt64 = 0
    for (position, byte) in bytes.enumerated() {
      word = word << 8 | UInt64(byte)
      if position % 8 == 7 { mix(word) }
    }
    mix(word)
    return hash
  }

  private static func text(_ shape: ArraySlice<Int>) -> String {
    "[\(shape.map(String.init).joined(separator: ","))]"
  }

  /// The same numbers as another dtype.
  private static func converted(_ array: HostTensor, to dtype: DType, _ name: String) throws -> HostTensor {
    if array.dtype == dtype { return array }
    let isRefused = array.dtype.isFloat && !dtype.isFloat || dtype == .bool
    guard !isRefused else {
      throw TrainingError("the data `\(name)` is \(array.dtype.name), the model takes \(dtype.name)")
    }
    if dtype.isFloat {
      let numbers = array.asDoubles()
      if let odd = numbers.first(where: { ScalarConstant.bits(holding: $0, dtype) == nil }) {
        throw TrainingError("the data `\(name)` has the number \(odd), which is too large for \(dtype.name)")
      }
      switch dtype {
      case .f32: return HostTensor(numbers.map { Float($0) }, shape: array.shape)
      case .f64: return HostTensor(numbers, shape: array.shape)
      default: return HostTensor(narrowing: numbers, to: dtype, shape: array.shape)
      }
    }
    let numbers: [Int64] =
      switch array.dtype {
      case .i64: array.int64s()
      case .i32: array.int32s().map { Int64($0) }
      default: array.bytes.map { Int64($0) }
      }
    let range: ClosedRange<Int64> =
      switch dtype {
      case .u8: 0...255
      case .i32: Int64(Int32.min)...Int64(Int32.max)
      default: Int64.min...Int64.max
      }
    if let odd = numbers.first(where: { !range.contains($0) }) {
      throw TrainingError("the data `\(name)` has the number \(odd), which is no \(dtype.name)")
    }
    switch dtype {
    case .u8: return HostTensor(numbers.map { UInt8(truncatingIfNeeded: $0) }, shape: array.shape)
    case .i32: return HostTensor(numbers.map { Int32(truncatingIfNeeded: $0) }, shape: array.shape)
    default: return HostTensor(numbers, shape: array.shape)
    }
  }
}
