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
    return (0..<UInt64(Repository.number("SLUICE_RANDOM") ?? (Repository.isExhaustive ? 400 : 20))).map {
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
      failures += agreement.rejections
      for _ in 0..<2 { failures += agreement.failures("f", graph.inputs, rough: .infinity) }
      failures += try boundFailures(subject, graph)
    } catch { failures.append("\(error)") }
    let shown = failures.isEmpty ? "" : Self.smallest(text, graph)
    #expect(failures.isEmpty, "seed \(seed):\n\(failures.joined(separator: "\n"))\n\(shown)")
  }

  /// A damaged function shrinks to the node that is to blame.
  @Test func shrinking() throws {
    let text = """
      module @m

      func @f(%x: f32[2], %y: f32[2]) -> f32[2], f32[2] {
        %a = add %x, %y : f32[2]
        %b = multiply %a, %y : f32[2]
        %c = tanh %b : f32[2]
        %d, %e = unstack %c : f32[], f32[]
        %g = negate %c : f32[2]
        return %g, %a
      }

      """
    let shrinker = try #require(Shrinker(text) { $0.contains("tanh") })
    #expect(
      shrinker.shrink() == """
        module @m

        func @f(%x: f32[2], %y: f32[2]) -> f32[2] {
          %c = tanh %x : f32[2]
          return %c
        }

        """)
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

  /// The smallest graph that still goes wrong, as a file that shows it: its `// run:` line says what the reference
  /// evaluator gives.
  private static func smallest(_ text: String, _ graph: RandomGraph) -> String {
    let small =
      Shrinker(text) { smaller in
        guard let subject = try? Subject(smaller, file: "random.sluice"),
          var agreement = try? Agreement(subject, variants: Variant.all)
        else { return false }
        return !agreement.rejections.isEmpty
          || !agreement.failures("f", graph.inputs, rough: .infinity).isEmpty
      }?.shrink() ?? text
    let inputs = graph.inputs.map { literal($0) }.joined(separator: ", ")
    guard let subject = try? Subject(small, file: "random.sluice") else { return small }
    var reference = ReferenceBackend(subject)
    let results = (try? reference.run("f", graph.inputs)) ?? []
    let expected = results.map { literal($0) }.joined(separator: ", ")
    return "// test: run\n// seed \(graph.seed)\n\(small)// run: @f(\(inputs)) == \(expected) ~ 1e-4\n"
  }

  /// An array as a literal of a `// run:` line.
  private static func literal(_ array: HostTensor) -> String {
    let numbers = array.asDoubles().map { value in
      array.dtype == .bool
        ? (value != 0 ? "true" : "false")
        : array.dtype.isFloat ? "\(value)" : "\(Int64(exactly: value) ?? 0)"
    }
    return array.shape.reversed().reduce(numbers) { parts, extent in
      extent == 0
        ? ["[]"]
        : stride(from: 0, to: parts.count, by: extent).map {
          "[" + parts[$0..<min($0 + extent, parts.count)].joined(separator: ", ") + "]"
        }
    }.joined(separator: ", ")
  }
}
