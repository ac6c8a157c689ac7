import SluiceIR

/// Which axes of a contraction are the lanes and the rows of its tiles.
extension VisitLowering {
  /// The axes of a tile.
  struct Tile {
    /// The atom whose neighbours run in lanes.
    var lane: Int
    /// The atom of which some places run at once: what varies with the lanes is the same for all of them.
    var row: Int?
    /// Whether lanes run along the operand without windows.
    var isTurned = false
    /// The atom whose places lanes run through too, row of an image by row: its neighbours lie behind each other in the
    /// result, and in the private memory that holds what lanes load.
    var joined: Int?
    /// The atoms of short loops that stand inside the chains of the sum, so that all of them read the same panel.
    var within: [Int] = []

    /// The atoms of the lanes, outermost first.
    var lanes: [Int] { (joined.map { [$0] } ?? []) + [lane] }
  }

  /// How a contraction runs in tiles inside loops over some atoms; nil where it does not.
  func tile(_ item: Int, _ kept: [Int]) -> Tile? {
    let first = request.operandRange(item).lowerBound
    guard let root = request.results(item).first, let lane = lane(kept),
      !kept.suffix(unrolledCount(kept, [item])).contains(lane),
      tables.dims.value(request.atoms[lane]).map({ $0 >= 4 }) ?? true
    else { return nil }
    let dtype = tables.types.dtype(request.roots[Int(root)].type)
    guard dtype == .f32 || dtype == .f64 else { return nil }
    for position in 0..<2 {
      let operand = request.operandRows[first + position]
      guard operand.root != .max, tables.types.dtype(operand.type) == dtype, isLoaded(item, position) else {
        return nil
      }
    }
    if request.operandRange(item).count > 2, operandAtoms(item, 2).contains(lane) { return nil }
    if let small = smallTile(item, kept) { return small }
    if let turned = turnedTile(item, kept, lane) { return turned }
    var tile = Tile(lane: lane, row: row(item, kept, lane))
    tile.joined = joined(item, kept, tile)
    return tile
  }

  /// The atom of the rows of a tile: the innermost long one of those along which what lanes load is the same, else the
  /// longest.
  private func row(_ item: Int, _ kept: [Int], _ lane: Int) -> Int? {
    let varying = (0..<2).map { operandAtoms(item, $0) }.filter { $0.contains(lane) }
    let rows = kept.filter { atom in
      atom != lane && merged >> UInt32(atom) & 1 == 0 && tables.dims.value(request.atoms[atom]) != 1
        && varying.allSatisfy { !$0.contains(atom) }
    }
    return rows.last { tables.dims.bound(request.atoms[$0]).map { $0 >= 8 } ?? true }
      ?? rows.max { tables.dims.bound(request.atoms[$0]) ?? 0 < tables.dims.bound(request.atoms[$1]) ?? 0 }
  }

  /// A tile whose lanes run through rows of an image that are too short for lanes of their own.
  private func smallTile(_ item: Int, _ kept: [Int]) -> Tile? {
    guard request.operandRange(item).count == 2, let lane = kept.last, blocks[lane] == nil,
      let width = tables.dims.value(request.atoms[lane]),
      width >= 4, width < 8
    else { return nil }
    var tile = Tile(lane: lane, row: row(item, kept, lane))
    tile.joined = joined(item, kept, tile)
    guard let outer = tile.joined, width * Int64(joinedRows(outer, lane)) >= Self.fewLanes else { return nil }
    return tile
  }

  /// The atom that lanes run through too, where one alone is too short for the registers of some processors.
  private func joined(_ item: Int, _ kept: [Int], _ tile: Tile) -> Int? {
    guard let row = tile.row, contracting <= Self.mostPacking, merged >> UInt32(tile.lane) & 1 == 0,
      let width = tables.dims.value(request.atoms[tile.lane]), width < Self.fewLanes,
      tables.dims.bound(request.atoms[row]).map({ $0 >= Self.fewLanes }) ?? true,
      let loaded = (0..<2).first(where: { operandAtoms(item, $0).contains(tile.lane) })
    else { return nil }
    let (inside, other) = (operandAtoms(item, loaded), operandAtoms(item, 1 - loaded))
    guard !other.contains(tile.lane),
      let outer = kept.last(where: { $0 != tile.lane && inside.contains($0) && !other.contains($0) }),
      outer != row,
      blocks[outer] == nil, merged >> UInt32(outer) & 1 == 0,
      joinedRows(outer, tile.lane) > 1,
      storesApart(item, tile) || liesBehind(outer, tile.lane, item)
    else { return nil }
    return outer
  }

  /// How many rows of an image lanes run through: equal parts of all that leave the fewest places of registers empty, and
  /// then such that fill two of the widest.
  func joinedRows(_ outer: Int, _ lane: Int) -> Int {
    guard let height = tables.dims.value(request.atoms[outer]),
      let width = tables.dims.value(request.atoms[lane]),
      height > 1, height <= Self.mostJoined, width > 0
    else { return 1 }
    func filled(_ rows: Int64) -> Int64 {
      (rows * width + Self.fewLanes - 1) / Self.fewLanes * Self.fewLanes * (height / rows)
    }
    func distance(_ rows: Int64) -> UInt64 { (rows * width - 2 * Self.fewLanes).magnitude }
    let choices = (1...height).filter { height % $0 == 0 && $0 * width <= Self.mostJoined }
    let best = choices.min { (filled($0), distance($0)) < (filled($1), distance($1)) }
    return Int(best ?? 1)
  }

  /// The lanes at most that run through rows of an image.
  private static let mostJoined: Int64 = 64

  /// Whether one atom is the last axis of an item's result, and another the axis before.
  private func liesBehind(_ outer: Int, _ lane: Int, _ item: Int) -> Bool {
    let shape = tables.types.shape(request.resultType(item))
    let axes = resultAtoms(item).indices.filter { tables.dims.value(shape[$0]) != 1 }.suffix(2)
    return axes.map { resultAtoms(item)[$0] } == [outer, lane]
  }

  /// A tile whose lanes run along the other operand, where those that lie last would run along windows that overlap:
  /// the weights of a convolution have the channels of its result as lanes.
  ///
  /// What private memory holds of the other operand serves all places of the window.
  private func turnedTile(_ item: Int, _ kept: [Int], _ lane: Int) -> Tile? {
    let first = request.operandRange(item).lowerBound
    guard let windows = (0..<2).first(where: { overlaps(request.operandRows[first + $0]) }),
      !overlaps(request.operandRows[first + 1 - windows])
    else { return nil }
    let inside = operandAtoms(item, windows)
    let other = operandAtoms(item, 1 - windows)
    let own = kept.filter { $0 != lane && inside.contains($0) && !other.contains($0) }
    var places: Int64 = 1
    for atom in own { places = places.multipliedClamped(tables.dims.bound(request.atoms[atom]) ?? .max) }
    if other.contains(lane) {
      guard !inside.contains(lane), liesApart(item, 1 - windows, lane), places > 1,
        places <= Self.mostWithin
      else { return nil }
      return Tile(lane: lane, row: row(item, kept, lane), isTurned: true)
    }
    guard liesApart(item, windows, lane), !stepsInRow(item, windows, lane), places > 1,
      places <= Self.mostWithin,
      let turned = kept.last(where: { atom in
        blocks[atom] == nil && merged >> UInt32(atom) & 1 == 0 && other.contains(atom)
          && !inside.contains(atom)
          && tables.dims.bound(request.atoms[atom]).map { $0 >= 8 } ?? true
      })
    else { return nil }
    return Tile(lane: turned, row: row(item, kept, turned), isTurned: true)
  }

  /// Whether neighbouring lanes find elements of an operand a few places apart, as windows with steps have them along a
  /// row of an image.
  func stepsInRow(_ item: Int, _ position: Int, _ lane: Int) -> Bool {
    let operand = request.operandRows[request.operandRange(item).lowerBound + position]
    guard !operand.layout.isNone, let axis = operandAtoms(item, position).firstIndex(of: lane) else {
      return false
    }
    let stride = tables.dims.value(Array(layouts.strides(operand.layout))[axis])
    return stride.map { $0.magnitude < Self.fewLanes.magnitude } ?? false
  }

  /// Whether elements of a view are seen at several of its places.
  private func overlaps(_ operand: KernelRequest.Operand) -> Bool {
    guard operand.root != .max, !operand.layout.isNone else { return false }
    var axes: [(stride: Int64, extent: Int64)] = []
    let shape = tables.types.shape(operand.type)
    for (axis, dim) in layouts.strides(operand.layout).enumerated() {
      guard let stride = tables.dims.value(dim), let extent = tables.dims.bound(shape[axis]) else { continue }
      if stride != 0, extent > 1 { axes.append((Int64(clamping: stride.magnitude), extent)) }
    }
    axes.sort { $0.stride < $1.stride }
    var reach: Int64 = 0
    for axis in axes {
      if axis.stride <= reach { return true }
      let (span, overflows) = axis.stride.multipliedReportingOverflow(by: axis.extent - 1)
      let (next, exceeds) = reach.addingReportingOverflow(span)
      if overflows || exceeds { return false }
      reach = next
    }
    return false
  }

  /// The innermost atom that is long enough for lanes, else the innermost one.
  private func lane(_ kept: [Int]) -> Int? {
    // A loop that is merged into the next is none of its own.
    let free = kept.filter { blocks[$0] == nil && merged >> UInt32($0) & 1 == 0 }
    return free.last { tables.dims.bound(request.atoms[$0]).map { $0 >= 8 } ?? true } ?? free.last
  }

  /// Whether an operand of a contraction is an element of memory.
  private func isLoaded(_ item: Int, _ position: Int) -> Bool {
    if computedOperand(item) == position { return true }
    let operand = request.operandRows[request.operandRange(item).lowerBound + position]
    guard operand.root != .max else { return true }
    let maker = request.roots[Int(operand.root)].maker
    return maker == .max || request.items[Int(maker)].nest != KernelRequest.derived
  }
}
