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
    var m = PlanBuilder(name, function: "all")
    let inputs = inputs.map { m.input($0.name, $0.dtype, count) }
    for (number, scalarCase) in cases.enumerated() {
      let output = m.output("y\(number)", scalarCase.dtype, count)
      let kernel = m.kernel("\(scalarCase.op)", comment: [scalarCase.description]) { k, m in
        let slots = scalarCase.operands.enumerated().map { k.slot("x\($0)", $1, .read) }
        let y = k.slot("y", scalarCase.dtype, .write)
        k.loop(to: m.affine(count), .vector) { k, i in
          let operands = slots.map { k.load($0, k.at(i)) }
          var result = k.scalar(
            scalarCase.op, scalarCase.dtype, source: scalarCase.source, operands,
            immediate: scalarCase.immediate)
          if scalarCase.dtype.isFloat { result = k.scalar(.canonical, scalarCase.dtype, [result]) }
          k.store(y, k.at(i), result)
        }
      }
      m.call(
        kernel, whole: scalarCase.operands.enumerated().map { inputs[3 * Int($1.rawValue) + $0] } + [output])
    }
    return m.plan
  }

  // MARK: Operands

  /// Three arrays of a dtype: all pairs of special values in the first two as far as they fit, then random ones.
  static func operands(_ dtype: DType, count: Int) -> [[UInt64]] {
    var random = SeededRandom(UInt64(dtype.rawValue))
    let specials = dtype.specialWords
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

  private static func random(_ dtype: DType, _ random: inout SeededRandom) -> UInt64 {
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
}
