import SluiceIR

/// The loops of a nest: kept ones around folded ones, the elements of maps, the sums.
extension VisitLowering {
  /// Emits a nest inside loops over some atoms, and inside blocks of others.
  mutating func emit(_ number: Int, inside outer: UInt32) throws(Diagnostics) {
    let nest = request.nests[number]
    let items = request.items.indices.filter { request.items[$0].nest == UInt8(number) }
    if nest.leavesParts { return try takeRows(number, items) }
    if nest.folds { try fillPads(items) }
    let body = items.filter { request.items[$0].phase != .post }
    let post = items.filter { request.items[$0].phase == .post }
    var kept = Visits.atoms(nest.kept).filter { outer >> UInt32($0) & 1 == 0 }
    if let item = body.first, goesOn(item) { return try resume(number, item, kept) }
    if nest.contracts, let item = body.first, try contractInTiles(number, item, post, kept) { return }
    for item in items { try makeOperandRow(item) }
    let before = known
    // The rows of a block come one after the other.
    let rows = kept.filter { blocks[$0] != nil }
    kept.removeAll { rows.contains($0) }
    for atom in rows { begin(atom, .parallel) }
    try hoist(number)
    let outside = known
    let sidesByLane = nest.contracts || !foldsLastAxis(nest, items)
    let unrolled = nest.contracts ? unrolledCount(kept, items) : 0
    let loops = kept.dropLast(unrolled)
    let filled = nest.folds ? -1 : leadingCount(loops, items)
    if loops.isEmpty, filled == 0 { try fillPads(items) }
    for (position, atom) in loops.enumerated() {
      if position == filled { try fillPads(items) }
      begin(atom, position == kept.count - 1 && sidesByLane ? .vector : .parallel)
    }
    if nest.contracts, let item = body.first {
      try contract(item, post, unrolled: Array(kept.suffix(unrolled)))
    } else {
      if nest.folds {
        try fold(nest, body)
      } else {
        for item in body { try set(item) }
        for item in body { store(item) }
      }
      for item in post { try set(item) }
      for item in post { store(item) }
    }
    for atom in loops.reversed() { end(atom) }
    // Without loops of its own, what the nest made is still there for those behind it.
    if !kept.isEmpty { known = outside }
    for atom in rows.reversed() { end(atom) }
    if !rows.isEmpty { known = before }
  }

  /// Whether the last axis of the space of some item is folded, so that neighbours in memory are summed.
  private func foldsLastAxis(_ nest: Visits.Nest, _ items: [Int]) -> Bool {
    guard nest.folds else { return false }
    return items.contains { item in
      guard request.items[item].role.isReduction else { return false }
      let type = operandType(item)
      let axes = recipes.axes[request.items[item].recipe.index]
      // Axes of one element are no loops.
      let last = (0..<tables.types.rank(type)).last { tables.dims.value(tables.types.dim(type, $0)) != 1 }
      return last.map { axes.contains($0) } ?? true
    }
  }

  /// The type of an item's first operand.
  func operandType(_ item: Int) -> TypeID { request.operandRows[request.operandRange(item).lowerBound].type }

  // MARK: Elements

  /// Computes an item at the place of the loops.
  mutating func set(_ item: Int) throws(Diagnostics) {
    let value = try element(item, place(item))
    if request.target != .none { return storeTarget(item, value) }
    if let root = request.results(item).first { known.roots[Int(root)] = value }
  }

  /// Stores what an item made at the place of the loops, where something reads it from memory.
  mutating func store(_ item: Int) {
    for root in request.results(item) { store(root, item) }
  }

  private mutating func store(_ number: KernelRequest.Number, _ item: Int) {
    let place = resultPlace(item)
    if let row = rows[Int(number)] {
      writer.builder.store(row.memory, index(row, place), known.roots[Int(number)])
    }
    store(number, at: place)
  }

  /// Stores an element of a root at a place, where something reads it from memory.
  mutating func store(_ number: KernelRequest.Number, at place: [Affine]) {
    let root = request.roots[Int(number)]
    var value = known.roots[Int(number)]
    let dtype = tables.types.dtype(root.type)
    if root.needsMemory, heldBack != number {
      if root.isExternal, dtype.isFloat { value = writer.builder.scalar(.canonical, dtype, [value]) }
      let strides = tables.contiguousStrides(tables.types.shape(root.type))
      writer.builder.store(slot(of: number, .write), index(writer.zero, strides, place), value)
    }
  }

  /// The slot of a root that the kernel makes: a value made in place is in that of the value whose memory it takes over.
  mutating func slot(of number: KernelRequest.Number, _ access: Slot.Access) -> Memory {
    let old = request.roots[Int(number)].inPlace
    let dtype = tables.types.dtype(request.roots[Int(number)].type)
    return writer.slot(.root(old == .max ? number : old, base: 0), dtype, access)
  }

  private mutating func storeTarget(_ item: Int, _ value: Register) {
    let type = operandType(item)
    let dtype = tables.types.dtype(type)
    var value = value
    if request.target == .outside, dtype.isFloat { value = writer.builder.scalar(.canonical, dtype, [value]) }
    let strides = tables.contiguousStrides(tables.types.shape(type))
    let slot = writer.slot(.target, dtype, .write)
    writer.builder.store(slot, index(writer.zero, strides, place(item)), value)
  }

  // MARK: Folds

  /// Emits the folds of a nest, with the maps inside them.
  private mutating func fold(_ nest: Visits.Nest, _ items: [Int]) throws(Diagnostics) {
    let folds = items.filter { request.items[$0].role.isReduction }
    if nest.argues, let item = folds.first { return try argument(nest, item, items) }
    let order = SumOrder(folds.map { recipes.fold(request.items[$0].recipe) }, folds.map { operandDType($0) })
    let hasLanes = folds.contains { runsInLanes($0) }
    var totals: [Register] = []
    for item in folds { totals.append(identity(item)) }
    let outside = known
    try fold(
      Visits.atoms(nest.folded)[...], order, lanes: hasLanes ? SumOrder.lanes : 1, folds, items, into: totals)
    // Without folded axes no loop was opened, and what the maps made is still at hand.
    if Visits.atom(nest.folded, 0) != nil { known = outside }
    for (item, total) in zip(folds, totals) {
      if let root = request.results(item).first { known.roots[Int(root)] = total }
      store(item)
    }
  }

  private func operandDType(_ item: Int) -> DType { tables.types.dtype(operandType(item)) }

  private mutating func identity(_ item: Int) -> Register {
    let dtype = operandDType(item)
    let bits = recipes.fold(request.items[item].recipe).identity(dtype)
    return writer.builder.variable(writer.builder.constant(bits, dtype))
  }

  /// Whether an item folds the last axis of its space, whatever its extent may be, in lanes.
  func runsInLanes(_ item: Int) -> Bool {
    let axis = tables.types.rank(operandType(item)) - 1
    let recipe = request.items[item].recipe.index
    return axis >= 0 && recipes.axes[recipe].contains(axis) && !recipes.isColumn[recipe]
      && Visits.atom(request.items[item].atoms, axis) != nil
  }

  /// Along each axis the results of the axes inside it are taken in, blocks of it one after the other.
  private mutating func fold(
    _ rest: ArraySlice<Int>, _ order: SumOrder, lanes: Int, _ folds: [Int], _ items: [Int],
    into totals: [Register]
  ) throws(Diagnostics) {
    var parts: [Register] = []
    guard let atom = rest.first else {
      for item in folds { parts.append(identity(item)) }
      try take(folds, items, parts, lanes: 1)
      return add(parts, folds, totals)
    }
    let extent = request.atoms[atom]
    let isInner = rest.count == 1
    let block = order.block(extent, lanes: isInner ? lanes : 1, tables)
    var (start, end, limit): (Affine?, Affine, Affine?) = (nil, Affine(extent), nil)
    if let block {
      let index = writer.builder.beginLoop(to: Affine(extent), step: block, .sequential)
      start = Affine(writer.zero, [Affine.Term(writer.one, index)])
      end = Affine(tables.dims.integer(block), [Affine.Term(writer.one, index)])
      limit = Affine(extent)
    }
    for item in folds { parts.append(identity(item)) }
    let outside = known
    let kind: Loop.Kind = isInner && lanes > 1 ? .lanes(lanes) : .sequential
    open(atom, writer.builder.beginLoop(from: start, to: end, limit: limit, kind))
    if isInner {
      try take(folds, items, parts, lanes: lanes)
    } else {
      // What the inner axes come to goes in as one number: a sum over several axes is that of the sums over the last.
      var inner: [Register] = []
      for item in folds { inner.append(identity(item)) }
      try fold(rest.dropFirst(), order, lanes: lanes, folds, items, into: inner)
      add(inner, folds, parts)
    }
    self.end(atom)
    known = outside
    add(parts, folds, totals)
    if block != nil { writer.builder.endLoop() }
  }

  private mutating func add(_ parts: [Register], _ folds: [Int], _ totals: [Register]) {
    for (position, item) in folds.enumerated() {
      let scalar = recipes.fold(request.items[item].recipe).scalar
      let sum = writer.builder.scalar(scalar, operandDType(item), [totals[position], parts[position]])
      writer.builder.assign(totals[position], sum)
    }
  }

  /// Takes the elements at the place of the loops in, and stores those of maps.
  private mutating func take(
    _ folds: [Int], _ items: [Int], _ parts: [Register], lanes: Int
  ) throws(Diagnostics) {
    for item in items {
      guard let position = folds.firstIndex(of: item) else {
        try set(item)
        continue
      }
      let value = try operand(request.operandRange(item).lowerBound, place(item))
      let scalar = recipes.fold(request.items[item].recipe).scalar
      if lanes > 1 {
        writer.builder.accumulate(parts[position], scalar, value)
      } else {
        let sum = writer.builder.scalar(scalar, operandDType(item), [parts[position], value])
        writer.builder.assign(parts[position], sum)
      }
      stateFold(item, parts[position])
    }
    for item in items where !folds.contains(item) { store(item) }
  }

  // MARK: Positions

  private mutating func argument(_ nest: Visits.Nest, _ item: Int, _ items: [Int]) throws(Diagnostics) {
    let dtype = operandDType(item)
    let isLargest = recipes.isLargest(request.items[item].recipe)
    let worst: ReduceOp = isLargest ? .maximum : .minimum
    let best = writer.builder.variable(writer.builder.constant(worst.identity(dtype), dtype))
    let position = writer.builder.variable(writer.builder.constant(0, .i64))
    let outside = known
    let atom = Visits.atoms(nest.folded).first
    var index: Register?
    if let atom {
      let register = writer.builder.beginLoop(to: Affine(request.atoms[atom]), .sequential)
      open(atom, register)
      index = register
    }
    for member in items where member != item { try set(member) }
    let value = try operand(request.operandRange(item).lowerBound, place(item))
    if let index {
      var better = writer.builder.scalar(
        .less, .bool, source: dtype, isLargest ? [best, value] : [value, best])
      if dtype.isFloat {
        let isNaN = writer.builder.scalar(.notEqual, .bool, source: dtype, [value, value])
        let isKnown = writer.builder.scalar(.equal, .bool, source: dtype, [best, best])
        let first = writer.builder.scalar(.and, .bool, [isNaN, isKnown])
        better = writer.builder.scalar(.or, .bool, [better, first])
      }
      writer.builder.assign(
        best, writer.builder.scalar(.select, dtype, source: .bool, [better, value, best]))
      writer.builder.assign(
        position, writer.builder.scalar(.select, .i64, source: .bool, [better, index, position]))
    }
    for member in items where member != item { store(member) }
    if let atom {
      end(atom)
      known = outside
    }
    guard let root = request.results(item).first else { return }
    let own = tables.types.dtype(request.roots[Int(root)].type)
    known.roots[Int(root)] =
      own == .i64 ? position : writer.builder.scalar(.cast, own, source: .i64, [position])
    store(item)
  }
}
