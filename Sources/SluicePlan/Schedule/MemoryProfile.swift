/// How many bytes are alive at each of some times: a tree of maxima, so that adding to a range and the most in one take
/// logarithmic time.
struct MemoryProfile {
  /// The times are the leaves, from here on; node `n` has the children `2 n` and `2 n + 1`.
  private let leaves: Int
  /// Per node the most below it, without what is pending above it.
  private var most: [Int]
  /// Per inner node what is still to be added to all that is below it.
  private var pending: [Int]

  /// Nothing is alive at so many times.
  init(times: Int) {
    var leaves = 1
    while leaves < times { leaves *= 2 }
    self.leaves = leaves
    most = [Int](repeating: 0, count: 2 * leaves)
    pending = [Int](repeating: 0, count: leaves)
  }

  /// Lets more bytes be alive, or less, at all times of a range; sums must stay below 2^62.
  mutating func add(_ bytes: Int, _ first: Int, _ last: Int) {
    guard first <= last else { return }
    var (low, high) = (first + leaves, last + leaves)
    while low <= high {
      if low & 1 == 1 {
        apply(bytes, low)
        low += 1
      }
      if high & 1 == 0 {
        apply(bytes, high)
        high -= 1
      }
      (low, high) = (low / 2, high / 2)
    }
    update(above: first + leaves)
    update(above: last + leaves)
  }

  /// The most bytes alive at a time of a range; 0 for an empty one.
  mutating func most(_ first: Int, _ last: Int) -> Int {
    guard first <= last else { return 0 }
    push(above: first + leaves)
    push(above: last + leaves)
    var (low, high, found) = (first + leaves, last + leaves, Int.min)
    while low <= high {
      if low & 1 == 1 {
        found = max(found, most[low])
        low += 1
      }
      if high & 1 == 0 {
        found = max(found, most[high])
        high -= 1
      }
      (low, high) = (low / 2, high / 2)
    }
    return found
  }

  /// The most bytes that are ever alive.
  var peak: Int { most[1] }

  private mutating func apply(_ bytes: Int, _ node: Int) {
    most[node] += bytes
    if node < leaves { pending[node] += bytes }
  }

  private mutating func update(above leaf: Int) {
    var node = leaf / 2
    while node > 0 {
      most[node] = max(most[2 * node], most[2 * node + 1]) + pending[node]
      node /= 2
    }
  }

  private mutating func push(above leaf: Int) {
    var shift = leaves.trailingZeroBitCount
    while shift > 0 {
      let node = leaf >> shift
      shift -= 1
      if pending[node] == 0 { continue }
      apply(pending[node], 2 * node)
      apply(pending[node], 2 * node + 1)
      pending[node] = 0
    }
  }
}
