import SluiceIR
import SluicePlan

/// A `vector` loop around sums, alone or around a `jam` loop, that runs as register tiles.
///
/// Lanes are the elements of vectors, and rows are the iterations of the `jam` loop. That takes a body of sums of one
/// float type, whose loops count alike for all lanes and rows.
struct CTile {
  let loop: Loop
  /// The `jam` loop; nil where a tile has one row.
  let rows: Loop?
  let body: [CKernelTree.Node]
  let dtype: DType
  /// The registers that differ from lane to lane, and those that differ from row to row.
  private(set) var varyingInLanes: Set<Register> = []
  private(set) var varyingInRows: Set<Register> = []
  /// The registers that are read in another piece of straight-line code than the one that defines them.
  private(set) var carried: Set<Register> = []
  /// The registers that the tile defines, its indices among them.
  private(set) var defined: Set<Register> = []

  /// Looks at a loop; nil where it is none for tiles.
  init?(_ loop: Loop, _ inside: [CKernelTree.Node], _ printer: CKernelPrinter) {
    guard loop.kind == .vector, loop.step == 1, !printer.takesSizes else { return nil }
    self.loop = loop
    if inside.count == 1, case .loop(let jam, let body) = inside[0], jam.kind == .jam {
      guard jam.step == 1 else { return nil }
      (rows, self.body) = (jam, body)
    } else {
      (rows, body) = (nil, inside)
    }
    guard body.contains(where: \.isLoop), let dtype = Self.dtype(body, printer.kernel) else { return nil }
    self.dtype = dtype
    spread(printer)
    guard isPlain(body, printer) else { return nil }
    findCarried()
    // What is not at hand as an array must be used where it is made.
    for register in carried where !varyingInLanes.contains(register) && varyingInRows.contains(register) {
      return nil
    }
    findDefined()
  }

  /// Calls a closure for every instruction and loop of the body, with the number of its piece of straight-line code.
  private func forEach(_ visit: (Instruction, Int) -> Void) {
    var piece = 0
    func walk(_ nodes: [CKernelTree.Node]) {
      for node in nodes {
        switch node {
        case .instruction(let instruction): visit(instruction, piece)
        case .loop(let loop, let inside):
          visit(.loop(loop), piece)
          piece += 1
          walk(inside)
          piece += 1
        case .branch(let condition, let inside):
          visit(.if(condition), piece)
          piece += 1
          walk(inside)
          piece += 1
        }
      }
    }
    walk(body)
  }

  /// The float type of all sums; nil where there are several, or none.
  private static func dtype(_ body: [CKernelTree.Node], _ kernel: Kernel) -> DType? {
    var found: Set<DType> = []
    func walk(_ nodes: [CKernelTree.Node]) {
      for node in nodes {
        switch node {
        case .instruction(.scalar(let scalar)) where scalar.op == .fma: found.insert(scalar.dtype)
        case .loop(_, let inside), .branch(_, let inside): walk(inside)
        case .instruction: break
        }
      }
    }
    walk(body)
    guard found.count == 1, let dtype = found.first, dtype == .f32 || dtype == .f64 else { return nil }
    return dtype
  }

  /// Finds what differs from lane to lane, and from row to row.
  private mutating func spread(_ printer: CKernelPrinter) {
    varyingInLanes = [loop.index]
    if let rows { varyingInRows = [rows.index] }
    var size = -1
    while size != varyingInLanes.count + varyingInRows.count {
      size = varyingInLanes.count + varyingInRows.count
      var (lanes, rows) = (varyingInLanes, varyingInRows)
      forEach { instruction, _ in
        guard let result = instruction.result else { return }
        if instruction.reads.contains(where: { lanes.contains($0) }) { lanes.insert(result) }
        if instruction.reads.contains(where: { rows.contains($0) }) { rows.insert(result) }
      }
      // A variable that is changed with the lanes starts as a vector, too: it differs in rows as well.
      if self.rows != nil { rows.formUnion(printer.tree.variables.intersection(lanes)) }
      (varyingInLanes, varyingInRows) = (lanes, rows)
    }
  }

  /// Whether tiles can be made of the body.
  private func isPlain(_ nodes: [CKernelTree.Node], _ printer: CKernelPrinter) -> Bool {
    nodes.allSatisfy { node in
      switch node {
      case .branch: false
      case .loop(let loop, let inside):
        loop.kind == .sequential
          && !loop.bounds.contains { $0.terms.contains { isVarying($0.register) } }
          && isPlain(inside, printer)
      case .instruction(let instruction): isPlain(instruction, printer)
      }
    }
  }

  private func isVarying(_ register: Register) -> Bool {
    varyingInLanes.contains(register) || varyingInRows.contains(register)
  }

  private func isPlain(_ instruction: Instruction, _ printer: CKernelPrinter) -> Bool {
    let registers = printer.kernel.registers
    switch instruction {
    case .scalar(let scalar):
      if !varyingInLanes.contains(scalar.result) {
        return !printer.tree.variables.contains(scalar.result)
      }
      guard scalar.dtype == dtype else { return false }
      switch scalar.op {
      case .fma, .add, .canonical: return scalar.source == dtype
      case .select: return !varyingInLanes.contains(scalar.operands[0])
      default: return false
      }
    case .index(let result, _): return !varyingInLanes.contains(result)
    case .load(let result, _, let affine):
      if !varyingInLanes.contains(result) { return true }
      // With one row to share them, elements that are apart are better left to the compiler.
      return registers[result] == dtype && isStraight(affine)
        && (rows != nil || affine.terms.contains { isNeighbour($0, printer) })
    case .store(_, let affine, let value):
      return registers[value] == dtype && isStraight(affine)
        && affine.terms.contains { $0.register == loop.index }
    case .assign(let variable, _): return varyingInLanes.contains(variable) && registers[variable] == dtype
    case .accumulate, .local, .loop, .if, .end: return false
    }
  }

  /// Whether a term says that lanes are neighbours in memory.
  private func isNeighbour(_ term: Affine.Term, _ printer: CKernelPrinter) -> Bool {
    term.register == loop.index && printer.dims.dims.value(term.coefficient) == 1
  }

  /// Whether the lanes of an access are equally far apart.
  private func isStraight(_ affine: Affine) -> Bool {
    affine.terms.allSatisfy { $0.register == loop.index || !varyingInLanes.contains($0.register) }
  }

  private mutating func findCarried() {
    var home: [Register: Int] = [:]
    var found: Set<Register> = []
    forEach { instruction, piece in
      for register in instruction.reads where home[register] ?? piece != piece { found.insert(register) }
      guard let result = instruction.result else { return }
      if let known = home[result], known != piece { found.insert(result) }
      if home[result] == nil { home[result] = piece }
    }
    carried = found
  }

  private mutating func findDefined() {
    var found: Set<Register> = [loop.index]
    if let rows { found.insert(rows.index) }
    forEach { instruction, _ in
      if case .loop(let loop) = instruction { found.insert(loop.index) }
      if let result = instruction.result { found.insert(result) }
    }
    defined = found
  }
}
