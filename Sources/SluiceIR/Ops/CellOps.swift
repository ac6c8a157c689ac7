/// One step of recurrent networks.
extension OpDefinition {
  /// Checks x [B, I], states [B, H], and weights [gates * H, I], [gates * H, H] and biases [gates * H].
  private static func checkCell(
    _ name: String, _ tables: inout Tables, _ operands: [TypeID], states: Int, gates: Int64
  ) throws(InferenceError) {
    let shapes = operands.map { tables.types.shape($0) }
    let text = operands.map { tables.text($0) }.joined(separator: ", ")
    let hint =
      "x is [batch, input], states [batch, hidden], weights [\(gates) * hidden, input] and "
      + "[\(gates) * hidden, hidden], biases [\(gates) * hidden]"
    guard shapes[0].count == 2, shapes[1].count == 2,
      operands.allSatisfy({ tables.types.dtype($0) == tables.types.dtype(operands[0]) }),
      let hidden = tables.dims.value(shapes[1][1]), hidden <= Int64.max / gates
    else { throw InferenceError("`\(name)` of \(text)", hint: hint) }
    let rows = tables.dims.integer(gates * hidden)
    let state = [shapes[0][0], shapes[1][1]]
    var wanted = [shapes[0]] + Array(repeating: state, count: states)
    wanted += [[rows, shapes[0][1]], [rows, shapes[1][1]], [rows], [rows]]
    guard shapes == wanted else { throw InferenceError("`\(name)` of \(text)", hint: hint) }
  }

  /// `x w^T + b`, cut into parts for the gates.
  private static func gates(
    _ builder: inout ModuleBuilder, _ x: ValueID, _ w: ValueID, _ b: ValueID, count: Int
  ) -> [ValueID] {
    let product = builder.make(.matmul, [x, w], [Attribute(.transposeRhs, .bool(true))])
    let sums = builder.add(product, b)
    let width = (builder.tables.dims.value(builder.shape(sums)[1]) ?? 0) / Int64(count)
    return (0..<count).map { gate in
      let start = builder.tables.dims.integer(Int64(gate) * width)
      return builder.slice(sums, axis: 1, start, builder.tables.dims.integer(Int64(gate + 1) * width))
    }
  }

  private static let cellWeights = ["input_weights", "hidden_weights", "input_bias", "hidden_bias"]

  static let gruCell = OpDefinition(
    "gru_cell",
    "a gated recurrent unit (Cho et al. 2014) with gates r, z, n as PyTorch has them: "
      + "h' = (1 - z) n + z h",
    family: .expand(
      Expansion { builder, x, _ in
        let a = gates(&builder, x[0], x[2], x[4], count: 3)
        let b = gates(&builder, x[1], x[3], x[5], count: 3)
        let reset = builder.unary(.sigmoid, builder.add(a[0], b[0]))
        let update = builder.unary(.sigmoid, builder.add(a[1], b[1]))
        let new = builder.unary(.tanh, builder.add(a[2], builder.multiply(reset, b[2])))
        let fresh = builder.multiply(builder.subtract(1, update), new)
        return [builder.add(fresh, builder.multiply(update, x[1]))]
      }), operands: (["x", "h"] + cellWeights).map { OperandSpec($0, .floats) },
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      try checkCell("gru_cell", &tables, inference.operands, states: 1, gates: 3)
      inference.results.append(inference.operands[1])
    },
    example: exampleText(
      "%x: f32[1,1], %h: f32[1,1], %u: f32[3,1], %v: f32[3,1], %a: f32[3], %b: f32[3]",
      "gru_cell %x, %h, %u, %v, %a, %b", "f32[1,1]",
      run: "([[0]], [[4]], [[1], [1], [1]], [[0], [0], [0]], [0, 0, 0], [0, 0, 0]) == [[2]]"))

  static let lstmCell = OpDefinition(
    "lstm_cell",
    "a long short-term memory (Hochreiter and Schmidhuber 1997) with gates i, f, g, o as PyTorch "
      + "has them: c' = f c + i g, h' = o tanh c'",
    family: .expand(
      Expansion { builder, x, _ in
        let a = gates(&builder, x[0], x[3], x[5], count: 4)
        let b = gates(&builder, x[1], x[4], x[6], count: 4)
        let sums = zip(a, b).map { builder.add($0, $1) }
        let kept = builder.multiply(builder.unary(.sigmoid, sums[1]), x[2])
        let taken = builder.multiply(builder.unary(.sigmoid, sums[0]), builder.unary(.tanh, sums[2]))
        let cell = builder.add(kept, taken)
        return [builder.multiply(builder.unary(.sigmoid, sums[3]), builder.unary(.tanh, cell)), cell]
      }), operands: (["x", "h", "c"] + cellWeights).map { OperandSpec($0, .floats) },
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      try checkCell("lstm_cell", &tables, inference.operands, states: 2, gates: 4)
      inference.results += inference.operands[1...2]
    },
    example: """
      func @f(%x: f32[1,1], %h: f32[1,1], %c: f32[1,1], %u: f32[4,1], %v: f32[4,1], %a: f32[4], %b: f32[4]) -> f32[1,1], f32[1,1] {
        %h1, %c1 = lstm_cell %x, %h, %c, %u, %v, %a, %b : f32[1,1], f32[1,1]
        return %h1, %c1
      }
      // run: @f([[0]], [[0]], [[0]], [[1], [1], [1], [1]], [[0], [0], [0], [0]], [0, 0, 0, 0], [0, 0, 0, 0]) == [[0]], [[0]]

      """)
}
