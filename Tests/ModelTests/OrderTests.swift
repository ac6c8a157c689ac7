import Sluice
import SluiceIR
import SluicePasses
import SluicePlan
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What is planned does not depend on the order in which nodes that do not need each other were traced or written.
struct OrderTests {
  private static let shuffles = unsafe getenv("SLUICE_EXHAUSTIVE") == nil ? 2 : 20

  @Test(arguments: [("bert", "train_step"), ("gpt", "train_step"), ("simclr", "train_step_on_views")])
  func plansAreThoseOfShuffledModules(_ name: String, _ function: String) throws {
    let module = keepFunctions(try SmallModels.module(name), [function])
    let expected = try Self.plan(module)
    var numbers = Numbers(state: 1)
    for _ in 0..<Self.shuffles {
      let shuffled = Self.shuffled(module, &numbers)
      #expect(shuffled.graphs.map(\.nodeCount) == module.graphs.map(\.nodeCount))
      #expect(zip(shuffled.graphs, module.graphs).contains { $0.ops != $1.ops }, "nothing was shuffled")
      let found = try Self.plan(shuffled)
      let difference = zip(found, expected).first { $0.0 != $0.1 }
      let isSame = found == expected
      #expect(isSame, "the first line that differs: \(difference?.0 ?? "") instead of \(difference?.1 ?? "")")
    }
  }

  /// The cotangents of `x` come from four nodes, traced in one order or the other: rounding shows how they are added.
  @Test func derivativesAreThoseOfOtherTraces() throws {
    let modules = try [false, true].map { isOtherwise in
      try Model("m") { model in
        model.function("f") { f in
          let x = f.input("x", .f32, [100])
          let makers = [{ exp(x) }, { sin(x) }, { tanh(x) }]
          var parts: [Tensor?] = [nil, nil, nil]
          for place in isOtherwise ? [2, 1, 0] : [0, 1, 2] { parts[place] = makers[place]() }
          let (a, b, c) = (parts[0] ?? x, parts[1] ?? x, parts[2] ?? x)
          let loss = (a * b + c * x).sum()
          f.output("slopes", gradient(of: loss, wrt: x))
        }
      }.trace()
    }
    #expect(modules[0].graphs.map(\.ops) != modules[1].graphs.map(\.ops))
    let slopes = try modules.map { module in
      var session = try Session(module)
      return try session.run("f", [noise([100])])
    }
    #expect(slopes[0] == slopes[1])
    #expect(try Self.plan(modules[0]) == Self.plan(modules[1]))
  }

  /// The lines of a plan, without what says where they came from.
  private static func plan(_ module: SluiceIR.Module) throws -> [Substring] {
    var plan = try Planner.plan(runPasses(module, OptimizationLevel.full.passes))
    for function in plan.functions.indices { plan.functions[function].origins = StepOrigins() }
    return printPlan(plan).split(separator: "\n").filter { !$0.hasPrefix("//") }
  }

  /// The module with the nodes of every graph, and its writes, in a random order in which each comes behind those
  /// that it reads.
  private static func shuffled(_ module: SluiceIR.Module, _ numbers: inout Numbers) -> SluiceIR.Module {
    rebuild(module, simplifies: false, order: { order(of: $0, &numbers) }, decide: { _, _ in .copy }).module
  }

  private static func order(of graph: Graph, _ numbers: inout Numbers) -> GraphOrder {
    var missing = graph.nodes.map { graph.operandRange($0).count }
    var readers = [[NodeID]](repeating: [], count: graph.nodeCount)
    for node in graph.nodes {
      for operand in graph.operands(node) { readers[graph.definers[operand.index].index].append(node) }
    }
    var nodes: [NodeID] = []
    var ready = graph.nodes.filter { missing[$0.index] == 0 && $0.index >= graph.inputCount }
    func finish(_ node: NodeID) {
      for reader in readers[node.index] {
        missing[reader.index] -= 1
        if missing[reader.index] == 0 { ready.append(reader) }
      }
    }
    for input in 0..<graph.inputCount { finish(NodeID(input)) }
    while !ready.isEmpty {
      ready.swapAt(Int(numbers.next() % UInt64(ready.count)), ready.count - 1)
      let node = ready.removeLast()
      nodes.append(node)
      finish(node)
    }
    return GraphOrder(nodes: nodes, writes: graph.writes.shuffled(using: &numbers))
  }
}

/// Random numbers that are the same in every run: xorshift (Marsaglia 2003).
private struct Numbers: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}
