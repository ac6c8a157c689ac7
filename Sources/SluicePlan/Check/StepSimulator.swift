import SluiceIR

/// Runs through the steps of a function with what every buffer holds: whose bytes they are, what is written.
///
/// A store makes a buffer the owner of its bytes, all of its capacity; a load needs a buffer that still owns them
/// and in which everything that may be loaded has been written. Buffers of one state (output, ...) are one place.
///
/// A loop is run through in its first iteration and in any later one, which begins with what the one before left
/// and with the parts that all earlier iterations wrote. Should the later one end with less than it began with,
/// it is run through again from that, until nothing changes. Behind a loop that may be left early only that counts
/// which held at every place where it may end.
///
/// Both sides of a branch are run through from the same state; what both leave behind counts.
struct StepSimulator {
  /// Where a buffer is; the same for all buffers of one state or port.
  struct Place {
    /// The first buffer there.
    var buffer: Int
    /// The bytes of the arena; nil for what the caller owns.
    var bytes: Range<Int>?
    var count: Polynomial
  }

  /// A loop or branch being run through: the state of each place before it was first changed there.
  private struct Frame {
    var saved: [Int: WrittenState] = [:]
    var order: [Int] = []
    /// Per `leave` that was passed: the states then of the places that had been changed.
    var exits: [[Int: WrittenState]] = []
  }

  let context: CheckContext
  let function: ExecutionPlan
  /// Its number.
  private let number: Int
  private var shaper: CallShaper
  private var arena: ArenaMap
  private(set) var places: [Place] = []
  /// The place of every buffer.
  private(set) var placeOfBuffer: [Int] = []
  private var placeOfOutput: [Int: Int] = [:]
  private var states: [WrittenState] = []
  private var frames: [Frame] = []
  /// How many of the frames are loops.
  private var depth = 0
  /// Without a kernel: what is known about the symbols alone.
  private let noKernel = KernelModel()
  /// What is known in any iteration, by the loops around it: equal loops make equal environments.
  private var environments: [Surroundings: Int] = [:]
  /// Per step that begins a loop or branch the one that ends it.
  private let ends: [Int: Int]
  /// Per step that begins a branch the one that begins its other side.
  private let others: [Int: Int]

  init(_ context: CheckContext, _ position: Int) {
    let function = context.plan.functions[position]
    number = position
    self.context = context
    self.function = function
    shaper = CallShaper(context, function)
    var points: [Int] = []
    var known: [Buffer.Storage: Int] = [:]
    for (index, buffer) in function.buffers.enumerated() {
      var place = Place(buffer: index, bytes: nil, count: context.space[buffer.count])
      if case .arena(let offset) = buffer.storage {
        place.bytes = offset..<(offset + buffer.capacity)
        points += [offset, offset + buffer.capacity]
      } else if let shared = known[buffer.storage] {
        placeOfBuffer.append(shared)
        continue
      } else {
        known[buffer.storage] = places.count
        if case .output(let position) = buffer.storage { placeOfOutput[position] = places.count }
      }
      placeOfBuffer.append(places.count)
      places.append(place)
      states.append(Self.start(buffer, place))
    }
    arena = ArenaMap(points: points)
    var ends: [Int: Int] = [:]
    var others: [Int: Int] = [:]
    var open: [Int] = []
    for (number, step) in function.steps.enumerated() {
      switch step {
      case .loop, .forever, .branch, .together: open.append(number)
      case .otherwise: if let begin = open.last { others[begin] = number }
      case .end: if let begin = open.popLast() { ends[begin] = number }
      case .call, .leave: break
      }
    }
    self.ends = ends
    self.others = others
  }

  /// What a place holds before the first step.
  private static func start(_ buffer: Buffer, _ place: Place) -> WrittenState {
    let isGiven =
      switch buffer.storage {
      case .parameter, .input, .constant, .state: true
      case .output, .arena: false
      }
    let isEmpty = place.count.isZero
    return WrittenState(isIntact: isGiven || isEmpty, fullDepth: isGiven || isEmpty ? 0 : -1)
  }

  /// Simulates all steps; then looks whether the outputs are complete.
  mutating func run() {
    let environment = function.environment(context.space)
    run(function.steps.indices, environment, environment, -1)
    for (position, port) in function.outputs.enumerated() { checkOutput(position, port, environment) }
  }

  private func checkOutput(_ position: Int, _ port: Port, _ environment: Environment) {
    let message: String
    if let place = placeOfOutput[position] {
      var checker = WrittenChecker(context.space, noKernel, environment)
      if checker.isFull(states[place], places[place].count) { return }
      message = states[place].isIntact ? "is not completely written" : "is never written"
    } else {
      let elements = context.tables.types.shape(port.type).reduce(Polynomial.one) { $0 * context.space[$1] }
      if elements.isZero { return }
      message = "has no buffer"
    }
    context.here = .function(number)
    context.say("plan of `\(function.name)`: output `\(port.name)` \(message)")
  }

  /// Runs through steps.
  ///
  /// `general` describes any iteration of the enclosing loops, `current` the one at hand; `number` names the former.
  private mutating func run(
    _ range: Range<Int>, _ general: Environment, _ current: Environment, _ number: Int
  ) {
    var at = range.lowerBound
    while at < range.upperBound {
      switch function.steps[at] {
      case .call(let kernel, let arguments):
        call(at, kernel.index, arguments, general, current, number)
        at += 1
      case .loop(let counter, let count, let reverse):
        let end = ends[at] ?? range.upperBound
        let counting = Counting(
          unknown: SymbolSpace.unknown(counter), count: context.space[count], reverse: reverse)
        loop(at, (at + 1)..<end, counting, general, current, number)
        at = end + 1
      case .forever:
        let end = ends[at] ?? range.upperBound
        loop(at, (at + 1)..<end, nil, general, current, number)
        at = end + 1
      case .leave(let flag):
        load(flag, at, general, current)
        let changed = frames[frames.count - 1].order
        let exit = Dictionary(uniqueKeysWithValues: changed.map { ($0, states[$0]) })
        frames[frames.count - 1].exits.append(exit)
        at += 1
      case .branch(let flag):
        load(flag, at, general, current)
        let end = ends[at] ?? range.upperBound
        branch((at + 1)..<end, others[at] ?? end, general, current, number)
        at = end + 1
      case .together:
        checkIndependence((at + 1)..<(ends[at] ?? range.upperBound))
        at += 1
      case .otherwise, .end: at += 1
      }
    }
  }

  // MARK: Calls

  private mutating func call(
    _ step: Int, _ kernel: Int, _ arguments: [Argument], _ general: Environment, _ current: Environment,
    _ number: Int
  ) {
    guard let model = context.models[kernel] else { return }
    let shape = shaper.shape(kernel, model, arguments, general, number)
    for problem in shaper.shapes[shape].problems { say(step, problem.slot, problem.message) }
    for (slot, accesses) in shaper.shapes[shape].loads {
      let state = states[placeOfBuffer[arguments[slot].buffer.index]]
      if !state.isIntact {
        say(step, slot, lost(state))
      } else if !state.isFull {
        checkLoads(step, shape, slot, accesses, arguments[slot], kernel, state, current)
      }
    }
    for store in shaper.shapes[shape].stores {
      for other in arguments.indices
      where other != store.slot && (model.isStored[other] || model.isLoaded[other]) {
        if let message = sharing(shape, model, arguments, other, store.slot, general) {
          let name = context.plan.kernels[kernel].slots[other].name
          say(step, store.slot, message, notes: ["slot `\(name)` is \(text(arguments[other].buffer.index))"])
        }
      }
    }
    for store in shaper.shapes[shape].stores {
      write(store, placeOfBuffer[arguments[store.slot].buffer.index], step, general)
    }
  }

  /// Reports what is wrong with a call, or with one of its slots.
  func say(_ step: Int, _ slot: Int, _ message: String, notes: [String] = []) {
    guard case .call(let kernel, let arguments) = function.steps[step] else { return }
    var place = "plan of `\(function.name)`, step \(step), `\(context.kernelName(kernel.index))`"
    if slot >= 0 {
      let name = context.plan.kernels[kernel.index].slots[slot].name
      place += ", slot `\(name)`, \(text(arguments[slot].buffer.index))"
    }
    context.here = .step(number, step)
    context.say("\(place): \(message)", notes: notes)
  }

  /// Looks whether loads from a place of which only parts are written keep to these parts.
  private func checkLoads(
    _ step: Int, _ shape: Int, _ slot: Int, _ accesses: [Int], _ argument: Argument, _ kernel: Int,
    _ state: WrittenState, _ current: Environment
  ) {
    guard let model = context.models[kernel] else { return }
    var checker = WrittenChecker(context.space, model, current)
    let offset = context.space[argument.offset]
    let touched = shaper.shapes[shape].touched
    let missing = accesses.first { access in
      !checker.isWritten(model.accesses[access], offset, touched[access], state)
    }
    guard let missing else { return }
    let instruction = model.accesses[missing].instruction
    let line = KernelText(context.plan.kernels[kernel], context.tables)
      .text(context.plan.kernels[kernel].instructions[instruction])
    say(step, slot, "instruction \(instruction), `\(line)`, may load elements that were never stored")
  }

  private func lost(_ state: WrittenState) -> String {
    guard let lost = state.lostTo else { return "loads from it before anything was stored there" }
    return "loads what \(text(places[lost.place].buffer)) took over in step \(lost.step)"
  }

  /// A buffer for messages, with its bytes.
  private func text(_ buffer: Int) -> String {
    let name = "buffer %\(buffer) `\(function.buffers[buffer].name)`"
    guard let bytes = places[placeOfBuffer[buffer]].bytes else { return name }
    return "\(name) at bytes \(bytes.lowerBound) ..< \(bytes.upperBound)"
  }

  /// What is wrong with a slot that is stored to and another one; nil where they do not share memory, or may.
  private mutating func sharing(
    _ shape: Int, _ model: KernelModel, _ arguments: [Argument], _ slot: Int, _ store: Int,
    _ environment: Environment
  ) -> String? {
    let (a, b) = (arguments[slot].buffer.index, arguments[store].buffer.index)
    let (first, second) = (places[placeOfBuffer[a]], places[placeOfBuffer[b]])
    let pair = CallShape.Pair(slot: slot, store: store)
    if placeOfBuffer[a] == placeOfBuffer[b] {
      if shaper.areApart(shape, pair, model, environment) { return nil }
    } else {
      guard let x = first.bytes, let y = second.bytes, x.overlaps(y) else { return nil }
    }
    let size = function.buffers[b].dtype.byteCount
    let message = "shares memory with another argument, and is not stored in place of it"
    if function.buffers[a].dtype.byteCount != size {
      return message + ": their elements have different sizes"
    }
    if start(arguments[slot], size) != start(arguments[store], size) {
      return message + ": they begin at different elements"
    }
    if shaper.allowsInPlace(shape, pair, model, environment) { return nil }
    return message + ": the kernel may load an element after it was stored"
  }

  /// The byte at which an argument begins, counted in its arena or its own memory.
  private func start(_ argument: Argument, _ size: Int) -> Polynomial {
    let place = places[placeOfBuffer[argument.buffer.index]]
    return context.space[argument.offset].scaled(by: Int64(size)) + Int64(place.bytes?.lowerBound ?? 0)
  }

  // MARK: Writing

  private mutating func touch(_ place: Int) {
    guard let top = frames.indices.last, frames[top].saved[place] == nil else { return }
    frames[top].saved[place] = states[place]
    frames[top].order.append(place)
  }

  private mutating func write(_ store: CallShape.Store, _ place: Int, _ step: Int, _ environment: Environment)
  {
    touch(place)
    if !states[place].isIntact {
      states[place] = WrittenState(isIntact: true)
      if let bytes = places[place].bytes {
        var losers: [Int] = []
        arena.take(bytes, place) { losers.append($0) }
        for loser in losers where states[loser].isIntact {
          touch(loser)
          states[loser] = WrittenState(isIntact: false, lostTo: (place, step))
        }
      }
    }
    if states[place].isFull { return }
    if store.isFull {
      states[place].fullDepth = depth
      states[place].parts = []
      return
    }
    var checker = WrittenChecker(context.space, noKernel, environment)
    for region in store.regions {
      checker.insert(
        WrittenState.Part(region: region, depth: depth), into: &states[place], places[place].count)
    }
  }

  // MARK: Loops

  /// How the iterations of a loop are counted.
  private struct Counting {
    var unknown: Unknown
    var count: Polynomial
    var reverse: Bool
  }

  /// A loop in the environment of a number; iterations of equal ones know the same of the symbols.
  private struct Surroundings: Hashable {
    var outer: Int
    var unknown: Unknown
    var count: Polynomial
  }

  /// Runs through a loop; one without a counter always has a `leave`.
  private mutating func loop(
    _ step: Int, _ body: Range<Int>, _ counting: Counting?, _ general: Environment, _ current: Environment,
    _ number: Int
  ) {
    var (inside, first, later, name) = (general, current, current, number)
    if let counting {
      let (unknown, last, reverse) = (counting.unknown, counting.count - 1, counting.reverse)
      inside = general.inside(unknown, from: .zero, to: last)
      first = current.inside(unknown, from: reverse ? last : .zero, to: reverse ? last : .zero, runs: last)
      later = current.inside(
        unknown, from: reverse ? .zero : .one, to: reverse ? last - 1 : last, runs: last)
      let key = Surroundings(outer: number, unknown: unknown, count: counting.count)
      name = environments[key] ?? environments.count
      environments[key] = name
    }
    var checker = WrittenChecker(context.space, noKernel, inside)
    frames.append(Frame())
    depth += 1
    let level = frames.count - 1
    run(body, inside, first, name)
    // Places that the first iteration did not touch still hold then what they held before the loop.
    let firstEnd = snapshot(frames[level])
    var laterEnd = firstEnd
    turn(counting, &checker)
    for round in 0..<4 {
      let before = snapshot(frames[level])
      run(body, inside, later, name)
      laterEnd = snapshot(frames[level])
      turn(counting, &checker)
      var isStable = true
      for place in frames[level].order {
        guard let old = before[place] ?? frames[level].saved[place] else { continue }
        let (kept, state) = checker.common(old, states[place])
        if !kept { isStable = false }
        states[place] = state
      }
      if isStable { break }
      if round == 3 {
        context.here = .step(number, step)
        context.say("plan of `\(function.name)`, step \(step): what the loop leaves behind does not settle")
      }
    }
    // It may have run once or more often, or been left early.
    for place in frames[level].order {
      guard let saved = frames[level].saved[place] else { continue }
      states[place] = checker.common(firstEnd[place] ?? saved, laterEnd[place] ?? saved).1
    }
    let frame = frames.removeLast()
    depth -= 1
    checker = WrittenChecker(context.space, noKernel, general)
    for exit in frame.exits { meet(exit, frame, &checker) }
    let isWhole = frame.exits.isEmpty
    let surelyRuns = counting.map { checker.holds($0.count - 1) } ?? true
    for place in frame.order {
      guard let entry = frame.saved[place] else { continue }
      note(place, entry)
      checker.close(
        &states[place], entry, places[place].count, counting?.unknown ?? 0, counting?.count ?? .zero,
        depth + 1, surelyRuns: surelyRuns, isWhole: isWhole)
    }
  }

  /// The states of the places that a loop has touched so far.
  private func snapshot(_ frame: Frame) -> [Int: WrittenState] {
    var result: [Int: WrittenState] = [:]
    for place in frame.order { result[place] = states[place] }
    return result
  }

  /// Keeps what also holds where a loop was left.
  private mutating func meet(
    _ exit: [Int: WrittenState], _ frame: Frame, _ checker: inout WrittenChecker
  ) {
    for place in frame.order {
      guard let other = exit[place] ?? frame.saved[place] else { continue }
      states[place] = both(states[place], other, &checker)
    }
  }

  /// What holds in two states.
  private func both(
    _ a: WrittenState, _ b: WrittenState, _ checker: inout WrittenChecker
  ) -> WrittenState {
    var result = checker.common(a, b).1
    if a.isFull, b.isFull, result.isIntact { result.fullDepth = max(a.fullDepth, b.fullDepth) }
    return result
  }

  /// At the end of an iteration: what it wrote was written by an earlier one when the next begins.
  private mutating func turn(_ counting: Counting?, _ checker: inout WrittenChecker) {
    guard let counting, let frame = frames.last else { return }
    for place in frame.order {
      checker.turn(&states[place], counting.unknown, counting.count, counting.reverse, depth)
    }
  }

  // MARK: Branches

  /// Runs through both sides of a branch, `middle` being the step between them, from the same state.
  private mutating func branch(
    _ range: Range<Int>, _ middle: Int, _ general: Environment, _ current: Environment, _ number: Int
  ) {
    frames.append(Frame())
    run(range.lowerBound..<middle, general, current, number)
    let then = frames.removeLast()
    let ends = Dictionary(uniqueKeysWithValues: then.order.map { ($0, states[$0]) })
    for (place, entry) in then.saved {
      states[place] = entry
      // What was there before has its bytes back; no two of these share any.
      if entry.isIntact, let bytes = places[place].bytes { arena.take(bytes, place) { _ in } }
    }
    frames.append(Frame())
    if middle < range.upperBound { run((middle + 1)..<range.upperBound, general, current, number) }
    let otherwise = frames.removeLast()
    var checker = WrittenChecker(context.space, noKernel, current)
    for place in then.order + otherwise.order.filter({ then.saved[$0] == nil }) {
      guard let entry = then.saved[place] ?? otherwise.saved[place] else { continue }
      note(place, entry)
      states[place] = both(ends[place] ?? entry, states[place], &checker)
    }
  }

  /// Notes for the loop or branch around what a place was before it.
  private mutating func note(_ place: Int, _ entry: WrittenState) {
    guard let top = frames.indices.last, frames[top].saved[place] == nil else { return }
    frames[top].saved[place] = entry
    frames[top].order.append(place)
  }

  /// Looks whether the bool that decides where to go on is there.
  private mutating func load(
    _ flag: Argument, _ step: Int, _ general: Environment, _ current: Environment
  ) {
    let place = placeOfBuffer[flag.buffer.index]
    let offset = context.space[flag.offset]
    var message: String?
    var prover = Prover(context.space, noKernel, general)
    if !context.accepts(offset, in: 0, &prover)
      || !context.accepts(places[place].count - 1 - offset, in: 0, &prover)
    {
      message = "the bool at \(context.text(offset)) may lie outside of it"
    } else if !states[place].isIntact {
      message = lost(states[place])
    } else if !states[place].isFull {
      var checker = WrittenChecker(context.space, noKernel, current)
      let access = KernelModel.Access(instruction: 0, memory: 0, isStore: false, index: .zero, scope: 0)
      if !checker.isWritten(access, offset, nil, states[place]) {
        message = "the bool at \(context.text(offset)) may never have been stored"
      }
    }
    guard let message else { return }
    context.here = .step(number, step)
    context.say("plan of `\(function.name)`, step \(step), \(text(flag.buffer.index)): \(message)")
  }
}

extension Environment {
  /// With one more enclosing loop, whose body runs at all only where `runs` is at least 0.
  func inside(_ unknown: Unknown, from low: Polynomial, to high: Polynomial, runs: Polynomial) -> Environment
  {
    var result = inside(unknown, from: low, to: high)
    result.facts.append(runs)
    return result
  }
}
