/// Shows that a polynomial in the symbols is never negative, from facts of the same kind and the symbols' bounds.
///
/// Three means, each a proof: the signs of the coefficients; subtracting multiples of facts until the signs show
/// it; and cutting the box of all assignments until interval arithmetic shows it on every part.
struct SymbolProof {
  /// How hard to try.
  enum Effort: Int, Comparable {
    /// Signs and facts.
    case signs
    /// Cutting the box, too.
    case boxes

    static func < (a: Effort, b: Effort) -> Bool { a.rawValue < b.rawValue }
  }

  /// What came out.
  enum Outcome {
    case proven
    /// A counterexample was found.
    case refuted
    case unknown
  }

  private let space: SymbolSpace
  private var facts: [Polynomial]
  private var unknowns: [Unknown] = []
  private var box: [Interval] = []

  init(_ space: SymbolSpace, facts: [Polynomial]) {
    self.space = space
    self.facts = facts.filter { !$0.isLost && !$0.hasOnlyPositiveTerms }
  }

  /// Whether `goal >= 0` holds wherever all facts are at least 0; `cuts` is how often a box may be cut.
  mutating func prove(_ goal: Polynomial, _ effort: Effort, _ cuts: inout Int) -> Outcome {
    if goal.isLost { return .unknown }
    if goal.hasOnlyPositiveTerms { return .proven }
    unknowns = goal.unknowns
    let related = facts.filter { fact in fact.unknowns.contains { unknowns.contains($0) } || fact.value != nil
    }
    for fact in related {
      for unknown in fact.unknowns where !unknowns.contains(unknown) { unknowns.append(unknown) }
    }
    facts = related
    box = unknowns.map { Interval(0, space.bound($0)) }
    for fact in facts { tighten(fact) }
    // No assignment satisfies the facts: the place is never reached.
    if box.contains(where: { $0.low > $0.high }) || facts.contains(where: { ($0.value ?? 0) < 0 }) {
      return .proven
    }
    if let range = interval(goal, box), range.low >= 0 { return .proven }
    var helpers = facts
    for (unknown, range) in zip(unknowns, box) {
      if range.low > 0 { helpers.append(Polynomial(unknown: unknown) - range.low) }
      helpers.append(Polynomial(range.high) - Polynomial(unknown: unknown))
    }
    var budget = 60
    if absorb(goal, helpers, depth: 4, &budget) { return .proven }
    if goal.value != nil { return .refuted }
    return effort < .boxes ? .unknown : cut(goal, &cuts)
  }

  /// Narrows the box where a fact bounds a single symbol.
  private mutating func tighten(_ fact: Polynomial) {
    let others = fact.terms.filter { !$0.monomial.isOne }
    let constant = fact.constant
    if others.count == 1, let term = others.first, term.monomial.removing(term.monomial.leading).isOne,
      let at = unknowns.firstIndex(of: term.monomial.leading)
    {
      if term.coefficient > 0, constant < 0 {
        box[at].low = max(box[at].low, Self.ceiling(0 &- constant, term.coefficient))
      } else if term.coefficient < 0, term.coefficient > Int64.min {
        let limit: Int64 = constant < 0 ? -1 : constant / (0 - term.coefficient)
        box[at].high = min(box[at].high, limit)
      }
    } else if constant < 0, others.allSatisfy({ $0.coefficient > 0 }), let first = others.first {
      // A sum of products that is positive: what all products share is not 0.
      for factor in first.monomial.factors where others.allSatisfy({ $0.monomial.count(of: factor) > 0 }) {
        if let at = unknowns.firstIndex(of: factor) { box[at].low = max(box[at].low, 1) }
      }
    }
  }

  private static func ceiling(_ a: Int64, _ b: Int64) -> Int64 { a / b + (a % b > 0 ? 1 : 0) }

  /// Subtracts multiples of facts, which are at least 0, until no coefficient is negative.
  private func absorb(_ goal: Polynomial, _ facts: [Polynomial], depth: Int, _ budget: inout Int) -> Bool {
    if goal.isLost { return false }
    guard let negative = goal.terms.first(where: { $0.coefficient < 0 }) else { return true }
    if depth == 0 || negative.coefficient == Int64.min { return false }
    for fact in facts {
      for term in fact.terms where term.coefficient < 0 && term.coefficient > Int64.min {
        guard let factor = negative.monomial.divided(by: term.monomial) else { continue }
        budget -= 1
        if budget < 0 { return false }
        let times = Self.ceiling(-negative.coefficient, -term.coefficient)
        if absorb(goal - Polynomial(times, factor) * fact, facts, depth: depth - 1, &budget) { return true }
      }
    }
    return false
  }

  // MARK: Boxes

  /// Cuts the box in halves until every part is shown, left out by a fact, or refuted.
  private func cut(_ goal: Polynomial, _ budget: inout Int) -> Outcome {
    var parts = [box]
    while let part = parts.popLast() {
      budget -= 1
      if budget < 0 { return .unknown }
      guard let range = interval(goal, part) else { return .unknown }
      if range.low >= 0 { continue }
      if facts.contains(where: { fact in interval(fact, part).map { $0.high < 0 } ?? false }) { continue }
      var widest = 0
      for i in part.indices where part[i].high - part[i].low > part[widest].high - part[widest].low {
        widest = i
      }
      if part.isEmpty || part[widest].low == part[widest].high {
        // One assignment: all facts hold and the goal does not.
        return .refuted
      }
      for corner in [part.map(\.low), part.map(\.high)] {
        let point = corner.map { Interval($0, $0) }
        guard let value = interval(goal, point), value.low < 0 else { continue }
        if facts.allSatisfy({ fact in interval(fact, point).map { $0.low >= 0 } ?? false }) {
          return .refuted
        }
      }
      let middle = part[widest].low + (part[widest].high - part[widest].low) / 2
      var (lower, upper) = (part, part)
      lower[widest].high = middle
      upper[widest].low = middle + 1
      parts.append(lower)
      parts.append(upper)
    }
    return .proven
  }

  /// The values of a polynomial on a part of the box, or nil where they may not fit.
  private func interval(_ polynomial: Polynomial, _ part: [Interval]) -> Interval? {
    var sum = Interval(0, 0)
    for term in polynomial.terms {
      var product = Interval(term.coefficient, term.coefficient)
      for factor in term.monomial.factors {
        guard let at = unknowns.firstIndex(of: factor), let next = product.times(part[at]) else { return nil }
        product = next
      }
      guard let next = sum.plus(product) else { return nil }
      sum = next
    }
    return sum
  }
}
