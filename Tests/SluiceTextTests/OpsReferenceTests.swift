import SluiceIR
import SluiceText
import Testing

import enum TestSupport.Repository

/// `IR/ops.md` is what the op table says; `BLESS=1` writes it.
struct OpsReferenceTests {
  @Test func pageIsCurrent() throws {
    let difference = try Repository.difference(opsReference(), golden: "IR/ops.md")
    #expect(difference == nil)
  }

  @Test func everyOpHasASection() {
    let reference = opsReference()
    for op in Op.allCases { #expect(reference.contains("\n### \(op.definition.name)\n")) }
  }
}
