/// The losses of a training run as a picture: SVG text, or pixels.
public enum LossCurve {
  /// The picture of a history: the loss of each step, its running mean, and the validations.
  ///
  /// Losses that are not finite are left out. The same history gives the same bytes.
  public static func svg(_ history: TrainingHistory, title: String = "loss") -> String {
    let points = history.steps.enumerated().map { Point(x: Double($0 + 1), y: $1.first ?? .nan) }
    let validation = history.validation.map { Point(x: Double($0.step), y: $0.loss) }
    let frame = Frame(points + validation)
    var text = """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 400" font-family="sans-serif" font-size="12">
      <rect width="720" height="400" fill="white"/>
      <text x="60" y="22" font-size="14">\(escaped(title))</text>

      """
    for value in ticks(frame.low.y, frame.high.y) {
      let y = number(frame.place(Point(x: frame.low.x, y: value)).y)
      text += "<path d=\"M60 \(y)H700\" stroke=\"#ddd\"/>"
      text += "<text x=\"54\" y=\"\(y)\" text-anchor=\"end\" dy=\"4\">\(number(value, 1e5))</text>\n"
    }
    for value in ticks(frame.low.x, frame.high.x) {
      let x = number(frame.place(Point(x: value, y: frame.low.y)).x)
      text += "<path d=\"M\(x) 360v5\" stroke=\"black\"/>"
      text += "<text x=\"\(x)\" y=\"380\" text-anchor=\"middle\">\(number(value, 1e5))</text>\n"
    }
    text += "<path d=\"M60 40V360H700\" fill=\"none\" stroke=\"black\"/>\n"
    text += line(thinned(points), frame, "#b8cde6", 1)
    text += line(thinned(smoothed(points)), frame, "#1f5fa8", 2)
    text += line(validation, frame, "#c8500a", 2)
    for point in validation where point.isFinite {
      let place = frame.place(point)
      text += "<circle cx=\"\(number(place.x))\" cy=\"\(number(place.y))\" r=\"2.5\" fill=\"#c8500a\"/>\n"
    }
    text += "<text x=\"700\" y=\"22\" text-anchor=\"end\" fill=\"#1f5fa8\">training</text>"
    if !validation.isEmpty {
      text += "<text x=\"640\" y=\"22\" text-anchor=\"end\" fill=\"#c8500a\">validation</text>"
    }
    return text + "\n</svg>\n"
  }

  /// A step and its loss, or a place in the picture.
  struct Point {
    var x: Double
    var y: Double
    var isFinite: Bool { y.isFinite }
  }

  /// What the axes reach over, and where a point is in the picture.
  struct Frame {
    var low: Point
    var high: Point

    init(_ points: [Point]) {
      let ys = points.filter(\.isFinite).map(\.y)
      var (least, most) = (ys.min() ?? 0, ys.max() ?? 1)
      if least >= 0, least < most / 2 { least = 0 }
      if !(most - least > 0 && (most - least).isFinite) { (least, most) = (least - 0.5, least + 0.5) }
      low = Point(x: 0, y: least)
      high = Point(x: max(points.map(\.x).max() ?? 1, 1), y: most)
    }

    /// Inside the picture, whatever the numbers are.
    func place(_ point: Point) -> Point {
      let x = 60 + 640 * (point.x - low.x) / (high.x - low.x)
      let y = 360 - 320 * (point.y - low.y) / (high.y - low.y)
      return Point(x: x.isFinite ? min(max(x, 0), 720) : 60, y: y.isFinite ? min(max(y, 0), 400) : 360)
    }
  }

  /// The exponential running mean, by a fiftieth of the steps.
  static func smoothed(_ points: [Point]) -> [Point] {
    let rate = 1 / max(1, Double(points.count) / 50)
    var mean: Double?
    return points.filter(\.isFinite).map { point in
      let next = mean.map { $0 + rate * (point.y - $0) } ?? point.y
      mean = next
      return Point(x: point.x, y: next)
    }
  }

  /// At most about 1000 points: of each part the least and the largest.
  static func thinned(_ points: [Point]) -> [Point] {
    let points = points.filter(\.isFinite)
    let size = (points.count + 499) / 500
    guard size > 2 else { return points }
    return stride(from: 0, to: points.count, by: size).flatMap { start -> [Point] in
      let part = points[start..<min(start + size, points.count)]
      guard let least = part.min(by: { $0.y < $1.y }), let most = part.max(by: { $0.y < $1.y }) else {
        return []
      }
      return least.x < most.x ? [least, most] : [most, least]
    }
  }

  private static func line(_ points: [Point], _ frame: Frame, _ colour: String, _ width: Int) -> String {
    let places = points.filter(\.isFinite).map(frame.place)
    guard !places.isEmpty else { return "" }
    let path = places.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
    return "<polyline points=\"\(path)\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"\(width)\"/>\n"
  }

  /// Round numbers between two: steps of 1, 2 or 5 times a power of ten.
  static func ticks(_ low: Double, _ high: Double) -> [Double] {
    let span = high - low
    guard span > 0, span.isFinite else { return [] }
    var step = 1.0
    while step * 5 < span { step *= 10 }
    while step > span { step /= 10 }
    if span / step > 5 { step *= 2 }
    if span / step < 2.5 { step /= span / step < 1.3 ? 5 : 2 }
    guard step > 0, low / step > -1e9, high / step < 1e9 else { return [] }
    return stride(from: (low / step).rounded(.up), through: (high / step).rounded(.down), by: 1).map {
      $0 * step
    }
  }

  /// A number rounded to parts of 1, a power of ten, without what is not needed.
  static func number(_ value: Double, _ parts: Double = 100) -> String {
    guard value.magnitude < 1e9 else { return "\(value)" }
    if value != 0, value.magnitude < 1e-3 { return "\(Float(value))" }
    let rounded = (value * parts).rounded() / parts
    return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
  }
}
