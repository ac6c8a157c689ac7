/// Walks a graph node by node, with one case a kernel family.

import SluiceIR

/// One call of a function: what all its nodes share.
struct Evaluator {
  let module: Module
  let symbols: SymbolValues
  let precision: Reference.Precision
  let variables: [String: ReferenceTensor]
  /// Per type its actual shape; empty where it mentions symbols of other functions.
  let shapes: [[Int]]

  init(
    _ module: Module, _ symbols: SymbolValues, _ precision: Reference.Precision,
    _ variables: [String: ReferenceTensor]
  ) {
    self.module = module
    self.symbols = symbols
    self.precision = precision
    self.variables = variables
    shapes = (0..<module.tables.types.count).map { row in
      let dims = module.tables.types.shape(TypeID(row))
      let extents = dims.compactMap { symbols.evaluate($0, module.tables.dims) }
      return extents.count == dims.count ? extents.map { Int($0) } : []
    }
  }

  /// The results and the states written for these inputs.
  func run(
    _ id: GraphID, _ inputs: [ReferenceTensor]
  ) -> (results: [ReferenceTensor], states: [String: ReferenceTensor]) {
    let graph = module[id]
    var values: [ReferenceTensor?] = inputs
    var usesLeft = graph.useCounts()
    for index in graph.inputCount..<graph.nodeCount {
      let operands = graph.operands(NodeID(index))
      let range = graph.resultRange(NodeID(index))
      let node = Node(
        op: graph.ops[index], operands: operands.compactMap { values[$0.index] },
        attributes: graph.attributes[index], types: Array(graph.types[range]))
      values += evaluate(node)
      // What is not used again goes, or a long function would hold everything it ever computed.
      for operand in operands {
        usesLeft[operand.index] -= 1
        if usesLeft[operand.index] == 0 { values[operand.index] = nil }
      }
    }
    var states: [String: ReferenceTensor] = [:]
    for write in graph.writes { states[module.tables.strings[write.state]] = values[write.value.index] }
    return (graph.results.compactMap { values[$0.index] }, states)
  }

  /// A node with the values of its operands.
  struct Node {
    var op: Op
    var operands: [ReferenceTensor]
    var attributes: AttributesID
    /// The types of the results.
    var types: [TypeID]
  }

  private func evaluate(_ node: Node) -> [ReferenceTensor] {
    let family = node.op.definition.family
    if case .body(let kernel) = family { return body(kernel, node) }
    // What has no elements needs no work, however large its other extents are.
    if node.types.allSatisfy({ shapes[$0.index].contains(0) }) {
      return node.types.map { type in
        let dtype = module.tables.types.dtype(type)
        let shape = shapes[type.index]
        return dtype.isFloating ? floats(dtype, shape, []) : integers(dtype, shape, [])
      }
    }
    switch family {
    case .source(let kernel): return [source(kernel, node)]
    case .map(let kernel): return [map(kernel, node)]
    case .reduce(let kernel): return [reduce(kernel, node)]
    case .cumulative(let fold): return [cumulative(fold, node)]
    case .contract(let kernel): return [contract(kernel, node)]
    case .view(let kernel): return [view(kernel, node)]
    case .index(let kernel): return [index(kernel, node)]
    case .update(let kernel): return [update(kernel, node)]
    case .generate(let kernel): return [generate(kernel, node)]
    case .order(let kernel): return [order(kernel, node)]
    case .linalg(let kernel): return linalg(kernel, node)
    case .body, .expand: preconditionFailure("`\(node.op.definition.name)` was not expanded")
    }
  }

  private func source(_ kernel: SourceKernel, _ node: Node) -> ReferenceTensor {
    let attributes = module.tables.attributes
    switch kernel {
    case .input: preconditionFailure("an input behind the inputs")
    case .variable:
      let name = module.tables.strings[attributes.symbol(node.attributes, .name) ?? .none]
      guard let value = variables[name] else { preconditionFailure("`@\(name)` was not checked") }
      return value
    case .constant:
      guard let id = attributes.constant(node.attributes, .value) else {
        preconditionFailure("a constant of nothing")
      }
      let constants = module.tables.constants
      return ReferenceTensor(
        dtype: dtype(node), shape: shape(node), bytes: constants.bytes[constants.range(id)])
    }
  }

  // MARK: What kernels ask

  func dtype(_ node: Node) -> DType { module.tables.types.dtype(node.types[0]) }

  func shape(_ node: Node) -> [Int] { shapes[node.types[0].index] }

  /// The value of a dim for this call.
  func value(_ dim: DimID) -> Int { Int(symbols.evaluate(dim, module.tables.dims) ?? 0) }

  /// An attribute, or its default.
  func attribute(_ name: AttributeName, _ node: Node) -> AttributeValue? {
    module.tables.attributes.value(node.attributes, name) ?? node.op.definition.attribute(name)?.defaultValue
  }

  func int(_ name: AttributeName, _ node: Node) -> Int {
    if case .int(let value)? = attribute(name, node) { Int(value) } else { 0 }
  }

  func bool(_ name: AttributeName, _ node: Node) -> Bool {
    if case .bool(let value)? = attribute(name, node) { value } else { false }
  }

  func ints(_ name: AttributeName, _ node: Node) -> [Int]? {
    if case .ints(let values)? = attribute(name, node) { values.map { Int($0) } } else { nil }
  }

  func dims(_ name: AttributeName, _ node: Node) -> [Int] {
    if case .dims(let dims)? = attribute(name, node) { dims.map { value($0) } } else { [] }
  }

  func dim(_ name: AttributeName, _ node: Node) -> Int {
    if case .dim(let dim)? = attribute(name, node) { value(dim) } else { 0 }
  }

  /// The attribute `axis`, counted from the front.
  func axis(_ node: Node, rank: Int) -> Int {
    let axis = int(.axis, node)
    return axis < 0 ? axis + rank : axis
  }

  /// The attribute `axes`, counted from the front; all axes where it is left out.
  func axes(_ node: Node, rank: Int) -> [Int] {
    ints(.axes, node).map { axes in axes.map { $0 < 0 ? $0 + rank : $0 } } ?? Array(0..<rank)
  }

  /// An array of floats as the precision wants them; every NaN becomes the same one, but for elements that are only
  /// moved: those of f16 and bf16.
  func floats(_ dtype: DType, _ shape: [Int], _ values: [Double]) -> ReferenceTensor {
    if dtype.isNarrow { return ReferenceTensor(dtype, shape, floats: values) }
    let rounds = dtype == .f32 && precision == .asTyped
    return ReferenceTensor(
      dtype, shape, floats: values.map { $0.isNaN ? .nan : rounds ? Double(Float($0)) : $0 })
  }

  /// An array of integers, each wrapped to its dtype.
  func integers(_ dtype: DType, _ shape: [Int], _ values: [Int64]) -> ReferenceTensor {
    switch dtype {
    case .i32: ReferenceTensor(dtype, shape, integers: values.map { Int64(Int32(truncatingIfNeeded: $0)) })
    case .u8: ReferenceTensor(dtype, shape, integers: values.map { Int64(UInt8(truncatingIfNeeded: $0)) })
    default: ReferenceTensor(dtype, shape, integers: values)
    }
  }
}

/// How far apart neighbours along each axis are in row-major order.
func strides(_ shape: [Int]) -> [Int] {
  var strides = shape
  var step = 1
  for axis in shape.indices.reversed() {
    strides[axis] = step
    step *= shape[axis]
  }
  return strides
}

/// For every index of a shape in row-major order the sum of index times step over the axes.
func positions(_ shape: [Int], steps: [Int], from start: Int = 0) -> [Int] {
  if shape.contains(0) { return [] }
  var positions = [start]
  for (extent, step) in zip(shape, steps) {
    positions = positions.flatMap { position in (0..<extent).map { position + $0 * step } }
  }
  return positions
}
