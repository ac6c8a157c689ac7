import SluiceIR

/// Lowers items that have a kernel of their own: contractions, concatenation, padding, sorting, linear algebra.
struct SingleLowering {
  let program: FlatProgram
  let residence: Residence
  private let looks: SharedLooks
  var tables: Tables
  var writer: KernelWriter
  let item: FlatProgram.Item

  init(
    _ item: FlatProgram.Item, _ program: FlatProgram, _ residence: Residence, _ looks: SharedLooks,
    _ tables: Tables, name: String
  ) {
    self.item = item
    self.looks = looks
    self.program = program
    self.residence = residence
    self.tables = tables
    self.writer = KernelWriter(name, &self.tables)
  }

  /// The kernel of the item, and the tables with the dims it made.
  consuming func lower(comment: [String]) throws(Diagnostics) -> (LoweredKernel, Tables) {
    guard case .node(let op, let record) = item.action else { preconditionFailure("not a node") }
    switch op.definition.family {
    case .contract(let kernel): try contract(kernel, record)
    case .cumulative(let fold): try cumulative(fold, record)
    case .view(.concat): try concat(record)
    case .view(.pad): try pad(record)
    case .order(.argsort): try argsort(record)
    case .update(let kernel): try update(kernel, record)
    case .linalg(let kernel): try linalg(kernel, record)
    default: preconditionFailure("`\(op.definition.name)` has no kernel of its own")
    }
    return (writer.finish(tables, comment: comment), tables)
  }

  // MARK: Operands and result

  /// An operand as a slot with strides, or a constant.
  struct Operand {
    var slot: Int
    var offset: DimID
    var strides: [DimID]
    var dtype: DType
    var splat: UInt64?
    /// Whether it is a result that others see: floats are stored with canonical NaNs.
    var isExternal = false
  }

  mutating func operand(_ position: Int) -> Operand {
    let index = item.operands[position]
    let value = program.values[index]
    let dtype = tables.types.dtype(value.type)
    let shape = tables.types.shape(value.type)
    switch value.form {
    case .splat(let bits):
      return Operand(
        slot: -1, offset: writer.zero, strides: shape.map { _ in writer.zero }, dtype: dtype, splat: bits)
    case .root:
      let whole = FlatProgram.Layout(
        root: index, base: writer.zero, offset: writer.zero, strides: tables.contiguousStrides(shape))
      return operand(whole, dtype)
    case .view(let look): return operand(look, dtype)
    }
  }

  private mutating func operand(_ look: FlatProgram.Layout, _ dtype: DType) -> Operand {
    let (slot, offset) = writer.slot(of: look, name(look.root), dtype, looks, &tables)
    return Operand(slot: slot, offset: offset, strides: look.strides, dtype: dtype)
  }

  mutating func result(_ access: Slot.Access = .write, at position: Int = 0) -> Operand {
    let index = item.results[position]
    let type = program.values[index].type
    let dtype = tables.types.dtype(type)
    let home = residence.inPlace[index] ?? index
    let slot = writer.slot(.value(home, base: writer.zero), name(home), dtype, access)
    return Operand(
      slot: slot, offset: writer.zero, strides: tables.contiguousStrides(tables.types.shape(type)),
      dtype: dtype, isExternal: residence.isExternal[index])
  }

  /// One of several results; nil where nothing reads it.
  mutating func resultIfRead(at position: Int) -> Operand? {
    residence.needsMemory[item.results[position]] ? result(at: position) : nil
  }

  func name(_ value: Int) -> String {
    let name = program.values[value].name
    return name.isNone ? "v\(value)" : tables.identifier(name)
  }

  mutating func shape(_ value: Int) -> [DimID] { tables.types.shape(program.values[value].type) }

  mutating func load(_ operand: Operand, _ place: [Register]) -> Register {
    if let bits = operand.splat { return writer.builder.constant(bits, operand.dtype) }
    let index = affine(operand, place)
    let value = writer.builder.load(operand.slot, index)
    guard operand.dtype == .bool else { return value }
    return writer.builder.scalar(.notEqual, .bool, source: .bool, [value, writer.builder.constant(0, .bool)])
  }

  /// Stores a result; what leaves the program has canonical NaNs.
  mutating func store(
    _ operand: Operand, _ place: [Register], _ value: Register, _ extra: [Affine.Term] = []
  ) {
    var value = value
    if operand.isExternal, operand.dtype.isFloat {
      value = writer.builder.scalar(.canonical, operand.dtype, [value])
    }
    var index = affine(operand, place)
    index.terms += extra
    writer.builder.store(operand.slot, index, value)
  }

  private mutating func affine(_ operand: Operand, _ place: [Register]) -> Affine {
    writer.affine(operand.offset, Array(zip(operand.strides, place)), &tables)
  }

  /// A nest of loops over a shape: independent, the last one side by side.
  mutating func nest(
    _ shape: [DimID], _ kind: Loop.Kind = .parallel,
    _ body: (inout SingleLowering, [Register]) throws(Diagnostics) -> Void
  ) throws(Diagnostics) {
    var place: [Register] = []
    for (axis, extent) in shape.enumerated() {
      let own: Loop.Kind = kind == .parallel && axis == shape.count - 1 ? .vector : kind
      place.append(writer.builder.beginLoop(to: Affine(extent), own))
    }
    try body(&self, place)
    for _ in shape { writer.builder.endLoop() }
  }

  // MARK: Contraction

  /// Every element is a sum over the shared labels in ascending order: blocks of `LoopLowering.blockLength` terms
  /// are summed by fused multiply-adds from 0, and the blocks are added one after the other.
  private mutating func contract(_ kernel: ContractKernel, _ record: AttributesID) throws(Diagnostics) {
    let (lhs, rhs) = (operand(0), operand(1))
    let out = result()
    let labels = kernel.labels(lhs.strides.count, rhs.strides.count, tables, record)
    var extents: [Int: DimID] = [:]
    for (label, dim) in zip(labels.lhs, shape(item.operands[0])) { extents[label] = dim }
    for (label, dim) in zip(labels.rhs, shape(item.operands[1])) { extents[label] = dim }
    let summed = Set(labels.lhs + labels.rhs).subtracting(labels.result).sorted()
    let outer = labels.result.compactMap { extents[$0] }
    try nest(outer) { (self: inout SingleLowering, place: [Register]) throws(Diagnostics) in
      var registers: [Int: Register] = [:]
      for (label, register) in zip(labels.result, place) { registers[label] = register }
      let total = self.sum(summed.compactMap { extents[$0] }, out.dtype) {
        (self: inout SingleLowering, inner, part) in
        for (label, register) in zip(summed, inner) { registers[label] = register }
        let a = self.load(lhs, labels.lhs.compactMap { registers[$0] })
        let b = self.load(rhs, labels.rhs.compactMap { registers[$0] })
        if out.dtype.isFloat { return self.writer.builder.scalar(.fma, out.dtype, [a, b, part]) }
        let product = self.writer.builder.scalar(.multiply, out.dtype, [a, b])
        return self.writer.builder.scalar(.add, out.dtype, [part, product])
      }
      self.store(out, place, total)
    }
  }

  /// A sum over a nest of sequential loops, the innermost in blocks; the body takes a term into a partial sum.
  private mutating func sum(
    _ extents: [DimID], _ dtype: DType, _ body: (inout SingleLowering, [Register], Register) -> Register
  ) -> Register {
    let total = writer.builder.variable(writer.builder.constant(0, dtype))
    var place = extents.dropLast().map { writer.builder.beginLoop(to: Affine($0), .sequential) }
    let last = extents.last ?? writer.one
    let isShort = tables.dims.bound(last).map { $0 <= Int64(LoopLowering.blockLength) } ?? false
    var start: Affine?
    var end = Affine(last)
    var limit: Affine?
    if !isShort {
      let block = writer.builder.beginLoop(to: Affine(last), step: LoopLowering.blockLength, .sequential)
      start = Affine(writer.zero, [Affine.Term(writer.one, block)])
      end = Affine(tables.dims.integer(LoopLowering.blockLength), [Affine.Term(writer.one, block)])
      limit = Affine(last)
    }
    let part = writer.builder.variable(writer.builder.constant(0, dtype))
    place.append(writer.builder.beginLoop(from: start, to: end, limit: limit, .sequential))
    writer.builder.assign(part, body(&self, place, part))
    writer.builder.endLoop()
    writer.builder.assign(total, writer.builder.scalar(.add, dtype, [total, part]))
    if !isShort { writer.builder.endLoop() }
    for _ in extents.dropLast() { writer.builder.endLoop() }
    return total
  }

  // MARK: Concatenation and padding

  private mutating func concat(_ record: AttributesID) throws(Diagnostics) {
    let out = result()
    let axis = tables.axis(record, of: .concat, rank: out.strides.count)
    var start = writer.zero
    let outer = shape(item.results[0]).prefix(axis)
    if outer.contains(where: { $0 != writer.one }) {
      // The parts interleave: first every element gets a value, then the parts their places.
      let nothing = writer.builder.constant(0, out.dtype)
      try nest(shape(item.results[0])) {
        (self: inout SingleLowering, index: [Register]) throws(Diagnostics) in
        self.store(out, index, nothing)
      }
    }
    for position in item.operands.indices {
      let shape = shape(item.operands[position])
      if shape.contains(writer.zero) { continue }
      let part = operand(position)
      var place = out
      place.offset = try tables.product(start, out.strides[axis])
      try nest(shape) { (self: inout SingleLowering, index: [Register]) throws(Diagnostics) in
        self.store(place, index, self.load(part, index))
      }
      start = try tables.sum(start, shape[axis])
    }
  }

  private mutating func pad(_ record: AttributesID) throws(Diagnostics) {
    let (part, value) = (operand(0), operand(1))
    let out = result()
    let low = tables.attributes.dims(record, .low) ?? []
    try nest(shape(item.results[0])) { (self: inout SingleLowering, index: [Register]) throws(Diagnostics) in
      self.store(out, index, self.load(value, []))
    }
    var place = out
    for axis in low.indices {
      place.offset = try tables.sum(place.offset, tables.product(low[axis], out.strides[axis]))
    }
    try nest(shape(item.operands[0])) { (self: inout SingleLowering, index: [Register]) throws(Diagnostics) in
      self.store(place, index, self.load(part, index))
    }
  }
}
