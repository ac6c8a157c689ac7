/// Computes only the elements that slices ask for.

import SluiceIR

/// Moves slices in front of what they cut a part from, where that saves a part of a product: of logits of which only
/// the last row is wanted, one row is computed.
///
/// A node gives a part when everything that reads it wants the same part. Every element is computed as before, so no
/// bit changes.
@Sendable
func narrowSlices(_ module: Module, _ remarks: inout [Diagnostic]) -> Module {
  guard module.graphs.contains(where: { $0.ops.contains(.slice) }) else { return module }
  var tables = module.tables
  let wanted = module.graphs.map { WantedParts($0, &tables) }
  if wanted.allSatisfy(\.isEmpty) { return module }
  var count = 0
  let (result, _) = rebuild(module, simplifies: true) { builder, node in
    let wanted = wanted[node.graph.index]
    let graph = module[node.graph]
    if node.op == .slice, wanted.isNarrowed(graph.operands(node.node)[0], graph) {
      count += 1
      return .parts(node.operands)
    }
    guard wanted.isNarrowed[node.node.index] else { return .copy }
    return .parts([wanted.emit(node, graph, &builder)])
  }
  if count > 0 {
    remarks.append(
      Diagnostic(.remark, "narrow-slices: \(count) slice\(count == 1 ? "" : "s") moved in front of a product")
    )
  }
  return result
}

/// Which part of every value of a graph is wanted.
private struct WantedParts {
  /// The elements from `start` up to `limit` along every axis.
  struct Part: Equatable {
    var start: [DimID]
    var limit: [DimID]
    /// Per axis whether it is cut at all.
    var isCut: [Bool]
  }

  /// Per node whether it gives only the part that is wanted.
  private(set) var isNarrowed: [Bool]
  /// Per value the part that all that read it want; nil where they want different ones, or all.
  private var parts: [Part?]
  private let zero: DimID

  var isEmpty: Bool { !isNarrowed.contains(true) }

  func isNarrowed(_ value: ValueID, _ graph: Graph) -> Bool { isNarrowed[graph.definers[value.index].index] }

  init(_ graph: Graph, _ tables: inout Tables) {
    isNarrowed = [Bool](repeating: false, count: graph.nodeCount)
    parts = [Part?](repeating: nil, count: graph.valueCount)
    zero = tables.dims.integer(0)
    guard graph.ops.contains(.slice) else { return }
    // Upwards: who reads a value wants a part of it. A value that is wanted otherwise too has more uses than askers.
    let uses = graph.useCounts()
    var askers = [UInt32](repeating: 0, count: graph.valueCount)
    func ask(_ value: ValueID, for part: Part, _ parts: inout [Part?]) {
      if askers[value.index] == 0 { parts[value.index] = part }
      if parts[value.index] == part { askers[value.index] += 1 }
    }
    for index in (graph.inputCount..<graph.nodeCount).reversed() {
      let node = NodeID(index)
      if graph.ops[index] == .slice {
        if let part = slicePart(node, graph, tables) { ask(graph.operands(node)[0], for: part, &parts) }
        continue
      }
      let result = graph.resultRange(node).lowerBound
      guard graph.resultRange(node).count == 1, let part = parts[result], askers[result] == uses[result],
        let operandParts = Self.operandParts(node, part, graph, tables, zero)
      else { continue }
      isNarrowed[index] = true
      for (operand, part) in zip(graph.operands(node), operandParts) {
        if let part { ask(operand, for: part, &parts) }
      }
    }
    choose(graph, uses)
  }

  /// Of the nodes that can give a part, leaves those where that saves a part of a product, and what only these read.
  private mutating func choose(_ graph: Graph, _ uses: [UInt32]) {
    let canNarrow = isNarrowed
    // Down to the results: behind a product everything up to the slice is narrowed.
    for index in graph.inputCount..<graph.nodeCount where canNarrow[index] {
      if case .contract = graph.ops[index].definition.family { continue }
      isNarrowed[index] = graph.operands(NodeID(index)).contains { isNarrowed($0, graph) }
    }
    // Up to the inputs: what is read by narrowed nodes alone need not be there as a whole.
    var narrowedUses = [UInt32](repeating: 0, count: graph.valueCount)
    for index in (graph.inputCount..<graph.nodeCount).reversed() {
      let results = graph.resultRange(NodeID(index))
      if canNarrow[index], let result = results.first, narrowedUses[result] == uses[result] {
        isNarrowed[index] = true
      }
      guard isNarrowed[index] else { continue }
      for operand in graph.operands(NodeID(index)) { narrowedUses[operand.index] += 1 }
    }
  }

  /// The part that a slice cuts out; nil where it leaves elements out in between.
  private func slicePart(_ node: NodeID, _ graph: Graph, _ tables: Tables) -> Part? {
    let record = graph.attributes[node.index]
    guard let start = tables.attributes.dims(record, .start),
      let limit = tables.attributes.dims(record, .limit),
      tables.attributes.ints(record, .strides)?.allSatisfy({ $0 == 1 }) ?? true
    else { return nil }
    let shape = tables.types.shape(graph.types[graph.operands(node)[0].index])
    let isCut = shape.indices.map { start[$0] != zero || limit[$0] != shape[$0] }
    return Part(start: start, limit: limit, isCut: isCut)
  }

  /// Per operand the part that a node needs of it to give a part of its result, nil for all of it; nil where the node
  /// cannot give a part.
  private static func operandParts(
    _ node: NodeID, _ part: Part, _ graph: Graph, _ tables: Tables, _ zero: DimID
  ) -> [Part?]? {
    let operands = graph.operands(node)
    let shapes = operands.map { tables.types.shape(graph.types[$0.index]) }
    let record = graph.attributes[node.index]
    let op = graph.ops[node.index]
    /// The part of an operand whose axes are these axes of the result; -1 for axes that are taken whole.
    func picked(_ operand: Int, _ axes: [Int]) -> Part? {
      let shape = shapes[operand]
      guard axes.contains(where: { $0 >= 0 && part.isCut[$0] }) else { return nil }
      return Part(
        start: axes.map { $0 < 0 ? zero : part.start[$0] },
        limit: axes.indices.map { axes[$0] < 0 ? shape[$0] : part.limit[axes[$0]] },
        isCut: axes.map { $0 >= 0 && part.isCut[$0] })
    }
    let target = tables.types.shape(graph.types[graph.resultRange(node).lowerBound])
    switch op.definition.family {
    case .map:
      return shapes.indices.map { shapes[$0] == target ? picked($0, Array(target.indices)) : nil }
    case .view(.transpose):
      let order = tables.attributes.ints(record, .order) ?? []
      var axes = [Int](repeating: -1, count: order.count)
      for (position, axis) in order.enumerated() { axes[Int(axis)] = position }
      return [picked(0, axes)]
    case .view(.broadcast):
      let lead = target.count - shapes[0].count
      return [picked(0, shapes[0].indices.map { shapes[0][$0] == target[$0 + lead] ? $0 + lead : -1 })]
    case .view(.reshape):
      // The axes in front, while they are the same on both sides but for those of dim 1.
      var axes = [Int](repeating: -1, count: shapes[0].count)
      var next = 0
      for (axis, dim) in shapes[0].enumerated() {
        while next < target.count, target[next] != dim, tables.dims.value(target[next]) == 1 { next += 1 }
        if next < target.count, target[next] == dim {
          axes[axis] = next
          next += 1
        } else if tables.dims.value(dim) != 1 {
          break
        }
      }
      let isKept = target.indices.allSatisfy { !part.isCut[$0] || axes.contains($0) }
      return isKept ? [picked(0, axes)] : nil
    case .reduce(.fold):
      let reduced = tables.axes(record, rank: shapes[0].count)
      let keeps = tables.attributes.bool(record, .keepDims)
      var (axes, next) = ([Int](), 0)
      for axis in shapes[0].indices {
        axes.append(reduced.contains(axis) ? -1 : next)
        if keeps || !reduced.contains(axis) { next += 1 }
      }
      let isKept = target.indices.allSatisfy { !part.isCut[$0] || axes.contains($0) }
      return isKept ? [picked(0, axes)] : nil
    case .contract(let kernel):
      let labels = kernel.labels(shapes[0].count, shapes[1].count, tables, record)
      // A mask has the axes of the first operand.
      return [labels.lhs, labels.rhs, labels.lhs].prefix(operands.count).enumerated().map { side, own in
        picked(side, own.map { labels.result.firstIndex(of: $0) ?? -1 })
      }
    default: return nil
    }
  }

  /// Emits a node on parts of its operands.
  func emit(_ node: NodeCopy, _ graph: Graph, _ builder: inout ModuleBuilder) -> ValueID {
    let result = graph.resultRange(node.node).lowerBound
    // The dim 0 may be new to the module.
    let ownZero = builder.tables.dims.integer(0)
    guard var part = parts[result] else { preconditionFailure("only wanted parts are narrowed") }
    part.start = part.start.map { $0 == zero ? ownZero : $0 }
    guard let operandParts = Self.operandParts(node.node, part, graph, builder.tables, ownZero) else {
      preconditionFailure("only nodes that can give a part are narrowed")
    }
    var operands: [ValueID] = []
    for (position, operand) in graph.operands(node.node).enumerated() {
      let value = node.operands[position]
      guard let part = operandParts[position], !isNarrowed(operand, graph) else {
        operands.append(value)
        continue
      }
      operands.append(
        builder.make(
          .slice, [value], [Attribute(.start, .dims(part.start)), Attribute(.limit, .dims(part.limit))]))
    }
    var attributes = builder.tables.attributes.attributes(node.attributes)
    if node.op == .broadcast || node.op == .reshape {
      let shape = builder.tables.types.shape(graph.types[result])
      let cut = shape.indices.map { axis in
        part.isCut[axis]
          ? builder.tables.dims.subtract(part.limit[axis], part.start[axis]) ?? shape[axis] : shape[axis]
      }
      attributes = [Attribute(.shape, .dims(cut))]
    }
    return builder.make(node.op, operands, attributes)
  }
}
