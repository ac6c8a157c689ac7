/// Random nodes of the ops that work on whole rows, windows and heads.

import Foundation
import SluiceIR
import TestSupport

extension RandomGraphMaker {
  /// What is known of a computation over `count` elements of values of about one size.
  ///
  /// Generous: what is checked tightly are the bits of the backends, this only catches nonsense.
  func rough(_ x: ValueID, _ count: Double, _ magnitude: Double) -> Knowledge {
    let k = know(x)
    let terms = (count + 8) * (k.magnitude + 1) * (k.magnitude + 1)
    return Knowledge(
      magnitude: magnitude, error: 1e3 * terms * (k.error + roundoff(x) * (k.magnitude + magnitude + 1)))
  }

  /// Elements of a shape at the bounds of its symbols.
  func elements(_ shape: [DimID]) -> Double { shape.reduce(1) { $0 * bound($1) } }

  func isPositive(_ dim: DimID) -> Bool { builder.tables.dims.value(dim).map { $0 > 0 } ?? false }

  mutating func composite() {
    guard let x = value(.floats), !builder.shape(x).isEmpty else { return }
    let shape = builder.shape(x)
    let axis = random.below(shape.count)
    let (m, count) = (know(x).magnitude, elements(shape))
    let axes = [
      Attribute(.axes, .ints([Int64(axis)])), Attribute(.keepDims, .bool(random.oneIn(2))),
    ]
    switch random.below(8) {
    case 0: emit(.logsumexp, [x], axes, rough(x, count, m + 8))
    case 1 where isPositive(shape[axis]): emit(.variance, [x], axes, rough(x, count, 4 * m * m))
    case 2:
      emit(
        .norm, [x], axes + [Attribute(.ord, .number(random.pick([1, .infinity])))], rough(x, count, count * m)
      )
    case 3 where isPositive(shape[axis]):
      emit(
        random.pick([.softmax, .logSoftmax]), [x], [Attribute(.axis, .int(Int64(axis)))],
        rough(x, count, 2 * m + 8))
    case 4:
      // The weights are the first row of x, or ones where there is none.
      let last = shape[shape.count - 1]
      guard isPositive(last) else { return }
      let weight = builder.broadcast(builder.scalar(0.5, builder.dtype(x)), to: [last])
      let epsilon = Attribute(.epsilon, .number(1))
      if random.oneIn(2) {
        emit(.layerNorm, [x, weight, weight], [epsilon], rough(x, count, m + 2))
      } else {
        emit(.rmsNorm, [x, weight], [epsilon], rough(x, count, m + 2))
      }
    case 5:
      let y = partner(x)
      let large = max(m, know(y).magnitude)
      let wide = know(y).error > know(x).error ? y : x
      emit(.mse, [x, y], [reduction()], rough(wide, count, 4 * large * large * count))
    case 6 where shape.count >= 2:
      let classes = shape[shape.count - 1]
      guard isPositive(classes) else { return }
      let targets = builder.iota(Array(shape.dropLast()), axis: 0)
      emit(.crossEntropy, [x, targets], [reduction()], rough(x, count, (2 * m + 8) * count))
    default:
      guard shape.count >= 2, isPositive(shape[shape.count - 2]), isPositive(shape[shape.count - 1]) else {
        return
      }
      attention(x)
    }
  }

  /// Attention of a value to itself, or of a value to twice as many keys, with masks.
  private mutating func attention(_ x: ValueID) {
    let (shape, m) = (builder.shape(x), know(x).magnitude)
    guard m <= 16 else { return }
    var attributes = [Attribute(.causal, .bool(random.oneIn(2)))]
    if random.oneIn(2) { attributes.append(Attribute(.scale, .number(0.125))) }
    var keys = x
    if random.oneIn(2) {
      keys = builder.make(.concat, [x, x], [Attribute(.axis, .int(Int64(shape.count - 2)))])
    }
    var operands = [x, keys, keys]
    if random.oneIn(3) {
      // Every query sees the first key, or some see none.
      let pairs = [shape[shape.count - 2], builder.shape(keys)[shape.count - 2]]
      let place = builder.iota(pairs, axis: random.below(2))
      let sees = builder.make(random.pick([.less, .notEqual]), [place, builder.splat(2, like: place)])
      operands.append(sees)
      if random.oneIn(2) { masked(x, keys, sees) }
    }
    emit(.attention, operands, attributes, rough(x, 2 * elements(shape) * (m * m + 1), m))
  }

  /// The products that attention is made of, of all pairs that a mask leaves.
  private mutating func masked(_ x: ValueID, _ keys: ValueID, _ sees: ValueID) {
    let (shape, m) = (builder.shape(x), know(x).magnitude)
    let count = elements(shape) + elements(builder.shape(keys))
    let pairs = Array(shape.dropLast()) + builder.shape(sees).suffix(1)
    let mask =
      builder.shape(sees) == pairs
      ? sees : builder.make(.broadcast, [sees], [Attribute(.shape, .dims(pairs))])
    let order = Array(0..<Int64(shape.count - 2)) + [Int64(shape.count - 1), Int64(shape.count - 2)]
    let turned = builder.make(.transpose, [keys], [Attribute(.order, .ints(order))])
    guard emit(.sampledMatmul, [x, turned, mask], [], rough(x, count * (m + 1), count * m * m)),
      let scores = values.last
    else { return }
    emit(
      .maskedMatmul, [scores, keys, mask], [], rough(x, count * (m + 1) * (m + 1), count * count * m * m * m))
  }

  mutating func reduction(_ text: String? = nil) -> Attribute {
    let text = text ?? random.pick(["sum", "none", "mean"])
    return Attribute(.reduction, .string(builder.tables.strings.intern(text)))
  }

  mutating func window() {
    guard let x = value([.floats, .integers]), builder.shape(x).count >= 2 else { return }
    let shape = builder.shape(x)
    // A symbolic axis may be shorter than a window.
    guard shape.allSatisfy({ builder.tables.dims.value($0) != nil }) else { return }
    let (m, count) = (know(x).magnitude, elements(shape))
    let (size, step) = (Int64(random.below(2) + 1), Int64(random.below(2) + 1))
    let pair = Attribute(.size, .ints([size, 1]))
    let strides = Attribute(.strides, .ints([step, 1]))
    switch random.below(4) {
    case 0:
      let axis = Int64(random.below(shape.count))
      let dilation = Attribute(.dilation, .int(Int64(random.below(2) + 1)))
      emit(
        .unfold, [x],
        [Attribute(.axis, .int(axis)), Attribute(.size, .int(size)), Attribute(.step, .int(step)), dilation],
        know(x))
    case 1: emit(.maxPool2d, [x], [pair, strides], know(x))
    case 2 where builder.dtype(x).isFloat: emit(.avgPool2d, [x], [pair, strides], rough(x, 4, m))
    default:
      guard builder.dtype(x).isFloat, shape.count == 3, let channels = builder.tables.dims.value(shape[1]),
        channels > 0
      else { return }
      let filters = [2, Int(channels), Int(size)].map { builder.tables.dims.integer($0) }
      let ramp = builder.iota(filters, axis: 2, builder.dtype(x))
      let padding = Attribute(.padding, .ints([Int64(random.below(3)), Int64(random.below(2))]))
      emit(
        .conv1d, [x, ramp], [Attribute(.strides, .ints([step])), padding], rough(x, count, 4 * m * count))
    }
  }

  mutating func arrangement() {
    guard let x = value(.any) else { return }
    let shape = builder.shape(x)
    let (m, count) = (know(x).magnitude, elements(shape))
    switch random.below(6) {
    case 0:
      let y = partner(x)
      let (a, b) = (know(x), know(y))
      let knowledge = Knowledge(magnitude: max(a.magnitude, b.magnitude), error: max(a.error, b.error))
      guard shape.count < 5 else { return }
      emit(.stack, [x, y, x], [Attribute(.axis, .int(Int64(random.below(shape.count + 1))))], knowledge)
    case 1 where elements(shape) <= 64:
      emit(.tile, [x], [Attribute(.repeats, .ints(shape.map { _ in Int64(random.below(3)) }))], know(x))
    case 2:
      let amounts = [AttributeName.low, .high].map { name in
        Attribute(name, .ints(shape.map { _ in Int64(random.below(2)) }))
      }
      emit(random.pick([.padEdge, .padReflect]), [x], amounts, know(x))
    case 3:
      guard let i = value(.indices, exact: true), builder.shape(i).count < 4 else { return }
      emit(.oneHot, [i], [Attribute(.depth, .dim(random.pick(dims)))], .exact)
    case 4:
      // Backwards through an axis whose extent is a number.
      guard let axis = shape.indices.first(where: { builder.tables.dims.value(shape[$0]) != nil }) else {
        return
      }
      let (zero, minusOne) = (builder.tables.dims.integer(0), builder.tables.dims.integer(-1))
      var (start, limit) = (shape.map { _ in zero }, shape)
      start[axis] = builder.tables.dims.add(shape[axis], minusOne) ?? zero
      limit[axis] = minusOne
      let strides = shape.indices.map { $0 == axis ? -Int64(random.below(2) + 1) : 1 }
      emit(
        .slice, [x],
        [
          Attribute(.start, .dims(start)), Attribute(.limit, .dims(limit)),
          Attribute(.strides, .ints(strides)),
        ], know(x))
    default:
      guard let x = value([.floats, .integers]), builder.shape(x).count == 2 else { return }
      let equation = builder.tables.strings.intern(
        random.pick(["ij,ij->i", "ij,kj->ik", "ij,ik->jk", "ij,jk->"]))
      emit(
        .contract, [x, x], [Attribute(.equation, .string(equation))],
        builder.dtype(x).isFloat ? rough(x, count, m * m * count * count) : .exact)
    }
  }
}

extension ModuleBuilder {
  /// A scalar repeated to a shape.
  fileprivate mutating func broadcast(_ x: ValueID, to shape: [DimID]) -> ValueID {
    make(.broadcast, [x], [Attribute(.shape, .dims(shape))])
  }

  /// Positions along an axis.
  fileprivate mutating func iota(_ shape: [DimID], axis: Int, _ dtype: DType = .i32) -> ValueID {
    make(
      .iota, [],
      [
        Attribute(.shape, .dims(shape)), Attribute(.axis, .int(Int64(axis))),
        Attribute(.dtype, .dtype(dtype)),
      ])
  }
}
