import SluiceIR

/// Strides of layouts, in elements.
extension Tables {
  /// The strides of a row-major tensor.
  mutating func contiguousStrides(_ shape: [DimID]) -> [DimID] {
    var strides = shape
    var step = dims.integer(1)
    for axis in shape.indices.reversed() {
      strides[axis] = step
      if let next = dims.multiply(step, shape[axis]) { step = next }
    }
    return strides
  }

  /// The strides under which the elements of a layout have another shape in row-major order, where there are any.
  mutating func reshapedStrides(_ shape: [DimID], _ strides: [DimID], to target: [DimID]) -> [DimID]? {
    let one = dims.integer(1)
    // Runs of axes that are as good as one axis: (extent, stride), axes of 1 left out.
    var runs: [(extent: DimID, stride: DimID)] = []
    for (extent, stride) in zip(shape, strides) where extent != one {
      if let last = runs.last, last.stride == dims.multiply(extent, stride),
        let product = dims.multiply(last.extent, extent)
      {
        runs[runs.count - 1] = (product, stride)
      } else {
        runs.append((extent, stride))
      }
    }
    var result = target
    var axis = target.count - 1
    for run in runs.reversed() {
      var rest = run.extent
      var stride = run.stride
      while rest != one {
        guard axis >= 0 else { return nil }
        if target[axis] != one {
          guard let quotient = dims.divide(rest, exactlyBy: target[axis]) else { return nil }
          rest = quotient
        }
        result[axis] = stride
        guard let next = dims.multiply(stride, target[axis]) else { return nil }
        stride = next
        axis -= 1
      }
    }
    while axis >= 0 {
      guard target[axis] == one else { return nil }
      result[axis] = one
      axis -= 1
    }
    return result
  }

  /// `a + b`, or the error that it does not fit.
  mutating func sum(_ a: DimID, _ b: DimID) throws(Diagnostics) -> DimID {
    guard let sum = dims.add(a, b) else { throw Diagnostics([Diagnostic("an offset does not fit 64 bits")]) }
    return sum
  }

  /// `a * b`, or the error that it does not fit.
  mutating func product(_ a: DimID, _ b: DimID) throws(Diagnostics) -> DimID {
    guard let product = dims.multiply(a, b) else {
      throw Diagnostics([Diagnostic("an offset does not fit 64 bits")])
    }
    return product
  }
}
