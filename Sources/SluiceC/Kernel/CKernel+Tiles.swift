import SluiceIR
import SluicePlan

// Register tiles: a function for the sums of one tile, and loops over all of them.
extension CKernelPrinter {
  /// The names that a tile has for its rows, its vectors and what is asked of it.
  private struct TileNames {
    var row: String
    var vector: String
    var rows: String
    var vectors: String
    var count: String
    /// How many lanes a vector has.
    var lanes: String
    /// The innermost loop that is open.
    var innermost: Loop?
  }

  /// Prints a loop that runs as register tiles.
  mutating func printTile(_ tile: CTile, _ bounds: (begin: String, end: String)) {
    tileCount += 1
    let name = tileCount == 1 ? tileName : "\(tileName)_\(tileCount)"
    emitter.flush()
    var arguments = memoryNames(tile)
    for register in tile.free { arguments.append(emitter.value(register).text) }
    arguments += tile.symbols.sorted { $0.raw < $1.raw }.map { dims.name($0) }
    usedSymbols.formUnion(tile.symbols)
    for memory in tile.memories where memory < kernel.slots.count { usedSlots.insert(memory) }
    printTileFunction(tile, name)
    if let rows = tile.rows.map({ self.bounds($0) }) { arguments += [rows.begin, rows.end] }

    let lanes = helpers.macro("LANES_\(tile.dtype.name.uppercased())")
    // The index is declared in the code around, and its name stays in use.
    let index = indexName()
    emitter.scope.open()
    emitter.writer.line("ptrdiff_t \(index) = \(bounds.begin);")
    for vectors in tile.rows == nil ? [8, 2] : [2] {
      let block = "\(vectors) * \(lanes)"
      emitter.writer.line(helpers.macro("ROLLED"))
      open("for (; \(index) + \(block) <= \(bounds.end); \(index) += \(block))")
      let own = tile.rows == nil ? [block, "\(vectors)"] : []
      let call = tile.rows == nil ? name : "\(name)_rows"
      emitter.writer.line("\(call)(\((arguments + [index] + own).joined(separator: ", ")));")
      close()
    }
    if leavesLanes(tile) {
      open("for (; \(index) < \(bounds.end); \(index) += \(lanes))")
      let rest = emitter.scope.claim("count")
      let left = "\(bounds.end) - \(index)"
      let isWhole = tile.rows != nil && fillsRegisters(tile)
      emitter.writer.line(
        "const ptrdiff_t \(rest) = \(isWhole ? lanes : "\(left) < \(lanes) ? \(left) : \(lanes)");")
      let own = tile.rows == nil ? [rest, "1"] : [rest]
      let call = tile.rows == nil ? name : "\(name)_rest"
      emitter.writer.line("\(call)(\((arguments + [index] + own).joined(separator: ", ")));")
      close()
    }
    emitter.scope.close()
  }

  /// Whether lanes may be left over behind pairs of the widest vectors.
  private func leavesLanes(_ tile: CTile) -> Bool {
    !isMultiple(tile.loop, of: 32) || tile.rows == nil && tile.dtype == .f64
  }

  /// Whether lanes come in whole vectors of the widest processors.
  private func fillsRegisters(_ tile: CTile) -> Bool {
    isMultiple(tile.loop, of: tile.dtype == .f64 ? 8 : 16)
  }

  /// The functions that run all rows of a block of lanes: as many as fit at once, and what is left in smaller tiles.
  ///
  /// They are functions of their own since compilers take long for large ones. Tiles of two thirds take what is left of
  /// a multiple of a third: 16 rows are 8 and 8, not 12 and 4, of which the 4 would wait for memory.
  private mutating func printRowFunctions(
    _ tile: CTile, _ name: String, _ parameters: [String], _ arguments: [String], _ scope: NameScope
  ) {
    guard let jam = tile.rows else { return }
    var scope = scope
    let (begin, end) = (scope.claim("begin"), scope.claim("end"))
    let (row, lane, count) = (scope.claim("i"), scope.claim("j"), scope.claim("count"))
    let rows = helpers.macro("ROWS")
    let lanes = helpers.macro("LANES_\(tile.dtype.name.uppercased())")
    let (some, few) = (helpers.macro("SOME_ROWS"), helpers.macro("FEW_ROWS"))
    for isRest in leavesLanes(tile) ? [false, true] : [false] {
      let own =
        ["ptrdiff_t \(begin)", "ptrdiff_t \(end)", "ptrdiff_t \(lane)"]
        + (isRest ? ["ptrdiff_t \(count)"] : [])
      let list = (parameters + own).joined(separator: ", ")
      tileFunctions.line(helpers.macro("KERNEL"))
      tileFunctions.open("static void \(name)_\(isRest ? "rest" : "rows")(\(list))")
      tileFunctions.line("ptrdiff_t \(row) = \(begin);")
      let sizes =
        isMultiple(span: jam, of: 12)
        ? [rows] : isRest && !fillsRegisters(tile) ? [rows, "1"] : [rows, some, few, "1"]
      for size in sizes {
        tileFunctions.line(helpers.macro("ROLLED"))
        let stops = size == rows && sizes.contains(some) ? " && \(end) - \(row) != \(rows) + \(few)" : ""
        tileFunctions.open("for (; \(row) + \(size) <= \(end)\(stops); \(row) += \(size))")
        let shape = isRest ? [fillsRegisters(tile) ? lanes : count, "1"] : ["2 * \(lanes)", "2"]
        let all = arguments + [row, lane] + shape + [size]
        tileFunctions.line("\(name)(\(all.joined(separator: ", ")));")
        tileFunctions.close()
      }
      tileFunctions.close()
      tileFunctions.blank()
    }
  }

  /// Whether every block of rows is a multiple of a number.
  private func isMultiple(span loop: Loop, of length: Int64) -> Bool {
    guard loop.end.terms == loop.start.terms,
      let span = { () -> DimID? in
        var dims = dims.dims
        return dims.subtract(loop.end.constant, loop.start.constant)
      }(), let value = dims.dims.value(span), value % length == 0
    else { return false }
    guard let limit = loop.limit else { return true }
    return limit.terms.isEmpty && dims.dims.value(limit.constant).map { $0 % length == 0 } ?? false
  }

  private func memoryNames(_ tile: CTile) -> [String] {
    tile.memories.sorted().map {
      $0 < kernel.slots.count ? slotNames[$0] : localNames[$0 - kernel.slots.count]
    }
  }

  // MARK: The function

  private mutating func printTileFunction(_ tile: CTile, _ name: String) {
    var parameters: [String] = []
    for memory in tile.memories.sorted() {
      if memory < kernel.slots.count {
        parameters.append(parameter(memory))
      } else {
        let local = memory - kernel.slots.count
        parameters.append("\(helpers.element(kernel.locals[local].dtype)) *\(localNames[local])")
      }
    }
    let outer = emitter
    var scope = NameScope(prefix: helpers.prefix, slotNames + localNames + dims.names.values)
    let kinds = tile.free.map { outer.known($0)?.kind ?? .value }
    let values = tile.free.map { _ in scope.number("t") }
    for (position, register) in tile.free.enumerated() {
      let type = kinds[position] == .index ? "ptrdiff_t" : kernel.registers[register].cType
      parameters.append("\(type) \(values[position])")
    }
    for symbol in tile.symbols.sorted(by: { $0.raw < $1.raw }) {
      parameters.append("ptrdiff_t \(dims.name(symbol))")
    }
    let shared = (parameters: parameters, scope: scope)
    let lanes = helpers.macro("LANES_\(tile.dtype.name.uppercased())")
    let i = tile.rows == nil ? "" : scope.claim("i")
    let j = scope.claim("j")
    let names = TileNames(
      row: scope.claim("r"), vector: scope.claim("v"), rows: scope.claim("rows"),
      vectors: scope.claim("vectors"), count: scope.claim("count"), lanes: lanes)
    if tile.rows != nil { parameters.append("ptrdiff_t \(i)") }
    parameters += ["ptrdiff_t \(j)", "ptrdiff_t \(names.count)", "const int \(names.vectors)"]
    if tile.rows != nil { parameters.append("const int \(names.rows)") }

    emitter = CEmitter(CWriter(depth: 1), scope, helpers, dtypes: kernel.registers, uses: tree.uses)
    emitter.vectors = tile.varyingInLanes
    for (register, (name, kind)) in zip(tile.free, zip(values, kinds)) {
      emitter.know(register, CExpression(name, .primary, kind == .index ? .index : .value))
    }
    emitter.know(tile.loop.index, CExpression("\(j) + \(names.vector) * \(lanes)", .additive, .index))
    if let rows = tile.rows {
      emitter.know(rows.index, CExpression("\(i) + \(names.row)", .additive, .index))
    }
    var arrays: [Register: String] = [:]
    printTile(tile, tile.body, names, &arrays)
    tileFunctions.comment(["A tile of \(tileName.dropLast(5)): \(shape(tile, names))."])
    tileFunctions.open("\(helpers.macro("TILE")) void \(name)(\(parameters.joined(separator: ", ")))")
    tileFunctions.raw(emitter.writer.text)
    tileFunctions.close()
    tileFunctions.blank()
    emitter = outer
    let arguments = memoryNames(tile) + values + tile.symbols.sorted { $0.raw < $1.raw }.map { dims.name($0) }
    printRowFunctions(tile, name, shared.parameters, arguments, shared.scope)
  }

  private func shape(_ tile: CTile, _ names: TileNames) -> String {
    tile.rows == nil
      ? "`\(names.vectors)` vectors, in all `\(names.count)` lanes"
      : "`\(names.rows)` rows of `\(names.vectors)` vectors, in all `\(names.count)` lanes each"
  }

  private mutating func printTile(
    _ tile: CTile, _ nodes: [CKernelTree.Node], _ names: TileNames, _ arrays: inout [Register: String]
  ) {
    var piece: [Instruction] = []
    for node in nodes {
      switch node {
      case .instruction(let instruction): piece.append(instruction)
      case .loop(let loop, let inside):
        printPiece(tile, piece, names, &arrays)
        piece = []
        openLoop(loop, bounds(loop), hint: helpers.macro("ROLLED"))
        var inner = names
        inner.innermost = loop
        printTile(tile, inside, inner, &arrays)
        close()
        emitter.scope.close()
      case .branch: preconditionFailure("a condition inside a tile")
      }
    }
    printPiece(tile, piece, names, &arrays)
  }

  /// Prints straight-line code: what is the same for the tile, then vectors for all rows, then what rows have.
  private mutating func printPiece(
    _ tile: CTile, _ piece: [Instruction], _ names: TileNames, _ arrays: inout [Register: String]
  ) {
    func differs(_ instruction: Instruction) -> (lanes: Bool, rows: Bool) {
      switch instruction {
      case .store: (true, tile.rows != nil)
      default:
        (
          instruction.result.map { tile.varyingInLanes.contains($0) } ?? false,
          instruction.result.map { tile.varyingInRows.contains($0) } ?? false
        )
      }
    }
    let own = piece.filter { !differs($0).lanes && !differs($0).rows }
    let vectors = piece.filter { differs($0).lanes && !differs($0).rows }
    let rows = piece.filter { differs($0).rows }
    for instruction in own { print(instruction) }
    emitter.flush()
    for instruction in vectors + rows {
      guard let result = instruction.result, tile.varyingInLanes.contains(result), arrays[result] == nil
      else {
        continue
      }
      let isRow = tile.varyingInRows.contains(result)
      guard tile.carried.contains(result) || !isRow || tree.variables.contains(result) else { continue }
      declare(result, tile, names, isRow, &arrays)
    }
    if !vectors.isEmpty {
      open("\(helpers.macro("EACH"))(\(names.vector), \(names.vectors))")
      for instruction in vectors { printVector(instruction, tile, names, arrays) }
      emitter.flush()
      close()
    }
    guard !rows.isEmpty else { return }
    open("\(helpers.macro("EACH"))(\(names.row), \(names.rows))")
    for instruction in rows where !differs(instruction).lanes { print(instruction) }
    let inLanes = rows.filter { differs($0).lanes }
    if !inLanes.isEmpty {
      open("\(helpers.macro("EACH"))(\(names.vector), \(names.vectors))")
      for instruction in inLanes { printVector(instruction, tile, names, arrays) }
      emitter.flush()
      close()
    }
    emitter.flush()
    close()
  }

  private mutating func declare(
    _ register: Register, _ tile: CTile, _ names: TileNames, _ isRow: Bool,
    _ arrays: inout [Register: String]
  ) {
    let isVariable = tree.variables.contains(register)
    let name = emitter.scope.claim(isVariable ? variableName(register) : "lanes")
    let most = tile.rows == nil ? 8 : 2
    let rows = isRow ? "[\(helpers.macro("ROWS"))]" : ""
    emitter.writer.line("\(emitter.type(register)) \(name)\(rows)[\(most)];")
    arrays[register] = "\(name)\(isRow ? "[\(names.row)]" : "")[\(names.vector)]"
  }

  /// Prints an instruction whose result or value is a vector.
  private mutating func printVector(
    _ instruction: Instruction, _ tile: CTile, _ names: TileNames, _ arrays: [Register: String]
  ) {
    let count = "\(names.count) - \(names.vector) * \(names.lanes)"
    switch instruction {
    case .scalar(let scalar): emitter.vector(scalar)
    case .load(let result, let memory, let index):
      note(index)
      emitter.loadVector(
        result, name(memory), index, stride: stride(index, tile), count: count,
        ahead: ahead(result, memory, index, tile, names), dims)
    case .store(let memory, let index, let value):
      note(index)
      emitter.storeVector(name(memory), index, value, stride: stride(index, tile), count: count, dims)
    case .assign(let variable, let value):
      emitter.assignVector(variable, value, place: arrays[variable] ?? "")
    case .index, .local, .accumulate, .loop, .if, .end: preconditionFailure("no vectors")
    }
    if let result = instruction.result, let place = arrays[result], !tree.variables.contains(result) {
      emitter.assignVector(result, result, place: place)
    }
  }

  /// How many elements further a load of all rows should be asked for early; nil where the processor sees that itself.
  ///
  /// Neighbouring terms of a sum that are a quarter of a page apart are soon on other pages, which prefetchers of
  /// processors do not cross.
  private func ahead(
    _ result: Register, _ memory: Memory, _ index: Affine, _ tile: CTile, _ names: TileNames
  ) -> String? {
    guard case .slot = memory, let loop = names.innermost, tile.rows != nil,
      !tile.varyingInRows.contains(result),
      let term = index.terms.first(where: { $0.register == loop.index }),
      let distance = dims.dims.value(term.coefficient),
      distance >= Int64(1024 / tile.dtype.byteCount), loop.step == 1
    else { return nil }
    return "\(Self.termsAhead) * \(distance)"
  }

  /// How many terms of a sum ahead of its use an operand is asked for.
  private static let termsAhead = 8

  private func name(_ memory: Memory) -> String {
    switch memory {
    case .slot(let slot): slotNames[slot]
    case .local(let local): localNames[local]
    }
  }

  /// How far the lanes of an access are apart; nil for neighbours.
  private func stride(_ affine: Affine, _ tile: CTile) -> CExpression? {
    guard let term = affine.terms.first(where: { $0.register == tile.loop.index }) else { return nil }
    return dims.dims.value(term.coefficient) == 1 ? nil : dims.expression(term.coefficient)
  }
}
