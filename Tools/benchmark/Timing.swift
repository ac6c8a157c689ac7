// Times calls of a compiled function.

import SluiceC
import SluiceFormats
import SluiceIR
import SluicePlan

/// A function with its arguments, ready to be timed.
final class Timing {
  private let model: CompiledModel
  private let call: CompiledModel.PreparedCall
  private let states: [(position: Int, value: HostTensor)]
  /// How many calls make a sample: so many that the clock does not count.
  private(set) var batch = 1

  /// A prepared call; `states` are set before each.
  init(_ model: CompiledModel, _ call: CompiledModel.PreparedCall, states: [String: Int32]) throws {
    (self.model, self.call) = (model, call)
    self.states = try states.map { name, value in
      guard let position = model.plan.states.firstIndex(where: { $0.name == name }) else {
        throw BenchmarkError(description: "`\(model.plan.module.name)` has no state `\(name)`")
      }
      return (position, HostTensor(scalar: value))
    }
  }

  /// Shares the work among so many threads, and calls until memory is warm and it is known how long a call takes.
  func begin(threads: Int) throws {
    try model.setThreads(threads)
    batch = 1
    var spent = 0.0
    // At least one call; short ones for a tenth of a second, which also wakes the clock of the processor.
    repeat {
      let sample = try sample()
      spent += sample * Double(batch)
      if states.isEmpty { batch = Swift.max(Int(5e-5 / Swift.max(sample, 1e-9)), 1) }
    } while spent < 0.1
  }

  /// The seconds of calls: one number a sample, at least `least` of them, for at least so many seconds.
  func run(seconds: Double, least: Int) throws -> [Double] {
    var (samples, spent) = ([Double](), 0.0)
    while samples.count < least || spent < seconds {
      samples.append(try sample())
      spent += samples[samples.count - 1] * Double(batch)
    }
    return samples
  }

  private func sample() throws -> Double {
    for state in states { try model.setState(at: state.position, state.value) }
    let clock = ContinuousClock()
    let start = clock.now
    for _ in 0..<batch { try call.run() }
    return (clock.now - start).seconds / Double(batch)
  }
}

extension [Double] {
  /// The middle one in order; 0 for none.
  var median: Double {
    guard !isEmpty else { return 0 }
    let ordered = sorted()
    return (ordered[(count - 1) / 2] + ordered[count / 2]) / 2
  }
}
