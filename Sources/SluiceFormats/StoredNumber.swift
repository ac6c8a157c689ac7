import SluiceIR

/// What the elements of an array in a file are: a dtype, or integers that the language lacks, which are read as wider
/// ones.
enum StoredNumber: Equatable {
  case dtype(DType)
  /// Two's complement or unsigned integers, 1, 2, 4 or 8 bytes each, that are no dtype.
  case integer(byteCount: Int, isSigned: Bool)

  /// Integers of a size; a dtype where there is one.
  static func integers(byteCount: Int, isSigned: Bool) -> StoredNumber {
    switch (byteCount, isSigned) {
    case (1, false): .dtype(.u8)
    case (4, true): .dtype(.i32)
    case (8, true): .dtype(.i64)
    default: .integer(byteCount: byteCount, isSigned: isSigned)
    }
  }

  /// The size of an element in the file.
  var byteCount: Int {
    switch self {
    case .dtype(let dtype): dtype.byteCount
    case .integer(let byteCount, _): byteCount
    }
  }

  /// What it is in messages: `u16`.
  var name: String {
    switch self {
    case .dtype(let dtype): dtype.name
    case .integer(let byteCount, let isSigned): "\(isSigned ? "i" : "u")\(8 * byteCount)"
    }
  }

  /// The dtype that holds the elements: i32 for integers of 1 and 2 bytes, i64 for unsigned ones of 4 and 8.
  var dtype: DType {
    switch self {
    case .dtype(let dtype): dtype
    case .integer(let byteCount, _): byteCount <= 2 ? .i32 : .i64
    }
  }

  /// Little-endian elements as those of `dtype`; throws where one is larger than an i64.
  func widened(_ bytes: [UInt8]) throws(Malformed) -> [UInt8] {
    guard case .integer(let byteCount, let isSigned) = self else { return bytes }
    switch (byteCount, isSigned) {
    case (1, true): return rawBytes(of: elements(Int8.self, of: bytes).map { Int32($0) })
    case (2, true): return rawBytes(of: elements(Int16.self, of: bytes).map { Int32($0) })
    case (2, false): return rawBytes(of: elements(UInt16.self, of: bytes).map { Int32($0) })
    case (4, false): return rawBytes(of: elements(UInt32.self, of: bytes).map { Int64($0) })
    default:
      let numbers = elements(UInt64.self, of: bytes)
      if let odd = numbers.firstIndex(where: { $0 > UInt64(Int64.max) }) {
        throw Malformed("element \(odd) is \(numbers[odd]), which is no i64; the language has no u64")
      }
      return bytes
    }
  }
}
