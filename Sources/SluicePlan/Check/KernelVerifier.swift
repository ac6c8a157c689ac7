package import SluiceIR

/// What is wrong with a kernel, and where.
package struct KernelFlaw: Error, Hashable, Sendable {
  /// The position of the instruction; nil where the kernel as a whole is meant.
  package var instruction: Int?
  /// The message: lower case, no full stop.
  package var reason: String

  package init(_ instruction: Int?, _ reason: String) {
    self.instruction = instruction
    self.reason = reason
  }
}

/// Shows that a kernel is well-formed: whatever runs it can do so without looking.
///
/// What it shows is the first part of the list at `PlanChecker`. It needs nothing but the kernel; where memory is
/// touched is `KernelModel`'s matter.
package struct KernelVerifier {
  /// A loop or if that is open.
  struct Block {
    var loop: Loop?
    var instruction: Int
    /// The registers that go out of scope at its end.
    var defined: [Register] = []
    /// The locals whose life ends at its end.
    var locals: [Int] = []
    /// The accumulators of a `lanes` loop and how they accumulate.
    var accumulators: [Register: ScalarOp] = [:]

    /// Whether registers from outside must not be assigned.
    var isClosed: Bool {
      switch loop?.kind {
      case .tasks, .parallel, .vector, .jam, .lanes: true
      case .sequential, nil: false
      }
    }
  }

  /// How a register may change after its definition.
  enum Definition {
    case none, once, variable, loopIndex
  }

  /// Where a local is in its only life.
  enum Life {
    case ahead, now, over
  }

  let kernel: Kernel
  private let tables: Tables
  let text: KernelText
  var blocks: [Block] = []
  /// The number of blocks around the definition of each register; -1 where it is out of scope.
  private var depths: [Int]
  private var definitions: [Definition]
  /// Whether the iterations of the enclosing `vector` loop may differ in the register.
  private var isVarying: [Bool]
  var lives: [Life]
  var instruction = 0
  private var flaws: [KernelFlaw] = []

  package init(_ kernel: Kernel, _ tables: Tables) {
    self.kernel = kernel
    self.tables = tables
    text = KernelText(kernel, tables)
    lives = [Life](repeating: .ahead, count: kernel.locals.count)
    depths = [Int](repeating: -1, count: kernel.registers.count)
    definitions = [Definition](repeating: .none, count: kernel.registers.count)
    isVarying = [Bool](repeating: false, count: kernel.registers.count)
  }

  /// What is wrong; empty for a well-formed kernel.
  package consuming func verify() -> [KernelFlaw] {
    verifyHead()
    let accumulators = accumulatorsOfLoops()
    for (position, item) in kernel.instructions.enumerated() {
      instruction = position
      switch item {
      case .scalar(let scalar): verify(scalar)
      case .index(let result, let affine):
        let varies = use(affine)
        define(result, .i64, varies)
      case .load(let result, let memory, let index):
        use(index)
        if let dtype = use(memory, not: .write) { define(result, dtype, true) }
      case .store(let memory, let index, let value):
        use(index)
        if let dtype = use(memory, not: .read) { use(value, as: dtype) }
      case .local(let local): begin(local: local)
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
        for local in block.locals { lives[local] = .over }
        if block.loop?.kind == .tasks { endTasks() }
        if block.loop?.kind == .jam { endJam() }
      }
    }
    if let block = blocks.last {
      instruction = block.instruction
      say("has no end")
    }
    verifySums()
    for (local, life) in zip(kernel.locals, lives) where life == .ahead {
      sayOfAll("local `\(local.name)` never begins")
    }
    return flaws
  }

  mutating func say(_ message: String) { flaws.append(KernelFlaw(instruction, message)) }

  private mutating func sayOfAll(_ message: String) { flaws.append(KernelFlaw(nil, message)) }

  // MARK: Head

  private mutating func verifyHead() {
    if !isIdentifier(kernel.name) { sayOfAll("the name is no identifier") }
    var names: Set<String> = []
    let memories = kernel.slots.map { ("slot", $0.name) } + kernel.locals.map { ("local", $0.name) }
    for (kind, name) in memories {
      if !isIdentifier(name) { sayOfAll("\(kind) `\(name)`: the name is no identifier") }
      if !names.insert(name).inserted { sayOfAll("two memories are named `\(name)`") }
    }
    verifyLocalSizes()
    for (a, b) in zip(kernel.symbols, kernel.symbols.dropFirst()) where a.raw >= b.raw {
      sayOfAll("the symbols are not in ascending order")
    }
    let symbols = Set(kernel.symbols)
    for symbol in symbols where symbol.index >= tables.dims.symbols.count {
      sayOfAll("a symbol is out of range")
    }
    var missing: Set<SymbolID> = []
    forEachDim { dim in
      guard dim.index < tables.dims.count else { return }
      missing.formUnion(tables.dims.symbols(in: dim).filter { !symbols.contains($0) })
    }
    for symbol in missing.sorted(by: { $0.raw < $1.raw }) {
      sayOfAll("the symbol `\(PlanPrinter.text(symbol, tables))` is mentioned but not listed")
    }
  }

  private func forEachDim(_ body: (DimID) -> Void) {
    for local in kernel.locals { body(local.count) }
    for affine in kernel.instructions.lazy.flatMap(\.affines) {
      body(affine.constant)
      for term in affine.terms { body(term.coefficient) }
    }
    for axis in kernel.sumAxes { body(axis.extent) }
  }

  /// Shows that sums name variables and loops: what the order of a sum is made of is `SumChecker`'s matter.
  private mutating func verifySums() {
    func kind(_ register: Register) -> Definition {
      definitions.indices.contains(register) ? definitions[register] : .none
    }
    for row in kernel.sums.indices {
      let register = kernel.sums[row].register
      if kind(register) != .variable || !kernel.registers[register].isFloat {
        sayOfAll("the sum \(row) has no variable with floats")
      }
      for axis in kernel.axes(ofSum: row) {
        if axis.extent.index >= tables.dims.count { sayOfAll("the sum \(row): a dim is out of range") }
        if kind(axis.index) != .loopIndex { sayOfAll("the sum \(row) has an axis that is no loop") }
      }
    }
  }

  /// Shows that locals have sizes, which together fit a stack.
  private mutating func verifyLocalSizes() {
    var sum = 0
    for local in kernel.locals {
      guard local.count.index < tables.dims.count else {
        sayOfAll("local `\(local.name)`: a dim is out of range")
        continue
      }
      guard let bound = tables.dims.bound(local.count) else {
        sayOfAll("local `\(local.name)` has no largest size")
        continue
      }
      let (size, isLarge) = Int(clamping: max(bound, 0)).multipliedReportingOverflow(
        by: local.dtype.byteCount)
      let (next, isLarger) = sum.addingReportingOverflow(size)
      sum = isLarge || isLarger ? .max : next
    }
    if sum > Kernel.mostLocalBytes {
      sayOfAll("its locals take \(sum) bytes, more than \(Kernel.mostLocalBytes)")
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
      case .scalar, .index, .load, .store, .assign, .local: break
      }
    }
    return result
  }

  // MARK: Registers and memories

  /// The dtype of a memory that is loaded from or stored to; nil where it does not exist.
  private mutating func use(_ memory: Memory, not access: Slot.Access) -> DType? {
    switch memory {
    case .slot(let number):
      guard kernel.slots.indices.contains(number) else {
        say("slot \(number) does not exist")
        return nil
      }
      let slot = kernel.slots[number]
      if slot.access == access {
        say(
          access == .write
            ? "loads from `\(slot.name)`, which is only written"
            : "stores to `\(slot.name)`, which is only read")
      }
      return slot.dtype
    case .local(let number):
      guard kernel.locals.indices.contains(number) else {
        say("local \(number) does not exist")
        return nil
      }
      if lives[number] != .now { say("`\(kernel.locals[number].name)` is used outside of its life") }
      return kernel.locals[number].dtype
    }
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

  mutating func use(_ register: Register, as dtype: DType) {
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
  mutating func use(_ affine: Affine) -> Bool {
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

  mutating func define(
    _ register: Register, _ dtype: DType, _ varies: Bool, as kind: Definition = .once
  ) {
    guard kernel.registers.indices.contains(register) else {
      return say("register \(register) does not exist")
    }
    if kernel.registers[register] != dtype {
      say("the result is \(dtype.name), `\(text.name(register))` is \(kernel.registers[register].name)")
    }
    if definitions[register] != .none {
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
    case .tasks: "whose iterations are tasks"
    case .parallel: "whose iterations are parallel"
    case .vector: "which is a vector loop"
    case .jam: "whose iterations are jammed"
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
    if !op.isAccumulation {
      say("`\(op)` is no operation to accumulate with")
    } else if !op.supports(dtype) {
      say("`\(op)` of \(dtype.name)")
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
