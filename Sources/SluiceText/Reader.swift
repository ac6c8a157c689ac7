public import SluiceIR

/// Reads `.sluice` text into a module and reports every mistake in it.
///
/// - Parameters:
///   - text: The text as UTF-8.
///   - file: What diagnostics call the file; its stem names a module without a `module` line.
/// - Returns: The module, with nodes as written: nothing is simplified.
/// - Throws: All errors, in the order of their places.
public func parseModule(_ text: [UInt8], file: String) throws(Diagnostics) -> Module {
  guard text.count <= Int(Int32.max) else {
    throw Diagnostics([
      Diagnostic(.error, "`\(file)` is larger than 2 GiB", at: .init(file: file, line: 0, column: 0))
    ])
  }
  var reader = Reader(text, file: file)
  reader.readItems()
  return try reader.finish()
}

/// Reads `.sluice` text into a module and reports every mistake in it.
public func parseModule(_ text: String, file: String) throws(Diagnostics) -> Module {
  try parseModule(Array(text.utf8), file: file)
}

/// What a statement throws when its mistake has been reported: the reader goes on with the next one.
package struct Stop: Error {
  /// To be thrown.
  package init() {}
}

/// The reader: a recursive descent over tokens into a `ModuleBuilder`.
///
/// One mistake gives one error: a name whose definition failed is poison, and what uses it is passed over. A
/// statement that fails throws `Stop` and the reader goes on with the next line that can start one.
package struct Reader: ~Copyable {
  package var lexer: Lexer
  package var builder: ModuleBuilder
  let ops = OpNames.shared
  package let file: String
  let fileID: StringID
  /// How many brackets are open; inside of them newlines count for nothing.
  package var nesting = 0
  package var diagnostics: [Diagnostic] = []
  /// The name and the comment of the `module` line.
  package var moduleName: String?
  package var moduleComment: [String] = []

  /// All `%` names of the text.
  package var names = NameTable()
  /// What the names stand for in the graph being read.
  var scope = Scope()
  /// The types written so far, by their bytes, and what they stand for in the graph being read.
  var typeNames = NameTable()
  var knownTypes: [Scope.KnownType] = []
  /// The same for attributes in braces.
  var blockNames = NameTable()
  var knownBlocks: [Scope.KnownBlock] = []
  /// Parameters and states, functions and bodies, by name.
  var variables = ItemTable()
  var graphs = ItemTable()
  /// The symbols of each graph.
  var graphSymbols: [[SymbolID]] = []

  /// The scope in which a graph begins: the name of the module.
  var moduleScope: StringID
  /// The scope of the nodes that are read.
  var nodeScope: StringID

  // The node being read; kept to reuse the memory.
  var results: [ResultName] = []
  var operands: [ValueID] = []
  var attributes: [Attribute] = []
  /// The attributes interned; none while they are not.
  var record = AttributesID.none
  var written: [WrittenType] = []
  var pendingConstant: PendingConstant?

  /// A name on the left of `=`.
  struct ResultName {
    var row: Int
    var name: Range<Int>
    var spot: Lexer.Spot
  }

  /// A type behind `:`.
  struct WrittenType {
    var type: TypeID
    var spot: Lexer.Spot
  }

  /// After so many errors the rest is not read.
  static let maximumErrorCount = 1000

  package init(_ text: [UInt8], file: String) {
    self.file = file
    lexer = Lexer(text)
    builder = ModuleBuilder(name: Self.defaultName(file), simplifies: false)
    fileID = builder.tables.strings.intern(file)
    moduleScope = builder.tables.strings.intern(Self.defaultName(file))
    nodeScope = moduleScope
  }

  /// The module, or everything that is wrong.
  package consuming func finish() throws(Diagnostics) -> Module {
    if !diagnostics.isEmpty {
      let order = diagnostics.indices.sorted { a, b in
        let (x, y) = (diagnostics[a].place, diagnostics[b].place)
        return (x?.line ?? .max, x?.column ?? .max, a) < (y?.line ?? .max, y?.column ?? .max, b)
      }
      throw Diagnostics(order.map { diagnostics[$0] })
    }
    let (name, comment) = (moduleName, moduleComment)
    var module = builder.finish()
    if let name { module.name = name }
    module.comment = comment
    return module
  }

  /// The stem of a file's name as an identifier; `main` where nothing is left of it.
  static func defaultName(_ file: String) -> String {
    let base = file.utf8.split(separator: UInt8(ascii: "/")).last ?? ""[...].utf8
    let stem = base.lastIndex(of: UInt8(ascii: ".")).map { base[..<$0] } ?? base
    let name = stem.map { $0.isWord && $0 != UInt8(ascii: ".") ? $0 : UInt8(ascii: "_") }
    guard let first = name.first, name.contains(where: { $0 != UInt8(ascii: "_") }) else { return "main" }
    return (first.isDigit ? "_" : "") + String(decoding: name, as: UTF8.self)
  }
}

// MARK: Tokens

extension Reader {
  /// Goes on to the next token; to the next one that is no newline inside brackets.
  package mutating func advance() {
    repeat { lexer.advance() } while lexer.kind == .newline && nesting > 0
  }

  /// Passes over a token of this kind, if it is next.
  package mutating func accept(_ kind: Lexer.Kind) -> Bool {
    guard lexer.kind == kind else { return false }
    advance()
    return true
  }

  /// Passes over a token of this kind; `what` describes it to the user.
  package mutating func expect(_ kind: Lexer.Kind, _ what: String) throws(Stop) {
    guard accept(kind) else { throw unexpected(what) }
  }

  /// Passes over an opening bracket; up to `close`, newlines count for nothing.
  package mutating func open(_ kind: Lexer.Kind, _ what: String) throws(Stop) {
    guard lexer.kind == kind else { throw unexpected(what) }
    nesting += 1
    advance()
  }

  /// Passes over a closing bracket.
  package mutating func close(_ kind: Lexer.Kind, _ what: String) throws(Stop) {
    guard lexer.kind == kind else { throw unexpected(what) }
    nesting -= 1
    advance()
  }

  /// Passes over the newlines before the next item or statement.
  package mutating func skipNewlines() {
    while lexer.kind == .newline { lexer.advance() }
  }

  /// The end of a statement.
  package mutating func endLine(_ what: String = "the end of the line") throws(Stop) {
    guard lexer.kind == .newline || lexer.kind == .end else { throw unexpected(what) }
  }

  /// Goes on to the end of the line when that is next, else to a line that can start a statement or an item.
  mutating func skipStatement() {
    nesting = 0
    if lexer.kind == .newline { return }
    while lexer.kind != .end, !(lexer.startsLine && isStatementStart) { lexer.advance() }
  }

  /// Whether the token can start a statement or an item.
  private var isStatementStart: Bool {
    switch lexer.kind {
    case .value, .closeBrace: true
    case .identifier: isItemStart || lexer.isWord("return") || lexer.isWord("scope")
    default: false
    }
  }

  /// Whether the token is a keyword that starts an item.
  var isItemStart: Bool {
    lexer.isWord("func") || lexer.isWord("body") || lexer.isWord("param") || lexer.isWord("state")
      || lexer.isWord("module")
  }
}

// MARK: Errors

extension Reader {
  /// Whether so many errors were found that the rest is not read.
  package var isFull: Bool { diagnostics.count > Self.maximumErrorCount }

  /// Keeps an error, to be thrown at the end.
  @discardableResult
  package mutating func report(
    _ message: String, at spot: Lexer.Spot, hint: String? = nil, notes: [Diagnostic.Note] = []
  ) -> Stop {
    guard !isFull else { return Stop() }
    if diagnostics.count == Self.maximumErrorCount {
      diagnostics.append(
        Diagnostic(
          .error, "more than \(Self.maximumErrorCount) errors; the rest of the text was not read",
          at: place(spot)))
      return Stop()
    }
    let notes = (hint.map { [Diagnostic.Note($0)] } ?? []) + notes
    diagnostics.append(
      Diagnostic(.error, message, at: place(spot), notes: notes, sourceLine: sourceLine(spot)))
    return Stop()
  }

  /// Keeps the error that another token was expected here.
  package mutating func unexpected(_ what: String) -> Stop {
    report("expected \(what), found \(tokenText)", at: lexer.spot)
  }

  /// The token as messages show it.
  package var tokenText: String {
    switch lexer.kind {
    case .end: return "the end of the file"
    case .newline: return "the end of the line"
    default:
      let range = lexer.low..<min(lexer.high, lexer.low + 40)
      let text = lexer.text(range).unicodeScalars.map {
        $0.value < 32 ? $0.escaped(asASCII: true) : String($0)
      }
      return "`\(text.joined())\(range.upperBound < lexer.high ? "..." : "")`"
    }
  }

  /// A spot as the user sees it: columns count characters.
  package func place(_ spot: Lexer.Spot) -> Diagnostic.Place {
    let bytes = spot.lineStart..<max(spot.lineStart, min(spot.offset, lexer.bytes.count))
    let column = bytes.count > Self.longLine ? bytes.count : lexer.text(bytes).count
    return Diagnostic.Place(file: file, line: spot.line, column: column + 1)
  }

  /// The line of a spot, unless it is long.
  private func sourceLine(_ spot: Lexer.Spot) -> String? {
    var end = spot.lineStart
    while end < lexer.bytes.count, lexer.bytes[end] != 0x0A, end - spot.lineStart <= Self.longLine {
      end += 1
    }
    guard end - spot.lineStart <= Self.longLine else { return nil }
    if end > spot.lineStart, lexer.bytes[end - 1] == 0x0D { end -= 1 }
    return lexer.text(spot.lineStart..<end)
  }

  /// Lines of more bytes are not shown.
  private static let longLine = 400

  /// The place of the token as a row of the location table.
  mutating func location(_ spot: Lexer.Spot) -> LocationID {
    builder.tables.locations.append(
      LocationTable.Location(
        file: fileID, line: UInt32(spot.line), column: UInt32(spot.offset - spot.lineStart + 1),
        scope: nodeScope))
  }

  /// A note at a place that a location names.
  func note(_ message: String, at location: LocationID) -> [Diagnostic.Note] {
    if location.isNone { return [] }
    let known = builder.tables.locations[location]
    return [Diagnostic.Note(message, at: .init(file: file, line: Int(known.line), column: Int(known.column)))]
  }
}
