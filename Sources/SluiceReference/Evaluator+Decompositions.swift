/// Decompositions of small dense matrices, by textbook formulas over whole matrices.

import SluiceIR

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension Evaluator {
  /// The y with a y = b for a triangle of a, row by row.
  func triangularSolve(_ a: Matrix, _ b: Matrix, _ node: Node) -> Matrix {
    let isLower = bool(.lower, node)
    let isTransposed = bool(.transpose, node)
    var triangle = a.map { $0.map { _ in 0.0 } }
    for row in a.indices {
      for column in a.indices where isLower ? column <= row : column >= row {
        let value = row == column && bool(.unitDiagonal, node) ? 1 : a[row][column]
        if isTransposed { triangle[column][row] = value } else { triangle[row][column] = value }
      }
    }
    var y = b
    var known: [Int] = []
    for row in isLower == isTransposed ? a.indices.reversed() : Array(a.indices) {
      for column in y[row].indices {
        let rest = known.reduce(b[row][column]) { $0 - triangle[row][$1] * y[$1][column] }
        y[row][column] = rest / triangle[row][row]
      }
      known.append(row)
    }
    return y
  }

  /// Orthonormal columns and an upper triangular matrix whose product is a: one reflection a column.
  static func qr(_ a: Matrix) -> (q: Matrix, r: Matrix) {
    let (rows, columns) = (a.count, a[0].count)
    let count = Swift.min(rows, columns)
    var r = a
    var planes: [(column: Int, v: [Double])] = []
    for column in 0..<count where r[(column + 1)...].contains(where: { $0[column] != 0 }) {
      // The reflection at the plane across v takes the column to +-its length times the first unit vector.
      let scale = r[column...].map { $0[column].magnitude }.reduce(0) { $1 > $0 || $1.isNaN ? $1 : $0 }
      var v = r[column...].map { $0[column] / scale }
      let length = v.reduce(0) { $0 + $1 * $1 }.squareRoot()
      v[0] += v[0] < 0 ? -length : length
      reflect(&r, column, v)
      planes.append((column, v))
    }
    var q = identity(rows).map { Array($0[..<count]) }
    for (column, v) in planes.reversed() { reflect(&q, column, v) }
    return (q, (0..<count).map { i in (0..<columns).map { j in j < i ? 0 : r[i][j] } })
  }

  /// Reflects the rows and columns from `start` on at the plane across v.
  private static func reflect(_ a: inout Matrix, _ start: Int, _ v: [Double]) {
    let square = v.reduce(0) { $0 + $1 * $1 }
    for column in start..<a[0].count {
      let part = zip(v, a[start...]).reduce(0) { $0 + $1.0 * $1.1[column] }
      for (row, component) in v.enumerated() { a[start + row][column] -= 2 * component * part / square }
    }
  }

  /// The eigenvalues, ascending, and eigenvectors in columns, by Jacobi rotations.
  ///
  /// An element counts as long as it changes one of its two diagonal elements when it is added: beside elements of
  /// very different sizes, none is small by itself.
  static func eigh(_ a: Matrix) -> (values: [Double], vectors: Matrix) {
    let n = a.count
    var a = a.indices.map { i in a.indices.map { j in j <= i ? a[i][j] : a[j][i] } }
    guard a.allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
      return (a.map { _ in .nan }, a.map { $0.map { _ in .nan } })
    }
    var vectors = identity(n)
    let pairs = (0..<n).flatMap { p in (p..<n).dropFirst().map { (p, $0) } }
    for _ in 0..<40 {
      var isDone = true
      for (p, q) in pairs {
        let size = a[p][q].magnitude
        let (first, second) = (a[p][p].magnitude, a[q][q].magnitude)
        if first + size == first, second + size == second { continue }
        isDone = false
        // Halves do not overflow, and the smaller angle changes the larger element little.
        let angle = 0.5 * atan(a[p][q] / (0.5 * a[q][q] - 0.5 * a[p][p]))
        let (c, s) = (cos(angle), sin(angle))
        for i in 0..<n { (a[i][p], a[i][q]) = (c * a[i][p] - s * a[i][q], s * a[i][p] + c * a[i][q]) }
        for i in 0..<n { (a[p][i], a[q][i]) = (c * a[p][i] - s * a[q][i], s * a[p][i] + c * a[q][i]) }
        (a[p][q], a[q][p]) = (0, 0)
        for i in 0..<n {
          (vectors[i][p], vectors[i][q]) = (
            c * vectors[i][p] - s * vectors[i][q], s * vectors[i][p] + c * vectors[i][q]
          )
        }
      }
      if isDone { break }
    }
    let order = (0..<n).sorted { (a[$0][$0], $0) < (a[$1][$1], $1) }
    let signs = order.map { column -> Double in
      let largest = vectors.map { $0[column].magnitude }.max() ?? 0
      return vectors.first { $0[column].magnitude > largest / 1024 }.map { $0[column] < 0 ? -1 : 1 } ?? 1
    }
    return (
      order.map { a[$0][$0] }, vectors.map { row in zip(order, signs).map { row[$0] * $1 } }
    )
  }
}
