import SluiceIR

/// Products that sum the rows which a task makes block by block: each block goes into sums that wait in memory.
///
/// A chain of fused multiply-adds is stopped after a block and resumed with the next one. What waits is the sum with 0
/// that a finished chain becomes: along the way that changes a 0 for -0 at most, which the end does anyway.
extension VisitLowering {
  /// Whether a contraction sums the sweep of the kernel.
  func goesOn(_ item: Int) -> Bool {
    guard let sweep, request.items[item].role == .contract,
      request.items[item].nest != KernelRequest.derived
    else { return false }
    return summedAtoms(item).contains(sweep)
  }

  /// Lets the sums of such products begin with 0.
  mutating func beginChains() {
    for item in request.items.indices where goesOn(item) {
      let kept = openKept(request.items[item].nest)
      storeSum(item, writer.builder.constant(0, tables.types.dtype(request.resultType(item))))
      for atom in kept.reversed() { end(atom) }
    }
  }

  /// Takes a block of the sweep into the sums of a product, which runs in tiles where it can.
  mutating func resume(_ number: Int, _ item: Int, _ kept: [Int]) throws(Diagnostics) {
    let outside = known
    let facts = maskFacts(item)
    try makeOperandRow(item)
    try hoist(number)
    let tile = isTiled ? tile(item, kept) : nil
    let loops = kept.filter { $0 != tile?.lane && $0 != tile?.row }
    // Terms that a mask leaves out for a whole block do not exist. Where loops end is bounded by what is there anyway.
    bound(kept, by: facts.terms)
    for atom in kept where spans[atom]?.start != nil { unbound([atom]) }
    for atom in loops { begin(atom, tile == nil && atom == loops.last ? .vector : .parallel) }
    if let tile { begin(tile) }
    try takeBlock(item)
    if let tile { end(tile) }
    for atom in loops.reversed() { end(atom) }
    unbound(kept)
    known = outside
  }

  private mutating func takeBlock(_ item: Int) throws(Diagnostics) {
    guard let sweep, let sum = waitingSum(item) else { return }
    let dtype = tables.types.dtype(request.resultType(item))
    let part = writer.builder.variable(writer.builder.load(slot(of: sum.root, .read), sum.index))
    let isOpen = indices[sweep] != nil
    let outside = known
    if !isOpen { begin(sweep, .sequential) }
    writer.builder.assign(part, try term(item, dtype, part))
    if !isOpen { end(sweep) }
    known = outside
    let nothing = writer.builder.constant(0, dtype)
    storeSum(item, writer.builder.scalar(.add, dtype, [nothing, part]))
  }

  private mutating func storeSum(_ item: Int, _ value: Register) {
    guard let sum = waitingSum(item) else { return }
    let root = request.roots[Int(sum.root)]
    let dtype = tables.types.dtype(root.type)
    let stored = root.isExternal ? writer.builder.scalar(.canonical, dtype, [value]) : value
    writer.builder.store(slot(of: sum.root, .write), sum.index, stored)
  }

  /// Where the sum at the place of the loops waits: where it is stored in the end, by the product or by a copy of it.
  private mutating func waitingSum(_ item: Int) -> (root: KernelRequest.Number, index: Affine)? {
    guard let root = request.results(item).first else { return nil }
    var maker = item
    if !request.roots[Int(root)].needsMemory {
      let copy = request.items.indices.first { other in
        request.items[other].nest == request.items[item].nest && request.items[other].role == .copy
          && request.operands(other).first?.root == root
      }
      guard let copy else { return nil }
      maker = copy
    }
    guard let stored = request.results(maker).first else { return nil }
    let strides = tables.contiguousStrides(tables.types.shape(request.roots[Int(stored)].type))
    return (stored, index(writer.zero, strides, resultPlace(maker)))
  }
}
