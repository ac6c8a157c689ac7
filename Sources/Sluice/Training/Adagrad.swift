import SluiceIR

/// Adagrad: gradients divided by the root of the sum of all their squares so far, for sparse gradients.
///
/// With g the gradient plus `weightDecay` times the parameter p: v := v + g^2, p := p - rate g / (sqrt(v) + epsilon).
/// Source: Duchi et al. 2011, "Adaptive subgradient methods for online learning and stochastic optimization", figure 1
/// with a diagonal matrix. PyTorch's `lr_decay` is a schedule: `LearningRate`.
public final class Adagrad: Optimizer {
  private let epsilon: Double

  /// An optimizer of the parameters of modules.
  ///
  /// - Parameters:
  ///   - modules: Modules, parameters, arrays of them.
  ///   - rate: The learning rate.
  ///   - epsilon: What keeps the divisor from 0.
  ///   - weightDecay: What of the parameter is added to its gradient.
  ///   - decayed: Which parameters that is done for.
  ///   - clipping: What is done to gradients first.
  ///   - accumulation: How many calls make one step.
  ///   - name: What the states begin with.
  ///   - file: The file of the declaration.
  ///   - line: The line of the declaration.
  ///   - column: The column of the declaration.
  public init(
    _ modules: Any..., rate: LearningRate = 1e-2, epsilon: Double = 1e-10, weightDecay: Double = 0,
    decayed: DecayedParameters = .all, clipping: GradientClipping = .none, accumulation: Int = 1,
    name: String = "adagrad", file: String = #fileID, line: Int = #line, column: Int = #column
  ) {
    self.epsilon = epsilon
    super.init(
      name, modules, rate: rate, clipping: clipping, weightDecay: weightDecay, decayed: decayed,
      accumulation: accumulation, file: file, line: line, column: column)
  }

  public override func updated(_ parameter: Tensor, _ gradient: Tensor, _ update: ParameterUpdate) -> Tensor {
    let g = update.decay == 0 ? gradient : gradient + update.decay * parameter
    let v = update.state("v")
    v.value = v.value + g * g
    return parameter - update.rate.cast(parameter.dtype) * (g / (sqrt(v.value) + epsilon))
  }
}
