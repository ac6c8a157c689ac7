/// Elementary functions where the result is a float: they must give it.

import SluiceIR
import Testing

struct ElementaryTests {
  private func f32(_ function: ElementaryFunction, _ x: Float...) -> Float {
    Float(
      bitPattern: UInt32(truncatingIfNeeded: function.program(.f32).evaluate(x.map { UInt64($0.bitPattern) }))
    )
  }

  private func f64(_ function: ElementaryFunction, _ x: Double...) -> Double {
    Double(bitPattern: function.program(.f64).evaluate(x.map(\.bitPattern)))
  }

  @Test func powersOfTwoAreExact() {
    for k in -149...127 {
      let power = Double(sign: .plus, exponent: k, significand: 1)
      #expect(f32(.exp2, Float(k)) == Float(power) && f32(.log2, Float(power)) == Float(k))
    }
    for k in -1074...1023 {
      let power = Double(sign: .plus, exponent: k, significand: 1)
      #expect(f64(.exp2, Double(k)) == power && f64(.log2, power) == Double(k))
    }
  }

  @Test func rootsOfCubesAreExact() {
    for k in 1...255 {
      let x = Float(k)
      for (scale, root) in [(0x1p-120, 0x1p-40), (1, 1), (0x1p+90, 0x1p+30)] as [(Float, Float)] {
        #expect(f32(.cbrt, x * x * x * scale) == x * root && f32(.cbrt, -x * x * x * scale) == -x * root)
      }
    }
    for k in stride(from: 1, through: 208_063, by: 487) {
      let x = Double(k)
      #expect(f64(.cbrt, x * x * x) == x && f64(.cbrt, -x * x * x) == -x)
      #expect(f64(.cbrt, x * x * x * 0x1p-900) == x * 0x1p-300)
    }
    #expect(f32(.cbrt, 0x1p-147) == 0x1p-49 && f64(.cbrt, 0x1p-1074) == 0x1p-358)
  }

  @Test func powersOfIntegersAreExact() {
    for x in -120...120 {
      var (small, large) = (Float(1), Double(1))
      for y in 0...60 {
        if large.magnitude < 0x1p+24 { #expect(f32(.power, Float(x), Float(y)) == small, "\(x)^\(y)") }
        if large.magnitude < 0x1p+53 { #expect(f64(.power, Double(x), Double(y)) == large, "\(x)^\(y)") }
        small *= Float(x)
        large *= Double(x)
      }
    }
    for x in stride(from: 1.0, to: 4096, by: 7) {
      #expect(f64(.power, x * x * 0x1p-40, 0.5) == x * 0x1p-20)
      #expect(f32(.power, Float(x * x) * 0x1p-40, 0.5) == Float(x) * 0x1p-20)
    }
  }

  @Test func integerPowersWrap() {
    let bases: [Int64] = [.min, .max, -7, -2, -1, 0, 1, 2, 3, 10, 0x1234_5678_9ABC_DEF1]
    for x in bases {
      var expected: Int64 = 1
      for y in 0...130 as ClosedRange<Int64> {
        let wide = ElementaryFunction.power.program(.i64).evaluate([UInt64(bitPattern: x), UInt64(y)])
        #expect(Int64(bitPattern: wide) == expected)
        let (narrowX, narrowY) = (UInt64(UInt32(truncatingIfNeeded: x)), UInt64(y))
        let narrow = ElementaryFunction.power.program(.i32).evaluate([narrowX, narrowY])
        #expect(UInt32(truncatingIfNeeded: narrow) == UInt32(truncatingIfNeeded: expected))
        let byte = ElementaryFunction.power.program(.u8).evaluate([
          UInt64(UInt8(truncatingIfNeeded: x)), UInt64(y),
        ])
        #expect(UInt8(truncatingIfNeeded: byte) == UInt8(truncatingIfNeeded: expected))
        expected &*= x
      }
      for y in [-1, -2, .min] as [Int64] {
        let bits = ElementaryFunction.power.program(.i64).evaluate([
          UInt64(bitPattern: x), UInt64(bitPattern: y),
        ])
        #expect(Int64(bitPattern: bits) == (x == 1 ? 1 : x == -1 ? (y % 2 == 0 ? 1 : -1) : 0))
      }
    }
  }
}
