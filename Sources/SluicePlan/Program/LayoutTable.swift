import SluiceIR

/// Where the elements of views are, interned: element (i, j, ...) is `offset + sum of stride * index`.
struct LayoutTable {
  private(set) var offsets: [DimID] = []
  private var strideEnds: [UInt32] = []
  private var stridePool: [DimID] = []
  private var index = HashIndex()

  /// The handle of a layout.
  mutating func intern(_ offset: DimID, _ strides: [DimID]) -> LayoutID {
    var hasher = WordHasher()
    hasher.combine(UInt64(offset.raw))
    for stride in strides { hasher.combine(UInt64(stride.raw)) }
    let hash = hasher.hash
    let found = index.find(hash) { row in
      offsets[row] == offset && stridePool[range(row)].elementsEqual(strides)
    }
    if let found { return LayoutID(found) }
    offsets.append(offset)
    stridePool.append(contentsOf: strides)
    strideEnds.append(UInt32(stridePool.count))
    index.insert(offsets.count - 1, hash: hash)
    return LayoutID(offsets.count - 1)
  }

  /// The distances between neighbours along every axis, in elements.
  func strides(_ layout: LayoutID) -> ArraySlice<DimID> { stridePool[range(layout.index)] }

  private func range(_ row: Int) -> Range<Int> {
    (row == 0 ? 0 : Int(strideEnds[row - 1]))..<Int(strideEnds[row])
  }
}
