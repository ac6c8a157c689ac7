/// Runs the `// run:` lines of a module in several backends and reports where they differ from what is expected and
/// from each other.

package import SluiceFormats
import SluiceIR
package import SluicePasses
import SluicePlan
import SluiceText

/// A way to plan and run a module in the interpreter.
package struct Variant: Sendable, CustomStringConvertible {
  package var fuses: Bool
  package var level: OptimizationLevel
  package var poisons: Bool

  package init(fuses: Bool, level: OptimizationLevel = .none, poisons: Bool = false) {
    self.fuses = fuses
    self.level = level
    self.poisons = poisons
  }

  package var description: String {
    "interpreter (\(fuses ? "fused" : "unfused"), -O\(level.rawValue)\(poisons ? ", poisoned" : ""))"
  }

  /// What the gate runs: without fusion, with it, and with everything over poisoned memory.
  package static let usual = [
    Variant(fuses: true), Variant(fuses: false, poisons: true),
    Variant(fuses: true, level: .full, poisons: true),
  ]
  /// Every combination.
  package static let all = OptimizationLevel.allCases.flatMap { level in
    [true, false].flatMap { fuses in
      [false, true].map { Variant(fuses: fuses, level: level, poisons: $0) }
    }
  }
}

/// The results of one call in one backend, or the error it threw.
private struct Outcome {
  var name: String
  var results: [HostTensor]
  var states: [HostTensor]
}

/// A module in several backends that are called in step.
package struct Agreement {
  private let subject: Subject
  private var backends: [(name: String, backend: any Backend)] = []
  private var reference: ReferenceBackend
  private let anyZero: Bool
  /// What the checker says about the plans.
  package private(set) var rejections: [String] = []

  /// Backends of a module: the reference evaluator, an interpreter for every variant, and what is given.
  ///
  /// With `anyZero`, what is expected within a tolerance says nothing of the signs of zeros.
  package init(
    _ subject: Subject, variants: [Variant] = Variant.usual,
    others: [(name: String, backend: any Backend)] = [], anyZero: Bool = false
  ) throws {
    self.subject = subject
    self.anyZero = anyZero
    reference = ReferenceBackend(subject)
    for variant in variants {
      let plan = try subject.plan(fuses: variant.fuses, level: variant.level)
      let errors = PlanChecker().check(plan).filter { $0.severity == .error }
      if !errors.isEmpty {
        rejections.append("\(variant): the checker rejects the plan:\n\(Diagnostics(errors))")
      }
      backends.append(("\(variant)", try InterpreterBackend(subject, plan, poison: variant.poisons)))
    }
    backends += others
  }

  /// What is wrong with the results of all `// run:` lines, called in order; states are kept from line to line.
  package mutating func failures() -> [String] {
    subject.runs.flatMap { run in
      let place = "line \(run.line), @\(run.function)"
      do {
        let inputs = try subject.inputs(run)
        return try failures(run.function, inputs, expected: subject.expected(run, inputs), run.tolerance)
          .map { "\(place): \($0)" }
      } catch { return ["\(place): \(error)"] }
    }
  }

  /// What is wrong with the results of one call.
  ///
  /// Backends must agree bit by bit, and they and the reference with what is expected. The reference may be `rough` off where nothing is.
  package mutating func failures(
    _ function: String, _ inputs: [HostTensor], expected: [HostTensor]? = nil, _ tolerance: Double? = nil,
    rough: Double = 1e-4
  ) -> [String] {
    var failures: [String] = []
    var outcomes: [Outcome] = []
    for index in backends.indices {
      let name = backends[index].name
      do {
        let results = try backends[index].backend.run(function, inputs)
        outcomes.append(Outcome(name: name, results: results, states: backends[index].backend.states))
      } catch { failures.append("\(name): \(error)") }
    }
    guard let first = outcomes.first else { return failures }
    for outcome in outcomes {
      failures += shapeFailures(function, inputs, outcome.results).map { "\(outcome.name): \($0)" }
    }
    for other in outcomes.dropFirst() {
      for (what, a, b) in [("result", other.results, first.results), ("state", other.states, first.states)] {
        failures += Self.differences(what, a, b) { $0.difference(from: $1) }
          .map { "\(other.name) and \(first.name) differ: \($0)" }
      }
    }
    do {
      let results = try reference.run(function, inputs)
      let truth = Outcome(name: "reference", results: results, states: reference.states)
      if let expected {
        for outcome in [truth, first] {
          failures += Self.differences("result", outcome.results, expected) { actual, expected in
            tolerance.map { actual.difference(from: expected, tolerance: $0, anyZero: anyZero) }
              ?? actual.difference(from: expected)
          }.map { "\(outcome.name): \($0)" }
        }
      } else {
        failures += Self.differences("result", first.results, truth.results) {
          $0.roughDifference(from: $1, tolerance: rough)
        }.map { "\(first.name) and reference differ: \($0)" }
      }
      failures += Self.differences("state", first.states, truth.states) {
        $0.roughDifference(from: $1, tolerance: rough)
      }.map { "\(first.name) and reference differ: \($0)" }
    } catch { failures.append("reference: \(error)") }
    return failures
  }

  /// Results whose dtype or shape is not the one inferred, for the sizes of the inputs.
  private func shapeFailures(_ function: String, _ inputs: [HostTensor], _ results: [HostTensor]) -> [String]
  {
    let module = subject.module
    guard let id = module.function(function),
      let symbols = try? module.bindSymbols(of: id, shapes: inputs.map(\.shape))
    else { return [] }
    return zip(module[id].results, results).enumerated().compactMap { position, pair in
      let type = module[id].types[pair.0.index]
      let shape = module.tables.types.shape(type).map { Int(symbols.evaluate($0, module.tables.dims) ?? -1) }
      let dtype = module.tables.types.dtype(type)
      if pair.1.dtype == dtype, pair.1.shape == shape { return nil }
      return "result \(position) is \(pair.1.dtype.name)\(pair.1.shape), inferred is \(dtype.name)\(shape)"
    }
  }

  private static func differences(
    _ what: String, _ a: [HostTensor], _ b: [HostTensor], _ difference: (HostTensor, HostTensor) -> String?
  ) -> [String] {
    if a.count != b.count { return ["\(a.count) \(what)s instead of \(b.count)"] }
    return zip(a, b).enumerated().compactMap { position, pair in
      difference(pair.0, pair.1).map { "\(what) \(position): \($0)" }
    }
  }
}
