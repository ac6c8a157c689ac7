import SluiceIR

/// Prints dims: polynomials in symbols that have names in C.
struct CDims {
  let dims: DimTable
  /// The C names of the symbols that may occur.
  let names: [SymbolID: String]
  /// Put around a symbol's name: empty, or a cast such as `(size_t)`.
  var cast = ""

  init(_ dims: DimTable, _ names: [SymbolID: String], cast: String = "") {
    self.dims = dims
    self.names = names
    self.cast = cast
  }

  /// The C name of a symbol.
  func name(_ symbol: SymbolID) -> String {
    guard let name = names[symbol] else {
      preconditionFailure("a plan mentions a symbol that is none of its function's symbols and counters")
    }
    return cast.isEmpty ? name : "\(cast)\(name)"
  }

  /// The dim as an expression.
  func expression(_ dim: DimID) -> CExpression { Self.sum(terms(dim)) }

  /// The terms of a dim, each without its sign.
  func terms(_ dim: DimID) -> [(isNegative: Bool, term: CExpression)] {
    if let value = dims.value(dim) {
      return value == 0 ? [] : [(value < 0, CExpression(String(value.magnitude)))]
    }
    return dims.terms(dim).map { term in
      var factors = term.symbols.map { name($0) }
      if term.coefficient.magnitude != 1 || factors.isEmpty {
        factors.append(String(term.coefficient.magnitude))
      }
      let precedence: CExpression.Precedence =
        factors.count > 1 ? .multiplicative : cast.isEmpty ? .primary : .unary
      return (term.coefficient < 0, CExpression(factors.joined(separator: " * "), precedence, .index))
    }
  }

  /// The terms of a dim times a factor, as few as possible.
  func terms(_ dim: DimID, times factor: CExpression) -> [(isNegative: Bool, term: CExpression)] {
    let own = terms(dim)
    guard own.count == 1, let (isNegative, term) = own.first else {
      return own.isEmpty
        ? [] : [(false, CExpression.binary(factor, "*", Self.sum(own), .multiplicative, .index))]
    }
    if dims.value(dim).map({ $0.magnitude == 1 }) ?? false {
      // A sum with a plus before it needs no parentheses.
      return [
        (isNegative, isNegative && factor.precedence < .multiplicative ? parenthesised(factor) : factor)
      ]
    }
    return [
      (
        isNegative,
        CExpression("\(factor.text(atLeast: .multiplicative)) * \(term.text)", .multiplicative, .index)
      )
    ]
  }

  private func parenthesised(_ expression: CExpression) -> CExpression {
    CExpression("(\(expression.text))", .primary, expression.kind)
  }

  /// The sum of terms.
  static func sum(_ terms: [(isNegative: Bool, term: CExpression)]) -> CExpression {
    guard let first = terms.first else { return CExpression("0", .primary, .index) }
    var text = first.isNegative ? "-" + first.term.text(atLeast: .unary) : first.term.text
    for (isNegative, term) in terms.dropFirst() {
      text += isNegative ? " - \(term.text(atLeast: .multiplicative))" : " + \(term.text(atLeast: .additive))"
    }
    let precedence: CExpression.Precedence =
      terms.count > 1 ? .additive : first.isNegative ? .unary : first.term.precedence
    return CExpression(text, precedence, .index)
  }
}
