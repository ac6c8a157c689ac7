import SluiceIR
import SluicePlan

/// Makes one thing in a plan wrong, at a seeded place, and says what must then be so.
///
/// What a checker can know ends at values: a kernel that loads another live element, or computes something else,
/// is another plan that is just as sound. Such changes are made too, because the same change is unsound at other
/// places, but nothing is asked of their results.
struct PlanCorruptor {
  /// What must be so.
  enum Expectation {
    /// The checker rejects the plan.
    case rejected
    /// The checker rejects the plan, or it runs with the results of the original.
    case sameResults
    /// The checker rejects the plan, or it runs without touching what it must not.
    case safe
  }

  /// A plan with one thing changed.
  struct Corruption {
    var plan: ModulePlan
    var kind: String
    var change: String
    var expectation: Expectation
  }

  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

  /// A number below `count`, which is at least 1.
  mutating func below(_ count: Int) -> Int {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return Int(state >> 33) % count
  }

  mutating func pick<Element>(_ elements: [Element]) -> Element? {
    elements.isEmpty ? nil : elements[below(elements.count)]
  }

  /// A way to make something wrong.
  typealias Kind = (
    name: String, change: @Sendable (inout PlanCorruptor, inout ModulePlan) -> (String, Expectation)?
  )

  /// What may be made wrong.
  static let kinds: [Kind] = [
    ("arena offset", { $0.moveBuffer(&$1) }), ("same place", { $0.shareBuffer(&$1) }),
    ("arena size", { $0.shrinkArena(&$1) }), ("capacity", { $0.changeCapacity(&$1) }),
    ("count", { $0.changeCount(&$1) }), ("handles", { $0.breakHandle(&$1) }),
    ("dropped step", { $0.dropStep(&$1) }),
    ("swapped steps", { $0.swapSteps(&$1) }), ("argument", { $0.changeArgument(&$1) }),
    ("offset", { $0.changeOffset(&$1) }),
    ("step loop", { $0.changeStepLoop(&$1) }), ("together", { $0.joinCalls(&$1) }),
    ("control", { $0.changeControl(&$1) }),
    ("checked dims", { $0.dropCheck(&$1) }),
    ("ports", { $0.changePort(&$1) }),
    ("access", { $0.changeAccess(&$1) }), ("loop extent", { $0.changeLoop(&$1) }),
    ("loop kind", { $0.changeKind(&$1) }),
    ("index", { $0.changeIndex(&$1) }), ("constant", { $0.changeConstant(&$1) }),
    ("register", { $0.changeRegister(&$1) }),
    ("instruction", { $0.dropInstruction(&$1) }), ("dtype", { $0.changeDType(&$1) }),
    ("symbols", { $0.dropSymbol(&$1) }),
  ]

  /// A corrupted plan; nil where the kind of corruption that was drawn does not apply.
  mutating func corrupt(_ plan: ModulePlan) -> Corruption? {
    guard !plan.functions.isEmpty, !plan.kernels.isEmpty else { return nil }
    return corrupt(plan, Self.kinds[below(Self.kinds.count)])
  }

  /// A plan that is corrupted in some way; nil where that does not apply.
  mutating func corrupt(_ plan: ModulePlan, _ kind: Kind) -> Corruption? {
    var corrupted = plan
    guard let (text, expectation) = kind.change(&self, &corrupted) else { return nil }
    return Corruption(plan: corrupted, kind: kind.name, change: text, expectation: expectation)
  }

  // MARK: Memory

  private mutating func arenaBuffer(_ function: ExecutionPlan) -> (Int, Int)? {
    pick(
      function.buffers.indices.compactMap { index in
        if case .arena(let offset) = function.buffers[index].storage { (index, offset) } else { nil }
      })
  }

  private mutating func moveBuffer(_ plan: inout ModulePlan) -> (String, Expectation)? {
    let f = below(plan.functions.count)
    guard let (buffer, offset) = arenaBuffer(plan.functions[f]) else { return nil }
    let distance = [-128, -64, -4, 4, 64, 128, 1024, -1024][below(8)]
    plan.functions[f].buffers[buffer].storage = .arena(offset + distance)
    return ("buffer \(buffer) moved by \(distance)", .sameResults)
  }

  private mutating func shareBuffer(_ plan: inout ModulePlan) -> (String, Expectation)? {
    let f = below(plan.functions.count)
    guard let (buffer, _) = arenaBuffer(plan.functions[f]),
      let (other, offset) = arenaBuffer(plan.functions[f]),
      buffer != other
    else { return nil }
    plan.functions[f].buffers[buffer].storage = .arena(offset)
    return ("buffer \(buffer) at the place of \(other)", .sameResults)
  }

  private mutating func shrinkArena(_ plan: inout ModulePlan) -> (String, Expectation)? {
    let f = below(plan.functions.count)
    let change = [-64, -4, -128, 3, 64][below(5)]
    plan.functions[f].arenaBytes += change
    return ("arena by \(change) bytes", .sameResults)
  }

  private mutating func changeCapacity(_ plan: inout ModulePlan) -> (String, Expectation)? {
    let f = below(plan.functions.count)
    guard let buffer = pick(Array(plan.functions[f].buffers.indices)) else { return nil }
    let capacity = plan.functions[f].buffers[buffer].capacity
    let new = [
      capacity - plan.functions[f].buffers[buffer].dtype.byteCount, capacity / 2, capacity + 64, -1, 1 << 40,
    ][below(5)]
    plan.functions[f].buffers[buffer].capacity = new
    return ("capacity of buffer \(buffer): \(capacity) to \(new)", .sameResults)
  }

  private mutating func changeCount(_ plan: inout ModulePlan) -> (String, Expectation)? {
    let f = below(plan.functions.count)
    guard let buffer = pick(Array(plan.functions[f].buffers.indices)) else { return nil }
    guard let dim = otherDim(&plan, plan.functions[f].buffers[buffer].count) else { return nil }
    plan.functions[f].buffers[buffer].count = dim
    return ("count of buffer \(buffer): \(plan.tables.text(dim))", .sameResults)
  }

  /// Another dim near a given one, or one that is used elsewhere.
  mutating func otherDim(_ plan: inout ModulePlan, _ dim: DimID) -> DimID? {
    let one = plan.module.tables.dims.integer(1)
    let result: DimID?
    switch below(5) {
    case 0: result = plan.module.tables.dims.add(dim, one)
    case 1: result = plan.module.tables.dims.subtract(dim, one)
    case 2: result = plan.module.tables.dims.multiply(dim, plan.module.tables.dims.integer(2))
    case 3: result = plan.module.tables.dims.integer(below(9))
    default: result = DimID(below(plan.tables.dims.count))
    }
    return result == dim ? nil : result
  }

  // MARK: Tables and steps

  private mutating func breakHandle(_ plan: inout ModulePlan) -> (String, Expectation)? {
    let f = below(plan.functions.count)
    let calls = plan.functions[f].steps.indices.filter {
      if case .call = plan.functions[f].steps[$0] { true } else { false }
    }
    guard let step = pick(calls), case .call(let kernel, var arguments) = plan.functions[f].steps[step],
      !arguments.isEmpty
    else { return nil }
    let slot = below(arguments.count)
    switch below(6) {
    case 0: plan.functions[f].steps[step] = .call(KernelID(plan.kernels.count), arguments)
    case 1: plan.functions[f].steps[step] = .call(kernel, Array(arguments.dropLast()))
    case 2:
      arguments[slot].buffer = BufferID(plan.functions[f].buffers.count)
      plan.functions[f].steps[step] = .call(kernel, arguments)
    case 3:
      arguments[slot].offset = .none
      plan.functions[f].steps[step] = .call(kernel, arguments)
    case 4: plan.functions[f].steps.insert(.end, at: step)
    default: plan.functions[f].lowerBoundBytes = plan.functions[f].arenaBytes + 1
    }
    return ("handles of step \(step)", .rejected)
  }

  /// The places that a step loads from and stores to, by what kernels say they do.
  private func effects(_ plan: ModulePlan, _ f: Int, _ step: Int) -> (
    loads: Set<Buffer.Storage>, stores: Set<Buffer.Storage>
  ) {
    guard case .call(let kernel, let arguments) = plan.functions[f].steps[step] else { return ([], []) }
    var (loads, stores): (Set<Buffer.Storage>, Set<Buffer.Storage>) = ([], [])
    for instruction in plan.kernels[kernel.index].instructions {
      switch instruction {
      case .load(_, .slot(let slot), _): loads.insert(key(plan.functions[f], arguments[slot].buffer.index))
      case .store(.slot(let slot), _, _): stores.insert(key(plan.functions[f], arguments[slot].buffer.index))
      default: break
      }
    }
    return (loads, stores)
  }

  /// A place: where a buffer is, and for buffers in the arena, which it is.
  private func key(_ function: ExecutionPlan, _ buffer: Int) -> Buffer.Storage {
    if case .arena = function.buffers[buffer].storage {
      .arena(-1 - buffer)
    } else {
      function.buffers[buffer].storage
    }
  }

  /// Whether only this step stores to a place, so that its elements are missing without it.
  private func isOnly(_ place: Buffer.Storage, _ plan: ModulePlan, _ f: Int, _ step: Int) -> Bool {
    if case .state = place { return false }
    return plan.functions[f].steps.indices.allSatisfy {
      $0 == step || !effects(plan, f, $0).stores.contains(place)
    }
  }

  private mutating func dropStep(_ plan: inout ModulePlan) -> (String, Expectation)? {
    let f = below(plan.functions.count)
    guard let step = pick(Array(plan.functions[f].steps.indices)), case .call = plan.functions[f].steps[step]
    else { return nil }
    let isNeeded = effects(plan, f, step).stores.allSatisfy { isOnly($0, plan, f, step) }
    plan.functions[f].steps.remove(at: step)
    return ("step \(step) dropped", isNeeded ? .sameResults : .safe)
  }

  private mutating func swapSteps(_ plan: inout ModulePlan) -> (String, Expectation)? {
    let f = below(plan.functions.count)
    let pairs = plan.functions[f].steps.indices.dropLast().filter { at in
      if case .call = plan.functions[f].steps[at], case .call = plan.functions[f].steps[at + 1] {
        true
      } else {
        false
      }
    }
    guard let at = pick(pairs) else { return nil }
    let (first, second) = (effects(plan, f, at), effects(plan, f, at + 1))
    // Loading before and after the same place is stored are two sound plans.
    let isSeen =
      first.loads.isDisjoint(with: second.stores) && first.stores.isDisjoint(with: second.stores)
      && first.stores.intersection(second.loads).allSatisfy { isOnly($0, plan, f, at) }
    plan.functions[f].steps.swapAt(at, at + 1)
    return ("steps \(at) and \(at + 1) swapped", isSeen ? .sameResults : .safe)
  }

  private mutating func call(_ plan: ModulePlan) -> (
    f: Int, step: Int, kernel: KernelID, arguments: [Argument]
  )? {
    let f = below(plan.functions.count)
    guard let step = pick(Array(plan.functions[f].steps.indices)),
      case .call(let kernel, let arguments) = plan.functions[f].steps[step], !arguments.isEmpty
    else { return nil }
    return (f, step, kernel, arguments)
  }

  private mutating func changeArgument(_ plan: inout ModulePlan) -> (String, Expectation)? {
    guard let (f, step, kernel, given) = call(plan) else { return nil }
    var arguments = given
    let slot = below(arguments.count)
    arguments[slot].buffer = BufferID(below(plan.functions[f].buffers.count))
    plan.functions[f].steps[step] = .call(kernel, arguments)
    return ("step \(step), slot \(slot): buffer \(arguments[slot].buffer.raw)", .safe)
  }

  private mutating func changeOffset(_ plan: inout ModulePlan) -> (String, Expectation)? {
    guard let (f, step, kernel, given) = call(plan) else { return nil }
    var arguments = given
    let slot = below(arguments.count)
    guard let offset = otherDim(&plan, arguments[slot].offset) else { return nil }
    arguments[slot].offset = offset
    plan.functions[f].steps[step] = .call(kernel, arguments)
    return ("step \(step), slot \(slot): offset \(plan.tables.text(offset))", .safe)
  }

  private mutating func changeStepLoop(_ plan: inout ModulePlan) -> (String, Expectation)? {
    let f = below(plan.functions.count)
    guard let step = pick(Array(plan.functions[f].steps.indices)),
      case .loop(let counter, let count, let reverse) = plan.functions[f].steps[step]
    else { return nil }
    switch below(3) {
    case 0:
      guard let count = otherDim(&plan, count) else { return nil }
      plan.functions[f].steps[step] = .loop(counter: counter, count: count, reverse: reverse)
      return ("step \(step): count \(plan.tables.text(count))", .safe)
    case 1:
      plan.functions[f].steps[step] = .loop(counter: counter, count: count, reverse: !reverse)
      return ("step \(step): direction", .safe)
    default:
      let other = SymbolID(below(plan.tables.dims.symbols.count + 1))
      if other == counter { return nil }
      plan.functions[f].steps[step] = .loop(counter: other, count: count, reverse: reverse)
      return ("step \(step): counter \(other.raw)", .safe)
    }
  }

  private mutating func dropCheck(_ plan: inout ModulePlan) -> (String, Expectation)? {
    let f = below(plan.functions.count)
    guard !plan.functions[f].checkedDims.isEmpty else { return nil }
    plan.functions[f].checkedDims.removeLast()
    return ("a checked dim dropped", .safe)
  }

  private mutating func changePort(_ plan: inout ModulePlan) -> (String, Expectation)? {
    let f = below(plan.functions.count)
    guard let buffer = pick(Array(plan.functions[f].buffers.indices)) else { return nil }
    switch plan.functions[f].buffers[buffer].storage {
    case .arena: return nil
    case .input: plan.functions[f].buffers[buffer].storage = .input(plan.functions[f].inputs.count)
    case .output: plan.functions[f].buffers[buffer].storage = .output(plan.functions[f].outputs.count)
    case .parameter: plan.functions[f].buffers[buffer].storage = .parameter(plan.parameters.count)
    case .state: plan.functions[f].buffers[buffer].storage = .state(-1)
    case .constant: plan.functions[f].buffers[buffer].storage = .constant(.none)
    }
    return ("buffer \(buffer): storage out of range", .rejected)
  }
}
