import SluiceIR

/// The symbols of a module as unknowns with bounds, and its dims as polynomials in them.
struct SymbolSpace: Sendable {
  /// Every dim of the module, by index.
  let dims: [Polynomial]
  /// The largest value of every symbol, by index; the least is 0.
  let bounds: [Int64]

  init(_ table: DimTable) {
    bounds = table.symbols.map(\.bound)
    var dims: [Polynomial] = []
    dims.reserveCapacity(table.count)
    for index in 0..<table.count {
      var sum = Polynomial.zero
      for term in table.terms(DimID(index)) {
        var product = Polynomial(term.coefficient)
        for symbol in term.symbols { product = product * Self.polynomial(symbol) }
        sum = sum + product
      }
      dims.append(sum)
    }
    self.dims = dims
  }

  /// A symbol as an unknown; 0 where there are too many.
  static func unknown(_ symbol: SymbolID) -> Unknown {
    symbol.raw < UInt32(Unknown.firstLocal) - 1 ? Unknown(symbol.raw + 1) : 0
  }

  /// A symbol as a polynomial.
  static func polynomial(_ symbol: SymbolID) -> Polynomial {
    let unknown = unknown(symbol)
    return unknown == 0 ? .lost : Polynomial(unknown: unknown)
  }

  /// The symbol of an unknown that is none of a kernel's.
  static func symbol(_ unknown: Unknown) -> SymbolID { SymbolID(raw: UInt32(unknown) - 1) }

  /// A dim as a polynomial; lost where the handle names no dim.
  subscript(dim: DimID) -> Polynomial { dim.index < dims.count && !dim.isNone ? dims[dim.index] : .lost }

  /// From 0 to the largest sum of the absolute values of the terms of a polynomial in symbols; nil where computing
  /// its value may not fit 64 bits.
  func magnitude(_ polynomial: Polynomial) -> Interval? {
    if polynomial.isLost { return nil }
    var sum: Interval? = Interval(0, 0)
    for term in polynomial.terms {
      var product: Interval? = Interval(0, Int64(clamping: term.coefficient.magnitude))
      for factor in term.monomial.factors { product = product?.times(Interval(0, bound(factor))) }
      sum = product.flatMap { sum?.plus($0) }
    }
    return sum
  }

  /// The largest value of a symbol.
  func bound(_ unknown: Unknown) -> Int64 {
    let index = Int(unknown) - 1
    return index >= 0 && index < bounds.count ? max(bounds[index], 0) : 0
  }
}

/// What is known about the symbols where a kernel is called.
struct Environment: Sendable {
  /// The counter of an enclosing loop of steps, between two polynomials in symbols and outer counters, both
  /// inclusive.
  struct Counter: Sendable {
    var unknown: Unknown
    var low: Polynomial
    var high: Polynomial
  }

  /// Polynomials in the symbols and counters that are at least 0.
  var facts: [Polynomial] = []
  /// The counters, outermost first.
  var counters: [Counter] = []

  /// With one more enclosing loop, in whose body its counter is between `low` and `high`.
  func inside(_ unknown: Unknown, from low: Polynomial, to high: Polynomial) -> Environment {
    var result = self
    result.facts.append(high - low)
    result.counters.append(Counter(unknown: unknown, low: low, high: high))
    return result
  }
}

/// A closed interval of 64-bit integers, with arithmetic that gives nil where a bound does not fit.
struct Interval: Hashable, Sendable {
  var low: Int64
  var high: Int64

  init(_ low: Int64, _ high: Int64) {
    self.low = low
    self.high = high
  }

  static let all = Interval(.min, .max)

  /// Whether it is so wide that nothing was known about where the value comes from.
  var isWide: Bool { low < -(1 << 40) || high > 1 << 40 }

  func plus(_ other: Interval) -> Interval? {
    let (a, aOverflow) = low.addingReportingOverflow(other.low)
    let (b, bOverflow) = high.addingReportingOverflow(other.high)
    return aOverflow || bOverflow ? nil : Interval(a, b)
  }

  func times(_ other: Interval) -> Interval? {
    var result: Interval?
    for x in [low, high] {
      for y in [other.low, other.high] {
        let (product, overflow) = x.multipliedReportingOverflow(by: y)
        if overflow { return nil }
        result =
          result.map { Interval(min($0.low, product), max($0.high, product)) } ?? Interval(product, product)
      }
    }
    return result
  }

  /// The smallest interval that contains both.
  func hull(_ other: Interval) -> Interval { Interval(min(low, other.low), max(high, other.high)) }

  /// The values in both; the nearer end of `self` where there are none.
  func clamped(to other: Interval) -> Interval {
    let low = min(max(self.low, other.low), self.high)
    return Interval(low, max(min(high, other.high), low))
  }

  func isInside(_ other: Interval) -> Bool { low >= other.low && high <= other.high }
}

extension DType {
  /// The values that an integer or bool of this dtype can have.
  var interval: Interval {
    switch self {
    case .i32: Interval(Int64(Int32.min), Int64(Int32.max))
    case .u8: Interval(0, 255)
    case .bool: Interval(0, 1)
    case .i64, .f32, .f64, .f16, .bf16: .all
    }
  }
}
