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

  /// A contraction of at most `Visits.maximumAtoms` axes.
  ///
  /// Two operands of 8 axes with no label in common have one more. In a copy of the one that has several summed axes,
  /// the last two of these are one: they come right behind each other in the sum, so its order stays as it is.
  mutating func boundedAxes(
    _ operands: [ViewID], _ recipe: RecipeID
  ) throws(Diagnostics) -> ([ViewID], RecipeID) {
    var labels = program.recipeTable.labels(recipe)
    let summed = program.recipeTable.summedLabels(recipe)
    guard labels.result.count + summed.count > Visits.maximumAtoms else { return (operands, recipe) }
    for side in 0..<2 {
      let own = side == 0 ? labels.lhs : labels.rhs
      let inner = summed.filter { own.contains($0) }
      guard inner.count > 1, Set(own).count == own.count else { continue }
      let sorted = own.filter { !summed.contains($0) } + inner
      let order = sorted.compactMap { own.firstIndex(of: $0) }
      let value = operands[side]
      let (type, name) = (program.viewTypes[value.index], program.viewNames[value.index])
      let (shape, dtype) = (tables.types.shape(type), tables.types.dtype(type))
      var dims = order.map { shape[$0] }
      let sortedType = tables.types.intern(dtype, dims)
      let last = dims.removeLast()
      dims[dims.count - 1] = try tables.product(dims[dims.count - 1], last)
      let merged = tables.types.intern(dtype, dims)
      var operands = operands
      if let bits = program.splat(value) {
        operands[side] = program.appendSplat(merged, name, bits)
      } else {
        var look = look(value)
        look.strides = order.map { look.strides[$0] }
        look = self.look(copy(view(look, sortedType, name)))
        look.strides = tables.contiguousStrides(dims)
        operands[side] = view(look, merged, name)
      }
      if side == 0 { labels.lhs = sorted.dropLast() } else { labels.rhs = sorted.dropLast() }
      return (operands, program.recipeTable.contraction(like: recipe, labels, side))
    }
    return (operands, recipe)
  }

  /// The value, or a copy that is contiguous along an axis.
  private mutating func transposedCopy(_ value: ViewID, _ axis: Int, _ shape: [DimID]) -> ViewID {
    let one = tables.dims.integer(1)
    var look = look(value)
    let repeats = zip(shape, look.strides).contains { $0 != one && $1 == zero }
    if look.strides[axis] == one || repeats || isLargerThanRoot(value) { return value }
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

  /// Whether a view has more elements than its root, as windows that overlap: the kernel copies what it needs of them
  /// to private memory, where that pays.
  private func isLargerThanRoot(_ view: ViewID) -> Bool {
    let root = program.roots[view.index]
    return !root.isNone
      && tables.elementBound(program.viewTypes[view.index]) > tables.elementBound(program.types[root.index])
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
