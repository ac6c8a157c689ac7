import SluiceIR

/// Which values are made again for their late readers, so that less is alive at once: one column, `lateFrom`.
///
/// A value that is not read for some time can be made again behind that time, from what is alive there. Of all such
/// gaps those are taken first that free the most bytes for the time that making again costs, as long as they are
/// where more is alive than is wanted.
struct Rematerialization {
  /// The most items that are made again for one value, and that are looked at for it.
  private static let longestChain = 24
  private static let mostLooks = 96

  /// Per root the entry from which on readers read a repetition; `Program.never` where all read the root.
  private(set) var lateFrom: [Int32]
  /// How many values are made again.
  private(set) var count = 0

  private let program: Program
  private let visits: Visits
  private let storage: StorageAssignment
  private let target: Int
  private var profile: MemoryProfile
  /// Per root the last entry at which it is there, with what is made again from it.
  private var lastUse: [Int32]
  /// Per root that is made again the last entry before that at which it is there.
  private var gapBegins: [Int32]
  /// Per root the first and last entry at which something is made again from it; the first is `never` for none.
  private var pinFirsts: [Int32]
  private var pinLasts: [Int32]

  /// A time in which a value is not read.
  private struct Gap {
    var root: RootID
    /// The entries at which it is read before and behind.
    var begin: Int32
    var end: Int32
    /// Bytes freed a second of making it again.
    var worth: Double
  }

  /// What has to be made again for a value.
  private struct Chain {
    var items: [ItemID] = []
    /// The roots in memory that the items read, and those that they read of what is made again anyway.
    var sources: [RootID] = []
    var extended: [RootID] = []
    var seconds = 0.0
    /// Bytes that the items make besides the value.
    var bytes = 0
  }

  /// Chooses what is made again so that, as far as possible, no more than `target` bytes are alive.
  ///
  /// - Parameters:
  ///   - arrangement: The function as it is planned.
  ///   - scratch: What else its kernels ask of the arena.
  ///   - target: The bytes that are wanted.
  ///   - tables: The sizes of types.
  init(_ arrangement: Arrangement, _ scratch: [ArenaAllocator.Request], target: Int, _ tables: Tables) {
    (program, visits, storage) = (arrangement.program, arrangement.visits, arrangement.storage)
    self.target = target
    let roots = program.rootCount
    lateFrom = [Int32](repeating: Program.never, count: roots)
    lastUse = storage.placement.reads.last
    gapBegins = [Int32](repeating: -1, count: roots)
    pinFirsts = [Int32](repeating: Program.never, count: roots)
    pinLasts = [Int32](repeating: -1, count: roots)
    profile = MemoryProfile(times: visits.entries.count + 1)
    for request in storage.arenaRequests + scratch {
      profile.add(request.size, request.first, request.last)
    }
    guard profile.peak > target else { return }
    for gap in gaps(tables) where profile.most(Int(gap.begin) + 1, Int(gap.end) - 1) > target {
      take(gap, tables)
    }
  }

  // MARK: Gaps

  /// The gaps of all values where more is alive than is wanted, what is worth most first.
  private mutating func gaps(_ tables: Tables) -> [Gap] {
    var found: [Gap] = []
    let isReadAtHome = rootsReadAtHome()
    var times: [Int32] = []
    for index in 0..<program.rootCount {
      let root = RootID(index)
      guard isCandidate(root) else { continue }
      times.removeAll(keepingCapacity: true)
      let maker = Int32(visits.entry(program.makers[index]))
      if isReadAtHome[index] { times.append(maker) }
      let reads = storage.placement.reads
      for read in reads.of(root) {
        times.append(Int32(reads.entry(read, from: program.homeBlocks[index], program, visits)))
      }
      times.sort()
      for (begin, end) in zip(times, times.dropFirst())
      where end - begin > 1 && profile.most(Int(begin) + 1, Int(end) - 1) > target {
        guard isInHomeBlock(root, from: end), let chain = chain(root, end, tables) else { continue }
        found.append(
          Gap(root: root, begin: begin, end: end, worth: Double(bytes(root, tables)) / chain.seconds))
      }
    }
    return found.sorted { $0.worth != $1.worth ? $0.worth > $1.worth : $0.root.raw < $1.root.raw }
  }

  /// Whether a value has memory of the arena that could be used for something else.
  private func isCandidate(_ root: RootID) -> Bool {
    guard program.homes[root.index] == .item, visits.needsMemory[root.index],
      storage.placement.boundAssigns[root.index].isNone, isRepeatable(program.makers[root.index]),
      let place = storage.place(of: root)
    else { return false }
    return storage.storages[place.storage.index].kind == .arena
  }

  /// Per root whether another item of the kernel that makes it reads it: it is of use there.
  private func rootsReadAtHome() -> [Bool] {
    var isRead = [Bool](repeating: false, count: program.rootCount)
    for index in 0..<program.itemCount {
      let visit = visits.visitOf[index]
      guard !visit.isNone else { continue }
      for view in program.operands(ItemID(index)) {
        let root = program.roots[view.index]
        guard !root.isNone, !program.makers[root.index].isNone else { continue }
        if visits.visitOf[program.makers[root.index].index] == visit { isRead[root.index] = true }
      }
    }
    return isRead
  }

  /// Whether all readers from an entry on stand in the block in which the root is made.
  private func isInHomeBlock(_ root: RootID, from time: Int32) -> Bool {
    let reads = storage.placement.reads
    let home = program.homeBlocks[root.index]
    return reads.of(root).allSatisfy {
      $0.block == home || reads.entry($0, from: home, program, visits) < Int(time)
    }
  }

  private func isRepeatable(_ item: ItemID) -> Bool {
    switch program.roles[item.index] {
    case .map, .generate, .gather, .gatherAlong, .slice, .fold, .argument, .copy, .contract, .cumulative,
      .join, .pad:
      true
    default: false
    }
  }

  // MARK: Chains

  /// What makes a root again at an entry from what is alive there; nil where that is too much, or impossible.
  private func chain(_ root: RootID, _ time: Int32, _ tables: Tables) -> Chain? {
    var chain = Chain()
    let block = program.homeBlocks[root.index]
    var open = [program.makers[root.index]]
    while let item = open.popLast() {
      if chain.items.contains(item) { continue }
      guard program.blocks[item.index] == block, isRepeatable(item), chain.items.count < Self.longestChain,
        open.count < Self.mostLooks
      else { return nil }
      chain.items.append(item)
      chain.seconds += seconds(item, tables)
      for result in program.results(item) where result != root.index && visits.needsMemory[result] {
        chain.bytes += bytes(RootID(result), tables)
      }
      for view in program.operands(item) {
        let operand = program.roots[view.index]
        if operand.isNone || isThere(operand, time) {
          if !operand.isNone { chain.sources.append(operand) }
        } else if lateFrom[operand.index] != Program.never {
          chain.extended.append(operand)
        } else if program.homes[operand.index] == .item {
          open.append(program.makers[operand.index])
        } else {
          return nil
        }
      }
    }
    return chain
  }

  /// Whether a root can be read at an entry, and is not kept for that.
  private func isThere(_ root: RootID, _ time: Int32) -> Bool {
    switch program.homes[root.index] {
    case .input, .parameter, .constant: return true
    case .state, .cell, .stack: return time <= lastUse[root.index]
    case .item:
      guard time <= lastUse[root.index] else { return false }
      return lateFrom[root.index] == Program.never || time <= gapBegins[root.index]
        || time >= lateFrom[root.index]
    }
  }

  /// What doing an item once more is estimated to take.
  private func seconds(_ item: ItemID, _ tables: Tables) -> Double {
    var cost = Cost()
    var dims: [DimID] = []
    _ = program.readSpace(item, into: &dims, tables)
    cost.operations = dims.reduce(1) { $0 * tables.extent($1) }
    if program.roles[item.index] == .contract { cost.operations *= 2 }
    if !visits.derivation.isDerived(item) {
      for view in program.operands(item) { cost.bytes += tables.byteCount(program.viewTypes[view.index]) }
      for result in program.results(item) { cost.bytes += tables.byteCount(program.types[result]) }
    }
    return (cost.seconds(1, 0) ?? 0) + Cost.call
  }

  private func bytes(_ root: RootID, _ tables: Tables) -> Int {
    guard let place = storage.place(of: root) else { return 0 }
    let type = program.types[root.index]
    let size = tables.elementBound(type) * Double(tables.types.dtype(type).byteCount)
    return Int(exactly: size) ?? storage.storages[place.storage.index].capacity
  }

  // MARK: Taking

  /// Makes the value of a gap again behind it, unless too much would be alive there.
  private mutating func take(_ gap: Gap, _ tables: Tables) {
    var gap = gap
    let root = gap.root.index
    guard lateFrom[root] == Program.never else { return }
    if pinLasts[root] > gap.begin {
      // What is made again from it needs it before its own readers do.
      guard pinFirsts[root] > gap.begin else { return }
      gap.end = min(gap.end, pinFirsts[root])
    }
    let size = bytes(gap.root, tables)
    guard gap.end - gap.begin > 1, let chain = chain(gap.root, gap.end, tables) else { return }
    let limit = max(target, profile.peak - size)
    guard profile.most(Int(gap.end), Int(gap.end)) + chain.bytes <= limit else { return }
    for operand in chain.extended where !mayExtend(operand, to: gap.end, limit, tables) { return }

    profile.add(-size, Int(gap.begin) + 1, Int(gap.end) - 1)
    profile.add(chain.bytes, Int(gap.end), Int(gap.end))
    for operand in chain.extended { extend(operand, to: gap.end, tables) }
    for item in chain.items where !visits.derivation.isDerived(item) {
      for result in program.results(item) { repeatRoot(result, gap.end) }
    }
    lateFrom[root] = gap.end
    gapBegins[root] = gap.begin
    for source in chain.sources + chain.extended { pin(source, gap.end) }
    count += 1
  }

  /// The entries at which a repetition would have to be there too, if it were read at another one.
  private func added(_ root: RootID, to time: Int32) -> (first: Int, last: Int) {
    time > lastUse[root.index]
      ? (Int(max(lastUse[root.index], lateFrom[root.index])) + 1, Int(time))
      : (Int(time), Int(lateFrom[root.index]) - 1)
  }

  private mutating func mayExtend(
    _ root: RootID, to time: Int32, _ limit: Int, _ tables: Tables
  ) -> Bool {
    let (first, last) = added(root, to: time)
    return profile.most(first, last) + bytes(root, tables) <= limit
  }

  private mutating func extend(_ root: RootID, to time: Int32, _ tables: Tables) {
    let (first, last) = added(root, to: time)
    profile.add(bytes(root, tables), first, last)
    lateFrom[root.index] = min(lateFrom[root.index], time)
    lastUse[root.index] = max(lastUse[root.index], time)
  }

  private mutating func repeatRoot(_ root: Int, _ time: Int32) {
    guard lateFrom[root] == Program.never else { return }
    (lateFrom[root], gapBegins[root]) = (time, lastUse[root])
    lastUse[root] = max(lastUse[root], time)
  }

  private mutating func pin(_ root: RootID, _ time: Int32) {
    pinFirsts[root.index] = min(pinFirsts[root.index], time)
    pinLasts[root.index] = max(pinLasts[root.index], time)
  }
}
