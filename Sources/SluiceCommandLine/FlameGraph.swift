/// Draws stacks as a flame graph: a box a frame, as wide as its time, on top of the frames that it is part of.
struct FlameGraph {
  /// A frame with what is part of it.
  private struct Frame {
    var name: String
    var seconds: Double
    var depth: Int
    /// Where it begins, in seconds.
    var start: Double
  }

  private var frames: [Frame] = []
  private let title: String
  private let all: Double
  private let depth: Int

  private static let width = 1200.0
  private static let height = 18
  private static let top = 40

  /// Stacks with their seconds; those that begin alike lie on one frame.
  init(_ stacks: [(frames: [String], seconds: Double)], title: String) {
    self.title = title
    all = stacks.reduce(0) { $0 + $1.seconds }
    depth = stacks.map(\.frames.count).max() ?? 0
    // Sorted, equal beginnings lie beside each other.
    let sorted = stacks.sorted { $0.frames.lexicographicallyPrecedes($1.frames) }
    var open: [Int] = []
    var last: [String] = []
    var start = 0.0
    for stack in sorted {
      let shared = zip(stack.frames, last).prefix { $0 == $1 }.count
      open.removeLast(open.count - shared)
      for (depth, name) in stack.frames.enumerated().dropFirst(shared) {
        open.append(frames.count)
        frames.append(Frame(name: name, seconds: 0, depth: depth, start: start))
      }
      for frame in open { frames[frame].seconds += stack.seconds }
      last = stack.frames
      start += stack.seconds
    }
  }

  /// The drawing: hovering over a box tells its name, time and share.
  var svg: String {
    let height = Self.top + depth * Self.height + 20
    var text = """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(Self.width)) \(height)" \
      font-family="sans-serif" font-size="11">
      <rect width="100%" height="100%" fill="#fdfdfd"/>
      <text x="8" y="22" font-size="14">\(Self.escaped(title)): \(Self.milliseconds(all)) a call</text>

      """
    guard all > 0 else { return text + "</svg>\n" }
    for frame in frames {
      let width = frame.seconds / all * (Self.width - 16)
      guard width >= 0.3 else { continue }
      let x = 8 + frame.start / all * (Self.width - 16)
      let y = height - 16 - (frame.depth + 1) * Self.height
      let share = (frame.seconds / all * 1000).rounded() / 10
      let room = Int(width / 6.2)
      let label = room < 3 ? "" : frame.name.count <= room ? frame.name : "\(frame.name.prefix(room - 1))…"
      text += """
        <g><title>\(Self.escaped(frame.name)): \(Self.milliseconds(frame.seconds)), \(share) %</title>\
        <rect x="\(Self.rounded(x))" y="\(y)" width="\(Self.rounded(width))" height="\(Self.height - 1)" rx="2" \
        fill="\(Self.colour(frame.name))"/>\
        <text x="\(Self.rounded(x + 4))" y="\(y + 13)">\(Self.escaped(label))</text></g>

        """
    }
    return text + "</svg>\n"
  }

  private static func rounded(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }

  private static func milliseconds(_ seconds: Double) -> String {
    "\((seconds * 1e6).rounded() / 1e3) ms"
  }

  /// A warm colour that depends on the name alone.
  private static func colour(_ name: String) -> String {
    var hash: UInt32 = 2_166_136_261
    for byte in name.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
    let parts = [225 + hash % 30, 130 + hash / 64 % 80, 70 + hash / 4096 % 60]
    return "#" + parts.map { String($0, radix: 16) }.joined()
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }
}
