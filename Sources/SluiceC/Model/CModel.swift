import SluiceIR
import SluicePlan

/// The C names of a whole model, and what its kernels must know of their calls.
struct CModel {
  let plan: ModulePlan
  let options: CSource.Options
  let helpers: CHelpers
  /// The functions in the plan's order.
  let functions: [CFunction]
  /// The beginnings of the macros of parameters and states: `ICA_PARAM_W`.
  let parameterMacros: [String]
  let stateMacros: [String]
  /// Per kernel what its calls have in common.
  let uses: [CKernelUse]
  /// The names of the kernels' functions.
  let kernelNames: [String]
  /// The names of the tables of constants.
  let constantNames: [ConstantID: String]
  /// The names of the tables of initial states.
  let stateNames: [String]
  /// The beginnings of the names of the tables that describe a function.
  let reflectionNames: [String]
  /// The names of the functions that check arguments.
  let checkNames: [String]
  /// The names of the functions that check indices, and when they are called.
  let indexCheckNames: [String]
  let indexLevels: [CIndexCheck.Level]

  var tables: Tables { plan.tables }
  /// `ica_`.
  var prefix: String { helpers.prefix }
  /// `ICA_`.
  var macroPrefix: String { helpers.macroPrefix }
  /// `ica`.
  var name: String { String(prefix.dropLast()) }

  init(_ plan: ModulePlan, _ options: CSource.Options) {
    self.plan = plan
    self.options = options
    var base = CName.identifier(plan.module.name).lowercased()
    while base.hasSuffix("_") { base.removeLast() }
    let helpers = CHelpers(prefix: base + "_")
    self.helpers = helpers
    var scope = NameScope(
      (Self.fileNames + CHelper.all.map(\.name) + CElementary.names).map { helpers.prefix + $0 })
    var macros = NameScope(Self.macroNames.map { helpers.macroPrefix + $0 })
    for position in plan.functions.indices {
      _ = scope.claim("\(helpers.prefix)test\(position)", endings: [""])
    }
    var functions: [CFunction] = []
    for function in plan.functions { functions.append(CFunction(function, plan, helpers, &scope, &macros)) }
    self.functions = functions
    func claim(_ variables: [ModulePlan.Variable], _ role: String) -> [String] {
      let base = helpers.macroPrefix + role
      return variables.map {
        macros.claim(base + CName.identifier($0.name).uppercased(), endings: ["_OFFSET", "_COUNT"])
      }
    }
    parameterMacros = claim(plan.parameters, "PARAM_")
    stateMacros = claim(plan.states, "STATE_")
    kernelNames = plan.kernels.enumerated().map { position, kernel in
      let name = "\(helpers.prefix)k\(position)_\(CName.identifier(kernel.name))"
      return scope.claim(name, endings: ["", "_task", "_part", "_divided"])
    }
    reflectionNames = plan.functions.indices.map {
      scope.claim(
        "\(helpers.prefix)function\($0)", endings: ["_symbols", "_maxima", "_inputs", "_outputs", "_call"])
    }
    checkNames = functions.map { scope.claim("\($0.name)_check", endings: [""]) }
    indexCheckNames = functions.map { scope.claim("\($0.name)_check_indices", endings: [""]) }
    indexLevels = plan.functions.map { CIndexCheck.Level($0, plan) }
    var constantNames: [ConstantID: String] = [:]
    for buffer in plan.functions.flatMap(\.buffers) {
      guard case .constant(let id) = buffer.storage, constantNames[id] == nil else { continue }
      constantNames[id] = scope.claim("\(helpers.prefix)constant\(id.raw)", endings: [""])
    }
    self.constantNames = constantNames
    stateNames = plan.states.indices.map { scope.claim("\(helpers.prefix)initial_state\($0)", endings: [""]) }
    uses = Self.uses(plan)
  }

  /// What the interface and the code of a file are called, without the model's name.
  private static let fileNames = """
    status status_string context reset params_bind params states call functions function tensor pool pool_start
    pool_stop pool_parallel_for pool_bytes pool_worker pool_work embedded word_at long_at check_byte check_float
    check_double span wide wide_product wide_left wide_right leading_zeros fraction function_table param_table
    state_table check_arithmetic arithmetic_f32 arithmetic_f64 chosen_f32 chosen_f64 self_test test_mix test_fill test_hash
    """.split(whereSeparator: \.isWhitespace).map(String.init)

  private static let macroNames = """
    H API ABI_VERSION TOOL_VERSION GRAPH_HASH PARAMS_HASH ALIGN PARAMS_BYTES STATE_BYTES ARENA_BYTES NO_REFLECTION
    THREADS PAUSE SPIN NOINLINE RESTRICT INDEPENDENT ALIGNED COPY HAS_FMA_F32 HAS_FMA_F64 FMA_F32 FMA_F64 F32_FROM_F64
    SOFTWARE_FMA HAS_SQRT_F32 HAS_SQRT_F64 SQRT_F32 SQRT_F64 SOFTWARE_SQRT MAY_ALIAS ALLOW_NEON BYTES HALVES LONG POOL_MAX
    OK ERROR_NULL ERROR_DIM ERROR_ALIGNMENT ERROR_ARENA ERROR_PARAMS ERROR_ALIAS ERROR_FUNCTION ERROR_ARITHMETIC
    ERROR_INDEX CHECK_INDICES SELF_TEST SELF_TEST_BYTES
    """.split(whereSeparator: \.isWhitespace).map(String.init)

  /// What the calls of each kernel have in common.
  private static func uses(_ plan: ModulePlan) -> [CKernelUse] {
    var uses = [CKernelUse](repeating: CKernelUse(), count: plan.kernels.count)
    for function in plan.functions {
      for case .call(let kernel, let arguments) in function.steps {
        let slots = plan.kernels[kernel.index].slots
        for (slot, argument) in arguments.enumerated() {
          let buffer = function.buffers[argument.buffer.index]
          switch buffer.storage {
          case .parameter, .state, .input:
            if slots[slot].dtype == .bool { uses[kernel.index].foreignBools.insert(slot) }
          default: break
          }
          for other in 0..<slot where slots[slot].access != .read || slots[other].access != .read {
            if argument.buffer == arguments[other].buffer
              || overlaps(buffer, function.buffers[arguments[other].buffer.index])
            {
              uses[kernel.index].shared.formUnion([slot, other])
            }
          }
        }
      }
    }
    return uses
  }

  private static func overlaps(_ a: Buffer, _ b: Buffer) -> Bool {
    switch (a.storage, b.storage) {
    case (.arena(let x), .arena(let y)): x < y + b.capacity && y < x + a.capacity
    default: a.storage == b.storage
    }
  }

  /// Whether a function works on a kind of memory.
  func works(_ function: Int, on isWanted: (Buffer.Storage) -> Bool) -> Bool {
    plan.functions[function].buffers.contains { isWanted($0.storage) }
  }
}

/// The C names of one function.
struct CFunction {
  /// `ica_epoch`.
  var name: String
  /// `ICA_EPOCH`.
  var macro: String
  /// `ica_epoch_dims`, or nil where the function has no symbols.
  var dimsType: String?
  var inputsType: String?
  var outputsType: String?
  /// The members of the three structs.
  var symbols: [String]
  var inputs: [String]
  var outputs: [String]
  /// The macros of the symbols' maxima: `ICA_EPOCH_MAX_B`.
  var maxima: [String]
  /// The beginnings of the macros of inputs and outputs: `ICA_EPOCH_X`.
  var inputMacros: [String]
  var outputMacros: [String]

  init(
    _ function: ExecutionPlan, _ plan: ModulePlan, _ helpers: CHelpers, _ scope: inout NameScope,
    _ macros: inout NameScope
  ) {
    let tables = plan.tables
    name = scope.claim(
      helpers.prefix + CName.identifier(function.name), endings: ["", "_dims", "_inputs", "_outputs"])
    dimsType = function.symbols.isEmpty ? nil : name + "_dims"
    inputsType = function.inputs.isEmpty ? nil : name + "_inputs"
    outputsType = function.outputs.isEmpty ? nil : name + "_outputs"
    func members(_ names: [String]) -> [String] {
      var scope = NameScope()
      return names.map { scope.claim($0) }
    }
    symbols = members(function.symbols.map { tables.strings[tables.dims.symbols[$0.index].name] })
    inputs = members(function.inputs.map(\.name))
    outputs = members(function.outputs.map(\.name))
    let macro = macros.claim(
      helpers.macroPrefix + CName.identifier(function.name).uppercased(), endings: ["_ARENA_BYTES"])
    func tensors(_ ports: [Port]) -> [String] {
      ports.map {
        macros.claim("\(macro)_\(CName.identifier($0.name).uppercased())", endings: ["_RANK", "_COUNT"])
      }
    }
    maxima = symbols.map { macros.claim("\(macro)_MAX_\($0.uppercased())", endings: [""]) }
    inputMacros = tensors(function.inputs)
    outputMacros = tensors(function.outputs)
    self.macro = macro
  }
}
