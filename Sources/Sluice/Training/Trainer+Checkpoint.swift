public import SluiceFormats

// Checkpoints: everything that a run needs to go on with the same bits.
extension Trainer {
  /// Writes a checkpoint to a `.safetensors` or `.npz` file, which is replaced in one step; throws `FileError`.
  ///
  /// It has every parameter and state under its name, and arrays whose names begin with `training/`: `step`, `seed`,
  /// `batch`, `length` (0 where it was not given), `held_out` (a count), `data` (a checksum), all i64[], `history`
  /// f64[steps, columns], and `validation` f64[validations, 2], the step and the loss.
  public func save(to path: String) throws { try TensorArchive.write(checkpoint(), to: path) }

  /// The arrays of a checkpoint.
  public func checkpoint() throws -> [NamedTensor] {
    var arrays = try session.variables()
    for (key, value) in facts {
      arrays.append(NamedTensor(Session.trainingPrefix + key, HostTensor(scalar: value)))
    }
    let width = history.columns.count
    let steps = HostTensor(history.steps.flatMap { $0 }, shape: [history.steps.count, width])
    arrays.append(NamedTensor(Session.trainingPrefix + "history", steps))
    let validation = HostTensor(
      history.validation.flatMap { [Double($0.step), $0.loss] }, shape: [history.validation.count, 2])
    arrays.append(NamedTensor(Session.trainingPrefix + "validation", validation))
    return arrays
  }

  private var facts: [(key: String, value: Int64)] {
    [
      ("step", Int64(step)), ("seed", seed), ("batch", Int64(batch)), ("length", Int64(length ?? 0)),
      ("held_out", Int64(heldOutCount)), ("data", Int64(bitPattern: feed.fingerprint)),
    ]
  }

  /// Goes on where the run that wrote a checkpoint was: the same bits as if it had not ended.
  ///
  /// Throws `TrainingError` when it is no checkpoint of a run with these data and options, and `SessionError` when
  /// it does not fit the model; then nothing has changed.
  public mutating func resume(_ archive: TensorArchive, path: String) throws {
    for (key, value) in facts where key != "step" {
      let saved = try Self.fact(key, archive, path)
      guard saved == value else {
        throw TrainingError(
          key == "data"
            ? "`\(path)` was trained on other data"
            : "`\(path)` was trained with \(key.replacing("_", with: " ")) \(saved), not \(value)")
      }
    }
    let done = try Self.fact("step", archive, path)
    let steps = try Self.table("history", width: history.columns.count, archive, path)
    let validation = try Self.table("validation", width: 2, archive, path)
    guard done == Int64(steps.count) else {
      throw TrainingError("`\(path)` is damaged: \(done) steps, but losses of \(steps.count)")
    }
    guard validation.allSatisfy({ (0...Double(steps.count)).contains($0[0]) }) else {
      throw TrainingError("`\(path)` is damaged: a validation behind the last step")
    }
    try session.loadVariables(archive, path: path)
    step = steps.count
    history.steps = steps
    history.validation = validation.map { (Int($0[0]), $0[1]) }
  }

  fileprivate static func fact(_ key: String, _ archive: TensorArchive, _ path: String) throws -> Int64 {
    let value = try archive.tensor(Session.trainingPrefix + key)
    guard let value, value.dtype == .i64, value.shape.isEmpty else {
      throw TrainingError(
        "`\(path)` is no checkpoint of a training: it has no array `\(Session.trainingPrefix)\(key)`, i64[]")
    }
    return value.int64s()[0]
  }

  private static func table(
    _ key: String, width: Int, _ archive: TensorArchive, _ path: String
  ) throws -> [[Double]] {
    let value = try archive.tensor(Session.trainingPrefix + key)
    guard let value, value.dtype == .f64, value.rank == 2, value.shape[1] == width else {
      throw TrainingError(
        "`\(path)` does not fit: its array `\(Session.trainingPrefix)\(key)` is not f64[N,\(width)]")
    }
    let numbers = value.doubles()
    return (0..<value.shape[0]).map { Array(numbers[$0 * width..<($0 + 1) * width]) }
  }
}

extension Trainer.Options {
  /// Takes what is not set from a checkpoint: seed, batch, length, and how many are held out.
  ///
  /// Throws `TrainingError` when it is no checkpoint.
  public mutating func complete(from archive: TensorArchive, path: String) throws {
    if seed == nil { seed = try Trainer.fact("seed", archive, path) }
    if batch == nil { batch = Int(try Trainer.fact("batch", archive, path)) }
    let saved = try Trainer.fact("length", archive, path)
    if length == nil, saved > 0 { length = Int(saved) }
    if heldOut == nil { heldOutCount = Int(try Trainer.fact("held_out", archive, path)) }
  }
}
