import SluiceIR
import SluiceText
import Testing

/// Every row's example is a text that can be read, printed and read again.
struct OpExampleTests {
  @Test(arguments: Op.allCases)
  func exampleRoundTrips(_ op: Op) throws {
    let example = op.definition.example
    let module = try parseModule(example, file: "\(op.definition.name).sluice")
    let text = printModule(module)
    let again = try parseModule(text, file: "again.sluice")
    #expect(printModule(again) == text)
    let usesOp = module.graphs.contains { $0.ops.contains(op) }
    #expect(usesOp, "the example of `\(op.definition.name)` does not use it")
    let directives = try TestDirectives(Array(example.utf8), file: "example")
    #expect(!directives.runs.isEmpty)
  }
}
