/// Finds offsets for storages with lifetimes so that two that live at once do not overlap.
struct ArenaAllocator {
  /// One storage: its size and the times during which it holds something, inclusive.
  struct Request {
    var bytes: Int
    var first: Int
    var last: Int
  }

  static let alignment = 64

  /// Offsets, the size of the arena, and the largest sum of sizes alive at once.
  static func allocate(_ requests: [Request]) -> (offsets: [Int], bytes: Int, lowerBound: Int) {
    let sizes = requests.map { ($0.bytes + alignment - 1) / alignment * alignment }
    let bound = peak(requests).bytes
    var best = inOrderOfTime(requests, sizes)
    guard best.bytes > bound, let rounds = refillCount(requests.count) else {
      return (best.offsets, best.bytes, bound)
    }
    for key in keys(requests, sizes) {
      var order = requests.indices.sorted { (key[$1], $0) < (key[$0], $1) }
      for _ in 0...rounds where best.bytes > bound {
        let filled = fill(order, requests, sizes)
        if filled.bytes < best.bytes { best = filled }
        // What stands highest goes first in the next round.
        guard let top = order.firstIndex(where: { filled.offsets[$0] + sizes[$0] == filled.bytes }), top > 0
        else { break }
        order.insert(order.remove(at: top), at: 0)
      }
    }
    return (best.offsets, best.bytes, bound)
  }

  /// How often an order is tried again, so that filling stays within a second; nil for too many requests.
  private static func refillCount(_ count: Int) -> Int? {
    count > 4_096 ? nil : Swift.min(20, 20_000_000 / Swift.max(count * count, 1))
  }

  /// Orders in which requests are placed, the largest first: by size, by size and time, by time.
  private static func keys(_ requests: [Request], _ sizes: [Int]) -> [[Int]] {
    let durations = requests.map { $0.last - $0.first + 1 }
    // Sizes are at most 2^40 bytes and times below 2^31, so a product may not fit.
    let areas = zip(sizes, durations).map { size, duration in
      (size >> 6).multipliedReportingOverflow(by: duration)
    }
    return [sizes, areas.map { $0.overflow ? .max : $0.partialValue }, durations]
  }

  /// The largest sum of sizes alive at once, and the first time when it is reached; nil where nothing is alive.
  static func peak(_ requests: [Request]) -> (bytes: Int, time: Int?) {
    var changes: [(time: Int, bytes: Int)] = []
    for request in requests {
      let size = (request.bytes + alignment - 1) / alignment * alignment
      changes.append((request.first, size))
      changes.append((request.last + 1, -size))
    }
    changes.sort { ($0.time, $0.bytes) < ($1.time, $1.bytes) }
    var live = 0
    var peak: (bytes: Int, time: Int?) = (0, nil)
    for change in changes {
      live += change.bytes
      if live > peak.bytes { peak = (live, change.time) }
    }
    return peak
  }

  /// In an order, each at the lowest place where it fits: close to the bound, quadratic.
  private static func fill(
    _ order: [Int], _ requests: [Request], _ sizes: [Int]
  ) -> (offsets: [Int], bytes: Int) {
    var offsets = [Int](repeating: 0, count: requests.count)
    var placed: [Int] = []
    var total = 0
    for request in order {
      var offset = 0
      for other in placed {
        let overlaps =
          requests[other].first <= requests[request].last && requests[request].first <= requests[other].last
        guard overlaps else { continue }
        if offsets[other] >= offset + sizes[request] { break }
        offset = Swift.max(offset, offsets[other] + sizes[other])
      }
      offsets[request] = offset
      total = Swift.max(total, offset + sizes[request])
      let place = placed.firstIndex { offsets[$0] > offset } ?? placed.count
      placed.insert(request, at: place)
    }
    return (offsets, total)
  }

  /// In order of first use, each in the smallest gap where it fits, the lowest of equal ones.
  private static func inOrderOfTime(_ requests: [Request], _ sizes: [Int]) -> (offsets: [Int], bytes: Int) {
    var offsets = [Int](repeating: 0, count: requests.count)
    var gaps = ArenaGaps()
    var total = 0
    let starts = requests.indices.sorted { (requests[$0].first, $0) < (requests[$1].first, $1) }
    let ends = requests.indices.sorted { (requests[$0].last, $0) < (requests[$1].last, $1) }
    var nextEnd = 0
    for request in starts {
      while nextEnd < ends.count, requests[ends[nextEnd]].last < requests[request].first {
        gaps.free(offsets[ends[nextEnd]], sizes[ends[nextEnd]])
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
