import SluiceIR

/// What a call does, as far as it does not depend on which buffers it is for: kernel, offsets, counts.
///
/// Plans call few kernels with few combinations of offsets and counts, so this is worked out once for each.
struct CallShape {
  /// What identifies it: where it is called, the kernel, and offset and count of every argument.
  struct Key: Hashable {
    var environment: Int
    var kernel: Int
    var dims: [DimID]
  }

  /// A slot that is stored to.
  struct Store {
    var slot: Int
    /// Whether every element of the buffer is surely written.
    var isFull: Bool
    /// What is surely written, in elements of the buffer.
    var regions: [Region]
  }

  /// Two slots as far as they may share memory.
  struct Pair: Hashable {
    var slot: Int
    var store: Int
  }

  /// What is wrong: a slot, or -1, and a message.
  var problems: [(slot: Int, message: String)] = []
  /// The slots that are loaded from before the kernel has stored there itself, and those loads.
  var loads: [(slot: Int, accesses: [Int])] = []
  var stores: [Store] = []
  /// What loads touch, in elements of the buffer; by access.
  var touched: [Region?] = []
  /// Whether pairs may share memory in place.
  var inPlace: [Pair: Bool] = [:]
  /// Whether pairs in the same buffer are apart.
  var apart: [Pair: Bool] = [:]
}

/// Works out the shapes of a function's calls.
struct CallShaper {
  private struct SummaryKey: Hashable {
    var environment: Int
    var kernel: Int
  }

  private let context: CheckContext
  private let function: ExecutionPlan
  private var summaries: [SummaryKey: KernelSummary] = [:]
  private var indices: [CallShape.Key: Int] = [:]
  private(set) var shapes: [CallShape] = []

  init(_ context: CheckContext, _ function: ExecutionPlan) {
    self.context = context
    self.function = function
  }

  /// The index of the shape of a call, whose kernel has a model and as many slots as there are arguments.
  mutating func shape(
    _ kernel: Int, _ model: KernelModel, _ arguments: [Argument], _ environment: Environment, _ number: Int
  ) -> Int {
    var dims: [DimID] = []
    dims.reserveCapacity(2 * arguments.count)
    for argument in arguments {
      dims.append(argument.offset)
      dims.append(function.buffers[argument.buffer.index].count)
    }
    let key = CallShape.Key(environment: number, kernel: kernel, dims: dims)
    if let known = indices[key] { return known }
    indices[key] = shapes.count
    shapes.append(make(key, model, environment))
    return shapes.count - 1
  }

  private mutating func summary(_ key: CallShape.Key, _ model: KernelModel, _ environment: Environment)
    -> KernelSummary
  {
    let summaryKey = SummaryKey(environment: key.environment, kernel: key.kernel)
    if let known = summaries[summaryKey] { return known }
    let summary = KernelSummarizer(context.space, model, environment).summarize()
    summaries[summaryKey] = summary
    return summary
  }

  private mutating func make(_ key: CallShape.Key, _ model: KernelModel, _ environment: Environment)
    -> CallShape
  {
    var shape = CallShape()
    let kernel = context.plan.kernels[key.kernel]
    let offsets = kernel.slots.indices.map { context.space[key.dims[2 * $0]] }
    let counts = kernel.slots.indices.map { context.space[key.dims[2 * $0 + 1]] }
    checkSymbols(key, kernel, environment, &shape)
    var prover = Prover(context.space, model, environment)
    for slot in kernel.slots.indices {
      checkOffset(slot, offsets[slot], counts[slot], environment, &shape)
      checkBounds(slot, kernel, model, offsets[slot], counts[slot], &prover, &shape)
    }
    let summary = summary(key, model, environment)
    shape.touched = model.accesses.indices.map {
      let memory = model.accesses[$0].memory
      return memory < offsets.count ? summary.touched[$0]?.moved(by: offsets[memory]) : nil
    }
    for slot in kernel.slots.indices {
      let accesses = model.accessesOfMemory[slot].filter {
        !model.accesses[$0].isStore && !summary.isCovered[$0]
      }
      if !accesses.isEmpty { shape.loads.append((slot, accesses)) }
      guard model.isStored[slot] else { continue }
      let regions = summary.written[slot].map { $0.moved(by: offsets[slot]) }
      let isFull = regions.contains { $0.isWhole(counts[slot], &prover) }
      shape.stores.append(CallShape.Store(slot: slot, isFull: isFull, regions: regions))
    }
    return shape
  }

  private func checkSymbols(
    _ key: CallShape.Key, _ kernel: Kernel, _ environment: Environment, _ shape: inout CallShape
  ) {
    let counters = environment.counters.map { SymbolSpace.symbol($0.unknown) }
    func isKnown(_ symbol: SymbolID) -> Bool {
      function.symbols.contains(symbol) || counters.contains(symbol)
    }
    for symbol in kernel.symbols where !isKnown(symbol) {
      shape.problems.append(
        (
          -1,
          "the kernel needs the symbol `\(PlanPrinter.text(symbol, context.tables))`, which has no value here"
        ))
    }
    for slot in kernel.slots.indices {
      for symbol in context.tables.dims.symbols(in: key.dims[2 * slot]) where !isKnown(symbol) {
        let name = PlanPrinter.text(symbol, context.tables)
        shape.problems.append((slot, "the offset mentions the symbol `\(name)`, which has no value here"))
      }
      if context.space.magnitude(context.space[key.dims[2 * slot]]) == nil {
        shape.problems.append((slot, "the offset may not fit 64 bits"))
      }
    }
  }

  /// Shows that the argument begins in its buffer, or at its end; a buffer without elements has no inside, and
  /// nothing is loaded from it.
  private func checkOffset(
    _ slot: Int, _ offset: Polynomial, _ count: Polynomial, _ environment: Environment,
    _ shape: inout CallShape
  ) {
    if offset.isZero { return }
    let rest = count - offset
    if offset.leading == 0, rest.leading == 0, offset.hasOnlyPositiveTerms, rest.hasOnlyPositiveTerms {
      return context.noteProof(2)
    }
    var filled = environment
    filled.facts.append(count - 1)
    var prover = Prover(context.space, KernelModel(), filled)
    if !context.accepts(offset, in: 0, &prover) {
      shape.problems.append((slot, "the offset \(context.text(offset)) may be negative"))
    }
    if !context.accepts(rest, in: 0, &prover) {
      shape.problems.append(
        (slot, "the offset \(context.text(offset)) may lie behind the end, at \(context.text(count))"))
    }
  }

  /// Shows that every access is inside its buffer.
  private func checkBounds(
    _ slot: Int, _ kernel: Kernel, _ model: KernelModel, _ offset: Polynomial, _ count: Polynomial,
    _ prover: inout Prover, _ shape: inout CallShape
  ) {
    for message in context.outside(slot, kernel, model, offset, count, "the buffer", &prover).map(\.message) {
      shape.problems.append((slot, message))
    }
  }

  // MARK: Slots that share memory

  /// Whether the call may store slot `store` in the memory that it loads as slot `slot`.
  mutating func allowsInPlace(
    _ shape: Int, _ pair: CallShape.Pair, _ model: KernelModel, _ environment: Environment
  ) -> Bool {
    if let known = shapes[shape].inPlace[pair] { return known }
    var independence = Independence(context.space, model, environment)
    let result = independence.allowsInPlace(load: pair.slot, store: pair.store)
    shapes[shape].inPlace[pair] = result
    return result
  }

  /// Whether two slots of the same buffer touch different elements of it.
  mutating func areApart(
    _ shape: Int, _ pair: CallShape.Pair, _ model: KernelModel, _ environment: Environment
  ) -> Bool {
    if let known = shapes[shape].apart[pair] { return known }
    var prover = Prover(context.space, model, environment)
    let touched = shapes[shape].touched
    let result = model.accessesOfMemory[pair.slot].allSatisfy { first in
      model.accessesOfMemory[pair.store].allSatisfy { second in
        guard let a = touched[first], let b = touched[second] else { return false }
        return a.isApart(from: b, &prover)
      }
    }
    shapes[shape].apart[pair] = result
    return result
  }
}

extension Region {
  /// Whether it surely contains all elements of a buffer.
  func isWhole(_ count: Polynomial, _ prover: inout Prover) -> Bool {
    guard isRun, guards.isEmpty, prover.holds(-base, in: 0) else { return false }
    for end in [extents[0].count, extents[0].clip].compactMap({ $0 })
    where !prover.holds(base + end - count, in: 0, .boxes) { return false }
    return true
  }

  /// Whether it surely lies before or behind another one.
  func isApart(from other: Region, _ prover: inout Prover) -> Bool {
    for extent in extents + other.extents where !prover.holds(extent.stride, in: 0) { return false }
    return prover.holds(other.base - last - 1, in: 0, .boxes)
      || prover.holds(base - other.last - 1, in: 0, .boxes)
  }
}
