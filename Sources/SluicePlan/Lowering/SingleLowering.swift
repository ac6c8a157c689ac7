import SluiceIR

/// Lowers items that have a kernel of their own: contractions, concatenation, sorting, linear algebra.
struct SingleLowering {
  let request: KernelRequest
  let recipes: RecipeTable
  private let layouts: LayoutTable
  var tables = Tables()
  var writer: KernelWriter
  /// The recipe of the item.
  let recipe: RecipeID

  /// The kernel of a request; dims that it makes go into the tables.
  static func lower(
    _ request: KernelRequest, _ recipes: RecipeTable, _ layouts: LayoutTable, _ tables: inout Tables,
    name: String
  ) throws(Diagnostics) -> LoweredKernel {
    var lowering = SingleLowering(request, recipes, layouts, moving: &tables, name)
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
    recipe = request.items[0].recipe
    writer = KernelWriter(name, &tables)
    swap(&self.tables, &tables)
  }

  private mutating func lower() throws(Diagnostics) {
    switch request.items[0].role {
    case .cumulative: try cumulative()
    case .join: try join()
    case .sort: try argsort()
    case .update: try update()
    case .algorithm: try algorithm()
    default: preconditionFailure("runs element by element")
    }
  }

  /// The attributes of the item.
  var record: AttributesID { recipes.records[recipe.index] }

  /// The axis along which the item goes.
  var axis: Int { recipes.axes[recipe.index].first }

  // MARK: Operands and result

  /// An operand as a slot with strides, or a constant.
  struct Operand {
    var slot: Memory
    var offset: DimID
    var strides: [DimID]
    var dtype: DType
    var splat: UInt64?
    /// Whether it is a result that others see: floats are stored with canonical NaNs.
    var isExternal = false
  }

  mutating func operand(_ position: Int) -> Operand {
    let row = request.operandRows[position]
    let dtype = tables.types.dtype(row.type)
    let shape = tables.types.shape(row.type)
    if let bits = row.splat {
      return Operand(
        slot: .slot(-1), offset: writer.zero, strides: shape.map { _ in writer.zero }, dtype: dtype,
        splat: bits)
    }
    let slot = writer.slot(.root(row.root, base: row.base), dtype, .read)
    if row.layout.isNone {
      return Operand(
        slot: slot, offset: row.distance, strides: tables.contiguousStrides(shape), dtype: dtype)
    }
    let offset = writer.offset(layouts.offsets[row.layout.index], row.distance, &tables)
    return Operand(slot: slot, offset: offset, strides: Array(layouts.strides(row.layout)), dtype: dtype)
  }

  mutating func result(_ access: Slot.Access = .write, at position: Int = 0) -> Operand {
    let root = request.resultRows[position]
    let row = request.roots[Int(root)]
    let dtype = tables.types.dtype(row.type)
    let home = row.inPlace == .max ? root : row.inPlace
    let slot = writer.slot(.root(home, base: 0), dtype, access)
    return Operand(
      slot: slot, offset: writer.zero, strides: tables.contiguousStrides(tables.types.shape(row.type)),
      dtype: dtype, isExternal: row.isExternal)
  }

  /// One of several results; nil where nothing reads it.
  mutating func resultIfRead(at position: Int) -> Operand? {
    request.roots[Int(request.resultRows[position])].needsMemory ? result(at: position) : nil
  }

  /// The dims of an operand.
  func shape(_ position: Int) -> [DimID] { tables.types.shape(request.operandRows[position].type) }

  /// The dims of the first result.
  var resultShape: [DimID] { tables.types.shape(request.resultType(0)) }

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

  // MARK: Concatenation

  private mutating func join() throws(Diagnostics) {
    let out = result()
    var start = writer.zero
    let outer = resultShape.prefix(axis)
    if outer.contains(where: { $0 != writer.one }) {
      // The parts interleave: first every element gets a value, then the parts their places.
      let nothing = writer.builder.constant(0, out.dtype)
      try nest(resultShape) {
        (self: inout SingleLowering, index: [Register]) throws(Diagnostics) in
        self.store(out, index, nothing)
      }
    }
    for position in request.operandRows.indices {
      let shape = shape(position)
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
}
