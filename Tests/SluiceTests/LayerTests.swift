import Sluice
import SluiceFormats
import Testing

/// Convolution and batch normalisation as layers; `SimCLRTests` has them in a network against PyTorch.
struct LayerTests {
  private struct Net: TrainableModule {
    let conv = Conv2d(
      1, 2, size: 2, stride: 1, padding: 0, weights: .data([1, 0, 0, 1, 0, 1, 1, 0]), biases: .data([10, 20]))
    let norm = BatchNorm2d(2, momentum: 0.5, epsilon: 0)

    func forward(_ x: Tensor, training: Bool) -> Tensor { norm(conv(x), training: training) }
  }

  private let model = Model("layers") { model in
    let net = model.module("net", Net())
    for (name, isTraining) in [("train", true), ("infer", false)] {
      model.function(name) { f in
        f.output("y", net(f.input("x", .f32, ["N <= 2", 1, 2, 3]), training: isTraining))
      }
    }
    model.function("convolve") { f in f.output("y", net.conv(f.input("x", .f32, ["N <= 2", 1, 2, 3]))) }
  }

  @Test(arguments: [Backend.interpreter, .reference])
  func statisticsFollowBatches(_ backend: Backend) throws {
    var session = try Session(model, backend: backend)
    let x = HostTensor([1, 2, 3, 4, 5, 7] as [Float], shape: [1, 1, 2, 3])
    // Filters 1 0 / 0 1 and 0 1 / 1 0, plus 10 and 20.
    #expect(try session.run("convolve", [x])[0].floats() == [16, 19, 26, 28])
    #expect(try session.run("infer", [x])[0].floats() == [16, 19, 26, 28])
    // Means 17.5 and 27, variances 2.25 and 1: over n - 1 twice as much.
    #expect(try session.run("train", [x])[0].floats() == [-1, 1, -1, 1])
    #expect(try session.state("net.norm.runningMean").floats() == [8.75, 13.5])
    #expect(try session.state("net.norm.runningVariance").floats() == [2.75, 1.5])
    let scaled = try session.run("infer", [x])[0].floats()
    #expect(abs(scaled[0] - (16 - 8.75) / Float(2.75).squareRoot()) < 1e-6)
    #expect(try session.state("net.norm.runningMean").floats() == [8.75, 13.5])
  }

  /// The variance of filters is 2 / (in * size^2).
  @Test func filtersHaveTheirVariance() throws {
    let model = Model("he") { model in
      let conv = model.module("conv", Conv2d(8, 64, size: 3, bias: false))
      model.function("f") { f in f.output("y", conv(f.input("x", .f32, [1, 8, 4, 4]))) }
    }
    let weights = try Session.initialValues(model.trace(), seed: 3)
    let values = try #require(weights["conv.weight"]).asDoubles()
    let variance = values.reduce(0) { $0 + $1 * $1 } / Double(values.count)
    #expect(values.count == 64 * 8 * 9 && abs(variance * 36 - 1) < 0.1)
  }
}
