/// The derivative of convolution: convolutions again, rather than sums over all windows that an element is in.
extension GradientRule {
  /// For images the cotangent convolved with the filters, for filters its products with windows of the images.
  ///
  /// Without strides the filters are turned round. Source: Dumoulin and Visin 2016, "A guide to convolution arithmetic
  /// for deep learning", section 4. With strides see `phases`.
  static let conv2d = cotangents {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let windows = OpDefinition.Windows(builder.tables, node.attributes, axes: 2)
    let w = builder.split(node.y, groups: windows.groups)
    let sizes = builder.shape(w).suffix(2).map { Int(builder.tables.dims.value($0) ?? 1) }
    var result: [ValueID?] = [nil, nil]
    if node.wanted[0] {
      if windows.strides != [1, 1],
        let slopes = try phases(&builder, node.cotangent, w, windows, sizes, builder.shape(node.x))
      {
        result[0] = slopes
      } else {
        result[0] = try turned(&builder, node.cotangent, w, windows, sizes, builder.shape(node.x))
      }
    }
    if node.wanted[1] {
      let padded = OpDefinition.padded(&builder, node.x, windows)
      let patches = OpDefinition.patches(&builder, padded, windows, sizes)
      if windows.groups == 1 {
        result[1] = builder.contract("noyx,ncyxpq->ocpq", node.cotangent, patches)
      } else {
        let (shape, filters, outputs) = (
          builder.shape(patches), builder.shape(w), builder.shape(node.cotangent)
        )
        let parts = builder.reshape(patches, [shape[0], filters[0], filters[2]] + shape.dropFirst(2))
        let slopes = builder.reshape(
          node.cotangent, [outputs[0], filters[0], filters[1]] + outputs.dropFirst(2))
        let sums = builder.contract("ngoyx,ngcyxpq->gocpq", slopes, parts)
        result[1] = builder.reshape(sums, builder.shape(node.y))
      }
    }
    return result
  }

  /// The cotangent, spread by the strides, convolved with filters that are turned round.
  private static func turned(
    _ builder: inout ModuleBuilder, _ cotangent: ValueID, _ w: ValueID, _ windows: OpDefinition.Windows,
    _ sizes: [Int], _ shape: [DimID]
  ) throws(InferenceError) -> ValueID {
    var spread = cotangent
    for axis in 0..<2 {
      let reach = windows.dilation[axis] * (sizes[axis] - 1)
      let length = builder.tables.dims.add(shape[axis + 2], builder.dim(reach))
      spread = try builder.place(
        spread, axis: axis + 2, start: builder.dim(reach - windows.low[axis]),
        stride: Int64(windows.strides[axis]),
        in: Infer.fits(length))
    }
    let turned = builder.reverse(builder.transpose(w, [0, 2, 1, 3, 4]), axes: [3, 4])
    var single = windows
    single.strides = [1, 1]
    return OpDefinition.convolve(&builder, spread, turned, single, sizes)
  }

  /// The same where windows step: elements that lie alike to the steps, one *phase*, meet the same elements of the
  /// filters, so that no zeros need to stand between those of the cotangent.
  ///
  /// Element `s * t + b` of the images meets element `s * (t - y) + b + low` of the filter at the window `y`. With zeros
  /// around it the filter has `v` whole steps, `w[s * v + b]`, and the images are `[t, b]`: one contraction over `v`, and
  /// places beside each other are phases beside each other. Nil for dilated windows, groups and lengths not known.
  private static func phases(
    _ builder: inout ModuleBuilder, _ cotangent: ValueID, _ w: ValueID, _ windows: OpDefinition.Windows,
    _ sizes: [Int], _ shape: [DimID]
  ) throws(InferenceError) -> ValueID? {
    guard windows.dilation == [1, 1], windows.groups == 1 else { return nil }
    var (slopes, steps, whole) = (cotangent, [Int](), [Int]())
    var (low, high, filters) = ([0, 0], [0, 0], Array(builder.shape(w)[1...2]))
    for axis in 0..<2 {
      let (stride, before) = (windows.strides[axis], windows.low[axis])
      guard let length = builder.tables.dims.value(shape[axis + 2]).map({ Int($0) }), length > 0,
        sizes[axis] > 0,
        builder.tables.dims.value(builder.shape(cotangent)[axis + 2]) != nil
      else { return nil }
      let first = -((before + stride - 1) / stride)
      let last =
        sizes[axis] > before ? (sizes[axis] - 1 - before) / stride : -((before - sizes[axis]) / stride + 1)
      guard last >= first else { return nil }
      let count = last - first + 1
      low[axis] = -(stride * first + before)
      high[axis] = stride * count - sizes[axis] - low[axis]
      guard low[axis] >= 0, high[axis] >= 0 else { return nil }
      let turns = (length - 1) / stride + 1
      slopes = try builder.place(
        slopes, axis: axis + 2, start: builder.dim(last), stride: 1, in: builder.dim(turns + count - 1))
      steps.append(count)
      whole.append(turns * stride)
      filters += [builder.dim(count), builder.dim(stride)]
    }
    let plain = builder.reshape(w, Array(builder.shape(w).dropFirst()))
    let wide = builder.pad(
      plain, bits: 0, low: ([0, 0] + low).map { builder.dim($0) },
      high: ([0, 0] + high).map { builder.dim($0) })
    let phases = builder.reverse(builder.reshape(wide, filters), axes: [2, 4])
    var single = windows
    single.strides = [1, 1]
    let patches = OpDefinition.patches(&builder, slopes, single, steps)
    let sums = builder.contract("noyxpq,ocpaqb->ncyaxb", patches, phases)
    var result = builder.reshape(sums, Array(shape[..<2]) + whole.map { builder.dim($0) })
    for axis in 0..<2 {
      result = builder.slice(result, axis: axis + 2, builder.dim(0), shape[axis + 2])
    }
    return result
  }
}
