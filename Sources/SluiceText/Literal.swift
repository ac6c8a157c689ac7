public import SluiceIR

/// A tensor written by hand in a `// run:` line: nested lists of numbers, or one number.
public struct Literal: Hashable, Sendable {
  /// The lengths of the lists, outermost first; none for a number.
  public var shape: [Int]
  /// The elements in row-major order: integers and truth values exactly, other numbers in binary64.
  public var elements: [Number]

  /// A tensor of this shape.
  public init(shape: [Int], elements: [Number]) {
    self.shape = shape
    self.elements = elements
  }

  /// The elements as floats.
  public var values: [Double] { elements.map(\.double) }

  /// The elements as the bits of a dtype; nil where one is not a value of it.
  ///
  /// Floats are rounded to the dtype; integers and truth values must be written without a fraction and fit.
  public func bits(_ dtype: DType) -> [UInt64]? {
    var bits: [UInt64] = []
    bits.reserveCapacity(elements.count)
    for element in elements {
      // An integer may be rounded to a float here, as any numeral.
      let number: UInt64? =
        switch element {
        case .int(let value) where !dtype.isFloating: ScalarConstant.bits(holding: value, dtype)
        case .float where !dtype.isFloating: nil
        case .int(let value) where dtype == .f32: UInt64(Float(value).bitPattern)
        default: ScalarConstant.bits(holding: element.double, dtype)
        }
      guard let number else { return nil }
      bits.append(number)
    }
    return bits
  }
}

/// Reads literals out of a part of a text, such as a comment.
struct LiteralReader {
  var lexer: Lexer
  let file: String

  /// What is wrong with a token, and where.
  func unexpected(_ what: String) -> Diagnostic {
    let found = lexer.kind == .end ? "the end of the line" : "`\(lexer.text(lexer.low..<lexer.high))`"
    return error("expected \(what), found \(found)")
  }

  /// An error at the token.
  func error(_ message: String) -> Diagnostic {
    let column = lexer.text(lexer.lineStart..<lexer.low).count + 1
    var end = lexer.low
    while end < lexer.bytes.count, lexer.bytes[end] != 0x0A { end += 1 }
    return Diagnostic(
      .error, message, at: .init(file: file, line: lexer.line, column: column),
      sourceLine: lexer.text(lexer.lineStart..<end))
  }

  /// Passes over a token of this kind, if it is next.
  mutating func accept(_ kind: Lexer.Kind) -> Bool {
    guard lexer.kind == kind else { return false }
    lexer.advance()
    return true
  }

  /// Passes over a token of this kind.
  mutating func expect(_ kind: Lexer.Kind, _ what: String) throws(Diagnostic) {
    guard accept(kind) else { throw unexpected(what) }
  }

  /// Literals separated by commas, up to a token that starts none.
  mutating func readLiterals() throws(Diagnostic) -> [Literal] {
    var literals: [Literal] = []
    repeat { literals.append(try readLiteral()) } while accept(.comma)
    return literals
  }

  /// One number, or nested lists of equal lengths.
  mutating func readLiteral() throws(Diagnostic) -> Literal {
    var elements: [Number] = []
    let shape = try readShape(depth: 0, into: &elements)
    return Literal(shape: shape, elements: elements)
  }

  private mutating func readShape(depth: Int, into elements: inout [Number]) throws(Diagnostic) -> [Int] {
    guard lexer.kind == .openBracket else {
      elements.append(try readNumber())
      return []
    }
    guard depth < TypeTable.maximumRank else {
      throw error("a tensor has at most \(TypeTable.maximumRank) axes")
    }
    lexer.advance()
    var count = 0
    var inner: [Int]?
    while lexer.kind != .closeBracket {
      let part = self
      let shape = try readShape(depth: depth + 1, into: &elements)
      guard shape == inner ?? shape else { throw part.error("the parts of a list differ in shape") }
      inner = shape
      count += 1
      if lexer.kind != .closeBracket { try expect(.comma, "`,` or `]`") }
    }
    lexer.advance()
    return [count] + (inner ?? [])
  }

  /// A number with its sign, `inf`, `nan`, `true` or `false`.
  mutating func readNumber() throws(Diagnostic) -> Number {
    let start = self
    let isNegative = accept(.minus)
    let range = lexer.low..<lexer.high
    var number: Number
    if lexer.isWord("inf") {
      number = .float(isNegative ? -.infinity : .infinity)
    } else if lexer.isWord("nan"), !isNegative {
      number = .float(Double(bitPattern: CanonicalNaN.f64))
    } else if lexer.isWord("true"), !isNegative {
      number = .int(1)
    } else if lexer.isWord("false"), !isNegative {
      number = .int(0)
    } else {
      guard lexer.kind == .number, !lexer.isHexadecimal else { throw unexpected("a number") }
      switch NumberText.integer(lexer.bytes, range, isNegative: isNegative) {
      case .value(let value): number = .int(value)
      case .outOfRange: throw start.error("the number does not fit 64 bits")
      case .malformed:
        guard case .value(let value) = NumberText.double(lexer.bytes, range) else {
          throw start.error("the number is out of range")
        }
        number = .float(isNegative ? -value : value)
      }
    }
    lexer.advance()
    return number
  }
}
