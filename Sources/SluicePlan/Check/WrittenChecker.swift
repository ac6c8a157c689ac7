/// Computes with what is written of a place, in one environment: adds, asks, and carries it around loops of steps.
struct WrittenChecker {
  private let model: KernelModel
  private var algebra: RegionAlgebra

  init(_ space: SymbolSpace, _ model: KernelModel, _ environment: Environment) {
    self.model = model
    algebra = RegionAlgebra(Prover(space, model, environment))
  }

  /// Whether a goal about the symbols holds.
  mutating func holds(_ goal: Polynomial) -> Bool { algebra.prover.holds(goal, in: 0, .boxes) }

  // MARK: Adding

  /// Adds what a store has surely written.
  mutating func insert(_ part: WrittenState.Part, into state: inout WrittenState, _ count: Polynomial) {
    if state.isFull { return }
    var part = part
    search: while true {
      for (position, known) in state.parts.enumerated().reversed()
      where known.depth == part.depth && known.isHistory == part.isHistory {
        guard let union = algebra.union(known.region, part.region, in: 0) else { continue }
        if union == known.region { return }
        state.parts.remove(at: position)
        part.region = union
        continue search
      }
      break
    }
    if part.region.isWhole(count, &algebra.prover) {
      state.fullDepth = part.depth
      state.parts = []
    } else {
      state.parts.append(part)
    }
  }

  // MARK: Asking

  /// Whether every element is written, by one store or by several together.
  mutating func isFull(_ state: WrittenState, _ count: Polynomial) -> Bool {
    guard state.isIntact else { return false }
    if state.isFull { return true }
    for region in merged(state) where region.isWhole(count, &algebra.prover) { return true }
    return false
  }

  /// Whether everything that a load may read is written: the element, or all that it touches.
  mutating func isWritten(
    _ access: KernelModel.Access, _ offset: Polynomial, _ touched: Region?, _ state: WrittenState
  ) -> Bool {
    let regions = state.parts.map(\.region)
    if isInside(access, offset, touched, regions) { return true }
    return regions.count > 1 && isInside(access, offset, touched, merged(state))
  }

  private mutating func isInside(
    _ access: KernelModel.Access, _ offset: Polynomial, _ touched: Region?, _ regions: [Region]
  ) -> Bool {
    for region in regions {
      if region.isRun, region.guards.isEmpty {
        let element = access.index + offset - region.base
        if algebra.prover.holds(element, in: access.scope, .boxes),
          [region.extents[0].count, region.extents[0].clip].allSatisfy({ end in
            end.map { algebra.prover.holds($0 - 1 - element, in: access.scope, .boxes) } ?? true
          })
        {
          return true
        }
      }
      if let touched, algebra.contains(region, touched, in: 0) { return true }
    }
    return false
  }

  /// All that is written, joined where it fits.
  private mutating func merged(_ state: WrittenState) -> [Region] {
    var result: [Region] = []
    for part in state.parts {
      var region = part.region
      var position = 0
      while position < result.count {
        if let union = algebra.union(result[position], region, in: 0) {
          result.remove(at: position)
          region = union
          position = 0
        } else {
          position += 1
        }
      }
      result.append(region)
    }
    return result
  }

  // MARK: Loops

  /// From the end of an iteration to the start of the next: parts that depend on the counter become what the
  /// earlier iterations wrote, 0 ..< counter, or those above it where the counter falls.
  mutating func turn(
    _ state: inout WrittenState, _ counter: Unknown, _ count: Polynomial, _ reverse: Bool, _ depth: Int
  ) {
    var kept: [WrittenState.Part] = []
    for part in state.parts {
      if part.depth < depth || part.isHistory || !part.region.mentions(counter) {
        kept.append(part)
      } else if let region = history(part.region, counter, count, reverse) {
        kept.append(WrittenState.Part(region: region, depth: depth, isHistory: true))
      }
    }
    state.parts = []
    for part in kept where !state.parts.contains(part) { state.parts.append(part) }
  }

  private mutating func history(
    _ region: Region, _ counter: Unknown, _ count: Polynomial, _ reverse: Bool
  ) -> Region? {
    guard region.extents.allSatisfy({ !$0.count.mentions(counter) && !($0.clip?.mentions(counter) ?? false) })
    else {
      return nil
    }
    let own = Polynomial(unknown: counter)
    if !reverse {
      return algebra.extended(region, over: Sweep(unknown: counter, count: own), in: 0, .down)
    }
    // Iterations counter + 1 + t for t below count - 1 - counter; t is an unknown that nothing else uses.
    var shifted = region
    let distance = Unknown.max
    shifted.base = region.base.replacing(counter, by: own + 1 + Polynomial(unknown: distance))
    return algebra.extended(shifted, over: Sweep(unknown: distance, count: count - 1 - own), in: 0, .down)
  }

  /// What is in both of two states at the start of an iteration, and whether that is all of the first.
  mutating func common(_ a: WrittenState, _ b: WrittenState) -> (isAll: Bool, WrittenState) {
    var result = b
    guard a.isIntact else { return (true, WrittenState(isIntact: false, lostTo: a.lostTo ?? b.lostTo)) }
    guard b.isIntact else { return (false, b) }
    var isAll = true
    if a.isFull && !b.isFull { isAll = false }
    if !a.isFull, b.isFull { result = a }
    if !a.isFull, !b.isFull {
      result.parts = a.parts.filter { part in
        let isKept = b.parts.contains { $0 == part || algebra.contains($0.region, part.region, in: 0) }
        if !isKept { isAll = false }
        return isKept
      }
    }
    return (isAll, result)
  }

  /// Behind a loop: what its iterations wrote together, for the state `entry` before it; where it may be left early,
  /// not `isWhole`, iterations may be missing.
  mutating func close(
    _ state: inout WrittenState, _ entry: WrittenState, _ count: Polynomial, _ counter: Unknown,
    _ iterations: Polynomial, _ depth: Int, surelyRuns: Bool, isWhole: Bool
  ) {
    let parts = state.parts
    state.parts = parts.filter { $0.depth < depth }
    if state.fullDepth == depth {
      state.fullDepth = surelyRuns ? depth - 1 : (entry.isIntact ? min(entry.fullDepth, depth - 1) : -1)
    }
    for part in parts where isWhole && part.depth == depth && !part.isHistory {
      if part.region.mentions(counter) {
        let sweep = Sweep(unknown: counter, count: iterations)
        // Another loop may count with the same symbol: nothing mentions it behind this one.
        guard let region = algebra.extended(part.region, over: sweep, in: 0, .down), !region.mentions(counter)
        else { continue }
        insert(WrittenState.Part(region: region, depth: depth - 1), into: &state, count)
      } else if surelyRuns {
        insert(WrittenState.Part(region: part.region, depth: depth - 1), into: &state, count)
      }
    }
  }
}
