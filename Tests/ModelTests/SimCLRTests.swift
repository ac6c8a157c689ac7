import Sluice
import SluiceFormats
import SluiceIR
import SluiceModels
import Testing

import enum TestSupport.Repository

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// `simclr` against PyTorch (Tools/oracle/simclr_reference.py).
struct SimCLRTests {
  static let settings = [
    "size": "5", "channels": "3", "white": "1", "width": "4", "stages": "2", "projection": "6",
    "classes": "3",
    "max_batch": "6", "weight_decay": "0.01",
  ]

  private func module(_ functions: [String], _ more: [String: String] = [:]) throws -> SluiceIR.Module {
    try simclr.trace(settings: Self.settings.merging(more) { $1 }, functions: functions)
  }

  /// Each loss with one optimizer, and with both on request.
  static let runs = ["nt_xent", "in_batch", "supervised", "probe", "finetune"].enumerated().flatMap {
    row, run in
    let both = [(run, "sgd", "0.05"), (run, "adamw", "0.001")]
    return !Repository.isExhaustive ? [both[(row + 1) % 2]] : both
  }

  @Test(arguments: runs)
  func agreesWithPyTorch(_ run: String, _ optimizer: String, _ rate: String) throws {
    let reference = try FlatTrainingReference("simclr")
    let isContrastive = !["probe", "finetune"].contains(run)
    let function = isContrastive ? "train_step_on_views" : "\(run)_step"
    let settings = ["optimizer": optimizer, "rate": rate, "loss": isContrastive ? run : "nt_xent"]
    var session = try Session(module([function], settings))
    try reference.start(&session)
    var losses: [Float] = []
    for step in 0..<5 {
      let (first, second) = try (reference.part("views", step, 0), reference.part("views", step, 1))
      let labels = try reference.part("labels", step)
      var inputs = [first, labels]
      if isContrastive { inputs = run == "supervised" ? [first, second, labels] : [first, second] }
      losses.append(try session.run(function, inputs)[0].floats()[0])
    }
    try reference.check("\(run).\(optimizer)", losses, session)
  }

  /// An image whose class is negative takes no part in the supervised loss, whatever it shows.
  @Test func imagesWithoutClassTakeNoPart() throws {
    var session = try Session(module(["loss"], ["loss": "supervised"]), seed: 2)
    let labels = HostTensor([0, 1, 0, -1] as [Int32])
    let losses = try [Float(0.5), 0, .nan].map { last -> Float in
      let seen = (0..<225).map { Float(($0 * 37) % 100) / 100 }
      let images = HostTensor(seen + [Float](repeating: last, count: 75), shape: [4, 3, 5, 5])
      return try session.run("loss", [images, labels, HostTensor(scalar: Int64(1))])[0].floats()[0]
    }
    #expect(losses[0].isFinite && losses[0] > 0)
    #expect(losses[0] == losses[1] && losses[0] == losses[2])
  }

  @Test func featuresAgreeWithPyTorch() throws {
    let reference = try FlatTrainingReference("simclr")
    var session = try Session(module(["embed"]))
    try reference.start(&session)
    let features = try session.run("embed", [reference.part("views", 0, 0)])[0]
    #expect(try distance(features, reference["features"]) < 1e-5)
  }

  /// Views are what NumPy makes of the same random numbers.
  @Test func viewsAgreeWithNumPy() throws {
    let reference = try FlatTrainingReference("simclr")
    var session = try Session(module(["augment"], ["flip": "true", "grey": "0.5"]))
    let views = try session.run("augment", [reference.part("views", 0, 0), HostTensor(scalar: Int64(77))])
    for (i, view) in views.enumerated() { #expect(try distance(view, reference.part("augmented", i)) < 1e-5) }
  }

  /// A loss of random views is that of the same views when they are given.
  @Test func trainingUsesTheViews() throws {
    let reference = try FlatTrainingReference("simclr")
    let images = try reference.part("views", 0, 0)
    let seed = HostTensor(scalar: Int64(4))
    var session = try Session(module(["augment", "train_step", "train_step_on_views"]))
    var other = session
    let views = try session.run("augment", [images, seed])
    let loss = try session.run("train_step", [images, seed])[0].floats()[0]
    let again = try other.run("train_step_on_views", views)[0].floats()[0]
    #expect(abs(loss - again) <= 1e-5 * again)
  }

  /// Training goes on over entry points, and over sizes of the batch, with the same bytes in the C.
  @Test(arguments: [
    ["train_step", "loss", "init"], ["probe_step", "finetune_step", "predict", "probe_predict"],
  ])
  func theCGivesTheSameBytes(_ functions: [String]) throws {
    let reference = try FlatTrainingReference("simclr")
    let images = try reference.part("views", 0, 0)
    let fewer = HostTensor(Array(images.floats().prefix(2 * 75)), shape: [2, 3, 5, 5])
    let labels = try reference.part("labels", 0)
    func seed(_ value: Int64) -> HostTensor { HostTensor(scalar: value) }
    let calls: [(String, [HostTensor])] = [
      ("train_step", [images, seed(0)]), ("train_step", [fewer, seed(-1)]),
      ("train_step", [images, seed(1)]),
      ("loss", [images, seed(5)]), ("init", [seed(9)]), ("train_step", [images, seed(2)]),
      ("probe_step", [images, labels]), ("finetune_step", [images, labels]), ("predict", [images]),
      ("probe_predict", [fewer]),
    ]
    try expectSameBytes(
      module(functions, ["flip": "true"]), calls.filter { functions.contains($0.0) }, flags: ["-O0"])
  }
}
