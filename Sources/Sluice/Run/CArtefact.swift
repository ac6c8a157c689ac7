public import SluiceC
public import SluiceFormats
public import SluiceIR
import SluiceInterpreter
import SluicePasses
public import SluicePlan

/// Where the parameters of generated C are.
public enum ParameterEmbedding: String, CaseIterable, Sendable {
  /// In the source, where they are at most 1 MiB, else in a file.
  case auto
  /// In the source.
  case params
  /// In a file of their own.
  case none
}

/// Which functions the self-test of generated C runs.
public enum SelfTestExtent: String, CaseIterable, Sendable {
  /// Those that the interpreter runs in a moment.
  case auto
  /// All of them.
  case all
  /// None: there is no self-test.
  case none
}

/// The files of a model as standalone C: source, header, and parameters that are not in the source.
public struct CArtefact: Sendable {
  /// One file.
  public struct File: Sendable {
    /// Its name: `ica.c`.
    public var name: String
    /// Its content.
    public var bytes: [UInt8]
  }

  /// The files, source first.
  public let files: [File]
  /// The plan that the source runs.
  package let plan: ModulePlan

  /// The most bytes of tables in the source; what is larger goes to files of its own.
  static let embeddedLimit = 1 << 20

  /// Compiles a module to C; random initial values are drawn with `seed`.
  ///
  /// With `parameters`, a file of arrays by name, the parameters have its values; throws as
  /// `Session.loadParameters` does. Initial states that are drawn, and identity matrices, are computed in C. Others that
  /// are more than 1 MiB of different numbers are left to `@init` where that writes all variables, else they are a
  /// file, `MODEL.state`; `ParameterEmbedding.params` embeds them always.
  ///
  /// `MODEL.params` and `MODEL.state` are for processors of `byteOrder`.
  ///
  /// With `functions`, these alone are compiled; throws `SessionError` for a name that is none.
  public init(
    _ whole: SluiceIR.Module, functions: [String] = [], seed: Int64 = 0,
    embedding: ParameterEmbedding = .auto, selfTest: SelfTestExtent = .auto,
    byteOrder: ByteOrder = .little,
    parameters: (archive: TensorArchive, path: String)? = nil, options: CompileOptions = CompileOptions()
  ) throws {
    let known = whole.functions.map { whole.tables.strings[whole[$0].name] }
    if let unknown = functions.first(where: { !known.contains($0) }) {
      throw SessionError(
        "`\(whole.name)` has no function `@\(unknown)`; it has \(Session.list(known))")
    }
    let errors = verify(whole)
    guard errors.isEmpty else { throw Diagnostics(errors) }
    let module = functions.isEmpty ? whole : keepFunctions(whole, Set(functions))
    var choices = CSource.Options()
    choices.initialState = Self.initialState(module, embedding, areGiven: parameters != nil)
    var compiled = module
    if choices.initialState == .reset {
      let streams = Self.drawnStates(module, declaredBy: whole, areGiven: parameters != nil)
      if !streams.isEmpty {
        var name = "reset"
        while known.contains(name) { name += "_states" }
        compiled = addingInitialization(to: module, named: name, seed: seed, streams: streams)
        choices.drawing = name
        choices.drawnStates = Set(streams.keys)
      }
    }
    let plan = try compile(compiled, options: options)
    var values: [String: HostTensor] = [:]
    let isDrawnInC = { (name: String) in
      if case .function = choices.initialState { return true }
      return choices.drawnStates.contains(name)
    }
    // Blocks begin with zeros, so those need no values; a state may be larger than this machine's memory.
    let zeros = Set(
      whole.variables.filter { $0.initializer == .zeros }.map { whole.tables.strings[$0.name] })
    if (plan.parameters + plan.states).contains(where: { !isDrawnInC($0.name) && !zeros.contains($0.name) }) {
      // Of all variables, since the numbers drawn depend on their order.
      values = try Session.initialValues(whole, seed: seed)
    }
    if let (archive, path) = parameters {
      values.merge(try Session.parameters(archive, of: plan, declaredBy: whole, path: path)) { $1 }
    }
    try self.init(
      plan, values: values, embedding: embedding, choices, selfTest: selfTest, byteOrder: byteOrder)
  }

  /// Prints a plan that was read as C; the rest is as for a module, but that initial states which are drawn are a table.
  public init(
    _ plan: ModulePlan, seed: Int64 = 0, embedding: ParameterEmbedding = .auto,
    selfTest: SelfTestExtent = .auto, byteOrder: ByteOrder = .little,
    parameters: (archive: TensorArchive, path: String)? = nil
  ) throws {
    var choices = CSource.Options()
    if embedding != .params, plan.stateBytes > Self.embeddedLimit { choices.initialState = .file }
    var values = try Session.initialValues(plan.module, seed: seed)
    if let (archive, path) = parameters {
      values.merge(try Session.parameters(archive, of: plan, declaredBy: plan.module, path: path)) { $1 }
    }
    try self.init(
      plan, values: values, embedding: embedding, choices, selfTest: selfTest, byteOrder: byteOrder)
  }

  /// How the state gets its first values; `areGiven` says that parameters are.
  private static func initialState(
    _ module: SluiceIR.Module, _ embedding: ParameterEmbedding, areGiven: Bool
  ) -> CSource.Options.InitialState {
    // The bytes of the states that are neither one number each nor computed.
    let tableBytes = states(of: module).reduce(0) { sum, variable in
      let bytes = module.tables.types.shape(variable.type).reduce(
        module.tables.types.dtype(variable.type).byteCount
      ) { product, dim in
        let length = Int(clamping: module.tables.dims.value(dim) ?? 0)
        let (bytes, overflows) = product.multipliedReportingOverflow(by: length)
        return overflows ? .max : bytes
      }
      let isTable: Bool
      if areGiven, variable.kind == .parameter {
        isTable = true
      } else if case .data = variable.initializer {
        isTable = true
      } else {
        isTable = false
      }
      return isTable ? sum.addingReportingOverflow(bytes).overflow ? .max : sum + bytes : sum
    }
    if embedding == .params || tableBytes <= embeddedLimit { return .reset }
    if !areGiven, let function = module.function("init"), module.hasSeedAlone(function),
      module[function].results.isEmpty, module.isInitialized(by: function)
    {
      return .function("init")
    }
    return .file
  }

  /// The variables that are in the block of states.
  private static func states(of module: SluiceIR.Module) -> [SluiceIR.Variable] {
    let written = module.writtenVariables
    return module.variables.filter { $0.kind == .state || written.contains($0.name) }
  }

  /// The states whose first values C computes, with the streams that they are drawn from.
  private static func drawnStates(
    _ module: SluiceIR.Module, declaredBy whole: SluiceIR.Module, areGiven: Bool
  ) -> [String: Int] {
    var streams: [String: Int] = [:]
    for (stream, variable) in whole.variables.enumerated() {
      switch variable.initializer {
      case .normal, .uniform, .eye: streams[whole.tables.strings[variable.name]] = stream
      case .zeros, .ones, .constant, .data: continue
      }
    }
    let drawn = states(of: module).filter { !areGiven || $0.kind != .parameter }
    let names = Set(drawn.map { module.tables.strings[$0.name] })
    return streams.filter { names.contains($0.key) }
  }

  private init(
    _ plan: ModulePlan, values: [String: HostTensor], embedding: ParameterEmbedding,
    _ options: CSource.Options, selfTest: SelfTestExtent, byteOrder: ByteOrder
  ) throws {
    let parameters = Self.block(plan.parameters, plan.parameterBytes, values)
    let isEmbedded =
      switch embedding {
      case .params: true
      case .none: false
      case .auto: plan.parameterBytes <= Self.embeddedLimit
      }
    var choices = options
    choices.toolVersion = SluiceVersion.current
    if choices.initialState == .reset, !values.isEmpty {
      choices.states = Self.block(plan.states, plan.stateBytes, values)
    }
    choices.selfTest = Self.selfTest(plan, selfTest, without: choices.drawing)
    choices.parameters = isEmbedded ? .embedded(parameters) : .external
    let (source, header) = CSource.emitC(plan, options: choices)
    let stem = CSource.fileStem(plan)
    var files = [
      File(name: "\(stem).c", bytes: Array(source.utf8)), File(name: "\(stem).h", bytes: Array(header.utf8)),
    ]
    if !isEmbedded, plan.parameterBytes > 0 {
      files.append(
        File(name: "\(stem).params", bytes: ParametersFile.encode(parameters, of: plan, byteOrder: byteOrder))
      )
    }
    if choices.initialState == .file {
      let block = Self.block(plan.states, plan.stateBytes, values)
      files.append(
        File(name: "\(stem).state", bytes: byteOrder.arranged(block, plan.states, plan.tables)))
    }
    self.files = files
    self.plan = plan
  }

  /// The most work of a function that `SelfTestExtent.auto` runs.
  private static let selfTestWork: Int64 = 1 << 21

  /// What functions give for the fixed inputs of the self-test, computed by the interpreter.
  ///
  /// Sizes are small ones that the function takes; it is left out where there are none, where it does too much, or
  /// where a loop does not end soon.
  private static func selfTest(
    _ plan: ModulePlan, _ extent: SelfTestExtent, without drawing: String?
  ) -> [SelfTest.Row] {
    if extent == .none { return [] }
    let bytes = Int64(plan.parameterBytes + plan.stateBytes)
    if extent == .auto, bytes > selfTestWork { return [] }
    let (parameters, states) = (SelfTest.parameters(plan), SelfTest.states(plan))
    let options = PlanInterpreter.Options(iterationLimit: 10_000)
    var rows: [SelfTest.Row] = []
    for (position, function) in plan.functions.enumerated() where function.name != drawing {
      for size in function.symbols.isEmpty ? [0] : [3, 2, 4, 8, 16, 64, 1] as [Int64] {
        let sizes = function.symbols.map { min(size, plan.tables.dims.symbols[$0.index].bound) }
        if extent == .auto, SelfTest.work(plan, function: position, sizes: sizes) > selfTestWork { continue }
        let values = zip(function.symbols, sizes).map { ($0, Int($1)) }
        guard let inputs = SelfTest.inputs(plan, function: position, sizes: sizes),
          var interpreter = try? PlanInterpreter(
            plan, parameters: parameters, states: states, options: options),
          let outputs = try? interpreter.run(
            function.name, inputs: inputs, symbols: Dictionary(uniqueKeysWithValues: values))
        else { continue }
        let hash = SelfTest.hash(interpreter.states, into: SelfTest.hash(outputs, into: SelfTest.seed))
        rows.append(SelfTest.Row(function: position, sizes: sizes, hash: hash))
        break
      }
    }
    return rows
  }

  /// Variables laid out in one block.
  private static func block(
    _ variables: [ModulePlan.Variable], _ byteCount: Int, _ values: [String: HostTensor]
  ) -> [UInt8] {
    var block = [UInt8](repeating: 0, count: byteCount)
    for variable in variables {
      guard let value = values[variable.name] else { continue }
      block.replaceSubrange(variable.offset..<(variable.offset + variable.byteCount), with: value.bytes)
    }
    return block
  }
}

/// The version of Sluice.
public enum SluiceVersion {
  /// As `major.minor.patch`.
  public static let current = "0.1.0"
}
