/// Random numbers that are the same on every run and machine: SplitMix64 (Steele, Lea, Flood 2014).

package import SluiceFormats
package import SluiceIR

/// A stream of random numbers from a seed.
package struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  package init(_ seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }

  /// A number in `0 ..< count`.
  package mutating func below(_ count: Int) -> Int { Int(next() % UInt64(count)) }

  /// True once in `count` times.
  package mutating func oneIn(_ count: Int) -> Bool { below(count) == 0 }

  /// One of the elements.
  package mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }

  /// An array: floats are in -2 to 2, integers are small.
  ///
  /// `exact` floats are multiples of 1/64, which have ties and short sums without rounding.
  package mutating func tensor(_ dtype: DType, _ shape: [Int], exact: Bool = false) -> HostTensor {
    let count = shape.reduce(1, *)
    let numbers = (0..<count).map { _ in
      let number = Double(below(257) - 128) / 64
      return exact || !dtype.isFloat ? number : number + Double(below(1 << 30)) * 0x1p-36
    }
    switch dtype {
    case .f32: return HostTensor(numbers.map { Float($0) }, shape: shape)
    case .f64: return HostTensor(numbers, shape: shape)
    case .i32: return HostTensor(numbers.map { Int32($0 * 4) }, shape: shape)
    case .i64: return HostTensor(numbers.map { Int64($0 * 64) }, shape: shape)
    case .u8: return HostTensor(numbers.map { UInt8(truncatingIfNeeded: Int($0 * 64)) }, shape: shape)
    case .bool: return HostTensor(numbers.map { $0 < 0 }, shape: shape)
    case .f16, .bf16: return HostTensor(narrowing: numbers, to: dtype, shape: shape)
    }
  }
}
