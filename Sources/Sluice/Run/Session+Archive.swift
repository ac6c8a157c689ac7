public import SluiceFormats
import SluiceIR
import SluicePlan

// Parameters and states from and to files of arrays by name.
extension Session {
  /// What the names of a checkpoint begin with that are no variables of the model, but tell of the training.
  static let trainingPrefix = "training/"

  /// Takes the parameters from arrays of the same names, such as those of a checkpoint; the states stay as they are.
  ///
  /// Throws unless every parameter is there with its dtype and shape, and nothing else is but states of the model and
  /// what a checkpoint says of the training; `path` is for messages.
  public mutating func loadParameters(_ archive: TensorArchive, path: String) throws {
    try setVariables(Self.parameters(archive, of: plan, declaredBy: module, path: path))
  }

  /// The arrays of `archive` by name that are the parameters of `plan`, of functions of `module`.
  static func parameters(
    _ archive: TensorArchive, of plan: ModulePlan, declaredBy module: SluiceIR.Module, path: String
  ) throws -> [String: HostTensor] {
    let rows = plan.learnedVariables
    let known = module.variables.map { module.tables.strings[$0.name] }
    let unknown = archive.names.filter { !$0.hasPrefix(trainingPrefix) }
    try refuse(Set(unknown).subtracting(known), "parameter", rows.map(\.name), path)
    return try values(archive, rows, plan, "parameter", path: path)
  }

  /// Takes all parameters and states from arrays of the same names, as `save(to:)` or a training wrote them.
  ///
  /// Throws unless every parameter and state is there with its dtype and shape, and nothing else is but what a
  /// checkpoint says of the training; nothing has changed then. `path` is for messages.
  public mutating func loadVariables(_ archive: TensorArchive, path: String) throws {
    let rows = plan.parameters + plan.states
    let known = rows.map(\.name)
    let unknown = archive.names.filter { !$0.hasPrefix(Self.trainingPrefix) }
    try Self.refuse(Set(unknown).subtracting(known), "parameter or state", known, path)
    try setVariables(Self.values(archive, rows, plan, "variable", path: path))
  }

  /// Writes all parameters and states to a `.safetensors` or `.npz` file, which is replaced in one step.
  ///
  /// Throws `FileError`.
  public func save(to path: String) throws { try TensorArchive.write(variables(), to: path) }

  /// Throws when there are names that mean nothing here.
  private static func refuse(
    _ unknown: Set<String>, _ what: String, _ known: [String], _ path: String
  ) throws {
    guard !unknown.isEmpty else { return }
    throw SessionError(
      "`\(path)`: the model has no \(what) \(list(unknown.sorted())); it has \(list(known))")
  }

  private static func values(
    _ archive: TensorArchive, _ rows: [ModulePlan.Variable], _ plan: ModulePlan, _ what: String, path: String
  ) throws -> [String: HostTensor] {
    var values: [String: HostTensor] = [:]
    for row in rows {
      guard var value = try archive.tensor(row.name) else {
        throw SessionError(
          "`\(path)`: there is no array for the \(what) `@\(row.name)`; there are \(list(archive.names))")
      }
      do throws(HostTensorError) {
        value = try value.converted(to: plan.tables.types.dtype(row.type))
      } catch {
        throw SessionError(
          "`\(path)`: the \(what) `@\(row.name)` is \(plan.tables.text(row.type)), the array \(value.dtype.name), and "
            + "\(error.description); convert it before it is written")
      }
      try check(value, row, plan, "`\(path)`: the \(what)")
      values[row.name] = value
    }
    return values
  }
}
