/// Scalar programs against plain Swift arithmetic, with the values at the edges.

import SluiceIR
import Testing

struct ScalarProgramTests {
  /// The bits of one operation on parameters of these dtypes.
  private func run(_ dtypes: [DType], _ bits: [UInt64], _ body: (inout ScalarBuilder, [Scalar]) -> Scalar)
    -> UInt64
  {
    var (builder, parameters) = ScalarBuilder.make(dtypes)
    let result = body(&builder, parameters)
    return builder.finish(result).evaluate(bits)
  }

  // MARK: Integers

  /// The operations on integers, worked out in 128 bits; nil where an operation is not on this dtype.
  private func expected<I: FixedWidthInteger>(_ op: ScalarOp, _ x: I, _ y: I) -> Int128? {
    let (a, b) = (Int128(x), Int128(y))
    let width = Int128(I.bitWidth)
    let power: Int128 = 0 <= b && b < width ? 1 << b : 0
    let unsigned = I.isSigned && a < 0 ? a + (1 << width) : a
    switch op {
    case .add: return a + b
    case .subtract: return a - b
    case .multiply: return a * b
    case .divide: return b == 0 ? 0 : a / b
    case .remainder: return b == 0 ? a : a % b
    case .negate: return -a
    case .abs: return a < 0 ? -a : a
    case .minimum: return a < b ? a : b
    case .maximum: return a > b ? a : b
    case .and: return a & b
    case .or: return a | b
    case .xor: return a ^ b
    case .not: return -1 - a
    case .shiftLeft: return a * power
    // Floor division, as the sign bit is copied.
    case .shiftRight: return power == 0 ? (a < 0 ? -1 : 0) : (a - (((a % power) + power) % power)) / power
    case .shiftRightLogical: return power == 0 ? 0 : unsigned / power
    case .multiplyHigh:
      return I.bitWidth == 32
        ? (Int128(UInt32(truncatingIfNeeded: x)) * Int128(UInt32(truncatingIfNeeded: y))) >> 32 : nil
    case .equal: return a == b ? 1 : 0
    case .notEqual: return a != b ? 1 : 0
    case .less: return a < b ? 1 : 0
    case .lessEqual: return a <= b ? 1 : 0
    default: return nil
    }
  }

  private func checkIntegers<I: FixedWidthInteger>(_ dtype: DType, _: I.Type) {
    let values: [I] = [
      0, 1, 2, 3, 7, 31, 32, 63, 64, 100, .max, .max - 1, .min, .min + 1, 0 &- 1, 0 &- 2, 0 &- 7, .max / 2,
    ]
    let unary: Set<ScalarOp> = [.negate, .abs, .not]
    let comparisons: Set<ScalarOp> = [.equal, .notEqual, .less, .lessEqual]
    for op in ScalarOp.allCases {
      for x in values {
        for y in values {
          guard let wanted = expected(op, x, y) else { continue }
          let bits = [
            UInt64(truncatingIfNeeded: I.Magnitude(truncatingIfNeeded: x)),
            UInt64(truncatingIfNeeded: I.Magnitude(truncatingIfNeeded: y)),
          ]
          let got = run([dtype, dtype], bits) { builder, p in
            if unary.contains(op) { return builder.unary(op, p[0]) }
            return comparisons.contains(op) ? builder.compare(op, p[0], p[1]) : builder.binary(op, p[0], p[1])
          }
          let wrapped =
            comparisons.contains(op)
            ? UInt64(wanted) : UInt64(truncatingIfNeeded: I.Magnitude(truncatingIfNeeded: wanted))
          if got != wrapped { Issue.record("\(op) of \(dtype.name) \(x), \(y) is \(got), not \(wrapped)") }
        }
      }
    }
  }

  @Test func integers32() { checkIntegers(.i32, Int32.self) }
  @Test func integers64() { checkIntegers(.i64, Int64.self) }
  @Test func bytes() { checkIntegers(.u8, UInt8.self) }

  @Test func bools() {
    for (x, y) in [(false, false), (false, true), (true, false), (true, true)] {
      func get(_ op: ScalarOp) -> UInt64 {
        run([.bool, .bool], [x ? 1 : 0, y ? 1 : 0]) { $0.binary(op, $1[0], $1[1]) }
      }
      #expect(get(.and) == (x && y ? 1 : 0))
      #expect(get(.or) == (x || y ? 1 : 0))
      #expect(get(.xor) == (x != y ? 1 : 0))
      #expect(run([.bool], [x ? 1 : 0]) { $0.unary(.not, $1[0]) } == (x ? 0 : 1))
      #expect(
        run([.bool, .bool], [x ? 1 : 0, y ? 1 : 0]) { $0.compare(.equal, $1[0], $1[1]) } == (x == y ? 1 : 0))
    }
  }

  // MARK: Floats

  private static let doubles: [Double] = [
    0, -0.0, 1, -1, 0.5, 1.5, 2.5, -2.5, 3, 0x1p-1030, -0x1p-1030, 1e308, -1e308, .infinity, -.infinity, .nan,
    .pi, 1e15 + 0.5,
    0x1p-1074, 0x1p52, 0x1p53 + 2, 1.0000000000000002,
  ]

  private func checkFloats<F: ScalarFloat>(_ dtype: DType, _ values: [F]) {
    func check(_ name: String, _ got: UInt64, _ wanted: F, _ x: F, _ y: F) {
      // Of NaNs only that they are NaNs.
      let isSame = wanted.isNaN ? isNaN(got, dtype) : got == wanted.bits
      if !isSame { Issue.record("\(name) of \(dtype.name) \(x), \(y) is \(got), not \(wanted)") }
    }
    for x in values {
      func unary(_ op: ScalarOp) -> UInt64 { run([dtype], [x.bits]) { $0.unary(op, $1[0]) } }
      check("negate", unary(.negate), -x, x, x)
      check("abs", unary(.abs), x.magnitude, x, x)
      check("sqrt", unary(.sqrt), x.squareRoot(), x, x)
      check("floor", unary(.floor), x.rounded(.down), x, x)
      check("ceil", unary(.ceil), x.rounded(.up), x, x)
      check("trunc", unary(.trunc), x.rounded(.towardZero), x, x)
      check("round", unary(.round), x.rounded(.toNearestOrEven), x, x)
      #expect(unary(.canonical) == (x.isNaN ? F.canonicalNaN : x).bits)
      for y in values {
        func binary(_ op: ScalarOp) -> UInt64 {
          run([dtype, dtype], [x.bits, y.bits]) { $0.binary(op, $1[0], $1[1]) }
        }
        func compare(_ op: ScalarOp) -> Bool {
          run([dtype, dtype], [x.bits, y.bits]) { $0.compare(op, $1[0], $1[1]) } == 1
        }
        check("add", binary(.add), x + y, x, y)
        check("subtract", binary(.subtract), x - y, x, y)
        check("multiply", binary(.multiply), x * y, x, y)
        check("divide", binary(.divide), x / y, x, y)
        check("remainder", binary(.remainder), x.truncatingRemainder(dividingBy: y), x, y)
        let isNaN = x.isNaN || y.isNaN
        let (low, high) =
          x == y ? (x.sign == .minus ? x : y, x.sign == .minus ? y : x) : x < y ? (x, y) : (y, x)
        check("minimum", binary(.minimum), isNaN ? .nan : low, x, y)
        check("maximum", binary(.maximum), isNaN ? .nan : high, x, y)
        #expect(compare(.equal) == (x == y) && compare(.notEqual) == (x != y))
        #expect(compare(.less) == (x < y) && compare(.lessEqual) == (x <= y))
        let fma = run([dtype, dtype], [x.bits, y.bits]) { $0.fma($1[0], $1[1], $1[0]) }
        check("fma", fma, x.addingProduct(x, y), x, y)
      }
    }
  }

  private func isNaN(_ bits: UInt64, _ dtype: DType) -> Bool {
    dtype == .f32 ? Float(bits: bits).isNaN : Double(bitPattern: bits).isNaN
  }

  @Test func doubles() { checkFloats(.f64, Self.doubles) }
  @Test func singles() { checkFloats(.f32, Self.doubles.map { Float($0) } + [0x1p-149, 0x1p24, 1.0000001]) }

  // MARK: Casts

  @Test func floatsToIntegersSaturate() {
    func cast(_ x: Double, _ dtype: DType) -> Int64 {
      let bits = run([.f64], [x.bits]) { $0.cast($1[0], dtype) }
      return dtype == .i32 ? Int64(Int32(truncatingIfNeeded: bits)) : Int64(bitPattern: bits)
    }
    let cases: [(Double, Int64, Int64, Int64, Int64)] = [
      // x, i32, i64, u8, bool
      (0, 0, 0, 0, 0), (-0.0, 0, 0, 0, 0), (0.9, 0, 0, 0, 1), (-0.9, 0, 0, 0, 1), (255.9, 255, 255, 255, 1),
      (256, 256, 256, 255, 1), (-1, -1, -1, 0, 1), (.nan, 0, 0, 0, 1), (0x1p-1070, 0, 0, 0, 1),
      (2_147_483_647.5, 2_147_483_647, 2_147_483_647, 255, 1),
      (2_147_483_648, 2_147_483_647, 2_147_483_648, 255, 1),
      (-2_147_483_649, -2_147_483_648, -2_147_483_649, 0, 1),
      (9.3e18, 2_147_483_647, .max, 255, 1), (-9.3e18, -2_147_483_648, .min, 0, 1),
      (.infinity, 2_147_483_647, .max, 255, 1), (-.infinity, -2_147_483_648, .min, 0, 1),
      (9_223_372_036_854_774_784, 2_147_483_647, 9_223_372_036_854_774_784, 255, 1),
    ]
    for (x, i32, i64, u8, bool) in cases {
      #expect(cast(x, .i32) == i32, "\(x)")
      #expect(cast(x, .i64) == i64, "\(x)")
      #expect(cast(x, .u8) == u8, "\(x)")
      #expect(cast(x, .bool) == bool, "\(x)")
    }
  }

  @Test func integersKeepTheirLowBits() {
    for x: Int64 in [0, 1, -1, 255, 256, -256, 1 << 31, -(1 << 31), .max, .min, 0x1234_5678_9ABC_DEF0] {
      let bits = UInt64(bitPattern: x)
      #expect(run([.i64], [bits]) { $0.cast($1[0], .i32) } == bits & 0xFFFF_FFFF)
      #expect(run([.i64], [bits]) { $0.cast($1[0], .u8) } == bits & 0xFF)
      #expect(run([.i64], [bits]) { $0.cast($1[0], .bool) } == (x == 0 ? 0 : 1))
      #expect(run([.i64], [bits]) { $0.cast($1[0], .f32) } == Float(x).bits)
      #expect(run([.i64], [bits]) { $0.cast($1[0], .f64) } == Double(x).bits)
      let low = UInt64(UInt32(truncatingIfNeeded: x))
      #expect(
        run([.i32], [low]) { $0.cast($1[0], .i64) } == UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: x)))
      )
    }
    #expect(run([.u8], [200]) { $0.cast($1[0], .i32) } == 200)
    #expect(run([.bool], [1]) { $0.cast($1[0], .f32) } == Float(1).bits)
  }

  @Test func floatsRoundToNearestEven() {
    for x in [0.1, 1 + 0x1p-24, 1 + 0x1.8p-23, 1e-46, 3.4028236e38, -.infinity] {
      #expect(run([.f64], [x.bits]) { $0.cast($1[0], .f32) } == Float(x).bits)
    }
    #expect(run([.f32], [Float(0.1).bits]) { $0.cast($1[0], .f64) } == Double(Float(0.1)).bits)
  }

  // MARK: Programs

  @Test func selectAndBitcast() {
    for flag: UInt64 in [0, 1] {
      let got = run([.bool, .i32, .i32], [flag, 5, 6]) { $0.select($1[0], $1[1], $1[2]) }
      #expect(got == (flag == 1 ? 5 : 6))
    }
    #expect(run([.f32], [Float(1).bits]) { $0.bitcast($1[0], .i32) } == 0x3F80_0000)
  }

  @Test func hornersRule() {
    // 1 + 2 x + 3 x^2 at 2
    #expect(run([.f64], [Double(2).bits]) { $0.polynomial($1[0], [1, 2, 3]) } == Double(17).bits)
    #expect(run([.f64], [Double(2).bits]) { $0.polynomial($1[0], []) } == 0)
  }

  @Test func constantsOfEveryDType() {
    for dtype in DType.allCases {
      let one = run([], []) { builder, _ in builder.constant(1, dtype) }
      let float = run([dtype], [one]) { $0.cast($1[0], .f64) }
      #expect(Double(bitPattern: float) == 1)
    }
    #expect(run([], []) { builder, _ in builder.integer(-1, .u8) } == 255)
    #expect(run([], []) { builder, _ in builder.integer(-1, .i32) } == 0xFFFF_FFFF)
  }
}
