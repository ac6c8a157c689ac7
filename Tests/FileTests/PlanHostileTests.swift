import SluiceC
import SluiceFormats
import SluiceIR
import SluiceInterpreter
import SluicePlan
import TestSupport
import Testing

/// Damaged texts of plans: all end in diagnostics, or in a plan that prints, reads and can be checked; and what the
/// checker accepts can be printed as C, and runs.
@Suite struct PlanHostileTests {
  static let seeds: [[UInt8]] = Repository.sluiceFiles(below: "IR/tests/kernels").compactMap { path in
    guard let text = Repository.read(path), let plan = try? parsePlan(text, file: path) else { return nil }
    return Array(printPlan(plan).utf8)
  }

  static let pieces = [
    "%", "%0", "@", "[", "]", "{", "}", "(", ")", ",", ":", "=", ":=", "<-", "..<", ">=", "->", "<=", "*",
    "-", "+",
    "\n", "//", "\"", "$", "$i0", "9223372036854775807", "-1", "1e999", "N", "where N <= 0", "loop {",
    "} else {", "}",
    "steps", "buffers", "arena 64", "check N-1 >= 0", "sizes f32[N-1], N-2 of slice signed",
    "index x[0, N by 1] in -N ..< N of gather at \"f\":1:2", "label x[0] in ..< 3 of gather", "parameters 64",
    "constant c0 : f32[2] = [1, 2]", "lanes(99)", "step 0", "sum v1 rows [i0 ..< N]", "v0", "i1", "add(",
    "min(", "if v0 {", "\u{0}",
    "é",
  ]

  @Test(arguments: 0..<4)
  func mutations(_ part: Int) {
    let rounds = max(4, Repository.number("SLUICE_RANDOM") ?? 2000)
    var random = SeededRandom(UInt64(part) &+ 4 &* UInt64(max(0, Repository.number("SLUICE_SEED") ?? 0)))
    var acceptedCount = 0
    for _ in 0..<rounds / 4 {
      guard var text = Self.seeds.randomElement(using: &random) else { return }
      for _ in 0..<Int.random(in: 1...3, using: &random) where !text.isEmpty {
        let at = Int.random(in: 0..<text.count, using: &random)
        let count = min(Int.random(in: 1...12, using: &random), text.count - at)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: text.removeSubrange(at..<at + count)
        case 1:
          text.insert(contentsOf: text[at..<at + count], at: Int.random(in: 0...text.count, using: &random))
        case 2: text[at] = UInt8.random(in: 32...126, using: &random)
        case 3: text[at] = UInt8.random(in: 48...57, using: &random)
        case 4: text.insert(contentsOf: (Self.pieces.randomElement(using: &random) ?? "").utf8, at: at)
        default:
          text.replaceSubrange(
            at..<at + count, with: (Self.pieces.randomElement(using: &random) ?? "").utf8)
        }
      }
      if read(text) { acceptedCount += 1 }
    }
    #expect(rounds < 1000 || acceptedCount > rounds / 400 && acceptedCount < rounds / 4, "\(acceptedCount)")
  }

  /// Whether the text is that of a plan which the checker accepts.
  @discardableResult
  private func read(_ text: [UInt8]) -> Bool {
    do throws(Diagnostics) {
      let plan = try parsePlan(text, file: "fuzz.sluice")
      let printed = printPlan(plan)
      #expect(printPlan(try parsePlan(printed, file: "again.sluice")) == printed)
      guard PlanChecker().check(plan).isEmpty else { return false }
      run(plan)
      return true
    } catch {
      #expect(!error.all.isEmpty)
      for diagnostic in error.all { #expect(!diagnostic.description.isEmpty && diagnostic.place != nil) }
      return false
    }
  }

  /// A plan that the checker accepts: nothing about it stops the program.
  private func run(_ plan: ModulePlan) {
    _ = CSource.emitC(plan)
    guard plan.functions.allSatisfy({ $0.arenaBytes <= 1 << 20 }),
      plan.parameterBytes + plan.stateBytes <= 1 << 20
    else { return }
    func tensor(_ type: TypeID, _ size: Int64) throws -> HostTensor? {
      var shape: [Int] = []
      for dim in plan.tables.types.shape(type) {
        let value = plan.tables.dims.evaluate(dim) { min(plan.tables.dims.symbols[$0.index].bound, size) }
        guard let value, (0...64).contains(value) else { return nil }
        shape.append(Int(value))
      }
      guard shape.reduce(1, *) <= 4096 else { return nil }
      return try .zeros(plan.tables.types.dtype(type), shape: shape)
    }
    do {
      let parameters = try plan.parameters.compactMap { try tensor($0.type, 0) }
      let states = try plan.states.compactMap { try tensor($0.type, 0) }
      guard parameters.count == plan.parameters.count, states.count == plan.states.count else { return }
      for function in plan.functions {
        var interpreter = try PlanInterpreter(
          plan, parameters: parameters, states: states,
          options: PlanInterpreter.Options(poison: true, iterationLimit: 10_000))
        let inputs = try function.inputs.compactMap { try tensor($0.type, 3) }
        guard inputs.count == function.inputs.count else { continue }
        do throws(InterpreterError) {
          _ = try interpreter.run(function.name, inputs: inputs)
        } catch {
          if case .outOfBounds = error { Issue.record("\(error)\n\(printPlan(plan))") }
          if case .invalidPlan = error { Issue.record("\(error)\n\(printPlan(plan))") }
        }
      }
    } catch { Issue.record("\(error)") }
  }

  @Test func everyPrefix() {
    for text in Self.seeds where text.count < 6000 {
      for count in stride(from: 0, to: text.count, by: 37) { read(Array(text.prefix(count))) }
    }
  }

  private func many(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

  @Test func deepAndLong() {
    let head = "plan @p\nkernel k(x: update f32) where N <= 4 {\n"
    read(Array((head + "x[" + many("(", 100_000)).utf8))
    read(Array((head + "x[" + many("-", 100_000) + "1] = v").utf8))
    read(Array((head + "v = " + many("N + ", 50_000) + "N").utf8))
    read(Array((head + many("for i in 0 ..< N {\n", 20_000)).utf8))
    read(Array((head + many("if v {\n", 20_000)).utf8))
    read(Array((head + many("}\n", 20_000)).utf8))
    read(Array(("plan @p\n" + many("func @f(", 20_000)).utf8))
    read(Array(("plan @p\n" + many("kernel k(x: read f32) ", 20_000)).utf8))
    let loops = (0..<3000).map { "loop c\($0) <= 3 in 0 ..< 3 {\n" }.joined()
    read(Array(("plan @p\nfunc @f() -> () {\nsteps\n" + loops + many("}\n", 3001)).utf8))
  }
}
