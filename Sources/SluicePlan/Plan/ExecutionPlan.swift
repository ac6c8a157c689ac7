public import SluiceIR

/// A function as it runs: buffers with known places, and the steps that call kernels on them.
public struct ExecutionPlan: Sendable {
  /// The function's name.
  public var name: String
  /// The author's comment.
  public var comment: [String]
  /// The symbols whose actual values the caller gives, in the order of the `where` clause.
  public var symbols: [SymbolID]
  /// The tensors the caller gives.
  public var inputs: [Port]
  /// The tensors the caller receives.
  public var outputs: [Port]
  /// Everything kernels work on.
  public var buffers: [Buffer]
  /// What happens, in order; `loop`, `branch` and `together` reach to their `end`.
  public var steps: [Step]
  /// Where the nodes came from that the steps run.
  public var origins = StepOrigins()
  /// Dims that must not be negative, checked before anything runs (`T-1`, ...).
  public var checkedDims: [DimID]
  /// What else has to hold for the sizes of a call, where it does not hold for all of them.
  public var symbolChecks = SymbolChecks()
  /// What integers in the inputs index, and so what they may be.
  public var indexUses: [IndexUse] = []
  /// The size of the arena in bytes, a multiple of 64.
  public var arenaBytes: Int
  /// The largest sum of the sizes of buffers that are alive at once: no plan can need less.
  public var lowerBoundBytes: Int

  /// A plan; the planner makes sound ones.
  package init(
    name: String, comment: [String] = [], symbols: [SymbolID] = [], inputs: [Port], outputs: [Port],
    buffers: [Buffer], steps: [Step], checkedDims: [DimID] = [], arenaBytes: Int, lowerBoundBytes: Int
  ) {
    self.name = name
    self.comment = comment
    self.symbols = symbols
    self.inputs = inputs
    self.outputs = outputs
    self.buffers = buffers
    self.steps = steps
    self.checkedDims = checkedDims
    self.arenaBytes = arenaBytes
    self.lowerBoundBytes = lowerBoundBytes
  }

  /// The states that it stores to, by position.
  package func writtenStates(_ kernels: [Kernel]) -> Set<Int> {
    var written: Set<Int> = []
    for case .call(let kernel, let arguments) in steps {
      for (slot, argument) in zip(kernels[kernel.index].slots, arguments) where slot.access != .read {
        if case .state(let position) = buffers[argument.buffer.index].storage { written.insert(position) }
      }
    }
    return written
  }

  /// The values of all symbols, from the shapes of the actual inputs, by the rule of `Module.bindSymbols`.
  public func bindSymbols(
    shapes: [[Int]], _ tables: Tables
  ) throws(SymbolBindingError) -> SymbolValues {
    let inputs = inputs.map { CallSignature.Input(name: $0.name, type: $0.type) }
    return try symbolChecks.bind(
      CallSignature(name: name, inputs: inputs, symbols: symbols), tables, shapes: shapes)
  }
}

/// A tensor at the border of a function.
public struct Port: Sendable, Hashable {
  /// Its name: an identifier, unique among the inputs (outputs) of the function.
  public var name: String
  /// Its type.
  public var type: TypeID

  /// A port.
  package init(name: String, type: TypeID) {
    self.name = name
    self.type = type
  }
}

/// A buffer of an `ExecutionPlan`: an index into its `buffers`.
public typealias BufferID = Handle<BufferTag>
/// Marks handles of buffers.
public enum BufferTag {}
/// A kernel of a `ModulePlan`.
public typealias KernelID = Handle<KernelTag>
/// Marks handles of kernels.
public enum KernelTag {}

/// A contiguous run of elements with a known place.
public struct Buffer: Sendable, Hashable {
  /// Where the elements are.
  public enum Storage: Sendable, Hashable {
    /// A parameter of the module, by position among `ModulePlan.parameters`; never stored to.
    case parameter(Int)
    /// A state of the module, by position among `ModulePlan.states`.
    case state(Int)
    /// An input of the function; never stored to.
    case input(Int)
    /// An output of the function.
    case output(Int)
    /// A constant of the module; never stored to.
    case constant(ConstantID)
    /// The arena, at this offset in bytes, a multiple of 64.
    case arena(Int)
  }

  /// A name for dumps and C: an identifier.
  public var name: String
  /// The element type.
  public var dtype: DType
  /// How many elements it has, for the actual sizes.
  public var count: DimID
  /// How many bytes it has at the symbols' bounds.
  public var capacity: Int
  /// Where it is.
  public var storage: Storage

  /// A buffer.
  package init(name: String, dtype: DType, count: DimID, capacity: Int, storage: Storage) {
    self.name = name
    self.dtype = dtype
    self.count = count
    self.capacity = capacity
    self.storage = storage
  }
}

/// A tensor argument of a kernel call: a buffer from some element on.
public struct Argument: Sendable, Hashable {
  /// The buffer.
  public var buffer: BufferID
  /// The first element, a polynomial in the function's symbols and the counters of the enclosing loops.
  public var offset: DimID

  /// An argument.
  package init(buffer: BufferID, offset: DimID) {
    self.buffer = buffer
    self.offset = offset
  }
}

/// One thing that happens.
public enum Step: Sendable, Hashable {
  /// Runs a kernel; one argument a slot.
  case call(KernelID, [Argument])
  /// Begins calls, up to the matching `end`, that may run in any order or at once: none of them stores to memory
  /// that another one works on.
  case together
  /// Repeats the steps up to the matching `end`: `counter` runs from 0 up to `count`, or down to 0.
  case loop(counter: SymbolID, count: DimID, reverse: Bool)
  /// Repeats the steps up to the matching `end` until a `leave`.
  case forever
  /// Leaves the loop in which it stands directly, unless this bool is true.
  case leave(unless: Argument)
  /// Runs the steps up to the matching `otherwise`, or `end`, where this bool is true.
  case branch(Argument)
  /// Begins the steps of a branch that run where its bool is false, up to the matching `end`.
  case otherwise
  /// Ends the innermost loop or branch, or what runs together.
  case end
}

/// A whole model as it runs: its functions share kernels, constants, parameters and states.
public struct ModulePlan: Sendable {
  /// A parameter or state with its place in its block.
  public struct Variable: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// Its type.
    public var type: TypeID
    /// Where it begins in the block of parameters (states), in bytes; a multiple of 64.
    public var offset: Int
    /// Its size in bytes.
    public var byteCount: Int
    /// Whether it is a parameter of the model: among the states, one that a function writes.
    public var isParameter: Bool

    /// A variable with a place.
    package init(name: String, type: TypeID, offset: Int, byteCount: Int, isParameter: Bool = false) {
      self.name = name
      self.type = type
      self.offset = offset
      self.byteCount = byteCount
      self.isParameter = isParameter
    }
  }

  /// The parameters of the model, constant or trained, in order of declaration.
  public var learnedVariables: [Variable] {
    let trained = states.filter(\.isParameter)
    if trained.isEmpty { return parameters }
    let rows = Dictionary((parameters + trained).map { ($0.name, $0) }) { first, _ in first }
    return module.variables.compactMap { rows[module.tables.strings[$0.name]] }
  }

  /// The module it was made from: names, types, dims, constants.
  public var module: Module
  /// The kernels, each different from the others.
  public var kernels: [Kernel]
  /// One plan a function, in the module's order.
  public var functions: [ExecutionPlan]
  /// The parameters in one block, in order of declaration.
  public var parameters: [Variable]
  /// The size of that block.
  public var parameterBytes: Int
  /// The states in one block, in order of declaration.
  public var states: [Variable]
  /// The size of that block.
  public var stateBytes: Int
  /// What was decided, and why: what was and was not fused, reused, copied.
  public var remarks: [Remark]
  /// Where its parts stand in the text that it was read from; nil where it was read from none.
  package var lines: PlanLines?

  /// A plan; the planner makes sound ones.
  package init(
    module: Module, kernels: [Kernel], functions: [ExecutionPlan], parameters: [Variable] = [],
    parameterBytes: Int = 0, states: [Variable] = [], stateBytes: Int = 0, remarks: [Remark] = []
  ) {
    self.module = module
    self.kernels = kernels
    self.functions = functions
    self.parameters = parameters
    self.parameterBytes = parameterBytes
    self.states = states
    self.stateBytes = stateBytes
    self.remarks = remarks
  }

  /// Everything handles point into.
  public var tables: Tables { module.tables }

  /// The plan of the function with this name.
  public func function(_ name: String) -> ExecutionPlan? { functions.first { $0.name == name } }
}
