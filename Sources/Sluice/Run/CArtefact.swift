public import SluiceC
public import SluiceFormats
public import SluiceIR
import SluiceInterpreter
import SluicePasses
import SluicePlan

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

  /// The most bytes of tables in the source; what is larger goes to files of its own.
  static let embeddedLimit = 1 << 20

  /// Compiles a module to C; random initial values are drawn with `seed`.
  ///
  /// With `parameters`, a file of arrays by name, the parameters have its values; throws as
  /// `Session.loadParameters` does. Initial states that are more than 1 MiB of different numbers are left to `@init`
  /// where that writes all variables, else they are a file, `MODEL.state`; `ParameterEmbedding.params` embeds them always.
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
    let plan = try compile(module, options: options)
    let initialState = Self.initialState(plan, module, embedding, areGiven: parameters != nil)
    var values: [String: HostTensor] = [:]
    if case .function = initialState {
      // It writes all variables, so none needs a value here.
    } else {
      // Of all variables, since the numbers drawn depend on their order.
      values = try Session.initialValues(whole, seed: seed)
    }
    if let (archive, path) = parameters {
      values.merge(try Session.parameters(archive, of: plan, declaredBy: whole, path: path)) { $1 }
    }
    try self.init(
      plan, values: values, embedding: embedding, initialState: initialState, selfTest: selfTest,
      byteOrder: byteOrder)
  }

  /// How the state gets its first values; `areGiven` says that parameters are.
  private static func initialState(
    _ plan: ModulePlan, _ module: SluiceIR.Module, _ embedding: ParameterEmbedding, areGiven: Bool
  ) -> CSource.Options.InitialState {
    // The bytes of the states that are not one number each.
    let states = Dictionary(uniqueKeysWithValues: plan.states.map { ($0.name, $0) })
    let tableBytes = module.variables.reduce(0) { sum, variable in
      guard let row = states[module.tables.strings[variable.name]] else { return sum }
      if areGiven, row.isParameter { return sum + row.byteCount }
      switch variable.initializer {
      case .zeros, .ones, .constant: return sum
      case .eye, .normal, .uniform, .data: return sum + row.byteCount
      }
    }
    if embedding == .params || tableBytes <= embeddedLimit { return .reset }
    if !areGiven, let function = module.function("init"), module.hasSeedAlone(function),
      module[function].results.isEmpty, module.isInitialized(by: function)
    {
      return .function("init")
    }
    return .file
  }

  private init(
    _ plan: ModulePlan, values: [String: HostTensor], embedding: ParameterEmbedding,
    initialState: CSource.Options.InitialState, selfTest: SelfTestExtent,
    byteOrder: ByteOrder
  ) throws {
    let parameters = Self.block(plan.parameters, plan.parameterBytes, values)
    let isEmbedded =
      switch embedding {
      case .params: true
      case .none: false
      case .auto: plan.parameterBytes <= Self.embeddedLimit
      }
    var choices = CSource.Options()
    choices.toolVersion = SluiceVersion.current
    choices.initialState = initialState
    if initialState == .reset { choices.states = Self.block(plan.states, plan.stateBytes, values) }
    choices.selfTest = Self.selfTest(plan, selfTest)
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
    if initialState == .file {
      let block = Self.block(plan.states, plan.stateBytes, values)
      files.append(
        File(name: "\(stem).state", bytes: byteOrder.arranged(block, plan.states, plan.tables)))
    }
    self.files = files
  }

  /// The most work of a function that `SelfTestExtent.auto` runs.
  private static let selfTestWork: Int64 = 1 << 21

  /// What functions give for the fixed inputs of the self-test, computed by the interpreter.
  ///
  /// Sizes are small ones that the function takes; it is left out where there are none, where it does too much, or
  /// where a loop does not end soon.
  private static func selfTest(_ plan: ModulePlan, _ extent: SelfTestExtent) -> [SelfTest.Row] {
    if extent == .none { return [] }
    let bytes = Int64(plan.parameterBytes + plan.stateBytes)
    if extent == .auto, bytes > selfTestWork { return [] }
    let (parameters, states) = (SelfTest.parameters(plan), SelfTest.states(plan))
    let options = PlanInterpreter.Options(iterationLimit: 10_000)
    var rows: [SelfTest.Row] = []
    for (position, function) in plan.functions.enumerated() {
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
