import SluiceIR

/// A number, truth value or text that a model asks for: `--set layers=12` on the command line.
public struct Setting: Hashable, Sendable {
  /// Its name.
  public let name: String
  /// What it is when it is not set, as text.
  public let defaultValue: String
  /// What it means, in a few words.
  public let summary: String
  /// What it may be: `an integer in 1...64`.
  public let values: String
}

/// The settings of one tracing: what the model asks for, and what the user has set.
struct Settings {
  /// What the user has set.
  let given: [String: String]
  /// What the model has asked for.
  private(set) var known: [Setting] = []
  /// The wrong values.
  private var mistakes: [String] = []

  init(_ given: [String: String]) { self.given = given }

  /// The value of a setting; `parse` gives nil for what it cannot be.
  ///
  /// Reports a default that it cannot be, and a name that is taken, at the place of the declaration.
  mutating func value<Value>(
    _ setting: Setting, _ defaultValue: Value, _ trace: Trace, at site: Site, _ parse: (String) -> Value?
  ) -> Value {
    if known.contains(where: { $0.name == setting.name }) {
      trace.report(
        "two settings are named `\(setting.name)`", hint: "declare it once and hand its value on", at: site)
      return defaultValue
    }
    known.append(setting)
    if parse(setting.defaultValue) == nil {
      trace.report(
        "the setting `\(setting.name)` is \(setting.values), but \(setting.defaultValue) when it is not set",
        at: site)
    }
    guard let text = given[setting.name] else { return defaultValue }
    if let value = parse(text) { return value }
    mistakes.append("the setting `\(setting.name)` is \(setting.values), got `\(text)`")
    return defaultValue
  }

  /// Reports wrong values and unknown names, each with the list of what there is.
  func reportMistakes(of model: String, to trace: Trace) {
    let unknown = given.keys.sorted().filter { name in !known.contains { $0.name == name } }
    let messages = mistakes + unknown.map { "the model `\(model)` has no setting `\($0)`" }
    var notes = known.map {
      Diagnostic.Note(
        "`\($0.name)` is \($0.values), \($0.defaultValue) when not set\($0.summary.isEmpty ? "" : ": \($0.summary)")"
      )
    }
    if notes.isEmpty { notes = [Diagnostic.Note("it has no settings")] }
    trace.diagnostics.insert(contentsOf: messages.map { Diagnostic($0, notes: notes) }, at: 0)
  }
}
