import SluiceIR

/// Shows that a kernel takes its sums in the order that they are stated to have.
///
/// A sum is a chain of *stages*, partial results one of which goes into the next: each begins with what changes nothing,
/// takes one value in for every iteration of its loops, one after the other or in lanes, and goes into the next stage
/// once. Which loops each stage must have the rules of docs/decisions/3-order-of-sums.md say, which are written down
/// here once more (`SumChecker+Rules`). A stage may also wait in memory (`SumChecker+Memory`).
struct SumChecker {
  /// What is wrong, and where.
  struct Flaw: Error {
    var instruction: Int
    var reason: String
  }

  /// A partial result.
  struct Stage {
    /// Where its first value is set.
    var begin: Int
    /// Where a value goes in.
    var take: Int
    /// The instructions that begin its loops, outermost first.
    var loops: [Int]
    /// Addition or multiplication.
    var op: ScalarOp
  }

  let kernel: Kernel
  let model: KernelModel
  let space: SymbolSpace
  private let tables: Tables
  var prover: Prover
  /// What is surely stored; made where a stage waits in memory.
  var summary: KernelSummary?
  /// The instruction that begins the innermost loop or `if` around each instruction; -1 for none.
  private(set) var around: [Int]
  /// The end of each loop or `if`.
  private(set) var ends: [Int]
  /// Per loop its row in the model; -1 for what is none.
  private var rows: [Int]
  /// Per register the first and the last instruction that changes it, and how many do.
  private(set) var first: [Int]
  private(set) var last: [Int]
  private var changes: [Int]
  /// The instructions that read each register, register by register.
  private var readers: [Int] = []
  private var readerEnds: [Int]
  /// The row of the access of each load or store.
  private(set) var accesses: [Int]
  /// The instructions by which sums take something in that were looked at.
  private var isKnown: [Bool]
  /// What holds wherever the mask of the sum at hand lets a term in.
  var mask: [Polynomial] = []

  /// A checker of a well-formed kernel.
  init(
    _ kernel: Kernel, _ model: KernelModel, _ space: SymbolSpace, _ tables: Tables, _ summary: KernelSummary?
  ) {
    self.tables = tables
    self.kernel = kernel
    self.model = model
    self.space = space
    self.summary = summary
    prover = Prover(space, model, Environment())
    let (count, registers) = (kernel.instructions.count, kernel.registers.count)
    around = [Int](repeating: -1, count: count)
    ends = around
    rows = around
    accesses = around
    isKnown = [Bool](repeating: false, count: count)
    first = [Int](repeating: -1, count: registers)
    last = first
    changes = [Int](repeating: 0, count: registers)
    readerEnds = [Int](repeating: 0, count: registers)
    for (row, loop) in model.loops.enumerated() { rows[loop.instruction] = row }
    for (row, access) in model.accesses.enumerated() { accesses[access.instruction] = row }
    findBlocks()
    findReaders()
  }

  /// What is wrong with the sums that the kernel states.
  mutating func check() -> [Flaw] {
    var flaws: [Flaw] = []
    for row in kernel.sums.indices {
      do throws(Flaw) { try check(row) } catch { flaws.append(error) }
    }
    return flaws
  }

  /// How many sums of floats the kernel takes in loops without stating them; asked behind `check`.
  var unstatedCount: Int {
    kernel.instructions.indices.count { position in
      guard !isKnown[position], let register = kernel.instructions[position].changed, changes[register] > 1
      else { return false }
      return kernel.registers[register].isFloat && operation(position, register) != nil
    }
  }

  // MARK: Columns

  private mutating func findBlocks() {
    var open: [Int] = []
    for (position, instruction) in kernel.instructions.enumerated() {
      around[position] = open.last ?? -1
      switch instruction {
      case .loop, .if: open.append(position)
      case .end:
        ends[open.removeLast()] = position
        around[position] = open.last ?? -1
      case .scalar, .index, .load, .store, .local, .assign, .accumulate: break
      }
      guard let register = instruction.changed else { continue }
      if first[register] < 0 { first[register] = position }
      last[register] = position
      changes[register] += 1
    }
  }

  private mutating func findReaders() {
    for position in kernel.instructions.indices {
      Self.forEachRead(kernel.instructions[position]) { readerEnds[$0] += 1 }
    }
    var sum = 0
    for register in readerEnds.indices {
      sum += readerEnds[register]
      readerEnds[register] = sum - readerEnds[register]
    }
    readers = [Int](repeating: 0, count: sum)
    for position in kernel.instructions.indices {
      Self.forEachRead(kernel.instructions[position]) { register in
        readers[readerEnds[register]] = position
        readerEnds[register] += 1
      }
    }
  }

  private static func forEachRead(_ instruction: Instruction, _ body: (Register) -> Void) {
    switch instruction {
    case .scalar(let scalar): scalar.operands.forEach(body)
    case .store(_, _, let value), .assign(_, let value), .accumulate(_, _, let value): body(value)
    case .if(let condition): body(condition)
    case .index, .load, .local, .loop, .end: break
    }
    for affine in instruction.affines {
      for term in affine.terms { body(term.register) }
    }
  }

  /// The instructions that read a register, in order.
  func readers(of register: Register) -> ArraySlice<Int> {
    readers[(register == 0 ? 0 : readerEnds[register - 1])..<readerEnds[register]]
  }

  func scalar(_ register: Register) -> ScalarInstruction? {
    guard changes[register] == 1, case .scalar(let scalar) = kernel.instructions[first[register]] else {
      return nil
    }
    return scalar
  }

  func loop(_ position: Int) -> Loop? {
    if position >= 0, case .loop(let loop) = kernel.instructions[position] { loop } else { nil }
  }

  func repetition(_ loop: Int) -> KernelModel.Repetition { model.loops[rows[loop]] }

  /// The name of a register, for messages.
  func name(_ register: Register) -> String { KernelText(kernel, tables).name(register) }

  // MARK: Stages

  /// The stage of a register that takes values in.
  mutating func stage(of register: Register) throws(Flaw) -> Stage {
    let (begin, take) = (first[register], last[register])
    guard changes[register] == 2 else {
      throw Flaw(
        instruction: take,
        reason:
          "`\(name(register))` is changed \(changes[register]) times: expected a first value, and one value "
          + "that goes in")
    }
    guard let op = operation(take, register) else {
      throw Flaw(
        instruction: take,
        reason: "expected the sum so far with a term: an `add` or `multiply` whose first operand is "
          + "`\(name(register))`, or an `fma` whose last one is")
    }
    isKnown[take] = true
    return Stage(begin: begin, take: take, loops: try loops(from: around[begin], to: take, register), op: op)
  }

  /// The loops between a block and an instruction in it, outermost first: they must be sums.
  private func loops(from block: Int, to take: Int, _ register: Register) throws(Flaw) -> [Int] {
    var loops: [Int] = []
    var at = around[take]
    while at != block {
      guard let loop = loop(at), loop.kind == .sequential || loop.lanes != nil else {
        throw Flaw(
          instruction: max(at, 0),
          reason: "stands between the first value of `\(name(register))` and its terms")
      }
      loops.append(at)
      at = around[at]
    }
    return loops.reversed()
  }

  /// How an instruction takes a value into a register; nil where it does not.
  private func operation(_ position: Int, _ register: Register) -> ScalarOp? {
    switch kernel.instructions[position] {
    case .accumulate(_, let op, _): return op == .add || op == .multiply ? op : nil
    case .assign(_, let value):
      guard let scalar = scalar(value) else { return nil }
      if scalar.op == .select, scalar.operands[2] == register, let next = self.scalar(scalar.operands[1]) {
        return operation(next, register)
      }
      return operation(scalar, register)
    case .scalar, .index, .load, .store, .local, .loop, .if, .end: return nil
    }
  }

  private func operation(_ scalar: ScalarInstruction, _ register: Register) -> ScalarOp? {
    switch scalar.op {
    case .add, .multiply:
      scalar.operands[0] == register && scalar.operands[1] != register ? scalar.op : nil
    case .fma: scalar.operands[2] == register && !scalar.operands.prefix(2).contains(register) ? .add : nil
    default: nil
    }
  }

  /// Shows that a stage begins with what changes nothing.
  func showBegin(_ stage: Stage) throws(Flaw) {
    guard case .assign(_, let value) = kernel.instructions[stage.begin], isIdentity(value, stage.op) else {
      throw Flaw(instruction: stage.begin, reason: "a part of a sum begins with something else than 0")
    }
  }

  /// Whether a register is 0, or 1 for products.
  func isIdentity(_ register: Register, _ op: ScalarOp) -> Bool {
    guard let scalar = scalar(register), scalar.op == .constant else { return false }
    if op == .add { return scalar.immediate == 0 }
    return scalar.immediate == (scalar.dtype == .f32 ? UInt64(Float(1).bitPattern) : Double(1).bitPattern)
  }

  /// The only instruction that reads a stage when all is in it; nil where there is none, as of a total.
  ///
  /// In the loops of the stage nothing but the next sum may read it.
  func reader(of register: Register, _ stage: Stage, isLast: Bool) throws(Flaw) -> Int? {
    let end = stage.loops.first.map { ends[$0] } ?? stage.take
    var outside: [Int] = []
    for position in readers(of: register) {
      if position > end {
        outside.append(position)
      } else if !isTake(position, stage) {
        throw Flaw(instruction: position, reason: "reads `\(name(register))` before all terms are in it")
      }
    }
    if isLast { return nil }
    guard outside.count == 1 else {
      throw Flaw(
        instruction: stage.take,
        reason:
          "`\(name(register))` is read \(outside.count) times behind its loops: expected that it goes into one "
          + "other part of the sum")
    }
    guard around[outside[0]] == around[stage.begin] else {
      throw Flaw(
        instruction: outside[0], reason: "reads `\(name(register))` in another loop than where it begins")
    }
    return outside[0]
  }

  /// Whether an instruction is one of those that make the next sum.
  private func isTake(_ position: Int, _ stage: Stage) -> Bool {
    guard case .assign(_, let value) = kernel.instructions[stage.take], let scalar = scalar(value) else {
      return false
    }
    return position == first[value] || scalar.op == .select && position == first[scalar.operands[1]]
  }

  /// Notes what holds where the mask of a sum lets a term in, and that terms go in one by one.
  mutating func noteMask(_ stage: Stage) {
    mask = []
    guard case .assign(_, let value) = kernel.instructions[stage.take], scalar(value)?.op == .select else {
      return
    }
    mask = model.choices.first { $0.instruction == first[value] }?.ifTrue ?? []
  }
}
