/// The limits of the text form: what is at a limit reads, what is one above it is an error.

import SluiceIR
import SluiceText
import Testing

struct LimitTests {
  private func errors(_ text: String) -> [String] {
    do throws(Diagnostics) {
      _ = try parseModule(text, file: "t")
      return []
    } catch {
      return error.all.map(\.message)
    }
  }

  private func many(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

  private func symbols(_ count: Int) -> [String] { (0..<count).map { "S\($0)" } }

  private func bounds(_ symbols: [String]) -> String { symbols.map { "\($0) <= 1" }.joined(separator: ", ") }

  @Test func axes() {
    func type(_ rank: Int) -> String {
      "f32[\(Array(repeating: "1", count: rank).joined(separator: ","))]"
    }
    func data(_ rank: Int) -> String { "\(many("[", rank))1\(many("]", rank))" }
    #expect(errors("param @w : \(type(8))") == [])
    #expect(errors("param @w : \(type(9))") == ["a tensor has at most 8 axes"])
    #expect(errors("param @w : \(type(8)) init data \(data(8))") == [])
    #expect(errors("param @w : \(type(8)) init data \(data(9))").count == 1)
    for (rank, isRead) in [(8, true), (9, false)] {
      let text = "// run: @f(\(data(rank)))\nfunc @f(%x: f32[]) {\n  return\n}\n"
      let directives = try? TestDirectives(Array(text.utf8), file: "t")
      #expect((directives != nil) == isRead)
    }
  }

  @Test func nestedDims() {
    for (open, close) in [("(", ")"), ("-", "")] {
      func dim(_ depth: Int) -> String { "param @w : f32[\(many(open, depth))2\(many(close, depth))]" }
      #expect(errors(dim(32)) == [])
      #expect(errors(dim(33)) == ["the dim is nested too deeply"])
    }
  }

  /// An input for each symbol, which gives it its value.
  private func inputs(_ symbols: [String]) -> String {
    symbols.map { "%in\($0): f32[\($0)]" }.joined(separator: ", ")
  }

  @Test func symbolsOfAGraph() {
    func function(_ count: Int) -> String {
      "func @f(\(inputs(symbols(count)))) where \(bounds(symbols(count))) {\n  return\n}"
    }
    #expect(errors(function(256)) == [])
    #expect(errors(function(257)) == ["more than 256 symbols"])
  }

  @Test func sizesOfDims() {
    let tooLarge = ["the dim is too large"]
    func function(_ dim: String, _ symbols: [String]) -> String {
      "func @f(%x: f32[\(dim)], \(inputs(symbols))) where \(bounds(symbols)) {\n  return\n}"
    }
    // Terms.
    let all = symbols(256)
    #expect(errors(function(all.joined(separator: "+"), all)) == [])
    #expect(errors(function((all + ["1"]).joined(separator: "+"), all)) == tooLarge)
    // Factors.
    func power(_ count: Int) -> String { Array(repeating: "S0", count: count).joined(separator: "*") }
    #expect(errors(function(power(16), symbols(1))) == [])
    #expect(errors(function(power(17), symbols(1))) == tooLarge)
    // Numbers.
    #expect(errors("param @w : f32[0,9223372036854775807]") == [])
    #expect(errors("param @w : f32[0,9223372036854775808]") == ["the number does not fit 64 bits"])
    #expect(errors("param @w : f32[0,9223372036854775806+1]") == [])
    #expect(errors("param @w : f32[0,9223372036854775807+1]") == tooLarge)
  }

  @Test func countOfErrors() {
    func function(_ count: Int) -> String { "func @f() {\n\(many("  %x = ?\n", count))  return\n}" }
    let one = errors(function(1))
    #expect(one.count == 1)
    let all = errors(function(1000))
    #expect(all.count == 1000 && Set(all) == Set(one))
    let more = errors(function(1001))
    #expect(more.dropLast().allSatisfy { $0 == one.first } && more.count == 1001)
    #expect(more.last == "more than 1000 errors; the rest of the text was not read")
  }
}
