/// Literals of `// run:` lines as arrays of the types that a function declares.

package import SluiceFormats
package import SluiceIR
package import SluiceText

/// What is wrong with a test, or what a test found.
package struct TestFailure: Error, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }
}

extension Literal {
  /// The array of a dtype and rank.
  ///
  /// Behind an axis without elements a literal says nothing more: further
  /// extents are those of `declared`, or 0 where that is a symbol.
  package func tensor(_ dtype: DType, declared: [Int?]) throws -> HostTensor {
    guard let bits = bits(dtype) else { throw TestFailure("an element of a literal is no \(dtype.name)") }
    var shape = shape
    if bits.isEmpty { shape += declared.dropFirst(shape.count).map { $0 ?? 0 } }
    guard shape.count == declared.count else {
      throw TestFailure("a literal has \(shape.count) axes, the type has \(declared.count)")
    }
    for (given, wanted) in zip(shape, declared) where wanted != nil && given != wanted {
      throw TestFailure("a literal has the shape \(shape), the type has \(declared.map { $0 ?? -1 })")
    }
    let size = dtype.byteCount
    let bytes = bits.flatMap { word in (0..<size).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) } }
    return try HostTensor(dtype: dtype, shape: shape, bytes: bytes)
  }
}

extension HostTensor {
  /// The array with every NaN replaced by the one that leaves a program.
  package var canonical: HostTensor {
    switch dtype {
    case .f32: HostTensor(floats().map { $0.isNaN ? Float(bitPattern: CanonicalNaN.f32) : $0 }, shape: shape)
    case .f64:
      HostTensor(doubles().map { $0.isNaN ? Double(bitPattern: CanonicalNaN.f64) : $0 }, shape: shape)
    default: self
    }
  }
}
