import Sluice
import SluiceCommandLine
import SluiceFormats

/// A linear classifier of features: multinomial logistic regression with a penalty on its weights.
struct LinearProbe {
  /// The model: the loss is the mean cross-entropy plus decay / 2 times the sum of squared weights.
  private static let model = Model("probe", "Multinomial logistic regression.") { model in
    let features = Dim(model.setting("features", default: 64, in: 1...1 << 20))
    let classes = Dim(model.setting("classes", default: 10, in: 1...1 << 20))
    let N = Dim("N", max: model.setting("max_examples", default: 2048, in: 1...1 << 30))
    let linear = model.module("linear", Linear(features, classes, weights: .zeros))
    let optimizer = Adam(linear, rate: 0.05)
    model.function("train_step", "One step on all examples.") { f in
      let x = f.input("x", .f32, [N, features])
      let labels = f.input("labels", .i32, [N])
      let penalty = f.input("decay", .f32, []) / 2 * (linear.weight * linear.weight).sum()
      let loss = crossEntropy(linear(x), labels) + penalty
      optimizer.step(minimizing: loss)
      f.output("loss", loss)
    }
    model.function("predict", "The likeliest class of each example.") { f in
      f.output("label", linear(f.input("x", .f32, [N, features])).argmax())
    }
    model.initializer()
  }

  private var session: Session
  private let seed: Int64
  private let classes: Int

  init(features: Int, classes: Int, _ request: Demo.Request) throws {
    self.classes = classes
    seed = request.seed
    session = try Session(
      Self.model, settings: ["features": "\(features)", "classes": "\(classes)"], backend: request.backend,
      threads: request.threads)
  }

  /// The accuracy on a test set: with so many labels of each class, mean and least of some random draws of them; and
  /// with all.
  mutating func accuracies(
    _ training: Digits, _ test: Digits, perClass: Int, draws: Int
  ) throws -> (few: String, all: String) {
    var random = Generator(seed: seed)
    var few: [Double] = []
    for _ in 0..<draws {
      let order = random.permutation(training.count)
      let chosen = (0..<Int32(classes)).flatMap { label in
        order.filter { training.labels[$0] == label }.prefix(perClass)
      }
      few.append(try accuracy(training.chosen(chosen), test, decay: 1e-2))
    }
    let mean = few.reduce(0, +) / Double(draws)
    return (
      "\(SimCLRDemo.percent(mean)) (\(SimCLRDemo.percent(few.min() ?? 0)) at least)",
      SimCLRDemo.percent(try accuracy(training, test, decay: 1e-3))
    )
  }

  /// The accuracy on a test set after training, with every feature brought to mean 0 and deviation 1.
  private mutating func accuracy(_ training: Digits, _ test: Digits, decay: Float) throws -> Double {
    let scale = Scale(training)
    let x = scale(training).matrix
    let labels = HostTensor(training.labels, shape: [training.count])
    _ = try session.run("init", [HostTensor(scalar: seed)])
    for _ in 0..<200 { _ = try session.run("train_step", [x, labels, HostTensor(scalar: decay)]) }
    let found = try session.run("predict", [scale(test).matrix])[0].int32s()
    return Double(zip(found, test.labels).count { $0 == $1 }) / Double(test.count)
  }

  /// Brings features to mean 0 and deviation 1.
  private struct Scale {
    private var means: [Float]
    private var deviations: [Float]

    init(_ data: Digits) {
      let count = Float(data.count)
      var sums = [Float](repeating: 0, count: data.width)
      var squares = sums
      for i in 0..<data.count { for (j, x) in data.row(i).enumerated() { sums[j] += x } }
      means = sums.map { $0 / count }
      for i in 0..<data.count {
        for (j, x) in data.row(i).enumerated() { squares[j] += (x - means[j]) * (x - means[j]) }
      }
      // A feature that is always the same stays small.
      deviations = squares.map { ($0 / count).squareRoot() + 1e-3 }
    }

    func callAsFunction(_ data: Digits) -> Digits {
      let width = data.width
      var result = data
      for i in result.values.indices {
        result.values[i] = (result.values[i] - means[i % width]) / deviations[i % width]
      }
      return result
    }
  }
}
