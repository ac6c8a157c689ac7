/// Finds the elements of inputs that are indices: one walk over a function and the bodies that it surely runs.

package import SluiceIR
import SluicePasses

extension ModulePlan {
  /// Notes for every function what it asks of the integers in its inputs; `source` is the module before any pass.
  ///
  /// Passes take composites apart, so that a class of `cross_entropy` is known as one only before them.
  package mutating func noteIndexUses(of source: Module) {
    let names = functions.indices.filter { position in
      functions[position].inputs.contains { tables.types.dtype($0.type).isInteger }
    }
    guard !names.isEmpty, source.graphs.contains(where: { $0.ops.contains(where: \.takesIndices) }) else {
      return
    }
    var analysis = IndexAnalysis(source)
    for position in names {
      functions[position].indexUses = analysis.uses(of: functions[position].name, in: &module.tables)
    }
  }
}

extension Op {
  /// Whether an operand of the op is places along an axis, or classes.
  fileprivate var takesIndices: Bool {
    switch self {
    case .gather, .takeAlongAxis, .scatter, .scatterAdd, .oneHot, .crossEntropy: true
    default: false
    }
  }

  /// Whether the op is a composite of which the parts are looked at.
  fileprivate var isTakenApart: Bool {
    if case .expand = definition.family { !takesIndices } else { false }
  }
}

/// The analysis of one module.
///
/// A value is followed as long as its elements are elements of an input: through views, casts between integers, the
/// bodies of `call` and `scan`, and a `select` that surely, or by random numbers, lets numbers out of range through.
/// Arithmetic ends it, since its results may be in range where the input is not; so do `cond` and `while`, whose bodies
/// may not run.
struct IndexAnalysis {
  /// Elements of an input.
  struct Piece: Hashable {
    var input: Int
    var offset: DimID
    /// The axes of the value.
    var axes: [IndexUse.Axis]
    /// Axes of sequences that `scan` takes apart: the elements of all its parts.
    var outer: [IndexUse.Axis] = []
    /// Behind a condition, the elements that pass it: those above this number, maybe more.
    var above: Int64?
  }

  /// Where the elements of a value come from.
  struct Value: Hashable {
    /// Elements that are all in the value; none for a value that is not followed.
    var pieces: [Piece] = []
    /// Whether the value is the one piece, axis by axis, so that it is known where each element is.
    var isAligned = false
    /// What is known of a value that conditions are made of.
    var fact = Fact.none
  }

  private struct Key: Hashable {
    var body: GraphID
    var inputs: [Value]
  }

  private let module: Module
  private let live: [[Bool]]
  private(set) var tables: Tables
  private var results: [Key: [Value]] = [:]
  private var found: [IndexUse] = []
  private var isFound: Set<IndexUse> = []

  init(_ source: Module) {
    var module = source
    // One sweep a level of composites within composites.
    while module.graphs.contains(where: { $0.ops.contains(where: \.isTakenApart) }) {
      module =
        rebuild(module, simplifies: false) { builder, node in
          guard node.op.isTakenApart, case .expand(let expansion) = node.op.definition.family else {
            return .copy
          }
          return .replace(expansion.body(&builder, node.operands, node.attributes))
        }.module
    }
    self.module = module
    live = liveness(of: module)
    tables = module.tables
  }

  /// The uses of the function of this name, with dims of other tables.
  mutating func uses(of name: String, in target: inout Tables) -> [IndexUse] {
    // Taking composites apart may have added bodies, so graphs have other numbers than in the source.
    guard let function = module.function(name) else { return [] }
    (found, isFound, results) = ([], [], [:])
    let graph = module[function]
    let inputs = graph.inputs.enumerated().map { position, value -> Value in
      let type = graph.types[value.index]
      guard tables.types.dtype(type).isInteger else { return Value() }
      let shape = tables.types.shape(type)
      let strides = tables.contiguousStrides(shape)
      let axes = zip(shape, strides).map { IndexUse.Axis(extent: $0, stride: $1) }
      return Value(
        pieces: [Piece(input: position, offset: tables.dims.integer(0), axes: axes)], isAligned: true)
    }
    _ = walk(function, inputs)
    return found.compactMap { adopt($0, &target) }
  }

  // MARK: The walk

  /// Notes the uses of a graph; gives where its results come from.
  private mutating func walk(_ id: GraphID, _ inputs: [Value]) -> [Value] {
    let graph = module[id]
    var values = [Value](repeating: Value(), count: graph.valueCount)
    for (position, value) in inputs.enumerated() { values[position] = value }
    for index in graph.inputCount..<graph.nodeCount where live[id.index][index] {
      let node = NodeID(index)
      let operands = graph.operandRange(node).map { values[graph.operandPool[$0].index] }
      let first = graph.resultRange(node).lowerBound
      values[first].fact = fact(graph, node, operands)
      if operands.allSatisfy(\.pieces.isEmpty) { continue }
      if graph.ops[index].takesIndices {
        note(graph, node, operands)
      } else if case .body = graph.ops[index].definition.family {
        for (offset, value) in runBody(graph, node, operands).enumerated() {
          values[first + offset] = value
        }
      } else {
        let view = view(graph, node, operands)
        (values[first].pieces, values[first].isAligned) = (view.pieces, view.isAligned)
      }
    }
    return graph.results.map { values[$0.index] }
  }

  private mutating func note(_ graph: Graph, _ node: NodeID, _ operands: [Value]) {
    let (op, record) = (graph.ops[node.index], graph.attributes[node.index])
    let shape = tables.types.shape(graph.types[graph.operand(node, 0).index])
    var (role, operand) = (IndexUse.Role.index, 1)
    let size: DimID?
    switch op {
    case .oneHot: (role, operand, size) = (.label, 0, tables.attributes.dim(record, .depth))
    case .crossEntropy: (role, size) = (.label, shape.last)
    default:
      size = shape.isEmpty ? nil : shape[tables.axis(record, of: op, rank: shape.count)]
    }
    guard let size else { return }
    for piece in operands[operand].pieces {
      // Numbers out of range must be among those that pass the condition.
      if let above = piece.above, tables.dims.value(size).map({ $0 <= above }) ?? true { continue }
      let axes = (piece.outer + piece.axes).filter { tables.dims.value($0.extent) != 1 }
      var use = IndexUse(
        input: piece.input, offset: piece.offset, axes: axes, size: size, role: role,
        hasLowerBound: role == .index && piece.above == nil, op: op)
      // One message is enough for the same elements, whatever uses them, and wherever.
      use.op = role == .label ? .crossEntropy : .gather
      guard isFound.insert(use).inserted else { continue }
      use.op = op
      use.place = tables.place(graph.locations[node.index])
      found.append(use)
    }
  }

  private mutating func runBody(_ graph: Graph, _ node: NodeID, _ operands: [Value]) -> [Value] {
    let (op, record) = (graph.ops[node.index], graph.attributes[node.index])
    guard let body = tables.attributes.graph(record, .body) else { return [] }
    switch op {
    case .call, .customVjp: return run(body, operands)
    case .scan:
      let carries = Int(tables.attributes.int(record, .carries) ?? 0)
      let sequences = Int(tables.attributes.int(record, .sequences) ?? 0)
      let inputs = operands.enumerated().map { position, value -> Value in
        // What is carried is another value in every part.
        if position < carries { return Value() }
        return position < carries + sequences ? part(value) : value
      }
      let results = run(body, inputs)
      // All that a part has is in what is put together from the parts.
      return results.enumerated().map { position, value in
        position < carries ? Value() : Value(pieces: value.pieces)
      }
    default: return []
    }
  }

  private mutating func run(_ body: GraphID, _ inputs: [Value]) -> [Value] {
    let key = Key(body: body, inputs: inputs)
    if let known = results[key] { return known }
    let values = walk(body, inputs)
    results[key] = values
    return values
  }

  /// One part of a sequence, standing for all of them.
  private func part(_ sequence: Value) -> Value {
    guard sequence.isAligned, var piece = sequence.pieces.first, let first = piece.axes.first else {
      return Value(pieces: sequence.pieces)
    }
    piece.outer.append(first)
    piece.axes.removeFirst()
    return Value(pieces: [piece], isAligned: true)
  }

  // MARK: Views

  /// Where the elements of a node's result come from.
  private mutating func view(_ graph: Graph, _ node: NodeID, _ operands: [Value]) -> Value {
    let (op, record) = (graph.ops[node.index], graph.attributes[node.index])
    let type = graph.types[graph.resultRange(node).lowerBound]
    switch op {
    case .cast: return tables.types.dtype(type).isInteger ? operands[0] : Value()
    case .select: return selected(operands)
    case .concat, .pad: return Value(pieces: operands.flatMap(\.pieces))
    case .reshape, .transpose, .broadcast, .slice, .reverse, .unfold:
      if operands[0].isAligned, let piece = operands[0].pieces.first,
        let view = view(of: piece, op, record, tables.types.shape(type))
      {
        return Value(pieces: [view], isAligned: true)
      }
      // These keep all elements; the others leave some out, and it is not known which.
      return op == .slice || op == .unfold ? Value() : Value(pieces: operands[0].pieces)
    default: return Value()
    }
  }

  /// The elements of a view with this shape; nil where they are not at equal distances, or a number is too large.
  private mutating func view(
    of piece: Piece, _ op: Op, _ record: AttributesID, _ shape: [DimID]
  ) -> Piece? {
    var view = piece
    switch op {
    case .reshape:
      guard
        let strides = tables.reshapedStrides(
          piece.axes.map(\.extent), piece.axes.map(\.stride), to: shape)
      else { return nil }
      view.axes = zip(shape, strides).map { IndexUse.Axis(extent: $0, stride: $1) }
    case .transpose:
      view.axes = (tables.attributes.ints(record, .order) ?? []).map { piece.axes[Int($0)] }
    case .broadcast:
      let zero = tables.dims.integer(0)
      let added = shape.count - piece.axes.count
      view.axes = shape.enumerated().map { axis, extent in
        let isKept = axis >= added && piece.axes[axis - added].extent == extent
        return IndexUse.Axis(extent: extent, stride: isKept ? piece.axes[axis - added].stride : zero)
      }
    case .slice:
      let start = tables.attributes.dims(record, .start) ?? []
      let steps = tables.attributes.ints(record, .strides)
      for axis in shape.indices {
        guard move(&view, axis, by: start[axis], shape[axis], step: steps?[axis] ?? 1) else { return nil }
      }
    case .reverse:
      for axis in tables.axes(record, rank: shape.count) {
        guard let last = tables.dims.subtract(shape[axis], tables.dims.integer(1)),
          move(&view, axis, by: last, shape[axis], step: -1)
        else { return nil }
      }
    case .unfold:
      let axis = tables.axis(record, of: .unfold, rank: piece.axes.count)
      let dilation = tables.dims.integer(tables.attributes.int(record, .dilation) ?? 1)
      let step = tables.attributes.int(record, .step) ?? 1
      guard let inner = tables.dims.multiply(piece.axes[axis].stride, dilation),
        move(&view, axis, by: tables.dims.integer(0), shape[axis], step: step)
      else { return nil }
      view.axes.append(IndexUse.Axis(extent: shape[shape.count - 1], stride: inner))
    default: return nil
    }
    return view
  }

  /// Begins an axis at another element and takes every `step`th one; false where a number is too large.
  private mutating func move(
    _ piece: inout Piece, _ axis: Int, by start: DimID, _ extent: DimID, step: Int64
  ) -> Bool {
    let stride = piece.axes[axis].stride
    guard let shift = tables.dims.multiply(stride, start), let offset = tables.dims.add(piece.offset, shift),
      let distance = tables.dims.multiply(stride, tables.dims.integer(step))
    else { return false }
    piece.offset = offset
    piece.axes[axis] = IndexUse.Axis(extent: extent, stride: distance)
    return true
  }

  // MARK: Other tables

  private func adopt(_ use: IndexUse, _ target: inout Tables) -> IndexUse? {
    var adopted = use
    guard let offset = target.adopt(use.offset, of: tables), let size = target.adopt(use.size, of: tables)
    else { return nil }
    (adopted.offset, adopted.size) = (offset, size)
    for (position, axis) in use.axes.enumerated() {
      guard let extent = target.adopt(axis.extent, of: tables),
        let stride = target.adopt(axis.stride, of: tables)
      else { return nil }
      adopted.axes[position] = IndexUse.Axis(extent: extent, stride: stride)
    }
    return adopted
  }
}

extension Tables {
  /// The dim of other tables, with symbols of the same names and bounds; nil where it does not fit 64 bits.
  fileprivate mutating func adopt(_ dim: DimID, of other: Tables) -> DimID? {
    if let value = other.dims.value(dim) { return dims.integer(value) }
    var sum = dims.integer(0)
    for term in other.dims.terms(dim) {
      var product = dims.integer(term.coefficient)
      for symbol in term.symbols {
        let row = other.dims.symbols[symbol.index]
        let id = dims.symbol(strings.intern(other.strings[row.name]), bound: row.bound)
        let factor = dims.dim(id)
        guard let next = dims.multiply(product, factor) else { return nil }
        product = next
      }
      guard let next = dims.add(sum, product) else { return nil }
      sum = next
    }
    return sum
  }
}
