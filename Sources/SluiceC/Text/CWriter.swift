/// Collects the lines of a C file: indented by two spaces, broken before column 100.
struct CWriter {
  /// The last column that a line may reach.
  static let width = 100

  /// What was written.
  private(set) var text = ""
  /// How deep the next line stands.
  var depth: Int

  /// An empty text whose lines stand that deep.
  init(depth: Int = 0) { self.depth = depth }

  /// A line of code; it is broken at spaces where it is too long.
  mutating func line(_ code: String) {
    var rest = Array(code.utf8)
    var indent = depth * 2
    while indent + rest.count > Self.width, let space = Self.lastBreak(rest, Self.width - indent) {
      append(rest[..<space], indent)
      rest.removeSubrange(...space)
      indent = depth * 2 + 4
    }
    append(rest[...], indent)
  }

  /// A line that stands in column 1 and is never broken: for the preprocessor.
  mutating func directive(_ code: String) { text += code + "\n" }

  /// Lines that are already as they shall be.
  mutating func raw(_ lines: String) { text += lines }

  /// An empty line.
  mutating func blank() { text += "\n" }

  /// A line that ends in a brace, and what follows stands deeper.
  mutating func open(_ code: String) {
    line(code + " {")
    depth += 1
  }

  /// A brace that opens a block.
  mutating func openBlock() {
    line("{")
    depth += 1
  }

  /// Ends what `open` began.
  mutating func close(_ code: String = "}") {
    depth -= 1
    line(code)
  }

  /// A line of code with a remark behind it, or above it where there is no room.
  mutating func line(_ code: String, remark: String) {
    let remark = CText.comment(remark)
    if depth * 2 + code.utf8.count + remark.utf8.count + 7 <= Self.width {
      return line("\(code) /* \(remark) */")
    }
    comment([remark])
    line(code)
  }

  /// A comment of one or more lines, escaped and broken at spaces.
  mutating func comment(_ lines: [String]) {
    let room = Self.width - depth * 2 - 6
    let wrapped = lines.flatMap { Self.wrap(CText.comment($0), room) }
    let pad = String(repeating: " ", count: depth * 2)
    for (position, line) in wrapped.enumerated() {
      text += pad + (position == 0 ? "/*" : " *") + (line.isEmpty ? "" : " " + line)
      text += position + 1 == wrapped.count ? " */\n" : "\n"
    }
  }

  /// Lines that are already laid out, except that long ones are broken; long comments and directives stay.
  mutating func lines(_ text: String) {
    for row in text.split(separator: "\n", omittingEmptySubsequences: false) {
      let code = row.drop { $0 == " " }
      if row.utf8.count <= Self.width || code.hasPrefix("#") || code.hasPrefix("*") || code.hasPrefix("/*") {
        self.text += row + "\n"
      } else {
        depth += (row.utf8.count - code.utf8.count) / 2
        line(String(code))
        depth -= (row.utf8.count - code.utf8.count) / 2
      }
    }
  }

  private mutating func append(_ code: ArraySlice<UInt8>, _ indent: Int) {
    if !code.isEmpty {
      text += String(repeating: " ", count: indent)
      text += String(decoding: code, as: UTF8.self)
    }
    text += "\n"
  }

  /// The space at which to break a line so that its first part fits: behind a comma or operator, the least nested
  /// one of those that are not far to the left, of these the last.
  private static func lastBreak(_ code: [UInt8], _ room: Int) -> Int? {
    var best: (at: Int, rank: Int)?
    var depth = 0
    var isString = false
    for (at, byte) in code.enumerated() {
      if at > room, best != nil { break }
      switch byte {
      case 0x22: isString.toggle()
      case 0x28, 0x5B, 0x7B: depth += 1
      case 0x29, 0x5D, 0x7D: depth -= 1
      case 0x20 where !isString && at > 0:
        let isBehindOperator = operatorEnds.contains(code[at - 1])
        let rank = depth + (isBehindOperator ? 0 : 1000) + (at * 5 < room * 2 ? 100 : 0)
        if rank <= best?.rank ?? .max { best = (at, rank) }
      default: break
      }
    }
    return best?.at
  }

  /// The last characters of commas and operators: `, = + - * / | & ^ ? : < >`.
  private static let operatorEnds = Set(",=+-*/|&^?:<>".utf8)

  /// The lines of a text of that width; continued lines of IR stand deeper.
  private static func wrap(_ line: String, _ room: Int) -> [String] {
    if line.count <= room { return [line] }
    let indent = String(line.prefix { $0 == " " })
    let isCode = line.hasPrefix("%") || line.hasPrefix("@") || line.hasPrefix(" ")
    var lines: [String] = []
    var current = indent
    for word in line.dropFirst(indent.count).split(separator: " ", omittingEmptySubsequences: false) {
      if current.count > indent.count, current.count + 1 + word.count > room {
        lines.append(current)
        current = indent + (isCode && indent.count < room / 2 ? "  " : "") + word
      } else {
        current += (current.isEmpty || current.count == indent.count ? "" : " ") + word
      }
    }
    return lines + [current]
  }
}
