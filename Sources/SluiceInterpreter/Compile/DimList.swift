import SluiceIR

/// Dims as flat tables that are evaluated quickly, again and again, for changing symbols.
struct DimList: Sendable {
  private struct Term: Sendable {
    var coefficient: Int64
    var firstSymbol: Int32
    var lastSymbol: Int32
  }

  /// The dims, each once.
  private(set) var dims: [DimID] = []
  /// The symbols that they mention, each once.
  private(set) var mentioned: [SymbolID] = []
  /// Per dim its value where it is an integer, else 0.
  private(set) var integers: [Int64] = []
  /// The rows of the dims that are not integers.
  private(set) var symbolic: [Int] = []
  private var termEnds: [Int32] = []
  private var terms: [Term] = []
  private var symbolPool: [Int32] = []
  private var rows: [DimID: Int] = [:]

  /// The row of a dim; nil when the table has no such dim.
  mutating func row(_ dim: DimID, _ table: DimTable) -> Int? {
    if let known = rows[dim] { return known }
    guard dim.index < table.count else { return nil }
    let row = dims.count
    rows[dim] = row
    dims.append(dim)
    if let value = table.value(dim) {
      integers.append(value)
    } else {
      integers.append(0)
      symbolic.append(row)
      for term in table.terms(dim) {
        let first = Int32(symbolPool.count)
        symbolPool += term.symbols.map { Int32($0.index) }
        for symbol in term.symbols where !mentioned.contains(symbol) { mentioned.append(symbol) }
        terms.append(
          Term(coefficient: term.coefficient, firstSymbol: first, lastSymbol: Int32(symbolPool.count)))
      }
    }
    termEnds.append(Int32(terms.count))
    return row
  }

  /// Whether the dim of a row mentions one of these symbols.
  func mentions(_ row: Int, where isMeant: (Int) -> Bool) -> Bool {
    for term in range(row) {
      for at in terms[term].firstSymbol..<terms[term].lastSymbol where isMeant(Int(symbolPool[Int(at)])) {
        return true
      }
    }
    return false
  }

  /// The value of a row, given the value of every symbol, -1 for one without a value.
  ///
  /// Nil where it mentions such a symbol, and where it does not fit 64 bits.
  func evaluate(_ row: Int, _ symbols: [Int64]) -> Int64? {
    let range = range(row)
    if range.isEmpty { return integers[row] }
    var sum: Int64 = 0
    for at in range {
      let term = terms[at]
      var product = term.coefficient
      for position in term.firstSymbol..<term.lastSymbol {
        let symbol = symbols[Int(symbolPool[Int(position)])]
        let (next, overflow) = product.multipliedReportingOverflow(by: symbol)
        if overflow || symbol < 0 { return nil }
        product = next
      }
      let (next, overflow) = sum.addingReportingOverflow(product)
      if overflow { return nil }
      sum = next
    }
    return sum
  }

  private func range(_ row: Int) -> Range<Int> {
    (row == 0 ? 0 : Int(termEnds[row - 1]))..<Int(termEnds[row])
  }
}
