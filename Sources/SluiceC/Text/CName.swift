// C identifiers, comments and strings out of names and texts that anybody may have written.

/// Turns names of models into C identifiers.
///
/// There are two kinds. Names at file level begin with the model's name: `file` gives what stands behind it, which
/// never ends in an underscore. Names that stand alone, members of structs and locals, get an underscore at their end
/// where `CVocabulary` says that they could mean something else; so they can meet nothing at file level.
enum CName {
  /// The longest identifier made from a model's name: C99 promises 63 significant characters, and prefix and
  /// suffix need some of them.
  static let maximumLength = 40

  /// The letters and digits of `name`, joined by single underscores; never empty, never with an underscore or a
  /// digit in front or an underscore at the end.
  static func file(_ name: String) -> String {
    var text = ""
    for byte in name.utf8 {
      let character = CText.isWordCharacter(byte) ? Character(Unicode.Scalar(byte)) : "_"
      // Two underscores in a row are reserved in C++, a leading one in C.
      if character == "_", text.isEmpty || text.hasSuffix("_") { continue }
      text.append(character)
      if text.utf8.count == maximumLength { break }
    }
    while text.hasSuffix("_") { text.removeLast() }
    guard let first = text.utf8.first else { return "x" }
    return first >= 0x30 && first <= 0x39 ? "n" + text : text
  }

  /// An identifier that stands alone in a file of that prefix.
  static func local(_ name: String, prefix: String) -> String { free(file(name), prefix: prefix) }

  /// The same with a number behind it.
  static func local(_ name: String, _ number: String, prefix: String) -> String {
    free(file(name) + number, prefix: prefix)
  }

  private static func free(_ text: String, prefix: String) -> String {
    text.hasPrefix(prefix) || CVocabulary.isTaken(text) ? text + "_" : text
  }

  /// What the names of a model's file begin with, without the underscore: the model's name in small letters, with a
  /// word behind it where the system has names that begin so.
  static func stem(_ model: String) -> String {
    let text = file(model).lowercased()
    let first = text.split(separator: "_").first.map(String.init) ?? text
    return CVocabulary.spaces.contains(first) || CVocabulary.headers.contains(text) ? text + "_model" : text
  }
}

/// The identifiers in use in one scope of C, and in the scopes inside that are still open.
struct NameScope {
  private var taken: Set<String>
  private var levels: [[String]] = [[]]
  private var counters: [String: Int] = [:]
  private let prefix: String
  /// Names of expressions, with the scope in which each was declared.
  private var expressions: [(level: Int, text: String, name: String)] = []

  /// A scope inside a file whose names begin with `prefix`, in which these names are in use.
  init(prefix: String, _ names: some Sequence<String> = []) {
    taken = Set(names)
    self.prefix = prefix
  }

  /// The number of scopes that are open inside the first one.
  var depth: Int { levels.count - 1 }

  /// Claims the identifier made from `name`, with a number behind it where it is in use; in this scope, or in one
  /// around it.
  mutating func claim(_ name: String, depth: Int? = nil) -> String {
    let wanted = CName.local(name, prefix: prefix)
    var found = wanted
    while !insert(found, depth: depth) {
      counters[wanted, default: 1] += 1
      found = CName.local(name, "_\(counters[wanted, default: 2])", prefix: prefix)
    }
    return found
  }

  /// Claims the identifier made from `name` with a number behind it: `t1`, `t2`, ...
  mutating func number(_ name: String) -> String {
    let stem = CName.file(name)
    let last = stem.utf8.last.map { $0 >= 0x30 && $0 <= 0x39 } ?? false
    while true {
      counters["#" + stem, default: 0] += 1
      let number = counters["#" + stem, default: 1]
      let found = CName.local(stem, "\(last ? "_" : "")\(number)", prefix: prefix)
      if insert(found) { return found }
    }
  }

  /// Claims the first of these names that is free.
  mutating func first(of names: [String]) -> String {
    for name in names where insert(name) { return name }
    return number(names.first ?? "i")
  }

  /// Opens a scope inside.
  mutating func open() { levels.append([]) }

  /// Closes the innermost scope: its names are free again.
  mutating func close() {
    for name in levels.popLast() ?? [] { taken.remove(name) }
    while let last = expressions.last, last.level >= levels.count { expressions.removeLast() }
  }

  /// The name that an expression has in this scope or around it.
  func name(of expression: String) -> String? { expressions.last { $0.text == expression }?.name }

  /// Notes the name of an expression that stays as it is while this scope is open.
  mutating func note(_ expression: String, name: String) {
    expressions.append((levels.count - 1, expression, name))
  }

  /// Claims a name at file level, which is already an identifier, with each of these endings; a number goes
  /// between the two where one of them is in use.
  mutating func claim(_ name: String, endings: [String]) -> String {
    var found = name
    var number = 2
    while endings.contains(where: { taken.contains(found + $0) || CVocabulary.isSystem(found + $0) }) {
      found = "\(name)_\(number)"
      number += 1
    }
    for ending in endings { _ = insert(found + ending) }
    return found
  }

  private mutating func insert(_ name: String, depth: Int? = nil) -> Bool {
    guard taken.insert(name).inserted else { return false }
    levels[depth ?? self.depth].append(name)
    return true
  }
}

/// Texts that become part of a C file.
enum CText {
  /// Whether a byte may stand in an identifier.
  static func isWordCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F: true
    default: false
    }
  }

  /// A line for a comment: nothing in it ends the comment, warns, or shows other than it is.
  static func comment(_ line: String) -> String {
    var text = ""
    var last: Unicode.Scalar = " "
    for scalar in line.unicodeScalars {
      switch (last, scalar) {
      case ("*", "/"), ("/", "*"), ("?", "?"): text += " "
      default: break
      }
      switch scalar.properties.generalCategory {
      case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
        text += scalar == "\t" ? " " : "U+" + hex(UInt64(scalar.value), 4)
      default: text.unicodeScalars.append(scalar)
      }
      last = scalar
    }
    while text.hasSuffix(" ") { text.removeLast() }
    return text.hasSuffix("\\") ? text + " (a backslash)" : text
  }

  /// A string literal with its quotes.
  static func string(_ value: String) -> String {
    var text = "\""
    for byte in value.utf8 {
      switch byte {
      case 0x22: text += "\\\""
      case 0x5C: text += "\\\\"
      case 0x3F: text += "\\?"
      case 0x20...0x7E: text.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let octal = String(byte, radix: 8)
        text += "\\" + String(repeating: "0", count: 3 - octal.utf8.count) + octal
      }
    }
    return text + "\""
  }

  /// A number in hexadecimal with at least `width` digits.
  static func hex(_ value: UInt64, _ width: Int) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }
}
