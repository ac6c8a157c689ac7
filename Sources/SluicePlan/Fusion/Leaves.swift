import SluiceIR

/// What an item reads down to stored roots: its operands, and what the derived items among them read.
///
/// The axes of an item's *space* are those of its result, or of the operand that it folds; of a contraction those of
/// its result, then the summed ones. A leaf says for every axis of the space how the root is read along it.
struct Leaves {
  /// The most axes of a space: those of a result and summed ones.
  static let maximumAxes = 16

  /// The dims of the space.
  private(set) var space: [DimID] = []
  /// Per axis of the space whether the item folds it.
  private(set) var foldedAxes = AxisSet()
  /// How many operations one element of the space takes.
  private(set) var operations = 0

  private(set) var roots: [RootID] = []
  /// Per leaf whether it is read before the loops begin: a seed, or where a slice begins.
  private(set) var isAhead: [Bool] = []
  /// Per leaf whether it is read at computed places.
  private(set) var isIndexed: [Bool] = []
  /// Per leaf and axis of the space the distance between neighbours in the root; none where it repeats or is unknown.
  private var strides: [DimID] = []
  /// Per leaf and axis of its root the axis of the space that runs through all of it; -1 for none.
  private var spaceAxes: [Int8] = []
  /// Per leaf whether every axis of the root with more than one element is run through by one of the space.
  private(set) var isWhole: [Bool] = []
  /// Per leaf whether the view is a map of axes.
  private(set) var isMapped: [Bool] = []

  /// A derived item to look into: per axis of its result the axis of the space, -1 for none.
  private struct Frame {
    var item: ItemID
    var axes: [Int8]
    var isAhead = false
  }
  private var frames: [Frame] = []

  init() {}

  var count: Int { roots.count }

  /// The distance along an axis of the space; none where it repeats, or is not known.
  func stride(_ leaf: Int, _ axis: Int) -> DimID { strides[leaf * Self.maximumAxes + axis] }

  /// The axis of the space that runs through all of an axis of the leaf's root; -1 for none.
  func spaceAxis(_ leaf: Int, _ rootAxis: Int) -> Int { Int(spaceAxes[leaf * Self.maximumAxes + rootAxis]) }

  /// Looks at an item.
  mutating func read(
    _ item: ItemID, _ program: Program, _ derivation: Derivation, _ tables: inout Tables
  ) {
    roots.removeAll(keepingCapacity: true)
    isAhead.removeAll(keepingCapacity: true)
    isIndexed.removeAll(keepingCapacity: true)
    strides.removeAll(keepingCapacity: true)
    spaceAxes.removeAll(keepingCapacity: true)
    isWhole.removeAll(keepingCapacity: true)
    isMapped.removeAll(keepingCapacity: true)
    operations = 0
    (space, foldedAxes) = program.space(item, tables)
    frames.append(Frame(item: item, axes: []))
    while let frame = frames.popLast() {
      operations += 1
      let isOwn = frame.axes.isEmpty && frame.item == item
      let role = program.roles[frame.item.index]
      for (position, row) in program.operandRange(frame.item).enumerated() {
        let view = program.operand(row)
        let root = program.roots[view.index]
        if root.isNone { continue }
        var axes = program.spaceAxes(frame.item, position, tables)
        if !isOwn { axes = axes.map { $0 < 0 ? -1 : Int($0) < frame.axes.count ? frame.axes[Int($0)] : -1 } }
        let indexed = role.isIndexed && position == 0
        let ahead = frame.isAhead || role.readsAhead(position)
        if derivation.isDerived(root, program), !indexed {
          frames.append(
            Frame(
              item: program.makers[root.index], axes: passed(axes, view, root, program, &tables),
              isAhead: ahead))
        } else {
          isAhead.append(ahead)
          append(axes, view, root, indexed, program, &tables)
        }
      }
    }
  }

  /// The axes of the space behind those of a derived item that is read through a view.
  private mutating func passed(
    _ axes: [Int8], _ view: ViewID, _ root: RootID, _ program: Program, _ tables: inout Tables
  ) -> [Int8] {
    let own = tables.types.shape(program.types[root.index])
    guard let map = program.axisMap(view, &tables) else { return own.map { _ in -1 } }
    let shape = tables.types.shape(program.viewTypes[view.index])
    return own.indices.map { axis in
      map.whole(axis, tables, own, shape).map { $0 < axes.count ? axes[$0] : -1 } ?? -1
    }
  }

  private mutating func append(
    _ axes: [Int8], _ view: ViewID, _ root: RootID, _ indexed: Bool, _ program: Program,
    _ tables: inout Tables
  ) {
    let row = roots.count * Self.maximumAxes
    roots.append(root)
    isIndexed.append(indexed)
    strides += repeatElement(.none, count: Self.maximumAxes)
    spaceAxes += repeatElement(-1, count: Self.maximumAxes)
    let own = tables.types.shape(program.types[root.index])
    let one = tables.dims.integer(1)
    if indexed {
      isWhole.append(false)
      isMapped.append(false)
      return
    }
    let layout = program.layouts[view.index]
    let shape = tables.types.shape(program.viewTypes[view.index])
    let steps =
      layout.isNone ? tables.contiguousStrides(shape) : Array(program.layoutTable.strides(layout))
    let zero = tables.dims.integer(0)
    for (axis, to) in axes.enumerated() where to >= 0 && Int(to) < space.count && axis < shape.count {
      if shape[axis] != one, shape[axis] == space[Int(to)], steps[axis] != zero {
        strides[row + Int(to)] = steps[axis]
      }
    }
    guard let map = program.axisMap(view, &tables) else {
      isWhole.append(false)
      isMapped.append(false)
      return
    }
    isMapped.append(true)
    var whole = true
    for axis in own.indices where own[axis] != one {
      if let found = map.whole(axis, tables, own, shape), found < axes.count, axes[found] >= 0 {
        spaceAxes[row + axis] = axes[found]
      } else {
        whole = false
      }
    }
    isWhole.append(whole)
  }
}

extension Program {
  /// The dims of an item's space, and which of them it folds.
  func space(_ item: ItemID, _ tables: Tables) -> (dims: [DimID], folded: AxisSet) {
    switch roles[item.index] {
    case .fold, .argument:
      guard let view = operands(item).first else { return ([], AxisSet()) }
      return (tables.types.shape(viewTypes[view.index]), recipeTable.axes[recipe(item).index])
    case .contract:
      let labels = recipeTable.labels(recipe(item))
      let views = operands(item)
      var dims = results(item).first.map { tables.types.shape(types[$0]) } ?? []
      let kept = dims.count
      for label in recipeTable.summedLabels(recipe(item)) {
        for (own, view) in zip([labels.lhs, labels.rhs], views) {
          guard let axis = own.firstIndex(of: label) else { continue }
          dims.append(tables.types.dim(viewTypes[view.index], axis))
          break
        }
      }
      return (dims, AxisSet(kept..<dims.count))
    default:
      return (results(item).first.map { tables.types.shape(types[$0]) } ?? [], AxisSet())
    }
  }

  /// Per axis of an item's result the axis of its space; -1 for an axis that was folded.
  func resultAxes(_ item: ItemID, rank: Int, _ spaceRank: Int) -> [Int] {
    guard roles[item.index].isReduction else { return Array(0..<rank) }
    let folded = recipeTable.axes[recipe(item).index]
    if rank == spaceRank { return (0..<rank).map { folded.contains($0) ? -1 : $0 } }
    return (0..<spaceRank).filter { !folded.contains($0) }
  }

  /// Per axis of an operand the axis of the item's space along which it is read; -1 for none.
  func spaceAxes(_ item: ItemID, _ position: Int, _ tables: Tables) -> [Int8] {
    let view = operands(item)[operandRange(item).lowerBound + position]
    let rank = tables.types.rank(viewTypes[view.index])
    switch roles[item.index] {
    case .contract:
      let labels = recipeTable.labels(recipe(item))
      let order = labels.result + recipeTable.summedLabels(recipe(item))
      let own = position == 0 ? labels.lhs : position == 1 ? labels.rhs : labels.lhs
      return own.map { label in order.firstIndex(of: label).map { Int8($0) } ?? -1 }
    case .gather where position == 1:
      let axis = recipeTable.axes[recipe(item).index].first
      return (0..<rank).map { Int8(axis + $0) }
    case .gather, .gatherAlong, .slice:
      return (0..<rank).map { position == 0 ? -1 : Int8($0) }
    default: return (0..<rank).map { Int8($0) }
    }
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
