/// Every derivative against finite differences, and in all backends.

import SluiceFormats
import SluiceIR
import SluicePasses
import SluiceReference
import SluiceText
import TestSupport
import Testing

struct GradientTests {
  /// Ops that are tested with numbers of their own in IR/tests/gradient, and those whose derivative is another one by
  /// intent.
  static let withOwnNumbers: Set<Op> = [
    .cholesky, .eigh, .logAbsDet, .inverse, .solve, .customVjp, .stopGradient, .read,
  ]

  /// `SLUICE_RANDOM=N` asks for N functions; the gate takes few.
  private static let seeds =
    Repository.number("SLUICE_RANDOM") == nil
    ? Array(RandomGraphTests.seeds.prefix(8)) : RandomGraphTests.seeds

  /// The inputs of the example's call, with floats of the range that most functions are smooth in.
  private static func inputs(_ subject: Subject, _ random: inout SeededRandom) throws -> [ReferenceTensor] {
    let run = try #require(subject.runs.first)
    return try subject.inputs(run).map { tensor -> ReferenceTensor in
      guard tensor.dtype.isFloating else { return tensor.referenceTensor }
      return floats(tensor.dtype, tensor.shape, &random)
    }
  }

  private static func floats(_ dtype: DType, _ shape: [Int], _ random: inout SeededRandom) -> ReferenceTensor
  {
    let values = (0..<shape.reduce(1, *)).map { _ in 0.2 + 0.6 * Double(random.below(1 << 20)) * 0x1p-20 }
    return ReferenceTensor(dtype, shape, floats: values)
  }

  /// Every op's own example.
  @Test(arguments: Op.allCases)
  func exampleHasItsDerivative(_ op: Op) throws {
    let subject = try Subject(op.definition.example, file: "\(op.definition.name).sluice")
    let check = try GradientCheck(subject.module, function: "f")
    if Self.withOwnNumbers.contains(op) { return }
    var random = SeededRandom(UInt64(op.rawValue))
    let failures = try check.failures(Self.inputs(subject, &random))
    #expect(failures.isEmpty, "`\(op.definition.name)`:\n\(failures.joined(separator: "\n"))")
  }

  /// Random functions, where they are smooth; and the same bits in every way to run their derivatives.
  @Test(arguments: seeds)
  func randomFunctionHasItsDerivative(_ seed: UInt64) throws {
    let graph = RandomGraph(seed: seed)
    // Differences see through `stop_gradient`, and the steps of f16 and bf16.
    let tables = graph.module.tables
    let isOther = graph.module.graphs.contains { graph in
      graph.ops.contains(.stopGradient) || graph.types.contains { tables.types.dtype($0).isNarrow }
    }
    if isOther { return }
    let check = try GradientCheck(graph.module, function: "f")
    var random = SeededRandom(seed)
    let inputs = graph.inputs.map { tensor -> ReferenceTensor in
      let reference = tensor.referenceTensor
      guard tensor.dtype.isFloating else { return reference }
      // No ties: they are kinks.
      let values = reference.floats.map { $0 + Double(random.below(1 << 20)) * 0x1p-26 }
      return ReferenceTensor(tensor.dtype, tensor.shape, floats: values)
    }
    let variables = try Reference.initialVariables(of: check.module, seed: 0, precision: .exact64)
    var failures = try check.failures(
      inputs, variables: variables, tolerance: 1e-6, seed: seed, skipsRough: true)

    let subject = try Subject(check.module)
    var agreement = try Agreement(subject)
    failures += agreement.rejections
    let function = check.module[try #require(check.module.function("f.vjp"))]
    let symbols = try graph.module.bindSymbols(
      of: try #require(graph.module.function("f")), shapes: inputs.map(\.shape))
    let seeds = function.inputs.dropFirst(inputs.count).map { value -> HostTensor in
      let type = function.types[value.index]
      let shape = check.module.tables.types.shape(type).map {
        Int(symbols.evaluate($0, check.module.tables.dims) ?? 0)
      }
      return random.tensor(check.module.tables.types.dtype(type), shape)
    }
    failures += agreement.failures("f.vjp", graph.inputs + seeds, rough: .infinity)
    let text = failures.isEmpty ? "" : printModule(graph.module)
    #expect(failures.isEmpty, "seed \(seed):\n\(failures.joined(separator: "\n"))\n\(text)")
  }

  /// Forward mode agrees with reverse mode: u (J t) = (u J) t.
  @Test(arguments: Op.allCases)
  func forwardModeAgrees(_ op: Op) throws {
    if op == .read { return }
    let subject = try Subject(op.definition.example, file: "\(op.definition.name).sluice")
    let derived = try GradientCheck(subject.module, function: "f").module
    let source = derived[try #require(derived.function("f"))]
    let isFloat = { (value: ValueID) in derived.tables.types.dtype(source.types[value.index]).isFloating }
    if !source.results.contains(where: isFloat) || !source.inputs.contains(where: isFloat) { return }
    let module = try addJvp(of: "f", to: derived)
    #expect(verify(module).isEmpty, "\(Diagnostics(verify(module)))")

    var random = SeededRandom(UInt64(op.rawValue))
    let values = try Self.inputs(subject, &random)
    let reference = Reference(module, precision: .exact64)
    func weights(_ tensor: ReferenceTensor) -> ReferenceTensor {
      Self.floats(tensor.dtype.isNarrow ? .f32 : tensor.dtype, tensor.shape, &random)
    }
    func dot(_ x: [ReferenceTensor], _ y: [ReferenceTensor]) -> Double {
      zip(x, y).reduce(0) { sum, pair in zip(pair.0.floats, pair.1.floats).reduce(sum) { $0 + $1.0 * $1.1 } }
    }
    let t = values.filter(\.dtype.isFloating).map(weights)
    let forward = try reference.run(function: "f.jvp", inputs: values + t).results
    let u = forward.map(weights)
    let count = source.results.count
    let backward = try reference.run(function: "f.vjp", inputs: values + u).results.dropFirst(count)
    let (one, other) = (dot(u, forward), dot(Array(backward), t))
    #expect(abs(one - other) <= 1e-9 * max(1, abs(one)), "\(one), \(other)")
  }

  /// The derivative of the derivative of every op's own example.
  @Test(arguments: Op.allCases)
  func derivativeHasItsDerivative(_ op: Op) throws {
    if Self.withOwnNumbers.contains(op) { return }
    let subject = try Subject(op.definition.example, file: "\(op.definition.name).sluice")
    let first = try GradientCheck(subject.module, function: "f").module
    let second = try GradientCheck(first, function: "f.vjp")
    let function = try #require(first.function("f.vjp"))
    var random = SeededRandom(UInt64(op.rawValue))
    let inputs = try Self.inputs(subject, &random)
    let symbols = try subject.module.bindSymbols(
      of: try #require(subject.module.function("f")), shapes: inputs.map(\.shape))
    let graph = first[function]
    let seeds = graph.inputs.dropFirst(inputs.count).map { value -> ReferenceTensor in
      let type = graph.types[value.index]
      let shape = first.tables.types.shape(type).map { Int(symbols.evaluate($0, first.tables.dims) ?? 0) }
      return Self.floats(first.tables.types.dtype(type), shape, &random)
    }
    let failures = try second.failures(inputs + seeds, tolerance: 1e-6)
    #expect(failures.isEmpty, "`\(op.definition.name)`:\n\(failures.joined(separator: "\n"))")
  }
}
