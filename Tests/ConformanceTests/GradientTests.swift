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
