import Testing

@testable import SluicePlan

/// Places in the arena: those of a list that is searched from its start, and no two at once in one place.
@Suite struct ArenaTests {
  /// Free bytes as a plain list: every gap between what is taken.
  private struct Gaps {
    var free: [Bool] = []

    /// The smallest gap that is large enough, the lowest of equal ones, or the end; with its bytes taken.
    mutating func take(_ bytes: Int) -> Int {
      var best: Range<Int>?
      var start = 0
      while start < free.count {
        guard free[start] else {
          start += 1
          continue
        }
        var end = start
        while end < free.count, free[end] { end += 1 }
        if end - start >= bytes, end - start < best?.count ?? .max { best = start..<end }
        start = end
      }
      var offset = free.count
      if let best {
        offset = best.lowerBound
      } else {
        // A gap at the end grows.
        while offset > 0, free[offset - 1] { offset -= 1 }
      }
      while free.count < offset + bytes { free.append(true) }
      for byte in offset..<(offset + bytes) { free[byte] = false }
      return offset
    }

    mutating func give(_ offset: Int, _ bytes: Int) {
      for byte in offset..<(offset + bytes) { free[byte] = true }
    }
  }

  private func next(_ state: inout UInt64) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33)
  }

  /// Sizes are in units of the alignment.
  @Test(arguments: [(3, 40), (12, 400), (60, 3000)]) func gaps(_ largest: Int, _ count: Int) {
    var state = UInt64(largest)
    var (plain, gaps, end) = (Gaps(), ArenaGaps(), 0)
    var taken: [(offset: Int, bytes: Int)] = []
    for round in 0..<count {
      // More and more at first, so that there are many gaps; then less.
      if !taken.isEmpty, next(&state) % 8 < (round < count / 2 ? 3 : 5) {
        let old = taken.remove(at: next(&state) % taken.count)
        plain.give(old.offset, old.bytes)
        gaps.free(old.offset, old.bytes)
      } else {
        let bytes = 1 + next(&state) % largest
        let expected = plain.take(bytes)
        var offset = gaps.take(bytes)
        if offset == nil {
          offset = gaps.takeLast(endingAt: end) ?? end
          end = (offset ?? end) + bytes
        }
        #expect(offset == expected)
        guard offset == expected else { return }
        taken.append((expected, bytes))
      }
    }
    #expect(end == plain.free.count)
  }

  /// More gaps than a run holds, of all sizes: each is found.
  @Test func manyGaps() {
    var gaps = ArenaGaps()
    for size in (1...1000).reversed() { gaps.free(size * 2000, size) }
    for size in stride(from: 1, through: 1000, by: 3) { #expect(gaps.take(size) == size * 2000) }
    for size in 1...1000 where size % 3 != 1 { #expect(gaps.take(size) == size * 2000) }
    #expect(gaps.take(1) == nil)
  }

  @Test(arguments: 0..<20) func requests(_ seed: Int) {
    var state = UInt64(seed)
    var requests: [ArenaAllocator.Request] = []
    for _ in 0..<(10 + 20 * seed) {
      let first = next(&state) % 60
      requests.append(
        .init(bytes: next(&state) % 1000, first: first, last: first + next(&state) % (seed % 2 == 0 ? 5 : 40))
      )
    }
    let (offsets, bytes, bound) = ArenaAllocator.allocate(requests)
    var live = 0
    for time in 0..<100 {
      var sum = 0
      for request in requests where request.first <= time && time <= request.last {
        sum += (request.bytes + 63) / 64 * 64
      }
      live = max(live, sum)
    }
    #expect(bound == live && bytes >= bound)
    for (a, x) in zip(requests, offsets) {
      #expect(x % 64 == 0 && x >= 0 && x + a.bytes <= bytes)
    }
    for (i, a) in requests.enumerated() {
      for (j, b) in requests.enumerated() where i < j && a.first <= b.last && b.first <= a.last {
        let isApart = offsets[i] + a.bytes <= offsets[j] || offsets[j] + b.bytes <= offsets[i]
        #expect(isApart || a.bytes == 0 || b.bytes == 0)
      }
    }
  }

  /// A profile is an array of sums.
  @Test(arguments: [1, 2, 7, 64, 100]) func profiles(_ times: Int) {
    var state = UInt64(times)
    var (plain, profile) = ([Int](repeating: 0, count: times), MemoryProfile(times: times))
    for _ in 0..<300 {
      let (a, b) = (next(&state) % times, next(&state) % times)
      let bytes = next(&state) % 100 - 30
      for time in min(a, b)...max(a, b) { plain[time] += bytes }
      profile.add(bytes, min(a, b), max(a, b))
      let (c, d) = (next(&state) % times, next(&state) % times)
      #expect(profile.most(min(c, d), max(c, d)) == plain[min(c, d)...max(c, d)].max())
    }
    #expect(profile.most(1, 0) == 0)
  }

  @Test func heapsGiveTheCheapestFirst() {
    var state: UInt64 = 1
    var heap = VisitHeap()
    var plain: [VisitHeap.Entry] = []
    for round in 0..<2000 {
      if round % 3 < 2 {
        let entry = VisitHeap.Entry(
          cost: Double(next(&state) % 10), rank: Int32(next(&state) % 10), visit: UInt32(round))
        heap.insert(entry)
        plain.append(entry)
      } else {
        plain.sort { $1 < $0 }
        #expect(heap.popFirst()?.visit == plain.popLast()?.visit)
      }
    }
    plain.sort { $1 < $0 }
    while let last = plain.popLast() { #expect(heap.popFirst()?.visit == last.visit) }
    #expect(heap.popFirst() == nil)
  }
}
