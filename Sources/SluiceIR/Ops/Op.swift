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
  case exp2, log2, erf, tan, asin, acos, atan, atan2, sinh, cosh, cbrt, power
  case equal, notEqual, less, lessEqual, greater, greaterEqual, isNaN, isFinite
  case and, or, xor, not, shiftLeft, shiftRight, select, cast, bitcast
  // reduce
  case sum, prod, max, min, any, all, argmax, argmin
  // cumulative
  case cumsum, cumprod, cummax, cummin
  // contract
  case matmul, contract
  // view
  case reshape, transpose, broadcast, slice, reverse, concat, pad, unfold
  // index
  case gather, takeAlongAxis, dynamicSlice
  // update
  case dynamicUpdateSlice, scatter, scatterAdd
  // generate
  case iota, randomBits, size
  // order
  case argsort
  // linalg
  case inverse, logAbsDet, cholesky, solve, triangularSolve, qr, eigh
  // body
  case call, customVjp, cond, `while`, scan
  // expand
  case mean, softmax, logSoftmax, eye, uniform, normal, permutation
  case logsumexp, variance, norm, l2Normalize, cosineSimilarity
  case layerNorm, rmsNorm, batchNorm, groupNorm
  case sort, topK, stack, unstack, tile, padReflect, padEdge, oneHot, linspace
  case conv1d, conv2d, convTranspose2d, maxPool2d, avgPool2d, resize
  case maskedMatmul, sampledMatmul, attention, rotaryEmbedding, gruCell, lstmCell
  case mse, crossEntropy, binaryCrossEntropy, bernoulli, dropout
  case leakyRelu, elu, silu, gelu
  case stopGradient

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
    case .exp2: .exp2
    case .log2: .log2
    case .erf: .erf
    case .tan: .tan
    case .asin: .asin
    case .acos: .acos
    case .atan: .atan
    case .atan2: .atan2
    case .sinh: .sinh
    case .cosh: .cosh
    case .cbrt: .cbrt
    case .power: .power
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
    case .bitcast: .bitcast
    case .sum: .sum
    case .prod: .prod
    case .max: .max
    case .min: .min
    case .any: .any
    case .all: .all
    case .argmax: .argmax
    case .argmin: .argmin
    case .cumsum: .cumsum
    case .cumprod: .cumprod
    case .cummax: .cummax
    case .cummin: .cummin
    case .matmul: .matmul
    case .contract: .contract
    case .reshape: .reshape
    case .transpose: .transpose
    case .broadcast: .broadcast
    case .slice: .slice
    case .reverse: .reverse
    case .concat: .concat
    case .pad: .pad
    case .unfold: .unfold
    case .gather: .gather
    case .takeAlongAxis: .takeAlongAxis
    case .dynamicSlice: .dynamicSlice
    case .dynamicUpdateSlice: .dynamicUpdateSlice
    case .scatter: .scatter
    case .scatterAdd: .scatterAdd
    case .iota: .iota
    case .randomBits: .randomBits
    case .size: .size
    case .argsort: .argsort
    case .inverse: .inverse
    case .logAbsDet: .logAbsDet
    case .cholesky: .cholesky
    case .solve: .solve
    case .triangularSolve: .triangularSolve
    case .qr: .qr
    case .eigh: .eigh
    case .call: .call
    case .customVjp: .customVjp
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
    case .logsumexp: .logsumexp
    case .variance: .variance
    case .norm: .norm
    case .l2Normalize: .l2Normalize
    case .cosineSimilarity: .cosineSimilarity
    case .layerNorm: .layerNorm
    case .rmsNorm: .rmsNorm
    case .batchNorm: .batchNorm
    case .groupNorm: .groupNorm
    case .sort: .sort
    case .topK: .topK
    case .stack: .stack
    case .unstack: .unstack
    case .tile: .tile
    case .padReflect: .padReflect
    case .padEdge: .padEdge
    case .oneHot: .oneHot
    case .linspace: .linspace
    case .conv1d: .conv1d
    case .conv2d: .conv2d
    case .convTranspose2d: .convTranspose2d
    case .maxPool2d: .maxPool2d
    case .avgPool2d: .avgPool2d
    case .resize: .resize
    case .maskedMatmul: .maskedMatmul
    case .sampledMatmul: .sampledMatmul
    case .attention: .attention
    case .rotaryEmbedding: .rotaryEmbedding
    case .gruCell: .gruCell
    case .lstmCell: .lstmCell
    case .mse: .mse
    case .crossEntropy: .crossEntropy
    case .binaryCrossEntropy: .binaryCrossEntropy
    case .bernoulli: .bernoulli
    case .dropout: .dropout
    case .leakyRelu: .leakyRelu
    case .elu: .elu
    case .silu: .silu
    case .gelu: .gelu
    case .stopGradient: .stopGradient
    }
  }
}
