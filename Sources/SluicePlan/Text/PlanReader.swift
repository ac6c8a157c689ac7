public import SluiceIR
import SluiceText

/// Reads the text of a plan, as `printPlan` writes it, and reports every mistake in it.
///
/// What the text says is not proven to be sound: `PlanChecker` does that, and nothing may run before.
///
/// - Parameters:
///   - text: The text as UTF-8.
///   - file: What diagnostics call the file; its stem names a plan without a name.
/// - Throws: All errors, in the order of their places.
public func parsePlan(_ text: [UInt8], file: String) throws(Diagnostics) -> ModulePlan {
  guard text.count <= Int(Int32.max) else {
    throw Diagnostics([
      Diagnostic(.error, "`\(file)` is larger than 2 GiB", at: .init(file: file, line: 0, column: 0))
    ])
  }
  var reader = PlanReader(text, file: file)
  reader.readItems()
  return try reader.finish()
}

/// Reads the text of a plan and reports every mistake in it.
public func parsePlan(_ text: String, file: String) throws(Diagnostics) -> ModulePlan {
  try parsePlan(Array(text.utf8), file: file)
}

/// Whether a text is that of a plan, not of a module: its first word is `plan`.
public func isPlan(_ text: [UInt8]) -> Bool {
  var lexer = Lexer(text)
  while lexer.kind == .newline { lexer.advance() }
  return lexer.isWord("plan")
}

/// What names stand for in one part of the text; forgetting them all costs nothing.
struct NameColumn {
  private var epochs: [UInt32] = []
  private var values: [Int] = []
  private var epoch: UInt32 = 1

  /// What stands for a name whose definition failed, or that has two.
  static let poison = -1

  /// What a row of the name table stands for; nil where nothing is known of it.
  subscript(row: Int) -> Int? {
    get { row < epochs.count && epochs[row] == epoch ? values[row] : nil }
    set {
      while epochs.count <= row {
        epochs.append(0)
        values.append(0)
      }
      epochs[row] = newValue == nil ? 0 : epoch
      values[row] = newValue ?? 0
    }
  }

  /// Forgets everything.
  mutating func clear() { epoch += 1 }
}

/// The reader of plans: line by line over the tokens, types, dims and numbers of `.sluice` text.
///
/// A statement that fails throws `Stop`, and the reader goes on with the next line; a name whose definition failed is
/// poison, and what uses it is passed over.
struct PlanReader: ~Copyable {
  var text: Reader
  var functions: [ExecutionPlan] = []
  var kernels: [Kernel] = []
  var parameters: [ModulePlan.Variable] = []
  var states: [ModulePlan.Variable] = []
  var parameterBytes = 0
  var stateBytes = 0

  // What names stand for, by their row in `text.names`.
  var kernelRows = NameColumn()
  var constantRows = NameColumn()
  var constants: [ConstantID] = []
  /// Positions among the parameters, and among the states.
  var parameterRows = NameColumn()
  var stateRows = NameColumn()
  /// Of the function that is read.
  var bufferRows = NameColumn()
  var inputRows = NameColumn()
  var outputRows = NameColumn()
  /// Of the kernel that is read.
  var memoryRows = NameColumn()
  var memories: [Memory] = []
  var registerRows = NameColumn()

  /// A call whose kernel stands further down.
  struct PendingCall {
    var function: Int
    var step: Int
    var row: Int
    var spot: Lexer.Spot
  }

  var pendingCalls: [PendingCall] = []
  var lines: PlanLines
  /// Whether a function was read, so that the variables have their places.
  private var hasFunction = false

  /// No size in bytes may be larger.
  static let maximumBytes: Int64 = 1 << 50

  init(_ text: [UInt8], file: String) {
    self.text = Reader(text, file: file)
    lines = PlanLines(file: file)
  }

  /// The plan, or everything that is wrong.
  consuming func finish() throws(Diagnostics) -> ModulePlan {
    placeVariables()
    resolveCalls()
    let (functions, kernels) = (functions, kernels)
    let (parameters, states) = (parameters, states)
    let (parameterBytes, stateBytes) = (parameterBytes, stateBytes)
    let lines = lines
    var plan = ModulePlan(
      module: try text.finish(), kernels: kernels, functions: functions, parameters: parameters,
      parameterBytes: parameterBytes, states: states, stateBytes: stateBytes)
    plan.lines = lines
    return plan
  }

  // MARK: Items

  /// Reads the whole text.
  mutating func readItems() {
    text.skipNewlines()
    do throws(Stop) {
      guard text.lexer.isWord("plan") else {
        throw text.unexpected("`plan` and its name, such as `plan @mlp`")
      }
      try text.readModuleName(isFirst: true)
    } catch {
      text.lexer.advance()
      skipItem()
    }
    while true {
      text.skipNewlines()
      if text.lexer.kind == .end || text.isFull { return }
      do throws(Stop) {
        try readItem()
        try text.endLine()
      } catch {
        skipItem()
      }
    }
  }

  private mutating func readItem() throws(Stop) {
    let word = text.lexer.kind == .identifier ? text.lexer.text(text.lexer.name) : ""
    switch word {
    case "symbols": try readSymbols()
    case "constant": try readConstant()
    case "param", "state":
      try readVariable(word == "param" ? .parameter : .state)
    case "parameters": try readPlaces(.parameter)
    case "states": try readPlaces(.state)
    case "func":
      placeVariables()
      hasFunction = true
      try readFunction()
    case "kernel": try readKernel()
    default:
      let stop = text.unexpected(
        "`symbols`, `constant`, `param`, `state`, `parameters`, `states`, `func` or `kernel`")
      text.lexer.advance()
      throw stop
    }
  }

  /// Goes on to the next line that begins an item: one that is not indented.
  private mutating func skipItem() {
    text.nesting = 0
    while text.lexer.kind != .end {
      let lexer = text.lexer
      if lexer.startsLine, lexer.kind == .identifier, lexer.spot.offset == lexer.spot.lineStart { return }
      text.lexer.advance()
    }
  }

  /// `symbols B <= 8, T <= 16`: the order of the symbols, where it is not that of their first use.
  private mutating func readSymbols() throws(Stop) {
    text.advance()
    repeat { _ = try text.readSymbolBound(least: 0) } while text.accept(.comma)
  }

  /// `constant c0 : f32[2] = [1, 2]`.
  private mutating func readConstant() throws(Stop) {
    text.advance()
    let spot = text.lexer.spot
    guard text.lexer.kind == .identifier else {
      throw text.unexpected("the name of the constant, such as `c0`")
    }
    let row = takeName()
    guard constantRows[row] == nil else { throw text.report("two constants have this name", at: spot) }
    constantRows[row] = NameColumn.poison
    try text.expect(.colon, "`:` and the type of the constant")
    text.beginScope()
    let type = try text.readType()
    try text.expect(.equal, "`=` and the elements")
    constants.append(try text.readConstant(type, at: text.lexer.spot))
    constantRows[row] = constants.count - 1
  }

  // MARK: Variables

  private mutating func requireNoFunction() throws(Stop) {
    guard hasFunction else { return }
    throw text.report("parameters and states stand above the functions", at: text.lexer.spot)
  }

  /// A line as in the text of a module.
  private mutating func readVariable(_ kind: Variable.Kind) throws(Stop) {
    try requireNoFunction()
    text.beginScope()
    let start = text.lexer.spot
    text.advance()
    let row = text.lexer.kind == .symbol ? text.names.intern(text.lexer.bytes, text.lexer.name) : nil
    text.lexer.jump(to: start)
    do throws(Stop) { try text.readVariable(kind) } catch {
      if let row {
        parameterRows[row] = NameColumn.poison
        stateRows[row] = NameColumn.poison
      }
      throw error
    }
  }

  /// `parameters 128` or `states 128`, the size of the block in bytes, and below it `@name at 64` for each.
  private mutating func readPlaces(_ kind: Variable.Kind) throws(Stop) {
    try requireNoFunction()
    text.advance()
    let sizeSpot = text.lexer.spot
    let byteCount = try readSize("the size of the block in bytes")
    guard byteCount % 64 == 0 else { throw text.report("this is no multiple of 64", at: sizeSpot) }
    if kind == .parameter { parameterBytes = byteCount } else { stateBytes = byteCount }
    while true {
      try text.endLine()
      let end = text.lexer.spot
      text.skipNewlines()
      guard text.lexer.kind == .symbol else { return text.lexer.jump(to: end) }
      let spot = text.lexer.spot
      let name = text.builder.tables.strings.intern(text.lexer.text(text.lexer.name))
      let row = takeName()
      if parameterRows[row] == NameColumn.poison { throw Stop() }
      guard let variable = text.builder.tables.variable(name) else {
        throw text.report(
          "`@\(text.builder.tables.strings[name])` is not declared", at: spot,
          hint: "a line such as `param @w : f32[2]` above declares it")
      }
      if kind == .parameter, variable.kind == .state {
        throw text.report("a state is not among the parameters", at: spot)
      }
      guard parameterRows[row] == nil, stateRows[row] == nil else {
        throw text.report("`@\(text.builder.tables.strings[name])` has two places", at: spot)
      }
      try expectWord("at", "`at` and the first byte")
      let offset = try readSize("the first byte")
      try place(variable, row, kind, offset: offset, spot)
    }
  }

  private mutating func place(
    _ variable: Variable, _ row: Int, _ kind: Variable.Kind, offset: Int, _ spot: Lexer.Spot
  ) throws(Stop) {
    let dtype = text.builder.tables.types.dtype(variable.type)
    guard let count = text.builder.tables.elementCount(variable.type),
      let value = text.builder.tables.dims.value(count),
      value <= Self.maximumBytes / Int64(dtype.byteCount)
    else { throw text.report("this is larger than 2^50 bytes", at: spot) }
    let placed = ModulePlan.Variable(
      name: text.builder.tables.strings[variable.name], type: variable.type, offset: offset,
      byteCount: Int(value) * dtype.byteCount, isParameter: variable.kind == .parameter)
    if kind == .parameter {
      parameterRows[row] = parameters.count
      parameters.append(placed)
    } else {
      stateRows[row] = states.count
      states.append(placed)
    }
  }

  /// Gives the variables without a place one behind the others.
  private mutating func placeVariables() {
    if hasFunction { return }
    for variable in text.builder.tables.variables {
      let name = Array(text.builder.tables.strings[variable.name].utf8)
      let row = text.names.intern(name, name.indices)
      if parameterRows[row] != nil || stateRows[row] != nil { continue }
      let last = (variable.kind == .parameter ? parameters : states).last
      let offset = Self.aligned((last?.offset ?? 0) + (last?.byteCount ?? 0))
      do throws(Stop) {
        try place(variable, row, variable.kind, offset: offset, text.lexer.spot)
      } catch { return }
    }
    if let last = parameters.last {
      parameterBytes = max(parameterBytes, Self.aligned(last.offset + last.byteCount))
    }
    if let last = states.last { stateBytes = max(stateBytes, Self.aligned(last.offset + last.byteCount)) }
  }

  /// The next multiple of 64.
  static func aligned(_ byteCount: Int) -> Int { (byteCount + 63) / 64 * 64 }
}

// MARK: Tokens

extension PlanReader {
  /// The row of the name that is the token, which is passed over.
  mutating func takeName() -> Int {
    let row = text.names.intern(text.lexer.bytes, text.lexer.name)
    text.advance()
    return row
  }

  /// Passes over a word, if it is next.
  mutating func accept(word: String) -> Bool {
    guard text.lexer.isWord(word) else { return false }
    text.advance()
    return true
  }

  /// Passes over a word.
  mutating func expectWord(_ word: String, _ what: String) throws(Stop) {
    guard accept(word: word) else { throw text.unexpected(what) }
  }

  /// Reads a number of bytes.
  mutating func readSize(_ what: String) throws(Stop) -> Int {
    let spot = text.lexer.spot
    guard text.lexer.kind == .number else { throw text.unexpected(what) }
    let value = try text.readInteger()
    guard (0...Self.maximumBytes).contains(value) else {
      throw text.report("this is more than 2^50 bytes", at: spot)
    }
    return Int(value)
  }

  /// Reads a number that fits `Int`.
  mutating func readInt() throws(Stop) -> Int {
    let spot = text.lexer.spot
    guard let value = Int(exactly: try text.readInteger()) else {
      throw text.report("the number is too large", at: spot)
    }
    return value
  }
}
