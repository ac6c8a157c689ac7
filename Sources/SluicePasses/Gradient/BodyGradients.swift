/// Derivatives of ops that run bodies once: `call`, `cond`, `while` and derivatives given by hand.

package import SluiceIR

extension ModuleBuilder {
  /// Copies the nodes of a body into the graph under construction; gives the values of its results.
  package mutating func inline(_ body: Graph, _ inputs: [ValueID], _ mark: ScopeMark? = nil) -> [ValueID] {
    let outer = location
    defer { location = outer }
    var values = [ValueID](repeating: .none, count: body.valueCount)
    for (position, input) in inputs.enumerated() { values[position] = input }
    for node in body.nodes.dropFirst(body.inputCount) { copy(node, of: body, &values, mark) }
    // Results are named by whoever asks for them.
    let results = Set(body.results)
    for value in body.inputCount..<body.valueCount
    where !body.names[value].isNone && !results.contains(ValueID(value)) {
      name(values[value], body.names[value])
    }
    return body.results.map { values[$0.index] }
  }

  /// Copies one node, whose operands have values here already.
  mutating func copy(
    _ node: NodeID, of body: Graph, _ values: inout [ValueID], _ mark: ScopeMark? = nil
  ) {
    location = body.locations[node.index]
    if let mark { location = tables.marked(location, mark) }
    let operands = body.operands(node).map { values[$0.index] }
    let results = body.resultRange(node)
    let first = emit(
      body.ops[node.index], operands.span, body.attributes[node.index], known: body.types[results])
    for (offset, result) in results.enumerated() { values[result] = ValueID(first.index + offset) }
  }

  /// Begins a body with the inputs of another one.
  mutating func begin(_ purpose: String, like body: Graph) -> [ValueID] {
    begin(.body, freeName("\(tables.strings[body.name]).\(purpose)"), symbols: body.symbols)
    return body.inputs.map { input(body.types[$0.index], name: body.names[$0.index]) }
  }

  /// The type of the cotangents of values of a type: f32 for f16 and bf16, which only store.
  package mutating func cotangentType(_ type: TypeID) -> TypeID {
    tables.types.dtype(type).isNarrow ? tables.types.with(.f32, shapeOf: type) : type
  }

  /// Zeros of a type.
  mutating func zeros(_ type: TypeID) -> ValueID {
    let zero = scalar(0, tables.types.dtype(type))
    let shape = tables.types.shape(type)
    return shape.isEmpty ? zero : make(.broadcast, [zero], [Attribute(.shape, .dims(shape))])
  }

  /// The cotangent of a value that nothing depends on.
  package mutating func zeroCotangent(of value: ValueID) -> ValueID { zeros(cotangentType(type(value))) }

  /// Ends a body that was begun by `begin(_:like:)`.
  mutating func endBody(_ results: [ValueID]) -> GraphID {
    do {
      return try end(results: results)
    } catch {
      preconditionFailure("a body without writes cannot be wrong: \(error.message)")
    }
  }

  /// A body that gives the cotangents of wanted inputs of another one, from its inputs and the cotangents of the
  /// results that have one; it computes what it needs of the other one again.
  mutating func pullback(
    of body: GraphID, wanted: [Bool], given: [Bool]
  ) throws(GradientError) -> GraphID {
    let body = graph(body)
    let inputs = begin("vjp", like: body)
    var seeds: [(position: Int, cotangent: ValueID)] = []
    for (position, result) in body.results.enumerated() where given[position] {
      let type = cotangentType(body.types[result.index])
      seeds.append((position, input(type, name: .none)))
    }
    let results = inline(body, inputs, .recomputed)
    let asked = inputs.indices.filter { wanted[$0] }.map { inputs[$0] }
    do {
      let found = try cotangents(
        of: asked, from: seeds.map { (value: results[$0.position], cotangent: $0.cotangent) })
      var all: [ValueID] = []
      for (value, cotangent) in zip(asked, found) {
        if let cotangent { all.append(cotangent) } else { all.append(zeros(cotangentType(type(value)))) }
      }
      return endBody(all)
    } catch {
      abandon()
      throw error
    }
  }

  /// Values of a node one a wanted operand, as one an operand.
  private func spread(_ first: ValueID, _ wanted: [Bool]) -> [ValueID?] {
    var next = first.index
    return wanted.map { isWanted in
      guard isWanted else { return nil }
      defer { next += 1 }
      return ValueID(next)
    }
  }

  /// Through a `call` that computes its body again rather than to keep what the derivative needs.
  mutating func recomputedCotangents(_ node: GradientNode) throws(GradientError) -> [ValueID?] {
    let body = tables.attributes.graph(node.attributes, .body) ?? .none
    let pullback = try pullback(of: body, wanted: node.wanted, given: node.cotangents.map { $0 != nil })
    let first = make(
      .call, node.operands + node.cotangents.compactMap { $0 }, [Attribute(.body, .graph(pullback))])
    return spread(first, node.wanted)
  }

  /// Through a `custom_vjp`: its backward body takes operands, results and cotangents.
  mutating func customCotangents(_ backward: GraphID, _ node: GradientNode) throws(GradientError)
    -> [ValueID?]
  {
    var cotangents: [ValueID] = []
    for (value, cotangent) in zip(node.results, node.cotangents)
    where dtype(value).isDifferentiable {
      if let cotangent {
        cotangents.append(cotangent)
      } else {
        cotangents.append(zeros(cotangentType(type(value))))
      }
    }
    let first = make(
      .call, node.operands + node.results + cotangents, [Attribute(.body, .graph(backward))])
    return spread(first, node.operands.map { dtype($0).isDifferentiable })
  }

  /// Through a `cond`: the derivative of the side that runs.
  mutating func condCotangents(_ node: GradientNode) throws(GradientError) -> [ValueID?] {
    let wanted = Array(node.wanted.dropFirst())
    let given = node.cotangents.map { $0 != nil }
    let then = tables.attributes.graph(node.attributes, .then) ?? .none
    let otherwise = tables.attributes.graph(node.attributes, .otherwise) ?? .none
    let sides = [
      Attribute(.then, .graph(try pullback(of: then, wanted: wanted, given: given))),
      Attribute(.otherwise, .graph(try pullback(of: otherwise, wanted: wanted, given: given))),
    ]
    let first = make(.cond, node.operands + node.cotangents.compactMap { $0 }, sides)
    return [nil] + spread(first, wanted)
  }

  /// A `while` with a limit as a `scan` over all its rounds, of which those after the end change nothing.
  mutating func unrolledWhile(_ node: GradientNode) throws(GradientError) -> [ValueID] {
    guard let limit = tables.attributes.dim(node.attributes, .limit) else {
      throw GradientError(
        message: "`while` without a limit has no derivative: how much to remember is not known",
        hint: "state how often it runs at most: `limit = ...`, or use `scan`", location: location)
    }
    let body = tables.attributes.graph(node.attributes, .body) ?? .none
    let condition = graph(tables.attributes.graph(node.attributes, .condition) ?? .none)
    let carries = graph(body).results.count

    let same = begin("same", like: graph(body))
    let identity = endBody(Array(same.prefix(carries)))

    begin(.body, freeName("\(tables.strings[graph(body).name]).round"), symbols: graph(body).symbols)
    let isGoing = input(tables.types.intern(.bool, []), name: tables.strings.intern("is_going"))
    let inputs = graph(body).inputs.map {
      input(graph(body).types[$0.index], name: graph(body).names[$0.index])
    }
    let goesOn = make(.and, [isGoing, inline(condition, inputs)[0]])
    let first = make(
      .cond, [goesOn] + inputs,
      [Attribute(.then, .graph(body)), Attribute(.otherwise, .graph(identity))])
    let round = endBody([goesOn] + (0..<carries).map { ValueID(first.index + $0) })

    let start = scalar(1, .bool)
    let results = make(
      .scan, [start] + node.operands,
      [
        Attribute(.body, .graph(round)), Attribute(.carries, .int(Int64(carries + 1))),
        Attribute(.length, .dim(limit)),
      ])
    return (0..<carries).map { ValueID(results.index + 1 + $0) }
  }
}
