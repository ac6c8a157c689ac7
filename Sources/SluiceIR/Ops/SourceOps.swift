/// Sources: values without a computation.
extension OpDefinition {
  static let input = OpDefinition(
    "input", "The argument of a function or body; written in its signature", family: .source(.input),
    operands: [],
    traits: .unique,
    infer: { (_: inout Tables, _: inout Inference) throws(InferenceError) in
      throw InferenceError(
        "`input` is written in the signature, not as a node", hint: "name it in `func @f(...)`")
    }, example: "func @f(%x: f32[2]) -> f32[2] {\n  return %x\n}\n// run: @f([1, 2]) == [1, 2]\n")

  static let read = OpDefinition(
    "read", "The value of a parameter or state at entry", family: .source(.variable), operands: [],
    attributes: [AttributeSpec(.name, .symbol, "which one")],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      guard let name = tables.attributes.symbol(inference.attributes, .name) else {
        throw InferenceError("`read` names nothing")
      }
      guard let variable = tables.variable(name) else {
        throw InferenceError(
          "`@\(tables.strings[name])` is not declared",
          hint: "declare it above: `param @\(tables.strings[name]) : ...`"
        )
      }
      inference.results.append(variable.type)
    },
    example: """
      param @w : f32[2] init data [3, 4]

      func @f(%x: f32[2]) -> f32[2] {
        %w = read @w : f32[2]
        %y = add %x, %w : f32[2]
        return %y
      }
      // run: @f([1, 2]) == [4, 6]

      """)

  static let constant = OpDefinition(
    "constant", "A tensor known when the model is compiled", family: .source(.constant), operands: [],
    attributes: [AttributeSpec(.value, .constant, "the elements in row-major order")],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      guard let id = tables.attributes.constant(inference.attributes, .value) else {
        throw InferenceError("`constant` has no value")
      }
      inference.results.append(tables.constants.type(id))
    },
    example: """
      func @f() -> f32[3] {
        %c = constant {value = [1, 2.5, -0.0]} : f32[3]
        return %c
      }
      // run: @f() == [1, 2.5, -0.0]

      """)
}
