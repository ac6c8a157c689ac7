import SluiceIR

/// Sums that wait in memory: every element begins with 0, and one loop after the other takes a part in.
extension SumChecker {
  /// The load of the sum so far, where an instruction adds a register to it and the next one stores the result there.
  func waitingSum(_ position: Int, _ register: Register) -> Int? {
    guard case .scalar(let scalar) = kernel.instructions[position], scalar.op == .add,
      scalar.operands[1] == register, let load = load(of: scalar.operands[0])
    else { return nil }
    return readers(of: scalar.result).contains { isStore($0, load, scalar.result) } ? load : nil
  }

  /// The load that defines a register.
  private func load(of register: Register) -> Int? {
    if first[register] >= 0, case .load = kernel.instructions[first[register]] {
      first[register]
    } else {
      nil
    }
  }

  /// Whether an instruction stores a register where another one loaded from, maybe with the one NaN that leaves a
  /// program.
  private func isStore(_ position: Int, _ load: Int, _ value: Register) -> Bool {
    guard case .load(_, let memory, let index) = kernel.instructions[load] else { return false }
    if case .scalar(let scalar) = kernel.instructions[position], scalar.op == .canonical {
      let store = Instruction.store(memory: memory, index: index, value: scalar.result)
      return readers(of: scalar.result).contains {
        kernel.instructions[$0] == store && around[$0] == around[load]
      }
    }
    return kernel.instructions[position] == .store(memory: memory, index: index, value: value)
      && around[position] == around[load]
  }

  /// The loops whose iterations take a part each into sums in memory, outermost first.
  ///
  /// They begin in the block in which all these elements get their first value, and stand around all independent
  /// loops, so that every element has one part of each iteration. Nothing else stores there meanwhile.
  mutating func waitingLoops(_ load: Int, _ op: ScalarOp) throws(Flaw) -> [Int] {
    let access = model.accesses[accesses[load]]
    var (begin, block) = (-1, -2)
    for number in model.accessesOfMemory[access.memory] where model.accesses[number].isStore {
      let position = model.accesses[number].instruction
      guard position < load else { break }
      guard case .store(_, _, var value) = kernel.instructions[position] else { continue }
      if let scalar = scalar(value), scalar.op == .canonical { value = scalar.operands[0] }
      guard isIdentity(value, op) else {
        throw Flaw(instruction: position, reason: "a sum in memory begins with something else than 0")
      }
      let common = commonBlock(load, position)
      guard block == -2 || block == common else {
        throw Flaw(instruction: position, reason: "a sum in memory begins in two different loops")
      }
      (begin, block) = (position, common)
    }
    guard begin >= 0, isCovered(accesses[load]) else {
      throw Flaw(instruction: load, reason: "cannot show that the sum begins with 0 where it waits in memory")
    }
    var loops: [Int] = []
    var at = around[load]
    while at != block {
      guard let loop = loop(at), loop.kind == .sequential || loops.isEmpty else {
        throw Flaw(
          instruction: at, reason: "stands around a sum that waits in memory, outside of loops over its terms"
        )
      }
      if loop.kind == .sequential {
        guard !access.index.mentions(repetition(at).unknown) else {
          throw Flaw(
            instruction: at, reason: "takes every part into another element of the memory where the sum waits"
          )
        }
        loops.append(at)
      }
      at = around[at]
    }
    if let outermost = loops.last { try showAlone(access, outermost) }
    return loops.reversed()
  }

  /// The innermost loop or `if` around an instruction that another one before it is in too; -1 for none.
  private func commonBlock(_ position: Int, _ other: Int) -> Int {
    var at = around[position]
    while at >= 0, other < at { at = around[at] }
    return at
  }

  /// Shows that one store alone changes sums in memory inside of a loop.
  private func showAlone(_ access: KernelModel.Access, _ loop: Int) throws(Flaw) {
    let stores = model.accessesOfMemory[access.memory].map { model.accesses[$0] }.filter {
      $0.isStore && $0.instruction > loop && $0.instruction < ends[loop]
    }
    if stores.count > 1 {
      throw Flaw(
        instruction: stores[1].instruction, reason: "changes a sum that waits in memory another time")
    }
  }

  private mutating func isCovered(_ access: Int) -> Bool {
    let known = summary ?? KernelSummarizer(space, model, Environment()).summarize()
    summary = known
    return known.isCovered[access]
  }

  /// Shows that a sum takes a block of an axis in, as a whole or in several pieces, and waits in memory meanwhile.
  mutating func showPart(_ sum: Sum, _ stage: Stage, _ axes: [SumAxis]) throws(Flaw) {
    guard case .assign(_, let value) = kernel.instructions[stage.begin], let load = load(of: value) else {
      throw Flaw(instruction: stage.begin, reason: "expected the sum so far, from memory")
    }
    guard let store = try reader(of: sum.register, stage, isLast: false), isStore(store, load, sum.register)
    else {
      throw Flaw(
        instruction: stage.take, reason: "expected that `\(name(sum.register))` goes back where it was")
    }
    let loops = try waitingLoops(load, stage.op) + stage.loops
    guard axes.count == 1, let elements = loops.last, loops.count <= 2 else {
      throw Flaw(
        instruction: stage.take, reason: "goes through \(loops.count) loops: expected 1 or 2 along one axis")
    }
    try showIndex(axes[0], elements)
    let extent = space[axes[0].extent]
    let begin = repetition(loops[0]).start
    guard begin.isDivisible(by: Self.columnBlock) else {
      throw Flaw(
        instruction: loops[0], reason: "expected a part that begins at a multiple of \(Self.columnBlock)")
    }
    let ends = [begin + Self.columnBlock, extent]
    if loops.count == 1 {
      return try show(elements, from: begin, to: ends, along: elements, at: place(of: elements))
    }
    let (block, step) = (place(of: loops[0]), repetition(loops[0]).step)
    try show(loops[0], from: begin, to: ends, along: elements, at: block)
    try show(elements, from: block, to: [block + step] + ends, along: elements, at: place(of: elements))
  }
}
