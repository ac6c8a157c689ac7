import Sluice
import SluiceFormats
import SluiceIR
import SluiceModels
import SluiceReference
import Testing

/// The shipped models, run by the reference evaluator in f64 against the formulas written out.
@Suite struct ModelTests {
  /// What a function of a model gives, in f64, by the names of its results, and the states it writes.
  private func run(
    _ module: IRModule, _ function: String, _ inputs: [ReferenceTensor],
    _ states: [String: ReferenceTensor] = [:]
  ) throws -> (results: [[Double]], states: [String: ReferenceTensor]) {
    var variables = try Reference.initialVariables(of: module, seed: 0, precision: .exact64)
    variables.merge(states) { $1 }
    let outcome = try Reference(module, precision: .exact64).run(
      function: function, inputs: inputs, variables: variables)
    return (outcome.results.map(\.floats), variables.merging(outcome.states) { $1 })
  }

  private func matrix(_ rows: [[Double]]) -> ReferenceTensor {
    ReferenceTensor(.f32, [rows.count, rows.first?.count ?? 0], floats: rows.flatMap { $0 })
  }

  private func scalar(_ value: Double) -> ReferenceTensor { ReferenceTensor(.f32, [], floats: [value]) }
  private func seed(_ value: Int64) -> ReferenceTensor { ReferenceTensor(.i64, [], integers: [value]) }

  private func isClose(_ a: [Double], _ b: [Double], _ tolerance: Double = 1e-12) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance * max(1, abs($1)) }
  }

  // MARK: ica

  private static let w: [[Double]] = [[1.25, -0.5], [0.75, 0.5]]
  private static let examples: [[Double]] = [
    [0.5, -1.5], [2, 0.25], [-0.75, 1], [0.125, -0.25], [3, -2], [-4, 1],
  ]

  private func g(_ x: Double) -> Double { 1 / (1 + Exponential.exp(-x)) }

  /// W + rate ((1 - 2 g(W x)) x^T + (W^T)^-1) for two sources.
  private func step(_ w: [[Double]], _ x: [Double], _ rate: Double) -> [[Double]] {
    let determinant = w[0][0] * w[1][1] - w[0][1] * w[1][0]
    let inverse = [[w[1][1], -w[1][0]], [-w[0][1], w[0][0]]].map { $0.map { $0 / determinant } }
    return (0..<2).map { i in
      let s = w[i][0] * x[0] + w[i][1] * x[1]
      return (0..<2).map { j in w[i][j] + rate * ((1 - 2 * g(s)) * x[j] + inverse[i][j]) }
    }
  }

  @Test func stepIsTheRule() throws {
    let found = try run(
      ica.trace(), "step", [ReferenceTensor(.f32, [2], floats: Self.examples[0]), scalar(0.125)],
      ["w": matrix(Self.w)])
    let expected = step(Self.w, Self.examples[0], 0.125).flatMap { $0 }
    #expect(isClose(found.results[0], expected))
    #expect(isClose(found.states["w"]?.floats ?? [], expected))
  }

  @Test func epochOfSingleExamplesIsTheRuleInRandomOrder() throws {
    let module = try ica.trace()
    let x = ReferenceTensor(.f32, [6, 1, 2], floats: Self.examples.flatMap { $0 })
    let found = try run(module, "epoch", [x, scalar(0.125), seed(3)], ["w": matrix(Self.w)])
    let fitting = orders(6).filter { order in
      isClose(found.results[0], order.reduce(Self.w) { step($0, Self.examples[$1], 0.125) }.flatMap { $0 })
    }
    let order = try #require(fitting.first)
    #expect(fitting.count == 1)
    #expect(order != Array(0..<6))
    let other = try run(module, "epoch", [x, scalar(0.125), seed(4)], ["w": matrix(Self.w)])
    #expect(other.results[0] != found.results[0])
  }

  /// All orders of a few examples.
  private func orders(_ count: Int) -> [[Int]] {
    if count == 0 { return [[]] }
    return orders(count - 1).flatMap { order in
      (0...order.count).map { Array(order[..<$0]) + [count - 1] + Array(order[$0...]) }
    }
  }

  @Test func epochOfOneMinibatchIsTheMeanOfTheRule() throws {
    let x = ReferenceTensor(.f32, [1, 6, 2], floats: Self.examples.flatMap { $0 })
    let found = try run(ica.trace(), "epoch", [x, scalar(0.125), seed(3)], ["w": matrix(Self.w)])
    let steps = Self.examples.map { step(Self.w, $0, 0.125).flatMap { $0 } }
    let expected = (0..<4).map { i in steps.reduce(0) { $0 + $1[i] } / 6 }
    #expect(isClose(found.results[0], expected))
  }

  @Test func naturalEpochIsTheNaturalGradient() throws {
    let x = ReferenceTensor(.f32, [1, 6, 2], floats: Self.examples.flatMap { $0 })
    let found = try run(ica.trace(), "natural_epoch", [x, scalar(0.125), seed(3)], ["w": matrix(Self.w)])
    let w = Self.w
    var direction = [[1.0, 0], [0, 1]]
    for x in Self.examples {
      let y = (0..<2).map { w[$0][0] * x[0] + w[$0][1] * x[1] }
      for i in 0..<2 { for j in 0..<2 { direction[i][j] += (1 - 2 * g(y[i])) * y[j] / 6 } }
    }
    var expected: [Double] = []
    for i in 0..<2 {
      for j in 0..<2 {
        let change: Double = direction[i][0] * w[0][j] + direction[i][1] * w[1][j]
        expected.append(w[i][j] + 0.125 * change)
      }
    }
    #expect(isClose(found.results[0], expected))
  }

  @Test func logLikelihood() throws {
    let found = try run(ica.trace(), "log_likelihood", [matrix(Self.examples)], ["w": matrix(Self.w)])
    let w = Self.w
    let determinant = abs(w[0][0] * w[1][1] - w[0][1] * w[1][0])
    var expected = Double(Self.examples.count) * Exponential.log(determinant)
    for x in Self.examples {
      for row in w {
        let s = row[0] * x[0] + row[1] * x[1]
        expected += Exponential.log(g(s) * (1 - g(s)))
      }
    }
    #expect(isClose(found.results[0], [expected]))
    // Where g' underflows the logarithm does not.
    let far = try run(ica.trace(), "log_likelihood", [matrix([[2000, 0]])])
    #expect(isClose(far.results[0], [-2000 - 2 * Exponential.log(2)]))
  }

  @Test func whitenAndUnmix() throws {
    let module = try ica.trace()
    let found = try run(module, "whiten", [matrix(Self.examples)])
    let white = found.results[0]
    let count = Double(Self.examples.count)
    for i in 0..<2 {
      #expect(abs(stride(from: i, to: white.count, by: 2).reduce(0) { $0 + white[$1] }) < 1e-12)
      for j in 0..<2 {
        let covariance =
          (0..<Self.examples.count).reduce(0) { $0 + white[2 * $1 + i] * white[2 * $1 + j] } / count
        #expect(abs(covariance - (i == j ? 1 : 0)) < 1e-12)
      }
    }
    // The sources of a difference of two examples are W times the difference of their white forms.
    var states = found.states
    states["w"] = matrix(Self.w)
    let difference = [Self.examples[0][0] - Self.examples[1][0], Self.examples[0][1] - Self.examples[1][1]]
    let sources = try run(module, "unmix", [matrix([difference])], states).results[0]
    let (p, q) = (white[0] - white[2], white[1] - white[3])
    #expect(isClose(sources, Self.w.map { $0[0] * p + $0[1] * q }))
  }

  @Test(arguments: [1, 3, 8])
  func anyNumberOfSources(_ count: Int) throws {
    let module = try ica.trace(settings: ["sources": "\(count)", "max_samples": "100"])
    #expect(verify(module).isEmpty)
    let x = ReferenceTensor(
      .f32, [5, 4, count], floats: (0..<20 * count).map { Double(($0 * 37) % 11) / 4 - 1.25 })
    for function in ["epoch", "natural_epoch"] {
      let found = try run(module, function, [x, scalar(0.01), seed(1)])
      #expect(found.results[0].count == count * count)
      #expect(found.results[0].allSatisfy { $0.isFinite })
    }
  }

  // MARK: mlp

  @Test func digitsAreTold() throws {
    let images = try ModelData.digitImages()
    let labels = try ModelData.digitLabels().int32s()
    let count = 120
    let first = images.shape[0] - count
    let pixels = images.uint8s()[(first * 64)...].map { Float($0) }
    let found = try run(mlp.trace(), "predict", [HostTensor(pixels, shape: [count, 64]).referenceTensor])
    let probabilities = found.results[0]
    #expect(probabilities.count == count * 10)
    for row in 0..<count {
      let sum: Double = probabilities[(row * 10)..<(row * 10 + 10)].reduce(0, +)
      #expect(sum > 1 - 1e-12 && sum < 1 + 1e-12)
    }
    let predicted = (0..<count).map { row in
      (0..<10).max { probabilities[row * 10 + $0] < probabilities[row * 10 + $1] } ?? -1
    }
    let right = zip(predicted, labels[first...]).count { $0 == Int($1) }
    // On all of the last 360 pictures 95 % are right (`Tools/oracle/mlp_weights.py`).
    #expect(right >= 108)
  }

  @Test func mlpAsText() throws {
    let functions = ["logits", "predict"]
    let module = try mlp.trace(settings: ["hidden": "3", "max_batch": "4"], functions: functions)
    let found = try text(of: module)
    #expect(
      found == """
        // A classifier of handwritten digits with one hidden layer.
        module @mlp

        param @hidden.weight : f32[64,3] init uniform(-0.125, 0.125)
        param @hidden.bias : f32[3]
        param @output.weight : f32[3,10] init uniform(-0.5773502691896258, 0.5773502691896258)
        param @output.bias : f32[10]

        // The scores of the ten classes for pictures of 8 x 8 grey levels in 0 ... 16.
        func @logits(%images: f32[B,64]) -> (logits: f32[B,10]) where B <= 4 {
          %0 = constant {value = 16} : f32[]
          %1 = broadcast %0 {shape = [B,64]} : f32[B,64]
          %2 = divide %images, %1 : f32[B,64]
          scope "mlp/hidden"
          %hidden.weight = read @hidden.weight : f32[64,3]
          %3 = matmul %2, %hidden.weight : f32[B,3]
          %hidden.bias = read @hidden.bias : f32[3]
          %4 = broadcast %hidden.bias {shape = [B,3]} : f32[B,3]
          %5 = add %3, %4 : f32[B,3]
          scope "mlp"
          %6 = relu %5 : f32[B,3]
          scope "mlp/output"
          %output.weight = read @output.weight : f32[3,10]
          %7 = matmul %6, %output.weight : f32[B,10]
          %output.bias = read @output.bias : f32[10]
          %8 = broadcast %output.bias {shape = [B,10]} : f32[B,10]
          %logits = add %7, %8 : f32[B,10]
          return %logits
        }

        // The probabilities of the ten classes, and the most likely one.
        func @predict(%images: f32[B,64]) -> (probabilities: f32[B,10], label: i32[B]) where B <= 4 {
          %0 = constant {value = 16} : f32[]
          %1 = broadcast %0 {shape = [B,64]} : f32[B,64]
          %2 = divide %images, %1 : f32[B,64]
          scope "mlp/hidden"
          %hidden.weight = read @hidden.weight : f32[64,3]
          %3 = matmul %2, %hidden.weight : f32[B,3]
          %hidden.bias = read @hidden.bias : f32[3]
          %4 = broadcast %hidden.bias {shape = [B,3]} : f32[B,3]
          %5 = add %3, %4 : f32[B,3]
          scope "mlp"
          %6 = relu %5 : f32[B,3]
          scope "mlp/output"
          %output.weight = read @output.weight : f32[3,10]
          %7 = matmul %6, %output.weight : f32[B,10]
          %output.bias = read @output.bias : f32[10]
          %8 = broadcast %output.bias {shape = [B,10]} : f32[B,10]
          %9 = add %7, %8 : f32[B,10]
          scope "mlp"
          %probabilities = softmax %9 : f32[B,10]
          %label = argmax %9 : i32[B]
          return %probabilities, %label
        }

        """)
  }

  @Test func functionsAreChosen() throws {
    let module = try mlp.trace(functions: ["train_step", "init"])
    #expect(module.functions.map { module.tables.strings[module[$0].name] } == ["train_step", "init"])
    #expect { _ = try mlp.trace(functions: ["train"]) } throws: {
      "\($0)".contains("the model `mlp` has no function `train`")
    }
  }

  /// Every function of every model that ships stands alone, with the parameters that it has among all; but `init`,
  /// which draws what the others declare.
  @Test(arguments: [ica, mlp, simclr, bert, gpt].map(\.name)) func everyFunctionStandsAlone(name: String)
    throws
  {
    let model = try #require([ica, mlp, simclr, bert, gpt].first { $0.name == name })
    let whole = try model.trace()
    func variables(_ module: SluiceIR.Module) -> [String] {
      module.variables.map { "\(module.tables.strings[$0.name]): \(module.tables.text($0.type))" }
    }
    for id in whole.functions {
      let function = whole.tables.strings[whole[id].name]
      if function == "init" { continue }
      let alone = try model.trace(functions: [function])
      #expect(alone.functions.count == 1)
      #expect(Set(variables(alone)).isSubset(of: variables(whole)), "\(function)")
    }
  }

  @Test func shippedModelsReadBack() throws {
    _ = try text(of: simclr.trace(functions: ["loss"]))
    _ = try text(of: mlp.trace())
    _ = try text(of: ica.trace())
    _ = try text(of: ica.trace(settings: ["sources": "5"]))
  }
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The C library's functions, under names that those of the DSL do not hide.
private enum Exponential {
  static func exp(_ x: Double) -> Double { cExp(x) }
  static func log(_ x: Double) -> Double { cLog(x) }
}

private func cExp(_ x: Double) -> Double { exp(x) }
private func cLog(_ x: Double) -> Double { log(x) }
