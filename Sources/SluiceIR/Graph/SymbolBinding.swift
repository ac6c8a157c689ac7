/// Finds the values of a graph's symbols from the shapes of its actual inputs, for every way to run a graph.

/// The values of the symbols of one call.
public struct SymbolValues: Hashable, Sendable {
  /// Per row of the symbol table its value; -1 where the symbol has none.
  private var values: [Int64]

  /// No values, for a table of `count` symbols.
  init(count: Int) { values = [Int64](repeating: -1, count: count) }

  /// The value of a symbol; nil where the call does not mention it.
  public subscript(symbol: SymbolID) -> Int64? {
    get { symbol.index < values.count && values[symbol.index] >= 0 ? values[symbol.index] : nil }
    set { values[symbol.index] = newValue ?? -1 }
  }

  /// The value of a dim; nil where a symbol has no value or the result does not fit 64 bits.
  public func evaluate(_ dim: DimID, _ dims: DimTable) -> Int64? {
    guard dims.symbols(in: dim).allSatisfy({ self[$0] != nil }) else { return nil }
    return dims.evaluate(dim) { self[$0] ?? 0 }
  }
}

/// Why shapes do not fit the inputs of a function.
public struct SymbolBindingError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong.
  public enum Reason: Hashable, Sendable {
    /// The number of inputs.
    case inputCount(expected: Int, actual: Int)
    /// The number of axes of an input.
    case rank(expected: Int, actual: Int)
    /// The size of an axis: `dim` is, or comes to, `expected`.
    case size(axis: Int, dim: String, expected: Int64, actual: Int64)
    /// The size of an axis comes of no value of the symbol.
    case unsolvable(axis: Int, dim: String, symbol: String, actual: Int64)
    /// The value of a symbol is above its bound.
    case bound(axis: Int, symbol: String, bound: Int64, actual: Int64)
    /// No input gives a value to the symbol.
    case unbound(symbol: String)
    /// A dim of some value is negative or does not fit 64 bits for these sizes.
    case dim(String, type: String, value: Int64?)
    /// A value has more elements than can be held.
    case elementCount(type: String, limit: Int64)
  }

  /// The function.
  public var function: String
  /// The input that does not fit, if it is one.
  public var input: String?
  /// What is wrong.
  public var reason: Reason

  /// The message: lower case, no full stop.
  public var description: String {
    let input = input.map { "input `\($0)` of `@\(function)`" } ?? "`@\(function)`"
    switch reason {
    case .inputCount(let expected, let actual):
      return "\(input) takes \(expected) input\(expected == 1 ? "" : "s"), got \(actual)"
    case .rank(let expected, let actual):
      return "\(input) has \(expected) ax\(expected == 1 ? "i" : "e")s, the array given has \(actual)"
    case .size(let axis, let dim, let expected, let actual):
      let meaning = dim == String(expected) ? dim : "`\(dim)` = \(expected)"
      return "axis \(axis) of \(input) is \(meaning), the array given has \(actual)"
    case .unsolvable(let axis, let dim, let symbol, let actual):
      return "axis \(axis) of \(input) is `\(dim)`, which is \(actual) for no `\(symbol)`"
    case .bound(let axis, let symbol, let bound, let actual):
      return "axis \(axis) of \(input) makes `\(symbol)` = \(actual), it may be at most \(bound)"
    case .unbound(let symbol):
      return "the value of `\(symbol)` follows from no input of \(input)"
    case .dim(let dim, let type, let value):
      let what = value.map { "is \($0)" } ?? "does not fit 64 bits"
      return "the dim `\(dim)` of \(type) in \(input) \(what) for these sizes"
    case .elementCount(let type, let limit):
      return "a value of \(type) in \(input) has more than \(limit) elements for these sizes"
    }
  }
}

extension Tables {
  /// The symbols of a function to which no arrays for its inputs give a value: by the rule of `Module.bindSymbols`.
  private func symbolsWithoutValue(in graph: Graph) -> [SymbolID] {
    if graph.symbols.isEmpty { return [] }
    let given = Set(graph.inputs.flatMap { types.shape(graph.types[$0.index]) })
    var unknown = Set(graph.symbols)
    var learned = true
    while learned {
      learned = false
      for dim in given {
        let open = dims.symbols(in: dim).filter { unknown.contains($0) }
        guard open.count == 1, dims.isLinear(dim, in: open[0]) else { continue }
        unknown.remove(open[0])
        learned = true
      }
    }
    return graph.symbols.filter { unknown.contains($0) }
  }

  /// Why a function can never run: the symbols to which no arrays for its inputs give a value.
  package func symbolProblems(in graph: Graph) -> [(symbol: SymbolID, error: InferenceError)] {
    symbolsWithoutValue(in: graph).map { symbol in
      let name = strings[dims.symbols[symbol.index].name]
      return (
        symbol,
        InferenceError(
          "the value of `\(name)` follows from no input of `@\(strings[graph.name])`, which could never run",
          hint:
            "an input needs an axis in which `\(name)` alone is unknown, such as `\(name)` or `2*\(name)+1`")
      )
    }
  }
}

extension DimTable {
  /// Whether no term of a dim has a symbol multiplied by itself.
  fileprivate func isLinear(_ dim: DimID, in symbol: SymbolID) -> Bool {
    terms(dim).allSatisfy { term in term.symbols.count(where: { $0 == symbol }) <= 1 }
  }
}

extension Module {
  /// The values of all symbols of a function, from the shapes of its actual inputs.
  ///
  /// A dim that is exactly one symbol gives its value, in the order of the inputs; a dim with one unknown symbol
  /// that is not multiplied by itself (`T+1`, `2*T`, `B*T` once `B` is known) then gives that one. After that
  /// every dim of every input must come to the actual size, every symbol must be known and within its bound, and
  /// every type of the function and of the bodies that it runs must have sizes that are not negative, with at
  /// most `elementLimit` elements.
  public func bindSymbols(
    of function: GraphID, shapes: [[Int]], elementLimit: Int64 = SymbolChecks.elementLimit
  ) throws(SymbolBindingError) -> SymbolValues {
    try symbolChecks(of: function).bind(
      callSignature(of: function), tables, shapes: shapes, elementLimit: elementLimit)
  }

  /// What a caller sees of a function.
  public func callSignature(of function: GraphID) -> CallSignature {
    let graph = self[function]
    return CallSignature(
      name: tables.strings[graph.name],
      inputs: (0..<graph.inputCount).map { input in
        CallSignature.Input(name: inputName(input, of: function), type: graph.types[input])
      }, symbols: graph.symbols)
  }

  /// What has to hold for the sizes of every call of a function: found in one walk over its nodes and those of the
  /// bodies that it runs, so that calls need none.
  public func symbolChecks(of function: GraphID) -> SymbolChecks {
    var checks = SymbolChecks()
    var isReached = [Bool](repeating: false, count: function.index + 1)
    var isChecked = [Bool](repeating: false, count: tables.types.count)
    /// Per record the op that it was last checked for.
    var checkedFor = [Op](repeating: .input, count: tables.attributes.count)
    isReached[function.index] = true
    // Bodies stand before the graphs that run them.
    for index in stride(from: function.index, through: 0, by: -1) where isReached[index] {
      let graph = graphs[index]
      for type in graph.types where !isChecked[type.index] {
        isChecked[type.index] = true
        checks.rows.append(.type(type))
      }
      for node in 0..<graph.nodeCount {
        let (op, record) = (graph.ops[node], graph.attributes[node])
        if checkedFor[record.index] == op { continue }
        checkedFor[record.index] = op
        for attribute in tables.attributes.attributes(record) {
          let isSigned = op.definition.attribute(attribute.name)?.isSigned ?? false
          switch attribute.value {
          case .graph(let body): isReached[body.index] = true
          case .dim(let dim): add(dim, op, isSigned, &checks)
          case .dims(let dims): for dim in dims { add(dim, op, isSigned, &checks) }
          default: break
          }
        }
      }
    }
    return checks
  }

  private func add(_ dim: DimID, _ op: Op, _ isSigned: Bool, _ checks: inout SymbolChecks) {
    if let value = tables.dims.value(dim), value >= 0 || isSigned { return }
    checks.rows.append(.dim(dim, op, isSigned: isSigned))
  }
}

/// What a caller sees of a function, and what the values of its symbols follow from.
public struct CallSignature: Hashable, Sendable {
  /// An input.
  public struct Input: Hashable, Sendable {
    /// What messages call it.
    public var name: String
    /// Its type.
    public var type: TypeID

    /// An input.
    public init(name: String, type: TypeID) {
      self.name = name
      self.type = type
    }
  }

  /// The function's name.
  public var name: String
  /// What it takes.
  public var inputs: [Input]
  /// Its symbols.
  public var symbols: [SymbolID]

  /// A signature.
  public init(name: String, inputs: [Input], symbols: [SymbolID]) {
    self.name = name
    self.inputs = inputs
    self.symbols = symbols
  }
}

/// What has to hold for the sizes of every call of a function.
public struct SymbolChecks: Hashable, Sendable {
  /// One condition.
  public enum Row: Hashable, Sendable {
    /// No extent is negative, and there are not too many elements.
    case type(TypeID)
    /// An attribute of an op fits 64 bits, and is not negative unless it may be.
    case dim(DimID, Op, isSigned: Bool)
  }

  /// The largest number of elements that a value may have where nothing else is said.
  public static let elementLimit: Int64 = 1 << 40

  /// The conditions.
  public var rows: [Row]

  /// These conditions.
  public init(_ rows: [Row] = []) { self.rows = rows }

  /// Only the conditions that do not hold for all values of the symbols within their bounds.
  package func thatMayFail(_ tables: Tables) -> SymbolChecks {
    SymbolChecks(
      rows.filter { row in
        switch row {
        case .type(let type):
          var count: Int64 = 1
          for dim in tables.types.shape(type) {
            guard tables.dims.isNeverNegative(dim), let bound = tables.dims.bound(dim) else { return true }
            let (next, overflow) = count.multipliedReportingOverflow(by: Swift.max(bound, 1))
            if overflow || next > Self.elementLimit { return true }
            count = next
          }
          return false
        case .dim(let dim, _, let isSigned):
          let fits = tables.dims.bound(dim) != nil && tables.dims.negativeBound(dim) != nil
          return !fits || !isSigned && !tables.dims.isNeverNegative(dim)
        }
      })
  }

  /// The values of all symbols, as `Module.bindSymbols` gives them.
  public func bind(
    _ signature: CallSignature, _ tables: Tables, shapes: [[Int]],
    elementLimit: Int64 = SymbolChecks.elementLimit
  ) throws(SymbolBindingError) -> SymbolValues {
    var binder = SymbolBinder(tables, signature, shapes: shapes)
    try binder.solve()
    try binder.checkInputs()
    try binder.check(rows, elementLimit)
    return binder.values
  }
}

/// The work of one binding.
private struct SymbolBinder {
  let tables: Tables
  let signature: CallSignature
  let shapes: [[Int]]
  var values: SymbolValues

  init(_ tables: Tables, _ signature: CallSignature, shapes: [[Int]]) {
    self.tables = tables
    self.signature = signature
    self.shapes = shapes
    values = SymbolValues(count: tables.dims.symbols.count)
  }

  private func error(_ reason: SymbolBindingError.Reason, input: Int? = nil) -> SymbolBindingError {
    SymbolBindingError(
      function: signature.name, input: input.map { signature.inputs[$0].name }, reason: reason)
  }

  private func name(_ symbol: SymbolID) -> String {
    tables.strings[tables.dims.symbols[symbol.index].name]
  }

  private func shape(_ input: Int) -> [DimID] { tables.types.shape(signature.inputs[input].type) }

  mutating func solve() throws(SymbolBindingError) {
    guard shapes.count == signature.inputs.count else {
      throw error(.inputCount(expected: signature.inputs.count, actual: shapes.count))
    }
    for (input, given) in shapes.enumerated() where given.count != shape(input).count {
      throw error(.rank(expected: shape(input).count, actual: given.count), input: input)
    }
    // First the dims that are one symbol, then the others for as long as one more symbol becomes known.
    var isFirst = true
    var learned = true
    while learned {
      learned = false
      for (input, given) in shapes.enumerated() {
        for (axis, dim) in shape(input).enumerated() {
          if isFirst, tables.dims.symbol(dim) == nil { continue }
          if try learn(dim, Int64(given[axis]), axis, input) { learned = true }
        }
      }
      if isFirst { learned = true }
      isFirst = false
    }
    if let unknown = signature.symbols.first(where: { values[$0] == nil }) {
      throw error(.unbound(symbol: name(unknown)))
    }
  }

  /// Whether the size of an axis gave a value to a symbol.
  private mutating func learn(
    _ dim: DimID, _ actual: Int64, _ axis: Int, _ input: Int
  ) throws(SymbolBindingError) -> Bool {
    let dims = tables.dims
    let unknown = dims.symbols(in: dim).filter { values[$0] == nil }
    guard unknown.count == 1 else { return false }
    let symbol = unknown[0]
    // dim = factor * symbol + rest, by the difference of two values where no term has the symbol squared.
    guard dims.isLinear(dim, in: symbol),
      let rest = dims.evaluate(dim, { $0 == symbol ? 0 : values[$0] ?? 0 }),
      let next = dims.evaluate(dim, { $0 == symbol ? 1 : values[$0] ?? 0 })
    else { return false }
    let (factor, factorOverflow) = next.subtractingReportingOverflow(rest)
    let (product, productOverflow) = actual.subtractingReportingOverflow(rest)
    guard !factorOverflow, !productOverflow, factor != 0 else { return false }
    let (value, overflow) = product.dividedReportingOverflow(by: factor)
    guard !overflow, value.multipliedReportingOverflow(by: factor).partialValue == product, value >= 0 else {
      throw error(
        .unsolvable(axis: axis, dim: tables.text(dim), symbol: name(symbol), actual: actual),
        input: input)
    }
    let bound = dims.symbols[symbol.index].bound
    guard value <= bound else {
      throw error(.bound(axis: axis, symbol: name(symbol), bound: bound, actual: value), input: input)
    }
    values[symbol] = value
    return true
  }

  func checkInputs() throws(SymbolBindingError) {
    for (input, given) in shapes.enumerated() {
      for (axis, dim) in shape(input).enumerated() {
        let text = tables.text(dim)
        guard let expected = values.evaluate(dim, tables.dims) else {
          throw error(.dim(text, type: tables.text(signature.inputs[input].type), value: nil))
        }
        guard expected == Int64(given[axis]) else {
          throw error(
            .size(axis: axis, dim: text, expected: expected, actual: Int64(given[axis])), input: input)
        }
      }
    }
  }

  func check(_ rows: [SymbolChecks.Row], _ limit: Int64) throws(SymbolBindingError) {
    for row in rows {
      switch row {
      case .type(let type): try check(type, limit)
      case .dim(let dim, let op, let isSigned): try check(dim, in: place(op), mayBeNegative: isSigned)
      }
    }
  }

  private func place(_ op: Op) -> String { "a `\(op.definition.name)`" }

  private func check(_ type: TypeID, _ limit: Int64) throws(SymbolBindingError) {
    // Extents of 0 do not make up for an overflow, so that strides fit as well.
    var count: Int64 = 1
    var fits = true
    var isEmpty = false
    for dim in tables.types.shape(type) {
      let extent = try check(dim, in: tables.text(type))
      if extent == 0 { isEmpty = true }
      let (next, overflow) = count.multipliedReportingOverflow(by: Swift.max(extent, 1))
      if overflow { fits = false } else { count = next }
    }
    guard fits, isEmpty || count <= limit else {
      throw error(.elementCount(type: tables.text(type), limit: limit))
    }
  }

  @discardableResult
  private func check(
    _ dim: DimID, in place: @autoclosure () -> String, mayBeNegative: Bool = false
  ) throws(SymbolBindingError) -> Int64 {
    let value = values.evaluate(dim, tables.dims)
    guard let value, value >= 0 || mayBeNegative else {
      throw error(.dim(tables.text(dim), type: place(), value: value))
    }
    return value
  }
}

extension Module {
  /// What messages call an input: its name, or its position.
  public func inputName(_ position: Int, of graph: GraphID) -> String {
    let name = self[graph].names[position]
    return name.isNone ? "\(position)" : tables.strings[name]
  }
}
