import Sluice
import SluiceFormats
import SluiceModels
import Testing

/// `simclr` against PyTorch (Tools/oracle/simclr_reference.py).
struct SimCLRTests {
  static let settings = [
    "size": "5", "channels": "3", "white": "1", "width": "4", "stages": "2", "projection": "6", "classes": "3",
    "max_batch": "6", "weight_decay": "0.01",
  ]

  private func session(_ more: [String: String], seed: Int64 = 0) throws -> Session {
    try Session(simclr, settings: Self.settings.merging(more) { $1 }, seed: seed)
  }

  static let runs = ["nt_xent", "in_batch", "supervised", "probe", "finetune"].flatMap { run in
    [(run, "sgd", "0.05"), (run, "adamw", "0.001")]
  }

  @Test(arguments: runs)
  func agreesWithPyTorch(_ run: String, _ optimizer: String, _ rate: String) throws {
    let reference = try TrainingReference("simclr")
    let isContrastive = !["probe", "finetune"].contains(run)
    var session = try session(["optimizer": optimizer, "rate": rate, "loss": isContrastive ? run : "nt_xent"])
    try reference.start(&session)
    var losses: [Float] = []
    for step in 0..<5 {
      let (first, second) = try (reference.part("views", step, 0), reference.part("views", step, 1))
      let labels = try reference.part("labels", step)
      let function = isContrastive ? "train_step_on_views" : "\(run)_step"
      var inputs = [first, labels]
      if isContrastive { inputs = run == "supervised" ? [first, second, labels] : [first, second] }
      losses.append(try session.run(function, inputs)[0].floats()[0])
    }
    try reference.check("\(run).\(optimizer)", losses, session)
  }

  @Test func featuresAgreeWithPyTorch() throws {
    let reference = try TrainingReference("simclr")
    var session = try session([:])
    try reference.start(&session)
    let features = try session.run("embed", [reference.part("views", 0, 0)])[0]
    #expect(try distance(features, reference["features"]) < 1e-5)
  }

  /// Training goes on over all entry points, and over sizes of the batch, with the same bytes in the C.
  @Test func theCGivesTheSameBytes() throws {
    let reference = try TrainingReference("simclr")
    let images = try reference.part("views", 0, 0)
    let fewer = HostTensor(Array(images.floats().prefix(2 * 75)), shape: [2, 3, 5, 5])
    let labels = try reference.part("labels", 0)
    let calls = (0..<3).map { ("train_step", [images, HostTensor(scalar: Int64($0))]) }
    let more = [
      ("train_step", [fewer, HostTensor(scalar: Int64(-1))]), ("probe_step", [images, labels]),
      ("finetune_step", [images, labels]), ("predict", [images]), ("probe_predict", [fewer]),
      ("loss", [images, HostTensor(scalar: Int64(5))]), ("embed", [images]),
      ("init", [HostTensor(scalar: Int64(9))]), ("augment", [images, HostTensor(scalar: Int64(2))]),
    ]
    try expectSameBytes(session(["flip": "true"]), calls + more, flags: ["-O0"])
  }
}
