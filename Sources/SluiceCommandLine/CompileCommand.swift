import Sluice
import SluiceC
import SluiceFormats
import SluiceIR

extension CommandSpec {
  /// `compile`: writes a model as standalone C.
  static func compile(_ catalog: Catalog) -> CommandSpec {
    CommandSpec(
      name: "compile", summary: "writes a model as standalone C: source, header, parameters",
      arguments: "MODEL",
      argumentCount: 1...1,
      options: Catalog.options + [
        Option("--output", alias: "-o", value: "FOLDER", "where to (default: this folder)"),
        Option(
          "--embed", value: "WHAT",
          "`params` puts the parameters into the source, `none` into MODEL.params, `auto` (the default) embeds up to 1 MiB"
        ),
        Option(
          "--function", alias: "-f", value: "NAME", repeats: true,
          "compile this function, and others so named, without the rest; parameters that none of them writes are constant"
        ),
        Option(
          "--params", value: "FILE",
          "the parameters, from a .npz or .safetensors file with an array for each, such as a checkpoint (default: initial values)"
        ),
        Option("--seed", value: "N", "the seed of random initial values (default 0)"),
        Option(
          "--self-test", value: "WHAT",
          "which functions the self-test behind MODEL_SELF_TEST runs: `auto` (the default) those that take a moment, `all`, `none`"
        ),
        Option(
          "--byte-order", value: "ORDER",
          "of MODEL.params and MODEL.state: `little` (the default) or `big`, that of the processor that reads them"
        ),
        .ram, .remarks,
        Option(
          "--json", "print what was written, the memory of functions, and the remarks asked for, as JSON"),
      ],
      examples: [
        "compile ica -o build", "compile model.sluice --embed none",
        "compile model.sluice --function predict --params checkpoint.safetensors",
      ]
    ) { invocation in
      let kinds = try invocation.remarkKinds()
      let subject = try catalog.loadSubject(invocation)
      let seed = try invocation.integer("--seed", default: 0, in: Int.min...Int.max)
      let embed = try invocation.choice("--embed", ParameterEmbedding.self, default: .auto)
      let parameters = try invocation.value("--params").map { (try TensorArchive.read($0), $0) }
      let functions = invocation.all("--function").map { $0.hasPrefix("@") ? String($0.dropFirst()) : $0 }
      let selfTest = try invocation.choice("--self-test", SelfTestExtent.self, default: .auto)
      let byteOrder = try invocation.choice("--byte-order", ByteOrder.self, default: .little)
      let options = try invocation.compileOptions()
      let artefact: CArtefact
      switch subject {
      case .module(let module):
        artefact = try CArtefact(
          module, functions: functions, seed: Int64(seed), embedding: embed, selfTest: selfTest,
          byteOrder: byteOrder, parameters: parameters, options: options)
      case .plan(let plan):
        try invocation.refuseRAM()
        guard functions.isEmpty else {
          throw UsageError("`--function` is for models, `\(invocation.arguments[0])` is a plan")
        }
        artefact = try CArtefact(
          plan, seed: Int64(seed), embedding: embed, selfTest: selfTest, byteOrder: byteOrder,
          parameters: parameters)
      }
      let folder = invocation.value("--output") ?? "."
      try FileIO.createDirectories(folder)
      var rows: [JSON] = []
      for file in artefact.files {
        let path = folder == "." ? file.name : "\(folder)/\(file.name)"
        try FileIO.write(file.bytes, to: path)
        invocation.context.message("\(path): \(file.bytes.count) bytes")
        rows.append(.object([("path", .string(path)), ("bytes", .integer(file.bytes.count))]))
      }
      let remarks = RemarkList(artefact.plan, kinds)
      if invocation.flag("--json") {
        let json = JSON.object([("files", .array(rows))] + remarks.json(of: subject))
        try invocation.context.output(json.text + "\n")
      } else {
        remarks.print(invocation.context)
      }
      return ExitCode.ok
    }
  }

  /// `demo`: shows what models can do.
  static func demo(_ demos: [Demo]) -> CommandSpec {
    let list = demos.map { "`\($0.name)` \($0.summary)" }.joined(separator: "; ")
    return CommandSpec(
      name: "demo", summary: "shows a model at work: \(demos.map(\.name).joined(separator: ", "))",
      arguments: "NAME [FILE...]",
      argumentCount: 1...256,
      options: [
        Option(
          "--input", alias: "-i", value: "FILE", repeats: true,
          "your own data instead of the shipped one; more files may follow"),
        Option("--mix", "the files hold sources: mix them first"),
        Option("--output-dir", alias: "-o", value: "FOLDER", "where files go (default: NAME-demo)"),
        Option("--backend", value: "BACKEND", "`c` (the default), `interpreter` or `reference`"),
        Option("--threads", value: "N", "how many threads the C may use (default 2)"),
        Option("--seed", value: "N", "the seed of random numbers (default 0)"),
      ], examples: ["demo \(demos.first?.name ?? "NAME")"]
    ) { invocation in
      let name = invocation.arguments[0]
      guard let demo = demos.first(where: { $0.name == name }) else {
        throw InputError(
          "no demo is called `\(name)`" + Suggestion.text(for: name, among: demos.map(\.name))
            + "; there are: \(list)")
      }
      let files = invocation.all("--input") + invocation.arguments.dropFirst()
      let request = Demo.Request(
        inputs: files, mixes: invocation.flag("--mix"),
        folder: invocation.value("--output-dir") ?? "\(name)-demo",
        seed: Int64(try invocation.integer("--seed", default: 0, in: Int.min...Int.max)),
        backend: try invocation.choice("--backend", Backend.self, default: .c),
        threads: try invocation.integer("--threads", default: 2, in: 1...256), context: invocation.context)
      try demo.run(request)
      return ExitCode.ok
    }
  }
}
