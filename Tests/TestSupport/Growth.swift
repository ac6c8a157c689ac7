/// How the cost of work grows with its size, in processor time of the thread, which other threads hardly change.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// By what factor each of several doublings of the size makes `work` dearer: 2 for linear work, 4 for quadratic.
///
/// The cheapest of up to three runs counts at either end; the larger is repeated only while it looks dearer than
/// `limit` allows.
package func growth(
  from size: Int, doublings: Int, limit: Double, _ work: (Int) throws -> Void
) rethrows -> Double {
  let small = try Swift.max(best(of: 3, size, work), 1e-6)
  var large = Double.infinity
  for _ in 0..<3 {
    large = Swift.min(large, try best(of: 1, size << doublings, work))
    if factor(small, large, doublings) <= limit { break }
  }
  return factor(small, large, doublings)
}

private func factor(_ small: Double, _ large: Double, _ doublings: Int) -> Double {
  pow(large / small, 1 / Double(doublings))
}

private func best(of count: Int, _ size: Int, _ work: (Int) throws -> Void) rethrows -> Double {
  var best = Double.infinity
  for _ in 0..<count {
    let start = threadSeconds()
    try work(size)
    best = Swift.min(best, threadSeconds() - start)
  }
  return best
}

private func threadSeconds() -> Double {
  var time = timespec()
  unsafe _ = clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
