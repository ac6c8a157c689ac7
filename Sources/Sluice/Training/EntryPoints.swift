import SluiceIR

/// The functions of a model that training calls, found by their names.
struct EntryPoints {
  /// `@init(seed: i64[])`, where there is one.
  let initializer: GraphID?
  /// `@train_step(batch...) -> loss...`.
  let step: GraphID
  /// `@loss(batch...) -> loss`, where there is one.
  let loss: GraphID?
  /// Whether `@init` writes every parameter and state.
  let initializesAll: Bool

  /// Finds the functions; throws `TrainingError` where one is missing or is not what its name promises.
  init(_ module: SluiceIR.Module) throws {
    let names = module.functions.map { module.tables.strings[module[$0].name] }
    guard let step = module.function("train_step") else {
      throw TrainingError(
        "`\(module.name)` has no function `@train_step`, which makes one step of training; it has "
          + Session.list(names))
    }
    self.step = step
    guard !module[step].writes.isEmpty else {
      throw TrainingError("`@train_step` writes no parameter and no state, so nothing is trained")
    }
    try Self.checkLoss(step, module)
    loss = module.function("loss")
    if let loss { try Self.checkLoss(loss, module) }
    initializer = module.function("init")
    guard let initializer else {
      initializesAll = false
      return
    }
    let graph = module[initializer]
    guard module.hasSeedAlone(initializer), graph.results.isEmpty else {
      throw TrainingError("`@init` takes one input, the seed, i64[], and gives nothing")
    }
    initializesAll = module.isInitialized(by: initializer)
  }

  private static func checkLoss(_ function: GraphID, _ module: SluiceIR.Module) throws {
    let graph = module[function]
    let name = module.tables.strings[graph.name]
    guard let first = graph.results.first else {
      throw TrainingError("`@\(name)` gives nothing; its first output is the loss")
    }
    let type = graph.types[first.index]
    guard module.tables.types.rank(type) == 0, module.tables.types.dtype(type).isFloat else {
      throw TrainingError(
        "the first output of `@\(name)` is the loss, a float scalar; got \(module.tables.text(type))")
    }
  }
}

/// Why a model cannot be trained as asked: its functions, the data, or a checkpoint do not fit.
public struct TrainingError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was seen, and the way out.
  public var description: String

  init(_ description: String) { self.description = description }
}

extension SluiceIR.Module {
  /// Whether a function has one input, a seed: i64[].
  func hasSeedAlone(_ function: GraphID) -> Bool {
    let graph = self[function]
    return graph.inputCount == 1 && tables.types.rank(graph.types[0]) == 0
      && tables.types.dtype(graph.types[0]) == .i64
  }

  /// Whether a function writes every parameter and state.
  func isInitialized(by function: GraphID) -> Bool {
    Set(variables.map(\.name)).isSubset(of: self[function].writes.map(\.state))
  }
}
