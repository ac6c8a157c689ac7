/// The rows of keys that are small numbers, for tables whose keys are mostly counted up: an array, no hashing.
///
/// It takes only keys that leave the array dense; the others belong in a `HashIndex`, which `find` asks next.
package struct NumberIndex: Sendable {
  /// Per key its row, or all ones.
  private var rows: [UInt32] = []
  private var count = 0

  package init() {}

  /// The row of a key.
  @inline(__always)
  package func find(_ key: Int) -> Int? {
    guard key >= 0, key < rows.count, rows[key] != .max else { return nil }
    return Int(rows[key])
  }

  /// Adds a key that neither this nor the other index has; false where it would leave too many gaps.
  package mutating func insert(_ key: Int, _ row: Int) -> Bool {
    guard key >= 0, key < 2 * count + 256 else { return false }
    while rows.count <= key { rows.append(.max) }
    rows[key] = UInt32(row)
    count += 1
    return true
  }
}
