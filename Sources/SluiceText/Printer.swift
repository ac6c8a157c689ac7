public import SluiceIR

/// The text of a module: `parseModule` gives the module back, and printing that gives the text back.
public func printModule(_ module: Module) -> String {
  String(decoding: printedModule(module), as: UTF8.self)
}

/// The text of a module as UTF-8.
public func printedModule(_ module: Module) -> [UInt8] {
  var printer = Printer(module)
  printer.printModule()
  return printer.writer.bytes
}

/// The text of one function or body of a module.
public func printGraph(_ graph: GraphID, of module: Module) -> String {
  var printer = Printer(module)
  printer.printGraph(graph)
  return String(decoding: printer.writer.bytes, as: UTF8.self)
}

/// The lines that declare the parameters and states of a module, each as it is printed.
package func printedVariables(_ module: Module) -> [String] {
  module.variables.map { variable in
    var printer = Printer(module)
    printer.write(variable)
    return String(decoding: printer.writer.bytes.dropLast(), as: UTF8.self)
  }
}

/// The elements of a constant as they are printed at the beginning of a line of their own.
package func printedConstant(_ id: ConstantID, _ tables: Tables) -> String {
  var writer = ByteWriter()
  write(id, of: tables, indent: "", to: &writer)
  return String(decoding: writer.bytes, as: UTF8.self)
}

/// An element of a dtype as it is printed.
package func printedNumber(_ bits: UInt64, _ dtype: DType) -> String {
  var text: [UInt8] = []
  NumberText.append(bits, dtype, to: &text)
  return String(decoding: text, as: UTF8.self)
}

/// Text in quotes, as it is printed.
package func quoted(_ text: String) -> String {
  var bytes: [UInt8] = []
  StringText.append(text, to: &bytes)
  return String(decoding: bytes, as: UTF8.self)
}

/// The lines of a comment, one `//` line an entry; a line that the tests would take for theirs is left out.
package func commentLines(_ comment: [String]) -> [String] {
  comment.flatMap { $0.split(separator: "\n", omittingEmptySubsequences: false) }.compactMap { line in
    var text = Array(line.utf8)
    while let last = text.last, last == 0x20 || last == 0x09 || last == 0x0D { text.removeLast() }
    if TestDirectives.directive(text, text.indices) != nil { return nil }
    return text.isEmpty ? "//" : "// " + String(decoding: text, as: UTF8.self)
  }
}

/// Writes modules and graphs as `.sluice` text, driven by the op table.
///
/// Any graph gives valid text: names that are no identifiers are changed until they are, names that stand for
/// two things get a suffix, values without a name a number.
struct Printer {
  let module: Module
  let ops = OpNames.shared
  let variableLabels: [StringID: String]
  let graphLabels: [String]
  /// The scope in which a graph begins: the name of the module.
  private let moduleScope: StringID
  var writer = ByteWriter()
  /// The texts of types, by handle, written once.
  private var typeTexts: [[UInt8]]

  init(_ module: Module) {
    self.module = module
    let tables = module.tables
    moduleScope = tables.strings.find(module.name) ?? .none
    typeTexts = Array(repeating: [], count: tables.types.count)
    var taken = Labels()
    let labels = module.variables.map { ($0.name, taken.add(tables.strings[$0.name], else: "v")) }
    variableLabels = Dictionary(labels) { first, _ in first }
    taken = Labels()
    graphLabels = module.graphs.map { taken.add(tables.strings[$0.name], else: "f") }
  }

  // MARK: Items

  mutating func printModule() {
    write(comment: module.comment)
    var labels = Labels()
    writer.write("module @")
    writer.write(labels.add(String(module.name.map { $0 == "." ? "_" : $0 }), else: "main"))
    writer.newline()
    if !module.variables.isEmpty { writer.newline() }
    for variable in module.variables { write(variable) }
    for id in module.graphs.indices {
      writer.newline()
      printGraph(GraphID(id))
    }
  }

  fileprivate mutating func write(_ variable: Variable) {
    writer.write(variable.kind.keyword)
    writer.write(" @")
    writer.write(variableLabels[variable.name] ?? "v")
    writer.write(" : ")
    write(variable.type)
    switch variable.initializer {
    case .zeros: break
    case .ones: writer.write(" init ones")
    case .eye: writer.write(" init eye")
    case .constant(let value): write(" init constant", [value])
    case .normal(let mean, let deviation): write(" init normal", [mean, deviation])
    case .uniform(let low, let high): write(" init uniform", [low, high])
    case .data(let id):
      writer.write(" init data ")
      SluiceText.write(id, of: module.tables, indent: "", to: &writer)
    }
    writer.newline()
  }

  private mutating func write(_ word: String, _ numbers: [Double]) {
    writer.write(word)
    writer.write("(")
    for (position, number) in numbers.enumerated() {
      if position > 0 { writer.write(", ") }
      writer.write(number)
    }
    writer.write(")")
  }

  private mutating func write(comment: [String]) {
    for line in commentLines(comment) {
      writer.write(line)
      writer.newline()
    }
  }

  // MARK: Graphs

  mutating func printGraph(_ id: GraphID) {
    let graph = module[id]
    let labels = ValueLabels(graph, module.tables.strings)
    write(comment: graph.comment.map { module.tables.strings[$0] })
    writer.write(graph.kind == .function ? "func @" : "body @")
    writer.write(graphLabels[id.index])
    writeSignature(graph, labels)
    var scope = moduleScope
    for node in graph.inputCount..<graph.nodeCount {
      var own = module.tables.scopeID(graph.locations[node])
      if own.isNone { own = moduleScope }
      if own != scope { write(scope: own) }
      scope = own
      write(NodeID(node), graph, labels)
    }
    writer.write("  return")
    for (position, value) in graph.results.enumerated() {
      writer.write(position == 0 ? " %" : ", %")
      writer.write(labels[value])
    }
    for (position, write) in graph.writes.enumerated() {
      writer.write(graph.results.isEmpty && position == 0 ? " @" : ", @")
      writer.write(variableLabels[write.state] ?? "v")
      writer.write(" = %")
      writer.write(labels[write.value])
    }
    writer.newline()
    writer.write("}")
    writer.newline()
  }

  private mutating func writeSignature(_ graph: Graph, _ labels: ValueLabels) {
    writer.write("(")
    for (position, value) in graph.inputs.enumerated() {
      writer.write(position == 0 ? "%" : ", %")
      writer.write(labels[value])
      writer.write(": ")
      write(graph.types[value.index])
    }
    writer.write(")")
    if !graph.results.isEmpty { writer.write(" -> ") }
    let isNamed = graph.resultNames.contains { !$0.isNone }
    var names = Labels()
    if isNamed { writer.write("(") }
    for (position, value) in graph.results.enumerated() {
      if position > 0 { writer.write(", ") }
      if isNamed, !graph.resultNames[position].isNone {
        writer.write(names.add(module.tables.strings[graph.resultNames[position]], else: "result"))
        writer.write(": ")
      }
      write(graph.types[value.index])
    }
    if isNamed { writer.write(")") }
    for (position, symbol) in graph.symbols.enumerated() {
      let known = module.tables.dims.symbols[symbol.index]
      writer.write(position == 0 ? " where " : ", ")
      writer.write(module.tables.strings[known.name])
      writer.write(" <= ")
      writer.write(known.bound)
    }
    writer.write(" {")
    writer.newline()
  }

  /// The line that says where the nodes below come from.
  private mutating func write(scope: StringID) {
    writer.write("  scope ")
    writer.write(quoted: scope.isNone ? module.name : module.tables.strings[scope])
    writer.newline()
  }

  private mutating func write(_ node: NodeID, _ graph: Graph, _ labels: ValueLabels) {
    let results = graph.resultRange(node)
    writer.write("  ")
    for value in results {
      writer.write(value == results.lowerBound ? "%" : ", %")
      writer.write(labels[ValueID(value)])
    }
    writer.write(" = ")
    let row = Int(graph.ops[node.index].rawValue)
    writer.write(ops.rows[row].text[...])
    let record = graph.attributes[node.index]
    var separator = " "
    if record != AttributeTable.empty {
      for attribute in ops.rows[row].positional {
        writer.write(separator)
        write(name: module.tables.attributes.value(record, attribute.spec.name))
        separator = ", "
      }
    }
    for position in graph.operandRange(node) {
      writer.write(separator)
      writer.write("%")
      writer.write(labels[graph.operandPool[position]])
      separator = ", "
    }
    if record != AttributeTable.empty { writeAttributes(row, record) }
    writer.write(" : ")
    for value in results {
      if value != results.lowerBound { writer.write(", ") }
      write(graph.types[value])
    }
    writer.newline()
  }

  // MARK: Attributes

  private mutating func write(name: AttributeValue?) {
    writer.write("@")
    switch name {
    case .symbol(let name): writer.write(variableLabels[name] ?? module.tables.strings[name])
    case .graph(let id): writer.write(graphLabels[id.index])
    default: break
    }
  }

  private mutating func writeAttributes(_ row: Int, _ record: AttributesID) {
    var isFirst = true
    for attribute in ops.rows[row].braced {
      guard let value = module.tables.attributes.value(record, attribute.spec.name),
        !attribute.spec.isDefault(value)
      else { continue }
      writer.write(isFirst ? " {" : ", ")
      isFirst = false
      writer.write(attribute.text[...])
      writer.write(" = ")
      write(value)
    }
    if !isFirst { writer.write("}") }
  }

  private mutating func write(_ value: AttributeValue) {
    switch value {
    case .int(let value): writer.write(value)
    case .bool(let value): writer.write(value ? "true" : "false")
    case .number(let value): writer.write(value)
    case .dtype(let value): writer.write(value.name)
    case .ints(let values):
      writer.write("[")
      for (position, value) in values.enumerated() {
        if position > 0 { writer.write(",") }
        writer.write(value)
      }
      writer.write("]")
    case .dims(let values): writer.write(module.tables.text(values))
    case .dim(let value): writer.write(module.tables.text(value))
    case .constant(let id): SluiceText.write(id, of: module.tables, indent: "  ", to: &writer)
    case .string(let id): writer.write(quoted: module.tables.strings[id])
    case .symbol, .graph: write(name: value)
    }
  }

  private mutating func write(_ type: TypeID) {
    if typeTexts[type.index].isEmpty { typeTexts[type.index] = Array(module.tables.text(type).utf8) }
    writer.write(typeTexts[type.index][...])
  }
}

/// The elements of a constant in row-major order; on lines of their own, further in, when there are many.
private func write(_ id: ConstantID, of tables: Tables, indent: String, to writer: inout ByteWriter) {
  let constants = tables.constants
  let type = constants.type(id)
  let dtype = tables.types.dtype(type)
  let size = dtype.byteCount
  if tables.types.rank(type) == 0 {
    return writer.write(bits: constants.bits(id, 0, size: size), dtype)
  }
  let count = constants.range(id).count / size
  let start = writer.bytes.count
  writer.write("[")
  for position in 0..<count where writer.column <= lineLength {
    if position > 0 { writer.write(", ") }
    writer.write(bits: constants.bits(id, position, size: size), dtype)
  }
  writer.write("]")
  if writer.column <= lineLength { return }
  writer.truncate(to: start)
  writer.write("[")
  writer.newline()
  var element: [UInt8] = []
  for position in 0..<count {
    element.removeAll(keepingCapacity: true)
    NumberText.append(constants.bits(id, position, size: size), dtype, to: &element)
    if position < count - 1 { element.append(UInt8(ascii: ",")) }
    if writer.column + 1 + element.count > lineLength { writer.newline() }
    writer.write(writer.column == 0 ? indent + "  " : " ")
    writer.write(element[...])
  }
  writer.newline()
  writer.write(indent)
  writer.write("]")
}

/// Lists that are longer get lines of their own.
private let lineLength = 100
