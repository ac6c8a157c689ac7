import SluiceIR

/// Sums, differences, products and exact quotients of dims; a result that is no dim is a mistake of the model.
extension Dim {
  /// `a + b`.
  public static func + (a: Dim, b: Dim) -> Dim { combine(a, b, "+") { sum($0, $1) } }
  /// `a + b`.
  public static func + (a: Dim, b: Int) -> Dim { a + Dim(b) }
  /// `a + b`.
  public static func + (a: Int, b: Dim) -> Dim { Dim(a) + b }

  /// `a - b`.
  public static func - (a: Dim, b: Dim) -> Dim {
    combine(a, b, "-") { x, y in product(y, [Term(coefficient: -1, symbols: [])]).flatMap { sum(x, $0) } }
  }
  /// `a - b`.
  public static func - (a: Dim, b: Int) -> Dim { a - Dim(b) }
  /// `a - b`.
  public static func - (a: Int, b: Dim) -> Dim { Dim(a) - b }

  /// `a * b`.
  public static func * (a: Dim, b: Dim) -> Dim { combine(a, b, "*") { product($0, $1) } }
  /// `a * b`.
  public static func * (a: Dim, b: Int) -> Dim { a * Dim(b) }
  /// `a * b`.
  public static func * (a: Int, b: Dim) -> Dim { Dim(a) * b }

  /// `a / b` where it is a polynomial again: `b` must be a single term that divides every term of `a`.
  public static func / (a: Dim, b: Dim) -> Dim {
    guard case .polynomial(let x) = a.content, case .polynomial(let y) = b.content else {
      return unusable(a, b)
    }
    if let terms = quotient(x, y) { return Dim(content: .polynomial(terms)) }
    return mistake(
      "`\(a)` cannot be divided by `\(b)`",
      hint: b.value == 0
        ? nil
        : "a quotient of dims is exact: \(b.value == nil ? "one term" : "a number") that divides every term")
  }
  /// `a / b` where it is exact.
  public static func / (a: Dim, b: Int) -> Dim { a / Dim(b) }
  /// `a / b` where it is exact.
  public static func / (a: Int, b: Dim) -> Dim { Dim(a) / b }

  /// `self / other` where it is exact; nil where it is not, without a report.
  func quotient(by other: Dim) -> Dim? {
    guard case .polynomial(let x) = content, case .polynomial(let y) = other.content else { return nil }
    return Self.quotient(x, y).map { Dim(content: .polynomial($0)) }
  }

  private static func combine(_ a: Dim, _ b: Dim, _ sign: String, _ rule: ([Term], [Term]) -> [Term]?) -> Dim
  {
    guard case .polynomial(let x) = a.content, case .polynomial(let y) = b.content else {
      return unusable(a, b)
    }
    if let terms = rule(x, y) { return Dim(content: .polynomial(terms)) }
    return mistake(
      "the dim `\(a)` \(sign) `\(b)` is too large", hint: "coefficients have 64 bits, dims few terms")
  }

  /// What comes of a dim that is itself a mistake.
  private static func unusable(_ a: Dim, _ b: Dim) -> Dim {
    if a.isPoison || b.isPoison { return .poison }
    if case .invalid = a.content { return a }
    return b
  }

  /// A dim that is a mistake: reported now while a model is traced, else where the dim is used.
  private static func mistake(_ message: String, hint: String?) -> Dim {
    guard let trace = Trace.current else { return Dim(content: .invalid(DimMistake(message, hint: hint))) }
    trace.report(message, hint: hint, at: nil)
    return .poison
  }

  // MARK: Polynomials

  /// More terms than any model needs; the tables of the IR have the same limits.
  private static let maximumTermCount = 256
  private static let maximumDegree = 16

  private static func sum(_ a: [Term], _ b: [Term]) -> [Term]? { merge(a + b) }

  private static func product(_ a: [Term], _ b: [Term]) -> [Term]? {
    guard a.count * b.count <= 4096 else { return nil }
    var terms: [Term] = []
    for x in a {
      for y in b {
        let (coefficient, overflow) = x.coefficient.multipliedReportingOverflow(by: y.coefficient)
        let symbols = (x.symbols + y.symbols).sorted()
        if overflow || symbols.count > maximumDegree { return nil }
        terms.append(Term(coefficient: coefficient, symbols: symbols))
      }
    }
    return merge(terms)
  }

  private static func quotient(_ a: [Term], _ b: [Term]) -> [Term]? {
    if !a.isEmpty, a == b { return [Term(coefficient: 1, symbols: [])] }
    guard b.count == 1 else { return nil }
    var terms: [Term] = []
    for term in a {
      let (quotient, overflow) = term.coefficient.dividedReportingOverflow(by: b[0].coefficient)
      if overflow || term.coefficient % b[0].coefficient != 0 { return nil }
      var symbols = term.symbols
      for symbol in b[0].symbols {
        guard let at = symbols.firstIndex(of: symbol) else { return nil }
        symbols.remove(at: at)
      }
      terms.append(Term(coefficient: quotient, symbols: symbols))
    }
    return merge(terms)
  }

  /// Equal monomials joined, zeros left out, higher degrees first, then by names.
  private static func merge(_ terms: [Term]) -> [Term]? {
    let sorted = terms.sorted { a, b in
      a.symbols.count != b.symbols.count
        ? a.symbols.count > b.symbols.count : a.symbols.lexicographicallyPrecedes(b.symbols)
    }
    var merged: [Term] = []
    for term in sorted {
      guard let last = merged.last, last.symbols == term.symbols else {
        merged.append(term)
        continue
      }
      let (sum, overflow) = last.coefficient.addingReportingOverflow(term.coefficient)
      if overflow { return nil }
      merged[merged.count - 1].coefficient = sum
    }
    merged.removeAll { $0.coefficient == 0 }
    return merged.count > maximumTermCount ? nil : merged
  }
}
