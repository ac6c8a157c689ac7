import SluiceIR

/// Batch normalisation of images, `[N, C, H, W]` (Ioffe and Szegedy 2015): `(x - mean) / sqrt(variance + epsilon)`,
/// channel by channel, then times a weight plus a bias.
///
/// In training, mean and variance are those of the batch (algorithm 1), and the states follow them:
/// `running := (1 - momentum) running + momentum batch`, with the variance over n - 1 (algorithm 2, step 10). Otherwise
/// they are what the states say. Momentum and epsilon are PyTorch's.
public struct BatchNorm2d: TrainableModule {
  @Param private var weight: Tensor
  @Param private var bias: Tensor
  private let runningMean: State
  private let runningVariance: State
  private let momentum: Double
  private let epsilon: Double

  /// A layer for `channels` channels.
  ///
  /// - Parameters:
  ///   - channels: How many channels images have.
  ///   - momentum: How much of its own a batch gives to the running mean and variance.
  ///   - epsilon: What keeps the root away from 0.
  ///   - weights: The initial weight; a block whose last one is 0 begins as the identity (Goyal et al. 2017, 5.1).
  ///   - file: The file of the declaration.
  ///   - line: The line of the declaration.
  ///   - column: The column of the declaration.
  public init(
    _ channels: Int, momentum: Double = 0.1, epsilon: Double = 1e-5, weights: Initializer = .ones,
    file: String = #fileID, line: Int = #line, column: Int = #column
  ) {
    let shape = Shape([Dim(channels)])
    _weight = Param(shape, weights, file: file, line: line, column: column)
    _bias = Param(shape, .zeros, file: file, line: line, column: column)
    runningMean = State(shape, .zeros, file: file, line: line, column: column)
    runningVariance = State(shape, .ones, file: file, line: line, column: column)
    self.momentum = momentum
    self.epsilon = epsilon
  }

  /// Gives the shape that it takes, `[N, C, H, W]`.
  public func forward(_ x: Tensor, training: Bool) -> Tensor {
    guard training else {
      return batchNorm(
        x, mean: runningMean.value, variance: runningVariance.value, weight: weight, bias: bias,
        epsilon: epsilon)
    }
    let mean = x.mean(axes: [0, 2, 3])
    let variance = x.variance(axes: [0, 2, 3])
    let count = size(of: x.shape[0] * x.shape[2] * x.shape[3], x.dtype)
    runningMean.value = (1 - momentum) * runningMean.value + momentum * mean
    runningVariance.value =
      (1 - momentum) * runningVariance.value + momentum * (variance * (count / maximum(count - 1, 1)))
    return batchNorm(x, mean: mean, variance: variance, weight: weight, bias: bias, epsilon: epsilon)
  }
}
