/// Every op of the table by its own example: text, types, all backends, all levels.

import SluiceIR
import SluicePasses
import SluicePlan
import SluiceText
import TestSupport
import Testing

struct OpTests {
  @Test(arguments: Op.allCases)
  func exampleRoundTrips(_ op: Op) throws {
    let name = op.definition.name
    let module = try parseModule(op.definition.example, file: "\(name).sluice")
    #expect(module.graphs.contains { $0.ops.contains(op) }, "the example of `\(name)` does not use it")
    let text = printModule(module)
    let again = try parseModule(text, file: "\(name).sluice")
    #expect(printModule(again) == text)
    #expect(verify(again).isEmpty)
  }

  /// Fused or not, at every level, over clean and poisoned memory: the bits are those that the example states.
  @Test(arguments: Op.allCases)
  func exampleGivesWhatItStates(_ op: Op) throws {
    let subject = try Subject(op.definition.example, file: "\(op.definition.name).sluice")
    #expect(!subject.runs.isEmpty, "the example has no `// run:` line")
    var agreement = try Agreement(subject, variants: Variant.all)
    #expect(agreement.rejections.isEmpty, "\(agreement.rejections.joined(separator: "\n"))")
    let failures = agreement.failures()
    #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
  }

  /// The examples of all ops as one module in C.
  @Test func examplesGiveTheSameInC() throws {
    var text = ""
    for op in Op.allCases {
      text += op.definition.example.replacing("@f(", with: "@example_\(op.definition.name)(") + "\n"
    }
    let subject = try Subject(text, file: "examples.sluice")
    for level in [OptimizationLevel.none, .full] {
      guard let c = try CBackend(subject, subject.plan(level: level)) else { return }
      var agreement = try Agreement(
        subject, variants: [Variant(fuses: true)], others: [("C, -O\(level.rawValue)", c)])
      #expect(agreement.rejections.isEmpty, "\(agreement.rejections.joined(separator: "\n"))")
      let failures = agreement.failures()
      #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
    }
  }
}
