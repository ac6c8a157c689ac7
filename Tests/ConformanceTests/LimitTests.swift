/// The limits of bodies and sizes: what is at a limit plans and runs, what is one above it is an error.

import SluiceFormats
import SluiceIR
import SluicePlan
import SluiceReference
import SluiceText
import TestSupport
import Testing

struct LimitTests {
  /// `count` bodies in each other, the innermost adds 1; `wrap` is the node that runs the one before.
  private static func nest(_ count: Int, _ wrap: (String) -> String) -> String {
    var text = """
      body @b1(%p: bool[], %x: i32[]) -> i32[] {
        %one = constant {value = 1} : i32[]
        %y = add %x, %one : i32[]
        return %y
      }

      """
    for level in 1...count {
      let head = level == count ? "func @f" : "body @b\(level + 1)"
      text += "\(head)(%p: bool[], %x: i32[]) -> i32[] {\n\(wrap("@b\(level)"))  return %y\n}\n"
    }
    return text
  }

  private static func call(_ body: String) -> String { "  %y = call \(body), %p, %x : i32[]\n" }

  /// A branch whose other side is the same body once more would double the nodes at each level.
  private static func cond(_ body: String) -> String { "  %y = cond \(body), @same, %p, %p, %x : i32[]\n" }

  private static let same = "body @same(%p: bool[], %x: i32[]) -> i32[] {\n  return %x\n}\n"

  private static func plan(_ text: String) throws(Diagnostics) -> ModulePlan {
    let module = try parseModule(text, file: "limit.sluice")
    #expect(verify(module).isEmpty)
    let plan = try Planner.plan(module)
    #expect(PlanChecker().check(plan).isEmpty)
    return plan
  }

  private static func messages(_ text: String) -> [String] {
    do {
      _ = try plan(text)
      return []
    } catch { return error.all.map(\.message) }
  }

  /// The text runs in the evaluator, in all interpreters and in C as its `// run:` lines say.
  private static func runs(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let subject = try Subject(text, file: "limit.sluice")
    var others: [(name: String, backend: any Backend)] = []
    if let c = try CBackend(subject, subject.plan()) { others.append(("C", c)) }
    var agreement = try Agreement(subject, others: others)
    let failures = agreement.rejections + agreement.failures()
    #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))", sourceLocation: sourceLocation)
  }

  // MARK: Bodies

  @Test func bodies64Deep() throws {
    try Self.runs(Self.nest(64, Self.call) + "// run: @f(true, 41) == 42\n")
    try Self.runs(
      Self.same + Self.nest(64, Self.cond) + "// run: @f(true, 41) == 42\n// run: @f(false, 41) == 41\n")
  }

  @Test func bodies65Deep() throws {
    for text in [Self.nest(65, Self.call), Self.same + Self.nest(65, Self.cond)] {
      #expect(Self.messages(text) == ["bodies are nested more than 64 deep"])
      let module = try parseModule(text, file: "limit.sluice")
      let inputs = [HostTensor(scalar: true), HostTensor(scalar: Int32(1))].map(\.referenceTensor)
      let error = #expect(throws: ReferenceError.self) {
        try Reference(module).run(function: "f", inputs: inputs, variables: [:])
      }
      #expect(error?.description.contains("nested more than 64 deep") == true, "\(String(describing: error))")
    }
  }

  /// `count` loops in each other, each of which runs its body twice.
  private static func loops(_ count: Int, _ last: (String) -> String) -> String {
    var text = """
      body @b1(%x: i32[]) -> i32[] {
        %one = constant {value = 1} : i32[]
        %y = add %x, %one : i32[]
        return %y
      }
      body @goes_on(%x: i32[]) -> bool[] {
        %end = constant {value = 1000} : i32[]
        %y = less %x, %end : bool[]
        return %y
      }

      """
    for level in 1...count {
      let head = level == count ? "func @f" : "body @b\(level + 1)"
      let node =
        level == count
        ? last("@b\(level)")
        : level % 2 == 0
          ? "while @goes_on, @b\(level), %x {carries = 1, limit = 2}"
          : "scan @b\(level), %x {carries = 1, length = 2}"
      text += "\(head)(%x: i32[]) -> i32[] {\n  %y = \(node) : i32[]\n  return %y\n}\n"
    }
    return text
  }

  private static let outermost: [@Sendable (String) -> String] = [
    { "scan \($0), %x {carries = 1, length = 2}" }, { "while @goes_on, \($0), %x {carries = 1, limit = 2}" },
    { "while @goes_on, \($0), %x {carries = 1}" },
  ]

  @Test func sixLoops() throws {
    // Without a limit the loops inside stop as well: all of them once the number is at least 1000.
    for last in Self.outermost.dropLast() { try Self.runs(Self.loops(6, last) + "// run: @f(3) == 67\n") }
    try Self.runs(Self.loops(6, Self.outermost[2]) + "// run: @f(3) == 1001\n")
  }

  @Test func sevenLoops() {
    for last in Self.outermost {
      #expect(Self.messages(Self.loops(7, last)) == ["more than 6 loops are nested"])
    }
  }

  /// A function that runs bodies of so many nodes, most of them on the sides of branches that are not taken.
  private static func function(ofNodes count: Int) -> String {
    // An input is a node.
    var text = "body @same(%x: i32[]) -> i32[] {\n  return %x\n}\n"
    text += "body @d0(%x: i32[]) -> i32[] {\n  %y = negate %x : i32[]\n  return %y\n}\n"
    var counts = [2]
    while counts[counts.count - 1] < count {
      let body = "@d\(counts.count - 1)"
      text += "body @d\(counts.count)(%x: i32[]) -> i32[] {\n  %y = call \(body), %x : i32[]\n"
      text += "  %z = call \(body), %y : i32[]\n  return %z\n}\n"
      counts.append(3 + 2 * counts[counts.count - 1])
    }
    text += "func @f(%x: i32[]) -> i32[] {\n  %yes = constant {value = true} : bool[]\n"
    var rest = count
    for (level, size) in counts.enumerated().reversed() {
      while rest >= size + 1 {
        text += "  %n\(rest) = cond @same, @d\(level), %yes, %x : i32[]\n"
        rest -= size + 1
      }
    }
    while rest > 0 {
      text += "  %n\(rest) = call @same, %x : i32[]\n"
      rest -= 1
    }
    return text + "  return %x\n}\n"
  }

  @Test func nodes() {
    #expect(Self.messages(Self.function(ofNodes: 1 << 22)) == [])
    let message = ["`@f` runs bodies of more than 4194304 nodes"]
    #expect(Self.messages(Self.function(ofNodes: (1 << 22) + 1)) == message)
    // 2^64 and more.
    var text = "body @d0(%x: i32[]) -> i32[] {\n  return %x\n}\n"
    for level in 1...66 {
      text += "\(level == 66 ? "func @f" : "body @d\(level)")(%x: i32[]) -> i32[] {\n"
      text +=
        "  %y = call @d\(level - 1), %x : i32[]\n  %z = call @d\(level - 1), %y : i32[]\n  return %z\n}\n"
    }
    #expect(Self.messages(text) == message)
  }

  // MARK: Sizes

  @Test(arguments: [("u8", 1), ("f32", 4), ("f64", 8)])
  func bytes(_ dtype: String, _ size: Int) {
    let most = (1 << 40) / size
    func through(_ bound: Int) -> String {
      "func @f(%x: \(dtype)[N]) -> \(dtype)[N] where N <= \(bound) {\n"
        + "  %y = maximum %x, %x : \(dtype)[N]\n  return %y\n}\n"
    }
    #expect(Self.messages(through(most)) == [])
    #expect(
      Self.messages(through(most + 1))
        == ["x", "y"].map { "`%\($0)` of type \(dtype)[N] may need more than 2^40 bytes" })
    func inside(_ bound: Int) -> String {
      "func @f(%x: \(dtype)[]) -> \(dtype)[\(bound)] {\n"
        + "  %y = broadcast %x {shape = [\(bound)]} : \(dtype)[\(bound)]\n  return %y\n}\n"
    }
    #expect(Self.messages(inside(most)) == [])
    #expect(Self.messages(inside(most + 1)).count == 1)
    for kind in ["param", "state"] {
      func variable(_ count: Int) -> String {
        "\(kind) @s : \(dtype)[\(count)]\nfunc @f() -> \(dtype)[\(count)] {\n"
          + "  %s = read @s : \(dtype)[\(count)]\n  return %s\n}\n"
      }
      #expect(Self.messages(variable(most)) == [])
      #expect(Self.messages(variable(most + 1)) == ["`@s` is larger than 2^40 bytes"])
    }
  }

  /// Sizes that come out negative in a body, or in a body of a body, are refused like those of the function.
  @Test func sizesOfBodies() throws {
    let module = try parseModule(
      """
      body @inner(%x: f32[N]) -> f32[N] where N <= 8 {
        %i = iota {dtype = i32, shape = [N-2]} : i32[N-2]
        return %x
      }

      body @outer(%x: f32[N]) -> f32[N] where N <= 8 {
        %y = call @inner, %x : f32[N]
        return %y
      }

      func @f(%x: f32[N]) -> f32[N] where N <= 8 {
        %y = call @outer, %x : f32[N]
        return %y
      }
      """, file: "bodies.sluice")
    #expect(verify(module).isEmpty)
    let function = try #require(module.function("f"))
    #expect(throws: Never.self) { try module.bindSymbols(of: function, shapes: [[2]]) }
    let error = #expect(throws: SymbolBindingError.self) {
      try module.bindSymbols(of: function, shapes: [[1]])
    }
    #expect(error?.description.contains("N-2") == true, "\(String(describing: error))")
  }
}
