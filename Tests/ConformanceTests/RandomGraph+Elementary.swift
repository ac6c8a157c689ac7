/// Random nodes of the elementary functions, of bits and narrow floats, and of what generates numbers.

import Foundation
import SluiceIR
import TestSupport

extension RandomGraphMaker {
  /// A function of exact values, whose error is a few units in the last place of its `magnitude`.
  private mutating func elementary(_ op: Op, _ operands: [ValueID], _ magnitude: Double) {
    let u = roundoff(operands[0])
    emit(op, operands, [], Knowledge(magnitude: magnitude, error: 16 * u * (magnitude + 1)))
  }

  /// Adds one node of an elementary function; poles and ends of domains give infinities and NaN.
  mutating func function() {
    guard let x = value(.floats, exact: true), know(x).magnitude <= 256 else { return }
    let m = know(x).magnitude
    switch random.below(8) {
    case 0: elementary(random.pick([.sqrt, .cbrt, .atan, .cos, .erf]), [x], m + 1)
    case 1: elementary(random.pick([.log, .log2, .log1p]), [x], 160)
    case 2: elementary(random.pick([.asin, .acos, .atan]), [x], 4)
    case 3 where m <= 5: elementary(random.pick([.sinh, .cosh, .expm1, .exp2]), [x], exp(m))
    case 4 where m <= 2: elementary(.tan, [x], 256)
    case 5: elementary(.atan2, [x, partner(x, exact: true)], 4)
    case 6 where m <= 2:
      // Bases of 1/4 or more; NaN stays.
      let base = builder.make(.maximum, [builder.make(.abs, [x]), builder.splat(0.25, like: x)])
      if random.oneIn(2) { return elementary(.rsqrt, [base], 2) }
      let y = partner(x, exact: true)
      let other = builder.make(.minimum, [y, builder.splat(3, like: y)])
      if know(y).magnitude <= 2 { elementary(.power, [base, other], 16) }
    default:
      let y = partner(x, exact: true)
      emit(.remainder, [x, y], [], know(x))
      emit(.ceil, [x], [], Knowledge(magnitude: m + 1, error: 0))
    }
  }

  /// Adds one node that smooth activations, divisions and bounds are made of.
  mutating func activation() {
    guard let x = value(.floats) else { return }
    let k = know(x)
    let u = roundoff(x)
    switch random.below(6) {
    case 0:
      let knowledge = Knowledge(magnitude: k.magnitude + 1, error: 2 * k.error + 16 * u * (k.magnitude + 1))
      let approximate = Attribute(.approximate, .bool(random.oneIn(2)))
      // Its polynomial is off by its rounding times the slope of tanh.
      if random.oneIn(2) { return _ = emit(.gelu, [x], [approximate], knowledge) }
      emit(random.pick([.silu, .elu]), [x], [], knowledge)
    case 1:
      let slope = Attribute(.negativeSlope, .number(0.25))
      emit(.leakyRelu, [x], [slope], Knowledge(magnitude: k.magnitude, error: k.error + u * k.magnitude))
    case 2:
      let (a, b) = (partner(x), partner(x))
      let knowledge = Knowledge(
        magnitude: max(k.magnitude, know(a).magnitude, know(b).magnitude),
        error: max(k.error, know(a).error, know(b).error))
      emit(.clamp, [x, a, b], [], knowledge)
    case 3: emit(random.pick([.isFinite, .isNaN]), [x], [], .exact)
    case 4:
      let large = builder.make(.maximum, [builder.make(.abs, [x]), builder.splat(0.5, like: x)])
      let y = partner(x)
      let m = 2 * know(y).magnitude
      let e = 2 * know(y).error + 4 * know(y).magnitude * k.error
      emit(.divide, [y, large], [], Knowledge(magnitude: m, error: 2 * e + u * m))
    default: narrow()
    }
  }

  /// f16 and bf16, which views and places move.
  private mutating func narrow() {
    if let x = value([DTypeSet(.f16), DTypeSet(.bf16)]), random.oneIn(2) {
      emit(.cast, [x], [Attribute(.dtype, .dtype(random.pick([.f32, .f64])))], know(x))
    } else if let x = value(.floats), know(x).isExact {
      let dtype = random.pick([DType.f16, .bf16])
      let (m, e) = (know(x).magnitude, know(x).error)
      let error = e + m * (dtype == .f16 ? 0x1p-10 : 0x1p-7)
      emit(.cast, [x], [Attribute(.dtype, .dtype(dtype))], Knowledge(magnitude: m, error: error))
    }
  }

  /// Bits, comparisons and what is exact.
  mutating func bits() {
    switch random.below(5) {
    case 0:
      guard let x = value([.integers, .bool]) else { return }
      emit(random.pick([.and, .or, .xor]), [x, partner(x)], [], .exact)
      emit(.not, [x], [], .exact)
    case 1:
      guard let x = value(.integers) else { return }
      emit(random.pick([.shiftLeft, .power, .shiftRight, .clamp]), [x, partner(x)], [], .exact)
      emit(.clamp, [x, partner(x), partner(x)], [], .exact)
    case 2:
      guard let x = value([.floats, .integers], exact: true) else { return }
      emit(random.pick([.notEqual, .lessEqual, .greater]), [x, partner(x, exact: true)], [], .exact)
    case 3:
      guard let x = value(.floats, exact: true) else { return }
      let dtype = builder.dtype(x) == .f32 ? DType.i32 : .i64
      emit(.bitcast, [x], [Attribute(.dtype, .dtype(dtype))], .exact)
    default:
      guard let x = value(.any, exact: true), !builder.shape(x).isEmpty else { return }
      let axis = random.below(builder.shape(x).count)
      let attribute = Attribute(.axis, .int(Int64(axis)))
      if random.oneIn(2) {
        emit(.sort, [x], [attribute, Attribute(.descending, .bool(random.oneIn(2)))], know(x))
      } else if let count = builder.tables.dims.value(builder.shape(x)[axis]), count > 0,
        let first = several(
          .topK, [x], [attribute, Attribute(.count, .dim(builder.tables.dims.integer(1)))])
      {
        keep(first, know(x))
        keep(ValueID(first.index + 1), .exact)
      }
    }
  }

  /// Numbers from nothing, and parts of a value.
  mutating func generated() {
    guard let like = value(.any) else { return }
    let shape = builder.shape(like)
    let seed = builder.scalar(Double(random.below(100)), .i64)
    let shaped = Attribute(.shape, .dims(shape))
    switch random.below(7) {
    case 0: emit(.normal, [seed, seed], [shaped], Knowledge(magnitude: 6, error: 1e-5))
    case 1: emit(.bernoulli, [seed, seed], [shaped, Attribute(.probability, .number(0.375))], .exact)
    case 2: emit(.permutation, [seed, seed], [Attribute(.length, .dim(random.pick(dims)))], .exact)
    case 3:
      guard let x = value(.floats) else { return }
      let (m, e) = (know(x).magnitude, know(x).error)
      emit(
        .dropout, [x, seed, seed], [Attribute(.probability, .number(random.pick([0, 0.25, 1])))],
        Knowledge(magnitude: 1.5 * m, error: 1.5 * e + 4 * roundoff(x) * m))
    case 4:
      let dtype = random.pick([DType.f32, .f64])
      let pair = [random.pick(dims), random.pick(dims)]
      emit(.eye, [], [Attribute(.shape, .dims(pair)), Attribute(.dtype, .dtype(dtype))], .exact)
    case 5:
      let attributes = [
        Attribute(.start, .number(-1)), Attribute(.stop, .number(1.5)),
        Attribute(.length, .dim(random.pick(dims))), Attribute(.dtype, .dtype(float)),
      ]
      emit(.linspace, [], attributes, Knowledge(magnitude: 2, error: 0x1p-20))
    default:
      emit(.size, [], [Attribute(.length, .dim(random.pick(dims)))], .exact)
      guard let axis = shape.indices.first(where: { builder.tables.dims.value(shape[$0]) != nil }),
        let count = builder.tables.dims.value(shape[axis]), count > 0,
        let first = several(.unstack, [like], [Attribute(.axis, .int(Int64(axis)))])
      else { return }
      for part in 0..<Int(count) { keep(ValueID(first.index + part), know(like)) }
    }
  }

  /// The first of an op's results, nil where it does not take these operands.
  mutating func several(_ op: Op, _ operands: [ValueID], _ attributes: [Attribute]) -> ValueID? {
    try? builder.emit(op, operands, attributes)
  }
}
