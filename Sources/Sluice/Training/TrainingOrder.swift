import SluiceFormats
import SluiceIR

/// The random choices of a training run: which examples come when, and the seed of every step.
///
/// They are functions of the run's seed and of the epoch or step alone, computed by a model of their own with the
/// random numbers of the language; so a run that is resumed makes the same choices.
struct TrainingOrder {
  private var session: Session
  private let seed: HostTensor

  /// The choices of a run with `seed` among `count` examples, or places where a window may begin, `batch` a step.
  init(seed: Int64, count: Int, batch: Int, backend: Backend) throws {
    self.seed = HostTensor(scalar: seed)
    let model = Model("order", "The random choices of a training run.") { model in
      // Streams that @init(seed) does not draw from.
      func derived(_ seed: Tensor, _ stream: Int) -> Tensor {
        let words = randomBits([2], seed: seed, stream: stream).cast(.i64)
        return words[0] * 4_294_967_296 + words[1]
      }
      model.function("shuffle", "The examples in the order of an epoch.") { f in
        let (seed, epoch) = (f.input("seed", .i64, []), f.input("epoch", .i64, []))
        f.output("order", permutation(Dim(count), seed: derived(seed, -1), stream: epoch))
      }
      model.function("places", "Random words for the places of a step's windows.") { f in
        let (seed, step) = (f.input("seed", .i64, []), f.input("step", .i64, []))
        f.output("words", randomBits([Dim(batch), 2], seed: derived(seed, -2), stream: step))
      }
      model.function("step_seed", "The seed of a step.") { f in
        let (seed, step) = (f.input("seed", .i64, []), f.input("step", .i64, []))
        f.output("seed", derived(derived(seed, -3) + step, -4))
      }
    }
    session = try Session(model, backend: backend)
  }

  /// The numbers 0 ..< count in the order of an epoch.
  mutating func shuffled(epoch: Int) throws -> [Int] {
    try run("shuffle", epoch).int32s().map { Int($0) }
  }

  /// A place in 0 ..< count for every window of a step, each equally likely but for 1 in 2^40 and less.
  mutating func places(step: Int, among count: Int) throws -> [Int] {
    let words = try run("places", step).int32s().map { UInt64(UInt32(bitPattern: $0)) }
    return stride(from: 0, to: words.count, by: 2).map { at in
      Int((words[at] << 32 | words[at + 1]).multipliedFullWidth(by: UInt64(count)).high)
    }
  }

  /// The seed of a step: i64[].
  mutating func seed(step: Int) throws -> HostTensor { try run("step_seed", step) }

  private mutating func run(_ function: String, _ number: Int) throws -> HostTensor {
    try session.run(function, [seed, HostTensor(scalar: Int64(number))])[0]
  }
}
