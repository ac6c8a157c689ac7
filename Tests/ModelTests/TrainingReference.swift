import Sluice
import SluiceC
import SluiceFormats
import SluicePlan
import Testing

/// What PyTorch makes of a model in some steps of training (Tools/oracle/torch_training.py).
struct TrainingReference {
  let archive: TensorArchive

  /// The file `Tests/Data/NAME.npz`.
  init(_ name: String) throws { archive = try TensorArchive.read("\(Oracle.root)/Tests/Data/\(name).npz") }

  subscript(name: String) -> HostTensor {
    get throws { try #require(try archive.tensor(name), "`\(name)`") }
  }

  /// One of the slices of an array along its first axis.
  func part(_ name: String, _ index: Int...) throws -> HostTensor {
    var tensor = try self[name]
    for i in index {
      let size = tensor.bytes.count / tensor.shape[0]
      tensor = try HostTensor(
        dtype: tensor.dtype, shape: Array(tensor.shape.dropFirst()),
        bytes: Array(tensor.bytes[(i * size)..<((i + 1) * size)]))
    }
    return tensor
  }

  /// The parameters, and the states that training changes but no optimizer has, in order of their names.
  static func names(_ session: Session) -> [String] {
    let running = session.stateNames.filter { $0.contains(".running") }
    return Set(session.plan.learnedVariables.map(\.name) + running).sorted()
  }

  /// Gives all parameters the values of the array `first`.
  func start(_ session: inout Session) throws {
    let numbers = try self["first"].floats()
    var start = 0
    for name in Self.names(session) {
      let shape = try session.state(name).shape
      let count = shape.reduce(1, *)
      try session.setState(name, HostTensor(Array(numbers[start..<(start + count)]), shape: shape))
      start += count
    }
    #expect(start == numbers.count)
  }

  /// Expects losses and parameters to be those of a run to 1e-5: relative to each loss, and to the largest element.
  func check(_ run: String, _ losses: [Float], _ session: Session) throws {
    let wanted = try self["\(run).losses"].floats()
    #expect(losses.count == wanted.count)
    for (loss, exact) in zip(losses, wanted) { #expect(abs(loss - exact) <= 1e-5 * abs(exact), "\(run)") }
    let numbers = try self["\(run).after"].floats()
    var start = 0
    for name in Self.names(session) {
      let value = try session.state(name)
      let count = value.shape.reduce(1, *)
      let exact = HostTensor(Array(numbers[start..<(start + count)]), shape: value.shape)
      #expect(distance(value, exact) <= 1e-5, "\(run): `\(name)`")
      start += count
    }
    #expect(start == numbers.count)
  }
}

/// Expects the interpreter and the C to give the same bytes in a series of calls that keep their states.
func expectSameBytes(
  _ session: Session, _ calls: [(function: String, inputs: [HostTensor])], flags: [String] = ["-O1"]
) throws {
  var session = session
  let plan = session.plan
  let states = try plan.states.map { try session.state($0.name) }
  var options = CompiledModel.Options()
  options.optimisation = flags
  options.threads = 2
  let compiled = try CompiledModel(plan, parameters: [], states: states, options: options)
  for (function, inputs) in calls {
    let (seen, wanted) = (try compiled.run(function, inputs: inputs), try session.run(function, inputs))
    #expect(seen == wanted, "`@\(function)`")
  }
  for (state, seen) in zip(plan.states, compiled.states) {
    #expect(try seen == session.state(state.name), "`\(state.name)`")
  }
}
