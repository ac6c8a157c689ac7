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
  /// The function of the plan that is a part of `reset`.
  let drawing: Int?

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
    let helpers = CHelpers(prefix: CName.stem(plan.module.name) + "_")
    self.helpers = helpers
    var scope = NameScope(prefix: helpers.prefix, CVocabulary.own.names.map { helpers.prefix + $0 })
    var macros = NameScope(prefix: helpers.prefix, CVocabulary.own.macros.map { helpers.macroPrefix + $0 })
    for position in plan.functions.indices {
      _ = scope.claim("\(helpers.prefix)test\(position)", endings: [""])
    }
    var functions: [CFunction] = []
    let drawing = plan.functions.firstIndex { $0.name == options.drawing }
    self.drawing = drawing
    for (position, function) in plan.functions.enumerated() {
      functions.append(
        CFunction(function, plan, helpers, &scope, &macros, fixedName: position == drawing ? "reset" : nil))
    }
    self.functions = functions
    func claim(_ variables: [ModulePlan.Variable], _ role: String) -> [String] {
      let base = helpers.macroPrefix + role
      return variables.map {
        macros.claim(base + CName.file($0.name).uppercased(), endings: ["_OFFSET", "_COUNT"])
      }
    }
    parameterMacros = claim(plan.parameters, "PARAM_")
    stateMacros = claim(plan.states, "STATE_")
    kernelNames = plan.kernels.enumerated().map { position, kernel in
      let name = "\(helpers.prefix)k\(position)_\(CName.file(kernel.name))"
      return scope.claim(name, endings: ["", "_row", "_part", "_job", "_call"])
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
      constantNames[id] = scope.claim("\(helpers.prefix)constant\(constantNames.count)", endings: [""])
    }
    self.constantNames = constantNames
    stateNames = plan.states.indices.map { scope.claim("\(helpers.prefix)initial_state\($0)", endings: [""]) }
    helpers.scope = scope
    uses = Self.uses(plan)
  }

  /// What the calls of each kernel have in common.
  private static func uses(_ plan: ModulePlan) -> [CKernelUse] {
    var uses = [CKernelUse](repeating: CKernelUse(), count: plan.kernels.count)
    for function in plan.functions {
      var isTogether = false
      for step in function.steps {
        if step == .together { isTogether = true }
        if step == .end { isTogether = false }
        guard case .call(let kernel, let arguments) = step else { continue }
        if isTogether {
          uses[kernel.index].isTogether = true
        } else {
          uses[kernel.index].isAlone = true
        }
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

  /// The functions that callers see, as positions in the plan.
  var publicFunctions: [Int] { functions.indices.filter { $0 != drawing } }

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
    _ macros: inout NameScope, fixedName: String? = nil
  ) {
    let tables = plan.tables
    let word = fixedName ?? CName.file(function.name)
    name =
      fixedName.map(helpers.name)
      ?? scope.claim(helpers.prefix + word, endings: ["", "_dims", "_inputs", "_outputs"])
    dimsType = function.symbols.isEmpty ? nil : name + "_dims"
    inputsType = function.inputs.isEmpty ? nil : name + "_inputs"
    outputsType = function.outputs.isEmpty ? nil : name + "_outputs"
    func members(_ names: [String]) -> [String] {
      var scope = NameScope(prefix: helpers.prefix)
      return names.map { scope.claim($0) }
    }
    symbols = members(function.symbols.map { tables.strings[tables.dims.symbols[$0.index].name] })
    inputs = members(function.inputs.map(\.name))
    outputs = members(function.outputs.map(\.name))
    let macro = macros.claim(helpers.macroPrefix + word.uppercased(), endings: ["_ARENA_BYTES"])
    func tensors(_ ports: [Port]) -> [String] {
      ports.map {
        macros.claim("\(macro)_\(CName.file($0.name).uppercased())", endings: ["_RANK", "_COUNT"])
      }
    }
    maxima = symbols.map { macros.claim("\(macro)_MAX_\(CName.file($0).uppercased())", endings: [""]) }
    inputMacros = tensors(function.inputs)
    outputMacros = tensors(function.outputs)
    self.macro = macro
  }
}
