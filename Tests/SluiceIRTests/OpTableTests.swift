/// The op table: names, schemas and examples are whole.

import SluiceIR
import Testing

struct OpTableTests {
  /// `logAbsDet` as `log_abs_det`; `NaN` is one word.
  private func snakeCase(_ text: String) -> String {
    var result = ""
    var rest = text[...]
    while let character = rest.first {
      let word = rest.hasPrefix("NaN") ? rest.prefix(3) : rest.prefix(1)
      if character.isUppercase { result += "_" }
      result += word.lowercased()
      rest = rest.dropFirst(word.count)
    }
    return result
  }

  @Test func namesAreUniqueAndThoseOfTheCases() {
    #expect(Set(Op.allCases.map(\.definition.name)).count == Op.allCases.count)
    for op in Op.allCases {
      #expect(op.definition.name == snakeCase("\(op)"))
      #expect(Op.named(op.definition.name) == op)
    }
    #expect(Op.named("nothing") == nil)
  }

  @Test(arguments: Op.allCases) func rowIsWhole(_ op: Op) {
    let row = op.definition
    #expect(!row.summary.isEmpty && !row.summary.contains("\n"))
    #expect(row.example.contains("func @f("))
    #expect(op == .input || row.example.contains(" = \(row.name)"), "the example uses the op")
    #expect(row.example.contains("// run: @f("))
    #expect(row.operands.dropLast().allSatisfy { !$0.isVariadic }, "only the last operand may be variadic")
    #expect(Set(row.attributes.map(\.name)).count == row.attributes.count)
    for attribute in row.attributes {
      #expect(!attribute.summary.isEmpty)
      // A default of kind `string` without a text means "none": what it is then is said in the summary.
      let isNone = attribute.defaultValue == .string(.none)
      #expect(isNone || attribute.defaultValue.map { $0.kind == attribute.kind } ?? true)
    }
    let mayMiss = row.operands.last?.mayBeNone ?? false
    #expect(row.operandCounts.lowerBound == row.operands.count - (mayMiss ? 1 : 0))
    #expect(row.operands.allSatisfy { $0.isVariadic || !$0.mayBeNone }, "only a variadic operand may be none")
  }

  @Test func rulesHaveOneNameAndIdentityEach() {
    var identities: [String: String] = [:]
    for rule in Op.allCases.flatMap(\.definition.rules) {
      #expect(!rule.identity.isEmpty)
      #expect(identities[rule.name] ?? rule.identity == rule.identity, "two rules named \(rule.name)")
      identities[rule.name] = rule.identity
    }
    #expect(identities.count > 8)
  }

  @Test func dtypesSizesAndNames() {
    for dtype in DType.allCases { #expect(DType(name: dtype.name) == dtype) }
    #expect(DType.allCases.map(\.byteCount) == [4, 8, 4, 8, 1, 1, 2, 2])
    #expect(DType.allCases.map(\.rawValue) == [0, 1, 2, 3, 4, 5, 6, 7], "raw values are in parameter files")
    #expect(DTypeSet.numbers.text == "f32, f64, i32, i64, u8")
  }
}
