import SluiceIR
import SluicePlan
import Testing

/// Sound plans pass the checker; plans with one thing wrong do not, and the message says what.
@Suite struct PlanCheckerTests {
  @Test(arguments: SamplePlans.all.indices)
  func acceptsSoundPlans(_ index: Int) {
    let (name, plan) = SamplePlans.all[index]
    let report = PlanChecker().report(plan)
    #expect(
      report.diagnostics.isEmpty, "\(name): \(Diagnostics(report.diagnostics))\n\(printPlan(plan))")
    #expect(report.sampledCount == 0, "\(name)")
  }
}
