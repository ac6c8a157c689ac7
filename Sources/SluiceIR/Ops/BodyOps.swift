/// Ops that run another graph.
extension OpDefinition {
  static let scan = OpDefinition(
    "scan", "runs a body once for every part of the sequences, passing the carried values on",
    family: .body(.scan), operands: [OperandSpec("carries, sequences, captures", variadic: true)],
    attributes: [
      AttributeSpec(.body, .graph, "takes carries, parts and captures; gives carries and parts"),
      AttributeSpec(.carries, .int, default: .int(0), "how many of the operands are carried"),
      AttributeSpec(
        .sequences, .int, default: .int(0), "how many of the operands are cut along their first axis"),
      AttributeSpec(.length, .dim, default: .string(.none), "how often, where there are no sequences"),
      AttributeSpec(.reverse, .bool, default: .bool(false), "from the last part to the first"),
      AttributeSpec(
        .recompute, .bool, default: .bool(false),
        "keep only the carried values for the derivative, and run the body again for the rest"),
    ], infer: inferScan,
    example: """
      body @accumulate(%sum: f32[], %x: f32[]) -> f32[], f32[] {
        %next = add %sum, %x : f32[]
        return %next, %next
      }

      func @f(%start: f32[], %xs: f32[4]) -> f32[], f32[4] {
        %total, %sums = scan @accumulate, %start, %xs {carries = 1, sequences = 1} : f32[], f32[4]
        return %total, %sums
      }
      // run: @f(10, [1, 2, 3, 4]) == 20, [11, 13, 16, 20]

      """)

  private static let inferScan: InferenceRule = {
    (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
    let record = inference.attributes
    let named = try BodySignature("scan", .body, tables, inference)
    let (body, name) = (named.signature, named.name)
    let carries = tables.attributes.int(record, .carries) ?? 0
    let sequences = tables.attributes.int(record, .sequences) ?? 0
    let count = Int64(inference.operands.count)
    guard carries >= 0, sequences >= 0, carries <= count, sequences <= count - carries else {
      throw InferenceError("`scan` has \(count) operands, but \(carries) carries and \(sequences) sequences")
    }
    var length = tables.attributes.dim(record, .length)
    var inputs = Array(inference.operands.prefix(Int(carries)))
    for type in inference.operands[Int(carries)..<Int(carries + sequences)] {
      let shape = tables.types.shape(type)
      guard let first = shape.first else {
        throw InferenceError("`scan` over a scalar: \(tables.text(type))")
      }
      if let length, length != first {
        throw InferenceError(
          "`scan` over sequences of different lengths, \(tables.text(length)) and \(tables.text(first))")
      }
      length = first
      inputs.append(tables.types.intern(tables.types.dtype(type), Array(shape.dropFirst())))
    }
    inputs += inference.operands.dropFirst(Int(carries + sequences))
    guard let length else {
      throw InferenceError("`scan` has neither sequences nor a length", hint: "add `length = ...`")
    }
    try named.requireInputs(inputs, tables)
    let carried = Array(inputs.prefix(Int(carries)))
    guard body.results.count >= Int(carries), Array(body.results.prefix(Int(carries))) == carried else {
      let texts = BodySignature.texts(body.results, carried, tables)
      throw InferenceError(
        "`scan`: \(name) gives \(texts.0), its first \(carries) results must have the types of the carries",
        hint: "carries are \(texts.1)")
    }
    inference.results += inputs.prefix(Int(carries))
    for type in body.results.dropFirst(Int(carries)) {
      let shape = [length] + tables.types.shape(type)
      guard shape.count <= TypeTable.maximumRank else {
        throw InferenceError(
          "`scan` gives \(shape.count) axes; there may be at most \(TypeTable.maximumRank)")
      }
      inference.results.append(tables.types.intern(tables.types.dtype(type), shape))
    }
  }
}
