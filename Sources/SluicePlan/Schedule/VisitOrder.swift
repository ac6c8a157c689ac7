import SluiceIR

/// The order of the visits between two control items: of several, the one in which the least memory is alive at once.
///
/// A visit comes behind what makes its operands, and what makes the next value of a state behind everything that reads
/// the old one, where that is possible: then the new value is made in place.
struct VisitOrder {
  /// In segments of more visits the greedy order, which looks at all that could come next, is left out.
  private static let greedyLimit = 4096

  private let program: Program
  private let visits: Visits
  private let sizes: [Double]
  /// The visits of the segment are those from here on.
  private var begin = 0
  private var count = 0
  /// Edges to the visits that come later: those of visit `begin + v` are `edges[ends[v]..<ends[v + 1]]`.
  private var ends: [UInt32] = []
  private var edges: [UInt32] = []
  /// Per root how many visits of the segment will still read it; 0 for what they do not make.
  private var readers: [UInt32]
  /// Per state which visits read it, and which one makes its next value.
  private var stateReaders: [[VisitID]]
  private var stateMakers: [VisitID]

  init(_ program: Program, _ visits: Visits, _ tables: Tables, stateCount: Int) {
    self.program = program
    self.visits = visits
    sizes = program.types.indices.map { root in
      guard program.homes[root] == .item, visits.needsMemory[root] else { return 0 }
      let type = program.types[root]
      return tables.elementBound(type) * Double(tables.types.dtype(type).byteCount)
    }
    readers = [UInt32](repeating: 0, count: program.rootCount)
    stateReaders = [[VisitID]](repeating: [], count: stateCount)
    stateMakers = [VisitID](repeating: .none, count: stateCount)
    for index in 0..<visits.count {
      for root in visits.reads(VisitID(index)) {
        if case .state(let state) = program.homes[root.index] { stateReaders[state].append(VisitID(index)) }
      }
    }
    for index in 0..<program.itemCount where program.roles[index] == .assign {
      guard case .state(let state) = program.target(ItemID(index)),
        let view = program.operands(ItemID(index)).first, program.isWhole(view)
      else { continue }
      let root = program.roots[view.index]
      if program.homes[root.index] == .item {
        stateMakers[state] = visits.visitOf[program.makers[root.index].index]
      }
    }
  }

  /// The visits from `begin` on, in the order in which they run.
  mutating func order(_ begin: Int, _ end: Int) -> [VisitID] {
    self.begin = begin
    count = end - begin
    if count == 0 { return [] }
    if count == 1 { return [VisitID(begin)] }
    connect(withStates: true)
    var candidates = orders()
    if candidates.isEmpty {
      dropCycles()
      connect(withStates: true)
      candidates = orders()
    }
    var best: (order: [UInt32], peak: Double)?
    for order in candidates {
      let peak = peak(order)
      if best.map({ peak < $0.peak }) ?? true { best = (order, peak) }
    }
    guard let best else { preconditionFailure("visits that read each other") }
    return best.order.map { VisitID(begin + Int($0)) }
  }

  /// All orders that are tried; none where the edges lead around.
  private mutating func orders() -> [[UInt32]] {
    guard let depths = ranks() else { return [] }
    let byDepth = sorted(by: depths)
    let late = lateRanks(depths, byDepth)
    var result = [onDemand(byDepth), onDemand(sorted(by: late))]
    if count <= Self.greedyLimit {
      result.append(onDemand(greedy(late)))
      result.append(onDemand(earlyOrLate(depths, late)))
    }
    return result
  }

  /// Whether a visit reads nothing that others make: it can run at any time before what reads it.
  private func isSource(_ visit: Int, _ waiting: [UInt32]) -> Bool {
    waiting[visit] == 0 && !followers(visit).isEmpty
  }

  /// The order in which what can run at any time does so right before it is needed.
  private func onDemand(_ order: [UInt32]) -> [UInt32] {
    let waiting = predecessorCounts()
    // Per visit the sources that it needs, as linked lists: each source stands in the list of all its followers.
    var heads = [UInt32](repeating: .max, count: count)
    var rows: [(source: UInt32, next: UInt32)] = []
    for visit in order where isSource(Int(visit), waiting) {
      for follower in followers(Int(visit)) {
        rows.append((visit, heads[Int(follower)]))
        heads[Int(follower)] = UInt32(rows.count - 1)
      }
    }
    var isDone = [Bool](repeating: false, count: count)
    var result: [UInt32] = []
    result.reserveCapacity(count)
    for visit in order where !isSource(Int(visit), waiting) {
      let begin = result.count
      var row = heads[Int(visit)]
      while row != .max {
        let source = rows[Int(row)].source
        if !isDone[Int(source)] {
          isDone[Int(source)] = true
          result.append(source)
        }
        row = rows[Int(row)].next
      }
      result[begin...].reverse()
      result.append(visit)
    }
    return result
  }

  // MARK: Edges

  private mutating func connect(withStates: Bool) {
    ends = [UInt32](repeating: 0, count: count + 1)
    forEachEdge(withStates) { from, _ in ends[from + 1] += 1 }
    for visit in 1...count { ends[visit] += ends[visit - 1] }
    edges = [UInt32](repeating: 0, count: Int(ends[count]))
    var next = ends
    forEachEdge(withStates) { from, to in
      edges[Int(next[from])] = UInt32(to)
      next[from] += 1
    }
  }

  private func forEachEdge(_ withStates: Bool, _ body: (Int, Int) -> Void) {
    for visit in 0..<count {
      for root in visits.reads(VisitID(begin + visit)) where program.homes[root.index] == .item {
        let maker = visits.visitOf[program.makers[root.index].index]
        if !maker.isNone, maker.index >= begin, maker.index < begin + count {
          body(maker.index - begin, visit)
        }
      }
    }
    guard withStates else { return }
    for (state, maker) in stateMakers.enumerated() {
      guard !maker.isNone, maker.index >= begin, maker.index < begin + count else { continue }
      for reader in stateReaders[state] where reader != maker {
        guard reader.index >= begin, reader.index < begin + count else { continue }
        body(reader.index - begin, maker.index - begin)
      }
    }
  }

  private func followers(_ visit: Int) -> ArraySlice<UInt32> {
    edges[Int(ends[visit])..<Int(ends[visit + 1])]
  }

  private func predecessorCounts() -> [UInt32] {
    var counts = [UInt32](repeating: 0, count: count)
    for edge in edges { counts[Int(edge)] += 1 }
    return counts
  }

  // MARK: Orders

  /// Per visit one more than the deepest that comes before it; nil where the edges lead around.
  private func ranks() -> [Int32]? {
    var waiting = predecessorCounts()
    var ranks = [Int32](repeating: 0, count: count)
    var ready = (0..<count).filter { waiting[$0] == 0 }
    var next = 0
    while next < ready.count {
      let visit = ready[next]
      next += 1
      for follower in followers(visit) {
        ranks[Int(follower)] = max(ranks[Int(follower)], ranks[visit] + 1)
        waiting[Int(follower)] -= 1
        if waiting[Int(follower)] == 0 { ready.append(Int(follower)) }
      }
    }
    return ready.count == count ? ranks : nil
  }

  /// Per visit one less than the first that needs it.
  private func lateRanks(_ ranks: [Int32], _ order: [UInt32]) -> [Int32] {
    let last = ranks.max() ?? 0
    var late = [Int32](repeating: last, count: count)
    for visit in order.reversed() {
      for follower in followers(Int(visit)) {
        late[Int(visit)] = min(late[Int(visit)], late[Int(follower)] - 1)
      }
    }
    return late
  }

  private func sorted(by ranks: [Int32]) -> [UInt32] {
    (0..<UInt32(count)).sorted { (ranks[Int($0)], $0) < (ranks[Int($1)], $1) }
  }

  /// Always the visit that takes the least memory and frees the most; of several readers of a value, each frees its share.
  ///
  /// What can run at any time comes first here, and is put where it is needed by `onDemand`.
  private mutating func greedy(_ ranks: [Int32]) -> [UInt32] {
    var waiting = predecessorCounts()
    countReaders()
    var order: [UInt32] = []
    order.reserveCapacity(count)
    var ready: [Int] = []
    let sources = (0..<count).filter { isSource($0, waiting) }
    for visit in 0..<count where waiting[visit] == 0 && followers(visit).isEmpty { ready.append(visit) }
    for source in sources {
      order.append(UInt32(source))
      for follower in followers(source) {
        waiting[Int(follower)] -= 1
        if waiting[Int(follower)] == 0 { ready.append(Int(follower)) }
      }
    }
    while !ready.isEmpty {
      var best = 0
      var bestCost = (Double.infinity, Int32.max, Int.max)
      for (position, visit) in ready.enumerated() {
        var taken = made(visit)
        for root in visits.reads(VisitID(begin + visit)) where readers[root.index] > 0 {
          taken -= sizes[root.index] / Double(readers[root.index])
        }
        let cost = (taken, ranks[visit], visit)
        if cost < bestCost { (best, bestCost) = (position, cost) }
      }
      let visit = ready.remove(at: best)
      order.append(UInt32(visit))
      for root in visits.reads(VisitID(begin + visit)) where readers[root.index] > 0 {
        readers[root.index] -= 1
      }
      for follower in followers(visit) {
        waiting[Int(follower)] -= 1
        if waiting[Int(follower)] == 0 { ready.append(Int(follower)) }
      }
    }
    return order
  }

  /// What makes as much as it reads or more as late as it can be, and what makes less as early: activations are computed again
  /// just in time, gradients of weights as soon as they free what they are made of.
  private func earlyOrLate(_ depths: [Int32], _ late: [Int32]) -> [UInt32] {
    let ranks = (0..<count).map { visit -> Int32 in
      var freed = 0.0
      for root in visits.reads(VisitID(begin + visit)) { freed += sizes[root.index] }
      return made(visit) >= freed ? late[visit] : depths[visit]
    }
    var waiting = predecessorCounts()
    var ready = (0..<count).filter { waiting[$0] == 0 }
    var order: [UInt32] = []
    order.reserveCapacity(count)
    while !ready.isEmpty {
      var best = 0
      for position in ready.indices
      where (ranks[ready[position]], ready[position]) < (ranks[ready[best]], ready[best]) {
        best = position
      }
      let visit = ready.remove(at: best)
      order.append(UInt32(visit))
      for follower in followers(visit) {
        waiting[Int(follower)] -= 1
        if waiting[Int(follower)] == 0 { ready.append(Int(follower)) }
      }
    }
    return order
  }

  // MARK: Memory

  private func made(_ visit: Int) -> Double {
    var bytes = 0.0
    var item = visits.firstItem(VisitID(begin + visit))
    while !item.isNone {
      for root in program.results(item) { bytes += sizes[root] }
      item = visits.nextItem(item)
    }
    return bytes
  }

  /// Counts how many visits of the segment read each root.
  private mutating func countReaders() {
    for visit in begin..<begin + count {
      for root in visits.reads(VisitID(visit)) { readers[root.index] = 0 }
    }
    for visit in begin..<begin + count {
      for root in visits.reads(VisitID(visit)) where sizes[root.index] > 0 { readers[root.index] += 1 }
    }
  }

  /// The most bytes that are alive at once.
  private mutating func peak(_ order: [UInt32]) -> Double {
    countReaders()
    var (alive, peak) = (0.0, 0.0)
    for visit in order {
      alive += made(Int(visit))
      peak = max(peak, alive)
      for root in visits.reads(VisitID(begin + Int(visit))) {
        guard readers[root.index] > 0 else { continue }
        readers[root.index] -= 1
        if readers[root.index] == 0 { alive -= sizes[root.index] }
      }
    }
    return peak
  }
}

extension VisitOrder {
  /// Leaves out the states whose next value is needed before all have read the old one: it is copied at the end.
  ///
  /// Visits run as soon as they can. Where none can, the first one that only waits for readers of old values goes on,
  /// and what it makes is not made in place.
  private mutating func dropCycles() {
    connect(withStates: false)
    var waiting = predecessorCounts()
    // Per visit how many reads of old values come before it.
    var held = [Int](repeating: 0, count: count)
    var states = [[Int]](repeating: [], count: count)
    var readStates = [[Int]](repeating: [], count: count)
    for (state, maker) in stateMakers.enumerated() where isHere(maker) {
      states[maker.index - begin].append(state)
      for reader in stateReaders[state] where reader != maker && isHere(reader) {
        held[maker.index - begin] += 1
        readStates[reader.index - begin].append(state)
      }
    }
    var ready = (0..<count).filter { waiting[$0] == 0 && held[$0] == 0 }
    var blocked = (0..<count).filter { waiting[$0] == 0 && held[$0] > 0 }
    var isDone = [Bool](repeating: false, count: count)
    var (next, nextBlocked) = (0, 0)
    while true {
      if next == ready.count {
        while nextBlocked < blocked.count, isDone[blocked[nextBlocked]] || held[blocked[nextBlocked]] == 0 {
          nextBlocked += 1
        }
        guard nextBlocked < blocked.count else { return }
        let visit = blocked[nextBlocked]
        for state in states[visit] { stateMakers[state] = .none }
        held[visit] = 0
        ready.append(visit)
      }
      let visit = ready[next]
      next += 1
      isDone[visit] = true
      for follower in followers(visit).map({ Int($0) }) {
        waiting[follower] -= 1
        guard waiting[follower] == 0 else { continue }
        if held[follower] == 0 { ready.append(follower) } else { blocked.append(follower) }
      }
      for state in readStates[visit] where !stateMakers[state].isNone {
        let maker = stateMakers[state].index - begin
        held[maker] -= 1
        if held[maker] == 0, waiting[maker] == 0 { ready.append(maker) }
      }
    }
  }

  private func isHere(_ visit: VisitID) -> Bool {
    !visit.isNone && visit.index >= begin && visit.index < begin + count
  }
}
