import SluiceIR

/// NumPy's rule for operands of different shapes, by `broadcast` nodes.
extension Trace {
  /// The operands of an elementwise op, repeated to one shape.
  func broadcast(_ op: Op, _ operands: [ValueID]) throws(InferenceError) -> [ValueID] {
    let kin = op.definition.traits.contains(.conditional) ? operands.dropFirst() : operands[...]
    if let first = kin.first, let other = kin.first(where: { builder.dtype($0) != builder.dtype(first) }) {
      throw InferenceError(
        "`\(op.definition.name)` of different dtypes: \(text(first)) and \(text(other))",
        hint: "convert one of them: `.cast(.\(builder.dtype(first).name))`")
    }
    guard let shape = try commonShape(op, operands) else { return operands }
    return operands.map { repeated($0, shape) }
  }

  /// A value repeated to a shape that it fits.
  func repeated(_ value: ValueID, _ shape: [DimID]) -> ValueID {
    if builder.shape(value) == shape { return value }
    return builder.make(.broadcast, [value], [Attribute(.shape, .dims(shape))])
  }

  /// The shape that all operands can be repeated to; nil where they have it already.
  private func commonShape(_ op: Op, _ operands: [ValueID]) throws(InferenceError) -> [DimID]? {
    let shapes = operands.map { builder.shape($0) }
    guard let first = shapes.first, !shapes.allSatisfy({ $0 == first }) else { return nil }
    var result = first
    for (position, shape) in shapes.enumerated().dropFirst() {
      do {
        result = try joined(result, shape)
      } catch {
        let others = operands.prefix(position).filter { !builder.shape($0).isEmpty }.map { text($0) }
        throw InferenceError(
          "`\(op.definition.name)` of shapes that do not fit: \(others.joined(separator: ", ")) and \(text(operands[position]))",
          hint: error.message)
      }
    }
    return result
  }

  /// The shape that two shapes can be repeated to, aligned at the last axis.
  func joined(_ a: [DimID], _ b: [DimID]) throws(InferenceError) -> [DimID] {
    let one = builder.tables.dims.integer(1)
    var result = a.count >= b.count ? a : b
    let other = a.count >= b.count ? b : a
    for offset in 1..<(other.count + 1) {
      let (x, y) = (result[result.count - offset], other[other.count - offset])
      if x == y || y == one { continue }
      guard x == one else {
        let (left, right) = (a[a.count - offset], b[b.count - offset])
        throw InferenceError(
          "axis -\(offset) is \(builder.tables.text(left)) and \(builder.tables.text(right)); dims must be equal or 1"
        )
      }
      result[result.count - offset] = y
    }
    return result
  }

  /// The type of a value as text.
  func text(_ value: ValueID) -> String { builder.tables.text(builder.type(value)) }
}
