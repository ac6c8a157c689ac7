import SluiceIR

/// The orders of sums, and how loops must look to have them.
extension SumChecker {
  /// How many partial results the last axis of rows has, element `i` in number `i % rowLanes`.
  private static let rowLanes = 16
  /// The elements of a block of the last axis of rows, and of any other axis that is folded.
  private static let rowBlock: Int64 = 1024
  static let columnBlock: Int64 = 64
  /// The most terms of a chain of fused multiply-adds.
  private static let chainTerms: Int64 = 256

  /// Shows that a sum is taken as it is stated.
  mutating func check(_ row: Int) throws(Flaw) {
    let sum = kernel.sums[row]
    let axes = Array(kernel.axes(ofSum: row))
    let stage = try stage(of: sum.register)
    noteMask(stage)
    switch sum.kind {
    case .rows, .columns: try showFold(sum, stage, axes)
    case .part: try showPart(sum, stage, axes)
    case .products: try showProducts(sum, stage, axes)
    }
  }

  // MARK: Kinds

  /// Shows that every axis has two stages: its elements go into a block, blocks go into what the axis comes to.
  ///
  /// The last axis comes first; what an axis comes to is an element of the one before it.
  private mutating func showFold(_ sum: Sum, _ first: Stage, _ axes: [SumAxis]) throws(Flaw) {
    var (register, stage) = (sum.register, first)
    guard let last = axes.indices.last else {
      guard stage.loops.isEmpty else { throw unexpectedLoop(stage.loops[0]) }
      (register, stage) = try next(register, stage)
      guard stage.loops.isEmpty else { throw unexpectedLoop(stage.loops[0]) }
      return try showTotal(register, stage)
    }
    for position in axes.indices.reversed() {
      let isRow = sum.kind == .rows && position == last
      let elements = stage
      guard elements.loops.count == 1, let loop = loop(elements.loops[0]) else {
        throw wrongLoops(elements, 1, axes[position...position])
      }
      guard loop.kind == (isRow ? .lanes(Self.rowLanes) : .sequential) else {
        throw Flaw(
          instruction: elements.loops[0],
          reason: isRow
            ? "the last axis of `rows` must run in \(Self.rowLanes) lanes"
            : "only the last axis of `rows` runs in lanes")
      }
      (register, stage) = try next(register, stage)
      guard stage.loops.count <= 1 else { throw wrongLoops(stage, 1, axes[position...position]) }
      try show(
        axes[position], elements.loops[0], blocks: stage.loops.first,
        of: isRow ? Self.rowBlock : Self.columnBlock)
      if position > 0 { (register, stage) = try next(register, stage) }
    }
    try showTotal(register, stage)
  }

  /// Shows that a chain goes over as many inner axes as have at most `chainTerms` elements together, and so many steps
  /// of the next one; the chains go into the total.
  private mutating func showProducts(_ sum: Sum, _ chain: Stage, _ axes: [SumAxis]) throws(Flaw) {
    var (outer, terms, block) = (axes.count, Int64(1), Int64?.none)
    while outer > 0, block == nil {
      outer -= 1
      if let extent = space[axes[outer].extent].value, extent <= Self.chainTerms / terms {
        terms *= max(extent, 1)
      } else {
        block = Self.chainTerms / terms
      }
    }
    guard chain.loops.count == axes.count - outer else {
      throw wrongLoops(chain, axes.count - outer, axes[outer...])
    }
    let totals = try chainLoops(sum.register, chain)
    guard (outer...outer + 1).contains(totals.count), block != nil || totals.count == outer
    else {
      throw wrongLoops(chain, totals, outer, axes[..<outer])
    }
    for (axis, loop) in zip(axes, totals.prefix(outer)) { try show(axis, loop, blocks: nil, of: nil) }
    for (position, loop) in chain.loops.enumerated() {
      let isFirst = position == 0
      try show(
        axes[outer + position], loop, blocks: isFirst ? totals.dropFirst(outer).first : nil,
        of: isFirst ? block : nil)
    }
  }

  /// The loops over the chains of a contraction, whose sum is in a register or waits in memory.
  private mutating func chainLoops(_ register: Register, _ chain: Stage) throws(Flaw) -> [Int] {
    try showBegin(chain)
    if let reader = try reader(of: register, chain, isLast: false), let load = waitingSum(reader, register) {
      return try waitingLoops(load, .add)
    }
    let (total, stage) = try next(register, chain)
    try showTotal(total, stage)
    return stage.loops
  }

  /// The stage that a stage goes into, and its register.
  private mutating func next(_ register: Register, _ stage: Stage) throws(Flaw) -> (Register, Stage) {
    try showBegin(stage)
    guard let position = try reader(of: register, stage, isLast: false) else { return (register, stage) }
    guard case .scalar(let scalar) = kernel.instructions[position], scalar.op == stage.op,
      scalar.operands[1] == register, last[scalar.operands[0]] >= 0,
      case .assign(_, scalar.result) = kernel.instructions[last[scalar.operands[0]]]
    else {
      throw Flaw(
        instruction: position,
        reason: "expected that `\(name(register))` goes into the next part of the sum, as its second operand")
    }
    let result = try self.stage(of: scalar.operands[0])
    guard result.op == stage.op, around[result.take] == around[position] else {
      throw Flaw(instruction: position, reason: "the parts of the sum go into each other in two ways")
    }
    return (scalar.operands[0], result)
  }

  private func showTotal(_ register: Register, _ stage: Stage) throws(Flaw) {
    try showBegin(stage)
    _ = try reader(of: register, stage, isLast: true)
  }

  // MARK: Loops along an axis

  /// Shows that a loop goes along an axis once, in ascending order: as a whole, which is right where there is one block,
  /// or in blocks of `size`, through which another one goes.
  private mutating func show(
    _ axis: SumAxis, _ elements: Int, blocks: Int?, of size: Int64?
  ) throws(Flaw) {
    try showIndex(axis, elements)
    let extent = space[axis.extent]
    guard let blocks, let size else {
      let place = place(of: elements)
      if let size, !proves(Polynomial(size) - extent, outside: elements) {
        throw Flaw(
          instruction: elements, reason: "goes through more than \(size) elements at once: expected blocks")
      }
      return try show(elements, from: .zero, to: [extent], along: elements, at: place)
    }
    guard let loop = loop(blocks), loop.kind == .sequential, Int64(loop.step) == size else {
      throw Flaw(instruction: blocks, reason: "expected blocks of \(size)")
    }
    let block = place(of: blocks)
    try show(blocks, from: .zero, to: [extent], along: elements, at: block)
    try show(elements, from: block, to: [block + size, extent], along: elements, at: place(of: elements))
  }

  /// Shows that a loop is the one along an axis, and leaves no element out between two others.
  func showIndex(_ axis: SumAxis, _ loop: Int) throws(Flaw) {
    guard let own = self.loop(loop), own.index == axis.index else {
      throw Flaw(instruction: loop, reason: "expected the loop over `\(name(axis.index))` here")
    }
    guard own.step == 1 else {
      throw Flaw(instruction: loop, reason: "leaves out elements: expected a step of 1")
    }
  }

  /// The value of the index of a loop.
  func place(of loop: Int) -> Polynomial {
    let repetition = repetition(loop)
    return repetition.start + Polynomial(unknown: repetition.unknown)
  }

  /// Whether something is never negative where a loop begins.
  mutating func proves(_ goal: Polynomial, outside loop: Int) -> Bool {
    prover.holds(goal, in: model.scopes[repetition(loop).scope].parent, .boxes)
  }

  /// Shows that a loop goes from a place to the nearest of some ends, or leaves out only what the mask of the sum does.
  ///
  /// `elements` is the loop along the axis, element by element; `place` what the loop looked at counts.
  mutating func show(
    _ loop: Int, from first: Polynomial, to ends: [Polynomial], along elements: Int, at place: Polynomial
  ) throws(Flaw) {
    let repetition = repetition(loop)
    let starts = parts(of: repetition.start, isMinimum: false)
    let stops = [repetition.count, repetition.clip].compactMap { $0 }.flatMap {
      parts(of: repetition.start + $0, isMinimum: true)
    }
    for start in starts where start != first {
      guard (start - first).isDivisible(by: repetition.step),
        proves(start - first, outside: loop) || starts.contains(first),
        excludes(lastPlace(before: start), along: elements, isAbove: false, outside: loop)
      else { throw leftOut(loop, "before its first one") }
    }
    for stop in stops where !ends.contains(stop) {
      if ends.contains(where: { proves(stop - $0, outside: loop) }) { continue }
      guard excludes(stop, along: elements, isAbove: true, outside: loop) else {
        throw leftOut(loop, "behind its last one")
      }
    }
    for end in ends where !stops.contains(end) {
      guard stops.contains(where: { proves(end - $0, outside: loop) }) else {
        throw Flaw(instruction: loop, reason: "goes further than its part of the sum")
      }
    }
  }

  private func leftOut(_ loop: Int, _ side: String) -> Flaw {
    Flaw(
      instruction: loop,
      reason: "leaves out elements \(side): cannot show that there are none, or that the mask leaves them out"
    )
  }

  /// The last place before the start of a loop, or one behind it: the start may be a multiple of the size of a block
  /// that is at most some place.
  private func lastPlace(before start: Polynomial) -> Polynomial {
    if start.terms.count == 1, let (factor, _) = start.split(by: start.leading), start.leading.isLocal,
      case .quotient(let dividend, let divisor) = model.local(start.leading).origin, factor.value == divisor
    {
      return dividend - 1
    }
    return start - 1
  }

  /// The operands of a minimum or maximum.
  private func parts(of polynomial: Polynomial, isMinimum: Bool, depth: Int = 4) -> [Polynomial] {
    let unknown = polynomial.leading
    guard depth > 0, unknown.isLocal, polynomial == Polynomial(unknown: unknown) else { return [polynomial] }
    switch model.local(unknown).origin {
    case .minimum(let a, let b) where isMinimum, .maximum(let a, let b) where !isMinimum:
      return [a, b].flatMap { parts(of: $0, isMinimum: isMinimum, depth: depth - 1) }
    default: return [polynomial]
    }
  }

  /// Whether the mask of the sum lets no term in at a place of an axis, and at no place above (below) it.
  private mutating func excludes(
    _ place: Polynomial, along elements: Int, isAbove: Bool, outside loop: Int
  ) -> Bool {
    let own = repetition(elements)
    return mask.contains { fact in
      guard let (coefficient, _) = fact.split(by: own.unknown), let factor = coefficient.value,
        isAbove ? factor < 0 : factor > 0
      else { return false }
      return proves(-fact.replacing(own.unknown, by: place - own.start) - 1, outside: loop)
    }
  }

  // MARK: Messages

  func unexpectedLoop(_ loop: Int) -> Flaw {
    Flaw(instruction: loop, reason: "is a loop over no axis of its sum")
  }

  private func wrongLoops(_ stage: Stage, _ count: Int, _ axes: ArraySlice<SumAxis>) -> Flaw {
    wrongLoops(stage, stage.loops, count, axes)
  }

  private func wrongLoops(_ stage: Stage, _ loops: [Int], _ count: Int, _ axes: ArraySlice<SumAxis>) -> Flaw {
    let names = axes.map { "`\(name($0.index))`" }.joined(separator: ", ")
    return Flaw(
      instruction: stage.take,
      reason:
        "goes through \(loops.count) \(loops.count == 1 ? "loop" : "loops"): expected \(count)\(names.isEmpty ? "" : ", over \(names)")"
    )
  }
}
