import SluiceIR

/// Operands that contractions compute, and keep in rows of private memory.
extension VisitLowering {
  /// The operand of a contraction that is computed, and read again for every place along other axes.
  func computedOperand(_ item: Int) -> Int? {
    guard request.items[item].role == .contract else { return nil }
    let labels = recipes.labels(request.items[item].recipe)
    for position in 0..<2 {
      let operand = request.operandRows[request.operandRange(item).lowerBound + position]
      guard operand.root != .max else { continue }
      let maker = request.roots[Int(operand.root)].maker
      guard maker != .max, request.items[Int(maker)].nest == KernelRequest.derived else { continue }
      let own = position == 0 ? labels.lhs : labels.rhs
      if labels.result.contains(where: { !own.contains($0) }) { return position }
    }
    return nil
  }

  /// Per axis of an operand of a contraction its atom.
  func operandAtoms(_ item: Int, _ position: Int) -> [Int?] {
    let row = request.items[item]
    let labels = recipes.labels(row.recipe)
    let order = labels.result + recipes.summedLabels(row.recipe)
    return (position == 1 ? labels.rhs : labels.lhs).map { label in
      order.firstIndex(of: label).flatMap { Visits.atom(row.atoms, $0) }
    }
  }

  /// Computes the row of an operand that a contraction keeps.
  mutating func makeOperandRow(_ item: Int) throws(Diagnostics) {
    guard let position = computedOperand(item), keptOperand(item, position) == nil,
      !shareRow(item, position)
    else { return }
    try makePanel(item, position)
  }

  /// Lets a contraction read the row of another one that keeps the same elements, through a view of its own; false
  /// where there is none.
  private mutating func shareRow(_ item: Int, _ position: Int) -> Bool {
    let operand = request.operandRows[request.operandRange(item).lowerBound + position]
    let (atoms, place) = (operandAtoms(item, position), elementPlace(item, position))
    guard let other = operandRows.first(where: { $0.operand.root == operand.root && $0.place == place })
    else {
      return false
    }
    var row = other.row
    for (axis, atom) in atoms.enumerated() {
      guard let atom, let from = other.atoms.firstIndex(of: atom) else {
        row.strides[axis] = writer.zero
        continue
      }
      row.strides[axis] = other.row.strides[from]
    }
    operandRows.append((operand, atoms, place, row))
    return true
  }

  /// Which element of its root an operand of a contraction is, by the atoms, each of which stands for its index.
  mutating func elementPlace(_ item: Int, _ position: Int) -> [Affine] {
    let open = indices
    for atom in indices.indices { indices[atom] = Affine(writer.zero, [Affine.Term(writer.one, ~atom)]) }
    defer { indices = open }
    let operand = request.operandRows[request.operandRange(item).lowerBound + position]
    return rootPlace(operand, operandPlace(item, position, place(item)))
  }

  /// Writes an operand of a contraction to private memory, for the places of all loops that are not open.
  mutating func makePanel(_ item: Int, _ position: Int, innermost: [Int] = []) throws(Diagnostics) {
    let number = request.operandRange(item).lowerBound + position
    let operand = request.operandRows[number]
    let atoms = operandAtoms(item, position)
    let row = try self.row("panel", tables.types.dtype(operand.type), atoms, innermost: innermost)
    let outside = known
    var loops = atoms.compactMap { $0 }.filter { indices[$0] == nil }
    // Of windows that lanes run through, places of lanes come behind those of a window.
    if innermost.count > 1 || innermost.contains(where: { stepsInRow(item, position, $0) }) {
      loops = loops.filter { !innermost.contains($0) } + innermost
    }
    // What is the same for a whole row of a block is computed once for it.
    let rows = loops.prefix { blocks[$0] != nil }.count
    for (place, atom) in loops.enumerated() {
      if place == min(rows, loops.count - 1) { try hoist(Int(request.items[item].nest)) }
      begin(atom, place == loops.count - 1 ? .vector : .parallel)
    }
    let place = operandPlace(item, position, self.place(item))
    let value = try self.operand(number, place)
    writer.builder.store(row.memory, index(row, place), value)
    for atom in loops.reversed() { end(atom) }
    known = outside
    let elements = isComputed(item, position) ? elementPlace(item, position) : []
    operandRows.append((operand, atoms, elements, row))
  }

  /// The row in which an operand of a contraction is kept.
  func keptOperand(_ item: Int, _ position: Int) -> Row? {
    let operand = request.operandRows[request.operandRange(item).lowerBound + position]
    let atoms = operandAtoms(item, position)
    return operandRows.first { $0.operand == operand && $0.atoms == atoms }?.row
  }
}
