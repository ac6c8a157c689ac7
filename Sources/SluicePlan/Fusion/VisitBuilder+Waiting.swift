import SluiceIR

/// Cheap products that wait until something reads them, and join where that is made.
///
/// The product of a batch with few terms is larger than what it reads, so it is worth most where its reader runs: the
/// gradient of a weight of attention meets the weight there. From what it reads itself nothing leads to that visit.
extension VisitBuilder {
  /// Whether an item is to be placed only with its first reader: a cheap product, or the last form of one.
  ///
  /// What reads something else that waits is placed at once, so that at most two items wait for each other.
  mutating func waits(_ item: ItemID, _ tables: inout Tables) -> Bool {
    let isProduct = program.roles[item.index] == .contract
    guard fuses, isProduct ? program.isCheapProduct(item, tables) : visits.derivation.isLastForm(item) else {
      return false
    }
    leaves.read(item, program, visits.derivation, &tables)
    let awaited = leaves.roots.indices.filter { isWaiting(leaves.roots[$0]) && !leaves.isRepeated($0) }
    if isProduct { return awaited.isEmpty }
    return awaited.count == 1
      && program.roles[program.makers[leaves.roots[awaited[0]].index].index] == .contract
  }

  /// Whether a root is made by a product that waits.
  func isWaiting(_ root: RootID) -> Bool {
    program.homes[root.index] == .item && isAwaited[program.makers[root.index].index]
  }

  /// Places the products that an item reads, and that waited for it.
  mutating func placeAwaited(by reader: ItemID, _ tables: inout Tables) {
    let awaited = leaves.roots.indices.filter { isWaiting(leaves.roots[$0]) && !leaves.isRepeated($0) }
    let roots = awaited.map { leaves.roots[$0] }.sorted { $0.raw < $1.raw }
    // What is made again comes first: it may join nothing that began before its time.
    func isNew(_ root: RootID) -> Bool { program.firstRepetitions[program.makers[root.index].index].isNone }
    for root in roots.filter({ !isNew($0) }) + roots.filter(isNew) {
      leaves.read(reader, program, visits.derivation, &tables)
      let item = program.makers[root.index]
      let home = deepestMaker()
      var atoms = home.flatMap { readAtoms(of: root, by: reader, in: $0, &tables) }
      isAwaited[item.index] = false
      leaves.read(item, program, visits.derivation, &tables)
      var product = item
      if program.roles[item.index] != .contract, let leaf = leaves.roots.firstIndex(where: { isWaiting($0) })
      {
        product = program.makers[leaves.roots[leaf].index]
        isAwaited[product.index] = false
        atoms = atoms.flatMap { readAtoms(of: leaf, through: $0, tables) }
        leaves.read(product, program, visits.derivation, &tables)
      }
      if let home, let atoms,
        attempt(product, home, ownCost(product, tables), along: atoms, &tables) == .joined
      {
        visits.reasons[product.index] = .joined
      } else {
        place(product, .contract, &tables)
      }
      if product != item { place(item, program.roles[item.index], &tables) }
    }
    leaves.read(reader, program, visits.derivation, &tables)
  }

  /// Places all products that still wait.
  mutating func placeWaiting(_ tables: inout Tables) {
    for item in waiting where isAwaited[item.index] {
      isAwaited[item.index] = false
      place(item, program.roles[item.index], &tables)
    }
    waiting.removeAll(keepingCapacity: true)
  }

  /// The deepest visit that makes something that the item at hand reads.
  private func deepestMaker() -> VisitID? {
    leaves.roots.compactMap { maker($0) }.max { lists.depths[$0.index] < lists.depths[$1.index] }
  }

  /// The atoms of a visit along which an item would read a root that nobody makes yet; nil where it would not run
  /// along them.
  private mutating func readAtoms(
    of root: RootID, by reader: ItemID, in visit: VisitID, _ tables: inout Tables
  ) -> AxisList? {
    guard !visits.isSingle[visit.index], unify(reader, visit, &tables) == nil,
      let leaf = leaves.roots.firstIndex(of: root)
    else { return nil }
    var atoms = AxisList()
    for axis in 0..<rank(root, tables)
    where tables.dims.value(tables.types.dim(program.types[root.index], axis)) != 1 {
      let space = leaves.spaceAxis(leaf, axis)
      guard space >= 0, attempt.atoms[space] < attempt.atomCount else { return nil }
      atoms[axis] = attempt.atoms[space]
    }
    return atoms
  }

  /// The atoms along which the item at hand reads a leaf, where those of its result are known.
  private func readAtoms(of leaf: Int, through known: AxisList, _ tables: Tables) -> AxisList? {
    var atoms = AxisList()
    let type = program.types[leaves.roots[leaf].index]
    for axis in 0..<tables.types.rank(type) where tables.dims.value(tables.types.dim(type, axis)) != 1 {
      let space = leaves.spaceAxis(leaf, axis)
      guard space >= 0, known[space] != AxisList.none else { return nil }
      atoms[axis] = known[space]
    }
    return atoms
  }
}
