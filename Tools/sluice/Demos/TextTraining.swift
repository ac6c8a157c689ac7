import Sluice
import SluiceCommandLine
import SluiceFormats
import SluiceIR
import SluiceModels

/// Trains a model of text in compiled C, and shows how its loss falls.
struct TextTraining {
  let module: SluiceIR.Module
  private let request: Demo.Request
  private(set) var session: Session

  /// Compiles the model, with random parameters.
  init(_ model: Model, settings: [String: String], _ request: Demo.Request) throws {
    self.request = request
    let start = ContinuousClock.now
    module = try model.trace(settings: settings)
    let threads = max(request.threads, 2)
    session = try Session(module, backend: request.backend, seed: request.seed, threads: threads)
    let tables = module.tables
    let count = module.variables.filter { $0.kind == .parameter }.reduce(Int64(0)) { sum, parameter in
      sum + tables.types.shape(parameter.type).compactMap { tables.dims.value($0) }.reduce(1, *)
    }
    request.context.message(
      "\(count) parameters; \(request.backend.rawValue), \(threads) threads: ready in "
        + Rounded.seconds(ContinuousClock.now - start))
  }

  /// Runs steps; in between the loss is measured ten times on text that is held out.
  ///
  /// `batch` gives the inputs of a step, or those of a validation where it is given none.
  mutating func train(steps: Int, batch: (_ step: Int?) -> [HostTensor]) throws {
    let start = ContinuousClock.now
    var rows = "step,seconds,training_loss,validation_loss\n"
    let held = batch(nil)
    var sum = 0.0
    var count = 0
    for step in 0...steps {
      if step % max(steps / 10, 1) == 0 || step == steps {
        let passed = (ContinuousClock.now - start) / .seconds(1)
        let loss = try session.run("loss", held)[0].asDoubles()[0]
        let mean = count == 0 ? "" : Rounded.text(sum / Double(count), 4)
        (sum, count) = (0, 0)
        rows += "\(step),\(Rounded.text(passed, 2)),\(mean),\(Rounded.text(loss, 4))\n"
        let speed = step == 0 ? "" : ", \(Rounded.text(Double(step) / max(passed, 1e-9), 1)) steps a second"
        request.context.endProgress()
        request.context.message(
          "step \(step) of \(steps): validation loss \(Rounded.text(loss, 3))\(speed)")
      }
      if step == steps { break }
      let loss = try session.run("train_step", batch(step))[0].asDoubles()[0]
      sum += loss
      count += 1
      request.context.progress("step \(step + 1) of \(steps), loss \(Rounded.text(loss, 3))")
    }
    request.context.endProgress()
    try FileIO.createDirectories(request.folder)
    try FileIO.write(rows, to: "\(request.folder)/losses.csv")
    request.context.message("\(request.folder)/losses.csv")
  }

  /// Runs a function; gives its outputs in order.
  mutating func run(_ function: String, _ inputs: [HostTensor]) throws -> [HostTensor] {
    try session.run(function, inputs)
  }
}

/// Tokens to learn from, and a tail that is held out.
struct TokenStream {
  /// The tokens of the text.
  let tokens: [Int32]
  /// How many of them are learned from.
  let trainingCount: Int
  /// The place of the next draw (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators").
  private var state: UInt64

  init(_ tokens: [Int32], seed: Int64) {
    self.tokens = tokens
    trainingCount = tokens.count - tokens.count / 20
    state = UInt64(bitPattern: seed)
  }

  /// Parts of the text for training, from random places.
  mutating func drawn(_ count: Int, length: Int) -> [ArraySlice<Int32>] {
    (0..<count).map { _ in
      let start = Int(next() % UInt64(max(trainingCount - length, 1)))
      return tokens[start..<(start + length)]
    }
  }

  /// Parts of the tail, evenly apart.
  func held(_ count: Int, length: Int) -> [ArraySlice<Int32>] {
    let room = tokens.count - trainingCount - length
    return (0..<count).map { index in
      let start = trainingCount + room * index / count
      return tokens[start..<(start + length)]
    }
  }

  /// A random number.
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// The text of a request: the file of the user, else the one that ships.
  static func text(_ request: Demo.Request) throws -> [UInt8] {
    guard let path = request.inputs.first else { return ModelData.kingJames() }
    let bytes = try FileIO.read(path)
    guard bytes.count >= 10_000 else {
      throw InputError("`\(path)` has \(bytes.count) bytes; the demo learns from 10000 or more")
    }
    return bytes
  }
}
