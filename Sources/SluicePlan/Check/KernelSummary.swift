import SluiceIR

/// What a kernel surely writes and perhaps touches, as regions in the elements of its slots.
struct KernelSummary: Sendable {
  /// What is surely written when the kernel has run, by memory.
  var written: [[Region]]
  /// By access: whether the kernel itself has surely stored every element that the load may read.
  var isCovered: [Bool]
  /// By access: everything it may touch; nil where that is no region.
  var touched: [Region?]
}

/// Runs through a kernel once, with the regions stored so far: makes a `KernelSummary`.
///
/// Inside a loop, what was stored before the loop and earlier in the same iteration counts; what earlier
/// iterations stored does not, and locals are used in one life only. Stores in an `if` count where the condition
/// surely holds, or where the opposite condition leads to the same stores right before or after.
struct KernelSummarizer {
  private struct Entry {
    var region: Region
    var depth: Int
  }

  private let model: KernelModel
  private var algebra: RegionAlgebra
  private var entries: [[Entry]]
  private var scope = 0
  private var depth = 0

  init(_ space: SymbolSpace, _ model: KernelModel, _ environment: Environment) {
    self.model = model
    algebra = RegionAlgebra(Prover(space, model, environment))
    entries = model.accessesOfMemory.map { _ in [] }
  }

  consuming func summarize() -> KernelSummary {
    var summary = KernelSummary(
      written: [], isCovered: model.accesses.map { _ in false }, touched: model.accesses.map { _ in nil })
    for event in model.events {
      switch event {
      case .enter(let inner):
        scope = inner
        depth += 1
      case .leave: leave()
      case .access(let number):
        let access = model.accesses[number]
        if access.isStore {
          insert(Region(element: access.index), into: access.memory)
        } else if model.isStored[access.memory] {
          summary.isCovered[number] = isCovered(access)
        }
      }
    }
    // Where the kernel's own values say which elements, nothing is sure outside of it.
    summary.written = entries.map { $0.map(\.region).filter { $0.guards.isEmpty && !$0.mentionsLocals } }
    for number in model.accesses.indices {
      summary.touched[number] = algebra.touched(model, number, within: 0)
    }
    return summary
  }

  private mutating func leave() {
    let inner = model.scopes[scope]
    let outer = inner.parent
    for memory in entries.indices {
      let closed = entries[memory].filter { $0.depth == depth }
      if closed.isEmpty { continue }
      entries[memory].removeAll { $0.depth == depth }
      for entry in closed {
        var region: Region? = entry.region
        if inner.loop >= 0 {
          let loop = model.loops[inner.loop]
          let sweep = Sweep(unknown: loop.unknown, count: loop.count, clip: loop.clip, step: loop.step)
          region = algebra.extended(entry.region, over: sweep, in: outer, .down)
        } else if let guards = inner.guards {
          let open = guards.filter { !algebra.prover.holds($0, in: outer) }
          region?.guards += open
          region?.guards.sort { $0.precedes($1) }
        } else {
          region = nil
        }
        if let region { insert(region, into: memory, depth: depth - 1, in: outer) }
      }
    }
    depth -= 1
    scope = outer
  }

  private mutating func insert(_ region: Region, into memory: Int) {
    insert(region, into: memory, depth: depth, in: scope)
  }

  private mutating func insert(_ region: Region, into memory: Int, depth: Int, in scope: Int) {
    var region = region
    // What a region joins may lie anywhere in the list; what it became may join others.
    search: while true {
      for (position, entry) in entries[memory].enumerated().reversed() where entry.depth == depth {
        guard let union = algebra.union(entry.region, region, in: scope) else { continue }
        entries[memory].remove(at: position)
        region = union
        if union == entry.region { break search }
        continue search
      }
      break
    }
    entries[memory].append(Entry(region: region, depth: depth))
  }

  /// Whether all that a load may read has been stored by the kernel before.
  private mutating func isCovered(_ access: KernelModel.Access) -> Bool {
    var region: Region? = Region(element: access.index)
    for entry in entries[access.memory].reversed() where entry.region.guards.isEmpty && entry.region.isRun {
      let (base, run) = (entry.region.base, entry.region.extents[0])
      if algebra.prover.holds(access.index - base, in: scope),
        [run.count, run.clip].allSatisfy({ end in
          end.map { algebra.prover.holds(base + $0 - 1 - access.index, in: scope) } ?? true
        })
      {
        return true
      }
    }
    // Over more and more of the enclosing loops: the shape of what was stored may fit one of them.
    var at = scope
    while at >= 0, let current = region {
      for entry in entries[access.memory].reversed()
      where algebra.contains(entry.region, current, in: at) { return true }
      if model.scopes[at].loop >= 0 {
        let loop = model.loops[model.scopes[at].loop]
        let sweep = Sweep(unknown: loop.unknown, count: loop.count, clip: loop.clip, step: loop.step)
        region = algebra.extended(current, over: sweep, in: model.scopes[at].parent, .up)
      }
      at = model.scopes[at].parent
    }
    return false
  }
}

extension Region {
  /// Whether anything in it but its conditions depends on values of the kernel.
  var mentionsLocals: Bool {
    base.mentionsLocals
      || extents.contains {
        $0.stride.mentionsLocals || $0.count.mentionsLocals || $0.clip?.mentionsLocals ?? false
      }
  }
}

extension RegionAlgebra {
  /// Everything that an access may touch in one iteration of the loops around `outer`, which is 0 for the kernel.
  mutating func touched(_ model: KernelModel, _ number: Int, within outer: Int) -> Region? {
    let access = model.accesses[number]
    var region: Region? = Region(element: access.index)
    var at = access.scope
    while at > outer, let current = region {
      let parent = model.scopes[at].parent
      if model.scopes[at].loop >= 0 {
        let loop = model.loops[model.scopes[at].loop]
        let sweep = Sweep(unknown: loop.unknown, count: loop.count, clip: loop.clip, step: loop.step)
        region = extended(current, over: sweep, in: parent, .up)
      }
      at = parent
    }
    // Values that come from data remain: what is touched is no region.
    if let region, outer == 0, region.mentionsLocals { return nil }
    return region
  }
}
