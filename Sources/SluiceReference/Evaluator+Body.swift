/// The family that runs bodies.

import SluiceIR

extension Evaluator {
  func body(_ kernel: BodyKernel, _ node: Node) -> [ReferenceTensor] {
    switch kernel {
    case .call: run(graph(.body, node), node.operands).results
    case .cond:
      run(
        graph(node.operands[0].integers[0] != 0 ? .then : .otherwise, node), Array(node.operands.dropFirst())
      )
      .results
    case .while: whileLoop(node)
    case .scan: scan(node)
    }
  }

  private func graph(_ name: AttributeName, _ node: Node) -> GraphID {
    guard let body = module.tables.attributes.graph(node.attributes, name) else {
      preconditionFailure("`\(node.op.definition.name)` of nothing")
    }
    return body
  }

  private func whileLoop(_ node: Node) -> [ReferenceTensor] {
    let carryCount = int(.carries, node)
    let captures = node.operands[carryCount...]
    var carries = Array(node.operands[..<carryCount])
    var left = module.tables.attributes.dim(node.attributes, .limit).map { value($0) } ?? .max
    while left > 0, run(graph(.condition, node), carries + captures).results[0].integers[0] != 0 {
      carries = run(graph(.body, node), carries + captures).results
      left -= 1
    }
    return carries
  }

  private func scan(_ node: Node) -> [ReferenceTensor] {
    let body = graph(.body, node)
    let carryCount = int(.carries, node)
    let sequences = node.operands[carryCount..<carryCount + int(.sequences, node)]
    let captures = node.operands[(carryCount + sequences.count)...]
    let length = sequences.first.map { $0.shape[0] } ?? dim(.length, node)
    var carries = Array(node.operands[..<carryCount])
    // Per result behind the carries: the parts, in the order of the steps.
    var parts = node.types.dropFirst(carryCount).map { _ in [ReferenceTensor]() }
    let steps = bool(.reverse, node) ? Array((0..<length).reversed()) : Array(0..<length)
    for step in steps {
      let results = run(body, carries + sequences.map { Self.part($0, step) } + captures).results
      carries = Array(results[..<carryCount])
      for (place, result) in results[carryCount...].enumerated() { parts[place].append(result) }
    }
    if bool(.reverse, node) { parts = parts.map { $0.reversed() } }
    return carries
      + zip(parts, node.types.dropFirst(carryCount)).map { parts, type in
        join(parts, module.tables.types.dtype(type), shapes[type.index])
      }
  }

  /// Row `step` of the first axis.
  private static func part(_ x: ReferenceTensor, _ step: Int) -> ReferenceTensor {
    let shape = Array(x.shape.dropFirst())
    let count = shape.reduce(1, *)
    return x.picking(Array(step * count..<(step + 1) * count), shape)
  }

  private func join(_ parts: [ReferenceTensor], _ dtype: DType, _ shape: [Int]) -> ReferenceTensor {
    dtype.isFloating
      ? ReferenceTensor(dtype, shape, floats: parts.flatMap(\.floats))
      : ReferenceTensor(dtype, shape, integers: parts.flatMap(\.integers))
  }
}
