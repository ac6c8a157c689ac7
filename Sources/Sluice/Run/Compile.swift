public import SluiceIR
public import SluicePasses
public import SluicePlan

/// How a module is compiled.
public struct CompileOptions: Sendable {
  /// The passes that run first, by name; composites are expanded in any case.
  public var passes: [String]
  /// Whether nodes that share an iteration space run in one kernel.
  public var fuses: Bool
  /// The most bytes that the arena of a function may have; nil where that does not matter.
  ///
  /// Values are made again rather than kept, which takes time and changes no bit. Where that is not enough, compiling
  /// throws the least that was reached.
  public var arenaBytes: Int?

  /// The passes of a level; level 0 runs every node in a kernel of its own.
  public init(level: OptimizationLevel = .full) {
    self.init(passes: level.passes, fuses: level != .none)
  }

  /// These passes.
  public init(passes: [String], fuses: Bool = true) {
    self.passes = passes
    self.fuses = fuses
  }
}

/// Compiles a module to the plan that interpreter and C run: verified, optimised, planned and proved sound.
///
/// Throws what is wrong with the module; a plan that the checker rejects is a mistake of ours, an `InternalError`.
public func compile(_ module: SluiceIR.Module, options: CompileOptions = CompileOptions()) throws
  -> ModulePlan
{
  let errors = verify(module)
  guard errors.isEmpty else { throw Diagnostics(errors) }
  var passRemarks: [Diagnostic] = []
  let optimised = try runPasses(module, options.passes) { report, _ in passRemarks += report.remarks }
  let expanded = expand(optimised, &passRemarks)
  var choices = Planner.Options()
  choices.fuses = options.fuses
  choices.arenaBytes = options.arenaBytes
  var plan = try Planner.plan(expanded, options: choices)
  plan.noteIndexUses(of: module)
  plan.remarks = passRemarks.map { Remark(.pass, $0.message) } + plan.remarks
  let unsound = PlanChecker().check(plan)
  guard unsound.isEmpty else {
    throw InternalError("the plan of `\(module.name)` is unsound:\n\(Diagnostics(unsound))")
  }
  return plan
}

/// Reads the text of a plan, as `printPlan` writes it, and proves it sound: interpreter and C may run it.
///
/// Throws what is wrong with the text, or what the checker cannot prove.
public func readPlan(_ text: [UInt8], file: String) throws(Diagnostics) -> ModulePlan {
  let plan = try parsePlan(text, file: file)
  let unsound = PlanChecker().check(plan)
  guard unsound.isEmpty else {
    throw Diagnostics(unsound).located(at: Diagnostic.Place(file: file, line: 0, column: 0))
  }
  return plan
}

/// A mistake of ours, not of the user: the command line ends with exit code 70.
public struct InternalError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What went wrong.
  public var description: String

  /// A mistake.
  public init(_ description: String) { self.description = description }
}
