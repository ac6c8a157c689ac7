import SluiceIR

/// Items that share a call with others with which they have no data in common: each alone is no more than a call.
extension VisitBuilder {
  /// Lets a small item without independent places join another one: such items share a call.
  mutating func attemptSerial(_ item: ItemID, _ own: Cost, _ tables: inout Tables) -> Bool {
    guard !serial.isNone, serial.index >= segmentBegin, isSerial(own, tables),
      lists.costs[serial.index].operations + own.operations <= Self.serialWork
    else { return false }
    return attempt(item, serial, own, &tables) == .joined
  }

  /// Lets a copy, or a sum down columns, ride beside another one of the same shape that stands near: such items are
  /// no more than a pass over memory, and one call for several is enough.
  mutating func attemptAlike(_ item: ItemID, _ own: Cost, _ tables: inout Tables) -> Bool {
    let role = program.roles[item.index]
    let foldsLast = leaves.space.indices.last.map { leaves.foldedAxes.contains($0) } ?? true
    // What rows came to is few numbers, so that more may follow in its visit.
    let isOfRows = role == .fold && program.recipeTable.isColumn[program.recipe(item).index]
    guard role == .copy || isOfRows || (role == .fold && !foldsLast) else { return false }
    let most = isOfRows ? UInt32(Visits.maximumItems) : 8
    for index in (max(segmentBegin, visits.count - Self.near)..<visits.count).reversed() {
      let visit = VisitID(index)
      guard !visits.isSingle[index], program.roles[visits.firstItem(visit).index] == role,
        visits.blocks[index] == program.blocks[item.index], visits.itemCounts[index] < most,
        arrayCount(item, visit) <= Visits.maximumArrays,
        isOfRows || visits.nestCounts[index] == 1,
        liken(item, visit, tables), choose(item, visit, own, tables) == nil,
        isNear(visit), settle(visit)
      else { continue }
      commit(item, visit, &tables)
      return true
    }
    return false
  }

  /// How many arrays the kernel of a visit works on with an item.
  func arrayCount(_ item: ItemID, _ visit: VisitID) -> Int {
    var count = Int(lists.arrayCounts[visit.index]) + program.results(item).count
    for (leaf, root) in leaves.roots.enumerated() where !leaves.isRepeated(leaf) {
      if maker(root) != visit && !reads(visit, root) { count += 1 }
    }
    return count
  }

  /// Lets the update of a small state ride with one of the same type: an optimizer has many of them, and they are no
  /// more than a call.
  mutating func attemptUpdate(_ item: ItemID, _ own: Cost, _ tables: inout Tables) -> Bool {
    guard let type = smallUpdate(item), type.index < updates.count else { return false }
    let visit = updates[type.index]
    guard !visit.isNone, visit.index >= segmentBegin,
      visits.blocks[visit.index] == program.blocks[item.index],
      Int(visits.itemCounts[visit.index]) < Visits.maximumItems, visits.nestCounts[visit.index] == 1,
      arrayCount(item, visit) <= Visits.maximumArrays, liken(item, visit, tables),
      choose(item, visit, own, tables) == nil, isNear(visit), settle(visit)
    else { return false }
    commit(item, visit, &tables)
    return true
  }

  /// The type of the next value of a small state that a map makes.
  private func smallUpdate(_ item: ItemID) -> TypeID? {
    guard program.roles[item.index] == .map, let root = program.results(item).first, isNextState[root],
      rootBytes[root] <= Self.smallState
    else { return nil }
    return program.types[root]
  }

  /// Notes the visit that an update began.
  mutating func noteUpdate(_ item: ItemID, _ visit: VisitID) {
    guard let type = smallUpdate(item) else { return }
    if type.index >= updates.count {
      updates += repeatElement(.none, count: type.index + 1 - updates.count)
    }
    updates[type.index] = visit
  }

  /// Whether a visit would not have to move far behind what makes the item's operands.
  private func isNear(_ visit: VisitID) -> Bool {
    leaves.roots.allSatisfy { root in
      guard let maker = maker(root) else { return true }
      return maker != visit && lists.depths[maker.index] <= lists.depths[visit.index] + 1
    }
  }

  /// Whether the item has no independent places and little to do.
  func isSerial(_ own: Cost, _ tables: Tables) -> Bool {
    guard own.operations <= Self.serialWork else { return false }
    return leaves.space.indices.allSatisfy {
      leaves.foldedAxes.contains($0) || tables.dims.value(leaves.space[$0]) == 1
    }
  }
}
