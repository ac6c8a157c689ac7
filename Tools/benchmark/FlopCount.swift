// Counts the floating-point operations of a function: those of its contractions, as the model says them.

import SluiceIR
import SluicePasses

/// Operations of one call of a function: two for every multiply-add of a contraction (matrix products, convolutions),
/// scores of attention in full, with masks too, but not the zeros that the derivative of a strided convolution puts
/// around filters to fill up steps; nothing for maps and sums.
///
/// They are counted in the graph before it is optimised, so that a plan that computes something twice, or leaves
/// something out, does not change them. A `while` counts as one turn, a `cond` as its larger side.
struct FlopCount {
  private let module: Module
  private let sizes: [SymbolID: Int64]
  private var known: [GraphID: Double] = [:]

  /// The operations of a function at given values of symbols.
  static func flops(_ module: Module, _ function: String, _ sizes: [SymbolID: Int64]) throws -> Double {
    let plain = try runPasses(module, ["expand", "dce"])
    guard let graph = plain.function(function) else { return 0 }
    var count = FlopCount(module: plain, sizes: sizes)
    return count.flops(graph)
  }

  private init(module: Module, sizes: [SymbolID: Int64]) { (self.module, self.sizes) = (module, sizes) }

  private mutating func flops(_ id: GraphID) -> Double {
    if let known = known[id] { return known }
    let graph = module[id]
    var sum = 0.0
    /// Per value the share of its elements that are not such zeros.
    var shares = [Double](repeating: 1, count: graph.valueCount)
    /// Per result of a `pad` by how much that spreads elements.
    var padded = shares
    for node in graph.nodes {
      switch graph.ops[node.index].definition.family {
      case .view(let kernel):
        let operand = graph.operand(node, 0)
        if kernel == .pad { padded[graph.result(node).index] = spread(graph, operand, graph.result(node)) }
        let zeros = kernel == .reshape ? padded[operand.index] : 1
        shares[graph.result(node).index] = shares[operand.index] / zeros
      case .contract(let kernel):
        let dense = graph.operands(node).prefix(2).reduce(1) { $0 * shares[$1.index] }
        sum += dense * contraction(graph, node, kernel)
      case .body(let kernel): sum += body(graph, node, kernel)
      default: break
      }
    }
    known[id] = sum
    return sum
  }

  /// By how much a `pad` spreads elements where a reshape divides its axes into steps, or makes some of several.
  private func spread(_ graph: Graph, _ operand: ValueID, _ result: ValueID) -> Double {
    let shapes = [operand, result].map { module.tables.types.shape(graph.types[$0.index]) }
    return zip(shapes[0], shapes[1]).reduce(1) { $0 * value($1.1) / max(value($1.0), 1) }
  }

  private func contraction(_ graph: Graph, _ node: NodeID, _ kernel: ContractKernel) -> Double {
    let tables = module.tables
    let shapes = graph.operands(node).prefix(2).map { tables.types.shape(graph.types[$0.index]) }
    let labels = kernel.labels(shapes[0].count, shapes[1].count, tables, graph.attributes[node.index])
    var extents: [Int: Double] = [:]
    for (label, dim) in zip(labels.lhs + labels.rhs, shapes[0] + shapes[1]) { extents[label] = value(dim) }
    return extents.values.reduce(2, *)
  }

  private mutating func body(_ graph: Graph, _ node: NodeID, _ kernel: BodyKernel) -> Double {
    let record = graph.attributes[node.index]
    var bodies: [Double] = []
    for attribute in module.tables.attributes.attributes(record) {
      if case .graph(let body) = attribute.value { bodies.append(flops(body)) }
    }
    switch kernel {
    case .call: return bodies.reduce(0, +)
    case .cond: return bodies.max() ?? 0
    case .while: return bodies.reduce(0, +)
    case .scan:
      var turns = 0.0
      if let length = module.tables.attributes.dim(record, .length) {
        turns = value(length)
      } else {
        let carries = module.tables.attributes.int(record, .carries) ?? 0
        let sequence = graph.operand(node, Int(carries))
        turns = value(module.tables.types.shape(graph.types[sequence.index])[0])
      }
      return turns * bodies.reduce(0, +)
    }
  }

  private func value(_ dim: DimID) -> Double {
    Double(module.tables.dims.evaluate(dim) { sizes[$0] ?? 0 } ?? 0)
  }
}
