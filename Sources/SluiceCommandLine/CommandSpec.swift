import Sluice

/// A command of the command line: its options, its help, and what it does.
struct CommandSpec: Sendable {
  /// An option or flag.
  struct Option: Sendable {
    /// The name with its dashes: `--input`, `-o`.
    var name: String
    /// Another name.
    var alias: String?
    /// What the value is called in help; nil for a flag.
    var value: String?
    /// Whether it may be left out; it is given as `--name=value` then.
    var isValueOptional = false
    /// What it does, in a few words.
    var help: String
    /// Whether it may be given several times.
    var isRepeatable: Bool

    init(_ name: String, alias: String? = nil, value: String? = nil, repeats: Bool = false, _ help: String) {
      self.name = name
      self.alias = alias
      self.value = value
      self.help = help
      self.isRepeatable = repeats
    }

    /// An option that may have a value: `--remarks`, `--remarks=fuse`.
    init(_ name: String, optionalValue value: String, _ help: String) {
      self.init(name, value: value, help)
      isValueOptional = true
    }

    /// Of the commands that plan a model.
    static let ram = Option(
      "--ram", value: "BYTES",
      "the most bytes that the arena of a function may have, such as `64M` or `512K`: values are made again rather than kept"
    )

    /// Of the commands that take data.
    static let uncheckedIndices = Option(
      "--unchecked-indices",
      "let indices and classes that are out of range mean what the language says, instead of refusing them")
  }

  /// The word after `sluice`.
  var name: String
  /// What it does, in one line.
  var summary: String
  /// Its positional arguments as help shows them: `MODEL`.
  var arguments: String
  /// How many positional arguments it takes.
  var argumentCount: ClosedRange<Int>
  /// Its options.
  var options: [Option]
  /// Commands to try.
  var examples: [String]
  /// What it does; gives the exit code.
  var run: @Sendable (Invocation) throws -> Int32

  /// The option of a name or alias.
  func option(_ name: String) -> Option? { options.first { $0.name == name || $0.alias == name } }

  /// The text of `--help`.
  func help(program: String) -> String {
    var text = "\(summary)\n\nusage: \(program) \(name)"
    if !arguments.isEmpty { text += " \(arguments)" }
    text += " [options]\n\noptions:\n"
    let rows = (options + [Option("--help", alias: "-h", "show this help")]).map { option in
      (
        (option.alias.map { "\($0), " } ?? "") + option.name
          + (option.value.map { option.isValueOptional ? "[=\($0)]" : " \($0)" } ?? ""),
        option.help
      )
    }
    text += Help.columns(rows)
    if !examples.isEmpty { text += "\nexamples:\n" + examples.map { "  \(program) \($0)\n" }.joined() }
    return text
  }
}

/// Help in columns.
enum Help {
  /// Rows of a name and its meaning, aligned.
  static func columns(_ rows: [(String, String)]) -> String {
    let width = min(rows.map(\.0.count).max() ?? 0, 30)
    return rows.map { name, meaning in
      let pad = String(repeating: " ", count: max(width - name.count, 0))
      return name.count > width
        ? "  \(name)\n  \(String(repeating: " ", count: width))  \(meaning)\n"
        : "  \(name)\(pad)  \(meaning)\n"
    }.joined()
  }
}

/// A parsed command line of one command.
struct Invocation: Sendable {
  /// The command.
  var command: CommandSpec
  /// What is being run and where its messages go.
  var context: Context
  /// The positional arguments.
  var arguments: [String] = []
  /// Per option the values given, in order; a flag counts with an empty one.
  var values: [String: [String]] = [:]

  /// Whether a flag is given.
  func flag(_ name: String) -> Bool { values[name] != nil }

  /// The value of an option; the last one where it is given twice.
  func value(_ name: String) -> String? { values[name]?.last }

  /// All values of an option.
  func all(_ name: String) -> [String] { values[name] ?? [] }

  /// The value of an option that is one of some words.
  func choice<Choice: RawRepresentable & CaseIterable>(
    _ name: String, _ type: Choice.Type, default choice: Choice
  ) throws -> Choice where Choice.RawValue == String {
    guard let text = value(name) else { return choice }
    guard let found = Choice(rawValue: text) else {
      let known = Choice.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
      throw UsageError("`\(name) \(text)`: it is one of \(known)")
    }
    return found
  }

  /// The value of an option that is an integer.
  func integer(_ name: String, default integer: Int, in range: ClosedRange<Int>) throws -> Int {
    guard let text = value(name) else { return integer }
    guard let found = Int(text), range.contains(found) else {
      throw UsageError("`\(name) \(text)`: it is an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return found
  }

  /// How a model is compiled, by `--ram`.
  func compileOptions() throws -> CompileOptions {
    var options = CompileOptions()
    options.arenaBytes = try bytes("--ram")
    return options
  }

  /// The value of an option that is a number of bytes, with K, M or G behind it for 1024, 1024^2 or 1024^3.
  func bytes(_ name: String) throws -> Int? {
    guard let text = value(name) else { return nil }
    let shift = ["K": 10, "M": 20, "G": 30][text.last?.uppercased() ?? ""]
    let digits = shift == nil ? text[...] : text.dropLast()
    guard digits.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(digits),
      number <= (1 << 40) >> (shift ?? 0)
    else {
      throw UsageError(
        "`\(name) \(text)`: it is a number of bytes up to 1024G, such as `65536`, `64K`, `64M` or `1G`")
    }
    return number << (shift ?? 0)
  }

  /// Plans have their arena: `--ram` is for models.
  func refuseRAM() throws {
    guard flag("--ram") else { return }
    throw UsageError("`--ram` is for models, `\(arguments[0])` is a plan")
  }

  /// The values that are wanted, of the form `name=value`, in order; a name given twice is a mistake.
  func pairs(
    _ name: String, where isWanted: (String) -> Bool = { _ in true }
  ) throws -> [(name: String, value: String)] {
    var result: [(name: String, value: String)] = []
    for text in all(name) where isWanted(text) {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
        throw UsageError("`\(name) \(text)`: write it as `\(name) name=value`")
      }
      guard !result.contains(where: { $0.name == parts[0] }) else {
        throw UsageError("`\(name)`: `\(parts[0])` is given twice")
      }
      result.append((String(parts[0]), String(parts[1])))
    }
    return result
  }
}

/// A mistake in the arguments: exit code 64.
struct UsageError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

extension Invocation {
  /// Parses what follows the command's name; nil when help was asked for.
  static func parse(_ words: [String], of command: CommandSpec, _ context: Context) throws -> Invocation? {
    var invocation = Invocation(command: command, context: context)
    var next = 0
    var takesOptions = true
    while next < words.count {
      let word = words[next]
      next += 1
      if !takesOptions || word == "-" || !word.hasPrefix("-") {
        invocation.arguments.append(word)
        continue
      }
      if word == "--" {
        takesOptions = false
        continue
      }
      if word == "--help" || word == "-h" { return nil }
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      let joined = word.hasPrefix("--") && parts.count == 2 ? parts[1] : nil
      let name = joined == nil ? word : parts[0]
      guard let option = command.option(name) else {
        let known = command.options.flatMap { [$0.name, $0.alias].compactMap { $0 } }
        throw UsageError("unknown option `\(name)`" + Suggestion.text(for: name, among: known))
      }
      var value = ""
      if option.value != nil {
        if let joined {
          value = joined
        } else if !option.isValueOptional {
          guard next < words.count else {
            throw UsageError("`\(name)` needs a value: `\(name) \(option.value ?? "")`")
          }
          value = words[next]
          next += 1
        }
      } else if joined != nil {
        throw UsageError("`\(name)` takes no value")
      }
      if invocation.values[option.name] != nil, !option.isRepeatable {
        throw UsageError("`\(name)` is given twice")
      }
      invocation.values[option.name, default: []].append(value)
    }
    let count = invocation.arguments.count
    guard command.argumentCount.contains(count) else {
      let wanted = command.arguments.isEmpty ? "no arguments" : command.arguments
      throw UsageError("`\(command.name)` takes \(wanted), got \(count) argument\(count == 1 ? "" : "s")")
    }
    return invocation
  }
}

/// Names close to a mistyped one.
enum Suggestion {
  /// `; did you mean ...?`, or nothing.
  static func text(for name: String, among known: [String]) -> String {
    let close = known.map { ($0, distance(Array(name.utf8), Array($0.utf8))) }.min { $0.1 < $1.1 }
    guard let close, close.1 <= max(2, name.utf8.count / 3) else { return "" }
    return "; did you mean `\(close.0)`?"
  }

  /// The number of insertions, deletions and replacements between two words.
  private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var row = Array(0...b.count)
    for (i, x) in a.prefix(64).enumerated() {
      var previous = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let above = row[j + 1]
        row[j + 1] = min(above + 1, row[j] + 1, previous + (x == y ? 0 : 1))
        previous = above
      }
    }
    return row[b.count]
  }
}
