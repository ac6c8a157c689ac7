import SluiceIR
import SluicePlan

// Blocks and loops, and the names that live in them.
extension CEmitter {
  /// Opens a block, in which names are its own.
  mutating func open(_ code: String) {
    writer.open(code)
    scope.open()
  }

  /// Closes what `open` opened.
  mutating func close() {
    scope.close()
    writer.close()
  }

  /// A name for the index of a loop.
  mutating func indexName() -> String {
    scope.first(of: ["i", "j", "k", "l", "m", "n", "p", "q", "r", "s"])
  }

  /// Opens a loop in a scope of its own, which is closed after the block.
  mutating func openLoop(_ loop: Loop, _ bounds: (begin: String, end: String), hint: String? = nil) {
    scope.open()
    let index = indexName()
    know(loop.index, CExpression(index, .primary, .index))
    let step = loop.step == 1 ? "++\(index)" : "\(index) += \(loop.step)"
    if let hint { writer.line(hint) }
    open("for (ptrdiff_t \(index) = \(bounds.begin); \(index) < \(bounds.end); \(step))")
  }

  /// Where a loop begins and ends, as expressions that may be repeated.
  mutating func bounds(_ loop: Loop, _ dims: CDims) -> (begin: String, end: String) {
    let begin = affine(loop.start, dims).expression.text
    let end = affine(loop.end, dims)
    guard let limit = loop.limit else { return (begin, end.expression.text) }
    let most = affine(limit, dims)
    let texts = (end: end.expression.text(atLeast: .additive), most: most.expression.text(atLeast: .additive))
    let least = "\(texts.end) < \(texts.most) ? \(end.expression.text) : \(most.expression.text)"
    if let known = scope.name(of: least) { return (begin, known) }
    let name = scope.claim("end")
    writer.line("const ptrdiff_t \(name) = \(least);")
    if !end.variables, !most.variables { scope.note(least, name: name) }
    return (begin, name)
  }
}
