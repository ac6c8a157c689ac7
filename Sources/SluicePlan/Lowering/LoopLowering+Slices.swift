import SluiceIR

/// Parts at computed starts: `dynamic_slice`.
extension LoopLowering {
  /// Loads and clamps the starts of all slices of the group, once and before any loop; likewise what random numbers
  /// depend on.
  mutating func emitStarts() throws(Diagnostics) {
    starts = [:]
    for position in group.items {
      let item = program.items[position]
      if case .node(.randomBits, _) = item.action {
        for operand in item.operands where !isInside(operand) { _ = self.operand(operand) }
      }
      guard case .node(let op, _) = item.action, case .index(.dynamicSlice) = op.definition.family else {
        continue
      }
      let strides = splatLayout(item.operands[0]).strides
      let shape = tables.types.shape(program.values[item.operands[0]].type)
      let sizes = tables.types.shape(program.values[item.results[0]].type)
      var terms: [Affine.Term] = []
      for (axis, start) in item.operands.dropFirst().enumerated()
      where strides[axis] != writer.zero && shape[axis] != sizes[axis] {
        let given = operand(start)
        terms.append(
          Affine.Term(strides[axis], try writer.start(given, in: shape[axis], of: sizes[axis], &tables)))
      }
      starts[position] = terms
    }
  }

  /// The element of a slice at the place that the loops are at.
  mutating func slicedElement(_ position: Int, _ item: FlatProgram.Item, _ dtype: DType) -> Register {
    if case .splat(let bits) = program.values[item.operands[0]].form {
      return writer.builder.constant(bits, dtype)
    }
    return load(splatLayout(item.operands[0]), dtype, starts[position] ?? [])
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
