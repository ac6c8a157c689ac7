import Sluice
import SluiceC
import SluiceFormats
import SluiceIR
import SluicePasses
import SluicePlan
import SluiceText

extension CommandSpec {
  /// `models`: the shipped models with their functions and settings.
  static func models(_ catalog: Catalog) -> CommandSpec {
    CommandSpec(
      name: "models", summary: "lists the models with their functions and settings", arguments: "",
      argumentCount: 0...0, options: [Option("--json", "print JSON")], examples: ["models"]
    ) { invocation in
      var rows: [JSON] = []
      var text = ""
      for model in catalog.models {
        let module = try model.trace()
        let settings = model.settings()
        text += "\(model.name): \(model.summary)\n"
        var functions: [JSON] = []
        for id in module.functions {
          let signature = Signature(module[id], module.tables)
          text += "  @\(signature.name)(\(signature.inputs)) -> (\(signature.outputs))\n"
          functions.append(
            .object([
              ("name", .string(signature.name)), ("inputs", .string(signature.inputs)),
              ("outputs", .string(signature.outputs)),
            ]))
        }
        for setting in settings {
          text += "  --set \(setting.name)=\(setting.defaultValue)  \(setting.summary)\n"
        }
        rows.append(
          .object([
            ("name", .string(model.name)), ("summary", .string(model.summary)),
            ("functions", .array(functions)),
            (
              "settings",
              .array(
                settings.map {
                  .object([
                    ("name", .string($0.name)), ("default", .string($0.defaultValue)),
                    ("summary", .string($0.summary)),
                  ])
                })
            ),
          ]))
      }
      try invocation.context.output(invocation.flag("--json") ? JSON.array(rows).text + "\n" : text)
      return ExitCode.ok
    }
  }

  /// `check`: reads, verifies and plans a model.
  static func check(_ catalog: Catalog) -> CommandSpec {
    CommandSpec(
      name: "check", summary: "verifies a model and its plan; prints nothing but mistakes",
      arguments: "MODEL",
      argumentCount: 1...1,
      options: Catalog.options + [
        .ram, .remarks, Option("--json", "print the memory of functions, and the remarks asked for, as JSON"),
      ],
      examples: ["check model.sluice", "dump ica | sluice check -", "check gpt --remarks=memory"]
    ) { invocation in
      let kinds = try invocation.remarkKinds()
      let options = try invocation.compileOptions()
      let subject = try catalog.loadSubject(invocation)
      let plan: ModulePlan
      switch subject {
      case .module(let module): plan = try Sluice.compile(module, options: options)
      case .plan(let read):
        try invocation.refuseRAM()
        plan = read
      }
      let remarks = RemarkList(plan, kinds)
      if invocation.flag("--json") {
        try invocation.context.output(JSON.object(remarks.json(of: subject)).text + "\n")
      } else {
        remarks.print(invocation.context)
      }
      let functions = plan.functions.count
      invocation.context.message(
        "\(plan.module.name): ok, \(functions) function\(functions == 1 ? "" : "s"), \(plan.kernels.count) kernels, "
          + "\(plan.functions.map(\.arenaBytes).max() ?? 0) bytes of arena")
      return ExitCode.ok
    }
  }

  /// The options that choose and watch passes.
  private static let passOptions = [
    Option(
      "-O", alias: "--level", value: "LEVEL", "how much to optimise: 0, 1 or 2 (also `-O0`, `-O1`, `-O2`)"),
    Option("-O0", "no optimisation"), Option("-O1", "leaves out what nothing needs"),
    Option("-O2", "all passes"),
    Option("--passes", value: "A,B", "exactly these passes, in this order"),
    Option("--print-after", value: "PASS", "print the module after this pass (or `all`) on standard error"),
    Option("--time-passes", "print the time of every pass on standard error"),
  ]

  /// `opt`: runs passes on a model and prints it.
  static func opt(_ catalog: Catalog) -> CommandSpec {
    CommandSpec(
      name: "opt", summary: "runs optimisation passes and prints the text", arguments: "MODEL",
      argumentCount: 1...1,
      options: Catalog.options + passOptions + [
        Option("--list-passes", "list the passes"),
        Option("--output", alias: "-o", value: "FILE", "where to (`-`: standard output)"),
      ],
      examples: ["opt model.sluice -O2", "opt ica --passes expand,simplify --time-passes -o ica.opt.sluice"]
    ) { invocation in
      if invocation.flag("--list-passes") {
        try invocation.context.output(Help.columns(Pass.all.map { ($0.name, $0.summary) }))
        return ExitCode.ok
      }
      let module = try optimised(try catalog.load(invocation), invocation, default: .full)
      try FileIO.write(printedModule(module), to: invocation.value("--output") ?? "-")
      return ExitCode.ok
    }
  }

  /// `dump`: prints a model at some stage.
  static func dump(_ catalog: Catalog) -> CommandSpec {
    CommandSpec(
      name: "dump", summary: "prints a model: its graph, its plan or its C", arguments: "MODEL",
      argumentCount: 1...1,
      options: Catalog.options + [
        Option(
          "--stage", value: "STAGE",
          "`graph` (the default), `plan` or `c`; of a plan, `plan` (the default) or `c`"),
        Option("--output", alias: "-o", value: "FILE", "where to (`-`: standard output)"),
        .ram, .remarks,
      ] + passOptions, examples: ["dump ica", "dump mlp --stage plan", "dump ica --stage c -o ica.c"]
    ) { invocation in
      let kinds = try invocation.remarkKinds()
      let subject = try catalog.loadSubject(invocation)
      let output = invocation.value("--output") ?? "-"
      guard case .module(var module) = subject else {
        try invocation.refuseRAM()
        if case .plan(let plan) = subject { try dump(plan, invocation, to: output) }
        return ExitCode.ok
      }
      let stage = try invocation.choice("--stage", Stage.self, default: .graph)
      if stage == .graph {
        guard !invocation.flag("--ram") else {
          throw UsageError("`--ram` is for plans: `--stage plan` or `--stage c`")
        }
        if passesAreChosen(invocation) { module = try optimised(module, invocation, default: .none) }
        try FileIO.write(printedModule(module), to: output)
        return ExitCode.ok
      }
      var passRemarks: [Remark] = []
      module = try optimised(module, invocation, default: .full) { passRemarks.append($0) }
      var options = try invocation.compileOptions()
      (options.passes, options.fuses) = (["expand"], fuses(invocation))
      var plan = try Sluice.compile(module, options: options)
      plan.remarks = passRemarks + plan.remarks
      RemarkList(plan, kinds).print(invocation.context)
      let text = stage == .plan ? printPlan(plan) : CSource.emitC(plan).source
      try FileIO.write(text, to: output)
      return ExitCode.ok
    }
  }

  /// Prints a plan that was read: again, or as C.
  private static func dump(_ plan: ModulePlan, _ invocation: Invocation, to output: String) throws {
    switch try invocation.choice("--stage", Stage.self, default: .plan) {
    case .graph: throw UsageError("`--stage graph`: `\(invocation.arguments[0])` is a plan")
    case .plan: try FileIO.write(printPlan(plan), to: output)
    case .c: try FileIO.write(CSource.emitC(plan).source, to: output)
    }
  }

  private enum Stage: String, CaseIterable { case graph, plan, c }

  private static func passesAreChosen(_ invocation: Invocation) -> Bool {
    ["-O", "-O0", "-O1", "-O2", "--passes", "--print-after", "--time-passes"].contains { invocation.flag($0) }
  }

  /// Whether nodes share kernels: at every level but 0.
  private static func fuses(_ invocation: Invocation) -> Bool {
    !invocation.flag("-O0") && invocation.value("-O") != "0"
  }

  /// The module after the passes that the options choose.
  private static func optimised(
    _ module: SluiceIR.Module, _ invocation: Invocation, default level: OptimizationLevel,
    note: (Remark) -> Void = { _ in }
  ) throws -> SluiceIR.Module {
    var names = level.passes
    for (position, flag) in ["-O0", "-O1", "-O2"].enumerated() where invocation.flag(flag) {
      names = OptimizationLevel(rawValue: position)?.passes ?? names
    }
    if let text = invocation.value("-O") {
      guard let number = Int(text), let chosen = OptimizationLevel(rawValue: number) else {
        throw UsageError("`-O \(text)`: the levels are 0, 1 and 2")
      }
      names = chosen.passes
    }
    if let list = invocation.value("--passes") {
      names = list.split(separator: ",").map(String.init)
      for name in names where Pass.named(name) == nil {
        throw UsageError(
          "unknown pass `\(name)`" + Suggestion.text(for: name, among: Pass.all.map(\.name))
            + "; `opt --list-passes MODEL` lists them")
      }
    }
    let printAfter = invocation.value("--print-after")
    if let printAfter, printAfter != "all", Pass.named(printAfter) == nil {
      throw UsageError("`--print-after \(printAfter)`: no such pass; it is the name of a pass, or `all`")
    }
    return try runPasses(module, names) { report, module in
      for remark in report.remarks { note(Remark(.pass, remark.message)) }
      if invocation.flag("--time-passes") {
        invocation.context.message(
          "\(report.pass): \(report.duration), \(report.nodesBefore) -> \(report.nodesAfter) nodes")
      }
      if printAfter == "all" || printAfter == report.pass {
        invocation.context.message("// after \(report.pass)\n\(printModule(module))")
      }
    }
  }
}

/// A function's inputs and outputs as text.
struct Signature {
  var name: String
  var inputs: String
  var outputs: String

  init(_ graph: Graph, _ tables: Tables) {
    name = tables.strings[graph.name]
    inputs = graph.inputs.map { value in
      "\(tables.strings[graph.names[value.index]]): \(tables.text(graph.types[value.index]))"
    }.joined(separator: ", ")
    outputs = zip(graph.results, graph.resultNames).map { value, name in
      (name.isNone ? "" : "\(tables.strings[name]): ") + tables.text(graph.types[value.index])
    }.joined(separator: ", ")
  }
}
