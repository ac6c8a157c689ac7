import SluiceIR
import SluicePlan

/// Steps that repeat with other buffers, such as those of the layers of a stack: they are printed once, in a loop.
struct CRun {
  /// The first step.
  let start: Int
  /// How many steps are repeated.
  let period: Int
  /// How often they run.
  let count: Int

  /// The step behind.
  var end: Int { start + period * count }

  /// The longest period that is looked for, in calls.
  private static let longest = 64
  /// The least repetitions of a run, and the least calls that need not be printed.
  private static let leastCount = 3
  private static let leastSaved = 4

  /// The runs of a function in order.
  static func runs(_ function: ExecutionPlan) -> [CRun] {
    let units = Unit.units(function)
    var runs: [CRun] = []
    var at = 0
    while at < units.count {
      var best: (period: Int, count: Int)?
      for period in 1...longest where at + period * leastCount <= units.count {
        let count = repetitions(function, units, at, period)
        let saved = (count - 1) * period
        guard count >= leastCount, saved >= leastSaved else { continue }
        if saved > best.map({ ($0.count - 1) * $0.period }) ?? 0 { best = (period, count) }
      }
      guard let best else {
        at += 1
        continue
      }
      let next = at + best.period
      runs.append(
        CRun(
          start: units[at].steps.lowerBound,
          period: units[next].steps.lowerBound - units[at].steps.lowerBound,
          count: best.count))
      at += best.period * best.count
    }
    return runs
  }

  /// How often the calls from one on repeat.
  private static func repetitions(
    _ function: ExecutionPlan, _ units: [Unit], _ at: Int, _ period: Int
  ) -> Int {
    var count = 1
    while at + (count + 1) * period <= units.count,
      (0..<period).allSatisfy({ isLike(function, units[at + $0], units[at + count * period + $0]) })
    { count += 1 }
    return count
  }

  /// Whether two calls differ in nothing but where the tensors of their arguments begin in a block of memory.
  private static func isLike(_ function: ExecutionPlan, _ a: Unit, _ b: Unit) -> Bool {
    a.block == b.block && a.steps.count == b.steps.count
      && zip(a.steps, b.steps).allSatisfy { function.isLike(function.steps[$0], function.steps[$1]) }
  }

  /// A call, or calls that run together.
  private struct Unit {
    let steps: Range<Int>
    /// The number of the straight-line code in which it stands.
    let block: Int

    static func units(_ function: ExecutionPlan) -> [Unit] {
      var units: [Unit] = []
      var block = 0
      var begin: Int?
      for (position, step) in function.steps.enumerated() {
        switch step {
        case .call: if begin == nil { units.append(Unit(steps: position..<position + 1, block: block)) }
        case .together: begin = position
        case .end where begin != nil:
          units.append(Unit(steps: (begin ?? position)..<position + 1, block: block))
          begin = nil
        default: block += 1
        }
      }
      return units
    }
  }
}

extension ExecutionPlan {
  /// Whether two steps differ in nothing but where the tensors of their arguments begin in a block of memory.
  func isLike(_ a: Step, _ b: Step) -> Bool {
    switch (a, b) {
    case (.call(let kernel, let arguments), .call(let other, let others)):
      kernel == other
        && zip(arguments, others).allSatisfy { $0.offset == $1.offset && isLike($0.buffer, $1.buffer) }
    case (.together, .together), (.end, .end): true
    default: false
    }
  }

  private func isLike(_ a: BufferID, _ b: BufferID) -> Bool {
    if a == b { return true }
    let (a, b) = (buffers[a.index], buffers[b.index])
    guard a.dtype == b.dtype else { return false }
    switch (a.storage, b.storage) {
    case (.arena, .arena), (.state, .state), (.parameter, .parameter): return true
    default: return a.storage == b.storage
    }
  }
}
