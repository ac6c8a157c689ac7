import SluiceIR

/// Multi-head self-attention: concat(head_1, ..., head_h) W^O with head_i = attention(x W_i^Q, x W_i^K, x W_i^V).
///
/// Source: Vaswani et al. 2017, section 3.2.2. All four maps have biases; those of all heads are one matrix.
public struct SelfAttention: Module {
  private let query: Linear
  private let key: Linear
  private let value: Linear
  private let output: Linear
  private let width: Int
  private let heads: Int

  /// A layer for `width` features, which `heads` divides.
  ///
  /// - Parameters:
  ///   - width: How many features it takes and gives.
  ///   - heads: How many heads.
  ///   - weights: The initial W^Q, W^K and W^V; as in `Linear` when left out.
  ///   - outputWeights: The initial W^O; as the others when left out.
  ///   - file: The file of the declaration.
  ///   - line: The line of the declaration.
  ///   - column: The column of the declaration.
  public init(
    _ width: Int, heads: Int, weights: Initializer? = nil, outputWeights: Initializer? = nil,
    file: String = #fileID, line: Int = #line, column: Int = #column
  ) {
    func map(_ weights: Initializer?) -> Linear {
      Linear(Dim(width), Dim(width), weights: weights, file: file, line: line, column: column)
    }
    query = map(weights)
    key = map(weights)
    value = map(weights)
    output = map(outputWeights ?? weights)
    self.width = width
    self.heads = heads
  }

  /// Gives `[B, T, width]` for `[B, T, width]`: every position sees all.
  public func forward(_ x: Tensor) -> Tensor { mixed(x) { q, k, v in attention(q, k, v) } }

  /// The layer with another way for positions to see each other: a mask, or keys from elsewhere.
  ///
  /// - Parameters:
  ///   - x: `[B, T, width]`.
  ///   - file: The file of the call.
  ///   - line: The line of the call.
  ///   - column: The column of the call.
  ///   - mixing: Takes queries, keys and values, `[B, heads, T, width / heads]`; gives the same shape.
  /// - Returns: `[B, T, width]`.
  public func callAsFunction(
    _ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column,
    mixing: (_ queries: Tensor, _ keys: Tensor, _ values: Tensor) -> Tensor
  ) -> Tensor {
    guard let trace = Trace.current else { return mixed(x, mixing) }
    trace.enter(self, typeName: "SelfAttention", at: Site(file, line, column))
    defer { trace.leave() }
    return mixed(x, mixing)
  }

  private func mixed(_ x: Tensor, _ mixing: (Tensor, Tensor, Tensor) -> Tensor) -> Tensor {
    func split(_ y: Tensor) -> Tensor {
      y.reshaped(x.shape.dropLast() + [Dim(heads), Dim(width / max(heads, 1))]).transposed(0, 2, 1, 3)
    }
    let mixed = mixing(split(query(x)), split(key(x)), split(value(x)))
    return output(mixed.transposed(0, 2, 1, 3).reshaped(x.shape))
  }
}
