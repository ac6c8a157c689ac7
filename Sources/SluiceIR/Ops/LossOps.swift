/// Losses, each a mean over all examples unless it is asked for otherwise.
extension OpDefinition {
  private static let reduction = AttributeSpec(
    .reduction, .string, default: .string(.none), "\"mean\", also when left out, \"sum\" or \"none\"")

  private static func checkedReduction(
    _ name: String, _ tables: Tables, _ attributes: AttributesID
  ) throws(InferenceError) -> String {
    let reduction = tables.string(attributes, .reduction, default: "mean")
    guard ["mean", "sum", "none"].contains(reduction) else {
      throw InferenceError(
        "`\(name)` has no reduction \"\(reduction)\"", hint: "it is \"mean\", \"sum\" or \"none\"")
    }
    return reduction
  }

  /// Losses put together as the attribute says; `count` is what a mean divides by.
  private static func reduced(
    _ builder: inout ModuleBuilder, _ losses: ValueID, _ attributes: AttributesID, count: ValueID?
  ) -> ValueID {
    let axes = Array(builder.shape(losses).indices)
    switch builder.tables.string(attributes, .reduction, default: "mean") {
    case "none": return losses
    case "sum": return builder.reduce(.sum, losses, axes, keepDims: false)
    default:
      guard let count else { return builder.reduce(.mean, losses, axes, keepDims: false) }
      return builder.make(.divide, [builder.reduce(.sum, losses, axes, keepDims: false), count])
    }
  }

  static let mse = OpDefinition(
    "mse", "the squared error (x - y)^2, its mean over all elements",
    family: .expand(
      Expansion { builder, x, attributes in
        let error = builder.subtract(x[0], x[1])
        return [reduced(&builder, builder.multiply(error, error), attributes, count: nil)]
      }), operands: [OperandSpec("x", .floats), OperandSpec("y", .floats)], attributes: [reduction],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      try Infer.requireEqual(tables, inference)
      let kept = try checkedReduction("mse", tables, inference.attributes) == "none"
      let x = inference.operands[0]
      inference.results.append(kept ? x : tables.types.intern(tables.types.dtype(x), []))
    },
    example: exampleText("%x: f32[2], %y: f32[2]", "mse %x, %y", "f32[]", run: "([1, 2], [1, 4]) == 2"))

  static let crossEntropy = OpDefinition(
    "cross_entropy",
    "-log_softmax(logits) at the target class of the last axis; what has a target out of range is left out, whatever it holds",
    family: .expand(
      Expansion { builder, x, attributes in
        let shape = builder.shape(x[0])
        let dtype = builder.dtype(x[0])
        let depth = shape[shape.count - 1]
        let isTarget = builder.make(
          .oneHot, [x[1]], [Attribute(.depth, .dim(depth)), Attribute(.dtype, .dtype(.bool))])
        // What is left out takes no part, whatever its logits are: others stand in their place.
        let last = [shape.count - 1]
        let isCounted = builder.reduce(.any, isTarget, last)
        let logits = builder.select(
          builder.broadcast(isCounted, like: x[0]), x[0], builder.splat(0, like: x[0]))
        let logarithms = builder.make(.logSoftmax, [logits])
        let picked = builder.select(isTarget, logarithms, builder.splat(-0.0, like: logarithms))
        let losses = builder.unary(.negate, builder.reduce(.sum, picked, last, keepDims: false))
        let counted = builder.cast(builder.reshape(isCounted, builder.shape(losses)), dtype)
        let count = builder.reduce(.sum, counted, Array(builder.shape(counted).indices), keepDims: false)
        let shown = builder.select(
          builder.compare(.equal, counted, 1), losses, builder.splat(0, like: losses))
        return [reduced(&builder, shown, attributes, count: count)]
      }), operands: [OperandSpec("logits", .floats), OperandSpec("targets", .indices)],
    attributes: [reduction],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let (x, targets) = (inference.operands[0], inference.operands[1])
      let shape = tables.types.shape(x)
      guard !shape.isEmpty, tables.types.shape(targets) == Array(shape.dropLast()) else {
        throw InferenceError(
          "`cross_entropy` of \(tables.text(x)) and \(tables.text(targets))",
          hint: "logits are [..., classes], targets [...]")
      }
      let kept = try checkedReduction("cross_entropy", tables, inference.attributes) == "none"
      inference.results.append(
        tables.types.intern(tables.types.dtype(x), kept ? Array(shape.dropLast()) : []))
    },
    example: exampleText(
      "%x: f32[2,2], %t: i32[2]", "cross_entropy %x, %t", "f32[]",
      run: "([[1, 1], [0, 5]], [0, -1]) == 0.69314718 ~ 1e-6"))

  static let binaryCrossEntropy = OpDefinition(
    "binary_cross_entropy",
    "softplus(x) - x y for logits x and probabilities y: -log of the probability of y",
    family: .expand(
      Expansion { builder, x, attributes in
        let losses = builder.subtract(builder.unary(.softplus, x[0]), builder.multiply(x[0], x[1]))
        return [reduced(&builder, losses, attributes, count: nil)]
      }), operands: [OperandSpec("x", .floats), OperandSpec("y", .floats)], attributes: [reduction],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      try Infer.requireEqual(tables, inference)
      let kept = try checkedReduction("binary_cross_entropy", tables, inference.attributes) == "none"
      let x = inference.operands[0]
      inference.results.append(kept ? x : tables.types.intern(tables.types.dtype(x), []))
    },
    example: exampleText(
      "%x: f32[1], %y: f32[1]", "binary_cross_entropy %x, %y", "f32[]", run: "([0], [1]) == 0.69314718 ~ 1e-6"
    ))
}
