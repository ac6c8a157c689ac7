import Sluice
import SluiceC
import SluiceFormats
import SluiceIR
import SluiceInterpreter
import SluicePlan
import Testing

import enum TestSupport.Repository

/// What PyTorch makes of a model in some steps of training (Tools/oracle/torch_training.py).
struct FlatTrainingReference {
  let archive: TensorArchive

  /// The file `Tests/Data/NAME.npz`.
  init(_ name: String) throws {
    archive = try TensorArchive.read("\(Repository.root)/Tests/Data/\(name).npz")
  }

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

  /// Where the parameters, and the states that training changes but no optimizer has, are in a flat array.
  private static func places(_ session: Session) -> [(name: String, shape: [Int], range: Range<Int>)] {
    let plan = session.plan
    let running = plan.states.filter { $0.name.contains(".running") }
    var start = 0
    return (plan.learnedVariables + running).sorted { $0.name < $1.name }.map { variable in
      let dims = plan.tables.types.shape(variable.type)
      let shape = dims.map { Int(plan.tables.dims.value($0) ?? 0) }
      defer { start += shape.reduce(1, *) }
      return (variable.name, shape, start..<(start + shape.reduce(1, *)))
    }
  }

  /// Gives all parameters and running statistics the values of the array `first`.
  func start(_ session: inout Session) throws {
    let numbers = try self["first"].floats()
    let places = Self.places(session)
    #expect(places.last?.range.upperBound == numbers.count)
    let tensors = places.map { NamedTensor($0.name, HostTensor(Array(numbers[$0.range]), shape: $0.shape)) }
    let parameters = tensors.filter { !$0.name.contains(".running") }
    let file = try Npz(Npz.encode(parameters, path: "first.npz"), path: "first.npz")
    try session.loadParameters(.npz(file), path: "first.npz")
    for state in tensors where state.name.contains(".running") {
      try session.setState(state.name, state.tensor)
    }
  }

  /// Expects losses and parameters to be those of a run to 1e-5: relative to each loss, and to the largest element.
  func check(_ run: String, _ losses: [Float], _ session: Session) throws {
    let wanted = try self["\(run).losses"].floats()
    #expect(losses.count == wanted.count)
    for (loss, exact) in zip(losses, wanted) { #expect(abs(loss - exact) <= 1e-5 * abs(exact), "\(run)") }
    let numbers = try self["\(run).after"].floats()
    for (name, shape, range) in Self.places(session) where session.stateNames.contains(name) {
      let wanted = HostTensor(Array(numbers[range]), shape: shape)
      #expect(try distance(session.state(name), wanted) <= 1e-5, "\(run): `\(name)`")
    }
  }
}

/// Expects the interpreter and the C to give the same bytes in a series of calls that keep their states.
func expectSameBytes(
  _ module: SluiceIR.Module, _ calls: [(function: String, inputs: [HostTensor])], flags: [String]
) throws {
  let plan = try compile(module)
  let values = try Session.initialValues(module, seed: 7)
  let parameters = plan.parameters.compactMap { values[$0.name] }
  let states = plan.states.compactMap { values[$0.name] }
  var interpreter = try PlanInterpreter(plan, parameters: parameters, states: states)
  var options = CompiledModel.Options()
  options.optimisation = flags
  options.threads = 2
  let compiled = try CompiledModel(plan, parameters: parameters, states: states, options: options)
  for (function, inputs) in calls {
    let (seen, wanted) = try (
      compiled.run(function, inputs: inputs), interpreter.run(function, inputs: inputs)
    )
    #expect(seen == wanted, "`@\(function)`")
  }
  for (i, state) in plan.states.enumerated() {
    #expect(compiled.states[i] == interpreter.states[i], "`\(state.name)`")
  }
}
