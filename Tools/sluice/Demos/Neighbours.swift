import SluiceFormats

/// The training digits whose features are nearest to those of test digits, by the cosine of the angle.
struct Neighbours {
  private let training: Digits
  private let test: Digits
  /// The nearest training digits of each test digit, the nearest first.
  private let nearest: [[Int]]

  /// Finds them; the first two have pixels, the others features.
  init(training: Digits, test: Digits, _ trainingFeatures: Digits, _ testFeatures: Digits) {
    (self.training, self.test) = (training, test)
    let known = Self.normalised(trainingFeatures)
    let asked = Self.normalised(testFeatures)
    nearest = (0..<test.count).map { i in
      let cosines = (0..<training.count).map { j in
        zip(asked.row(i), known.row(j)).reduce(Float(0)) { $0 + $1.0 * $1.1 }
      }
      return Array((0..<training.count).sorted { (cosines[$0], $1) > (cosines[$1], $0) }.prefix(16))
    }
  }

  private static func normalised(_ data: Digits) -> Digits {
    var result = data
    let width = data.width
    for i in 0..<data.count {
      let length = data.row(i).reduce(Float(0)) { $0 + $1 * $1 }.squareRoot()
      for j in (i * width)..<((i + 1) * width) { result.values[j] /= max(length, 1e-12) }
    }
    return result
  }

  /// The share of test digits whose nearest neighbour is of their class.
  var accuracy: Double {
    let right = (0..<test.count).count { i in nearest[i].first.map { training.labels[$0] } == test.labels[i] }
    return Double(right) / Double(max(test.count, 1))
  }

  /// A row for a test digit of each class, and its nearest neighbours behind a gap.
  func image(rows: Int, columns: Int) -> Image? {
    let (scale, cell, gap) = (6, 54, 24)
    let (width, height) = (columns * cell + cell + gap, rows * cell)
    var samples = [UInt8](repeating: 255, count: width * height)
    func draw(_ pixels: ArraySlice<Float>, left: Int, top: Int) {
      for y in 0..<(8 * scale) {
        for x in 0..<(8 * scale) {
          let level = pixels[pixels.startIndex + y / scale * 8 + x / scale]
          samples[(top + y) * width + left + x] = UInt8(max(0, min(255, 255 - level * 255 / 16)))
        }
      }
    }
    for row in 0..<rows {
      guard let i = (0..<test.count).first(where: { test.labels[$0] == Int32(row % 10) }) else { continue }
      draw(test.row(i), left: 0, top: row * cell)
      for (column, j) in nearest[i].prefix(columns).enumerated() {
        draw(training.row(j), left: cell + gap + column * cell, top: row * cell)
      }
    }
    return Image(width: width, height: height, channels: .grey, samples: samples)
  }
}
