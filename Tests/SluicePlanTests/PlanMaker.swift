import SluiceIR
import SluicePlan

/// Writes plans by hand: one function, buffers placed one behind the other unless told otherwise.
struct PlanMaker {
  private(set) var module: Module
  var plan: ModulePlan
  private var symbols: [String: SymbolID] = [:]
  private var arenaEnd = 0

  init(_ name: String) {
    module = ModuleBuilder(name: name).finish()
    plan = ModulePlan(
      module: module, kernels: [],
      functions: [
        ExecutionPlan(
          name: "f", inputs: [], outputs: [], buffers: [], steps: [], arenaBytes: 0, lowerBoundBytes: 0)
      ])
  }

  /// The only function.
  var function: ExecutionPlan {
    get { plan.functions[0] }
    _modify { yield &plan.functions[0] }
  }

  /// A symbol of the function.
  mutating func symbol(_ name: String, _ bound: Int64) {
    let id = plan.module.tables.dims.symbol(plan.module.tables.strings.intern(name), bound: bound)
    symbols[name] = id
    function.symbols.append(id)
  }

  /// A counter for loops of steps.
  mutating func counter(_ name: String, _ bound: Int64) -> SymbolID {
    let id = plan.module.tables.dims.symbol(plan.module.tables.strings.intern(name), bound: bound)
    symbols[name] = id
    return id
  }

  /// A dim from text: `2*B*T-1`.
  mutating func dim(_ text: String) -> DimID {
    var sum = plan.module.tables.dims.integer(0)
    var term = ""
    func add(_ term: String, _ maker: inout PlanMaker) {
      guard !term.isEmpty else { return }
      let isNegative = term.hasPrefix("-")
      var product = maker.plan.module.tables.dims.integer(isNegative ? -1 : 1)
      for factor in term.drop(while: { $0 == "-" || $0 == "+" }).split(separator: "*") {
        let value: DimID
        if let number = Int64(factor) {
          value = maker.plan.module.tables.dims.integer(number)
        } else if let symbol = maker.symbols[String(factor)] {
          value = maker.plan.module.tables.dims.dim(symbol)
        } else {
          preconditionFailure("no symbol `\(factor)`")
        }
        product = maker.plan.module.tables.dims.multiply(product, value) ?? product
      }
      sum = maker.plan.module.tables.dims.add(sum, product) ?? sum
    }
    for character in text where character != " " {
      if character == "+" || character == "-", !term.isEmpty {
        add(term, &self)
        term = ""
      }
      term.append(character)
    }
    add(term, &self)
    return sum
  }

  /// An index: a constant and registers with their factors.
  mutating func affine(_ constant: String, _ terms: (String, Register)...) -> Affine {
    Affine(dim(constant), terms.map { Affine.Term(dim($0.0), $0.1) })
  }

  /// A type from text dims.
  mutating func type(_ dtype: DType, _ shape: [String]) -> TypeID {
    let dims = shape.map { dim($0) }
    return plan.module.tables.types.intern(dtype, dims)
  }

  // MARK: Buffers

  private mutating func buffer(_ name: String, _ dtype: DType, _ dim: DimID, _ storage: Buffer.Storage) -> Int
  {
    let capacity = Int(plan.tables.dims.bound(dim) ?? 0) * dtype.byteCount
    function.buffers.append(
      Buffer(name: name, dtype: dtype, count: dim, capacity: capacity, storage: storage))
    return function.buffers.count - 1
  }

  mutating func input(_ name: String, _ dtype: DType, _ shape: String...) -> Int {
    let type = type(dtype, shape)
    function.inputs.append(Port(name: name, type: type))
    return buffer(name, dtype, product(shape), .input(function.inputs.count - 1))
  }

  mutating func output(_ name: String, _ dtype: DType, _ shape: String...) -> Int {
    let type = type(dtype, shape)
    function.outputs.append(Port(name: name, type: type))
    return buffer(name, dtype, product(shape), .output(function.outputs.count - 1))
  }

  mutating func state(_ name: String, _ dtype: DType, _ count: Int64) -> Int {
    let type = type(dtype, [String(count)])
    let size = Int(count) * dtype.byteCount
    declare(.state, name, type)
    plan.states.append(ModulePlan.Variable(name: name, type: type, offset: plan.stateBytes, byteCount: size))
    plan.stateBytes += (size + 63) / 64 * 64
    return buffer(name, dtype, dim(String(count)), .state(plan.states.count - 1))
  }

  private mutating func declare(_ kind: Variable.Kind, _ name: String, _ type: TypeID) {
    let name = plan.module.tables.strings.intern(name)
    _ = plan.module.tables.declare(Variable(kind: kind, name: name, type: type))
  }

  mutating func parameter(_ name: String, _ dtype: DType, _ count: Int64) -> Int {
    let type = type(dtype, [String(count)])
    let size = Int(count) * dtype.byteCount
    declare(.parameter, name, type)
    plan.parameters.append(
      ModulePlan.Variable(name: name, type: type, offset: plan.parameterBytes, byteCount: size))
    plan.parameterBytes += (size + 63) / 64 * 64
    return buffer(name, dtype, dim(String(count)), .parameter(plan.parameters.count - 1))
  }

  /// A buffer in the arena, behind all others or at an offset.
  mutating func arena(_ name: String, _ dtype: DType, _ count: String, at offset: Int? = nil) -> Int {
    let result = buffer(name, dtype, dim(count), .arena(offset ?? arenaEnd))
    arenaEnd = max(arenaEnd, ((offset ?? arenaEnd) + function.buffers[result].capacity + 63) / 64 * 64)
    function.arenaBytes = arenaEnd
    return result
  }

  private mutating func product(_ shape: [String]) -> DimID {
    let dims = shape.map { dim($0) }
    return plan.module.tables.dims.product(dims) ?? dim("0")
  }

  // MARK: Kernels and steps

  /// Adds a kernel.
  mutating func kernel(_ name: String, _ body: (inout KernelBuilder, inout PlanMaker) -> Void) -> KernelID {
    var builder = KernelBuilder(name: name)
    builder.zero = dim("0")
    builder.one = dim("1")
    body(&builder, &self)
    plan.kernels.append(builder.finish(plan.tables))
    return KernelID(plan.kernels.count - 1)
  }

  /// Adds a call; arguments are buffers, with the text of an offset where it is not 0.
  mutating func call(_ kernel: KernelID, _ arguments: (Int, String)...) {
    let list = arguments.map { Argument(buffer: BufferID($0.0), offset: dim($0.1)) }
    function.steps.append(.call(kernel, list))
  }

  /// Adds a call of whole buffers.
  mutating func call(_ kernel: KernelID, _ arguments: Int...) {
    let list = arguments.map { Argument(buffer: BufferID($0), offset: dim("0")) }
    function.steps.append(.call(kernel, list))
  }

  /// Adds a loop around the steps that `body` adds.
  mutating func loop(
    _ counter: SymbolID, _ count: String, reverse: Bool = false, _ body: (inout PlanMaker) -> Void
  ) {
    let dim = dim(count)
    function.steps.append(.loop(counter: counter, count: dim, reverse: reverse))
    body(&self)
    function.steps.append(.end)
  }

  /// Adds a loop without a counter around the steps that `body` adds.
  mutating func forever(_ body: (inout PlanMaker) -> Void) {
    function.steps.append(.forever)
    body(&self)
    function.steps.append(.end)
  }

  /// Leaves the loop unless a bool is true.
  mutating func leave(unless flag: Int, _ offset: String = "0") {
    function.steps.append(.leave(unless: Argument(buffer: BufferID(flag), offset: dim(offset))))
  }

  /// Adds the two sides of a branch.
  mutating func branch(
    _ flag: Int, _ offset: String = "0", _ then: (inout PlanMaker) -> Void,
    otherwise: ((inout PlanMaker) -> Void)? = nil
  ) {
    function.steps.append(.branch(Argument(buffer: BufferID(flag), offset: dim(offset))))
    then(&self)
    if let otherwise {
      function.steps.append(.otherwise)
      otherwise(&self)
    }
    function.steps.append(.end)
  }
}
