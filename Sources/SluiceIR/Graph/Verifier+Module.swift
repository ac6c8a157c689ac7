/// The checks of names, variables, constants and signatures: what graphs of one module share.
extension Verifier {
  mutating func report(
    _ message: String, at location: LocationID = .none, notes: [Diagnostic.Note] = [], hint: String? = nil
  ) {
    let hints = hint.map { [Diagnostic.Note($0)] } ?? []
    found.append(
      Diagnostic(message, at: tables.place(location), notes: notes + hints + tables.callers(location)))
  }

  /// A name for messages, whatever the handle is.
  func text(_ name: StringID) -> String {
    name.raw < stringCount ? tables.strings[name] : name.isNone ? "" : "<string \(name.raw)>"
  }

  /// A type for messages, whatever the handle is.
  func text(_ type: TypeID) -> String {
    // Types beyond the column were made by inference from sound ones.
    guard type.index < soundTypes.count ? soundTypes[type.index] : type.index < tables.types.count else {
      return "<type \(type.raw)>"
    }
    return tables.text(type)
  }

  mutating func checkModule() {
    if !isIdentifier(module.name) {
      report(
        "the module's name `\(module.name)` is no identifier",
        hint: "it also names the generated C: letters, digits and `_`")
    }
    checkSymbols()
    checkConstants()
    checkVariables()
    checkSignatures()
  }

  private mutating func checkSymbols() {
    for symbol in tables.dims.symbols {
      let name = text(symbol.name)
      if !isIdentifier(name) { report("the symbol `\(name)` is no identifier") }
      if symbol.bound < 0 { report("the symbol `\(name)` has the negative bound \(symbol.bound)") }
    }
  }

  private mutating func checkConstants() {
    for row in 0..<tables.constants.count {
      let id = ConstantID(row)
      let type = tables.constants.type(id)
      guard type.index < soundTypes.count, soundTypes[type.index] else {
        report("constant \(row) has a type that is not in the table, \(type.raw)")
        continue
      }
      let shape = tables.types.shape(type)
      let extents = shape.compactMap { tables.dims.value($0) }
      guard extents.count == shape.count else {
        report("constant \(row) has the type \(text(type)) with symbolic dims")
        continue
      }
      let size = Self.product(extents + [Int64(tables.types.dtype(type).byteCount)])
      let range = tables.constants.range(id)
      if size != Int64(range.count) {
        report(
          "constant \(row) of type \(text(type)) has \(range.count) bytes, "
            + "\(size.map { "it takes \($0)" } ?? "its size does not fit 64 bits")")
      } else if tables.types.dtype(type) == .bool, tables.constants.bytes[range].contains(where: { $0 > 1 }) {
        report("constant \(row) of type \(text(type)) holds a byte that is neither 0 nor 1")
      }
    }
  }

  /// The product of numbers that are not negative; nil where it does not fit.
  static func product(_ numbers: [Int64]) -> Int64? {
    if numbers.contains(0) { return 0 }
    var product: Int64 = 1
    for number in numbers {
      let (next, overflow) = product.multipliedReportingOverflow(by: number)
      if overflow { return nil }
      product = next
    }
    return product
  }

  private mutating func checkVariables() {
    var names: Set<String> = []
    for variable in tables.variables {
      let name = text(variable.name)
      if !isIdentifier(name, dots: true) {
        report("the \(variable.kind.keyword) name `\(name)` is no identifier", at: variable.location)
      }
      if !names.insert(name).inserted { report("`@\(name)` is declared twice", at: variable.location) }
      guard variable.type.index < soundTypes.count, soundTypes[variable.type.index] else {
        report("`@\(name)` has a type that is not in the table, \(variable.type.raw)", at: variable.location)
        continue
      }
      let shape = tables.types.shape(variable.type)
      if let dim = shape.first(where: { tables.dims.value($0) == nil }) {
        report("`@\(name)` has the symbolic dim `\(tables.text(dim))`", at: variable.location)
      }
      if let problem = initializerProblem(variable, shape) {
        report("`@\(name)` is \(text(variable.type)), \(problem)", at: variable.location)
      }
    }
  }

  /// Why the value before the first call does not fit the type.
  private func initializerProblem(_ variable: Variable, _ shape: [DimID]) -> String? {
    let dtype = tables.types.dtype(variable.type)
    switch variable.initializer {
    case .zeros, .ones: return nil
    case .constant(let value):
      return ScalarConstant.bits(holding: value, dtype) != nil
        ? nil : "its initial value \(value) is no \(dtype.name)"
    case .eye:
      return shape.count == 2 && shape[0] == shape[1] ? nil : "`eye` needs a square matrix"
    case .normal(let mean, let deviation):
      if !dtype.isFloating { return "`normal` needs floats" }
      return isFinite(mean, dtype) && isFinite(deviation, dtype) && deviation >= 0
        ? nil : "`normal(\(mean), \(deviation))` needs finite numbers and a deviation of 0 or more"
    case .uniform(let low, let high):
      if !dtype.isFloating { return "`uniform` needs floats" }
      return isFinite(low, dtype) && isFinite(high, dtype) && low <= high
        ? nil : "`uniform(\(low), \(high))` needs finite numbers, the lower one first"
    case .data(let id):
      guard id.index < tables.constants.count else { return "its data is not in the table, \(id.raw)" }
      let type = tables.constants.type(id)
      return type == variable.type ? nil : "its data is \(text(type))"
    }
  }

  /// Whether a number is finite in a dtype.
  private func isFinite(_ number: Double, _ dtype: DType) -> Bool {
    number.isFinite && ScalarConstant.bits(holding: number, dtype) != nil
  }

  private mutating func checkSignatures() {
    let claimed = module.tables.signatures
    if claimed.count != module.graphs.count {
      report("the module has \(module.graphs.count) graphs but \(claimed.count) signatures")
    }
    var names: Set<String> = []
    for (index, graph) in module.graphs.enumerated() {
      let name = text(graph.name)
      if soundGraphs[index], index < claimed.count, claimed[index] != tables.signatures[index] {
        report("the signature of `@\(name)` is not the one of the graph", at: graph.location)
      }
      if !isIdentifier(name, dots: true) {
        report("the graph name `\(name)` is no identifier", at: graph.location)
      }
      if !names.insert(name).inserted { report("two graphs are named `@\(name)`", at: graph.location) }
    }
  }
}
