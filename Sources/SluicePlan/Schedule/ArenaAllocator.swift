/// Finds offsets for storages with lifetimes so that two that live at once do not overlap.
struct ArenaAllocator {
  /// One storage: its size and the times during which it holds something, inclusive.
  struct Request {
    var bytes: Int
    private let begin: Int32
    private let end: Int32

    init(bytes: Int, first: Int, last: Int) {
      self.bytes = bytes
      begin = Int32(first)
      end = Int32(last)
    }

    var first: Int { Int(begin) }
    var last: Int { Int(end) }

    /// How many bytes it takes, so that the next one is aligned.
    var size: Int { (bytes + alignment - 1) / alignment * alignment }

    /// Whether both hold something at some time.
    func overlaps(_ other: Request) -> Bool { other.first <= last && first <= other.last }
  }

  static let alignment = 64

  /// Offsets, the size of the arena, and the largest sum of sizes alive at once.
  static func allocate(_ requests: [Request]) -> (offsets: [Int], bytes: Int, lowerBound: Int) {
    let sizes = requests.map(\.size)
    let bound = peak(requests).bytes
    var best = inOrderOfTime(requests, sizes)
    guard best.bytes > bound, let rounds = refillCount(requests.count) else {
      return (best.offsets, best.bytes, bound)
    }
    for key in keys(requests, sizes) {
      var order = requests.indices.sorted { key[$1] != key[$0] ? key[$1] < key[$0] : $0 < $1 }
      for _ in 0...rounds where best.bytes > bound {
        let filled = fill(order, requests, sizes)
        if filled.bytes < best.bytes { best = filled }
        guard raise(filled.offsets, filled.bytes, &order, requests, sizes) else { break }
      }
    }
    return (best.offsets, best.bytes, bound)
  }

  /// Puts what stands highest first, and right behind it, in their order, what stood in its way; false where that is
  /// how they are placed already.
  private static func raise(
    _ offsets: [Int], _ bytes: Int, _ order: inout [Int], _ requests: [Request], _ sizes: [Int]
  ) -> Bool {
    guard let place = order.firstIndex(where: { offsets[$0] + sizes[$0] == bytes }) else { return false }
    let top = order[place]
    var (others, rest): ([Int], [Int]) = ([], [])
    for (position, other) in order.enumerated() where position != place {
      if position < place && requests[other].overlaps(requests[top]) {
        others.append(other)
      } else {
        rest.append(other)
      }
    }
    let next = [top] + others + rest
    if next == order { return false }
    order = next
    return true
  }

  /// How often an order is tried again, so that filling stays within a second; nil for too many requests.
  private static func refillCount(_ count: Int) -> Int? {
    count > 4_096 ? nil : Swift.min(20, 20_000_000 / Swift.max(count * count, 1))
  }

  /// Orders in which requests are placed, the largest first: by size, by time, and both where those come first that are
  /// alive when most is.
  private static func keys(_ requests: [Request], _ sizes: [Int]) -> [[Key]] {
    let durations = requests.map { $0.last - $0.first }
    let live = liveBytes(requests, sizes)
    return [
      zip(live, sizes).map { Key($0, $1) }, sizes.map { Key($0, 0) }, durations.map { Key($0, 0) },
      zip(live, durations).map { Key($0, $1) },
    ]
  }

  /// By what requests are ordered: by one number, and where that is equal by another.
  private struct Key: Comparable {
    var first: Int
    var second: Int

    init(_ first: Int, _ second: Int) { (self.first, self.second) = (first, second) }

    static func < (a: Key, b: Key) -> Bool { (a.first, a.second) < (b.first, b.second) }
  }

  /// Per request the most bytes that are alive at once while it is.
  private static func liveBytes(_ requests: [Request], _ sizes: [Int]) -> [Int] {
    var profile = MemoryProfile(times: timeCount(requests))
    for (request, size) in zip(requests, sizes) { profile.add(size, request.first, request.last) }
    return requests.map { profile.most($0.first, $0.last) }
  }

  /// The largest sum of sizes alive at once, and the first time when it is reached; nil where nothing is alive.
  static func peak(_ requests: [Request]) -> (bytes: Int, time: Int?) {
    // Per time how much more is alive than before it.
    var changes = [Int](repeating: 0, count: timeCount(requests) + 1)
    for request in requests {
      changes[request.first] += request.size
      changes[request.last + 1] -= request.size
    }
    var live = 0
    var peak: (bytes: Int, time: Int?) = (0, nil)
    for (time, change) in changes.enumerated() {
      live += change
      if live > peak.bytes { peak = (live, time) }
    }
    return peak
  }

  /// One more than the last time at which something is alive.
  private static func timeCount(_ requests: [Request]) -> Int {
    requests.reduce(0) { Swift.max($0, $1.last + 1) }
  }

  /// The requests by times of theirs, each less than `timeCount`; those of one time as they are.
  private static func sorted(
    _ requests: [Request], _ timeCount: Int, by time: (Request) -> Int
  ) -> [UInt32] {
    var next = [UInt32](repeating: 0, count: timeCount + 1)
    for request in requests { next[time(request) + 1] += 1 }
    for time in next.indices.dropFirst() { next[time] += next[time - 1] }
    var result = [UInt32](repeating: 0, count: requests.count)
    for (row, request) in requests.enumerated() {
      result[Int(next[time(request)])] = UInt32(row)
      next[time(request)] += 1
    }
    return result
  }

  /// In an order, each in the smallest gap where it fits, the lowest of equal ones: close to the bound, quadratic.
  private static func fill(
    _ order: [Int], _ requests: [Request], _ sizes: [Int]
  ) -> (offsets: [Int], bytes: Int) {
    var offsets = [Int](repeating: 0, count: requests.count)
    /// What was placed, from low to high.
    var placed: [Int] = []
    var total = 0
    for request in order {
      var end = 0
      var best: (offset: Int, bytes: Int)?
      for other in placed where requests[other].overlaps(requests[request]) {
        let gap = offsets[other] - end
        if gap >= sizes[request], gap < best?.bytes ?? .max { best = (end, gap) }
        end = Swift.max(end, offsets[other] + sizes[other])
      }
      let offset = best?.offset ?? end
      offsets[request] = offset
      total = Swift.max(total, offset + sizes[request])
      placed.insert(request, at: placed.firstIndex { offsets[$0] > offset } ?? placed.count)
    }
    return (offsets, total)
  }

  /// In order of first use, each in the smallest gap where it fits, the lowest of equal ones.
  private static func inOrderOfTime(_ requests: [Request], _ sizes: [Int]) -> (offsets: [Int], bytes: Int) {
    var offsets = [Int](repeating: 0, count: requests.count)
    var gaps = ArenaGaps()
    var total = 0
    let times = timeCount(requests)
    let starts = sorted(requests, times) { $0.first }
    let ends = sorted(requests, times) { $0.last }
    var nextEnd = 0
    for request in starts.lazy.map({ Int($0) }) {
      while nextEnd < ends.count {
        let ended = Int(ends[nextEnd])
        guard requests[ended].last < requests[request].first else { break }
        gaps.free(offsets[ended], sizes[ended])
        nextEnd += 1
      }
      if let offset = gaps.take(sizes[request]) {
        offsets[request] = offset
      } else if let last = gaps.takeLast(endingAt: total) {
        offsets[request] = last
        total = last + sizes[request]
      } else {
        offsets[request] = total
        total += sizes[request]
      }
    }
    return (offsets, total)
  }
}
