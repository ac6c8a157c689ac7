public import SluiceFormats

extension LossCurve {
  /// The same picture as `svg` in 720 x 400 pixels, without words: training blue, validation orange.
  public static func image(_ history: TrainingHistory) -> Image? {
    let points = history.steps.enumerated().map { Point(x: Double($0 + 1), y: $1.first ?? .nan) }
    let validation = history.validation.map { Point(x: Double($0.step), y: $0.loss) }
    let frame = Frame(points + validation)
    var canvas = Canvas()
    for value in ticks(frame.low.y, frame.high.y) {
      let y = frame.place(Point(x: frame.low.x, y: value)).y
      canvas.line(Point(x: 60, y: y), Point(x: 700, y: y), Canvas.grey, 1)
      let text = number(value, 1e5)
      canvas.write(text, x: 54 - Canvas.width(text), y: Int(y) - 5)
    }
    for value in ticks(frame.low.x, frame.high.x) {
      let x = frame.place(Point(x: value, y: frame.low.y)).x
      canvas.line(Point(x: x, y: 360), Point(x: x, y: 365), Canvas.black, 1)
      let text = number(value, 1e5)
      canvas.write(text, x: Int(x) - Canvas.width(text) / 2, y: 370)
    }
    canvas.line(Point(x: 60, y: 40), Point(x: 60, y: 360), Canvas.black, 1)
    canvas.line(Point(x: 60, y: 360), Point(x: 700, y: 360), Canvas.black, 1)
    canvas.lines(thinned(points).map(frame.place), Canvas.paleBlue, 1)
    canvas.lines(thinned(smoothed(points)).map(frame.place), Canvas.blue, 2)
    let marks = validation.filter(\.isFinite).map(frame.place)
    canvas.lines(marks, Canvas.orange, 2)
    for mark in marks { canvas.line(mark, mark, Canvas.orange, 6) }
    return Image(width: Canvas.columns, height: Canvas.rows, channels: .rgb, samples: canvas.samples)
  }

  /// Pixels to draw on.
  private struct Canvas {
    typealias Colour = (red: UInt8, green: UInt8, blue: UInt8)
    static let (columns, rows) = (720, 400)
    static let black: Colour = (0, 0, 0)
    static let grey: Colour = (221, 221, 221)
    static let paleBlue: Colour = (184, 205, 230)
    static let blue: Colour = (31, 95, 168)
    static let orange: Colour = (200, 80, 10)

    private(set) var samples = [UInt8](repeating: 255, count: columns * rows * 3)

    /// A straight line of some pixels' width.
    mutating func line(_ from: Point, _ to: Point, _ colour: Colour, _ width: Int) {
      let (dx, dy) = (to.x - from.x, to.y - from.y)
      let count = Int(max(dx.magnitude, dy.magnitude).rounded(.up))
      for step in 0...count {
        let part = count == 0 ? 0 : Double(step) / Double(count)
        fill(Int((from.x + part * dx).rounded()), Int((from.y + part * dy).rounded()), width, colour)
      }
    }

    mutating func lines(_ points: [Point], _ colour: Colour, _ width: Int) {
      for (from, to) in zip(points, points.dropFirst()) { line(from, to, colour, width) }
    }

    private mutating func fill(_ x: Int, _ y: Int, _ size: Int, _ colour: Colour) {
      let start = -(size - 1) / 2
      for row in y + start..<y + start + size where (0..<Self.rows).contains(row) {
        for column in x + start..<x + start + size where (0..<Self.columns).contains(column) {
          let at = 3 * (row * Self.columns + column)
          (samples[at], samples[at + 1], samples[at + 2]) = colour
        }
      }
    }

    /// The signs of numbers, five rows of three pixels each, the first row in the highest bits.
    private static let glyphs: [Character: UInt16] = [
      "0": 0b111_101_101_101_111, "1": 0b010_110_010_010_111, "2": 0b111_001_111_100_111,
      "3": 0b111_001_111_001_111, "4": 0b101_101_111_001_001, "5": 0b111_100_111_001_111,
      "6": 0b111_100_111_101_111, "7": 0b111_001_010_010_010, "8": 0b111_101_111_101_111,
      "9": 0b111_101_111_001_111, "-": 0b000_000_111_000_000, ".": 0b000_000_000_000_010,
      "e": 0b111_101_111_100_111, "+": 0b000_010_111_010_000,
    ]

    /// The width of a number in pixels.
    static func width(_ text: String) -> Int { 8 * text.count - 2 }

    /// Writes a number, 10 pixels high, with its upper left corner at a place.
    mutating func write(_ text: String, x: Int, y: Int) {
      for (position, character) in text.enumerated() {
        let glyph = Self.glyphs[character] ?? 0
        for bit in 0..<15 where glyph >> (14 - bit) & 1 == 1 {
          fill(x + 8 * position + 2 * (bit % 3), y + 2 * (bit / 3), 2, Self.black)
        }
      }
    }
  }
}
