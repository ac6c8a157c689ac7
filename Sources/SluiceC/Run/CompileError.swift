/// Why C could not be compiled or loaded.
public struct CompileError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What went wrong.
  public enum Kind: Hashable, Sendable {
    /// There is no C compiler.
    case noCompiler
    /// The compiler was started and failed, or could not be started.
    case compiler
    /// There is no folder for the compiled files.
    case cache
    /// The compiled file cannot be loaded.
    case load
  }

  /// What went wrong.
  public let kind: Kind
  /// What was seen and the way out: lower case, no full stop; what the compiler said stands in lines of its own.
  public let description: String

  init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }
}
