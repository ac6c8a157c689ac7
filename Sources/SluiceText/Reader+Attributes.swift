package import SluiceIR

/// Attributes: names before the operands, and the values in braces, read by their kinds.
extension Reader {
  // MARK: Names of the module

  /// Reads `@name`, which a schema wants before the operands; whether what it names can be used.
  mutating func readName(_ spec: AttributeSpec) throws(Stop) -> Bool {
    let spot = lexer.spot
    let name = builder.tables.strings.intern(lexer.text(lexer.name))
    advance()
    if spec.kind == .graph {
      guard let graph = knownGraph(name, spot), hasSymbols(of: graph, spot) else { return false }
      attributes.append(Attribute(spec.name, .graph(graph)))
      return true
    }
    if scope.isBody {
      report(
        "a body reads `@\(builder.tables.strings[name])`", at: spot,
        hint: "a body sees nothing but its inputs: pass the value as an operand")
      return false
    }
    guard isKnownVariable(name, spot) else { return false }
    attributes.append(Attribute(spec.name, .symbol(name)))
    return true
  }

  /// Whether there is a parameter or state of that name; reports a name without a definition, once.
  mutating func isKnownVariable(_ name: StringID, _ spot: Lexer.Spot) -> Bool {
    if let known = variables[name] { return !known.isPoison }
    let text = builder.tables.strings[name]
    let hint = suggestion(text, variables.defined) ?? "declare it above: `param @\(text) : f32[...]`"
    report("`@\(text)` is not declared", at: spot, hint: hint)
    variables[name] = ItemTable.Item(isPoison: true, error: diagnostics.count - 1)
    return false
  }

  /// The graph of a name; reports a name without a definition, once.
  private mutating func knownGraph(_ name: StringID, _ spot: Lexer.Spot) -> GraphID? {
    if let known = graphs[name] { return known.isPoison ? nil : known.graph }
    let text = builder.tables.strings[name]
    if text == builder.tables.strings[builder.currentName] {
      report("`@\(text)` uses itself", at: spot)
      return nil
    }
    let hint = suggestion(text, graphs.defined) ?? "define it above: `body @\(text)(...)`"
    report("there is no body `@\(text)`", at: spot, hint: hint)
    graphs[name] = ItemTable.Item(isPoison: true, error: diagnostics.count - 1)
    return nil
  }

  /// Whether the graph under construction has the symbols of one that it uses.
  private mutating func hasSymbols(of used: GraphID, _ spot: Lexer.Spot) -> Bool {
    if scope.isBroken { return false }
    for symbol in graphSymbols[used.index] where !scope.symbols.contains(where: { $0.symbol == symbol }) {
      let known = builder.tables.dims.symbols[symbol.index]
      let text = "\(builder.tables.strings[known.name]) <= \(known.bound)"
      report(
        "the symbol `\(text)` of this body is not in the `where` of the graph that uses it", at: spot,
        hint: "add `\(text)`")
      return false
    }
    return true
  }

  private func suggestion(_ name: String, _ known: [StringID]) -> String? {
    let nearest = Suggestion.nearest(
      to: name.utf8,
      among: known.suffix(Self.maximumSuggestionCount).map { Array(builder.tables.strings[$0].utf8) })
    return nearest.map { "did you mean `@\($0)`?" }
  }

  // MARK: Braces

  /// Reads `{name = value, ...}`; what this graph has written for this op before costs a look at its bytes.
  mutating func readBraces(_ row: Int) throws(Stop) {
    let spot = lexer.spot
    var end = spot.offset
    while end < lexer.end, lexer.bytes[end] != 0x7D, lexer.bytes[end] != 0x0A, lexer.bytes[end] != 0x2F {
      end += 1
    }
    // Braces that end in another line, or hold a comment, or stand behind a name.
    guard end < lexer.end, lexer.bytes[end] == 0x7D, attributes.isEmpty else {
      return try readAttributes(row)
    }
    let block = blockNames.intern(lexer.bytes, spot.offset..<end + 1)
    if block < knownBlocks.count, knownBlocks[block].epoch == scope.epoch, knownBlocks[block].row == row {
      lexer.jump(to: Lexer.Spot(offset: end + 1, line: spot.line, lineStart: spot.lineStart))
      record = knownBlocks[block].record
      return
    }
    try readAttributes(row)
    // Not a constant, and not a `}` within quotes.
    guard pendingConstant == nil, lexer.kind == .colon,
      !attributes.contains(where: { $0.value.kind == .string })
    else { return }
    record = ops.rows[row].op.definition.record(attributes, &builder.tables)
    while knownBlocks.count <= block {
      knownBlocks.append(Scope.KnownBlock(epoch: 0, row: 0, record: record))
    }
    knownBlocks[block] = Scope.KnownBlock(epoch: scope.epoch, row: row, record: record)
  }

  private mutating func readAttributes(_ row: Int) throws(Stop) {
    try open(.openBrace, "`{`")
    while lexer.kind != .closeBrace {
      let spot = lexer.spot
      guard lexer.kind == .identifier else { throw unexpected("the name of an attribute or `}`") }
      let position = ops.rows[row].braced.firstIndex { lexer.bytes[lexer.name].elementsEqual($0.text) }
      guard let position else { throw unknownAttribute(row) }
      let spec = ops.rows[row].braced[position].spec
      let isGiven = attributes.contains { $0.name == spec.name } || pendingConstant?.name == spec.name
      guard !isGiven else { throw report("`\(spec.name.text)` is given twice", at: spot) }
      advance()
      try expect(.equal, "`=` and a value")
      if spec.kind == .constant {
        pendingConstant = PendingConstant(name: spec.name, spot: lexer.spot)
        try skipElements()
      } else {
        attributes.append(Attribute(spec.name, try readValue(spec.kind)))
      }
      if lexer.kind != .closeBrace { try expect(.comma, "`,` or `}`") }
    }
    try close(.closeBrace, "`}`")
  }

  private mutating func unknownAttribute(_ row: Int) -> Stop {
    let (op, name) = (ops.rows[row].op.definition.name, lexer.text(lexer.name))
    if ops.rows[row].positional.contains(where: { $0.spec.name.text == name }) {
      return report(
        "`\(name)` is written before the operands", at: lexer.spot, hint: "such as `\(op) @name`")
    }
    let known = ops.rows[row].braced.map { "`\($0.spec.name.text)`" }.joined(separator: ", ")
    let nearest = Suggestion.nearest(to: name.utf8, among: ops.rows[row].braced.map(\.text))
    return report(
      "`\(op)` has no attribute `\(name)`", at: lexer.spot,
      hint: nearest.map { "did you mean `\($0)`?" } ?? (known.isEmpty ? "it has none" : "it has \(known)"))
  }

  /// Reads a value of a kind.
  private mutating func readValue(_ kind: AttributeKind) throws(Stop) -> AttributeValue {
    switch kind {
    case .int: return .int(try readInteger())
    case .number: return .number(try readDouble())
    case .dim: return .dim(try readDim())
    case .ints:
      var values: [Int64] = []
      try readList("an integer") { reader throws(Stop) in values.append(try reader.readInteger()) }
      return .ints(values)
    case .dims:
      var values: [DimID] = []
      try readList("a dim") { reader throws(Stop) in values.append(try reader.readDim()) }
      return .dims(values)
    case .bool:
      let value = lexer.isWord("true")
      guard value || lexer.isWord("false") else { throw unexpected("`true` or `false`") }
      advance()
      return .bool(value)
    case .dtype:
      guard lexer.kind == .identifier, let dtype = DType(name: lexer.text(lexer.name)) else {
        throw unexpected("a dtype: \(DTypeSet.any.text)")
      }
      advance()
      return .dtype(dtype)
    case .string: return .string(builder.tables.strings.intern(try readText("text in quotes")))
    case .symbol, .graph, .constant: throw unexpected("a value")
    }
  }

  /// Reads text in quotes; `what` describes it to the user.
  package mutating func readText(_ what: String) throws(Stop) -> String {
    guard lexer.kind == .string else { throw unexpected(what) }
    guard let text = StringText.read(lexer.bytes[lexer.name]) else {
      throw report(
        "the text has an unknown escape", at: lexer.spot,
        hint: "there are `\\\\`, `\\\"`, `\\n`, `\\t` and `\\u{1F600}`")
    }
    advance()
    return text
  }

  /// Reads `[a, b, ...]`.
  package mutating func readList(
    _ what: String, _ element: (inout Reader) throws(Stop) -> Void
  ) throws(Stop) {
    try open(.openBracket, "`[`")
    while lexer.kind != .closeBracket {
      try element(&self)
      if lexer.kind != .closeBracket { try expect(.comma, "`,` or `]`") }
    }
    try close(.closeBracket, "`]`")
  }

  /// Reads the name of an op.
  package mutating func readOp() throws(Stop) -> Op {
    guard lexer.kind == .identifier, let row = ops.find(lexer.bytes, lexer.name) else {
      throw unexpected("the name of an op")
    }
    advance()
    return ops.rows[row].op
  }
}
