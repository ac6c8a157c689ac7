/// What inputs and results of functions are called from outside: by the plan, the command line and the C.
extension Tables {
  /// A name as an identifier: `attention.qkv` becomes `attention_qkv`, and a leading digit gets a `v`.
  package func identifier(_ name: StringID) -> String {
    let text = String(strings[name].map { $0 == "." ? "_" : $0 })
    return text.utf8.first.map { $0 < 58 } ?? true ? "v\(text)" : text
  }

  /// Names that differ, one a port: the name stated for it, else the one of its value, else the stem.
  ///
  /// Stated names come first, so that the others step aside.
  package func portNames(_ ports: [(stated: StringID, value: StringID)], _ stem: String) -> [String] {
    var names = UniqueNames()
    let stated = ports.map { $0.stated.isNone ? nil : names.unique(identifier($0.stated)) }
    return ports.indices.map { position in
      if let name = stated[position] { return name }
      let fallback = ports.count == 1 ? stem : "\(stem)\(position)"
      let value = ports[position].value
      return names.unique(value.isNone ? fallback : identifier(value))
    }
  }

  /// The names of a function's results.
  package func resultNames(_ graph: Graph) -> [String] {
    portNames(
      zip(graph.results, graph.resultNames).map { (stated: $1, value: graph.names[$0.index]) }, "result")
  }
}

extension Module {
  /// States the names of results that are no longer those of an earlier form of the module: what a result is
  /// called comes from the text, whatever value is left of it.
  package mutating func keepResultNames(of earlier: Module) {
    var known: [String: Graph] = [:]
    for id in earlier.functions { known[earlier.tables.strings[earlier[id].name]] = earlier[id] }
    for id in functions {
      guard let old = known[tables.strings[self[id].name]], old.results.count == self[id].results.count else {
        continue
      }
      let names = earlier.tables.resultNames(old)
      // First those that changed; where that moves others, all of them.
      for statesAll in [false, true] {
        let found = tables.resultNames(self[id])
        if found == names { break }
        for position in names.indices where self[id].resultNames[position].isNone {
          guard statesAll || found[position] != names[position] else { continue }
          graphs[id.index].resultNames[position] = tables.strings.intern(names[position])
        }
      }
    }
  }
}

/// Gives names that are used again a number.
package struct UniqueNames {
  private var used: Set<String> = []
  /// Per name the number to try next.
  private var numbers: [String: Int] = [:]

  /// No names yet.
  package init() {}

  /// The name, or the name with the first free number.
  package mutating func unique(_ name: String) -> String {
    if used.insert(name).inserted { return name }
    var number = numbers[name] ?? 1
    var result: String
    repeat {
      result = "\(name)_\(number)"
      number += 1
    } while !used.insert(result).inserted
    numbers[name] = number
    return result
  }
}
