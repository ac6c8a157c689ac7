import SluiceIR

/// What a closure gives, traced in a scope of its own.
///
/// The ops that the closure makes have the scope of the call with `/name` behind it: `gpt/layers.0/rotary`. Scopes are
/// names for people: dumps, remarks and the comments of generated C show them, nothing depends on them. Modules,
/// losses and optimizers are scopes without asking.
///
/// - Parameters:
///   - name: An identifier; dots make scopes inside of each other.
///   - file: The file of the call.
///   - line: The line of the call.
///   - column: The column of the call.
///   - body: What is traced.
/// - Returns: What `body` gives.
public func namedScope<Result, Failure: Error>(
  _ name: String, file: String = #fileID, line: Int = #line, column: Int = #column,
  _ body: () throws(Failure) -> Result
) throws(Failure) -> Result {
  let site = Site(file, line, column)
  guard isIdentifier(name, dots: true) else {
    Trace.current?.report("`\(name)` is no name of a scope", hint: Trace.nameHint, at: site)
    return try body()
  }
  return try Trace.scoped(name, at: site, body)
}
