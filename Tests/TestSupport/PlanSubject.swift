/// A plan under test, as text: what its `// run:` lines give in the interpreter and in C.

import SluiceFormats
import SluiceIR
import SluiceInterpreter
import SluicePasses
package import SluicePlan
import SluiceText

/// A plan that was read, with the values of its variables.
package struct PlanSubject {
  package let plan: ModulePlan
  private let runs: [RunLine]
  private let parameters: [HostTensor]
  private let states: [HostTensor]

  /// The plan of a text, which must be sound; its variables are initialised with seed 0.
  package init(_ text: [UInt8], file: String) throws {
    plan = try parsePlan(text, file: file)
    let unsound = PlanChecker().check(plan)
    if !unsound.isEmpty { throw Diagnostics(unsound) }
    runs = try TestDirectives(text, file: file).runs
    var values: [String: HostTensor] = [:]
    if !plan.module.variables.isEmpty {
      let start = try Planner.plan(runPasses(initializerModule(for: plan.module), ["expand"]))
      var interpreter = try PlanInterpreter(start, parameters: [], states: [])
      let tensors = try interpreter.run("init", inputs: [HostTensor(scalar: Int64(0))])
      for (variable, tensor) in zip(plan.module.variables, tensors) {
        values[plan.tables.strings[variable.name]] = tensor
      }
    }
    parameters = plan.parameters.compactMap { values[$0.name] }
    states = plan.states.compactMap { values[$0.name] }
  }

  /// What is wrong with the results of the `// run:` lines, called in order, in the interpreter over clean and over
  /// poisoned memory, and in C with one and with two threads: the same bits, and those expected.
  package func failures() throws -> [String] {
    if runs.isEmpty { return ["there is no `// run:` line"] }
    var backends: [(name: String, backend: any Backend)] = []
    for poison in [false, true] {
      let backend = try InterpreterBackend(plan, parameters, states, poison: poison)
      backends.append(("interpreter\(poison ? ", poisoned" : "")", backend))
    }
    for threads in [1, 2] {
      guard let backend = try CBackend(plan, parameters, states, threads: threads) else { continue }
      backends.append(("C, \(threads) threads", backend))
    }
    return try runs.flatMap { run in try failures(run, &backends).map { "line \(run.line): \($0)" } }
  }

  private func failures(
    _ run: RunLine, _ backends: inout [(name: String, backend: any Backend)]
  ) throws -> [String] {
    guard let function = plan.function(run.function) else {
      return ["there is no function `@\(run.function)`"]
    }
    let inputs = try tensors(run.arguments, function.inputs, "arguments") { plan.tables.dims.value($0) }
    let symbols = try function.bindSymbols(shapes: inputs.map(\.shape), plan.tables)
    let expected = try tensors(run.expected, function.outputs, "results") {
      symbols.evaluate($0, plan.tables.dims)
    }
    var failures: [String] = []
    var first: (results: [HostTensor], states: [HostTensor])?
    for index in backends.indices {
      let name = backends[index].name
      let results = try backends[index].backend.run(run.function, inputs)
      let states = backends[index].backend.states
      for (port, pair) in zip(function.outputs, zip(results, expected)) {
        let difference =
          run.tolerance.map { pair.0.difference(from: pair.1, tolerance: $0) }
          ?? pair.0.difference(from: pair.1)
        if let difference { failures.append("\(name): `\(port.name)`: \(difference)") }
      }
      guard let first else {
        first = (results, states)
        continue
      }
      for (a, b) in zip(first.results + first.states, results + states) where a.bytes != b.bytes {
        failures.append("\(name) and \(backends[0].name) differ: \(b) and \(a)")
      }
    }
    return failures
  }

  private func tensors(
    _ literals: [Literal], _ ports: [Port], _ what: String, _ value: (DimID) -> Int64?
  ) throws -> [HostTensor] {
    guard literals.count == ports.count else {
      throw TestFailure("\(literals.count) \(what) are given, there are \(ports.count)")
    }
    return try zip(literals, ports).map { literal, port in
      let shape = plan.tables.types.shape(port.type).map { value($0).map { Int($0) } }
      return try literal.tensor(plan.tables.types.dtype(port.type), declared: shape)
    }
  }
}
