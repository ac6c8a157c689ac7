public import SluiceIR

/// A model: functions over shared parameters and states, described by a closure that is traced into a module.
///
/// ```swift
/// public let mean = Model("mean", "The mean of a batch.") { model in
///   let width = Dim(model.setting("width", default: 64, in: 1...4096, "features of an example"))
///   model.function("mean", "The mean example.") { f in
///     let x = f.input("x", .f32, ["B <= 32", width])
///     f.output("y", x.mean(axes: [0]))
///   }
/// }
/// ```
/// The closure is run at every tracing, so that one model serves all values of its settings.
public struct Model: Sendable {
  /// The name, which also names the generated C: an identifier.
  public let name: String
  /// What it is, in a line or more; a comment above the module.
  public let summary: String
  private let site: Site
  private let body: @Sendable (ModelBuilder) -> Void

  /// A model of that name; `body` declares its settings, parameters, states and functions.
  public init(
    _ name: String, _ summary: String = "", file: String = #fileID, line: Int = #line, column: Int = #column,
    _ body: @escaping @Sendable (ModelBuilder) -> Void
  ) {
    self.name = name
    self.summary = summary
    self.body = body
    site = Site(file, line, column)
  }

  /// The module for these settings; what is not set has its default.
  ///
  /// - Parameters:
  ///   - settings: Values as on a command line: `["layers": "12"]`.
  ///   - functions: The functions that are wanted, all when left out: the module has no others, and no optimizers that
  ///     none of them uses.
  ///   - report: Gets what is worth knowing and no mistake, such as a parameter that a loss does not depend on.
  /// - Throws: All mistakes of the settings and of the model, each with its place in the model's source.
  public func trace(
    settings: [String: String] = [:], functions: [String]? = nil, report: (Diagnostic) -> Void = { _ in }
  ) throws(Diagnostics) -> IRModule {
    let (trace, builder) = run(settings, functions)
    builder.settings.reportMistakes(of: name, to: trace)
    for wanted in functions ?? [] where !trace.functionNames.contains(wanted) {
      trace.report("the model `\(name)` has no function `\(wanted)`", at: site)
    }
    if !isIdentifier(name) {
      trace.report(
        "`\(name)` is no name of a model",
        hint: "it also names the generated C: ASCII letters, digits and `_`", at: site)
    }
    if trace.functionNames.isEmpty {
      trace.report(
        "the model `\(name)` has no functions", hint: "add one: `model.function(...) { f in ... }`", at: site)
    }
    let module = try trace.finish()
    for remark in trace.remarks { report(remark) }
    return module
  }

  /// The settings with their defaults, in the order the model asks for them.
  public func settings() -> [Setting] { run([:], nil).builder.settings.known }

  private func run(
    _ settings: [String: String], _ functions: [String]?
  ) -> (trace: Trace, builder: ModelBuilder) {
    let comment =
      summary.isEmpty ? [] : summary.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let trace = Trace(name: name, comment: comment, site: site)
    let builder = ModelBuilder(trace, settings, functions)
    Trace.$current.withValue(trace) {
      body(builder)
      if let (name, site) = builder.initialization { trace.addInitialization(name, at: site) }
    }
    builder.isDone = true
    return (trace, builder)
  }
}
