import SluiceIR

/// Tiles of contractions: some rows at once in registers, for every block of lanes.
///
/// What varies from lane to lane is loaded once for all rows of a tile. The sums of a tile are those of a plain loop:
/// rows, lanes and blocks are independent, so their sizes are seen in no result.
extension VisitLowering {
  /// The rows of a block at most: a block of what lanes load is read again for every block of rows.
  private static let mostRows = 96
  /// The rows of a block at most whose lanes are joined: what lanes load is copied again for every block.
  private static let mostJoinedRows = 256
  /// The rows of a block at most for which an operand is packed: it is packed again for every block.
  private static let mostPackedRows = 192
  /// The bytes of private rows that a block of rows may have.
  private static let rowBytes: Int64 = 65_536
  /// The same where a mask bounds what rows need: 32 rows of 256 terms twice, and their sums.
  private static let maskedRowBytes: Int64 = 69_632
  /// The same where blocks are powers of two.
  private static let partRowBytes: Int64 = 102_400
  /// The bytes of sums that wait for the maps behind them: of one nest, and of all.
  private static let sumBytes = 24_576
  private static let allSumBytes = 65_536
  /// The same where every block of lanes would compute the same operand again.
  private static let computedSumBytes = 98_304
  /// The places of a window that may share a panel.
  static let mostWithin: Int64 = 64
  /// The bytes of a packed operand for one chain, and how many nests of a kernel may pack one.
  static let packedBytes = 32_768
  static let mostPacking = 1
  /// The blocks of rows in which kernels with private rows should come at least.
  private static let fewBlocks: Int64 = 4
  /// The tasks that threads should find at least.
  private static let fewTasks: Int64 = 8
  /// The lanes of the widest register for f32, and as many rows.
  static let fewLanes: Int64 = 16
  /// The bytes of the lanes of a block at least: two registers of the widest processors, twice.
  private static let fewLaneBytes = 256

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
    let isMasked = isMasked(by: atom)
    let budget = atom == sweep ? Self.partRowBytes : isMasked ? Self.maskedRowBytes : Self.rowBytes
    let mostRows = isMasked ? Self.mostMaskedRows : Self.mostRows
    let most = min(mostRows, Int(budget / max(bytes, 1)), rowsOfComputedOperands())
    let parts = Self.fewBlocks / max(min(others, Self.fewBlocks), 1)
    let size =
      (atom == sweep ? partBlock(most: most) : nil) ?? evenBlock(of: extent(atom), most: most, parts: parts)
    return size < 4 ? nil : (atom, size)
  }

  /// The most rows with which all sums can wait that read a computed operand, so that it is computed once a block.
  private func rowsOfComputedOperands() -> Int {
    var rows = Int.max
    for item in request.items.indices where request.items[item].nest != KernelRequest.derived {
      guard computedOperand(item) != nil, isLong(summedAtoms(item)), let root = request.results(item).first,
        !request.roots[Int(root)].needsMemory, !request.roots[Int(root)].isKept,
        let lane = Visits.atoms(request.nests[Int(request.items[item].nest)].kept).last,
        let lanes = tables.dims.bound(request.atoms[lane])
      else { continue }
      let bytes = lanes.multipliedClamped(Int64(tables.types.dtype(request.resultType(item)).byteCount))
      let most = Int64(Self.computedSumBytes / contracting) / max(bytes, 1)
      if most >= 12 { rows = min(rows, Int(most)) }
    }
    return rows
  }

  /// Whether a contraction can run in tiles of an outer atom.
  private func isRow(_ atom: Int, _ outer: [Int]) -> Bool {
    request.items.indices.contains { item in
      guard request.items[item].role == .contract, request.items[item].nest != KernelRequest.derived,
        !goesOn(item)
      else { return false }
      let nest = request.nests[Int(request.items[item].nest)]
      return tile(item, [atom] + Visits.atoms(nest.kept).filter { !outer.contains($0) })?.row == atom
    }
  }

  /// Whether a mask bounds loops of every contraction of the kernel by a block of an atom.
  private mutating func isMasked(by atom: Int) -> Bool {
    for (item, own) in request.items.enumerated()
    where own.role == .contract && own.nest != KernelRequest.derived {
      let facts = maskFacts(item)
      let kept = Visits.atoms(request.nests[Int(own.nest)].kept).filter { $0 != atom }
      let others = goesOn(item) ? kept : summedAtoms(item)
      guard relates(facts.terms, atom, others) || relates(facts.results, atom, kept) else { return false }
    }
    return true
  }

  /// The bytes of private memory that one place of the outer atoms needs; nil where there is no bound.
  private mutating func privateBytes() -> Int64? {
    var sum: Int64 = 0
    var panels: [(root: KernelRequest.Number, place: [Affine])] = []
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
      let place = elementPlace(item, position)
      if panels.contains(where: { $0.root == operand.root && $0.place == place }) { continue }
      panels.append((operand.root, place))
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
    return Int(min((size + 11) / 12 * 12, most < 12 ? most : most / 12 * 12))
  }

  // MARK: Loops

  /// Emits a contraction in tiles, and the maps behind it; false where it does not run in tiles.
  mutating func contractInTiles(
    _ number: Int, _ item: Int, _ post: [Int], _ kept: [Int]
  ) throws(Diagnostics) -> Bool {
    guard isTiled, var tile = tile(item, kept), let root = request.results(item).first else { return false }
    let panels = panels(item, tile)
    if !panels.isEmpty { tile.within = within(item, tile, kept, panels) }
    note(item, tile, panels)
    let facts = maskFacts(item)
    let summed = summedAtoms(item)
    defer { unbound(summed) }
    if panels.isEmpty {
      if readsAlone(item) { boundSum(item, by: facts.terms) }
      try makeOperandRow(item)
    }
    try hoist(number)
    let outside = known
    let others = kept.filter {
      $0 != tile.lane && $0 != tile.row && $0 != tile.joined && !tile.within.contains($0)
    }
    for atom in others { begin(atom, .parallel) }
    let dtype = tables.types.dtype(request.roots[Int(root)].type)
    let packs = panels.contains { !isComputed(item, $0) }
    let rows = rowsToBlock(tile, hasPanels: !panels.isEmpty, packs: packs, isMasked(tile, summed, facts))
    if let rows, let atom = tile.row { openBlock(atom, rows) }
    if let atom = tile.joined { openBlock(atom, joinedRows(atom, tile.lane)) }
    let isApart = !panels.isEmpty && self.rows[Int(root)] == nil && storesApart(item, tile)
    let isKept = !isApart && (request.roots[Int(root)].needsMemory || self.rows[Int(root)] != nil)
    let waits = !isKept && !(post.isEmpty && panels.isEmpty)
    let computes = panels.contains { isComputed(item, $0) && !operandAtoms(item, $0).contains(tile.lane) }
    let lanes =
      tile.joined == nil
      ? lanesToBlock(tile, others, dtype, waits: waits, packs: packs, computes: computes) : nil
    if let lanes { openBlock(tile.lane, lanes, always: true) }
    if waits { self.rows[Int(root)] = try row("sums", dtype, resultAtoms(item), innermost: tile.lanes) }
    boundSum(item, by: facts.terms)
    let inBlock = known
    if isApart { heldBack = root }
    // Results that are left out are 0; nobody looks at them.
    let skips = tile.joined == nil && bound([tile.lane], by: facts.results)
    if skips || !panels.isEmpty { clearSums(item, tile) }
    if ([tile.lane] + summed).contains(where: { spans[$0] != nil }) {
      choices.append(LoweringChoice(item: item, kind: .masked))
    }
    if panels.isEmpty {
      begin(tile)
      try contract(item, [], unrolled: [])
      end(tile)
    } else {
      try contractByChains(item, tile, panels)
    }
    unbound([tile.lane])
    heldBack = nil
    known = inBlock
    if isApart, request.roots[Int(root)].needsMemory { storeSums(root, item, tile) }
    known = inBlock
    if !post.isEmpty {
      let loops = finishingLoops(item, tile)
      for atom in loops.dropLast() { begin(atom, .parallel) }
      try hoist(number)
      if let atom = loops.last { begin(atom, .vector) }
      for item in post { try set(item) }
      for item in post { store(item) }
      for atom in loops.reversed() { end(atom) }
    }
    if !isKept { self.rows[Int(root)] = nil }
    if lanes != nil { endBlock(tile.lane) }
    if let atom = tile.joined { endBlock(atom) }
    if rows != nil, let atom = tile.row { endBlock(atom) }
    for atom in others.reversed() { end(atom) }
    known = outside
    return true
  }

  /// Whether a mask bounds loops of a contraction by a block of its rows.
  private func isMasked(_ tile: Tile, _ summed: [Int], _ facts: MaskFacts) -> Bool {
    guard let row = tile.row else { return false }
    return relates(facts.terms, row, summed) || tile.joined == nil && relates(facts.results, row, [tile.lane])
  }

  /// Whether the operand that a contraction computes is that of no other one.
  private func readsAlone(_ item: Int) -> Bool {
    guard let position = computedOperand(item) else { return true }
    let operand = request.operandRows[request.operandRange(item).lowerBound + position]
    return request.items.indices.allSatisfy { other in
      other == item || request.items[other].role != .contract
        || !request.operands(other).contains { $0.root == operand.root }
    }
  }

  /// Notes in which order private memory holds operands that lie otherwise in memory.
  private mutating func note(_ item: Int, _ tile: Tile, _ panels: [Int]) {
    guard panels.contains(where: { !isComputed(item, $0) || tile.joined != nil }) else { return }
    let kind: LoweringChoice.Kind = tile.joined != nil ? .rowsJoined : tile.isTurned ? .channels : .copied
    choices.append(LoweringChoice(item: item, kind: kind))
  }

  /// The atoms of the loops that stand inside the chains of a sum.
  private func within(_ item: Int, _ tile: Tile, _ kept: [Int], _ panels: [Int]) -> [Int] {
    guard tile.isTurned || tile.joined != nil else { return [] }
    let result = kept.filter { atom in
      atom != tile.row && !tile.lanes.contains(atom)
        && panels.allSatisfy { !operandAtoms(item, $0).contains(atom) }
    }
    var places: Int64 = 1
    for atom in result { places = places.multipliedClamped(tables.dims.value(request.atoms[atom]) ?? .max) }
    return places <= Self.mostWithin ? result : []
  }

  /// Whether the lanes of a tile are apart in the memory of the result, where sums should not wait.
  func storesApart(_ item: Int, _ tile: Tile) -> Bool {
    let shape = tables.types.shape(request.resultType(item))
    guard let axis = resultAtoms(item).firstIndex(of: tile.lane) else { return false }
    return shape[(axis + 1)...].contains { tables.dims.value($0) != 1 }
  }

  /// Stores finished sums where others read them.
  private mutating func storeSums(_ root: KernelRequest.Number, _ item: Int, _ tile: Tile) {
    let loops = finishingLoops(item, tile)
    for atom in loops { begin(atom, atom == loops.last ? .vector : .parallel) }
    known.roots[Int(root)] = sumSoFar(root, item)
    let sums = rows[Int(root)]
    rows[Int(root)] = nil
    store(item)
    rows[Int(root)] = sums
    for atom in loops.reversed() { end(atom) }
  }

  /// The loops over finished sums, outermost first: what lies closest together in the result runs side by side.
  private mutating func finishingLoops(_ item: Int, _ tile: Tile) -> [Int] {
    let loops = tile.within + (tile.row.map { [$0] } ?? []) + tile.lanes
    guard tile.isTurned, let row = tile.row else { return loops }
    return tile.within + [tile.lane, row]
  }

  mutating func begin(_ tile: Tile) {
    beginLanes(tile)
    if let atom = tile.row { begin(atom, .jam) }
  }

  mutating func end(_ tile: Tile) {
    if let atom = tile.row { end(atom) }
    endLanes(tile)
  }

  /// Opens the loop over the lanes of a tile, with those of the joined atom: one index runs through both.
  mutating func beginLanes(_ tile: Tile) {
    guard let outer = tile.joined, let limit = tables.dims.multiply(extent(outer), request.atoms[tile.lane]),
      let width = tables.dims.value(request.atoms[tile.lane])
    else { return begin(tile.lane, .vector) }
    indices[outer] = Affine(writer.zero)
    guard let block = blocks[outer], let first = block.start else {
      return open(tile.lane, writer.builder.beginLoop(to: Affine(limit), .vector))
    }
    let start = Affine(writer.zero, [Affine.Term(request.atoms[tile.lane], first)])
    let end = Affine(tables.dims.integer(Int64(block.size) * width), start.terms)
    open(tile.lane, writer.builder.beginLoop(from: start, to: end, limit: Affine(limit), .vector))
  }

  mutating func endLanes(_ tile: Tile) {
    end(tile.lane)
    if let outer = tile.joined { indices[outer] = nil }
  }

  // MARK: Blocks

  /// The size of blocks of a tile's rows; nil for none.
  private mutating func rowsToBlock(_ tile: Tile, hasPanels: Bool, packs: Bool, _ isMasked: Bool) -> Int? {
    guard let row = tile.row, blocks[row] == nil else { return nil }
    let extent = extent(row)
    var most = hasPanels ? max(Self.mostRows / 2 / contracting, 12) : Self.mostRows
    if packs, contracting == 1 { most = Self.mostPackedRows }
    if tile.joined != nil { most = Self.mostJoinedRows }
    if !tile.within.isEmpty {
      var bytes = Int64(Self.fewLaneBytes / 2)
      for atom in tile.within { bytes = bytes.multipliedClamped(extentBound(atom)) }
      most = min(most, max(Int(Int64(Self.allSumBytes) / bytes), 4))
    }
    // One block of lanes, and of rows, would be all that threads have to share.
    if tile.isTurned, extentBound(tile.lane) <= 2 * Self.fewLanes, let bound = tables.dims.bound(extent),
      bound >= 2 * Self.fewLanes, bound <= Int64(most)
    {
      most = (Int(bound) / 2 + 3) / 4 * 4
    }
    if isMasked { most = min(most, Self.mostMaskedRows) }
    if let bound = tables.dims.bound(extent), bound <= Int64(hasPanels || isMasked ? most : 128) {
      return nil
    }
    return evenBlock(of: extent, most: most, parts: 1)
  }

  /// The size of blocks of a tile's lanes; nil for none.
  ///
  /// Blocks keep the private memory of a tile small, and make tasks where there are few rows.
  private mutating func lanesToBlock(
    _ tile: Tile, _ others: [Int], _ dtype: DType, waits: Bool, packs: Bool, computes: Bool
  ) -> Int? {
    let extent = extent(tile.lane)
    let unit = Self.fewLaneBytes / dtype.byteCount
    var rows = 1
    if let row = tile.row {
      rows = blocks[row]?.size ?? Int(clamping: tables.dims.bound(self.extent(row)) ?? Int64(Self.mostRows))
    }
    for atom in tile.within { rows = Int(clamping: Int64(rows).multipliedClamped(extentBound(atom))) }
    var size = Int.max
    if packs { size = Self.packedBytes / (dtype.byteCount * Int(SumOrder.chainLength)) }
    if waits {
      var most = min(tile.within.isEmpty ? Self.sumBytes : Self.allSumBytes, Self.allSumBytes / contracting)
      if computes { most = (sweep == nil ? Self.computedSumBytes : Self.allSumBytes) / contracting }
      let budget = most / (dtype.byteCount * max(rows, 1))
      let step = budget >= unit ? unit : budget >= unit / 2 ? unit / 2 : unit / 4
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

  private mutating func extentBound(_ atom: Int) -> Int64 { tables.dims.bound(extent(atom)) ?? .max }

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
  func multipliedClamped(_ factor: Int64) -> Int64 {
    let (product, overflows) = multipliedReportingOverflow(by: Swift.max(factor, 1))
    return overflows ? .max : product
  }
}
