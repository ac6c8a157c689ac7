/// Reverse-mode differentiation: the nodes between what is differentiated and what it is differentiated by, backwards.

package import SluiceIR

/// Why something has no derivative, and the node that stands in the way.
package struct GradientError: Error, Sendable {
  /// What was seen.
  package var message: String
  /// The way out.
  package var hint: String?
  /// Where the node came from.
  package var location: LocationID
}

extension ModuleBuilder {
  /// The cotangents of `wanted` from those of `outputs`: the vector-Jacobian product of the graph under construction.
  ///
  /// With the cotangent 1 of a scalar these are its gradients. The nodes are appended to the graph; nil stands for a
  /// value that no output depends on. The method is reverse accumulation (Griewank and Walther 2008, section 3.2).
  package mutating func cotangents(
    of wanted: [ValueID], from outputs: [(value: ValueID, cotangent: ValueID)]
  ) throws(GradientError) -> [ValueID?] {
    let location = location
    defer { self.location = location }
    var sweep = ReverseSweep(wanted)
    return try sweep.run(&self, outputs)
  }
}

/// The state of one sweep.
///
/// Nodes are visited from the last to the first, so that all uses of a value have been seen when its definition is
/// reached: in the order of a depth-first walk, or else the order in which a model was traced would decide in which
/// order the cotangents of a value are added up. A composite is expanded when it is reached: its primitives stand at
/// the end of the graph and come next.
struct ReverseSweep {
  /// What the sweep is for, and what it has found.
  private let wanted: [ValueID]
  private var found: [ValueID?]
  /// Per value whether it depends on what is wanted, by floats.
  private var isActive: [Bool] = []
  private var flaggedNodes = 0
  private var isWanted: [Bool] = []
  /// Per value the sum of the cotangents that came so far; none for 0.
  private var sums: [ValueID] = []
  private var queue = NodeQueue([])

  init(_ wanted: [ValueID]) {
    self.wanted = wanted
    found = Array(repeating: nil, count: wanted.count)
  }

  mutating func run(
    _ builder: inout ModuleBuilder, _ outputs: [(value: ValueID, cotangent: ValueID)]
  ) throws(GradientError) -> [ValueID?] {
    queue = NodeQueue(Self.order(builder.current, outputs.map(\.value)))
    isWanted = Array(repeating: false, count: builder.valueCount)
    for value in wanted { isWanted[value.index] = true }
    flag(builder)
    for output in outputs { add(output.cotangent, to: output.value, &builder) }
    while let node = queue.popLast() { try visit(node, &builder) }
    return found
  }

  /// All nodes: inputs, what these values need, then what only a composite may turn out to need.
  private static func order(_ graph: Graph, _ roots: [ValueID]) -> [NodeID] {
    var nodes = graph.nodes.filter { graph.ops[$0.index] == .input }
    nodes += depthFirst(graph, from: roots)
    var isThere = [Bool](repeating: false, count: graph.nodeCount)
    for node in nodes { isThere[node.index] = true }
    return nodes + graph.nodes.filter { !isThere[$0.index] }
  }

  /// Marks what depends on what is wanted, in the nodes that were appended since the last time.
  private mutating func flag(_ builder: borrowing ModuleBuilder) {
    isActive.reserveCapacity(builder.valueCount)
    for index in flaggedNodes..<builder.nodeCount {
      let node = NodeID(index)
      var depends = false
      if case .zero = builder.op(node).definition.gradient {
      } else {
        depends = builder.operands(node).contains { isActive[$0.index] }
      }
      for value in builder.resultRange(node) {
        let isAsked = value < isWanted.count && isWanted[value]
        isActive.append((depends || isAsked) && builder.dtype(ValueID(value)).isDifferentiable)
      }
    }
    flaggedNodes = builder.nodeCount
  }

  /// Adds to the cotangent of a value, where somebody wants it.
  private mutating func add(_ cotangent: ValueID, to value: ValueID, _ builder: inout ModuleBuilder) {
    if value.index >= isActive.count { flag(builder) }
    guard isActive[value.index] else { return }
    precondition(
      builder.shape(cotangent) == builder.shape(value),
      "a cotangent has another shape than its value, behind `\(builder.op(value).definition.name)`")
    while sums.count <= value.index { sums.append(.none) }
    if sums[value.index].isNone {
      sums[value.index] = cotangent
      queue.insert(builder.definer(value))
    } else {
      sums[value.index] = Self.sum(sums[value.index], cotangent, &builder)
    }
  }

  /// The sum of two cotangents; elements that one of them adds to zeros are added to the other instead: the gradient
  /// of a table that is also multiplied is made once, and in place.
  private static func sum(_ a: ValueID, _ b: ValueID, _ builder: inout ModuleBuilder) -> ValueID {
    for (scattered, other) in [(b, a), (a, b)] where addsToZeros(scattered, builder) {
      return builder.make(
        .scatterAdd, [other] + builder.operands(of: scattered).dropFirst(),
        builder.tables.attributes.attributes(builder.attributes(of: scattered)))
    }
    return builder.make(.add, [a, b])
  }

  private static func addsToZeros(_ value: ValueID, _ builder: borrowing ModuleBuilder) -> Bool {
    guard builder.op(value) == .scatterAdd else { return false }
    let base = builder.operands(of: value)[0]
    guard builder.op(base) == .broadcast, let scalar = builder.operands(of: base).first,
      builder.op(scalar) == .constant,
      let id = builder.tables.attributes.constant(builder.attributes(of: scalar), .value)
    else { return false }
    return builder.tables.constants.bits(id, 0, size: builder.dtype(scalar).byteCount) == 0
  }

  private mutating func visit(_ node: NodeID, _ builder: inout ModuleBuilder) throws(GradientError) {
    let place = builder.location(node)
    builder.location = builder.tables.marked(place, .gradient)
    let results = builder.resultRange(node).map { ValueID($0) }
    var cotangents: [ValueID?] = []
    for value in results {
      let sum = value.index < sums.count ? sums[value.index] : .none
      cotangents.append(sum.isNone ? nil : sum)
      if !sum.isNone { sums[value.index] = .none }
      if !sum.isNone, value.index < isWanted.count, isWanted[value.index] { keep(sum, of: value, &builder) }
    }
    let op = builder.op(node)
    let operands = builder.operands(node)
    let wanted = operands.map { isActive[$0.index] }
    guard wanted.contains(true) else { return }
    let record = GradientNode(
      operands: operands, results: results, attributes: builder.attributes(node), cotangents: cotangents,
      wanted: wanted)
    switch op.definition.gradient {
    case .zero: return
    case .none(let reason):
      throw GradientError(
        message: "`\(op.definition.name)` has no derivative: \(reason)",
        hint: "keep the derivative from reaching it: `stop_gradient`", location: place)
    case .expansion:
      // What a composite is made of is no derivative yet.
      builder.location = place
      expand(op, record, &builder)
    case .cotangents(let body):
      do {
        try push(body(&builder, record), record, &builder)
      } catch {
        throw GradientError(message: error.message, hint: error.hint, location: place)
      }
    case .bodies: try push(bodies(op, record, node, &builder), record, &builder)
    }
  }

  /// Remembers the cotangent of a wanted value; it may come in parts, where late nodes compute the value again.
  private mutating func keep(_ sum: ValueID, of value: ValueID, _ builder: inout ModuleBuilder) {
    for position in wanted.indices where wanted[position] == value {
      found[position] = found[position].map { builder.make(.add, [$0, sum]) } ?? sum
    }
  }

  private mutating func push(
    _ cotangents: [ValueID?], _ node: GradientNode, _ builder: inout ModuleBuilder
  ) {
    for (position, cotangent) in cotangents.enumerated() where node.wanted[position] {
      if let cotangent { add(cotangent, to: node.operands[position], &builder) }
    }
  }

  /// Passes the cotangents of a composite on to the results of its expansion.
  private mutating func expand(_ op: Op, _ node: GradientNode, _ builder: inout ModuleBuilder) {
    guard case .expand(let expansion) = op.definition.family else {
      preconditionFailure("`\(op.definition.name)` has no expansion")
    }
    forward(expansion.body(&builder, node.operands, node.attributes), node, &builder)
  }

  /// Passes cotangents on to values that are equal to a node's results.
  private mutating func forward(_ values: [ValueID], _ node: GradientNode, _ builder: inout ModuleBuilder) {
    flag(builder)
    for (value, cotangent) in zip(values, node.cotangents) {
      if let cotangent { add(cotangent, to: value, &builder) }
    }
  }

  // MARK: Bodies

  /// The cotangents of the operands of a node that runs bodies.
  private mutating func bodies(
    _ op: Op, _ record: GradientNode, _ node: NodeID, _ builder: inout ModuleBuilder
  ) throws(GradientError) -> [ValueID?] {
    guard case .body(let kernel) = op.definition.family else { return [] }
    switch kernel {
    case .call:
      if let backward = builder.tables.attributes.graph(record.attributes, .backward) {
        return try builder.customCotangents(backward, record)
      }
      if builder.tables.attributes.bool(record.attributes, .recompute) {
        return try builder.recomputedCotangents(record)
      }
      let body = builder.tables.attributes.graph(record.attributes, .body) ?? .none
      forward(builder.inline(builder.graph(body), record.operands), record, &builder)
      return []
    case .cond: return try builder.condCotangents(record)
    case .while:
      builder.location = builder.location(node)
      forward(try builder.unrolledWhile(record), record, &builder)
      return []
    case .scan:
      // The loop forward, which also gives what the derivative needs, comes first.
      builder.location = builder.location(node)
      return try builder.scanCotangents(record)
    }
  }
}

extension DType {
  /// Whether values of the dtype have cotangents.
  package var isDifferentiable: Bool { isFloat || isNarrow }
}

/// Nodes to visit, the last one first, each once.
private struct NodeQueue {
  /// The first nodes in an order in which each comes behind those that it reads; nodes that are appended later come
  /// behind them as they stand.
  private let order: [NodeID]
  /// The places of the first nodes in that order.
  private var places: [UInt32]
  /// Places of the nodes that are in.
  private var heap: [UInt32] = []
  /// Per place whether its node is in.
  private var isIn: [Bool]

  init(_ order: [NodeID]) {
    self.order = order
    places = [UInt32](repeating: 0, count: order.count)
    isIn = [Bool](repeating: false, count: order.count)
    for (place, node) in order.enumerated() { places[node.index] = UInt32(place) }
  }

  mutating func insert(_ node: NodeID) {
    let place = node.index < places.count ? Int(places[node.index]) : node.index
    while isIn.count <= place { isIn.append(false) }
    if isIn[place] { return }
    isIn[place] = true
    heap.append(UInt32(place))
    var child = heap.count - 1
    while child > 0, heap[(child - 1) / 2] < heap[child] {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func popLast() -> NodeID? {
    guard let first = heap.first, let last = heap.popLast() else { return nil }
    if !heap.isEmpty { sink(last) }
    isIn[Int(first)] = false
    return Int(first) < order.count ? order[Int(first)] : NodeID(raw: first)
  }

  private mutating func sink(_ place: UInt32) {
    heap[0] = place
    var parent = 0
    while 2 * parent + 1 < heap.count {
      var child = 2 * parent + 1
      if child + 1 < heap.count, heap[child + 1] > heap[child] { child += 1 }
      guard heap[child] > heap[parent] else { return }
      heap.swapAt(child, parent)
      parent = child
    }
  }
}
