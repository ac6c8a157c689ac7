import SluiceC
import SluiceIR
import SluicePlan

extension CommandSpec.Option {
  /// Of the commands that plan a model.
  static let remarks = CommandSpec.Option(
    "--remarks", optionalValue: "KINDS",
    "say what was decided, and why: all, or these of "
      + Remark.Kind.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", "))
}

extension Invocation {
  /// The kinds of remarks that `--remarks` asks for: all without a list.
  func remarkKinds() throws -> Set<Remark.Kind> {
    guard let list = value("--remarks") else { return [] }
    if list.isEmpty { return Set(Remark.Kind.allCases) }
    return Set(
      try list.split(separator: ",", omittingEmptySubsequences: false).map { word in
        guard let kind = Remark.Kind(rawValue: String(word)) else {
          let known = Remark.Kind.allCases.map(\.rawValue)
          throw UsageError(
            "`--remarks=\(list)`: there are no remarks `\(word)`"
              + Suggestion.text(for: String(word), among: known)
              + "; the kinds are " + known.map { "`\($0)`" }.joined(separator: ", "))
        }
        return kind
      })
  }
}

/// The remarks on a plan that were asked for.
struct RemarkList {
  private let plan: ModulePlan
  private let rows: [Remark]

  /// Those of these kinds, in the order in which they are decided.
  init(_ plan: ModulePlan, _ kinds: Set<Remark.Kind>) {
    self.plan = plan
    let all = plan.remarks + (kinds.contains(.divide) ? CSource.remarks(plan) : [])
    rows = all.filter { kinds.contains($0.kind) }
  }

  /// Says them on standard error, a line each.
  func print(_ context: Context) {
    for row in rows { context.message(plan.text(row)) }
  }

  /// The memory of the functions of a model, and the remarks.
  func json(of subject: Catalog.Subject) -> [(String, JSON)] {
    var functions = plan.functions
    if case .module(let module) = subject {
      let names = Set(module.functions.map { module.tables.strings[module[$0].name] })
      functions.removeAll { !names.contains($0.name) }
    }
    return [
      ("functions", .array(functions.map { Self.json($0) })), ("remarks", .array(rows.map { json($0) })),
    ]
  }

  private static func json(_ function: ExecutionPlan) -> JSON {
    let (peak, least) = (function.arenaBytes, function.lowerBoundBytes)
    return .object([
      ("name", .string(function.name)), ("peak_bytes", .integer(peak)),
      ("lower_bound_bytes", .integer(least)),
      ("ratio", .number(least == 0 ? 1 : Double(peak) / Double(least))),
    ])
  }

  private func json(_ remark: Remark) -> JSON {
    let place = plan.tables.place(remark.location)
    func number(_ value: Int?) -> JSON { value.map { $0 == 0 ? .null : .integer($0) } ?? .null }
    func text(_ value: String?) -> JSON { value.map { $0.isEmpty ? .null : .string($0) } ?? .null }
    return .object([
      ("kind", .string(remark.kind.rawValue)), ("message", .string(remark.message)),
      ("file", text(place?.file)),
      ("line", number(place?.line)), ("column", number(place?.column)),
      ("scope", text(plan.tables.scope(remark.location))),
      ("function", text(plan.tables.strings[remark.function])),
      ("kernel", remark.kernel.isNone ? .null : .string(plan.kernelName(remark.kernel))),
    ])
  }
}
