import SluiceIR
import SluicePlan

/// Calls that are printed once: every argument is one expression of the number of the repetition.
struct CRepetition {
  /// The variable that counts.
  let counter: String
  /// How many steps a repetition is behind the first one.
  let distances: [Int]
  /// The scope of the names of pointers, which are declared in the loop; nil where there are none.
  let depth: Int?
  /// The texts of tuples of buffers, one a repetition.
  var texts: [[Int]: String] = [:]
  /// The declarations of names.
  var declarations: [String] = []
  /// The columns of the table of places, for those that are not equally far apart; and its name.
  var places: [[Int]] = []
  let table: String

  var count: Int { distances.count }
  /// How many steps there are in a repetition.
  var period: Int { distances.count > 1 ? distances[1] : 0 }
}

// Steps that repeat, in loops.
extension CEntry {
  /// The fewest calls that run together for which a loop is shorter than their list.
  private static let leastRows = 6

  /// What calls of one kernel have in common; nil where a list of them is shorter.
  mutating func repetition(ofCalls steps: [Int]) -> CRepetition? {
    guard repetition == nil, steps.count >= Self.leastRows,
      steps.dropFirst().allSatisfy({ function.isLike(function.steps[steps[0]], function.steps[$0]) })
    else { return nil }
    return CRepetition(
      counter: scope.first(of: ["n"]), distances: steps.map { $0 - steps[0] }, depth: nil,
      table: scope.claim("places"))
  }

  /// Steps that repeat, in a loop.
  mutating func printRun(_ run: CRun, _ writer: inout CWriter) {
    scope.open()
    let counter = scope.first(of: ["n"])
    repetition = CRepetition(
      counter: counter, distances: (0..<run.count).map { $0 * run.period }, depth: scope.depth,
      table: scope.claim("places"))
    var body = CWriter(depth: writer.depth + 1)
    printSteps(run.start..<run.start + run.period, &body)
    writer.open("for (ptrdiff_t \(counter) = 0; \(counter) < \(run.count); ++\(counter))")
    printPlaces(&writer)
    for line in repetition?.declarations ?? [] { writer.line(line) }
    writer.raw(body.text)
    writer.close()
    repetition = nil
    scope.close()
  }

  /// The table of places of the repetition that is open.
  func printPlaces(_ writer: inout CWriter) {
    guard let repetition, !repetition.places.isEmpty else { return }
    let rows = (0..<repetition.count).map { row in
      "{\(repetition.places.map { String($0[row]) }.joined(separator: ", "))}"
    }
    writer.line(
      "static const size_t \(repetition.table)[\(repetition.count)][\(repetition.places.count)] = "
        + "{\(rows.joined(separator: ", "))};")
  }

  /// The expression of the pointer that a call gives a slot.
  mutating func pointer(_ step: Int, _ slot: Int) -> String {
    let first = arguments(step)[slot].buffer.index
    guard let repetition else { return pointer(first) }
    let buffers = repetition.distances.map { arguments(step + $0)[slot].buffer.index }
    if buffers.allSatisfy({ $0 == first }) { return pointer(first) }
    if let known = repetition.texts[buffers] { return known }
    var text = address(buffers)
    if let depth = repetition.depth, repetition.declarations.count < Self.mostPointers {
      let name = scope.claim(name(buffers), depth: depth)
      let declaration = "\(type(function.buffers[first]))const \(name) = \(text);"
      self.repetition?.declarations.append(declaration)
      text = name
    }
    self.repetition?.texts[buffers] = text
    return text
  }

  /// The address of a buffer a repetition: equally far apart, or in the table of places.
  private mutating func address(_ buffers: [Int]) -> String {
    guard let counter = repetition?.counter, let table = repetition?.table else { return "" }
    let first = function.buffers[buffers[0]]
    noteBlock(first)
    let offsets = buffers.map { offset(function.buffers[$0]) }
    let distance = offsets[1] - offsets[0]
    if zip(offsets, offsets.dropFirst()).allSatisfy({ $1 - $0 == distance }) {
      let moved = "\(counter) * \(distance.magnitude)"
      let place =
        distance == 0
        ? String(offsets[0])
        : distance < 0 ? "\(offsets[0]) - \(moved)" : offsets[0] == 0 ? moved : "\(offsets[0]) + \(moved)"
      return elements(first, place)
    }
    let column = repetition?.places.count ?? 0
    repetition?.places.append(offsets)
    return elements(first, "\(table)[\(counter)][\(column)]")
  }

  /// A name for a buffer a repetition: `layers_n_norm_weight` where names differ in a number.
  private func name(_ buffers: [Int]) -> String {
    let names = buffers.prefix(2).map { function.buffers[$0].name.split { $0 == "_" || $0 == "." } }
    guard names.count == 2, names[0].count == names[1].count, names[0].count > 1,
      let counter = repetition?.counter
    else { return function.buffers[buffers[0]].name }
    let parts = zip(names[0], names[1]).map { $0 == $1 ? String($0) : counter }
    return parts.joined(separator: "_")
  }
}
