public import SluiceFormats
public import SluiceIR
import SluicePlan

/// Trains a model by its functions `@init`, `@train_step` and `@loss`, on arrays.
///
/// ```swift
/// var trainer = try Trainer(mlp.trace(), data: ["images": images, "labels": labels])
/// for _ in 0..<1000 { try trainer.advance() }
/// print(try trainer.validate() ?? 0)
/// try trainer.save(to: "mlp.safetensors")
/// ```
/// An array gives an input its examples along the first axis; an epoch takes each once, in an order drawn by the
/// graph's own random numbers, without those that fill no batch. An array of one axis for an integer input of two is
/// a sequence, such as the bytes of a text: a step takes windows of it from random places. An input `seed`, i64[],
/// gets another seed in every step. What a run computes depends on the module, the data and the options alone.
public struct Trainer {
  /// How a model is trained.
  public struct Options: Sendable {
    /// How many examples a step takes; nil: as many as a checkpoint says, else 32, if there are so many.
    public var batch: Int?
    /// The value of the symbol `T` of windows such as `i32[B,T+1]`; nil: its bound.
    public var length: Int?
    /// The seed of all random choices; nil: that of a checkpoint, else 0.
    public var seed: Int64?
    /// How many percent of the data are held out for validation; nil: 10, where that is enough for a batch.
    public var heldOut: Double?
    /// How many are held out, as a checkpoint says.
    var heldOutCount: Int?
    /// How many batches a validation takes at most.
    public var validationBatches = 20
    /// Whether data with indices or classes out of range are refused; else they mean what the language says.
    public var checksIndices = true
    /// The inputs that are the same in every step, by name, such as a learning rate.
    public var fixed: [String: HostTensor] = [:]

    /// The usual choices.
    public init() {}
  }

  /// The model with its parameters and states.
  public internal(set) var session: Session
  /// How many steps are done.
  public internal(set) var step = 0
  /// The losses so far.
  public internal(set) var history: TrainingHistory
  /// How many examples a step takes.
  public let batch: Int
  /// The seed of all random choices.
  public let seed: Int64
  /// How many steps an epoch has; of a sequence, as many as windows fit.
  public let stepsPerEpoch: Int
  /// How many examples, or elements of a sequence, are trained on.
  public let trainingCount: Int
  /// How many are held out.
  public let heldOutCount: Int

  let feed: TrainingFeed
  let length: Int?
  private let split: TrainingSplit
  private var order: TrainingOrder
  private var shuffled: (epoch: Int, order: [Int])?
  /// Where the columns of the history are among the outputs.
  private let columns: [Int]

  /// Prepares a run; the parameters and states are what `@init` writes, or begin with where there is none.
  ///
  /// - Parameters:
  ///   - module: The model.
  ///   - data: Arrays for the inputs of `@train_step`, by name.
  ///   - validation: Arrays for the inputs of `@loss`; without them a part of `data` is held out.
  ///   - options: How it is trained.
  ///   - backend: What computes; interpreter and C give the same bits.
  ///   - threads: How many threads the C may use.
  ///   - compile: How the model is compiled.
  /// - Throws: `TrainingError` where functions or data do not fit, and what `Session` throws.
  public init(
    _ module: SluiceIR.Module, data: [String: HostTensor], validation: [String: HostTensor] = [:],
    options: Options = Options(), backend: Backend = .c, threads: Int = 1,
    compile: CompileOptions = CompileOptions()
  ) throws {
    let entries = try EntryPoints(module)
    let seed = options.seed ?? 0
    if let percent = options.heldOut, !(0..<100).contains(percent) {
      throw TrainingError("\(percent) % are held out; it is a number from 0 to less than 100")
    }
    if entries.initializesAll {
      session = try Session(
        uninitialized: module, backend: backend, threads: threads, options: compile)
    } else {
      session = try Session(
        module, backend: backend, seed: seed, threads: threads, options: compile)
    }
    let plan = session.plan
    guard let step = plan.function("train_step") else { throw InternalError("the plan has no `train_step`") }
    let loss = entries.loss.flatMap { _ in plan.function("loss") }
    try Self.checkNames(data, options.fixed, validation, step, loss)
    feed = try TrainingFeed(
      step, plan.tables, data: data, fixed: options.fixed, length: options.length)
    if options.length != nil, feed.window == nil {
      throw TrainingError("the length is for windows of a sequence, but the data are examples")
    }
    batch = try Self.batch(options.batch, feed)
    split = try TrainingSplit(feed, batch, loss, plan, data: data, validation: validation, options)
    trainingCount = split.trainingCount
    heldOutCount = split.heldOutCount
    stepsPerEpoch = max(1, trainingCount / (feed.window ?? 1) / batch)
    self.seed = seed
    length = options.length
    order = try TrainingOrder(
      seed: seed, count: feed.window == nil ? trainingCount : 1, batch: batch,
      backend: backend == .reference ? .interpreter : backend)
    // The data are looked at once, not in every step.
    session.checksIndices = false
    if options.checksIndices {
      try feed.checkIndices(step, plan)
      if let loss { try split.validation?.checkIndices(loss, plan) }
    }
    let tables = plan.tables
    let columns = step.outputs.indices.filter {
      tables.types.rank(step.outputs[$0].type) == 0 && tables.types.dtype(step.outputs[$0].type).isFloat
    }
    self.columns = columns
    history = TrainingHistory(columns: columns.map { step.outputs[$0].name })
    if entries.initializer != nil { _ = try session.run("init", [HostTensor(scalar: seed)]) }
  }

  /// Throws `TrainingError` unless a model has the functions that training calls.
  public static func check(_ module: SluiceIR.Module) throws { _ = try EntryPoints(module) }

  private static func checkNames(
    _ data: [String: HostTensor], _ fixed: [String: HostTensor], _ validation: [String: HostTensor],
    _ step: ExecutionPlan, _ loss: ExecutionPlan?
  ) throws {
    let (steps, losses) = (step.inputs.map(\.name), loss?.inputs.map(\.name) ?? [])
    for name in (Array(data.keys) + fixed.keys).sorted() where !steps.contains(name) && !losses.contains(name)
    {
      throw TrainingError("`@train_step` has no input `\(name)`; it has \(Session.list(steps))")
    }
    for name in data.keys.sorted() where fixed[name] != nil {
      throw TrainingError("the input `\(name)` has data and is the same in every step; give one of the two")
    }
    for name in validation.keys.sorted() where loss != nil && !losses.contains(name) {
      throw TrainingError("`@loss` has no input `\(name)`; it has \(Session.list(losses))")
    }
  }

  /// How many examples a step takes.
  private static func batch(_ wanted: Int?, _ feed: TrainingFeed) throws -> Int {
    let (limit, isFixed) = feed.batch
    let batch = wanted ?? (isFixed ? limit : min(32, limit, feed.window == nil ? max(feed.count, 1) : 32))
    guard batch >= 1, isFixed ? batch == limit : batch <= limit else {
      throw TrainingError(
        "a batch of \(batch): `@\(feed.function)` takes \(isFixed ? "" : "1 to ")\(limit) examples")
    }
    return batch
  }

  // MARK: Steps

  /// Makes a step; gives the values of the history's columns, the loss first.
  @discardableResult
  public mutating func advance() throws -> [Double] {
    let places: [Int]
    if let window = feed.window {
      places = try order.places(step: step, among: trainingCount - window + 1)
    } else {
      let (epoch, at) = step.quotientAndRemainder(dividingBy: stepsPerEpoch)
      if shuffled?.epoch != epoch { shuffled = (epoch, try order.shuffled(epoch: epoch)) }
      places = (shuffled?.order ?? [])[at * batch..<(at + 1) * batch].map { split.kept[$0] }
    }
    let stepSeed = feed.takesSeed ? try order.seed(step: step) : HostTensor(scalar: Int64(0))
    let outputs = try session.run("train_step", feed.inputs(places, seed: stepSeed))
    let values = columns.map { outputs[$0].asDoubles()[0] }
    step += 1
    history.steps.append(values)
    return values
  }

  /// Whether the data are a sequence, of which windows are taken.
  public var isSequence: Bool { feed.window != nil }

  /// Whether there is a function and data for validation.
  public var hasValidation: Bool { split.validation != nil }

  /// The mean loss on the data that are held out; nil where there are none.
  public mutating func validate() throws -> Double? {
    guard let feed = split.validation else { return nil }
    var (sum, count) = (0.0, 0.0)
    for places in split.batches {
      let inputs = try feed.inputs(places, seed: HostTensor(scalar: Int64(0)))
      let loss = try session.run("loss", inputs)[0].asDoubles()[0]
      sum += loss * Double(places.count)
      count += Double(places.count)
    }
    return sum / count
  }

  /// Validates and keeps the result in the history.
  @discardableResult
  public mutating func recordValidation() throws -> Double? {
    guard let loss = try validate() else { return nil }
    if let last = history.validation.last, last.step == step { return last.loss }
    history.validation.append((step, loss))
    return loss
  }

  /// Takes the parameters from a file of arrays by name; states stay as they are.
  ///
  /// Throws as `Session` does.
  public mutating func loadParameters(_ archive: TensorArchive, path: String) throws {
    try session.loadParameters(archive, path: path)
  }
}
