// C identifiers, comments and strings out of names and texts that anybody may have written.

/// Turns names of models into C identifiers.
enum CName {
  /// The longest identifier made from a model's name: C99 promises 63 significant characters, and prefix and
  /// suffix need some of them.
  static let maximumLength = 40

  /// An identifier with the letters and digits of `name`; never a keyword, never reserved, never empty.
  static func identifier(_ name: String) -> String {
    var text = ""
    for byte in name.utf8 {
      let character = isWordCharacter(byte) ? Character(Unicode.Scalar(byte)) : "_"
      // Two underscores in a row are reserved in C++, a leading one in C.
      if character == "_", text.isEmpty || text.hasSuffix("_") { continue }
      text.append(character)
      if text.utf8.count == maximumLength { break }
    }
    while text.hasSuffix("_") { text.removeLast() }
    guard let first = text.utf8.first else { return "x" }
    if first >= 0x30 && first <= 0x39 { text = "n" + text }
    return reserved.contains(text) || isLimit(text) ? text + "_" : text
  }

  /// Whether a name is that of a macro of `<stdint.h>`, such as `INT32_MAX`.
  private static func isLimit(_ name: String) -> Bool {
    guard name == name.uppercased() else { return false }
    return ["_MAX", "_MIN", "_WIDTH", "_C"].contains { name.hasSuffix($0) }
  }

  private static func isWordCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F: true
    default: false
    }
  }

  /// Keywords of C and C++, names that compilers and the headers included predefine, and names that the generated
  /// code uses for itself.
  private static let reserved: Set<String> = Set(
    """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t class
    compl concept const consteval constexpr constinit const_cast continue co_await co_return co_yield decltype
    default delete do double dynamic_cast else enum explicit export extern false float for friend goto if import
    inline int long module mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected
    public register reinterpret_cast requires restrict return short signed sizeof static static_assert
    static_cast struct switch template this thread_local throw true try typedef typeid typename typeof
    typeof_unqual union unsigned using virtual void volatile wchar_t while xor xor_eq
    linux unix i386 vax sun mips near far huge pascal cdecl interrupt errno assert stdin stdout stderr
    NULL EOF I offsetof main
    int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t intptr_t uintptr_t intmax_t uintmax_t
    size_t ptrdiff_t max_align_t
    """.split(whereSeparator: \.isWhitespace).map(String.init))
}

/// The identifiers in use in one scope of C, and in the scopes inside that are still open.
struct NameScope {
  private var taken: Set<String> = []
  private var levels: [[String]] = [[]]
  private var counters: [String: Int] = [:]
  private let filePrefix: String?

  /// A scope in which these names are in use; names that begin with `filePrefix` stand for something in the file
  /// around and are changed.
  init(_ names: some Sequence<String> = [], filePrefix: String? = nil) {
    taken = Set(names)
    self.filePrefix = filePrefix
  }

  /// Claims the identifier made from `name`, with a number behind it where it is in use.
  mutating func claim(_ name: String) -> String {
    let identifier = CName.identifier(name)
    let isFileName = filePrefix.map { identifier.hasPrefix($0) } ?? false
    let wanted = isFileName ? "the_" + identifier : identifier
    var found = wanted
    while !insert(found) {
      counters[wanted, default: 1] += 1
      found = "\(wanted)_\(counters[wanted, default: 2])"
    }
    return found
  }

  /// Claims the identifier made from `name` with a number behind it: `t1`, `t2`, ...
  mutating func number(_ name: String) -> String {
    let stem = CName.identifier(name)
    let last = stem.utf8.last.map { $0 >= 0x30 && $0 <= 0x39 } ?? false
    let separator = last || stem.hasSuffix("_") ? "_" : ""
    while true {
      counters["#" + stem, default: 0] += 1
      let found = "\(stem)\(separator)\(counters["#" + stem, default: 1])"
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
  }

  /// Claims a name at file level, which is already an identifier, with each of these endings; a number goes
  /// between the two where one of them is in use.
  mutating func claim(_ name: String, endings: [String]) -> String {
    var found = name
    var number = 2
    while endings.contains(where: { taken.contains(found + $0) }) {
      found = "\(name)_\(number)"
      number += 1
    }
    for ending in endings { _ = insert(found + ending) }
    return found
  }

  private mutating func insert(_ name: String) -> Bool {
    guard taken.insert(name).inserted else { return false }
    levels[levels.count - 1].append(name)
    return true
  }
}

/// Texts that become part of a C file.
enum CText {
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
