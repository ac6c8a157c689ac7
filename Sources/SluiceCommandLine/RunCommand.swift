import Sluice
import SluiceFormats
import SluiceIR
import SluicePlan
import SluiceText

extension CommandSpec {
  /// `run`: runs one function of a model on arrays.
  static func run(_ catalog: Catalog) -> CommandSpec {
    CommandSpec(
      name: "run", summary: "runs a function of a model on arrays", arguments: "MODEL", argumentCount: 1...1,
      options: Catalog.options + callOptions + [
        Option(
          "--output", alias: "-o", value: "NAME=FILE", repeats: true,
          "an output to a .npy file (`-`: standard output)"),
        Option("--output-dir", value: "FOLDER", "all other outputs to FOLDER/NAME.npy"),
        Option("--outputs", value: "FILE", "all other outputs to one .npz or .safetensors file"),
        Option(
          "--state-output", value: "NAME=FILE", repeats: true,
          "a state's value after the call, to a .npy file; without NAME=, all parameters and states to a .npz or .safetensors file"
        ),
        Option("--backend", value: "BACKEND", "`interpreter` (the default), `c` or `reference`"),
        Option("--json", "print the outputs as JSON"),
      ],
      examples: [
        "run mlp -f predict --input images=digits.npy",
        "run ica -f unmix --input x=x.npy --output sources=- > s.npy",
        "run mlp -f predict --input digits.npz --params mlp.safetensors --outputs result.npz",
      ]
    ) { invocation in
      let backend = try invocation.choice("--backend", Backend.self, default: .interpreter)
      var files = ArrayFiles()
      var (session, function) = try session(invocation, catalog, backend, &files)
      let inputs = try inputs(invocation, &files, session.plan, function)
      let outputs = try session.run(function, inputs)
      try write(outputs, session, invocation, session.module, function)
      return ExitCode.ok
    }
  }

  /// The options of commands that call a function.
  static let callOptions: [Option] = [
    Option(
      "--function", alias: "-f", value: "NAME", "the function; may be left out where there is only one"),
    Option(
      "--input", alias: "-i", value: "NAME=FILE", repeats: true,
      "an input from a .npy file (`-`: standard input), from FILE.npz:ARRAY or FILE.safetensors:ARRAY, or a number for a scalar; without NAME=, a .npz or .safetensors file gives all inputs it has"
    ),
    Option(
      "--state", value: "NAME=FILE", repeats: true,
      "a state's value before the call, from a file as for --input; without NAME=, all parameters and states from a checkpoint"
    ),
    Option(
      "--params", value: "FILE",
      "the parameters, from a file that `compile` wrote, or a .npz or .safetensors file with an array for each"
    ),
    Option("--threads", value: "N", "how many threads the C may use (default 1)"),
    Option("--seed", value: "N", "the seed of random initial values (default 0)"),
    Option.ram, Option.uncheckedIndices,
  ]

  /// A session over the model that is named, with parameters and states as the options say, and the function meant.
  static func session(
    _ invocation: Invocation, _ catalog: Catalog, _ backend: Backend, _ files: inout ArrayFiles,
    profiles: Bool = false
  ) throws -> (session: Session, function: String) {
    let subject = try catalog.loadSubject(invocation)
    let threads = try invocation.integer("--threads", default: 1, in: 1...256)
    let seed = try invocation.integer("--seed", default: 0, in: Int.min...Int.max)
    let options = try invocation.compileOptions()
    let function: String
    var session: Session
    switch subject {
    case .module(let module):
      function = try functionName(invocation.value("--function"), module)
      session = try Session(
        module, backend: backend, seed: Int64(seed), threads: threads, profiles: profiles, options: options)
    case .plan(let plan):
      try invocation.refuseRAM()
      function = try functionName(
        invocation.value("--function"), plan.functions.map(\.name), of: plan.module.name)
      session = try Session(
        plan, backend: backend, seed: Int64(seed), threads: threads, profiles: profiles)
    }
    let module = session.module
    session.checksIndices = !invocation.flag(CommandSpec.Option.uncheckedIndices.name)
    if let path = invocation.value("--params") {
      if TensorArchive.isArchive(path) {
        try session.loadParameters(TensorArchive.read(path), path: path)
      } else {
        try session.loadParameters(try FileIO.read(path), path: path)
      }
    }
    for path in invocation.all("--state") where isWhole(path) {
      try session.loadVariables(files.archive(path), path: path)
    }
    for (name, path) in try invocation.pairs("--state", where: { !isWhole($0) }) {
      var value = try files.tensor(path, for: name)
      if let row = module.variables.first(where: { module.tables.strings[$0.name] == name }) {
        let dtype = module.tables.types.dtype(row.type)
        value = try ArrayFiles.converted(value, to: dtype, name: name, path: path)
      }
      try session.setState(name, value)
    }
    return (session, function)
  }

  /// The function that is meant: the one named, or the only one.
  static func functionName(_ given: String?, _ module: SluiceIR.Module) throws -> String {
    try functionName(
      given, module.functions.map { module.tables.strings[module[$0].name] }, of: module.name)
  }

  /// The function that is meant, of those with these names.
  private static func functionName(
    _ given: String?, _ names: [String], of model: String
  ) throws -> String {
    let list = names.map { "`\($0)`" }.joined(separator: ", ")
    guard let given else {
      guard names.count == 1 else {
        throw UsageError("which function? `--function NAME`; `\(model)` has \(list)")
      }
      return names[0]
    }
    let name = given.hasPrefix("@") ? String(given.dropFirst()) : given
    guard names.contains(name) else {
      throw InputError(
        "`\(model)` has no function `\(name)`" + Suggestion.text(for: name, among: names)
          + "; it has \(list)")
    }
    return name
  }

  /// The inputs given on the command line.
  static func inputs(
    _ invocation: Invocation, _ files: inout ArrayFiles, _ plan: ModulePlan, _ function: String
  ) throws -> [String: HostTensor] {
    let ports = plan.function(function)?.inputs ?? []
    let names = ports.map(\.name)
    var result: [String: HostTensor] = [:]
    // Files that name the inputs themselves; what is given by name goes before.
    let given = Set(try invocation.pairs("--input", where: { !isWhole($0) }).map(\.name))
    for path in invocation.all("--input") where isWhole(path) {
      for (position, name) in names.enumerated() where !given.contains(name) {
        guard let stored = try files.archive(path).tensor(name) else { continue }
        let dtype = plan.tables.types.dtype(ports[position].type)
        let tensor = try ArrayFiles.converted(stored, to: dtype, name: name, path: path)
        guard result.updateValue(tensor, forKey: name) == nil else {
          throw InputError(
            "the input `\(name)` is in `\(path)` and in a file before it; name it: `--input \(name)=`")
        }
      }
    }
    for (name, text) in try invocation.pairs("--input", where: { !isWhole($0) }) {
      guard let position = names.firstIndex(of: name) else {
        let list = names.isEmpty ? "it has none" : "it has " + names.map { "`\($0)`" }.joined(separator: ", ")
        throw InputError(
          "`@\(function)` has no input `\(name)`" + Suggestion.text(for: name, among: names) + "; \(list)")
      }
      let type = ports[position].type
      if plan.tables.types.rank(type) == 0,
        let scalar = try number(text, plan.tables.types.dtype(type), for: name)
      {
        result[name] = scalar
      } else {
        result[name] = try files.tensor(text, for: name, as: plan.tables.types.dtype(type))
      }
    }
    return result
  }

  /// Whether the value of `--input` or `--state` is a file that names inputs or states itself.
  private static func isWhole(_ text: String) -> Bool {
    TensorArchive.isArchive(text) && !text.contains("=")
  }

  /// A scalar written on the command line; nil for what is no number, such as the name of a file.
  ///
  /// Throws `InputError` for a number that the dtype cannot hold; integers must be held exactly.
  static func number(_ text: String, _ dtype: DType, for name: String) throws -> HostTensor? {
    if dtype == .bool, let truth = Bool(text) { return HostTensor(scalar: truth) }
    guard let number = Double(text) else { return nil }
    let bits: UInt64?
    if let integer = Int64(text), !(integer == 0 && dtype.isFloating) {
      bits = ScalarConstant.bits(holding: integer, dtype)
    } else if number.isInfinite, !text.lowercased().contains("inf") {
      bits = nil
    } else if dtype == .f32, let float = Float(text), float.isFinite {
      // Rounded once, from the digits.
      bits = UInt64(float.bitPattern)
    } else if dtype.isNarrow, let narrow = narrowBits(of: text, dtype) {
      bits = narrow
    } else {
      bits = ScalarConstant.bits(holding: number, dtype)
    }
    guard let bits else {
      let hint =
        switch dtype {
        case .f32, .f64, .f16, .bf16:
          number.isInfinite || ScalarConstant.bits(holding: number, dtype) == nil
            ? "infinity is `inf`" : "write `\(text).0` where the nearest one will do"
        case .bool: "it is `true` or `false`"
        case .u8: "it is an integer from 0 to 255"
        case .i32: "it is an integer from \(Int32.min) to \(Int32.max)"
        case .i64: "it is an integer from \(Int64.min) to \(Int64.max)"
        }
      throw InputError("the input `\(name)`: \(text) is no \(dtype.name); \(hint)")
    }
    let bytes = (0..<dtype.byteCount).map { UInt8(truncatingIfNeeded: bits >> UInt64(8 * $0)) }
    return try HostTensor(dtype: dtype, shape: [], bytes: bytes)
  }

  /// Writes outputs and states to files; prints what goes to none.
  private static func write(
    _ outputs: [(name: String, tensor: HostTensor)], _ session: borrowing Session, _ invocation: Invocation,
    _ module: SluiceIR.Module, _ function: String
  ) throws {
    var pending = outputs
    for (name, path) in try invocation.pairs("--output") {
      guard let position = pending.firstIndex(where: { $0.name == name }) else {
        let names = outputs.map(\.name)
        throw InputError(
          "`@\(function)` has no output `\(name)`" + Suggestion.text(for: name, among: names) + "; it has "
            + names.map { "`\($0)`" }.joined(separator: ", "))
      }
      try Npy.write(pending.remove(at: position).tensor, to: path)
    }
    for path in invocation.all("--state-output") where isWhole(path) { try session.save(to: path) }
    for (name, path) in try invocation.pairs("--state-output", where: { !isWhole($0) }) {
      try Npy.write(session.state(name), to: path)
    }
    if let path = invocation.value("--outputs") {
      guard invocation.value("--output-dir") == nil else {
        throw UsageError("`--outputs` and `--output-dir`: give one of them")
      }
      return try TensorArchive.write(pending.map { NamedTensor($0.name, $0.tensor) }, to: path)
    }
    if let folder = invocation.value("--output-dir") {
      try FileIO.createDirectories(folder)
      for output in pending { try Npy.write(output.tensor, to: "\(folder)/\(output.name).npy") }
      return
    }
    if invocation.flag("--json") {
      let fields = pending.map { output in
        (
          output.name,
          JSON.object([
            ("dtype", .string(output.tensor.dtype.name)),
            ("shape", .array(output.tensor.shape.map { .integer($0) })),
            ("values", .array(JSON.elements(output.tensor))),
          ])
        )
      }
      try invocation.context.output(JSON.object(fields).text + "\n")
      return
    }
    for output in pending {
      let shape = output.tensor.shape.map(String.init).joined(separator: ",")
      try invocation.context.output(
        "\(output.name): \(output.tensor.dtype.name)[\(shape)]\n\(output.tensor)\n")
    }
  }
}
