/// Convolution, pooling and resizing: composites of `unfold`, `contract` and `gather`.
///
/// Layouts are those of PyTorch: images [N, C, H, W], filters [O, C / groups, KH, KW].
extension OpDefinition {
  /// The numbers that say where windows are, for every spatial axis.
  struct Windows {
    var strides: [Int]
    var low: [Int]
    var high: [Int]
    var dilation: [Int]
    var groups: Int

    init(_ tables: Tables, _ attributes: AttributesID, axes: Int) {
      strides = tables.ints(attributes, .strides, default: 1, count: axes)
      dilation = tables.ints(attributes, .dilation, default: 1, count: axes)
      let padding = tables.ints(attributes, .padding, default: 0, count: 2 * axes)
      low = padding.indices.filter { $0 % 2 == 0 }.map { padding[$0] }
      high = padding.indices.filter { $0 % 2 == 1 }.map { padding[$0] }
      groups = tables.int(attributes, .groups, default: 1)
    }

    /// Throws unless there is one sane number of each kind for every axis.
    func check(_ name: String, axes: Int) throws(InferenceError) {
      guard strides.count == axes, low.count == axes, high.count == axes, dilation.count == axes else {
        throw InferenceError(
          "`\(name)` has \(axes) spatial ax\(axes == 1 ? "is" : "es")",
          hint: "a stride and a dilation for each, and two numbers of padding, before and after")
      }
      let limit = 1 << 31
      guard (strides + dilation + [groups]).allSatisfy({ $0 >= 1 && $0 < limit }),
        (low + high).allSatisfy({ $0 >= 0 && $0 < limit })
      else {
        throw InferenceError(
          "`\(name)` with strides \(strides), dilation \(dilation), groups \(groups), padding \(low), \(high)",
          hint: "strides, dilation and groups are 1 or more, padding is 0 or more")
      }
    }
  }

  private static func windowAttributes(axes: Int, groups: Bool) -> [AttributeSpec] {
    let each = axes == 1 ? "for the axis" : "for every spatial axis"
    let specs = [
      AttributeSpec(.strides, .ints, default: .string(.none), "the steps of the windows \(each); 1"),
      AttributeSpec(.padding, .ints, default: .string(.none), "how much before and after, \(each); 0"),
      AttributeSpec(.dilation, .ints, default: .string(.none), "the distance of the taps \(each); 1"),
    ]
    return groups
      ? specs + [AttributeSpec(.groups, .int, default: .int(1), "channels are split into so many parts")]
      : specs
  }

  /// How many channels the result of a convolution has; throws unless channels, filters and groups fit.
  private static func channels(
    _ name: String, _ tables: Tables, _ x: TypeID, _ w: TypeID, _ groups: Int, isTransposed: Bool
  ) throws(InferenceError) -> Int64 {
    let (xs, ws) = (tables.types.shape(x), tables.types.shape(w))
    guard let channels = tables.dims.value(xs[1]), let a = tables.dims.value(ws[0]),
      let b = tables.dims.value(ws[1])
    else {
      throw InferenceError("`\(name)` of \(tables.text(x)) by \(tables.text(w)): channels are integers")
    }
    let count = Int64(groups)
    // Of a forward convolution the first dim counts filters, of a transposed one channels.
    let (product, overflow) = b.multipliedReportingOverflow(by: count)
    guard !overflow, channels == (isTransposed ? a : product), a % count == 0 else {
      throw InferenceError(
        "`\(name)` of \(tables.text(x)) by \(tables.text(w)) in \(groups) group\(groups == 1 ? "" : "s")",
        hint: isTransposed
          ? "x is [N, C, ...] and w is [C, O / groups, ...] with C a multiple of the groups"
          : "x is [N, C, ...] and w is [O, C / groups, ...] with O a multiple of the groups")
    }
    return isTransposed ? product : a
  }

  private static func filterSizes(
    _ name: String, _ tables: Tables, _ w: TypeID
  ) throws(InferenceError) -> [Int64] {
    var sizes: [Int64] = []
    for dim in tables.types.shape(w).dropFirst(2) {
      guard let size = tables.dims.value(dim), size >= 1, size < 1 << 31 else {
        throw InferenceError(
          "`\(name)` by \(tables.text(w))", hint: "filters have integer sizes of 1 or more")
      }
      sizes.append(size)
    }
    return sizes
  }

  private static func inferConvolution(_ name: String, axes: Int) -> InferenceRule {
    { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let (x, w) = (inference.operands[0], inference.operands[1])
      guard tables.types.rank(x) == axes + 2, tables.types.rank(w) == axes + 2,
        tables.types.dtype(x) == tables.types.dtype(w)
      else {
        throw InferenceError(
          "`\(name)` of \(tables.text(x)) by \(tables.text(w))",
          hint: "both have \(axes + 2) axes and one dtype")
      }
      let windows = Windows(tables, inference.attributes, axes: axes)
      try windows.check(name, axes: axes)
      let filters = try channels(name, tables, x, w, windows.groups, isTransposed: false)
      let sizes = try filterSizes(name, tables, w)
      var shape = [tables.types.shape(x)[0], tables.dims.integer(filters)]
      for axis in 0..<axes {
        let padded = try Infer.fits(
          tables.dims.add(
            tables.types.shape(x)[axis + 2], tables.dims.integer(windows.low[axis] + windows.high[axis])))
        shape.append(
          try windowCount(
            &tables, padded, size: sizes[axis], step: Int64(windows.strides[axis]),
            dilation: Int64(windows.dilation[axis])))
      }
      inference.results.append(tables.types.intern(tables.types.dtype(x), shape))
    }
  }

  /// The windows of x, padded already, along new last axes.
  static func patches(
    _ builder: inout ModuleBuilder, _ x: ValueID, _ windows: Windows, _ sizes: [Int]
  ) -> ValueID {
    var patches = x
    for axis in sizes.indices {
      patches = builder.unfold(
        patches, axis: axis + 2, size: sizes[axis], step: windows.strides[axis],
        dilation: windows.dilation[axis])
    }
    return patches
  }

  /// Sums of products of windows of x, padded already, with filters [G, O / G, C / G, ...]; gives [N, O, ...].
  static func convolve(
    _ builder: inout ModuleBuilder, _ x: ValueID, _ w: ValueID, _ windows: Windows, _ sizes: [Int]
  ) -> ValueID {
    let axes = sizes.count
    let patches = patches(&builder, x, windows, sizes)
    let shape = builder.shape(patches)
    let filters = builder.shape(w)
    let (places, taps) = axes == 1 ? ("y", "p") : ("yx", "pq")
    if windows.groups == 1 {
      // Without the axis of groups, so that the loops of derivatives begin with one that can be divided.
      let plain = builder.reshape(w, Array(filters.dropFirst()))
      return builder.contract("nc\(places)\(taps),oc\(taps)->no\(places)", patches, plain)
    }
    let grouped = [shape[0], filters[0], filters[2]] + shape.dropFirst(2)
    let parts = builder.reshape(patches, grouped)
    let sums = builder.contract("ngc\(places)\(taps),goc\(taps)->ngo\(places)", parts, w)
    let channels = builder.product([filters[0], filters[1]])
    return builder.reshape(sums, [shape[0], channels] + shape[2..<(axes + 2)])
  }

  /// Zeros, or another number, around the spatial axes.
  static func padded(
    _ builder: inout ModuleBuilder, _ x: ValueID, _ windows: Windows, bits: UInt64 = 0, lead: Int = 2
  ) -> ValueID {
    let none = Array(repeating: 0, count: lead)
    let low = (none + windows.low).map { builder.dim($0) }
    let high = (none + windows.high).map { builder.dim($0) }
    return builder.pad(x, bits: bits, low: low, high: high)
  }

  private static func convolution(_ name: String, axes: Int, example: String) -> OpDefinition {
    OpDefinition(
      name,
      "sums of products of windows of x and filters: y[n,o,i..] = sum_c,j.. x[n,c,i*s+j*d-p..] * w[o,c,j..]",
      family: .expand(
        Expansion { builder, x, attributes in
          let windows = Windows(builder.tables, attributes, axes: axes)
          let w = builder.split(x[1], groups: windows.groups)
          let sizes = builder.shape(w).dropFirst(3).map { Int(builder.tables.dims.value($0) ?? 1) }
          let surrounded = padded(&builder, x[0], windows)
          return [convolve(&builder, surrounded, w, windows, sizes)]
        }), operands: [OperandSpec("x", .floats), OperandSpec("w", .floats)],
      attributes: windowAttributes(axes: axes, groups: true), infer: inferConvolution(name, axes: axes),
      gradient: axes == 2 ? .conv2d : .expansion, example: example)
  }

  static let conv1d = convolution(
    "conv1d", axes: 1,
    example: exampleText(
      "%x: f32[1,1,4], %w: f32[1,1,2]", "conv1d %x, %w {padding = [1,0]}", "f32[1,1,4]",
      run: "([[[1, 2, 3, 4]]], [[[1, 10]]]) == [[[10, 21, 32, 43]]]"))

  static let conv2d = convolution(
    "conv2d", axes: 2,
    example: exampleText(
      "%x: f32[1,1,2,3], %w: f32[1,1,2,2]", "conv2d %x, %w", "f32[1,1,1,2]",
      run: "([[[[1, 2, 3], [4, 5, 6]]]], [[[[1, 0], [0, 10]]]]) == [[[[51, 62]]]]"))

  /// How a transposed convolution pads: the input spread by the strides, then by these amounts, maybe negative.
  private static func spread(
    _ windows: Windows, _ sizes: [Int64], _ extra: [Int]
  ) throws(InferenceError) -> [(low: Int64, high: Int64)] {
    var amounts: [(low: Int64, high: Int64)] = []
    for axis in sizes.indices {
      let (reach, overflow) = (sizes[axis] - 1).multipliedReportingOverflow(by: Int64(windows.dilation[axis]))
      guard !overflow, reach < 1 << 40 else { throw InferenceError("a window does not fit 64 bits") }
      amounts.append(
        (
          reach - Int64(windows.low[axis]),
          reach - Int64(windows.high[axis]) + Int64(extra[axis]) - Int64(windows.strides[axis] - 1)
        ))
    }
    return amounts
  }

  static let convTranspose2d = OpDefinition(
    "conv_transpose2d",
    "the transpose of conv2d: every element of x adds its multiple of the filters w [C, O / groups, KH, KW]",
    family: .expand(
      Expansion { builder, x, attributes in
        let windows = Windows(builder.tables, attributes, axes: 2)
        let extra = builder.tables.ints(attributes, .outputPadding, default: 0, count: 2)
        let shape = builder.shape(x[1])
        let sizes = shape.dropFirst(2).map { builder.tables.dims.value($0) ?? 1 }
        let amounts = (try? spread(windows, sizes, extra)) ?? []
        let value = spreadAxes(&builder, x[0], windows.strides, amounts)
        // Filters [C, O / G, ...] become [G, O / G, C / G, ...], turned round.
        let groups = Int64(windows.groups)
        let channels = builder.tables.dims.integer((builder.tables.dims.value(shape[0]) ?? 0) / groups)
        let split = builder.reshape(x[1], [builder.dim(windows.groups), channels] + shape.dropFirst())
        let w = builder.reverse(builder.transpose(split, [0, 2, 1, 3, 4]), axes: [3, 4])
        var single = windows
        single.strides = [1, 1]
        return [convolve(&builder, value, w, single, sizes.map { Int($0) })]
      }), operands: [OperandSpec("x", .floats), OperandSpec("w", .floats)],
    attributes: windowAttributes(axes: 2, groups: true) + [
      AttributeSpec(
        .outputPadding, .ints, default: .string(.none), "how much the result is longer, for every axis; 0")
    ],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let name = "conv_transpose2d"
      let (x, w) = (inference.operands[0], inference.operands[1])
      guard tables.types.rank(x) == 4, tables.types.rank(w) == 4,
        tables.types.dtype(x) == tables.types.dtype(w)
      else {
        throw InferenceError(
          "`\(name)` of \(tables.text(x)) by \(tables.text(w))", hint: "both have 4 axes and one dtype")
      }
      let windows = Windows(tables, inference.attributes, axes: 2)
      try windows.check(name, axes: 2)
      let extra = tables.ints(inference.attributes, .outputPadding, default: 0, count: 2)
      guard extra.count == 2, zip(extra, windows.strides).allSatisfy({ $0 >= 0 && $0 < $1 }) else {
        throw InferenceError(
          "`\(name)` with output padding \(extra)", hint: "two numbers of 0 or more, less than the strides")
      }
      let filters = try channels(name, tables, x, w, windows.groups, isTransposed: true)
      let sizes = try filterSizes(name, tables, w)
      let amounts = try spread(windows, sizes, extra)
      var shape = [tables.types.shape(x)[0], tables.dims.integer(filters)]
      for axis in 0..<2 {
        let stride = tables.dims.integer(windows.strides[axis])
        let spread = try Infer.fits(tables.dims.multiply(tables.types.shape(x)[axis + 2], stride))
        for amount in [amounts[axis].low, amounts[axis].high] where amount < 0 {
          // What is taken away must be there for every size.
          let rest = try Infer.fits(tables.dims.add(spread, tables.dims.integer(amount)))
          guard tables.dims.isNeverNegative(rest) else {
            throw InferenceError(
              "`\(name)`: the padding takes away more than \(tables.text(spread)) elements")
          }
        }
        let change = tables.dims.integer(amounts[axis].low + amounts[axis].high)
        let length = try Infer.fits(tables.dims.add(spread, change))
        if amounts[axis].low < 0 || amounts[axis].high < 0 {
          guard tables.dims.isNeverNegative(length) else {
            throw InferenceError(
              "`\(name)`: the padding takes away more than \(tables.text(spread)) elements")
          }
        }
        shape.append(
          try windowCount(
            &tables, length, size: sizes[axis], step: 1, dilation: Int64(windows.dilation[axis])))
      }
      inference.results.append(tables.types.intern(tables.types.dtype(x), shape))
    },
    example: exampleText(
      "%x: f32[1,1,1,2], %w: f32[1,1,1,2]", "conv_transpose2d %x, %w {strides = [1,2]}", "f32[1,1,1,4]",
      run: "([[[[1, 2]]]], [[[[1, 10]]]]) == [[[[1, 10, 2, 20]]]]"))

  /// Puts `stride - 1` zeros behind every element of the last axes, then pads or cuts both ends of each.
  private static func spreadAxes(
    _ builder: inout ModuleBuilder, _ x: ValueID, _ strides: [Int], _ amounts: [(low: Int64, high: Int64)]
  ) -> ValueID {
    let zero = builder.dim(0)
    let shape = builder.shape(x)
    let first = shape.count - strides.count
    // An element and the zeros behind it are an axis of their own.
    var (apart, wide) = (Array(shape[..<first]), Array(shape[..<first]))
    var behind = apart.map { _ in zero }
    for (axis, stride) in strides.enumerated() {
      apart += [shape[first + axis], builder.dim(1)]
      behind += [zero, builder.dim(stride - 1)]
      wide.append(builder.product([shape[first + axis], builder.dim(stride)]))
    }
    var value = x
    if strides.contains(where: { $0 > 1 }) {
      let spread = builder.pad(
        builder.reshape(x, apart), bits: 0, low: behind.map { _ in zero }, high: behind)
      value = builder.reshape(spread, wide)
    }
    var (low, high) = (shape.map { _ in zero }, shape.map { _ in zero })
    for (position, amount) in amounts.enumerated() {
      let axis = first + position
      let start = builder.tables.dims.integer(Swift.max(0, -amount.low))
      let end = builder.sum(wide[axis], builder.tables.dims.integer(Swift.min(0, amount.high)))
      if amount.low < 0 || amount.high < 0 { value = builder.slice(value, axis: axis, start, end) }
      low[axis] = builder.tables.dims.integer(Swift.max(0, amount.low))
      high[axis] = builder.tables.dims.integer(Swift.max(0, amount.high))
    }
    return builder.pad(value, bits: 0, low: low, high: high)
  }

  // MARK: Pooling

  private static let poolAttributes =
    [AttributeSpec(.size, .ints, "the size of the windows, rows and columns")]
    + windowAttributes(axes: 2, groups: false)

  private static func inferPool(_ name: String) -> InferenceRule {
    { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let x = inference.operands[0]
      let rank = tables.types.rank(x)
      guard rank >= 2, rank <= TypeTable.maximumRank - 2 else {
        throw InferenceError(
          "`\(name)` of \(tables.text(x))",
          hint: "it takes 2 to \(TypeTable.maximumRank - 2) axes, the last two pooled"
        )
      }
      let windows = Windows(tables, inference.attributes, axes: 2)
      try windows.check(name, axes: 2)
      let sizes = tables.attributes.ints(inference.attributes, .size) ?? []
      guard sizes.count == 2, sizes.allSatisfy({ $0 >= 1 && $0 < 1 << 31 }) else {
        throw InferenceError("`\(name)` with windows of size \(sizes)", hint: "two numbers of 1 or more")
      }
      var shape = tables.types.shape(x)
      for axis in 0..<2 {
        guard 2 * Int64(windows.low[axis]) <= sizes[axis], 2 * Int64(windows.high[axis]) <= sizes[axis] else {
          throw InferenceError(
            "`\(name)` with padding \(windows.low), \(windows.high) of windows of size \(sizes)",
            hint: "padding is at most half of a window")
        }
        let amount = tables.dims.integer(windows.low[axis] + windows.high[axis])
        let padded = try Infer.fits(tables.dims.add(shape[rank - 2 + axis], amount))
        shape[rank - 2 + axis] = try windowCount(
          &tables, padded, size: sizes[axis], step: Int64(windows.strides[axis]),
          dilation: Int64(windows.dilation[axis]))
      }
      inference.results.append(tables.types.intern(tables.types.dtype(x), shape))
    }
  }

  /// The windows of the last two axes, as two new last axes.
  private static func pooled(
    _ builder: inout ModuleBuilder, _ x: ValueID, _ attributes: AttributesID, bits: UInt64
  ) -> ValueID {
    let rank = builder.shape(x).count
    let windows = Windows(builder.tables, attributes, axes: 2)
    let sizes = builder.tables.attributes.ints(attributes, .size) ?? []
    var value = padded(&builder, x, windows, bits: bits, lead: rank - 2)
    for axis in 0..<2 {
      value = builder.unfold(
        value, axis: rank - 2 + axis, size: Int(sizes[axis]), step: windows.strides[axis],
        dilation: windows.dilation[axis])
    }
    return value
  }

  static let maxPool2d = OpDefinition(
    "max_pool2d",
    "the largest element of every window of the last two axes; NaN wins; padding does not count",
    family: .expand(
      Expansion { builder, x, attributes in
        let rank = builder.shape(x[0]).count
        let least = ReduceOp.maximum.identity(builder.dtype(x[0]))
        let windows = pooled(&builder, x[0], attributes, bits: least)
        return [builder.reduce(.max, windows, [rank, rank + 1], keepDims: false)]
      }), operands: [OperandSpec("x", .numbers)], attributes: poolAttributes, infer: inferPool("max_pool2d"),
    example: exampleText(
      "%x: f32[2,4]", "max_pool2d %x {size = [2,2], strides = [2,2]}", "f32[1,2]",
      run: "([[1, 2, 3, 4], [8, 7, 6, 5]]) == [[8, 6]]"))

  static let avgPool2d = OpDefinition(
    "avg_pool2d", "the mean of every window of the last two axes; padding counts as zeros",
    family: .expand(
      Expansion { builder, x, attributes in
        let rank = builder.shape(x[0]).count
        let windows = pooled(&builder, x[0], attributes, bits: 0)
        return [builder.reduce(.mean, windows, [rank, rank + 1], keepDims: false)]
      }), operands: [OperandSpec("x", .floats)], attributes: poolAttributes, infer: inferPool("avg_pool2d"),
    example: exampleText(
      "%x: f32[2,4]", "avg_pool2d %x {size = [2,2], strides = [2,2]}", "f32[1,2]",
      run: "([[1, 2, 3, 4], [8, 7, 6, 5]]) == [[4.5, 4.5]]"))

  // MARK: Resizing

  static let resize = OpDefinition(
    "resize",
    "the last two axes sampled at another size; nearest takes floor(i * n / m), bilinear the half-pixel "
      + "place (i + 0.5) * n / m - 0.5, clamped",
    family: .expand(
      Expansion { builder, x, attributes in
        let sizes = builder.tables.attributes.dims(attributes, .sizes) ?? []
        let isNearest = builder.tables.string(attributes, .mode, default: "nearest") == "nearest"
        var value = x[0]
        let rank = builder.shape(value).count
        for (position, size) in sizes.enumerated() {
          let axis = rank - 2 + position
          value =
            isNearest
            ? resizedNearest(&builder, value, axis, size) : resizedLinear(&builder, value, axis, size)
        }
        return [value]
      }), operands: [OperandSpec("x", .floats)],
    attributes: [
      AttributeSpec(.sizes, .dims, "the new dims, rows and columns"),
      AttributeSpec(
        .mode, .string, default: .string(.none), "\"nearest\", also when left out, or \"bilinear\""),
    ],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let x = inference.operands[0]
      var shape = tables.types.shape(x)
      let sizes = tables.attributes.dims(inference.attributes, .sizes) ?? []
      guard shape.count >= 2, sizes.count == 2 else {
        throw InferenceError(
          "`resize` of \(tables.text(x)) to \(sizes.count) sizes", hint: "two axes, two sizes")
      }
      let mode = tables.string(inference.attributes, .mode, default: "nearest")
      guard mode == "nearest" || mode == "bilinear" else {
        throw InferenceError("`resize` has no mode \"\(mode)\"", hint: "it is \"nearest\" or \"bilinear\"")
      }
      for (position, size) in sizes.enumerated() {
        guard tables.dims.value(size).map({ $0 >= 0 }) ?? true else {
          throw InferenceError("`resize` to \(tables.text(size)) elements")
        }
        shape[shape.count - 2 + position] = size
      }
      inference.results.append(tables.types.intern(tables.types.dtype(x), shape))
    },
    example: exampleText(
      "%x: f32[1,2]", "resize %x {sizes = [2,4]}", "f32[2,4]",
      run: "([[1, 2]]) == [[1, 1, 2, 2], [1, 1, 2, 2]]"))

  private static func resizedNearest(
    _ builder: inout ModuleBuilder, _ x: ValueID, _ axis: Int, _ size: DimID
  ) -> ValueID {
    let length = builder.shape(x)[axis]
    let place = builder.iota([size], axis: 0, .i64)
    let scaled = builder.multiply(place, builder.count([length], .i64))
    let index = builder.divide(scaled, builder.count([size], .i64))
    return builder.make(.gather, [x, index], [Attribute(.axis, .int(Int64(axis)))])
  }

  private static func resizedLinear(
    _ builder: inout ModuleBuilder, _ x: ValueID, _ axis: Int, _ size: DimID
  ) -> ValueID {
    let dtype = builder.dtype(x)
    let shape = builder.shape(x)
    let length = builder.count([shape[axis]], dtype)
    let scale = builder.make(.divide, [length, builder.count([size], dtype)])
    let centre = builder.add(builder.iota([size], axis: 0, dtype), 0.5)
    let place = builder.maximum(builder.subtract(builder.multiply(centre, scale), 0.5), 0)
    let last = builder.make(.subtract, [length, builder.scalar(1, dtype)])
    let low = builder.minimum(builder.unary(.floor, place), last)
    let high = builder.minimum(builder.add(low, 1), last)
    let weight = builder.subtract(place, low)
    let parts = [low, high].map { index -> ValueID in
      let index = builder.cast(index, .i64)
      return builder.make(.gather, [x, index], [Attribute(.axis, .int(Int64(axis)))])
    }
    let target = builder.shape(parts[0])
    let column = target.indices.map { $0 == axis ? size : builder.dim(1) }
    let weights = builder.broadcast(builder.reshape(weight, column), to: target)
    let near = builder.multiply(parts[0], builder.subtract(1, weights))
    return builder.make(.fma, [parts[1], weights, near])
  }
}

extension ModuleBuilder {
  /// Filters [O, C / groups, ...] as [groups, O / groups, C / groups, ...].
  mutating func split(_ filters: ValueID, groups: Int) -> ValueID {
    let shape = shape(filters)
    let rows = tables.dims.integer((tables.dims.value(shape[0]) ?? 0) / Int64(groups))
    return reshape(filters, [dim(groups), rows] + shape.dropFirst())
  }
}
