import SluiceIR
import SluiceText
import Testing

/// `// test:`, `// run:`, `// check:` and `// error:` comments.
struct DirectiveTests {
  private func directives(_ text: String) throws -> TestDirectives {
    try TestDirectives(Array(text.utf8), file: "t.sluice")
  }

  @Test func commandIsOnTheFirstLine() throws {
    #expect(
      try directives("// test: passes fold,cse  \nfunc @f() {\n  return\n}\n").command == "passes fold,cse")
    #expect(try directives("//test:run").command == "run")
    #expect(try directives("func @f() {\n  return\n}\n").command == nil)
    #expect(throws: Diagnostics.self) { try directives("\n// test: run\n") }
  }

  @Test func runLines() throws {
    let found = try directives(
      """
      func @f() {
        return
      }
      // run: @f([1, 2], 3) == [2, -4.5], [[1], [2]] ~ 1e-6
      // run: @a.b() == nan
      // run: @f([], [[], []], true, -0, -0.0, -inf, 9223372036854775807, 1e3)
      // Not a run: @f()
      """)
    let runs = found.runs
    try #require(runs.count == 3)
    #expect(runs[0].function == "f")
    #expect(runs[0].line == 4)
    #expect(runs[0].tolerance == 1e-6)
    #expect(runs[0].arguments.map(\.shape) == [[2], []])
    #expect(runs[0].arguments[0].elements == [.int(1), .int(2)])
    #expect(runs[0].arguments[1].values == [3])
    #expect(runs[0].expected.map(\.shape) == [[2], [2, 1]])
    #expect(runs[0].expected[0].elements == [.int(2), .float(-4.5)])
    #expect(runs[1].function == "a.b")
    #expect(runs[1].tolerance == nil)
    #expect(runs[1].arguments.isEmpty)
    #expect(runs[1].expected[0].values[0].isNaN)
    #expect(runs[2].expected.isEmpty)
    #expect(runs[2].arguments.map(\.shape) == [[0], [2, 0], [], [], [], [], [], []])
    let numbers = runs[2].arguments.flatMap(\.elements)
    #expect(numbers == [.int(1), .int(0), .float(-0.0), .float(-.infinity), .int(.max), .float(1000)])
  }

  @Test(arguments: [
    ("// run: f(1)", "expected a call such as `@f([1, 2])`, found `f`"),
    ("// run: @f", "expected `(`, found the end of the line"),
    ("// run: @f(1", "expected `,` or `)`, found the end of the line"),
    ("// run: @f(1) = 2", "expected `==`, found `2`"),
    ("// run: @f(1) ==", "expected a number, found the end of the line"),
    ("// run: @f(1) == 2 3", "expected `,`, `~` or the end of the line, found `3`"),
    ("// run: @f(1) == 2 ~ -1", "the tolerance is negative"),
    ("// run: @f([1, [2]])", "the parts of a list differ in shape"),
    ("// run: @f([[1], [2, 3]])", "the parts of a list differ in shape"),
    ("// run: @f([1, 2)", "expected `,` or `]`, found `)`"),
    ("// run: @f(1e999)", "the number is out of range"),
    ("// run: @f(9223372036854775808)", "the number does not fit 64 bits"),
    ("// run: @f(x)", "expected a number, found `x`"),
    ("// run: @f([[[[[[[[[1]]]]]]]]])", "a tensor has at most 8 axes"),
  ])
  func brokenRunLines(_ line: String, _ message: String) throws {
    let error = #expect(throws: Diagnostics.self) { try directives("module @m\n  \(line)\n") }
    let diagnostic = try #require(error?.all.first)
    #expect(error?.all.count == 1)
    #expect(diagnostic.message == message)
    #expect(diagnostic.place?.line == 2)
    #expect(diagnostic.sourceLine == "  \(line)")
  }

  @Test func diagnosticsPointIntoTheComment() throws {
    let error = #expect(throws: Diagnostics.self) { try directives("// run: @f(x)") }
    #expect(
      error?.description
        == "t.sluice:1:12: error: expected a number, found `x`\n  // run: @f(x)\n             ^")
  }

  @Test func checkLines() throws {
    let found = try directives(
      "// check: kernels == 1, calls <= 12\n//check: @f.vjp arena<=0,bytes == 9223372036854775807\n"
    ).checks
    try #require(found.count == 2)
    #expect(found[0].function == nil && found[0].line == 1)
    #expect(found[0].bounds.map(\.quantity) == [.kernels, .calls])
    #expect(found[0].bounds.map(\.isUpper) == [false, true])
    #expect(found[0].bounds.map(\.value) == [1, 12])
    #expect(found[1].function == "f.vjp" && found[1].line == 2)
    #expect(found[1].bounds.map(\.quantity) == [.arena, .bytes])
    #expect(found[1].bounds.map(\.isUpper) == [true, false])
    #expect(found[1].bounds.map(\.value) == [0, .max])
  }

  @Test(arguments: [
    ("// check:", "expected `kernels`, `calls`, `arena` or `bytes`, found the end of the line"),
    ("// check: @f", "expected `kernels`, `calls`, `arena` or `bytes`, found the end of the line"),
    ("// check: @f 1", "expected `kernels`, `calls`, `arena` or `bytes`, found `1`"),
    ("// check: kernel == 1", "expected `kernels`, `calls`, `arena` or `bytes`, found `kernel`"),
    ("// check: calls == 1,", "expected `kernels`, `calls`, `arena` or `bytes`, found the end of the line"),
    ("// check: calls", "expected `==` or `<=`, found the end of the line"),
    ("// check: calls = 1", "expected `==` or `<=`, found `1`"),
    ("// check: calls >= 1", "expected `==` or `<=`, found `>=`"),
    ("// check: calls < 1", "expected `==` or `<=`, found `<`"),
    ("// check: calls == ", "expected a number, found the end of the line"),
    ("// check: calls == x", "expected a number, found `x`"),
    ("// check: calls == -1", "expected a whole number that is not negative, found `-`"),
    ("// check: arena <= 1.5", "expected a whole number that is not negative, found `1.5`"),
    ("// check: bytes <= nan", "expected a whole number that is not negative, found `nan`"),
    ("// check: bytes <= 9223372036854775808", "the number does not fit 64 bits"),
    ("// check: calls == 1 arena == 0", "expected `,` or the end of the line, found `arena`"),
    ("// check: calls == 1, calls == 2", "`calls` is stated twice"),
  ])
  func brokenCheckLines(_ line: String, _ message: String) throws {
    let error = #expect(throws: Diagnostics.self) { try directives("module @m\n  \(line)\n") }
    let diagnostic = try #require(error?.all.first)
    #expect(error?.all.count == 1)
    #expect(diagnostic.message == message)
    #expect(diagnostic.place?.line == 2)
  }

  @Test func errorLines() throws {
    let found = try directives("a // error: one `x` // error: two\n\n// error: three\n")
    #expect(found.errors.map(\.line) == [1, 1, 3])
    #expect(found.errors.map(\.message) == ["one `x`", "two", "three"])
  }

  @Test func literalsAsBits() throws {
    let literal = Literal(shape: [3], elements: [.int(1), .float(-0.0), .float(0.1)])
    #expect(literal.bits(.f32) == [0x3F80_0000, 0x8000_0000, 0x3DCC_CCCD])
    #expect(literal.bits(.f64) == [Double(1).bitPattern, Double(-0.0).bitPattern, Double(0.1).bitPattern])
    #expect(literal.bits(.i32) == nil)
    let integers = Literal(shape: [2], elements: [.int(-1), .int(255)])
    #expect(integers.bits(.i32) == [0xFFFF_FFFF, 255])
    #expect(integers.bits(.i64) == [.max, 255])
    #expect(integers.bits(.u8) == nil)
    #expect(integers.bits(.bool) == nil)
    #expect(Literal(shape: [], elements: [.int(255)]).bits(.u8) == [255])
    #expect(Literal(shape: [], elements: [.int(1)]).bits(.bool) == [1])
  }
}
