/// Random nodes of linear algebra, on matrices that are far from singular, and of layers with weights.

import SluiceIR
import TestSupport

extension RandomGraphMaker {
  /// A number repeated to a shape.
  private mutating func full(_ number: Double, _ dtype: DType, _ shape: [DimID]) -> ValueID {
    let scalar = builder.scalar(number, dtype)
    return shape.isEmpty ? scalar : builder.make(.broadcast, [scalar], [Attribute(.shape, .dims(shape))])
  }

  /// A value within -1 to 1, with 0 for what is not finite.
  private mutating func tame(_ x: ValueID) -> ValueID {
    let (one, minusOne) = (builder.splat(1, like: x), builder.splat(-1, like: x))
    let bounded = builder.make(.clamp, [x, minusOne, one])
    return builder.make(.select, [builder.make(.isFinite, [x]), bounded, builder.splat(0, like: x)])
  }

  /// A symmetric matrix `[..., n, n]` with elements within -1 to 1; `n` is at most 7.
  private mutating func symmetric(_ x: ValueID) -> ValueID {
    let tame = tame(x)
    let shape = builder.shape(x)
    let scale = builder.splat(1 / max(1, bound(shape[shape.count - 1])), like: tame)
    return builder.make(
      .matmul, [tame, builder.make(.multiply, [tame, scale])], [Attribute(.transposeRhs, .bool(true))])
  }

  /// `first + step * i` on the diagonal of a matrix like `x`.
  private mutating func diagonal(_ first: Double, _ step: Double, like x: ValueID) -> ValueID {
    let (shape, dtype) = (builder.shape(x), builder.dtype(x))
    let square = Array(shape.suffix(2))
    let eye = builder.make(.eye, [], [Attribute(.shape, .dims(square)), Attribute(.dtype, .dtype(dtype))])
    let place = builder.make(.iota, [], [Attribute(.shape, .dims(square)), Attribute(.dtype, .dtype(dtype))])
    let numbers = builder.make(.fma, [place, full(step, dtype, square), full(first, dtype, square)])
    return builder.broadcast(builder.make(.multiply, [eye, numbers]), like: x)
  }

  /// Adds one node of linear algebra.
  mutating func matrices() {
    guard let x = value(.floats), builder.shape(x).count >= 2 else { return }
    let base = symmetric(x)
    let n = bound(builder.shape(base)[builder.shape(base).count - 1])
    guard n <= 7 else { return }
    let u = roundoff(x)
    let error = min(know(x).error, 1) + u
    let most = Knowledge(magnitude: 2 * n + 3, error: 1e3 * (n + 8) * error)
    let dominant = builder.make(.add, [base, diagonal(2 * n + 1, 0, like: base)])
    switch random.below(7) {
    case 0: emit(.inverse, [dominant], [], most)
    case 1: emit(.logAbsDet, [dominant], [], Knowledge(magnitude: 4 * n, error: most.error))
    case 2: emit(.cholesky, [dominant], [], most)
    case 3: emit(.solve, [dominant, builder.make(.add, [base, dominant])], [], most)
    case 4:
      let attributes = [AttributeName.lower, .transpose, .unitDiagonal].map {
        Attribute($0, .bool(random.oneIn(2)))
      }
      emit(
        .triangularSolve, [dominant, base], attributes,
        Knowledge(magnitude: 128, error: 128 * most.error))
    case 5:
      // What is below the diagonal is clearly not 0, where a column would stay as it is.
      let quarter = builder.make(
        .fma, [base, builder.splat(0.25, like: base), builder.splat(0.5, like: base)])
      let full = builder.make(.add, [quarter, diagonal(2 * n + 1, 0, like: base)])
      guard let first = several(.qr, [full], []) else { return }
      keep(first, Knowledge(magnitude: 1, error: most.error))
      keep(ValueID(first.index + 1), Knowledge(magnitude: 4 * n + 4, error: most.error))
    default:
      // Eigenvalues are at least 1 apart, so that their vectors are known.
      let small = builder.make(.multiply, [base, builder.splat(0.125, like: base)])
      let apart = builder.make(.add, [small, diagonal(-2, random.pick([3, -3]), like: base)])
      guard let first = several(.eigh, [apart], []) else { return }
      keep(first, Knowledge(magnitude: 4 * n + 4, error: most.error))
      keep(ValueID(first.index + 1), Knowledge(magnitude: 1, error: most.error))
    }
  }

  /// Adds one node of a layer with weights.
  mutating func layer() {
    guard let x = value(.floats), builder.shape(x).count >= 2 else { return }
    let (shape, dtype, m) = (builder.shape(x), builder.dtype(x), know(x).magnitude)
    let count = elements(shape)
    let extents = shape.map { builder.tables.dims.value($0).map { Int($0) } }
    let axis = Attribute(.axis, .int(Int64(random.below(shape.count))))
    let epsilon = Attribute(.epsilon, .number(0.5))
    let channels = full(0.75, dtype, [shape[1]])
    func int(_ n: Int) -> DimID { builder.tables.dims.integer(n) }
    switch random.below(9) {
    case 0: emit(.l2Normalize, [x], [axis, epsilon], rough(x, count, 1))
    case 1: emit(.cosineSimilarity, [x, partner(x)], [axis, epsilon], rough(x, count, 1))
    case 2:
      emit(.batchNorm, [x, channels, channels, channels, channels], [epsilon], rough(x, count, m + 4))
    case 3:
      guard shape.dropFirst().allSatisfy({ isPositive($0) }) else { return }
      let groups = extents[1].map { $0 % 2 == 0 && random.oneIn(2) ? 2 : 1 } ?? 1
      emit(
        .groupNorm, [x, channels, channels], [Attribute(.groups, .int(Int64(groups))), epsilon],
        rough(x, count, m + 4))
    case 4:
      guard extents[shape.count - 1] != nil, extents[shape.count - 2] != nil else { return }
      let sizes = [int(random.below(5)), int(random.below(5))]
      let mode = builder.tables.strings.intern(random.pick(["nearest", "bilinear"]))
      emit(
        .resize, [x], [Attribute(.sizes, .dims(sizes)), Attribute(.mode, .string(mode))], rough(x, 4, m))
    case 5:
      let y = partner(x)
      let reduction = reduction()
      let large = max(m, know(y).magnitude)
      let wide = know(y).error > know(x).error ? y : x
      emit(.binaryCrossEntropy, [x, y], [reduction], rough(wide, count, (large * large + large + 1) * count))
    case 6:
      let positions = builder.make(.iota, [], [Attribute(.shape, .dims([shape[shape.count - 2]]))])
      let base = random.oneIn(2) ? [] : [Attribute(.base, .number(100))]
      emit(.rotaryEmbedding, [x, positions], base, rough(x, 4, 2 * m))
    case 7: cells(x)
    default: images(x)
    }
  }

  /// A GRU or LSTM cell on the rows of a matrix.
  private mutating func cells(_ x: ValueID) {
    let (shape, dtype) = (builder.shape(x), builder.dtype(x))
    guard shape.count == 2, know(x).magnitude <= 16, isPositive(shape[1]) else { return }
    let (two, count) = (builder.tables.dims.integer(2), elements(shape))
    let state = full(0.25, dtype, [shape[0], two])
    let isLong = random.oneIn(2)
    let gates = builder.tables.dims.integer(isLong ? 8 : 6)
    func ramp(_ columns: DimID) -> ValueID {
      builder.make(
        .iota, [], [Attribute(.shape, .dims([gates, columns])), Attribute(.dtype, .dtype(dtype))])
    }
    let (u, v) = (ramp(shape[1]), ramp(two))
    let w = builder.make(.multiply, [u, builder.splat(-0.25, like: u)])
    let bias = full(0.125, dtype, [gates])
    let knowledge = rough(x, count, 2)
    if isLong, let first = several(.lstmCell, [x, state, state, w, v, bias, bias], []) {
      keep(first, knowledge)
      keep(ValueID(first.index + 1), knowledge)
    } else if !isLong {
      emit(.gruCell, [x, state, w, v, bias, bias], [], knowledge)
    }
  }

  /// A convolution of images made of a value.
  private mutating func images(_ x: ValueID) {
    let shape = builder.shape(x)
    let extents = shape.compactMap { builder.tables.dims.value($0).map { Int($0) } }
    guard extents.count == shape.count, shape.count <= 4, !extents.contains(0) else { return }
    let whole = Array(repeating: 1, count: 4 - extents.count) + extents
    func dims(_ numbers: [Int]) -> [DimID] { numbers.map { builder.tables.dims.integer($0) } }
    let image = builder.make(.reshape, [x], [Attribute(.shape, .dims(dims(whole)))])
    let (dtype, count, m) = (builder.dtype(x), elements(shape), know(x).magnitude)
    let isTransposed = random.oneIn(2)
    let groups = whole[1] % 2 == 0 && random.oneIn(2) ? 2 : 1
    let (height, width) = (random.below(2) + 1, random.below(3) + 1)
    let filters =
      isTransposed ? [whole[1], 2, height, width] : [2 * groups, whole[1] / groups, height, width]
    let ramp = builder.make(
      .iota, [], [Attribute(.shape, .dims(dims(filters))), Attribute(.dtype, .dtype(dtype))])
    let strides = [Int64(random.below(2) + 1), Int64(random.below(2) + 1)]
    var attributes = [
      Attribute(.strides, .ints(strides)), Attribute(.groups, .int(Int64(groups))),
      Attribute(.dilation, .ints([1, Int64(random.below(2) + 1)])),
    ]
    let padding = isTransposed ? [0, 0, 0, 0] : (0..<4).map { _ in Int64(random.below(3)) }
    attributes.append(Attribute(.padding, .ints(padding)))
    if isTransposed { attributes.append(Attribute(.outputPadding, .ints([strides[0] - 1, 0]))) }
    emit(
      isTransposed ? .convTranspose2d : .conv2d, [image, ramp], attributes,
      rough(x, 12 * count, 12 * m * count))
  }
}
