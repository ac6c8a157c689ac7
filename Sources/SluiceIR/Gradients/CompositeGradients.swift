/// The derivatives of composites that are shorter than those of their expansions.
extension GradientRule {
  /// `x` summed along an axis, and repeated.
  private static func total(
    _ x: ValueID, _ node: GradientNode, of op: Op, _ builder: inout ModuleBuilder
  ) -> ValueID {
    let axis = builder.tables.axis(node.attributes, of: op, rank: builder.shape(x).count)
    return builder.broadcast(builder.reduce(.sum, x, [axis]), to: builder.shape(x))
  }

  // z (dz - sum(dz z))
  static let softmax = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let weighted = builder.multiply(node.cotangent, node.result)
    let sum = total(weighted, node, of: .softmax, &builder)
    return builder.subtract(weighted, builder.multiply(node.result, sum))
  }

  // dz - exp(z) sum(dz)
  static let logSoftmax = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let sum = total(node.cotangent, node, of: .logSoftmax, &builder)
    return builder.subtract(node.cotangent, builder.multiply(builder.unary(.exp, node.result), sum))
  }

  /// For `ord` 2: x / |x|, and 0 where all of x is 0; for 1 the signs; for inf the sign of the largest, in equal parts.
  static let norm = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let (size, cotangent) = (spread(node.result, node, &builder), spread(node.cotangent, node, &builder))
    let (zero, one) = (builder.splat(0, like: size), builder.splat(1, like: size))
    switch builder.tables.attributes.number(node.attributes, .ord) ?? 2 {
    case 1: return builder.multiply(cotangent, builder.unary(.sign, node.x))
    case 2:
      let isZero = builder.compare(.equal, size, 0)
      let slope = builder.multiply(cotangent, builder.divide(node.x, builder.select(isZero, one, size)))
      return builder.select(isZero, zero, slope)
    default:
      let isLargest = builder.compare(.equal, builder.unary(.abs, node.x), size)
      let axes = builder.tables.axes(node.attributes, rank: builder.shape(node.x).count)
      let flags = builder.cast(isLargest, builder.dtype(cotangent))
      let count = builder.broadcast(builder.reduce(.sum, flags, axes), like: flags)
      let mark = builder.mark(size)
      let part = builder.divide(builder.multiply(cotangent, mark), count)
      let share = builder.multiply(part, builder.unary(.sign, node.x))
      return builder.multiply(builder.select(isLargest, share, zero), mark)
    }
  }

  /// dz exp(x - z): the softmax; 0 where all of x is -inf.
  static let logsumexp = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let isNothing = builder.compare(.equal, node.result, -.infinity)
    let shift = builder.select(isNothing, builder.splat(0, like: node.result), node.result)
    let share = builder.unary(.exp, builder.subtract(node.x, spread(shift, node, &builder)))
    return builder.multiply(share, spread(node.cotangent, node, &builder))
  }
}
