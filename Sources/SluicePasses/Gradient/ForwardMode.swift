/// Forward-mode differentiation, made of reverse mode twice.

package import SluiceIR

extension ModuleBuilder {
  /// The tangents of outputs from those of `inputs`: the Jacobian-vector product of the graph under construction.
  ///
  /// The vector-Jacobian product is linear in the cotangents of the outputs; its own vector-Jacobian product by them is
  /// the Jacobian-vector product (Townsend 2017, "A new trick for calculating Jacobian vector products"). Both are made
  /// in a body, which is called with cotangents of 0; what depends on them is dead. Nil stands for an output that
  /// depends on no input.
  package mutating func tangents(
    of outputs: [ValueID], from inputs: [(value: ValueID, tangent: ValueID)]
  ) throws(GradientError) -> [ValueID?] {
    let outer = current
    let between = nodesBetween(inputs.map(\.value), outputs, outer)
    let isInside = Set(between.flatMap { outer.results($0) })
    var captures: [ValueID] = []
    var isKnown = Set(inputs.map(\.value))
    for operand in between.flatMap({ outer.operands($0) }) where !isInside.contains(operand) {
      if isKnown.insert(operand).inserted { captures.append(operand) }
    }
    let reached = outputs.filter { isInside.contains($0) || inputs.map(\.value).contains($0) }
    let seeds = reached.map { zeroCotangent(of: $0) }

    begin(.body, freeName("\(tables.strings[outer.name]).jvp"), symbols: symbols(of: outer))
    var values = [ValueID](repeating: .none, count: outer.valueCount)
    func enter(_ value: ValueID, _ builder: inout ModuleBuilder) -> ValueID {
      builder.input(outer.types[value.index], name: outer.names[value.index])
    }
    for pair in inputs { values[pair.value.index] = enter(pair.value, &self) }
    for value in captures { values[value.index] = enter(value, &self) }
    let cotangents = reached.map { value in input(cotangentType(outer.types[value.index]), name: .none) }
    let tangents = inputs.map { pair in input(outer.types[pair.tangent.index], name: .none) }
    for node in between { copy(node, of: outer, &values) }
    let body: GraphID
    do {
      let first = try self.cotangents(
        of: inputs.map { values[$0.value.index] },
        from: zip(reached, cotangents).map { (value: values[$0.index], cotangent: $1) })
      var pairs: [(value: ValueID, cotangent: ValueID)] = []
      for (slope, tangent) in zip(first, tangents) {
        if let slope { pairs.append((slope, tangent)) }
      }
      let second = try self.cotangents(of: cotangents, from: pairs)
      var results: [ValueID] = []
      for (cotangent, tangent) in zip(cotangents, second) {
        if let tangent { results.append(tangent) } else { results.append(zeros(type(cotangent))) }
      }
      if results.isEmpty {
        abandon()
        return outputs.map { _ in nil }
      }
      body = endBody(results)
    } catch {
      abandon()
      throw error
    }
    let first = make(
      .call, inputs.map(\.value) + captures + seeds + inputs.map(\.tangent),
      [Attribute(.body, .graph(body))])
    var results: [ValueID?] = []
    for output in outputs {
      results.append(reached.firstIndex(of: output).map { ValueID(first.index + $0) })
    }
    return results
  }

  /// The nodes on the way from some values to others, in order; inputs may stand between them yet.
  private func nodesBetween(_ from: [ValueID], _ to: [ValueID], _ graph: Graph) -> [NodeID] {
    var depends = [Bool](repeating: false, count: graph.valueCount)
    for value in from { depends[value.index] = true }
    for index in 0..<graph.nodeCount {
      let any = graph.operandRange(NodeID(index)).contains { depends[graph.operandPool[$0].index] }
      if any { for value in graph.resultRange(NodeID(index)) { depends[value] = true } }
    }
    var isNeeded = [Bool](repeating: false, count: graph.valueCount)
    for value in to { isNeeded[value.index] = true }
    for value in from { isNeeded[value.index] = false }
    var nodes: [NodeID] = []
    let start = Set(from)
    for index in (0..<graph.nodeCount).reversed() {
      let range = graph.resultRange(NodeID(index))
      guard range.contains(where: { isNeeded[$0] && depends[$0] && !start.contains(ValueID($0)) }) else {
        continue
      }
      nodes.append(NodeID(index))
      for operand in graph.operands(NodeID(index)) { isNeeded[operand.index] = true }
    }
    return nodes.reversed()
  }

  /// The symbols that the types and attributes of a graph under construction mention.
  private func symbols(of graph: Graph) -> [SymbolID] {
    var found = graph.symbols
    var known = Set(found)
    func note(_ dims: [DimID]) {
      for symbol in dims.flatMap({ tables.dims.symbols(in: $0) }) where known.insert(symbol).inserted {
        found.append(symbol)
      }
    }
    for type in Set(graph.types).sorted(by: { $0.raw < $1.raw }) { note(tables.types.shape(type)) }
    for record in Set(graph.attributes).sorted(by: { $0.raw < $1.raw }) {
      for attribute in tables.attributes.attributes(record) {
        switch attribute.value {
        case .dims(let dims): note(dims)
        case .dim(let dim): note([dim])
        case .graph(let body):
          for symbol in self.graph(body).symbols where known.insert(symbol).inserted {
            found.append(symbol)
          }
        default: break
        }
      }
    }
    return found
  }
}
