import SluiceIR

/// RMSprop: gradients divided by the root of a running mean of their squares.
///
/// With g the gradient plus `weightDecay` times the parameter p: v := smoothing v + (1 - smoothing) g^2; the direction d
/// is g / (sqrt(v) + epsilon), centered g / (sqrt(v - a^2) + epsilon) with a := smoothing a + (1 - smoothing) g; with
/// momentum b := momentum b + d, p := p - rate b, else p := p - rate d. Source: Tieleman and Hinton 2012, lecture 6.5
/// of "Neural networks for machine learning"; centered as in Graves 2013, equations 38 to 40, in the form that PyTorch
/// has.
public final class RMSprop: Optimizer {
  private let smoothing: Double
  private let epsilon: Double
  private let momentum: Double
  private let isCentered: Bool

  /// An optimizer of the parameters of modules.
  ///
  /// - Parameters:
  ///   - modules: Modules, parameters, arrays of them.
  ///   - rate: The learning rate.
  ///   - smoothing: How slowly the mean of squares forgets, 0 to 1.
  ///   - epsilon: What keeps the divisor from 0.
  ///   - momentum: The part of the last direction that is kept, 0 to 1.
  ///   - centered: Whether squares are taken around a running mean of gradients.
  ///   - weightDecay: What of the parameter is added to its gradient.
  ///   - decayed: Which parameters that is done for.
  ///   - clipping: What is done to gradients first.
  ///   - accumulation: How many calls make one step.
  ///   - name: What the states begin with.
  ///   - file: The file of the declaration.
  ///   - line: The line of the declaration.
  ///   - column: The column of the declaration.
  public init(
    _ modules: Any..., rate: LearningRate = 1e-2, smoothing: Double = 0.99, epsilon: Double = 1e-8,
    momentum: Double = 0, centered: Bool = false, weightDecay: Double = 0,
    decayed: DecayedParameters = .all, clipping: GradientClipping = .none, accumulation: Int = 1,
    name: String = "rmsprop", file: String = #fileID, line: Int = #line, column: Int = #column
  ) {
    self.smoothing = smoothing
    self.epsilon = epsilon
    self.momentum = momentum
    isCentered = centered
    super.init(
      name, modules, rate: rate, clipping: clipping, weightDecay: weightDecay, decayed: decayed,
      accumulation: accumulation, file: file, line: line, column: column)
  }

  public override func updated(_ parameter: Tensor, _ gradient: Tensor, _ update: ParameterUpdate) -> Tensor {
    let g = update.decay == 0 ? gradient : gradient + update.decay * parameter
    let v = update.state("v")
    v.value = smoothing * v.value + (1 - smoothing) * (g * g)
    var square = v.value
    if isCentered {
      let mean = update.state("mean")
      mean.value = smoothing * mean.value + (1 - smoothing) * g
      // Rounding could make it negative.
      square = maximum(square - mean.value * mean.value, 0)
    }
    var direction = g / (sqrt(square) + epsilon)
    if momentum != 0 {
      let buffer = update.state("momentum")
      buffer.value = momentum * buffer.value + direction
      direction = buffer.value
    }
    return parameter - update.rate.cast(parameter.dtype) * direction
  }
}
