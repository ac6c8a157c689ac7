/// The verifier finds every kind of corruption, says where it is, and never traps.

import Testing

@testable import SluiceIR

struct VerifierTests {
  @Test func soundModulesPass() throws {
    let module = try sample()
    #expect(verify(module) == [])
    #expect(verify(GraphID(1), of: module) == [])
    #expect(verify(self.module { _ in }) == [])
  }

  private func module(_ build: (inout ModuleBuilder) -> Void) -> Module {
    SluiceIRTests.module(build)
  }

  @Test(arguments: Corruption.all) func corruptionIsFound(_ corruption: Corruption) throws {
    var module = try sample()
    corruption.corrupt(&module)
    let errors = verify(module)
    #expect(errors.contains { $0.message.contains(corruption.message) }, "\(Diagnostics(errors))")
    #expect(errors.allSatisfy { $0.severity == .error })
  }

  @Test func errorsSayWhereAndInWhat() throws {
    var module = try sample()
    module.graphs[1].types[4] = module.graphs[1].types[1]
    let error = try #require(verify(module).first)
    #expect(
      error.description == """
        Model.swift:12:7: error: the results are stated as (f32[2]), they are (f32[B,2])
        note: in `@f`: `%y = add %x: f32[B,2], %3: f32[B,2]`
        Model.swift:1:2: note: in `net/block`, called here
        """)
  }

  @Test func hintsFollowTheNode() throws {
    var module = try sample()
    module.graphs[1].operandPool[1] = ValueID(1)
    let error = try #require(verify(module).first)
    #expect(error.notes.map(\.message).contains("repeat the smaller one: `broadcast %x {shape = ...}`"))
  }

  @Test func allErrorsAreReported() throws {
    var module = try sample()
    module.name = "9"
    module.graphs[0].types[2] = TypeID(999)
    module.graphs[1].definers[4] = NodeID(0)
    module.graphs[1].results[0] = ValueID(99)
    // The corrupt body is not used to infer the scan, which would only say the same again.
    #expect(verify(module).count == 4, "\(Diagnostics(verify(module)))")
  }

  @Test func oneGraphAlone() throws {
    var module = try sample()
    module.name = "9"
    module.graphs[0].definers[2] = NodeID(0)
    #expect(verify(GraphID(0), of: module).count == 1)
    #expect(verify(GraphID(1), of: module) == [])
    #expect(verify(GraphID(7), of: module).first?.message == "there is no graph 7, the module has 2")
  }

  /// Whatever stands in the columns, the verifier comes back.
  @Test func randomCorruptionNeverTraps() throws {
    let module = try sample()
    var random = SplitMix(seed: 42)
    var found = 0
    for _ in 0..<3000 {
      var copy = module
      for _ in 0..<Int.random(in: 1...3, using: &random) { corrupt(&copy, &random) }
      if !verify(copy).isEmpty { found += 1 }
    }
    #expect(found > 2000)
  }

  private func corrupt(_ module: inout Module, _ random: inout SplitMix) {
    let graph = Int.random(in: 0...1, using: &random)
    let word =
      [UInt32.max, 1 << 31, 255, UInt32.random(in: 0..<20, using: &random)].randomElement(using: &random) ?? 0
    func set<Element>(_ column: inout [Element], _ element: Element) {
      if let row = column.indices.randomElement(using: &random) { column[row] = element }
    }
    switch Int.random(in: 0..<18, using: &random) {
    case 0: set(&module.graphs[graph].ops, Op.allCases.randomElement(using: &random) ?? .add)
    case 1: set(&module.graphs[graph].operandEnds, word)
    case 2: set(&module.graphs[graph].operandPool, ValueID(raw: word))
    case 3: set(&module.graphs[graph].attributes, AttributesID(raw: word))
    case 4: set(&module.graphs[graph].resultEnds, word)
    case 5: set(&module.graphs[graph].locations, LocationID(raw: word))
    case 6: set(&module.graphs[graph].types, TypeID(raw: word))
    case 7: set(&module.graphs[graph].definers, NodeID(raw: word))
    case 8: set(&module.graphs[graph].names, StringID(raw: word))
    case 9: set(&module.graphs[graph].results, ValueID(raw: word))
    case 10: set(&module.graphs[graph].resultNames, StringID(raw: word))
    case 11:
      set(&module.graphs[graph].writes, Graph.Write(state: StringID(raw: word), value: ValueID(raw: word)))
    case 12: module.graphs[graph].inputCount = Int(word)
    case 13: module.graphs[graph].symbols.append(SymbolID(raw: word))
    case 14: module.graphs[graph].operandPool.append(ValueID(raw: word))
    case 15: module.graphs[graph].name = StringID(raw: word)
    case 16: module.tables.variables[graph].type = TypeID(raw: word)
    default: module.graphs.swapAt(0, 1)
    }
  }
}
