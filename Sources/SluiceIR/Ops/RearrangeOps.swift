/// Windows, and the composites that put elements at other places.
extension OpDefinition {
  static let unfold = OpDefinition(
    "unfold", "the windows of an axis: element (.., i, .., j) is x at i * step + j * dilation of the axis",
    family: .view(.unfold), operands: [OperandSpec("x")],
    attributes: [
      AttributeSpec(.axis, .int, "the axis; the elements of a window become a new last axis"),
      AttributeSpec(.size, .int, "how many elements a window has, 1 or more"),
      AttributeSpec(.step, .int, default: .int(1), "the distance between the starts of windows, 1 or more"),
      AttributeSpec(.dilation, .int, default: .int(1), "the distance between elements, 1 or more"),
    ],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let x = inference.operands[0]
      var shape = tables.types.shape(x)
      let record = inference.attributes
      let axis = try Infer.axis(tables.attributes.int(record, .axis) ?? 0, rank: shape.count)
      guard shape.count < TypeTable.maximumRank else {
        throw InferenceError(
          "`unfold` of \(tables.text(x)) would have more than \(TypeTable.maximumRank) axes")
      }
      let size = tables.attributes.int(record, .size) ?? 1
      shape[axis] = try windowCount(
        &tables, shape[axis], size: size, step: tables.attributes.int(record, .step) ?? 1,
        dilation: tables.attributes.int(record, .dilation) ?? 1)
      inference.results.append(
        tables.types.intern(tables.types.dtype(x), shape + [tables.dims.integer(size)]))
    }, gradient: .unfold,
    example: exampleText(
      "%x: f32[5]", "unfold %x {axis = 0, size = 3, step = 2}", "f32[2,3]",
      run: "([1, 2, 3, 4, 5]) == [[1, 2, 3], [3, 4, 5]]"))

  /// How many whole windows an axis has: floor((n - (size - 1) * dilation - 1) / step) + 1.
  static func windowCount(
    _ tables: inout Tables, _ length: DimID, size: Int64, step: Int64, dilation: Int64
  ) throws(InferenceError) -> DimID {
    for (value, name) in [(size, "size"), (step, "step"), (dilation, "dilation")] where value < 1 {
      throw InferenceError("windows with \(name) \(value)", hint: "it is 1 or more")
    }
    let (reach, overflow) = (size - 1).multipliedReportingOverflow(by: dilation)
    guard !overflow, reach < Int64.max else { throw InferenceError("a window does not fit 64 bits") }
    let rest = try Infer.fits(tables.dims.subtract(length, tables.dims.integer(reach + 1)))
    if let value = tables.dims.value(rest) {
      guard value >= 0 else {
        throw InferenceError("windows of \(reach + 1) elements on an axis of \(tables.text(length))")
      }
      return tables.dims.integer(value / step + 1)
    }
    let one = tables.dims.integer(1)
    if step == 1 { return try Infer.fits(tables.dims.add(rest, one)) }
    // floor((q * step + r) / step) = q, for the remainder r of the constant term.
    let constant = tables.dims.terms(rest).first { $0.symbols.isEmpty }?.coefficient ?? 0
    let remainder = ((constant % step) + step) % step
    let whole = try Infer.fits(tables.dims.subtract(rest, tables.dims.integer(remainder)))
    guard let quotient = tables.dims.divide(whole, exactlyBy: tables.dims.integer(step)) else {
      throw InferenceError(
        "windows at every \(step) elements of an axis of \(tables.text(length)) need a division by a symbol",
        hint: "make the length a multiple of the step")
    }
    return try Infer.fits(tables.dims.add(quotient, one))
  }

  static let stack = OpDefinition(
    "stack", "the operands side by side along a new axis",
    family: .expand(
      Expansion { builder, x, attributes in
        let old = builder.shape(x[0])
        let axis = builder.tables.axis(attributes, of: .stack, rank: old.count + 1)
        let shape = old[..<axis] + [builder.dim(1)] + old[axis...]
        let parts = x.map { builder.reshape($0, Array(shape)) }
        return [builder.concat(parts, axis: axis)]
      }), operands: [OperandSpec("x", variadic: true)],
    attributes: [AttributeSpec(.axis, .int, default: .int(0), "where the new axis stands in the result")],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      try Infer.requireEqual(tables, inference)
      let x = inference.operands[0]
      var shape = tables.types.shape(x)
      guard shape.count < TypeTable.maximumRank else {
        throw InferenceError(
          "`stack` of \(tables.text(x)) would have more than \(TypeTable.maximumRank) axes")
      }
      let axis = try Infer.axis(
        tables.attributes.int(inference.attributes, .axis) ?? 0, rank: shape.count + 1)
      shape.insert(tables.dims.integer(inference.operands.count), at: axis)
      inference.results.append(tables.types.intern(tables.types.dtype(x), shape))
    },
    example: exampleText(
      "%x: f32[2], %y: f32[2]", "stack %x, %y {axis = 1}", "f32[2,2]",
      run: "([1, 2], [3, 4]) == [[1, 3], [2, 4]]"))

  static let unstack = OpDefinition(
    "unstack", "the parts of x along an axis, one result each",
    family: .expand(
      Expansion { builder, x, attributes in
        let shape = builder.shape(x[0])
        let axis = builder.tables.axis(attributes, of: .unstack, rank: shape.count)
        let rest = Array(shape[..<axis] + shape[(axis + 1)...])
        return (0..<Int(builder.tables.dims.value(shape[axis]) ?? 0)).map { position in
          let part = builder.slice(x[0], axis: axis, position, position + 1)
          return builder.reshape(part, rest)
        }
      }), operands: [OperandSpec("x")],
    attributes: [AttributeSpec(.axis, .int, default: .int(0), "the axis, of an integer dim of 1 to 4096")],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let x = inference.operands[0]
      var shape = tables.types.shape(x)
      let axis = try Infer.axis(tables.attributes.int(inference.attributes, .axis) ?? 0, rank: shape.count)
      guard let count = tables.dims.value(shape[axis]), (1...4096).contains(count) else {
        throw InferenceError(
          "`unstack` along axis \(axis) of \(tables.text(x))", hint: "the dim is an integer of 1 to 4096")
      }
      shape.remove(at: axis)
      let type = tables.types.intern(tables.types.dtype(x), shape)
      inference.results += Array(repeating: type, count: Int(count))
    },
    example: """
      func @f(%x: f32[2,2]) -> f32[2], f32[2] {
        %a, %b = unstack %x {axis = 1} : f32[2], f32[2]
        return %a, %b
      }
      // run: @f([[1, 2], [3, 4]]) == [1, 3], [2, 4]

      """)

  static let tile = OpDefinition(
    "tile", "x repeated whole along every axis",
    family: .expand(
      Expansion { builder, x, attributes in
        let repeats = builder.tables.attributes.ints(attributes, .repeats) ?? []
        var shape = builder.shape(x[0])
        var value = x[0]
        for (axis, count) in repeats.enumerated() where count != 1 {
          let outer = builder.product(Array(shape[..<axis]))
          let inner = builder.product(Array(shape[axis...]))
          let parts = builder.reshape(value, [outer, builder.dim(1), inner])
          let tiled = builder.broadcast(parts, to: [outer, builder.tables.dims.integer(count), inner])
          shape[axis] = builder.product([shape[axis], builder.tables.dims.integer(count)])
          value = builder.reshape(tiled, shape)
        }
        return [value]
      }), operands: [OperandSpec("x")],
    attributes: [AttributeSpec(.repeats, .ints, "how often, 0 or more, for every axis")],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let x = inference.operands[0]
      let shape = tables.types.shape(x)
      let repeats = tables.attributes.ints(inference.attributes, .repeats) ?? []
      guard repeats.count == shape.count, repeats.allSatisfy({ $0 >= 0 }) else {
        throw InferenceError(
          "`tile` of \(tables.text(x)) with repeats \(repeats)",
          hint: "one number of 0 or more for every axis")
      }
      var result: [DimID] = []
      for (dim, count) in zip(shape, repeats) {
        result.append(try Infer.fits(tables.dims.multiply(dim, tables.dims.integer(count))))
      }
      _ = try Infer.fits(tables.dims.product(result))
      _ = try Infer.fits(tables.dims.product(shape))
      inference.results.append(tables.types.intern(tables.types.dtype(x), result))
    },
    example: exampleText(
      "%x: f32[1,2]", "tile %x {repeats = [2,2]}", "f32[2,4]",
      run: "([[1, 2]]) == [[1, 2, 1, 2], [1, 2, 1, 2]]"))

  private static let inferPadding: @Sendable (String, Int64) -> InferenceRule = { name, spare in
    { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let x = inference.operands[0]
      let shape = tables.types.shape(x)
      let low = tables.attributes.ints(inference.attributes, .low) ?? []
      let high = tables.attributes.ints(inference.attributes, .high) ?? []
      guard low.count == shape.count, high.count == shape.count, (low + high).allSatisfy({ $0 >= 0 }) else {
        throw InferenceError(
          "`\(name)` of \(tables.text(x)) needs \(shape.count) numbers of 0 or more in `low` and in `high`")
      }
      var result: [DimID] = []
      for (axis, dim) in shape.enumerated() {
        let most = Swift.max(low[axis], high[axis])
        let needed = spare == 1 ? Swift.min(most, 1) : most
        let rest = try Infer.fits(tables.dims.subtract(dim, tables.dims.integer(needed)))
        let fits = spare == 1 ? tables.dims.isNeverNegative(rest) : most == 0 || isPositive(&tables, rest)
        guard fits else {
          throw InferenceError(
            "`\(name)` by \(most) on axis \(axis) of \(tables.text(x))"
              + (tables.dims.value(dim) == nil ? " for some sizes" : ""),
            hint: spare == 1 ? "it needs an element to copy" : "it is less than the dim")
        }
        let sum = try Infer.fits(tables.dims.add(dim, tables.dims.integer(low[axis])))
        result.append(try Infer.fits(tables.dims.add(sum, tables.dims.integer(high[axis]))))
      }
      inference.results.append(tables.types.intern(tables.types.dtype(x), result))
    }
  }

  private static func isPositive(_ tables: inout Tables, _ dim: DimID) -> Bool {
    guard let less = tables.dims.subtract(dim, tables.dims.integer(1)) else { return false }
    return tables.dims.isNeverNegative(less)
  }

  private static let padAmounts = [
    AttributeSpec(.low, .ints, "how many before, for every axis"),
    AttributeSpec(.high, .ints, "how many after, for every axis"),
  ]

  /// Puts parts before and after x, axis by axis; `edge` gives what stands at one side.
  private static func padding(
    _ edge:
      @escaping @Sendable (inout ModuleBuilder, ValueID, _ axis: Int, _ count: Int64, _ low: Bool) ->
      ValueID
  ) -> Family {
    .expand(
      Expansion { builder, x, attributes in
        let low = builder.tables.attributes.ints(attributes, .low) ?? []
        let high = builder.tables.attributes.ints(attributes, .high) ?? []
        var value = x[0]
        for axis in low.indices where low[axis] > 0 || high[axis] > 0 {
          var parts = [value]
          if low[axis] > 0 { parts.insert(edge(&builder, value, axis, low[axis], true), at: 0) }
          if high[axis] > 0 { parts.append(edge(&builder, value, axis, high[axis], false)) }
          value = builder.concat(parts, axis: axis)
        }
        return [value]
      })
  }

  static let padReflect = OpDefinition(
    "pad_reflect", "x continued by its mirror image at every side, the outermost element not repeated",
    family: padding { builder, x, axis, count, low in
      let length = builder.shape(x)[axis]
      let one = builder.dim(1)
      let amount = builder.tables.dims.integer(count)
      let last = builder.difference(length, one)
      let part =
        low
        ? builder.slice(x, axis: axis, one, builder.sum(amount, one))
        : builder.slice(x, axis: axis, builder.difference(last, amount), last)
      return builder.reverse(part, axes: [axis])
    }, operands: [OperandSpec("x")], attributes: padAmounts, infer: inferPadding("pad_reflect", 0),
    example: exampleText(
      "%x: f32[3]", "pad_reflect %x {low = [2], high = [1]}", "f32[6]",
      run: "([1, 2, 3]) == [3, 2, 1, 2, 3, 2]"))

  static let padEdge = OpDefinition(
    "pad_edge", "x continued by copies of its outermost elements at every side",
    family: padding { builder, x, axis, count, low in
      let length = builder.shape(x)[axis]
      let one = builder.dim(1)
      let zero = builder.dim(0)
      let last = builder.difference(length, one)
      let edge = low ? builder.slice(x, axis: axis, zero, one) : builder.slice(x, axis: axis, last, length)
      var shape = builder.shape(x)
      shape[axis] = builder.tables.dims.integer(count)
      return builder.broadcast(edge, to: shape)
    }, operands: [OperandSpec("x")], attributes: padAmounts, infer: inferPadding("pad_edge", 1),
    example: exampleText(
      "%x: f32[2]", "pad_edge %x {low = [1], high = [2]}", "f32[5]", run: "([1, 2]) == [1, 1, 2, 2, 2]"))
}
