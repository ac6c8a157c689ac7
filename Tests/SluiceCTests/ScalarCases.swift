// Every scalar operation on every dtype, with operands that matter.

import SluiceFormats
import SluiceIR
import SluicePlan
import TestSupport

/// One operation as a kernel over arrays: a function `f<number>` of a plan.
struct ScalarCase: Sendable {
  var op: ScalarOp
  var dtype: DType
  var source: DType
  var operands: [DType]
  var immediate: UInt64 = 0

  var description: String { "\(op) \(source.name) -> \(dtype.name)" }

  /// The bits that the operation gives, with NaNs made canonical.
  func evaluate(_ values: [UInt64]) -> UInt64 {
    let operands = values + [0, 0, 0]
    let instruction = ScalarProgram.Instruction.make(op, dtype, source: source, immediate: immediate)
    let result = instruction.evaluate(operands[0], operands[1], operands[2])
    guard dtype.isFloat else { return result }
    return ScalarProgram.Instruction.make(.canonical, dtype, source: dtype).evaluate(result, 0, 0)
  }

  static let all: [ScalarCase] = {
    var cases: [ScalarCase] = []
    func add(_ op: ScalarOp, _ dtype: DType, _ count: Int) {
      cases.append(
        ScalarCase(op: op, dtype: dtype, source: dtype, operands: [DType](repeating: dtype, count: count)))
    }
    for dtype in DType.allCases where !dtype.isNarrow {
      for op in [.add, .subtract, .multiply, .divide, .remainder, .minimum, .maximum] as [ScalarOp] {
        add(op, dtype, 2)
      }
      for op in [.negate, .abs] as [ScalarOp] { add(op, dtype, 1) }
      for op in [.equal, .notEqual, .less, .lessEqual] as [ScalarOp] {
        cases.append(ScalarCase(op: op, dtype: .bool, source: dtype, operands: [dtype, dtype]))
      }
      if dtype.isFloat {
        for op in [.sqrt, .floor, .ceil, .trunc, .round, .canonical] as [ScalarOp] { add(op, dtype, 1) }
        add(.fma, dtype, 3)
        for multiples in PiReduction.Multiples.allCases {
          for part in PiReduction.Part.allCases {
            cases.append(
              ScalarCase(
                op: .piReduction, dtype: dtype, source: dtype, operands: [dtype, dtype],
                immediate: PiReduction(multiples, part).immediate))
          }
        }
      } else {
        for op in [.and, .or, .xor, .shiftLeft, .shiftRight, .shiftRightLogical] as [ScalarOp] {
          add(op, dtype, 2)
        }
        add(.not, dtype, 1)
      }
      for function in ElementaryFunction.allCases where function.dtypes.contains(dtype) {
        let operands = [DType](repeating: dtype, count: function.operandCount)
        cases.append(
          ScalarCase(
            op: .call, dtype: dtype, source: dtype, operands: operands, immediate: UInt64(function.rawValue)))
      }
    }
    for dtype in DType.allCases {
      cases.append(ScalarCase(op: .select, dtype: dtype, source: .bool, operands: [.bool, dtype, dtype]))
      for source in DType.allCases {
        if source != dtype {
          cases.append(ScalarCase(op: .cast, dtype: dtype, source: source, operands: [source]))
        }
        if source != dtype, source.byteCount == dtype.byteCount, dtype != .bool, !dtype.isNarrow {
          cases.append(ScalarCase(op: .bitcast, dtype: dtype, source: source, operands: [source]))
        }
      }
    }
    add(.multiplyHigh, .i32, 2)
    return cases
  }()

  /// The inputs of `plan`: three arrays of every dtype.
  static let inputs: [(name: String, dtype: DType)] = DType.allCases.flatMap { dtype in
    (0..<3).map { ("\(dtype.name)_\($0)", dtype) }
  }

  /// A plan with one function, `all`, that gives the results of all cases over arrays of `count` elements.
  static func plan(_ cases: [ScalarCase], count: Int, named name: String = "ops") -> ModulePlan {
    var kit = PlanKit(name)
    let extent = kit.dim(count)
    var steps: [Step] = []
    for (number, scalarCase) in cases.enumerated() {
      var k = kit.builder("\(scalarCase.op)")
      let slots = scalarCase.operands.enumerated().map { k.slot("x\($0)", $1, .read) }
      let output = k.slot("y", scalarCase.dtype, .write)
      let place = kit.one
      let none = kit.zero
      k.loop(to: Affine(extent), .vector) { k, i in
        let index = Affine(none, [.init(place, i)])
        let operands = slots.map { k.load($0, index) }
        var result = k.scalar(
          scalarCase.op, scalarCase.dtype, source: scalarCase.source, operands,
          immediate: scalarCase.immediate)
        if scalarCase.dtype.isFloat { result = k.scalar(.canonical, scalarCase.dtype, [result]) }
        k.store(output, index, result)
      }
      let kernel = kit.add(k, comment: [scalarCase.description])
      let buffers =
        scalarCase.operands.enumerated().map { 3 * Int($1.rawValue) + $0 } + [inputs.count + number]
      steps.append(.call(kernel, buffers.map { Argument(buffer: BufferID($0), offset: kit.zero) }))
    }
    var inputPorts: [(String, TypeID)] = []
    for (name, dtype) in inputs { inputPorts.append((name, kit.type(dtype, [extent]))) }
    var outputPorts: [(String, TypeID)] = []
    for (number, scalarCase) in cases.enumerated() {
      outputPorts.append(("y\(number)", kit.type(scalarCase.dtype, [extent])))
    }
    kit.function("all", inputs: inputPorts, outputs: outputPorts, steps: steps)
    return kit.finish()
  }

  // MARK: Operands

  /// Three arrays of a dtype: all pairs of special values in the first two as far as they fit, then random ones.
  static func operands(_ dtype: DType, count: Int) -> [[UInt64]] {
    var random = Seeded(UInt64(dtype.rawValue))
    let specials = specials(dtype)
    var arrays: [[UInt64]] = [[], [], []]
    for position in 0..<count {
      let pair = position % (specials.count * specials.count)
      let isSpecial = position < specials.count * specials.count && position * 3 < count * 2
      arrays[0].append(isSpecial ? specials[pair % specials.count] : Self.random(dtype, &random))
      arrays[1].append(isSpecial ? specials[pair / specials.count] : Self.random(dtype, &random))
      let isThirdSpecial = random.next() % 2 == 0
      arrays[2].append(
        isThirdSpecial ? specials[Int(random.next() % UInt64(specials.count))] : Self.random(dtype, &random))
    }
    return arrays
  }

  private static func random(_ dtype: DType, _ random: inout Seeded) -> UInt64 {
    let bits = random.next()
    switch dtype {
    case .bool: return bits & 1
    case .u8: return bits & 0xFF
    case .f16, .bf16: return bits & 0xFFFF
    case .i32, .f32:
      // Half of the floats are near 1, where rounding is busy.
      if dtype == .f32, bits >> 63 == 1 {
        return UInt64(Float(Int32(truncatingIfNeeded: bits) >> 8).bitPattern)
      }
      return bits & 0xFFFF_FFFF
    case .f64: return bits & 3 == 0 ? (Double(Int64(bitPattern: bits) >> 12) / 65536).bitPattern : bits
    case .i64: return bits & 1 == 0 ? bits : UInt64(bitPattern: Int64(bitPattern: bits) >> 40)
    }
  }

  static func specials(_ dtype: DType) -> [UInt64] {
    switch dtype {
    case .bool: return [0, 1]
    case .u8: return [0, 1, 2, 7, 8, 9, 31, 64, 127, 128, 200, 254, 255]
    case .f16:
      return [
        0, 1, 0x3FF, 0x400, 0x3C00, 0x5BF8, 0x7BFF, 0x7C00, 0x7C01, 0x7E00, 0x8000, 0x8001, 0xFC00, 0xFE01,
      ]
    case .bf16:
      return [
        0, 1, 0x7F, 0x80, 0x3F80, 0x437F, 0x7F7F, 0x7F80, 0x7F81, 0x7FC0, 0x8000, 0x8001, 0xFF80, 0xFFC1,
      ]
    case .i32:
      let values: [Int32] = [
        0, 1, -1, 2, -2, 3, 7, -7, 31, 32, 33, 100, -100, 255, 256, 65_535, 65_536, 1 << 30, .max, .max - 1,
        .min, .min + 1,
      ]
      return values.map { UInt64(UInt32(bitPattern: $0)) }
    case .i64:
      let values: [Int64] = [
        0, 1, -1, 2, -2, 7, -7, 31, 32, 63, 64, 65, 255, -256, 1 << 31, -1 << 31, (1 << 53) + 1, .max,
        .max - 1, .min,
        .min + 1, (1 << 24) + 1, 0x7FFF_FFBF_FFFF_FFFF,
      ]
      return values.map { UInt64(bitPattern: $0) }
    case .f32:
      let values: [Float] = [
        0, 1, 0.5, 1.5, 2, 2.5, 3, 10, 0.1, 0.49999997, 0.75, 1e-3, 254.5, 255, 256, 8_388_607.5, 8_388_608,
        16_777_216,
        16_777_218, 2_147_483_520, 2_147_483_648, 9.223372e18, 9.2233715e18, 1e20, 1e-30,
        .greatestFiniteMagnitude,
        .leastNormalMagnitude, .leastNonzeroMagnitude, 88.7, 103.9, .infinity, 4_194_303.8,
      ]
      return values.flatMap { [UInt64($0.bitPattern), UInt64((-$0).bitPattern)] } + [
        0x007F_FFFF, 0x8000_0123, 0x7FC0_0000, 0xFFC0_1234, 0x7FA0_0000,
      ]
    case .f64:
      let values: [Double] = [
        0, 1, 0.5, 1.5, 2, 2.5, 3, 10, 0.1, 0.49999999999999994, 254.9, 255.5, 256, 4_503_599_627_370_495.5,
        4_503_599_627_370_496, 9_007_199_254_740_994, 2_147_483_647.5, 2_147_483_648, 2_147_483_648.9,
        9.2233720368547758e18,
        9.223372036854775e18, 1e300, 1e-300, .greatestFiniteMagnitude, .leastNormalMagnitude,
        .leastNonzeroMagnitude, 709.7, 745.2, 3.4028235677973366e38, 1e-45, .infinity,
      ]
      return values.flatMap { [$0.bitPattern, (-$0).bitPattern] }
        + [
          0x000F_FFFF_FFFF_FFFF, 0x8000_0000_0001_2345, 0x7FF8_0000_0000_0000, 0xFFF8_0000_0000_1234,
          0x7FF4_0000_0000_0000,
        ]
    }
  }
}
