/// Visits that could run next: gives the one of least cost, of equal ones that of least rank, then the first.
///
/// What became cheaper is inserted again; its owner skips the old entry when that comes up.
struct VisitHeap {
  /// A visit and what it costs.
  struct Entry {
    var cost: Double
    var rank: Int32
    var visit: UInt32

    static func < (a: Entry, b: Entry) -> Bool { (a.cost, a.rank, a.visit) < (b.cost, b.rank, b.visit) }
  }

  /// A binary heap: no entry is less than the one at half its place.
  private var entries: [Entry] = []

  mutating func insert(_ entry: Entry) {
    var at = entries.count
    entries.append(entry)
    while at > 0, entry < entries[(at - 1) / 2] {
      entries[at] = entries[(at - 1) / 2]
      at = (at - 1) / 2
    }
    entries[at] = entry
  }

  mutating func popFirst() -> Entry? {
    guard let first = entries.first, let last = entries.popLast() else { return nil }
    if entries.isEmpty { return first }
    var at = 0
    while 2 * at + 1 < entries.count {
      var child = 2 * at + 1
      if child + 1 < entries.count, entries[child + 1] < entries[child] { child += 1 }
      guard entries[child] < last else { break }
      entries[at] = entries[child]
      at = child
    }
    entries[at] = last
    return first
  }
}
