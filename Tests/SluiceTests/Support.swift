import Sluice
import SluiceFormats
import SluiceIR
import SluiceText
import Testing

/// The places that tests have marked in their own source: in `x + y  // sum: x ^+ y` the caret says that the place
/// `sum` is that of the `+`.
struct Marks {
  private var names: [String: String] = [:]

  init(_ path: String, _ file: String) throws {
    let text = String(decoding: try FileIO.read(path), as: UTF8.self)
    for (row, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      guard let comment = line.firstRange(of: "  // "), line[comment.upperBound...].contains("^") else {
        continue
      }
      let code = line[..<comment.lowerBound]
      for mark in line[comment.upperBound...].split(separator: "; ") {
        let parts = mark.split(separator: ": ", maxSplits: 1)
        let sides = parts[parts.count - 1].split(separator: "^", omittingEmptySubsequences: false)
        guard parts.count == 2, sides.count == 2, let found = code.firstRange(of: sides.joined()) else {
          Issue.record("the mark `\(mark)` in line \(row + 1) fits nothing")
          continue
        }
        let column = code[..<found.lowerBound].utf8.count + sides[0].utf8.count + 1
        names["\(file):\(row + 1):\(column)"] = String(parts[0])
      }
    }
  }

  /// The name of the mark at a place, or the place itself.
  func name(_ place: Diagnostic.Place?) -> String {
    guard let place else { return "nowhere" }
    return names["\(place)"] ?? "\(place)"
  }
}

/// The mistakes of a model, one line each for messages and notes, with marks for places.
func mistakes(
  settings: [String: String] = [:], path: String = #filePath, file: String = #fileID,
  _ body: @escaping @Sendable (ModelBuilder) -> Void
) throws -> [String] {
  let marks = try Marks(path, file)
  do throws(Diagnostics) {
    let module = try Model("m") { body($0) }.trace(settings: settings)
    return ["no mistake: " + printModule(module)]
  } catch {
    return error.all.flatMap { diagnostic in
      ["\(marks.name(diagnostic.place)): \(diagnostic.message)"]
        + diagnostic.notes.map {
          $0.place == nil ? "- \($0.message)" : "- \(marks.name($0.place)): \($0.message)"
        }
    }
  }
}

/// The mistakes of a function.
func mistakesOf(
  path: String = #filePath, file: String = #fileID, _ body: @escaping @Sendable (FunctionBuilder) -> Void
) throws -> [String] {
  try mistakes(path: path, file: file) { model in model.function("f", file: "elsewhere") { f in body(f) } }
}

/// The text of a model, which must verify and read back.
func text(_ settings: [String: String] = [:], _ body: @escaping @Sendable (ModelBuilder) -> Void) throws
  -> String
{
  try text(of: Model("m") { body($0) }.trace(settings: settings))
}

/// The text of a module, which must verify and read back.
func text(of module: IRModule) throws -> String {
  let problems = verify(module).map(\.description).joined(separator: "\n")
  #expect(problems == "")
  let text = printModule(module)
  #expect(printModule(try parseModule(text, file: "m.sluice")) == text)
  return text
}

/// The text of a function `f`, from its signature on.
func textOf(_ body: @escaping @Sendable (FunctionBuilder) -> Void) throws -> String {
  let all = try text { model in model.function("f") { f in body(f) } }
  return String(all.dropFirst("module @m\n\n".count))
}
