package import SluiceIR

/// Functions and bodies: the signature, the nodes line by line, the return.
extension Reader {
  /// What a signature promises.
  struct Signature {
    var results: [TypeID] = []
    var names: [StringID] = []
  }

  /// What `return` gives.
  struct Return {
    var spot: Lexer.Spot
    var results: [(value: ValueID?, spot: Lexer.Spot)] = []
    var writes: [Graph.Write] = []
  }

  /// Reads a function or body, which counts as failed when anything in it is wrong.
  mutating func readGraph(_ kind: Graph.Kind) throws(Stop) {
    let comment = takeComment()
    lexer.advance()
    let spot = lexer.spot
    guard lexer.kind == .symbol else { throw unexpected("a name such as `@f`") }
    let text = lexer.text(lexer.name)
    let name = builder.tables.strings.intern(text)
    let location = location(spot)
    let errorCount = diagnostics.count
    lexer.advance()
    scope.begin()
    scope.hasSymbols = true
    scope.isBody = kind == .body
    builder.location = location
    builder.begin(kind, text, comment: comment)
    var signature: Signature?
    do throws(Stop) {
      try requireNew(graphs[name], name, spot)
      scope.isSignature = true
      signature = try readSignature()
      scope.isSignature = false
    } catch {
      scope.isSignature = false
      // The rest is read for its own mistakes; what it does not know was meant to be in the signature.
      scope.isBroken = true
      guard skipToBody() else {
        builder.abandon()
        amendUse(graphs.define(name, location: location, isPoison: true), name, location)
        throw error
      }
    }
    var graph = GraphID.none
    let found = readNodes(text, spot)
    if let found, let signature {
      graph = finishGraph(found, signature, text, hasErrors: diagnostics.count > errorCount)
    }
    if graph.isNone { builder.abandon() }
    amendUse(graphs.define(name, graph: graph, location: location, isPoison: graph.isNone), name, location)
  }

  // MARK: Signature

  private mutating func readSignature() throws(Stop) -> Signature {
    nesting += 1
    if lexer.kind == .newline { advance() }
    let clause = try readWhereAhead()
    if let clause { builder.setSymbols(clause.symbols) }
    try open(.openParenthesis, "`(` and the inputs")
    while lexer.kind != .closeParenthesis {
      guard lexer.kind == .value else { throw unexpected("an input such as `%x: f32[2]` or `)`") }
      let spot = lexer.spot
      let row = names.intern(lexer.bytes, lexer.name)
      let name = valueName(lexer.name)
      advance()
      try expect(.colon, "`:` and the type of the input")
      let type = try readType()
      builder.location = location(spot)
      define(row, builder.input(type, name: name), spot)
      if lexer.kind != .closeParenthesis { try expect(.comma, "`,` or `)`") }
    }
    try close(.closeParenthesis, "`)`")
    var signature = Signature()
    if accept(.arrow) { signature = try readResults() }
    if let clause {
      guard lexer.isWord("where") else { throw unexpected("`where` or `{`") }
      lexer.jump(to: clause.end)
      if lexer.kind == .newline { advance() }
    }
    guard lexer.kind == .openBrace else {
      throw unexpected(clause == nil ? "`->`, `where` or `{`" : "`,` or `{`")
    }
    nesting -= 1
    advance()
    try endLine("the end of the line: each node has a line of its own")
    if !scope.isBody { reportSymbolsWithoutValue() }
    return signature
  }

  /// Reports the symbols of a function that no input gives a value to.
  private mutating func reportSymbolsWithoutValue() {
    for (symbol, error) in builder.tables.symbolProblems(in: builder.current) {
      guard let row = scope.symbols.first(where: { $0.symbol == symbol }) else { continue }
      report(error.message, at: row.spot, hint: error.hint)
    }
  }

  /// The results behind `->`: types, or names with types in parentheses.
  private mutating func readResults() throws(Stop) -> Signature {
    var signature = Signature()
    let isParenthesized = lexer.kind == .openParenthesis
    if isParenthesized { try open(.openParenthesis, "`(`") }
    if isParenthesized && lexer.kind == .closeParenthesis {
      try close(.closeParenthesis, "`)`")
      return signature
    }
    repeat {
      var name = StringID.none
      if isParenthesized, lexer.kind == .identifier, isNamedResult() {
        let spot = lexer.spot
        name = builder.tables.strings.intern(lexer.text(lexer.name))
        if signature.names.contains(name) {
          throw report("two results have the name `\(builder.tables.strings[name])`", at: spot)
        }
        advance()
        try expect(.colon, "`:` and the type of the result")
      }
      signature.results.append(try readType())
      signature.names.append(name)
    } while accept(.comma)
    if isParenthesized { try close(.closeParenthesis, "`,` or `)`") }
    return signature
  }

  /// Whether a `:` follows the identifier.
  private mutating func isNamedResult() -> Bool {
    let spot = lexer.spot
    advance()
    let isColon = lexer.kind == .colon
    lexer.jump(to: spot)
    return isColon
  }

  /// Reads the `where` clause, which stands behind the types that use its symbols, and comes back; gives the
  /// place behind the clause and the symbols, or nil when there is none.
  ///
  /// With `allowsCounters`, they may be those of loops, `$i0`.
  package mutating func readWhereAhead(allowsCounters: Bool = false) throws(Stop) -> (
    end: Lexer.Spot, symbols: [SymbolID]
  )? {
    let start = lexer.spot
    while !isWhere() {
      if lexer.kind == .openBrace || lexer.kind == .end || lexer.startsLine && isItemStart {
        lexer.jump(to: start)
        return nil
      }
      advance()
    }
    advance()
    var symbols: [SymbolID] = []
    repeat {
      guard allowsCounters || lexer.kind != .counter else { throw unexpected("a symbol such as `B`") }
      let spot = lexer.spot
      let symbol = try readSymbolBound()
      try declare(symbol, at: spot)
      symbols.append(symbol)
    } while accept(.comma)
    let end = lexer.spot
    lexer.jump(to: start)
    return (end, symbols)
  }

  /// Whether the token is the keyword `where`, and no result or symbol of that name.
  private mutating func isWhere() -> Bool {
    guard lexer.isWord("where") else { return false }
    let spot = lexer.spot
    advance()
    let next = lexer.kind
    lexer.jump(to: spot)
    switch next {
    case .colon, .comma, .closeBracket, .closeParenthesis, .plus, .minus, .star: return false
    default: return true
    }
  }

  /// Goes on to the first line behind a signature that could not be read; false where there is none.
  private mutating func skipToBody() -> Bool {
    nesting = 0
    while lexer.kind != .end, !(lexer.startsLine && isItemStart) {
      let isBrace = lexer.kind == .openBrace
      lexer.advance()
      if isBrace, lexer.kind == .newline { return true }
      if lexer.startsLine, lexer.kind == .value || lexer.isWord("return") { return true }
    }
    return false
  }

  // MARK: Nodes and return

  /// Reads the lines up to `}`; gives what is returned, or nil when there is no valid `return`.
  private mutating func readNodes(_ graph: String, _ start: Lexer.Spot) -> Return? {
    var found: Return?
    var hasReturn = false
    defer { nodeScope = moduleScope }
    while !isFull {
      skipNewlines()
      let spot = lexer.spot
      do throws(Stop) {
        if lexer.kind == .value {
          if hasReturn { report("a node after `return`", at: spot, hint: "`return` is the last line") }
          try readNode()
        } else if lexer.isWord("return") {
          if hasReturn { report("`return` stands twice in `@\(graph)`", at: spot) }
          hasReturn = true
          found = try readReturn()
        } else if lexer.isWord("scope") {
          try readScope()
        } else if lexer.kind == .closeBrace {
          lexer.advance()
          if !hasReturn { report("`@\(graph)` has no `return`", at: spot) }
          try endLine()
          return found
        } else if lexer.kind == .end || isItemStart {
          report("`@\(graph)` has no closing `}`", at: lexer.kind == .end ? start : spot)
          return nil
        } else {
          throw unexpected("a node such as `%y = ...`, `scope`, `return` or `}`")
        }
        try endLine()
      } catch {
        skipStatement()
      }
    }
    return nil
  }

  /// `scope "gpt/layers.0"`: where the nodes below come from.
  private mutating func readScope() throws(Stop) {
    lexer.advance()
    let spot = lexer.spot
    let text = try readText("the scope in quotes, such as `\"net/layers.0\"`")
    guard !text.isEmpty, !text.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 }) else {
      throw report(
        "a scope has at least one character, and no line breaks or other control characters", at: spot)
    }
    nodeScope = builder.tables.strings.intern(text)
  }

  private mutating func readReturn() throws(Stop) -> Return {
    var found = Return(spot: lexer.spot)
    lexer.advance()
    if lexer.kind == .newline || lexer.kind == .end { return found }
    repeat {
      let spot = lexer.spot
      if lexer.kind == .symbol {
        try readWrite(into: &found)
      } else {
        found.results.append((try readOperand(), spot))
      }
    } while accept(.comma)
    return found
  }

  /// `@state = %value`.
  private mutating func readWrite(into found: inout Return) throws(Stop) {
    let spot = lexer.spot
    let name = builder.tables.strings.intern(lexer.text(lexer.name))
    advance()
    try expect(.equal, "`=` and the new value")
    let value = try readOperand()
    let text = builder.tables.strings[name]
    if scope.isBody {
      report(
        "a body writes `@\(text)`", at: spot,
        hint: "a body gives the new value as a result; a function writes it")
      return
    }
    guard isKnownVariable(name, spot), let value else { return }
    guard let variable = builder.tables.variable(name) else { return }
    if variable.type != builder.type(value) {
      report(
        "`@\(text)` is \(builder.tables.text(variable.type)), the value written is "
          + "\(builder.tables.text(builder.type(value)))", at: spot)
    } else if found.writes.contains(where: { $0.state == name }) {
      report("`@\(text)` is written twice by one function", at: spot)
    } else {
      found.writes.append(Graph.Write(state: name, value: value))
    }
  }

  /// Ends the graph when nothing in it is wrong, and when what it returns is what it promised.
  private mutating func finishGraph(
    _ found: Return, _ signature: Signature, _ graph: String, hasErrors: Bool
  ) -> GraphID {
    let (given, wanted) = (found.results.count, signature.results.count)
    if given != wanted {
      report(
        "`@\(graph)` returns \(given) value\(given == 1 ? "" : "s"), its signature says \(wanted)",
        at: found.spot)
      return .none
    }
    var fits = true
    for (position, result) in found.results.enumerated() {
      guard let value = result.value else { continue }
      let (seen, said) = (builder.type(value), signature.results[position])
      if seen != said {
        report(
          "`@\(graph)` returns \(builder.tables.text(seen)), its signature says \(builder.tables.text(said))",
          at: result.spot)
        fits = false
      }
    }
    guard fits, !hasErrors else { return .none }
    let isNamed = signature.names.contains { !$0.isNone }
    do throws(InferenceError) {
      let id = try builder.end(
        results: found.results.compactMap(\.value), names: isNamed ? signature.names : [],
        writes: found.writes)
      graphSymbols.append(scope.symbols.map(\.symbol))
      return id
    } catch {
      report(error.message, at: found.spot, hint: error.hint)
      return .none
    }
  }
}
