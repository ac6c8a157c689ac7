import SluiceFormats
import SluicePlan

/// What of the data is trained on, and what is held out.
struct TrainingSplit {
  /// The examples that are trained on; empty for a sequence, of which the first `trainingCount` elements are.
  let kept: [Int]
  /// How many examples, or elements of a sequence, are trained on.
  let trainingCount: Int
  /// How many are held out.
  let heldOutCount: Int
  /// What `@loss` takes; nil where there is no validation.
  let validation: TrainingFeed?
  /// The places of a validation, batch by batch.
  let batches: [[Int]]

  /// Divides the data, or takes `validation` as what is held out.
  ///
  /// Held out are the end of a sequence, random examples otherwise: the same ones for every seed.
  init(
    _ feed: TrainingFeed, _ batch: Int, _ loss: ExecutionPlan?, _ plan: ModulePlan,
    data: [String: HostTensor], validation: [String: HostTensor], _ options: Trainer.Options
  ) throws {
    var held: [Int] = []
    var evaluation: TrainingFeed?
    if let loss, !validation.isEmpty || options.heldOut != 0 {
      let isOwn = !validation.isEmpty
      let lossFeed = try TrainingFeed(
        loss, plan.tables, data: isOwn ? validation : data, fixed: options.fixed, length: options.length)
      if isOwn {
        (evaluation, held) = (lossFeed, Array(0..<lossFeed.count))
      } else {
        held = try Self.heldOut(feed, batch, lossFeed, options)
        evaluation = held.isEmpty ? nil : lossFeed
      }
    } else if loss == nil, !validation.isEmpty || (options.heldOut ?? 0) > 0 {
      throw TrainingError("`\(plan.module.name)` has no function `@loss`, which validation calls")
    }
    self.validation = evaluation
    heldOutCount = held.count
    let excluded = Set(validation.isEmpty ? held : [])
    kept = feed.window == nil ? (0..<feed.count).filter { !excluded.contains($0) } : []
    let trainingCount = feed.count - excluded.count
    self.trainingCount = trainingCount
    guard trainingCount >= (feed.window ?? batch) else {
      throw TrainingError(
        feed.window.map { "the sequence of \(trainingCount) is shorter than a window of \($0)" }
          ?? "there are \(trainingCount) examples, fewer than a batch of \(batch)")
    }
    guard let evaluation else {
      batches = []
      return
    }
    var places = held
    if let size = evaluation.window, let first = held.first, let last = held.last {
      places = Array(stride(from: first, through: last + 1 - size, by: size))
    }
    // A rest only where the function takes batches of any size.
    let (limit, isFixed) = evaluation.batch
    let size = isFixed ? limit : min(batch, limit)
    guard size >= 1 else { throw TrainingError("`@loss` takes no examples: its batch is at most \(limit)") }
    var result: [[Int]] = []
    for start in stride(from: 0, to: places.count, by: size) where result.count < options.validationBatches {
      let part = Array(places[start..<min(start + size, places.count)])
      if part.count == size || !isFixed { result.append(part) }
    }
    guard !result.isEmpty else {
      throw TrainingError("the data for validation are fewer than a batch of `@loss`, which is \(size)")
    }
    batches = result
  }

  /// The examples, or elements of a sequence, that are held out; none where 10 % would not be enough for a batch.
  private static func heldOut(
    _ feed: TrainingFeed, _ batch: Int, _ loss: TrainingFeed, _ options: Trainer.Options
  ) throws -> [Int] {
    let wanted = options.heldOutCount ?? Int(Double(feed.count) * (options.heldOut ?? 10) / 100)
    guard wanted > 0 else { return [] }
    let (needed, overflow) = (loss.batch.isFixed ? loss.batch.limit : 1)
      .multipliedReportingOverflow(by: loss.window ?? 1)
    guard !overflow, wanted >= needed, feed.count - wanted >= (feed.window ?? batch) else {
      if options.heldOut == nil { return [] }
      throw TrainingError(
        "\(wanted) of \(feed.count) for validation: `@loss` needs \(needed), "
          + "`@train_step` \(feed.window ?? batch) of the rest")
    }
    if feed.window != nil { return Array(feed.count - wanted..<feed.count) }
    var order = try TrainingOrder(seed: 0, count: feed.count, batch: 1, backend: .interpreter)
    return try order.shuffled(epoch: 0).prefix(wanted).sorted()
  }
}
