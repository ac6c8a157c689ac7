import Sluice
import SluiceC
import SluiceFormats
import SluiceIR
import SluicePlan
import Testing

import enum TestSupport.Repository

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The error of the elementary functions, measured in the compiled C against libm in binary64.
///
/// The gate takes every 16411th f32; `SLUICE_EXHAUSTIVE=1` takes all 2^32 of them, which needs about two minutes a
/// function. `Tools/accuracy` measures f64 too and writes the table of `docs/numerics.md`.
@Suite(.serialized) struct AccuracyTests {
  struct Function: CustomTestStringConvertible, Sendable {
    var name: String
    /// The largest error that is allowed, in units of the last place.
    var bound: Double
    var exact: @Sendable (Double) -> Double
    var testDescription: String { name }
  }

  static let functions: [Function] = [
    Function(name: "exp", bound: 1, exact: { exp($0) }),
    Function(name: "expm1", bound: 1.5, exact: { expm1($0) }),
    Function(name: "log", bound: 1, exact: { log($0) }),
    Function(name: "log1p", bound: 1.7, exact: { log1p($0) }),
    Function(name: "tanh", bound: 1.9, exact: { tanh($0) }),
    Function(name: "sigmoid", bound: 1.7) { $0 < 0 ? exp($0) / (1 + exp($0)) : 1 / (1 + exp(-$0)) },
    Function(name: "softplus", bound: 1.9) { $0 > 0 ? $0 + log1p(exp(-$0)) : log1p(exp($0)) },
    Function(name: "sin", bound: 1.9, exact: { sin($0) }),
    Function(name: "cos", bound: 1.9, exact: { cos($0) }),
    Function(name: "exp2", bound: 1, exact: { exp2($0) }),
    Function(name: "log2", bound: 1.5, exact: { log2($0) }),
    Function(name: "erf", bound: 1, exact: { erf($0) }),
    Function(name: "tan", bound: 1.9, exact: { tan($0) }),
    Function(name: "asin", bound: 1.5, exact: { asin($0) }),
    Function(name: "acos", bound: 1.5, exact: { acos($0) }),
    Function(name: "atan", bound: 1.5, exact: { atan($0) }),
    Function(name: "sinh", bound: 3, exact: { sinh($0) }),
    Function(name: "cosh", bound: 2, exact: { cosh($0) }),
    Function(name: "cbrt", bound: 0.51, exact: { cbrt($0) }),
  ]

  @Test(arguments: functions)
  func errorIsBounded(_ function: Function) throws {
    let isExhaustive = Repository.isExhaustive
    let step: UInt64 = isExhaustive ? 1 : 16411
    let chunk = 1 << 20
    let text = """
      func @f(%x: f32[N]) -> (y: f32[N]) where N <= \(chunk) {
        %y = \(function.name) %x : f32[N]
        return %y
      }
      """
    let model = try CompiledModel(compile(parseText(text)), parameters: [], states: [])
    var (worst, at, next) = (0.0, Float(0), UInt64(0))
    while next < 1 << 32 {
      var inputs: [Float] = []
      inputs.reserveCapacity(chunk)
      while inputs.count < chunk, next < 1 << 32 {
        inputs.append(Float(bitPattern: UInt32(next)))
        next += step
      }
      let outputs = try model.run("f", inputs: [HostTensor(inputs, shape: [inputs.count])])[0].floats()
      for (x, y) in zip(inputs, outputs) {
        let error = Self.error(function.exact(Double(x)), y)
        if error > worst { (worst, at) = (error, x) }
      }
    }
    #expect(worst <= function.bound, "\(function.name): \(worst) ulp at \(at)")
    if isExhaustive { print("\(function.name): at most \(worst) ulp, at \(at)") }
  }

  /// Pairs of every special value with every other, and pairs whose results spread over all magnitudes.
  private static let pairs: [(x: Float, y: Float)] = {
    let special: [Float] = [
      .nan, .infinity, 0, 1, 2, 0.5, 3, 1.5, 7, 0x1p-149, 0x1p-126, .greatestFiniteMagnitude, 0x1.fffffep-1,
      0x1.000002p+0, 0x1p+24, 0x1.000002p+24,
    ]
    let values = special + special.map { -$0 }
    var pairs = values.flatMap { x in values.map { (x: x, y: $0) } }
    var random = SplitMix()
    for _ in 0..<100_000 {
      let (a, b) = (random.next(), random.next())
      let base = Float(bitPattern: UInt32(a >> 33) % 0x7F80_0000)
      let near = 1 + Float(Int64(bitPattern: a) >> 40) * 0x1p-24
      let share = Double(Int64(bitPattern: b) >> 11) * 0x1p-52
      pairs.append((base, Float(share * 150 / log2(Double(base)))))
      pairs.append((near, Float(share * 150 / log2(Double(near)))))
      pairs.append((base, base * Float(share)))
      pairs.append((Float(bitPattern: UInt32(a >> 32)), Float(bitPattern: UInt32(b >> 32))))
    }
    return pairs
  }()

  @Test(arguments: ["atan2", "power"])
  func errorOfTwoOperandsIsBounded(_ name: String) throws {
    let pairs = Self.pairs
    let text = """
      func @f(%x: f32[\(pairs.count)], %y: f32[\(pairs.count)]) -> f32[\(pairs.count)] {
        %z = \(name) %x, %y : f32[\(pairs.count)]
        return %z
      }
      """
    let model = try CompiledModel(compile(parseText(text)), parameters: [], states: [])
    let inputs = [pairs.map(\.x), pairs.map(\.y)].map { HostTensor($0, shape: [pairs.count]) }
    let outputs = try model.run("f", inputs: inputs)[0].floats()
    var (worst, at) = (0.0, pairs[0])
    for (pair, z) in zip(pairs, outputs) {
      let (x, y) = (Double(pair.x), Double(pair.y))
      let error = Self.error(name == "power" ? pow(x, y) : atan2(x, y), z)
      if error > worst { (worst, at) = (error, pair) }
    }
    #expect(worst <= (name == "power" ? 1 : 2), "\(name): \(worst) ulp at \(at)")
  }

  /// The distance from the exact result in units of its last place; infinite where NaN, infinity or range is wrong.
  private static func error(_ exact: Double, _ y: Float) -> Double {
    if exact.isNaN || y.isNaN { return exact.isNaN && y.isNaN ? 0 : .infinity }
    let rounded = Float(exact)
    if rounded == y { return 0 }
    if !exact.isFinite { return .infinity }
    let unit = Swift.max(exact.binade.magnitude * 0x1p-23, 0x1p-149)
    if y.isInfinite || rounded.isInfinite {
      // Overflow may be off by the same number of units as any other result.
      let largest = Double(Float.greatestFiniteMagnitude)
      let value = y.isInfinite ? largest + unit : Double(y)
      return (value - Swift.min(exact, largest + unit)).magnitude / unit
    }
    return (Double(y) - exact).magnitude / unit
  }
}

/// Numbers that are the same in every run (Steele, Lea and Flood 2014).
private struct SplitMix {
  private var state: UInt64 = 20_260_301

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
