public import SluiceIR

/// Proves that a finished plan is sound, from the plan alone: it shares no code with the planner.
public struct PlanChecker: Sendable {
  /// What a run of the checker found.
  public struct Report: Sendable {
    /// What is wrong; empty for a sound plan.
    public var diagnostics: [Diagnostic]
    /// How many statements about sizes and indices were proven for all sizes.
    public var provenCount: Int
    /// How many were only tried with samples: corners and seeded sizes.
    public var sampledCount: Int
  }

  /// A checker.
  public init() {}

  /// What is wrong with a plan; empty where it is proven sound.
  public func check(_ plan: ModulePlan) -> [Diagnostic] { report(plan).diagnostics }

  /// What is wrong with a plan, and how much was proven about it.
  public func report(_ plan: ModulePlan) -> Report {
    let context = CheckContext(plan)
    checkVariables("parameter", plan.parameters, plan.parameterBytes, context)
    checkVariables("state", plan.states, plan.stateBytes, context)
    context.checkKernels()
    var names: Set<String> = []
    for function in plan.functions {
      if !names.insert(function.name).inserted { context.say("two plans are named `\(function.name)`") }
      FunctionChecker.check(context, function)
    }
    return Report(
      diagnostics: context.diagnostics, provenCount: context.provenCount, sampledCount: context.sampledCount)
  }

  private func checkVariables(
    _ kind: String, _ variables: [ModulePlan.Variable], _ byteCount: Int, _ context: CheckContext
  ) {
    if byteCount < 0 { context.say("the block of \(kind)s has \(byteCount) bytes") }
    var end = 0
    for variable in variables {
      let place = "\(kind) `@\(variable.name)`"
      guard variable.type.index < context.tables.types.count else {
        context.say("\(place): the type is out of range")
        continue
      }
      let shape = context.tables.types.shape(variable.type)
      let elements = shape.reduce(Polynomial.one) { $0 * context.space[$1] }
      let size = elements.scaled(by: Int64(context.tables.types.dtype(variable.type).byteCount))
      if size.value != Int64(variable.byteCount) {
        let type = PlanPrinter.text(variable.type, context.tables)
        context.say("\(place) has \(variable.byteCount) bytes, which is not the size of \(type)")
      }
      if variable.offset < 0 || variable.offset % 64 != 0 {
        context.say("\(place): the offset \(variable.offset) is no multiple of 64")
      }
      if variable.offset < end { context.say("\(place) at byte \(variable.offset) begins before \(end)") }
      let (own, overflow) = variable.offset.addingReportingOverflow(variable.byteCount)
      if overflow || own > byteCount {
        context.say("\(place) ends behind the \(byteCount) bytes of its block")
      }
      end = max(end, overflow ? .max : own)
    }
  }
}
