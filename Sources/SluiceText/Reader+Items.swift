package import SluiceIR

/// Items: the `module` line, parameters and states; graphs are in `Reader+Graph.swift`.
extension Reader {
  /// Reads the whole text.
  mutating func readItems() {
    var isFirst = true
    while true {
      skipNewlines()
      if lexer.kind == .end || isFull { return }
      if isFirst, lexer.isWord("plan") {
        report("this is a plan, not a module", at: lexer.spot, hint: "`parsePlan` reads the text of plans")
        return
      }
      do throws(Stop) {
        try readItem(isFirst: isFirst)
      } catch {
        skipStatement()
      }
      isFirst = false
    }
  }

  private mutating func readItem(isFirst: Bool) throws(Stop) {
    if lexer.isWord("param") || lexer.isWord("state") {
      try readVariable(lexer.isWord("param") ? .parameter : .state)
    } else if lexer.isWord("func") || lexer.isWord("body") {
      try readGraph(lexer.isWord("func") ? .function : .body)
    } else if lexer.isWord("module") {
      try readModuleName(isFirst: isFirst)
    } else {
      let stop = unexpected("`module`, `param`, `state`, `func` or `body`")
      lexer.advance()
      throw stop
    }
  }

  /// Reads the line that begins a text, behind its keyword.
  package mutating func readModuleName(isFirst: Bool) throws(Stop) {
    let spot = lexer.spot
    let comment = takeComment()
    lexer.advance()
    guard lexer.kind == .symbol else { throw unexpected("a name such as `@model`") }
    let name = lexer.text(lexer.name)
    if name.contains(".") {
      report("the name of a module has no dots", at: lexer.spot, hint: "it also names the generated C")
    }
    advance()
    try endLine()
    if !isFirst {
      report("`module` stands after other items", at: spot, hint: "one `module` line begins the text")
    }
    moduleName = name
    moduleScope = builder.tables.strings.intern(name)
    nodeScope = moduleScope
    moduleComment = comment
  }

  /// The comment whose last line is right above the token, without lines that are for the tests.
  package mutating func takeComment() -> [String] {
    var line = lexer.line - 1
    var lines: [String] = []
    for comment in lexer.comments.reversed() {
      guard comment.isWholeLine, comment.line == line else { break }
      line -= 1
      if TestDirectives.directive(lexer.bytes, comment.text) != nil { continue }
      var text = comment.text
      while let last = text.last,
        lexer.bytes[last] == 0x20 || lexer.bytes[last] == 0x09 || lexer.bytes[last] == 0x0D
      {
        text.removeLast()
      }
      if let first = text.first, lexer.bytes[first] == 0x20 { text.removeFirst() }
      lines.append(lexer.text(text))
    }
    return lines.reversed()
  }

  // MARK: Parameters and states

  package mutating func readVariable(_ kind: Variable.Kind) throws(Stop) {
    lexer.advance()
    guard lexer.kind == .symbol else { throw unexpected("a name such as `@w`") }
    let spot = lexer.spot
    let name = builder.tables.strings.intern(lexer.text(lexer.name))
    let location = location(spot)
    advance()
    do throws(Stop) {
      scope.begin()
      try expect(.colon, "`:` and a type")
      let type = try readType()
      let initializer = try readInitializer(type)
      try endLine()
      try requireNew(variables[name], name, spot)
      try declare(
        Variable(kind: kind, name: name, type: type, initializer: initializer, location: location), spot)
      amendUse(variables.define(name, location: location), name, location)
    } catch {
      amendUse(variables.define(name, location: location, isPoison: true), name, location)
      throw error
    }
  }

  /// Throws when the name is taken.
  mutating func requireNew(_ known: ItemTable.Item?, _ name: StringID, _ spot: Lexer.Spot) throws(Stop) {
    guard let known, !known.location.isNone else { return }
    throw report(
      "`@\(builder.tables.strings[name])` is declared twice", at: spot,
      notes: note("it is first declared here", at: known.location))
  }

  /// An error about an unknown name turns out to be one about the order.
  mutating func amendUse(_ error: Int?, _ name: StringID, _ location: LocationID) {
    guard let error, diagnostics.indices.contains(error) else { return }
    diagnostics[error].message = "`@\(builder.tables.strings[name])` is used before its definition"
    diagnostics[error].notes = note("it is defined here", at: location)
  }

  private mutating func declare(_ variable: Variable, _ spot: Lexer.Spot) throws(Stop) {
    guard builder.tables.elementCount(variable.type) != nil else {
      throw report("\(builder.tables.text(variable.type)) has more elements than fit 64 bits", at: spot)
    }
    do throws(InferenceError) {
      try builder.declare(variable)
    } catch {
      throw report(error.message, at: spot, hint: error.hint)
    }
  }

  /// The initialiser behind `init`; zeros where there is none.
  private mutating func readInitializer(_ type: TypeID) throws(Stop) -> Variable.Initializer {
    guard lexer.isWord("init") else {
      guard lexer.kind == .newline || lexer.kind == .end else {
        throw unexpected("`init` or the end of the line")
      }
      return .zeros
    }
    advance()
    let spot = lexer.spot
    guard lexer.kind == .identifier else { throw unexpected("an initialiser") }
    let word = lexer.text(lexer.name)
    advance()
    switch word {
    case "zeros": return .zeros
    case "ones": return .ones
    case "eye": return .eye
    case "data":
      let start = lexer.spot
      guard lexer.kind == .openBracket else { throw unexpected("`[` and the elements") }
      return .data(try readConstant(type, at: start))
    case "constant":
      let dtype = builder.tables.types.dtype(type)
      // Floats are rounded once, from their digits.
      if dtype.isFloating { return .constant(try readFloatArgument(dtype)) }
      let value = try readArguments(1, isExact: dtype.isInteger)[0]
      try requireFits(value, dtype, spot)
      return .constant(value)
    case "normal":
      let values = try readArguments(2)
      try requireFloat(type, word, spot)
      guard values[0].isFinite, values[1].isFinite, values[1] >= 0 else {
        throw report("`normal` takes a finite mean and a finite standard deviation of 0 or more", at: spot)
      }
      for value in values { try requireFits(value, builder.tables.types.dtype(type), spot) }
      return .normal(mean: values[0], deviation: values[1])
    case "uniform":
      let values = try readArguments(2)
      try requireFloat(type, word, spot)
      guard values[0].isFinite, values[1].isFinite, values[0] <= values[1] else {
        throw report("`uniform` takes two finite numbers, the smaller one first", at: spot)
      }
      for value in values { try requireFits(value, builder.tables.types.dtype(type), spot) }
      return .uniform(low: values[0], high: values[1])
    default:
      throw report(
        "unknown initialiser `\(word)`", at: spot,
        hint:
          "there are `zeros`, `ones`, `constant(x)`, `eye`, `normal(mean, deviation)`, `uniform(low, high)` "
          + "and `data [...]`")
    }
  }

  /// One float of a dtype in parentheses.
  private mutating func readFloatArgument(_ dtype: DType) throws(Stop) -> Double {
    var bytes: [UInt8] = []
    try open(.openParenthesis, "`(`")
    try readElement(dtype, into: &bytes)
    try close(.closeParenthesis, "`)`")
    let bits = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return switch dtype {
    case .f32: Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
    case .f16, .bf16: Double(NarrowFloat.widened(UInt16(truncatingIfNeeded: bits), dtype))
    default: Double(bitPattern: bits)
    }
  }

  /// Numbers in parentheses; with `isExact`, integers must not need rounding.
  private mutating func readArguments(_ count: Int, isExact: Bool = false) throws(Stop) -> [Double] {
    var values: [Double] = []
    try open(.openParenthesis, "`(`")
    for position in 0..<count {
      if position > 0 { try expect(.comma, "`,` and a number") }
      if isExact { try requireExactInteger() }
      values.append(try readDouble())
    }
    try close(.closeParenthesis, "`)`")
    return values
  }

  /// Throws where the next number is an integer that binary64, in which initial values are kept, would round.
  private mutating func requireExactInteger() throws(Stop) {
    let spot = lexer.spot
    _ = accept(.minus)
    defer { lexer.jump(to: spot) }
    guard lexer.kind == .number else { return }
    guard case .value(let value) = NumberText.integer(lexer.bytes, lexer.low..<lexer.high, isNegative: false),
      Double(exactly: value) == nil
    else { return }
    throw report(
      "the initial value \(value) needs more than 53 bits", at: spot, hint: "write the elements: `data [...]`"
    )
  }

  private mutating func requireFloat(_ type: TypeID, _ word: String, _ spot: Lexer.Spot) throws(Stop) {
    guard builder.tables.types.dtype(type).isFloating else {
      throw report("`\(word)` makes floats, the type is \(builder.tables.text(type))", at: spot)
    }
  }

  private mutating func requireFits(_ value: Double, _ dtype: DType, _ spot: Lexer.Spot) throws(Stop) {
    guard ScalarConstant.bits(holding: value, dtype) != nil else {
      var text: [UInt8] = []
      NumberText.append(value, to: &text)
      throw report(
        "\(String(decoding: text, as: UTF8.self)) is not a value of \(dtype.name)", at: spot,
        hint: dtype.isFloating ? "infinity is `inf`" : nil)
    }
  }
}
