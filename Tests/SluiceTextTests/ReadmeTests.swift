import Foundation
import SluiceIR
import SluiceText
import Testing

import enum TestSupport.Repository

/// What `IR/README.md` shows is true.
struct ReadmeTests {
  private func page() throws -> String {
    String(decoding: try #require(Repository.read("IR/README.md")), as: UTF8.self)
  }

  @Test func exampleIsAsPrinted() throws {
    let parts = try page().components(separatedBy: "```sluice\n")
    try #require(parts.count > 1)
    for part in parts.dropFirst() {
      let text = part.components(separatedBy: "```")[0]
      let printed = try RoundTripTests.roundTrip(text)
      // Its last line is a test.
      #expect(text.components(separatedBy: "// run:")[0] == printed)
    }
  }

  @Test func diagnosticIsAsShown() throws {
    let text = try page()
    let broken = """
      state @w : f32[3]



      func @f(%x: f32[B,4]) -> f32[B] where B <= 64 {
        %w = read @w : f32[3]
        %z = matmul %x, %w : f32[B]
        return %z
      }
      """
    let lines = broken.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines[6].hasPrefix("  %z"))
    let error = #expect(throws: Diagnostics.self) { try parseModule(broken, file: "model.sluice") }
    #expect(text.contains(try #require(error).description))
  }
}
