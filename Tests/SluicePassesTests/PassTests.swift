/// What each pass does to small modules, as text.

import SluiceIR
import SluicePasses
import SluiceText
import Testing

struct PassTests {
  private func check(_ passes: String..., text: String, becomes expected: String) throws {
    let result = try runPasses(try parse(text), passes, verifyEach: true)
    #expect(printModule(result) == expected)
  }

  // MARK: dce

  @Test func unusedNodesGo() throws {
    try check(
      "dce",
      text: """
        module @m

        func @f(%x: f32[2], %unused: f32[3]) -> f32[2] {
          %a = exp %x : f32[2]
          %b = log %a : f32[2]
          %c = sin %x : f32[2]
          %d = cos %c : f32[2]
          return %a
        }

        """,
      becomes: """
        module @m

        func @f(%x: f32[2], %unused: f32[3]) -> f32[2] {
          %a = exp %x : f32[2]
          return %a
        }

        """)
  }

  @Test func writesAreUses() throws {
    let text = """
      module @m

      state @s : f32[2]

      func @f(%x: f32[2]) {
        %a = exp %x : f32[2]
        return @s = %a
      }

      """
    try check("dce", text: text, becomes: text)
  }

  private static let scans = """
    module @m

    body @never(%x: f32[]) -> f32[] {
      return %x
    }

    body @used(%x: f32[]) -> f32[] {
      %y = exp %x : f32[]
      return %y
    }

    // Only the scan that goes runs it.
    body @once(%x: f32[]) -> f32[] {
      %y = scan @used, %x {carries = 1, length = 2} : f32[]
      return %y
    }

    func @f(%x: f32[]) -> f32[] {
      %a = scan @once, %x {carries = 1, length = 3} : f32[]
      %b = scan @used, %x {carries = 1, length = 4} : f32[]
      return %b
    }

    """

  @Test func unusedBodiesGoAndOthersAreRenumbered() throws {
    let module = try parse(Self.scans)
    let result = try run("dce", on: module)
    #expect(result.graphs.map { result.tables.strings[$0.name] } == ["used", "f"])
    #expect(
      printModule(result) == """
        module @m

        body @used(%x: f32[]) -> f32[] {
          %y = exp %x : f32[]
          return %y
        }

        func @f(%x: f32[]) -> f32[] {
          %b = scan @used, %x {carries = 1, length = 4} : f32[]
          return %b
        }

        """)
    #expect(try remarks("dce", on: module) == ["8 nodes became 4, 2 bodies dropped"])
  }

  @Test func partlyUsedScansStay() throws {
    let module = try parse(Op.scan.definition.example)
    #expect(try run("dce", on: module).nodeCount == module.nodeCount)
    #expect(try remarks("dce", on: module) == [])
  }

  // MARK: expand

  @Test func compositesBecomePrimitives() throws {
    try check(
      "expand",
      text: """
        module @m

        func @f(%x: f32[2,4]) -> f32[2] {
          %y = mean %x {axes = [1]} : f32[2]
          %z = exp %y : f32[2]
          return %z
        }

        """,
      becomes: """
        module @m

        func @f(%x: f32[2,4]) -> f32[2] {
          %0 = sum %x {axes = [1]} : f32[2]
          %1 = constant {value = 4} : f32[]
          %2 = broadcast %1 {shape = [2]} : f32[2]
          %y = divide %0, %2 : f32[2]
          %z = exp %y : f32[2]
          return %z
        }

        """)
  }

  @Test func compositesOfCompositesExpand() throws {
    let module = try parse(Op.normal.definition.example)
    let result = try run("expand", on: module)
    #expect(!result.graphs[0].ops.contains(where: isComposite))
    #expect(result.graphs[0].ops.contains(.randomBits))
    #expect(try remarks("expand", on: module) == ["`uniform` 1 time", "`normal` 1 time"])
  }

  @Test func bodiesExpandToo() throws {
    let composite = try parse(
      """
      body @b(%x: f32[3]) -> f32[3] {
        %y = softmax %x : f32[3]
        return %y
      }

      func @f(%x: f32[3]) -> f32[3] {
        %y = scan @b, %x {carries = 1, length = 2} : f32[3]
        return %y
      }

      """)
    let result = try run("expand", on: composite)
    #expect(!result.graphs[0].ops.contains(.softmax))
    #expect(result.graphs[1].ops == [.input, .scan])
  }

  // MARK: simplify

  @Test func rulesFireAndAreCounted() throws {
    let text = """
      module @m

      func @f(%x: f32[2]) -> f32[2] {
        %one = constant {value = 1} : f32[]
        %ones = broadcast %one {shape = [2]} : f32[2]
        %a = multiply %x, %ones : f32[2]
        %b = divide %a, %ones : f32[2]
        %c = exp %b : f32[2]
        %d = exp %x : f32[2]
        %y = add %c, %d : f32[2]
        return %y
      }

      """
    try check(
      "simplify", "dce", text: text,
      becomes: """
        module @m

        func @f(%x: f32[2]) -> f32[2] {
          %c = exp %x : f32[2]
          %y = add %c, %c : f32[2]
          return %y
        }

        """)
    #expect(
      try remarks("simplify", on: try parse(text)) == [
        "`divide-one` 1 time", "`multiply-one` 1 time", "8 nodes became 5",
      ])
  }

  @Test func simplifyKeepsUnusedBodies() throws {
    let module = try parse(Self.scans)
    #expect(printModule(try run("simplify", on: module)) == printModule(module))
  }

  // MARK: What every rebuild keeps

  private static let everything = """
    // A module.
    module @m

    param @w : f32[2] init normal(0, 0.5)
    state @s : f32[2] init uniform(-1, 1)

    // Steps.
    // Twice.
    func @f(%x: f32[B,2]) -> (loss: f32[2], f32[B,2]) where B <= 8 {
      %w = read @w : f32[2]
      %0 = broadcast %w {shape = [B,2]} : f32[B,2]
      %y = add %x, %0 : f32[B,2]
      %sum = sum %y {axes = [0]} : f32[2]
      return %sum, %y, @s = %sum
    }

    """

  @Test(arguments: Pass.all.map(\.name)) func everythingStays(_ pass: String) throws {
    let module = try parse(Self.everything)
    let result = try run(pass, on: module)
    #expect(printModule(result) == Self.everything)
    let (before, after) = (module.graphs[0], result.graphs[0])
    #expect(before.locations == after.locations)
    #expect(before.location == after.location)
    #expect(result.tables.place(after.locations[1])?.line == 10)
  }
}
