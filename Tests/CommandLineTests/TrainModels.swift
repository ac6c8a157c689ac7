import Sluice

/// The models of the tests of `train`; as text in `Tests/Data/train`.
enum TrainModels {
  /// Two classes of points in the plane, by a layer of units and AdamW.
  static let perceptron = Model("perceptron", "Tells two classes of points in the plane apart.") { model in
    let net = Perceptron(units: model.setting("units", default: 8, "hidden units"))
    let optimizer = AdamW(net, rate: 0.05)
    let B: Dim = "B <= 256"

    func loss(_ f: FunctionBuilder) -> Tensor {
      let points = f.input("points", .f32, [B, 2])
      let labels = f.input("labels", .i32, [B])
      return crossEntropy(net(points), labels)
    }
    model.function("train_step", "A step of AdamW; gives the loss before it.") { f in
      let value = loss(f)
      optimizer.step(minimizing: value)
      f.output("loss", value)
    }
    model.function("loss") { f in f.output("loss", loss(f)) }
    model.function("predict", "The class of each point.") { f in
      f.output("label", net(f.input("points", .f32, [B, 2])).argmax())
    }
    model.initializer()
  }

  /// The next byte of a text by the byte before it, with noise drawn from a seed, and a rate that is given.
  static let bigram = Model("bigram", "The next byte by the byte before it.") { model in
    let table = model.parameter("table", [128, 128], .normal(0.1))
    let (B, T): (Dim, Dim) = ("B <= 8", "T <= 16")

    func loss(_ f: FunctionBuilder, _ table: Tensor) -> Tensor {
      let tokens = f.input("tokens", .i32, [B, T + 1])
      let logits = gather(table, tokens[.all, ..<T])  // [B, T, 128]
      return crossEntropy(logits, tokens[.all, 1...])
    }
    model.function("train_step") { f in
      let seed = f.input("seed", .i64, [])
      let rate = f.input("rate", .f32, [])
      let noisy = table.value + 0.01 * normal([128, 128], seed: seed)
      let value = loss(f, noisy)
      table.value = table.value - rate * gradient(of: value, wrt: [noisy])[0]
      f.output("loss", value)
      f.output("largest", abs(table.value).max())
    }
    model.function("loss") { f in f.output("loss", loss(f, table.value)) }
    model.initializer()
  }

  /// Counts how often it has seen each of the numbers 0 ..< 50, and keeps the last seed.
  static let counter = Model("counter", "Counts examples.") { model in
    let seen = model.state("seen", [50])
    let last = model.state("seed", [], dtype: .i64)
    model.function("train_step") { f in
      let (numbers, seed) = (f.input("numbers", .i32, ["B <= 8"]), f.input("seed", .i64, []))
      seen.value = scatterAdd(seen.value, numbers, (numbers * 0 + 1).cast(.f32))
      last.value = seed
      f.output("loss", seen.value.sum())
    }
    model.function("loss") { f in
      f.output("loss", f.input("numbers", .i32, ["B <= 8"]).cast(.f32).mean())
    }
  }

  struct Perceptron: Module {
    let hidden: Linear
    let output: Linear

    init(units: Int) {
      hidden = Linear(2, Dim(units))
      output = Linear(Dim(units), 2)
    }

    func forward(_ x: Tensor) -> Tensor { output(tanh(hidden(x))) }
  }
}
