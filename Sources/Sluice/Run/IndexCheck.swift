import SluiceIR
import SluicePlan

/// Looks for integers out of range in what a function uses as indices or classes.
struct IndexCheck {
  /// What is out of range.
  struct Finding {
    /// How many elements.
    var count: Int
    /// How many were looked at.
    var total: Int
    /// The place of the first one.
    var first: Int
    /// What it is.
    var value: Int64
  }

  private let use: IndexUse
  private let size: Int64
  private let place: String

  /// The check of one use, for the sizes of a call.
  init(_ use: IndexUse, _ sizes: SymbolValues, _ tables: Tables) {
    self.use = use
    size = sizes.evaluate(use.size, tables.dims) ?? 0
    place = use.place.map { ", \($0.file):\($0.line)" } ?? ""
  }

  /// What is out of range among the numbers at these places; nil where nothing is.
  func find(_ numbers: [Int64], at places: some Collection<Int>) -> Finding? {
    let (low, high) = use.bounds(size: size)
    var finding: Finding?
    for place in places where numbers[place] < low || numbers[place] > high {
      finding?.count += 1
      if let first = finding?.first, first < place { continue }
      finding = Finding(count: finding?.count ?? 1, total: places.count, first: place, value: numbers[place])
    }
    return finding
  }

  /// Whether the numbers at these places should be classes, and all are none.
  func areNone(_ numbers: [Int64], at places: some Collection<Int>) -> Bool {
    use.role == .label && !places.isEmpty && places.allSatisfy { numbers[$0] < 0 }
  }

  /// What is wrong, and the way out; `index` is that of the first element.
  func message(_ finding: Finding, _ what: String, _ index: [Int]) -> String {
    let (low, high) = use.bounds(size: size)
    let name = use.op.definition.name
    let place = index.isEmpty ? "" : " at [\(index.map(String.init).joined(separator: ","))]"
    let text =
      switch use.role {
      case .index:
        "\(what) has indices into \(size) element\(size == 1 ? "" : "s") (`\(name)`\(self.place)), "
          + (size > 0
            ? "which are \(use.hasLowerBound ? "\(low)" : "up") to \(high)" : "of which there are none")
      case .label:
        "\(what) has classes, of which there are \(size) (`\(name)`\(self.place)): "
          + (size > 0 ? "0 to \(high), or less than 0 for none" : "less than 0 for none")
      }
    return text + "; \(finding.count) of \(finding.total) \(finding.count == 1 ? "is" : "are") out of range, "
      + "the first\(place) is \(finding.value)"
  }
}
