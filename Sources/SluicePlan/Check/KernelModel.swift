import SluiceIR

/// A kernel as the checker reasons about it: which elements it touches, under which conditions, in which order.
///
/// Every integer register is a polynomial in symbols and in the kernel's own unknowns: loop indices, counted from
/// the start of their loop, and values of which only bounds are known. Conditions are polynomials that are at
/// least 0. Scopes are the bodies of loops and ifs; what holds in a scope holds in all scopes inside it.
struct KernelModel: Sendable {
  /// What an unknown of the kernel is.
  enum Origin: Sendable {
    /// An index of a loop, counted from the loop's start.
    case loop
    /// Loaded, converted or changed in ways that are not followed.
    case data
    case minimum(Polynomial, Polynomial)
    case maximum(Polynomial, Polynomial)
    case select(Condition, Polynomial, Polynomial)
    /// A quotient by a positive integer, rounded towards 0.
    case quotient(Polynomial, Int64)
  }

  /// One unknown.
  struct Local: Sendable {
    var origin: Origin
    /// The values it may have, by what defines it.
    var range: Interval
  }

  /// A bool: polynomials that are at least 0 when it is true, and when it is false.
  struct Condition: Sendable, Hashable {
    var ifTrue: [Polynomial] = []
    var ifFalse: [Polynomial] = []
    /// Whether it is true exactly when all of `ifTrue` are at least 0.
    var isExact = false
    /// Whether it is false exactly when all of `ifFalse` are at least 0.
    var isExactlyNot = false

    var negated: Condition {
      Condition(ifTrue: ifFalse, ifFalse: ifTrue, isExact: isExactlyNot, isExactlyNot: isExact)
    }
  }

  /// The body of a loop or if; scope 0 is the kernel.
  struct Scope: Sendable {
    /// The enclosing scope; -1 for scope 0.
    var parent: Int
    /// What is at least 0 inside.
    var facts: [Polynomial] = []
    /// What follows for the symbols alone.
    var symbolFacts: [Polynomial] = []
    /// The loop whose body it is; -1 for ifs.
    var loop = -1
    /// The conditions under which it is entered; nil where they are not known exactly, and for loops.
    var guards: [Polynomial]?
  }

  /// A loop: its index is `start + unknown`, the unknown a multiple of `step` below `count` and `clip`.
  struct Repetition: Sendable {
    var unknown: Unknown
    var start: Polynomial
    /// `end - start`.
    var count: Polynomial
    /// `limit - start`.
    var clip: Polynomial?
    var step: Int64
    /// Whether iterations may run in any order or side by side.
    var isUnordered: Bool
    /// Whether threads may share its iterations; each of them repeats the loads that stand before it.
    var isShared: Bool
    /// The scope of its body.
    var scope: Int
    /// The instruction that begins it.
    var instruction: Int
  }

  /// A load or store.
  struct Access: Sendable, Hashable {
    var instruction: Int
    /// The memory's number: slots come first, locals behind them.
    var memory: Int
    var isStore: Bool
    var index: Polynomial
    var scope: Int
  }

  /// What happens, in program order.
  enum Event: Sendable {
    /// Enters a scope.
    case enter(Int)
    /// Leaves the innermost scope.
    case leave
    /// An access, by number.
    case access(Int)
  }

  var locals: [Local] = []
  var scopes: [Scope] = [Scope(parent: -1)]
  var loops: [Repetition] = []
  var accesses: [Access] = []
  var events: [Event] = []
  /// Index expressions that may not fit 64 bits: instruction and expression.
  var overflows: [Int] = []
  /// The conditions of selects of floats that say something about numbers: instruction, and what is at least 0 where
  /// the first operand is chosen.
  var choices: [(instruction: Int, ifTrue: [Polynomial])] = []
  /// The accesses of every memory.
  var accessesOfMemory: [[Int]] = []
  /// The scope that every memory lives in: 0 for slots.
  var lives: [Int] = []
  var isStored: [Bool] = []
  var isLoaded: [Bool] = []

  /// An unknown of the kernel.
  func local(_ unknown: Unknown) -> Local { locals[Int(unknown - .firstLocal)] }

  /// The loops that enclose a scope, innermost first.
  func loops(around scope: Int) -> [Int] {
    var result: [Int] = []
    var at = scope
    while at >= 0 {
      if scopes[at].loop >= 0 { result.append(scopes[at].loop) }
      at = scopes[at].parent
    }
    return result
  }

  /// Whether a scope is another one or inside it.
  func scope(_ scope: Int, isInside outer: Int) -> Bool {
    var at = scope
    while at > outer { at = scopes[at].parent }
    return at == outer
  }

  /// A bound of a kernel's unknown that a fact gives: `(divisor, polynomial)` for `divisor * unknown >= polynomial`
  /// (or `<=`), where the unknown is the fact's largest.
  static func bound(_ fact: Polynomial, on unknown: Unknown, isLower: Bool) -> (
    divisor: Int64, bound: Polynomial
  )? {
    guard fact.leading == unknown, let (coefficient, rest) = fact.split(by: unknown),
      let factor = coefficient.value, factor != .min, isLower ? factor > 0 : factor < 0
    else { return nil }
    return isLower ? (factor, -rest) : (-factor, rest)
  }
}
