/// Gives virtual registers places in a register file; rows that are not alive at the same time share one.
///
/// A row that is only touched in one straight run of codes lives from its first touch to its last; another one
/// lives as long as the tiled loop that it belongs to.
struct RegisterPlacement {
  private struct Entry {
    var elementBytes: Int
    var isRow: Bool
    var first = Int.max
    var last = -1
    /// The block of all touches; -1 before the first, -2 where there are several.
    var block = -1
    var tile = -1
    var isKept = false
  }

  private var entries: [Entry] = []
  /// Positions of the first and last code of every tiled loop.
  private var tiles: [(first: Int, last: Int)] = []
  private var blocks: [Int] = [0]
  private var blockCount = 1
  private var tile = -1

  /// A new scalar.
  mutating func scalar() -> Int32 {
    entries.append(Entry(elementBytes: 8, isRow: false))
    return Int32(entries.count - 1)
  }

  /// A new row.
  mutating func row(_ elementBytes: Int) -> Int32 {
    entries.append(Entry(elementBytes: elementBytes, isRow: true))
    return Int32(entries.count - 1)
  }

  /// A row shares its place with no other.
  mutating func keep(_ id: Int32) { entries[Int(id)].isKept = true }

  /// A row lives as long as the tiled loop around it.
  mutating func keepInTile(_ id: Int32) {
    entries[Int(id)].block = -2
    entries[Int(id)].tile = tile
  }

  /// A row is read or written by the code at a position.
  mutating func touch(_ id: Int32, at position: Int) {
    let block = blocks.last ?? 0
    entries[Int(id)].first = min(entries[Int(id)].first, position)
    entries[Int(id)].last = max(entries[Int(id)].last, position)
    if entries[Int(id)].block == -1 {
      entries[Int(id)].block = block
      entries[Int(id)].tile = tile
    } else if entries[Int(id)].block != block {
      entries[Int(id)].block = -2
    }
  }

  /// A tiled loop begins.
  mutating func beginTiles(at position: Int) {
    tile = tiles.count
    tiles.append((position, position))
    beginBlock()
  }

  /// It ends.
  mutating func endTiles(at position: Int) {
    endBlock()
    tiles[tile].last = position
    tile = -1
  }

  /// The body of a loop begins.
  mutating func beginBlock() {
    blocks.append(blockCount)
    blockCount += 1
  }

  /// It ends.
  mutating func endBlock() { blocks.removeLast() }

  /// The offset of every register in bytes, and the size of the file.
  func place() -> (offsets: [Int32], byteCount: Int)? {
    var offsets = entries.map { _ in Int32(0) }
    var size = 0
    for (id, entry) in entries.enumerated() where !entry.isRow {
      offsets[id] = Int32(size)
      size += 8
    }
    size = (size + 63) / 64 * 64
    func append(_ id: Int) {
      offsets[id] = Int32(truncatingIfNeeded: size)
      // A cache line more, so that rows do not fall on each other in the cache.
      size += CompiledKernel.tileWidth * entries[id].elementBytes + 64
    }
    for (id, entry) in entries.enumerated() where entry.isRow && entry.isKept { append(id) }
    var live: [(last: Int, id: Int)] = []
    var free: [Int: [Int32]] = [:]
    let ranges = entries.map { range($0) }
    let shared = entries.indices.filter { entries[$0].isRow && !entries[$0].isKept }
    for id in shared.sorted(by: { (ranges[$0].first, $0) < (ranges[$1].first, $1) }) {
      live.removeAll { row in
        guard row.last < ranges[id].first else { return false }
        free[entries[row.id].elementBytes, default: []].append(offsets[row.id])
        return true
      }
      if let offset = free[entries[id].elementBytes]?.popLast() {
        offsets[id] = offset
      } else {
        append(id)
      }
      live.append((ranges[id].last, id))
    }
    return size < Int(Int32.max) ? (offsets, size) : nil
  }

  private func range(_ entry: Entry) -> (first: Int, last: Int) {
    guard entry.block == -2, entry.tile >= 0 else { return (entry.first, entry.last) }
    return tiles[entry.tile]
  }
}
