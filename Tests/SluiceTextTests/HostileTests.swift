import Foundation
import SluiceIR
import SluiceText
import Testing

import enum TestSupport.Repository

/// Texts that nobody means well: all of them end in a module or in diagnostics, and soon.
struct HostileTests {
  /// Reads anything; a module must then print as a text that gives the same text again.
  static func read(_ text: [UInt8]) {
    _ = try? TestDirectives(text, file: "fuzz.sluice")
    do throws(Diagnostics) {
      let module = try parseModule(text, file: "fuzz.sluice")
      #expect(verify(module).isEmpty)
      let printed = printModule(module)
      let again = printModule(try parseModule(printed, file: "again.sluice"))
      #expect(again == printed)
    } catch {
      #expect(!error.all.isEmpty)
      for diagnostic in error.all { #expect(!diagnostic.description.isEmpty && diagnostic.place != nil) }
    }
  }

  static let seeds: [[UInt8]] = {
    var texts = Op.allCases.map { Array($0.definition.example.utf8) }
    texts.append(Array(RoundTripTests.everything.utf8))
    texts += FileTests.files.compactMap { try? FileTests.bytes($0) }.filter { $0.count < 3000 }
    return texts
  }()

  /// How many damaged texts are read: `SLUICE_RANDOM=N` asks for N, from `SLUICE_SEED` on.
  static let rounds = max(8, Repository.number("SLUICE_RANDOM") ?? 8000)

  @Test(arguments: 0..<8)
  func mutations(_ part: Int) {
    var random = SplitMix(state: UInt64(part) &+ 8 &* UInt64(Repository.number("SLUICE_SEED") ?? 0))
    let pieces: [String] = [
      "%", "@", "[", "]", "{", "}", "(", ")", ",", ":", "=", "->", "<=", "*", "-", "+", "\n", "//", "\"",
      "\\", "inf",
      "nan", "0x7fc00001", "9223372036854775807", "-1", "1e999", "B", "T", "where", "return", "func @g",
      "body @b", "f32[]",
      "i64[2]", "u8", "scan @accumulate,", "axes = [0]", "shape = [B,2]", "value = [1]", "init data [1]", "é",
      "\u{0}",
    ]
    for _ in 0..<Self.rounds / 8 {
      guard var text = Self.seeds.randomElement(using: &random) else { return }
      for _ in 0..<Int.random(in: 1...4, using: &random) where !text.isEmpty {
        let at = Int.random(in: 0..<text.count, using: &random)
        let count = min(Int.random(in: 1...12, using: &random), text.count - at)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: text.removeSubrange(at..<at + count)
        case 1:
          text.insert(contentsOf: text[at..<at + count], at: Int.random(in: 0...text.count, using: &random))
        case 2: text[at] = UInt8.random(in: 0...255, using: &random)
        case 3: text[at] = UInt8.random(in: 32...126, using: &random)
        case 4: text.insert(contentsOf: (pieces.randomElement(using: &random) ?? "").utf8, at: at)
        default:
          text.replaceSubrange(at..<at + count, with: (pieces.randomElement(using: &random) ?? "").utf8)
        }
      }
      Self.read(text)
    }
  }

  @Test func everyPrefix() {
    let text = Array(RoundTripTests.everything.utf8)
    for count in stride(from: 0, to: text.count, by: 3) { Self.read(Array(text.prefix(count))) }
  }

  private func errors(_ text: String) -> [String] {
    do throws(Diagnostics) {
      _ = try parseModule(text, file: "t")
      return []
    } catch {
      return error.all.map(\.message)
    }
  }

  private func many(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

  @Test func deepNesting() {
    #expect(errors("param @w : f32[\(many("(", 100_000))2]") == ["the dim is nested too deeply"])
    #expect(errors("param @w : f32[\(many("-", 100_000))2]") == ["the dim is nested too deeply"])
    #expect(errors("param @w : f32[2,2] init data \(many("[", 100_000))").count == 1)
    #expect(
      !errors("func @f() {\n  %x = constant {value = \(many("[", 100_000))1} : f32[2]\n  return\n}").isEmpty)
    #expect(errors("func @f\(many("(", 100_000))").count == 1)
  }

  @Test func largeNumbers() {
    #expect(
      errors("param @w : f32[2] init constant(\(many("9", 50_000)))")
        == ["the number is out of the range of f32"])
    #expect(errors("param @w : f32[1] init data [0.\(many("1", 50_000))]").isEmpty)
    #expect(errors("param @w : f32[\(many("9", 50_000))]") == ["the number does not fit 64 bits"])
    #expect(errors("func @f(%\(many("9", 50_000)): f32[]) {\n  return\n}").isEmpty)
  }

  @Test func largePolynomials() {
    let symbols = (0..<200).map { "S\($0)" }
    let whereClause = symbols.map { "\($0) <= 4" }.joined(separator: ", ")
    let sum = symbols.joined(separator: "+")
    let tooLarge = ["the dim is too large"]
    let inputs = symbols.map { "%in\($0): f32[\($0)]" }.joined(separator: ", ")
    #expect(errors("func @f(%x: f32[\(sum)], \(inputs)) where \(whereClause) {\n  return\n}").isEmpty)
    #expect(errors("func @f(%x: f32[(\(sum))*(\(sum))]) where \(whereClause) {\n  return\n}") == tooLarge)
    #expect(errors("func @f(%x: f32[\(many("S0*", 17))S1]) where \(whereClause) {\n  return\n}") == tooLarge)
    #expect(errors("func @f(%x: f32[S0-9223372036854775807-1-S0]) where S0 <= 4 {\n  return\n}") == tooLarge)
    let more = (0..<300).map { "S\($0) <= 4" }.joined(separator: ", ")
    #expect(errors("func @f() where \(more) {\n  return\n}") == ["more than 256 symbols"])
  }

  @Test func errorsEnd() {
    let messages = errors("func @f() {\n\(many("  %x = ?\n", 5000))  return\n}")
    #expect(messages.count == 1001)
    #expect(messages.last == "more than 1000 errors; the rest of the text was not read")
    #expect(errors(many("%x\n", 5000)).count == 1001)
    #expect(errors("func @f() {\n  return \(many("%y, ", 5000))%z\n}").count == 3)
  }

  @Test func longLinesAreNotShown() throws {
    let error = #expect(throws: Diagnostics.self) {
      try parseModule("func @f() {\n  return \(many("%y, ", 5000))?\n}", file: "t")
    }
    #expect(error?.all.allSatisfy { $0.sourceLine == nil } == true)
    #expect(error?.all.last?.place?.column == 20_010)
  }

  @Test func longNames() {
    let name = many("a", 100_000)
    #expect(
      errors("param @\(name) : f32[]\nfunc @\(name)(%\(name): f32[]) {\n  return @\(name) = %\(name)\n}")
        .isEmpty)
  }
}
