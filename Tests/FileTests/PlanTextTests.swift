/// The text of plans: it is read back as the same plan.

import SluiceC
import SluicePasses
import SluicePlan
import SluiceText
import TestSupport
import Testing

/// Plans of all models and of all files of `IR/tests`, as text and back.
struct PlanTextTests {
  static let files = TestFile.all.filter { file in
    !file.mustFail && !["IR/tests/parse/", "IR/tests/kernels/"].contains(where: file.path.hasPrefix)
  }

  /// The text gives the same text again, and the same C.
  @Test(arguments: files)
  func theTextIsReadBack(_ file: TestFile) throws {
    let bytes = try #require(Repository.read(file.path))
    let module = try parseModule(bytes, file: file.path)
    let isModel = file.path.hasPrefix("IR/models/")
    var plan = try Planner.plan(
      runPasses(module, (isModel ? OptimizationLevel.full : .none).passes))
    // Where the nodes came from that steps run is a comment in the text.
    for function in plan.functions.indices { plan.functions[function].origins = StepOrigins() }
    let text = printPlan(plan)
    #expect(isPlan(Array(text.utf8)) && !isPlan(bytes))
    let again = try parsePlan(text, file: file.path)
    #expect(printPlan(again) == text)
    let (old, new) = (CSource.emitC(plan), CSource.emitC(again))
    #expect(old.source == new.source)
    #expect(old.header == new.header)
  }
}
