import SluiceIR

/// The keys and values of the positions so far, so that the next one is computed alone.
///
/// Both are states `[streams, heads, length, features]`. What was never written is zero, and is to be masked.
public struct KeyValueCache: Module {
  private let _keys: State
  private let _values: State

  /// A cache for `streams` sequences of at most `length` positions.
  public init(
    streams: Int, heads: Int, length: Int, features: Int, file: String = #fileID, line: Int = #line,
    column: Int = #column
  ) {
    let shape: Shape = [Dim(streams), Dim(heads), Dim(length), Dim(features)]
    _keys = State(shape, file: file, line: line, column: column)
    _values = State(shape, file: file, line: line, column: column)
  }

  /// Writes keys and values of one position, and gives those of all.
  ///
  /// - Parameter input: Keys and values, `[streams, heads, 1, features]`, and the position, an integer scalar; one
  ///   behind the last counts as the last.
  /// - Returns: The states.
  public func forward(_ input: (keys: Tensor, values: Tensor, position: Tensor)) -> (
    keys: Tensor, values: Tensor
  ) {
    func written(_ state: State, _ part: Tensor) -> Tensor {
      let first = constant(0, .i32)
      state.value = dynamicUpdateSlice(state.value, part, starts: [first, first, input.position, first])
      return state.value
    }
    return (written(_keys, input.keys), written(_values, input.values))
  }
}
