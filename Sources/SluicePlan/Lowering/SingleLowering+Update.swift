import SluiceIR

/// Copies with other elements at computed places: `dynamic_update_slice`, `scatter`, `scatter_add`.
///
/// First the result gets the elements of x, unless it is made in their memory; then the others are stored. What
/// happens at one index comes before what happens at the next.
extension SingleLowering {
  mutating func update() throws(Diagnostics) {
    let out = try updated()
    switch recipes.update(recipe) {
    case .dynamicUpdateSlice: try putSlice(out)
    case .scatter: try scatter(out, adds: false)
    case .scatterAdd: try scatter(out, adds: true)
    }
  }

  /// The result, with the elements of x.
  private mutating func updated() throws(Diagnostics) -> Operand {
    let out = result()
    if request.roots[Int(request.resultRows[0])].inPlace != .max { return out }
    let x = operand(0)
    try nest(shape(0)) { (self: inout SingleLowering, index: [Register]) throws(Diagnostics) in
      self.store(out, index, self.load(x, index))
    }
    return out
  }

  private mutating func putSlice(_ out: Operand) throws(Diagnostics) {
    let part = operand(1)
    let (whole, sizes) = (shape(0), shape(1))
    var starts: [Affine.Term] = []
    for axis in whole.indices where whole[axis] != sizes[axis] {
      let given = operand(2 + axis)
      let start = try writer.start(load(given, []), in: whole[axis], of: sizes[axis], &tables)
      starts.append(Affine.Term(out.strides[axis], start))
    }
    try nest(sizes) { (self: inout SingleLowering, index: [Register]) throws(Diagnostics) in
      self.store(out, index, self.load(part, index), starts)
    }
  }

  private mutating func scatter(_ out: Operand, adds: Bool) throws(Diagnostics) {
    let whole = shape(0)
    let axis = axis
    let (indices, updates) = (operand(1), operand(2))
    let outer = whole[..<axis].map { writer.builder.beginLoop(to: Affine($0), .parallel) }
    let row = shape(1).map { writer.builder.beginLoop(to: Affine($0), .sequential) }
    let zero = writer.builder.constant(0, .i64)
    let count = writer.builder.index(Affine(whole[axis]))
    let given = writer.wide(load(indices, row))
    let isNegative = writer.builder.scalar(.less, .bool, source: .i64, [given, zero])
    let wrapped = writer.builder.scalar(.add, .i64, [given, count])
    let asked = writer.builder.scalar(.select, .i64, source: .bool, [isNegative, wrapped, given])
    // What is out of range becomes -1 or the count, which are out of range too: places fit 64 bits.
    let minusOne = writer.builder.constant(.max, .i64)
    let index = writer.builder.scalar(
      .minimum, .i64, [writer.builder.scalar(.maximum, .i64, [asked, minusOne]), count])
    let isLow = writer.builder.scalar(.lessEqual, .bool, source: .i64, [zero, index])
    let isHigh = writer.builder.scalar(.less, .bool, source: .i64, [index, count])
    writer.builder.begin(if: writer.builder.scalar(.and, .bool, [isLow, isHigh]))
    if adds { writer.builder.widen(out.slot, .read) }
    try nest(Array(whole[(axis + 1)...])) {
      (self: inout SingleLowering, inner: [Register]) throws(Diagnostics) in
      var value = self.load(updates, outer + row + inner)
      let place = outer + [index] + inner
      if adds { value = self.writer.builder.scalar(.add, out.dtype, [self.load(out, place), value]) }
      self.store(out, place, value)
    }
    writer.builder.endLoop()
    for _ in outer + row { writer.builder.endLoop() }
  }
}
