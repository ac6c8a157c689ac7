/// The free parts of an arena: finds the smallest that is large enough, and joins neighbours.
///
/// The gaps stand in ascending order, in runs of bounded length: a search is two binary searches, and adding or
/// removing one moves at most a run.
struct ArenaGaps {
  private struct Gap: Comparable {
    var bytes: Int
    var offset: Int

    static func < (a: Gap, b: Gap) -> Bool { (a.bytes, a.offset) < (b.bytes, b.offset) }
  }

  /// None is empty.
  private var runs: [[Gap]] = []
  /// Per gap its size by its first byte, and its first byte by its end.
  private var bytesAt: [Int: Int] = [:]
  private var startOfEnd: [Int: Int] = [:]

  private static let runLength = 256

  /// Makes bytes free, together with the gaps before and behind them.
  mutating func free(_ offset: Int, _ bytes: Int) {
    if bytes == 0 { return }
    var (offset, bytes) = (offset, bytes)
    if let next = bytesAt[offset + bytes] {
      remove(Gap(bytes: next, offset: offset + bytes))
      bytes += next
    }
    if let start = startOfEnd[offset] {
      remove(Gap(bytes: offset - start, offset: start))
      bytes += offset - start
      offset = start
    }
    insert(Gap(bytes: bytes, offset: offset))
  }

  /// Takes bytes from the smallest gap that has as many, the lowest of equal ones; nil where there is none.
  mutating func take(_ bytes: Int) -> Int? {
    guard let (run, position) = firstPlace(notBefore: Gap(bytes: bytes, offset: 0)) else { return nil }
    let gap = runs[run][position]
    remove(gap)
    if gap.bytes > bytes { insert(Gap(bytes: gap.bytes - bytes, offset: gap.offset + bytes)) }
    return gap.offset
  }

  /// Takes the whole gap that ends at a byte; its first byte.
  mutating func takeLast(endingAt end: Int) -> Int? {
    guard let start = startOfEnd[end] else { return nil }
    remove(Gap(bytes: end - start, offset: start))
    return start
  }

  // MARK: Order

  private func firstPlace(notBefore gap: Gap) -> (run: Int, position: Int)? {
    let run = Self.firstIndex(runs.count) { runs[$0][runs[$0].count - 1] >= gap }
    if run == runs.count { return nil }
    return (run, Self.firstIndex(runs[run].count) { runs[run][$0] >= gap })
  }

  /// The first index for which a condition holds that holds for all that follow.
  private static func firstIndex(_ count: Int, where holds: (Int) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if holds(middle) { high = middle } else { low = middle + 1 }
    }
    return low
  }

  private mutating func insert(_ gap: Gap) {
    bytesAt[gap.offset] = gap.bytes
    startOfEnd[gap.offset + gap.bytes] = gap.offset
    if runs.isEmpty { return runs.append([gap]) }
    let (run, position) = firstPlace(notBefore: gap) ?? (runs.count - 1, runs[runs.count - 1].count)
    runs[run].insert(gap, at: position)
    if runs[run].count > Self.runLength {
      let rest = Array(runs[run][(Self.runLength / 2)...])
      runs[run].removeSubrange((Self.runLength / 2)...)
      runs.insert(rest, at: run + 1)
    }
  }

  private mutating func remove(_ gap: Gap) {
    bytesAt[gap.offset] = nil
    startOfEnd[gap.offset + gap.bytes] = nil
    guard let (run, position) = firstPlace(notBefore: gap), runs[run][position] == gap else {
      preconditionFailure("a gap that was never free")
    }
    runs[run].remove(at: position)
    if runs[run].isEmpty { runs.remove(at: run) }
  }
}
