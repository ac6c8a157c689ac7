import Foundation
import Testing

/// `profile`: its formats agree with each other, in both backends, and wrong words are refused.
struct ProfileTests {
  /// A loop over time with a scope, and a product behind it.
  private static let text = """
    module @timed

    body @turn(%sum: f32[16,16], %row: f32[16,16]) -> f32[16,16] {
      scope "timed/turn"
      %p = matmul %row, %row : f32[16,16]
      %next = add %sum, %p : f32[16,16]
      return %next
    }

    func @sums(%x: f32[T,16,16], %start: f32[16,16]) -> f32[16,16] where T <= 5 {
      %y = scan @turn, %start, %x {carries = 1, sequences = 1} : f32[16,16]
      scope "timed/last"
      %z = matmul %y, %y : f32[16,16]
      return %z
    }
    """

  /// The operations of a product of 16 rows, lanes and terms.
  private static let product: Double = 2 * 16 * 16 * 16

  private struct Report: Decodable {
    struct Row: Decodable {
      var name: String
      var runs, seconds, flops, bytes: Double
    }
    var function, by: String
    var calls: Int
    var seconds: Double
    var rows: [Row]
  }

  private static func program() throws -> Program {
    let sluice = try Program("sluice")
    try Data(text.utf8).write(to: URL(filePath: "\(sluice.folder)/timed.sluice"))
    return sluice
  }

  private static func report(_ sluice: Program, _ words: [String]) throws -> Report {
    let outcome = try sluice.run(["profile", "timed.sluice", "--seconds", "0", "--format", "json"] + words)
    try #require(outcome.code == 0, "\(outcome.messages)")
    return try JSONDecoder().decode(Report.self, from: Data(outcome.output))
  }

  @Test(arguments: ["interpreter", "c"]) func groupsAgree(backend: String) throws {
    let sluice = try Self.program()
    for by in ["kernel", "step", "scope", "line"] {
      let report = try Self.report(sluice, ["--backend", backend, "--by", by])
      #expect(report.function == "sums" && report.by == by && report.calls == 3)
      let sum = report.rows.reduce(0) { $0 + $1.seconds }
      #expect(report.seconds > 0 && abs(sum - report.seconds) <= 1e-9 * report.seconds)
      // Six products of 16 rows, lanes and terms.
      let flops = report.rows.reduce(0) { $0 + $1.flops }
      let wanted = 6 * Self.product
      #expect(abs(flops - wanted) < 1, "\(by): \(flops)")
      if by == "scope" { #expect(Set(report.rows.map(\.name)).isSuperset(of: ["timed/turn", "timed/last"])) }
      if by == "line" { #expect(report.rows.allSatisfy { $0.name.hasPrefix("timed.sluice:") }) }
    }
  }

  /// Sizes come from inputs that are given, from `--dim`, or from bounds.
  @Test func sizesAreTaken() throws {
    let sluice = try Self.program()
    let report = try Self.report(sluice, ["--backend", "interpreter", "--dim", "T=2"])
    let flops = report.rows.reduce(0) { $0 + $1.flops }
    let wanted = 3 * Self.product
    #expect(abs(flops - wanted) < 1)
  }

  @Test func everyFormatIsWritten() throws {
    let sluice = try Self.program()
    func text(_ format: String) throws -> String {
      let outcome = try sluice.run([
        "profile", "timed.sluice", "--backend", "interpreter", "--seconds", "0", "--format", format,
      ])
      try #require(outcome.code == 0, "\(outcome.messages)")
      return outcome.text
    }
    #expect(try text("table").contains("@sums: "))
    let stacks = try text("folded").split(separator: "\n")
    for stack in stacks {
      let nanoseconds = String(stack.split(separator: " ").last ?? "")
      #expect(stack.hasPrefix("sums;timed;") && Int(nanoseconds) != nil, "\(stack)")
    }
    let trace = try JSONSerialization.jsonObject(with: Data(try text("trace").utf8)) as? [String: Any]
    let events = try #require(trace?["traceEvents"] as? [[String: Any]])
    #expect(events.count >= 2 && events.allSatisfy { $0["ph"] as? String == "X" })
    let svg = try text("svg")
    #expect(try TagCheck.isWellFormed(svg))
    #expect(svg.contains("<title>turn: ") && svg.contains("@sums of timed"))
  }

  /// An input that nobody could hold is told, not made.
  @Test func hugeInputsAreRefused() throws {
    let text = """
      module @huge
      func @f(%x: f32[N,1024]) -> f32[N] where N <= 100000000 {
        %y = sum %x {axes = [1]} : f32[N]
        return %y
      }
      """
    let outcome = try Program("sluice").run(
      ["profile", "-", "--backend", "interpreter"], input: Array(text.utf8))
    #expect(outcome.code == 1 && outcome.output.isEmpty)
    #expect(outcome.messages.contains("has more than a gigabyte"), "\(outcome.messages)")
  }

  @Test func mistakesAreTold() throws {
    let sluice = try Self.program()
    let cases: [(words: [String], code: Int32, message: String)] = [
      (["--backend", "reference"], 64, "it has no steps to measure"),
      (["--by", "node"], 64, "`kernel`, `step`, `scope`, `line`"),
      (["--format", "html"], 64, "`svg`"),
      (["--dim", "Q=1"], 1, "has no symbol `Q`"),
      (["--dim", "T=6"], 64, "from 0 to 5"),
      (["--dim", "T=-1"], 64, "from 0 to 5"),
      (["-f", "sum"], 1, "did you mean `sums`?"),
    ]
    for (words, code, message) in cases {
      let outcome = try sluice.run(["profile", "timed.sluice"] + words)
      #expect(outcome.code == code && outcome.output.isEmpty, "\(words)")
      #expect(outcome.messages.contains(message), "\(outcome.messages)")
    }
  }
}

/// Whether every tag that is opened is closed.
private enum TagCheck {
  static func isWellFormed(_ text: String) throws -> Bool {
    var open: [Substring] = []
    for tag in text.matches(of: /<(\/?)([a-z]+)[^<>]*?(\/?)>/) {
      if !tag.3.isEmpty { continue }
      if tag.1.isEmpty {
        open.append(tag.2)
      } else if open.popLast() != tag.2 {
        return false
      }
    }
    return open.isEmpty
  }
}
