import SluiceIR
import SluicePlan

/// Prints what one register tile does: loops around pieces of straight-line code, each for all rows and vectors.
struct CTileBody {
  private let tile: CTile
  private let form: CTileForm
  private let printer: CKernelPrinter
  private var emitter: CEmitter
  /// The arrays of registers that are vectors, and the elements of one row and vector in them.
  private var arrays: [Register: String] = [:]

  private var helpers: CHelpers { printer.helpers }

  init(_ tile: CTile, _ form: CTileForm, _ printer: CKernelPrinter) {
    self.tile = tile
    self.form = form
    self.printer = printer
    emitter = CEmitter(
      CWriter(depth: 1), form.scope, printer.helpers, dtypes: printer.kernel.registers,
      uses: printer.tree.uses)
    emitter.vectors = tile.varyingInLanes
    for (register, name) in form.values { emitter.know(register, name) }
    let lanes = printer.helpers.macro("LANES_\(tile.dtype.name.uppercased())")
    emitter.know(tile.loop.index, CExpression("j + v * \(lanes)", .additive, .index))
    if let rows = tile.rows { emitter.know(rows.index, CExpression("i + r", .additive, .index)) }
  }

  /// The body of the function of a tile.
  mutating func text() -> String {
    print(form.body)
    return emitter.writer.text
  }

  private mutating func print(_ nodes: [CKernelTree.Node]) {
    var piece: [Instruction] = []
    for node in nodes {
      switch node {
      case .instruction(let instruction): piece.append(instruction)
      case .loop(let loop, let inside):
        print(piece)
        piece = []
        let bounds = emitter.bounds(loop, form.dims)
        emitter.openLoop(loop, bounds, hint: helpers.macro("ROLLED"))
        print(inside)
        emitter.close()
        emitter.scope.close()
      case .branch: preconditionFailure("a condition inside a tile")
      }
    }
    print(piece)
  }

  /// Prints straight-line code: what is the same for the tile, then vectors for all rows, then what rows have.
  private mutating func print(_ piece: [Instruction]) {
    let own = piece.filter { !differs($0).lanes && !differs($0).rows }
    let vectors = piece.filter { differs($0).lanes && !differs($0).rows }
    let rows = piece.filter { differs($0).rows }
    for instruction in own { printScalar(instruction) }
    emitter.flush()
    for instruction in vectors + rows { declare(instruction) }
    if !vectors.isEmpty { printVectors(vectors) }
    guard !rows.isEmpty else { return }
    emitter.open("\(helpers.macro("EACH"))(r, rows)")
    for instruction in rows where !differs(instruction).lanes { printScalar(instruction) }
    let inLanes = rows.filter { differs($0).lanes }
    if !inLanes.isEmpty { printVectors(inLanes) }
    emitter.flush()
    emitter.close()
  }

  /// Whether an instruction is another one in every lane, and in every row.
  private func differs(_ instruction: Instruction) -> (lanes: Bool, rows: Bool) {
    guard let result = instruction.result else { return (true, tile.rows != nil) }
    return (tile.varyingInLanes.contains(result), tile.varyingInRows.contains(result))
  }

  private mutating func printVectors(_ instructions: [Instruction]) {
    emitter.open("\(helpers.macro("EACH"))(v, vectors)")
    for instruction in instructions { printVector(instruction) }
    emitter.flush()
    emitter.close()
  }

  /// Declares the array of a vector that is read elsewhere.
  private mutating func declare(_ instruction: Instruction) {
    guard let result = instruction.result, tile.varyingInLanes.contains(result), arrays[result] == nil else {
      return
    }
    let isRow = tile.varyingInRows.contains(result)
    let isVariable = printer.tree.variables.contains(result)
    guard tile.carried.contains(result) || !isRow || isVariable else { return }
    let name = emitter.scope.claim(isVariable ? printer.variableName(result) : "lanes")
    let most = tile.rows == nil ? 8 : 2
    let rows = isRow ? "[\(helpers.macro("ROWS"))]" : ""
    emitter.writer.line("\(emitter.type(result)) \(name)\(rows)[\(most)];")
    arrays[result] = "\(name)\(isRow ? "[r]" : "")[v]"
  }

  /// Prints an instruction that is the same in all lanes.
  private mutating func printScalar(_ instruction: Instruction) {
    switch instruction {
    case .scalar(let scalar): emitter.scalar(scalar)
    case .index(let result, let affine): emitter.index(result, affine, form.dims)
    case .load(let result, .slot(let slot), let index):
      let pointer = form.pointers[slot]
      emitter.load(result, pointer.name, index, form.dims, isForeignBool: pointer.isForeignBool)
    default: preconditionFailure("no instruction of tiles")
    }
  }

  /// Prints an instruction whose result or value is a vector.
  private mutating func printVector(_ instruction: Instruction) {
    let count = "count - v * \(helpers.macro("LANES_\(tile.dtype.name.uppercased())"))"
    switch instruction {
    case .scalar(let scalar): emitter.vector(scalar)
    case .load(let result, .slot(let slot), let index):
      emitter.loadVector(
        result, form.pointers[slot].name, index, stride: stride(index), count: count,
        ahead: form.ahead[result], form.dims)
    case .store(.slot(let slot), let index, let value):
      emitter.storeVector(
        form.pointers[slot].name, index, value, stride: stride(index), count: count, form.dims)
    case .assign(let variable, let value):
      emitter.assignVector(variable, value, place: arrays[variable] ?? "")
    default: preconditionFailure("no vectors")
    }
    if let result = instruction.result, let place = arrays[result], !printer.tree.variables.contains(result) {
      emitter.assignVector(result, result, place: place)
    }
  }

  /// How far the lanes of an access are apart; nil for neighbours.
  private func stride(_ affine: Affine) -> CExpression? {
    guard let term = affine.terms.first(where: { $0.register == tile.loop.index }) else { return nil }
    return form.dims.dims.value(term.coefficient) == 1 ? nil : form.dims.expression(term.coefficient)
  }
}
