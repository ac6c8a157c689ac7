import SluiceIR

/// Everything a module holds, place by place and without the printer: equal descriptions, equal modules.
func describe(_ module: Module) -> [String] {
  let tables = module.tables
  var lines = ["module \(module.name) \(module.comment)"]
  for variable in module.variables {
    lines.append("\(variable.kind) \(tables.strings[variable.name]) \(describe(variable.type, tables))")
    if case .data(let id) = variable.initializer {
      lines.append(describe(id, tables))
    } else {
      lines.append("\(variable.initializer)")
    }
  }
  for graph in module.graphs {
    lines.append("\(graph.kind) \(tables.strings[graph.name]) \(graph.comment.map { tables.strings[$0] })")
    lines.append("symbols \(graph.symbols.map { describe($0, tables) }) inputs \(graph.inputCount)")
    for node in graph.nodes {
      let attributes = tables.attributes.attributes(graph.attributes[node.index])
        .map { "\($0.name) \(describe($0.value, module))" }
      let results = graph.results(node).map {
        "\(tables.strings[graph.names[$0.index]]): \(describe(graph.types[$0.index], tables))"
      }
      let operands = graph.operands(node).map(\.raw)
      let scope = tables.scope(graph.locations[node.index])
      lines.append("\(results) \(graph.ops[node.index]) \(operands) \(attributes) \(scope)")
    }
    lines.append("return \(graph.results.map(\.raw)) \(graph.resultNames.map { tables.strings[$0] })")
    lines.append("writes \(graph.writes.map { "\(tables.strings[$0.state]) \($0.value.raw)" })")
  }
  return lines
}

private func describe(_ symbol: SymbolID, _ tables: Tables) -> String {
  let known = tables.dims.symbols[symbol.index]
  return "\(tables.strings[known.name]) <= \(known.bound)"
}

private func describe(_ dim: DimID, _ tables: Tables) -> String {
  let terms = tables.dims.terms(dim).map { term in
    "\(term.coefficient) \(term.symbols.map { describe($0, tables) }.sorted())"
  }
  return "\(terms.sorted())"
}

private func describe(_ type: TypeID, _ tables: Tables) -> String {
  "\(tables.types.dtype(type)) \(tables.types.shape(type).map { describe($0, tables) })"
}

private func describe(_ id: ConstantID, _ tables: Tables) -> String {
  "\(describe(tables.constants.type(id), tables)) \(Array(tables.constants.bytes[tables.constants.range(id)]))"
}

private func describe(_ value: AttributeValue, _ module: Module) -> String {
  switch value {
  case .dims(let dims): "\(dims.map { describe($0, module.tables) })"
  case .dim(let dim): describe(dim, module.tables)
  case .symbol(let id), .string(let id): module.tables.strings[id]
  case .graph(let id): module.tables.strings[module[id].name]
  case .constant(let id): describe(id, module.tables)
  default: "\(value)"
  }
}
