import SluiceIR

/// A program in which late readers read repetitions of values, so that those need not be kept until then.
extension Program {
  /// Marks a root whose readers all read it.
  static let never = Int32.max

  /// The version in which what happens at a time or later reads repetitions of some roots.
  ///
  /// A repetition stands right before its first reader in the order of the program. What is computed inside of its
  /// readers is repeated along with what it comes from.
  ///
  /// - Parameters:
  ///   - lateFrom: Per root the time from which on its readers read a repetition; `never` for the others.
  ///   - visits: Says when items run, and which are computed inside of their readers.
  func repeating(_ lateFrom: [Int32], _ visits: Visits) -> Program {
    var version = withoutItems()
    var renamed: [ItemID] = []
    renamed.reserveCapacity(itemCount)
    let late = lateTimes(lateFrom, visits)
    var open: [RootID] = []
    for index in 0..<itemCount {
      let item = ItemID(index)
      let time = visits.derivation.isDerived(item) ? -1 : Int32(visits.entry(item))
      let first = ItemID(version.itemCount)
      for view in operands(item) where isLate(view, time, late) {
        open.append(roots[view.index])
        version.repeatOpen(&open, of: self, time, late, renamed, first: first, blocks[index])
      }
      let own = operands(item).map { isLate($0, time, late) ? version.repeated($0) : $0 }
      renamed.append(ItemID(version.itemCount))
      version.appendItem(item, of: self, own)
    }
    version.rename(renamed, rootCount: rootCount)
    return version
  }

  /// Per root from when on it is not read itself: its own time, or of what is computed inside of its readers the first
  /// of what that comes from.
  private func lateTimes(_ lateFrom: [Int32], _ visits: Visits) -> [Int32] {
    var late = lateFrom
    for index in 0..<itemCount where visits.derivation.isDerived(ItemID(index)) {
      var first = Self.never
      for view in operands(ItemID(index)) where !roots[view.index].isNone {
        first = min(first, late[roots[view.index].index])
      }
      for result in results(ItemID(index)) { late[result] = first }
    }
    return late
  }

  private func isLate(_ view: ViewID, _ time: Int32, _ late: [Int32]) -> Bool {
    !roots[view.index].isNone && late[roots[view.index].index] <= time
  }

  /// Makes open roots again, each behind what it comes from.
  private mutating func repeatOpen(
    _ open: inout [RootID], of old: Program, _ time: Int32, _ late: [Int32], _ renamed: [ItemID],
    first: ItemID, _ block: BlockID
  ) {
    while let root = open.last {
      let item = old.makers[root.index]
      guard repetitions[root.index].isNone else {
        open.removeLast()
        continue
      }
      let before = open.count
      for view in old.operands(item) where old.isLate(view, time, late) {
        let operand = old.roots[view.index]
        if repetitions[operand.index].isNone { open.append(operand) }
      }
      if open.count > before { continue }
      let own = old.operands(item).map { old.isLate($0, time, late) ? repeated($0) : $0 }
      repeatItem(renamed[item.index], own, first: first, block)
    }
  }
}
