import Sluice
import SluiceC
import SluiceFormats
import SluiceIR
import SluicePlan
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The error of the elementary functions, measured in the compiled C against libm in binary64.
///
/// The gate takes every 4099th f32; `SLUICE_EXHAUSTIVE=1` takes all 2^32 of them, which needs about two minutes a
/// function. `docs/numerics.md` has the table.
@Suite(.serialized) struct AccuracyTests {
  struct Function: CustomTestStringConvertible, Sendable {
    var name: String
    /// The largest error that is allowed, in units of the last place.
    var bound: Double
    /// Arguments that count; beyond, results must only be numbers of a sensible size.
    var limit: Float = .infinity
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
    Function(name: "sin", bound: 1.9, limit: 1e5, exact: { sin($0) }),
    Function(name: "cos", bound: 1.9, limit: 1e5, exact: { cos($0) }),
  ]

  @Test(arguments: functions)
  func errorIsBounded(_ function: Function) throws {
    let isExhaustive = unsafe getenv("SLUICE_EXHAUSTIVE") != nil
    let step: UInt64 = isExhaustive ? 1 : 4099
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
        let error = Self.error(function, x, y)
        if error > worst { (worst, at) = (error, x) }
      }
    }
    #expect(worst <= function.bound, "\(function.name): \(worst) ulp at \(at)")
    if isExhaustive { print("\(function.name): at most \(worst) ulp, at \(at)") }
  }

  /// The distance from the exact result in units of its last place; infinite where NaN, infinity or range is wrong.
  private static func error(_ function: Function, _ x: Float, _ y: Float) -> Double {
    if x.magnitude > function.limit, x.isFinite { return y.magnitude <= 1 ? 0 : .infinity }
    let exact = function.exact(Double(x))
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
