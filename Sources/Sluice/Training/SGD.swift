import SluiceIR

/// Stochastic gradient descent, with momentum, Nesterov's or the classical one, on request.
///
/// With g the gradient plus `weightDecay` times the parameter p: m := momentum * m + g (m = g without momentum); the
/// direction d is m, or g + momentum * m for Nesterov; p := p - rate * d. Source: Sutskever et al. 2013, "On the
/// importance of initialization and momentum in deep learning", equations 1 to 4, in the form that PyTorch has.
public final class SGD: Optimizer {
  private let momentum: Double
  private let isNesterov: Bool

  /// An optimizer of the parameters of modules.
  ///
  /// - Parameters:
  ///   - modules: Modules, parameters, arrays of them.
  ///   - rate: The learning rate.
  ///   - momentum: The part of the last direction that is kept, 0 to 1.
  ///   - nesterov: Whether the direction looks ahead.
  ///   - weightDecay: What of the parameter is added to its gradient.
  ///   - decayed: Which parameters that is done for.
  ///   - clipping: What is done to gradients first.
  ///   - accumulation: How many calls make one step.
  ///   - name: What the states begin with.
  ///   - file: The file of the declaration.
  ///   - line: The line of the declaration.
  ///   - column: The column of the declaration.
  public init(
    _ modules: Any..., rate: LearningRate, momentum: Double = 0, nesterov: Bool = false,
    weightDecay: Double = 0, decayed: DecayedParameters = .all, clipping: GradientClipping = .none,
    accumulation: Int = 1, name: String = "sgd", file: String = #fileID, line: Int = #line,
    column: Int = #column
  ) {
    self.momentum = momentum
    isNesterov = nesterov
    super.init(
      name, modules, rate: rate, clipping: clipping, weightDecay: weightDecay, decayed: decayed,
      accumulation: accumulation, file: file, line: line, column: column)
  }

  public override func updated(_ parameter: Tensor, _ gradient: Tensor, _ update: ParameterUpdate) -> Tensor {
    let g = update.decay == 0 ? gradient : gradient + update.decay * parameter
    var direction = g
    if momentum != 0 {
      let buffer = update.state("momentum")
      buffer.value = momentum * buffer.value + g
      direction = isNesterov ? g + momentum * buffer.value : buffer.value
    }
    return parameter - update.rate.cast(parameter.dtype) * direction
  }
}
