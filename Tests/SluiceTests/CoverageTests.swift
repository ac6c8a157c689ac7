import Sluice
import SluiceIR
import Testing

/// Every op of the language can be reached from the DSL.
@Test func everyOpIsReachable() throws {
  let module = try Model("all") { model in
    let w = model.parameter("w", [3, 3], .eye)
    model.function("floats") { f in
      let x = f.input("x", .f32, [3, 3])
      let y = w.value
      let arithmetic = [
        x + y, x - y, x * y, x / y, minimum(x, y), maximum(x, y), fma(x, y, x), clamp(x, y, x), -x,
      ]
      let rounding = [abs(x), sign(x), floor(x), ceil(x), round(x), trunc(x), sqrt(x), rsqrt(x), relu(x)]
      let elementary = [
        exp(x), expm1(x), log(x), log1p(x), tanh(x), sigmoid(x), softplus(x), sin(x), cos(x), softmax(x),
        logSoftmax(x), exp2(x), log2(x), erf(x), tan(x), asin(x), acos(x), atan(x), atan2(x, y), sinh(x),
        cosh(x),
        cbrt(x), power(x, y), leakyRelu(x, negativeSlope: 0.1), elu(x), silu(x), gelu(x, approximate: true),
      ]
      let matrices = [inverse(x), cholesky(x), solve(x, y), x.matmul(y), x.T, x.reversed(), eye(3)]
      for (position, tensor) in (arithmetic + rounding + elementary + matrices).enumerated() {
        f.output("t\(position)", tensor)
      }
      let comparisons = [x .== y, x .!= y, x .< y, x .<= y, x .> y, x .>= y, isNaN(x), isFinite(x)]
      for (position, tensor) in comparisons.enumerated() { f.output("c\(position)", tensor) }
      let logic = (x .< y .& x .> 0 .| (x .== 1)) .^ .!(y .< 1)
      f.output("any", logic.any())
      f.output("all", logic.all(axes: [0]))
      f.output("select", select(where: logic, x, y))
      f.output("reduced", stack([x.sum(), x.prod(), x.max(), x.min(), x.mean(), logAbsDet(x)]))
      f.output("positions", stack([x.argmax(), x.argmin(), argsort(x)[0]]))
      f.output("views", pad(concat([x.reshaped([9]), x[0]]), low: [1], high: [1]))
      f.output("scan", scan(over: x, from: ones([3])) { a, b in a * b })
    }
    model.function("integers") { f in
      let x = f.input("x", .i32, [3])
      f.output("remainder", x % 2)
      f.output("shifts", shiftLeft(x, by: 1) + shiftRight(x, by: x))
      f.output("gather", gather(x, iota([2])))
      f.output("cast", x.cast(.f64))
      f.output("bitcast", x.bitcast(.f32))
      f.output("size", size(of: 3))
    }
    model.function("random") { f in
      let seed = f.input("seed", .i64, [])
      f.output("a", uniform([2], seed: seed))
      f.output("b", normal([2], seed: seed, stream: 1))
      f.output("c", permutation(4, seed: seed, stream: seed))
      f.output("d", randomBits([2], seed: seed))
    }
  }.trace()
  #expect(verify(module).isEmpty)
  let reached = Set(module.graphs.flatMap { graph in graph.nodes.map { graph.ops[$0.index] } })
  #expect(Op.allCases.filter { !reached.contains($0) }.map(\.definition.name) == [])
}
