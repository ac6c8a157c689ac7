import SluiceIR

/// Elements that come from their place, and elements at computed places.
extension LoopLowering {
  // MARK: Generated elements

  mutating func generate(_ item: Int) -> Register {
    let recipe = request.items[item].recipe
    let dtype = tables.types.dtype(request.resultType(item))
    switch recipes.generator(recipe) {
    case .iota:
      let place = writer.builder.index(affine(writer.zero, iotaStrides(recipe)))
      return dtype == .i64 ? place : writer.builder.scalar(.cast, dtype, source: .i64, [place])
    case .size:
      let dim = tables.attributes.dim(recipes.records[recipe.index], .length) ?? writer.zero
      let value = writer.builder.index(Affine(dim))
      return dtype == .i64 ? value : writer.builder.scalar(.cast, dtype, source: .i64, [value])
    case .randomBits:
      let place = writer.builder.index(affine(writer.zero, tables.contiguousStrides(space)))
      let operands = request.operandRange(item)
      let (seed, stream) = (operand(operands.lowerBound), operand(operands.lowerBound + 1))
      return writer.builder.inline(Philox.program, [place, seed, stream])
    }
  }

  // MARK: Gathers

  /// How a gather reads: its data without the axis that indices choose, the indices, the distance between neighbours
  /// along that axis and how many there are.
  struct GatherAccess {
    var data: Look
    var indices: Look
    var step: DimID
    var count: DimID
  }

  mutating func gatherAccess(_ item: Int) -> GatherAccess {
    let first = request.operandRange(item).lowerBound
    let row = request.items[item]
    let axis = recipes.axes[row.recipe.index].first
    var (data, indices) = (look(first), look(first + 1))
    let count = tables.types.dim(request.operandRows[first].type, axis)
    let step = data.strides[axis]
    if row.role == .gatherAlong {
      data.strides[axis] = writer.zero
    } else {
      let own = indices.strides
      indices.strides = [DimID](repeating: writer.zero, count: space.count)
      for position in own.indices { indices.strides[axis + position] = own[position] }
      data.strides.replaceSubrange(
        axis...axis, with: [DimID](repeating: writer.zero, count: own.count))
    }
    return GatherAccess(data: data, indices: indices, step: step, count: count)
  }

  mutating func gather(_ item: Int) throws(Diagnostics) -> Register {
    let dtype = tables.types.dtype(request.resultType(item))
    let nothing = writer.builder.constant(0, dtype)
    if gathersZero { return nothing }
    let first = request.operandRange(item).lowerBound
    let (dataRow, indexRow) = (request.operandRows[first], request.operandRows[first + 1])
    let access = gatherAccess(item)
    let zero = writer.builder.constant(0, .i64)
    let count = writer.builder.index(Affine(access.count))
    let indexType = tables.types.dtype(indexRow.type)
    var index: Register
    if let bits = indexRow.splat {
      index = writer.builder.constant(bits, indexType)
    } else {
      index = load(access.indices, indexType, [])
    }
    index = writer.wide(index)
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
    if let bits = dataRow.splat {
      value = writer.builder.constant(bits, dtype)
    } else {
      value = load(access.data, dtype, access.step == writer.zero ? [] : [Affine.Term(access.step, clamped)])
    }
    return writer.builder.scalar(.select, dtype, source: .bool, [isInside, value, nothing])
  }

  /// The length of a gathered axis that may be 0, where the clamped index would not exist.
  mutating func emptyGatherGuard() throws(Diagnostics) -> DimID? {
    var result: DimID?
    for (item, row) in request.items.enumerated() where row.role == .gather || row.role == .gatherAlong {
      let count = gatherAccess(item).count
      let others = tables.dims.subtract(count, writer.one)
      if let others, tables.dims.isNeverNegative(others) { continue }
      if result == nil {
        result = count
      } else if result != count {
        return try tables.product(result ?? writer.one, count)
      }
    }
    return result
  }

  // MARK: Slices

  /// Loads and clamps the starts of all slices of the request, once and before any loop; likewise what random numbers
  /// depend on.
  mutating func emitStarts() throws(Diagnostics) {
    for (item, row) in request.items.enumerated()
    where row.role == .generate && recipes.generator(row.recipe) == .randomBits {
      for operand in request.operandRange(item) where request.operandRows[operand].edge == .memory {
        _ = self.operand(operand)
      }
    }
    for (item, row) in request.items.enumerated() where row.role == .slice {
      let operands = request.operandRange(item)
      let strides = look(operands.lowerBound).strides
      let shape = tables.types.shape(request.operandRows[operands.lowerBound].type)
      let sizes = tables.types.shape(request.resultType(item))
      var terms: [Affine.Term] = []
      for (axis, start) in operands.dropFirst().enumerated()
      where strides[axis] != writer.zero && shape[axis] != sizes[axis] {
        let given = operand(start)
        terms.append(
          Affine.Term(strides[axis], try writer.start(given, in: shape[axis], of: sizes[axis], &tables)))
      }
      starts[item] = terms
    }
  }

  /// The element of a slice at the place that the loops are at.
  mutating func slicedElement(_ item: Int) -> Register {
    let first = request.operandRange(item).lowerBound
    let row = request.operandRows[first]
    let dtype = tables.types.dtype(row.type)
    if let bits = row.splat { return writer.builder.constant(bits, dtype) }
    return load(look(first), dtype, starts[item])
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
