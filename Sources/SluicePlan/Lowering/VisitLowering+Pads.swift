import SluiceIR

/// Elements with a border around them.
extension VisitLowering {
  /// Gives all elements of the pads of a nest the value of the border, before the nest stores those inside.
  ///
  /// The loops outside of padded axes stand around both, so that what is filled is still near when the elements come.
  mutating func fillPads(_ items: [Int]) throws(Diagnostics) {
    for item in items where request.items[item].role == .pad { try fill(item) }
  }

  /// How many of some loops, but for the innermost, stand outside of all padded axes of a nest: borders are filled
  /// inside of them.
  func leadingCount(_ loops: ArraySlice<Int>, _ items: [Int]) -> Int {
    var count = max(loops.count - 1, 0)
    for item in items where request.items[item].role == .pad {
      let (inside, whole) = (
        tables.types.shape(operandType(item)), tables.types.shape(request.resultType(item))
      )
      let leading = zip(inside, whole).prefix { $0 == $1 }.count
      let atoms = (0..<leading).compactMap { Visits.atom(request.items[item].atoms, $0) }
      count = min(count, loops.prefix { atoms.contains($0) }.count)
    }
    return count
  }

  private mutating func fill(_ item: Int) throws(Diagnostics) {
    guard let root = request.results(item).first, request.roots[Int(root)].needsMemory else { return }
    let outside = known
    let shape = tables.types.shape(request.roots[Int(root)].type)
    known.roots[Int(root)] = try operand(request.operandRange(item).lowerBound + 1, [])
    let atoms = shape.indices.map { Visits.atom(request.items[item].atoms, $0) }
    let blocked = atoms.compactMap { $0 }.filter { blocks[$0] != nil && indices[$0] == nil }
    for atom in blocked { begin(atom, .parallel) }
    var place: [Affine] = []
    let inner = shape.indices.filter { axis in
      shape[axis] != writer.one && atoms[axis].map { indices[$0] == nil } ?? true
    }
    for axis in shape.indices {
      guard inner.contains(axis) else {
        place.append(atoms[axis].flatMap { indices[$0] } ?? Affine(writer.zero))
        continue
      }
      let kind: Loop.Kind = axis == inner.last ? .vector : .parallel
      let index = writer.builder.beginLoop(to: Affine(shape[axis]), kind)
      place.append(Affine(writer.zero, [Affine.Term(writer.one, index)]))
    }
    store(root, at: place)
    for _ in inner { writer.builder.endLoop() }
    for atom in blocked.reversed() { end(atom) }
    known = outside
  }

  /// The place of an element in the result of an item that pads: behind the border.
  mutating func padded(_ item: Int, _ place: [Affine]) -> [Affine] {
    let record = recipes.records[request.items[item].recipe.index]
    var place = place
    for (axis, distance) in (tables.attributes.dims(record, .low) ?? []).enumerated() {
      place[axis].constant = tables.dims.add(place[axis].constant, distance) ?? place[axis].constant
    }
    return place
  }
}
