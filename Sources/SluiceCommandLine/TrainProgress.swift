import Sluice

/// What `train` shows while it runs, on standard error: a line that is overwritten on a terminal, else lines now and
/// then.
struct TrainProgress {
  let context: Context
  let total: Int
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  private let firstStep: Int
  private var lastShown: ContinuousClock.Instant
  private var lastStep = -1

  init(_ context: Context, total: Int, from step: Int) {
    self.context = context
    self.total = total
    firstStep = step
    start = clock.now
    lastShown = start
  }

  /// The seconds since the beginning.
  var seconds: Double { Self.seconds(clock.now - start) }

  /// Steps a second so far.
  func speed(_ step: Int) -> Double {
    let seconds = seconds
    return seconds > 0 ? Double(step - firstStep) / seconds : 0
  }

  /// Shows a step; lines come at most every 5 seconds, on a terminal ten times a second.
  mutating func show(_ step: Int, _ history: TrainingHistory) {
    let now = clock.now
    let wait = Terminal.isInteractive ? 0.1 : 5.0
    guard lastStep < 0 || Self.seconds(now - lastShown) >= wait else { return }
    (lastStep, lastShown) = (step, now)
    let line = line(step, history)
    if Terminal.isInteractive { context.progress(line) } else { context.message(line) }
  }

  /// A line that stays, unless it stands there already.
  func keep(_ step: Int, _ history: TrainingHistory) {
    context.endProgress()
    if Terminal.isInteractive || lastStep != step { context.message(line(step, history)) }
  }

  private func line(_ step: Int, _ history: TrainingHistory) -> String {
    var text = "step \(step)/\(total)"
    for (name, value) in zip(history.columns, history.steps.last ?? []) {
      text += "  \(name) \(Self.short(value))"
    }
    if let last = history.validation.last { text += "  validation \(Self.short(last.loss))" }
    let speed = speed(step)
    if speed > 0 {
      text += "  \(Self.short(speed)) steps/s"
      if step < total { text += "  \(Self.time(Double(total - step) / speed)) left" }
    }
    return text
  }

  private static func seconds(_ duration: Duration) -> Double {
    Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
  }

  /// A number with four digits.
  static func short(_ value: Double) -> String {
    guard value.isFinite, value != 0, (1e-4..<1e7).contains(value.magnitude) else {
      return value == 0 ? "0" : "\(Float(value))"
    }
    var digits = 1.0
    while value.magnitude * digits < 1000 { digits *= 10 }
    let rounded = (value * digits).rounded() / digits
    return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
  }

  /// Seconds as `1:02:03` or `2:03`.
  private static func time(_ seconds: Double) -> String {
    let whole = Int(min(seconds.rounded(.up), 1e9))
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let (hours, minutes) = (whole / 3600, whole / 60 % 60)
    return hours > 0 ? "\(hours):\(two(minutes)):\(two(whole % 60))" : "\(minutes):\(two(whole % 60))"
  }
}
