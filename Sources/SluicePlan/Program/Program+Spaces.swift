import SluiceIR

/// The spaces over which items run, and how operands and results lie in them.
extension Program {
  /// The dims of an item's space, and which of them it folds.
  func readSpace(_ item: ItemID, into dims: inout [DimID], _ tables: Tables) -> AxisSet {
    dims.removeAll(keepingCapacity: true)
    switch roles[item.index] {
    case .fold, .argument:
      guard let view = operands(item).first else { return AxisSet() }
      append(viewTypes[view.index], to: &dims, tables)
      return recipeTable.axes[recipe(item).index]
    case .pad:
      if let view = operands(item).first { append(viewTypes[view.index], to: &dims, tables) }
      return AxisSet()
    case .contract:
      let labels = recipeTable.labels(recipe(item))
      let views = operands(item)
      if let result = results(item).first { append(types[result], to: &dims, tables) }
      let kept = dims.count
      for label in recipeTable.summedLabels(recipe(item)) {
        for (own, view) in zip([labels.lhs, labels.rhs], views) {
          guard let axis = own.firstIndex(of: label) else { continue }
          dims.append(tables.types.dim(viewTypes[view.index], axis))
          break
        }
      }
      return AxisSet(kept..<dims.count)
    default:
      if let result = results(item).first { append(types[result], to: &dims, tables) }
      return AxisSet()
    }
  }

  private func append(_ type: TypeID, to dims: inout [DimID], _ tables: Tables) {
    for axis in 0..<tables.types.rank(type) { dims.append(tables.types.dim(type, axis)) }
  }

  /// Per axis of an item's result the axis of its space; none for an axis that was folded.
  func resultAxes(_ item: ItemID, rank: Int, _ spaceRank: Int) -> AxisList {
    guard roles[item.index].isReduction else { return AxisList(rank: rank) }
    let folded = recipeTable.axes[recipe(item).index]
    var (list, next) = (AxisList(), 0)
    for axis in 0..<spaceRank {
      if !folded.contains(axis) {
        list[next] = axis
        next += 1
      } else if rank == spaceRank {
        next += 1
      }
    }
    return list
  }

  /// Per axis of an operand the axis of the item's space along which it is read.
  func spaceAxes(_ item: ItemID, _ position: Int, _ tables: Tables) -> AxisList {
    let view = operand(operandRange(item).lowerBound + position)
    let rank = tables.types.rank(viewTypes[view.index])
    var list = AxisList(rank: rank)
    switch roles[item.index] {
    case .contract:
      let labels = recipeTable.labels(recipe(item))
      let order = labels.result + recipeTable.summedLabels(recipe(item))
      for (axis, label) in (position == 1 ? labels.rhs : labels.lhs).enumerated() {
        list[axis] = order.firstIndex(of: label) ?? AxisList.none
      }
    case .gather where position == 1:
      let first = recipeTable.axes[recipe(item).index].first
      for axis in 0..<rank { list[axis] = first + axis }
    case .gather, .gatherAlong, .slice: if position == 0 { list = AxisList() }
    default: break
    }
    return list
  }

  /// Whether an item that pads makes an axis longer.
  func isPadded(_ item: ItemID, _ axis: Int, _ tables: Tables) -> Bool {
    guard let view = operands(item).first, let result = results(item).first else { return false }
    return tables.types.dim(viewTypes[view.index], axis) != tables.types.dim(types[result], axis)
  }
}

extension RecipeTable {
  /// The labels of a contraction that are summed, in the order in which they are.
  func summedLabels(_ recipe: RecipeID) -> [Int] {
    let labels = labels(recipe)
    var summed: [Int] = []
    for label in labels.lhs + labels.rhs where !labels.result.contains(label) && !summed.contains(label) {
      summed.append(label)
    }
    return summed.sorted()
  }
}
