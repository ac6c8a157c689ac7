/// Ops that run a body once, one of two bodies, or a body while a condition holds.
extension OpDefinition {
  static let call = OpDefinition(
    "call", "runs a body once", family: .body(.call),
    operands: [OperandSpec("operands", variadic: true, mayBeNone: true)],
    attributes: [
      AttributeSpec(.body, .graph, "takes the operands and gives the results"),
      AttributeSpec(
        .recompute, .bool, default: .bool(false),
        "run the body again for its derivative, rather than to keep what that needs"),
    ],
    infer: inferCall,
    example: """
      body @norm(%x: f32[], %y: f32[]) -> f32[] {
        %xx = multiply %x, %x : f32[]
        %square = fma %y, %y, %xx : f32[]
        %norm = sqrt %square : f32[]
        return %norm
      }

      func @f(%x: f32[], %y: f32[]) -> f32[] {
        %a = call @norm, %x, %y : f32[]
        %b = call @norm, %a, %x : f32[]
        return %b
      }
      // run: @f(0, 5) == 5

      """)

  static let customVjp = OpDefinition(
    "custom_vjp", "runs a body once; another one gives its derivative", family: .body(.call),
    operands: [OperandSpec("operands", variadic: true)],
    attributes: [
      AttributeSpec(.body, .graph, "takes the operands and gives the results"),
      AttributeSpec(
        .backward, .graph,
        "takes operands, results and the cotangents of float results; gives those of the float operands"),
    ],
    infer: inferCustomVjp,
    example: """
      body @sign(%x: f32[2]) -> f32[2] {
        %y = sign %x : f32[2]
        return %y
      }

      body @straight_through(%x: f32[2], %y: f32[2], %dy: f32[2]) -> f32[2] {
        return %dy
      }

      func @f(%x: f32[2]) -> f32[2] {
        %y = custom_vjp @sign, @straight_through, %x : f32[2]
        return %y
      }
      // run: @f([-3, 5]) == [-1, 1]

      """)

  static let cond = OpDefinition(
    "cond", "runs one of two bodies, by a condition", family: .body(.cond),
    operands: [
      OperandSpec("condition", .bool), OperandSpec("operands", variadic: true, mayBeNone: true),
    ],
    attributes: [
      AttributeSpec(.then, .graph, "runs where the condition is true: takes the operands, gives the results"),
      AttributeSpec(.otherwise, .graph, "runs where it is false; takes and gives the same types"),
    ], infer: inferCond,
    example: """
      body @half(%x: f32[2]) -> f32[2] {
        %half = constant {value = 0.5} : f32[]
        %halves = broadcast %half {shape = [2]} : f32[2]
        %y = multiply %x, %halves : f32[2]
        return %y
      }

      body @same(%x: f32[2]) -> f32[2] {
        return %x
      }

      func @f(%x: f32[2], %is_large: bool[]) -> f32[2] {
        %y = cond @half, @same, %is_large, %x : f32[2]
        return %y
      }
      // run: @f([2, 4], true) == [1, 2]
      // run: @f([2, 4], false) == [2, 4]

      """)

  static let `while` = OpDefinition(
    "while", "repeats a body while a condition holds, passing the carried values on",
    family: .body(.while),
    operands: [OperandSpec("carries, captures", variadic: true)],
    attributes: [
      AttributeSpec(.condition, .graph, "takes carries and captures; gives a bool scalar"),
      AttributeSpec(.body, .graph, "takes carries and captures; gives the next carries"),
      AttributeSpec(.carries, .int, "how many of the operands are carried"),
      AttributeSpec(
        .limit, .dim, default: .string(.none), "how often at most; without it, it may run for ever"),
    ], infer: inferWhile,
    example: """
      body @is_below(%x: i32[], %end: i32[]) -> bool[] {
        %is_below = less %x, %end : bool[]
        return %is_below
      }

      body @double(%x: i32[], %end: i32[]) -> i32[] {
        %next = add %x, %x : i32[]
        return %next
      }

      func @f(%x: i32[], %end: i32[]) -> i32[] {
        %power = while @is_below, @double, %x, %end {carries = 1, limit = 30} : i32[]
        return %power
      }
      // run: @f(1, 100) == 128
      // run: @f(7, 7) == 7

      """)

  private static let inferCall: InferenceRule = {
    (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
    let body = try BodySignature("call", .body, tables, inference)
    try body.requireInputs(inference.operands, tables)
    inference.results += body.signature.results
  }

  private static let inferCustomVjp: InferenceRule = {
    (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
    let body = try BodySignature("custom_vjp", .body, tables, inference)
    try body.requireInputs(inference.operands, tables)
    let backward = try BodySignature("custom_vjp", .backward, tables, inference)
    let cotangents = tables.cotangentTypes(body.signature.results)
    try backward.requireInputs(inference.operands + body.signature.results + cotangents, tables)
    let wanted = tables.cotangentTypes(inference.operands)
    guard backward.signature.results == wanted else {
      let texts = BodySignature.texts(backward.signature.results, wanted, tables)
      throw InferenceError(
        "`custom_vjp`: \(backward.name) gives \(texts.0), the cotangents of the float operands are \(texts.1)"
      )
    }
    inference.results += body.signature.results
  }

  private static let inferCond: InferenceRule = {
    (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
    try requireScalar(inference.operands[0], "the condition of `cond`", tables)
    let operands = Array(inference.operands.dropFirst())
    let then = try BodySignature("cond", .then, tables, inference)
    let otherwise = try BodySignature("cond", .otherwise, tables, inference)
    try then.requireInputs(operands, tables)
    try otherwise.requireInputs(operands, tables)
    let (a, b) = (then.signature.results, otherwise.signature.results)
    guard a == b else {
      let texts = BodySignature.texts(a, b, tables)
      throw InferenceError("`cond`: \(then.name) gives \(texts.0), \(otherwise.name) gives \(texts.1)")
    }
    inference.results += a
  }

  private static let inferWhile: InferenceRule = {
    (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
    let condition = try BodySignature("while", .condition, tables, inference)
    let body = try BodySignature("while", .body, tables, inference)
    let carries = tables.attributes.int(inference.attributes, .carries) ?? 0
    let count = inference.operands.count
    guard carries >= 1, carries <= Int64(count) else {
      throw InferenceError(
        "`while` has \(count) operand\(count == 1 ? "" : "s"), but \(carries) carries",
        hint: carries < 1 ? "what is not carried stays as it is: carry what the condition looks at" : nil)
    }
    try condition.requireInputs(inference.operands, tables)
    try body.requireInputs(inference.operands, tables)
    guard condition.signature.results.count == 1 else {
      let texts = BodySignature.texts(condition.signature.results, [], tables)
      throw InferenceError("`while`: \(condition.name) gives \(texts.0), it must give one bool")
    }
    try requireScalar(condition.signature.results[0], "`while`: the result of \(condition.name)", tables)
    let carried = Array(inference.operands.prefix(Int(carries)))
    guard body.signature.results == carried else {
      let texts = BodySignature.texts(body.signature.results, carried, tables)
      throw InferenceError("`while`: \(body.name) gives \(texts.0), the carries are \(texts.1)")
    }
    inference.results += carried
  }

  private static func requireScalar(_ type: TypeID, _ what: String, _ tables: Tables) throws(InferenceError) {
    guard tables.types.dtype(type) == .bool, tables.types.rank(type) == 0 else {
      throw InferenceError("\(what) is \(tables.text(type)), it must be bool[]")
    }
  }
}

/// A body that a node names: what it takes and gives.
struct BodySignature {
  /// The op that runs it.
  let op: String
  /// What it takes and gives.
  let signature: GraphSignature
  /// Its name for messages.
  let name: String

  /// The body that an attribute names; throws where it is none.
  init(
    _ op: String, _ attribute: AttributeName, _ tables: Tables, _ inference: Inference
  ) throws(InferenceError) {
    self.op = op
    guard let id = tables.attributes.graph(inference.attributes, attribute),
      id.index < tables.signatures.count
    else { throw InferenceError("`\(op)` names no body") }
    signature = tables.signatures[id.index]
    name = "`@\(tables.strings[signature.name])`"
    guard signature.kind == .body else {
      throw InferenceError("`\(op)` runs \(name), which is not a body")
    }
  }

  /// Throws unless the body takes values of these types.
  func requireInputs(_ types: [TypeID], _ tables: Tables) throws(InferenceError) {
    guard signature.inputs == types else {
      let texts = Self.texts(types, signature.inputs, tables)
      throw InferenceError("`\(op)` calls \(name) with \(texts.0), it takes \(texts.1)")
    }
  }

  /// Two lists of types that differ, as text: with the bounds of symbols where only these differ.
  static func texts(_ a: [TypeID], _ b: [TypeID], _ tables: Tables) -> (String, String) {
    func text(_ types: [TypeID]) -> String {
      "(" + types.map { tables.text($0) }.joined(separator: ", ") + ")"
    }
    func bounds(_ types: [TypeID]) -> String {
      let symbols = Set(types.flatMap { tables.types.shape($0).flatMap { tables.dims.symbols(in: $0) } })
      let rows = symbols.map { symbol in
        "\(tables.strings[tables.dims.symbols[symbol.index].name]) <= \(tables.dims.symbols[symbol.index].bound)"
      }
      return rows.isEmpty ? "" : " where " + rows.sorted().joined(separator: ", ")
    }
    let (first, second) = (text(a), text(b))
    return first == second ? (first + bounds(a), second + bounds(b)) : (first, second)
  }
}

extension Tables {
  /// The types of the cotangents of those values that have one: f32 for f16 and bf16, which only store.
  mutating func cotangentTypes(_ values: [TypeID]) -> [TypeID] {
    values.filter { types.dtype($0).isFloating }.map {
      types.dtype($0).isNarrow ? types.with(.f32, shapeOf: $0) : $0
    }
  }
}
