import SluiceIR

/// Values that are computed again for a reader that comes much later, instead of being kept until then.
///
/// That pays for what is larger than what it comes from, and cheap: products of batches with few terms, the scores of
/// attention above all, and maps behind them. The first late reader gets a copy of the items, which later ones share;
/// what they read is alive in any case.
extension Flattener {
  /// The most items of a copy.
  private static let longestChain = 12

  /// A view, or the same of a copy of its root.
  mutating func recomputed(_ view: ViewID) -> ViewID {
    let root = program.roots[view.index]
    guard isLate(root) else { return view }
    if program.repetitions[root.index].isNone { copy(root) }
    return program.repeated(view)
  }

  private func isLate(_ root: RootID) -> Bool {
    guard !root.isNone, program.homes[root.index] == .item, program.homeBlocks[root.index] == block else {
      return false
    }
    return program.itemCount - program.makers[root.index].index > Program.lateDistance
  }

  /// Makes a root again for its first late reader, where that pays.
  private mutating func copy(_ root: RootID) {
    guard let chain = chain(root) else { return }
    let first = ItemID(program.itemCount)
    for item in chain {
      program.repeatItem(item, program.operands(item).map { program.repeated($0) }, first: first, block)
    }
  }

  /// The items from a cheap product to the one that makes a root, in order; nil where there is no such product.
  private func chain(_ root: RootID) -> [ItemID]? {
    var items: [ItemID] = []
    var open = [root]
    var hasProduct = false
    while let root = open.popLast() {
      let item = program.makers[root.index]
      if items.contains(item) { continue }
      guard items.count < Self.longestChain else { return nil }
      items.append(item)
      if program.roles[item.index] == .contract {
        guard program.isCheapProduct(item, tables) else { return nil }
        hasProduct = true
      }
      for operand in program.operands(item) {
        let own = program.roots[operand.index]
        if leadsOn(operand, own) { open.append(own) }
      }
    }
    return hasProduct ? items.sorted { $0.raw < $1.raw } : nil
  }

  /// Whether an operand belongs to the chain: a map, copy or cheap product of the same block that is as late.
  private func leadsOn(_ operand: ViewID, _ root: RootID) -> Bool {
    guard isLate(root), program.repetitions[root.index].isNone else { return false }
    let item = program.makers[root.index]
    switch program.roles[item.index] {
    case .copy: return true
    case .map: return program.isWhole(operand)
    case .contract: return program.isWhole(operand) && program.isCheapProduct(item, tables)
    default: return false
    }
  }
}

extension Program {
  /// The most terms of a cheap product.
  private static let mostTerms = 128.0

  /// Whether a product has a batch, few terms, and operands that are smaller than its result.
  func isCheapProduct(_ item: ItemID, _ tables: Tables) -> Bool {
    guard let result = results(item).first else { return false }
    let labels = recipeTable.labels(recipe(item))
    guard labels.result.contains(where: { labels.lhs.contains($0) && labels.rhs.contains($0) }) else {
      return false
    }
    var (terms, bytes) = (1.0, 0.0)
    for (position, view) in operands(item).enumerated() {
      let type = viewTypes[view.index]
      let root = roots[view.index]
      bytes += tables.byteCount(root.isNone ? type : types[root.index])
      guard position == 0 else { continue }
      for (axis, label) in labels.lhs.enumerated() where !labels.result.contains(label) {
        terms *= tables.extent(tables.types.dim(type, axis))
      }
    }
    return terms <= Self.mostTerms && bytes <= 1.25 * tables.byteCount(types[result])
  }
}
