/// Scopes as people read them: those that differ in a number alone are one, `gpt/layers.0..5/attention`.
enum ScopeList {
  /// The most scopes that a list has; of others it says how many there are.
  private static let limit = 4

  /// The scopes in order, separated by commas.
  static func text(_ scopes: [String]) -> String {
    if scopes.count < 2 { return scopes.first ?? "" }
    var paths = scopes.map(Path.init)
    // Inner numbers first: layers of blocks become blocks of layers.
    for position in (0..<(paths.map(\.numbers.count).max() ?? 0)).reversed() {
      paths = merged(paths, at: position)
    }
    let shown = paths.prefix(limit).map(\.text).joined(separator: ", ")
    return paths.count > limit ? "\(shown) and \(paths.count - limit) more" : shown
  }

  /// A scope, cut at numbers that are parts of their own.
  private struct Path {
    /// What stands before, between and behind the numbers.
    var texts: [Substring] = []
    /// Per place of a number all that stand there, in ascending order.
    var numbers: [[Int]] = []

    init(_ scope: String) {
      var start = scope.startIndex
      var at = start
      var isBegin = true
      while at < scope.endIndex {
        let isDigit = scope[at].isASCII && scope[at].isWholeNumber
        guard isBegin, isDigit else {
          isBegin = scope[at] == "." || scope[at] == "/"
          at = scope.index(after: at)
          continue
        }
        let end = scope[at...].firstIndex { !($0.isASCII && $0.isWholeNumber) } ?? scope.endIndex
        let isPart = end == scope.endIndex || scope[end] == "." || scope[end] == "/" || scope[end] == " "
        if isPart, let number = Int(scope[at..<end]), String(number) == scope[at..<end] {
          texts.append(scope[start..<at])
          numbers.append([number])
          start = end
        }
        at = end
        isBegin = false
      }
      texts.append(scope[start...])
    }

    /// What two paths share that differ in the numbers of one place.
    func key(without position: Int) -> [String] {
      texts.map(String.init) + numbers.enumerated().map { $0 == position ? "" : "\($1)" }
    }

    var text: String {
      zip(texts, numbers).map { $0 + Self.text($1) }.joined() + (texts.last ?? "")
    }

    /// `3`, `0..5`, or `{0,2..4}`.
    private static func text(_ numbers: [Int]) -> String {
      var runs: [ClosedRange<Int>] = []
      for number in numbers {
        if let last = runs.last, last.upperBound + 1 == number {
          runs[runs.count - 1] = last.lowerBound...number
        } else {
          runs.append(number...number)
        }
      }
      let texts = runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)..\($0.upperBound)" }
      return texts.count == 1 ? texts[0] : "{\(texts.joined(separator: ","))}"
    }
  }

  private static func merged(_ paths: [Path], at position: Int) -> [Path] {
    var rows: [[String]: Int] = [:]
    var result: [Path] = []
    for path in paths {
      guard path.numbers.indices.contains(position) else {
        result.append(path)
        continue
      }
      let row = rows[path.key(without: position), default: result.count]
      rows[path.key(without: position)] = row
      if row == result.count {
        result.append(path)
      } else {
        result[row].numbers[position] = Set(result[row].numbers[position] + path.numbers[position]).sorted()
      }
    }
    return result
  }
}
