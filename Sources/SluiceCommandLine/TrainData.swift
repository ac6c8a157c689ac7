public import Sluice
import SluiceFormats
import SluiceIR

/// Data that a program brings with it, to be named in `train --data`.
public struct DataSet: Sendable {
  /// The name: `digits`.
  public var name: String
  /// What it is, in a few words.
  public var summary: String
  /// Its arrays by name.
  public var arrays: @Sendable () throws -> [String: HostTensor]

  /// Data under a name.
  public init(
    _ name: String, _ summary: String, arrays: @escaping @Sendable () throws -> [String: HostTensor]
  ) {
    self.name = name
    self.summary = summary
    self.arrays = arrays
  }
}

/// The arrays that `--data` and `--validation` name.
struct TrainData {
  let sets: [DataSet]
  /// The names of the inputs of `@train_step` and `@loss`.
  let inputs: [String]
  private var files = ArrayFiles()

  init(_ sets: [DataSet], _ module: SluiceIR.Module) {
    self.sets = sets
    var names: [String] = []
    for id in ["train_step", "loss"].compactMap({ module.function($0) }) {
      let graph = module[id]
      for input in graph.inputs {
        let name = module.tables.strings[graph.names[input.index]]
        if !names.contains(name) { names.append(name) }
      }
    }
    inputs = names
  }

  /// The arrays of an option that may be repeated: `NAME=SOURCE`, or a source that names inputs itself.
  mutating func arrays(_ option: String, _ invocation: Invocation) throws -> [String: HostTensor] {
    var result: [String: HostTensor] = [:]
    for (name, text) in try invocation.pairs(option, where: { $0.contains("=") }) {
      guard inputs.contains(name) else {
        throw InputError(
          "`@train_step` has no input `\(name)`" + Suggestion.text(for: name, among: inputs) + "; it has "
            + inputs.map { "`\($0)`" }.joined(separator: ", "))
      }
      result[name] = try array(text, for: name)
    }
    let given = Set(result.keys)
    for text in invocation.all(option) where !text.contains("=") {
      var found: [String: HostTensor] = [:]
      if let set = sets.first(where: { $0.name == text }) {
        found = try set.arrays()
      } else if TensorArchive.isArchive(text) {
        let archive = try files.archive(text)
        for name in inputs where archive.names.contains(name) { found[name] = try archive.tensor(name) }
      } else {
        throw UsageError(
          "`\(option) \(text)`: write it as `\(option) NAME=\(text)`, where NAME is an input of the model")
      }
      let wanted = inputs.filter { found[$0] != nil && !given.contains($0) }
      guard !wanted.isEmpty || inputs.contains(where: { found[$0] != nil }) else {
        throw InputError(
          "`\(text)` has no array for an input of the model; the inputs are "
            + inputs.map { "`\($0)`" }.joined(separator: ", "))
      }
      for name in wanted {
        guard result.updateValue(found[name] ?? HostTensor([UInt8]()), forKey: name) == nil else {
          throw InputError("the input `\(name)` is in two files; name it: `\(option) \(name)=`")
        }
      }
    }
    return result
  }

  /// The array that `text` means: one of a data set, of a file of arrays, or the bytes of any other file.
  private mutating func array(_ text: String, for name: String) throws -> HostTensor {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    if let set = sets.first(where: { $0.name == parts[0] }) {
      let arrays = try set.arrays()
      let wanted = parts.count == 2 ? parts[1] : arrays.count == 1 ? arrays.keys.first ?? name : name
      guard let array = arrays[wanted] else {
        let names = arrays.keys.sorted()
        throw InputError(
          "the data set `\(set.name)` has no array `\(wanted)`" + Suggestion.text(for: wanted, among: names)
            + "; it has " + names.map { "`\($0)`" }.joined(separator: ", ")
            + "; `\(set.name):ARRAY` chooses one")
      }
      return array
    }
    if text.hasSuffix(".npy") || text.contains(".npz") || text.contains(".safetensors") {
      return try files.tensor(text, for: name)
    }
    if !text.contains("/"), !text.contains("."), !FileIO.exists(text) {
      let names = sets.map(\.name)
      throw FileError(
        path: text, kind: .notFound,
        message: "there is no such file" + Suggestion.text(for: text, among: names)
          + (names.isEmpty
            ? "" : "; the data that ship are " + names.map { "`\($0)`" }.joined(separator: ", ")))
    }
    return HostTensor(try FileIO.read(text))
  }
}
