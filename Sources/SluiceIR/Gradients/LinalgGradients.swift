/// The derivatives of matrix algorithms, after Giles 2008, "Collected matrix derivative results for forward and reverse
/// mode algorithmic differentiation", where no other source is named.
extension GradientRule {
  // -z^T dz z^T
  static let inverse = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let left = builder.product(node.result, node.cotangent, transposeLhs: true)
    return builder.unary(.negate, builder.product(left, node.result, transposeRhs: true))
  }

  // dz x^-T
  static let logAbsDet = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let inverse = builder.transposed(builder.make(.inverse, [node.x]))
    let shape = builder.shape(node.x)
    let column = builder.reshape(node.cotangent, shape.dropLast(2) + [builder.dim(1), builder.dim(1)])
    return builder.multiply(inverse, column)
  }

  // For y = a^-1 b: db = a^-T dy, da = -db y^T.
  static let solve = cotangents {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let db = builder.make(.solve, [builder.transposed(node.x), node.cotangent])
    return [builder.unary(.negate, builder.product(db, node.result, transposeRhs: true)), db]
  }

  /// As for `solve`, in the triangle that is read.
  static let triangularSolve = cotangents {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let isLower = builder.tables.attributes.bool(node.attributes, .lower)
    let isTransposed = builder.tables.attributes.bool(node.attributes, .transpose)
    let isUnit = builder.tables.attributes.bool(node.attributes, .unitDiagonal)
    let db = builder.triangular(
      node.x, node.cotangent, lower: isLower, transpose: !isTransposed, unitDiagonal: isUnit)
    let outer =
      isTransposed
      ? builder.product(node.result, db, transposeRhs: true)
      : builder.product(db, node.result, transposeRhs: true)
    let da = builder.triangle(builder.unary(.negate, outer), lower: isLower, diagonal: isUnit ? 0 : 1)
    return [da, db]
  }

  /// dx = (P + P^T) / 2 for P = L^-T phi(L^T dL) L^-1, with phi the lower triangle and half of the diagonal (Murray
  /// 2016, "Differentiation of the Cholesky decomposition", equation 10).
  static let cholesky = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let factor = node.result
    let inner = builder.triangle(
      builder.product(factor, node.cotangent, transposeLhs: true), lower: true, diagonal: 0.5)
    let left = builder.triangular(factor, inner, lower: true, transpose: true)
    let right = builder.triangular(factor, builder.transposed(left), lower: true, transpose: true)
    return builder.symmetric(right)
  }

  /// dx = v (diag dw + F * (v^T dv)) v^T with F[i,j] = 1 / (w[j] - w[i]), made symmetric; equal eigenvalues have no
  /// derivative of their vectors, and give infinities or NaN where dv is not 0.
  static let eigh = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let (values, vectors) = (node.results[0], node.results[1])
    let shape = builder.shape(vectors)
    let size = shape[shape.count - 1]
    let batch = Array(shape.dropLast(2))
    let isDiagonal = builder.diagonal(shape)
    let zero = builder.splat(0, like: vectors)
    var inner = zero
    if let cotangent = node.cotangents[1] {
      let columns = builder.broadcast(
        builder.reshape(values, batch + [builder.dim(1), size]), to: shape)
      let rows = builder.broadcast(builder.reshape(values, batch + [size, builder.dim(1)]), to: shape)
      let gap = builder.select(isDiagonal, builder.splat(1, like: rows), builder.subtract(columns, rows))
      let turned = builder.product(vectors, cotangent, transposeLhs: true)
      inner = builder.select(isDiagonal, zero, builder.divide(turned, gap))
    }
    if let cotangent = node.cotangents[0] {
      let column = builder.broadcast(
        builder.reshape(cotangent, batch + [size, builder.dim(1)]), to: shape)
      inner = builder.select(isDiagonal, column, inner)
    }
    let outer = builder.product(builder.product(vectors, inner), vectors, transposeRhs: true)
    return builder.symmetric(outer)
  }

  /// dx = (dq + q sym(M)) r^-T for M = r dr^T - dq^T q, sym(M) its lower triangle mirrored (Walter and Lehmann 2018,
  /// "Algorithmic differentiation of linear algebra functions", section 5), for x with at least as many rows as columns.
  static let qr = first {
    (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
    let (q, r) = (node.results[0], node.results[1])
    let shape = builder.shape(node.x)
    let square = builder.shape(r)
    guard square[square.count - 2] == square[square.count - 1] else {
      throw InferenceError(
        "`qr` of \(builder.tables.text(builder.type(node.x))) has no derivative: it has more columns than rows"
      )
    }
    var inner: ValueID?
    if let cotangent = node.cotangents[1] {
      inner = builder.product(r, cotangent, transposeRhs: true)
    }
    if let cotangent = node.cotangents[0] {
      let part = builder.product(cotangent, q, transposeLhs: true)
      inner = inner.map { builder.subtract($0, part) } ?? builder.unary(.negate, part)
    }
    guard let inner else { return builder.broadcast(builder.scalar(0, builder.dtype(q)), to: shape) }
    let strict = builder.triangle(inner, lower: true, diagonal: 0)
    let mirrored = builder.add(builder.triangle(inner, lower: true, diagonal: 1), builder.transposed(strict))
    var outer = builder.product(q, mirrored)
    if let cotangent = node.cotangents[0] { outer = builder.add(outer, cotangent) }
    // outer r^-T = (r^-1 outer^T)^T
    return builder.transposed(
      builder.triangular(r, builder.transposed(outer), lower: false, transpose: false))
  }
}

extension ModuleBuilder {
  /// The matrix product over the last two axes.
  fileprivate mutating func product(
    _ x: ValueID, _ y: ValueID, transposeLhs: Bool = false, transposeRhs: Bool = false
  ) -> ValueID {
    make(
      .matmul, [x, y],
      [Attribute(.transposeLhs, .bool(transposeLhs)), Attribute(.transposeRhs, .bool(transposeRhs))])
  }

  /// The last two axes swapped.
  mutating func transposed(_ x: ValueID) -> ValueID {
    let rank = shape(x).count
    return transpose(x, Array(0..<rank - 2) + [rank - 1, rank - 2])
  }

  /// `(x + x^T) / 2`.
  fileprivate mutating func symmetric(_ x: ValueID) -> ValueID {
    multiply(add(x, transposed(x)), 0.5)
  }

  /// Whether row and column are equal.
  fileprivate mutating func diagonal(_ shape: [DimID]) -> ValueID {
    let rank = shape.count
    return make(.equal, [iota(shape, axis: rank - 2), iota(shape, axis: rank - 1)])
  }

  /// One triangle of matrices, with the diagonal times a number, and zeros.
  fileprivate mutating func triangle(_ x: ValueID, lower: Bool, diagonal factor: Double) -> ValueID {
    let shape = shape(x)
    let (rows, columns) = (iota(shape, axis: shape.count - 2), iota(shape, axis: shape.count - 1))
    let isInside = make(lower ? .less : .greater, [columns, rows])
    let isDiagonal = make(.equal, [rows, columns])
    let zero = splat(0, like: x)
    let diagonal = factor == 0 ? zero : factor == 1 ? x : multiply(x, factor)
    return select(isDiagonal, diagonal, select(isInside, x, zero))
  }

  fileprivate mutating func triangular(
    _ a: ValueID, _ b: ValueID, lower: Bool, transpose: Bool, unitDiagonal: Bool = false
  ) -> ValueID {
    make(
      .triangularSolve, [a, b],
      [
        Attribute(.lower, .bool(lower)), Attribute(.transpose, .bool(transpose)),
        Attribute(.unitDiagonal, .bool(unitDiagonal)),
      ])
  }
}
