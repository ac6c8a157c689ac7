public import SluiceIR

/// A parameter of a module: a tensor that is learned.
///
/// As a property wrapper, `@Param var weight: Tensor` with `_weight = Param([64, 32])` in the initialiser; or as a
/// value, what `model.parameter(...)` gives. It may be read in functions only. A function may write it, which is
/// what an optimizer does; compiled without such functions it is constant.
@propertyWrapper
public struct Param: Sendable {
  let cell: VariableCell

  /// A parameter.
  ///
  /// - Parameters:
  ///   - shape: The shape; its dims are integers.
  ///   - initializer: The value before training.
  ///   - dtype: The element type.
  ///   - file: The file of the declaration.
  ///   - line: The line of the declaration.
  ///   - column: The column of the declaration.
  public init(
    _ shape: Shape, _ initializer: Initializer = .zeros, dtype: DType = .f32, file: String = #fileID,
    line: Int = #line, column: Int = #column
  ) {
    cell = VariableCell(.parameter, shape, dtype, initializer, Site(file, line, column))
  }

  /// The tensor at this point of the function.
  public var value: Tensor {
    get { cell.tensor }
    nonmutating set { Trace.current?.write(cell, newValue) }
  }

  /// The tensor at this point of the function.
  public var wrappedValue: Tensor { cell.tensor }
}

/// A state of a module: a tensor that functions read at entry and may change on return.
///
/// As a property wrapper, `@State var count: Tensor` with `_count = State([], dtype: .i32)` in the initialiser; or
/// as a value, what `model.state(...)` gives. An assignment changes what the rest of the function reads, and what
/// the next call finds. It needs a tensor of exactly this shape and dtype, and must not stand in the body of a
/// `scan`.
@propertyWrapper
public struct State: Sendable {
  let cell: VariableCell

  /// A state.
  ///
  /// - Parameters:
  ///   - shape: The shape; its dims are integers.
  ///   - initializer: The value before the first call.
  ///   - dtype: The element type.
  ///   - file: The file of the declaration.
  ///   - line: The line of the declaration.
  ///   - column: The column of the declaration.
  public init(
    _ shape: Shape, _ initializer: Initializer = .zeros, dtype: DType = .f32, file: String = #fileID,
    line: Int = #line, column: Int = #column
  ) {
    cell = VariableCell(.state, shape, dtype, initializer, Site(file, line, column))
  }

  /// The tensor at this point of the function.
  public var value: Tensor {
    get { cell.tensor }
    nonmutating set { Trace.current?.write(cell, newValue) }
  }

  /// The tensor at this point of the function.
  public var wrappedValue: Tensor {
    get { cell.tensor }
    nonmutating set { Trace.current?.write(cell, newValue) }
  }
}

extension VariableCell {
  /// The tensor at this point of the function that is being traced.
  var tensor: Tensor { Trace.current?.read(self) ?? .homeless }
}
