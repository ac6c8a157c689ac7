/// The family that repeats a body.

import SluiceIR

extension Evaluator {
  func body(_ kernel: BodyKernel, _ node: Node) -> [ReferenceTensor] {
    switch kernel {
    case .scan: scan(node)
    }
  }

  private func scan(_ node: Node) -> [ReferenceTensor] {
    guard let body = module.tables.attributes.graph(node.attributes, .body) else {
      preconditionFailure("a scan of nothing")
    }
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
