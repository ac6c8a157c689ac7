/// Products that sum: matrix products and the general contraction.
extension OpDefinition {
  static let contract = OpDefinition(
    "contract",
    "the sum of products that an einsum equation of two operands describes, by fused multiply-adds",
    family: .contract(
      ContractKernel { _, _, tables, attributes in
        let text = tables.string(attributes, .equation, default: "")
        return (try? equationLabels(text)) ?? ContractKernel.Labels(lhs: [], rhs: [], result: [])
      }), operands: [OperandSpec("x", .numbers), OperandSpec("y", .numbers)],
    attributes: [
      AttributeSpec(
        .equation, .string,
        "a letter an axis, as in \"bij,bjk->bik\": equal letters run together, what the result lacks is summed, "
          + "in order of first appearance")
    ],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let (x, y) = (inference.operands[0], inference.operands[1])
      guard tables.types.dtype(x) == tables.types.dtype(y) else { throw Infer.mismatch(tables, x, y) }
      let equation = tables.string(inference.attributes, .equation, default: "")
      let labels = try equationLabels(equation)
      var dims: [Int: DimID] = [:]
      for (own, type) in [(labels.lhs, x), (labels.rhs, y)] {
        let shape = tables.types.shape(type)
        guard own.count == shape.count else {
          throw InferenceError(
            "`contract` by \"\(equation)\" of \(tables.text(x)) and \(tables.text(y))",
            hint: "every axis has one letter")
        }
        for (label, dim) in zip(own, shape) {
          if let known = dims[label], known != dim {
            throw InferenceError(
              "`contract` by \"\(equation)\" of \(tables.text(x)) and \(tables.text(y)): one letter stands for "
                + "\(tables.text(known)) and \(tables.text(dim))")
          }
          dims[label] = dim
        }
      }
      inference.results.append(
        tables.types.intern(tables.types.dtype(x), labels.result.compactMap { dims[$0] }))
    }, gradient: .contract,
    example: exampleText(
      "%x: f32[2,2], %y: f32[2,2]", "contract %x, %y {equation = \"ij,ij->i\"}", "f32[2]",
      run: "([[1, 2], [3, 4]], [[1, 1], [10, 1]]) == [3, 34]"))

  /// The labels of an equation: those of the result from 0, then the summed ones by first appearance.
  private static func equationLabels(_ equation: String) throws(InferenceError) -> ContractKernel.Labels {
    let hint = "write it as in \"bij,bjk->bik\", with letters a-z and A-Z"
    var parts: [[UInt8]] = [[]]
    var bytes = Array(equation.utf8)[...]
    while let byte = bytes.popFirst() {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"):
        parts[parts.count - 1].append(byte)
      case UInt8(ascii: ",") where parts.count == 1: parts.append([])
      case UInt8(ascii: "-") where parts.count == 2 && bytes.first == UInt8(ascii: ">"):
        bytes.removeFirst()
        parts.append([])
      default: throw InferenceError("the equation \"\(equation)\" of a `contract`", hint: hint)
      }
    }
    guard parts.count == 3, parts.allSatisfy({ $0.count <= TypeTable.maximumRank }) else {
      throw InferenceError("the equation \"\(equation)\" of a `contract`", hint: hint)
    }
    guard Set(parts[2]).count == parts[2].count, parts[2].allSatisfy({ (parts[0] + parts[1]).contains($0) })
    else {
      throw InferenceError(
        "the equation \"\(equation)\" of a `contract`",
        hint: "letters behind `->` are different, and each stands before it too")
    }
    var order = parts[2]
    for letter in parts[0] + parts[1] where !order.contains(letter) { order.append(letter) }
    func labels(_ part: [UInt8]) -> [Int] { part.compactMap { order.firstIndex(of: $0) } }
    return ContractKernel.Labels(lhs: labels(parts[0]), rhs: labels(parts[1]), result: labels(parts[2]))
  }

  static let matmul = OpDefinition(
    "matmul", "the matrix product over the last two axes, summed by fused multiply-adds in ascending order",
    family: .contract(
      ContractKernel { lhsRank, rhsRank, tables, attributes in
        matmulLabels(lhsRank, rhsRank, tables, attributes)
      }),
    operands: [OperandSpec("x", .numbers), OperandSpec("y", .numbers)],
    attributes: [
      AttributeSpec(.transposeLhs, .bool, default: .bool(false), "swap the last two axes of x first"),
      AttributeSpec(.transposeRhs, .bool, default: .bool(false), "swap the last two axes of y first"),
    ], infer: inferMatmul, gradient: .contract,
    example: exampleText(
      "%x: f32[2,3], %y: f32[3,2]", "matmul %x, %y", "f32[2,2]",
      run: "([[1, 2, 3], [4, 5, 6]], [[1, 0], [0, 1], [1, 1]]) == [[4, 5], [10, 11]]"))

  /// Labels: batch axes 0 ..< b, then the row of x, the column of y, and last the summed axis.
  static func matmulLabels(
    _ lhsRank: Int, _ rhsRank: Int, _ tables: Tables, _ attributes: AttributesID
  ) -> ContractKernel.Labels {
    let batch = Swift.max(lhsRank, rhsRank, 2) - 2
    let (row, column, summed) = (batch, batch + 1, batch + 2)
    var lhs = Array((batch - Swift.max(lhsRank - 2, 0))..<batch)
    var rhs = Array((batch - Swift.max(rhsRank - 2, 0))..<batch)
    var result = Array(0..<batch)
    if lhsRank == 1 {
      lhs.append(summed)
    } else {
      lhs += tables.attributes.bool(attributes, .transposeLhs) ? [summed, row] : [row, summed]
      result.append(row)
    }
    if rhsRank == 1 {
      rhs.append(summed)
    } else {
      rhs += tables.attributes.bool(attributes, .transposeRhs) ? [column, summed] : [summed, column]
      result.append(column)
    }
    return ContractKernel.Labels(lhs: lhs, rhs: rhs, result: result)
  }

  private static let inferMatmul: InferenceRule = {
    (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
    let (x, y) = (inference.operands[0], inference.operands[1])
    let (xs, ys) = (tables.types.shape(x), tables.types.shape(y))
    guard tables.types.dtype(x) == tables.types.dtype(y) else { throw Infer.mismatch(tables, x, y) }
    guard !xs.isEmpty, !ys.isEmpty else {
      throw InferenceError(
        "`matmul` of a scalar: \(tables.text(x)) and \(tables.text(y))", hint: "use `multiply`")
    }
    let labels = matmulLabels(xs.count, ys.count, tables, inference.attributes)
    var dims: [Int: DimID] = [:]
    for (label, dim) in zip(labels.lhs, xs) { dims[label] = dim }
    for (label, dim) in zip(labels.rhs, ys) {
      if let known = dims[label], known != dim {
        let kind = labels.result.contains(label) ? "batch" : "inner"
        throw InferenceError(
          "`matmul`: \(kind) dims differ, \(tables.text(known)) and \(tables.text(dim)): "
            + "\(tables.text(x)) x \(tables.text(y))",
          kind == "inner" ? .swapAxes : nil)
      }
      dims[label] = dim
    }
    inference.results.append(
      tables.types.intern(tables.types.dtype(x), labels.result.compactMap { dims[$0] }))
  }
}
