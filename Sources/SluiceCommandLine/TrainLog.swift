import Sluice
import SluiceFormats

/// The losses of a run as a table in a file, CSV or JSON by its ending.
enum TrainLog {
  /// Throws `UsageError` unless the ending is one of these.
  static func checkEnding(_ path: String, of option: String, _ endings: [String]) throws {
    guard endings.contains(where: { path.hasSuffix(".\($0)") }) else {
      throw UsageError(
        "`\(option) \(path)`: the file ends in " + endings.map { "`.\($0)`" }.joined(separator: " or "))
    }
  }

  /// Writes one row a step: the step, the scalars that it gave, and the validation loss where there was one.
  static func write(_ history: TrainingHistory, _ last: (step: Int, loss: Double)?, to path: String) throws {
    var validation = Dictionary(history.validation.map { ($0.step, $0.loss) }) { $1 }
    if let last { validation[last.step] = last.loss }
    if path.hasSuffix(".json") {
      let rows = history.steps.enumerated().map { index, values in
        var fields: [(String, JSON)] = [("step", .integer(index + 1))]
        fields += zip(history.columns, values).map { ($0, JSON.number($1)) }
        if let loss = validation[index + 1] { fields.append(("validation_loss", .number(loss))) }
        return JSON.object(fields)
      }
      return try FileIO.write(JSON.array(rows).text + "\n", to: path)
    }
    var text = (["step"] + history.columns + ["validation_loss"]).joined(separator: ",") + "\n"
    for (index, values) in history.steps.enumerated() {
      text += "\(index + 1)," + values.map { "\($0)" }.joined(separator: ",")
      text += "," + (validation[index + 1].map { "\($0)" } ?? "") + "\n"
    }
    try FileIO.write(text, to: path)
  }
}
