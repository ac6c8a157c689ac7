/// Maps that compare, choose, combine bits or convert.
extension OpDefinition {
  /// A row for a comparison.
  private static func comparison(
    _ name: String, _ summary: String, run: String, dtypes: DTypeSet = .numbers,
    witness: @escaping @Sendable (Number, Number) -> Bool,
    program: @escaping @Sendable (inout ScalarBuilder, Scalar, Scalar) -> Scalar
  ) -> OpDefinition {
    OpDefinition(
      name, summary,
      family: .map(
        MapKernel(
          program: { builder, x, _ in program(&builder, x[0], x[1]) },
          witness: { x, _ in .int(witness(x[0], x[1]) ? 1 : 0) })),
      operands: [OperandSpec("x", dtypes), OperandSpec("y", dtypes)], infer: Infer.boolOfFirst,
      rules: [.foldConstants, .mapReshape], gradient: .zero,
      example: exampleText("%x: f32[3], %y: f32[3]", "\(name) %x, %y", "bool[3]", run: run))
  }

  private static func compare(
    _ x: Number, _ y: Number, _ float: (Double, Double) -> Bool, _ int: (Int64, Int64) -> Bool
  ) -> Bool {
    if case .float(let a) = x, case .float(let b) = y { return float(a, b) }
    return int(x.int, y.int)
  }

  static let equal = comparison(
    "equal", "x == y", run: "([1, 2, nan], [1, 3, nan]) == [true, false, false]", dtypes: .computable,
    witness: { compare($0, $1, ==, ==) }, program: { $0.compare(.equal, $1, $2) })
  static let notEqual = comparison(
    "not_equal", "x != y", run: "([1, 2, nan], [1, 3, nan]) == [false, true, true]", dtypes: .computable,
    witness: { compare($0, $1, !=, !=) }, program: { $0.compare(.notEqual, $1, $2) })
  static let less = comparison(
    "less", "x < y", run: "([1, 2, nan], [1, 3, 0]) == [false, true, false]",
    witness: { compare($0, $1, <, <) }, program: { $0.compare(.less, $1, $2) })
  static let lessEqual = comparison(
    "less_equal", "x <= y", run: "([1, 4, nan], [1, 3, 0]) == [true, false, false]",
    witness: { compare($0, $1, <=, <=) }, program: { $0.compare(.lessEqual, $1, $2) })
  static let greater = comparison(
    "greater", "x > y", run: "([1, 4, nan], [1, 3, 0]) == [false, true, false]",
    witness: { compare($0, $1, >, >) }, program: { $0.compare(.less, $2, $1) })
  static let greaterEqual = comparison(
    "greater_equal", "x >= y", run: "([1, 2, nan], [1, 3, 0]) == [true, false, false]",
    witness: { compare($0, $1, >=, >=) }, program: { $0.compare(.lessEqual, $2, $1) })

  /// A row for a question about a float.
  private static func question(
    _ name: String, _ summary: String, run: String, witness: @escaping @Sendable (Double) -> Bool,
    program: @escaping @Sendable (inout ScalarBuilder, Scalar) -> Scalar
  ) -> OpDefinition {
    OpDefinition(
      name, summary,
      family: .map(
        MapKernel(
          program: { builder, x, _ in program(&builder, x[0]) },
          witness: { x, _ in .int(witness(x[0].double) ? 1 : 0) })),
      operands: [OperandSpec("x", .floats)], infer: Infer.boolOfFirst, rules: [.foldConstants, .mapReshape],
      gradient: .zero, example: exampleText("%x: f32[3]", "\(name) %x", "bool[3]", run: run))
  }

  static let isNaN = question(
    "is_nan", "whether x is not a number", run: "([1, nan, inf]) == [false, true, false]",
    witness: { $0.isNaN }, program: { $0.compare(.notEqual, $1, $1) })
  static let isFinite = question(
    "is_finite", "whether x is neither infinite nor NaN", run: "([1, nan, inf]) == [true, false, false]",
    witness: { $0.isFinite },
    program: { builder, x in
      let magnitude = builder.unary(.abs, x)
      return builder.compare(.less, magnitude, builder.constant(.infinity, x.dtype))
    })

  private static let bitwise: DTypeSet = [.integers, .bool]

  /// A row for a bitwise operation; bools are one bit.
  private static func bits(
    _ name: String, _ summary: String, _ op: ScalarOp, run: String,
    witness: @escaping @Sendable (Int64, Int64) -> Int64
  ) -> OpDefinition {
    map(
      name, summary, ["x", "y"], bitwise, traits: .commutative, gradient: .zero,
      example: exampleText("%x: i32[3], %y: i32[3]", "\(name) %x, %y", "i32[3]", run: run),
      witness: { x, _ in .int(witness(x[0].int, x[1].int)) }
    ) { builder, x, _ in builder.binary(op, x[0], x[1]) }
  }

  static let and = bits(
    "and", "x & y, bit by bit; of bools the conjunction", .and, run: "([6, 5, -1], [3, 8, 7]) == [2, 0, 7]",
    witness: { $0 & $1 })
  static let or = bits(
    "or", "x | y, bit by bit; of bools the disjunction", .or, run: "([6, 5, -1], [3, 8, 7]) == [7, 13, -1]",
    witness: { $0 | $1 })
  static let xor = bits(
    "xor", "x ^ y, bit by bit; of bools whether they differ", .xor,
    run: "([6, 5, -1], [3, 8, 7]) == [5, 13, -8]",
    witness: { $0 ^ $1 })

  static let not = map(
    "not", "every bit of x flipped; of bools the negation", ["x"], bitwise,
    gradient: .zero,
    example: exampleText("%x: bool[2]", "not %x", "bool[2]", run: "([true, false]) == [false, true]"),
    witness: { x, dtype in .int(dtype == .bool ? 1 - x[0].int : ~x[0].int) }
  ) { builder, x, _ in builder.unary(.not, x[0]) }

  static let shiftLeft = map(
    "shift_left", "x * 2^y modulo the width; 0 where y is not in 0 ..< width", ["x", "y"], .integers,
    gradient: .zero,
    example: exampleText(
      "%x: i32[3], %y: i32[3]", "shift_left %x, %y", "i32[3]",
      run: "([1, 3, 5], [4, 31, 32]) == [16, -2147483648, 0]"),
    witness: { x, dtype in
      let width = Int64(8 * dtype.byteCount)
      return .int((0..<width).contains(x[1].int) ? x[0].int << x[1].int : 0)
    }
  ) { builder, x, _ in builder.binary(.shiftLeft, x[0], x[1]) }

  static let shiftRight = map(
    "shift_right", "floor(x / 2^y); where y is not in 0 ..< width, -1 for negative x, else 0", ["x", "y"],
    .integers,
    gradient: .zero,
    example: exampleText(
      "%x: i32[3], %y: i32[3]", "shift_right %x, %y", "i32[3]",
      run: "([16, -5, -5], [2, 1, 40]) == [4, -3, -1]"),
    witness: { x, dtype in
      let width = Int64(8 * dtype.byteCount)
      return .int((0..<width).contains(x[1].int) ? x[0].int >> x[1].int : x[0].int < 0 ? -1 : 0)
    }
  ) { builder, x, _ in builder.binary(.shiftRight, x[0], x[1]) }

  static let select = OpDefinition(
    "select", "x where the condition is true, else y",
    family: .map(
      MapKernel(
        program: { builder, x, _ in builder.select(x[0], x[1], x[2]) },
        witness: { x, _ in x[0].int != 0 ? x[1] : x[2] })),
    operands: [OperandSpec("condition", .bool), OperandSpec("x"), OperandSpec("y")], traits: .conditional,
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      try Infer.requireEqual(tables, inference, from: 1)
      guard tables.types.sameShape(inference.operands[0], inference.operands[1]) else {
        let (condition, x) = (tables.text(inference.operands[0]), tables.text(inference.operands[1]))
        throw InferenceError(
          "`select`: the condition is \(condition), x is \(x)", hint: "there is one condition an element")
      }
      inference.results.append(inference.operands[1])
    }, rules: [.selectSame, .foldConstants, .mapReshape], gradient: .select,
    example: exampleText(
      "%c: bool[2], %x: f32[2], %y: f32[2]", "select %c, %x, %y", "f32[2]",
      run: "([true, false], [1, 2], [3, 4]) == [1, 4]"))

  static let cast = OpDefinition(
    "cast",
    "x as another dtype: to integers truncating and saturating with 0 for NaN, between integers the low bits",
    family: .map(
      MapKernel(
        program: { builder, x, dtype in builder.cast(x[0], dtype) },
        witness: { x, dtype in
          switch (x[0], dtype) {
          case (.float(let a), .f32), (.float(let a), .f64): return .float(a)
          case (.float(let a), .f16), (.float(let a), .bf16): return .float(narrowed(a, dtype))
          case (.int(let a), .f16), (.int(let a), .bf16): return .float(narrowed(a, dtype))
          case (.int(let a), .f32): return .float(Double(Float(a)))
          case (.int(let a), .f64): return .float(Double(a))
          case (.float(let a), .bool): return .int(a != 0 ? 1 : 0)
          case (.int(let a), .bool): return .int(a != 0 ? 1 : 0)
          case (.int(let a), _): return .int(a)
          case (.float(let a), _):
            if a.isNaN { return .int(0) }
            let (low, high): (Double, Double) =
              switch dtype {
              case .i32: (-2147483648, 2147483647)
              case .u8: (0, 255)
              default: (-9223372036854775808, 9223372036854775808)
              }
            if a <= low { return .int(dtype == .i64 ? .min : Int64(low)) }
            if a >= high { return .int(dtype == .i64 ? .max : Int64(high)) }
            return .int(Int64(a))
          }
        })),
    operands: [OperandSpec("x")], attributes: [AttributeSpec(.dtype, .dtype, "the dtype of the result")],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      guard let dtype = tables.attributes.dtype(inference.attributes, .dtype) else {
        throw InferenceError("`cast` has no dtype")
      }
      inference.results.append(tables.types.with(dtype, shapeOf: inference.operands[0]))
    }, rules: [.castSame, .foldConstants, .mapReshape], gradient: .cast,
    example: exampleText(
      "%x: f32[4]", "cast %x {dtype = u8}", "u8[4]", run: "([1.9, -1, 300, nan]) == [1, 0, 255, 0]"))

  static let bitcast = OpDefinition(
    "bitcast",
    "the bits of x as a dtype of the same width: f32 and i32, f64 and i64; NaN has the bits of the one NaN",
    family: .map(
      MapKernel(
        program: { builder, x, dtype in
          let source = x[0].dtype.isFloat ? builder.unary(.canonical, x[0]) : x[0]
          return source.dtype == dtype ? source : builder.bitcast(source, dtype)
        },
        witness: { x, dtype in
          switch (x[0], dtype) {
          case (.float(let a), .i32):
            .int(Int64(Int32(bitPattern: a.isNaN ? CanonicalNaN.f32 : Float(a).bitPattern)))
          case (.float(let a), .i64): .int(Int64(bitPattern: a.isNaN ? CanonicalNaN.f64 : a.bitPattern))
          case (.int(let a), .f32): .float(Double(Float(bitPattern: UInt32(truncatingIfNeeded: a))))
          case (.int(let a), .f64): .float(Double(bitPattern: UInt64(bitPattern: a)))
          default: x[0]
          }
        })),
    operands: [OperandSpec("x", [.floats, .indices])],
    attributes: [AttributeSpec(.dtype, .dtype, "the dtype of the result")],
    infer: { (tables: inout Tables, inference: inout Inference) throws(InferenceError) in
      let source = tables.types.dtype(inference.operands[0])
      guard let dtype = tables.attributes.dtype(inference.attributes, .dtype) else {
        throw InferenceError("`bitcast` has no dtype")
      }
      guard dtype.byteCount == source.byteCount else {
        throw InferenceError(
          "`bitcast` of \(source.name) to \(dtype.name): they have \(source.byteCount) and \(dtype.byteCount) bytes",
          .convert("the numbers", to: dtype))
      }
      inference.results.append(tables.types.with(dtype, shapeOf: inference.operands[0]))
    }, rules: [.bitcastSame, .foldConstants, .mapReshape], gradient: .zero,
    example: exampleText(
      "%x: f32[4]", "bitcast %x {dtype = i32}", "i32[4]",
      run: "([1, -0.0, inf, nan]) == [1065353216, -2147483648, 2139095040, 2143289344]"))
}

extension OpDefinition {
  /// The nearest f16 or bf16, by dividing by its last place.
  private static func narrowed(_ x: Double, _ dtype: DType) -> Double {
    let (fraction, least, limit) = dtype == .f16 ? (10, -14, 65504) : (7, -126, 0x1.fep127)
    guard x.isFinite, x != 0 else { return x }
    let place = Double(sign: .plus, exponent: Swift.max(Int(x.exponent), least) - fraction, significand: 1)
    let rounded = (x / place).rounded(.toNearestOrEven) * place
    return rounded.magnitude > limit ? Double(signOf: x, magnitudeOf: .infinity) : rounded
  }

  /// The nearest f16 or bf16 of an integer, which a binary64 may not hold.
  private static func narrowed(_ x: Int64, _ dtype: DType) -> Double {
    let magnitude = x.magnitude
    let excess = UInt64(Swift.max(0, 64 - magnitude.leadingZeroBitCount - 53))
    // What is cut off counts as an odd bit, so that the second rounding knows of it.
    let kept = magnitude >> excess
    let isCut = kept << excess != magnitude
    let number = Double(isCut ? kept | 1 : kept) * Double(UInt64(1) << excess)
    return narrowed(x < 0 ? -number : number, dtype)
  }

  /// The same row with another example.
  func example(_ change: (String) -> String) -> OpDefinition {
    OpDefinition(
      name, summary, family: family, operands: operands, attributes: attributes, traits: traits, infer: infer,
      rules: rules, gradient: gradient, example: change(example))
  }
}

extension String {
  /// The text with every `part` replaced: without Foundation.
  func replacingAll(_ part: String, with other: String) -> String {
    split(separator: part, omittingEmptySubsequences: false).joined(separator: other)
  }
}
