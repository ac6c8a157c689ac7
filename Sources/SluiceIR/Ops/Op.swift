/// The ops of the language.
///
/// Adding one is a case here and a row in the file of its family.
public enum Op: UInt8, CaseIterable, Hashable, Sendable, BitwiseCopyable {
  // source
  case input, read, constant
  // map
  case add, subtract, multiply, divide, remainder, minimum, maximum, fma, clamp
  case negate, abs, sign, sqrt, rsqrt, floor, ceil, round, trunc
  case exp, expm1, log, log1p, tanh, sigmoid, softplus, sin, cos, relu
  case equal, notEqual, less, lessEqual, greater, greaterEqual, isNaN, isFinite
  case and, or, xor, not, shiftLeft, shiftRight, select, cast
  // reduce
  case sum, prod, max, min, any, all, argmax, argmin
  // contract
  case matmul
  // view
  case reshape, transpose, broadcast, slice, reverse, concat, pad
  // index
  case gather
  // generate
  case iota, randomBits, size
  // order
  case argsort
  // linalg
  case inverse, logAbsDet, cholesky, solve
  // body
  case call, cond, `while`, scan
  // expand
  case mean, softmax, logSoftmax, eye, uniform, normal, permutation

  /// The row of the op table.
  public var definition: OpDefinition { Self.table[Int(rawValue)] }

  /// The op of a name in text.
  public static func named(_ name: String) -> Op? { byName[name] }

  private static let table: [OpDefinition] = allCases.map(\.row)
  private static let byName: [String: Op] = Dictionary(
    uniqueKeysWithValues: allCases.map { ($0.row.name, $0) })

  private var row: OpDefinition {
    switch self {
    case .input: .input
    case .read: .read
    case .constant: .constant
    case .add: .add
    case .subtract: .subtract
    case .multiply: .multiply
    case .divide: .divide
    case .remainder: .remainder
    case .minimum: .minimum
    case .maximum: .maximum
    case .fma: .fma
    case .clamp: .clamp
    case .negate: .negate
    case .abs: .abs
    case .sign: .sign
    case .sqrt: .sqrt
    case .rsqrt: .rsqrt
    case .floor: .floor
    case .ceil: .ceil
    case .round: .round
    case .trunc: .trunc
    case .exp: .exp
    case .expm1: .expm1
    case .log: .log
    case .log1p: .log1p
    case .tanh: .tanh
    case .sigmoid: .sigmoid
    case .softplus: .softplus
    case .sin: .sin
    case .cos: .cos
    case .relu: .relu
    case .equal: .equal
    case .notEqual: .notEqual
    case .less: .less
    case .lessEqual: .lessEqual
    case .greater: .greater
    case .greaterEqual: .greaterEqual
    case .isNaN: .isNaN
    case .isFinite: .isFinite
    case .and: .and
    case .or: .or
    case .xor: .xor
    case .not: .not
    case .shiftLeft: .shiftLeft
    case .shiftRight: .shiftRight
    case .select: .select
    case .cast: .cast
    case .sum: .sum
    case .prod: .prod
    case .max: .max
    case .min: .min
    case .any: .any
    case .all: .all
    case .argmax: .argmax
    case .argmin: .argmin
    case .matmul: .matmul
    case .reshape: .reshape
    case .transpose: .transpose
    case .broadcast: .broadcast
    case .slice: .slice
    case .reverse: .reverse
    case .concat: .concat
    case .pad: .pad
    case .gather: .gather
    case .iota: .iota
    case .randomBits: .randomBits
    case .size: .size
    case .argsort: .argsort
    case .inverse: .inverse
    case .logAbsDet: .logAbsDet
    case .cholesky: .cholesky
    case .solve: .solve
    case .call: .call
    case .cond: .cond
    case .while: .while
    case .scan: .scan
    case .mean: .mean
    case .softmax: .softmax
    case .logSoftmax: .logSoftmax
    case .eye: .eye
    case .uniform: .uniform
    case .normal: .normal
    case .permutation: .permutation
    }
  }
}
