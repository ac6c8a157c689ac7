/// Makes a failing function smaller, as text: fewer results, fewer nodes, operands that were there before.

import SluiceFormats

/// A module as text whose function `@f` fails a check, cut down as long as it still fails.
struct Shrinker {
  /// One node of `@f`.
  private struct Node {
    var results: [String]
    /// What stands between `=` and the types.
    var body: String
    var types: [String]

    var line: String { "  \(results.joined(separator: ", ")) = \(body) : \(types.joined(separator: ", "))" }

    /// The values that the node reads.
    var operands: [String] { Shrinker.values(in: body) }
  }

  /// What stands before `@f`: variables and bodies.
  private var head: String
  /// `func @f(...)`, without results.
  private var signature: String
  /// The types of the inputs, by name.
  private var inputs: [(name: String, type: String)]
  /// ` where ...`, or nothing.
  private var bounds: String
  private var nodes: [Node]
  private var results: [String]
  private let fails: (String) -> Bool
  /// How often the check may be run.
  private var budget: Int

  /// Nil where the text is not of the form that random modules have.
  init?(_ text: String, budget: Int = 400, fails: @escaping (String) -> Bool) {
    guard let start = text.range(of: "func @f("), let open = text.range(of: " {\n", in: start.upperBound)
    else {
      return nil
    }
    let header = text[start.lowerBound..<open.lowerBound]
    guard let close = header.range(of: ")", in: header.startIndex) else { return nil }
    head = String(text[..<start.lowerBound])
    signature = String(header[..<close.upperBound])
    let tail = header[close.upperBound...]
    bounds = tail.range(of: " where ", in: tail.startIndex).map { String(tail[$0.lowerBound...]) } ?? ""
    inputs = Self.inputs(signature)
    nodes = []
    results = []
    self.fails = fails
    self.budget = budget
    for line in text[open.upperBound...].split(separator: "\n") {
      let line = line.drop { $0 == " " }
      if line.hasPrefix("return") {
        results = Self.values(in: String(line))
        break
      }
      guard let equals = line.range(of: " = ", in: line.startIndex), let colon = line.lastRange(of: " : ")
      else {
        return nil
      }
      nodes.append(
        Node(
          results: Self.values(in: String(line[..<equals.lowerBound])),
          body: String(line[equals.upperBound..<colon.lowerBound]),
          types: Self.types(String(line[colon.upperBound...]))))
    }
    if results.isEmpty { return nil }
  }

  /// The smallest text that was found to fail.
  consuming func shrink() -> String {
    guard isFailing(self) else { return text }
    var progress = true
    while progress {
      progress = false
      for result in results where results.count > 1 {
        progress = attempt { $0.results = [result] } || progress
      }
      // What a result is made of may fail already.
      if results.count == 1, let node = nodes.last(where: { $0.results.contains(results[0]) }) {
        for operand in node.operands { progress = attempt { $0.results = [operand] } || progress }
      }
      for position in nodes.indices.reversed() where position < nodes.count {
        progress = replaceResults(position) || progress
      }
    }
    return text
  }

  /// Tries values of the same types that were there before in place of a node's results.
  private mutating func replaceResults(_ position: Int) -> Bool {
    let node = nodes[position]
    guard node.results.count == 1 else { return false }
    let earlier =
      inputs + nodes[..<position].flatMap { node in zip(node.results, node.types).map { ($0, $1) } }
    for (name, type) in earlier where type == node.types[0] {
      let isSmaller = attempt { shrinker in
        shrinker.nodes.remove(at: position)
        for index in shrinker.nodes.indices {
          shrinker.nodes[index].body = Self.replacing(
            node.results[0], by: name, in: shrinker.nodes[index].body)
        }
        shrinker.results = shrinker.results.map { $0 == node.results[0] ? name : $0 }
      }
      if isSmaller { return true }
    }
    return false
  }

  /// Keeps a change when the text still fails.
  private mutating func attempt(_ change: (inout Shrinker) -> Void) -> Bool {
    var smaller = self
    change(&smaller)
    smaller.dropUnused()
    guard budget > 0, smaller.text != text else { return false }
    budget -= 1
    smaller.budget = budget
    guard isFailing(smaller) else { return false }
    self = smaller
    return true
  }

  private func isFailing(_ shrinker: Shrinker) -> Bool { fails(shrinker.text) }

  private mutating func dropUnused() {
    var used = Set(results)
    var kept: [Node] = []
    for node in nodes.reversed() where node.results.contains(where: { used.contains($0) }) {
      used.formUnion(node.operands)
      kept.append(node)
    }
    nodes = kept.reversed()
  }

  var text: String {
    let known = inputs + nodes.flatMap { node in zip(node.results, node.types).map { ($0, $1) } }
    let types = results.map { result in known.first { $0.0 == result }?.1 ?? "?" }
    return head + signature + " -> " + types.joined(separator: ", ") + bounds + " {\n"
      + nodes.map { $0.line + "\n" }.joined() + "  return \(results.joined(separator: ", "))\n}\n"
  }

  // MARK: Text

  /// The `%` names of a text, in order.
  private static func values(in text: String) -> [String] {
    text.split(separator: "%", omittingEmptySubsequences: false).dropFirst().map {
      "%" + $0.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." }
    }
  }

  private static func replacing(_ name: String, by other: String, in text: String) -> String {
    var parts = text.split(separator: "%", omittingEmptySubsequences: false).map { String($0) }
    for index in parts.indices.dropFirst() {
      let found = parts[index].prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." }
      if "%" + found == name {
        parts[index] = String(other.dropFirst() + parts[index].dropFirst(found.count))
      }
    }
    return parts.joined(separator: "%")
  }

  /// The types of a list: commas within brackets do not part them.
  private static func types(_ text: String) -> [String] {
    text.split(separator: "]").map { part in
      part.drop { $0 == "," || $0 == " " } + "]"
    }
  }

  private static func inputs(_ signature: String) -> [(name: String, type: String)] {
    let inside = signature.drop { $0 != "(" }.dropFirst().dropLast()
    return inside.split(separator: "%").map { part in
      let name = part.prefix { $0 != ":" }
      let type = part.dropFirst(name.count + 1).drop { $0 == " " }
      return ("%" + name, type.prefix { $0 != "]" } + "]")
    }
  }
}

extension StringProtocol {
  /// The first place of a text from an index on.
  fileprivate func range(of part: String, in start: Index? = nil) -> Range<Index>? {
    var at = start ?? startIndex
    while at < endIndex {
      if self[at...].hasPrefix(part) { return at..<index(at, offsetBy: part.count) }
      at = index(after: at)
    }
    return nil
  }

  /// The last place of a text.
  fileprivate func lastRange(of part: String) -> Range<Index>? {
    var found: Range<Index>?
    var start = startIndex
    while let next = range(of: part, in: start) {
      found = next
      start = next.upperBound
    }
    return found
  }
}
