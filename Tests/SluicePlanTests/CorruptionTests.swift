import SluiceIR
import SluicePlan
import Testing

/// Corrupts sound plans in seeded ways: the checker rejects whatever is not sound, and what it accepts runs.
@Suite struct CorruptionTests {
  /// Corrupts a plan `count` times and reports what the checker should not have accepted.
  static func failures(
    _ plan: ModulePlan, name: String, seed: UInt64, count: Int, run: (ModulePlan) throws -> [[UInt8]]
  ) throws -> (failures: [String], accepted: [String: Int], rejected: [String: Int]) {
    let expected = try run(plan)
    var corruptor = PlanCorruptor(seed: seed)
    var failures: [String] = []
    var (accepted, rejected): ([String: Int], [String: Int]) = ([:], [:])
    for _ in 0..<count {
      guard let corruption = corruptor.corrupt(plan) else { continue }
      let diagnostics = PlanChecker().check(corruption.plan)
      if !diagnostics.isEmpty {
        rejected[corruption.kind, default: 0] += 1
        continue
      }
      accepted[corruption.kind, default: 0] += 1
      let text = "\(name), \(corruption.kind): \(corruption.change)"
      if corruption.expectation == .rejected {
        failures.append("\(text): accepted")
        continue
      }
      do {
        let results = try run(corruption.plan)
        if corruption.expectation == .sameResults, results != expected {
          failures.append("\(text): other results")
        }
      } catch {
        failures.append("\(text): \(error)")
      }
    }
    return (failures, accepted, rejected)
  }

  @Test(arguments: SamplePlans.all.indices)
  func acceptedPlansRun(_ index: Int) throws {
    let (name, plan) = SamplePlans.all[index]
    let (failures, _, rejected) = try Self.failures(
      plan, name: name, seed: UInt64(index) + 1, count: 60, run: ShadowExecutor.run)
    #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
    #expect(!rejected.isEmpty)
  }

  /// The checker looks at everything that may be wrong: of every kind of corruption it rejects some.
  @Test(arguments: PlanCorruptor.kinds.indices)
  func everyKindIsRejected(_ index: Int) {
    let kind = PlanCorruptor.kinds[index]
    var corruptor = PlanCorruptor(seed: UInt64(index) + 1)
    let isRejected = (0..<20).contains { _ in
      SamplePlans.all.contains { _, plan in
        corruptor.corrupt(plan, kind).map { !PlanChecker().check($0.plan).isEmpty } ?? false
      }
    }
    #expect(isRejected, "\(kind.name)")
  }
}
