import SluiceIR

/// What kernels say about their sums: from recipes and the types of operands, not from loops.
extension VisitLowering {
  /// States the fold of an item whose terms a register takes in, where its order can be seen.
  mutating func stateFold(_ item: Int, _ register: Register) {
    let type = operandType(item)
    let recipe = request.items[item].recipe
    guard SumOrder([recipes.fold(recipe)], [tables.types.dtype(type)]).isOrdered else { return }
    var axes: [SumAxis] = []
    for axis in 0..<tables.types.rank(type) where recipes.axes[recipe.index].contains(axis) {
      append(tables.types.dim(type, axis), Visits.atom(request.items[item].atoms, axis), to: &axes)
    }
    let kind: Sum.Kind = leavesParts(item) ? .part : runsInLanes(item) ? .rows : .columns
    writer.builder.state(kind, in: register, over: axes)
  }

  /// States the contraction of an item whose terms a register takes in, where its order can be seen.
  mutating func stateContraction(_ item: Int, _ register: Register) {
    guard writer.builder.kernel.registers[register].isFloat else { return }
    let recipe = request.items[item].recipe
    let labels = recipes.labels(recipe)
    var axes: [SumAxis] = []
    for (position, label) in recipes.summedLabels(recipe).enumerated() {
      let place = (labels.lhs.firstIndex(of: label), labels.rhs.firstIndex(of: label))
      let operands = request.operands(item)
      guard
        let extent = place.0.map({ tables.types.dim(operands[operands.startIndex].type, $0) })
          ?? place.1.map({ tables.types.dim(operands[operands.startIndex + 1].type, $0) })
      else { continue }
      append(extent, Visits.atom(request.items[item].atoms, labels.result.count + position), to: &axes)
    }
    writer.builder.state(.products, in: register, over: axes)
  }

  /// An axis of one element has no loop and no say in the order.
  private func append(_ extent: DimID, _ atom: Int?, to axes: inout [SumAxis]) {
    guard extent != writer.one, let atom, let index = indices[atom]?.terms.first?.register else { return }
    axes.append(SumAxis(extent, index))
  }
}
