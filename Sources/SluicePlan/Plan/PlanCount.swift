// Counts what a plan does: kernel calls, and the bytes that the kernels move. Nothing is run for it.

package import SluiceIR

/// What one call of a function does, counted from its plan at given sizes.
///
/// Kernel calls: every call of a kernel, those in loops as often as the loop turns; of the two sides of a branch the
/// one with more calls; a loop that is left by a condition counts as one turn. Calls of one kernel that run together
/// are one: they share a table of arguments.
///
/// Bytes: what every call of a kernel loads and what it stores, each element once however often the kernel comes back
/// to it, and no more elements than its buffer has. So a kernel that reads 1 MB and writes 1 MB moves 2 MB, and what
/// stays inside of a kernel moves nothing. Where loops depend on others, their mean length counts.
package struct PlanCount {
  /// Kernel calls; `Int.max` where they are more.
  package private(set) var calls = 0
  /// Different kernels that are called.
  package private(set) var kernels = 0
  /// Bytes loaded and stored by kernels.
  package private(set) var bytes = 0.0
  /// Per kernel of the plan its calls and their bytes; of a branch both sides count.
  package private(set) var parts: [(calls: Double, bytes: Double)]

  private let plan: ModulePlan
  private let function: ExecutionPlan
  private let sizes: [SymbolID: Int64]
  private var traffic: [KernelID: KernelTraffic] = [:]

  /// Counts a function of a plan; symbols that `sizes` leaves out have their bounds.
  package init(_ plan: ModulePlan, _ function: ExecutionPlan, _ sizes: [SymbolID: Int64] = [:]) {
    (self.plan, self.function) = (plan, function)
    let bounds = function.symbols.map { ($0, plan.tables.dims.symbols[$0.index].bound) }
    self.sizes = sizes.merging(bounds) { size, _ in size }
    parts = [(calls: Double, bytes: Double)](repeating: (0, 0), count: plan.kernels.count)
    var position = 0
    (calls, bytes) = block(&position, turns: 1)
    kernels = traffic.count
  }

  /// The steps up to the `end` or `otherwise` of this block, which is passed and runs so many times.
  private mutating func block(_ position: inout Int, turns: Double) -> (calls: Int, bytes: Double) {
    var (calls, bytes) = (0, 0.0)
    while position < function.steps.count {
      let step = function.steps[position]
      position += 1
      switch step {
      case .call(let kernel, let arguments):
        calls = Self.sum(calls, 1)
        bytes += call(kernel, arguments, turns, isFirst: true)
      case .loop(_, let count, _):
        let count = Swift.max(value(count), 0)
        let inside = block(&position, turns: turns * Double(count))
        let (all, isTooMany) = inside.calls.multipliedReportingOverflow(by: count)
        calls = Self.sum(calls, isTooMany ? .max : all)
        bytes += inside.bytes * Double(count)
      case .together:
        var called: Set<KernelID> = []
        while position < function.steps.count,
          case .call(let kernel, let arguments) = function.steps[position]
        {
          position += 1
          bytes += call(kernel, arguments, turns, isFirst: called.insert(kernel).inserted)
        }
        position += 1
        calls = Self.sum(calls, called.count)
      case .forever:
        let inside = block(&position, turns: turns)
        calls = Self.sum(calls, inside.calls)
        bytes += inside.bytes
      case .branch:
        var sides = [block(&position, turns: turns)]
        if case .otherwise = function.steps[position - 1] { sides.append(block(&position, turns: turns)) }
        let larger = sides.max { ($0.calls, $0.bytes) < ($1.calls, $1.bytes) }
        calls = Self.sum(calls, larger?.calls ?? 0)
        bytes += larger?.bytes ?? 0
      case .leave: break
      case .otherwise, .end: return (calls, bytes)
      }
    }
    return (calls, bytes)
  }

  private static func sum(_ a: Int, _ b: Int) -> Int {
    let (sum, isTooMany) = a.addingReportingOverflow(b)
    return isTooMany ? .max : sum
  }

  /// The bytes of a call, which are noted with its kernel; the first one of several together counts as a call.
  private mutating func call(
    _ kernel: KernelID, _ arguments: [Argument], _ turns: Double, isFirst: Bool
  ) -> Double {
    let moved = work(kernel, arguments).bytes
    if isFirst { parts[kernel.index].calls += turns }
    parts[kernel.index].bytes += turns * moved
    return moved
  }

  /// The bytes that a call moves, and its fused multiply-adds as two operations each.
  package mutating func work(
    _ kernel: KernelID, _ arguments: [Argument]
  ) -> (bytes: Double, flops: Double) {
    let counted = traffic[kernel] ?? KernelTraffic(plan.kernels[kernel.index], plan.tables.dims, sizes)
    traffic[kernel] = counted
    var bytes = 0.0
    for (slot, argument) in zip(counted.slots, arguments) {
      let buffer = function.buffers[argument.buffer.index]
      let most = Double(value(buffer.count))
      bytes += (Swift.min(slot.loaded, most) + Swift.min(slot.stored, most)) * Double(buffer.dtype.byteCount)
    }
    return (bytes, counted.flops)
  }

  private func value(_ dim: DimID) -> Int { Int(plan.tables.dims.evaluate(dim) { sizes[$0] ?? 0 } ?? 0) }
}

/// How many elements of each tensor one call of a kernel touches.
private struct KernelTraffic {
  /// The elements of one tensor.
  struct Slot {
    var loaded = 0.0
    var stored = 0.0
  }

  /// One a slot.
  private(set) var slots: [Slot]
  /// Two for every fused multiply-add.
  private(set) var flops = 0.0

  /// An access: two with the same look reach the same elements.
  private struct Look: Hashable {
    var slot: Int
    var isStore: Bool
    var constant: DimID
    /// The coefficient of every register, and over how many values it runs.
    var terms: [Affine.Term]
    var lengths: [Double]
  }

  /// Per register the loops that its value depends on, as bits of `Set`s of loop numbers.
  private var loopsOf: [Set<Int>]
  /// Per register its value in the middle of its loops, for bounds that depend on it.
  private var middles: [Double]
  private var lengths: [Double] = []
  private let dims: DimTable
  private let sizes: [SymbolID: Int64]

  init(_ kernel: Kernel, _ dims: DimTable, _ sizes: [SymbolID: Int64]) {
    (self.dims, self.sizes) = (dims, sizes)
    slots = [Slot](repeating: Slot(), count: kernel.slots.count)
    loopsOf = [Set<Int>](repeating: [], count: kernel.registers.count)
    middles = [Double](repeating: 0, count: kernel.registers.count)
    var looks: Set<Look> = []
    /// The numbers of the loops around, and -1 for an `if`.
    var around: [Int] = []
    for instruction in kernel.instructions {
      switch instruction {
      case .scalar(let scalar):
        loopsOf[scalar.result] = loops(scalar.operands)
        if scalar.op == .fma { flops += 2 * around.reduce(1) { $1 < 0 ? $0 : $0 * lengths[$1] } }
      case .index(let result, let affine):
        loopsOf[result] = loops(affine.terms.map(\.register))
        middles[result] = middle(affine)
      case .load(let result, .slot(let slot), let index):
        loopsOf[result] = touch(slot, index, isStore: false, &looks)
      case .load(let result, .local, let index): loopsOf[result] = loops(index.terms.map(\.register))
      case .store(.slot(let slot), let index, _): touch(slot, index, isStore: true, &looks)
      // Memory of the kernel's own is no traffic.
      case .store(.local, _, _), .local: break
      // A variable changes with every turn of the loops around.
      case .assign(let result, let value):
        loopsOf[result].formUnion(loopsOf[value].union(around.filter { $0 >= 0 }))
      case .accumulate(let accumulator, _, let value): loopsOf[accumulator].formUnion(loopsOf[value])
      case .loop(let loop):
        let (first, last) = (
          middle(loop.start), Swift.min(middle(loop.end), loop.limit.map(middle) ?? .infinity)
        )
        lengths.append(Swift.max((last - first) / Double(loop.step), 0).rounded(.up))
        middles[loop.index] = (first + last - 1) / 2
        loopsOf[loop.index] = loops(loop.start.terms.map(\.register)).union([lengths.count - 1])
        around.append(lengths.count - 1)
      case .if: around.append(-1)
      case .end: around.removeLast()
      }
    }
  }

  @discardableResult
  private mutating func touch(_ slot: Int, _ index: Affine, isStore: Bool, _ looks: inout Set<Look>) -> Set<
    Int
  > {
    let loops = loops(index.terms.map(\.register))
    var look = Look(slot: slot, isStore: isStore, constant: index.constant, terms: [], lengths: [])
    for term in index.terms {
      // Which register it is does not matter, only over what it runs.
      look.terms.append(Affine.Term(term.coefficient, 0))
      look.lengths.append(length(loopsOf[term.register]))
    }
    guard looks.insert(look).inserted else { return loops }
    if isStore { slots[slot].stored += length(loops) } else { slots[slot].loaded += length(loops) }
    return loops
  }

  private func length(_ loops: Set<Int>) -> Double { loops.reduce(1) { $0 * lengths[$1] } }

  private func loops(_ registers: [Register]) -> Set<Int> {
    registers.reduce(into: []) { $0.formUnion(loopsOf[$1]) }
  }

  private func middle(_ affine: Affine) -> Double {
    affine.terms.reduce(number(affine.constant)) { $0 + number($1.coefficient) * middles[$1.register] }
  }

  private func number(_ dim: DimID) -> Double { Double(dims.evaluate(dim) { sizes[$0] ?? 0 } ?? 0) }
}
