import SluiceFormats
import SluiceIR
import SluiceInterpreter
import SluicePlan
import TestSupport
import Testing

/// Every scalar operation on every dtype gives the bits of `ScalarProgram.evaluate`, tile by tile and one by one.
@Suite struct ScalarOperationTests {
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
    var random = SeededRandom(UInt64(op.rawValue))
    let pools = operands.map { dtype in dtype.specialWords + (0..<4).map { _ in random.word(dtype) } }
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
      var m = PlanBuilder("\(op)")
      var f = m.builder("\(op)")
      let slots = operands.indices.map { f.slot("x\($0)", operands[$0], .read) }
      let out = f.slot("y", dtype, .write)
      let i = f.beginLoop(to: m.affine(count), kind)
      let values = slots.map { f.load($0, f.at(i)) }
      f.store(out, f.at(i), f.scalar(op, dtype, values, immediate: immediate))
      f.endLoop()
      let inputs = zip(operands, columns).map { HostTensor(words: $1, $0) }
      let result = try run(f, m, inputs + [HostTensor.zeros(dtype, shape: [count])])
      let wrong = result[operands.count].difference(from: expected)
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
