import SluiceIR

/// Lowers a request that runs in nests of loops: maps, folds, contractions, copies, gathers and generated values.
///
/// The outer loops stand around all nests; a kernel of one nest has no others. Values of one place are registers,
/// those that a later nest reads are rows of private memory, and derived items are computed where they are read.
struct VisitLowering {
  /// An element of an array: a memory and an index.
  struct Element: Hashable {
    var memory: Memory
    var index: Affine
  }

  /// An item at a place of its space.
  struct Place: Hashable {
    var item: Int
    var index: [Affine]
  }

  /// What is known where the next instruction stands; forgotten at the end of the loop.
  struct Known {
    var elements: [Element: Register] = [:]
    var places: [Place: Register] = [:]
    /// Per root the register of its element at the place of the loops; -1 for none.
    var roots: [Register]
    /// Per item that is a slice where its part begins: steps times clamped starts.
    var starts: [[Affine.Term]?]
  }

  /// A row of private memory: the distance between neighbours per axis of what it holds.
  struct Row {
    var memory: Memory
    var strides: [DimID]
    /// The atoms of which it holds one block, and the distance between neighbours along each.
    var blocks: [(atom: Int, stride: DimID)] = []
  }

  /// The block of an atom that is open: loops over the atom run through it.
  struct Block {
    /// The first place in it; nil where the block is all there is.
    var start: Register?
    /// How many places it has at most.
    var size: Int
    /// Whether a loop was opened for it.
    var isLoop: Bool
    /// Where loops through it begin and end instead, where a mask leaves the rest out.
    var narrowed: Span?
  }

  let request: KernelRequest
  /// The atom whose blocks come one after the other in a task; nil for none.
  let sweep: Int?
  /// Which part of the sweep is open.
  var part: Affine
  let recipes: RecipeTable
  let layouts: LayoutTable
  var tables = Tables()
  var writer: KernelWriter
  /// Per atom the index of its loop; nil where none is open.
  var indices: [Affine?]
  var known: Known
  /// Per root the row in which it is kept.
  var rows: [Row?]
  /// Rows that contractions keep of operands: by root, view and place of the outer loops, and by the elements.
  var operandRows: [(operand: KernelRequest.Operand, atoms: [Int?], place: [Affine], row: Row)] = []
  /// The root whose sums wait in private memory, though others read it from memory.
  var heldBack: KernelRequest.Number?
  /// What was decided about contractions.
  var choices: [LoweringChoice] = []
  /// Per atom the block of it that is open.
  var blocks: [Block?]
  /// Per atom where its loops begin and end, where a mask leaves the rest out.
  var spans: [Span?]
  /// Atoms whose loop runs through the loop of the atom before it too.
  let merged: UInt32
  /// Whether loops run in blocks and contractions in tiles.
  let isTiled: Bool
  /// The nest whose values are computed ahead of its loops.
  var hoistedNest: UInt8 = 0
  /// The atoms whose loops may be merged, outermost first.
  private let order: [Int]
  /// Per atom the registers of its loops.
  private var openings: [[Register]]
  /// Set while the form for empty axes is emitted, where every gathered element is 0.
  private(set) var gathersZero = false

  /// The kernel of a request; dims that it makes go into the tables.
  static func lower(
    _ request: KernelRequest, _ recipes: RecipeTable, _ layouts: LayoutTable, _ tables: inout Tables,
    name: String
  ) throws(Diagnostics) -> LoweredKernel {
    let (plain, merged) = try attempt(request, recipes, layouts, &tables, name, merging: nil)
    if merged == 0, !request.nests.contains(where: \.contracts) { return plain }
    return try attempt(request, recipes, layouts, &tables, name, merging: merged).kernel
  }

  /// The kernel with some loops merged and in blocks, or with every loop on its own; and which loops every access in
  /// that sees as one with the next.
  private static func attempt(
    _ request: KernelRequest, _ recipes: RecipeTable, _ layouts: LayoutTable, _ tables: inout Tables,
    _ name: String, merging merged: UInt32?
  ) throws(Diagnostics) -> (kernel: LoweredKernel, mergeable: UInt32) {
    var lowering = VisitLowering(request, recipes, layouts, moving: &tables, name, merged)
    defer { swap(&tables, &lowering.tables) }
    try lowering.lower()
    let next = merged == nil ? lowering.mergeable() : 0
    var lowered = lowering.writer.finish(lowering.tables)
    lowered.choices = lowering.choices
    return (lowered, next)
  }

  private init(
    _ request: KernelRequest, _ recipes: RecipeTable, _ layouts: LayoutTable, moving tables: inout Tables,
    _ name: String, _ merged: UInt32?
  ) {
    self.request = request
    sweep = request.sweep == Visits.noSweep ? nil : Int(request.sweep)
    self.recipes = recipes
    self.layouts = layouts
    self.merged = merged ?? 0
    isTiled = merged != nil
    indices = [Affine?](repeating: nil, count: request.atoms.count)
    blocks = [Block?](repeating: nil, count: request.atoms.count)
    spans = [Span?](repeating: nil, count: request.atoms.count)
    openings = [[Register]](repeating: [], count: request.atoms.count)
    let kept = request.nests.first.map { Visits.atoms($0.kept) } ?? []
    order = kept.filter { request.outer >> UInt32($0) & 1 == 1 || request.nests.count == 1 }
    rows = [Row?](repeating: nil, count: request.roots.count)
    known = Known(
      roots: [Register](repeating: -1, count: request.roots.count),
      starts: [[Affine.Term]?](repeating: nil, count: request.items.count))
    writer = KernelWriter(name, &tables)
    part = Affine(writer.zero)
    swap(&self.tables, &tables)
  }

  private mutating func lower() throws(Diagnostics) {
    guard let empty = try emptyGatherGuard() else { return try emitVisit() }
    let count = writer.builder.index(Affine(empty))
    let nothing = writer.builder.constant(0, .i64)
    let some = writer.builder.scalar(.less, .bool, source: .i64, [nothing, count])
    let start = known
    writer.builder.begin(if: some)
    try emitVisit()
    writer.builder.endLoop()
    known = start
    rows = [Row?](repeating: nil, count: request.roots.count)
    gathersZero = true
    let none = writer.builder.scalar(.not, .bool, [some])
    writer.builder.begin(if: none)
    try emitVisit()
    writer.builder.endLoop()
  }

  /// Whether nests share outer loops, so that something may be kept in rows between them, or whether borders and what
  /// they surround do.
  private var isShared: Bool {
    request.nests.count > 1 || sweep != nil
      || request.items.indices.contains { request.items[$0].role == .pad || computedOperand($0) != nil }
  }

  private mutating func emitVisit() throws(Diagnostics) {
    let start = known
    guard isShared, let first = request.nests.first else {
      for nest in request.nests.indices { try emit(nest, inside: 0) }
      known = start
      return
    }
    // The outer loops stand in the order of the first nest.
    var outer = Visits.atoms(first.kept).filter { request.outer >> UInt32($0) & 1 == 1 && $0 != sweep }
    if let sweep { outer.append(sweep) }
    assert(outer.count == request.outer.nonzeroBitCount)
    for nest in request.nests.indices { try hoist(nest) }
    var rows = rowBlock(outer)
    if sweep != nil, rows?.atom != sweep { rows = nil }
    for atom in outer where atom != rows?.atom && atom != sweep { begin(atom, .parallel) }
    if let sweep { try beginParts(sweep, rows?.size) } else if let rows { openBlock(rows.atom, rows.size) }
    try makeRows()
    let open = request.outer & ~(rows.map { 1 << UInt32($0.atom) } ?? 0)
    for nest in request.nests.indices { try emit(nest, inside: open) }
    if let sweep { endParts(sweep, rows?.size) } else if let rows { endBlock(rows.atom) }
    for atom in outer.reversed() where atom != rows?.atom && atom != sweep { end(atom) }
    operandRows.removeAll()
    known = start
  }

  // MARK: Loops

  /// Opens the loop of an atom; one that is merged into the next has none.
  mutating func begin(_ atom: Int, _ kind: Loop.Kind) {
    if merged >> UInt32(atom) & 1 == 1 {
      indices[atom] = Affine(writer.zero)
      return
    }
    guard let block = blocks[atom], let first = block.start else {
      return open(atom, beginLoop(atom, step: 1, kind))
    }
    let start = Affine(writer.zero, [Affine.Term(writer.one, first)])
    let end = Affine(tables.dims.integer(block.size), start.terms)
    let limit = block.narrowed?.end ?? Affine(extent(atom))
    open(
      atom, writer.builder.beginLoop(from: block.narrowed?.start ?? start, to: end, limit: limit, kind))
  }

  /// Opens a loop from the first to the last place of an atom; gives its index.
  private mutating func beginLoop(_ atom: Int, step: Int, _ kind: Loop.Kind) -> Register {
    let whole = Affine(extent(atom))
    guard let span = spans[atom] else { return writer.builder.beginLoop(to: whole, step: step, kind) }
    let limit = span.end == nil || span.isInside ? nil : whole
    return writer.builder.beginLoop(from: span.start, to: span.end ?? whole, limit: limit, step: step, kind)
  }

  /// Opens a loop over the blocks of an atom, through which its loops run until `endBlock`.
  ///
  /// Where one block is all there is, there is no such loop, or one of one iteration where private memory is to live
  /// in it.
  mutating func openBlock(_ atom: Int, _ size: Int, _ kind: Loop.Kind = .parallel, always: Bool = false) {
    let extent = extent(atom)
    if tables.dims.bound(extent).map({ $0 > Int64(size) }) ?? true {
      let start = beginLoop(atom, step: size, kind)
      let narrowed = spans[atom].map { Span(end: $0.end, isInside: true) }
      blocks[atom] = Block(start: start, size: size, isLoop: true, narrowed: narrowed)
    } else {
      if always { _ = writer.builder.beginLoop(to: Affine(writer.one), kind) }
      blocks[atom] = Block(start: nil, size: size, isLoop: always)
    }
  }

  mutating func endBlock(_ atom: Int) {
    if let block = blocks[atom], block.isLoop { writer.builder.endLoop() }
    blocks[atom] = nil
  }

  /// Notes the index of an atom whose loop was opened.
  mutating func open(_ atom: Int, _ index: Register) {
    openings[atom].append(index)
    indices[atom] = Affine(writer.zero, [Affine.Term(writer.one, index)])
  }

  mutating func end(_ atom: Int) {
    indices[atom] = nil
    if merged >> UInt32(atom) & 1 == 0 { writer.builder.endLoop() }
  }

  /// The extent of the loop of an atom, with those of the atoms that are merged into it.
  mutating func extent(_ atom: Int) -> DimID {
    var extent = request.atoms[atom]
    guard merged != 0, let position = order.firstIndex(of: atom) else { return extent }
    for before in order[..<position].reversed() {
      guard merged >> UInt32(before) & 1 == 1 else { break }
      extent = tables.dims.multiply(request.atoms[before], extent) ?? extent
    }
    return extent
  }

  /// The kept atoms whose loops every access of the kernel sees as one with that of the next.
  private mutating func mergeable() -> UInt32 {
    var result: UInt32 = 0
    for (first, second) in zip(order, order.dropFirst())
    where openings[first].count == 1 && openings[second].count == 1 {
      if isOne(openings[first][0], openings[second][0], request.atoms[second]) {
        result |= 1 << UInt32(first)
      }
    }
    return result
  }

  /// Whether two indices stand in index expressions only, the first always with `extent` times the second's factor.
  private mutating func isOne(_ first: Register, _ second: Register, _ extent: DimID) -> Bool {
    for instruction in writer.builder.kernel.instructions {
      for affine in instruction.affines {
        let a = affine.terms.first { $0.register == first }?.coefficient ?? writer.zero
        let b = affine.terms.first { $0.register == second }?.coefficient ?? writer.zero
        guard tables.dims.multiply(b, extent) == a else { return false }
      }
      if instruction.operands.contains(where: { $0 == first || $0 == second }) { return false }
    }
    return true
  }
}

extension Instruction {
  /// The registers that it reads outside of index expressions.
  fileprivate var operands: [Register] {
    switch self {
    case .scalar(let scalar): scalar.operands
    case .store(_, _, let value), .assign(_, let value): [value]
    case .accumulate(let accumulator, _, let value): [accumulator, value]
    case .if(let condition): [condition]
    case .index, .load, .local, .loop, .end: []
    }
  }
}
