/// The only way to make a graph: it infers types, applies local rules, finds identical nodes, then appends.
///
/// One builder makes one module, graph by graph; graphs may nest while they are built (a `scan` in the DSL traces
/// its body while its function is half done). Passes rebuild every graph forward through a builder of their own,
/// and dead nodes are simply not copied.
public struct ModuleBuilder: ~Copyable {
  /// What all graphs of the module share.
  public var tables: Tables
  /// Where the next nodes come from.
  public var location: LocationID = .none
  /// Whether `emit` applies rules and finds identical nodes; the reader switches it off to keep text as written.
  public let simplifies: Bool
  /// How often each rule fired, by name.
  public private(set) var ruleCounts: [String: Int] = [:]

  private let name: String
  private let comment: [String]
  private var frame = Frame(graph: Graph(name: .none, kind: .body))
  private var suspended: [Frame] = []
  private var finished: [Graph] = []
  private var inference = Inference()
  private var answers = InferenceCache()
  /// The names of graphs: of those that are there, under construction, or may yet be copied into the module.
  private var taken: Set<StringID> = []
  /// Per name that had to be changed the number to try next.
  private var nextNumbers: [String: Int] = [:]

  /// How many graphs are under construction.
  public private(set) var depth = 0

  /// A builder of an empty module.
  public init(name: String, comment: [String] = [], simplifies: Bool = true) {
    self.name = name
    self.comment = comment
    self.simplifies = simplifies
    self.tables = Tables()
  }

  /// A builder that rebuilds `module`: same tables and variables, graphs yet to come.
  public init(rebuilding module: Module, simplifies: Bool = true) {
    self.name = module.name
    self.comment = module.comment
    self.simplifies = simplifies
    self.tables = module.tables
    self.tables.signatures = []
    self.taken = Set(module.graphs.map(\.name))
  }

  /// A builder that adds graphs behind those of `module`.
  package init(extending module: Module, simplifies: Bool = true) {
    self.init(rebuilding: module, simplifies: simplifies)
    tables.signatures = module.tables.signatures
    finished = module.graphs
  }

  /// Declares a parameter or state; throws when the name is taken or the type cannot be kept.
  public mutating func declare(_ variable: Variable) throws(InferenceError) {
    let name = tables.strings[variable.name]
    for dim in tables.types.shape(variable.type) where tables.dims.value(dim) == nil {
      throw InferenceError(
        "`@\(name)` has the symbolic dim `\(tables.text(dim))`",
        hint: "\(variable.kind.keyword)s have a size that is known when the model is compiled")
    }
    if variable.initializer == .eye {
      let shape = tables.types.shape(variable.type)
      guard shape.count == 2, shape[0] == shape[1] else {
        throw InferenceError("`eye` needs a square matrix, `@\(name)` is \(tables.text(variable.type))")
      }
    }
    guard tables.declare(variable) else { throw InferenceError("`@\(name)` is declared twice") }
  }

  // MARK: Graphs

  /// Begins a graph; the graph under construction, if any, waits until this one ends.
  public mutating func begin(
    _ kind: Graph.Kind, _ name: String, symbols: [SymbolID] = [], comment: [String] = []
  ) {
    var graph = Graph(name: tables.strings.intern(name), kind: kind)
    graph.symbols = symbols
    graph.comment = comment.map { tables.strings.intern($0) }
    graph.location = location
    push(graph)
  }

  /// Begins a graph with the name, kind, symbols and comment of another one of the same module, and memory for as
  /// many nodes.
  public mutating func begin(like other: Graph) {
    var graph = Graph(name: other.name, kind: other.kind)
    graph.symbols = other.symbols
    graph.comment = other.comment
    graph.location = other.location
    graph.reserveCapacity(like: other)
    push(graph, nodeCount: simplifies ? other.nodeCount : 0)
  }

  /// Ends the graph begun last, and goes on with the one that waits.
  @discardableResult
  public mutating func end(
    results: [ValueID], names: [StringID] = [], writes: [Graph.Write] = []
  ) throws(InferenceError) -> GraphID {
    precondition(depth > 0, "end without begin")
    var graph = frame.graph
    graph.results = results
    graph.resultNames = names.isEmpty ? results.map { _ in .none } : names
    graph.writes = writes
    if frame.hasLateInputs { graph.moveInputsToFront() }
    if graph.kind == .function, let problem = tables.symbolProblems(in: graph).first {
      throw problem.error
    }
    var written: Set<StringID> = []
    for write in graph.writes {
      let state = tables.strings[write.state]
      guard let variable = tables.variable(write.state) else {
        throw InferenceError(
          "`@\(state)` is written but not declared", hint: "declare it: `state @\(state) : ...`")
      }
      guard variable.type == graph.types[write.value.index] else {
        let seen = tables.text(graph.types[write.value.index])
        throw InferenceError("`@\(state)` is \(tables.text(variable.type)), the value written is \(seen)")
      }
      guard written.insert(write.state).inserted else {
        throw InferenceError("`@\(state)` is written twice by one function")
      }
    }
    finished.append(graph)
    tables.signatures.append(
      GraphSignature(
        name: graph.name, kind: graph.kind, inputs: graph.inputs.map { graph.types[$0.index] },
        results: graph.results.map { graph.types[$0.index] }))
    pop()
    return GraphID(finished.count - 1)
  }

  /// Adds inputs behind those of a finished graph that nothing runs yet.
  package mutating func addInputs(_ types: [TypeID], to id: GraphID) {
    guard !types.isEmpty else { return }
    finished[id.index].addInputs(types)
    for symbol in types.flatMap({ tables.types.shape($0) }).flatMap({ tables.dims.symbols(in: $0) })
    where !finished[id.index].symbols.contains(symbol) {
      finished[id.index].symbols.append(symbol)
    }
    tables.signatures[id.index].inputs += types
  }

  /// Gives up the graph begun last.
  public mutating func abandon() { pop() }

  private mutating func push(_ graph: Graph, nodeCount: Int = 0) {
    taken.insert(graph.name)
    suspended.append(frame)
    frame = Frame(graph: graph, nodeCount: nodeCount)
    depth += 1
  }

  private mutating func pop() {
    guard let outer = suspended.popLast() else { return }
    frame = outer
    depth -= 1
  }

  /// The module with all graphs ended so far.
  public consuming func finish() -> Module {
    var module = Module(name: name, tables: tables, graphs: finished)
    module.comment = comment
    return module
  }

  // MARK: Nodes

  /// Adds an input; inputs come before all other nodes.
  @discardableResult
  public mutating func input(_ type: TypeID, name: StringID) -> ValueID {
    precondition(frame.graph.nodeCount == frame.graph.inputCount, "inputs come before all other nodes")
    frame.graph.inputCount += 1
    let attributes = AttributeTable.empty
    return append(.input, [ValueID]().span, attributes, type, hash: nil, name: name)
  }

  /// Adds an input at any time; `end` moves it in front of the nodes that are not inputs, behind earlier inputs.
  ///
  /// Until then the graph under construction is no sound graph: its inputs stand between other nodes.
  public mutating func capture(_ type: TypeID, name: StringID = .none) -> ValueID {
    if frame.graph.nodeCount > frame.graph.inputCount { frame.hasLateInputs = true }
    frame.graph.inputCount += 1
    return append(.input, [ValueID]().span, AttributeTable.empty, type, hash: nil, name: name)
  }

  /// Adds a node, or finds the value it would compute; gives its first result (the others follow it).
  @discardableResult
  public mutating func emit(
    _ op: Op, _ operands: Span<ValueID>, _ attributes: AttributesID = AttributeTable.empty
  ) throws(InferenceError) -> ValueID {
    inference.operands.removeAll(keepingCapacity: true)
    inference.results.removeAll(keepingCapacity: true)
    for i in operands.indices { inference.operands.append(type(operands[i])) }
    inference.attributes = attributes
    try answers.infer(op, &tables, &inference)
    guard let first = inference.results.first else {
      throw InferenceError("`\(op.definition.name)` gives no results", hint: "a node has at least one result")
    }
    return place(op, operands, attributes, first)
  }

  /// Adds a node of a verified graph again, or finds the value it would compute; gives its first result.
  ///
  /// The operands have the types that they had there, so the results have too, and nothing is inferred. There is
  /// at least one result.
  package mutating func emit(
    _ op: Op, _ operands: Span<ValueID>, _ attributes: AttributesID, known types: ArraySlice<TypeID>
  ) -> ValueID {
    guard let first = types.first else { preconditionFailure("a node without results") }
    inference.results.removeAll(keepingCapacity: true)
    inference.results.append(contentsOf: types)
    return place(op, operands, attributes, first)
  }

  /// Adds a node whose result types are those of `inference`, unless it simplifies to a value.
  @inline(__always)
  private mutating func place(
    _ op: Op, _ operands: Span<ValueID>, _ attributes: AttributesID, _ first: TypeID
  ) -> ValueID {
    let others = inference.results.count > 1 ? Array(inference.results.dropFirst()) : []
    var hash: UInt64?
    if simplifies {
      for rule in op.definition.rules {
        if let value = rule.body(&self, op, operands, attributes) {
          ruleCounts[rule.name, default: 0] += 1
          return value
        }
      }
      if !op.definition.traits.contains(.unique) {
        let key = Self.hash(op, operands, attributes)
        if let known = find(op, operands, attributes, key) { return known }
        hash = key
      }
    }
    return append(op, operands, attributes, first, others: others, hash: hash)
  }

  /// Adds a node with operands and attributes given as arrays.
  @discardableResult
  public mutating func emit(
    _ op: Op, _ operands: [ValueID], _ attributes: [Attribute] = []
  ) throws(InferenceError) -> ValueID {
    try emit(op, operands.span, op.definition.record(attributes, &tables))
  }

  /// Adds a node whose operands are known to fit: for rules and expansions, whose own inference has succeeded.
  ///
  /// A failure here is a mistake in the op table, not of the user.
  public mutating func make(_ op: Op, _ operands: [ValueID], _ attributes: [Attribute] = []) -> ValueID {
    do {
      return try emit(op, operands, attributes)
    } catch {
      preconditionFailure("an expansion or rule emitted an invalid `\(op.definition.name)`: \(error.message)")
    }
  }

  /// Names a value that has no name yet.
  public mutating func name(_ value: ValueID, _ name: StringID) {
    if frame.graph.names[value.index].isNone { frame.graph.names[value.index] = name }
  }

  // MARK: Looking at what was emitted

  /// The type of a value.
  public func type(_ value: ValueID) -> TypeID { frame.graph.types[value.index] }

  /// The element type of a value.
  public func dtype(_ value: ValueID) -> DType { tables.types.dtype(type(value)) }

  /// The dims of a value.
  public func shape(_ value: ValueID) -> [DimID] { tables.types.shape(type(value)) }

  /// The number of values so far.
  public var valueCount: Int { frame.graph.valueCount }

  /// The op that defines a value.
  public func op(_ value: ValueID) -> Op { frame.graph.ops[definer(value).index] }

  /// The attribute record of the node that defines a value.
  public func attributes(of value: ValueID) -> AttributesID {
    frame.graph.attributes[definer(value).index]
  }

  /// The operands of the node that defines a value.
  public func operands(of value: ValueID) -> [ValueID] { frame.graph.operands(definer(value)) }

  /// The name of the graph under construction.
  public var currentName: StringID { frame.graph.name }

  /// Sets the symbols of the graph under construction.
  public mutating func setSymbols(_ symbols: [SymbolID]) { frame.graph.symbols = symbols }

  /// The graph under construction.
  public var current: Graph { frame.graph }

  /// The node that defines a value.
  package func definer(_ value: ValueID) -> NodeID { frame.graph.definers[value.index] }

  /// The number of nodes so far.
  package var nodeCount: Int { frame.graph.nodeCount }

  /// The op of a node.
  package func op(_ node: NodeID) -> Op { frame.graph.ops[node.index] }

  /// The operands of a node.
  package func operands(_ node: NodeID) -> [ValueID] { frame.graph.operands(node) }

  /// Where the results of a node are among the values.
  package func resultRange(_ node: NodeID) -> Range<Int> { frame.graph.resultRange(node) }

  /// The attribute record of a node.
  package func attributes(_ node: NodeID) -> AttributesID { frame.graph.attributes[node.index] }

  /// Where a node came from.
  package func location(_ node: NodeID) -> LocationID { frame.graph.locations[node.index] }

  /// A graph that was ended.
  package func graph(_ id: GraphID) -> Graph { finished[id.index] }

  /// A name for a new graph: this one, or with a number behind it where it is taken.
  package mutating func freeName(_ name: String) -> String {
    var candidate = name
    var number = nextNumbers[name] ?? 2
    while let id = tables.strings.find(candidate), taken.contains(id) {
      candidate = "\(name)\(number)"
      number += 1
      nextNumbers[name] = number
    }
    return candidate
  }

  private mutating func append(
    _ op: Op, _ operands: Span<ValueID>, _ attributes: AttributesID, _ type: TypeID, others: [TypeID] = [],
    hash: UInt64?, name: StringID = .none
  ) -> ValueID {
    precondition(depth > 0, "a node outside begin and end")
    return frame.append(op, operands, attributes, type, others, hash, name, location)
  }

  private static func hash(_ op: Op, _ operands: Span<ValueID>, _ attributes: AttributesID) -> UInt64 {
    var hasher = WordHasher()
    hasher.combine(UInt64(op.rawValue) | UInt64(attributes.raw) << 32)
    for i in operands.indices { hasher.combine(UInt64(operands[i].raw)) }
    return hasher.hash
  }

  private func find(
    _ op: Op, _ operands: Span<ValueID>, _ attributes: AttributesID, _ hash: UInt64
  ) -> ValueID? {
    frame.find(op, operands, attributes, hash)
  }
}

/// A graph under construction with the index that finds identical nodes.
private struct Frame {
  var graph: Graph
  /// Whether an input was added behind other nodes.
  var hasLateInputs = false
  private var index: HashIndex

  init(graph: Graph, nodeCount: Int = 0) {
    self.graph = graph
    index = HashIndex(minimumCapacity: nodeCount)
  }

  mutating func append(
    _ op: Op, _ operands: Span<ValueID>, _ attributes: AttributesID, _ type: TypeID, _ others: [TypeID],
    _ hash: UInt64?, _ name: StringID, _ location: LocationID
  ) -> ValueID {
    let node = NodeID(graph.nodeCount)
    let value = ValueID(graph.valueCount)
    graph.ops.append(op)
    for i in operands.indices { graph.operandPool.append(operands[i]) }
    graph.operandEnds.append(UInt32(graph.operandPool.count))
    graph.attributes.append(attributes)
    graph.locations.append(location)
    appendValue(type, node, name)
    for other in others { appendValue(other, node, .none) }
    graph.resultEnds.append(UInt32(graph.valueCount))
    if let hash { index.insert(node.index, hash: hash) }
    return value
  }

  private mutating func appendValue(_ type: TypeID, _ node: NodeID, _ name: StringID) {
    graph.types.append(type)
    graph.definers.append(node)
    graph.names.append(name)
  }

  func find(_ op: Op, _ operands: Span<ValueID>, _ attributes: AttributesID, _ hash: UInt64) -> ValueID? {
    let found = index.find(hash) { row in
      guard graph.ops[row] == op, graph.attributes[row] == attributes else { return false }
      let range = graph.operandRange(NodeID(row))
      guard range.count == operands.count else { return false }
      for i in operands.indices where graph.operandPool[range.lowerBound + i] != operands[i] { return false }
      return true
    }
    return found.map { graph.result(NodeID($0)) }
  }
}
