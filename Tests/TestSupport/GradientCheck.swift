/// Derivatives against finite differences.

import SluiceFormats
package import SluiceIR
import SluicePasses
package import SluiceReference

/// The vector-Jacobian product of a function against central differences of the function, all in binary64.
package struct GradientCheck {
  /// What the derivative is taken of, with `@f.vjp`.
  package let module: Module
  private let function: String
  private let reference: Reference

  /// A check of `@function`; throws where it has no derivative.
  package init(_ module: Module, function: String) throws {
    let alone = try isolated(function, of: module)
    guard let id = alone.function(function) else { throw TestFailure("the function is gone") }
    self.module = try addVjp(of: id, to: alone)
    let errors = verify(self.module)
    if !errors.isEmpty { throw TestFailure("the derivative is no sound graph:\n\(Diagnostics(errors))") }
    self.function = function
    reference = Reference(self.module, precision: .exact64)
  }

  /// What differs by more than `tolerance`, relative to the larger of 1 and the derivative.
  ///
  /// The step is halved once, and the two differences extrapolated (Richardson), which leaves an error of h^4.
  /// With `skipsRough`, elements for which the two differ are left out: there is a kink or a step nearby.
  package func failures(
    _ inputs: [ReferenceTensor], variables: [String: ReferenceTensor] = [:], tolerance: Double = 1e-7,
    seed: UInt64 = 1, skipsRough: Bool = false
  ) throws -> [String] {
    var random = SeededRandom(seed)
    let results = try reference.run(function: function, inputs: inputs, variables: variables).results
    let seeds = results.map { result -> ReferenceTensor? in
      guard result.dtype.isFloating else { return nil }
      let weights = (0..<result.elements.count).map { _ in Double(random.below(2001) - 1000) / 1000 }
      return ReferenceTensor(result.dtype.isNarrow ? .f32 : result.dtype, result.shape, floats: weights)
    }
    let outcome = try reference.run(
      function: "\(function).vjp", inputs: inputs + seeds.compactMap { $0 }, variables: variables)
    var found = outcome.results.dropFirst(results.count)[...]

    /// The weighted sum of all results.
    func objective(_ inputs: [ReferenceTensor]) throws -> Double {
      let results = try reference.run(function: function, inputs: inputs, variables: variables).results
      return zip(results, seeds).reduce(0) { sum, pair in
        guard let weights = pair.1 else { return sum }
        return sum + zip(pair.0.floats, weights.floats).reduce(0) { $0 + $1.0 * $1.1 }
      }
    }
    // What the rounding of the sum itself makes of a difference.
    let noise = skipsRough ? try objective(inputs).magnitude * 0x1p-38 : 0
    var failures: [String] = []
    for (position, input) in inputs.enumerated() where input.dtype.isFloating {
      guard let cotangent = found.popFirst() else { return ["there are too few cotangents"] }
      if cotangent.shape != input.shape {
        failures.append("the cotangent of input \(position) has the shape \(cotangent.shape)")
        continue
      }
      for element in 0..<input.elements.count {
        func difference(_ step: Double) throws -> Double {
          let values = try [step, -step].map { step -> Double in
            var moved = input.floats
            moved[element] += step
            var changed = inputs
            changed[position] = ReferenceTensor(input.dtype, input.shape, floats: moved)
            return try objective(changed)
          }
          return (values[0] - values[1]) / (2 * step)
        }
        let (fine, coarse) = try (difference(0x1p-12), difference(0x1p-11))
        let slope = (4 * fine - coarse) / 3
        let value = cotangent.floats[element]
        let allowed = tolerance * max(1, slope.magnitude) + noise
        // A NaN that a `select` leaves out is 0 times NaN in the derivative.
        if skipsRough, value.isNaN || !((fine - coarse).magnitude <= allowed) { continue }
        if !((value - slope).magnitude <= allowed) {
          failures.append("input \(position), element \(element): \(value), by differences \(slope)")
        }
      }
    }
    return failures
  }
}

/// A module without all functions but one: others would be planned with it.
package func isolated(_ function: String, of module: Module) throws -> Module {
  guard let wanted = module.function(function) else {
    throw TestFailure("there is no function `@\(function)`")
  }
  return rebuild(
    module, simplifies: false, keeps: { $0 == wanted || module[$0].kind == .body },
    decide: { _, _ in .copy }
  ).module
}
