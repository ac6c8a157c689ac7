import Sluice
import SluiceFormats
import SluiceInterpreter
import SluicePasses
import SluicePlan
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The shipped models give the same bytes at every level of optimisation, fused or not.
struct LevelTests {
  /// Models with their settings; the other optimisers of a model only when everything is asked for.
  private static let cases: [(name: String, settings: [String: String])] = {
    let usual = SmallModels.names.map { (name: $0, settings: [String: String]()) }
    guard unsafe getenv("SLUICE_EXHAUSTIVE") != nil else { return usual }
    return usual
      + ["bert", "gpt", "mlp", "simclr"].map { ($0, ["optimizer": "sgd"]) }
      + ["in_batch", "supervised"].map { ("simclr", ["loss": $0]) }
  }()

  /// The first one, every node on its own as it was written, gives what the others must give.
  private static let ways: [(level: OptimizationLevel, fuses: Bool)] =
    [(.none, false), (.full, true)]
    + (unsafe getenv("SLUICE_EXHAUSTIVE") == nil ? [] : [(.none, true), (.clean, true), (.full, false)])

  /// Every sum of every kernel is stated and proven, but for those of algorithms, whose loops are their order.
  @Test(arguments: SmallModels.names, [false, true])
  func sumsAreStated(_ name: String, _ fuses: Bool) throws {
    let module = try SmallModels.module(name)
    var options = Planner.Options()
    options.fuses = fuses
    var plan = try Planner.plan(runPasses(module, OptimizationLevel.full.passes), options: options)
    plan.functions = []
    let algorithms = ["cholesky", "cumsum", "inverse", "log_abs_det"]
    plan.kernels.removeAll { kernel in algorithms.contains { kernel.name.contains($0) } }
    let report = PlanChecker().report(plan)
    #expect(report.diagnostics.isEmpty, "\(report.diagnostics)")
    #expect(report.statedSumCount > 5 && report.unstatedSumCount == 0)
  }

  /// Outputs and states of all functions, called one after the other.
  @Test(arguments: cases)
  func noLevelChangesABit(_ name: String, _ settings: [String: String]) throws {
    let module = try SmallModels.module(name, settings)
    let values = try Session.initialValues(module, seed: 7)
    var expected: [[HostTensor]] = []
    for (position, way) in Self.ways.enumerated() {
      var options = Planner.Options()
      options.fuses = way.fuses
      let plan = try Planner.plan(runPasses(module, way.level.passes), options: options)
      var interpreter = try PlanInterpreter(
        plan, parameters: plan.parameters.compactMap { values[$0.name] },
        states: plan.states.compactMap { values[$0.name] })
      let functions = plan.functions.filter { $0.name != "init" }
      for (place, function) in functions.enumerated() {
        let inputs = SmallModels.inputs(function, plan.tables)
        let found = try interpreter.run(function.name, inputs: inputs) + interpreter.states
        if position == 0 {
          expected.append(found)
          continue
        }
        let other = expected[place]
        let differences = zip(found, other).filter { $0.0 != $0.1 }.count
        #expect(
          differences == 0 && found.count == other.count,
          "\(name): @\(function.name) at -O\(way.level.rawValue), \(way.fuses ? "fused" : "unfused")")
      }
    }
  }

  /// Steps whose arena is as small as it gets give the bytes that they give without a budget.
  @Test(arguments: [("bert", "train_step"), ("gpt", "train_step"), ("simclr", "train_step_on_views")])
  func noBudgetChangesABit(_ name: String, _ function: String) throws {
    let module = keepFunctions(try SmallModels.module(name), [function])
    let values = try Session.initialValues(module, seed: 7)
    var expected: [HostTensor] = []
    var arena = 0
    var sizes: [Int] = []
    let isExhaustive = unsafe getenv("SLUICE_EXHAUSTIVE") != nil
    for percent in isExhaustive ? [100, 95, 90, 80, 70, 60] : [100, 95] {
      var options = CompileOptions()
      if percent < 100 { options.arenaBytes = arena / 100 * percent }
      // What cannot be reached is an error, which others test.
      guard let plan = try? compile(module, options: options) else { break }
      let planned = try #require(plan.function(function))
      #expect(planned.arenaBytes <= options.arenaBytes ?? .max)
      var interpreter = try PlanInterpreter(
        plan, parameters: plan.parameters.compactMap { values[$0.name] },
        states: plan.states.compactMap { values[$0.name] })
      let inputs = SmallModels.inputs(planned, plan.tables)
      // Twice: the second call begins with what the first left.
      var found = try interpreter.run(function, inputs: inputs)
      found += try interpreter.run(function, inputs: inputs) + interpreter.states
      if percent == 100 { (expected, arena) = (found, planned.arenaBytes) }
      #expect(found == expected, "\(name): @\(function) with \(planned.arenaBytes) bytes of \(arena)")
      sizes.append(planned.arenaBytes)
    }
    #expect(sizes.count > 1, "\(name): no budget could be kept: \(sizes)")
  }
}
