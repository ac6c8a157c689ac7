package import SluiceIR

/// Types and dims: `f32[B*2,T+1]`.
extension Reader {
  /// Reads a type; one that was written before in this graph costs a look at its bytes.
  package mutating func readType() throws(Stop) -> TypeID {
    guard lexer.kind == .identifier else { throw unexpected("a type such as `f32[2,3]`") }
    let spot = lexer.spot
    var end = lexer.high
    while end < lexer.end, ![0x5D, 0x0A, 0x2F].contains(lexer.bytes[end]) { end += 1 }
    // A type that goes on in the next line, or holds a comment.
    guard end < lexer.end, lexer.bytes[end] == 0x5D else { return try readNewType() }
    let row = typeNames.intern(lexer.bytes, spot.offset..<end + 1)
    if row < knownTypes.count, knownTypes[row].epoch == scope.epoch {
      lexer.jump(to: Lexer.Spot(offset: end + 1, line: spot.line, lineStart: spot.lineStart))
      if lexer.kind == .newline && nesting > 0 { advance() }
      return knownTypes[row].type
    }
    let type = try readNewType()
    while knownTypes.count <= row { knownTypes.append(Scope.KnownType(epoch: 0, type: .none)) }
    knownTypes[row] = Scope.KnownType(epoch: scope.epoch, type: type)
    return type
  }

  private mutating func readNewType() throws(Stop) -> TypeID {
    let spot = lexer.spot
    guard let dtype = DType(name: lexer.text(lexer.name)) else {
      throw report(
        "there is no dtype `\(lexer.text(lexer.name))`", at: spot, hint: "there are \(DTypeSet.any.text)")
    }
    advance()
    guard lexer.kind == .openBracket else {
      throw report(
        "expected `[` and the dims, found \(tokenText)", at: lexer.spot, hint: "a scalar is `\(dtype.name)[]`"
      )
    }
    var shape: [DimID] = []
    try readList("a dim") { reader throws(Stop) in
      let spot = reader.lexer.spot
      let dim = try reader.readDim()
      if let value = reader.builder.tables.dims.value(dim), value < 0 {
        throw reader.report("the dim \(value) is negative", at: spot)
      }
      if shape.count == TypeTable.maximumRank {
        throw reader.report("a tensor has at most \(TypeTable.maximumRank) axes", at: spot)
      }
      shape.append(dim)
    }
    return builder.tables.types.intern(dtype, shape)
  }

  // MARK: Dims

  /// Reads a dim: a sum of products.
  package mutating func readDim() throws(Stop) -> DimID { try readSum(depth: 0) }

  /// Reads a factor of a dim: a number, a symbol, or a sum in parentheses.
  package mutating func readFactor() throws(Stop) -> DimID { try readFactor(depth: 0) }

  private mutating func readSum(depth: Int) throws(Stop) -> DimID {
    var sum = try readProduct(depth: depth)
    while lexer.kind == .plus || lexer.kind == .minus {
      let spot = lexer.spot
      let isPlus = lexer.kind == .plus
      advance()
      let term = try readProduct(depth: depth)
      sum = try fits(
        isPlus ? builder.tables.dims.add(sum, term) : builder.tables.dims.subtract(sum, term), spot)
    }
    return sum
  }

  private mutating func readProduct(depth: Int) throws(Stop) -> DimID {
    var product = try readFactor(depth: depth)
    while lexer.kind == .star {
      let spot = lexer.spot
      advance()
      product = try fits(builder.tables.dims.multiply(product, readFactor(depth: depth)), spot)
    }
    return product
  }

  private mutating func readFactor(depth: Int) throws(Stop) -> DimID {
    let spot = lexer.spot
    switch lexer.kind {
    case .number: return builder.tables.dims.integer(try readInteger())
    case .identifier, .counter:
      let symbol = try readSymbol()
      return builder.tables.dims.dim(symbol)
    case .minus where depth < Self.maximumDepth:
      advance()
      let factor = try readFactor(depth: depth + 1)
      return try fits(builder.tables.dims.multiply(factor, builder.tables.dims.integer(-1)), spot)
    case .openParenthesis where depth < Self.maximumDepth:
      try open(.openParenthesis, "`(`")
      let sum = try readSum(depth: depth + 1)
      try close(.closeParenthesis, "`)`")
      return sum
    case .minus, .openParenthesis: throw report("the dim is nested too deeply", at: spot)
    default: throw unexpected("a dim such as `2` or `B`")
    }
  }

  /// How many parentheses and signs a dim may nest.
  private static let maximumDepth = 32

  package mutating func fits(_ dim: DimID?, _ spot: Lexer.Spot) throws(Stop) -> DimID {
    guard let dim else {
      throw report(
        "the dim is too large", at: spot, hint: "numbers have 64 bits, products 16 symbols, sums 256 terms")
    }
    return dim
  }

  /// How many symbols a graph may have.
  static let maximumSymbolCount = 256

  /// Forgets all symbols, so that others can be declared.
  package mutating func beginScope() {
    scope.begin()
    scope.hasSymbols = true
  }

  /// Reads a symbol and its largest value, `B <= 8`, which is `least` or more.
  package mutating func readSymbolBound(least: Int64 = 1) throws(Stop) -> SymbolID {
    guard lexer.kind == .identifier || lexer.kind == .counter else {
      throw unexpected("a symbol such as `B`")
    }
    guard !lexer.bytes[lexer.name].contains(UInt8(ascii: ".")) else {
      throw report("the name of a symbol has no dots", at: lexer.spot)
    }
    let name = builder.tables.strings.intern(lexer.text(lexer.name))
    advance()
    try expect(.lessEqual, "`<=` and the largest value of the symbol")
    let spot = lexer.spot
    let bound = try readInteger()
    guard bound >= least else {
      throw report("the bound of a symbol is \(least) or more", at: spot)
    }
    return builder.tables.dims.symbol(name, bound: bound)
  }

  /// Lets dims mention a symbol from here on; `spot` is where it is declared.
  package mutating func declare(_ symbol: SymbolID, at spot: Lexer.Spot) throws(Stop) {
    let name = builder.tables.dims.symbols[symbol.index].name
    guard !scope.symbols.contains(where: { $0.name == name }) else {
      throw report("the symbol `\(builder.tables.strings[name])` is declared twice", at: spot)
    }
    guard scope.symbols.count < Self.maximumSymbolCount else {
      throw report("more than \(Self.maximumSymbolCount) symbols", at: spot)
    }
    scope.symbols.append((name, symbol, spot))
  }

  /// Takes back the declaration of the symbol that was declared last.
  package mutating func forgetSymbol() { _ = scope.symbols.popLast() }

  /// A symbol of the `where` clause; one that is not there is reported once.
  private mutating func readSymbol() throws(Stop) -> SymbolID {
    let spot = lexer.spot
    let name = builder.tables.strings.intern(lexer.text(lexer.name))
    advance()
    if let known = scope.symbols.first(where: { $0.name == name }) { return known.symbol }
    if scope.missingSymbols.contains(name) || scope.isBroken { throw Stop() }
    let text = builder.tables.strings[name]
    guard scope.hasSymbols else {
      throw report(
        "the dim `\(text)` is no integer", at: spot,
        hint: "parameters and states have a size that is known in advance")
    }
    let nearest = Suggestion.nearest(
      to: text.utf8, among: scope.symbols.map { Array(builder.tables.strings[$0.name].utf8) })
    let way = "declare it behind the signature: `where \(text) <= 8`"
    report(
      "the symbol `\(text)` is not declared", at: spot, hint: nearest.map { "did you mean `\($0)`?" } ?? way)
    // The signature goes on with a symbol of that name; a node that needs one is poison.
    guard scope.isSignature else {
      scope.missingSymbols.insert(name)
      throw Stop()
    }
    let symbol = builder.tables.dims.symbol(name, bound: 1)
    scope.symbols.append((name, symbol, spot))
    return symbol
  }
}
