/// The checks that follow from a row alone: number and dtypes of operands, presence and kinds of attributes.
extension OpDefinition {
  /// Throws when operands or attributes do not fit the row.
  func check(_ tables: Tables, _ inference: Inference) throws(InferenceError) {
    let count = inference.operands.count
    guard operandCounts.contains(count) else {
      let least = operandCounts.lowerBound
      let wanted = operandCounts.upperBound == Int.max ? "at least \(least)" : "\(least)"
      throw InferenceError("`\(name)` takes \(wanted) operand\(wanted == "1" ? "" : "s"), got \(count)")
    }
    for (position, type) in inference.operands.enumerated() {
      let spec = operands[Swift.min(position, operands.count - 1)]
      let dtype = tables.types.dtype(type)
      guard spec.dtypes.contains(dtype) else {
        throw InferenceError(
          "`\(name)`: operand \(position + 1) (`\(spec.name)`) is \(dtype.name), it may be \(spec.dtypes.text)",
          dtype.isNarrow
            ? .text("\(dtype.name) only stores; calculate in another dtype: `cast %x {dtype = f32}`")
            : .convert("it", to: nil))
      }
    }
    if inference.attributes == AttributeTable.empty, attributes.isEmpty { return }
    let given = tables.attributes.attributes(inference.attributes)
    for attribute in given {
      guard let spec = self.attribute(attribute.name) else {
        let known = attributes.map { "`\($0.name.text)`" }.joined(separator: ", ")
        throw InferenceError(
          "`\(name)` has no attribute `\(attribute.name.text)`", hint: known.isEmpty ? nil : "it has \(known)"
        )
      }
      guard spec.kind == attribute.value.kind else {
        throw InferenceError("`\(name)`: attribute `\(spec.name.text)` is not of kind \(spec.kind)")
      }
    }
    try checkNumbers(tables, inference, given)
    for spec in attributes where spec.defaultValue == nil {
      guard given.contains(where: { $0.name == spec.name }) else {
        throw InferenceError("`\(name)` needs the attribute `\(spec.name.text)`: \(spec.summary)")
      }
    }
  }

  /// Throws when a number of the attributes is too large for the float dtype that it is rounded to.
  private func checkNumbers(
    _ tables: Tables, _ inference: Inference, _ given: [Attribute]
  ) throws(InferenceError) {
    var computed = tables.attributes.dtype(inference.attributes, .dtype)
    if computed == nil, case .dtype(let dtype)? = attribute(.dtype)?.defaultValue { computed = dtype }
    let dtypes = [computed].compactMap { $0 } + inference.operands.map { tables.types.dtype($0) }
    guard let dtype = dtypes.first(where: \.isFloat) else { return }
    for attribute in given {
      guard case .number(let value) = attribute.value else { continue }
      guard ScalarConstant.bits(holding: value, dtype) != nil else {
        throw InferenceError(
          "`\(name)`: \(attribute.name.text) = \(value) is out of the range of \(dtype.name)",
          .convert("the operands", to: .f64))
      }
    }
  }

  /// Interns attributes in schema order, with defaults left out.
  package func record(_ given: [Attribute], _ tables: inout Tables) -> AttributesID {
    if given.isEmpty { return AttributeTable.empty }
    var ordered: [Attribute] = []
    for spec in attributes {
      guard let attribute = given.first(where: { $0.name == spec.name }) else { continue }
      if !spec.isDefault(attribute.value) { ordered.append(attribute) }
    }
    for attribute in given where self.attribute(attribute.name) == nil { ordered.append(attribute) }
    return tables.attributes.intern(ordered)
  }
}
