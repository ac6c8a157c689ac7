import SluiceIR

/// What rows of floats need of `Float` and `Double`: forms of the scalar operations that vectorise.
///
/// Every form gives the bits of `ScalarProgram.Instruction.evaluate`, apart from which NaN a NaN is.
protocol RowFloat: ScalarFloat, BitwiseCopyable {
  associatedtype Pattern: FixedWidthInteger
  var bitPattern: Pattern { get }
  init(bitPattern: Pattern)
  /// From here on all numbers are integers.
  static var integersOnly: Self { get }
  /// `a * b + c` with one rounding, for whole rows.
  static func multiplyAdd(
    _ a: Row<Self>, _ b: Row<Self>, _ c: Row<Self>, _ result: Row<Self>, _ width: Int)
}

extension RowFloat {
  /// The integer nearest to a magnitude, halves to even, where the magnitude is below `integersOnly`.
  @inline(__always)
  private static func nearest(_ magnitude: Self) -> Self { (magnitude + integersOnly) - integersOnly }

  @inline(__always)
  private func finished(_ rounded: Self) -> Self {
    magnitude < Self.integersOnly ? Self(signOf: self, magnitudeOf: rounded) : self
  }

  /// The nearest integer, halves to even.
  @inline(__always)
  var roundedToEven: Self { finished(Self.nearest(magnitude)) }

  /// The integer towards 0.
  @inline(__always)
  var truncated: Self {
    let near = Self.nearest(magnitude)
    return finished(near > magnitude ? near - 1 : near)
  }

  /// The integer towards -inf.
  @inline(__always)
  var roundedDown: Self {
    let near = Self(signOf: self, magnitudeOf: Self.nearest(magnitude))
    return finished(near > self ? near - 1 : near)
  }

  /// The integer towards +inf.
  @inline(__always)
  var roundedUp: Self {
    let near = Self(signOf: self, magnitudeOf: Self.nearest(magnitude))
    return finished(near < self ? near + 1 : near)
  }

  /// The smaller one; NaN wins, -0 is smaller than +0.
  @inline(__always)
  static func smaller(_ x: Self, _ y: Self) -> Self {
    let one = x < y ? x : y
    let same = x == y ? Self(bitPattern: x.bitPattern | y.bitPattern) : one
    return x != x ? x : same
  }

  /// The larger one; NaN wins, +0 is larger than -0.
  @inline(__always)
  static func larger(_ x: Self, _ y: Self) -> Self {
    let one = x > y ? x : y
    let same = x == y ? Self(bitPattern: x.bitPattern & y.bitPattern) : one
    return x != x ? x : same
  }
}

extension Float: RowFloat {
  static var integersOnly: Float { 0x1p23 }

  static func multiplyAdd(
    _ a: Row<Float>, _ b: Row<Float>, _ c: Row<Float>, _ result: Row<Float>, _ width: Int
  ) {
    if width < 4 { return result.set(width) { multiplyAddExactly(a[$0], b[$0], c[$0]) } }
    // Where a sum a little below and one a little above give the same float, so does the exact one. Otherwise it is
    // next to the middle of two floats, rounding twice may go wrong, and the exact way decides.
    var differences: UInt32 = 0
    result.set(width) {
      let sum = Double(a[$0]) * Double(b[$0]) + Double(c[$0])
      let below = Float(sum * 0x1.ffff_ffff_ffff_fp-1)
      let above = Float(sum * 0x1.0000_0000_0000_1p0)
      differences |= below.bitPattern ^ above.bitPattern
      return below
    }
    if differences != 0 { result.set(width) { multiplyAddExactly(a[$0], b[$0], c[$0]) } }
  }

  /// `a * b + c` with one rounding: the product is exact in f64, the sum is rounded to odd, then to f32.
  @inline(__always)
  static func multiplyAddExactly(_ a: Float, _ b: Float, _ c: Float) -> Float {
    let product = Double(a) * Double(b)
    let addend = Double(c)
    let sum = product + addend
    let part = sum - product
    let error = (product - (sum - part)) + (addend - part)
    // Where the sum is not exact, its last bit becomes 1, after a step towards 0 if the sum was rounded away from 0.
    let isInexact: UInt64 = error.magnitude > 0 ? 1 : 0
    let isTooLarge = ((error.bitPattern ^ sum.bitPattern) >> 63) & isInexact
    return Float(Double(bitPattern: (sum.bitPattern &- isTooLarge) | isInexact))
  }
}

extension Double: RowFloat {
  static var integersOnly: Double { 0x1p52 }

  static func multiplyAdd(
    _ a: Row<Double>, _ b: Row<Double>, _ c: Row<Double>, _ result: Row<Double>, _ width: Int
  ) {
    result.set(width) { c[$0].addingProduct(a[$0], b[$0]) }
  }
}
