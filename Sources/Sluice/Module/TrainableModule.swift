/// A module that computes something else while it is trained: batch normalisation, dropout, and what is made of them.
///
/// The function that calls it says which of the two it wants:
/// ```swift
/// model.function("train_step") { f in ... net(images, training: true) ... }
/// model.function("predict") { f in ... net(images, training: false) ... }
/// ```
public protocol TrainableModule<Output>: Module where Input == (Tensor, training: Bool) {
  associatedtype Input = (Tensor, training: Bool)
  associatedtype Output

  /// Computes the output; not called directly, since the call is what puts a module on the chain of messages.
  func forward(_ x: Tensor, training: Bool) -> Output
}

extension TrainableModule {
  /// Computes the output; not called directly.
  public func forward(_ input: (Tensor, training: Bool)) -> Output {
    forward(input.0, training: input.training)
  }

  /// Computes the output.
  public func callAsFunction(
    _ x: Tensor, training: Bool, file: String = #fileID, line: Int = #line, column: Int = #column
  ) -> Output {
    callAsFunction((x, training: training), file: file, line: line, column: column)
  }
}
