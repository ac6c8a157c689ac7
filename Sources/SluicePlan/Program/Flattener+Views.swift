import SluiceIR

/// Ops that only look elsewhere become views: the same root at other offsets and strides.
extension Flattener {
  /// An affine look at a root.
  struct Look {
    var root: RootID
    /// The part of the offset that depends on loop counters.
    var base: DimID
    /// The rest of the offset.
    var offset: DimID
    /// The distance between neighbours along every axis.
    var strides: [DimID]
  }

  /// How a view that has a root looks at it.
  mutating func look(_ view: ViewID) -> Look {
    let root = program.roots[view.index]
    let layout = program.layouts[view.index]
    if layout.isNone {
      let strides = tables.contiguousStrides(tables.types.shape(program.types[root.index]))
      return Look(root: root, base: zero, offset: zero, strides: strides)
    }
    return Look(
      root: root, base: program.bases[view.index], offset: program.layoutTable.offsets[layout.index],
      strides: Array(program.layoutTable.strides(layout)))
  }

  mutating func view(
    _ kernel: ViewKernel, _ operand: ViewID, _ record: AttributesID, _ type: TypeID, _ name: StringID
  ) throws(Diagnostics) -> ViewID {
    if let bits = program.splat(operand) {
      return program.appendSplat(type, program.viewNames[operand.index], bits)
    }
    let shape = tables.types.shape(program.viewTypes[operand.index])
    var look = look(operand)
    switch kernel {
    case .transpose:
      let order = tables.attributes.ints(record, .order) ?? []
      look.strides = order.map { look.strides[Int($0)] }
    case .broadcast:
      let target = tables.types.shape(type)
      let lead = target.count - shape.count
      let old = look.strides
      look.strides = target.indices.map { axis in
        axis < lead || shape[axis - lead] != target[axis] ? zero : old[axis - lead]
      }
    case .slice:
      let start = tables.attributes.dims(record, .start) ?? []
      let steps = tables.attributes.ints(record, .strides)
      for axis in shape.indices {
        look.offset = try tables.sum(look.offset, tables.product(start[axis], look.strides[axis]))
        if let steps {
          look.strides[axis] = try tables.product(look.strides[axis], tables.dims.integer(steps[axis]))
        }
      }
    case .reverse:
      let minusOne = tables.dims.integer(-1)
      for axis in tables.axes(record, rank: shape.count) {
        let last = try tables.sum(shape[axis], minusOne)
        look.offset = try tables.sum(look.offset, tables.product(last, look.strides[axis]))
        look.strides[axis] = try tables.product(look.strides[axis], minusOne)
      }
    case .reshape:
      let target = tables.types.shape(type)
      if let strides = tables.reshapedStrides(shape, look.strides, to: target) {
        look.strides = strides
      } else {
        look = self.look(copy(operand, name))
        look.strides = tables.contiguousStrides(target)
      }
    case .unfold:
      let axis = tables.axis(record, of: .unfold, rank: shape.count)
      let apart = tables.dims.integer(tables.attributes.int(record, .dilation) ?? 1)
      let step = tables.dims.integer(tables.attributes.int(record, .step) ?? 1)
      look.strides.append(try tables.product(look.strides[axis], apart))
      look.strides[axis] = try tables.product(look.strides[axis], step)
    case .concat, .pad:
      preconditionFailure("concat and pad are no looks at one value")
    }
    return view(look, type, name)
  }

  mutating func view(_ look: Look, _ type: TypeID, _ name: StringID) -> ViewID {
    var look = look
    // Where the first element is surely there, its place goes to the argument of the call: kernels that differ
    // only in where they look are one.
    if look.offset != zero, tables.dims.value(look.offset) != nil, hasElements(type),
      let start = tables.dims.add(look.base, look.offset)
    {
      look.base = start
      look.offset = zero
    }
    let layout = program.layoutTable.intern(look.offset, look.strides)
    return program.appendView(type, name, look.root, layout, look.base)
  }

  /// Whether a type has elements for all sizes and no symbols.
  private func hasElements(_ type: TypeID) -> Bool {
    (0..<tables.types.rank(type)).allSatisfy { axis in
      tables.dims.value(tables.types.dim(type, axis)).map { $0 > 0 } ?? false
    }
  }

  /// Element `counter` along the first axis.
  mutating func part(_ operand: ViewID, _ counter: SymbolID, _ type: TypeID, _ name: StringID) -> ViewID {
    if let bits = program.splat(operand) {
      return program.appendSplat(type, program.viewNames[operand.index], bits)
    }
    var look = look(operand)
    let index = tables.dims.dim(counter)
    // The constant part goes along: where the stride is negative, the base alone would lie before the root.
    if let step = tables.dims.multiply(index, look.strides.removeFirst()),
      let start = tables.dims.add(look.base, look.offset), let base = tables.dims.add(start, step)
    {
      look.base = base
      look.offset = zero
    }
    return view(look, type, name)
  }
}
