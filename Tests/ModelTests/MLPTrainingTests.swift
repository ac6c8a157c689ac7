import Sluice
import SluiceFormats
import SluiceIR
import SluiceModels
import Testing

/// Training of `mlp` against PyTorch (Tools/oracle/mlp_training.py).
struct MLPTrainingTests {
  private func module(_ optimizer: String, rate: String) throws -> SluiceIR.Module {
    try mlp.trace(settings: [
      "hidden": "7", "max_batch": "6", "optimizer": optimizer, "rate": rate, "weight_decay": "0.1",
      "pretrained": "false",
    ])
  }

  @Test(arguments: [("sgd", "0.5"), ("adamw", "0.01")])
  func agreesWithPyTorch(_ optimizer: String, _ rate: String) throws {
    let reference = try TrainingReference("mlp_training")
    var session = try Session(module(optimizer, rate: rate))
    try reference.start(&session)
    var losses: [Float] = []
    for step in 0..<5 {
      let inputs = try [reference.part("images", step), reference.part("labels", step)]
      let before = try session.run("loss", inputs)[0]
      losses.append(try session.run("train_step", inputs)[0].floats()[0])
      #expect(before.floats()[0] == losses[step])
    }
    try reference.check(optimizer, losses, session)
  }

  @Test func theCGivesTheSameBytes() throws {
    let reference = try TrainingReference("mlp_training")
    let steps = try (0..<5).map { step in
      ("train_step", try [reference.part("images", step), reference.part("labels", step)])
    }
    let more = [("init", [HostTensor(scalar: Int64(3))])] + steps
    try expectSameBytes(module("adamw", rate: "0.01"), steps + more, flags: ["-O1"])
  }

  /// Random weights learn 300 digits in 30 steps.
  @Test func learnsDigits() throws {
    var session = try Session(mlp, settings: ["max_batch": "300", "pretrained": "false", "rate": "0.02"])
    let images = try ModelData.digitImages().asDoubles().prefix(300 * 64).map { Float($0) }
    let inputs = try [
      HostTensor(images, shape: [300, 64]),
      HostTensor(Array(ModelData.digitLabels().int32s().prefix(300)), shape: [300]),
    ]
    var losses: [Float] = []
    for _ in 0..<30 { losses.append(try session.run("train_step", inputs)[0].floats()[0]) }
    #expect(losses[0] > 2 && losses[29] < 0.3, "\(losses)")
  }
}
