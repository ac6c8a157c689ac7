import SluiceIR

/// Adam: steps of the size of the rate, whatever the size of gradients.
///
/// With g the gradient plus `weightDecay` times the parameter p: m := beta1 m + (1 - beta1) g,
/// v := beta2 v + (1 - beta2) g^2, p := p - rate m' / (sqrt(v') + epsilon) with m' = m / (1 - beta1^t) and
/// v' = v / (1 - beta2^t) in step t. Source: Kingma and Ba 2015, algorithm 1. The corrections are computed in f64.
public class Adam: Optimizer {
  /// How slowly the mean of gradients forgets.
  public let beta1: Double
  /// How slowly the mean of their squares forgets.
  public let beta2: Double
  /// What keeps the divisor from 0.
  public let epsilon: Double

  /// An optimizer of the parameters of modules.
  ///
  /// - Parameters:
  ///   - modules: Modules, parameters, arrays of them.
  ///   - rate: The learning rate.
  ///   - beta1: How slowly the mean of gradients forgets, 0 to 1.
  ///   - beta2: How slowly the mean of their squares forgets, 0 to 1.
  ///   - epsilon: What keeps the divisor from 0.
  ///   - weightDecay: What of the parameter is added to its gradient.
  ///   - decayed: Which parameters that is done for.
  ///   - clipping: What is done to gradients first.
  ///   - accumulation: How many calls make one step.
  ///   - name: What the states begin with.
  ///   - file: The file of the declaration.
  ///   - line: The line of the declaration.
  ///   - column: The column of the declaration.
  public convenience init(
    _ modules: Any..., rate: LearningRate = 1e-3, beta1: Double = 0.9, beta2: Double = 0.999,
    epsilon: Double = 1e-8, weightDecay: Double = 0, decayed: DecayedParameters = .all,
    clipping: GradientClipping = .none, accumulation: Int = 1, name: String = "adam",
    file: String = #fileID, line: Int = #line, column: Int = #column
  ) {
    self.init(
      modules, rate, beta1, beta2, epsilon, weightDecay, decayed, clipping, accumulation, name,
      at: Site(file, line, column))
  }

  init(
    _ modules: [Any], _ rate: LearningRate, _ beta1: Double, _ beta2: Double, _ epsilon: Double,
    _ weightDecay: Double, _ decayed: DecayedParameters, _ clipping: GradientClipping, _ accumulation: Int,
    _ name: String, at site: Site
  ) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    super.init(
      name, modules, rate: rate, clipping: clipping, weightDecay: weightDecay, decayed: decayed,
      accumulation: accumulation, file: site.file, line: site.line, column: site.column)
  }

  public override func updated(_ parameter: Tensor, _ gradient: Tensor, _ update: ParameterUpdate) -> Tensor {
    let g = update.decay == 0 ? gradient : gradient + update.decay * parameter
    return parameter - update.rate.cast(parameter.dtype) * direction(g, update)
  }

  /// `m' / (sqrt(v') + epsilon)`, with the states m and v brought up to date.
  func direction(_ g: Tensor, _ update: ParameterUpdate) -> Tensor {
    let m = update.state("m")
    let v = update.state("v")
    m.value = beta1 * m.value + (1 - beta1) * g
    v.value = beta2 * v.value + (1 - beta2) * (g * g)
    let one = (1 - power(beta1, update.step)).cast(g.dtype)
    let two = sqrt(1 - power(beta2, update.step)).cast(g.dtype)
    return (m.value / one) / (sqrt(v.value) / two + epsilon)
  }
}

/// Adam with weight decay apart from the gradient: p := p (1 - rate * weightDecay) before the step.
///
/// Source: Loshchilov and Hutter 2019, "Decoupled weight decay regularization", algorithm 2.
public final class AdamW: Adam {
  /// An optimizer of the parameters of modules; see `Adam` for what it takes.
  public convenience init(
    _ modules: Any..., rate: LearningRate = 1e-3, beta1: Double = 0.9, beta2: Double = 0.999,
    epsilon: Double = 1e-8, weightDecay: Double = 0.01, decayed: DecayedParameters = .matrices,
    clipping: GradientClipping = .none, accumulation: Int = 1, name: String = "adamw",
    file: String = #fileID, line: Int = #line, column: Int = #column
  ) {
    self.init(
      modules, rate, beta1, beta2, epsilon, weightDecay, decayed, clipping, accumulation, name,
      at: Site(file, line, column))
  }

  public override func updated(_ parameter: Tensor, _ gradient: Tensor, _ update: ParameterUpdate) -> Tensor {
    let rate = update.rate.cast(parameter.dtype)
    let kept =
      update.decay == 0
      ? parameter : parameter * (1 - update.rate * update.decay).cast(parameter.dtype)
    return kept - rate * direction(gradient, update)
  }
}

/// Adam with steps in proportion to the parameter, layer by layer, for large batches.
///
/// With d Adam's direction plus `weightDecay` times the parameter p: p := p - rate (|p| / |d|) d, with norms over the
/// whole parameter; the ratio is 1 where a norm is 0. Source: You et al. 2020, "Large batch optimization for deep
/// learning", algorithm 2, with the identity as phi.
public final class LAMB: Adam {
  /// An optimizer of the parameters of modules; see `Adam` for what it takes.
  public convenience init(
    _ modules: Any..., rate: LearningRate = 1e-3, beta1: Double = 0.9, beta2: Double = 0.999,
    epsilon: Double = 1e-6, weightDecay: Double = 0.01, decayed: DecayedParameters = .matrices,
    clipping: GradientClipping = .none, accumulation: Int = 1, name: String = "lamb",
    file: String = #fileID, line: Int = #line, column: Int = #column
  ) {
    self.init(
      modules, rate, beta1, beta2, epsilon, weightDecay, decayed, clipping, accumulation, name,
      at: Site(file, line, column))
  }

  public override func updated(_ parameter: Tensor, _ gradient: Tensor, _ update: ParameterUpdate) -> Tensor {
    let adam = direction(gradient, update)
    let d = update.decay == 0 ? adam : adam + update.decay * parameter
    let (size, length) = (sqrt((parameter * parameter).sum()), sqrt((d * d).sum()))
    let isUsable = (size .> 0) .& (length .> 0)
    let trust = select(where: isUsable, size / length, 1)
    return parameter - update.rate.cast(parameter.dtype) * trust * d
  }
}
