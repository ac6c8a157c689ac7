/// How large the arrays of random functions are.

import SluiceFormats
import SluiceIR
import TestSupport

/// The dims that a random function is made of.
struct RandomSizes {
  /// Extents to choose from.
  var extents: [Int64]
  /// The bound of the symbol.
  var bound: Int64
  /// What the symbol may be.
  var values: [Int]
  /// No value grows beyond this.
  var magnitude: Double
  /// Values of more elements are not used on.
  var elements: Double
  /// Whether there are inputs of f16 and bf16.
  var hasNarrow: Bool

  /// Small, with numbers that stay small: what an arithmetic may be off by is known.
  static let small = RandomSizes(
    extents: [1, 2, 3, 4, 3, 2], bound: 7, values: [0, 1, 2, 3, 5, 7], magnitude: 1e4, elements: .infinity,
    hasNarrow: false)

  /// Sums longer than any block that an order of sums may have; nothing is known of what comes out.
  static let large = RandomSizes(
    extents: [1, 2, 3, 9, 17, 40], bound: 1300, values: [0, 1, 2, 8, 65, 257, 1100], magnitude: .infinity,
    elements: 12_000, hasNarrow: true)
}

extension HostTensor {
  /// An array like this one of numbers at the ends of what its dtype has: NaN, infinities, zeros of both signs.
  func special(_ random: inout SeededRandom) -> HostTensor {
    let count = shape.reduce(1, *)
    let floats: [Double] = [0, -0.0, 1, -1.5, .nan, .infinity, -.infinity, 2, 0.5, 0x1p-6]
    func numbers<Element>(_ choices: [Element]) -> [Element] { (0..<count).map { _ in random.pick(choices) } }
    switch dtype {
    case .f32: return HostTensor(numbers(floats).map { Float($0) }, shape: shape)
    case .f64: return HostTensor(numbers(floats), shape: shape)
    case .i32: return HostTensor(numbers([0, 1, -1, 2, 5, -3, Int32.max, Int32.min]), shape: shape)
    case .i64: return HostTensor(numbers([0, 1, -1, 2, 5, -3, Int64.max, Int64.min]), shape: shape)
    case .f16, .bf16:
      return HostTensor(
        words: (0..<count).map { _ in UInt16(truncatingIfNeeded: random.next()) }, of: dtype, shape: shape)
    case .u8, .bool: return self
    }
  }
}
