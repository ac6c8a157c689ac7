import SluiceC
public import SluiceFormats
public import SluiceIR
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
  /// With `functions`, these alone are compiled; throws `SessionError` for a name that is none.
  public init(
    _ whole: SluiceIR.Module, functions: [String] = [], seed: Int64 = 0,
    embedding: ParameterEmbedding = .auto,
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
    try self.init(plan, values: values, embedding: embedding, initialState: initialState)
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
    initialState: CSource.Options.InitialState
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
    choices.parameters = isEmbedded ? .embedded(parameters) : .external
    let (source, header) = CSource.emitC(plan, options: choices)
    let stem = CSource.fileStem(plan)
    var files = [
      File(name: "\(stem).c", bytes: Array(source.utf8)), File(name: "\(stem).h", bytes: Array(header.utf8)),
    ]
    if !isEmbedded, plan.parameterBytes > 0 {
      files.append(File(name: "\(stem).params", bytes: ParametersFile.encode(parameters, of: plan)))
    }
    if initialState == .file {
      files.append(File(name: "\(stem).state", bytes: Self.block(plan.states, plan.stateBytes, values)))
    }
    self.files = files
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
