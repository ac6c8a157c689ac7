public import Sluice

/// A perceptron with one hidden layer that tells handwritten digits apart.
///
/// The pictures are the 8 x 8 ones of E. Alpaydin, C. Kaynak, "Optical recognition of handwritten digits", UCI
/// Machine Learning Repository (1998): y = W2 relu(W1 x + b1) + b2 for grey levels x in 0 ... 1, and the class is the
/// largest y (C. Bishop, "Pattern Recognition and Machine Learning", 2006, section 5.1). Training minimizes the mean
/// of -log softmax(y) at the class (the same, equation 5.24). For 32 hidden units the model begins with weights that
/// were trained elsewhere, `Tools/oracle/mlp_weights.py`, unless `pretrained` is `false`.
public let mlp = Model("mlp", "A classifier of handwritten digits with one hidden layer.") { model in
  let hidden = model.setting("hidden", default: 32, in: 1...65536, "hidden units; trained for 32")
  let B = Dim("B", max: model.setting("max_batch", default: 256, in: 1...1 << 40, "pictures of one call"))
  let isPretrained = model.setting("pretrained", default: true, "begin with the trained weights")
  let net = Perceptron(hidden: hidden, isPretrained: isPretrained)
  let optimizer = TrainingSettings(model, rate: 3e-3, weightDecay: 1e-2).optimizer([net])

  func logits(_ f: FunctionBuilder) -> Tensor {
    let images = f.input("images", .f32, [B, 64])  // grey levels 0 ... 16
    return net(images / 16)
  }

  func loss(_ f: FunctionBuilder) -> Tensor { crossEntropy(logits(f), f.input("labels", .i32, [B])) }

  model.function(
    "logits", "The scores of the ten classes for pictures of 8 x 8 grey levels in 0 ... 16."
  ) { f in
    f.output("logits", logits(f))
  }

  model.function("predict", "The probabilities of the ten classes, and the most likely one.") { f in
    let scores = logits(f)
    f.output("probabilities", softmax(scores))
    f.output("label", scores.argmax())
  }

  model.function("loss", "The mean of -log of the probability of the right class.") { f in
    f.output("loss", loss(f))
  }

  model.function("train_step", "One step of the optimizer; gives the loss before it.") { f in
    let loss = loss(f)
    optimizer.step(minimizing: loss)
    f.output("loss", loss)
  }

  model.initializer()
}

/// Two affine maps with a rectifier between them.
private struct Perceptron: Module {
  let hidden: Linear
  let output: Linear

  init(hidden units: Int, isPretrained: Bool) {
    hidden = isPretrained ? trainedLayer("hidden", 64, units) : Linear(64, Dim(units))
    output = isPretrained ? trainedLayer("output", units, 10) : Linear(Dim(units), 10)
  }

  func forward(_ x: Tensor) -> Tensor { output(relu(hidden(x))) }
}

/// A layer with the weights that were trained for it, where they ship for these sizes; else with random ones.
private func trainedLayer(_ name: String, _ input: Int, _ output: Int) -> Linear {
  guard let weights = try? ModelData.tensor("mlp/\(name).weight"), weights.shape == [input, output],
    let biases = try? ModelData.tensor("mlp/\(name).bias"), biases.shape == [output]
  else { return Linear(Dim(input), Dim(output)) }
  return Linear(Dim(input), Dim(output), weights: .data(weights), biases: .data(biases))
}
