/// A polynomial with 64-bit coefficients: what the checker reasons with.
///
/// It is the checker's own, not `DimTable`'s, because index expressions mix symbols with loop indices. A result
/// whose coefficients or degree do not fit is `lost`, and nothing is ever proven about it.
struct Polynomial: Hashable {
  /// A coefficient, never 0, times a monomial.
  struct Term: Hashable {
    var monomial: Monomial
    var coefficient: Int64
  }

  /// The terms, largest monomial first, so the constant comes last.
  private(set) var terms: [Term]
  /// Whether the value is not known because it did not fit.
  private(set) var isLost = false

  private init(terms: [Term]) { self.terms = terms }

  /// An integer.
  init(_ value: Int64) { terms = value == 0 ? [] : [Term(monomial: .one, coefficient: value)] }

  /// An unknown.
  init(unknown: Unknown) { terms = [Term(monomial: Monomial(unknown), coefficient: 1)] }

  /// One product.
  init(_ coefficient: Int64, _ monomial: Monomial) {
    terms = coefficient == 0 ? [] : [Term(monomial: monomial, coefficient: coefficient)]
  }

  static let zero = Polynomial(Int64(0))
  static let one = Polynomial(Int64(1))

  /// What stands for values that do not fit.
  static let lost: Polynomial = {
    var result = Polynomial.zero
    result.isLost = true
    return result
  }()

  /// The value, when it is an integer.
  var value: Int64? {
    if isLost { return nil }
    if terms.isEmpty { return 0 }
    return terms.count == 1 && terms[0].monomial.isOne ? terms[0].coefficient : nil
  }

  /// The term without unknowns.
  var constant: Int64 {
    guard let last = terms.last, last.monomial.isOne else { return 0 }
    return last.coefficient
  }

  /// Whether it is 0.
  var isZero: Bool { terms.isEmpty && !isLost }

  /// The largest unknown; 0 for integers.
  var leading: Unknown { terms.first?.monomial.leading ?? 0 }

  /// Whether it mentions an unknown.
  func mentions(_ unknown: Unknown) -> Bool { terms.contains { $0.monomial.count(of: unknown) > 0 } }

  /// Whether it mentions an unknown of a kernel.
  var mentionsLocals: Bool { leading.isLocal }

  /// Whether all coefficients, the constant among them, are at least 0.
  var hasOnlyPositiveTerms: Bool { !isLost && terms.allSatisfy { $0.coefficient > 0 } }

  /// Whether all coefficients are divisible by `divisor`.
  func isDivisible(by divisor: Int64) -> Bool {
    !isLost && terms.allSatisfy { $0.coefficient % divisor == 0 }
  }

  /// The quotient by a divisor of all coefficients.
  func divided(by divisor: Int64) -> Polynomial {
    var result = self
    for i in result.terms.indices { result.terms[i].coefficient /= divisor }
    return result
  }

  // MARK: Arithmetic

  static func + (a: Polynomial, b: Polynomial) -> Polynomial { combine(a, b, 1) }

  static func - (a: Polynomial, b: Polynomial) -> Polynomial { combine(a, b, -1) }

  static prefix func - (a: Polynomial) -> Polynomial { combine(.zero, a, -1) }

  static func + (a: Polynomial, b: Int64) -> Polynomial { a + Polynomial(b) }

  static func - (a: Polynomial, b: Int64) -> Polynomial { a - Polynomial(b) }

  private static func combine(_ a: Polynomial, _ b: Polynomial, _ sign: Int64) -> Polynomial {
    if a.isLost || b.isLost { return lost }
    if b.terms.isEmpty { return a }
    var terms: [Term] = []
    terms.reserveCapacity(a.terms.count + b.terms.count)
    var (i, j) = (0, 0)
    while i < a.terms.count || j < b.terms.count {
      if j == b.terms.count || (i < a.terms.count && b.terms[j].monomial < a.terms[i].monomial) {
        terms.append(a.terms[i])
        i += 1
        continue
      }
      let (signed, overflow) = b.terms[j].coefficient.multipliedReportingOverflow(by: sign)
      if overflow { return lost }
      if i < a.terms.count, a.terms[i].monomial == b.terms[j].monomial {
        let (sum, overflow) = a.terms[i].coefficient.addingReportingOverflow(signed)
        if overflow { return lost }
        if sum != 0 { terms.append(Term(monomial: a.terms[i].monomial, coefficient: sum)) }
        i += 1
      } else {
        terms.append(Term(monomial: b.terms[j].monomial, coefficient: signed))
      }
      j += 1
    }
    return Polynomial(terms: terms)
  }

  static func * (a: Polynomial, b: Polynomial) -> Polynomial {
    if a.isLost || b.isLost { return lost }
    if let value = a.value { return b.scaled(by: value) }
    if let value = b.value { return a.scaled(by: value) }
    var sum = zero
    for x in a.terms {
      var row: [Term] = []
      row.reserveCapacity(b.terms.count)
      for y in b.terms {
        let (product, overflow) = x.coefficient.multipliedReportingOverflow(by: y.coefficient)
        guard !overflow, let monomial = x.monomial.times(y.monomial) else { return lost }
        row.append(Term(monomial: monomial, coefficient: product))
      }
      row.sort { $1.monomial < $0.monomial }
      sum = sum + Polynomial(terms: row)
    }
    return sum
  }

  /// The product with an integer.
  func scaled(by factor: Int64) -> Polynomial {
    if isLost { return self }
    if factor == 0 { return .zero }
    if factor == 1 { return self }
    var result = self
    for i in result.terms.indices {
      let (product, overflow) = result.terms[i].coefficient.multipliedReportingOverflow(by: factor)
      if overflow { return .lost }
      result.terms[i].coefficient = product
    }
    return result
  }

  /// `coefficient * unknown + rest`, or nil where the unknown occurs with a power.
  func split(by unknown: Unknown) -> (coefficient: Polynomial, rest: Polynomial)? {
    if isLost { return nil }
    var (with, without): ([Term], [Term]) = ([], [])
    for term in terms {
      switch term.monomial.count(of: unknown) {
      case 0: without.append(term)
      case 1: with.append(Term(monomial: term.monomial.removing(unknown), coefficient: term.coefficient))
      default: return nil
      }
    }
    // Taking the same factor out of every monomial does not keep their order in all cases.
    with.sort { $1.monomial < $0.monomial }
    return (Polynomial(terms: with), Polynomial(terms: without))
  }

  /// The polynomial with another one in place of an unknown.
  func replacing(_ unknown: Unknown, by other: Polynomial) -> Polynomial {
    guard mentions(unknown) else { return self }
    if let (coefficient, rest) = split(by: unknown) { return coefficient * other + rest }
    var sum = Polynomial.zero
    for term in terms {
      var product = Polynomial(term.coefficient, .one)
      for factor in term.monomial.factors {
        product = product * (factor == unknown ? other : Polynomial(unknown: factor))
      }
      sum = sum + product
    }
    return isLost ? self : sum
  }

  /// The unknowns it mentions, each once, largest first.
  var unknowns: [Unknown] {
    var found: [Unknown] = []
    for term in terms {
      var position = 0
      while term.monomial[position] != 0 {
        if !found.contains(term.monomial[position]) { found.append(term.monomial[position]) }
        position += 1
      }
    }
    return found.sorted(by: >)
  }

  /// An order that says nothing but is the same in every run.
  func precedes(_ other: Polynomial) -> Bool {
    for (a, b) in zip(terms, other.terms) {
      if a.monomial != b.monomial { return a.monomial < b.monomial }
      if a.coefficient != b.coefficient { return a.coefficient < b.coefficient }
    }
    return terms.count < other.terms.count
  }
}
