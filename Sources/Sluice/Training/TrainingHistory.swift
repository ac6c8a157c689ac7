/// What a training run has given so far.
public struct TrainingHistory: Sendable, Equatable {
  /// The names of the float scalars that `@train_step` gives; the loss is first.
  public internal(set) var columns: [String]
  /// Per step the values of the columns.
  public internal(set) var steps: [[Double]] = []
  /// The loss on the held-out part after so many steps.
  public internal(set) var validation: [(step: Int, loss: Double)] = []

  init(columns: [String]) { self.columns = columns }

  /// Equal bits.
  public static func == (a: TrainingHistory, b: TrainingHistory) -> Bool {
    a.columns == b.columns
      && a.steps.map { $0.map(\.bitPattern) } == b.steps.map { $0.map(\.bitPattern) }
      && a.validation.map(\.step) == b.validation.map(\.step)
      && a.validation.map(\.loss.bitPattern) == b.validation.map(\.loss.bitPattern)
  }
}
