import SluiceIR

/// Lowers a group that runs element by element: maps, reductions, copies, gathers and generated values in one
/// nest of loops.
struct LoopLowering {
  /// A full-space element to store.
  private struct Store {
    var value: Int
    var meaning: LoweredKernel.SlotMeaning
    var strides: [DimID]
    var isExternal: Bool
  }

  /// One loop of the nest: adjacent axes that every access sees as one.
  private struct Axis {
    /// The innermost axis of the space that it stands for.
    var axis: Int
    var extent: DimID
    var isReduced: Bool
    var register: Register = 0
  }

  let program: FlatProgram
  private let residence: Residence
  private let looks: SharedLooks
  let group: Grouping.Group
  var tables: Tables
  var writer: KernelWriter
  private var axes: [Axis] = []
  private var stores: [Store] = []
  private var registers: [Int: Register] = [:]
  private var loads: [FlatProgram.Layout: Register] = [:]
  private var totals: [Int: (total: Register, part: Register)] = [:]
  /// Per `dynamic_slice` of the group where its part begins in x: steps times clamped starts.
  var starts: [Int: [Affine.Term]] = [:]
  /// Set while the form for empty axes is emitted, where every gathered element is 0.
  private var gathersZero = false

  /// The largest number of elements that one partial sum takes in.
  static let blockLength = 1024
  /// How many partial results a reduction along the last axis keeps.
  static let laneCount = 8

  init(
    _ group: Grouping.Group, _ program: FlatProgram, _ residence: Residence, _ looks: SharedLooks,
    _ tables: Tables, name: String
  ) {
    self.group = group
    self.looks = looks
    self.program = program
    self.residence = residence
    self.tables = tables
    self.writer = KernelWriter(name, &self.tables)
  }

  /// The kernel of the group, or of one assign when `target` is given; also the tables with the dims it made.
  consuming func lower(target: FlatProgram.Target? = nil, comment: [String]) throws(Diagnostics) -> (
    LoweredKernel, Tables
  ) {
    try collectStores(target)
    try mergeAxes()
    if let empty = try emptyGatherGuard() {
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
    } else {
      try emitNest()
    }
    return (writer.finish(tables, comment: comment), tables)
  }

  // MARK: Shape of the nest

  private mutating func collectStores(_ target: FlatProgram.Target?) throws(Diagnostics) {
    let strides = tables.contiguousStrides(group.space)
    for position in group.items {
      let item = program.items[position]
      if Grouping.reducedAxes(item, program, tables) != nil { continue }
      if let target {
        stores.append(
          Store(
            value: item.operands[0], meaning: .target(target), strides: strides,
            isExternal: residence.isExternal(target)))
      }
      for result in item.results where residence.needsMemory[result] {
        let isExternal = residence.isExternal[result]
        stores.append(
          Store(
            value: result, meaning: .value(result, base: writer.zero), strides: strides,
            isExternal: isExternal))
      }
    }
  }

  private mutating func mergeAxes() throws(Diagnostics) {
    let patterns = try accessPatterns()
    let reduced = group.reducedAxes ?? []
    let keepsAxes = isArgument || isOrdered
    for axis in group.space.indices where group.space[axis] != writer.one {
      let isReduced = reduced.contains(axis)
      guard let last = axes.last, last.isReduced == isReduced,
        last.axis + 1 == nextAxis(after: last.axis, axis),
        !(keepsAxes && isReduced),
        patterns.allSatisfy({ tables.dims.multiply($0[axis], group.space[axis]) == $0[last.axis] })
      else {
        axes.append(Axis(axis: axis, extent: group.space[axis], isReduced: isReduced))
        continue
      }
      axes[axes.count - 1].extent = try tables.product(last.extent, group.space[axis])
      axes[axes.count - 1].axis = axis
    }
  }

  /// `last + 1` when only axes of dim 1 lie between the two.
  private func nextAxis(after last: Int, _ axis: Int) -> Int {
    (last + 1..<axis).allSatisfy { group.space[$0] == writer.one } ? last + 1 : axis + 1
  }

  /// The strides of everything that depends on the place in the space.
  private mutating func accessPatterns() throws(Diagnostics) -> [[DimID]] {
    var patterns = stores.map(\.strides)
    for position in group.items {
      let item = program.items[position]
      if Grouping.reducedAxes(item, program, tables) != nil { patterns.append(resultStrides(item)) }
      if case .node(let op, let record) = item.action {
        switch op.definition.family {
        case .generate(.iota):
          let axis = tables.axis(record, of: .iota, rank: group.space.count)
          patterns.append(group.space.indices.map { $0 == axis ? writer.one : writer.zero })
          continue
        case .generate(.randomBits):
          patterns.append(tables.contiguousStrides(group.space))
          continue
        case .generate(.size): continue
        case .index(.dynamicSlice):
          patterns.append(splatLayout(item.operands[0]).strides)
          continue
        case .index:
          let access = try gatherAccess(item, record)
          patterns.append(access.data.strides)
          patterns.append(access.indices.strides)
          continue
        default: break
        }
      }
      for operand in item.operands {
        if case .splat = program.values[operand].form { continue }
        if isInside(operand) { continue }
        patterns.append(layout(operand).strides)
      }
    }
    return patterns
  }

  /// Strides of a reduction's result over the whole space: 0 along the reduced axes.
  private mutating func resultStrides(_ item: FlatProgram.Item) -> [DimID] {
    let reduced = Grouping.reducedAxes(item, program, tables) ?? []
    let shape = group.space.indices.map { reduced.contains($0) ? writer.one : group.space[$0] }
    let strides = tables.contiguousStrides(shape)
    return group.space.indices.map { reduced.contains($0) ? writer.zero : strides[$0] }
  }

  private mutating func layout(_ value: Int) -> FlatProgram.Layout {
    if case .view(let layout) = program.values[value].form { return layout }
    let strides = tables.contiguousStrides(tables.types.shape(program.values[value].type))
    return FlatProgram.Layout(root: value, base: writer.zero, offset: writer.zero, strides: strides)
  }

  func isInside(_ operand: Int) -> Bool {
    let value = program.values[operand]
    guard case .root = value.form, value.source == .item else { return false }
    return group.items.contains(value.item)
      && Grouping.reducedAxes(program.items[value.item], program, tables) == nil
  }

  // MARK: Loops

  private mutating func emitNest() throws(Diagnostics) {
    registers = [:]
    loads = [:]
    totals = [:]
    try emitStarts()
    if group.reducedAxes == nil { return try emitMap() }
    let lastIsReduced = axes.last?.isReduced ?? true
    let kept = axes.indices.filter { !axes[$0].isReduced }
    let reduced = axes.indices.filter { axes[$0].isReduced }
    for position in kept {
      begin(position, position == kept.last && !lastIsReduced ? .vector : .parallel)
    }
    for position in group.items { beginReduction(position) }
    // Only the last axis of the space runs in lanes, so that a symbolic dim that happens to be 1 changes no bit.
    let hasLanes = lastIsReduced && axes.last?.axis == group.space.count - 1 && !isArgument
    try emitReduced(reduced[...], lanes: hasLanes ? Self.laneCount : 1)
    for position in group.items { try endReduction(position) }
    for _ in kept { writer.builder.endLoop() }
  }

  private var isArgument: Bool { group.items.contains { Grouping.isArgument(program.items[$0]) } }

  private mutating func emitMap() throws(Diagnostics) {
    for position in axes.indices { begin(position, position == axes.count - 1 ? .vector : .parallel) }
    try emitBody(lanes: 1)
    for _ in axes { writer.builder.endLoop() }
  }

  private mutating func begin(_ position: Int, _ kind: Loop.Kind) {
    axes[position].register = writer.builder.beginLoop(to: Affine(axes[position].extent), kind)
  }

  /// The reduced axes from the first of `rest` on, in blocks where sums of floats would get long.
  ///
  /// Along each axis the results of the axes inside it are taken in. So the order of a sum depends on its axes
  /// alone, not on where its terms come from, and is the same fused or not.
  private mutating func emitReduced(_ rest: ArraySlice<Int>, lanes: Int) throws(Diagnostics) {
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

  /// One step of an outer reduced axis: the axes inside it are reduced, then the partial results take that in.
  private mutating func emitInner(_ rest: ArraySlice<Int>, _ lanes: Int) throws(Diagnostics) {
    let outer = totals
    for position in group.items { beginReduction(position) }
    try emitReduced(rest, lanes: lanes)
    for position in group.items {
      guard case .node(let op, _) = program.items[position].action,
        case .reduce(.fold(let fold)) = op.definition.family, let part = outer[position]?.part,
        let inner = totals[position]?.total
      else { continue }
      let dtype = tables.types.dtype(program.values[program.items[position].operands[0]].type)
      writer.builder.assign(part, writer.builder.scalar(fold.scalar, dtype, [part, inner]))
    }
    totals = outer
  }

  /// Whether the order of a reduction can be seen in its result: sums and products of floats.
  private var isOrdered: Bool {
    group.items.contains { position in
      let item = program.items[position]
      guard case .node(let op, _) = item.action, case .reduce(.fold(let fold)) = op.definition.family else {
        return false
      }
      let dtype = tables.types.dtype(program.values[item.results[0]].type)
      return (fold == .sum || fold == .product) && dtype.isFloat
    }
  }

  // MARK: Reductions

  private mutating func beginReduction(_ position: Int) {
    let item = program.items[position]
    guard case .node(let op, _) = item.action, case .reduce(let kernel) = op.definition.family else { return }
    let dtype = tables.types.dtype(program.values[item.operands[0]].type)
    switch kernel {
    case .fold(let fold):
      let total = writer.builder.variable(writer.builder.constant(fold.identity(dtype), dtype))
      totals[position] = (total, total)
    case .arg(let largest):
      let worst: ReduceOp = largest ? .maximum : .minimum
      let best = writer.builder.variable(writer.builder.constant(worst.identity(dtype), dtype))
      let place = writer.builder.variable(writer.builder.constant(0, .i64))
      totals[position] = (best, place)
    }
  }

  /// Runs a part of a reduction: every fold gets a partial result, which then goes into the total.
  private mutating func emitBlock(
    _ body: (inout LoopLowering) throws(Diagnostics) -> Void
  ) throws(Diagnostics) {
    for position in group.items {
      guard case .node(let op, _) = program.items[position].action,
        case .reduce(.fold(let fold)) = op.definition.family, let total = totals[position]?.total
      else { continue }
      let dtype = tables.types.dtype(program.values[program.items[position].operands[0]].type)
      let part = writer.builder.variable(writer.builder.constant(fold.identity(dtype), dtype))
      totals[position] = (total, part)
    }
    let kept = loads
    let known = registers
    try body(&self)
    loads = kept
    registers = known
    for position in group.items {
      guard case .node(let op, _) = program.items[position].action,
        case .reduce(.fold(let fold)) = op.definition.family, let (total, part) = totals[position]
      else { continue }
      let dtype = tables.types.dtype(program.values[program.items[position].operands[0]].type)
      writer.builder.assign(total, writer.builder.scalar(fold.scalar, dtype, [total, part]))
    }
  }

  private mutating func endReduction(_ position: Int) throws(Diagnostics) {
    let item = program.items[position]
    guard let (total, part) = totals[position], residence.needsMemory[item.results[0]] else { return }
    let result = item.results[0]
    let dtype = tables.types.dtype(program.values[result].type)
    var value = total
    if isArgument { value = writer.builder.scalar(.cast, dtype, source: .i64, [part]) }
    let strides = resultStrides(item)
    let terms = axes.filter { !$0.isReduced }.map { (strides[$0.axis], $0.register) }
    if residence.isExternal[result], dtype.isFloat {
      value = writer.builder.scalar(.canonical, dtype, [value])
    }
    let slot = writer.slot(.value(result, base: writer.zero), slotName(result), dtype, .write)
    writer.builder.store(slot, writer.affine(writer.zero, terms, &tables), value)
  }

  // MARK: One element

  private mutating func emitBody(lanes: Int) throws(Diagnostics) {
    for position in group.items {
      let item = program.items[position]
      guard case .node(let op, let record) = item.action else {
        let value = operand(item.operands[0])
        if let result = item.results.first {
          registers[result] = value
        } else {
          registers[item.operands[0]] = value
        }
        continue
      }
      let dtype = tables.types.dtype(program.values[item.results[0]].type)
      switch op.definition.family {
      case .map(let kernel):
        let operands = item.operands.map { operand($0) }
        let program = mapProgram(kernel, operands, dtype)
        registers[item.results[0]] = writer.builder.inline(program, operands)
      case .reduce(.fold(let fold)):
        guard let part = totals[position]?.part else { continue }
        let value = operand(item.operands[0])
        if lanes > 1 {
          writer.builder.accumulate(part, fold.scalar, value)
        } else {
          writer.builder.assign(part, writer.builder.scalar(fold.scalar, dtype, [part, value]))
        }
      case .reduce(.arg(let largest)):
        emitArgument(position, operand(item.operands[0]), largest: largest)
      case .generate(let kernel):
        registers[item.results[0]] = try generate(kernel, item, record, dtype)
      case .index(.dynamicSlice):
        registers[item.results[0]] = slicedElement(position, item, dtype)
      case .index:
        registers[item.results[0]] = try gather(item, record, dtype)
      default: preconditionFailure("`\(op.definition.name)` does not run element by element")
      }
    }
    for store in stores {
      guard var value = registers[store.value] else { continue }
      let dtype = tables.types.dtype(program.values[store.value].type)
      if store.isExternal, dtype.isFloat { value = writer.builder.scalar(.canonical, dtype, [value]) }
      let slot = writer.slot(residentMeaning(store.meaning), slotName(store.value), dtype, .write)
      writer.builder.store(slot, affine(writer.zero, store.strides), value)
    }
  }

  /// A value made in place is stored through the slot of the value whose memory it takes over.
  private func residentMeaning(_ meaning: LoweredKernel.SlotMeaning) -> LoweredKernel.SlotMeaning {
    guard case .value(let value, let base) = meaning, let old = residence.inPlace[value] else {
      return meaning
    }
    return .value(old, base: base)
  }

  private func mapProgram(_ kernel: MapKernel, _ operands: [Register], _ dtype: DType) -> ScalarProgram {
    var (scalars, parameters) = ScalarBuilder.make(operands.map { writer.builder.kernel.registers[$0] })
    let result = kernel.program(&scalars, parameters, dtype)
    return scalars.finish(result)
  }

  /// A place given by the loops; a scalar read everywhere has no strides.
  private mutating func affine(_ constant: DimID, _ strides: [DimID]) -> Affine {
    if strides.isEmpty { return Affine(constant) }
    return writer.affine(constant, axes.map { (strides[$0.axis], $0.register) }, &tables)
  }

  private func slotName(_ value: Int) -> String {
    let name = program.values[value].name
    return name.isNone ? "v\(value)" : tables.identifier(name)
  }

  /// The register of an operand: computed in this kernel, a constant, or loaded.
  mutating func operand(_ value: Int) -> Register {
    let dtype = tables.types.dtype(program.values[value].type)
    if case .splat(let bits) = program.values[value].form { return writer.builder.constant(bits, dtype) }
    if let known = registers[value], isInside(value) { return known }
    let look = layout(value)
    if let known = loads[look] { return known }
    let result = load(look, dtype, [])
    loads[look] = result
    return result
  }

  mutating func load(
    _ look: FlatProgram.Layout, _ dtype: DType, _ extra: [Affine.Term]
  ) -> Register {
    let (slot, offset) = writer.slot(of: look, slotName(look.root), dtype, looks, &tables)
    var index = affine(offset, look.strides)
    index.terms += extra
    let value = writer.builder.load(slot, index)
    guard dtype == .bool else { return value }
    switch program.values[look.root].source {
    case .input, .parameter, .state:
      // Bytes of the caller may hold anything: what is not 0 is true.
      return writer.builder.scalar(
        .notEqual, .bool, source: .bool, [value, writer.builder.constant(0, .bool)])
    default: return value
    }
  }

  private mutating func emitArgument(_ position: Int, _ value: Register, largest: Bool) {
    guard let (best, place) = totals[position], let axis = axes.first(where: \.isReduced) else { return }
    let dtype = writer.builder.kernel.registers[value]
    var better = writer.builder.scalar(.less, .bool, source: dtype, largest ? [best, value] : [value, best])
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

  // MARK: Generated and gathered elements

  private mutating func generate(
    _ kernel: GenerateKernel, _ item: FlatProgram.Item, _ record: AttributesID, _ dtype: DType
  ) throws(Diagnostics) -> Register {
    switch kernel {
    case .iota:
      let axis = tables.axis(record, of: .iota, rank: group.space.count)
      let strides = group.space.indices.map { $0 == axis ? writer.one : writer.zero }
      let place = writer.builder.index(affine(writer.zero, strides))
      return dtype == .i64 ? place : writer.builder.scalar(.cast, dtype, source: .i64, [place])
    case .size:
      let dim = tables.attributes.dim(record, .length) ?? writer.zero
      let value = writer.builder.index(Affine(dim))
      return dtype == .i64 ? value : writer.builder.scalar(.cast, dtype, source: .i64, [value])
    case .randomBits:
      let place = writer.builder.index(affine(writer.zero, tables.contiguousStrides(group.space)))
      let (seed, stream) = (operand(item.operands[0]), operand(item.operands[1]))
      return writer.builder.inline(Philox.program, [place, seed, stream])
    }
  }

  private mutating func gatherAccess(
    _ item: FlatProgram.Item, _ record: AttributesID
  ) throws(Diagnostics) -> (data: FlatProgram.Layout, indices: FlatProgram.Layout, step: DimID, count: DimID)
  {
    let type = program.values[item.operands[0]].type
    if case .node(let op, _) = item.action, case .index(.takeAlongAxis) = op.definition.family {
      let axis = tables.axis(record, of: op, rank: tables.types.rank(type))
      var data = splatLayout(item.operands[0])
      let step = data.strides[axis]
      data.strides[axis] = writer.zero
      return (data, splatLayout(item.operands[1]), step, tables.types.dim(type, axis))
    }
    let axis = tables.axis(record, of: .gather, rank: tables.types.rank(type))
    let indexRank = tables.types.rank(program.values[item.operands[1]].type)
    let zeros = [DimID](repeating: writer.zero, count: group.space.count)
    var data = splatLayout(item.operands[0])
    var indices = splatLayout(item.operands[1])
    let step = data.strides[axis]
    let own = indices.strides
    indices.strides = zeros
    for position in 0..<indexRank { indices.strides[axis + position] = own[position] }
    data.strides.replaceSubrange(axis...axis, with: [DimID](repeating: writer.zero, count: indexRank))
    return (data, indices, step, tables.types.dim(type, axis))
  }

  /// The layout of an operand; a repeated constant counts as one without strides.
  mutating func splatLayout(_ value: Int) -> FlatProgram.Layout {
    guard case .splat = program.values[value].form else { return layout(value) }
    let zeros = tables.types.shape(program.values[value].type).map { _ in writer.zero }
    return FlatProgram.Layout(root: value, base: writer.zero, offset: writer.zero, strides: zeros)
  }

  private mutating func gather(
    _ item: FlatProgram.Item, _ record: AttributesID, _ dtype: DType
  ) throws(Diagnostics) -> Register {
    let nothing = writer.builder.constant(0, dtype)
    if gathersZero { return nothing }
    let access = try gatherAccess(item, record)
    let zero = writer.builder.constant(0, .i64)
    let count = writer.builder.index(Affine(access.count))
    var index: Register
    if case .splat(let bits) = program.values[item.operands[1]].form {
      index = writer.builder.constant(bits, tables.types.dtype(program.values[item.operands[1]].type))
    } else {
      index = load(access.indices, tables.types.dtype(program.values[item.operands[1]].type), [])
    }
    if writer.builder.kernel.registers[index] != .i64 {
      index = writer.builder.scalar(.cast, .i64, source: .i32, [index])
    }
    let isNegative = writer.builder.scalar(.less, .bool, source: .i64, [index, zero])
    let wrapped = writer.builder.scalar(.add, .i64, [index, count])
    index = writer.builder.scalar(.select, .i64, source: .bool, [isNegative, wrapped, index])
    let isLow = writer.builder.scalar(.lessEqual, .bool, source: .i64, [zero, index])
    let isHigh = writer.builder.scalar(.less, .bool, source: .i64, [index, count])
    let isInside = writer.builder.scalar(.and, .bool, [isLow, isHigh])
    let last = writer.builder.index(Affine(try tables.sum(access.count, tables.dims.integer(-1))))
    let clamped = writer.builder.scalar(
      .minimum, .i64, [writer.builder.scalar(.maximum, .i64, [index, zero]), last])
    let value: Register
    if case .splat(let bits) = program.values[item.operands[0]].form {
      value = writer.builder.constant(bits, dtype)
    } else {
      value = load(access.data, dtype, access.step == writer.zero ? [] : [Affine.Term(access.step, clamped)])
    }
    return writer.builder.scalar(.select, dtype, source: .bool, [isInside, value, nothing])
  }

  /// The length of a gathered axis that may be 0, where the clamped index would not exist.
  private mutating func emptyGatherGuard() throws(Diagnostics) -> DimID? {
    var result: DimID?
    for position in group.items {
      guard case .node(let op, let record) = program.items[position].action,
        case .index(let kernel) = op.definition.family, kernel != .dynamicSlice
      else { continue }
      let count = try gatherAccess(program.items[position], record).count
      let others = tables.dims.subtract(count, writer.one)
      if let others, tables.dims.isNeverNegative(others) { continue }
      if result == nil { result = count } else if result != count { return try product(result, count) }
    }
    return result
  }

  private mutating func product(_ a: DimID?, _ b: DimID) throws(Diagnostics) -> DimID {
    try tables.product(a ?? writer.one, b)
  }
}
