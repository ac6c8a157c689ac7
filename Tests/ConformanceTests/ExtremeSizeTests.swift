/// Texts whose sizes are extreme: each runs or gets a diagnostic with its place, and nothing overflows on the way.

import Foundation
import SluiceC
import SluiceIR
import SluicePasses
import SluicePlan
import SluiceText
import TestSupport
import Testing

struct ExtremeSizeTests {
  private static let sizes = [
    "0", "0", "1", "2", "3", "2147483647", "2147483648", "4294967296", "4294967297", "1099511627776",
    "281474976710656", "281474976710657", "2305843009213693952", "4611686018427387904",
    "9223372036854775806", "9223372036854775807", "3037000500",
  ]
  private static let symbolic = [
    "N", "N*N", "N*N*N*N", "N+1", "2*N", "N+9223372036854775807", "N*9223372036854775807",
    "N*N*4611686018427387903",
    "N*N*N*N*N*N*N*N*N*N*N*N*N*N*N*N", "N*1099511627776", "4*N+3",
  ]
  private static let bounds = [
    "3", "100000", "2097152", "2147483648", "4611686018427387904", "9223372036854775807", "0",
  ]

  /// The text with other numbers in types and attributes: the same one for the same one, mostly.
  static func mutated(_ text: String, _ random: inout SeededRandom) -> String {
    let isSymbolic = random.oneIn(2)
    let share = random.pick([3, 6, 10])
    var known: [Substring: String] = [:]
    var usesSymbol = false
    func other(_ number: Substring) -> String {
      if let seen = known[number] { return seen }
      var new = String(number)
      if random.below(10) < share {
        if isSymbolic, random.below(5) < 3 {
          new = random.pick(symbolic)
          usesSymbol = true
        } else {
          new = random.pick(sizes)
        }
      }
      known[number] = new
      return new
    }
    var result = ""
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) where !line.hasPrefix("//") {
      var depth = 0
      var rest = line[...]
      while let character = rest.first {
        let isNumber = character.isNumber && depth > 0 && !(result.last?.isLetter ?? false)
        if "[{".contains(character), !line.hasPrefix("func") || character == "[" { depth += 1 }
        if "]}".contains(character) { depth -= 1 }
        guard isNumber else {
          result.append(character)
          rest = rest.dropFirst()
          continue
        }
        let number = rest.prefix { $0.isNumber || $0 == "." || $0 == "e" }
        result += number.allSatisfy(\.isNumber) && !random.oneIn(8) ? other(number) : String(number)
        rest = rest.dropFirst(number.count)
      }
      result += "\n"
    }
    guard usesSymbol, let end = result.range(of: " {\n") else { return result }
    let head = result[..<end.lowerBound]
    return head + (head.contains(" where ") ? ", " : " where ") + "N <= \(random.pick(bounds))"
      + result[end.lowerBound...]
  }

  /// What is wrong with how a text is treated; empty where it is planned soundly or refused with a place.
  static func failures(_ text: String) -> [String] {
    func unplaced(_ diagnostics: Diagnostics, _ stage: String) -> [String] {
      diagnostics.all.filter { $0.place == nil }.map { "\(stage): no place: \($0)" }
    }
    do throws(Diagnostics) {
      var module = try parseModule(text, file: "extreme.sluice")
      let errors = verify(module)
      if !errors.isEmpty { return unplaced(Diagnostics(errors), "verify") }
      if let function = module.functions.first, let derived = try? addVjp(of: function, to: module) {
        module = derived
      }
      for level in [OptimizationLevel.none, .full] {
        let plan = try Planner.plan(runPasses(module, level.passes))
        let flaws = PlanChecker().check(plan)
        if !flaws.isEmpty { return ["-O\(level.rawValue): \(Diagnostics(flaws))"] }
        _ = CSource.emitC(plan)
      }
      return []
    } catch { return unplaced(error, "plan") }
  }

  @Test func everyTextIsRefusedOrSound() {
    var random = SeededRandom(23)
    let rounds = Repository.number("SLUICE_EXTREME") ?? 2
    for _ in 0..<rounds {
      for op in Op.allCases {
        let text = Self.mutated(op.definition.example, &random)
        let failures = Self.failures(text)
        #expect(failures.isEmpty, "\(text)\n\(failures.joined(separator: "\n"))")
      }
    }
  }

  @Test(arguments: [
    (
      "func @f(%x: f32[N]) -> i64[] where N <= 100000 {\n  %n = size {length = N*N*N*N} : i64[]\n  return %n\n}\n",
      "2:8"
    ),
    (
      "func @f(%x: f32[0,9223372036854775807]) -> f32[0] {\n  %y = sum %x {axes = [1]} : f32[0]\n  return %y\n}\n",
      "1:9"
    ),
    (
      "func @f(%x: i32[2*N,0]) -> i32[2*N,0] where N <= 4611686018427387904 {\n  return %x\n}\n", "1:9"
    ),
  ])
  func tooLarge(_ text: String, _ place: String) throws {
    let error = #expect(throws: Diagnostics.self) {
      try runPasses(parseModule(text, file: "f"), OptimizationLevel.full.passes)
    }
    #expect(error?.description.contains("f:\(place): error: ") == true, "\(String(describing: error))")
  }
}
