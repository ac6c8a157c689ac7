import SluiceIR

/// How a function runs: its program, what runs together and in which order, and where values are.
struct Arrangement {
  var program: Program
  var visits: Visits
  var storage: StorageAssignment
  /// The bytes of the arena, or the least that it needs where that is known alone.
  var bytes = 0

  /// Drops what only choosing an arrangement needs.
  mutating func dropChoices() {
    visits.dropChoices()
    storage.dropChoices()
  }
}

/// Plans a function so that its arena has no more bytes than it may: by the order in which kernels run, and by making
/// values again. See docs/memory.md.
extension Planner {
  /// How often a plan is changed and made anew for one target; large functions have fewer such rounds.
  private static let mostRounds = 8
  private static let largeCount = 16_384

  /// The arrangement within the budget; throws the least that was reached where there is none.
  mutating func fit(
    _ start: Arrangement, _ budget: Int, _ ports: StorageAssignment.Ports, _ graph: Graph
  ) throws(Diagnostics) -> Arrangement {
    var start = start
    let scratch = try scratch(start)
    start.bytes = arenaBytes(start, scratch.requests(start))
    if start.bytes <= budget { return start }
    let usual = start.bytes
    start = try ordered(start, scratch, ports)
    var least = start
    // The targets behind the first do not depend on the budget: the least that they reach is reached with that budget too.
    for (position, target) in [budget, usual / 2, usual / 4, 0].enumerated() {
      // First with the kernels that there are, then with kernels that work on less at once.
      for limit in [.infinity, Double(max(target, usual / 16)) / 2] {
        let found = try narrowed(start, target, budget, limit, scratch, ports)
        if found.bytes <= budget {
          note(found, start, budget, usual, graph)
          return found
        }
        if position > 0, found.bytes < least.bytes { least = found }
      }
    }
    throw tooSmall(budget, least.bytes, usual, graph)
  }

  /// Makes values again until no more than the target is alive, the budget is kept, or nothing gets better.
  ///
  /// `arenaLimit` is what a kernel of several items may work on.
  private mutating func narrowed(
    _ start: Arrangement, _ target: Int, _ budget: Int, _ arenaLimit: Double, _ scratch: Scratch,
    _ ports: StorageAssignment.Ports
  ) throws(Diagnostics) -> Arrangement {
    var (current, best) = (start, start)
    if arenaLimit < .infinity {
      current = try ordered(try arranged(start.program, ports, arenaLimit: arenaLimit), scratch, ports)
      if current.bytes < best.bytes { best = current }
    }
    var failures = 0
    let rounds = start.program.itemCount > Self.largeCount ? 4 : Self.mostRounds
    for _ in 0..<rounds where best.bytes > budget && failures < 2 {
      let choice = Rematerialization(current, scratch.requests(current), target: target, tables)
      if choice.count == 0 { break }
      let program = current.program.repeating(choice.lateFrom, current.visits)
      current = try arranged(program, ports, arenaLimit: arenaLimit)
      current.bytes = arenaBytes(current, scratch.requests(current))
      if current.bytes >= best.bytes {
        failures += 1
        continue
      }
      current = try ordered(current, scratch, ports)
      (best, failures) = (current, 0)
    }
    return best
  }

  /// The same in the order of visits with the smallest arena.
  private mutating func ordered(
    _ arrangement: Arrangement, _ scratch: Scratch, _ ports: StorageAssignment.Ports
  ) throws(Diagnostics) -> Arrangement {
    var best = arrangement
    var bound = ArenaAllocator.peak(best.storage.arenaRequests + scratch.requests(best)).bytes
    if arrangement.program.itemCount <= Self.largeCount {
      for choice in 0..<VisitOrder.candidateCount {
        var other = arrangement
        other.visits.order(other.program, tables, stateCount: ports.states.count, choice: choice)
        other.storage = try StorageAssignment(other.program, other.visits, &tables, ports)
        let own = ArenaAllocator.peak(other.storage.arenaRequests + scratch.requests(other))
        if own.bytes < bound { (best, bound) = (other, own.bytes) }
      }
    }
    best.bytes = arenaBytes(best, scratch.requests(best))
    return best
  }

  private func arenaBytes(_ arrangement: Arrangement, _ scratch: [ArenaAllocator.Request]) -> Int {
    ArenaAllocator.allocate(arrangement.storage.arenaRequests + scratch).bytes
  }

  // MARK: Scratch memory

  /// The scratch memory of kernels of their own: rows by the first root that the item makes.
  struct Scratch {
    /// Per root its first row, and how many there are.
    var firsts: [UInt32]
    var counts: [UInt32]
    var bytes: [Int] = []

    /// What the kernels of an arrangement ask of the arena besides its values, in the order in which they run.
    func requests(_ arrangement: Arrangement) -> [ArenaAllocator.Request] {
      if bytes.isEmpty { return [] }
      let (program, visits) = (arrangement.program, arrangement.visits)
      var requests: [ArenaAllocator.Request] = []
      for (time, entry) in visits.entries.enumerated() {
        guard case .visits(let first, let end) = entry else { continue }
        for visit in visits.run(first, end) where visits.isSingle[visit.index] {
          guard let root = program.results(visits.firstItem(visit)).first, root < firsts.count else {
            continue
          }
          for row in 0..<Int(counts[root]) {
            requests.append(.init(bytes: bytes[Int(firsts[root]) + row], first: time, last: time))
          }
        }
      }
      return requests
    }
  }

  /// Lowers what may need scratch memory: its kernels say how much.
  private mutating func scratch(_ arrangement: Arrangement) throws(Diagnostics) -> Scratch {
    let (program, visits) = (arrangement.program, arrangement.visits)
    let none = [UInt32](repeating: 0, count: program.rootCount)
    var scratch = Scratch(firsts: none, counts: none)
    for index in 0..<visits.count where visits.isSingle[index] {
      let item = visits.firstItem(VisitID(index))
      guard [.sort, .algorithm].contains(program.roles[item.index]), let root = program.results(item).first
      else { continue }
      scratch.firsts[root] = UInt32(scratch.bytes.count)
      for bytes in try scratchBytes(item, VisitID(index), arrangement) { scratch.bytes.append(bytes) }
      scratch.counts[root] = UInt32(scratch.bytes.count) - scratch.firsts[root]
    }
    return scratch
  }

  // MARK: Messages

  /// Says what a budget has changed.
  private mutating func note(
    _ found: Arrangement, _ start: Arrangement, _ budget: Int, _ usual: Int, _ graph: Graph
  ) {
    let count = found.program.itemCount - start.program.itemCount
    let what =
      switch count {
      case 0: "kernels are smaller or run in another order"
      case 1: "one more item is made again"
      default: "\(count) more items are made again"
      }
    remarks.append(
      Remark(
        .memory,
        "\(what), so that the arena has \(found.bytes) bytes, which may be \(budget), instead of \(usual)",
        at: graph.location))
  }

  /// The error that a function needs more than it may have.
  func tooSmall(_ budget: Int, _ least: Int, _ usual: Int, _ graph: Graph) -> Diagnostics {
    Diagnostics([
      Diagnostic(
        "the arena of `@\(tables.strings[graph.name])` may have \(budget) bytes, "
          + "the least that was reached is \(least)",
        at: tables.place(graph.location),
        notes: [
          Diagnostic.Note(
            "`--ram \(least)` is enough; smaller bounds of its symbols, such as a batch, need less; without a budget it has \(usual)"
          )
        ])
    ])
  }
}
