/// Derivatives in the DSL.

import Sluice
import SluiceFormats
import SluiceIR
import Testing

struct GradientTests {
  private func run(
    _ body: @escaping @Sendable (FunctionBuilder, ModelBuilder) -> Void, _ inputs: [HostTensor]
  ) throws -> [[Float]] {
    let model = Model("m") { model in model.function("f") { f in body(f, model) } }
    var session = try Session(model)
    return try session.run("f", inputs).map { $0.floats() }
  }

  @Test func gradientOfInputsAndOfWhatLiesBetween() throws {
    let results = try run(
      { f, _ in
        let x = f.input("x", .f32, [3])
        let y = x * x
        let loss = (y * x).sum()
        let both = gradient(of: loss, wrt: [x, y])
        f.output("dx", both[0])
        f.output("dy", both[1])
        f.output("nothing", gradient(of: loss, wrt: f.input("z", .f32, [2])))
      }, [HostTensor([1, 2, 3] as [Float]), HostTensor([1, 1] as [Float])])
    #expect(results == [[3, 12, 27], [1, 2, 3], [0, 0]])
  }

  @Test func valueAndGradientInAScan() throws {
    // Gradient descent on (x - 3)^2, in a loop: x := x - (x - 3) / 2.
    let results = try run(
      { f, _ in
        let x = f.input("x", .f32, [])
        let last = scan(length: 3, from: x) { x in
          let (_, slope) = valueAndGradient(at: [x]) { ($0[0] - 3) * ($0[0] - 3) }
          return x - 0.25 * slope[0]
        }
        f.output("x", last)
      }, [HostTensor(scalar: Float(11))])
    #expect(results == [[4]])
  }

  @Test func gradientOfAGradient() throws {
    let results = try run(
      { f, _ in
        let x = f.input("x", .f32, [])
        let slope = gradient(of: x * x * x * x, wrt: x)
        f.output("curvature", gradient(of: slope, wrt: x))
      }, [HostTensor(scalar: Float(2))])
    #expect(results == [[48]])
  }

  @Test func stopGradientCheckpointAndCustomGradient() throws {
    let results = try run(
      { f, _ in
        let x = f.input("x", .f32, [])
        f.output("stopped", gradient(of: x * stopGradient(x), wrt: x))
        f.output("again", gradient(of: checkpoint(x) { $0 * $0 * $0 }, wrt: x))
        let own = customGradient([x], forward: { [floor($0[0])] }, backward: { _, _, d in [d[0] * 10] })
        f.output("own", gradient(of: own[0] * x, wrt: x))
      }, [HostTensor(scalar: Float(2.5))])
    #expect(results == [[2.5], [18.75], [27]])
  }

  @Test func jvpMovesAlong() throws {
    let results = try run(
      { f, _ in
        let x = f.input("x", .f32, [3])
        let y = f.input("y", .f32, [])
        let z = scan(over: x, from: y) { carry, part in carry * part }
        let moved = jvp(of: [x * x, z, y], wrt: [x, y], tangents: [f.input("t", .f32, [3]), 2 * y])
        f.output("a", moved[0])
        f.output("b", moved[1])
        f.output("c", moved[2])
      },
      [
        HostTensor([1, 2, 3] as [Float]), HostTensor(scalar: Float(5)), HostTensor([1, 0, 0.5] as [Float]),
      ])
    // The product 5 * 1 * 2 * 3 moves by 30 for the first, 5 for the last and 60 for the start.
    #expect(results == [[2, 0, 3], [95], [10]])
  }

  @Test func vjpWeighsOutputs() throws {
    let results = try run(
      { f, _ in
        let x = f.input("x", .f32, [2])
        let weights = f.input("w", .f32, [2])
        f.output("dx", vjp(of: [x * x], wrt: [x], cotangents: [weights])[0])
      }, [HostTensor([1, 2] as [Float]), HostTensor([5, 7] as [Float])])
    #expect(results == [[10, 28]])
  }

  @Test func mistakesHaveTheirPlace() throws {
    #expect {
      _ = try Model("m") { model in
        model.function("f") { f in
          let x = f.input("x", .f32, [2])
          f.output("a", gradient(of: x, wrt: x))
          let long = whileLoop(from: x, while: { $0.sum() .< 1 }) { $0 + x }
          f.output("b", gradient(of: long.sum(), wrt: x))
          f.output("c", gradient(of: x.argmax(), wrt: x))
        }
      }.trace()
    } throws: { error in
      let text = "\(error)"
      return text.contains("GradientTests.swift") && text.contains("which is no scalar")
        && text.contains("`while` without a limit has no derivative") && text.contains("which is no float")
    }
  }
}
