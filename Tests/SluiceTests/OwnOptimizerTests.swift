// An optimizer from outside: what users of the package can write.

import Sluice
import Testing

/// Evolved sign momentum.
///
/// Source: Chen et al. 2023, "Symbolic discovery of optimization algorithms", algorithm 2.
private final class Lion: Optimizer {
  override func updated(_ parameter: Tensor, _ gradient: Tensor, _ update: ParameterUpdate) -> Tensor {
    let m = update.state("m")
    let direction = sign(0.9 * m.value + 0.1 * gradient) + update.decay * parameter
    m.value = 0.99 * m.value + 0.01 * gradient
    return parameter - update.rate.cast(parameter.dtype) * direction
  }
}

private struct Weights: Module {
  let w = Param([3], .ones)
  func forward(_ x: Tensor) -> Tensor { x * w.value }
}

struct OwnOptimizerTests {
  @Test func aRuleOfOutsideTrains() throws {
    let model = Model("m") { model in
      let net = Weights()
      let lion = Lion("lion", [net], rate: 0.25, weightDecay: 0.5)
      model.function("step") { f in
        let loss = net(f.input("x", .f32, [3])).sum()
        lion.step(minimizing: loss)
        f.output("loss", loss)
      }
    }
    var session = try Session(model, backend: .interpreter)
    // The gradient is x, so the momentum m is x / 100 after the first step.
    for (x, loss) in [([2, -4, 0], -2), ([-1, 1, 0], Float(0.5))] as [([Float], Float)] {
      let outputs = try session.run("step", ["x": HostTensor(x, shape: [3])])
      #expect(outputs.map { $0.tensor.floats() } == [[loss]])
    }
    // First w - (sign x + w / 2) / 4 = 0.625, 1.125, 0.875; then the sign of 0.9 m + 0.1 x.
    #expect(try session.state("w").floats() == [0.796875, 0.734375, 0.765625])
    #expect(try session.state("lion.step").int64s() == [2])
  }
}
