import Sluice
import SluiceFormats
import SluiceIR
import SluicePlan

/// How a profile is written.
private enum ProfileFormat: String, CaseIterable {
  /// Columns for people.
  case table
  /// One object.
  case json
  /// A line a stack, as flame graph tools read them, in nanoseconds.
  case folded
  /// Events for a trace viewer.
  case trace
  /// A flame graph.
  case svg
}

extension CommandSpec {
  /// `profile`: says where the time of a function goes.
  static func profile(_ catalog: Catalog) -> CommandSpec {
    CommandSpec(
      name: "profile", summary: "says where the time of a function goes", arguments: "MODEL",
      argumentCount: 1...1,
      options: Catalog.options + callOptions + [
        Option(
          "--dim", value: "NAME=N", repeats: true,
          "the value of a symbol for inputs that are left out (default: its bound); they are random, integers 0"
        ),
        Option("--backend", value: "BACKEND", "`c` (the default) or `interpreter`"),
        Option("--seconds", value: "N", "how long to measure, at least (default 1); three calls at least"),
        Option("--by", value: "WHAT", "`kernel` (the default), `step`, `scope` or `line`: what the rows are"),
        Option(
          "--format", value: "FORMAT",
          "`table` (the default), `json`, `folded` stacks, `trace` for a trace viewer, or a flame graph as `svg`"
        ),
        Option("--output", alias: "-o", value: "FILE", "where to (default: standard output)"),
      ],
      examples: [
        "profile gpt -f train_step --by scope",
        "profile gpt -f train_step --set layers=6 --format svg -o gpt.svg",
        "profile model.sluice --input x=x.npy --backend interpreter",
      ]
    ) { invocation in
      let backend = try invocation.choice("--backend", Backend.self, default: .c)
      guard backend != .reference else {
        throw UsageError("`--backend reference`: it has no steps to measure; `c` and `interpreter` have")
      }
      let grouping = try invocation.choice("--by", Profile.Grouping.self, default: .kernel)
      let format = try invocation.choice("--format", ProfileFormat.self, default: .table)
      let seconds = try invocation.integer("--seconds", default: 1, in: 0...86400)
      var files = ArrayFiles()
      var (session, function) = try session(invocation, catalog, backend, &files, profiles: true)
      var inputs = try inputs(invocation, &files, session.plan, function)
      try fill(&inputs, invocation, session.plan, function)
      let profile = try session.profile(function, inputs, seconds: Double(seconds))
      let text =
        switch format {
        case .table: table(profile, grouping)
        case .json: json(profile, grouping, session.module.name).text + "\n"
        case .folded: folded(profile)
        case .trace: trace(profile).text + "\n"
        case .svg: FlameGraph(profile.stacks, title: "@\(function) of \(session.module.name)").svg
        }
      try FileIO.write(text, to: invocation.value("--output") ?? "-")
      return ExitCode.ok
    }
  }

  /// The most bytes of an input that is made.
  private static let mostRandomBytes = 1 << 30

  /// Gives inputs that are left out random numbers.
  private static func fill(
    _ inputs: inout [String: HostTensor], _ invocation: Invocation, _ plan: ModulePlan, _ function: String
  ) throws {
    guard let executed = plan.function(function) else { return }
    let tables = plan.tables
    var sizes: [SymbolID: Int64] = [:]
    for symbol in executed.symbols { sizes[symbol] = tables.dims.symbols[symbol.index].bound }
    for (name, text) in try invocation.pairs("--dim") {
      guard
        let symbol = executed.symbols.first(where: {
          tables.strings[tables.dims.symbols[$0.index].name] == name
        })
      else {
        let names = executed.symbols.map { tables.strings[tables.dims.symbols[$0.index].name] }
        throw InputError(
          "`@\(function)` has no symbol `\(name)`" + Suggestion.text(for: name, among: names))
      }
      let bound = tables.dims.symbols[symbol.index].bound
      guard let value = Int64(text), value >= 0, value <= bound else {
        throw UsageError("`--dim \(name)=\(text)`: it is an integer from 0 to \(bound)")
      }
      sizes[symbol] = value
    }
    // What inputs that are given say goes before.
    for port in executed.inputs {
      guard let given = inputs[port.name] else { continue }
      for (dim, extent) in zip(tables.types.shape(port.type), given.shape) {
        if let symbol = tables.dims.symbol(dim), sizes[symbol] != nil { sizes[symbol] = Int64(extent) }
      }
    }
    var random = SystemRandomNumberGenerator()
    for port in executed.inputs where inputs[port.name] == nil {
      let shape = try tables.types.shape(port.type).map { dim in
        guard let extent = tables.dims.evaluate(dim, { sizes[$0] ?? 0 }), extent >= 0 else {
          throw InputError("the input `\(port.name)` has no size with these symbols; give it, or `--dim`")
        }
        return Int(extent)
      }
      let dtype = tables.types.dtype(port.type)
      guard let bytes = HostTensor.elementCount(of: shape + [dtype.byteCount]), bytes <= mostRandomBytes
      else {
        throw InputError(
          "the input `\(port.name)` of \(shape) has more than a gigabyte; give it, or a smaller `--dim`")
      }
      let count = bytes / dtype.byteCount
      inputs[port.name] =
        dtype != .f32 && dtype != .f64
        ? try .zeros(dtype, shape: shape)
        : dtype == .f32
          ? HostTensor((0..<count).map { _ in Float.random(in: -1..<1, using: &random) }, shape: shape)
          : HostTensor((0..<count).map { _ in Double.random(in: -1..<1, using: &random) }, shape: shape)
    }
  }

  // MARK: Formats

  private static func number(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return "" }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let rounded = (value * scale).rounded()
    guard rounded.magnitude < 1e15 else { return "\(value)" }
    let all = String(Int64(rounded.magnitude))
    let padded = String(repeating: "0", count: max(digits + 1 - all.count, 0)) + all
    let text = digits == 0 ? padded : "\(padded.dropLast(digits)).\(padded.suffix(digits))"
    return rounded < 0 ? "-\(text)" : text
  }

  private static func led(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(width - text.count, 0)) + text
  }

  private static func table(_ profile: Profile, _ grouping: Profile.Grouping) -> String {
    let all = profile.seconds
    var text =
      "@\(profile.function): \(number(all * 1e3, 3)) ms a call in its kernels, \(profile.calls) calls\n"
      + led("ms", 12) + led("of all", 8) + led("runs", 8) + led("GFLOP/s", 9) + led("GB/s", 8)
      + "  \(grouping.rawValue)\n"
    for row in profile.rows(by: grouping) {
      text += led(number(row.seconds * 1e3, 4), 12)
      text += led(all > 0 ? number(row.seconds / all * 100, 1) + "%" : "", 8)
      text += led(number(row.runs, row.runs == row.runs.rounded() ? 0 : 1), 8)
      text += led(row.flops > 0 && row.seconds > 0 ? number(row.flops / row.seconds / 1e9, 1) : "", 9)
      text += led(row.seconds > 0 ? number(row.bytes / row.seconds / 1e9, 1) : "", 8) + "  \(row.name)\n"
    }
    return text
  }

  private static func json(_ profile: Profile, _ grouping: Profile.Grouping, _ model: String) -> JSON {
    .object([
      ("model", .string(model)), ("function", .string(profile.function)), ("calls", .integer(profile.calls)),
      ("seconds", .number(profile.seconds)), ("by", .string(grouping.rawValue)),
      (
        "rows",
        .array(
          profile.rows(by: grouping).map { row in
            .object([
              ("name", .string(row.name)), ("runs", .number(row.runs)), ("seconds", .number(row.seconds)),
              ("flops", .number(row.flops)), ("bytes", .number(row.bytes)),
            ])
          })
      ),
    ])
  }

  /// A line a stack: frames with semicolons between them, a space, nanoseconds.
  private static func folded(_ profile: Profile) -> String {
    profile.stacks.map { stack in
      let frames = stack.frames.map { $0.replacing(";", with: ",") }.joined(separator: ";")
      return "\(frames) \(number(stack.seconds * 1e9, 0))\n"
    }.joined()
  }

  /// One call in the trace event format: steps one after the other, each as long as it takes on average.
  private static func trace(_ profile: Profile) -> JSON {
    var time = 0.0
    let events = profile.rows(by: .step).map { row -> JSON in
      defer { time += row.seconds }
      return .object([
        ("name", .string(row.name)), ("ph", .string("X")), ("ts", .number(time * 1e6)),
        ("dur", .number(row.seconds * 1e6)), ("pid", .integer(1)), ("tid", .integer(1)),
        (
          "args",
          .object([("runs", .number(row.runs)), ("flops", .number(row.flops)), ("bytes", .number(row.bytes))])
        ),
      ])
    }
    return .object([("traceEvents", .array(events)), ("displayTimeUnit", .string("ms"))])
  }
}
