public import SluiceFormats
import SluiceIR
import SluicePlan

// Parameters from files of arrays by name.
extension Session {
  /// Takes the parameters from arrays of the same names, such as those of a checkpoint; the states begin anew.
  ///
  /// Throws unless every parameter is there with its dtype and shape, and nothing else is; `path` is for messages.
  public mutating func loadParameters(_ archive: TensorArchive, path: String) throws {
    try setParameters(Self.parameters(archive, of: plan, path: path))
  }

  /// The arrays of `archive` by name, which are exactly the parameters of `plan`.
  static func parameters(
    _ archive: TensorArchive, of plan: ModulePlan, path: String
  ) throws -> [String: HostTensor] {
    let rows = plan.learnedVariables
    let known = rows.map(\.name)
    let unknown = Set(archive.names).subtracting(known).sorted()
    guard unknown.isEmpty else {
      throw SessionError(
        "`\(path)`: the model has no parameter \(list(unknown)); it has \(list(known))")
    }
    var values: [String: HostTensor] = [:]
    for parameter in rows {
      guard let value = try archive.tensor(parameter.name) else {
        throw SessionError(
          "`\(path)`: there is no array for the parameter `@\(parameter.name)`; there are \(list(archive.names))"
        )
      }
      try check(value, parameter, plan, "`\(path)`: the parameter")
      values[parameter.name] = value
    }
    return values
  }
}
