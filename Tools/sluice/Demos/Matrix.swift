import SluiceFormats

/// A small dense matrix of doubles, row-major: what the demo needs around the compiled model.
struct Matrix {
  var rowCount: Int
  var columnCount: Int
  var values: [Double]

  init(rows: [[Double]]) {
    rowCount = rows.count
    columnCount = rows.first?.count ?? 0
    values = rows.flatMap { $0 }
  }

  init(rowCount: Int, columnCount: Int, _ values: [Double]) {
    self.rowCount = rowCount
    self.columnCount = columnCount
    self.values = values
  }

  /// As a tensor f64 [rows, columns].
  var tensor: HostTensor { HostTensor(values, shape: [rowCount, columnCount]) }

  subscript(row: Int, column: Int) -> Double { values[row * columnCount + column] }

  /// The matrix product.
  func times(_ other: Matrix) -> Matrix {
    var result = [Double](repeating: 0, count: rowCount * other.columnCount)
    for i in 0..<rowCount {
      for k in 0..<columnCount {
        for j in 0..<other.columnCount { result[i * other.columnCount + j] += self[i, k] * other[k, j] }
      }
    }
    return Matrix(rowCount: rowCount, columnCount: other.columnCount, result)
  }

  /// How far a matrix is from a permutation with scales: 0 for one, at most 1 (Amari, Cichocki and Yang 1996,
  /// section 4, divided by 2 d (d - 1)).
  static func amariDistance(_ p: Matrix) -> Double {
    let d = p.rowCount
    guard d > 1 else { return 0 }
    var sum = 0.0
    for i in 0..<d {
      let row = (0..<d).map { p[i, $0].magnitude }
      let column = (0..<d).map { p[$0, i].magnitude }
      sum += row.reduce(0, +) / (row.max() ?? 1) - 1
      sum += column.reduce(0, +) / (column.max() ?? 1) - 1
    }
    return sum / Double(2 * d * (d - 1))
  }
}

/// Numbers as the demo prints them.
enum Rounded {
  /// With a fixed number of decimals.
  static func text(_ value: Double, _ decimals: Int) -> String {
    guard value.isFinite, value.magnitude < 1e15 else { return "\(value)" }
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let units = (value.magnitude * scale).rounded()
    let whole = (units / scale).rounded(.down)
    let sign = value < 0 && units > 0 ? "-" : ""
    if decimals == 0 { return sign + String(Int64(whole)) }
    let fraction = String(Int64(units - whole * scale))
    return sign + "\(Int64(whole))." + String(repeating: "0", count: max(decimals - fraction.count, 0))
      + fraction
  }

  /// A duration in seconds or milliseconds.
  static func seconds(_ duration: Duration) -> String {
    let seconds = duration / .seconds(1)
    return seconds < 1 ? "\(text(seconds * 1000, 1)) ms" : "\(text(seconds, 2)) s"
  }
}
