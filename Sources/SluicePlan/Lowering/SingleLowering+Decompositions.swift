import SluiceIR

/// Substitution, Householder reflections, and Jacobi rotations.
///
/// Rows are worked on as wholes where that is possible, with a scratch row for what is computed, so that
/// loops over columns run side by side.
extension SingleLowering {
  // MARK: Pieces

  /// An element of a scratch row.
  private func at(_ index: Register) -> Affine { Affine(writer.zero, [Affine.Term(writer.one, index)]) }

  private func behind(_ index: Register) -> Affine { Affine(writer.one, [Affine.Term(writer.one, index)]) }

  private mutating func loop(
    from start: Affine? = nil, to end: Affine, _ kind: Loop.Kind = .sequential,
    _ body: (inout SingleLowering, Register) -> Void
  ) {
    let index = writer.builder.beginLoop(from: start, to: end, kind)
    body(&self, index)
    writer.builder.endLoop()
  }

  private mutating func make(_ op: ScalarOp, _ operands: Register...) -> Register {
    writer.builder.scalar(op, writer.builder.kernel.registers[operands[0]], operands)
  }

  private mutating func isTrue(_ op: ScalarOp, _ a: Register, _ b: Register) -> Register {
    writer.builder.scalar(op, .bool, source: writer.builder.kernel.registers[a], [a, b])
  }

  // MARK: Triangular systems

  /// Forward substitution, a row of the result at a time, the known rows in ascending order.
  ///
  /// An upper triangle is a lower one seen from its other end.
  mutating func triangularSolve() throws(Diagnostics) {
    let isTransposed = tables.attributes.bool(record, .transpose)
    let isLower = tables.attributes.bool(record, .lower)
    let isUnit = tables.attributes.bool(record, .unitDiagonal)
    let shape = shape(1)
    let (row, column) = (shape.count - 2, shape.count - 1)
    let (n, width) = (shape[row], shape[column])
    var (a, b, out) = (operand(0), operand(1), result(.readWrite))
    if isTransposed { a.strides.swapAt(row, column) }
    if isLower == isTransposed {
      a = try reversed(reversed(a, row, n), column, n)
      b = try reversed(b, row, n)
      out = try reversed(out, row, n)
    }
    let line = writer.scratch("line", out.dtype, width)
    try nest(Array(shape.dropLast(2)), .sequential) {
      (self: inout SingleLowering, batch: [Register]) throws(Diagnostics) in
      self.rows(n) { (self: inout SingleLowering, i) in
        self.columns(width) { (self: inout SingleLowering, j) in
          self.store(out, batch + [i, j], self.load(b, batch + [i, j]))
        }
      }
      self.rows(n) { (self: inout SingleLowering, i) in
        self.columns(width) { (self: inout SingleLowering, j) in
          let value = self.load(out, batch + [i, j])
          self.writer.builder.store(line, self.at(j), value)
        }
        self.loop(to: self.at(i)) { (self: inout SingleLowering, k) in
          let minus = self.make(.negate, self.load(a, batch + [i, k]))
          self.columns(width) { (self: inout SingleLowering, j) in
            let known = self.load(out, batch + [k, j])
            let rest = self.make(.fma, minus, known, self.writer.builder.load(line, self.at(j)))
            self.writer.builder.store(line, self.at(j), rest)
          }
        }
        let diagonal = isUnit ? nil : self.load(a, batch + [i, i])
        self.columns(width) { (self: inout SingleLowering, j) in
          var value = self.writer.builder.load(line, self.at(j))
          if let diagonal { value = self.make(.divide, value, diagonal) }
          self.store(out, batch + [i, j], value)
        }
      }
    }
  }

  // MARK: QR

  /// Householder's reduction column by column, as LAPACK's `geqr2` does it.
  ///
  /// For q the reflections are applied to the first columns of the unit matrix, the last one first.
  mutating func qr() throws(Diagnostics) {
    let x = operand(0)
    let (q, r) = (resultIfRead(at: 0), resultIfRead(at: 1))
    let (shape, dtype) = (shape(0), x.dtype)
    let (m, n) = (shape[shape.count - 2], shape[shape.count - 1])
    guard let k = tables.shorter(shape) else { preconditionFailure("verified") }
    let work = Matrix(slot: writer.scratch("work", dtype, try tables.product(m, n)), width: n)
    let factors = writer.scratch("factors", dtype, k)
    let line = writer.scratch("line", dtype, n)
    let count = try tables.product(m, k)
    let basis = q == nil ? nil : Matrix(slot: writer.scratch("basis", dtype, count), width: k)
    let last = try tables.sum(k, tables.dims.integer(-1))
    let minusOne = tables.dims.integer(-1)
    try nest(Array(shape.dropLast(2)), .sequential) {
      (self: inout SingleLowering, batch: [Register]) throws(Diagnostics) in
      self.rows(m) { (self: inout SingleLowering, i) in
        self.columns(n) { (self: inout SingleLowering, j) in
          self.store(work, i, j, self.load(x, batch + [i, j]))
        }
      }
      self.rows(k) { (self: inout SingleLowering, j) in
        let factor = self.reflect(work, j, m, dtype)
        self.writer.builder.store(factors, self.at(j), factor)
        self.apply(work, j, m, factor, to: work, from: self.behind(j), n, line)
      }
      if let r {
        self.rows(k) { (self: inout SingleLowering, i) in
          self.columns(n) { (self: inout SingleLowering, j) in
            let isUpper = self.isTrue(.lessEqual, i, j)
            let element = self.select(isUpper, self.load(work, i, j), self.number(0, dtype))
            self.store(r, batch + [i, j], element)
          }
        }
      }
      guard let q, let basis else { return }
      self.fill(basis, m, k) { (self: inout SingleLowering, i, j) in
        self.select(self.isTrue(.equal, i, j), self.number(1, dtype), self.number(0, dtype))
      }
      self.rows(k) { (self: inout SingleLowering, step) in
        let j = self.writer.builder.index(Affine(last, [Affine.Term(minusOne, step)]))
        let factor = self.writer.builder.load(factors, self.at(j))
        self.apply(work, j, m, factor, to: basis, from: self.at(j), k, line)
      }
      self.rows(m) { (self: inout SingleLowering, i) in
        self.columns(k) { (self: inout SingleLowering, j) in
          self.store(q, batch + [i, j], self.load(basis, i, j))
        }
      }
    }
  }

  /// Replaces column j of `work`, from the diagonal on, by the new diagonal element and, below it, the vector v
  /// of the reflection 1 - factor v v^T, whose first component is 1.
  ///
  /// Gives the factor, which is 0 for no reflection.
  private mutating func reflect(_ work: Matrix, _ j: Register, _ m: DimID, _ dtype: DType) -> Register {
    let (zero, one) = (number(0, dtype), number(1, dtype))
    let tail = writer.builder.variable(zero)
    loop(from: behind(j), to: Affine(m)) { (self: inout SingleLowering, i) in
      let size = self.make(.abs, self.load(work, i, j))
      self.writer.builder.assign(tail, self.make(.maximum, tail, size))
    }
    let alpha = load(work, j, j)
    // The length, of elements that are at most 1: no square overflows.
    let scale = make(.maximum, tail, make(.abs, alpha))
    let sum = writer.builder.variable(zero)
    loop(from: at(j), to: Affine(m)) { (self: inout SingleLowering, i) in
      let part = self.make(.divide, self.load(work, i, j), scale)
      self.writer.builder.assign(sum, self.make(.fma, part, part, sum))
    }
    let length = make(.multiply, scale, make(.sqrt, sum))
    let beta = select(isTrue(.less, alpha, zero), length, make(.negate, length))
    let isDone = isTrue(.equal, tail, zero)
    let difference = make(.subtract, alpha, beta)
    let divisor = select(isDone, one, difference)
    store(work, j, j, select(isDone, alpha, beta))
    loop(from: behind(j), to: Affine(m)) { (self: inout SingleLowering, i) in
      let component = self.make(.divide, self.load(work, i, j), divisor)
      self.store(work, i, j, component)
    }
    return select(isDone, zero, make(.divide, make(.negate, difference), beta))
  }

  /// Applies the reflection of column j of `work`, if it is one, to the columns `from ..< width` of a matrix.
  private mutating func apply(
    _ work: Matrix, _ j: Register, _ m: DimID, _ factor: Register, to matrix: Matrix, from start: Affine,
    _ width: DimID, _ line: Memory
  ) {
    let isReflection = isTrue(.notEqual, factor, number(0, writer.builder.kernel.registers[factor]))
    writer.builder.begin(if: isReflection)
    loop(from: start, to: Affine(width), .vector) { (self: inout SingleLowering, c) in
      let value = self.load(matrix, j, c)
      self.writer.builder.store(line, self.at(c), value)
    }
    loop(from: behind(j), to: Affine(m)) { (self: inout SingleLowering, i) in
      let component = self.load(work, i, j)
      self.loop(from: start, to: Affine(width), .vector) { (self: inout SingleLowering, c) in
        let sum = self.make(
          .fma, component, self.load(matrix, i, c), self.writer.builder.load(line, self.at(c)))
        self.writer.builder.store(line, self.at(c), sum)
      }
    }
    loop(from: start, to: Affine(width), .vector) { (self: inout SingleLowering, c) in
      let scaled = self.make(.multiply, factor, self.writer.builder.load(line, self.at(c)))
      self.writer.builder.store(line, self.at(c), scaled)
      let value = self.make(.subtract, self.load(matrix, j, c), scaled)
      self.store(matrix, j, c, value)
    }
    loop(from: behind(j), to: Affine(m)) { (self: inout SingleLowering, i) in
      let minus = self.make(.negate, self.load(work, i, j))
      self.loop(from: start, to: Affine(width), .vector) { (self: inout SingleLowering, c) in
        let value = self.make(
          .fma, minus, self.writer.builder.load(line, self.at(c)), self.load(matrix, i, c))
        self.store(matrix, i, c, value)
      }
    }
    writer.builder.endLoop()
  }

  // MARK: Eigenvalues

  /// How often `eigh` goes through all pairs at most; it stops where nothing changes any more.
  static let sweepCount = 30

  /// Cyclic Jacobi rotations (Golub and Van Loan, Matrix Computations, 8.5); eigenvectors are rows meanwhile.
  mutating func eigh() throws(Diagnostics) {
    let x = operand(0)
    let (values, vectors) = (resultIfRead(at: 0), resultIfRead(at: 1))
    let (shape, dtype) = (shape(0), x.dtype)
    let n = shape[shape.count - 1]
    let square = try tables.product(n, n)
    let work = Matrix(slot: writer.scratch("work", dtype, square), width: n)
    let basis = vectors == nil ? nil : Matrix(slot: writer.scratch("basis", dtype, square), width: n)
    let order = writer.scratch("order", .i64, n)
    let last = try tables.sum(n, tables.dims.integer(-1))
    try nest(Array(shape.dropLast(2)), .sequential) {
      (self: inout SingleLowering, batch: [Register]) throws(Diagnostics) in
      // 0 for finite numbers, NaN where one is not: it is added to all results.
      let flaw = self.writer.builder.variable(self.number(0, dtype))
      self.rows(n) { (self: inout SingleLowering, i) in
        self.loop(to: self.behind(i)) { (self: inout SingleLowering, j) in
          let element = self.load(x, batch + [i, j])
          self.writer.builder.assign(flaw, self.make(.fma, self.number(0, dtype), element, flaw))
        }
      }
      self.fill(work, n, n) { (self: inout SingleLowering, i, j) in
        let isLower = self.isTrue(.lessEqual, j, i)
        return self.select(isLower, self.load(x, batch + [i, j]), self.load(x, batch + [j, i]))
      }
      if let basis {
        self.fill(basis, n, n) { (self: inout SingleLowering, i, j) in
          self.select(self.isTrue(.equal, i, j), self.number(1, dtype), self.number(0, dtype))
        }
      }
      let isOpen = self.writer.builder.variable(self.isTrue(.equal, flaw, flaw))
      self.loop(to: Affine(self.tables.dims.integer(Self.sweepCount))) { (self: inout SingleLowering, _) in
        self.writer.builder.begin(if: isOpen)
        self.writer.builder.assign(isOpen, self.writer.builder.constant(0, .bool))
        self.sweep(work, basis, n, isOpen, dtype)
        self.writer.builder.endLoop()
      }
      self.sort(work, n, order, last)
      self.rows(n) { (self: inout SingleLowering, place) in
        let from = self.clamp(
          self.writer.builder.load(order, self.at(place)), self.writer.builder.index(Affine(last)))
        if let values {
          let value = self.load(work, from, from)
          self.store(values, batch + [place], self.make(.add, value, flaw))
        }
        if let vectors, let basis {
          let sign = self.sign(basis, from, n, dtype)
          self.rows(n) { (self: inout SingleLowering, i) in
            let component = self.make(.multiply, sign, self.load(basis, from, i))
            self.store(vectors, batch + [i, place], self.make(.add, component, flaw))
          }
        }
      }
    }
  }

  /// Rotates every pair whose element is not negligible beside both of its diagonal elements.
  private mutating func sweep(
    _ work: Matrix, _ basis: Matrix?, _ n: DimID, _ isOpen: Register, _ dtype: DType
  ) {
    rows(n) { (self: inout SingleLowering, p) in
      self.loop(from: self.behind(p), to: Affine(n)) { (self: inout SingleLowering, q) in
        let (app, aqq) = (self.load(work, p, p), self.load(work, q, q))
        let apq = self.load(work, p, q)
        let size = self.make(.abs, apq)
        let (first, second) = (self.make(.abs, app), self.make(.abs, aqq))
        let isSeen = self.make(
          .or, self.isTrue(.notEqual, self.make(.add, first, size), first),
          self.isTrue(.notEqual, self.make(.add, second, size), second))
        self.writer.builder.begin(if: isSeen)
        self.writer.builder.assign(isOpen, self.writer.builder.constant(1, .bool))
        self.rotate(work, basis, n, p, q, (app, aqq, apq), dtype)
        self.writer.builder.endLoop()
      }
    }
  }

  private mutating func rotate(
    _ work: Matrix, _ basis: Matrix?, _ n: DimID, _ p: Register, _ q: Register,
    _ elements: (app: Register, aqq: Register, apq: Register), _ dtype: DType
  ) {
    let (zero, half, one) = (number(0, dtype), number(0.5, dtype), number(1, dtype))
    // cot 2 theta, of halves that cannot overflow, then the smaller tangent.
    let difference = make(
      .subtract, make(.multiply, half, elements.aqq), make(.multiply, half, elements.app))
    let cotangent = make(.divide, difference, elements.apq)
    let length = make(.abs, cotangent)
    // A large one is its own root, and its square might overflow.
    let root = select(
      isTrue(.less, number(0x1p60, dtype), length), length,
      make(.sqrt, make(.fma, cotangent, cotangent, one)))
    let size = make(.divide, one, make(.add, length, root))
    let tangent = select(isTrue(.less, cotangent, zero), make(.negate, size), size)
    let cosine = make(.divide, one, make(.sqrt, make(.fma, tangent, tangent, one)))
    let sine = make(.multiply, tangent, cosine)
    let ratio = make(.divide, sine, make(.add, one, cosine))
    let (minusSine, minusRatio) = (make(.negate, sine), make(.negate, ratio))
    func turn(_ self: inout SingleLowering, _ g: Register, _ h: Register) -> (Register, Register) {
      (
        self.make(.fma, minusSine, self.make(.fma, ratio, g, h), g),
        self.make(.fma, sine, self.make(.fma, minusRatio, h, g), h)
      )
    }
    rows(n) { (self: inout SingleLowering, i) in
      let (g, h) = turn(&self, self.load(work, p, i), self.load(work, q, i))
      self.store(work, p, i, g)
      self.store(work, i, p, g)
      self.store(work, q, i, h)
      self.store(work, i, q, h)
    }
    // What the loop made of the four elements where both rows and columns turn is replaced.
    let change = make(.multiply, tangent, elements.apq)
    store(work, p, p, make(.subtract, elements.app, change))
    store(work, q, q, make(.add, elements.aqq, change))
    store(work, p, q, zero)
    store(work, q, p, zero)
    guard let basis else { return }
    rows(n) { (self: inout SingleLowering, i) in
      let (g, h) = turn(&self, self.load(basis, p, i), self.load(basis, q, i))
      self.store(basis, p, i, g)
      self.store(basis, q, i, h)
    }
  }

  /// Where each place takes its eigenvalue from: as many places from the start as there are smaller ones.
  private mutating func sort(_ work: Matrix, _ n: DimID, _ order: Memory, _ last: DimID) {
    columns(n) { (self: inout SingleLowering, i) in
      self.writer.builder.store(order, self.at(i), self.writer.builder.constant(0, .i64))
    }
    rows(n) { (self: inout SingleLowering, i) in
      let own = self.load(work, i, i)
      let rank = self.writer.builder.variable(self.writer.builder.constant(0, .i64))
      self.rows(n) { (self: inout SingleLowering, j) in
        let other = self.load(work, j, j)
        let isBefore = self.make(.and, self.isTrue(.equal, other, own), self.isTrue(.less, j, i))
        let counts = self.make(.or, self.isTrue(.less, other, own), isBefore)
        let next = self.make(.add, rank, self.writer.builder.constant(1, .i64))
        self.writer.builder.assign(rank, self.select(counts, next, rank))
      }
      let place = self.clamp(rank, self.writer.builder.index(Affine(last)))
      self.writer.builder.store(order, self.at(place), i)
    }
  }

  /// 1 or -1: the sign of the first component that is larger than 2^-10 times the largest one.
  private mutating func sign(
    _ basis: Matrix, _ row: Register, _ n: DimID, _ dtype: DType
  ) -> Register {
    let zero = number(0, dtype)
    let largest = writer.builder.variable(zero)
    rows(n) { (self: inout SingleLowering, i) in
      let size = self.make(.abs, self.load(basis, row, i))
      self.writer.builder.assign(largest, self.make(.maximum, largest, size))
    }
    let least = make(.multiply, largest, number(0x1p-10, dtype))
    let sign = writer.builder.variable(zero)
    rows(n) { (self: inout SingleLowering, i) in
      let component = self.load(basis, row, i)
      let counts = self.isTrue(.less, least, self.make(.abs, component))
      let isFirst = self.make(.and, self.isTrue(.equal, sign, zero), counts)
      let own = self.select(
        self.isTrue(.less, component, zero), self.number(-1, dtype), self.number(1, dtype))
      self.writer.builder.assign(sign, self.select(isFirst, own, sign))
    }
    return sign
  }
}
