import SluiceIR

/// Contractions: sums of products, in tiles of rows and lanes.
extension VisitLowering {
  /// How many of the last loops of a contraction are written out, as the taps of a window: too short to run side by
  /// side, and a chain of sums for each of their places keeps the processor busy.
  ///
  /// What is stored lies along these loops last, so that each place of the others has elements of its own that lie
  /// behind each other.
  func unrolledCount(_ kept: [Int], _ items: [Int]) -> Int {
    guard let last = kept.last, let extent = tables.dims.value(request.atoms[last]), extent < 8 else {
      return 0
    }
    var (places, count): (Int64, Int) = (1, 0)
    for atom in kept.reversed() {
      guard let extent = tables.dims.value(request.atoms[atom]), extent > 0, extent < 8, places * extent <= 16
      else {
        break
      }
      places *= extent
      count += 1
    }
    let outer = Visits.atoms(request.nests[0].kept).filter { request.outer >> UInt32($0) & 1 == 1 }
    let loops = outer.filter { !kept.contains($0) } + kept
    let isLast = items.allSatisfy { item in
      let atoms = resultAtoms(item).compactMap { $0 }
      return atoms == loops.filter { atoms.contains($0) } && atoms.suffix(count) == kept.suffix(count)
    }
    return isLast ? count : 0
  }

  /// A sum of products at every place of some loops that are written out, and what is made of it: chains of fused
  /// multiply-adds from 0, added one after the other.
  mutating func contract(_ item: Int, _ post: [Int], unrolled: [Int]) throws(Diagnostics) {
    guard let root = request.results(item).first else { return }
    let dtype = tables.types.dtype(request.roots[Int(root)].type)
    let summed = Visits.atoms(request.nests[Int(request.items[item].nest)].folded)
    let chain = SumOrder.chain(summed.map { request.atoms[$0] }, tables)
    let places = places(of: unrolled)
    let totals = places.map { _ in writer.builder.variable(writer.builder.constant(0, dtype)) }
    let outside = known
    begin(chain, of: summed)
    let parts = places.map { _ in writer.builder.variable(writer.builder.constant(0, dtype)) }
    for atom in summed.dropFirst(chain.first) { begin(atom, .sequential) }
    for (place, part) in zip(places, parts) {
      go(to: place, unrolled)
      writer.builder.assign(part, try term(item, dtype, part))
      stateContraction(item, part)
    }
    for atom in summed.dropFirst(chain.first).reversed() { end(atom) }
    for (total, part) in zip(totals, parts) {
      writer.builder.assign(total, writer.builder.scalar(.add, dtype, [total, part]))
    }
    end(chain, of: summed)
    known = outside
    for (place, total) in zip(places, totals) {
      go(to: place, unrolled)
      known.roots[Int(root)] = total
      store(item)
      for item in post { try set(item) }
      for item in post { store(item) }
    }
    for atom in unrolled { indices[atom] = nil }
  }

  /// Opens the loops over the chains of a sum.
  mutating func begin(_ chain: SumOrder.Chain, of summed: [Int]) {
    for atom in summed.prefix(chain.first) { begin(atom, .sequential) }
    if let block = chain.block, chain.first < summed.count {
      openBlock(summed[chain.first], block, .sequential)
    }
  }

  mutating func end(_ chain: SumOrder.Chain, of summed: [Int]) {
    if chain.block != nil, chain.first < summed.count { endBlock(summed[chain.first]) }
    for atom in summed.prefix(chain.first).reversed() { end(atom) }
  }

  /// All places of some loops that are written out, in order.
  private mutating func places(of atoms: [Int]) -> [[DimID]] {
    var places: [[DimID]] = [[]]
    for atom in atoms {
      let count = tables.dims.value(request.atoms[atom]) ?? 1
      places = places.flatMap { place in (0..<count).map { place + [tables.dims.integer($0)] } }
    }
    return places
  }

  private mutating func go(to place: [DimID], _ atoms: [Int]) {
    for (atom, index) in zip(atoms, place) { indices[atom] = Affine(index) }
  }

  /// A partial sum with the product at the place of the loops.
  mutating func term(_ item: Int, _ dtype: DType, _ part: Register) throws(Diagnostics) -> Register {
    let a = try factor(item, 0)
    let b = try factor(item, 1)
    let next: Register
    if dtype.isFloat {
      next = writer.builder.scalar(.fma, dtype, [a, b, part])
    } else {
      let product = writer.builder.scalar(.multiply, dtype, [a, b])
      next = writer.builder.scalar(.add, dtype, [part, product])
    }
    if request.operandRange(item).count == 2 { return next }
    // Terms that the mask leaves out do not exist.
    return writer.builder.scalar(.select, dtype, source: .bool, [try factor(item, 2), next, part])
  }

  /// An operand of a contraction at the place of the loops: from the row in which it is kept, where there is one.
  private mutating func factor(_ item: Int, _ position: Int) throws(Diagnostics) -> Register {
    let row = request.operandRange(item).lowerBound + position
    let place = operandPlace(item, position, place(item))
    if let kept = keptOperand(item, position) {
      return element(Element(memory: kept.memory, index: index(kept, place)))
    }
    return try operand(row, place)
  }
}
