public import SluiceIR

/// What a model's closure declares the model with.
public final class ModelBuilder {
  let trace: Trace
  var settings: Settings
  /// The functions that are traced; nil for all.
  private let wanted: Set<String>?
  /// The function that gives variables their first values, to be added at the end.
  var initialization: (name: String, site: Site)?
  /// Whether the closure has returned.
  var isDone = false

  init(_ trace: Trace, _ settings: [String: String], _ functions: [String]?) {
    self.trace = trace
    wanted = functions.map { Set($0) }
    self.settings = Settings(settings)
  }

  // MARK: Settings

  /// An integer that the user may set.
  public func setting(
    _ name: String, default value: Int, in range: ClosedRange<Int>? = nil, _ summary: String = "",
    file: String = #fileID, line: Int = #line, column: Int = #column
  ) -> Int {
    let values = range.map { "an integer in \($0.lowerBound)...\($0.upperBound)" } ?? "an integer"
    return setting(name, value, summary, values, Site(file, line, column)) { text in
      Int(text).flatMap { number in range.map { $0.contains(number) } ?? true ? number : nil }
    }
  }

  /// A number that the user may set; it is finite.
  public func setting(
    _ name: String, default value: Double, in range: ClosedRange<Double>? = nil, _ summary: String = "",
    file: String = #fileID, line: Int = #line, column: Int = #column
  ) -> Double {
    let values = range.map { "a number in \($0.lowerBound)...\($0.upperBound)" } ?? "a finite number"
    return setting(name, value, summary, values, Site(file, line, column)) { text in
      Double(text).flatMap { number in
        number.isFinite && range.map { $0.contains(number) } ?? true ? number : nil
      }
    }
  }

  /// A truth value that the user may set.
  public func setting(
    _ name: String, default value: Bool, _ summary: String = "", file: String = #fileID, line: Int = #line,
    column: Int = #column
  ) -> Bool {
    setting(name, value, summary, "`true` or `false`", Site(file, line, column)) { Bool($0) }
  }

  /// A text that the user may set; one of a list, if there is one.
  public func setting(
    _ name: String, default value: String, oneOf choices: [String] = [], _ summary: String = "",
    file: String = #fileID, line: Int = #line, column: Int = #column
  ) -> String {
    let values = choices.isEmpty ? "a text" : "one of " + choices.map { "`\($0)`" }.joined(separator: ", ")
    return setting(name, value, summary, values, Site(file, line, column)) {
      choices.isEmpty || choices.contains($0) ? $0 : nil
    }
  }

  private func setting<Value>(
    _ name: String, _ value: Value, _ summary: String, _ values: String, _ site: Site,
    _ parse: (String) -> Value?
  ) -> Value {
    let setting = Setting(name: name, defaultValue: "\(value)", summary: summary, values: values)
    return settings.value(setting, value, trace, at: site, parse)
  }

  // MARK: Parameters and states

  /// Declares a parameter `@name`: a tensor that stays the same while the model runs.
  public func parameter(
    _ name: String, _ shape: Shape, _ initializer: Initializer = .zeros, dtype: DType = .f32,
    file: String = #fileID, line: Int = #line, column: Int = #column
  ) -> Param {
    let parameter = Param(shape, initializer, dtype: dtype, file: file, line: line, column: column)
    declare(parameter.cell, name)
    return parameter
  }

  /// Declares a state `@name`: a tensor that functions may change on return.
  public func state(
    _ name: String, _ shape: Shape, _ initializer: Initializer = .zeros, dtype: DType = .f32,
    file: String = #fileID, line: Int = #line, column: Int = #column
  ) -> State {
    let state = State(shape, initializer, dtype: dtype, file: file, line: line, column: column)
    declare(state.cell, name)
    return state
  }

  private func declare(_ cell: VariableCell, _ name: String) {
    if isUsable(at: cell.site) { trace.declare(cell, name, at: cell.site) }
  }

  /// Puts a name in front of the parameters of a module: `encoder.hidden.weight`.
  ///
  /// A module that is only called needs none, unless two of them have parameters of the same name.
  public func module<M>(
    _ name: String, _ module: M, file: String = #fileID, line: Int = #line, column: Int = #column
  ) -> M {
    let site = Site(file, line, column)
    guard isUsable(at: site) else { return module }
    guard isIdentifier(name, dots: true) else {
      trace.report("`\(name)` is no name of a module", hint: Trace.nameHint, at: site)
      return module
    }
    trace.adopt(module, prefix: name, at: site)
    return module
  }

  /// Gives the parameters of a module their names, those of its properties: `layers.0.weight`.
  ///
  /// The first call of a module does that too. It is needed where functions use methods of the module's own, which
  /// call parts of it one by one.
  @discardableResult
  public func module<M>(
    _ module: M, file: String = #fileID, line: Int = #line, column: Int = #column
  ) -> M {
    let site = Site(file, line, column)
    if isUsable(at: site) { trace.adopt(module, prefix: "", at: site) }
    return module
  }

  // MARK: Functions

  /// Traces a function of the model: `body` declares inputs, computes, and declares outputs.
  ///
  /// - Parameters:
  ///   - name: Its name, an identifier.
  ///   - comment: What it does; printed above it.
  ///   - file: The file of the call.
  ///   - line: The line of the call.
  ///   - column: The column of the call.
  ///   - body: What it computes; run at once.
  public func function(
    _ name: String, _ comment: String = "", file: String = #fileID, line: Int = #line, column: Int = #column,
    _ body: (FunctionBuilder) -> Void
  ) {
    let site = Site(file, line, column)
    guard isUsable(at: site), wanted?.contains(name) != false else { return }
    guard trace.frames.isEmpty else {
      trace.report(
        "the function `\(name)` begins inside of `\(trace.frames[0].name)`", hint: "functions do not nest",
        at: site)
      return
    }
    trace.traceFunction(name, comment, at: site, body)
  }

  /// Adds a function that gives all parameters and states their first values, drawn with its input `seed: i64[]`.
  ///
  /// They are the values that a session with this seed begins with. The function stands behind all others, so that it
  /// knows every variable, those of optimizers too; a training program calls it first.
  public func initializer(
    _ name: String = "init", file: String = #fileID, line: Int = #line, column: Int = #column
  ) {
    let site = Site(file, line, column)
    guard isUsable(at: site), wanted?.contains(name) != false else { return }
    guard initialization == nil else {
      trace.report("a model has one function that initializes it", at: site)
      return
    }
    initialization = (name, site)
  }

  /// Whether this is the builder of the tracing that is going on.
  private func isUsable(at site: Site) -> Bool {
    if !isDone, Trace.current === trace { return true }
    Trace.current?.report("a model is declared from outside of its closure", at: site)
    return false
  }
}
