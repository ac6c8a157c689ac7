import Sluice

/// The settings of a model that say how it is trained.
struct TrainingSettings {
  private let choice: String
  private let rate: LearningRate
  private let momentum: Double
  private let weightDecay: Double

  /// Asks for the settings `optimizer`, `rate`, `warmup`, `steps`, `momentum` and `weight_decay`.
  init(_ model: ModelBuilder, rate: Double, weightDecay: Double) {
    let sizes = 0...1 << 40
    choice = model.setting("optimizer", default: "adamw", oneOf: ["adamw", "sgd"], "what trains")
    let peak = model.setting("rate", default: rate, in: 0...1e6, "the highest learning rate")
    let warmup = model.setting("warmup", default: 0, in: sizes, "steps until it is reached")
    let steps = model.setting("steps", default: 0, in: sizes, "steps until it is 0, by a cosine; 0: it stays")
    momentum = model.setting("momentum", default: 0, in: 0...1, "the momentum of `sgd`")
    self.weightDecay = model.setting(
      "weight_decay", default: weightDecay, in: 0...1e6, "the pull towards 0, but for biases and gains")
    self.rate =
      steps > 0
      ? .cosine(peak: peak, warmup: warmup, steps: steps) : .warmup(to: peak, over: warmup)
  }

  /// An optimizer of modules; its states begin with its purpose, where a model has several of them.
  func optimizer(_ modules: [Any], for purpose: String? = nil) -> Optimizer {
    let name = (purpose.map { "\($0)." } ?? "") + choice
    if choice == "adamw" { return AdamW(modules, rate: rate, weightDecay: weightDecay, name: name) }
    return SGD(
      modules, rate: rate, momentum: momentum, weightDecay: weightDecay, decayed: .matrices, name: name)
  }
}
