import Sluice
import SluiceFormats
import SluiceModels
import Testing

/// `mlp` against NumPy, and on digits it was not trained on.
struct MLPTests {
  @Test(arguments: Backend.allCases)
  func agreesWithNumPy(_ backend: Backend) throws {
    var session = try Session(mlp, backend: backend)
    let images = try Oracle.read("mlp/images")
    let flat = try images.reshaped([images.shape[0], 64])
    let input = flat.dtype == .f32 ? flat : HostTensor(flat.asDoubles().map { Float($0) }, shape: flat.shape)
    let scaled =
      input.floats().max() ?? 0 <= 1 ? HostTensor(input.floats().map { $0 * 16 }, shape: input.shape) : input
    let logits = try session.run("logits", ["images": scaled])[0].tensor
    #expect(try distance(logits, Oracle.read("mlp/logits_f64")) < 1e-6)
    let outputs = try session.run("predict", ["images": scaled])
    #expect(try distance(outputs[0].tensor, Oracle.read("mlp/probabilities_f64")) < 1e-5)
    #expect(try outputs[1].tensor.int32s() == Oracle.read("mlp/labels").int32s())
  }

  /// 95.56 % of the digits that training did not see, as `Tools/oracle/mlp_weights.py` measured.
  @Test func recognisesDigits() throws {
    var session = try Session(mlp, settings: ["max_batch": "360"])
    let images = try ModelData.digitImages().asDoubles().suffix(360 * 64).map { Float($0) }
    let labels = try ModelData.digitLabels().int32s().suffix(360)
    let outputs = try session.run("predict", ["images": HostTensor(images, shape: [360, 64])])
    let right = zip(outputs[1].tensor.int32s(), labels).count { $0 == $1 }
    #expect(right == 344)
  }
}
