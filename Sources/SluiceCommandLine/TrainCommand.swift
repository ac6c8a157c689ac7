import Sluice
import SluiceFormats
import SluiceIR

extension CommandSpec {
  /// `train`: trains a model on arrays.
  static func train(_ catalog: Catalog, _ sets: [DataSet]) -> CommandSpec {
    let shipped = sets.map { "`\($0.name)` (\($0.summary))" }.joined(separator: ", ")
    return CommandSpec(
      name: "train", summary: "trains a model by its functions @init, @train_step and @loss",
      arguments: "MODEL",
      argumentCount: 1...1,
      options: Catalog.options + [
        Option(
          "--data", alias: "-d", value: "NAME=FILE", repeats: true,
          "an input's examples along the first axis, from FILE.npy, FILE.npz:ARRAY or FILE.safetensors:ARRAY; for an input i32[B,T+1] one long array or any other file, of whose bytes windows are taken; without NAME=, a file of arrays gives all inputs it has"
            + (sets.isEmpty ? "" : "; FILE may be data that ship: \(shipped)")),
        Option(
          "--validation", value: "NAME=FILE", repeats: true, "data for @loss, instead of a part held out"),
        Option("--hold-out", value: "PERCENT", "how much of the data is held out for @loss (default 10)"),
        Option(
          "--input", alias: "-i", value: "NAME=VALUE", repeats: true,
          "an input that is the same in every step: a number, or a file as for --data"),
        Option("--batch", value: "N", "examples of a step (default 32)"),
        Option("--length", value: "T", "the length of windows of a sequence (default: the most)"),
        Option("--steps", value: "N", "how many steps, with those of a resumed run"),
        Option("--epochs", value: "N", "instead of --steps: how often all examples are seen"),
        Option("--seed", value: "N", "the seed of all random numbers (default 0)"),
        Option.ram, Option.uncheckedIndices,
        Option("--params", value: "FILE", "the first values of the parameters, from arrays by name"),
        Option("--backend", value: "BACKEND", "`c` (the default), `interpreter` or `reference`"),
        Option("--threads", value: "N", "how many threads the C may use (default 1)"),
        Option(
          "--checkpoint", value: "FILE",
          "keeps parameters, states and progress in a .safetensors or .npz file, also when the run is ended by Ctrl-C"
        ),
        Option("--checkpoint-every", value: "N", "steps between two checkpoints (default 100)"),
        Option("--resume", "go on where the checkpoint is"),
        Option("--overwrite", "begin anew although the checkpoint's file exists"),
        Option("--validate-every", value: "N", "steps between two validations (default 100)"),
        Option("--curve", value: "FILE", "the losses as a picture, .svg or .png"),
        Option("--log", value: "FILE", "the losses as a table, .csv or .json"),
        Option("--json", "print the result as JSON"),
      ],
      examples: [
        "train model.sluice --data x=x.npy --data y=y.npy --steps 500 --checkpoint model.safetensors",
        "train model.sluice --data data.npz --epochs 5 --checkpoint model.safetensors --resume --curve loss.svg",
      ]
    ) { invocation in
      try TrainRun(invocation, catalog, sets).run()
    }
  }
}

/// One run of `train`.
private struct TrainRun {
  private let invocation: Invocation
  private var trainer: Trainer
  private let total: Int
  private let checkpoint: String?
  private let checkpointEvery: Int
  private let validateEvery: Int
  private var savedStep = -1

  init(_ invocation: Invocation, _ catalog: Catalog, _ sets: [DataSet]) throws {
    self.invocation = invocation
    func count(_ name: String, default value: Int) throws -> Int {
      try invocation.integer(name, default: value, in: 1...1 << 40)
    }
    // What the arguments alone can tell comes first.
    let steps = try invocation.value("--steps").map { _ in try count("--steps", default: 1) }
    let epochs = try invocation.value("--epochs").map { _ in try count("--epochs", default: 1) }
    guard (steps == nil) != (epochs == nil) else {
      throw UsageError("how long? give one of `--steps N` and `--epochs N`")
    }
    checkpointEvery = try count("--checkpoint-every", default: 100)
    validateEvery = try count("--validate-every", default: 100)
    checkpoint = invocation.value("--checkpoint")
    if let checkpoint { try TrainLog.checkEnding(checkpoint, of: "--checkpoint", ["safetensors", "npz"]) }
    if let log = invocation.value("--log") { try TrainLog.checkEnding(log, of: "--log", ["csv", "json"]) }
    if let curve = invocation.value("--curve") {
      try TrainLog.checkEnding(curve, of: "--curve", ["svg", "png"])
    }
    let options = try Self.options(invocation)
    let backend = try invocation.choice("--backend", Backend.self, default: .c)
    let threads = try invocation.integer("--threads", default: 1, in: 1...256)
    let compiling = try invocation.compileOptions()
    let saved = try Self.savedRun(invocation, checkpoint)

    let module = try catalog.load(invocation)
    try Trainer.check(module)
    var source = TrainData(sets, module)
    let data = try source.arrays("--data", invocation)
    let validation = try source.arrays("--validation", invocation)
    var choices = options
    choices.fixed = try Self.fixed(invocation, module)
    if let saved { try choices.complete(from: saved.archive, path: saved.path) }
    invocation.context.progress("compiling")
    trainer = try Trainer(
      module, data: data, validation: validation, options: choices, backend: backend, threads: threads,
      compile: compiling)
    if let path = invocation.value("--params") {
      try trainer.loadParameters(TensorArchive.read(path), path: path)
    }
    if let saved {
      try trainer.resume(saved.archive, path: saved.path)
      savedStep = trainer.step
    }
    let (product, overflow) = (epochs ?? 1).multipliedReportingOverflow(by: trainer.stepsPerEpoch)
    total = steps ?? (overflow ? Int.max : product)
    invocation.context.endProgress()
  }

  // MARK: Arguments

  private static func options(_ invocation: Invocation) throws -> Trainer.Options {
    var options = Trainer.Options()
    func integer(_ name: String, _ range: ClosedRange<Int>) throws -> Int? {
      try invocation.value(name).map { _ in try invocation.integer(name, default: 1, in: range) }
    }
    options.batch = try integer("--batch", 1...1 << 30)
    options.length = try integer("--length", 1...1 << 30)
    options.checksIndices = !invocation.flag(CommandSpec.Option.uncheckedIndices.name)
    options.seed = try integer("--seed", Int.min...Int.max).map { Int64($0) }
    if let text = invocation.value("--hold-out") {
      guard let percent = Double(text), (0..<100).contains(percent) else {
        throw UsageError("`--hold-out \(text)`: it is a number of percent from 0 to less than 100")
      }
      options.heldOut = percent
    }
    return options
  }

  /// The checkpoint to go on from; nil for a run from the beginning.
  private static func savedRun(
    _ invocation: Invocation, _ checkpoint: String?
  ) throws -> (archive: TensorArchive, path: String)? {
    guard invocation.flag("--resume") else {
      if let checkpoint, FileIO.exists(checkpoint), !invocation.flag("--overwrite") {
        throw InputError(
          "`\(checkpoint)` exists; `--resume` goes on with its run, `--overwrite` begins a new one in its place"
        )
      }
      return nil
    }
    guard let checkpoint else {
      throw UsageError("`--resume` goes on with a checkpoint: `--checkpoint FILE --resume`")
    }
    guard invocation.value("--params") == nil, !invocation.flag("--overwrite") else {
      throw UsageError(
        "`--resume` goes on with all that the checkpoint has, without `--params` and `--overwrite`")
    }
    return (try TensorArchive.read(checkpoint), checkpoint)
  }

  /// The inputs that are the same in every step.
  private static func fixed(
    _ invocation: Invocation, _ module: SluiceIR.Module
  ) throws -> [String: HostTensor] {
    var files = ArrayFiles()
    var result: [String: HostTensor] = [:]
    let graphs = ["train_step", "loss"].compactMap { module.function($0) }.map { module[$0] }
    var types: [String: TypeID] = [:]
    for graph in graphs {
      for input in graph.inputs {
        types[module.tables.strings[graph.names[input.index]]] = graph.types[input.index]
      }
    }
    for (name, text) in try invocation.pairs("--input") {
      guard let type = types[name] else {
        let names = types.keys.sorted()
        throw InputError(
          "`@train_step` has no input `\(name)`" + Suggestion.text(for: name, among: names) + "; it has "
            + names.map { "`\($0)`" }.joined(separator: ", "))
      }
      if module.tables.types.rank(type) == 0,
        let scalar = try CommandSpec.number(text, module.tables.types.dtype(type), for: name)
      {
        result[name] = scalar
      } else {
        result[name] = try files.tensor(text, for: name, as: module.tables.types.dtype(type))
      }
    }
    return result
  }

  // MARK: The run

  /// Trains; gives the exit code: 128 and the number of the signal that ended it.
  consuming func run() throws -> Int32 {
    let context = invocation.context
    context.message(
      "\(trainer.trainingCount) \(trainer.isSequence ? "elements" : "examples") to train on, "
        + "\(trainer.heldOutCount) held out; batch \(trainer.batch), \(trainer.stepsPerEpoch) steps an epoch")
    if trainer.step > 0 { context.message("goes on after step \(trainer.step)") }
    Interruption.watch()
    defer { Interruption.end() }
    var progress = TrainProgress(context, total: total, from: trainer.step)
    if savedStep < 0 { try save() }
    while trainer.step < total, Interruption.received == nil {
      let values = try trainer.advance()
      guard values[0].isFinite else {
        throw InputError(
          "the loss of step \(trainer.step) is \(values[0])"
            + (checkpoint.map { "; `\($0)` has the run up to step \(savedStep)" } ?? "")
            + "; a lower rate, or clipped gradients, may help")
      }
      if trainer.step % validateEvery == 0 { try trainer.recordValidation() }
      if trainer.step % checkpointEvery == 0 { try save() }
      progress.show(trainer.step, trainer.history)
    }
    if savedStep != trainer.step { try save() }
    progress.keep(trainer.step, trainer.history)
    if let signal = Interruption.received {
      try report(nil)
      context.message(
        checkpoint.map { "ended by a signal; `\($0)` has all \(trainer.step) steps, `--resume` goes on" }
          ?? "ended by a signal; nothing is kept without `--checkpoint FILE`")
      return ExitCode.signal + signal
    }
    let last = try trainer.validate()
    try report(last)
    if let last { context.message("validation loss \(TrainProgress.short(last))") }
    if invocation.flag("--json") { try printResult(last, progress) }
    return ExitCode.ok
  }

  private mutating func save() throws {
    guard let checkpoint else { return }
    try trainer.save(to: checkpoint)
    savedStep = trainer.step
  }

  /// Writes table and picture.
  private func report(_ validation: Double?) throws {
    let last = validation.map { (step: trainer.step, loss: $0) }
    if let path = invocation.value("--log") { try TrainLog.write(trainer.history, last, to: path) }
    guard let path = invocation.value("--curve") else { return }
    if path.hasSuffix(".png"), let image = LossCurve.image(trainer.history) {
      try Png.write(image, to: path)
    } else {
      try FileIO.write(LossCurve.svg(trainer.history, title: trainer.session.module.name), to: path)
    }
  }

  private func printResult(_ validation: Double?, _ progress: TrainProgress) throws {
    var fields: [(String, JSON)] = [("steps", .integer(trainer.step))]
    let losses = trainer.history.steps.last ?? []
    fields += zip(trainer.history.columns, losses).map { ($0, JSON.number($1)) }
    if let validation { fields.append(("validation_loss", .number(validation))) }
    fields.append(("seconds", .number(progress.seconds)))
    fields.append(("steps_per_second", .number(progress.speed(trainer.step))))
    if let checkpoint { fields.append(("checkpoint", .string(checkpoint))) }
    try invocation.context.output(JSON.object(fields).text + "\n")
  }
}
