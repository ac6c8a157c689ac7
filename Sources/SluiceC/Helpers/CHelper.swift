import SluiceIR

/// A small C function or macro that generated code may call; a file holds only those it needs.
struct CHelper: Sendable {
  /// The name without the model's prefix.
  var name: String
  /// The helpers that its text calls.
  var needs: [String]
  /// The text, with `@` for the model's name and `@@` for the model's name in capitals, each with its underscore.
  var text: String

  init(_ name: String, needs: [String] = [], _ text: String) {
    self.name = name
    self.needs = needs
    self.text = text
  }

  /// All helpers; each stands behind those it needs.
  static let all: [CHelper] =
    memory + bits + integers + rounding + casts + fusedMultiplyAdd + roots + piReduction + narrow + running
    + tile

  static let index: [String: Int] = Dictionary(
    uniqueKeysWithValues: all.enumerated().map { ($0.element.name, $0.offset) })

  /// One helper for both float dtypes: `{T}` is the type, `{d}` the dtype's name, `{U}` the type of its bits,
  /// `{f}` the suffix of literals; other `{words}` stand in `f32` or `f64`.
  static func floats(
    _ name: String, needs: [String] = [], f32: [String: String] = [:], f64: [String: String] = [:],
    _ text: String
  ) -> [CHelper] {
    let both: [(String, [String: String], [String: String])] = [
      ("f32", ["T": "float", "d": "f32", "U": "uint32_t", "f": "f"], f32),
      ("f64", ["T": "double", "d": "f64", "U": "uint64_t", "f": ""], f64),
    ]
    return both.map { dtype, common, own in
      CHelper(
        "\(name)_\(dtype)", needs: needs.map { "\($0)_\(dtype)" },
        fill(text, common.merging(own) { _, own in own }))
    }
  }

  /// Replaces every `{word}`.
  static func fill(_ text: String, _ words: [String: String]) -> String {
    var filled = text
    for (word, value) in words { filled = filled.replacing("{\(word)}", with: value) }
    return filled
  }
}

/// The helpers and elementary functions that one C file needs, collected while its kernels are printed.
final class CHelpers {
  /// The model's name with an underscore: the beginning of every identifier.
  let prefix: String
  /// The same in capitals: the beginning of every macro.
  let macroPrefix: String
  private var used: Set<Int> = []
  /// The functions that are made for an operation and a dtype.
  private var generated: [String] = []
  private var isKnown: Set<String> = []
  /// The names at file level that are in use.
  var scope: NameScope
  /// The functions of tiles by their form: their text under a name that all have.
  private var products: [String: String] = [:]
  /// The text of the functions of tiles.
  private(set) var productText = ""

  init(prefix: String) {
    self.prefix = prefix
    self.macroPrefix = prefix.uppercased()
    scope = NameScope(prefix: prefix)
  }

  /// The name of the function that runs tiles of this form.
  func product(_ functions: CTileFunctions) -> String {
    let form = functions.text(named: prefix + "product")
    if let known = products[form] { return known }
    let name = scope.claim("\(prefix)product\(products.count)", endings: CTileFunctions.endings)
    products[form] = name
    productText += functions.text(named: name)
    return name
  }

  /// The full name of something that the file has for itself: `ica_status`.
  func name(_ own: String) -> String {
    precondition(
      CVocabulary.own.names.contains(own), "no template defines `\(own)`, so nothing keeps it free")
    return prefix + own
  }

  /// The full name of a macro or enumerator that the file has for itself: `ICA_OK`.
  func macro(_ own: String) -> String {
    precondition(
      CVocabulary.own.macros.contains(own), "no template defines `\(own)`, so nothing keeps it free")
    return macroPrefix + own
  }

  /// Notes that a helper is needed, and gives its full name.
  @discardableResult
  func use(_ name: String) -> String {
    guard let row = CHelper.index[name] else { preconditionFailure("there is no helper `\(name)`") }
    if used.insert(row).inserted {
      for need in CHelper.all[row].needs { use(need) }
    }
    return prefix + name
  }

  /// Notes that an elementary function is needed, and gives its full name.
  func use(_ function: ElementaryFunction, _ dtype: DType, _ form: CElementary.Form = .all) -> String {
    let name = prefix + CElementary.name(function, dtype, form)
    if isKnown.insert(name).inserted {
      let text = CElementary.text(function, dtype, form, self)
      generated.append(text)
    }
    return name
  }

  /// Notes that the lanes of a reduction are joined, and gives the full name of the function for that.
  func fold(_ op: ScalarOp, _ dtype: DType) -> String {
    let name = prefix + CFold.name(op, dtype)
    if isKnown.insert(name).inserted {
      let text = CFold.text(op, dtype, self)
      generated.append(text)
    }
    return name
  }

  /// The type of elements in memory; bytes may alias everything as they are.
  func element(_ dtype: DType) -> String { dtype.byteCount == 1 ? dtype.cType : use(dtype.name) }

  /// Whether a helper is needed.
  func needs(_ name: String) -> Bool { CHelper.index[name].map { used.contains($0) } ?? false }

  /// The text of everything needed, in an order in which everything is declared before it is used.
  var text: String {
    var text = ""
    for row in used.sorted() { text += expand(CHelper.all[row].text) + "\n\n" }
    for function in generated { text += function + "\n" }
    return text
  }

  /// Puts the model's name into a text, and breaks the lines that become too long.
  func expand(_ text: String) -> String {
    var writer = CWriter()
    writer.lines(CTemplate.expand(text, self))
    return String(writer.text.dropLast())
  }
}
