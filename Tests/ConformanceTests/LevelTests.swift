/// The same module gives the same bits at every level of optimisation, fused or not.

import SluiceFormats
import SluiceIR
import SluicePasses
import SluicePlan
import SluiceText
import TestSupport
import Testing

extension ModulePlan {
  /// The bytes of the largest arena of a function.
  fileprivate var largestArena: Int { functions.map(\.arenaBytes).max() ?? 0 }
}

struct LevelTests {
  /// The first variant gives what the others must give.
  private static let variants = [
    Variant(fuses: false), Variant(fuses: true), Variant(fuses: false, level: .clean),
    Variant(fuses: true, level: .clean), Variant(fuses: false, level: .full, poisons: true),
    Variant(fuses: true, level: .full),
  ]

  /// Seeds of large functions: long sums, special numbers, narrow floats, derivatives.
  private static func seeds(_ gate: Int) -> [UInt64] {
    let first = UInt64(Repository.number("SLUICE_SEED") ?? 0)
    let count = Repository.number("SLUICE_RANDOM") ?? (Repository.isExhaustive ? 400 : gate)
    return (0..<UInt64(count)).map { first + $0 }
  }

  @Test(arguments: seeds(8))
  func noLevelChangesABit(_ seed: UInt64) throws {
    let graph = RandomGraph(seed: seed, .large)
    try expectEqual(graph.module, "f", graph.inputs, seed)
  }

  /// Derivatives sum over what their functions repeat: the longest sums there are.
  @Test(arguments: seeds(4))
  func noLevelChangesABitOfADerivative(_ seed: UInt64) throws {
    let graph = RandomGraph(seed: seed, .large)
    let module = try GradientCheck(graph.module, function: "f").module
    let function = try #require(graph.module.function("f"))
    let symbols = try graph.module.bindSymbols(of: function, shapes: graph.inputs.map(\.shape))
    let derivative = module[try #require(module.function("f.vjp"))]
    var random = SeededRandom(seed)
    let cotangents = derivative.inputs.dropFirst(graph.inputs.count).map { value -> HostTensor in
      let type = derivative.types[value.index]
      let shape = module.tables.types.shape(type).map { symbols.evaluate($0, module.tables.dims) ?? 0 }
      return random.tensor(module.tables.types.dtype(type), shape.map { Int($0) })
    }
    try expectEqual(module, "f.vjp", graph.inputs + cotangents, seed)
  }

  /// Layers of models, with what is read again much later; in integers the reference gives the same bits too.
  @Test(arguments: seeds(12))
  func noLevelChangesABitOfLayers(_ seed: UInt64) throws {
    let layers = RandomLayers(seed: seed)
    let subject = try Subject(layers.text, file: "random.sluice")
    try expectEqual(subject.module, "f", layers.inputs, seed)
    guard subject.module.variables.isEmpty, layers.inputs.allSatisfy({ !$0.dtype.isFloat }) else { return }
    var interpreter = try InterpreterBackend(subject, subject.plan())
    var reference = ReferenceBackend(subject)
    let found = try interpreter.run("f", layers.inputs)
    for (index, (a, b)) in zip(found, try reference.run("f", layers.inputs)).enumerated() {
      let difference = a.difference(from: b)
      #expect(difference == nil, "seed \(seed), result \(index): \(difference ?? "")\n\(layers.text)")
    }
  }

  private func expectEqual(
    _ module: Module, _ function: String, _ inputs: [HostTensor], _ seed: UInt64
  ) throws {
    var random = SeededRandom(seed)
    let calls = [inputs, inputs.map { $0.special(&random) }, inputs]
    let found = try Self.difference(Subject(module), function, calls)
    let shown =
      found == nil
      ? ""
      : Shrinker(printModule(module)) { text in
        guard let subject = try? Subject(text, file: "random.sluice") else { return false }
        return (try? Self.difference(subject, function, calls)).flatMap { $0 } != nil
      }?.shrink() ?? printModule(module)
    #expect(found == nil, "seed \(seed): \(found ?? "")\n\(shown)")
  }

  /// The first difference between two variants in the results and states of calls.
  private static func difference(
    _ subject: Subject, _ function: String, _ calls: [[HostTensor]]
  ) throws -> String? {
    var expected: [[HostTensor]] = []
    for (position, variant) in variants.enumerated() {
      let plan = try subject.plan(fuses: variant.fuses, level: variant.level)
      var backend = try InterpreterBackend(subject, plan, poison: variant.poisons)
      for (call, inputs) in calls.enumerated() {
        let found = try backend.run(function, inputs) + backend.states
        if position == 0 {
          expected.append(found)
        } else if let difference = Self.difference(found, expected[call]) {
          return "call \(call), \(difference) by \(variant), not by \(variants[0])"
        }
      }
      // The last variant again, with as little memory as it takes.
      guard position == variants.count - 1, let small = Self.smaller(plan, subject, variant) else { continue }
      let errors = PlanChecker().check(small)
      if let error = errors.first { return "within \(small.largestArena) bytes: \(error)" }
      var other = try InterpreterBackend(subject, small, poison: true)
      for (call, inputs) in calls.enumerated() {
        guard let difference = Self.difference(try other.run(function, inputs) + other.states, expected[call])
        else { continue }
        return "call \(call), \(difference) within \(small.largestArena) bytes of arena"
      }
    }
    return nil
  }

  /// The first difference between the results of two calls.
  private static func difference(_ found: [HostTensor], _ expected: [HostTensor]) -> String? {
    for (index, (a, b)) in zip(found, expected).enumerated() {
      if let difference = a.difference(from: b) { return "value \(index): \(difference)" }
    }
    return nil
  }

  /// A plan of a variant with a smaller arena; nil where none is found.
  private static func smaller(_ plan: ModulePlan, _ subject: Subject, _ variant: Variant) -> ModulePlan? {
    let budget = plan.largestArena / 100 * 85
    return try? subject.plan(fuses: variant.fuses, level: variant.level, arenaBytes: budget)
  }
}
