import SluiceIR

/// Lion: steps of the size of the rate in every element, by the sign of a mean of gradients.
///
/// With the gradient g and the parameter p: c = beta1 m + (1 - beta1) g, p := p (1 - rate * weightDecay) - rate sign(c),
/// then m := beta2 m + (1 - beta2) g. Rates are a third to a tenth of AdamW's, decay so many times more. Source: Chen et
/// al. 2023, "Symbolic discovery of optimization algorithms", algorithm 2.
public final class Lion: Optimizer {
  private let beta1: Double
  private let beta2: Double

  /// An optimizer of the parameters of modules.
  ///
  /// - Parameters:
  ///   - modules: Modules, parameters, arrays of them.
  ///   - rate: The learning rate.
  ///   - beta1: What of the mean of gradients counts in a step, 0 to 1.
  ///   - beta2: How slowly that mean forgets, 0 to 1.
  ///   - weightDecay: How strongly parameters are pulled towards 0, apart from the gradient.
  ///   - decayed: Which parameters are.
  ///   - clipping: What is done to gradients first.
  ///   - accumulation: How many calls make one step.
  ///   - name: What the states begin with.
  ///   - file: The file of the declaration.
  ///   - line: The line of the declaration.
  ///   - column: The column of the declaration.
  public init(
    _ modules: Any..., rate: LearningRate = 1e-4, beta1: Double = 0.9, beta2: Double = 0.99,
    weightDecay: Double = 0, decayed: DecayedParameters = .matrices, clipping: GradientClipping = .none,
    accumulation: Int = 1, name: String = "lion", file: String = #fileID, line: Int = #line,
    column: Int = #column
  ) {
    self.beta1 = beta1
    self.beta2 = beta2
    super.init(
      name, modules, rate: rate, clipping: clipping, weightDecay: weightDecay, decayed: decayed,
      accumulation: accumulation, file: file, line: line, column: column)
  }

  public override func updated(_ parameter: Tensor, _ gradient: Tensor, _ update: ParameterUpdate) -> Tensor {
    let m = update.state("m")
    let direction = sign(beta1 * m.value + (1 - beta1) * gradient)
    m.value = beta2 * m.value + (1 - beta2) * gradient
    let kept =
      update.decay == 0
      ? parameter : parameter * (1 - update.rate * update.decay).cast(parameter.dtype)
    return kept - update.rate.cast(parameter.dtype) * direction
  }
}
