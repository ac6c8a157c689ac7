public import Sluice

/// Representations of images that are learned without labels: SimCLR.
///
/// Each image gives two random views; an encoder f gives features h = f(view), of which a head with one hidden layer,
/// z = W2 relu(W1 h), makes what the loss compares: the two views of an image should be alike, those of others not.
/// Afterwards z is thrown away, and h serves: a linear classifier on it is the probe, and training goes on with labels
/// in fine-tuning.
///
/// Sources: T. Chen, S. Kornblith, M. Norouzi, G. Hinton, "A simple framework for contrastive learning of visual
/// representations", ICML 2020, algorithm 1, for small images as in appendix B.9; P. Khosla et al., "Supervised
/// contrastive learning", NeurIPS 2020.
public let simclr = Model("simclr", "Representations of images without labels (Chen et al. 2020).") { model in
  let size = model.setting("size", default: 8, in: 1...1 << 12, "rows and columns of an image")
  let channels = model.setting("channels", default: 1, in: 1...1 << 10, "1 for grey levels, 3 for colour")
  let white = model.setting("white", default: 16, in: 1e-6...1e6, "the level of white; black is 0")
  let width = model.setting("width", default: 16, in: 1...1 << 12, "filters of the first stage")
  let stages = model.setting("stages", default: 3, in: 1...6, "each halves images and doubles filters")
  let blocks = model.setting("blocks", default: 1, in: 1...1 << 8, "residual blocks of a stage")
  let projected = model.setting("projection", default: 32, in: 1...1 << 12, "features that are compared")
  let classes = model.setting("classes", default: 10, in: 1...1 << 16, "classes of the probe and fine-tuning")
  let objective = model.setting(
    "loss", default: "nt_xent", oneOf: ContrastiveLoss.allCases.map(\.rawValue), "what is minimized")
  let temperature = model.setting("temperature", default: 0.5, in: 1e-3...1e3, "divides similarities")
  let augmentation = Augmentation(
    area: (
      model.setting("crop", default: 0.4, in: 1e-3...16, "the least part of an image that a view shows"),
      model.setting("zoom", default: 1.4, in: 1e-3...16, "the largest; beyond 1, black is around the image")
    ),
    flips: model.setting("flip", default: false, "whether half of the views are mirrored"),
    brightness: model.setting("brightness", default: 0.4, in: 0...1, "how much it changes"),
    contrast: model.setting("contrast", default: 0.4, in: 0...1, "how much it and saturation change"),
    grey: model.setting("grey", default: 0.2, in: 0...1, "how probably colour is taken away"))
  let training = TrainingSettings(model, rate: 3e-3, weightDecay: 1e-4)
  let B = Dim("B", max: model.setting("max_batch", default: 256, in: 2...1 << 24, "images of one call"))

  let encoder = model.module("encoder", Encoder(channels, width: width, stages: stages, blocks: blocks))
  let projection = model.module("projection", Projection(encoder.width, projected))
  let probe = model.module("probe", Linear(Dim(encoder.width), Dim(classes)))
  let classifier = model.module("classifier", Linear(Dim(encoder.width), Dim(classes)))
  let pretrainer = training.optimizer([encoder, projection], for: "pretrain")
  let prober = training.optimizer([probe], for: "probe")
  let finetuner = training.optimizer([encoder, classifier], for: "finetune")
  let loss = ContrastiveLoss(rawValue: objective) ?? .ntXent

  func images(_ f: FunctionBuilder, _ name: String = "images") -> Tensor {
    f.input(name, .f32, [B, Dim(channels), Dim(size), Dim(size)]) / white
  }
  func labels(_ f: FunctionBuilder) -> Tensor { f.input("labels", .i32, [B]) }

  /// The loss of two views of each image; they go through the encoder, and its batch normalisation, together.
  func contrast(_ first: Tensor, _ second: Tensor, _ labels: Tensor?, training: Bool) -> Tensor {
    let z = projection(encoder(concat([first, second], axis: 0), training: training))
    return namedScope(loss.rawValue) {
      loss(z[..<B], z[B...], labels: labels, temperature: temperature)
    }
  }

  /// The loss of random views of the images that the function takes.
  func contrast(_ f: FunctionBuilder, training: Bool) -> Tensor {
    let images = images(f)
    let labels = loss == .supervised ? labels(f) : nil
    let seed = f.input("seed", .i64, [])
    let views = (0..<2).map { view in
      namedScope("augmentation") { augmentation(images, seed: seed, stream: view) }
    }
    return contrast(views[0], views[1], labels, training: training)
  }

  model.function("train_step", "One step on random views of images; another seed gives other views.") { f in
    let loss = contrast(f, training: true)
    pretrainer.step(minimizing: loss)
    f.output("loss", loss)
  }

  model.function("loss", "The loss of random views of images, by running statistics.") { f in
    f.output("loss", contrast(f, training: false))
  }

  model.function("augment", "Two random views of each image, with levels like those of the images.") { f in
    let images = images(f)
    let seed = f.input("seed", .i64, [])
    f.output("first", augmentation(images, seed: seed, stream: 0) * white)
    f.output("second", augmentation(images, seed: seed, stream: 1) * white)
  }

  model.function("train_step_on_views", "One step on views that are given.") { f in
    let (first, second) = (images(f, "first"), images(f, "second"))
    let loss = contrast(first, second, loss == .supervised ? labels(f) : nil, training: true)
    pretrainer.step(minimizing: loss)
    f.output("loss", loss)
  }

  model.function("embed", "The features of images.") { f in
    f.output("features", encoder(images(f), training: false))
  }

  model.function("probe_step", "One step of a linear classifier of the features alone.") { f in
    let loss = crossEntropy(probe(encoder(images(f), training: false)), labels(f))
    prober.step(minimizing: loss)
    f.output("loss", loss)
  }

  model.function("probe_predict", "The probabilities of the classes by the probe, and the best.") { f in
    let scores = probe(encoder(images(f), training: false))
    f.output("probabilities", softmax(scores))
    f.output("label", scores.argmax())
  }

  model.function("finetune_step", "One step of a classifier together with the encoder.") { f in
    let loss = crossEntropy(classifier(encoder(images(f), training: true)), labels(f))
    finetuner.step(minimizing: loss)
    f.output("loss", loss)
  }

  model.function("predict", "The probabilities of the classes, after fine-tuning, and the best.") { f in
    let scores = classifier(encoder(images(f), training: false))
    f.output("probabilities", softmax(scores))
    f.output("label", scores.argmax())
  }

  model.initializer()
}

/// A small residual network without pooling in front.
///
/// Sources: He et al. 2016, section 4.2; Chen et al. 2020, appendix B.9.
private struct Encoder: TrainableModule {
  private let stem: Conv2d
  private let norm: BatchNorm2d
  private let blocks: [ResidualBlock]
  /// How many features it gives.
  let width: Int

  init(_ channels: Int, width first: Int, stages: Int, blocks count: Int) {
    stem = Conv2d(channels, first, size: 3, bias: false)
    norm = BatchNorm2d(first)
    var (blocks, width) = ([ResidualBlock](), first)
    for stage in 0..<stages {
      for block in 0..<count {
        let isSmaller = stage > 0 && block == 0
        blocks.append(ResidualBlock(width, first << stage, stride: isSmaller ? 2 : 1))
        width = first << stage
      }
    }
    (self.blocks, self.width) = (blocks, width)
  }

  /// Gives `[B, width]` for `[B, C, H, W]`: the means of the last stage's channels.
  func forward(_ x: Tensor, training: Bool) -> Tensor {
    let x = relu(norm(stem(x), training: training))
    return blocks.reduce(x) { $1($0, training: training) }.mean(axes: [2, 3])
  }
}

/// The head whose output the loss compares.
///
/// Source: Chen et al. 2020, section 2.1.
private struct Projection: Module {
  private let hidden: Linear
  private let output: Linear

  init(_ input: Int, _ output: Int) {
    hidden = Linear(Dim(input), Dim(input))
    self.output = Linear(Dim(input), Dim(output), bias: false)
  }

  func forward(_ h: Tensor) -> Tensor { output(relu(hidden(h))) }
}
