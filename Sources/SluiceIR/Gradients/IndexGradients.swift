/// The derivatives of elements at computed places: what was read is added to, what was replaced gets nothing.
extension GradientRule {
  private static func zeros(_ value: ValueID, _ node: GradientNode, _ builder: inout ModuleBuilder) -> ValueID
  {
    builder.broadcast(builder.scalar(0, builder.dtype(node.cotangent)), to: builder.shape(value))
  }

  static let gather = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    builder.make(
      .scatterAdd, [zeros(node.x, node, &builder), node.y, node.cotangent],
      builder.tables.attributes.attributes(node.attributes))
  }

  static let takeAlongAxis = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let axis = builder.tables.axis(node.attributes, of: .takeAlongAxis, rank: builder.shape(node.x).count)
    return try builder.scatterAddAlong(axis, of: node.x, node.y, node.cotangent)
  }

  static let dynamicSlice = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    builder.make(
      .dynamicUpdateSlice, [zeros(node.x, node, &builder), node.cotangent] + node.operands.dropFirst())
  }

  static let dynamicUpdateSlice = cotangents {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let starts = Array(node.operands.dropFirst(2))
    let rest = builder.make(
      .dynamicUpdateSlice, [node.cotangent, zeros(node.y, node, &builder)] + starts)
    let part = builder.make(
      .dynamicSlice, [node.cotangent] + starts, [Attribute(.sizes, .dims(builder.shape(node.y)))])
    return [rest, part] + starts.map { _ in nil }
  }

  static let scatterAdd = cotangents {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let record = builder.tables.attributes.attributes(node.attributes)
    return [node.cotangent, nil, builder.make(.gather, [node.cotangent, node.y], record)]
  }

  /// An update counts where it is the last one at its place: the one whose number is left there when the numbers of the
  /// updates are scattered.
  static let scatter = cotangents {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let (x, indices, updates) = (node.operands[0], node.operands[1], node.operands[2])
    let record = builder.tables.attributes.attributes(node.attributes)
    let rest = builder.make(.scatter, [node.cotangent, indices, zeros(updates, node, &builder)], record)

    let shape = builder.shape(x)
    let axis = builder.tables.axis(node.attributes, of: .scatter, rank: shape.count)
    let indexShape = builder.shape(indices)
    let count = try Infer.fits(builder.tables.dims.product(indexShape))
    let flat = builder.reshape(indices, [count])
    let numbers = builder.iota([count], axis: 0)
    let nobody = builder.broadcast(builder.scalar(-1, .i32), to: [shape[axis]])
    let last = builder.make(.gather, [builder.make(.scatter, [nobody, flat, numbers]), flat])
    let wins = builder.reshape(builder.compare(.equal, last, numbers), indexShape)
    let columns =
      shape[..<axis].map { _ in builder.dim(1) } + indexShape
      + shape[(axis + 1)...].map { _ in builder.dim(1) }
    let part = builder.make(.gather, [node.cotangent, indices], record)
    let isLast = builder.broadcast(builder.reshape(wins, columns), to: builder.shape(part))
    return [rest, nil, builder.select(isLast, part, builder.splat(0, like: part))]
  }
}
