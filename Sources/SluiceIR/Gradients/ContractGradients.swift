/// The derivative of products that sum: a contraction of the cotangent with the other factor.
extension GradientRule {
  static let contract = cotangents {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    guard case .contract(let kernel) = builder.op(node.result).definition.family else { return [] }
    let labels = kernel.labels(
      builder.shape(node.x).count, builder.shape(node.y).count, builder.tables, node.attributes)
    var result: [ValueID?] = [nil, nil]
    if node.wanted[0] {
      result[0] = try builder.factorCotangent(node.x, labels.lhs, node.y, labels.rhs, node, labels.result)
    }
    if node.wanted[1] {
      result[1] = try builder.factorCotangent(node.y, labels.rhs, node.x, labels.lhs, node, labels.result)
    }
    return result
  }
}

extension ModuleBuilder {
  /// The cotangent of one factor: dz times the other factor, summed over what this factor lacks.
  fileprivate mutating func factorCotangent(
    _ factor: ValueID, _ own: [Int], _ other: ValueID, _ others: [Int], _ node: GradientNode,
    _ result: [Int]
  ) throws(InferenceError) -> ValueID {
    let shape = shape(factor)
    // Each label once, in the order of the factor; those that were only summed over are repeated below.
    var unique: [Int] = []
    for label in own where !unique.contains(label) { unique.append(label) }
    let known = unique.filter { result.contains($0) || others.contains($0) }
    let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    func text(_ labels: [Int]) -> String { String(labels.map { letters[$0] }) }
    var value = contract("\(text(result)),\(text(others))->\(text(known))", node.cotangent, other)

    let dims = Dictionary(zip(own, shape)) { first, _ in first }
    let one = dim(1)
    value = reshape(value, unique.map { known.contains($0) ? dims[$0] ?? one : one })
    value = broadcast(value, to: unique.map { dims[$0] ?? one })
    if unique.count == own.count { return value }

    // A label that the factor has twice is its diagonal: zeros elsewhere.
    let columns = own.indices.map { own.firstIndex(of: own[$0]) == $0 ? shape[$0] : one }
    value = broadcast(reshape(value, columns), to: shape)
    for axis in own.indices {
      guard let first = own.firstIndex(of: own[axis]), first != axis else { continue }
      let isDiagonal = make(.equal, [iota(shape, axis: first), iota(shape, axis: axis)])
      value = select(isDiagonal, value, splat(0, like: value))
    }
    return value
  }
}
