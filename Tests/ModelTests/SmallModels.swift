import Sluice
import SluiceFormats
import SluiceIR
import SluiceModels
import SluicePlan

/// The shipped models in sizes that an interpreter runs in no time.
enum SmallModels {
  static let names = ["bert", "gpt", "ica", "mlp", "simclr"]

  /// A model as a graph.
  static func module(_ name: String, _ settings: [String: String] = [:]) throws -> SluiceIR.Module {
    var own: [String: String]
    let model: Model
    switch name {
    case "bert":
      model = bert
      own = [
        "vocabulary": "300", "width": "12", "layers": "2", "heads": "2", "context": "8", "max_batch": "3",
      ]
    case "gpt":
      model = gpt
      own = [
        "vocabulary": "300", "width": "12", "layers": "2", "heads": "2", "context": "8", "max_batch": "3",
      ]
    case "ica":
      model = ica
      own = ["sources": "3", "max_samples": "1500", "max_batches": "20", "max_batch": "3"]
    case "mlp":
      model = mlp
      own = ["max_batch": "130"]
    default:
      model = simclr
      own = ["stages": "2", "width": "4", "projection": "6", "max_batch": "5"]
    }
    own.merge(settings) { $1 }
    return try model.trace(settings: own)
  }

  /// Inputs of a function in which every symbol has its bound: noise, and integers below 3.
  static func inputs(_ function: ExecutionPlan, _ tables: Tables) -> [HostTensor] {
    function.inputs.enumerated().map { position, port in
      let shape = tables.types.shape(port.type).map { Int(tables.dims.bound($0) ?? 0) }
      let numbers = noise(shape, seed: UInt64(position) + 1)
      let integers = numbers.floats().map { Int64(($0 + 1) * 1.5) }
      return switch tables.types.dtype(port.type) {
      case .i32: HostTensor(integers.map { Int32($0) }, shape: shape)
      case .i64: HostTensor(integers, shape: shape)
      default: numbers
      }
    }
  }
}
