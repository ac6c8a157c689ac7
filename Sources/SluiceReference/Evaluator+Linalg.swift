/// Textbook algorithms on small dense matrices, in `Double` whatever the dtype.

import SluiceIR

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A matrix as rows.
typealias Matrix = [[Double]]

extension Evaluator {
  func linalg(_ kernel: LinalgKernel, _ node: Node) -> [ReferenceTensor] {
    let batches = node.operands.map { Self.matrices($0) }
    var result: [Double] = []
    var second: [Double] = []
    for (batch, a) in batches[0].enumerated() {
      let isFinite = a.allSatisfy { $0.allSatisfy(\.isFinite) }
      switch kernel {
      case .inverse where !isFinite: result += a.flatMap { $0.map { _ in .nan } }
      case .inverse: result += Self.solve(a, Self.identity(a.count)).flatMap { $0 }
      case .solve:
        let b = batches[1][batch]
        let solved = Self.solve(a, b)
        let isKnown = (b.first ?? []).indices.map { column in isFinite && b.allSatisfy { $0[column].isFinite }
        }
        result += solved.flatMap { row in zip(row, isKnown).map { $1 ? $0 : .nan } }
      case .logAbsDet: result.append(isFinite ? Self.logAbsDet(a) : .nan)
      case .cholesky: result += Self.cholesky(a).flatMap { $0 }
      case .triangularSolve: result += triangularSolve(a, batches[1][batch], node).flatMap { $0 }
      case .qr:
        let (q, r) = Self.qr(a)
        result += q.flatMap { $0 }
        second += r.flatMap { $0 }
      case .eigh:
        let (values, vectors) = Self.eigh(a)
        result += values
        second += vectors.flatMap { $0 }
      }
    }
    return zip(node.types, [result, second]).map { type, values in
      floats(module.tables.types.dtype(type), shapes[type.index], values)
    }
  }

  /// The matrices of the last two axes, one for every index of the axes before them.
  private static func matrices(_ x: ReferenceTensor) -> [Matrix] {
    let (rows, columns) = (x.shape[x.shape.count - 2], x.shape[x.shape.count - 1])
    let values = x.floats
    return (0..<x.shape.dropLast(2).reduce(1, *)).map { matrix in
      (0..<rows).map { row in
        let start = (matrix * rows + row) * columns
        return Array(values[start..<start + columns])
      }
    }
  }

  static func identity(_ count: Int) -> Matrix {
    (0..<count).map { row in (0..<count).map { $0 == row ? 1 : 0 } }
  }

  /// The row at or below the diagonal with the largest magnitude in a column, the first of equal ones.
  private static func pivot(_ a: Matrix, _ column: Int) -> Int {
    var best = column
    for row in column..<a.count where a[row][column].magnitude > a[best][column].magnitude { best = row }
    return best
  }

  /// The x with a x = b, by Gauss-Jordan elimination with row pivots.
  private static func solve(_ a: Matrix, _ b: Matrix) -> Matrix {
    var (a, b) = (a, b)
    for column in a.indices {
      let row = pivot(a, column)
      a.swapAt(row, column)
      b.swapAt(row, column)
      let divisor = a[column][column]
      a[column] = a[column].map { $0 / divisor }
      b[column] = b[column].map { $0 / divisor }
      for other in a.indices where other != column {
        let factor = a[other][column]
        a[other] = zip(a[other], a[column]).map { $0 - factor * $1 }
        b[other] = zip(b[other], b[column]).map { $0 - factor * $1 }
      }
    }
    return b
  }

  /// The sum of log |pivot| over the pivots of an LU decomposition.
  private static func logAbsDet(_ a: Matrix) -> Double {
    var a = a
    var sum = 0.0
    for column in a.indices {
      a.swapAt(pivot(a, column), column)
      let divisor = a[column][column]
      if divisor == 0 { return -.infinity }
      sum += log(divisor.magnitude)
      for row in a.indices where row > column {
        let factor = a[row][column] / divisor
        a[row] = zip(a[row], a[column]).map { $0 - factor * $1 }
      }
    }
    return sum
  }

  /// The lower triangular L with L L^T = a, from the lower triangle of a.
  ///
  /// A pivot that is not positive makes the diagonal NaN there, and with it everything that depends on it.
  private static func cholesky(_ a: Matrix) -> Matrix {
    var l = a.map { row in row.map { _ in 0.0 } }
    for column in a.indices {
      let square = a[column][column] - (0..<column).reduce(0) { $0 + l[column][$1] * l[column][$1] }
      l[column][column] = square > 0 ? square.squareRoot() : .nan
      for row in a.indices where row > column {
        let rest = a[row][column] - (0..<column).reduce(0) { $0 + l[row][$1] * l[column][$1] }
        l[row][column] = rest / l[column][column]
      }
    }
    return l
  }
}
