import Sluice
import SluiceC
import SluiceFormats
import SluiceIR
import SluiceInterpreter
import SluicePlan
import SluiceReference
import SluiceText

import enum TestSupport.Repository

/// Reads the reference data of `Tests/Data`, made by NumPy (`Tools/oracle`).
enum Oracle {
  static func read(_ name: String) throws -> HostTensor {
    try Npy.read("\(Repository.root)/Tests/Data/\(name).npy")
  }
}

/// Runs every function of a plan on the same inputs in different ways.
struct Runner {
  let plan: ModulePlan
  let states: [HostTensor]
  let parameters: [HostTensor]

  init(_ module: SluiceIR.Module) throws {
    plan = try compile(module)
    let values = try Session.initialValues(module, seed: 7)
    states = plan.states.compactMap { values[$0.name] }
    parameters = plan.parameters.compactMap { values[$0.name] }
  }

  /// Outputs and states after a call by the interpreter.
  func interpreted(_ function: String, _ inputs: [HostTensor], poison: Bool = false) throws -> [HostTensor] {
    let options = PlanInterpreter.Options(poison: poison)
    var interpreter = try PlanInterpreter(plan, parameters: parameters, states: states, options: options)
    return try interpreter.run(function, inputs: inputs) + interpreter.states
  }

  /// Outputs and states after a call by the C.
  func compiled(
    _ compiler: CCompiler, _ flags: [String], threads: Int = 1
  ) throws -> (String, [HostTensor]) throws -> [HostTensor] {
    var options = CompiledModel.Options()
    options.compiler = compiler
    options.optimisation = flags
    options.threads = threads
    let model = try CompiledModel(plan, parameters: parameters, states: states, options: options)
    return { function, inputs in
      try model.setStates(states)
      return try model.run(function, inputs: inputs) + model.states
    }
  }

  /// The compilers of this machine; `cc` where there is no other.
  static let compilers: [CCompiler] = {
    let found = ["clang", "gcc"].compactMap { try? CCompiler($0) }
    return found.isEmpty ? ["cc"].compactMap { try? CCompiler($0) } : found
  }()
}

/// Numbers that look like data: the same ones every time.
func noise(_ shape: [Int], scale: Float = 1, seed: UInt64 = 1) -> HostTensor {
  var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
  let values = (0..<shape.reduce(1, *)).map { _ -> Float in
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return (Float(state >> 40) / Float(1 << 23) - 1) * scale
  }
  return HostTensor(values, shape: shape)
}

/// The largest difference between two tensors, relative to the largest element wanted.
func distance(_ a: HostTensor, _ b: HostTensor) -> Double {
  guard a.shape == b.shape else { return .infinity }
  let (x, y) = (a.asDoubles(), b.asDoubles())
  let size = y.map(\.magnitude).max() ?? 0
  let difference = zip(x, y).map { ($0 - $1).magnitude }.max() ?? 0
  return size > 0 ? difference / size : difference
}

/// A module from text.
func parseText(_ text: String) throws -> SluiceIR.Module { try parseModule(text, file: "test.sluice") }
