/// How results are compared with what is expected: bit by bit, or within a tolerance.

package import SluiceFormats
import SluiceIR

extension HostTensor {
  /// The first difference to the bits of another array, as text; nil where there is none.
  package func difference(from expected: HostTensor) -> String? {
    if self == expected { return nil }
    guard dtype == expected.dtype, shape == expected.shape else {
      return "\(dtype.name)\(shape) instead of \(expected.dtype.name)\(expected.shape)"
    }
    let size = dtype.byteCount
    let place = (0..<count).first {
      bytes[$0 * size..<($0 + 1) * size] != expected.bytes[$0 * size..<($0 + 1) * size]
    }
    guard let place else { return "an unknown difference" }
    return "element \(place) of \(count) is \(text(place)) instead of \(expected.text(place))"
  }

  /// The first element that is off by more than the tolerance, as text; nil where there is none.
  ///
  /// It counts times the expected element, plus two of the least positive numbers. Infinities, NaNs, integers and
  /// the signs of zeros, unless these may be any, must agree.
  package func difference(from expected: HostTensor, tolerance: Double, anyZero: Bool = false) -> String? {
    guard dtype == expected.dtype, shape == expected.shape, dtype.isFloating else {
      return difference(from: expected)
    }
    let least = dtype == .f32 ? Double(Float.leastNonzeroMagnitude) : Double.leastNonzeroMagnitude
    for (place, (a, b)) in zip(asDoubles(), expected.asDoubles()).enumerated() {
      if a == b ? anyZero || a != 0 || a.sign == b.sign : a.isNaN && b.isNaN { continue }
      let bound = tolerance * b.magnitude + 2 * least
      if a.isFinite, b.isFinite, a != b || anyZero, (a - b).magnitude <= bound { continue }
      let error = (a - b).magnitude / b.magnitude
      return "element \(place) of \(count) is \(a) instead of \(b), off by \(error), more than \(tolerance)"
    }
    return nil
  }

  /// The first element that is off by more than `tolerance` times the largest finite one; for results of which
  /// nothing more is known.
  package func roughDifference(from expected: HostTensor, tolerance: Double) -> String? {
    guard dtype == expected.dtype, shape == expected.shape, dtype.isFloat else {
      return difference(from: expected)
    }
    let values = expected.asDoubles()
    let size = values.lazy.filter(\.isFinite).map(\.magnitude).max() ?? 0
    for (place, (a, b)) in zip(asDoubles(), values).enumerated() {
      if a == b || a.isNaN && b.isNaN || (a - b).magnitude <= tolerance * size { continue }
      return "element \(place) of \(count) is \(a) instead of \(b); the largest is \(size)"
    }
    return nil
  }

  /// One element with its bits, if it is a float.
  private func text(_ place: Int) -> String {
    switch dtype {
    case .f32: "\(floats()[place]) (0x\(String(floats()[place].bitPattern, radix: 16)))"
    case .f64: "\(doubles()[place]) (0x\(String(doubles()[place].bitPattern, radix: 16)))"
    default: "\(bytes[place * dtype.byteCount..<(place + 1) * dtype.byteCount].reversed().map { String($0) })"
    }
  }
}
