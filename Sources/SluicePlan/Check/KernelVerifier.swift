import SluiceIR

/// Shows that a kernel is well-formed: whatever runs it can do so without looking.
///
/// What it shows is the first part of the list at `PlanChecker`. It needs nothing but the kernel; where memory is
/// touched is `KernelModel`'s matter.
struct KernelVerifier {
  /// A loop or if that is open.
  private struct Block {
    var loop: Loop?
    var instruction: Int
    /// The registers that go out of scope at its end.
    var defined: [Register] = []
    /// The accumulators of a `lanes` loop and how they accumulate.
    var accumulators: [Register: ScalarOp] = [:]

    /// Whether registers from outside must not be assigned.
    var isClosed: Bool {
      switch loop?.kind {
      case .parallel, .vector, .lanes: true
      case .sequential, nil: false
      }
    }
  }

  /// How a register may change after its definition.
  private enum Definition {
    case none, once, variable, loopIndex
  }

  private let kernel: Kernel
  private let tables: Tables
  private let text: KernelText
  private var blocks: [Block] = []
  /// The number of blocks around the definition of each register; -1 where it is out of scope.
  private var depths: [Int]
  private var definitions: [Definition]
  /// Whether the iterations of the enclosing `vector` loop may differ in the register.
  private var isVarying: [Bool]
  private var instruction = 0
  private var messages: [String] = []

  init(_ kernel: Kernel, _ tables: Tables) {
    self.kernel = kernel
    self.tables = tables
    text = KernelText(kernel, tables)
    depths = [Int](repeating: -1, count: kernel.registers.count)
    definitions = [Definition](repeating: .none, count: kernel.registers.count)
    isVarying = [Bool](repeating: false, count: kernel.registers.count)
  }

  /// What is wrong; empty for a well-formed kernel.
  consuming func verify() -> [String] {
    verifyHead()
    let accumulators = accumulatorsOfLoops()
    for (position, item) in kernel.instructions.enumerated() {
      instruction = position
      switch item {
      case .scalar(let scalar): verify(scalar)
      case .index(let result, let affine):
        let varies = use(affine)
        define(result, .i64, varies)
      case .load(let result, let slot, let index):
        use(index)
        if let slot = self.slot(slot) {
          if slot.access == .write { say("loads from `\(slot.name)`, which is only written") }
          define(result, slot.dtype, true)
        }
      case .store(let slot, let index, let value):
        use(index)
        if let slot = self.slot(slot) {
          if slot.access == .read { say("stores to `\(slot.name)`, which is only read") }
          use(value, as: slot.dtype)
        }
      case .assign(let result, let value): assign(result, value)
      case .accumulate(let accumulator, let op, let value): accumulate(accumulator, op, value)
      case .loop(let loop): begin(loop, accumulators[position] ?? [:])
      case .if(let condition):
        use(condition, as: .bool)
        straightLine("an `if`")
        blocks.append(Block(loop: nil, instruction: position))
      case .end:
        guard let block = blocks.popLast() else {
          say("ends nothing")
          break
        }
        for register in block.defined { depths[register] = -1 }
      }
    }
    if let block = blocks.last { messages.append("instruction \(block.instruction) has no end") }
    return messages
  }

  private mutating func say(_ message: String) {
    let line = text.text(kernel.instructions[instruction])
    messages.append("instruction \(instruction), `\(line)`: \(message)")
  }

  // MARK: Head

  private mutating func verifyHead() {
    if !isIdentifier(kernel.name) { messages.append("the name is no identifier") }
    var names: Set<String> = []
    for slot in kernel.slots {
      if !isIdentifier(slot.name) { messages.append("slot `\(slot.name)`: the name is no identifier") }
      if !names.insert(slot.name).inserted { messages.append("two slots are named `\(slot.name)`") }
    }
    for (a, b) in zip(kernel.symbols, kernel.symbols.dropFirst()) where a.raw >= b.raw {
      messages.append("the symbols are not in ascending order")
    }
    let symbols = Set(kernel.symbols)
    for symbol in symbols where symbol.index >= tables.dims.symbols.count {
      messages.append("a symbol is out of range")
    }
    var missing: Set<SymbolID> = []
    forEachDim { dim in
      guard dim.index < tables.dims.count else { return }
      missing.formUnion(tables.dims.symbols(in: dim).filter { !symbols.contains($0) })
    }
    for symbol in missing.sorted(by: { $0.raw < $1.raw }) {
      messages.append("the symbol `\(PlanPrinter.text(symbol, tables))` is mentioned but not listed")
    }
  }

  private func forEachDim(_ body: (DimID) -> Void) {
    func visit(_ affine: Affine) {
      body(affine.constant)
      for term in affine.terms { body(term.coefficient) }
    }
    for instruction in kernel.instructions {
      switch instruction {
      case .index(_, let affine), .load(_, _, let affine), .store(_, let affine, _): visit(affine)
      case .loop(let loop):
        visit(loop.start)
        visit(loop.end)
        if let limit = loop.limit { visit(limit) }
      case .scalar, .assign, .accumulate, .if, .end: break
      }
    }
  }

  /// For every loop, the registers that `accumulate` changes directly inside it.
  private func accumulatorsOfLoops() -> [Int: [Register: ScalarOp]] {
    var result: [Int: [Register: ScalarOp]] = [:]
    var open: [Int] = []
    for (position, item) in kernel.instructions.enumerated() {
      switch item {
      case .loop, .if: open.append(position)
      case .end: _ = open.popLast()
      case .accumulate(let accumulator, let op, _):
        if let loop = open.last { result[loop, default: [:]][accumulator] = op }
      case .scalar, .index, .load, .store, .assign: break
      }
    }
    return result
  }

  // MARK: Registers

  private mutating func slot(_ slot: Int) -> Slot? {
    if kernel.slots.indices.contains(slot) { return kernel.slots[slot] }
    say("slot \(slot) does not exist")
    return nil
  }

  /// Whether the register holds a value here; says so where it does not.
  private mutating func isDefined(_ register: Register) -> Bool {
    guard kernel.registers.indices.contains(register) else {
      say("register \(register) does not exist")
      return false
    }
    if depths[register] < 0 {
      say("`\(text.name(register))` is used before it is defined on every path")
      return false
    }
    return true
  }

  private mutating func use(_ register: Register, as dtype: DType) {
    guard isDefined(register) else { return }
    if kernel.registers[register] != dtype {
      say("`\(text.name(register))` is \(kernel.registers[register].name), expected \(dtype.name)")
    }
    if blocks.last?.accumulators[register] != nil {
      say("`\(text.name(register))` is used inside the loop that accumulates into it")
    }
  }

  /// Whether an index expression may differ between the iterations of the enclosing `vector` loop.
  @discardableResult
  private mutating func use(_ affine: Affine) -> Bool {
    var varies = false
    var seen: Set<Register> = []
    if affine.constant.index >= tables.dims.count { say("a dim is out of range") }
    for term in affine.terms {
      if term.coefficient.index >= tables.dims.count { say("a dim is out of range") }
      use(term.register, as: .i64)
      guard kernel.registers.indices.contains(term.register) else { continue }
      if !seen.insert(term.register).inserted {
        say("`\(text.name(term.register))` occurs twice in an index")
      }
      varies = varies || isVarying[term.register]
    }
    return varies
  }

  private mutating func define(
    _ register: Register, _ dtype: DType, _ varies: Bool, as kind: Definition = .once
  ) {
    guard kernel.registers.indices.contains(register) else {
      return say("register \(register) does not exist")
    }
    if kernel.registers[register] != dtype {
      say("the result is \(dtype.name), `\(text.name(register))` is \(kernel.registers[register].name)")
    }
    if definitions[register] != .none, kind != .variable || definitions[register] != .variable {
      say("`\(text.name(register))` is defined twice")
    }
    definitions[register] = kind
    depths[register] = blocks.count
    isVarying[register] = varies && blocks.contains { $0.loop?.kind == .vector }
    if !blocks.isEmpty { blocks[blocks.count - 1].defined.append(register) }
  }

  private mutating func assign(_ result: Register, _ value: Register) {
    guard isDefined(value) else { return }
    use(value, as: kernel.registers[value])
    guard kernel.registers.indices.contains(result), depths[result] >= 0 else {
      return define(result, kernel.registers[value], true, as: .variable)
    }
    use(value, as: kernel.registers[result])
    if definitions[result] == .loopIndex { say("`\(text.name(result))` is the index of a loop") }
    isVarying[result] = blocks.contains { $0.loop?.kind == .vector }
    changesOutside(result, blocks.count)
  }

  /// Says so where a loop between a register's definition and its change does not allow the change.
  private mutating func changesOutside(_ register: Register, _ end: Int) {
    for block in blocks[min(depths[register], end)..<end] {
      if let loop = block.loop, block.isClosed {
        say(
          "`\(text.name(register))` is changed inside the loop over `\(text.name(loop.index))`, \(order(loop.kind))"
        )
        return
      }
    }
  }

  private func order(_ kind: Loop.Kind) -> String {
    switch kind {
    case .parallel: "whose iterations are parallel"
    case .vector: "which is a vector loop"
    case .lanes: "which may only accumulate"
    case .sequential: "which is sequential"
    }
  }

  private mutating func accumulate(_ accumulator: Register, _ op: ScalarOp, _ value: Register) {
    guard let last = blocks.last, case .lanes? = last.loop?.kind else {
      return say("stands outside a `lanes` loop")
    }
    guard isDefined(accumulator), isDefined(value) else { return }
    if depths[accumulator] >= blocks.count { say("`\(text.name(accumulator))` is defined inside the loop") }
    if definitions[accumulator] == .loopIndex { say("`\(text.name(accumulator))` is the index of a loop") }
    let dtype = kernel.registers[accumulator]
    use(value, as: dtype)
    changesOutside(accumulator, blocks.count - 1)
    if last.accumulators[accumulator] != op { say("`\(text.name(accumulator))` accumulates in two ways") }
    if dtype.isNarrow { say("`\(op)` of \(dtype.name)") }
    switch op {
    case .add, .multiply: if dtype == .bool { say("`\(op)` of bool") }
    case .minimum, .maximum: break
    case .and, .or, .xor: if dtype.isFloat { say("`\(op)` of \(dtype.name)") }
    default: say("`\(op)` is no operation to accumulate with")
    }
  }

  // MARK: Loops

  private mutating func begin(_ loop: Loop, _ accumulators: [Register: ScalarOp]) {
    var varies = use(loop.start)
    varies = use(loop.end) || varies
    if let limit = loop.limit { varies = use(limit) || varies }
    if loop.step < 1 { say("the step \(loop.step) is less than 1") }
    if case .lanes(let count) = loop.kind, count < 1 || count > 1024 || count & (count - 1) != 0 {
      say("\(count) lanes; expected a power of two up to 1024")
    }
    straightLine("a loop")
    for block in blocks where block.loop?.kind == .vector {
      if loop.kind != .sequential { say("stands inside a vector loop and is not sequential") }
      if varies { say("its bounds differ between the iterations of the vector loop around it") }
    }
    let bounds = [loop.start, loop.end] + (loop.limit.map { [$0] } ?? [])
    for register in Set(bounds.flatMap { $0.terms.map(\.register) }).sorted() where changes(register) {
      say("its bounds mention `\(text.name(register))`, which its body changes")
    }
    let isVector = loop.kind == .vector
    blocks.append(Block(loop: loop, instruction: instruction, accumulators: accumulators))
    define(loop.index, .i64, isVector || varies, as: .loopIndex)
  }

  /// Whether the loop that begins here assigns a register.
  private func changes(_ register: Register) -> Bool {
    var depth = 0
    for item in kernel.instructions[instruction...] {
      switch item {
      case .loop, .if: depth += 1
      case .end: depth -= 1
      case .assign(register, _), .accumulate(register, _, _): return true
      default: break
      }
      if depth == 0 { return false }
    }
    return false
  }

  /// Says so where only straight-line instructions may stand.
  private mutating func straightLine(_ what: String) {
    guard let loop = blocks.last?.loop else {
      if what == "an `if`", blocks.contains(where: { $0.loop?.kind == .vector }) {
        say("\(what) inside a vector loop")
      }
      return
    }
    if case .lanes = loop.kind { say("\(what) inside a `lanes` loop") }
    if what == "an `if`", blocks.contains(where: { $0.loop?.kind == .vector }) {
      say("\(what) inside a vector loop")
    }
  }

  // MARK: Scalar operations

  private mutating func verify(_ scalar: ScalarInstruction) {
    var varies = false
    for operand in scalar.operands where isDefined(operand) {
      use(operand, as: kernel.registers[operand])
      varies = varies || isVarying[operand]
    }
    let known = scalar.operands.allSatisfy { kernel.registers.indices.contains($0) }
    if known, let message = scalar.mismatch(scalar.operands.map { kernel.registers[$0] }) { say(message) }
    define(scalar.result, scalar.dtype, varies)
  }
}

/// Whether a text is a C identifier.
func isIdentifier(_ text: String) -> Bool {
  guard let first = text.utf8.first, first < 48 || first > 57 else { return false }
  return text.utf8.allSatisfy { byte in
    (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) || byte == 95
  }
}
