public import SluiceIR

/// A call with what it must give: `// run: @f([1, 2], 3) == [2, 4], 5 ~ 1e-6`.
public struct RunLine: Hashable, Sendable {
  /// The function's name, without `@`.
  public var function: String
  /// One literal an input.
  public var arguments: [Literal]
  /// One literal a result.
  public var expected: [Literal]
  /// How far results may be off, relative to what is expected; nil where they must be equal.
  public var tolerance: Double?
  /// The line in the file, from 1.
  public var line: Int
}

/// What a plan must cost: `// check: @f calls == 1, arena <= 4096`.
public struct CheckLine: Hashable, Sendable {
  /// What is counted.
  public enum Quantity: String, CaseIterable, Sendable {
    /// Different kernels that the function calls.
    case kernels
    /// Calls of kernels, those in loops as often as they turn.
    case calls
    /// Bytes of the arena.
    case arena
    /// Bytes that kernels load and store.
    case bytes
  }

  /// A number and what it may be.
  public struct Bound: Hashable, Sendable {
    /// What is counted.
    public var quantity: Quantity
    /// Whether less is right too.
    public var isUpper: Bool
    /// The number.
    public var value: Int64
  }

  /// The function's name, without `@`; nil for the only one of the file.
  public var function: String?
  /// At least one.
  public var bounds: [Bound]
  /// The line in the file, from 1.
  public var line: Int
}

/// What the comments of a `.sluice` file tell the test that runs it.
///
/// - `// test: verify` on the first line: what to do with the file.
/// - `// run: @f([1, 2]) == [2, 4] ~ 1e-6`: a call and its results.
/// - `// check: @f kernels == 1, arena <= 4096`: what the plan of a function costs.
/// - `// error: part of the message` on the line of a mistake: the diagnostic expected there; several of them
///   stand one behind the other.
public struct TestDirectives: Hashable, Sendable {
  /// An error that must be reported.
  public struct ExpectedError: Hashable, Sendable {
    /// The line it must be on, from 1.
    public var line: Int
    /// A part of its message.
    public var message: String
  }

  /// What stands behind `test:` on the first line.
  public var command: String?
  /// The calls.
  public var runs: [RunLine] = []
  /// What plans must cost.
  public var checks: [CheckLine] = []
  /// The errors.
  public var errors: [ExpectedError] = []

  /// The directives of a text.
  ///
  /// - Throws: An error for every directive that cannot be read.
  public init(_ text: [UInt8], file: String) throws(Diagnostics) {
    var lexer = Lexer(text)
    while lexer.kind != .end { lexer.advance() }
    var errors: [Diagnostic] = []
    for comment in lexer.comments {
      guard let (kind, range) = Self.directive(text, comment.text) else { continue }
      let content = lexer.text(range)
      switch kind {
      case .run:
        do throws(Diagnostic) {
          runs.append(try Self.run(text, range, comment, file))
        } catch {
          errors.append(error)
        }
      case .check:
        do throws(Diagnostic) {
          checks.append(try Self.check(text, range, comment, file))
        } catch {
          errors.append(error)
        }
      case .error:
        for message in Self.messages(text, range) {
          self.errors.append(ExpectedError(line: comment.line, message: lexer.text(message)))
        }
      case .test:
        if comment.line == 1 {
          command = content
        } else {
          let place = Diagnostic.Place(file: file, line: comment.line, column: 1)
          errors.append(
            Diagnostic(
              .error, "`test:` stands on the first line", at: place,
              sourceLine: "//" + lexer.text(comment.text)))
        }
      }
    }
    if !errors.isEmpty { throw Diagnostics(errors) }
  }

  enum Kind: String, CaseIterable { case test, run, check, error }

  /// The directive that a comment holds, and the place of its content.
  static func directive(_ text: [UInt8], _ comment: Range<Int>) -> (Kind, Range<Int>)? {
    let range = trimmed(text, comment)
    for kind in Kind.allCases {
      let keyword = kind.rawValue.utf8
      guard text[range].starts(with: keyword), range.count > keyword.count else { continue }
      let colon = range.lowerBound + keyword.count
      if text[colon] == UInt8(ascii: ":") { return (kind, trimmed(text, colon + 1..<range.upperBound)) }
    }
    return nil
  }

  /// The messages of an `error:` comment, separated by `// error:`.
  private static func messages(_ text: [UInt8], _ range: Range<Int>) -> [Range<Int>] {
    var messages: [Range<Int>] = []
    var start = range.lowerBound
    for at in range where text[at...].starts(with: "// error:".utf8) {
      messages.append(trimmed(text, start..<at))
      start = at + "// error:".utf8.count
    }
    return messages + [trimmed(text, start..<range.upperBound)]
  }

  private static func trimmed(_ text: [UInt8], _ range: Range<Int>) -> Range<Int> {
    var range = range
    while let first = range.first, text[first] == 0x20 || text[first] == 0x09 { range.removeFirst() }
    while let last = range.last, text[last] == 0x20 || text[last] == 0x09 || text[last] == 0x0D {
      range.removeLast()
    }
    return range
  }

  /// A reader of a part of a comment.
  private static func reader(
    _ text: [UInt8], _ range: Range<Int>, _ comment: Lexer.Comment, _ file: String
  ) -> LiteralReader {
    var lineStart = comment.text.lowerBound
    while lineStart > 0, text[lineStart - 1] != 0x0A { lineStart -= 1 }
    let lexer = Lexer(text, in: range, line: comment.line, lineStart: lineStart)
    return LiteralReader(lexer: lexer, file: file)
  }

  private static func check(
    _ text: [UInt8], _ range: Range<Int>, _ comment: Lexer.Comment, _ file: String
  ) throws(Diagnostic) -> CheckLine {
    var reader = reader(text, range, comment, file)
    var check = CheckLine(function: nil, bounds: [], line: comment.line)
    if reader.lexer.kind == .symbol {
      check.function = reader.lexer.text(reader.lexer.name)
      reader.lexer.advance()
    }
    repeat {
      let word = reader.lexer.text(reader.lexer.low..<reader.lexer.high)
      guard let quantity = CheckLine.Quantity(rawValue: word) else {
        throw reader.unexpected("`kernels`, `calls`, `arena` or `bytes`")
      }
      guard !check.bounds.contains(where: { $0.quantity == quantity }) else {
        throw reader.error("`\(word)` is stated twice")
      }
      reader.lexer.advance()
      let isUpper = reader.accept(.lessEqual)
      if !isUpper {
        try reader.expect(.equal, "`==` or `<=`")
        try reader.expect(.equal, "`==` or `<=`")
      }
      let number = reader
      guard case .int(let value) = try reader.readNumber(), value >= 0 else {
        throw number.unexpected("a whole number that is not negative")
      }
      check.bounds.append(CheckLine.Bound(quantity: quantity, isUpper: isUpper, value: value))
    } while reader.accept(.comma)
    guard reader.lexer.kind == .end else { throw reader.unexpected("`,` or the end of the line") }
    return check
  }

  private static func run(
    _ text: [UInt8], _ range: Range<Int>, _ comment: Lexer.Comment, _ file: String
  ) throws(Diagnostic) -> RunLine {
    var reader = reader(text, range, comment, file)
    guard reader.lexer.kind == .symbol else { throw reader.unexpected("a call such as `@f([1, 2])`") }
    var run = RunLine(
      function: reader.lexer.text(reader.lexer.name), arguments: [], expected: [], line: comment.line)
    reader.lexer.advance()
    try reader.expect(.openParenthesis, "`(`")
    if !reader.accept(.closeParenthesis) {
      run.arguments = try reader.readLiterals()
      try reader.expect(.closeParenthesis, "`,` or `)`")
    }
    if reader.lexer.kind != .end {
      try reader.expect(.equal, "`==`")
      try reader.expect(.equal, "`==`")
      run.expected = try reader.readLiterals()
      if reader.lexer.kind == .tilde {
        reader.lexer.advance()
        let number = try reader.readNumber().double
        guard number >= 0 else { throw reader.error("the tolerance is negative") }
        run.tolerance = number
      }
      guard reader.lexer.kind == .end else { throw reader.unexpected("`,`, `~` or the end of the line") }
    }
    return run
  }
}
