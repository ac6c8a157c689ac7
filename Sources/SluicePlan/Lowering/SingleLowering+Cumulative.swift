import SluiceIR

/// Cumulative ops: one variable goes along the axis, one element after the other; rows run side by side.
extension SingleLowering {
  mutating func cumulative() throws(Diagnostics) {
    let fold = recipes.fold(recipe)
    let shape = shape(0)
    let axis = axis
    var (x, out) = (operand(0), result())
    if tables.attributes.bool(record, .reverse) {
      x = try reversed(x, axis, shape[axis])
      out = try reversed(out, axis, shape[axis])
    }
    let isExclusive = tables.attributes.bool(record, .exclusive)
    // -0 + x is x, also where x is -0: a sum of one element is that element.
    let begin: UInt64 =
      switch (fold, x.dtype, isExclusive) {
      case (.sum, .f32, false): UInt64((-Float.zero).bitPattern)
      case (.sum, .f64, false): (-Double.zero).bitPattern
      default: fold.identity(x.dtype)
      }
    let others = shape.indices.filter { $0 != axis }
    try nest(others.map { shape[$0] }) {
      (self: inout SingleLowering, index: [Register]) throws(Diagnostics) in
      let total = self.writer.builder.variable(self.writer.builder.constant(begin, x.dtype))
      let step = self.writer.builder.beginLoop(to: Affine(shape[axis]), .sequential)
      var place = [Register](repeating: step, count: shape.count)
      for (position, axis) in others.enumerated() { place[axis] = index[position] }
      let value = self.load(x, place)
      if isExclusive { self.store(out, place, total) }
      self.writer.builder.assign(total, self.writer.builder.scalar(fold.scalar, x.dtype, [total, value]))
      if !isExclusive { self.store(out, place, total) }
      self.writer.builder.endLoop()
    }
  }

  /// An operand seen from the other end of an axis.
  mutating func reversed(
    _ operand: Operand, _ axis: Int, _ count: DimID
  ) throws(Diagnostics) -> Operand {
    var result = operand
    let minusOne = tables.dims.integer(-1)
    let last = try tables.sum(count, minusOne)
    result.offset = try tables.sum(operand.offset, tables.product(last, operand.strides[axis]))
    result.strides[axis] = try tables.product(operand.strides[axis], minusOne)
    return result
  }
}
