// Makes plans by hand, so that kernels of every shape can be compiled without a planner.

import SluiceFormats
import SluiceIR
import SluicePlan

/// A plan under construction: one model whose functions call kernels on inputs, outputs, states and the arena.
struct PlanKit {
  var tables = Tables()
  var plan: ModulePlan
  let zero: DimID
  let one: DimID

  init(_ name: String, comment: [String] = []) {
    var builder = ModuleBuilder(name: name, comment: comment)
    zero = builder.tables.dims.integer(0)
    one = builder.tables.dims.integer(1)
    tables = builder.tables
    plan = ModulePlan(
      module: builder.finish(), kernels: [], functions: [], parameters: [], parameterBytes: 0, states: [],
      stateBytes: 0, remarks: [])
  }

  /// The finished plan.
  func finish() -> ModulePlan {
    var plan = plan
    plan.module.tables = tables
    return plan
  }

  // MARK: Dims and types

  mutating func symbol(_ name: String, _ bound: Int) -> SymbolID {
    let text = tables.strings.intern(name)
    return tables.dims.symbol(text, bound: Int64(bound))
  }

  mutating func dim(_ value: Int) -> DimID { tables.dims.integer(value) }

  mutating func dim(_ symbol: SymbolID) -> DimID { tables.dims.dim(symbol) }

  mutating func product(_ dims: DimID...) -> DimID { tables.dims.product(dims) ?? .none }

  mutating func sum(_ a: DimID, _ b: Int) -> DimID { tables.dims.add(a, tables.dims.integer(b)) ?? .none }

  mutating func type(_ dtype: DType, _ shape: [DimID] = []) -> TypeID { tables.types.intern(dtype, shape) }

  /// `constant + sum of coefficient * register`.
  mutating func affine(_ constant: Int = 0, _ terms: [(DimID, Register)] = []) -> Affine {
    Affine(dim(constant), terms.map { Affine.Term($0.0, $0.1) })
  }

  // MARK: Kernels

  func builder(_ name: String) -> KernelBuilder {
    var builder = KernelBuilder(name: name)
    builder.zero = zero
    builder.one = one
    return builder
  }

  mutating func add(_ builder: KernelBuilder, comment: [String] = []) -> KernelID {
    var kernel = builder.finish(tables)
    kernel.comment = comment
    plan.kernels.append(kernel)
    return KernelID(plan.kernels.count - 1)
  }

  // MARK: Variables

  mutating func parameter(_ name: String, _ type: TypeID) -> Buffer {
    let bytes = bytes(type)
    plan.parameters.append(
      ModulePlan.Variable(name: name, type: type, offset: plan.parameterBytes, byteCount: bytes))
    plan.parameterBytes += (bytes + 63) / 64 * 64
    return buffer(name, type, .parameter(plan.parameters.count - 1))
  }

  mutating func state(_ name: String, _ type: TypeID) -> Buffer {
    let bytes = bytes(type)
    plan.states.append(ModulePlan.Variable(name: name, type: type, offset: plan.stateBytes, byteCount: bytes))
    plan.stateBytes += (bytes + 63) / 64 * 64
    return buffer(name, type, .state(plan.states.count - 1))
  }

  mutating func bytes(_ type: TypeID) -> Int {
    let count = tables.elementCount(type).flatMap { tables.dims.bound($0) } ?? 0
    return Int(count) * tables.types.dtype(type).byteCount
  }

  mutating func buffer(_ name: String, _ type: TypeID, _ storage: Buffer.Storage) -> Buffer {
    Buffer(
      name: name, dtype: tables.types.dtype(type), count: tables.elementCount(type) ?? zero,
      capacity: bytes(type),
      storage: storage)
  }

  // MARK: Functions

  /// A function with these ports: its first buffers are the inputs, then the outputs, then `others`.
  mutating func function(
    _ name: String, symbols: [SymbolID] = [], inputs: [(String, TypeID)], outputs: [(String, TypeID)],
    others: [Buffer] = [], checkedDims: [DimID] = [], arenaBytes: Int = 0, steps: [Step],
    comment: [String] = []
  ) {
    var buffers: [Buffer] = []
    for (row, input) in inputs.enumerated() { buffers.append(buffer(input.0, input.1, .input(row))) }
    for (row, output) in outputs.enumerated() { buffers.append(buffer(output.0, output.1, .output(row))) }
    plan.functions.append(
      ExecutionPlan(
        name: name, comment: comment, symbols: symbols, inputs: inputs.map { Port(name: $0.0, type: $0.1) },
        outputs: outputs.map { Port(name: $0.0, type: $0.1) }, buffers: buffers + others, steps: steps,
        checkedDims: checkedDims, arenaBytes: arenaBytes, lowerBoundBytes: arenaBytes))
  }

  /// A call with whole buffers.
  func call(_ kernel: KernelID, _ buffers: Int...) -> Step {
    .call(kernel, buffers.map { Argument(buffer: BufferID($0), offset: zero) })
  }
}
