import Sluice
import SluiceCommandLine
import SluiceFormats
import SluiceText

/// `sluice demo ica`: two photographs are mixed, and independent component analysis finds them again.
///
/// Photographs are no super-Gaussian sources, but their horizontal differences are, and the mixing is the same: the
/// unmixing matrix is learned on whitened differences and applied to the pictures. Recordings and plain arrays are
/// learned from as they are.
enum ICADemo {
  /// The demo as the command line runs it.
  static let demo = Demo("ica", "unmixes two photographs, or recordings (.wav) and arrays (.npy) of yours") {
    request in
    try run(request)
  }

  private static func run(_ request: Demo.Request) throws {
    let start = ContinuousClock.now
    func say(_ text: String) { request.context.message(text) }
    let data = try ICAData.load(request)
    try FileIO.createDirectories(request.folder)
    var learner = try Learner(data.samples, pictures: data.mixtures.count, request)
    let result = try learner.learn()
    say("\(data.samples.dimension) mixtures, \(result.text)")
    try data.write(learner.unmix(data.mixtures), request)
    try Npy.write(result.unmixing.tensor, to: "\(request.folder)/unmixing.npy")
    let text = "\(request.folder)/ica.sluice"
    try FileIO.write(printedModule(learner.module), to: text)
    say(text)
    for file in try CArtefact(learner.module, seed: request.seed, embedding: .auto).files {
      try FileIO.write(file.bytes, to: "\(request.folder)/\(file.name)")
      say("\(request.folder)/\(file.name): \(file.bytes.count) bytes")
    }
    if let mixing = data.mixing {
      let before = Matrix.amariDistance(mixing)
      let after = Matrix.amariDistance(result.unmixing.times(mixing))
      say(
        "Amari distance \(Rounded.text(after, 4)), before \(Rounded.text(before, 4)) (0: unmixed, 1: mixed evenly)"
      )
    }
    say("all in \(Rounded.seconds(ContinuousClock.now - start))")
  }
}
