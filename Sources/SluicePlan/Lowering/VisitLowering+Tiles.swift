import SluiceIR

/// Tiles of contractions: some rows at once in registers, for every block of lanes.
///
/// What varies from lane to lane is loaded once for all rows of a tile. The sums of a tile are those of a plain loop:
/// rows, lanes and blocks are independent, so their sizes are seen in no result.
extension VisitLowering {
  /// The axes of a tile.
  struct Tile {
    /// The atom whose neighbours run in lanes.
    var lane: Int
    /// The atom of which some places run at once: what varies with the lanes is the same for all of them.
    var row: Int?
  }

  /// The rows of a block at most: a block of what lanes load is read again for every block of rows.
  private static let mostRows = 96
  /// The bytes of private rows that a block of rows may have.
  private static let rowBytes: Int64 = 65_536
  /// The bytes of sums that wait for the maps behind them: of one nest, and of all.
  private static let sumBytes = 24_576
  private static let allSumBytes = 65_536
  /// The bytes of a packed operand for one chain, and how many nests of a kernel may pack one.
  private static let packedBytes = 32_768
  private static let mostPacking = 1
  /// The blocks of rows in which kernels with private rows should come at least.
  private static let fewBlocks: Int64 = 4
  /// The tasks that threads should find at least.
  private static let fewTasks: Int64 = 8
  /// The bytes of the lanes of a block at least: two registers of the widest processors, twice.
  private static let fewLaneBytes = 256

  // MARK: Choices

  /// How a contraction runs in tiles inside loops over some atoms; nil where it does not.
  func tile(_ item: Int, _ kept: [Int]) -> Tile? {
    let first = request.operandRange(item).lowerBound
    guard let root = request.results(item).first, let lane = lane(kept),
      !kept.suffix(unrolledCount(kept, [item])).contains(lane),
      tables.dims.value(request.atoms[lane]).map({ $0 >= 4 }) ?? true
    else { return nil }
    let dtype = tables.types.dtype(request.roots[Int(root)].type)
    guard dtype == .f32 || dtype == .f64 else { return nil }
    var varying: [[Int?]] = []
    for position in 0..<2 {
      let operand = request.operandRows[first + position]
      guard operand.root != .max, tables.types.dtype(operand.type) == dtype, isLoaded(item, position) else {
        return nil
      }
      let atoms = operandAtoms(item, position)
      if atoms.contains(lane) { varying.append(atoms) }
    }
    if request.operandRange(item).count > 2, operandAtoms(item, 2).contains(lane) { return nil }
    let row = kept.last { atom in
      atom != lane && merged >> UInt32(atom) & 1 == 0 && tables.dims.value(request.atoms[atom]) != 1
        && varying.allSatisfy { !$0.contains(atom) }
    }
    return Tile(lane: lane, row: row)
  }

  /// The innermost atom that is long enough for lanes, else the innermost one.
  private func lane(_ kept: [Int]) -> Int? {
    let free = kept.filter { blocks[$0] == nil }
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

  /// The block of rows in which the nests of a kernel share private memory; nil for one row at a time.
  ///
  /// It is the innermost outer atom of which a contraction can run in tiles: of a product the rows, of a convolution
  /// the channels, which all read the same part of an image.
  mutating func rowBlock(_ outer: [Int]) -> (atom: Int, size: Int)? {
    guard isTiled, let atom = outer.last(where: { isRow($0, outer) }) else { return nil }
    guard let bytes = privateBytes(), bytes < Self.rowBytes else { return nil }
    var others: Int64 = 1
    for other in outer where other != atom {
      others = others.multipliedClamped(tables.dims.bound(extent(other)) ?? .max)
    }
    let most = Int(min(Int64(Self.mostRows), Self.rowBytes / max(bytes, 1)))
    let size = evenBlock(
      of: extent(atom), most: most, parts: Self.fewBlocks / max(min(others, Self.fewBlocks), 1))
    return size < 4 ? nil : (atom, size)
  }

  /// Whether a contraction can run in tiles of an outer atom.
  private func isRow(_ atom: Int, _ outer: [Int]) -> Bool {
    request.items.indices.contains { item in
      guard request.items[item].role == .contract, request.items[item].nest != KernelRequest.derived else {
        return false
      }
      let nest = request.nests[Int(request.items[item].nest)]
      return tile(item, [atom] + Visits.atoms(nest.kept).filter { !outer.contains($0) })?.row == atom
    }
  }

  /// The bytes of private memory that one place of the outer atoms needs; nil where there is no bound.
  private mutating func privateBytes() -> Int64? {
    var sum: Int64 = 0
    func add(_ atoms: [Int?], _ dtype: DType, times factor: Int64 = 1, _ self: inout Self) -> Bool {
      var bytes = Int64(dtype.byteCount).multipliedClamped(factor)
      for case let atom? in atoms where self.request.outer >> UInt32(atom) & 1 == 0 {
        guard let extent = self.tables.dims.bound(self.request.atoms[atom]) else { return false }
        bytes = bytes.multipliedClamped(extent)
      }
      let (total, overflows) = sum.addingReportingOverflow(bytes)
      sum = overflows ? .max : total
      return true
    }
    for (item, own) in request.items.enumerated() where own.nest != KernelRequest.derived {
      for root in request.results(item)
      where request.roots[Int(root)].isKept && !request.roots[Int(root)].needsMemory {
        let dtype = tables.types.dtype(request.roots[Int(root)].type)
        if !add(resultAtoms(item), dtype, &self) { return nil }
      }
      guard let position = computedOperand(item) else { continue }
      let operand = request.operandRows[request.operandRange(item).lowerBound + position]
      // What is kept chain by chain is that of one chain.
      let summed = summedAtoms(item)
      let chain = SumOrder.chain(summed.map { request.atoms[$0] }, tables)
      let outside = summed.prefix(chain.block == nil ? chain.first : chain.first + 1)
      let atoms = operandAtoms(item, position).map { $0.flatMap { outside.contains($0) ? nil : $0 } }
      if !add(atoms, tables.types.dtype(operand.type), times: Int64(chain.block ?? 1), &self) { return nil }
    }
    return sum
  }

  /// The size of equal blocks of at most so many places, in so many parts at least: a multiple of 12, the rows of the
  /// largest register tile, where that many fit and the parts are not equal anyway.
  private func evenBlock(of extent: DimID, most: Int, parts: Int64) -> Int {
    guard let bound = tables.dims.bound(extent), bound > 0 else { return most / 12 * 12 }
    let most = Int64(max(most, 1))
    let count = max((bound - 1) / most + 1, min(parts, (bound + 11) / 12))
    let size = (bound - 1) / count + 1
    if size < 12 || tables.dims.value(extent).map({ $0 % count == 0 && size % 4 == 0 }) ?? false {
      return Int(size)
    }
    return Int(min((size + 11) / 12 * 12, most))
  }

  // MARK: Loops

  /// Emits a contraction in tiles, and the maps behind it; false where it does not run in tiles.
  mutating func contractInTiles(
    _ number: Int, _ item: Int, _ post: [Int], _ kept: [Int]
  ) throws(Diagnostics) -> Bool {
    guard isTiled, let tile = tile(item, kept), let root = request.results(item).first else { return false }
    let panels = panels(item, tile)
    if panels.isEmpty { try makeOperandRow(item) }
    try hoist(number)
    let outside = known
    let others = kept.filter { $0 != tile.lane && $0 != tile.row }
    for atom in others { begin(atom, .parallel) }
    let dtype = tables.types.dtype(request.roots[Int(root)].type)
    let rows = rowsToBlock(tile, hasPanels: !panels.isEmpty)
    if let rows, let atom = tile.row { openBlock(atom, rows) }
    let isApart = !panels.isEmpty && self.rows[Int(root)] == nil && storesApart(item, tile)
    let isKept = !isApart && (request.roots[Int(root)].needsMemory || self.rows[Int(root)] != nil)
    let waits = !isKept && !(post.isEmpty && panels.isEmpty)
    let packs = panels.contains { !isComputed(item, $0) }
    let lanes = lanesToBlock(tile, others, dtype, waits: waits, packs: packs)
    if let lanes { openBlock(tile.lane, lanes, always: true) }
    if waits { self.rows[Int(root)] = try row("sums", dtype, resultAtoms(item), innermost: tile.lane) }
    let inBlock = known
    if panels.isEmpty {
      begin(tile)
      try contract(item, [], unrolled: [])
      end(tile)
    } else {
      if isApart { heldBack = root }
      try contractByChains(item, tile, panels)
      heldBack = nil
    }
    known = inBlock
    if isApart, request.roots[Int(root)].needsMemory { storeSums(root, item, tile) }
    known = inBlock
    if !post.isEmpty {
      if let atom = tile.row { begin(atom, .parallel) }
      try hoist(number)
      begin(tile.lane, .vector)
      for item in post { try set(item) }
      for item in post { store(item) }
      end(tile.lane)
      if let atom = tile.row { end(atom) }
    }
    if !isKept { self.rows[Int(root)] = nil }
    if lanes != nil { endBlock(tile.lane) }
    if rows != nil, let atom = tile.row { endBlock(atom) }
    for atom in others.reversed() { end(atom) }
    known = outside
    return true
  }

  /// Whether the lanes of a tile are apart in the memory of the result, where sums should not wait.
  private mutating func storesApart(_ item: Int, _ tile: Tile) -> Bool {
    let atoms = resultAtoms(item)
    let strides = tables.contiguousStrides(tables.types.shape(request.resultType(item)))
    return atoms.firstIndex(of: tile.lane).map { strides[$0] != writer.one } ?? false
  }

  /// Stores finished sums where others read them.
  private mutating func storeSums(_ root: KernelRequest.Number, _ item: Int, _ tile: Tile) {
    if let atom = tile.row { begin(atom, .parallel) }
    begin(tile.lane, .vector)
    known.roots[Int(root)] = sumSoFar(root, item)
    let sums = rows[Int(root)]
    rows[Int(root)] = nil
    store(item)
    rows[Int(root)] = sums
    end(tile.lane)
    if let atom = tile.row { end(atom) }
  }

  private mutating func begin(_ tile: Tile) {
    begin(tile.lane, .vector)
    if let atom = tile.row { begin(atom, .jam) }
  }

  private mutating func end(_ tile: Tile) {
    if let atom = tile.row { end(atom) }
    end(tile.lane)
  }

  // MARK: Chains

  /// The atoms that a contraction sums, outermost first.
  private func summedAtoms(_ item: Int) -> [Int] {
    Visits.atoms(request.nests[Int(request.items[item].nest)].folded)
  }

  /// Whether a sum has several chains, and more terms than should be kept of an operand.
  private func isLong(_ summed: [Int]) -> Bool {
    let chain = SumOrder.chain(summed.map { request.atoms[$0] }, tables)
    return chain.first > 0 || chain.block != nil
  }

  private func isComputed(_ item: Int, _ position: Int) -> Bool { computedOperand(item) == position }

  /// The operands of which private memory holds what one chain of the sum reads: those that are computed, and those
  /// that lanes do not find side by side, or on few lines of a cache.
  private mutating func panels(_ item: Int, _ tile: Tile) -> [Int] {
    let summed = summedAtoms(item)
    guard tile.row != nil else { return [] }
    var result: [Int] = []
    for position in 0..<2 {
      if isComputed(item, position) {
        if isLong(summed) { result.append(position) }
      } else if liesApart(item, position, tile)
        || isLong(summed) && fallsOnFewLines(item, position, tile, summed)
      {
        result.append(position)
      }
    }
    return result
  }

  /// Whether lanes find an operand apart in memory, and enough rows read it to be worth a copy.
  private mutating func liesApart(_ item: Int, _ position: Int, _ tile: Tile) -> Bool {
    let operand = request.operandRows[request.operandRange(item).lowerBound + position]
    guard contracting <= Self.mostPacking, operand.root != .max, let row = tile.row,
      request.roots[Int(operand.root)].maker == .max, tables.dims.bound(extent(row)).map({ $0 >= 8 }) ?? true,
      let axis = operandAtoms(item, position).firstIndex(of: tile.lane)
    else { return false }
    let (_, strides) = look(operand)
    return strides[axis] != writer.one && strides[axis] != writer.zero
  }

  /// How many nests of the kernel contract.
  private var contracting: Int { max(request.nests.count { $0.contracts }, 1) }

  /// Whether what lanes load for neighbouring terms is a multiple of 4 KiB apart.
  private mutating func fallsOnFewLines(_ item: Int, _ position: Int, _ tile: Tile, _ summed: [Int]) -> Bool {
    let operand = request.operandRows[request.operandRange(item).lowerBound + position]
    let atoms = operandAtoms(item, position)
    guard contracting <= Self.mostPacking, atoms.contains(tile.lane), let last = summed.last,
      let axis = atoms.firstIndex(of: last),
      operand.root != .max, request.roots[Int(operand.root)].maker == .max
    else { return false }
    let (_, strides) = look(operand)
    guard let stride = tables.dims.value(strides[axis]) else { return false }
    let (bytes, overflows) = stride.multipliedReportingOverflow(
      by: Int64(tables.types.dtype(operand.type).byteCount))
    return !overflows && bytes != 0 && bytes % 4096 == 0
  }

  /// Emits the sums of a block chain by chain, with some operands in private memory: they wait where they are kept.
  private mutating func contractByChains(_ item: Int, _ tile: Tile, _ panels: [Int]) throws(Diagnostics) {
    guard let root = request.results(item).first else { return }
    let dtype = tables.types.dtype(request.roots[Int(root)].type)
    let summed = summedAtoms(item)
    let chain = SumOrder.chain(summed.map { request.atoms[$0] }, tables)
    let outside = known
    if let atom = tile.row { begin(atom, .parallel) }
    begin(tile.lane, .vector)
    known.roots[Int(root)] = writer.builder.constant(0, dtype)
    store(item)
    end(tile.lane)
    if let atom = tile.row { end(atom) }
    known = outside

    begin(chain, of: summed)
    let others = operandRows.count
    for position in panels { try makePanel(item, position, innermost: tile.lane) }
    begin(tile)
    let part = writer.builder.variable(writer.builder.constant(0, dtype))
    for atom in summed.dropFirst(chain.first) { begin(atom, .sequential) }
    writer.builder.assign(part, try term(item, dtype, part))
    for atom in summed.dropFirst(chain.first).reversed() { end(atom) }
    known = outside
    let total = sumSoFar(root, item)
    known.roots[Int(root)] = writer.builder.scalar(.add, dtype, [total, part])
    store(item)
    end(tile)
    operandRows.removeSubrange(others...)
    end(chain, of: summed)
    known = outside
  }

  /// The sum of a root that waits where it is kept.
  private mutating func sumSoFar(_ root: KernelRequest.Number, _ item: Int) -> Register {
    let place = resultPlace(item)
    if request.roots[Int(root)].needsMemory, rows[Int(root)] == nil {
      let strides = tables.contiguousStrides(tables.types.shape(request.roots[Int(root)].type))
      let memory = slot(of: root, .read)
      return writer.builder.load(memory, index(writer.zero, strides, place))
    }
    guard let row = rows[Int(root)] else { preconditionFailure("sums wait where nothing keeps them") }
    return writer.builder.load(row.memory, index(row, place))
  }

  // MARK: Blocks

  /// The size of blocks of a tile's rows; nil for none.
  private mutating func rowsToBlock(_ tile: Tile, hasPanels: Bool) -> Int? {
    guard let row = tile.row, blocks[row] == nil else { return nil }
    let extent = extent(row)
    let most = hasPanels ? max(Self.mostRows / 2 / contracting, 12) : Self.mostRows
    if let bound = tables.dims.bound(extent), bound <= Int64(hasPanels ? most : 128) { return nil }
    return evenBlock(of: extent, most: most, parts: 1)
  }

  /// The size of blocks of a tile's lanes; nil for none.
  ///
  /// Blocks keep the private memory of a tile small, and make tasks where there are few rows.
  private mutating func lanesToBlock(
    _ tile: Tile, _ others: [Int], _ dtype: DType, waits: Bool, packs: Bool
  ) -> Int? {
    let extent = extent(tile.lane)
    let unit = Self.fewLaneBytes / dtype.byteCount
    var rows = 1
    if let row = tile.row {
      rows = blocks[row]?.size ?? Int(clamping: tables.dims.bound(self.extent(row)) ?? Int64(Self.mostRows))
    }
    var size = Int.max
    if packs { size = Self.packedBytes / (dtype.byteCount * Int(SumOrder.chainLength)) }
    if waits {
      let budget = min(Self.sumBytes, Self.allSumBytes / contracting) / (dtype.byteCount * max(rows, 1))
      let step = budget >= unit ? unit : unit / 4
      size = min(size, max(budget / step, 1) * step)
    }
    if request.nests.count == 1, let columns = tables.dims.bound(extent) {
      let tasks = taskCount(tile, others)
      if tasks < Self.fewTasks {
        let parts = Int((Self.fewTasks - 1) / max(tasks, 1) + 1)
        size = min(size, max((Int(clamping: columns) / parts + unit - 1) / unit * unit, unit))
      }
    }
    if size == .max { return nil }
    // Private memory lives as long as its block.
    if !waits, !packs, let bound = tables.dims.bound(extent), bound <= Int64(size) { return nil }
    return size
  }

  /// How many tasks a contraction has without blocks of lanes, at the bounds.
  private mutating func taskCount(_ tile: Tile, _ others: [Int]) -> Int64 {
    var count: Int64 = 1
    for atom in others + (tile.row.map { [$0] } ?? []) {
      guard let bound = tables.dims.bound(extent(atom)) else { return .max }
      let parts = blocks[atom].map { (bound - 1) / Int64($0.size) + 1 }
      count = count.multipliedClamped(atom == tile.row ? parts ?? 1 : bound)
    }
    return count
  }
}

extension Int64 {
  /// A product of counts: at least that of 1, at most the largest number.
  fileprivate func multipliedClamped(_ factor: Int64) -> Int64 {
    let (product, overflows) = multipliedReportingOverflow(by: Swift.max(factor, 1))
    return overflows ? .max : product
  }
}
