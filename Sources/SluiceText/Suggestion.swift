/// Finds the name that was likely meant: the one with the fewest edits.
enum Suggestion {
  /// The candidate nearest to `name`, when it is near enough to be meant.
  static func nearest(
    to name: some Collection<UInt8>, among candidates: some Sequence<some Collection<UInt8>>
  ) -> String? {
    let wanted = Array(name)
    guard wanted.count <= 32 else { return nil }
    var best: [UInt8]?
    var limit = max(1, wanted.count / 3)
    for candidate in candidates where abs(candidate.count - wanted.count) <= limit {
      let given = Array(candidate)
      guard let distance = distance(wanted, given, limit: limit), 0 < distance, distance < wanted.count else {
        continue
      }
      if best == nil || distance < limit {
        best = given
        limit = distance
      }
    }
    return best.map { String(decoding: $0, as: UTF8.self) }
  }

  /// The least number of insertions, deletions, changes and swaps of neighbours; nil above the limit.
  static func distance(_ a: [UInt8], _ b: [UInt8], limit: Int) -> Int? {
    var before = [Int](repeating: 0, count: b.count + 1)
    var previous = Array(0...b.count)
    for i in a.indices {
      var current = [i + 1]
      current.reserveCapacity(b.count + 1)
      for j in b.indices {
        var cost = min(previous[j + 1], current[j]) + 1
        cost = min(cost, previous[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, before[j - 1] + 1) }
        current.append(cost)
      }
      guard current.contains(where: { $0 <= limit }) else { return nil }
      before = previous
      previous = current
    }
    return previous[b.count] <= limit ? previous[b.count] : nil
  }
}
