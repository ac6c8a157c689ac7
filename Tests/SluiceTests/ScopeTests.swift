// The scopes in which nodes are traced, and those of derivatives.

import SluiceIR
import SluicePasses
import Testing

@testable import Sluice

/// A map with a way in beside `forward`, as layers with several entry points have.
private struct Layer: Sluice.Module {
  let map = Linear(2, 2)
  func forward(_ x: Tensor) -> Tensor { namedScope("mix") { tanh(map(x)) } }
  func next(_ x: Tensor) -> Tensor { map(x) }
}

private struct Net: Sluice.Module {
  let layers = [Layer(), Layer()]
  func forward(_ x: Tensor) -> Tensor { layers(x) }
}

/// The scopes of the nodes of a graph for which this is true, each once, in order.
private func scopes(_ module: IRModule, _ function: String, of ops: Set<Op>) throws -> [String] {
  let graph = module[try #require(module.function(function))]
  var found: [String] = []
  for node in graph.nodes where ops.contains(graph.ops[node.index]) {
    let scope = module.tables.scope(graph.locations[node.index])
    if !found.contains(scope) { found.append(scope) }
  }
  return found
}

struct ScopeTests {
  /// A module has the scope of its place in the model, whether the modules around it are called or not.
  @Test func modulesAreScopes() throws {
    let module = try Model("m") { model in
      let net = Net()
      model.function("all") { f in f.output("y", exp(net(f.input("x", .f32, [3, 2])))) }
      model.function("one") { f in f.output("y", net.layers[1].next(f.input("x", .f32, [3, 2]))) }
    }.trace()
    #expect(
      try scopes(module, "all", of: [.matmul, .tanh, .exp]) == [
        "m/layers.0/mix/map", "m/layers.0/mix", "m/layers.1/mix/map", "m/layers.1/mix", "m",
      ])
    #expect(try scopes(module, "one", of: [.matmul]) == ["m/layers.1/map"])
  }

  /// Losses, optimizers and what they do for a parameter are scopes; derivatives are marked.
  @Test func trainingIsMarked() throws {
    let module = try Model("m") { model in
      let net = Net()
      let adam = AdamW(net, clipping: .norm(1))
      model.function("step") { f in
        let y = net(f.input("x", .f32, [3, 2]))
        adam.step(minimizing: mse(y, f.input("target", .f32, [3, 2])))
      }
    }.trace()
    #expect(try scopes(module, "step", of: [.mse]) == ["m/mse"])
    #expect(
      try scopes(module, "step", of: [.matmul, .contract]) == [
        "m/layers.0/mix/map", "m/layers.1/mix/map", "m/layers.1/mix/map (gradient)",
        "m/layers.0/mix/map (gradient)",
      ])
    #expect(
      try scopes(module, "step", of: [.sqrt]) == [
        "m/adamw/clipping", "m/adamw/layers.0/map/weight", "m/adamw/layers.0/map/bias",
        "m/adamw/layers.1/map/weight", "m/adamw/layers.1/map/bias",
      ])
    // A derivative of a derivative has one mark.
    let once = try addVjp(of: try #require(module.function("step")), to: module)
    let twice = try addVjp(of: try #require(once.function("step.vjp")), to: once)
    #expect(try scopes(twice, "step.vjp.vjp", of: [.matmul, .contract]).allSatisfy { !$0.contains(") (") })
  }

  /// What `checkpoint` computes again for a derivative says so; the derivative of it is a derivative.
  @Test func recomputationIsMarked() throws {
    let module = try Model("m") { model in
      let net = model.module("net", Net())
      model.function("f") { f in
        let x = f.input("x", .f32, [3, 2])
        let y = checkpoint(x) { net.layers[0](exp($0)) }
        f.output("d", gradient(of: y.sum(), wrt: x))
      }
    }.trace()
    let scopes = module.graphs.map { graph in
      graph.nodes.filter { [.exp, .tanh].contains(graph.ops[$0.index]) }.map {
        module.tables.scope(graph.locations[$0.index])
      }
    }
    #expect(scopes.contains(["m", "m/net/layers.0/mix"]))
    #expect(scopes.contains(["m (recomputed)", "m/net/layers.0/mix (recomputed)"]), "\(scopes)")
    let all = module.graphs.flatMap { graph in graph.nodes.map { graph.locations[$0.index] } }
    #expect(all.contains { module.tables.scope($0) == "m/net/layers.0/mix (gradient)" })
  }

  /// A derivative that is given is one too, and so is the way back through a loop; the way forward is none.
  @Test func bodiesAreMarked() throws {
    let module = try Model("m") { model in
      model.function("f") { f in
        let x = f.input("x", .f32, [3])
        let y = namedScope("own") {
          customGradient([x], forward: { [exp($0[0])] }, backward: { _, _, d in [tanh(d[0])] })
        }
        let z = namedScope("loop") { scan(over: y[0], from: constant(1)) { c, v in sin(c * v) } }
        f.output("d", gradient(of: z, wrt: x))
      }
    }.trace()
    let all = module.graphs.flatMap { graph in
      graph.nodes.map { "\(graph.ops[$0.index]) \(module.tables.scope(graph.locations[$0.index]))" }
    }
    #expect(all.contains("exp m/own") && all.contains("tanh m/own (gradient)"))
    #expect(all.contains("sin m/loop") && all.contains("cos m/loop (gradient)"))
    #expect(all.contains("scan m/loop") && all.contains("scan m/loop (gradient)"))
    #expect(!all.contains("sin m/loop (gradient)") && !all.contains("exp m/own (gradient)"))
  }

  @Test func namesOfScopesAreChecked() {
    let model = Model("m") { model in
      model.function("f") { f in f.output("y", namedScope("a b") { exp(f.input("x", .f32, [2])) }) }
    }
    #expect(throws: Diagnostics.self) { try model.trace() }
  }
}
