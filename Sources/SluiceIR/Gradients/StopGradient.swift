/// Ops that exist for differentiation alone.
extension OpDefinition {
  static let stopGradient = OpDefinition(
    "stop_gradient", "x; differentiation takes it as a constant",
    family: .expand(Expansion { _, x, _ in [x[0]] }), operands: [OperandSpec("x")],
    infer: { (_: inout Tables, inference: inout Inference) throws(InferenceError) in
      inference.results.append(inference.operands[0])
    }, gradient: .zero,
    example: exampleText("%x: f32[2]", "stop_gradient %x", "f32[2]", run: "([1, 2]) == [1, 2]"))
}
