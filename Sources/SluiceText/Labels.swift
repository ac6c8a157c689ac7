import SluiceIR

/// Makes names that are valid in text and all different.
struct Labels {
  private var taken = NameTable()
  /// Per name the number of the next suffix to try.
  private var suffixes: [Int] = []

  /// The name as an identifier, changed where it must be; `fallback` when nothing is left of it.
  mutating func add(_ name: String, else fallback: String) -> String {
    var text = Array(name.utf8)
    if text.isEmpty { text = Array(fallback.utf8) }
    Self.makeIdentifier(&text)
    return String(decoding: add(&text), as: UTF8.self)
  }

  /// Adds a suffix to an identifier that is taken: `_1`, `_2`, ...
  mutating func add(_ text: inout [UInt8]) -> [UInt8] {
    let row = taken.intern(text, text.indices)
    guard row < suffixes.count else {
      suffixes.append(1)
      return text
    }
    while true {
      var longer = text + [UInt8(ascii: "_")]
      NumberText.append(Int64(suffixes[row]), to: &longer)
      suffixes[row] += 1
      if taken.intern(longer, longer.indices) == suffixes.count {
        suffixes.append(1)
        return longer
      }
    }
  }

  /// Changes bytes that an identifier cannot have to `_`.
  static func makeIdentifier(_ text: inout [UInt8]) {
    for i in text.indices where !text[i].isWord { text[i] = UInt8(ascii: "_") }
    if let first = text.first, !first.isWordStart { text.insert(UInt8(ascii: "_"), at: 0) }
  }
}

/// The names of a graph's values as they are printed, without `%`.
struct ValueLabels {
  private var bytes: [UInt8] = []
  private var ends: [Int] = []

  init(_ graph: Graph, _ strings: StringTable) {
    var labels = Labels()
    var unnamedCount: Int64 = 0
    var text: [UInt8] = []
    ends.reserveCapacity(graph.valueCount)
    bytes.reserveCapacity(8 * graph.valueCount)
    for name in graph.names {
      text.removeAll(keepingCapacity: true)
      if !name.isNone { strings.append(name, to: &text) }
      if text.isEmpty {
        NumberText.append(unnamedCount, to: &bytes)
        unnamedCount += 1
      } else {
        Labels.makeIdentifier(&text)
        bytes.append(contentsOf: labels.add(&text))
      }
      ends.append(bytes.count)
    }
  }

  /// The name of a value.
  subscript(value: ValueID) -> ArraySlice<UInt8> {
    bytes[(value.raw == 0 ? 0 : ends[value.index - 1])..<ends[value.index]]
  }
}
