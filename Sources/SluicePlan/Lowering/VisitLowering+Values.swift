import SluiceIR

/// Elements at places: loaded, kept, or computed again.
extension VisitLowering {
  // MARK: Places

  /// The place of the loops in an item's space: per axis an index.
  func place(_ item: Int) -> [Affine] {
    let rank = spaceRank(item)
    return (0..<rank).map { axis in
      Visits.atom(request.items[item].atoms, axis).flatMap { indices[$0] } ?? Affine(writer.zero)
    }
  }

  private func spaceRank(_ item: Int) -> Int {
    let row = request.items[item]
    if request.target != .none { return tables.types.rank(operandType(item)) }
    switch row.role {
    case .fold, .argument: return tables.types.rank(operandType(item))
    case .contract:
      return tables.types.rank(request.resultType(item)) + recipes.summedLabels(row.recipe).count
    default: return tables.types.rank(request.resultType(item))
    }
  }

  /// The place of the loops in an item's result.
  mutating func resultPlace(_ item: Int) -> [Affine] {
    let own = place(item)
    let rank = tables.types.rank(request.resultType(item))
    let row = request.items[item]
    if row.role == .pad { return padded(item, own) }
    guard row.role.isReduction else { return Array(own.prefix(rank)) }
    let folded = recipes.axes[row.recipe.index]
    let place = leavesParts(item) ? part : Affine(writer.zero)
    if rank == own.count { return own.indices.map { folded.contains($0) ? place : own[$0] } }
    return own.indices.filter { !folded.contains($0) }.map { own[$0] }
  }

  /// Where an operand is read for a place of its item's space: per axis of the operand an index.
  func operandPlace(_ item: Int, _ position: Int, _ place: [Affine]) -> [Affine] {
    let row = request.items[item]
    let operand = request.operandRows[request.operandRange(item).lowerBound + position]
    let rank = tables.types.rank(operand.type)
    switch row.role {
    case .contract:
      let labels = recipes.labels(row.recipe)
      let order = labels.result + recipes.summedLabels(row.recipe)
      return (position == 1 ? labels.rhs : labels.lhs).map { label in
        order.firstIndex(of: label).map { place[$0] } ?? Affine(writer.zero)
      }
    case .gather where position == 1:
      let axis = recipes.axes[row.recipe.index].first
      return (0..<rank).map { place[axis + $0] }
    default: return Array(place.prefix(rank))
    }
  }

  /// `constant` plus strides times indices.
  mutating func index(_ constant: DimID, _ strides: [DimID], _ place: [Affine]) -> Affine {
    var result = Affine(constant)
    for (stride, index) in zip(strides, place) where stride != writer.zero {
      add(index, times: stride, to: &result)
    }
    return result
  }

  /// Where a row of private memory has the element of a place.
  mutating func index(_ row: Row, _ place: [Affine]) -> Affine {
    var result = index(writer.zero, row.strides, place)
    for (atom, stride) in row.blocks {
      guard let start = blocks[atom]?.start else { continue }
      let back = tables.dims.multiply(tables.dims.integer(-1), stride) ?? stride
      add(Affine(writer.zero, [Affine.Term(writer.one, start)]), times: back, to: &result)
    }
    return result
  }

  private mutating func add(_ index: Affine, times factor: DimID, to sum: inout Affine) {
    if let product = tables.dims.multiply(index.constant, factor),
      let constant = tables.dims.add(sum.constant, product)
    {
      sum.constant = constant
    }
    for term in index.terms {
      guard let coefficient = tables.dims.multiply(term.coefficient, factor) else { continue }
      if let known = sum.terms.firstIndex(where: { $0.register == term.register }) {
        let total = tables.dims.add(sum.terms[known].coefficient, coefficient) ?? coefficient
        sum.terms[known].coefficient = total
        if total == writer.zero { sum.terms.remove(at: known) }
      } else if coefficient != writer.zero {
        sum.terms.append(Affine.Term(coefficient, term.register))
      }
    }
  }

  // MARK: Operands

  /// Where the elements of a view are in its root.
  mutating func look(_ operand: KernelRequest.Operand) -> (offset: DimID, strides: [DimID]) {
    if operand.layout.isNone {
      return (operand.distance, tables.contiguousStrides(tables.types.shape(operand.type)))
    }
    let offset = writer.offset(layouts.offsets[operand.layout.index], operand.distance, &tables)
    return (offset, Array(layouts.strides(operand.layout)))
  }

  /// An operand at a place, per axis of its view: a constant, a register, loaded, or computed here.
  mutating func operand(_ row: Int, _ place: [Affine]) throws(Diagnostics) -> Register {
    let operand = request.operandRows[row]
    let dtype = tables.types.dtype(operand.type)
    if let bits = operand.splat { return writer.builder.constant(bits, dtype) }
    let root = request.roots[Int(operand.root)]
    guard root.maker != .max else {
      let (offset, strides) = look(operand)
      let slot = writer.slot(.root(operand.root, base: operand.base), dtype, .read)
      return element(Element(memory: slot, index: index(offset, strides, place)), foreign: root.isForeign)
    }
    if request.items[Int(root.maker)].nest == KernelRequest.derived {
      return try element(Int(root.maker), rootPlace(operand, place))
    }
    let register = known.roots[Int(operand.root)]
    if register >= 0 { return register }
    if root.needsMemory, rows[Int(operand.root)] == nil,
      root.isKept || request.items[Int(root.maker)].role == .contract
    {
      let (offset, strides) = look(operand)
      return element(Element(memory: slot(of: operand.root, .read), index: index(offset, strides, place)))
    }
    // A map whose row would be too long is made again.
    guard let kept = rows[Int(operand.root)] else {
      return try element(Int(root.maker), rootPlace(operand, place))
    }
    let place = rootPlace(operand, place)
    return element(Element(memory: kept.memory, index: index(kept, place)))
  }

  /// The place of a view as one of its root, which this kernel makes.
  mutating func rootPlace(_ operand: KernelRequest.Operand, _ place: [Affine]) -> [Affine] {
    if operand.layout.isNone { return place }
    let root = tables.types.shape(request.roots[Int(operand.root)].type)
    let (offset, strides) = look(operand)
    guard let map = tables.axisMap(root, offset, strides, tables.types.shape(operand.type)) else {
      preconditionFailure("a view of a computed value is a map of axes")
    }
    var result = map.starts.map { Affine($0) }
    for axis in map.axes.indices where map.axes[axis] >= 0 {
      add(place[axis], times: map.steps[axis], to: &result[map.axes[axis]])
    }
    return result
  }

  /// An element that is loaded, once in its scope.
  mutating func element(_ element: Element, foreign: Bool = false) -> Register {
    if let register = known.elements[element] { return register }
    var value = writer.builder.load(element.memory, element.index)
    if foreign, writer.builder.kernel.registers[value] == .bool {
      // Bytes of the caller may hold anything: what is not 0 is true.
      value = writer.builder.scalar(
        .notEqual, .bool, source: .bool, [value, writer.builder.constant(0, .bool)])
    }
    known.elements[element] = value
    return value
  }

  /// What an item computes at a place of its space, once in its scope.
  mutating func element(_ item: Int, _ place: [Affine]) throws(Diagnostics) -> Register {
    let key = Place(item: item, index: place)
    if let register = known.places[key] { return register }
    let row = request.items[item]
    let first = request.operandRange(item).lowerBound
    let value: Register
    switch row.role {
    case .copy, .pad: value = try operand(first, place)
    case .map:
      var parameters: [Register] = []
      for position in request.operandRange(item).indices {
        parameters.append(try operand(position, operandPlace(item, position - first, place)))
      }
      value = writer.builder.inline(recipes.program(row.recipe), parameters)
    case .generate: value = try generate(item, place)
    case .slice: value = try slicedElement(item, place)
    case .gather, .gatherAlong: value = try gather(item, place)
    default: preconditionFailure("no elements at single places")
    }
    known.places[key] = value
    return value
  }

  // MARK: Ahead of loops

  /// Computes what a nest needs and what is the same in all of its loops that are not yet open.
  mutating func hoist(_ nest: Int) throws(Diagnostics) {
    hoistedNest = UInt8(nest)
    // An index that is not there yet is a register that does not exist.
    let open = indices
    for atom in indices.indices where indices[atom] == nil {
      indices[atom] = Affine(writer.zero, [Affine.Term(writer.one, -1)])
    }
    defer { indices = open }
    for item in request.items.indices where request.items[item].nest == UInt8(nest) {
      try hoist(item, place(item))
    }
  }

  private mutating func hoist(_ item: Int, _ place: [Affine]) throws(Diagnostics) {
    try prepare(item)
    let first = request.operandRange(item).lowerBound
    for row in request.operandRange(item) {
      let operand = request.operandRows[row]
      if operand.splat != nil { continue }
      if request.items[item].role.isIndexed && row == first { continue }
      let own = operandPlace(item, row - first, place)
      if isKnown(row, own) {
        _ = try self.operand(row, own)
      } else {
        let maker = request.roots[Int(operand.root)].maker
        guard maker != .max, isMadeHere(operand.root) else { continue }
        try hoist(Int(maker), rootPlace(operand, own))
      }
    }
  }

  /// Whether a value of the kernel is computed where it is read: it is derived, or a map of an earlier
  /// nest that nobody keeps.
  private func isMadeHere(_ number: KernelRequest.Number) -> Bool {
    let root = request.roots[Int(number)]
    let maker = request.items[Int(root.maker)]
    if maker.nest == KernelRequest.derived { return true }
    return maker.role == .map && maker.nest < hoistedNest && !root.isKept && known.roots[Int(number)] < 0
  }

  /// Whether an operand at a place can be computed before any further loop is opened, and exists even where that would
  /// not run.
  private mutating func isKnown(_ row: Int, _ place: [Affine]) -> Bool {
    let operand = request.operandRows[row]
    if operand.splat != nil { return true }
    let root = request.roots[Int(operand.root)]
    if root.maker == .max {
      let shape = tables.types.shape(operand.type)
      let (_, strides) = look(operand)
      for axis in shape.indices {
        if strides[axis] == writer.zero { continue }
        if place[axis].terms.contains(where: { $0.register < 0 }) { return false }
        if tables.dims.value(shape[axis]) == nil, place[axis].terms.isEmpty { return false }
      }
      return tables.types.shape(root.type).allSatisfy { tables.dims.value($0).map { $0 > 0 } ?? true }
        && (tables.types.rank(root.type) == 0 || shape.indices.contains { !place[$0].terms.isEmpty }
          || tables.types.shape(root.type).allSatisfy { tables.dims.value($0) != nil })
    }
    if known.roots[Int(operand.root)] >= 0 { return true }
    guard isMadeHere(operand.root) else { return false }
    let item = Int(root.maker)
    let own = rootPlace(operand, place)
    switch request.items[item].role {
    case .map, .copy:
      let first = request.operandRange(item).lowerBound
      return request.operandRange(item).allSatisfy { isKnown($0, operandPlace(item, $0 - first, own)) }
    case .generate: return own.allSatisfy { !$0.terms.contains { $0.register < 0 } }
    default: return false
    }
  }

  // MARK: Rows

  /// Declares the rows of values that later nests read.
  mutating func makeRows() throws(Diagnostics) {
    for (item, row) in request.items.enumerated() where row.nest != KernelRequest.derived {
      for root in request.results(item) {
        let own = request.roots[Int(root)]
        guard own.isKept else { continue }
        let atoms = resultAtoms(item)
        let inner = atoms.compactMap { $0 }.filter { indices[$0] == nil }
        // Single values of the rows of a block stay at hand, even if they are in memory, too.
        guard !inner.isEmpty,
          !own.needsMemory || !liesTogether(atoms) || inner.allSatisfy({ blocks[$0] != nil })
        else { continue }
        rows[Int(root)] = try self.row("row", tables.types.dtype(own.type), atoms)
      }
    }
  }

  /// Whether what one outer place makes lies behind each other in memory: the outer axes come first.
  private func liesTogether(_ atoms: [Int?]) -> Bool {
    let isOuter = atoms.compactMap { $0.map { indices[$0] != nil } }
    return !zip(isOuter, isOuter.dropFirst()).contains { !$0 && $1 }
  }

  /// The atom of every axis of an item's result.
  func resultAtoms(_ item: Int) -> [Int?] {
    let list = request.items[item].atoms
    let rank = tables.types.rank(request.resultType(item))
    let own = (0..<spaceRank(item)).map { Visits.atom(list, $0) }
    guard request.items[item].role.isReduction else { return Array(own.prefix(rank)) }
    let folded = recipes.axes[request.items[item].recipe.index]
    if rank == own.count { return own.indices.map { folded.contains($0) ? nil : own[$0] } }
    return own.indices.filter { !folded.contains($0) }.map { own[$0] }
  }

  /// A row of private memory for the places of the loops that are not open: per axis its atom, of which some may be
  /// asked to come last, so that the neighbours of the last one lie side by side.
  mutating func row(
    _ name: String, _ dtype: DType, _ atoms: [Int?], innermost: [Int] = []
  ) throws(Diagnostics) -> Row {
    var extents: [DimID] = []
    for atom in atoms {
      guard let atom, indices[atom] == nil else {
        extents.append(writer.one)
        continue
      }
      if let block = blocks[atom], block.start != nil {
        extents.append(tables.dims.integer(block.size))
      } else {
        extents.append(extent(atom))
      }
    }
    var count = writer.one
    for extent in extents { count = try tables.product(count, extent) }
    var strides = tables.contiguousStrides(extents)
    let last = innermost.compactMap { atom in atoms.lastIndex { $0 == atom } }
    if !last.isEmpty {
      let order = extents.indices.filter { !last.contains($0) } + last
      for (axis, stride) in zip(order, tables.contiguousStrides(order.map { extents[$0] })) {
        strides[axis] = stride
      }
    }
    for axis in extents.indices where extents[axis] == writer.one { strides[axis] = writer.zero }
    var row = Row(memory: writer.builder.local(name, dtype, count), strides: strides)
    for (axis, atom) in atoms.enumerated() {
      if let atom, indices[atom] == nil, blocks[atom] != nil { row.blocks.append((atom, strides[axis])) }
    }
    return row
  }
}
