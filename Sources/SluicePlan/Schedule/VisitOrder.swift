import SluiceIR

/// The order of the visits between two control items: of several, the one in which the least memory is alive at once.
///
/// A visit comes behind what makes its operands, and what makes the next value of a state behind everything that reads
/// the old one, where that is possible: then the new value is made in place.
struct VisitOrder {
  /// A value's share is divided among up to so many readers exactly; among more, among the next power of two.
  private static let exactReaders: UInt32 = 16

  let program: Program
  let visits: Visits
  let sizes: [Double]
  /// The visits of the segment are those from here on.
  var begin = 0
  private var count = 0
  /// Edges to the visits that come later: those of visit `begin + v` are `edges[ends[v]..<ends[v + 1]]`.
  private var ends: [UInt32] = []
  private var edges: [UInt32] = []
  /// Per visit of the segment the bytes that it makes.
  var made: [Double] = []
  /// Per root how many visits of the segment will still read it.
  private var readers: [UInt32]
  /// The visits of the segment that read a root stand in `readerPool` from here on, up to one that is `.max`.
  private var readerBegins: [UInt32]
  private var readerPool: [UInt32] = []
  /// Per root the place of its last reader in the segment; only roots that are read there have one.
  var lastReads: [Int32]
  /// Per state which visits read it, and which one makes its next value.
  private var stateReaders: [[VisitID]]
  private var stateMakers: [VisitID]

  init(_ program: Program, _ visits: Visits, _ tables: Tables, stateCount: Int) {
    self.program = program
    self.visits = visits
    var sizes = program.types.indices.map { root -> Double in
      guard program.homes[root] == .item, visits.needsMemory[root] else { return 0 }
      let type = program.types[root]
      // What is larger is no plan's.
      return min(tables.elementBound(type) * Double(tables.types.dtype(type).byteCount), 0x1p60)
    }
    readers = [UInt32](repeating: 0, count: program.rootCount)
    readerBegins = [UInt32](repeating: 0, count: program.rootCount)
    lastReads = [Int32](repeating: -1, count: program.rootCount)
    stateReaders = [[VisitID]](repeating: [], count: stateCount)
    stateMakers = [VisitID](repeating: .none, count: stateCount)
    for index in 0..<visits.count {
      for root in visits.reads(VisitID(index)) {
        if case .state(let state) = program.homes[root.index] { stateReaders[state].append(VisitID(index)) }
      }
    }
    for index in 0..<program.itemCount where program.roles[index] == .assign {
      guard let view = program.operands(ItemID(index)).first, program.isWhole(view) else { continue }
      let root = program.roots[view.index]
      guard program.homes[root.index] == .item else { continue }
      switch program.target(ItemID(index)) {
      case .state(let state):
        stateMakers[state] = visits.visitOf[program.makers[root.index].index]
        sizes[root.index] = 0
      // It is made where it ends up.
      case .output: sizes[root.index] = 0
      case .cell, .part: break
      }
    }
    self.sizes = sizes
  }

  /// How many orders are tried at most.
  static let candidateCount = 8

  /// The visits from `begin` on, in the order in which they run: the one of the smallest peak, or the one chosen; and
  /// the end of each run of visits that run together.
  mutating func order(_ begin: Int, _ end: Int, _ choice: Int?) -> (visits: [VisitID], ends: [Int]) {
    self.begin = begin
    count = end - begin
    if count == 0 { return ([], []) }
    if count == 1 { return ([VisitID(begin)], [1]) }
    made = (begin..<end).map { bytesMade(VisitID($0)) }
    connect(withStates: true)
    var candidates = orders()
    if candidates.isEmpty {
      dropCycles()
      connect(withStates: true)
      candidates = orders()
    }
    if let choice, !candidates.isEmpty { candidates = [candidates[min(choice, candidates.count - 1)]] }
    var best: (order: [UInt32], peak: Double)?
    for order in candidates {
      let peak = profile(order).max() ?? 0
      if best.map({ peak < $0.peak }) ?? true { best = (order, peak) }
    }
    guard let best else { preconditionFailure("visits that read each other") }
    return gathered(best.order)
  }

  /// All orders that are tried; none where the edges lead around.
  private mutating func orders() -> [[UInt32]] {
    guard let depths = ranks() else { return [] }
    let byDepth = sorted(by: depths)
    let late = lateRanks(depths, byDepth)
    let (byLate, mixed) = (sorted(by: late), earlyOrLate(depths, late))
    var isSource = inputReaders()
    var result: [[UInt32]] = []
    for order in [byDepth, byLate, greedy(late, isSource), mixed] { result.append(onDemand(order, isSource)) }
    // The same where what only makes again what there was waits until it is needed.
    var hasMore = false
    for visit in 0..<count
    where !isSource[visit] && !followers(visit).isEmpty
      && visits.isRepeated(VisitID(begin + visit), program)
    {
      (isSource[visit], hasMore) = (true, true)
    }
    guard hasMore else { return result }
    for order in [byDepth, byLate, greedy(late, isSource), mixed] { result.append(onDemand(order, isSource)) }
    return result
  }

  /// Per visit whether it is a source: it needs nothing that others make, so it can run at any time before its readers.
  private func inputReaders() -> [Bool] {
    let waiting = predecessorCounts()
    return (0..<count).map { waiting[$0] == 0 && !followers($0).isEmpty }
  }

  /// The order in which sources run right before they are needed.
  private func onDemand(_ order: [UInt32], _ isSource: [Bool]) -> [UInt32] {
    // Per visit the sources that it needs, as linked lists: each source stands in the list of all its followers.
    var heads = [UInt32](repeating: .max, count: count)
    var rows: [(source: UInt32, next: UInt32)] = []
    for visit in order.reversed() where isSource[Int(visit)] {
      for follower in followers(Int(visit)) {
        rows.append((visit, heads[Int(follower)]))
        heads[Int(follower)] = UInt32(rows.count - 1)
      }
    }
    var isOpen = [Bool](repeating: false, count: count)
    var open: [UInt32] = []
    var result: [UInt32] = []
    result.reserveCapacity(count)
    for visit in order where !isSource[Int(visit)] {
      open.append(visit)
      while let next = open.last {
        let row = heads[Int(next)]
        if row == .max {
          result.append(next)
          open.removeLast()
          continue
        }
        heads[Int(next)] = rows[Int(row)].next
        let source = rows[Int(row)].source
        if isOpen[Int(source)] { continue }
        isOpen[Int(source)] = true
        open.append(source)
      }
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

  func followers(_ visit: Int) -> ArraySlice<UInt32> {
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

  /// The visits by their ranks, which are at least 0 and less than there are visits; those of one rank as they are.
  func sorted(by ranks: [Int32]) -> [UInt32] {
    var next = [UInt32](repeating: 0, count: count + 1)
    for rank in ranks { next[Int(rank) + 1] += 1 }
    for rank in 1...count { next[rank] += next[rank - 1] }
    var result = [UInt32](repeating: 0, count: count)
    for visit in 0..<count {
      let rank = Int(ranks[visit])
      result[Int(next[rank])] = UInt32(visit)
      next[rank] += 1
    }
    return result
  }

  /// Always the visit that takes the least memory and frees the most; of several readers of a value, each frees its share.
  ///
  /// Sources run as soon as they can here; `onDemand` puts them where they are needed.
  private mutating func greedy(_ ranks: [Int32], _ isSource: [Bool]) -> [UInt32] {
    countReaders()
    listReaders()
    var waiting = predecessorCounts()
    // Per visit that could come next what it takes; an entry of the heap that says otherwise is old.
    var costs = [Double?](repeating: nil, count: count)
    var heap = VisitHeap()
    var order: [UInt32] = []
    order.reserveCapacity(count)
    func offer(_ visit: UInt32) {
      let cost = taken(visit)
      costs[Int(visit)] = cost
      heap.insert(VisitHeap.Entry(cost: cost, rank: ranks[Int(visit)], visit: visit))
    }
    // What stands in the order before this place has released what follows it.
    var next = 0
    func admit(_ visit: UInt32) {
      if isSource[Int(visit)] { order.append(visit) } else { offer(visit) }
    }
    func release() {
      while next < order.count {
        for follower in followers(Int(order[next])) {
          waiting[Int(follower)] -= 1
          if waiting[Int(follower)] == 0 { admit(follower) }
        }
        next += 1
      }
    }
    for visit in 0..<UInt32(count) where waiting[Int(visit)] == 0 { admit(visit) }
    release()
    while let entry = heap.popFirst() {
      guard costs[Int(entry.visit)] == entry.cost else { continue }
      costs[Int(entry.visit)] = nil
      order.append(entry.visit)
      for root in visits.reads(VisitID(begin + Int(entry.visit))) where readers[root.index] > 0 {
        let before = sharers(root)
        readers[root.index] -= 1
        if sharers(root) == before { continue }
        var row = Int(readerBegins[root.index])
        while readerPool[row] != .max {
          if costs[Int(readerPool[row])] != nil { offer(readerPool[row]) }
          row += 1
        }
      }
      release()
    }
    return order
  }

  /// What a visit makes less its share of what it reads.
  private func taken(_ visit: UInt32) -> Double {
    var taken = made[Int(visit)]
    for root in visits.reads(VisitID(begin + Int(visit))) where readers[root.index] > 0 {
      taken -= sizes[root.index] / Double(sharers(root))
    }
    return taken
  }

  /// Among how many readers a root is shared: with many, it changes only now and then.
  private func sharers(_ root: RootID) -> UInt32 {
    let count = readers[root.index]
    return count <= Self.exactReaders ? count : 1 << (32 - UInt32((count - 1).leadingZeroBitCount))
  }

  /// What makes as much as it reads or more as late as it can be, and what makes less as early: activations are computed again
  /// just in time, gradients of weights as soon as they free what they are made of.
  private func earlyOrLate(_ depths: [Int32], _ late: [Int32]) -> [UInt32] {
    var waiting = predecessorCounts()
    var heap = VisitHeap()
    var order: [UInt32] = []
    order.reserveCapacity(count)
    func offer(_ visit: Int) {
      var freed = 0.0
      for root in visits.reads(VisitID(begin + visit)) { freed += sizes[root.index] }
      let rank = made[visit] >= freed ? late[visit] : depths[visit]
      heap.insert(VisitHeap.Entry(cost: 0, rank: rank, visit: UInt32(visit)))
    }
    for visit in 0..<count where waiting[visit] == 0 { offer(visit) }
    while let entry = heap.popFirst() {
      order.append(entry.visit)
      for follower in followers(Int(entry.visit)) {
        waiting[Int(follower)] -= 1
        if waiting[Int(follower)] == 0 { offer(Int(follower)) }
      }
    }
    return order
  }

  // MARK: Memory

  private func bytesMade(_ visit: VisitID) -> Double {
    var bytes = 0.0
    var item = visits.firstItem(visit)
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

  /// Lists the visits of the segment that read each root; `countReaders` has counted them.
  private mutating func listReaders() {
    readerPool.removeAll(keepingCapacity: true)
    for visit in begin..<begin + count {
      for root in visits.reads(VisitID(visit)) { readerBegins[root.index] = .max }
    }
    // First the ends, which the visits from the last to the first then make the begins.
    for visit in (0..<count).reversed() {
      for root in visits.reads(VisitID(begin + visit)) where readers[root.index] > 0 {
        if readerBegins[root.index] == .max {
          readerPool += repeatElement(.max, count: Int(readers[root.index]) + 1)
          readerBegins[root.index] = UInt32(readerPool.count - 1)
        }
        readerBegins[root.index] -= 1
        readerPool[Int(readerBegins[root.index])] = UInt32(visit)
      }
    }
  }

  /// The bytes that are alive at every place of an order.
  mutating func profile(_ order: [UInt32]) -> [Double] {
    countReaders()
    var alive = 0.0
    return order.map { visit in
      alive += made[Int(visit)]
      let now = alive
      for root in visits.reads(VisitID(begin + Int(visit))) {
        guard readers[root.index] > 0 else { continue }
        readers[root.index] -= 1
        if readers[root.index] == 0 { alive -= sizes[root.index] }
      }
      return now
    }
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
