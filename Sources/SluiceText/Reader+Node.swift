import SluiceIR

/// Node lines: `%q, %k = op @name, %a, %b {axis = 0} : f32[2], f32[2]`.
extension Reader {
  /// Reads one node; when it fails, its results are poison.
  mutating func readNode() throws(Stop) {
    results.removeAll(keepingCapacity: true)
    do throws(Stop) {
      try readNodeLine()
    } catch {
      poisonResults()
      throw error
    }
  }

  private mutating func readNodeLine() throws(Stop) {
    repeat {
      guard lexer.kind == .value else { throw unexpected("a value such as `%y`") }
      let row = names.intern(lexer.bytes, lexer.name)
      results.append(ResultName(row: row, name: lexer.name, spot: lexer.spot))
      advance()
    } while accept(.comma)
    try expect(.equal, "`=`")
    let spot = lexer.spot
    guard lexer.kind == .identifier else { throw unexpected("an op such as `add`") }
    guard let found = ops.find(lexer.bytes, lexer.name) else { throw unknownOp() }
    advance()
    attributes.removeAll(keepingCapacity: true)
    operands.removeAll(keepingCapacity: true)
    written.removeAll(keepingCapacity: true)
    record = .none
    pendingConstant = nil
    let isKnown = try readOperands(found)
    if lexer.kind == .openBrace { try readBraces(found) }
    if accept(.colon) {
      repeat {
        let place = lexer.spot
        written.append(WrittenType(type: try readType(), spot: place))
      } while accept(.comma)
    } else if lexer.kind != .newline, lexer.kind != .end {
      throw unexpected(attributes.isEmpty ? "`,`, `{` or `:` and the type" : "`:` and the type")
    }
    if let pendingConstant { try readPendingConstant(pendingConstant, spot) }
    if isKnown { try emit(ops.rows[found].op, spot) } else { poisonResults() }
  }

  /// Names before the operands and the operands; whether all are known.
  private mutating func readOperands(_ row: Int) throws(Stop) -> Bool {
    var isKnown = true
    let names = ops.rows[row].positional.count
    for position in 0..<names {
      if position > 0 { try expect(.comma, "`,` and a name such as `@w`") }
      guard lexer.kind == .symbol else {
        throw unexpected("a name such as `@w`: `\(ops.rows[row].op.definition.name)` names what it uses")
      }
      if try !readName(ops.rows[row].positional[position].spec) { isKnown = false }
    }
    if names == 0 ? lexer.kind == .value : accept(.comma) {
      repeat {
        if let value = try readOperand() { operands.append(value) } else { isKnown = false }
      } while accept(.comma)
    } else if lexer.kind == .symbol {
      throw report("`\(ops.rows[row].op.definition.name)` takes no `@` name", at: lexer.spot)
    }
    return isKnown
  }

  /// One operand; nil where its definition failed or is missing.
  mutating func readOperand() throws(Stop) -> ValueID? {
    guard lexer.kind == .value else { throw unexpected("a value such as `%x`") }
    let row = names.intern(lexer.bytes, lexer.name)
    let value = scope.value(row) ?? undefined(row)
    advance()
    return value.isNone ? nil : value
  }

  /// Reports a name without a definition, once.
  private mutating func undefined(_ row: Int) -> ValueID {
    if scope.isBroken {
      scope.poison(row, error: nil)
      return .none
    }
    let nearest = Suggestion.nearest(
      to: names[row], among: scope.defined.suffix(Self.maximumSuggestionCount).reversed().map { names[$0] })
    report(
      "`%\(String(decoding: names[row], as: UTF8.self))` is not defined", at: lexer.spot,
      hint: nearest.map { "did you mean `%\($0)`?" })
    scope.poison(row, error: diagnostics.count - 1)
    return .none
  }

  /// How many names are compared with one that is not defined.
  static let maximumSuggestionCount = 500

  /// Gives a name its value, or none when its definition failed; a second definition is an error, and poison.
  mutating func define(_ row: Int, _ value: ValueID, _ spot: Lexer.Spot) {
    let isPoison = value.isNone
    if let error = scope.error(row) {
      if diagnostics.indices.contains(error) {
        diagnostics[error].message =
          "`%\(String(decoding: names[row], as: UTF8.self))` is used before its definition"
        diagnostics[error].notes = [Diagnostic.Note("it is defined here", at: place(spot))]
      }
    } else if let known = scope.value(row) {
      let notes =
        known.isNone ? [] : note("it is first defined here", at: builder.current.location(of: known))
      if !isPoison {
        report("`%\(String(decoding: names[row], as: UTF8.self))` is defined twice", at: spot, notes: notes)
      }
      scope.define(row, .none)
      return
    }
    scope.define(row, value)
  }

  private mutating func poisonResults() {
    for result in results { define(result.row, .none, result.spot) }
  }

  /// The name of a value as text has it: names that are numbers stand for no name.
  mutating func valueName(_ range: Range<Int>) -> StringID {
    if lexer.bytes[range.lowerBound].isDigit { return .none }
    let bytes = lexer.bytes
    return builder.tables.strings.intern(bytes.span.extracting(range))
  }

  private mutating func unknownOp() -> Stop {
    let name = lexer.bytes[lexer.name]
    let nearest = Suggestion.nearest(to: name, among: ops.rows.map(\.text))
    return report(
      "there is no op `\(lexer.text(lexer.name))`", at: lexer.spot,
      hint: nearest.map { "did you mean `\($0)`?" } ?? "`IR/ops.md` lists the ops")
  }

  // MARK: Into the graph

  /// Adds the node, and compares the types it has with those written.
  private mutating func emit(_ op: Op, _ spot: Lexer.Spot) throws(Stop) {
    builder.location = location(spot)
    if record.isNone {
      record = attributes.isEmpty ? AttributeTable.empty : op.definition.record(attributes, &builder.tables)
    }
    let first = builder.valueCount
    do throws(InferenceError) {
      let (operands, record) = (operands, record)
      try builder.emit(op, operands.span, record)
    } catch {
      throw report(error.message, at: spot, hint: error.hint)
    }
    let count = builder.valueCount - first
    if count != results.count || !written.isEmpty && written.count != count {
      throw wrongCount(op, first, spot)
    }
    var fits = true
    for position in written.indices {
      let type = builder.type(ValueID(first + position))
      if written[position].type != type {
        report(
          "`\(op.definition.name)` gives \(builder.tables.text(type)), "
            + "the text says \(builder.tables.text(written[position].type))", at: written[position].spot)
        fits = false
      }
    }
    guard fits else { throw Stop() }
    for position in results.indices {
      let value = ValueID(first + position)
      let name = valueName(results[position].name)
      if !name.isNone { builder.name(value, name) }
      define(results[position].row, value, results[position].spot)
    }
    if written.isEmpty {
      report("the type is missing", at: lexer.spot, hint: "write `: \(resultTypes(first))`")
    }
  }

  private mutating func wrongCount(_ op: Op, _ first: Int, _ spot: Lexer.Spot) -> Stop {
    let count = builder.valueCount - first
    let what = count != results.count ? "names" : "types"
    let given = count != results.count ? results.count : written.count
    return report(
      "`\(op.definition.name)` gives \(count) value\(count == 1 ? "" : "s"), here are \(given) \(what)",
      at: spot,
      hint: "the type\(count == 1 ? " is" : "s are") \(resultTypes(first))")
  }

  private func resultTypes(_ first: Int) -> String {
    (first..<builder.valueCount).map { builder.tables.text(builder.type(ValueID($0))) }.joined(
      separator: ", ")
  }
}

extension Graph {
  /// Where the node that defines a value came from.
  func location(of value: ValueID) -> LocationID { locations[definers[value.index].index] }
}
