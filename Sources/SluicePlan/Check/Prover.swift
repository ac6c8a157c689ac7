import SluiceIR

/// Shows that polynomials over a kernel's unknowns and the symbols are never negative where the kernel runs.
///
/// The goal is rewritten until only symbols are left. The unknown defined last goes first: an affine expression
/// takes its least value at an end of the unknown's range, so it is enough to show the goal with the end in
/// place; which end, the sign of the coefficient says, and where it does not, both ends are shown. Ends come from
/// loops, from the conditions of enclosing ifs, and from definitions: a minimum is one of its operands and at
/// most each of them, a select is one of its operands under its condition. Counters of step loops follow, and
/// what is left is `SymbolProof`'s.
struct Prover {
  /// What came out.
  enum Verdict: Hashable {
    /// Shown for all assignments.
    case proven
    /// Holds for the samples that were tried; there are more assignments than that.
    case sampled
    /// Not shown.
    case open
  }

  let space: SymbolSpace
  let model: KernelModel
  let environment: Environment
  /// Values in place of symbols, while assignments are tried one at a time.
  private var assignment: [(unknown: Unknown, value: Int64)] = []
  private var effort = SymbolProof.Effort.signs
  private var budget = 0
  private var cuts = 0

  init(_ space: SymbolSpace, _ model: KernelModel, _ environment: Environment) {
    self.space = space
    self.model = model
    self.environment = environment
  }

  /// Whether `goal >= 0` wherever the scope's body runs; `.signs` is cheap, and gives up sooner.
  mutating func holds(_ goal: Polynomial, in scope: Int, _ effort: SymbolProof.Effort = .signs) -> Bool {
    self.effort = .signs
    budget = 200
    if show(goal, scope, []) { return true }
    if effort == .signs { return false }
    self.effort = effort
    budget = 400
    cuts = 3000
    return show(goal, scope, [])
  }

  /// Whether `goal >= 0`, by proof or, where none is found, by trying assignments of the symbols.
  ///
  /// All assignments are tried where there are at most 64 of them, which is a proof too. Otherwise the corners
  /// made of 0, 1 and the bounds are tried, and 32 seeded samples.
  mutating func verdict(_ goal: Polynomial, in scope: Int) -> Verdict {
    if holds(goal, in: scope, .boxes) { return .proven }
    let unknowns = symbols(of: goal, scope)
    guard let samples = Samples(unknowns, space) else { return .open }
    effort = .signs
    defer { assignment = [] }
    for values in samples.assignments {
      assignment = zip(unknowns, values).map { ($0, $1) }
      budget = 200
      if !show(instance(goal), scope, []) { return .open }
    }
    return samples.isComplete ? .proven : .sampled
  }

  /// The symbols that the goal and what is known about its place mention.
  private func symbols(of goal: Polynomial, _ scope: Int) -> [Unknown] {
    var found: Set<Unknown> = []
    func note(_ polynomial: Polynomial) {
      for unknown in polynomial.unknowns where !unknown.isLocal { found.insert(unknown) }
    }
    note(goal)
    for fact in environment.facts { note(fact) }
    var at = scope
    while at >= 0 {
      for fact in model.scopes[at].facts { note(fact) }
      at = model.scopes[at].parent
    }
    for local in model.locals {
      switch local.origin {
      case .minimum(let a, let b), .maximum(let a, let b): [a, b].forEach(note)
      case .select(let condition, let a, let b):
        (condition.ifTrue + condition.ifFalse + [a, b]).forEach(note)
      case .loop, .data, .quotient: break
      }
    }
    for counter in environment.counters { found.remove(counter.unknown) }
    return found.sorted()
  }

  /// A polynomial with the assignment in place of symbols.
  private func instance(_ polynomial: Polynomial) -> Polynomial {
    assignment.reduce(polynomial) { $0.replacing($1.unknown, by: Polynomial($1.value)) }
  }

  // MARK: Elimination

  private mutating func show(_ goal: Polynomial, _ scope: Int, _ assumed: [Polynomial]) -> Bool {
    if goal.isLost { return false }
    if isPositive(goal) { return true }
    budget -= 1
    if budget < 0 { return false }
    let unknown = goal.leading
    guard unknown.isLocal else { return showCounters(goal, scope, assumed) }
    guard let (coefficient, rest) = goal.split(by: unknown) else { return false }
    let sign = sign(coefficient)
    if sign == 0 {
      // The goal is affine in the unknown: it is enough to look at both ends.
      return showEnds(unknown, coefficient, rest, scope, assumed, isLower: true)
        && showEnds(unknown, coefficient, rest, scope, assumed, isLower: false)
        || showDefinition(unknown, goal, sign, scope, assumed)
    }
    return showEnds(unknown, coefficient, rest, scope, assumed, isLower: sign > 0)
      || showDefinition(unknown, goal, sign, scope, assumed)
  }

  /// Whether all terms are at least 0 by their signs.
  private func isPositive(_ goal: Polynomial) -> Bool {
    goal.hasOnlyPositiveTerms && goal.unknowns.allSatisfy { !$0.isLocal || model.local($0).range.low >= 0 }
  }

  /// 1 where a polynomial is never negative by the signs of its terms, -1 where it is never positive, else 0.
  private func sign(_ coefficient: Polynomial) -> Int {
    if isPositive(coefficient) { return 1 }
    return isPositive(-coefficient) ? -1 : 0
  }

  /// Shows the goal with a lower (upper) end in place of the unknown, for one of the ends that are known.
  private mutating func showEnds(
    _ unknown: Unknown, _ coefficient: Polynomial, _ rest: Polynomial, _ scope: Int, _ assumed: [Polynomial],
    isLower: Bool
  ) -> Bool {
    var tried: Set<Polynomial> = []
    for fact in assumed {
      if showBound(fact, unknown, coefficient, rest, scope, assumed, isLower, &tried) { return true }
    }
    var at = scope
    while at >= 0 {
      for fact in model.scopes[at].facts {
        if showBound(instance(fact), unknown, coefficient, rest, scope, assumed, isLower, &tried) {
          return true
        }
      }
      at = model.scopes[at].parent
    }
    let range = model.local(unknown).range
    if range.isWide && (isLower ? range.low : range.high).magnitude > 1 << 40 { return false }
    return show(rest + coefficient.scaled(by: isLower ? range.low : range.high), scope, assumed)
  }

  private mutating func showBound(
    _ fact: Polynomial, _ unknown: Unknown, _ coefficient: Polynomial, _ rest: Polynomial, _ scope: Int,
    _ assumed: [Polynomial], _ isLower: Bool, _ tried: inout Set<Polynomial>
  ) -> Bool {
    guard let (divisor, bound) = KernelModel.bound(fact, on: unknown, isLower: isLower),
      divisor == 1 || coefficient.isDivisible(by: divisor)
    else { return false }
    let next = rest + (divisor == 1 ? coefficient : coefficient.divided(by: divisor)) * bound
    return tried.insert(next).inserted && show(next, scope, assumed)
  }

  /// Shows the goal by the definition of the unknown.
  private mutating func showDefinition(
    _ unknown: Unknown, _ goal: Polynomial, _ sign: Int, _ scope: Int, _ assumed: [Polynomial]
  ) -> Bool {
    switch model.local(unknown).origin {
    case .loop, .data, .quotient: return false
    case .minimum(let a, let b), .maximum(let a, let b):
      let isMinimum = if case .minimum = model.local(unknown).origin { true } else { false }
      let (first, second) = (
        goal.replacing(unknown, by: instance(a)), goal.replacing(unknown, by: instance(b))
      )
      // A minimum is at most each operand, and it is one of them; a maximum likewise.
      if sign == (isMinimum ? -1 : 1) { return show(first, scope, assumed) || show(second, scope, assumed) }
      return show(first, scope, assumed) && show(second, scope, assumed)
    case .select(let condition, let a, let b):
      return show(goal.replacing(unknown, by: instance(a)), scope, assumed + condition.ifTrue.map(instance))
        && show(goal.replacing(unknown, by: instance(b)), scope, assumed + condition.ifFalse.map(instance))
    }
  }

  // MARK: Counters and symbols

  private mutating func showCounters(_ goal: Polynomial, _ scope: Int, _ assumed: [Polynomial]) -> Bool {
    for counter in environment.counters.reversed() where goal.mentions(counter.unknown) {
      guard let (coefficient, rest) = goal.split(by: counter.unknown) else { break }
      let sign = sign(coefficient)
      let (low, high) = (instance(counter.low), instance(counter.high))
      return (sign < 0 || show(rest + coefficient * low, scope, assumed))
        && (sign > 0 || show(rest + coefficient * high, scope, assumed))
    }
    var facts = environment.facts.map(instance)
    var at = scope
    while at >= 0 {
      facts += model.scopes[at].symbolFacts.map(instance)
      at = model.scopes[at].parent
    }
    for fact in assumed where !fact.mentionsLocals { facts.append(fact) }
    var proof = SymbolProof(space, facts: facts)
    return proof.prove(goal, effort, &cuts) == .proven
  }
}

/// Assignments of symbols to try: all of them, or corners and seeded samples.
struct Samples {
  private(set) var assignments: [[Int64]] = [[]]
  private(set) var isComplete: Bool

  /// Nil where there are too many symbols to try.
  init?(_ unknowns: [Unknown], _ space: SymbolSpace) {
    guard unknowns.count <= 6 else { return nil }
    let bounds = unknowns.map { space.bound($0) }
    var count: Int64 = 1
    for bound in bounds { count = bound >= 64 ? 65 : min(65, count * (bound + 1)) }
    isComplete = count <= 64
    for bound in bounds {
      let values = isComplete ? Array(0...bound) : Set([0, min(1, bound), bound]).sorted()
      assignments = assignments.flatMap { head in values.map { head + [$0] } }
    }
    if isComplete { return }
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    for _ in 0..<32 {
      assignments.append(
        bounds.map { bound in
          state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          return Int64((state >> 33) % (UInt64(min(bound, 1 << 30)) + 1))
        })
    }
    // The largest sizes find most mistakes.
    assignments.reverse()
  }
}
