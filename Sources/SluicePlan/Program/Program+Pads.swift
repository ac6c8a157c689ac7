import SluiceIR

/// Elements that are kept with a border around them anyway are read there by late readers, so that they are not kept
/// twice.
extension Program {
  /// A border costs at most so many times the bytes of what it surrounds.
  private static let mostBorder = 1.25

  /// Lets late readers of what is padded read the inside of the pad, where another late reader keeps the pad alive.
  ///
  /// What is computed again where it is read stays as it is: nothing of it is kept.
  ///
  /// - Returns: The items whose results are no longer read late.
  mutating func readInsideOfPads(_ tables: inout Tables) -> [ItemID] {
    guard roles.contains(.pad) else { return [] }
    var pads = [ItemID](repeating: .none, count: rootCount)
    var isReadLate = [Bool](repeating: false, count: rootCount)
    for item in 0..<itemCount {
      for view in operands(ItemID(item)) where isLate(view, ItemID(item)) {
        isReadLate[roots[view.index].index] = true
      }
      if let root = surrounded(ItemID(item), tables) { pads[root.index] = ItemID(item) }
    }
    for root in pads.indices where !pads[root].isNone {
      guard isReadLate[root], results(pads[root]).contains(where: { isReadLate[$0] }) else {
        pads[root] = .none
        continue
      }
    }
    guard pads.contains(where: { !$0.isNone }) else { return [] }
    let derivation = Derivation(self, &tables, isOn: true)
    var found: [ItemID] = []
    for item in 0..<itemCount where roles[item].isElementwise || roles[item] == .contract {
      for row in operandRange(ItemID(item)) where isLate(operand(row), ItemID(item)) {
        let root = roots[operand(row).index]
        guard !pads[root.index].isNone, !derivation.isDerived(root, self),
          blocks[item] == blocks[pads[root.index].index],
          let inside = inside(operand(row), pads[root.index], &tables)
        else { continue }
        replaceOperand(row, inside)
        if found.last != makers[root.index] { found.append(makers[root.index]) }
      }
    }
    return found
  }

  private func isLate(_ view: ViewID, _ reader: ItemID) -> Bool {
    let root = roots[view.index]
    guard !root.isNone, homes[root.index] == .item else { return false }
    return reader.index - makers[root.index].index > Self.lateDistance
  }

  /// The root that an item surrounds with a border that is not much larger.
  private func surrounded(_ item: ItemID, _ tables: Tables) -> RootID? {
    guard roles[item.index] == .pad, let view = operands(item).first, isWhole(view),
      let result = results(item).first
    else { return nil }
    let root = roots[view.index]
    guard homes[root.index] == .item, blocks[item.index] == blocks[makers[root.index].index],
      tables.byteCount(types[result]) <= Self.mostBorder * tables.byteCount(types[root.index])
    else { return nil }
    return root
  }

  /// The elements of a view, where they stand inside of the border; nil where its axes are no parts of its root's.
  private mutating func inside(_ view: ViewID, _ pad: ItemID, _ tables: inout Tables) -> ViewID? {
    guard let map = axisMap(view, &tables), let result = results(pad).first else { return nil }
    let record = recipeTable.records[recipe(pad).index]
    let own = tables.contiguousStrides(tables.types.shape(types[result]))
    var offset = tables.dims.integer(0)
    for (axis, low) in (tables.attributes.dims(record, .low) ?? []).enumerated() {
      guard let start = tables.dims.add(map.starts[axis], low),
        let step = tables.dims.multiply(start, own[axis]), let next = tables.dims.add(offset, step)
      else { return nil }
      offset = next
    }
    var strides: [DimID] = []
    for (axis, root) in map.axes.enumerated() {
      guard root >= 0 else {
        strides.append(tables.dims.integer(0))
        continue
      }
      guard let stride = tables.dims.multiply(map.steps[axis], own[root]) else { return nil }
      strides.append(stride)
    }
    return appendView(
      viewTypes[view.index], viewNames[view.index], RootID(result), layoutTable.intern(offset, strides),
      tables.dims.integer(0))
  }
}
