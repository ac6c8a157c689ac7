import SluiceIR

/// A part of a model with parameters of its own: a layer, a block, a network.
///
/// ```swift
/// struct MLP: Module {
///   let hidden = Linear(64, 32)
///   let output = Linear(32, 10)
///
///   func forward(_ x: Tensor) -> Tensor { output(relu(hidden(x))) }
/// }
/// ```
/// A module is called as a function, `net(x)`. Its parameters are named by the properties that lead to them,
/// `hidden.weight`, through structs, classes, arrays, optionals and tuples; the properties of the outermost module
/// that a function calls count, or those of a module that was given to `model.module(_:_:)`.
public protocol Module<Input, Output> {
  /// What `forward` takes: a tensor, or a tuple of tensors.
  associatedtype Input
  /// What `forward` gives.
  associatedtype Output

  /// Computes the output; not called directly, since the call is what puts a module on the chain of messages.
  func forward(_ input: Input) -> Output
}

extension Module {
  /// Computes the output.
  public func callAsFunction(
    _ input: Input, file: String = #fileID, line: Int = #line, column: Int = #column
  ) -> Output {
    guard let trace = Trace.current else { return forward(input) }
    trace.enter(self, typeName: "\(Self.self)", at: Site(file, line, column))
    defer { trace.leave() }
    return forward(input)
  }
}

/// An array of modules is the module that applies one after the other.
extension Array: Module where Element: Module<Tensor, Tensor> {
  /// The last one of the first one of the input.
  public func forward(_ input: Tensor) -> Tensor { reduce(input) { $1($0) } }
}
