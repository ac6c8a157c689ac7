// The arguments that say which rows are measured, shared by `run` and `count`.

import Sluice
import SluiceFormats
import SluiceIR
import SluiceModels
import SluiceText

/// Which rows are measured.
struct RowOptions {
  static let help = """
    ROW is the name of a row below, or the beginning of several (`gpt2` means all that begin with `gpt2-`); a .sluice
    file; or with --function the name of a model that `sluice models` lists.

      --function NAME     the function of a model or file; may be repeated; without it all functions of a file
      --set NAME=VALUE    a setting of a model that is named
      --dim NAME=NUMBER   the value of a symbol of a named model's or file's function; its bound when left out
      --input NAME=VALUE  an input of it: a .npy file, or a number N for random integers 0 ..< N; without it floats are
                          random in -1 ..< 1 and integers 0
      --part NAME         a setting that is a number, such as `layers`: also tells how many kernel calls one more costs
      --list              lists the rows and ends
      --json              one JSON object a measurement, on lines of their own
    """

  /// The rows by name, with what they are.
  static var rows: String {
    Workload.all.map { "  \($0.name.padded(18))\($0.isUsual ? "*" : " ") \($0.summary)" }.joined(
      separator: "\n")
  }

  private(set) var names: [String] = []
  private(set) var isJSON = false
  private(set) var lists = false
  private var functions: [String] = []
  private var settings: [String: String] = [:]
  private var dims: [String: Int] = [:]
  private var inputs: [String: Workload.Input] = [:]
  private var part: String?

  /// Takes an argument with its value off the front of `words`; whether it was one of these.
  mutating func take(_ word: String, _ words: inout ArraySlice<String>) throws -> Bool {
    switch word {
    case "--function":
      let name = try Self.value(word, &words)
      functions.append(name.hasPrefix("@") ? String(name.dropFirst()) : name)
    case "--set":
      let (name, value) = try Self.pair(word, &words)
      settings[name] = value
    case "--dim":
      let (name, value) = try Self.pair(word, &words)
      guard let number = Int(value), number >= 0 else {
        throw UsageError(description: "`--dim \(name)` takes a number that is not negative, got `\(value)`")
      }
      dims[name] = number
    case "--input":
      let (name, value) = try Self.pair(word, &words)
      if let limit = Int(value) {
        guard limit > 0 else {
          throw UsageError(description: "`--input \(name)` takes a number above 0 or a file")
        }
        inputs[name] = .below(limit)
      } else {
        inputs[name] = .tensor(try Npy.read(value))
      }
    case "--part": part = try Self.value(word, &words)
    case "--json": isJSON = true
    case "--list": lists = true
    case _ where word.hasPrefix("-"): return false
    default: names.append(word)
    }
    return true
  }

  /// The value behind an option.
  static func value(_ option: String, _ words: inout ArraySlice<String>) throws -> String {
    guard let value = words.popFirst() else { throw UsageError(description: "`\(option)` takes a value") }
    return value
  }

  private static func pair(_ option: String, _ words: inout ArraySlice<String>) throws -> (String, String) {
    let text = try value(option, &words)
    guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
      throw UsageError(description: "`\(option)` takes NAME=VALUE, got `\(text)`")
    }
    return (String(text[..<equals]), String(text[text.index(after: equals)...]))
  }

  /// The rows that are meant; `usual` where none is named.
  func workloads(usual: [Workload]) throws -> [Workload] {
    let isOwn = !(functions.isEmpty && settings.isEmpty && dims.isEmpty && inputs.isEmpty && part == nil)
    if names.isEmpty {
      if isOwn { throw UsageError(description: "no model or file is named that the options could be for") }
      return usual
    }
    let rows: [Workload] = try names.flatMap { name in
      if name.hasSuffix(".sluice") {
        return try ownRows(name, try parseModule(FileIO.read(name), file: name))
      }
      if !functions.isEmpty, let model = shippedModels.first(where: { $0.name == name }) {
        return ownRows(model)
      }
      let found = Workload.named(name)
      guard !found.isEmpty else {
        throw UsageError(
          description:
            "there is no row `\(name)`; `--list` lists them, a file ends with .sluice, and a model needs --function"
        )
      }
      guard !isOwn else {
        throw UsageError(
          description:
            "`\(name)` is a row with sizes of its own; options are for models with --function, and files")
      }
      return found
    }
    var known: Set<String> = []
    return rows.filter { known.insert($0.name).inserted }
  }

  private func ownRows(_ model: Model) -> [Workload] {
    functions.map { own("\(model.name)/\($0)", .model(model, settings), $0) }
  }

  private func ownRows(_ path: String, _ module: IRModule) throws -> [Workload] {
    guard settings.isEmpty, part == nil else {
      throw UsageError(description: "`--set` and `--part` are for models, `\(path)` is text")
    }
    let errors = verify(module)
    guard errors.isEmpty else { throw Diagnostics(errors) }
    let names =
      functions.isEmpty ? module.functions.map { module.tables.strings[module[$0].name] } : functions
    return names.map { own("\(module.name)/\($0)", .module(module), $0) }
  }

  private func own(_ name: String, _ source: Workload.Source, _ function: String) -> Workload {
    Workload(
      name: name, summary: "", source: source, function: function, dims: dims, inputs: inputs,
      part: part.map { Workload.Part(name: $0, setting: $0) }, isOwn: true)
  }
}

extension String {
  /// Filled up with spaces behind.
  func padded(_ width: Int) -> String { self + String(repeating: " ", count: Swift.max(width - count, 0)) }

  /// Filled up with spaces in front.
  func led(_ width: Int) -> String { String(repeating: " ", count: Swift.max(width - count, 0)) + self }

  /// As text in JSON.
  var quoted: String {
    var text = "\""
    for scalar in unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case _ where scalar.value < 32: text += " "
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }
}

/// A JSON object on one line.
func jsonLine(_ fields: [(String, String?)]) -> String {
  "{" + fields.map { "\($0.quoted): \($1 ?? "null")" }.joined(separator: ", ") + "}"
}
