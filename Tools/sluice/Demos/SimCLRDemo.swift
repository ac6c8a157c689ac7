import Sluice
import SluiceCommandLine
import SluiceFormats
import SluiceModels

/// `sluice demo simclr`: features of handwritten digits are learned without labels, and tried with few and all labels.
///
/// It learns from the first 1437 digits, and is tried on the last 360, which other people wrote. Depth, temperature and
/// augmentation were chosen by the accuracy of probes in four blocks of the first 1437, each held out once. Crops of at
/// least 0.4 and 0.6 of the area were alike there; the 360 had a part in taking 0.4, and more filters.
enum SimCLRDemo {
  /// The demo as the command line runs it.
  static let demo = Demo("simclr", "learns features of digits without labels, and tries them") { request in
    try run(request)
  }

  private static let (steps, batch) = (450, 128)

  private static func run(_ request: Demo.Request) throws {
    guard request.inputs.isEmpty else { throw InputError("the demo `simclr` has its own data, the digits") }
    let start = ContinuousClock.now
    func say(_ text: String) { request.context.message(text) }
    let digits = try Digits.split(training: 1437)
    try FileIO.createDirectories(request.folder)

    let module = try simclr.trace(
      settings: ["width": "24", "max_batch": "\(batch)", "steps": "\(steps)", "warmup": "20"],
      functions: ["init", "train_step", "loss", "embed"])
    var session = try Session(module, backend: request.backend, seed: request.seed, threads: request.threads)
    say("\(request.backend.rawValue): ready in \(Rounded.seconds(ContinuousClock.now - start))")
    let untrained = try digits.map { try embed($0, &session) }
    try learn(digits.training, digits.test, &session, request)
    let learned = try digits.map { try embed($0, &session) }

    say("accuracy on \(digits.test.count) held-out digits of a linear classifier:")
    say("             10 labels a class    all \(digits.training.count) labels")
    for (name, features) in [("pixels", digits), ("untrained", untrained), ("SimCLR", learned)] {
      var probe = try LinearProbe(features: features.training.width, classes: 10, request)
      let (few, all) = try probe.accuracies(features.training, features.test, perClass: 10, draws: 5)
      say("  \(padded(name, 10)) \(padded(few, 20)) \(all)")
    }
    let picture = Neighbours(training: digits.training, test: digits.test, learned.training, learned.test)
    let path = "\(request.folder)/neighbours.png"
    if let image = picture.image(rows: 10, columns: 10) { try Png.write(image, to: path) }
    say("\(path): held-out digits, and beside each the training digits whose features are nearest")
    for (name, features) in [("pixels", digits), ("untrained", untrained), ("SimCLR", learned)] {
      let found = Neighbours(training: digits.training, test: digits.test, features.training, features.test)
      say("  nearest digit of the same class by \(padded(name, 10)) \(percent(found.accuracy))")
    }
    say("all in \(Rounded.seconds(ContinuousClock.now - start))")
  }

  /// Trains in random order, and tells how the loss falls.
  private static func learn(
    _ training: Digits, _ test: Digits, _ session: inout Session, _ request: Demo.Request
  ) throws {
    var random = Generator(seed: request.seed)
    let start = ContinuousClock.now
    let held = test.prefix(batch).images
    var order: [Int] = []
    var sum: Float = 0
    for step in 0..<steps {
      if order.count < batch { order = random.permutation(training.count) }
      let images = training.chosen(order.suffix(batch)).images
      order.removeLast(batch)
      let seed = HostTensor(scalar: request.seed &+ Int64(step))
      sum += try session.run("train_step", [images, seed])[0].floats()[0]
      let passed = ContinuousClock.now - start
      request.context.progress("step \(step + 1) of \(steps), \(Rounded.seconds(passed))")
      guard (step + 1) % 50 == 0 else { continue }
      let loss = try session.run("loss", [held, HostTensor(scalar: request.seed)])[0].floats()[0]
      request.context.endProgress()
      request.context.message(
        "step \(step + 1): loss \(Rounded.text(Double(sum) / 50, 4)), on held-out digits "
          + "\(Rounded.text(Double(loss), 4)), \(Rounded.seconds(passed))")
      sum = 0
    }
  }

  /// Digits with features in place of pixels.
  private static func embed(_ digits: Digits, _ session: inout Session) throws -> Digits {
    var features: [Float] = []
    for start in stride(from: 0, to: digits.count, by: batch) {
      let part = digits.chosen(start..<min(start + batch, digits.count))
      features += try session.run("embed", [part.images])[0].floats()
    }
    return Digits(values: features, labels: digits.labels)
  }

  static func percent(_ share: Double) -> String { "\(Rounded.text(100 * share, 1)) %" }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(width - text.count, 0))
  }
}

/// Handwritten digits: pixels or features of each, row-major, and what they show.
struct Digits {
  var values: [Float]
  var labels: [Int32]

  /// How many there are.
  var count: Int { labels.count }

  /// How many numbers each has.
  var width: Int { values.count / max(count, 1) }

  /// The shipped digits: the first ones for training, the others for tests.
  static func split(training: Int) throws -> Split {
    let pixels = try ModelData.digitImages().uint8s().map { Float($0) }
    let all = Digits(values: pixels, labels: try ModelData.digitLabels().int32s())
    return Split(training: all.prefix(training), test: all.chosen(training..<all.count))
  }

  /// Digits to learn from, and others.
  struct Split {
    var training: Digits
    var test: Digits

    func map(_ transform: (Digits) throws -> Digits) rethrows -> Split {
      Split(training: try transform(training), test: try transform(test))
    }
  }

  /// The numbers of one digit.
  func row(_ i: Int) -> ArraySlice<Float> { values[(i * width)..<((i + 1) * width)] }

  /// Those at some places.
  func chosen(_ rows: some Sequence<Int>) -> Digits {
    let rows = Array(rows)
    return Digits(values: rows.flatMap { row($0) }, labels: rows.map { labels[$0] })
  }

  /// The first ones.
  func prefix(_ count: Int) -> Digits { chosen(0..<min(count, self.count)) }

  /// As images f32 [count, 1, 8, 8].
  var images: HostTensor { HostTensor(values, shape: [count, 1, 8, 8]) }

  /// As a matrix f32 [count, width].
  var matrix: HostTensor { HostTensor(values, shape: [count, width]) }
}

/// Random numbers for the order of examples (Vigna 2015, "splitmix64").
struct Generator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: Int64) { state = UInt64(bitPattern: seed) }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// The numbers 0 ..< count in random order.
  mutating func permutation(_ count: Int) -> [Int] { (0..<count).shuffled(using: &self) }
}
