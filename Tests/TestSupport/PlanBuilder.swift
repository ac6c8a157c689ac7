/// Writes plans by hand, so that kernels and steps of every shape can be looked at without a planner.

package import SluiceFormats
package import SluiceIR
package import SluicePlan

/// A size in a plan under construction: a number, a dim, a symbol, or text such as `2*B*T-1`.
package protocol Size {}

extension Int: Size {}
extension String: Size {}
extension Handle: Size {}

/// A plan under construction, one step a call.
///
/// Buffers are numbers, in the order in which the function got them. What is not stated is sound: capacities are what
/// the bounds of the symbols take, and places in the arena do not overlap.
package struct PlanBuilder {
  package var plan: ModulePlan
  private var symbols: [String: SymbolID] = [:]
  private var arenaEnd = 0

  /// A plan with one function or none, without ports and steps yet.
  package init(_ name: String, function: String? = "f", comment: [String] = []) {
    plan = ModulePlan(
      module: ModuleBuilder(name: name, comment: comment).finish(), kernels: [], functions: [])
    if let function { begin(function) }
  }

  /// The function that was begun last.
  package var function: ExecutionPlan {
    get { plan.functions[plan.functions.count - 1] }
    _modify { yield &plan.functions[plan.functions.count - 1] }
  }

  /// Begins another function.
  package mutating func begin(_ function: String, comment: [String] = []) {
    arenaEnd = 0
    plan.functions.append(
      ExecutionPlan(
        name: function, comment: comment, inputs: [], outputs: [], buffers: [], steps: [], arenaBytes: 0,
        lowerBoundBytes: 0))
  }

  // MARK: Sizes

  /// A symbol of the function.
  @discardableResult
  package mutating func symbol(_ name: String, _ bound: Int64) -> SymbolID {
    let symbol = counter(name, bound)
    function.symbols.append(symbol)
    return symbol
  }

  /// A symbol that no function lists: the counter of a loop of steps.
  package mutating func counter(_ name: String, _ bound: Int64) -> SymbolID {
    let symbol = plan.module.tables.dims.symbol(plan.module.tables.strings.intern(name), bound: bound)
    symbols[name] = symbol
    return symbol
  }

  /// The dim of a size.
  package mutating func dim(_ size: any Size) -> DimID {
    switch size {
    case let number as Int: plan.module.tables.dims.integer(Int64(number))
    case let symbol as SymbolID: plan.module.tables.dims.dim(symbol)
    case let dim as DimID: dim
    case let text as String: dim(of: text)
    default: preconditionFailure("no size: \(size)")
    }
  }

  private mutating func dim(of text: String) -> DimID {
    var sum = dim(0)
    // A sign begins a term.
    let terms = text.reduce(into: "") { $0 += $1 == "-" ? "+-" : $1 == " " ? "" : String($1) }
    for term in terms.split(separator: "+") {
      var factors = [dim(term.first == "-" ? -1 : 1)]
      for factor in term.drop(while: { $0 == "-" }).split(separator: "*") {
        if let number = Int(factor) {
          factors.append(dim(number))
        } else if let symbol = symbols[String(factor)] {
          factors.append(dim(symbol))
        } else {
          preconditionFailure("no symbol `\(factor)`")
        }
      }
      let product = plan.module.tables.dims.product(factors) ?? .none
      sum = plan.module.tables.dims.add(sum, product) ?? .none
    }
    return sum
  }

  /// The dim of the product of a shape.
  private mutating func count(_ shape: [any Size]) -> DimID {
    let dims = shape.map { dim($0) }
    return plan.module.tables.dims.product(dims) ?? .none
  }

  /// An index: a constant and registers with their factors.
  package mutating func affine(_ constant: any Size, _ terms: (any Size, Register)...) -> Affine {
    Affine(dim(constant), terms.map { Affine.Term(dim($0.0), $0.1) })
  }

  private mutating func type(_ dtype: DType, _ shape: [any Size]) -> TypeID {
    let dims = shape.map { dim($0) }
    return plan.module.tables.types.intern(dtype, dims)
  }

  // MARK: Buffers

  private mutating func buffer(
    _ name: String, _ dtype: DType, _ shape: [any Size], _ storage: Buffer.Storage
  ) -> Int {
    let count = count(shape)
    let capacity = Int(plan.tables.dims.bound(count) ?? 0) * dtype.byteCount
    function.buffers.append(
      Buffer(name: name, dtype: dtype, count: count, capacity: capacity, storage: storage))
    return function.buffers.count - 1
  }

  package mutating func input(_ name: String, _ dtype: DType, _ shape: any Size...) -> Int {
    function.inputs.append(Port(name: name, type: type(dtype, shape)))
    return buffer(name, dtype, shape, .input(function.inputs.count - 1))
  }

  package mutating func output(_ name: String, _ dtype: DType, _ shape: any Size...) -> Int {
    function.outputs.append(Port(name: name, type: type(dtype, shape)))
    return buffer(name, dtype, shape, .output(function.outputs.count - 1))
  }

  package mutating func state(_ name: String, _ dtype: DType, _ shape: any Size...) -> Int {
    let variable = variable(.state, name, dtype, shape, at: plan.stateBytes)
    plan.states.append(variable)
    plan.stateBytes = padded(variable.offset + variable.byteCount)
    return buffer(name, dtype, shape, .state(plan.states.count - 1))
  }

  package mutating func parameter(_ name: String, _ dtype: DType, _ shape: any Size...) -> Int {
    let variable = variable(.parameter, name, dtype, shape, at: plan.parameterBytes)
    plan.parameters.append(variable)
    plan.parameterBytes = padded(variable.offset + variable.byteCount)
    return buffer(name, dtype, shape, .parameter(plan.parameters.count - 1))
  }

  private mutating func variable(
    _ kind: Variable.Kind, _ name: String, _ dtype: DType, _ shape: [any Size], at offset: Int
  ) -> ModulePlan.Variable {
    let type = type(dtype, shape)
    let text = plan.module.tables.strings.intern(name)
    _ = plan.module.tables.declare(Variable(kind: kind, name: text, type: type))
    let count = count(shape)
    let byteCount = Int(plan.tables.dims.bound(count) ?? 0) * dtype.byteCount
    return ModulePlan.Variable(name: name, type: type, offset: offset, byteCount: byteCount)
  }

  /// An array of the module.
  package mutating func constant(_ name: String, _ tensor: HostTensor) -> Int {
    let constant = plan.module.tables.constants.intern(type(tensor.dtype, tensor.shape), tensor.bytes)
    return buffer(name, tensor.dtype, tensor.shape, .constant(constant))
  }

  /// A buffer in the arena, behind all others or at an offset.
  package mutating func arena(_ name: String, _ dtype: DType, _ count: any Size, at offset: Int? = nil) -> Int
  {
    let offset = offset ?? arenaEnd
    let result = buffer(name, dtype, [count], .arena(offset))
    arenaEnd = max(arenaEnd, padded(offset + function.buffers[result].capacity))
    function.arenaBytes = arenaEnd
    return result
  }

  private func padded(_ bytes: Int) -> Int { (bytes + 63) / 64 * 64 }

  // MARK: Kernels

  /// A kernel under construction, for `add`.
  package mutating func builder(_ name: String) -> KernelBuilder {
    var builder = KernelBuilder(name: name)
    (builder.zero, builder.one) = (dim(0), dim(1))
    return builder
  }

  /// Adds a kernel.
  package mutating func add(_ builder: KernelBuilder, comment: [String] = []) -> KernelID {
    var kernel = builder.finish(plan.tables)
    kernel.comment = comment
    plan.kernels.append(kernel)
    return KernelID(plan.kernels.count - 1)
  }

  /// Adds a kernel with these instructions.
  package mutating func kernel(
    _ name: String, comment: [String] = [], _ body: (inout KernelBuilder, inout PlanBuilder) -> Void
  ) -> KernelID {
    var builder = builder(name)
    body(&builder, &self)
    return add(builder, comment: comment)
  }

  // MARK: Steps

  /// Adds a call; arguments are buffers with offsets.
  package mutating func call(_ kernel: KernelID, _ arguments: (Int, any Size)...) {
    let list = arguments.map { Argument(buffer: BufferID($0.0), offset: dim($0.1)) }
    function.steps.append(.call(kernel, list))
  }

  /// Adds a call of whole buffers.
  package mutating func call(_ kernel: KernelID, _ arguments: Int...) { call(kernel, whole: arguments) }

  /// Adds a call of whole buffers.
  package mutating func call(_ kernel: KernelID, whole arguments: [Int]) {
    let zero = dim(0)
    function.steps.append(.call(kernel, arguments.map { Argument(buffer: BufferID($0), offset: zero) }))
  }

  /// Adds a loop around the steps that `body` adds.
  package mutating func loop(
    _ counter: SymbolID, _ count: any Size, reverse: Bool = false, _ body: (inout PlanBuilder) -> Void
  ) {
    function.steps.append(.loop(counter: counter, count: dim(count), reverse: reverse))
    body(&self)
    function.steps.append(.end)
  }

  /// Adds a loop without a counter around the steps that `body` adds.
  package mutating func forever(_ body: (inout PlanBuilder) -> Void) {
    function.steps.append(.forever)
    body(&self)
    function.steps.append(.end)
  }

  /// Leaves the loop unless a bool is true.
  package mutating func leave(unless flag: Int, _ offset: any Size = 0) {
    function.steps.append(.leave(unless: Argument(buffer: BufferID(flag), offset: dim(offset))))
  }

  /// Adds the two sides of a branch.
  package mutating func branch(
    _ flag: Int, _ offset: any Size = 0, _ then: (inout PlanBuilder) -> Void,
    otherwise: ((inout PlanBuilder) -> Void)? = nil
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
