/// An integer that a proof reasons about: a symbol, a loop index, or a value that comes from data.
///
/// Symbol `s` is unknown `s + 1`; the unknowns of a kernel begin at `firstLocal`, in order of definition, so that
/// a larger number never appears in the definition of a smaller one. 0 is no unknown.
typealias Unknown = UInt16

extension Unknown {
  /// The first number of unknowns that belong to a kernel.
  static let firstLocal: Unknown = 0x8000

  /// Whether this belongs to a kernel; otherwise it is a symbol.
  var isLocal: Bool { self >= Self.firstLocal }
}

/// A product of at most eight unknowns, as sixteen bytes: factors fall from the top, zeros fill the rest.
///
/// The order of monomials is that of their largest factors, so in a polynomial sorted downwards the terms with
/// the unknown to eliminate next come first.
struct Monomial: Hashable, Comparable {
  private var high: UInt64 = 0
  private var low: UInt64 = 0

  /// The empty product.
  static let one = Monomial()

  private init() {}

  /// A product of one factor.
  init(_ unknown: Unknown) { high = UInt64(unknown) << 48 }

  /// Whether this is the empty product.
  var isOne: Bool { high == 0 }

  /// The largest factor; 0 for the empty product.
  var leading: Unknown { Unknown(truncatingIfNeeded: high >> 48) }

  /// A factor, or 0 behind the last.
  subscript(position: Int) -> Unknown {
    if position < 4 { return Unknown(truncatingIfNeeded: high >> UInt64(48 - 16 * position)) }
    return position < 8 ? Unknown(truncatingIfNeeded: low >> UInt64(112 - 16 * position)) : 0
  }

  private mutating func set(_ position: Int, _ unknown: Unknown) {
    if position < 4 {
      high |= UInt64(unknown) << UInt64(48 - 16 * position)
    } else {
      low |= UInt64(unknown) << UInt64(112 - 16 * position)
    }
  }

  /// How often a factor occurs.
  func count(of unknown: Unknown) -> Int {
    var count = 0
    var position = 0
    while self[position] != 0 {
      if self[position] == unknown { count += 1 }
      position += 1
    }
    return count
  }

  /// The factors, each as often as it occurs, largest first.
  var factors: [Unknown] {
    var result: [Unknown] = []
    while self[result.count] != 0 { result.append(self[result.count]) }
    return result
  }

  /// The product, or nil where it has more than eight factors.
  func times(_ other: Monomial) -> Monomial? {
    if isOne { return other }
    if other.isOne { return self }
    var result = Monomial()
    var (i, j, count) = (0, 0, 0)
    while true {
      let (a, b) = (self[i], other[j])
      if a == 0 && b == 0 { return result }
      if count == 8 { return nil }
      if a >= b { i += 1 } else { j += 1 }
      result.set(count, max(a, b))
      count += 1
    }
  }

  /// The quotient, or nil where the divisor is not a part of the product.
  func divided(by divisor: Monomial) -> Monomial? {
    var result = Monomial()
    var (i, j, count) = (0, 0, 0)
    while self[i] != 0 {
      if self[i] == divisor[j] {
        j += 1
      } else {
        result.set(count, self[i])
        count += 1
      }
      i += 1
    }
    return divisor[j] == 0 ? result : nil
  }

  /// The product without one occurrence of a factor.
  func removing(_ unknown: Unknown) -> Monomial { divided(by: Monomial(unknown)) ?? self }

  static func < (a: Monomial, b: Monomial) -> Bool {
    a.high != b.high ? a.high < b.high : a.low < b.low
  }
}
