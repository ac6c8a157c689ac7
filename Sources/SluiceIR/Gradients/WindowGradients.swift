/// The derivative of convolution: convolutions again, rather than sums over all windows that an element is in.
extension GradientRule {
  /// For images the cotangent convolved with the filters, for filters its products with windows of the images.
  ///
  /// The cotangent is spread by the strides, and the filters are turned round. Source: Dumoulin and Visin 2016, "A guide
  /// to convolution arithmetic for deep learning", section 4.
  static let conv2d = cotangents {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let windows = OpDefinition.Windows(builder.tables, node.attributes, axes: 2)
    let w = builder.split(node.y, groups: windows.groups)
    let sizes = builder.shape(w).suffix(2).map { Int(builder.tables.dims.value($0) ?? 1) }
    var result: [ValueID?] = [nil, nil]
    if node.wanted[0] {
      var spread = node.cotangent
      for axis in 0..<2 {
        let reach = windows.dilation[axis] * (sizes[axis] - 1)
        let length = builder.tables.dims.add(builder.shape(node.x)[axis + 2], builder.dim(reach))
        spread = try builder.place(
          spread, axis: axis + 2, start: builder.dim(reach - windows.low[axis]),
          stride: Int64(windows.strides[axis]),
          in: Infer.fits(length))
      }
      let turned = builder.reverse(builder.transpose(w, [0, 2, 1, 3, 4]), axes: [3, 4])
      var single = windows
      single.strides = [1, 1]
      result[0] = OpDefinition.convolve(&builder, spread, turned, single, sizes)
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
}
