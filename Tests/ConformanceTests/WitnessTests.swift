/// What an independent evaluator needs to judge random functions, and that all ops are among them.

import Foundation
import SluiceFormats
import SluiceIR
import SluicePasses
import SluiceText
import TestSupport
import Testing

struct WitnessTests {
  /// Ops that no random function has: an input stands in the signature.
  private static let absent: Set<Op> = [.input, .customVjp]

  @Test func everyOpIsGenerated() {
    var missing = Set(Op.allCases).subtracting(Self.absent)
    for seed: UInt64 in 0..<400 where !missing.isEmpty {
      let text = printModule(RandomGraph(seed: seed).module)
      missing = missing.filter { op in
        let name = op.definition.name
        return !text.contains(" = \(name) ") && !text.contains(" = \(name)\n")
      }
    }
    #expect(missing.isEmpty, "no random function has \(missing.map(\.definition.name).sorted())")
  }

  /// Writes files of the random functions for an independent evaluator, where `SLUICE_GRAPHS` names a folder.
  ///
  /// For every seed these are the text `SEED.sluice`, with the `// bounds:` of its results, and `SEED.npz` with
  /// inputs and the results of every backend, named `CASE.x0` and `CASE.BACKEND.0`. The cases are `plain` and
  /// `special`, in which numbers are NaN, infinite or extreme.
  @Test(
    .enabled(if: folder != nil, "SLUICE_GRAPHS names no folder"), arguments: RandomGraphTests.seeds)
  func writeGraphs(_ seed: UInt64) throws {
    guard let folder = Self.folder else { return }
    let graph = RandomGraph(seed: seed)
    let bounds = "// bounds: \(graph.bounds.map { "\($0)" }.joined(separator: " "))\n"
    let text = printModule(graph.module) + bounds
    let subject = try Subject(text, file: "random.sluice")
    var random = SeededRandom(seed)
    var arrays: [NamedTensor] = []
    for (name, inputs) in [
      ("plain", graph.inputs), ("special", graph.inputs.map { $0.special(&random) }),
    ] {
      arrays += inputs.enumerated().map { NamedTensor("\(name).x\($0.offset)", $0.element) }
      for (backend, results) in try Self.results(subject, inputs) {
        arrays += results.enumerated().map { NamedTensor("\(name).\(backend).\($0.offset)", $0.element) }
      }
    }
    try text.write(toFile: "\(folder)/\(seed).sluice", atomically: false, encoding: .utf8)
    try Npz.write(arrays, to: "\(folder)/\(seed).npz")
  }

  private static let folder = ProcessInfo.processInfo.environment["SLUICE_GRAPHS"]

  /// The first call's results of all backends; narrow floats as f64, since `.npz` has no bf16.
  private static func results(_ subject: Subject, _ inputs: [HostTensor]) throws -> [(String, [HostTensor])] {
    let plan = try subject.plan(level: .full)
    var backends: [(String, any Backend)] = [
      ("reference", ReferenceBackend(subject)), ("interpreter", try InterpreterBackend(subject, plan)),
    ]
    if let c = try CBackend(subject, plan, optimisation: ["-O0"]) { backends.append(("c", c)) }
    return try backends.map { name, backend in
      var backend = backend
      let results = try backend.run("f", inputs).map { result in
        let isNarrow = result.dtype == .f16 || result.dtype == .bf16
        return isNarrow ? HostTensor(result.asDoubles(), shape: result.shape) : result
      }
      return (name, results)
    }
  }
}
