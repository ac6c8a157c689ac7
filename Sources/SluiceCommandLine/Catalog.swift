import Sluice
import SluiceFormats
import SluiceIR
import SluicePlan
import SluiceText

/// Finds models: by the name of a shipped one, as a `.sluice` file, or on standard input.
struct Catalog: Sendable {
  var models: [Model]

  /// The options of commands that load a model.
  static let options = [
    CommandSpec.Option(
      "--set", value: "NAME=VALUE", repeats: true, "a setting of the model, such as `sources=3`")
  ]

  /// What the first argument of a command names.
  enum Subject {
    /// A model as graphs.
    case module(SluiceIR.Module)
    /// The text of a plan, proven sound.
    case plan(ModulePlan)
  }

  /// The module that a command's first argument names.
  func load(_ invocation: Invocation) throws -> SluiceIR.Module {
    switch try loadSubject(invocation) {
    case .module(let module): return module
    case .plan:
      throw InputError(
        "`\(invocation.arguments[0])` is a plan, `\(invocation.command.name)` takes a model as graphs")
    }
  }

  /// The module or the plan that a command's first argument names.
  func loadSubject(_ invocation: Invocation) throws -> Subject {
    let name = invocation.arguments[0]
    let settings = try invocation.pairs("--set")
    if let model = models.first(where: { $0.name == name }) {
      return .module(
        try model.trace(
          settings: Dictionary(uniqueKeysWithValues: settings.map { ($0.name, $0.value) })
        ) { invocation.context.message("\($0)") })
    }
    let isPath = name == "-" || name.contains("/") || name.contains(".")
    guard isPath else {
      let known = models.map(\.name)
      let list = known.isEmpty ? "" : "; the models are " + known.map { "`\($0)`" }.joined(separator: ", ")
      throw InputError(
        "no model is called `\(name)`" + Suggestion.text(for: name, among: known) + list
          + "; a file has a name such as `\(name).sluice`")
    }
    guard settings.isEmpty else {
      throw UsageError("`--set` is for models written in Swift, `\(name)` is text")
    }
    let text = try FileIO.read(name)
    return isPlan(text) ? .plan(try readPlan(text, file: name)) : .module(try parseModule(text, file: name))
  }
}
