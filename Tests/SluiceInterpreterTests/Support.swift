import SluiceFormats
import SluiceIR
import SluiceInterpreter
import SluicePlan
import TestSupport
import Testing

/// A plan whose one function `f` calls a kernel on states, one a slot.
func statePlan(_ kernel: KernelBuilder, _ m: PlanBuilder, _ tensors: [HostTensor]) -> ModulePlan {
  var m = m
  let states = tensors.enumerated().map { m.state("s\($0)", $1.dtype, $1.count) }
  m.call(m.add(kernel), whole: states)
  return m.plan
}

/// Runs a kernel on tensors, one a slot; what they are afterwards.
func run(
  _ kernel: KernelBuilder, _ m: PlanBuilder, _ tensors: [HostTensor], symbols: [SymbolID: Int] = [:],
  options: PlanInterpreter.Options = .init()
) throws -> [HostTensor] {
  var interpreter = try PlanInterpreter(
    statePlan(kernel, m, tensors), parameters: [], states: tensors, options: options)
  _ = try interpreter.run("f", inputs: [], symbols: symbols)
  return interpreter.states
}

/// Runs a kernel in the interpreter and in the plainest machine, and compares all memory.
func compare(
  _ kernel: KernelBuilder, _ m: PlanBuilder, _ dtypes: [DType], _ memory: [[UInt64]],
  symbols: [SymbolID: Int] = [:], sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let tensors = zip(dtypes, memory).map { HostTensor(words: $1, $0) }
  try compare(
    statePlan(kernel, m, tensors), inputs: [], states: tensors, symbols: symbols,
    sourceLocation: sourceLocation)
}

/// Runs the last function of a plan in the interpreter and in the plainest machine, and compares all states.
func compare(
  _ plan: ModulePlan, inputs: [HostTensor], states: [HostTensor], symbols: [SymbolID: Int],
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let function = plan.functions[plan.functions.count - 1].name
  var interpreter = try PlanInterpreter(plan, parameters: [], states: states)
  _ = try interpreter.run(function, inputs: inputs, symbols: symbols)
  var machine = PlanMachine(plan, states: states)
  _ = try machine.run(function, inputs, symbols: symbols)
  for (found, row) in zip(interpreter.states, plan.states) {
    let bytes = Array(machine.states[row.offset..<row.offset + row.byteCount])
    let expected = try HostTensor(dtype: found.dtype, shape: found.shape, bytes: bytes)
    let wrong = found.difference(from: expected.words)
    #expect(
      wrong == nil, "`\(row.name)` of `\(plan.module.name)`: \(wrong ?? "")", sourceLocation: sourceLocation)
  }
}

/// Whether the tests are optimised: then they do more.
let isRelease: Bool = {
  var isDebug = false
  assert(
    {
      isDebug = true; return true
    }())
  return !isDebug
}()
