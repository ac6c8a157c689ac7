import SluiceIR

/// Shows that the order of accesses to the same memory does not matter: between the iterations of a loop that may
/// run in any order, and between two slots of a call that share memory.
struct Independence {
  private let model: KernelModel
  private var algebra: RegionAlgebra

  init(_ space: SymbolSpace, _ model: KernelModel, _ environment: Environment) {
    self.model = model
    algebra = RegionAlgebra(Prover(space, model, environment))
  }

  // MARK: Loops

  /// The memories whose elements two iterations of an unordered loop may touch, one of them storing: by loop.
  ///
  /// A local that begins inside the loop is another one in every iteration.
  mutating func conflicts() -> [(loop: Int, memory: Int)] {
    var result: [(loop: Int, memory: Int)] = []
    for (number, loop) in model.loops.enumerated() where loop.isUnordered {
      let outer = model.scopes[loop.scope].parent
      if algebra.prover.holds(Polynomial(loop.step) - loop.count, in: outer) { continue }
      for (memory, accesses) in model.accessesOfMemory.enumerated() where model.isStored[memory] {
        if model.scope(model.lives[memory], isInside: loop.scope) { continue }
        // What stands before loops that threads share is repeated by each of them.
        let inside = accesses.filter {
          loop.isShared || model.scope(model.accesses[$0].scope, isInside: loop.scope)
        }
        guard inside.contains(where: { model.accesses[$0].isStore }) else { continue }
        if !areSlabs(inside, loop) && !areDisjoint(inside, loop) { result.append((number, memory)) }
      }
    }
    return result
  }

  /// Whether every iteration keeps to a slab of consecutive elements of its own: index = stride * i + rest, with
  /// the rest between bounds that are less than the stride apart.
  private mutating func areSlabs(_ accesses: [Int], _ loop: KernelModel.Repetition) -> Bool {
    var stride: Polynomial?
    var rests: [(rest: Polynomial, scope: Int)] = []
    var starts: [Polynomial] = []
    for number in accesses {
      let access = model.accesses[number]
      guard let (coefficient, rest) = access.index.split(by: loop.unknown),
        coefficient == stride ?? coefficient
      else { return false }
      stride = coefficient
      rests.append((rest, access.scope))
      // The slab begins where one of the accesses begins when all inner indices are 0.
      var start = rest
      for unknown in rest.unknowns where unknown > loop.unknown {
        start = start.replacing(unknown, by: .zero)
      }
      if starts.count < 4, !starts.contains(start) { starts.append(start) }
    }
    guard let width = stride?.scaled(by: loop.step) else { return true }
    for start in starts {
      let fits = rests.allSatisfy { rest, scope in
        algebra.prover.holds(rest - start, in: scope)
          && algebra.prover.holds(width - 1 - (rest - start), in: scope)
      }
      if fits { return true }
    }
    return false
  }

  /// Whether all accesses touch elements of one region in an iteration, and that is another one in every other.
  private mutating func areDisjoint(_ accesses: [Int], _ loop: KernelModel.Repetition) -> Bool {
    var shared: Region?
    for number in accesses {
      guard var region = algebra.touched(model, number, within: loop.scope) else { return false }
      region.guards = []
      if let known = shared, algebra.contains(known, region, in: loop.scope) { continue }
      if let known = shared, !algebra.contains(region, known, in: loop.scope) { return false }
      shared = region
    }
    guard var region = shared else { return false }
    let outer = model.scopes[loop.scope].parent
    // Within one iteration elements may be touched again; only the iterations must differ.
    region.repeats = false
    let sweep = Sweep(unknown: loop.unknown, count: loop.count, clip: loop.clip, step: loop.step)
    guard let whole = algebra.extended(region, over: sweep, in: outer, .up), !whole.repeats else {
      return false
    }
    // There is something to show only where the loop runs.
    return algebra.isInjective(whole.extents, in: loop.scope)
  }

  // MARK: Slots that share memory

  /// Whether the kernel may store slot `store` at the elements that it loads as slot `load`: every load of an
  /// element comes before its store, for any order of unordered iterations.
  ///
  /// That is shown where one slot is only loaded, the other only stored, and for each load and store the loads
  /// come first in the body of the innermost loop they share, both touch the same elements in one iteration of
  /// it, and different iterations touch different ones.
  mutating func allowsInPlace(load: Int, store: Int) -> Bool {
    guard load != store, !model.isStored[load], !model.isLoaded[store] else { return false }
    for first in model.accessesOfMemory[load] {
      for second in model.accessesOfMemory[store] where !comesFirst(first, second) { return false }
    }
    return true
  }

  private mutating func comesFirst(_ load: Int, _ store: Int) -> Bool {
    guard model.accesses[load].instruction < model.accesses[store].instruction else { return false }
    let common = commonLoop(model.accesses[load].scope, model.accesses[store].scope)
    if common == 0 {
      // One thread may load when another one has stored already, unless there is one iteration.
      return model.loops(around: model.accesses[store].scope).allSatisfy { number in
        let loop = model.loops[number]
        return !loop.isShared || algebra.prover.holds(Polynomial(loop.step) - loop.count, in: 0)
      }
    }
    guard let reads = algebra.touched(model, load, within: common),
      let writes = algebra.touched(model, store, within: common), reads.base == writes.base,
      reads.extents == writes.extents
    else { return false }
    var region = writes
    region.repeats = false
    var at = common
    while at > 0 {
      let outer = model.scopes[at].parent
      if model.scopes[at].loop >= 0 {
        let loop = model.loops[model.scopes[at].loop]
        let sweep = Sweep(unknown: loop.unknown, count: loop.count, clip: loop.clip, step: loop.step)
        guard let next = algebra.extended(region, over: sweep, in: outer, .up), !next.repeats else {
          return false
        }
        region = next
      }
      at = outer
    }
    return algebra.isInjective(region.extents, in: model.accesses[store].scope)
  }

  /// The scope of the innermost loop that encloses two scopes; 0 for none.
  private func commonLoop(_ a: Int, _ b: Int) -> Int {
    var at = a
    while at > 0, !model.scope(b, isInside: at) || model.scopes[at].loop < 0 { at = model.scopes[at].parent }
    return at
  }
}
