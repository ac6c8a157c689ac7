import SluiceIR

/// Sums down columns in parts: a task makes the rows of one part, block by block, and takes every block in as soon as
/// it is there.
///
/// Sums wait in memory from one block to the next. A part is a block of `SumOrder`, so that the fold over the parts
/// has the order of the whole sum.
extension VisitLowering {
  private static let partLength = Int64(SumOrder.columnBlock)

  /// Opens the loop over the parts and, in it, that over blocks of rows, or over rows where there are no such blocks.
  mutating func beginParts(_ sweep: Int, _ blockSize: Int?) throws(Diagnostics) {
    let parts = partCount()
    if parts > 1 {
      let number = writer.builder.beginLoop(to: Affine(tables.dims.integer(parts)), .parallel)
      part = Affine(writer.zero, [Affine.Term(writer.one, number)])
      let start = writer.builder.index(
        Affine(writer.zero, [Affine.Term(tables.dims.integer(Self.partLength), number)]))
      blocks[sweep] = Block(start: start, size: Int(Self.partLength), isLoop: true)
    }
    try beginSums()
    beginChains()
    guard let blockSize else { return begin(sweep, .sequential) }
    if parts == 1 { return openBlock(sweep, blockSize, .sequential) }
    guard let whole = blocks[sweep]?.start, blockSize < Int(Self.partLength) else { return }
    let first = Affine(writer.zero, [Affine.Term(writer.one, whole)])
    let start = writer.builder.beginLoop(
      from: first, to: Affine(tables.dims.integer(Self.partLength), first.terms),
      limit: Affine(extent(sweep)),
      step: blockSize, .sequential)
    blocks[sweep] = Block(start: start, size: blockSize, isLoop: true)
  }

  mutating func endParts(_ sweep: Int, _ blockSize: Int?) {
    let parts = partCount()
    if let blockSize {
      if parts == 1 {
        endBlock(sweep)
      } else if blockSize < Int(Self.partLength) {
        writer.builder.endLoop()
      }
    } else {
      end(sweep)
    }
    if parts > 1 { writer.builder.endLoop() }
    blocks[sweep] = nil
    part = Affine(writer.zero)
  }

  /// How many parts the sums of the kernel have.
  private func partCount() -> Int64 {
    for (item, row) in request.items.enumerated() where leavesParts(item) {
      let axis = recipes.axes[row.recipe.index].first
      return tables.dims.value(tables.types.dim(request.resultType(item), axis)) ?? 1
    }
    return 1
  }

  /// Whether an item is a fold that leaves parts.
  func leavesParts(_ item: Int) -> Bool {
    request.items[item].role == .fold && recipes.leavesParts[request.items[item].recipe.index]
  }

  /// The size of blocks of rows in a part, of at most so many: a part has whole ones.
  func partBlock(most: Int) -> Int? {
    guard partCount() > 1 else { return nil }
    var size = Int(Self.partLength)
    while size > most { size /= 2 }
    return size
  }

  /// Lets all sums begin with what changes nothing.
  private mutating func beginSums() throws(Diagnostics) {
    for item in request.items.indices where leavesParts(item) {
      let kept = openKept(request.items[item].nest)
      let dtype = tables.types.dtype(request.resultType(item))
      let nothing = writer.builder.constant(recipes.fold(request.items[item].recipe).identity(dtype), dtype)
      for root in request.results(item) {
        writer.builder.store(slot(of: root, .write), partIndex(root, item), nothing)
      }
      for atom in kept.reversed() { end(atom) }
    }
  }

  /// Opens the loops over the columns of a nest; gives their atoms.
  mutating func openKept(_ nest: UInt8) -> [Int] {
    let kept = Visits.atoms(request.nests[Int(nest)].kept).filter { indices[$0] == nil }
    for (position, atom) in kept.enumerated() {
      begin(atom, position == kept.count - 1 ? .vector : .parallel)
    }
    return kept
  }

  private mutating func partIndex(_ root: KernelRequest.Number, _ item: Int) -> Affine {
    let strides = tables.contiguousStrides(tables.types.shape(request.roots[Int(root)].type))
    return index(writer.zero, strides, resultPlace(item))
  }

  /// Takes the rows at hand into the sums of a nest.
  mutating func takeRows(_ number: Int, _ items: [Int]) throws(Diagnostics) {
    guard let sweep else { return }
    let outside = known
    try hoist(number)
    let kept = openKept(UInt8(number))
    var totals: [Register] = []
    for item in items {
      for root in request.results(item).prefix(1) {
        let sum = writer.builder.load(slot(of: root, .read), partIndex(root, item))
        totals.append(writer.builder.variable(sum))
      }
    }
    let isOpen = indices[sweep] != nil
    let inside = known
    if !isOpen { begin(sweep, .sequential) }
    for (item, total) in zip(items, totals) {
      let value = try operand(request.operandRange(item).lowerBound, place(item))
      let fold = recipes.fold(request.items[item].recipe).scalar
      let dtype = tables.types.dtype(operandType(item))
      writer.builder.assign(total, writer.builder.scalar(fold, dtype, [total, value]))
      stateFold(item, total)
    }
    if !isOpen { end(sweep) }
    known = inside
    for (item, total) in zip(items, totals) {
      for root in request.results(item).prefix(1) {
        writer.builder.store(slot(of: root, .write), partIndex(root, item), total)
      }
    }
    for atom in kept.reversed() { end(atom) }
    known = outside
  }
}
