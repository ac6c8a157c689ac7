/// The streams of draws that are left out.

import Sluice
import SluiceFormats
import SluiceIR
import Testing

struct StreamTests {
  /// The streams of the draws of a function, in order.
  private func streams(_ body: @escaping @Sendable (FunctionBuilder, Tensor) -> Void) throws -> [Int64] {
    let module = try Model("m") { model in
      model.function("f") { f in body(f, f.input("seed", .i64, [])) }
    }.trace()
    let draws: Set<Op> = [.uniform, .normal, .bernoulli, .permutation, .randomBits, .dropout]
    return module.graphs.flatMap { graph in
      graph.nodes.filter { draws.contains(graph.ops[$0.index]) }.compactMap { node -> Int64? in
        guard let stream = graph.operands(node).last else { return nil }
        let definer = graph.definers[stream.index]
        guard let id = module.tables.attributes.constant(graph.attributes[definer.index], .value) else {
          return nil
        }
        return Int64(bitPattern: module.tables.constants.bits(id, 0, size: 8))
      }
    }
  }

  @Test func drawsAreNumberedInOrder() throws {
    let found = try streams { f, seed in
      let x = f.input("x", .f32, [4])
      f.output("a", dropout(dropout(x, seed: seed), seed: seed))
      f.output("b", uniform([2], seed: seed) + normal([2], seed: seed + 1))
      f.output("c", permutation(3, seed: seed) + randomBits([3], seed: seed))
      f.output("d", bernoulli([2], seed: seed))
    }
    #expect(found == [0, 1, 2, 3, 4, 5, 6])
  }

  /// What is given stays, and is not given to another draw.
  @Test func givenStreamsAreLeftOut() throws {
    let found = try streams { f, seed in
      f.output("a", uniform([2], seed: seed, stream: 1))
      f.output("b", uniform([2], seed: seed))
      f.output("c", uniform([2], seed: seed))
      f.output("d", uniform([2], seed: seed, stream: 1))
    }
    // The two that were given are one draw, and one node.
    #expect(found == [1, 0, 2])
  }

  /// Bodies count on: a seed that is handed on to them is another tensor there.
  @Test func bodiesCountOn() throws {
    let found = try streams { f, seed in
      let x = f.input("x", .f32, [4])
      let once = dropout(x, seed: seed)
      f.output("a", checkpoint([once, seed]) { [dropout($0[0], seed: $0[1])] }[0])
      f.output("b", checkpoint([once, seed]) { [dropout($0[0], seed: $0[1])] }[0])
    }
    #expect(found.sorted() == [0, 1, 2])
  }

  @Test func twoDropoutsHaveTwoMasks() throws {
    let model = Model("m") { model in
      model.function("f") { f in
        let (x, seed) = (f.input("x", .f32, [64]), f.input("seed", .i64, []))
        f.output("a", dropout(x, seed: seed))
        f.output("b", dropout(x, seed: seed))
      }
      model.function("g") { f in
        f.output("a", dropout(f.input("x", .f32, [64]), seed: f.input("seed", .i64, [])))
      }
    }
    var session = try Session(model)
    let inputs = [HostTensor([Float](repeating: 1, count: 64)), HostTensor(scalar: Int64(7))]
    let both = try session.run("f", inputs)
    #expect(both[0] != both[1])
    // Every function begins anew.
    #expect(try session.run("g", inputs)[0] == both[0])
  }

  @Test func aStreamThatIsTakenIsAMistake() throws {
    let found = try mistakesOf { f in
      let (seed, other) = (f.input("seed", .i64, []), f.input("other", .i64, []))
      f.output("a", uniform([2], seed: seed))  // first: uniform^(
      f.output("b", uniform([2], seed: other, stream: 0))
      f.output("c", uniform([2], seed: seed, stream: 0))  // second: uniform^(
    }
    #expect(found.count == 2)
    #expect(found[0].hasPrefix("second: stream 0 of this seed belongs to the draw at"))
  }
}
