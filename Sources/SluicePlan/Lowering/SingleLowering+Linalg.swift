import SluiceIR

/// Small dense matrices by elimination with row pivots: the same steps in the same order everywhere.
extension SingleLowering {
  mutating func algorithm() throws(Diagnostics) {
    let kernel = recipes.algorithm(recipe)
    let x = operand(0)
    let shape = shape(0)
    let n = shape[shape.count - 1]
    let batch = Array(shape.dropLast(2))
    let square = try tables.product(n, n)
    let dtype = x.dtype
    switch kernel {
    case .triangularSolve: try triangularSolve()
    case .qr: try qr()
    case .eigh: try eigh()
    case .inverse, .solve:
      let columns = kernel == .solve ? self.shape(1)[shape.count - 1] : n
      let rightCount = try tables.product(n, columns)
      let right = kernel == .solve ? operand(1) : nil
      let out = result()
      let work = Matrix(slot: writer.scratch("work", dtype, square), width: n)
      let other = Matrix(slot: writer.scratch("right", dtype, rightCount), width: columns)
      let last = try tables.sum(n, tables.dims.integer(-1))
      // Per column of b 0, or NaN where it is not finite.
      let flaws = right == nil ? nil : writer.scratch("flaws", dtype, columns)
      try nest(batch, .sequential) { (self: inout SingleLowering, index: [Register]) throws(Diagnostics) in
        self.copy(x, index, to: work, n)
        let isSound = self.isFinite(x, index, n, dtype)
        if let right, let flaws { self.noteFlaws(right, index, n, columns, in: flaws, dtype) }
        self.fill(other, n, columns) { (self: inout SingleLowering, i, j) in
          if let right { return self.load(right, index + [i, j]) }
          let same = self.writer.builder.scalar(.equal, .bool, source: .i64, [i, j])
          return self.select(same, self.number(1, dtype), self.number(0, dtype))
        }
        self.eliminate(work, other, n, columns, last, dtype, isFull: true)
        self.rows(n) { (self: inout SingleLowering, i) in
          self.columns(columns) { (self: inout SingleLowering, j) in
            var isKnown = isSound
            if let flaws {
              let flaw = self.writer.builder.load(
                flaws, Affine(self.writer.zero, [Affine.Term(self.writer.one, j)]))
              let same = self.writer.builder.scalar(.equal, .bool, source: dtype, [flaw, flaw])
              isKnown = self.writer.builder.scalar(.and, .bool, [isSound, same])
            }
            let element = self.select(isKnown, self.load(other, i, j), self.number(.nan, dtype))
            self.store(out, index + [i, j], element)
          }
        }
      }
    case .logAbsDet:
      let out = result()
      let work = Matrix(slot: writer.scratch("work", dtype, square), width: n)
      let last = try tables.sum(n, tables.dims.integer(-1))
      try nest(batch, .sequential) { (self: inout SingleLowering, index: [Register]) throws(Diagnostics) in
        self.copy(x, index, to: work, n)
        let isSound = self.isFinite(x, index, n, dtype)
        self.eliminate(work, nil, n, n, last, dtype, isFull: false)
        let sum = self.writer.builder.variable(self.number(0, dtype))
        self.rows(n) { (self: inout SingleLowering, i) in
          let size = self.writer.builder.scalar(.abs, dtype, [self.load(work, i, i)])
          let log = self.writer.builder.scalar(
            .call, dtype, [size], immediate: UInt64(ElementaryFunction.log.rawValue))
          self.writer.builder.assign(sum, self.writer.builder.scalar(.add, dtype, [sum, log]))
        }
        self.store(out, index, self.select(isSound, sum, self.number(.nan, dtype)))
      }
    case .cholesky:
      let out = result()
      let work = Matrix(slot: writer.scratch("work", dtype, square), width: n)
      try nest(batch, .sequential) { (self: inout SingleLowering, index: [Register]) throws(Diagnostics) in
        self.factor(x, index, work, n, dtype)
        self.rows(n) { (self: inout SingleLowering, i) in
          self.columns(n) { (self: inout SingleLowering, j) in
            self.store(out, index + [i, j], self.load(work, i, j))
          }
        }
      }
    }
  }

  /// A matrix in scratch memory, row-major.
  struct Matrix {
    var slot: Memory
    var width: DimID
  }

  mutating func place(_ matrix: Matrix, _ i: Register, _ j: Register) -> Affine {
    writer.affine(writer.zero, [(matrix.width, i), (writer.one, j)], &tables)
  }

  mutating func load(_ matrix: Matrix, _ i: Register, _ j: Register) -> Register {
    let index = place(matrix, i, j)
    return writer.builder.load(matrix.slot, index)
  }

  mutating func store(_ matrix: Matrix, _ i: Register, _ j: Register, _ value: Register) {
    let index = place(matrix, i, j)
    writer.builder.store(matrix.slot, index, value)
  }

  mutating func number(_ value: Double, _ dtype: DType) -> Register {
    writer.builder.constant(dtype == .f32 ? UInt64(Float(value).bitPattern) : value.bitPattern, dtype)
  }

  mutating func select(_ condition: Register, _ a: Register, _ b: Register) -> Register {
    writer.builder.scalar(.select, writer.builder.kernel.registers[a], source: .bool, [condition, a, b])
  }

  mutating func rows(_ count: DimID, _ body: (inout SingleLowering, Register) -> Void) {
    let i = writer.builder.beginLoop(to: Affine(count), .sequential)
    body(&self, i)
    writer.builder.endLoop()
  }

  mutating func columns(_ count: DimID, _ body: (inout SingleLowering, Register) -> Void) {
    let j = writer.builder.beginLoop(to: Affine(count), .vector)
    body(&self, j)
    writer.builder.endLoop()
  }

  mutating func copy(_ x: Operand, _ index: [Register], to matrix: Matrix, _ n: DimID) {
    fill(matrix, n, n) { (self: inout SingleLowering, i, j) in self.load(x, index + [i, j]) }
  }

  mutating func fill(
    _ matrix: Matrix, _ n: DimID, _ columns: DimID,
    _ element: (inout SingleLowering, Register, Register) -> Register
  ) {
    rows(n) { (self: inout SingleLowering, i) in
      self.columns(columns) { (self: inout SingleLowering, j) in
        let value = element(&self, i, j)
        self.store(matrix, i, j, value)
      }
    }
  }

  /// Whether all elements of a square matrix are finite.
  private mutating func isFinite(_ x: Operand, _ index: [Register], _ n: DimID, _ dtype: DType) -> Register {
    // 0 for finite numbers, NaN where one is not.
    let flaw = writer.builder.variable(number(0, dtype))
    rows(n) { (self: inout SingleLowering, i) in
      self.rows(n) { (self: inout SingleLowering, j) in
        let element = self.load(x, index + [i, j])
        let next = self.writer.builder.scalar(.fma, dtype, [self.number(0, dtype), element, flaw])
        self.writer.builder.assign(flaw, next)
      }
    }
    return writer.builder.scalar(.equal, .bool, source: dtype, [flaw, flaw])
  }

  /// Sets per column of a matrix 0 where all its elements are finite, else NaN.
  private mutating func noteFlaws(
    _ x: Operand, _ index: [Register], _ n: DimID, _ columns: DimID, in flaws: Memory, _ dtype: DType
  ) {
    let (zero, one) = (writer.zero, writer.one)
    func at(_ j: Register) -> Affine { Affine(zero, [Affine.Term(one, j)]) }
    self.columns(columns) { (self: inout SingleLowering, j) in
      self.writer.builder.store(flaws, at(j), self.number(0, dtype))
    }
    rows(n) { (self: inout SingleLowering, i) in
      self.columns(columns) { (self: inout SingleLowering, j) in
        let flaw = self.writer.builder.load(flaws, at(j))
        let element = self.load(x, index + [i, j])
        let next = self.writer.builder.scalar(.fma, dtype, [self.number(0, dtype), element, flaw])
        self.writer.builder.store(flaws, at(j), next)
      }
    }
  }

  /// Gauss-Jordan (`isFull`) or Gauss elimination with the largest pivot of each column; `right` is carried along.
  private mutating func eliminate(
    _ work: Matrix, _ right: Matrix?, _ n: DimID, _ columns: DimID, _ last: DimID, _ dtype: DType,
    isFull: Bool
  ) {
    let both = [(work, n)] + (right.map { [($0, columns)] } ?? [])
    rows(n) { (self: inout SingleLowering, k) in
      let pivot = self.pivotRow(work, n, k, last, dtype)
      for (matrix, width) in both {
        self.rows(width) { (self: inout SingleLowering, j) in
          let (a, b) = (self.load(matrix, k, j), self.load(matrix, pivot, j))
          self.store(matrix, pivot, j, a)
          self.store(matrix, k, j, b)
        }
      }
      let diagonal = self.load(work, k, k)
      // The row of the pivot is divided last: rows that are equal to it come to 0 exactly.
      self.eliminateRows(both, work, n, k, diagonal, dtype, isFull: isFull)
      if isFull {
        for (matrix, width) in both {
          self.rows(width) { (self: inout SingleLowering, j) in
            let scaled = self.writer.builder.scalar(.divide, dtype, [self.load(matrix, k, j), diagonal])
            self.store(matrix, k, j, scaled)
          }
        }
      }
    }
  }

  private mutating func eliminateRows(
    _ both: [(Matrix, DimID)], _ work: Matrix, _ n: DimID, _ k: Register, _ diagonal: Register,
    _ dtype: DType,
    isFull: Bool
  ) {
    let start = isFull ? Affine(writer.zero) : Affine(writer.one, [Affine.Term(writer.one, k)])
    let i = writer.builder.beginLoop(from: start, to: Affine(n), .sequential)
    let differs = writer.builder.scalar(.notEqual, .bool, source: .i64, [i, k])
    writer.builder.begin(if: differs)
    var factor = writer.builder.scalar(.divide, dtype, [load(work, i, k), diagonal])
    if !isFull {
      // A pivot of 0 is the largest of its column, so there is nothing to eliminate.
      let isZero = writer.builder.scalar(.equal, .bool, source: dtype, [diagonal, number(0, dtype)])
      factor = select(isZero, number(0, dtype), factor)
    }
    let minus = writer.builder.scalar(.negate, dtype, [factor])
    for (matrix, width) in both {
      rows(width) { (self: inout SingleLowering, j) in
        let reduced = self.writer.builder.scalar(
          .fma, dtype, [minus, self.load(matrix, k, j), self.load(matrix, i, j)])
        self.store(matrix, i, j, reduced)
      }
    }
    writer.builder.endLoop()
    writer.builder.endLoop()
  }

  /// The row at or below `k` with the largest element of column `k`; the first of equal ones.
  private mutating func pivotRow(
    _ work: Matrix, _ n: DimID, _ k: Register, _ last: DimID, _ dtype: DType
  ) -> Register {
    let best = writer.builder.variable(writer.builder.scalar(.abs, dtype, [load(work, k, k)]))
    let row = writer.builder.variable(k)
    let next = Affine(writer.one, [Affine.Term(writer.one, k)])
    let i = writer.builder.beginLoop(from: next, to: Affine(n), .sequential)
    let size = writer.builder.scalar(.abs, dtype, [load(work, i, k)])
    let isBetter = writer.builder.scalar(.less, .bool, source: dtype, [best, size])
    writer.builder.assign(best, select(isBetter, size, best))
    writer.builder.assign(row, select(isBetter, i, row))
    writer.builder.endLoop()
    return clamp(row, writer.builder.index(Affine(last)))
  }

  /// Cholesky-Banachiewicz, row by row.
  private mutating func factor(_ x: Operand, _ index: [Register], _ work: Matrix, _ n: DimID, _ dtype: DType)
  {
    fill(work, n, n) { (self: inout SingleLowering, _, _) in self.number(0, dtype) }
    rows(n) { (self: inout SingleLowering, i) in
      let end = Affine(self.writer.one, [Affine.Term(self.writer.one, i)])
      let j = self.writer.builder.beginLoop(to: end, .sequential)
      let sum = self.writer.builder.variable(self.load(x, index + [i, j]))
      let k = self.writer.builder.beginLoop(
        to: Affine(self.writer.zero, [Affine.Term(self.writer.one, j)]), .sequential)
      let minus = self.writer.builder.scalar(.negate, dtype, [self.load(work, i, k)])
      self.writer.builder.assign(
        sum, self.writer.builder.scalar(.fma, dtype, [minus, self.load(work, j, k), sum]))
      self.writer.builder.endLoop()
      let isDiagonal = self.writer.builder.scalar(.equal, .bool, source: .i64, [i, j])
      // A square of 0 or less, or NaN: not positive definite.
      let isPositive = self.writer.builder.scalar(
        .less, .bool, source: dtype, [self.number(0, dtype), sum])
      let root = self.select(
        isPositive, self.writer.builder.scalar(.sqrt, dtype, [sum]), self.number(.nan, dtype))
      let quotient = self.writer.builder.scalar(.divide, dtype, [sum, self.load(work, j, j)])
      let element = self.select(isDiagonal, root, quotient)
      self.store(work, i, j, element)
      self.writer.builder.endLoop()
    }
  }
}
