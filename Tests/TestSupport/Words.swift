/// Elements as zero-extended bits, and those that operations find hard.

package import SluiceFormats
package import SluiceIR

extension HostTensor {
  /// An array of one axis, or of a shape, with these bits.
  package init(words: [UInt64], _ dtype: DType, shape: [Int]? = nil) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(words.count * dtype.byteCount)
    for word in words {
      for byte in 0..<dtype.byteCount { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(8 * byte))) }
    }
    do {
      try self.init(dtype: dtype, shape: shape ?? [words.count], bytes: bytes)
    } catch {
      preconditionFailure("\(error)")
    }
  }

  /// The bits of one element.
  package func word(_ position: Int) -> UInt64 {
    let size = dtype.byteCount
    return (0..<size).reduce(0) { $0 | UInt64(bytes[position * size + $1]) << UInt64(8 * $1) }
  }

  /// The bits of every element.
  package var words: [UInt64] { (0..<count).map { word($0) } }

  /// The first element that has other bits, as text; nil where there is none.
  ///
  /// All NaNs are the same.
  package func difference(from expected: [UInt64]) -> String? {
    guard count == expected.count else { return "\(count) elements instead of \(expected.count)" }
    for (position, wanted) in expected.enumerated() {
      let found = word(position)
      if found == wanted || dtype.isNaN(found) && dtype.isNaN(wanted) { continue }
      return "element \(position) is 0x\(String(found, radix: 16)) instead of 0x\(String(wanted, radix: 16))"
    }
    return nil
  }
}

extension DType {
  /// Bits that operations find hard.
  package var specialWords: [UInt64] {
    switch self {
    case .bool: return [0, 1]
    case .u8: return [0, 1, 2, 7, 8, 9, 31, 64, 127, 128, 200, 254, 255]
    case .f16:
      return [
        0, 1, 0x3FF, 0x400, 0x3C00, 0x5BF8, 0x7BFF, 0x7C00, 0x7C01, 0x7E00, 0x8000, 0x8001, 0xFC00, 0xFE01,
      ]
    case .bf16:
      return [
        0, 1, 0x7F, 0x80, 0x3F80, 0x437F, 0x7F7F, 0x7F80, 0x7F81, 0x7FC0, 0x8000, 0x8001, 0xFF80, 0xFFC1,
      ]
    case .i32:
      let values: [Int32] = [
        0, 1, -1, 2, -2, 3, 7, -7, 31, 32, 33, 100, -100, 255, 256, 65_535, 65_536, 1 << 30, .max, .max - 1,
        .min, .min + 1,
      ]
      return values.map { UInt64(UInt32(bitPattern: $0)) }
    case .i64:
      let values: [Int64] = [
        0, 1, -1, 2, -2, 7, -7, 31, 32, 63, 64, 65, 255, -256, 1 << 31, -1 << 31, (1 << 53) + 1, .max,
        .max - 1, .min,
        .min + 1, (1 << 24) + 1, 0x7FFF_FFBF_FFFF_FFFF,
      ]
      return values.map { UInt64(bitPattern: $0) }
    case .f32:
      let values: [Float] = [
        0, 1, 0.5, 1.5, 2, 2.5, 3, 10, 0.1, 0.49999997, 0.75, 1e-3, 254.5, 255, 256, 8_388_607.5, 8_388_608,
        16_777_216,
        16_777_218, 2_147_483_520, 2_147_483_648, 9.223372e18, 9.2233715e18, 1e20, 1e-30,
        .greatestFiniteMagnitude,
        .leastNormalMagnitude, .leastNonzeroMagnitude, 88.7, 103.9, .infinity, 4_194_303.8,
      ]
      return values.flatMap { [UInt64($0.bitPattern), UInt64((-$0).bitPattern)] } + [
        0x007F_FFFF, 0x8000_0123, 0x7FC0_0000, 0xFFC0_1234, 0x7FA0_0000,
      ]
    case .f64:
      let values: [Double] = [
        0, 1, 0.5, 1.5, 2, 2.5, 3, 10, 0.1, 0.49999999999999994, 254.9, 255.5, 256, 4_503_599_627_370_495.5,
        4_503_599_627_370_496, 9_007_199_254_740_994, 2_147_483_647.5, 2_147_483_648, 2_147_483_648.9,
        9.2233720368547758e18,
        9.223372036854775e18, 1e300, 1e-300, .greatestFiniteMagnitude, .leastNormalMagnitude,
        .leastNonzeroMagnitude, 709.7, 745.2, 3.4028235677973366e38, 1e-45, .infinity,
      ]
      return values.flatMap { [$0.bitPattern, (-$0).bitPattern] }
        + [
          0x000F_FFFF_FFFF_FFFF, 0x8000_0000_0001_2345, 0x7FF8_0000_0000_0000, 0xFFF8_0000_0000_1234,
          0x7FF4_0000_0000_0000,
        ]
    }
  }

  /// Whether these bits are a float that is no number.
  package func isNaN(_ word: UInt64) -> Bool {
    switch self {
    case .f32: Float(bitPattern: UInt32(truncatingIfNeeded: word)).isNaN
    case .f64: Double(bitPattern: word).isNaN
    case .f16: word & 0x7FFF > 0x7C00
    case .bf16: word & 0x7FFF > 0x7F80
    case .i32, .i64, .u8, .bool: false
    }
  }
}

extension SeededRandom {
  /// A float of a moderate size.
  package mutating func float() -> Float { Float(Int64(truncatingIfNeeded: next()) >> 40) / 1_000_000 }

  /// The bits of an element; one in eight is special.
  package mutating func word(_ dtype: DType) -> UInt64 {
    if oneIn(8) { return pick(dtype.specialWords) }
    switch dtype {
    case .f32:
      return UInt64((oneIn(8) ? Float(bitPattern: UInt32(truncatingIfNeeded: next())) : float()).bitPattern)
    case .f64: return oneIn(8) ? next() : Double(float()).bitPattern
    case .i32: return next() >> UInt64(32 + below(32))
    case .i64: return UInt64(bitPattern: Int64(bitPattern: next()) >> Int64(below(60)))
    case .u8: return next() & 255
    case .bool: return next() & 1
    case .f16, .bf16: return next() & 0xFFFF
    }
  }
}
