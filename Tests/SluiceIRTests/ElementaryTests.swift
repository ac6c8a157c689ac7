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

  /// Large arguments, also those next to a multiple of pi/2, by mpmath with 1500 bits: at most 2 units off.
  @Test func largeAnglesAreReducedExactly() {
    let singles: [(Float, Double, Double, Double)] = [
      (1e8, 0.93163902710972600803, -0.36338508935569055387, -2.5637789067283772579),
      (1e9, 0.54584344944869956424, 0.83788718136390233439, 0.65145220214514128859),
      (131073, -0.5044052842347213725, 0.8634670284591589099, -0.58416276199315144607),
      (0x1.0f0cf0p+73, -0.73408153529610152596, 0.6790613370950509722, -1.0810239004865464064),
      (0x1.c363ccp+127, 0.87490488776443438416, -0.48429478354190691555, -1.8065544323351714568),
      (0x1p+127, 0.62338551295587024037, 0.78191463871496007226, 0.79725520164243888192),
      (0x1.f37c8ap+95, 0.9999999999999999987, -1.6147697982476211876e-9, -619283318.95061386812),
      (-0x1.c6bf52p+49, -0.9944343070894763335, 0.10535847798574673602, -9.4385788984537807216),
    ]
    for (x, sine, cosine, tangent) in singles {
      for (function, wanted) in [(.sin, sine), (.cos, cosine), (.tan, tangent)]
        as [(ElementaryFunction, Double)]
      {
        let got = Double(f32(function, x))
        #expect((got - wanted).magnitude <= 2 * Double(Float(wanted).ulp), "\(function)(\(x)) = \(got)")
        let mirrored = Double(f32(function, -x))
        #expect(mirrored == (function == .cos ? got : -got))
      }
    }
    let doubles: [(Double, Double, Double, Double)] = [
      (1e22, -0.85220084976718880177, 0.5232147853951389455, -1.6287782256068988785),
      (0x1.6ac5b262ca1ffp+849, 1, -4.6871659242546276111e-19, -2133485385753703843.7),
      (0x1.fffffffffffffp+1023, 0.0049619547891840617905, -0.99998768942655993746, -0.0049620158744448949005),
      (0x1p+1023, 0.56312777985088401345, -0.8263698346141479945, -0.68144764760662150129),
      (1.1e12, 0.50833463989215885376, 0.86115962160665033151, 0.59029084404093154472),
      (-1e300, 0.81788191211590859705, -0.57538611195754904669, -1.4214488238747244124),
      (0x1p+41, 0.74163206513677409023, 0.67080688723429463089, 1.1055820672839069225),
      (-563416747700.2246, -1.0, 1.5011223641895817776e-17, -66616821110374626.751),
      (893624.4595172899, -1.0, -7.3956328711908348307e-12, 135214932571.27856168),
      (1e15, 0.85827279317023583552, -0.51319373778697025223, -1.672414782127583043),
    ]
    for (x, sine, cosine, tangent) in doubles {
      for (function, wanted) in [(.sin, sine), (.cos, cosine), (.tan, tangent)]
        as [(ElementaryFunction, Double)]
      {
        let got = f64(function, x)
        #expect((got - wanted).magnitude <= 2 * wanted.ulp, "\(function)(\(x)) = \(got)")
        #expect(f64(function, -x) == (function == .cos ? got : -got))
      }
    }
    for function in [.sin, .cos, .tan] as [ElementaryFunction] {
      #expect(f32(function, .infinity).isNaN && f64(function, -.infinity).isNaN && f64(function, .nan).isNaN)
    }
  }
}
