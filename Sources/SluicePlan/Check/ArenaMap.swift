/// Which buffer owns which bytes of the arena: runs of bytes with one owner.
///
/// Runs begin only where buffers begin or end, so their starts are bits in a set over those places, in levels of
/// 64: finding the run of a byte takes a few words. Taking a range removes the runs in it, and each was added
/// once, so a plan is simulated in nearly linear time.
struct ArenaMap {
  private let points: [Int]
  /// The owner of the run that begins at each point; -1 for none.
  private var owners: [Int]
  private var levels: [[UInt64]] = []

  /// A map without owners; runs may begin at these bytes.
  init(points: some Sequence<Int>) {
    self.points = Set(points).union([0]).sorted()
    owners = [Int](repeating: -1, count: self.points.count)
    var count = self.points.count
    repeat {
      count = (count + 63) / 64
      levels.append([UInt64](repeating: 0, count: count))
    } while count > 1
    insert(0)
  }

  /// Gives the bytes `range` to `owner`; calls `lost` with every other owner of one of them.
  mutating func take(_ range: Range<Int>, _ owner: Int, lost: (Int) -> Void) {
    guard !range.isEmpty, let first = position(range.lowerBound), let end = position(range.upperBound) else {
      return
    }
    split(first)
    split(end)
    var at = first
    while at < end {
      if owners[at] >= 0, owners[at] != owner { lost(owners[at]) }
      let next = following(at) ?? points.count
      if at > first { remove(at) }
      at = next
    }
    owners[first] = owner
  }

  /// The index of a byte among the points.
  private func position(_ byte: Int) -> Int? {
    var (low, high) = (0, points.count)
    while low < high {
      let middle = (low + high) / 2
      if points[middle] < byte { low = middle + 1 } else { high = middle }
    }
    return low < points.count && points[low] == byte ? low : nil
  }

  /// Makes a run begin at a point.
  private mutating func split(_ point: Int) {
    let run = preceding(point)
    if run == point { return }
    owners[point] = owners[run]
    insert(point)
  }

  // MARK: The set of starts

  private mutating func insert(_ member: Int) {
    var member = member
    for level in levels.indices {
      levels[level][member / 64] |= 1 << UInt64(member % 64)
      member /= 64
    }
  }

  private mutating func remove(_ member: Int) {
    var member = member
    for level in levels.indices {
      levels[level][member / 64] &= ~(1 << UInt64(member % 64))
      if levels[level][member / 64] != 0 { return }
      member /= 64
    }
  }

  /// The largest member that is at most `limit`; 0 is always a member.
  private func preceding(_ limit: Int) -> Int {
    var position = limit
    for level in levels.indices {
      let bits = levels[level][position / 64] & (.max >> UInt64(63 - position % 64))
      if bits != 0 {
        var found = position / 64 * 64 + 63 - bits.leadingZeroBitCount
        for lower in (0..<level).reversed() {
          found = found * 64 + 63 - levels[lower][found].leadingZeroBitCount
        }
        return found
      }
      if position / 64 == 0 { return 0 }
      position = position / 64 - 1
    }
    return 0
  }

  /// The smallest member that is larger than `limit`.
  private func following(_ limit: Int) -> Int? {
    var position = limit + 1
    for level in levels.indices {
      if position / 64 >= levels[level].count { return nil }
      let bits = levels[level][position / 64] & (.max << UInt64(position % 64))
      if bits != 0 {
        var found = position / 64 * 64 + bits.trailingZeroBitCount
        for lower in (0..<level).reversed() { found = found * 64 + levels[lower][found].trailingZeroBitCount }
        return found
      }
      position = position / 64 + 1
    }
    return nil
  }
}
