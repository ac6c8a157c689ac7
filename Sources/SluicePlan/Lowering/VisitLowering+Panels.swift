import SluiceIR

/// Sums of tiles that are made chain by chain, with what a chain reads of some operands in private memory.
extension VisitLowering {
  /// The atoms that a contraction sums, outermost first.
  func summedAtoms(_ item: Int) -> [Int] {
    Visits.atoms(request.nests[Int(request.items[item].nest)].folded)
  }

  /// Whether a sum has several chains, and more terms than should be kept of an operand.
  func isLong(_ summed: [Int]) -> Bool {
    let chain = SumOrder.chain(summed.map { request.atoms[$0] }, tables)
    return chain.first > 0 || chain.block != nil
  }

  func isComputed(_ item: Int, _ position: Int) -> Bool { computedOperand(item) == position }

  /// The operands of which private memory holds what one chain of the sum reads: those that are computed, and those
  /// that lanes do not find side by side, or on few lines of a cache.
  mutating func panels(_ item: Int, _ tile: Tile) -> [Int] {
    let summed = summedAtoms(item)
    guard tile.row != nil else { return [] }
    var result: [Int] = []
    for position in 0..<2 {
      if isComputed(item, position) {
        if isLong(summed) || tile.joined != nil { result.append(position) }
      } else if tile.joined != nil && operandAtoms(item, position).contains(tile.lane)
        || isWorthCopying(item, position, tile)
        || isLong(summed) && fallsOnFewLines(item, position, tile, summed)
      {
        result.append(position)
      }
    }
    return result
  }

  /// Whether lanes find an operand apart in memory, and enough rows read it to be worth a copy.
  private func isWorthCopying(_ item: Int, _ position: Int, _ tile: Tile) -> Bool {
    let operand = request.operandRows[request.operandRange(item).lowerBound + position]
    guard contracting <= Self.mostPacking, operand.root != .max, let row = tile.row,
      request.roots[Int(operand.root)].maker == .max,
      tile.isTurned || tables.dims.bound(request.atoms[row]).map({ $0 >= 8 }) ?? true
    else { return false }
    return liesApart(item, position, tile.lane)
  }

  /// Whether neighbouring lanes find elements of an operand that are no neighbours in memory.
  func liesApart(_ item: Int, _ position: Int, _ lane: Int) -> Bool {
    let operand = request.operandRows[request.operandRange(item).lowerBound + position]
    guard let axis = operandAtoms(item, position).firstIndex(of: lane) else { return false }
    if operand.layout.isNone { return axis != tables.types.rank(operand.type) - 1 }
    let stride = Array(layouts.strides(operand.layout))[axis]
    return stride != writer.one && stride != writer.zero
  }

  /// How many nests of the kernel contract.
  var contracting: Int { max(request.nests.count { $0.contracts }, 1) }

  /// Whether what lanes load for neighbouring terms is a multiple of 4 KiB apart.
  mutating func fallsOnFewLines(_ item: Int, _ position: Int, _ tile: Tile, _ summed: [Int]) -> Bool {
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
  mutating func contractByChains(_ item: Int, _ tile: Tile, _ panels: [Int]) throws(Diagnostics) {
    guard let root = request.results(item).first else { return }
    let dtype = tables.types.dtype(request.roots[Int(root)].type)
    let summed = summedAtoms(item)
    let chain = SumOrder.chain(summed.map { request.atoms[$0] }, tables)
    let outside = known
    begin(chain, of: summed)
    let others = operandRows.count
    for position in panels { try makePanel(item, position, innermost: tile.lanes) }
    for atom in tile.within { begin(atom, .parallel) }
    begin(tile)
    let part = writer.builder.variable(writer.builder.constant(0, dtype))
    for atom in summed.dropFirst(chain.first) { begin(atom, .sequential) }
    writer.builder.assign(part, try term(item, dtype, part))
    stateContraction(item, part)
    for atom in summed.dropFirst(chain.first).reversed() { end(atom) }
    known = outside
    let total = sumSoFar(root, item)
    known.roots[Int(root)] = writer.builder.scalar(.add, dtype, [total, part])
    store(item)
    end(tile)
    for atom in tile.within.reversed() { end(atom) }
    operandRows.removeSubrange(others...)
    end(chain, of: summed)
    known = outside
  }

  /// Lets all sums of a block begin with 0, those too that a mask leaves out.
  mutating func clearSums(_ item: Int, _ tile: Tile) {
    guard let root = request.results(item).first else { return }
    let (outside, span, narrowed) = (known, spans[tile.lane], blocks[tile.lane]?.narrowed)
    unbound([tile.lane])
    let rows = tile.within + (tile.row.map { [$0] } ?? [])
    for atom in rows { begin(atom, .parallel) }
    beginLanes(tile)
    known.roots[Int(root)] = writer.builder.constant(0, tables.types.dtype(request.roots[Int(root)].type))
    store(item)
    endLanes(tile)
    for atom in rows.reversed() { end(atom) }
    known = outside
    spans[tile.lane] = span
    blocks[tile.lane]?.narrowed = narrowed
  }

  /// The sum of a root that waits where it is kept.
  mutating func sumSoFar(_ root: KernelRequest.Number, _ item: Int) -> Register {
    let place = resultPlace(item)
    if request.roots[Int(root)].needsMemory, rows[Int(root)] == nil {
      let strides = tables.contiguousStrides(tables.types.shape(request.roots[Int(root)].type))
      let memory = slot(of: root, .read)
      return writer.builder.load(memory, index(writer.zero, strides, place))
    }
    guard let row = rows[Int(root)] else { preconditionFailure("sums wait where nothing keeps them") }
    return writer.builder.load(row.memory, index(row, place))
  }
}
