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
      let (q, r) = qr(x)
      let (values, vectors) = eigh(triangularSolve(x, y))
      f.output("decompositions", q + r + vectors * values)
      f.output("cumulative", stack([cumsum(x), cumprod(x), cummax(x), cummin(x)]))
      f.output("views", pad(concat([x.reshaped([9]), x[0]]), low: [1], high: [1]))
      f.output("scan", scan(over: x, from: ones([3])) { a, b in a * b })
      f.output("call", call([x, y]) { [$0[0] + $0[1]] }[0])
      f.output("cond", cond(x.sum() .> 0, then: { x }, otherwise: { y }))
      f.output("custom", customGradient([x], forward: { [$0[0] * 2] }, backward: { _, _, d in d })[0])
      f.output("stop", stopGradient(x))
      f.output("while", whileLoop(from: x, limit: 9, while: { $0.max() .< 1 }) { $0 + y })
    }
    model.function("integers") { f in
      let x = f.input("x", .i32, [3])
      f.output("remainder", x % 2)
      f.output("shifts", shiftLeft(x, by: 1) + shiftRight(x, by: x))
      f.output("gather", gather(x, iota([2])))
      let one = size(of: 1)
      f.output("take", takeAlongAxis(x, x))
      f.output("slice", dynamicSlice(x, starts: [one], sizes: [2]))
      f.output("update", dynamicUpdateSlice(x, x[..<2], starts: [one]))
      f.output("scatter", scatterAdd(scatter(x, x, x), x, x))
      f.output("cast", x.cast(.f64))
      f.output("bitcast", x.bitcast(.f32))
      f.output("size", size(of: 3))
    }
    model.function("arrangements") { f in
      let x = f.input("x", .f32, [4, 6])
      let parts = unstack(x, axis: 1)
      f.output("a", tile(stack([parts[0], parts[5]]), [2, 1]))
      f.output("b", padReflect(padEdge(x, low: [1, 0], high: [0, 1]), low: [1, 1], high: [1, 1]))
      f.output("c", unfold(x, axis: 1, size: 3, step: 2))
      f.output("d", einsum("ij, kj -> ik", x, x))
      f.output("e", oneHot(iota([3]), depth: 4))
      f.output("f", linspace(0, 1, 5))
      f.output("g", sort(x) + topK(x, 6).values)
    }
    model.function("statistics") { f in
      let x = f.input("x", .f32, [4, 6])
      let (w, b) = (x[0], x[1])
      f.output("a", stack([x.logsumexp(), x.variance(correction: 1), x.norm(order: 1)]))
      f.output("b", cosineSimilarity(l2Normalize(x), x))
      f.output("c", rmsNorm(layerNorm(x, weight: w, bias: b), weight: w))
      f.output("d", batchNorm(x, mean: w, variance: b, weight: w, bias: b))
      f.output("e", groupNorm(x, groups: 3, weight: w, bias: b))
      f.output("f", mse(x, x) + crossEntropy(x, iota([4])) + binaryCrossEntropy(x, x, reduction: .sum))
    }
    model.function("networks") { f in
      let x = f.input("x", .f32, [2, 4, 6, 6])
      let images = conv2d(x, ones([8, 2, 3, 3]), rows: AxisWindow(stride: 1, padding: 1), groups: 2)
      let larger = convTranspose2d(images, ones([8, 4, 2, 2]), rows: AxisWindow(stride: 2))
      f.output("a", maxPool2d(larger, size: (2, 2)) + avgPool2d(larger, size: (2, 2)))
      f.output("b", resize(x, rows: 12, columns: 3, mode: .bilinear))
      f.output("c", conv1d(x[0], ones([2, 6, 3])))
      f.output("d", attention(x, rotaryEmbedding(x, positions: iota([6])), x, causal: true))
      let isBelow = ones([2, 4, 6, 6]) .> x
      f.output("m", maskedMatmul(sampledMatmul(x, x, mask: isBelow), x, mask: isBelow))
      let seed = f.input("seed", .i64, [])
      f.output("e", dropout(x, seed: seed))
      f.output("f", bernoulli([3], probability: 0.25, seed: seed))
      let (batch, state) = (x[0, 0], x[0, 1])
      func weights(_ gates: Dim) -> CellWeights {
        CellWeights(
          input: ones([6 * gates, 6]), hidden: ones([6 * gates, 6]), inputBias: ones([6 * gates]),
          hiddenBias: ones([6 * gates]))
      }
      f.output("g", gruCell(batch, state: state, weights(3)))
      f.output("h", lstmCell(batch, state: state, cell: state, weights(4)).cell)
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
