import SluiceC
public import SluiceFormats
public import SluiceIR
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

  /// Compiles a module to C; random initial values are drawn with `seed`.
  ///
  /// With `parameters`, a file of arrays by name, the parameters have its values; throws as
  /// `Session.loadParameters` does.
  public init(
    _ module: SluiceIR.Module, seed: Int64 = 0, embedding: ParameterEmbedding = .auto,
    parameters: (archive: TensorArchive, path: String)? = nil, options: CompileOptions = CompileOptions()
  ) throws {
    let plan = try compile(module, options: options)
    var values = try Session.initialValues(module, seed: seed)
    if let (archive, path) = parameters {
      values.merge(try Session.parameters(archive, of: plan, path: path)) { $1 }
    }
    try self.init(plan, values: values, embedding: embedding)
  }

  init(_ plan: ModulePlan, values: [String: HostTensor], embedding: ParameterEmbedding) throws {
    let parameters = Self.block(plan.parameters, plan.parameterBytes, values)
    let isEmbedded =
      switch embedding {
      case .params: true
      case .none: false
      case .auto: plan.parameterBytes <= 1 << 20
      }
    var choices = CSource.Options()
    choices.toolVersion = SluiceVersion.current
    choices.states = Self.block(plan.states, plan.stateBytes, values)
    choices.parameters = isEmbedded ? .embedded(parameters) : .external
    let (source, header) = CSource.emitC(plan, options: choices)
    let stem = CSource.fileStem(plan)
    var files = [
      File(name: "\(stem).c", bytes: Array(source.utf8)), File(name: "\(stem).h", bytes: Array(header.utf8)),
    ]
    if !isEmbedded, plan.parameterBytes > 0 {
      files.append(File(name: "\(stem).params", bytes: ParametersFile.encode(parameters, of: plan)))
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
