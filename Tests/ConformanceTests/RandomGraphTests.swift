/// Random functions: every way to run them gives the same bits, within known bounds of exact arithmetic.

import SluiceFormats
import SluiceIR
import SluicePlan
import SluiceReference
import SluiceText
import TestSupport
import Testing

struct RandomGraphTests {
  /// `SLUICE_RANDOM=N` asks for N graphs, from `SLUICE_SEED` on.
  static let seeds: [UInt64] = {
    let first = UInt64(Repository.number("SLUICE_SEED") ?? 0)
    return (0..<UInt64(Repository.number("SLUICE_RANDOM") ?? (Repository.isExhaustive ? 400 : 48))).map {
      first + $0
    }
  }()

  @Test(arguments: seeds)
  func allWaysAgree(_ seed: UInt64) throws {
    let graph = RandomGraph(seed: seed)
    let errors = verify(graph.module)
    let text = printModule(graph.module)
    #expect(errors.isEmpty, "seed \(seed): \(errors)\n\(text)")
    let subject = try Subject(text, file: "random.sluice")
    #expect(printModule(subject.module) == text)
    var failures: [String] = []
    do {
      // The C of every eighth graph.
      var others: [(name: String, backend: any Backend)] = []
      if seed % 8 == 0, let c = try CBackend(subject, subject.plan()) { others.append(("C", c)) }
      var agreement = try Agreement(subject, variants: Variant.all, others: others)
      #expect(agreement.rejections.isEmpty, "\(agreement.rejections.joined(separator: "\n"))")
      for _ in 0..<2 { failures += agreement.failures("f", graph.inputs, rough: .infinity) }
      failures += try boundFailures(subject, graph)
    } catch { failures.append("\(error)") }
    #expect(failures.isEmpty, "seed \(seed):\n\(failures.joined(separator: "\n"))\n\(Self.text(text, graph))")
  }

  /// Results that are further from exact arithmetic than the bounds allow.
  private func boundFailures(_ subject: Subject, _ graph: RandomGraph) throws -> [String] {
    var interpreter = try InterpreterBackend(subject, subject.plan())
    var reference = ReferenceBackend(subject, precision: .exact64)
    let results = try interpreter.run("f", graph.inputs)
    let exact = try reference.run("f", graph.inputs)
    var failures: [String] = []
    for (position, (result, truth)) in zip(results, exact).enumerated() {
      let bound = graph.bounds[position]
      for (place, (a, b)) in zip(result.asDoubles(), truth.asDoubles()).enumerated() {
        if a == b || (a.isNaN && b.isNaN) { continue }
        // The truth was rounded to the dtype as well.
        if (a - b).magnitude <= bound + (result.dtype.isFloat ? b.magnitude * 0x1p-23 : 0) { continue }
        failures.append("result \(position): element \(place) is \(a), exactly \(b), may be off by \(bound)")
        break
      }
    }
    return failures
  }

  /// The graph as a file that shows what went wrong.
  private static func text(_ text: String, _ graph: RandomGraph) -> String {
    let shapes = graph.inputs.map { "\($0.dtype.name)\($0.shape)" }.joined(separator: ", ")
    return "// seed \(graph.seed), inputs \(shapes)\n\(text)"
  }
}
