import SluiceIR
import SluiceText

/// Functions: ports, checks, buffers and steps.
extension PlanReader {
  /// `func @f(x: f32[T]) -> (y: f32[T]) where T <= 4 {` and the lines up to the `}`.
  mutating func readFunction() throws(Stop) {
    let comment = text.takeComment()
    text.advance()
    let start = text.lexer.spot
    guard text.lexer.kind == .symbol else { throw text.unexpected("a name such as `@f`") }
    var function = ExecutionPlan(
      name: text.lexer.text(text.lexer.name), comment: comment, inputs: [], outputs: [], buffers: [],
      steps: [],
      arenaBytes: 0, lowerBoundBytes: 0)
    text.advance()
    text.beginScope()
    bufferRows.clear()
    text.nesting += 1
    let clause = try text.readWhereAhead()
    function.symbols = clause?.symbols ?? []
    (function.inputs, inputRows) = try readPorts("an input")
    try text.expect(.arrow, "`->` and the outputs in parentheses")
    (function.outputs, outputRows) = try readPorts("an output")
    if let clause {
      guard text.lexer.isWord("where") else { throw text.unexpected("`where` or `{`") }
      text.lexer.jump(to: clause.end)
      if text.lexer.kind == .newline { text.advance() }
    }
    text.nesting -= 1
    try text.expect(.openBrace, clause == nil ? "`where` or `{`" : "`,` or `{`")
    try text.endLine()
    var hasArena = false
    var item = PlanLines.Item(line: start.line)
    guard readLines(of: &function, start, &item, &hasArena) else { throw Stop() }
    if !hasArena {
      for case (.arena(let offset), let capacity) in function.buffers.map({ ($0.storage, $0.capacity) }) {
        function.arenaBytes = max(function.arenaBytes, Self.aligned(offset + capacity))
      }
    }
    functions.append(function)
    lines.functions.append(item)
  }

  private mutating func readPorts(_ what: String) throws(Stop) -> ([Port], NameColumn) {
    var ports: [Port] = []
    var rows = NameColumn()
    try text.open(.openParenthesis, "`(`")
    while text.lexer.kind != .closeParenthesis {
      guard text.lexer.kind == .identifier else {
        throw text.unexpected("\(what) such as `x: f32[2]` or `)`")
      }
      let (spot, name) = (text.lexer.spot, text.lexer.text(text.lexer.name))
      let row = takeName()
      guard rows[row] == nil else { throw text.report("two of these are named `\(name)`", at: spot) }
      rows[row] = ports.count
      try text.expect(.colon, "`:` and the type")
      ports.append(Port(name: name, type: try text.readType()))
      if text.lexer.kind != .closeParenthesis { try text.expect(.comma, "`,` or `)`") }
    }
    try text.close(.closeParenthesis, "`)`")
    return (ports, rows)
  }

  /// Reads the lines up to the `}` of the function; false where there is none.
  private mutating func readLines(
    of function: inout ExecutionPlan, _ start: Lexer.Spot, _ item: inout PlanLines.Item,
    _ hasArena: inout Bool
  ) -> Bool {
    while !text.isFull {
      text.skipNewlines()
      if text.lexer.kind == .end {
        text.report("the function has no closing `}`", at: start)
        return false
      }
      do throws(Stop) {
        if text.accept(.closeBrace) { return true }
        if text.lexer.kind == .value {
          item.buffers.append(Int32(text.lexer.line))
          try readBuffer(&function)
        } else if accept(word: "buffers") {
          // The rows follow.
        } else if accept(word: "steps") {
          return try readSteps(of: &function, start, &item)
        } else if accept(word: "arena") {
          hasArena = true
          function.arenaBytes = try readSize("the size of the arena in bytes")
          if text.accept(.comma) {
            try expectWord("at", "`at least` and the lower bound")
            try expectWord("least", "`least` and the lower bound")
            function.lowerBoundBytes = try readSize("the lower bound in bytes")
          }
        } else if accept(word: "check") {
          repeat { try readCheck(&function) } while text.accept(.comma)
        } else if accept(word: "sizes") {
          repeat { try readSizes(&function) } while text.accept(.comma)
        } else if text.lexer.isWord("index") || text.lexer.isWord("label") {
          try readIndexUse(&function)
        } else {
          throw text.unexpected(
            "`arena`, `check`, `sizes`, `index`, `label`, `buffers`, a buffer such as `%0 x f32[2] input x`, "
              + "`steps` or `}`")
        }
        try text.endLine()
      } catch {
        _ = skipLine()
      }
    }
    return false
  }

  // MARK: Checks

  /// `T-1 >= 0`.
  private mutating func readCheck(_ function: inout ExecutionPlan) throws(Stop) {
    function.checkedDims.append(try text.readDim())
    try text.expect(.greaterEqual, "`>= 0`")
    let spot = text.lexer.spot
    guard try text.readInteger() == 0 else { throw text.report("dims are held against 0", at: spot) }
  }

  /// `f32[T-1]`, or `T-4 of slice` where it must not be negative, or `T-4 of slice signed` where it may.
  private mutating func readSizes(_ function: inout ExecutionPlan) throws(Stop) {
    let spot = text.lexer.spot
    if text.lexer.kind == .identifier, DType(name: text.lexer.text(text.lexer.name)) != nil {
      text.advance()
      let isType = text.lexer.kind == .openBracket
      text.lexer.jump(to: spot)
      if isType {
        function.symbolChecks.rows.append(.type(try text.readType()))
        return
      }
    }
    let dim = try text.readDim()
    try expectWord("of", "`of` and the name of an op")
    let op = try text.readOp()
    function.symbolChecks.rows.append(.dim(dim, op, isSigned: accept(word: "signed")))
  }

  /// `index ids[0, N by 1] in -R ..< R of gather at "f.sluice":3:4`; the same with `label`; without `-R` where there
  /// is no lower bound.
  private mutating func readIndexUse(_ function: inout ExecutionPlan) throws(Stop) {
    let role: IndexUse.Role = text.lexer.isWord("index") ? .index : .label
    text.advance()
    guard text.lexer.kind == .identifier else { throw text.unexpected("the name of an input") }
    let spot = text.lexer.spot
    guard let input = inputRows[takeName()] else {
      throw text.report("there is no input of this name", at: spot)
    }
    guard text.builder.tables.types.dtype(function.inputs[input].type).isInteger else {
      throw text.report("this input has no integers", at: spot)
    }
    try text.open(.openBracket, "`[` and the first element")
    let offset = try text.readDim()
    var axes: [IndexUse.Axis] = []
    var bound: Int64 = 1
    while text.accept(.comma) {
      let axisSpot = text.lexer.spot
      let extent = try text.readDim()
      try expectWord("by", "`by` and the distance of two elements")
      axes.append(IndexUse.Axis(extent: extent, stride: try text.readDim()))
      let own = text.builder.tables.dims.bound(extent) ?? .max
      let (product, overflow) = bound.multipliedReportingOverflow(by: Swift.max(own, 1))
      guard !overflow, product <= 1 << 32, axes.count <= 64 else {
        throw text.report("these are more than 2^32 elements", at: axisSpot)
      }
      bound = product
    }
    try text.close(.closeBracket, "`,` or `]`")
    try expectWord("in", "`in` and the range of what is allowed")
    var low: (dim: DimID, spot: Lexer.Spot)?
    if text.lexer.kind != .range {
      let lowSpot = text.lexer.spot
      low = (try text.readDim(), lowSpot)
    }
    try text.expect(.range, "`..<` and the size")
    let size = try text.readDim()
    if let low, text.builder.tables.dims.multiply(size, text.builder.tables.dims.integer(-1)) != low.dim {
      throw text.report("the range of an index begins at minus the size", at: low.spot)
    }
    try expectWord("of", "`of` and the name of an op")
    let op = try text.readOp()
    var place: Diagnostic.Place?
    if accept(word: "at") {
      let file = try text.readText("text in quotes")
      try text.expect(.colon, "`:` and the line")
      let line = try readInt()
      try text.expect(.colon, "`:` and the column")
      place = Diagnostic.Place(file: file, line: line, column: try readInt())
    }
    function.indexUses.append(
      IndexUse(
        input: input, offset: offset, axes: axes, size: size, role: role, hasLowerBound: low != nil, op: op,
        place: place))
  }

  // MARK: Buffers

  /// `%0 x f32[D*T] 48 bytes input x`.
  private mutating func readBuffer(_ function: inout ExecutionPlan) throws(Stop) {
    let position = function.buffers.count
    if text.lexer.text(text.lexer.name) != String(position) {
      text.report("buffers are numbered from 0 on; this one is `%\(position)`", at: text.lexer.spot)
    }
    text.advance()
    // Later rows keep their numbers, whatever is wrong with this one.
    function.buffers.append(
      Buffer(
        name: "", dtype: .f32, count: text.builder.tables.dims.integer(0), capacity: 0, storage: .arena(0)))
    guard text.lexer.kind == .identifier else { throw text.unexpected("the name of the buffer") }
    let name = text.lexer.text(text.lexer.name)
    let row = takeName()
    bufferRows[row] = bufferRows[row] == nil ? position : NameColumn.poison
    let typeSpot = text.lexer.spot
    let type = try text.readType()
    guard text.builder.tables.types.rank(type) == 1 else {
      throw text.report("a buffer has one extent: how many elements it has", at: typeSpot)
    }
    let dtype = text.builder.tables.types.dtype(type)
    let count = text.builder.tables.types.dim(type, 0)
    let capacity: Int
    if text.lexer.kind == .number {
      capacity = try readSize("the size in bytes")
      try expectWord("bytes", "`bytes`")
    } else {
      guard let bound = text.builder.tables.dims.bound(count),
        (0...Self.maximumBytes / Int64(dtype.byteCount)).contains(bound)
      else { throw text.report("this may be larger than 2^50 bytes", at: typeSpot) }
      capacity = Int(bound) * dtype.byteCount
    }
    let storage = try readStorage(capacity)
    function.buffers[position] = Buffer(
      name: name, dtype: dtype, count: count, capacity: capacity, storage: storage)
  }

  private mutating func readStorage(_ capacity: Int) throws(Stop) -> Buffer.Storage {
    if accept(word: "parameter") {
      return .parameter(try readPlace(parameterRows, .symbol, "a parameter such as `@w`"))
    }
    if accept(word: "state") { return .state(try readPlace(stateRows, .symbol, "a state such as `@s`")) }
    if accept(word: "input") { return .input(try readPlace(inputRows, .identifier, "the name of an input")) }
    if accept(word: "output") {
      return .output(try readPlace(outputRows, .identifier, "the name of an output"))
    }
    if accept(word: "constant") {
      return .constant(constants[try readPlace(constantRows, .identifier, "the name of a constant")])
    }
    try expectWord("arena", "`parameter`, `state`, `input`, `output`, `constant` or `arena`")
    let offset = try readSize("the first byte")
    if text.accept(.range) {
      let spot = text.lexer.spot
      let end = try readSize("the byte behind the last one")
      guard end == offset + capacity else {
        throw text.report("\(capacity) bytes from \(offset) on end before \(offset + capacity)", at: spot)
      }
    }
    return .arena(offset)
  }

  /// What the name that is the token stands for.
  private mutating func readPlace(
    _ rows: borrowing NameColumn, _ kind: Lexer.Kind, _ what: String
  ) throws(Stop) -> Int {
    guard text.lexer.kind == kind else { throw text.unexpected(what) }
    let spot = text.lexer.spot
    guard let place = rows[takeName()] else {
      throw text.report("there is none of this name; expected \(what)", at: spot)
    }
    guard place != NameColumn.poison else { throw Stop() }
    return place
  }

  // MARK: Steps

  /// Reads the steps and the `}` of the function; false where there is none.
  private mutating func readSteps(
    of function: inout ExecutionPlan, _ start: Lexer.Spot, _ item: inout PlanLines.Item
  ) throws(Stop) -> Bool {
    try text.endLine()
    // Whether what is open is a loop with a counter.
    var blocks: [Bool] = []
    while !text.isFull {
      text.skipNewlines()
      if text.lexer.kind == .end {
        text.report("the function has no closing `}`", at: start)
        return false
      }
      let line = Int32(text.lexer.line)
      do throws(Stop) {
        if text.lexer.kind == .number { text.advance() }
        if text.accept(.closeBrace) {
          if blocks.isEmpty { return true }
          if accept(word: "else") {
            try text.expect(.openBrace, "`{`")
            function.steps.append(.otherwise)
          } else {
            if blocks.removeLast() { text.forgetSymbol() }
            function.steps.append(.end)
          }
        } else {
          let step = try readStep(function, &blocks)
          function.steps.append(step)
        }
        while item.steps.count < function.steps.count { item.steps.append(line) }
        try text.endLine()
      } catch {
        if skipLine() { blocks.append(false) }
      }
    }
    return false
  }

  private mutating func readStep(
    _ function: borrowing ExecutionPlan, _ blocks: inout [Bool]
  ) throws(Stop) -> Step {
    if accept(word: "call") {
      guard text.lexer.kind == .identifier else { throw text.unexpected("the name of a kernel") }
      let spot = text.lexer.spot
      let row = takeName()
      try text.open(.openParenthesis, "`(` and the arguments")
      var arguments: [Argument] = []
      while text.lexer.kind != .closeParenthesis {
        let buffer = try readBufferName(function)
        let offset = text.accept(.plus) ? try text.readDim() : text.builder.tables.dims.integer(0)
        arguments.append(Argument(buffer: buffer, offset: offset))
        if text.lexer.kind != .closeParenthesis { try text.expect(.comma, "`+`, `,` or `)`") }
      }
      try text.close(.closeParenthesis, "`)`")
      pendingCalls.append(
        PendingCall(function: functions.count, step: function.steps.count, row: row, spot: spot))
      return .call(KernelID(0), arguments)
    }
    if accept(word: "leave") {
      try expectWord("unless", "`unless` and a bool such as `going[0]`")
      return .leave(unless: try readFlag(function))
    }
    if accept(word: "if") {
      let flag = try readFlag(function)
      try text.expect(.openBrace, "`{`")
      blocks.append(false)
      return .branch(flag)
    }
    if accept(word: "together") {
      try text.expect(.openBrace, "`{`")
      blocks.append(false)
      return .together
    }
    try expectWord("loop", "`call`, `together`, `loop`, `leave`, `if` or `}`")
    if text.accept(.openBrace) {
      blocks.append(false)
      return .forever
    }
    let spot = text.lexer.spot
    let counter = try text.readSymbolBound(least: 0)
    try expectWord("in", "`in 0 ..<` and the number of iterations")
    let zero = text.lexer.spot
    guard try text.readInteger() == 0 else { throw text.report("a loop of steps begins at 0", at: zero) }
    try text.expect(.range, "`..<` and the number of iterations")
    let count = try text.readDim()
    let isReverse = accept(word: "reversed")
    try text.expect(.openBrace, "`reversed` or `{`")
    try text.declare(counter, at: spot)
    blocks.append(true)
    return .loop(counter: counter, count: count, reverse: isReverse)
  }

  /// `going[0]`.
  private mutating func readFlag(_ function: borrowing ExecutionPlan) throws(Stop) -> Argument {
    let buffer = try readBufferName(function)
    try text.open(.openBracket, "`[` and the element")
    let offset = try text.readDim()
    try text.close(.closeBracket, "`]`")
    return Argument(buffer: buffer, offset: offset)
  }

  /// The name of a buffer, or its number.
  private mutating func readBufferName(_ function: borrowing ExecutionPlan) throws(Stop) -> BufferID {
    let spot = text.lexer.spot
    if text.lexer.kind == .value {
      let name = text.lexer.text(text.lexer.name)
      text.advance()
      guard let number = Int(name), number < function.buffers.count else {
        throw text.report("there is no buffer `%\(name)`", at: spot)
      }
      return BufferID(number)
    }
    guard text.lexer.kind == .identifier else { throw text.unexpected("the name of a buffer or `)`") }
    guard let position = bufferRows[takeName()] else {
      throw text.report("there is no buffer of this name", at: spot)
    }
    guard position != NameColumn.poison else {
      throw text.report(
        "several buffers have this name", at: spot, hint: "call it by its number, such as `%0`")
    }
    return BufferID(position)
  }

  /// Gives every call its kernel, now that all are known.
  mutating func resolveCalls() {
    for call in pendingCalls {
      guard let kernel = kernelRows[call.row] else {
        text.report("there is no kernel of this name", at: call.spot)
        continue
      }
      guard kernel != NameColumn.poison, call.function < functions.count,
        functions[call.function].steps.indices.contains(call.step),
        case .call(_, let arguments) = functions[call.function].steps[call.step]
      else { continue }
      functions[call.function].steps[call.step] = .call(KernelID(kernel), arguments)
    }
  }
}
