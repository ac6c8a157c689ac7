import SluiceIR

/// Copies in front of contractions, where they pay.
extension Flattener {
  /// How often an element is read at least before a copy of it pays.
  private static let worthwhileReads: Int64 = 8

  /// The operands of a contraction; one that is read across its rows is copied, so that it is read along them.
  ///
  /// The loop over the last axis of the result runs side by side. Where an operand has elements apart from each other
  /// along that axis, as W has in x W^T, every vector would be put together element by element, once for every row of
  /// the result. The sums and their order stay as they are.
  mutating func copiedWhereItPays(_ operands: [ViewID], _ recipe: RecipeID) -> [ViewID] {
    let shapes = operands.map { tables.types.shape(program.viewTypes[$0.index]) }
    let labels = program.recipeTable.labels(recipe)
    guard let lane = labels.result.last else { return operands }
    var extents: [Int: DimID] = [:]
    for (label, dim) in zip(labels.lhs + labels.rhs, shapes[0] + shapes[1]) { extents[label] = dim }
    let sides = [labels.lhs, labels.rhs]
    return operands.indices.map { side in
      if side > 1 { return operands[side] }
      let own = sides[side]
      // Every element is read once for each place along the axes that only the other operand has.
      let others = labels.result.filter { !own.contains($0) }
      guard own.filter({ $0 == lane }).count == 1, let axis = own.firstIndex(of: lane),
        isMany([lane].compactMap { extents[$0] }), isMany(others.compactMap { extents[$0] }),
        program.splat(operands[side]) == nil
      else { return operands[side] }
      return transposedCopy(operands[side], axis, shapes[side])
    }
  }

  /// The value, or a copy that is contiguous along an axis.
  private mutating func transposedCopy(_ value: ViewID, _ axis: Int, _ shape: [DimID]) -> ViewID {
    let one = tables.dims.integer(1)
    var look = look(value)
    let repeats = zip(shape, look.strides).contains { $0 != one && $1 == zero }
    if look.strides[axis] == one || repeats { return value }
    var order = Array(shape.indices)
    order.remove(at: axis)
    order.append(axis)
    let (type, name) = (program.viewTypes[value.index], program.viewNames[value.index])
    let transposed = tables.types.intern(tables.types.dtype(type), order.map { shape[$0] })
    look.strides = order.map { look.strides[$0] }
    look = self.look(copy(view(look, transposed, name)))
    let strides = look.strides
    for (position, axis) in order.enumerated() { look.strides[axis] = strides[position] }
    return view(look, type, name)
  }

  /// Whether the product of dims may come to `worthwhileReads`.
  private func isMany(_ dims: [DimID]) -> Bool {
    var product: Int64 = 1
    for dim in dims {
      let (next, overflow) = product.multipliedReportingOverflow(by: tables.dims.bound(dim) ?? .max)
      if overflow { return true }
      product = next
    }
    return product >= Self.worthwhileReads
  }
}
