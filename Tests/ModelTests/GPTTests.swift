import Sluice
import SluiceFormats
import SluiceModels
import SluicePasses
import Testing

/// `gpt` against PyTorch (Tools/oracle/gpt_reference.py), and its functions against each other.
struct GPTTests {
  private static let settings = [
    "vocabulary": "17", "width": "12", "layers": "2", "heads": "2", "context": "8", "max_batch": "3",
    "rate": "0.01", "warmup": "2", "steps": "6",
  ]

  private let reference = TrainingReference("gpt")

  /// The model with these functions alone: those that write the states that are given values are among them.
  private func session(
    _ functions: Set<String>, _ settings: [String: String] = [:], _ backend: Backend = .interpreter
  ) throws -> Session {
    let module = try gpt.trace(settings: Self.settings.merging(settings) { $1 })
    var session = try Session(keepFunctions(module, functions), backend: backend, seed: 3)
    try reference.load(into: &session)
    return session
  }

  @Test(arguments: ["sgd", "adamw"])
  func trainsAsPyTorch(_ optimizer: String) throws {
    var session = try session(["train_step"], ["optimizer": optimizer])
    let batches = try reference.tensor("batches")
    let losses = try (0..<5).map { step in
      try session.run("train_step", [part(batches, step)])[0].floats()[0]
    }
    try reference.expect(losses, optimizer)
    // A bias of keys adds the same to all scores of a query, which softmax takes away: its gradient is 0 but for
    // rounding, and Adam's steps have the size of the rate whatever the gradient.
    try reference.expect(session, optimizer) { optimizer == "adamw" && $0.hasSuffix(".key.bias") }
  }

  /// In C too: `backendsGiveTheSameBits` compares its logits with the interpreter's.
  @Test(arguments: [Backend.interpreter, .reference])
  func givesTheLogitsOfPyTorch(_ backend: Backend) throws {
    var session = try session(["train_step", "logits"], [:], backend)
    let tokens = try columns(part(reference.tensor("batches"), 0), 0..<8)
    let logits = try session.run("logits", [tokens])[0]
    #expect(try distance(logits, reference.tensor("logits")) < 1e-5)
  }

  /// One token at a time gives what all at once give.
  @Test func decodesFromTheCache() throws {
    var session = try session(["logits", "decode", "restart"], ["streams": "3"])
    let tokens = try columns(part(reference.tensor("batches"), 1), 0..<8)
    let logits = try session.run("logits", [tokens])[0].floats()
    for round in 0..<2 {
      for place in 0..<8 {
        let token = HostTensor(columns(tokens, place..<(place + 1)).int32s(), shape: [3])
        let seen = try session.run("decode", [token])[0].floats()
        for row in 0..<3 {
          for (a, b) in zip(seen[(row * 17)..<(row * 17 + 17)], logits[((row * 8 + place) * 17)...]) {
            #expect(abs(a - b) <= 1e-5, "round \(round), place \(place)")
          }
        }
      }
      _ = try session.run("restart", [])
    }
  }

  /// Draws for many streams at once: rows of equal logits, and so draws of one distribution.
  @Test func samplesWhatIsLikely() throws {
    let streams = 100
    var session = try session(["decode", "restart", "sample"], ["streams": "\(streams)", "layers": "1"])
    let token = HostTensor([Int32](repeating: 5, count: streams), shape: [streams])
    let logits = Array(try session.run("decode", [token])[0].floats().prefix(17))
    func draw(_ temperature: Float, _ topK: Int32, _ topP: Float, _ seed: Int64) throws -> [Int] {
      _ = try session.run("restart", [])
      let inputs = [
        token, HostTensor(scalar: temperature), HostTensor(scalar: topK), HostTensor(scalar: topP),
        HostTensor(scalar: seed),
      ]
      return try session.run("sample", inputs)[0].int32s().map { Int($0) }
    }
    let order = logits.indices.sorted { (logits[$0], $1) > (logits[$1], $0) }
    let best = [Int](repeating: order[0], count: streams)
    #expect(try draw(1, 1, 1, 1) == best)
    #expect(try draw(1, 17, 0, 2) == best)
    #expect(try draw(0, 17, 1, 3) == best)
    #expect(try draw(2, 17, 1, 5) == draw(2, 17, 1, 5))
    #expect(try draw(2, 17, 1, 5) != draw(2, 17, 1, 6))

    // Frequencies of many draws are the probabilities of what is left.
    for (temperature, topK, topP) in [(Float(1), 17, Float(1)), (0.5, 17, 1), (1, 3, 1), (1, 17, 0.5)] {
      var counts = [Float](repeating: 0, count: 17)
      let count = Float(3 * streams)
      for seed in 0..<3 {
        for token in try draw(temperature, Int32(topK), topP, Int64(seed)) { counts[token] += 1 }
      }
      let wanted = probabilities(logits, order, temperature, topK, topP)
      for token in 0..<17 {
        let deviation = (wanted[token] * (1 - wanted[token]) / count).squareRoot()
        #expect(
          abs(counts[token] / count - wanted[token]) <= 4.5 * deviation,
          "temperature \(temperature), top k \(topK), top p \(topP): \(token)")
      }
    }
  }

  private func probabilities(
    _ logits: [Float], _ order: [Int], _ temperature: Float, _ topK: Int, _ topP: Float
  ) -> [Float] {
    var weights = [Float](repeating: 0, count: logits.count)
    for token in order.prefix(topK) {
      weights[token] = exponential((logits[token] - logits[order[0]]) / temperature)
    }
    let whole = weights.reduce(0, +)
    var sum: Float = 0
    for token in order {
      if sum >= topP * whole { weights[token] = 0 }
      sum += weights[token]
    }
    let rest = weights.reduce(0, +)
    return weights.map { $0 / rest }
  }

  @Test func backendsGiveTheSameBits() throws {
    let batches = try reference.tensor("batches")
    var states: [[HostTensor]] = []
    for backend in [Backend.interpreter, .c] {
      var session = try session(["train_step", "logits", "sample"], [:], backend)
      let logits = try session.run("logits", [columns(part(batches, 0), 0..<8)])
      for step in 0..<5 { _ = try session.run("train_step", [part(batches, step)]) }
      let one = HostTensor(scalar: 1 as Float)
      var token = HostTensor([3] as [Int32], shape: [1])
      for _ in 0..<6 {
        let seed = HostTensor(scalar: 8 as Int64)
        token = try session.run("sample", [token, one, HostTensor(scalar: 9 as Int32), one, seed])[0]
      }
      states.append(try session.stateNames.map { try session.state($0) } + logits + [token])
    }
    #expect(states[0] == states[1])
  }
}
