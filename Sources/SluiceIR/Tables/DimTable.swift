/// Interned dims: integers and polynomials with integer coefficients in bounded symbols.
///
/// A polynomial is kept in canonical form (terms sorted by monomial, no zero coefficients), so two dims are the
/// same number for every assignment of the symbols exactly when their handles are equal. All arithmetic is
/// checked: a result that does not fit 64 bits is nil.
public struct DimTable: Sendable {
  /// A symbol such as `B` with the largest value it may take; the least is 0.
  public struct Symbol: Hashable, Sendable {
    /// The name as written.
    public var name: StringID
    /// The largest value, inclusive.
    public var bound: Int64
  }

  /// One term: `coefficient` times the product of `symbols` (sorted, repeated for powers; empty for 1).
  public struct Term: Hashable, Sendable {
    /// The factor; never 0.
    public var coefficient: Int64
    /// The monomial.
    public var symbols: [SymbolID]
  }

  /// All symbols in order of first use.
  public private(set) var symbols: [Symbol] = []
  private var polynomials: [[Term]] = []
  /// Per dim its value when it is an integer, else `Int64.min`.
  private var integers: [Int64] = []
  private var symbolIndex: [Symbol: SymbolID] = [:]
  private var smallIntegers = NumberIndex()
  private var integerIndex = HashIndex()
  private var polynomialIndex: [[Term]: DimID] = [:]

  init() {}

  /// How many different dims there are.
  public var count: Int { integers.count }

  /// The dim of a plain integer.
  public mutating func integer(_ value: Int64) -> DimID {
    if let known = smallIntegers.find(Int(value)) { return DimID(known) }
    let hash = Self.hash(value)
    // The least integer stands for "no integer" in `integers`, but only integers are in the index.
    if let known = integerIndex.find(hash, where: { integers[$0] == value }) { return DimID(known) }
    let row = integers.count
    integers.append(value)
    polynomials.append(value == 0 ? [] : [Term(coefficient: value, symbols: [])])
    if !smallIntegers.insert(Int(value), row) { integerIndex.insert(row, hash: hash) }
    return DimID(row)
  }

  /// The dim of a plain integer.
  public mutating func integer(_ value: Int) -> DimID { integer(Int64(value)) }

  /// The handle of a bounded symbol.
  public mutating func symbol(_ name: StringID, bound: Int64) -> SymbolID {
    let key = Symbol(name: name, bound: bound)
    if let known = symbolIndex[key] { return known }
    let id = SymbolID(symbols.count)
    symbols.append(key)
    symbolIndex[key] = id
    return id
  }

  /// The dim that is just this symbol.
  public mutating func dim(_ symbol: SymbolID) -> DimID {
    intern([Term(coefficient: 1, symbols: [symbol])])
  }

  /// The value of a dim that is a plain integer.
  public func value(_ dim: DimID) -> Int64? {
    let value = integers[dim.index]
    return value == .min ? nil : value
  }

  /// The terms in canonical order; none for 0.
  public func terms(_ dim: DimID) -> [Term] { polynomials[dim.index] }

  /// The symbol when the dim is exactly one symbol.
  public func symbol(_ dim: DimID) -> SymbolID? {
    let terms = polynomials[dim.index]
    guard terms.count == 1, terms[0].coefficient == 1, terms[0].symbols.count == 1 else { return nil }
    return terms[0].symbols[0]
  }

  /// `a + b`.
  public mutating func add(_ a: DimID, _ b: DimID) -> DimID? {
    if let x = value(a), let y = value(b) {
      let (sum, overflow) = x.addingReportingOverflow(y)
      return overflow || sum == .min ? nil : integer(sum)
    }
    return combine(polynomials[a.index] + polynomials[b.index])
  }

  /// `a - b`.
  public mutating func subtract(_ a: DimID, _ b: DimID) -> DimID? {
    if let x = value(a), let y = value(b) {
      let (difference, overflow) = x.subtractingReportingOverflow(y)
      return overflow || difference == .min ? nil : integer(difference)
    }
    guard let negative = multiply(b, integer(Int64(-1))) else { return nil }
    return add(a, negative)
  }

  /// `a * b`.
  public mutating func multiply(_ a: DimID, _ b: DimID) -> DimID? {
    if let x = value(a), let y = value(b) {
      let (product, overflow) = x.multipliedReportingOverflow(by: y)
      return overflow || product == .min ? nil : integer(product)
    }
    // Polynomials stay small (see `combine`), so that no text can ask for more terms than there is memory.
    guard polynomials[a.index].count * polynomials[b.index].count <= 4096 else { return nil }
    var terms: [Term] = []
    for x in polynomials[a.index] {
      for y in polynomials[b.index] {
        let (product, overflow) = x.coefficient.multipliedReportingOverflow(by: y.coefficient)
        if overflow { return nil }
        let symbols = (x.symbols + y.symbols).sorted { $0.raw < $1.raw }
        if symbols.count > 16 { return nil }
        terms.append(Term(coefficient: product, symbols: symbols))
      }
    }
    return combine(terms)
  }

  /// The product of several dims; 1 for none.
  public mutating func product(_ dims: some Sequence<DimID>) -> DimID? {
    var result = integer(1)
    for dim in dims {
      guard let next = multiply(result, dim) else { return nil }
      result = next
    }
    return result
  }

  /// `a / b` when it is a polynomial again, else nil: `b` must be a single term that divides every term of `a`.
  public mutating func divide(_ a: DimID, exactlyBy b: DimID) -> DimID? {
    if a == b, value(a) != 0 { return integer(1) }
    if value(a) == 0, value(b) != 0 { return a }
    let divisors = polynomials[b.index]
    guard divisors.count == 1 else { return nil }
    var terms: [Term] = []
    for term in polynomials[a.index] {
      let (quotient, overflow) = term.coefficient.dividedReportingOverflow(by: divisors[0].coefficient)
      guard !overflow, term.coefficient % divisors[0].coefficient == 0 else { return nil }
      var symbols = term.symbols
      for symbol in divisors[0].symbols {
        guard let at = symbols.firstIndex(of: symbol) else { return nil }
        symbols.remove(at: at)
      }
      terms.append(Term(coefficient: quotient, symbols: symbols))
    }
    return combine(terms)
  }

  /// The value for given symbols, or nil where it does not fit 64 bits.
  public func evaluate(_ dim: DimID, _ values: (SymbolID) -> Int64) -> Int64? {
    if let integer = value(dim) { return integer }
    var sum: Int64 = 0
    for term in polynomials[dim.index] {
      var product = term.coefficient
      for symbol in term.symbols {
        let (next, overflow) = product.multipliedReportingOverflow(by: values(symbol))
        if overflow { return nil }
        product = next
      }
      let (next, overflow) = sum.addingReportingOverflow(product)
      if overflow { return nil }
      sum = next
    }
    return sum
  }

  /// An upper bound over all assignments of the symbols: negative terms count as 0.
  public func bound(_ dim: DimID) -> Int64? {
    if let integer = value(dim) { return integer }
    var sum: Int64 = 0
    for term in polynomials[dim.index] where term.coefficient > 0 || term.symbols.isEmpty {
      var product = term.coefficient
      for symbol in term.symbols {
        let (next, overflow) = product.multipliedReportingOverflow(by: symbols[symbol.index].bound)
        if overflow { return nil }
        product = next
      }
      let (next, overflow) = sum.addingReportingOverflow(product)
      if overflow { return nil }
      sum = next
    }
    return sum
  }

  /// A lower bound over all assignments of the symbols, negated: positive terms count as 0.
  package func negativeBound(_ dim: DimID) -> Int64? {
    var sum: Int64 = 0
    for term in polynomials[dim.index] where term.coefficient < 0 {
      guard term.coefficient != .min else { return nil }
      var product = -term.coefficient
      for symbol in term.symbols {
        let (next, overflow) = product.multipliedReportingOverflow(by: symbols[symbol.index].bound)
        if overflow { return nil }
        product = next
      }
      let (next, overflow) = sum.addingReportingOverflow(product)
      if overflow { return nil }
      sum = next
    }
    return sum
  }

  /// Whether the dim is at least 0 for every assignment, as far as its signs show.
  public func isNeverNegative(_ dim: DimID) -> Bool {
    polynomials[dim.index].allSatisfy { $0.coefficient > 0 }
  }

  /// The symbols that a dim mentions, each once.
  public func symbols(in dim: DimID) -> [SymbolID] {
    var found: [SymbolID] = []
    for term in polynomials[dim.index] {
      for symbol in term.symbols where !found.contains(symbol) { found.append(symbol) }
    }
    return found
  }

  private static func hash(_ value: Int64) -> UInt64 {
    var hasher = WordHasher()
    hasher.combine(UInt64(bitPattern: value))
    return hasher.hash
  }

  private mutating func combine(_ terms: [Term]) -> DimID? {
    var merged: [Term] = []
    for term in terms.sorted(by: Self.precedes) {
      if let last = merged.last, last.symbols == term.symbols {
        let (sum, overflow) = last.coefficient.addingReportingOverflow(term.coefficient)
        if overflow { return nil }
        merged[merged.count - 1].coefficient = sum
      } else {
        merged.append(term)
      }
    }
    merged.removeAll { $0.coefficient == 0 }
    if merged.count > 256 { return nil }
    // The least integer stands for "no integer" in `integers`.
    if merged.count == 1, merged[0].symbols.isEmpty, merged[0].coefficient == .min { return nil }
    return intern(merged)
  }

  private mutating func intern(_ terms: [Term]) -> DimID {
    if terms.isEmpty { return integer(Int64(0)) }
    if terms.count == 1, terms[0].symbols.isEmpty { return integer(terms[0].coefficient) }
    if let known = polynomialIndex[terms] { return known }
    let id = DimID(integers.count)
    integers.append(.min)
    polynomials.append(terms)
    polynomialIndex[terms] = id
    return id
  }

  /// Canonical order: higher degree first, then by symbol.
  private static func precedes(_ a: Term, _ b: Term) -> Bool {
    if a.symbols.count != b.symbols.count { return a.symbols.count > b.symbols.count }
    return a.symbols.lexicographicallyPrecedes(b.symbols) { $0.raw < $1.raw }
  }
}
