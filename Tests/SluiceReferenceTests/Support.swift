/// What the tests of this module share: modules as text, calls and results as `// run:` lines.

import SluiceFormats
import SluiceIR
import SluicePasses
import SluiceReference
import SluiceText
import Testing

/// The module of a text.
func parse(_ text: String) throws -> Module {
  let module = try parseModule(text, file: "test.sluice")
  let errors = verify(module)
  try #require(errors.isEmpty, "\(Diagnostics(errors))")
  return module
}

/// Runs every `// run:` line of a text, as written and after every pipeline, and compares.
func checkRuns(
  _ text: String, precision: Reference.Precision = .asTyped, tolerance: Double? = nil,
  location: SourceLocation = #_sourceLocation
) throws {
  let module = try parse(text)
  let runs = try TestDirectives(Array(text.utf8), file: "test.sluice").runs
  try #require(!runs.isEmpty, sourceLocation: location)
  var variants = [("as written", module)]
  for level in OptimizationLevel.allCases {
    variants.append(("-O\(level.rawValue)", try runPasses(module, level.passes, verifyEach: true)))
  }
  for (name, variant) in variants {
    for var run in runs {
      run.tolerance = run.tolerance ?? tolerance
      try check(run, of: variant, precision, "\(name), line \(run.line)", location)
    }
  }
}

private func check(
  _ run: RunLine, of module: Module, _ precision: Reference.Precision, _ name: String,
  _ location: SourceLocation
) throws {
  let function = try #require(module.function(run.function), sourceLocation: location)
  let graph = module[function]
  let inputs = try run.arguments.enumerated().map { position, literal in
    try tensor(literal, graph.types[position], module.tables)
  }
  let seed: Int64 = 7
  let variables = try Reference.initialVariables(of: module, seed: seed, precision: precision)
  let outcome = try Reference(module, precision: precision).run(
    function: run.function, inputs: inputs, variables: variables)
  #expect(outcome.results.count == run.expected.count, "\(name)", sourceLocation: location)
  for (position, (result, literal)) in zip(outcome.results, run.expected).enumerated() {
    let expected = try tensor(
      literal, graph.types[graph.results[position].index], module.tables, shape: result.shape)
    #expect(
      result.dtype == expected.dtype && result.shape == expected.shape, "\(name)", sourceLocation: location)
    let isSame = zip(numbers(result), numbers(expected)).allSatisfy { isNear($0, $1, run.tolerance) }
    #expect(
      isSame, "\(name), result \(position): \(numbers(result)), expected \(numbers(expected))",
      sourceLocation: location)
  }
}

/// Floats as they are, integers as floats beside: enough to compare what tests write down.
private func numbers(_ tensor: ReferenceTensor) -> [Double] { tensor.floats }

/// The same number (any two NaNs are, -0 and 0 are not), or one within the relative tolerance.
func isNear(_ a: Double, _ b: Double, _ tolerance: Double?) -> Bool {
  if a.isNaN || b.isNaN { return a.isNaN && b.isNaN }
  if a == b { return tolerance != nil || a.sign == b.sign }
  guard let tolerance else { return false }
  return (a - b).magnitude <= tolerance * Swift.max(b.magnitude, 1)
}

/// A literal as a tensor of a type; an empty one takes the shape it must have.
private func tensor(
  _ literal: Literal, _ type: TypeID, _ tables: Tables, shape: [Int]? = nil
) throws -> ReferenceTensor {
  let dtype = tables.types.dtype(type)
  var extents = literal.shape
  if literal.elements.isEmpty {
    let known = tables.types.shape(type).compactMap { tables.dims.value($0) }.map { Int($0) }
    extents = shape ?? (known.count == tables.types.rank(type) ? known : literal.shape)
  }
  let bits = try #require(literal.bits(dtype))
  switch dtype {
  case .f32: return ReferenceTensor(dtype, extents, floats: bits.map { Double(Float(bits: $0)) })
  case .f16, .bf16:
    let words = bits.map { UInt16(truncatingIfNeeded: $0) }
    return ReferenceTensor(dtype, extents, floats: words.map { Double(NarrowFloat.widened($0, dtype)) })
  case .f64: return ReferenceTensor(dtype, extents, floats: bits.map { Double(bitPattern: $0) })
  case .i32:
    return ReferenceTensor(dtype, extents, integers: bits.map { Int64(Int32(truncatingIfNeeded: $0)) })
  default: return ReferenceTensor(dtype, extents, integers: bits.map { Int64(bitPattern: $0) })
  }
}

/// The results of `@f` of a text.
func results(
  _ text: String, _ inputs: [any ReferenceConvertible] = [], precision: Reference.Precision = .asTyped
) throws -> [ReferenceTensor] {
  try Reference(try parse(text), precision: precision).run(function: "f", inputs: inputs).results
}

/// Random numbers that are the same in every run: SplitMix64.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
