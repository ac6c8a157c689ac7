import SluiceIR

/// Lowers a request that runs element by element: maps, folds, copies, gathers and generated values in one nest of
/// loops.
struct LoopLowering {
  /// An element to store at every place of the space.
  private struct Store {
    /// The result; `UInt32.max` for the operand of an assign.
    var root: KernelRequest.Number
    var isExternal: Bool
  }

  /// One loop of the nest: adjacent axes that every access sees as one.
  private struct Axis {
    /// The innermost axis of the space that it stands for.
    var axis: Int
    var extent: DimID
    var isFolded: Bool
    var register: Register = 0
  }

  /// How a view is read: its root, the base that the caller adds, the offset and strides that are left.
  struct Look: Hashable {
    var root: KernelRequest.Number
    var base: KernelRequest.Number
    var offset: DimID
    var strides: [DimID]
  }

  /// A fold under way: its result so far, and that of the part at hand.
  private struct Total {
    var total: Register = -1
    var part: Register = -1
  }

  let request: KernelRequest
  let recipes: RecipeTable
  private let layouts: LayoutTable
  var tables = Tables()
  var writer: KernelWriter
  /// The dims of the space.
  let space: [DimID]
  private var axes: [Axis] = []
  private var stores: [Store] = []
  /// Per root the register of its element; -1 for none.
  private(set) var registers: [Register]
  /// The register of an assign's operand.
  private var assigned: Register = -1
  private var loads: [Look: Register] = [:]
  /// Per item its fold.
  private var totals: [Total]
  /// Per item that is a slice where its part begins: steps times clamped starts.
  var starts: [[Affine.Term]]
  /// Set while the form for empty axes is emitted, where every gathered element is 0.
  private(set) var gathersZero = false

  /// The largest number of elements that one partial sum takes in.
  static let blockLength = 1024
  /// How many partial results a fold along the last axis keeps.
  static let laneCount = 8

  /// The kernel of a request; dims that it makes go into the tables.
  static func lower(
    _ request: KernelRequest, _ recipes: RecipeTable, _ layouts: LayoutTable, _ tables: inout Tables,
    name: String
  ) throws(Diagnostics) -> LoweredKernel {
    var lowering = LoopLowering(request, recipes, layouts, moving: &tables, name)
    defer { swap(&tables, &lowering.tables) }
    try lowering.lower()
    return lowering.writer.finish(lowering.tables)
  }

  private init(
    _ request: KernelRequest, _ recipes: RecipeTable, _ layouts: LayoutTable, moving tables: inout Tables,
    _ name: String
  ) {
    self.request = request
    self.recipes = recipes
    self.layouts = layouts
    space = tables.types.shape(request.space)
    registers = [Register](repeating: -1, count: request.roots.count)
    totals = [Total](repeating: Total(), count: request.items.count)
    starts = [[Affine.Term]](repeating: [], count: request.items.count)
    writer = KernelWriter(name, &tables)
    swap(&self.tables, &tables)
  }

  private mutating func lower() throws(Diagnostics) {
    collectStores()
    try mergeAxes()
    guard let empty = try emptyGatherGuard() else { return try emitNest() }
    let count = writer.builder.index(Affine(empty))
    let nothing = writer.builder.constant(0, .i64)
    let some = writer.builder.scalar(.less, .bool, source: .i64, [nothing, count])
    writer.builder.begin(if: some)
    try emitNest()
    writer.builder.endLoop()
    gathersZero = true
    let none = writer.builder.scalar(.not, .bool, [some])
    writer.builder.begin(if: none)
    try emitNest()
    writer.builder.endLoop()
  }

  // MARK: Shape of the nest

  private mutating func collectStores() {
    if request.target != .none {
      stores.append(Store(root: .max, isExternal: request.target == .outside))
    }
    for item in request.items.indices where !request.items[item].role.isReduction {
      for root in request.results(item) where request.roots[Int(root)].needsMemory {
        stores.append(Store(root: root, isExternal: request.roots[Int(root)].isExternal))
      }
    }
  }

  private mutating func mergeAxes() throws(Diagnostics) {
    let patterns = try accessPatterns()
    let keepsAxes = isArgument || isOrdered
    for axis in space.indices where space[axis] != writer.one {
      let isFolded = request.foldedAxes.contains(axis)
      guard let last = axes.last, last.isFolded == isFolded,
        (last.axis + 1..<axis).allSatisfy({ space[$0] == writer.one }), !(keepsAxes && isFolded),
        patterns.allSatisfy({ tables.dims.multiply($0[axis], space[axis]) == $0[last.axis] })
      else {
        axes.append(Axis(axis: axis, extent: space[axis], isFolded: isFolded))
        continue
      }
      axes[axes.count - 1].extent = try tables.product(last.extent, space[axis])
      axes[axes.count - 1].axis = axis
    }
  }

  /// The strides of everything that depends on the place in the space.
  private mutating func accessPatterns() throws(Diagnostics) -> [[DimID]] {
    var patterns: [[DimID]] = []
    if !stores.isEmpty { patterns.append(tables.contiguousStrides(space)) }
    for (item, row) in request.items.enumerated() {
      switch row.role {
      case .fold, .argument: patterns.append(resultStrides())
      case .generate:
        switch recipes.generator(row.recipe) {
        case .iota: patterns.append(iotaStrides(row.recipe))
        case .randomBits: patterns.append(tables.contiguousStrides(space))
        case .size: break
        }
        continue
      case .slice:
        patterns.append(look(request.operandRange(item).lowerBound).strides)
        continue
      case .gather, .gatherAlong:
        let access = gatherAccess(item)
        patterns.append(access.data.strides)
        patterns.append(access.indices.strides)
        continue
      default: break
      }
      for operand in request.operandRange(item) where request.operandRows[operand].edge == .memory {
        patterns.append(look(operand).strides)
      }
    }
    return patterns
  }

  /// Strides of a fold's result over the whole space: 0 along the folded axes.
  private mutating func resultStrides() -> [DimID] {
    let shape = space.indices.map { request.foldedAxes.contains($0) ? writer.one : space[$0] }
    let strides = tables.contiguousStrides(shape)
    return space.indices.map { request.foldedAxes.contains($0) ? writer.zero : strides[$0] }
  }

  func iotaStrides(_ recipe: RecipeID) -> [DimID] {
    space.indices.map { recipes.axes[recipe.index].contains($0) ? writer.one : writer.zero }
  }

  /// How an operand is read; a repeated constant counts as one without strides.
  mutating func look(_ row: Int) -> Look {
    let operand = request.operandRows[row]
    let rank = tables.types.rank(operand.type)
    if operand.edge == .splat {
      let zeros = [DimID](repeating: writer.zero, count: rank)
      return Look(root: .max, base: 0, offset: writer.zero, strides: zeros)
    }
    if operand.layout.isNone {
      let strides = tables.contiguousStrides(tables.types.shape(operand.type))
      return Look(root: operand.root, base: operand.base, offset: operand.distance, strides: strides)
    }
    let offset = writer.offset(layouts.offsets[operand.layout.index], operand.distance, &tables)
    return Look(
      root: operand.root, base: operand.base, offset: offset,
      strides: Array(layouts.strides(operand.layout)))
  }

  // MARK: Loops

  private mutating func emitNest() throws(Diagnostics) {
    for root in registers.indices { registers[root] = -1 }
    loads.removeAll(keepingCapacity: true)
    for item in totals.indices { totals[item] = Total() }
    try emitStarts()
    if !request.hasFolds { return try emitMap() }
    let lastIsFolded = axes.last?.isFolded ?? true
    let kept = axes.indices.filter { !axes[$0].isFolded }
    let folded = axes.indices.filter { axes[$0].isFolded }
    for position in kept {
      begin(position, position == kept.last && !lastIsFolded ? .vector : .parallel)
    }
    for item in request.items.indices { beginFold(item) }
    // Only the last axis of the space runs in lanes, so that a symbolic dim that happens to be 1 changes no bit.
    let hasLanes = lastIsFolded && axes.last?.axis == space.count - 1 && !isArgument
    try emitFolded(folded[...], lanes: hasLanes ? Self.laneCount : 1)
    for item in request.items.indices { endFold(item) }
    for _ in kept { writer.builder.endLoop() }
  }

  private var isArgument: Bool { request.items.contains { $0.role == .argument } }

  private mutating func emitMap() throws(Diagnostics) {
    for position in axes.indices { begin(position, position == axes.count - 1 ? .vector : .parallel) }
    try emitBody(lanes: 1)
    for _ in axes { writer.builder.endLoop() }
  }

  private mutating func begin(_ position: Int, _ kind: Loop.Kind) {
    axes[position].register = writer.builder.beginLoop(to: Affine(axes[position].extent), kind)
  }

  /// The folded axes from the first of `rest` on, in blocks where sums of floats would get long.
  ///
  /// Along each axis the results of the axes inside it are taken in. So the order of a sum depends on its axes
  /// alone, not on where its terms come from, and is the same fused or not.
  private mutating func emitFolded(_ rest: ArraySlice<Int>, lanes: Int) throws(Diagnostics) {
    guard let position = rest.first else {
      return try emitBlock { (self: inout LoopLowering) throws(Diagnostics) in try self.emitBody(lanes: 1) }
    }
    let extent = axes[position].extent
    let kind: Loop.Kind = rest.count == 1 && lanes > 1 ? .lanes(lanes) : .sequential
    let isShort = tables.dims.bound(extent).map { $0 <= Int64(Self.blockLength) } ?? false
    var (start, end, limit): (Affine?, Affine, Affine?) = (nil, Affine(extent), nil)
    let isWhole = isShort || !isOrdered
    if !isWhole {
      let block = writer.builder.beginLoop(to: Affine(extent), step: Self.blockLength, .sequential)
      start = Affine(writer.zero, [Affine.Term(writer.one, block)])
      end = Affine(tables.dims.integer(Self.blockLength), [Affine.Term(writer.one, block)])
      limit = Affine(extent)
    }
    try emitBlock { (self: inout LoopLowering) throws(Diagnostics) in
      self.axes[position].register = self.writer.builder.beginLoop(
        from: start, to: end, limit: limit, kind)
      if rest.count == 1 {
        try self.emitBody(lanes: lanes)
      } else {
        try self.emitInner(rest.dropFirst(), lanes)
      }
      self.writer.builder.endLoop()
    }
    if !isWhole { writer.builder.endLoop() }
  }

  /// One step of an outer folded axis: the axes inside it are folded, then the partial results take that in.
  private mutating func emitInner(_ rest: ArraySlice<Int>, _ lanes: Int) throws(Diagnostics) {
    let outer = totals
    for item in request.items.indices { beginFold(item) }
    try emitFolded(rest, lanes: lanes)
    for (item, row) in request.items.enumerated() where row.role == .fold {
      let scalar = recipes.fold(row.recipe).scalar
      writer.builder.assign(
        outer[item].part,
        writer.builder.scalar(scalar, operandType(item), [outer[item].part, totals[item].total]))
    }
    totals = outer
  }

  /// Whether the order of a fold can be seen in its result: sums and products of floats.
  private var isOrdered: Bool {
    request.items.indices.contains { item in
      guard request.items[item].role == .fold else { return false }
      let fold = recipes.fold(request.items[item].recipe)
      return (fold == .sum || fold == .product) && tables.types.dtype(request.resultType(item)).isFloat
    }
  }

  // MARK: Folds

  /// The dtype of an item's first operand.
  private func operandType(_ item: Int) -> DType {
    tables.types.dtype(request.operandRows[request.operandRange(item).lowerBound].type)
  }

  private mutating func beginFold(_ item: Int) {
    let row = request.items[item]
    guard row.role.isReduction else { return }
    let dtype = operandType(item)
    if row.role == .fold {
      let identity = recipes.fold(row.recipe).identity(dtype)
      let total = writer.builder.variable(writer.builder.constant(identity, dtype))
      totals[item] = Total(total: total, part: total)
    } else {
      let worst: ReduceOp = recipes.isLargest(row.recipe) ? .maximum : .minimum
      let best = writer.builder.variable(writer.builder.constant(worst.identity(dtype), dtype))
      let place = writer.builder.variable(writer.builder.constant(0, .i64))
      totals[item] = Total(total: best, part: place)
    }
  }

  /// Runs a part of a fold: every fold gets a partial result, which then goes into the total.
  private mutating func emitBlock(
    _ body: (inout LoopLowering) throws(Diagnostics) -> Void
  ) throws(Diagnostics) {
    for (item, row) in request.items.enumerated() where row.role == .fold {
      let dtype = operandType(item)
      let identity = recipes.fold(row.recipe).identity(dtype)
      totals[item].part = writer.builder.variable(writer.builder.constant(identity, dtype))
    }
    let (kept, known) = (loads, registers)
    try body(&self)
    (loads, registers) = (kept, known)
    for (item, row) in request.items.enumerated() where row.role == .fold {
      let (total, part) = (totals[item].total, totals[item].part)
      let scalar = recipes.fold(row.recipe).scalar
      writer.builder.assign(total, writer.builder.scalar(scalar, operandType(item), [total, part]))
    }
  }

  private mutating func endFold(_ item: Int) {
    guard request.items[item].role.isReduction, let root = request.results(item).first,
      request.roots[Int(root)].needsMemory
    else { return }
    let dtype = tables.types.dtype(request.roots[Int(root)].type)
    var value = totals[item].total
    if isArgument { value = writer.builder.scalar(.cast, dtype, source: .i64, [totals[item].part]) }
    let strides = resultStrides()
    let terms = axes.filter { !$0.isFolded }.map { (strides[$0.axis], $0.register) }
    if request.roots[Int(root)].isExternal, dtype.isFloat {
      value = writer.builder.scalar(.canonical, dtype, [value])
    }
    let slot = writer.slot(.root(root, base: 0), dtype, .write)
    writer.builder.store(slot, writer.affine(writer.zero, terms, &tables), value)
  }

  // MARK: One element

  private mutating func emitBody(lanes: Int) throws(Diagnostics) {
    for (item, row) in request.items.enumerated() {
      let operands = request.operandRange(item)
      switch row.role {
      case .copy:
        let value = operand(operands.lowerBound)
        if request.target == .none { set(item, value) } else { assigned = value }
      case .map:
        set(item, writer.builder.inline(recipes.program(row.recipe), operands.map { operand($0) }))
      case .fold:
        let part = totals[item].part
        let value = operand(operands.lowerBound)
        let scalar = recipes.fold(row.recipe).scalar
        if lanes > 1 {
          writer.builder.accumulate(part, scalar, value)
        } else {
          let dtype = tables.types.dtype(request.resultType(item))
          writer.builder.assign(part, writer.builder.scalar(scalar, dtype, [part, value]))
        }
      case .argument:
        emitArgument(item, operand(operands.lowerBound), isLargest: recipes.isLargest(row.recipe))
      case .generate: set(item, generate(item))
      case .slice: set(item, slicedElement(item))
      case .gather, .gatherAlong: set(item, try gather(item))
      default: preconditionFailure("a kernel of its own")
      }
    }
    for store in stores { emit(store) }
  }

  private mutating func set(_ item: Int, _ value: Register) {
    if let root = request.results(item).first { registers[Int(root)] = value }
  }

  private mutating func emit(_ store: Store) {
    let isAssign = store.root == .max
    var value = isAssign ? assigned : registers[Int(store.root)]
    let dtype = writer.builder.kernel.registers[value]
    if store.isExternal, dtype.isFloat { value = writer.builder.scalar(.canonical, dtype, [value]) }
    var meaning = LoweredKernel.SlotMeaning.target
    if !isAssign {
      // A value made in place is stored through the slot of the value whose memory it takes over.
      let old = request.roots[Int(store.root)].inPlace
      meaning = .root(old == .max ? store.root : old, base: 0)
    }
    let slot = writer.slot(meaning, dtype, .write)
    writer.builder.store(slot, affine(writer.zero, tables.contiguousStrides(space)), value)
  }

  /// A place given by the loops; a scalar read everywhere has no strides.
  mutating func affine(_ constant: DimID, _ strides: [DimID]) -> Affine {
    if strides.isEmpty { return Affine(constant) }
    return writer.affine(constant, axes.map { (strides[$0.axis], $0.register) }, &tables)
  }

  /// The register of an operand: computed in this kernel, a constant, or loaded.
  mutating func operand(_ row: Int) -> Register {
    let operand = request.operandRows[row]
    let dtype = tables.types.dtype(operand.type)
    if let bits = operand.splat { return writer.builder.constant(bits, dtype) }
    if operand.edge == .register { return registers[Int(operand.root)] }
    let look = look(row)
    if let known = loads[look] { return known }
    let result = load(look, dtype, [])
    loads[look] = result
    return result
  }

  mutating func load(_ look: Look, _ dtype: DType, _ extra: [Affine.Term]) -> Register {
    let slot = writer.slot(.root(look.root, base: look.base), dtype, .read)
    var index = affine(look.offset, look.strides)
    index.terms += extra
    let value = writer.builder.load(slot, index)
    guard dtype == .bool, request.roots[Int(look.root)].isForeign else { return value }
    // Bytes of the caller may hold anything: what is not 0 is true.
    return writer.builder.scalar(
      .notEqual, .bool, source: .bool, [value, writer.builder.constant(0, .bool)])
  }

  private mutating func emitArgument(_ item: Int, _ value: Register, isLargest: Bool) {
    guard let axis = axes.first(where: \.isFolded) else { return }
    let (best, place) = (totals[item].total, totals[item].part)
    let dtype = writer.builder.kernel.registers[value]
    var better = writer.builder.scalar(
      .less, .bool, source: dtype, isLargest ? [best, value] : [value, best])
    if dtype.isFloat {
      let isNaN = writer.builder.scalar(.notEqual, .bool, source: dtype, [value, value])
      let known = writer.builder.scalar(.equal, .bool, source: dtype, [best, best])
      let first = writer.builder.scalar(.and, .bool, [isNaN, known])
      better = writer.builder.scalar(.or, .bool, [better, first])
    }
    writer.builder.assign(best, writer.builder.scalar(.select, dtype, source: .bool, [better, value, best]))
    writer.builder.assign(
      place, writer.builder.scalar(.select, .i64, source: .bool, [better, axis.register, place]))
  }
}
