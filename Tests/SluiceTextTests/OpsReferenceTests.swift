import Foundation
import SluiceIR
import SluiceText
import Testing

/// `IR/ops.md` is what the op table says; `BLESS=1` writes it.
struct OpsReferenceTests {
  @Test func pageIsCurrent() throws {
    let url = FileTests.root.appendingPathComponent("IR/ops.md")
    let reference = opsReference()
    if ProcessInfo.processInfo.environment["BLESS"] == "1" {
      try Data(reference.utf8).write(to: url)
    }
    let page = (try? Data(contentsOf: url)).map { String(decoding: $0, as: UTF8.self) }
    #expect(page == reference, "IR/ops.md is not what the op table says; BLESS=1 writes it")
  }

  @Test func everyOpHasASection() {
    let reference = opsReference()
    for op in Op.allCases { #expect(reference.contains("\n### \(op.definition.name)\n")) }
  }
}
