/// What the tests of this module share: text in, text out.

import SluiceIR
import SluicePasses
import SluiceText
import Testing

/// The module of a text.
func parse(_ text: String) throws -> Module {
  let module = try parseModule(text, file: "test.sluice")
  #expect(verify(module) == [])
  return module
}

/// The module after these passes, each result verified.
func run(_ passes: String..., on module: Module) throws -> Module {
  try runPasses(module, passes, verifyEach: true)
}

/// The remarks of one pass, without the name of the pass.
func remarks(_ pass: String, on module: Module) throws -> [String] {
  var found: [String] = []
  _ = try runPasses(module, [pass]) { report, _ in found = report.remarks.map(\.message) }
  #expect(found.allSatisfy { $0.hasPrefix("\(pass): ") })
  return found.map { String($0.dropFirst(pass.count + 2)) }
}

/// Whether an op is a composite.
func isComposite(_ op: Op) -> Bool { if case .expand = op.definition.family { true } else { false } }
