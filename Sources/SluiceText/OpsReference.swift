import SluiceIR

/// The reference of all ops in Markdown, made from the op table: `IR/ops.md`.
public func opsReference() -> String {
  var text = """
    # Ops

    All ops of the language, from the op table (`Sources/SluiceIR/Ops`). This page is generated; a test keeps it
    true (`BLESS=1 swift test --filter SluiceTextTests` writes it anew). `IR/README.md` is the reference of the
    language: grammar, types, and what families of ops have in common. The examples are run by the tests.


    """
  let families = OpFamily.all
  for family in families {
    let names = family.ops.map { "[`\($0.definition.name)`](#\($0.definition.name))" }
    text += "- **\(family.name)**: \(names.joined(separator: ", "))\n"
  }
  for family in families {
    text += "\n## \(family.name)\n"
    for op in family.ops { text += "\n" + section(op.definition) }
  }
  return text
}

/// The ops of one family, in the order of the table.
private struct OpFamily {
  var name: String
  var ops: [Op] = []

  static var all: [OpFamily] {
    var families: [OpFamily] = []
    for op in Op.allCases {
      let name = op.definition.family.name
      if let known = families.firstIndex(where: { $0.name == name }) {
        families[known].ops.append(op)
      } else {
        families.append(OpFamily(name: name, ops: [op]))
      }
    }
    return families
  }
}

private func section(_ definition: OpDefinition) -> String {
  var text = "### \(definition.name)\n\n\(definition.summary)\n\n"
  for operands in sameDTypes(definition.operands) {
    let names = operands.map { "`\($0.name)`" }.joined(separator: ", ")
    let isVariadic = operands.contains { $0.isVariadic }
    let dtypes = operands[0].dtypes == .any ? "any dtype" : operands[0].dtypes.text
    text += "- operand\(operands.count > 1 || isVariadic ? "s" : "") \(names): \(dtypes)"
    let mayBeNone = operands.contains { $0.mayBeNone }
    text += isVariadic ? (mayBeNone ? "; any number\n" : "; one or more\n") : "\n"
  }
  for attribute in definition.attributes {
    text += "- attribute `\(attribute.name.text)`: \(attribute.summary) (\(kind(attribute)))\n"
  }
  for rule in definition.rules { text += "- rule `\(rule.name)`: `\(rule.identity)`\n" }
  if definition.traits.contains(.commutative) { text += "- commutative\n" }
  text += derivative(definition)
  if !definition.operands.isEmpty || !definition.attributes.isEmpty || !definition.rules.isEmpty {
    text += "\n"
  }
  return text + "```\n\(definition.example)```\n"
}

/// What differentiation makes of an op with float operands, where it is not what one expects.
private func derivative(_ definition: OpDefinition) -> String {
  guard definition.operands.contains(where: { !$0.dtypes.isDisjoint(with: .floats) }) else { return "" }
  switch definition.gradient {
  case .zero: return "- derivative: 0, or none\n"
  case .none(let reason): return "- derivative: none, \(reason)\n"
  case .cotangents, .expansion, .bodies: return ""
  }
}

/// Runs of operands that may have the same dtypes.
private func sameDTypes(_ operands: [OperandSpec]) -> [[OperandSpec]] {
  var runs: [[OperandSpec]] = []
  for operand in operands {
    if let last = runs.last?.last, last.dtypes == operand.dtypes, !operand.isVariadic {
      runs[runs.count - 1].append(operand)
    } else {
      runs.append([operand])
    }
  }
  return runs
}

/// The kind of an attribute, and whether and how it can be left out.
private func kind(_ attribute: AttributeSpec) -> String {
  let kind =
    switch attribute.kind {
    case .int: "an integer"
    case .bool: "`true` or `false`"
    case .number: "a number"
    case .dtype: "a dtype"
    case .ints: "a list of integers"
    case .dims: "a list of dims"
    case .dim: "a dim"
    case .symbol: "the name of a parameter or state, written `@name` before the operands"
    case .graph: "the name of a body, written `@name` before the operands"
    case .constant: "elements"
    case .string: "text in quotes"
    }
  switch attribute.defaultValue {
  case nil: return kind
  case .int(let value): return kind + ", \(value) when left out"
  case .bool(let value): return kind + ", `\(value)` when left out"
  case .number(let value): return kind + ", \(value) when left out"
  case .dtype(let value): return kind + ", `\(value.name)` when left out"
  default: return kind + ", optional"
  }
}
