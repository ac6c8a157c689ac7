import Sluice
import SluiceCommandLine
import SluiceFormats
import SluiceIR
import SluiceModels

/// Learns the unmixing matrix with the model `ica`, compiled.
///
/// The rate falls geometrically, over at least 1.25 million examples in all: with a rate of 0.1 at first and 0.0008 at
/// last, the distance to the true unmixing ends at the statistical optimum for mixtures of 2 to 8 super-Gaussian
/// sources (measured; the rate has a margin of about 5 to either side).
struct Learner {
  /// What learning gave.
  struct Result {
    /// W V: from mixtures to sources.
    var unmixing: Matrix
    /// Times and rates, as text.
    var text: String
  }

  private let request: Demo.Request
  private let samples: ICAData.Samples
  private let batch: Int
  /// The model as a graph.
  let module: SluiceIR.Module
  private var session: Session

  init(_ samples: ICAData.Samples, pictures count: Int, _ request: Demo.Request) throws {
    self.request = request
    self.samples = samples
    batch = min(64, max(1, samples.count / 50))
    let settings = [
      "sources": "\(samples.dimension)", "max_samples": "\(max(samples.count, count))",
      "max_batches": "\(samples.count / batch)", "max_batch": "\(batch)",
    ]
    let start = ContinuousClock.now
    module = try ica.trace(settings: settings)
    session = try Session(module, backend: request.backend, seed: request.seed, threads: request.threads)
    request.context.message(
      "\(request.backend.rawValue): ready in \(Rounded.seconds(ContinuousClock.now - start))")
  }

  /// Whitens, then follows the rule of Bell and Sejnowski over the examples in random order.
  mutating func learn() throws -> Result {
    let start = ContinuousClock.now
    let white = try run("whiten", ["x": samples.tensor], "white")
    let count = samples.count / batch * batch
    let used = try HostTensor(
      dtype: .f32, shape: [count / batch, batch, samples.dimension],
      bytes: Array(white.bytes.prefix(count * samples.dimension * 4)))
    let rounds = max(1, (250_000 + count - 1) / count)
    let epochs = 5 * rounds
    for epoch in 0..<epochs {
      let rate = Self.rate(epoch, rounds)
      _ = try run(
        "epoch",
        [
          "x": used, "rate": HostTensor(scalar: rate),
          "seed": HostTensor(scalar: request.seed &+ Int64(epoch)),
        ], "w")
      let passed = ContinuousClock.now - start
      request.context.progress(
        "epoch \(epoch + 1) of \(epochs), rate \(Rounded.text(Double(rate), 5)), \(Rounded.seconds(passed))")
    }
    request.context.endProgress()
    let passed = ContinuousClock.now - start
    let likelihood = try run("log_likelihood", ["x": white], "value").asDoubles()[0] / Double(samples.count)
    let perSecond = Double(count * epochs) / (passed / .seconds(1))
    return Result(
      unmixing: try matrix("w").times(matrix("whitening")),
      text: "\(epochs) epochs of \(count) examples in \(Rounded.seconds(passed)) "
        + "(\(Rounded.text(perSecond / 1e6, 2)) million examples a second), "
        + "log likelihood \(Rounded.text(likelihood, 4)) an example")
  }

  /// `0.1 * 0.3^(epoch / rounds)`.
  private static func rate(_ epoch: Int, _ rounds: Int) -> Float {
    var rate = 0.1
    for _ in 0..<(epoch / rounds) { rate *= 0.3 }
    // The 0.3^(1/rounds) of a single epoch by bisection: no libm needed for a rate.
    var (low, high) = (0.3, 1.0)
    for _ in 0..<60 {
      let middle = (low + high) / 2
      var power = 1.0
      for _ in 0..<rounds { power *= middle }
      if power < 0.3 { low = middle } else { high = middle }
    }
    for _ in 0..<(epoch % rounds) { rate *= high }
    return Float(rate)
  }

  /// The sources behind mixtures.
  mutating func unmix(_ mixtures: ICAData.Samples) throws -> ICAData.Samples {
    let sources = try run("unmix", ["x": mixtures.tensor], "sources")
    return ICAData.Samples(count: mixtures.count, dimension: mixtures.dimension, values: sources.floats())
  }

  private mutating func run(_ function: String, _ inputs: [String: HostTensor], _ output: String) throws
    -> HostTensor
  {
    let outputs = try session.run(function, inputs)
    guard let found = outputs.first(where: { $0.name == output }) else {
      throw InputError("`@\(function)` gave no `\(output)`")
    }
    return found.tensor
  }

  private func matrix(_ state: String) throws -> Matrix {
    let tensor = try session.state(state)
    return Matrix(rowCount: tensor.shape[0], columnCount: tensor.shape[1], tensor.asDoubles())
  }
}
