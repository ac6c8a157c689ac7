import SluiceIR

/// How the axes of a view lie among those of its root: where an element of the view is, as a place of the root.
///
/// Element `(i, j, ...)` of the view is the element of the root whose index along axis `r` is `starts[r]` plus
/// `steps[a] * index of a`, summed over the axes `a` of the view that run along `r`.
struct AxisMap {
  /// Per axis of the view the axis of the root along which it runs; -1 where it repeats, or has one element.
  var axes: [Int]
  /// Per axis of the view how many elements of the root's axis lie between neighbours.
  var steps: [DimID]
  /// Per axis of the root where the view begins.
  var starts: [DimID]

  /// Whether the root's axis is run through once, from its first to its last element, by one axis of the view;
  /// gives that axis.
  func whole(_ rootAxis: Int, _ tables: Tables, _ root: [DimID], _ shape: [DimID]) -> Int? {
    guard tables.dims.value(starts[rootAxis]) == 0 else { return nil }
    var found: Int?
    for axis in axes.indices where axes[axis] == rootAxis {
      if found != nil { return nil }
      found = axis
    }
    guard let axis = found, tables.dims.value(steps[axis]) == 1, shape[axis] == root[rootAxis] else {
      return nil
    }
    return axis
  }
}

extension Tables {
  /// The map of a view of some shape at `offset` and `strides` of a row-major root; nil where its axes are no parts
  /// of the root's, as where one axis runs through several of the root.
  mutating func axisMap(
    _ root: [DimID], _ offset: DimID, _ strides: [DimID], _ shape: [DimID]
  ) -> AxisMap? {
    let (zero, one) = (dims.integer(0), dims.integer(1))
    let own = contiguousStrides(root)
    guard let starts = places(offset, root, own, zero, one) else { return nil }
    var map = AxisMap(
      axes: [Int](repeating: -1, count: shape.count), steps: [DimID](repeating: zero, count: shape.count),
      starts: starts)
    for axis in shape.indices where shape[axis] != one && strides[axis] != zero {
      if let same = root.indices.first(where: { own[$0] == strides[axis] && root[$0] != one }) {
        map.axes[axis] = same
        map.steps[axis] = one
        continue
      }
      guard let stride = dims.value(strides[axis]) else { return nil }
      let found = root.indices.first { position in
        guard root[position] != one, let step = dims.value(own[position]), step > 0 else { return false }
        return stride % step == 0 && stride.magnitude >= step.magnitude
      }
      guard let found, let step = dims.value(own[found]) else { return nil }
      map.axes[axis] = found
      map.steps[axis] = dims.integer(stride / step)
    }
    for position in root.indices where !isInside(map, position, root[position], shape) { return nil }
    return map
  }

  /// The index along every axis of the element at an offset.
  private mutating func places(
    _ offset: DimID, _ root: [DimID], _ own: [DimID], _ zero: DimID, _ one: DimID
  ) -> [DimID]? {
    if offset == zero { return root.map { _ in zero } }
    guard var rest = dims.value(offset), rest > 0 else { return nil }
    var starts: [DimID] = []
    for axis in root.indices {
      if root[axis] == one {
        starts.append(zero)
        continue
      }
      guard let step = dims.value(own[axis]), step > 0 else { return nil }
      starts.append(dims.integer(rest / step))
      rest %= step
    }
    return rest == 0 ? starts : nil
  }

  /// Whether a map keeps within an axis of the root.
  private mutating func isInside(_ map: AxisMap, _ position: Int, _ extent: DimID, _ shape: [DimID]) -> Bool {
    let along = map.axes.indices.filter { map.axes[$0] == position }
    if along.count == 1, dims.value(map.steps[along[0]]) == 1 {
      let end = dims.add(map.starts[position], shape[along[0]])
      if end == extent { return true }
      return end.flatMap { dims.subtract(extent, $0) }.map { dims.isNeverNegative($0) } ?? false
    }
    guard var low = dims.value(map.starts[position]) else { return false }
    if along.isEmpty { return true }
    var high = low
    for axis in along {
      guard let step = dims.value(map.steps[axis]), let count = dims.value(shape[axis]) else { return false }
      let (span, overflow) = step.multipliedReportingOverflow(by: Swift.max(count - 1, 0))
      if overflow { return false }
      let (lower, under) = low.addingReportingOverflow(Swift.min(span, 0))
      let (higher, over) = high.addingReportingOverflow(Swift.max(span, 0))
      if under || over { return false }
      (low, high) = (lower, higher)
    }
    guard low >= 0 else { return false }
    return dims.value(extent).map { high < $0 } ?? false
  }
}
