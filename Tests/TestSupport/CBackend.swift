/// Generated C, compiled and loaded, as one of the ways to run a module.

import SluiceC
package import SluiceFormats
import SluiceIR
package import SluicePlan

/// The functions of a plan as machine code.
package struct CBackend: Backend {
  private let model: CompiledModel

  /// The C compiler of this machine.
  private static let compiler = Result { try CCompiler.find() }

  /// Compiles a plan, or finds it compiled.
  ///
  /// Throws where there is no compiler; with `SLUICE_WITHOUT_C=1` it is nil then.
  package init?(_ subject: Subject, _ plan: ModulePlan, optimisation: [String] = ["-O1"]) throws {
    try self.init(
      plan, subject.values(.parameter), subject.values(.state), optimisation: optimisation)
  }

  /// With the values of the plan's variables, in its order.
  package init?(
    _ plan: ModulePlan, _ parameters: [HostTensor], _ states: [HostTensor], threads: Int = 1,
    optimisation: [String] = ["-O1"]
  ) throws {
    var options = CompiledModel.Options()
    do {
      options.compiler = try Self.compiler.get()
    } catch {
      if Repository.mayLackC { return nil }
      throw error
    }
    options.optimisation = optimisation
    options.threads = threads
    if Repository.sanitizes {
      options.flags = [
        "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined,float-cast-overflow",
        "-fno-sanitize-recover=all",
      ]
    }
    model = try CompiledModel(plan, parameters: parameters, states: states, options: options)
  }

  package mutating func run(_ function: String, _ inputs: [HostTensor]) throws -> [HostTensor] {
    try model.run(function, inputs: inputs)
  }

  package var states: [HostTensor] { model.states }
}
