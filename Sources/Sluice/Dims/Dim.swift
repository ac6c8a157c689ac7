import SluiceIR

/// The extent of an axis: an integer, or a polynomial with integer coefficients in bounded symbols.
///
/// `64`, `"B"` (at most 1024), `"B <= 8"` and `Dim("B", max: 8)` are dims, and so are their sums, differences,
/// products and exact quotients. Two dims are equal when they are the same number for all values of the symbols.
/// A dim belongs to no model: it may be a global constant.
public struct Dim: Hashable, Sendable {
  /// A name that stands for a number that is known when the function runs.
  struct Symbol: Hashable, Sendable, Comparable {
    var name: String
    var bound: Int

    static func < (a: Symbol, b: Symbol) -> Bool { (a.name, a.bound) < (b.name, b.bound) }
  }

  /// `coefficient` times the product of `symbols`, which are sorted; none for 1.
  struct Term: Hashable, Sendable {
    var coefficient: Int
    var symbols: [Symbol]
  }

  enum Content: Hashable, Sendable {
    /// Terms in canonical order, without zeros.
    case polynomial([Term])
    /// A mistake that is reported where the dim is used.
    case invalid(DimMistake)
    /// A mistake that is reported already.
    case poison
  }

  var content: Content

  init(content: Content) { self.content = content }

  /// The bound of a symbol that is written without one.
  static let defaultBound = 1024

  /// The dim of an integer.
  public init(_ value: Int) {
    content = .polynomial(value == 0 ? [] : [Term(coefficient: value, symbols: [])])
  }

  /// A symbol that is at most `max` when the function runs; memory is planned for that size.
  ///
  /// A name that is no identifier and a bound below 1 are reported where the dim is used.
  public init(_ name: String, max: Int) {
    guard isIdentifier(name) else {
      content = .invalid(
        DimMistake(
          "`\(name)` is no name of a dim", hint: "a name is made of letters, digits and `_`, as in `B`"))
      return
    }
    guard max >= 1 else {
      content = .invalid(
        DimMistake("the bound of `\(name)` is \(max)", hint: "the bound of a symbol is 1 or more"))
      return
    }
    content = .polynomial([Term(coefficient: 1, symbols: [Symbol(name: name, bound: max)])])
  }

  /// The number when this is an integer.
  public var value: Int? {
    guard case .polynomial(let terms) = content else { return nil }
    if terms.isEmpty { return 0 }
    return terms.count == 1 && terms[0].symbols.isEmpty ? terms[0].coefficient : nil
  }

  var isPoison: Bool { content == .poison }

  static var poison: Dim { Dim(content: .poison) }
}

/// What is wrong with a dim, and the way out.
struct DimMistake: Hashable, Sendable {
  var message: String
  var hint: String?

  init(_ message: String, hint: String? = nil) {
    self.message = message
    self.hint = hint
  }
}

extension Dim: ExpressibleByIntegerLiteral {
  /// The dim of an integer.
  public init(integerLiteral value: Int) { self.init(value) }
}

extension Dim: ExpressibleByStringLiteral {
  /// A symbol: `"B <= 8"` gives its name and bound, `"B"` has the bound 1024.
  ///
  /// Text of another form is reported where the dim is used.
  public init(stringLiteral text: String) {
    let words = text.split(separator: "<=", maxSplits: 1, omittingEmptySubsequences: false)
      .map { $0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed() }
      .map { String($0) }
    if words.count == 1 {
      self.init(words[0], max: Self.defaultBound)
    } else if let bound = Int(words[1]) {
      self.init(words[0], max: bound)
    } else {
      self.init(content: .invalid(DimMistake("`\(text)` is no dim", hint: "write `\"B\"` or `\"B <= 8\"`")))
    }
  }
}

extension Dim: CustomStringConvertible {
  /// The dim as text: `B*T+1`, terms by falling degree.
  public var description: String {
    guard case .polynomial(let terms) = content else { return "?" }
    if terms.isEmpty { return "0" }
    var text = ""
    for term in terms {
      let names = term.symbols.map(\.name).joined(separator: "*")
      let magnitude = term.coefficient.magnitude
      if term.coefficient < 0 { text += "-" } else if !text.isEmpty { text += "+" }
      text += names.isEmpty ? "\(magnitude)" : (magnitude == 1 ? "" : "\(magnitude)*") + names
    }
    return text
  }
}
