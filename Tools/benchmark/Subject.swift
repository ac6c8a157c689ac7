// A row, compiled: its plan, what was counted in it, and what compiling cost.

import Sluice
import SluiceC
import SluiceFormats
import SluiceIR
import SluicePlan

/// A row that was planned.
struct Subject {
  /// The row.
  let workload: Workload
  /// Its plan.
  let plan: ModulePlan
  /// The values of the function's symbols.
  let sizes: [SymbolID: Int64]
  /// Kernel calls and bytes.
  let count: PlanCount
  /// Operations of contractions.
  let flops: Double
  /// Kernel calls of one part of the model, where it has parts.
  let partCalls: Double?
  /// The size of the function's arena, and the least that any plan with these buffers needs.
  let arena: (bytes: Int, bound: Int)
  /// Seconds to trace or read the model, to optimise and plan it, and to print C.
  private(set) var seconds: (trace: Double, plan: Double, print: Double)
  /// The size of the C.
  let sourceBytes: Int

  /// Traces and plans a row.
  init(_ workload: Workload) throws {
    self.workload = workload
    let (module, trace) = try timed { try workload.module() }
    guard module.function(workload.function) != nil else {
      throw UsageError(description: "`\(module.name)` has no function `\(workload.function)`")
    }
    let (plan, planning) = try timed { try compile(module) }
    self.plan = plan
    guard let function = plan.function(workload.function) else {
      throw InternalError("the plan of `\(module.name)` lost the function `\(workload.function)`")
    }
    let names = function.inputs.map(\.name)
    if workload.isOwn, let unknown = workload.inputs.keys.sorted().first(where: { !names.contains($0) }) {
      let list = names.isEmpty ? "it has none" : "it has " + names.map { "`\($0)`" }.joined(separator: ", ")
      throw UsageError(description: "`\(function.name)` has no input `\(unknown)`; \(list)")
    }
    sizes = try workload.sizes(plan, function)
    count = PlanCount(plan, function, sizes)
    let calls = count.calls
    flops = try FlopCount.flops(module, workload.function, sizes)
    arena = (function.arenaBytes, function.lowerBoundBytes)
    let (source, printing) = timed { CSource.emitC(plan).source }
    sourceBytes = source.utf8.count
    seconds = (trace, planning, printing)
    partCalls = try workload.part.map { part in
      let larger = try compile(try workload.module(more: 1))
      guard let function = larger.function(workload.function) else { return 0 }
      return Double(PlanCount(larger, function, try workload.sizes(larger, function)).calls - calls)
        / Double(part.count)
    }
  }

  /// The inputs of the function.
  func inputs() throws -> [HostTensor] {
    guard let function = plan.function(workload.function) else { return [] }
    return try function.inputs.map { port in
      let shape = plan.tables.types.shape(port.type).map { dim in
        Int(plan.tables.dims.evaluate(dim) { sizes[$0] ?? 0 } ?? 0)
      }
      return try Values.input(workload.inputs[port.name], plan.tables.types.dtype(port.type), shape)
    }
  }

  /// The C of the row, compiled and loaded.
  func compiled(_ options: CompiledModel.Options) throws -> CompiledModel {
    try CompiledModel(
      plan, parameters: plan.parameters.map { try Values.variable($0, plan.module) },
      states: plan.states.map { try Values.variable($0, plan.module) }, options: options)
  }

  /// One call of the function, repeated and timed.
  func timing(of model: CompiledModel) throws -> Timing {
    try Timing(
      model,
      model.prepare(workload.function, inputs: inputs(), symbols: sizes.mapValues { Int($0) }),
      states: workload.states)
  }
}

extension Workload {
  /// The values of a function's symbols: those that were set, else their bounds.
  func sizes(_ plan: ModulePlan, _ function: ExecutionPlan) throws -> [SymbolID: Int64] {
    let names = function.symbols.map { plan.tables.strings[plan.tables.dims.symbols[$0.index].name] }
    if let unknown = dims.keys.sorted().first(where: { !names.contains($0) }) {
      let list = names.isEmpty ? "it has none" : "it has " + names.map { "`\($0)`" }.joined(separator: ", ")
      throw UsageError(description: "`\(function.name)` has no symbol `\(unknown)`; \(list)")
    }
    var sizes: [SymbolID: Int64] = [:]
    for (symbol, name) in zip(function.symbols, names) {
      let bound = plan.tables.dims.symbols[symbol.index].bound
      let value = dims[name].map { Int64($0) } ?? bound
      guard value <= bound else {
        throw UsageError(description: "`\(name)` may be at most \(bound), got \(value)")
      }
      sizes[symbol] = value
    }
    return sizes
  }
}

/// Does something and tells how many seconds it took.
func timed<Result>(_ work: () throws -> Result) rethrows -> (result: Result, seconds: Double) {
  let clock = ContinuousClock()
  let start = clock.now
  let result = try work()
  return (result, (clock.now - start).seconds)
}

extension Duration {
  /// In seconds.
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
