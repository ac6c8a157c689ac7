package import SluiceIR

/// How often a step of a function ran, and for how long.
public struct StepTime: Sendable, Hashable {
  /// How often it ran.
  public var runs: Int
  /// For how many seconds, all runs together.
  public var seconds: Double

  /// A step that did not run.
  public init(runs: Int = 0, seconds: Double = 0) { (self.runs, self.seconds) = (runs, seconds) }
}

/// Where the time of a function goes: what was measured of its steps, beside the work that they do.
public struct Profile: Sendable {
  /// What is measured as one: a step, or all that has something in common.
  public struct Row: Sendable {
    /// What it is: kernels, a step, a scope, or a line.
    public var name: String
    /// How often it ran in one call of the function.
    public var runs = 0.0
    /// For how many seconds in one call.
    public var seconds = 0.0
    /// Floating-point operations of contractions in one call, two a multiply-add.
    public var flops = 0.0
    /// Bytes that kernels loaded and stored in one call, each element once a run.
    public var bytes = 0.0

    fileprivate mutating func add(_ other: Row, share: Double = 1) {
      runs += other.runs
      seconds += other.seconds * share
      flops += other.flops * share
      bytes += other.bytes * share
    }
  }

  /// What rows have in common.
  public enum Grouping: String, CaseIterable, Sendable {
    /// The kernels that a step calls.
    case kernel
    /// The step of the plan.
    case step
    /// The part of the model: `gpt/layers.0/attention`.
    case scope
    /// The line of Swift or text.
    case line
  }

  /// A call, or calls that run together.
  private struct Step {
    var number: Int
    var row: Row
    var scopes: [String]
    var lines: [String]
  }

  /// The function's name.
  public let function: String
  /// How many calls were measured; all numbers are those of one.
  public let calls: Int
  private var steps: [Step] = []

  /// Combines the times of the steps of so many calls with what the plan says of them.
  package init(
    _ plan: ModulePlan, _ function: ExecutionPlan, _ sizes: [SymbolID: Int64], _ times: [StepTime], calls: Int
  ) {
    self.function = function.name
    self.calls = calls
    var count = PlanCount(plan, function, sizes)
    var at = 0
    while at < min(function.steps.count, times.count) {
      let begin = at
      let isTogether = function.steps[begin] == .together
      if isTogether { at += 1 }
      var row = Row(name: "")
      var names: [String] = []
      var time = isTogether ? times[begin] : StepTime()
      var isCall = false
      while at < function.steps.count, case .call(let kernel, let arguments) = function.steps[at] {
        isCall = true
        let work = count.work(kernel, arguments)
        time.seconds += times[at].seconds
        time.runs = max(time.runs, times[at].runs)
        row.flops += work.flops
        row.bytes += work.bytes
        let name = plan.kernelName(kernel)
        if !names.contains(name) { names.append(name) }
        at += 1
        if !isTogether { break }
      }
      if !isCall { at = begin + 1 }
      guard isCall, time.runs > 0 else { continue }
      row.name = names.joined(separator: ", ")
      row.runs = Double(time.runs) / Double(max(calls, 1))
      row.seconds = time.seconds / Double(max(calls, 1))
      row.flops *= row.runs
      row.bytes *= row.runs
      let locations = (begin..<at).flatMap { function.origins[$0] }
      steps.append(
        Step(
          number: begin, row: row, scopes: Self.unique(locations.map { plan.tables.scope($0) }),
          lines: Self.unique(locations.map { plan.tables.line($0) })))
    }
  }

  private static func unique(_ texts: [String]) -> [String] {
    var seen: Set<String> = []
    return texts.filter { !$0.isEmpty && seen.insert($0).inserted }
  }

  /// The seconds of one call that steps took.
  public var seconds: Double { steps.reduce(0) { $0 + $1.row.seconds } }

  /// The rows, those that take longest first; steps in their order.
  ///
  /// A step that belongs to several scopes or lines counts for each of them in equal parts.
  public func rows(by grouping: Grouping) -> [Row] {
    if grouping == .step {
      return steps.map { step in
        var row = step.row
        row.name = "\(step.number) \(row.name)"
        return row
      }
    }
    var rows: [Row] = []
    var positions: [String: Int] = [:]
    for step in steps {
      let names = names(step, grouping)
      for name in names {
        let position = positions[name, default: rows.count]
        if position == rows.count {
          positions[name] = position
          rows.append(Row(name: name))
        }
        rows[position].add(step.row, share: 1 / Double(names.count))
      }
    }
    return rows.sorted { $0.seconds > $1.seconds }
  }

  private func names(_ step: Step, _ grouping: Grouping) -> [String] {
    switch grouping {
    case .kernel, .step: [step.row.name]
    case .scope: step.scopes.isEmpty ? ["(no scope)"] : step.scopes
    case .line: step.lines.isEmpty ? ["(no line)"] : step.lines
    }
  }

  /// The stacks of a flame graph: the function, the parts of a scope, the kernels; with the seconds of one call.
  public var stacks: [(frames: [String], seconds: Double)] {
    steps.flatMap { step in
      let scopes = step.scopes.isEmpty ? [""] : step.scopes
      return scopes.map { scope in
        let parts = scope.split(separator: "/").map(String.init)
        return ([function] + parts + [step.row.name], step.row.seconds / Double(scopes.count))
      }
    }
  }
}

extension Tables {
  /// The file and line of a location, `Gpt.swift:144`; empty where there is none.
  fileprivate func line(_ location: LocationID) -> String {
    guard let place = place(location) else { return "" }
    return "\(place.file):\(place.line)"
  }
}
