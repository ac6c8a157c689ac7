import SluiceIR

/// Visits that do the same run together, in one call with a row of arguments for each: the updates of an optimizer,
/// sums of squares for clipping, copies of operands.
///
/// A visit waits for a later one of its kind, or runs as early as an earlier one, where nothing needs it at its own
/// place and what it keeps alive for longer is little, or lies where less than the most is alive.
extension VisitOrder {
  /// What a visit may keep alive longer wherever that is: so little of the most that is alive at once.
  private static let little = 1.0 / 4096
  /// Over how many places a visit may keep more than that alive.
  private static let mostPlaces: Int32 = 16
  /// The most visits that run together.
  private static let mostTogether: Int32 = 256

  /// Visits of one kind that run at one place.
  private struct Group {
    var kind: UInt64
    var place: Int32
    var count: Int32
  }

  /// Where visits run, as places in their order, and what is alive there.
  private struct Places {
    /// Per visit its place.
    var of: [Int32]
    /// Per place the bytes that are alive.
    var alive: [Double]
    var peak: Double
    /// Per visit whether another one runs at its place, which it may not leave.
    var isHost: [Bool]

    /// Whether so many bytes more may be alive at the places; if so, they are.
    mutating func keep(_ bytes: Double, _ places: ClosedRange<Int32>) -> Bool {
      if bytes <= VisitOrder.little * peak { return true }
      if places.upperBound - places.lowerBound > VisitOrder.mostPlaces { return false }
      for place in places where alive[Int(place)] + bytes > peak { return false }
      for place in places { alive[Int(place)] += bytes }
      return true
    }
  }

  /// The visits of an order, moved to where they run, and where each of those that run together ends.
  mutating func gathered(_ order: [UInt32]) -> (visits: [VisitID], ends: [Int]) {
    let alive = profile(order)
    var places = Places(
      of: [Int32](repeating: 0, count: order.count), alive: alive, peak: alive.max() ?? 0,
      isHost: [Bool](repeating: false, count: order.count))
    for (place, visit) in order.enumerated() { places.of[Int(visit)] = Int32(place) }
    let kinds = order.indices.map { kind(VisitID(begin + $0)) }
    wait(order, kinds, &places)
    advance(sorted(by: places.of), kinds, &places)
    let result = sorted(by: places.of)
    var ends: [Int] = []
    for (position, visit) in result.enumerated()
    where position + 1 == result.count || places.of[Int(result[position + 1])] != places.of[Int(visit)] {
      ends.append(position + 1)
    }
    return (result.map { VisitID(begin + Int($0)) }, ends)
  }

  /// Moves visits to the next one of their kind that runs before all that need them.
  private mutating func wait(_ order: [UInt32], _ kinds: [UInt64], _ places: inout Places) {
    for visit in order {
      for root in visits.reads(VisitID(begin + Int(visit))) { lastReads[root.index] = places.of[Int(visit)] }
    }
    var groups = GroupTable()
    for visit in order.reversed().lazy.map({ Int($0) }) {
      let place = places.of[visit]
      var limit = Int32.max
      for follower in followers(visit) { limit = min(limit, places.of[Int(follower)]) }
      let row = groups.row(kinds[visit], place)
      let group = groups.rows[row]
      var bytes = 0.0
      let reads = visits.reads(VisitID(begin + visit))
      for root in reads where lastReads[root.index] < group.place { bytes += sizes[root.index] }
      guard group.place > place, group.place < limit, group.count < Self.mostTogether,
        places.keep(bytes, (place + 1)...group.place)
      else {
        groups.rows[row] = Group(kind: kinds[visit], place: place, count: 1)
        continue
      }
      groups.rows[row].count += 1
      places.of[visit] = group.place
      places.isHost[Int(order[Int(group.place)])] = true
      for root in reads { lastReads[root.index] = max(lastReads[root.index], group.place) }
    }
  }

  /// Moves visits to the last one of their kind that runs behind all that they need.
  private func advance(_ order: [UInt32], _ kinds: [UInt64], _ places: inout Places) {
    var groups = GroupTable()
    var earliest = [Int32](repeating: -1, count: order.count)
    for visit in order.lazy.map({ Int($0) }) {
      let place = places.of[visit]
      let row = groups.row(kinds[visit], place)
      let group = groups.rows[row]
      if group.place == place {
        groups.rows[row].count += 1
      } else if !places.isHost[visit], group.place > earliest[visit], group.count < Self.mostTogether,
        places.keep(made[visit], group.place...(place - 1))
      {
        groups.rows[row].count += 1
        places.of[visit] = group.place
      } else {
        groups.rows[row] = Group(kind: kinds[visit], place: place, count: 1)
      }
      for follower in followers(visit) {
        earliest[Int(follower)] = max(earliest[Int(follower)], places.of[visit])
      }
    }
  }

  /// The last group of every kind.
  private struct GroupTable {
    private var index = HashIndex()
    var rows: [Group] = []

    /// The row of a kind; a new one has a group at the place, without members.
    mutating func row(_ kind: UInt64, _ place: Int32) -> Int {
      if let row = index.find(kind, where: { rows[$0].kind == kind }) { return row }
      rows.append(Group(kind: kind, place: place, count: 0))
      index.insert(rows.count - 1, hash: kind)
      return rows.count - 1
    }
  }

  /// What a visit does, as a number: visits of one kind have one kernel, but for chance.
  private func kind(_ visit: VisitID) -> UInt64 {
    var hasher = WordHasher()
    hasher.combine(UInt64(visits.outer[visit.index]) << 8 | UInt64(visits.nestCounts[visit.index]))
    var item = visits.firstItem(visit)
    while !item.isNone {
      hasher.combine(UInt64(program.recipe(item).raw) << 32 | UInt64(visits.nestOf[item.index]))
      hasher.combine(visits.spaceAtoms[item.index])
      for root in program.results(item) { hasher.combine(UInt64(program.types[root].raw)) }
      for view in program.operands(item) {
        hasher.combine(
          UInt64(program.viewTypes[view.index].raw) << 32 | UInt64(program.layouts[view.index].raw))
      }
      item = visits.nextItem(item)
    }
    return hasher.hash
  }
}
