import SluiceFormats
import SluiceIR
import SluiceInterpreter
import SluicePlan
import Testing

/// Every scalar operation on every dtype gives the bits of `ScalarProgram.evaluate`, tile by tile and one by one.
@Suite struct ScalarOperationTests {
  /// Bits that operations find hard, then random ones.
  static func operands(_ dtype: DType, _ random: inout Random) -> [UInt64] {
    var values: [UInt64]
    switch dtype {
    case .f32:
      let floats: [Float] = [
        0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 0.499_999_97, 8_388_607.5, 8_388_608, 16_777_216,
        -2_147_483_648,
        2_147_483_520, 9.3e18, -9.3e18, 255, 255.9, 256, -0.9, 3.4e38, 0x1p-149, 0x1p-140, .infinity,
        -.infinity, .nan,
      ]
      values = floats.map(\.bits)
      for _ in 0..<12 { values.append(random.float().bits) }
    case .f64:
      let doubles: [Double] = [
        0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 0.499_999_999_999_999_94, 4_503_599_627_370_495.5, 0x1p52,
        0x1p53,
        -2_147_483_648.5, 2_147_483_647.5, -2_147_483_649, 2_147_483_648, 0x1p63, -0x1p63, 0x1p64, 255.9, 256,
        -0.9,
        1e308, 0x1p-1074, 0x1p-1030, .infinity, -.infinity, .nan, 1e40, 1e-46,
      ]
      values = doubles.map(\.bits)
      for _ in 0..<8 { values.append(random.next()) }
    case .i32:
      values = [0, 1, 2, 3, 31, 32, 33, -1, -2, -31, -32, .min, .min + 1, .max, .max - 1, 255, 256, -256].map
      {
        UInt64(UInt32(bitPattern: $0 as Int32))
      }
      for _ in 0..<12 { values.append(random.next() & 0xFFFF_FFFF) }
    case .i64:
      values = [0, 1, 2, 31, 32, 63, 64, 65, -1, -2, -63, -64, .min, .min + 1, .max, 1 << 32, 1 << 53 + 1].map
      {
        UInt64(bitPattern: $0 as Int64)
      }
      for _ in 0..<12 { values.append(random.next() >> UInt64(random.below(40))) }
    case .u8: values = [0, 1, 2, 3, 7, 8, 9, 127, 128, 129, 200, 254, 255]
    case .bool: values = [0, 1]
    case .f16, .bf16:
      values = [
        0, 1, 0x7F, 0x80, 0x3FF, 0x400, 0x3C00, 0x7BFF, 0x7C00, 0x7E00, 0x7F80, 0x7FC0, 0x8000, 0xFBFF,
      ]
    }
    return values
  }

  @Test(arguments: ScalarOp.allCases.filter { op in DType.allCases.contains { op.supports($0) } })
  func operation(_ op: ScalarOp) throws {
    for source in DType.allCases where op.supports(source) {
      let dtype: DType = op.isComparison ? .bool : source
      try check(op, [DType](repeating: source, count: op.operandCount), dtype)
    }
  }

  @Test func selects() throws {
    for dtype in DType.allCases { try check(.select, [.bool, dtype, dtype], dtype) }
  }

  @Test func casts() throws {
    for source in DType.allCases {
      for dtype in DType.allCases where dtype != source { try check(.cast, [source], dtype) }
    }
  }

  @Test func bitcasts() throws {
    let pairs: [(DType, DType)] = [(.f32, .i32), (.i32, .f32), (.f64, .i64), (.i64, .f64)]
    for (source, dtype) in pairs { try check(.bitcast, [source], dtype) }
  }

  @Test func calls() throws {
    for function in ElementaryFunction.allCases {
      for dtype in DType.allCases where function.dtypes.contains(dtype) {
        let operands = [DType](repeating: dtype, count: function.operandCount)
        try check(.call, operands, dtype, immediate: UInt64(function.rawValue))
      }
    }
  }

  /// Runs one operation on all combinations of operands, in a vector loop and in a sequential one.
  private func check(_ op: ScalarOp, _ operands: [DType], _ dtype: DType, immediate: UInt64 = 0) throws {
    var random = Random(UInt64(op.rawValue))
    let pools = operands.map { Self.operands($0, &random) }
    var columns = [[UInt64]](repeating: [], count: operands.count)
    if operands.count == 1 {
      columns[0] = pools[0]
      while columns[0].count < 300 { columns[0] += pools[0] }
    } else {
      for a in pools[0] {
        for b in pools[1] {
          columns[0].append(a)
          columns[1].append(b)
          if operands.count == 3 { columns[2].append(random.pick(pools[2])) }
        }
      }
    }
    let count = columns[0].count
    let program = scalarProgram(op, operands, dtype, immediate: immediate)
    let expected = (0..<count).map { row in program.evaluate(columns.map { $0[row] }) }
    for kind in [Loop.Kind.vector, .sequential] {
      var f = KernelFixture("\(op)")
      let slots = operands.indices.map { f.builder.slot("x\($0)", operands[$0], .read) }
      let out = f.builder.slot("y", dtype, .write)
      let i = f.loop(count, kind)
      let values = slots.map { f.builder.load($0, f.at(i)) }
      f.builder.store(out, f.at(i), f.builder.scalar(op, dtype, values, immediate: immediate))
      f.builder.endLoop()
      let inputs = try zip(operands, columns).map { try tensor($0, $1) }
      let result = try f.run(inputs + [HostTensor.zeros(dtype, shape: [count])])
      let wrong = difference(result[operands.count], expected)
      #expect(wrong == nil, "\(op) \(operands) -> \(dtype.name), \(kind): \(wrong ?? "")")
    }
  }
}

/// The program of one operation on parameters.
func scalarProgram(_ op: ScalarOp, _ operands: [DType], _ dtype: DType, immediate: UInt64 = 0)
  -> ScalarProgram
{
  var (builder, x) = ScalarBuilder.make(operands)
  let result: Scalar
  switch op {
  case .constant: result = builder.bits(immediate, dtype)
  case .select: result = builder.select(x[0], x[1], x[2])
  case .cast: result = builder.cast(x[0], dtype)
  case .bitcast: result = builder.bitcast(x[0], dtype)
  case .fma: result = builder.fma(x[0], x[1], x[2])
  case .equal, .notEqual, .less, .lessEqual: result = builder.compare(op, x[0], x[1])
  case .call:
    guard let function = ElementaryFunction(rawValue: UInt8(immediate)) else {
      preconditionFailure("no function")
    }
    result =
      function.operandCount == 2 ? builder.call(function, x[0], x[1]) : builder.call(function, x[0])
  default: result = operands.count == 1 ? builder.unary(op, x[0]) : builder.binary(op, x[0], x[1])
  }
  return builder.finish(result)
}
