import SluiceIR

/// A learning rate as a function of the step: 0 for the first one.
public struct LearningRate: ExpressibleByFloatLiteral {
  /// Takes the number of steps done so far, f64 `[]`; gives the rate of the next one, f64 `[]`.
  let rate: (_ step: Tensor) -> Tensor

  /// A rate computed from the number of steps so far: f64 `[]` to f64 `[]`.
  public init(_ rate: @escaping (_ step: Tensor) -> Tensor) { self.rate = rate }

  /// Always the same.
  public init(floatLiteral value: Double) { self = .constant(value) }

  /// Always the same.
  public static func constant(_ value: Double) -> LearningRate {
    LearningRate { _ in full([], value, .f64) }
  }

  /// A value that is given: a tensor of the function, f32 or f64 `[]`, for rates that the caller decides.
  public static func given(_ value: Tensor) -> LearningRate { LearningRate { _ in value.cast(.f64) } }

  /// `initial * factor^floor(step / every)`.
  public static func steps(_ initial: Double, factor: Double, every: Int) -> LearningRate {
    LearningRate { step in initial * power(factor, floor(step / Double(max(every, 1)))) }
  }

  /// Half a cosine from `peak` to `floor` over `steps` steps, then `floor` (Loshchilov and Hutter 2017, "SGDR",
  /// equation 5, without restarts); before it a line from `peak / warmup` up to `peak`.
  public static func cosine(
    peak: Double, warmup: Int = 0, steps: Int, floor: Double = 0
  ) -> LearningRate {
    LearningRate { step in
      let length = Double(max(steps - warmup, 1))
      let part = clamp((step - Double(warmup)) / length, 0, 1)
      let falling = floor + 0.5 * (peak - floor) * (1 + cos(Double.pi * part))
      return warmed(falling, peak, warmup, step)
    }
  }

  /// A line from `peak / warmup` up to `peak`, then always the same.
  public static func warmup(to peak: Double, over warmup: Int) -> LearningRate {
    LearningRate { step in warmed(full([], peak, .f64), peak, warmup, step) }
  }

  private static func warmed(_ rate: Tensor, _ peak: Double, _ warmup: Int, _ step: Tensor) -> Tensor {
    if warmup <= 0 { return rate }
    return select(where: step .< Double(warmup), (step + 1) * (peak / Double(warmup)), rate)
  }
}
