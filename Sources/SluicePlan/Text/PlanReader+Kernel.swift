import SluiceIR
import SluiceText

/// Kernels: the slots, and the instructions line by line.
extension PlanReader {
  /// `kernel k0_add(x: read f32, y: write f32) where D <= 3 {` and the lines up to the `}`.
  mutating func readKernel() throws(Stop) {
    let comment = text.takeComment()
    text.advance()
    let spot = text.lexer.spot
    guard text.lexer.kind == .identifier else { throw text.unexpected("the name of the kernel") }
    var kernel = Kernel(name: kernelName(text.lexer.text(text.lexer.name)))
    kernel.comment = comment
    let row = takeName()
    guard kernelRows[row] == nil else { throw text.report("two kernels have this name", at: spot) }
    // Until it is read, and where that fails.
    kernelRows[row] = NameColumn.poison
    text.beginScope()
    memoryRows.clear()
    memories.removeAll(keepingCapacity: true)
    registerRows.clear()
    text.nesting += 1
    let clause = try text.readWhereAhead(allowsCounters: true)
    kernel.symbols = (clause?.symbols ?? []).sorted { $0.raw < $1.raw }
    try text.open(.openParenthesis, "`(` and the slots")
    while text.lexer.kind != .closeParenthesis {
      kernel.slots.append(try readSlot(kernel.slots.count))
      if text.lexer.kind != .closeParenthesis { try text.expect(.comma, "`,` or `)`") }
    }
    try text.close(.closeParenthesis, "`)`")
    if let clause {
      guard text.lexer.isWord("where") else { throw text.unexpected("`where` or `{`") }
      text.lexer.jump(to: clause.end)
      if text.lexer.kind == .newline { text.advance() }
    }
    text.nesting -= 1
    try text.expect(.openBrace, clause == nil ? "`where` or `{`" : "`,` or `{`")
    try text.endLine("the end of the line: each instruction has a line of its own")
    let errorCount = text.diagnostics.count
    var item = PlanLines.Item(line: spot.line)
    guard readInstructions(of: &kernel, spot, &item), text.diagnostics.count == errorCount else {
      throw Stop()
    }
    kernelRows[row] = kernels.count
    kernels.append(kernel)
    lines.kernels.append(item)
  }

  /// The name without the number that `printPlan` puts before it.
  private func kernelName(_ label: String) -> String {
    let prefix = "k\(kernels.count)_"
    return label.hasPrefix(prefix) && label != prefix ? String(label.dropFirst(prefix.count)) : label
  }

  private mutating func readSlot(_ position: Int) throws(Stop) -> Slot {
    guard text.lexer.kind == .identifier else { throw text.unexpected("a slot such as `x: read f32` or `)`") }
    let (spot, name) = (text.lexer.spot, text.lexer.text(text.lexer.name))
    let row = takeName()
    try declare(.slot(position), row, name, spot)
    try text.expect(.colon, "`:` and what is done with the slot")
    let access: Slot.Access
    if accept(word: "read") {
      access = .read
    } else if accept(word: "write") {
      access = .write
    } else if accept(word: "update") {
      access = .readWrite
    } else {
      throw text.unexpected("`read`, `write` or `update`")
    }
    return Slot(name, try readDType(), access)
  }

  mutating func readDType() throws(Stop) -> DType {
    guard text.lexer.kind == .identifier, let dtype = DType(name: text.lexer.text(text.lexer.name)) else {
      throw text.unexpected("a dtype: \(DTypeSet.any.text)")
    }
    text.advance()
    return dtype
  }

  /// Reads the lines up to the `}` of the kernel; false where there is none.
  private mutating func readInstructions(
    of kernel: inout Kernel, _ start: Lexer.Spot, _ item: inout PlanLines.Item
  ) -> Bool {
    var depth = 0
    while !text.isFull {
      text.skipNewlines()
      if text.lexer.kind == .end {
        text.report("the kernel has no closing `}`", at: start)
        return false
      }
      let line = Int32(text.lexer.line)
      do throws(Stop) {
        if text.accept(.closeBrace) {
          if depth == 0 { return true }
          depth -= 1
          kernel.instructions.append(.end)
          item.steps.append(line)
        } else if let instruction = try readInstruction(&kernel) {
          switch instruction {
          case .loop, .if: depth += 1
          default: break
          }
          kernel.instructions.append(instruction)
          item.steps.append(line)
        }
        try text.endLine()
      } catch {
        // The end of a block is still one.
        if skipLine() { depth += 1 }
      }
    }
    return false
  }

  /// Goes on to the end of the line; whether the line begins a block.
  mutating func skipLine() -> Bool {
    text.nesting = 0
    var isBlock = false
    while text.lexer.kind != .end, text.lexer.kind != .newline {
      isBlock = text.lexer.kind == .openBrace
      text.lexer.advance()
    }
    return isBlock
  }

  // MARK: Instructions

  /// Reads an instruction, or what a line says of a sum: that is none.
  private mutating func readInstruction(_ kernel: inout Kernel) throws(Stop) -> Instruction? {
    guard text.lexer.kind == .identifier else {
      throw text.unexpected("an instruction such as `v1 = x[i0]`, or `}`")
    }
    let (spot, word) = (text.lexer.spot, text.lexer.text(text.lexer.name))
    let row = takeName()
    switch text.lexer.kind {
    case .openBracket:
      let memory = try memory(row, spot)
      let index = try readIndex()
      try text.expect(.equal, "`=` and the register to store")
      return .store(memory: memory, index: index, value: try readRegister())
    case .assign:
      text.advance()
      let value: Register
      do throws(Stop) { value = try readRegister() } catch {
        poison(row)
        throw error
      }
      if let known = registerRows[row] {
        guard known != NameColumn.poison else { throw Stop() }
        return .assign(result: known, value: value)
      }
      return .assign(result: define(row, kernel.registers[value], &kernel), value: value)
    case .accumulate:
      let accumulator = try register(row, spot)
      text.advance()
      let (opSpot, name) = (text.lexer.spot, text.lexer.text(text.lexer.low..<text.lexer.high))
      guard case .op(let op) = ScalarNames.byName[name] else {
        throw text.report("there is no operation `\(name)`", at: opSpot)
      }
      text.advance()
      try text.expect(.openParenthesis, "`(` and the value to take in")
      let value = try readRegister()
      try text.expect(.closeParenthesis, "`)`")
      return .accumulate(accumulator: accumulator, op, value: value)
    case .equal:
      text.advance()
      do throws(Stop) { return try readDefinition(row, spot, &kernel) } catch {
        poison(row)
        throw error
      }
    default:
      if word == "if" {
        let condition = try readRegister()
        try text.expect(.openBrace, "`{`")
        return .if(condition)
      }
      if word == "local" { return try readLocal(&kernel) }
      if word == "sum" {
        try readSum(&kernel)
        return nil
      }
      return .loop(try readLoop(word, spot, &kernel))
    }
  }

  /// `local row: f32[T]`, behind the first word.
  private mutating func readLocal(_ kernel: inout Kernel) throws(Stop) -> Instruction {
    guard text.lexer.kind == .identifier else { throw text.unexpected("the name of the local") }
    let (spot, name) = (text.lexer.spot, text.lexer.text(text.lexer.name))
    let row = takeName()
    let local = kernel.locals.count
    try declare(.local(local), row, name, spot)
    // Uses are read, whatever is wrong with the rest of the line.
    kernel.locals.append(Local(name, .f32, text.builder.tables.dims.integer(0)))
    try text.expect(.colon, "`:` and the type of the local")
    let typeSpot = text.lexer.spot
    let type = try text.readType()
    guard text.builder.tables.types.rank(type) == 1 else {
      throw text.report("a local has one extent: how many elements it has", at: typeSpot)
    }
    kernel.locals[local] = Local(
      name, text.builder.tables.types.dtype(type), text.builder.tables.types.dim(type, 0))
    return .local(local)
  }

  /// `sum v4 rows [i2 ..< T, i3 ..< 384]`, behind the first word.
  private mutating func readSum(_ kernel: inout Kernel) throws(Stop) {
    let sum = try readRegister()
    let spot = text.lexer.spot
    let word = text.lexer.kind == .identifier ? text.lexer.text(text.lexer.name) : ""
    guard let kind = Sum.Kind.allCases.first(where: { $0.name == word }) else {
      let names = Sum.Kind.allCases.map { "`\($0.name)`" }.joined(separator: ", ")
      throw text.report("expected a kind of sum: \(names)", at: spot)
    }
    text.advance()
    var axes: [SumAxis] = []
    try text.open(.openBracket, "`[` and the axes of the sum")
    while text.lexer.kind != .closeBracket {
      let index = try readRegister()
      try text.expect(.range, "`..<` and the extent of the axis")
      axes.append(SumAxis(try text.readDim(), index))
      if text.lexer.kind != .closeBracket { try text.expect(.comma, "`,` or `]`") }
    }
    try text.close(.closeBracket, "`,` or `]`")
    kernel.state(kind, in: sum, over: axes)
  }

  /// What stands behind `name =`: an element, a scalar operation, a constant or an index expression.
  private mutating func readDefinition(
    _ row: Int, _ spot: Lexer.Spot, _ kernel: inout Kernel
  ) throws(Stop) -> Instruction {
    if registerRows[row] != nil {
      throw text.report(
        "this register has a value already", at: spot, hint: "`:=` gives a variable another value")
    }
    let start = text.lexer.spot
    if let scalar = try readScalarConstant() {
      return .scalar(defining(scalar, row, &kernel))
    }
    if text.lexer.kind == .identifier {
      let name = text.lexer.text(text.lexer.name)
      let source = takeName()
      if text.lexer.kind == .openBracket, ScalarNames.byName[name] == nil || memoryRows[source] != nil {
        let memory = try memory(source, start)
        let index = try readIndex()
        return .load(result: define(row, kernel.dtype(of: memory), &kernel), memory: memory, index: index)
      }
      if text.lexer.kind == .openParenthesis || text.lexer.kind == .openBracket {
        return .scalar(defining(try readScalar(name, start, kernel), row, &kernel))
      }
      text.lexer.jump(to: start)
    }
    let affine = try readAffine()
    return .index(result: define(row, .i64, &kernel), affine)
  }

  private mutating func defining(
    _ scalar: ScalarInstruction, _ row: Int, _ kernel: inout Kernel
  ) -> ScalarInstruction {
    var result = scalar
    result.result = define(row, scalar.dtype, &kernel)
    return result
  }

  // MARK: Loops

  private mutating func readLoop(
    _ word: String, _ spot: Lexer.Spot, _ kernel: inout Kernel
  ) throws(Stop) -> Loop {
    let kind: Loop.Kind
    switch word {
    case "tasks": kind = .tasks
    case "parallel": kind = .parallel
    case "vector": kind = .vector
    case "jam": kind = .jam
    case "for": kind = .sequential
    case "lanes":
      try text.expect(.openParenthesis, "`(` and the number of lanes")
      kind = .lanes(try readInt())
      try text.expect(.closeParenthesis, "`)`")
    default:
      text.report(
        "expected an instruction, found `\(word)`", at: spot,
        hint: "there are `v = x[i]`, `v = add(a, b)`, `v = 0 as f32`, `v = 2*i + 1`, `x[i] = v`, `v := w`, "
          + "`v <- add(w)`, `if v {`, `local m: f32[8]`, `sum v rows [i ..< 8]`, and the loops `tasks`, `parallel`, `vector`, `jam`, `for` and `lanes(8)`"
      )
      // It may have been meant to be a loop.
      if text.lexer.kind == .identifier { poison(takeName()) }
      throw Stop()
    }
    guard text.lexer.kind == .identifier else { throw text.unexpected("the index of the loop") }
    let indexSpot = text.lexer.spot
    let row = takeName()
    guard registerRows[row] == nil else {
      throw text.report("this register has a value already", at: indexSpot)
    }
    // Poison until its bounds are known, which may not mention it.
    poison(row)
    try expectWord("in", "`in` and the first value")
    let start = try readAffine()
    try text.expect(.range, "`..<` and where the loop ends")
    var end: Affine
    var limit: Affine?
    let minimum = text.lexer.spot
    if accept(word: "min"), text.accept(.openParenthesis) {
      end = try readAffine()
      try text.expect(.comma, "`,` and the other end")
      limit = try readAffine()
      try text.expect(.closeParenthesis, "`)`")
    } else {
      text.lexer.jump(to: minimum)
      end = try readAffine()
    }
    let step = accept(word: "step") ? try readInt() : 1
    try text.expect(.openBrace, "`step` or `{`")
    registerRows[row] = nil
    let index = define(row, .i64, &kernel)
    return Loop(index, from: start, to: end, limit: limit, step: step, kind)
  }

  // MARK: Names

  mutating func define(_ row: Int, _ dtype: DType, _ kernel: inout Kernel) -> Register {
    registerRows[row] = kernel.registers.count
    kernel.registers.append(dtype)
    return kernel.registers.count - 1
  }

  /// Lets uses of a name pass whose definition failed.
  mutating func poison(_ row: Int) {
    if registerRows[row] == nil { registerRows[row] = NameColumn.poison }
  }

  mutating func register(_ row: Int, _ spot: Lexer.Spot) throws(Stop) -> Register {
    guard let register = registerRows[row] else {
      throw text.report(
        "this register has no value", at: spot, hint: "a line above defines it, such as `v1 = x[i0]`")
    }
    guard register != NameColumn.poison else { throw Stop() }
    return register
  }

  mutating func readRegister() throws(Stop) -> Register {
    guard text.lexer.kind == .identifier else { throw text.unexpected("a register such as `v1`") }
    let spot = text.lexer.spot
    return try register(takeName(), spot)
  }

  mutating func declare(
    _ memory: Memory, _ row: Int, _ name: String, _ spot: Lexer.Spot
  ) throws(Stop) {
    guard memoryRows[row] == nil else {
      throw text.report("two slots or locals are named `\(name)`", at: spot)
    }
    memoryRows[row] = memories.count
    memories.append(memory)
  }

  mutating func memory(_ row: Int, _ spot: Lexer.Spot) throws(Stop) -> Memory {
    guard let memory = memoryRows[row] else {
      throw text.report("there is no slot or local of this name", at: spot)
    }
    return memories[memory]
  }
}
