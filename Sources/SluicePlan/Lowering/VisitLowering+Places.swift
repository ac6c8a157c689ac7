import SluiceIR

/// Elements that come from their place, and elements at computed places.
extension VisitLowering {
  // MARK: Generated elements

  mutating func generate(_ item: Int, _ place: [Affine]) throws(Diagnostics) -> Register {
    let recipe = request.items[item].recipe
    let type = request.resultType(item)
    let dtype = tables.types.dtype(type)
    switch recipes.generator(recipe) {
    case .iota:
      let value = writer.builder.index(place[recipes.axes[recipe.index].first])
      return dtype == .i64 ? value : writer.builder.scalar(.cast, dtype, source: .i64, [value])
    case .size:
      let dim = tables.attributes.dim(recipes.records[recipe.index], .length) ?? writer.zero
      let value = writer.builder.index(Affine(dim))
      return dtype == .i64 ? value : writer.builder.scalar(.cast, dtype, source: .i64, [value])
    case .randomBits:
      let strides = tables.contiguousStrides(tables.types.shape(type))
      let position = writer.builder.index(index(writer.zero, strides, place))
      let first = request.operandRange(item).lowerBound
      let (seed, stream) = (try operand(first, []), try operand(first + 1, []))
      return writer.builder.inline(Philox.program, [position, seed, stream])
    }
  }

  // MARK: Gathers

  mutating func gather(_ item: Int, _ place: [Affine]) throws(Diagnostics) -> Register {
    let row = request.items[item]
    let dtype = tables.types.dtype(request.resultType(item))
    let nothing = writer.builder.constant(0, dtype)
    if gathersZero, mayGatherFromNothing(item) { return nothing }
    let first = request.operandRange(item).lowerBound
    let (data, indices) = (request.operandRows[first], request.operandRows[first + 1])
    let axis = recipes.axes[row.recipe.index].first
    let extent = tables.types.dim(data.type, axis)
    let zero = writer.builder.constant(0, .i64)
    let count = writer.builder.index(Affine(extent))
    var index = writer.wide(try operand(first + 1, operandPlace(item, 1, place)))
    let isNegative = writer.builder.scalar(.less, .bool, source: .i64, [index, zero])
    let wrapped = writer.builder.scalar(.add, .i64, [index, count])
    index = writer.builder.scalar(.select, .i64, source: .bool, [isNegative, wrapped, index])
    let isLow = writer.builder.scalar(.lessEqual, .bool, source: .i64, [zero, index])
    let isHigh = writer.builder.scalar(.less, .bool, source: .i64, [index, count])
    let isInside = writer.builder.scalar(.and, .bool, [isLow, isHigh])
    let last = writer.builder.index(Affine(try tables.sum(extent, tables.dims.integer(-1))))
    let clamped = writer.builder.scalar(
      .minimum, .i64, [writer.builder.scalar(.maximum, .i64, [index, zero]), last])
    let value: Register
    if let bits = data.splat {
      value = writer.builder.constant(bits, dtype)
    } else {
      // The data at the place without the axes of the indices, and with the index along its own.
      var own = place
      if row.role == .gather {
        own.replaceSubrange(axis..<axis + tables.types.rank(indices.type), with: [Affine(writer.zero)])
      }
      own[axis] = Affine(writer.zero, [Affine.Term(writer.one, clamped)])
      value = try operand(first, own)
    }
    return writer.builder.scalar(.select, dtype, source: .bool, [isInside, value, nothing])
  }

  private func gatheredExtent(_ item: Int, _ row: KernelRequest.Item) -> DimID {
    let data = request.operandRows[request.operandRange(item).lowerBound]
    return tables.types.dim(data.type, recipes.axes[row.recipe.index].first)
  }

  /// Whether the axis along which an item gathers may have no elements.
  private mutating func mayGatherFromNothing(_ item: Int) -> Bool {
    let count = gatheredExtent(item, request.items[item])
    guard let others = tables.dims.subtract(count, writer.one) else { return true }
    return !tables.dims.isNeverNegative(others)
  }

  /// The length of a gathered axis that may be 0, where the clamped index would not exist.
  mutating func emptyGatherGuard() throws(Diagnostics) -> DimID? {
    var result: DimID?
    for (item, row) in request.items.enumerated() where row.role == .gather || row.role == .gatherAlong {
      guard mayGatherFromNothing(item) else { continue }
      let count = gatheredExtent(item, row)
      if result == nil {
        result = count
      } else if result != count {
        return try tables.product(result ?? writer.one, count)
      }
    }
    return result
  }

  // MARK: Slices

  /// Loads and clamps the starts of a slice, and what random numbers depend on, before the loops.
  mutating func prepare(_ item: Int) throws(Diagnostics) {
    let row = request.items[item]
    if row.role == .generate, recipes.generator(row.recipe) == .randomBits {
      for operand in request.operandRange(item) where request.operandRows[operand].splat == nil {
        _ = try self.operand(operand, [])
      }
    }
    guard row.role == .slice, known.starts[item] == nil else { return }
    let first = request.operandRange(item).lowerBound
    // One constant everywhere has no places, so it does not matter where the part begins.
    if request.operandRows[first].splat != nil { return }
    let (_, strides) = look(request.operandRows[first])
    let shape = tables.types.shape(request.operandRows[first].type)
    let sizes = tables.types.shape(request.resultType(item))
    var terms: [Affine.Term] = []
    for (axis, start) in request.operandRange(item).dropFirst().enumerated()
    where strides[axis] != writer.zero && shape[axis] != sizes[axis] {
      let given = try operand(start, [])
      terms.append(
        Affine.Term(strides[axis], try writer.start(given, in: shape[axis], of: sizes[axis], &tables)))
    }
    known.starts[item] = terms
  }

  /// The element of a slice at a place.
  mutating func slicedElement(_ item: Int, _ place: [Affine]) throws(Diagnostics) -> Register {
    let first = request.operandRange(item).lowerBound
    let data = request.operandRows[first]
    let dtype = tables.types.dtype(data.type)
    if let bits = data.splat { return writer.builder.constant(bits, dtype) }
    try prepare(item)
    let (offset, strides) = look(data)
    var index = index(offset, strides, place)
    index.terms += known.starts[item] ?? []
    let slot = writer.slot(.root(data.root, base: data.base), dtype, .read)
    return element(
      Element(memory: slot, index: index), foreign: request.roots[Int(data.root)].isForeign)
  }
}

extension KernelWriter {
  /// Where a part of `size` elements begins along an axis of `count`, for the start that is given: the nearest
  /// place at which it is inside.
  mutating func start(
    _ given: Register, in count: DimID, of size: DimID, _ tables: inout Tables
  ) throws(Diagnostics) -> Register {
    let last = try tables.sum(count, tables.product(tables.dims.integer(-1), size))
    let high = builder.index(Affine(last))
    let low = builder.constant(0, .i64)
    return builder.scalar(.minimum, .i64, [builder.scalar(.maximum, .i64, [wide(given), low]), high])
  }

  /// An index as i64.
  mutating func wide(_ index: Register) -> Register {
    if builder.kernel.registers[index] == .i64 { return index }
    return builder.scalar(.cast, .i64, source: .i32, [index])
  }
}
