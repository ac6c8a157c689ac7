import SluiceIR
import SluicePlan

// Loops that run as register tiles: calls of functions that all tiles of a form share.
extension CKernelPrinter {
  /// Prints a loop that runs as register tiles.
  mutating func print(_ tile: CTile, _ bounds: (begin: String, end: String)) {
    emitter.flush()
    let form = CTileForm(tile, self)
    var arguments = form.parameters.map { argument($0.argument) }
    if let rows = tile.rows {
      let rows = self.bounds(rows)
      arguments += [rows.begin, rows.end]
    }
    arguments += [bounds.begin, bounds.end]
    let name = helpers.product(CTileFunctions(tile, form, self))
    emitter.writer.line("\(name)(\(arguments.joined(separator: ", ")));")
  }

  private mutating func argument(_ argument: CTileForm.Argument) -> String {
    switch argument {
    case .memory(.slot(let slot)):
      usedSlots.insert(slot)
      return slotNames[slot]
    case .memory(.local(let local)): return localNames[local]
    case .extent(let dim): return expression(Affine(dim)).text
    case .end(let loop): return self.bounds(loop).end
    case .place(let affine): return expression(affine).text
    case .value(let register): return emitter.value(register).text
    }
  }
}
