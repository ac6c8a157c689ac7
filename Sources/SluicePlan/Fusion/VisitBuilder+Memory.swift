import SluiceIR

/// What a visit keeps in private memory, and what it costs.
extension VisitBuilder {
  /// Whether the elements that one outer place makes of a value lie behind each other: its outer axes come first.
  func keepsRows(_ visit: VisitID, _ tables: Tables) -> Bool {
    func isRow(_ root: RootID) -> Bool {
      var isInside = false
      for axis in 0..<rank(root, tables) {
        guard let atom = madeAtom(root, axis) else { continue }
        if attempt.outer >> UInt32(atom) & 1 == 0 { isInside = true } else if isInside { return false }
      }
      return true
    }
    var row = lists.kept[visit.index]
    while row != Visits.end {
      let kept = lists.keptRows[Int(row)]
      if !kept.root.isNone, !isRow(kept.root) { return false }
      row = kept.next
    }
    return attempt.kept.allSatisfy { isRow($0) }
  }

  /// Whether the visit would go through something large in steps: its neighbours would lie at different outer places.
  func strides(_ visit: VisitID, _ tables: Tables) -> Bool {
    let one = tables.dims.value
    func isLarge(_ root: RootID) -> Bool { bytes(root) > Self.nearBytes }
    var row = lists.looks[visit.index]
    while row != Visits.end {
      let look = lists.lookRows[Int(row)]
      row = look.next
      let way = lists.way(look)
      if one(way.stride) == 1, attempt.outer >> UInt32(way.atom) & 1 == 1, isLarge(look.root) { return true }
    }
    for leaf in 0..<leaves.count where isLarge(leaves.roots[leaf]) {
      for axis in leaves.space.indices where !leaves.stride(leaf, axis).isNone {
        let atom = attempt.atoms[axis]
        if one(leaves.stride(leaf, axis)) == 1, atom != AxisList.none, attempt.outer >> UInt32(atom) & 1 == 1
        {
          return true
        }
      }
    }
    return false
  }

  /// The bytes of rows that one outer place keeps, with an item that joins; maybe without those of values that are
  /// stored for much later readers in any case.
  func rowBytes(
    _ visit: VisitID, _ outer: UInt32, _ item: ItemID?, _ kept: [RootID], _ tables: Tables,
    withStored: Bool = true
  ) -> Double {
    var bytes = 0.0
    var rows: [OperandRow] = []
    func add(_ root: RootID) {
      if !withStored, visits.derivation.isReadLate(root, program) { return }
      bytes += rowBytes(root, outer, tables)
    }
    var row = lists.kept[visit.index]
    while row != Visits.end {
      let kept = lists.keptRows[Int(row)]
      if kept.root.isNone {
        addRow(kept.item, kept.atoms, outer, visit, &rows, &bytes, tables)
      } else {
        add(kept.root)
      }
      row = kept.next
    }
    for root in kept where !visits.isKept[root.index] { add(root) }
    if let item, attempt.rowAtoms != 0 { addRow(item, attempt.rowAtoms, outer, visit, &rows, &bytes, tables) }
    return bytes
  }

  /// The bytes of the row of a root at one outer place; 0 where that is one element, in a register.
  func rowBytes(_ root: RootID, _ outer: UInt32, _ tables: Tables) -> Double {
    let type = program.types[root.index]
    var bytes = Double(tables.types.dtype(type).byteCount)
    var isRow = false
    for axis in 0..<tables.types.rank(type) {
      guard let atom = madeAtom(root, axis), outer >> UInt32(atom) & 1 == 0 else { continue }
      bytes *= tables.extent(tables.types.dim(type, axis))
      isRow = true
    }
    return isRow ? bytes : 0
  }

  /// What makes two operands of contractions share a row.
  private struct OperandRow: Equatable {
    var root: RootID
    var layout: LayoutID
    var base: DimID
    var atoms: UInt32
  }

  private func addRow(
    _ item: ItemID, _ atoms: UInt32, _ outer: UInt32, _ visit: VisitID, _ rows: inout [OperandRow],
    _ bytes: inout Double, _ tables: Tables
  ) {
    for view in program.operands(item).prefix(2) {
      let root = program.roots[view.index]
      // One that is read through another view is a row of its own.
      let row = OperandRow(
        root: root, layout: program.layouts[view.index], base: program.bases[view.index], atoms: atoms)
      guard isComputed(root), !rows.contains(row) else { continue }
      rows.append(row)
      bytes +=
        Double(tables.types.dtype(program.types[root.index]).byteCount)
        * places(visit, atoms & ~outer, tables)
    }
  }

  /// Whether joining is no dearer than not joining.
  mutating func weigh(
    _ item: ItemID, _ visit: VisitID, _ own: Cost, _ joined: Cost, _ places: Double, _ rows: Double,
    _ tables: Tables
  ) -> Visits.Reason? {
    attempt.cost = joined
    for (leaf, root) in leaves.roots.enumerated() where !leaves.isRepeated(leaf) {
      let bytes = bytes(root)
      if maker(root) == visit {
        attempt.cost.bytes -= 2 * bytes
      } else if reads(visit, root) {
        attempt.cost.bytes -= bytes
      }
    }
    attempt.cost.bytes = max(attempt.cost.bytes, 0)
    var alone = own
    alone.streamed = program.roles[item.index] == .contract ? streamedBytes(visit, tables) : 0
    attempt.cost.streamed += alone.streamed
    guard joined.contracts else { return nil }
    guard let together = attempt.cost.seconds(places, rows) else { return .privateMemory }
    guard own.contracts else { return nil }
    let outer = visits.outer[visit.index]
    let before = lists.costs[visit.index].seconds(
      self.places(visit, outer, tables), rowBytes(visit, outer, nil, [], tables, withStored: false))
    let apart =
      attempt.rowAtoms == 0
      ? alone.seconds(1, 0)
      : alone.seconds(
        self.places(visit, attempt.rowKept, tables),
        rowBytes(of: item, attempt.rowAtoms & ~attempt.rowKept, tables, visit))
    return together <= (before ?? 0) + (apart ?? 0) + Cost.call ? nil : .cost
  }

  /// The bytes of large operands that the item reads again for every block of rows; of what the visit makes none.
  func streamedBytes(_ visit: VisitID?, _ tables: Tables) -> Double {
    var bytes = 0.0
    for (leaf, root) in leaves.roots.enumerated() where visit == nil || maker(root) != visit {
      let own = self.bytes(root)
      if let near = repeatedBytes(leaf, own, tables), near > Cost.nearBytes { bytes += own }
    }
    return bytes
  }

  /// The bytes of the row that a contraction keeps of an operand.
  func rowBytes(of item: ItemID, _ atoms: UInt32, _ tables: Tables, _ visit: VisitID) -> Double {
    var (bytes, rows) = (0.0, [OperandRow]())
    addRow(item, atoms, 0, visit, &rows, &bytes, tables)
    return bytes
  }

  /// How much of a leaf is the same for all places along some outer atom: its bytes at one place along the others; nil
  /// where there is no such atom.
  private func repeatedBytes(_ leaf: Int, _ bytes: Double, _ tables: Tables) -> Double? {
    var (missing, near) = (attempt.outer, bytes)
    for axis in leaves.space.indices
    where attempt.atoms[axis] != AxisList.none && !leaves.stride(leaf, axis).isNone {
      let atom = UInt32(1) << UInt32(attempt.atoms[axis])
      if attempt.outer & atom != 0 { near /= Swift.max(tables.extent(leaves.space[axis]), 1) }
      missing &= ~atom
    }
    return missing == 0 ? nil : near
  }
}
