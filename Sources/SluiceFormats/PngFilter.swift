/// The row filters of PNG: every row becomes differences to its neighbours, behind a byte that says to which.
enum PngFilter: UInt8, CaseIterable {
  case none = 0
  case left = 1
  case up = 2
  case average = 3
  case paeth = 4

  /// What the filter expects a sample to be, from those to its left, above it and above left.
  @inline(__always)
  private func predict(_ left: UInt8, _ up: UInt8, _ upLeft: UInt8) -> UInt8 {
    switch self {
    case .none: return 0
    case .left: return left
    case .up: return up
    case .average: return UInt8((UInt16(left) + UInt16(up)) / 2)
    case .paeth:
      let (a, b, c) = (Int16(left), Int16(up), Int16(upLeft))
      let (toLeft, toUp, toUpLeft) = (abs(b - c), abs(a - c), abs(a + b - 2 * c))
      if toLeft <= toUp && toLeft <= toUpLeft { return left }
      return toUp <= toUpLeft ? up : upLeft
    }
  }

  /// The rows of `filtered`, a filter byte and `rowCount` bytes each, without their filters.
  ///
  /// `step` is the bytes of a pixel. Throws at an unknown filter.
  static func undo(_ filtered: [UInt8], rowCount: Int, step: Int) throws(Malformed) -> [UInt8] {
    let height = filtered.count / (rowCount + 1)
    var out = [UInt8](repeating: 0, count: height * rowCount)
    for row in 0..<height {
      let source = row * (rowCount + 1)
      guard let filter = PngFilter(rawValue: filtered[source]) else {
        throw Malformed("row \(row) has the unknown filter \(filtered[source])")
      }
      let start = row * rowCount
      for column in 0..<rowCount {
        let left = column >= step ? out[start + column - step] : 0
        let up = row > 0 ? out[start + column - rowCount] : 0
        let upLeft = column >= step && row > 0 ? out[start + column - rowCount - step] : 0
        out[start + column] = filtered[source + 1 + column] &+ filter.predict(left, up, upLeft)
      }
    }
    return out
  }

  /// The rows of `samples`, `rowCount` bytes each, every one with the filter that leaves the smallest
  /// differences.
  static func apply(_ samples: [UInt8], rowCount: Int, step: Int) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(samples.count + samples.count / rowCount)
    var best = [UInt8](repeating: 0, count: rowCount)
    var trial = best
    for row in 0..<samples.count / rowCount {
      var bestFilter = PngFilter.none
      var bestCost = Int.max
      for filter in PngFilter.allCases {
        let cost = filter.apply(samples, row: row, rowCount: rowCount, step: step, to: &trial)
        if cost < bestCost {
          (bestFilter, bestCost) = (filter, cost)
          swap(&best, &trial)
        }
      }
      out.append(bestFilter.rawValue)
      out += best
    }
    return out
  }

  /// Filters one row into `differences` and gives the sum of their magnitudes.
  private func apply(
    _ samples: [UInt8], row: Int, rowCount: Int, step: Int, to differences: inout [UInt8]
  ) -> Int {
    let start = row * rowCount
    var cost = 0
    for column in 0..<rowCount {
      let left = column >= step ? samples[start + column - step] : 0
      let up = row > 0 ? samples[start + column - rowCount] : 0
      let upLeft = column >= step && row > 0 ? samples[start + column - rowCount - step] : 0
      let difference = samples[start + column] &- predict(left, up, upLeft)
      differences[column] = difference
      cost += Int(Int8(bitPattern: difference).magnitude)
    }
    return cost
  }
}
