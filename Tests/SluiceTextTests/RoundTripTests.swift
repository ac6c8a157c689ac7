import SluiceIR
import SluiceText
import Testing

/// Text to module to text, and module to text to module.
struct RoundTripTests {
  /// Reads, prints, reads again and compares both ways; gives the text.
  @discardableResult
  static func roundTrip(_ text: String) throws -> String {
    let module = try parseModule(text, file: "test.sluice")
    #expect(verify(module).map(\.description) == [])
    let printed = printModule(module)
    let again = try parseModule(printed, file: "other.sluice")
    #expect(describe(again) == describe(module))
    #expect(printModule(again) == printed)
    return printed
  }

  static let everything = """
    // A module of everything.
    //
    //  Indented.
    module @all

    param @w.a : f32[2,3] init normal(0, 0.02)
    param @b : f32[2] init uniform(-0.5, 0.5)
    param @k : f32[2,2] init eye
    param @o : u8[2] init ones
    state @m : f32[3] init data [1, -2.5, 1e-10]
    state @step : i64[] init constant(-7)
    state @z : bool[2]

    // Adds up.
    body @acc(%s: f32[], %x: f32[]) -> f32[], f32[] {
      %n = add %s, %x : f32[]
      return %n, %n
    }

    func @f(%x: f32[B,64], %0: f32[B+2,3], %xs: f32[T+1]) -> (loss: f32[], f32[2*B,32]) where B <= 8, T <= 256 {
      %c0 = constant {value = 0} : f32[]
      %total, %1 = scan @acc, %c0, %xs {carries = 1, sequences = 1, reverse = true} : f32[], f32[T+1]
      %r = reshape %x {shape = [2*B,32]} : f32[2*B,32]
      %2 = constant {value = [1, 2, 3, 4]} : i64[2,2]
      %s = slice %x {start = [0,1], limit = [B,64], strides = [1,3]} : f32[B,21]
      %n = size {length = B*T*T-B+3, dtype = f32} : f32[]
      %w = read @m : f32[3]
      return %total, %r, @m = %w
    }

    func @nothing() {
      return
    }

    """

  /// A scope holds up to the next one or the end of the graph, and a graph begins in that of its module.
  @Test func scopesAreKept() throws {
    let text = """
      module @net

      body @half(%x: f32[2]) -> f32[2] {
        scope "net/layers.0"
        %y = exp %x : f32[2]
        return %y
      }

      func @f(%x: f32[2]) -> f32[2] {
        %a = exp %x : f32[2]
        scope "a \\"name\\" \\\\ (gradient)"
        %b = call @half, %a : f32[2]
        %c = exp %b : f32[2]
        scope "net"
        %d = exp %c : f32[2]
        return %d
      }

      """
    #expect(try Self.roundTrip(text) == text)
    let module = try parseModule(text, file: "test.sluice")
    let graph = module.graphs[1]
    #expect(
      graph.nodes.dropFirst().map { module.tables.scope(graph.locations[$0.index]) } == [
        "net", "a \"name\" \\ (gradient)", "a \"name\" \\ (gradient)", "net",
      ])
  }

  @Test func printedTextStaysAsItIs() throws {
    #expect(try Self.roundTrip(Self.everything) == Self.everything)
  }

  @Test func anyExampleStaysTheSameModule() throws {
    for op in Op.allCases { try Self.roundTrip(op.definition.example) }
  }

  @Test func filesStayTheSameModules() throws {
    for file in FileTests.files where !file.contains("fail_") {
      try Self.roundTrip(String(decoding: FileTests.bytes(file), as: UTF8.self))
    }
  }

  @Test(arguments: [
    ("models/my-model.sluice", "my_model"), ("a.b.sluice", "a_b"), ("7.sluice", "_7"), ("-", "main"),
    ("", "main"),
    ("/", "main"), (".sluice", "main"), ("noext", "noext"), ("é.sluice", "main"),
  ])
  func moduleIsNamedAfterTheFile(_ file: String, _ name: String) throws {
    #expect(try parseModule("", file: file).name == name)
    #expect(try parseModule("module @given", file: file).name == "given")
  }

  @Test func windowsLinesAndByteOrderMark() throws {
    let text =
      "\u{FEFF}"
      + RoundTripTests.everything.split(separator: "\n", omittingEmptySubsequences: false).joined(
        separator: "\r\n")
    #expect(printModule(try parseModule(text, file: "x")) == Self.everything)
  }

  @Test func oneGraphAlone() throws {
    let module = try parseModule(Self.everything, file: "x")
    #expect(
      printGraph(GraphID(0), of: module)
        == "// Adds up.\nbody @acc(%s: f32[], %x: f32[]) -> f32[], f32[] {\n  %n = add %s, %x : f32[]\n"
        + "  return %n, %n\n}\n")
  }

  @Test func nodesKnowTheirPlaces() throws {
    let module = try parseModule(Self.everything, file: "dir/x.sluice")
    let graph = module.graphs[1]
    let place = module.tables.locations[graph.locations[graph.inputCount]]
    #expect(module.tables.strings[place.file] == "dir/x.sluice")
    #expect(
      Self.everything.split(separator: "\n", omittingEmptySubsequences: false)[Int(place.line) - 1].hasPrefix(
        "  %c0"))
    #expect(place.column == 9)
    #expect(module.tables.locations[graph.location].line == place.line - 1)
  }

  /// Decimals that round to a tie of binary32 when they are rounded to binary64 first.
  @Test(arguments: [
    ("6.038484811782837", 0x40C1_3B45), ("7.652842283248901", 0x40F4_E415),
    ("78.78380966186523", 0x429D_914F),
    ("6.214669466018677", 0x40C6_DE93), ("-4.108751058578491", 0xC083_7AE3), ("16777217", 0x4B80_0000),
    ("1e-46", 0), ("3.4028235677973366e38", 0x7F7F_FFFF), ("3.4028235677973367e38", 0x7F80_0000),
    ("1.401298464324817e-45", 1),
  ])
  func decimalsAreRoundedOnce(_ text: String, _ bits: Int) throws {
    let source = "param @w : f32[1] init data [\(text)]"
    if bits > 0x7F7F_FFFF, bits < 0x8000_0000 {
      #expect(throws: Diagnostics.self) { try parseModule(source, file: "x") }
    } else {
      let module = try parseModule(source, file: "x")
      #expect(module.tables.constants.bits(ConstantID(0), 0, size: 4) == UInt64(bits))
    }
  }

  @Test func sameBracesOfAnotherOp() throws {
    let text = try Self.roundTrip(
      """
      func @f(%x: f32[2,2], %i: i32[2]) -> f32[2,2] {
        %a = softmax %x {axis = 0} : f32[2,2]
        %b = gather %x, %i {axis = 0} : f32[2,2]
        %c = softmax %x {axis = 0} : f32[2,2]
        %d = softmax %x {axis = -1} : f32[2,2]
        return %d
      }
      """)
    #expect(text.contains("%a = softmax %x {axis = 0} :"))
    #expect(text.contains("%b = gather %x, %i :"))
    #expect(text.contains("%c = softmax %x {axis = 0} :"))
    #expect(text.contains("%d = softmax %x :"))
  }

  @Test func readerKeepsTextAsWritten() throws {
    let text = try Self.roundTrip(
      """
      func @f(%x: f32[2]) -> f32[2] {
        %a = negate %x : f32[2]
        %b = negate %x : f32[2]
        %c = negate %b : f32[2]
        return %x
      }
      """)
    #expect(text.contains("%c = negate %b"))
  }
}

/// Modules that were not read from text print as text that can be read.
struct PrinterTests {
  @Test func namesBecomeValidAndDifferent() throws {
    var builder = ModuleBuilder(name: "my model", comment: ["one\ntwo", "run: @f() == 1"], simplifies: false)
    let type = builder.tables.types.intern(.f32, [])
    func name(_ text: String, _ tables: inout Tables) -> StringID { tables.strings.intern(text) }
    for text in ["a b", "a_b", "7"] {
      let id = name(text, &builder.tables)
      try builder.declare(Variable(kind: .state, name: id, type: type))
    }
    builder.begin(.function, "f g", comment: ["about\n\nf"])
    let x = builder.input(type, name: name("x", &builder.tables))
    let unnamed = builder.input(type, name: .none)
    let numbered = builder.input(type, name: name("0", &builder.tables))
    let empty = builder.input(type, name: name("", &builder.tables))
    var values = [x, unnamed, numbered, empty]
    for text in ["x", "x", "x_1", "x_1", "é", "%y", "1.5", "."] {
      let value = try builder.emit(.negate, [x])
      builder.name(value, name(text, &builder.tables))
      values.append(value)
    }
    let states = ["a b", "a_b", "7"].map { Graph.Write(state: name($0, &builder.tables), value: x) }
    let results = ["r", "r", "a b"].map { name($0, &builder.tables) }
    try builder.end(results: [values[4], unnamed, values[5]], names: results, writes: states)
    builder.begin(.function, "f g")
    try builder.end(results: [])
    let text = printModule(builder.finish())
    #expect(
      text == """
        // one
        // two
        module @my_model

        state @a_b : f32[]
        state @a_b_1 : f32[]
        state @_7 : f32[]

        // about
        //
        // f
        func @f_g(%x: f32[], %0: f32[], %_0: f32[], %1: f32[]) -> (r: f32[], r_1: f32[], a_b: f32[]) {
          %x_1 = negate %x : f32[]
          %x_2 = negate %x : f32[]
          %x_1_1 = negate %x : f32[]
          %x_1_2 = negate %x : f32[]
          %__ = negate %x : f32[]
          %_y = negate %x : f32[]
          %_1.5 = negate %x : f32[]
          %_. = negate %x : f32[]
          return %x_1, %0, %x_2, @a_b = %x, @a_b_1 = %x, @_7 = %x
        }

        func @f_g_1() {
          return
        }

        """)
    #expect(printModule(try parseModule(text, file: "x")) == text)
  }

  @Test func longListsBreak() throws {
    let elements = (0..<60).map { "\($0)000" }.joined(separator: ", ")
    let text = try RoundTripTests.roundTrip(
      """
      param @w : f32[60] init data [\(elements)]
      func @f() -> i32[60] {
        %c = constant {value = [\(elements)]} : i32[60]
        return %c
      }
      """)
    let lines = text.split(separator: "\n").map(String.init)
    #expect(lines.allSatisfy { $0.utf8.count <= 100 })
    #expect(lines[1] == "param @w : f32[60] init data [")
    #expect(lines[2].hasPrefix("  0, 1000, 2000, "))
    #expect(lines.contains("]"))
    #expect(lines.contains("  %c = constant {value = ["))
    #expect(lines.contains("  ]} : i32[60]"))
  }

  @Test func everyFloatReadsBack() throws {
    var random = SplitMix(state: 7)
    var bits32: [UInt32] = [0, 1 << 31, 0x7F80_0000, 0xFF80_0000, 0x7FC0_0000, 0xFFC0_0000, 0x7F80_0001, 1]
    var bits64: [UInt64] = [
      0, 1 << 63, 0x7FF0_0000_0000_0000, 0x7FF8_0000_0000_0000, 0x7FF0_0000_0000_0001, 1,
    ]
    for _ in 0..<3000 {
      bits32.append(UInt32(truncatingIfNeeded: random.next()))
      bits64.append(random.next())
      bits32.append(Float(Double(Int64(random.next() % 2_000_000)) / 1000 - 1000).bitPattern)
      bits64.append((Double(Int64(random.next() % 2_000_000)) / 1000 - 1000).bitPattern)
    }
    var builder = ModuleBuilder(name: "floats", simplifies: false)
    let rows: [(DType, [UInt8])] = [
      (.f32, bits32.flatMap { bits in (0..<4).map { UInt8(truncatingIfNeeded: bits >> ($0 * 8)) } }),
      (.f64, bits64.flatMap { bits in (0..<8).map { UInt8(truncatingIfNeeded: bits >> ($0 * 8)) } }),
    ]
    for (dtype, bytes) in rows {
      let type = builder.tables.types.intern(
        dtype, [builder.tables.dims.integer(bytes.count / dtype.byteCount)])
      let id = builder.tables.constants.intern(type, bytes)
      let name = builder.tables.strings.intern(dtype.name)
      try builder.declare(Variable(kind: .parameter, name: name, type: type, initializer: .data(id)))
    }
    let module = builder.finish()
    #expect(describe(try parseModule(printModule(module), file: "x")) == describe(module))
  }
}

/// A small generator of random words (SplitMix64), the same in every run.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }
}
