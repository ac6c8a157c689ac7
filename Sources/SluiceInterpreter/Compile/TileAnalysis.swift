import SluiceIR
import SluicePlan

/// Finds the loops of a kernel that run a tile of iterations at once, and the registers that differ within a tile.
///
/// `vector` and `lanes` loops run in tiles, and so do `parallel` loops and tasks that would be allowed as `vector`
/// loops: their iterations are independent, and the bits are the same.
struct TileAnalysis {
  private let kernel: Kernel
  /// Per loop whether it runs in tiles.
  private(set) var isTiled: [Bool]
  /// Per instruction the tiled loop around it, or -1.
  private(set) var tileOf: [Int]
  /// Per register whether it differs between the iterations of a tile.
  private(set) var isVarying: [Bool]
  /// Per register that does not: whether an instruction on rows uses it.
  private(set) var needsRow: [Bool]
  /// Per register how often it is defined, assigned or accumulated.
  private(set) var definitionCounts: [Int]

  init(_ kernel: Kernel) {
    self.kernel = kernel
    isTiled = kernel.instructions.map { _ in false }
    tileOf = kernel.instructions.map { _ in -1 }
    isVarying = kernel.registers.map { _ in false }
    needsRow = isVarying
    definitionCounts = kernel.registers.map { _ in 0 }
    chooseLoops()
    placeInstructions()
    spread()
    while let misfit = firstMisfit() {
      isTiled[misfit] = false
      placeInstructions()
      spread()
    }
    collectRows()
  }

  /// Tiles every `vector` and `lanes` loop, and other independent ones with only sequential loops inside.
  private mutating func chooseLoops() {
    var open: [(position: Int, isSimple: Bool)] = []
    for (position, instruction) in kernel.instructions.enumerated() {
      switch instruction {
      case .loop(let loop):
        if loop.kind != .sequential { for at in open.indices { open[at].isSimple = false } }
        open.append((position, true))
      case .if:
        for at in open.indices { open[at].isSimple = false }
        open.append((position, false))
      case .local: for at in open.indices { open[at].isSimple = false }
      case .end:
        guard let (begin, isSimple) = open.popLast(), case .loop(let loop) = kernel.instructions[begin] else {
          continue
        }
        isTiled[begin] =
          switch loop.kind {
          case .tasks, .parallel: isSimple
          case .vector, .lanes: true
          case .jam, .sequential: false
          }
      default: break
      }
    }
  }

  private mutating func placeInstructions() {
    var open: [Int] = []
    for (position, instruction) in kernel.instructions.enumerated() {
      if case .end = instruction { open.removeLast() }
      tileOf[position] = open.last { isTiled[$0] } ?? -1
      switch instruction {
      case .loop, .if: open.append(position)
      default: break
      }
    }
  }

  /// Spreads "varying" from the indices of tiled loops until nothing changes.
  private mutating func spread() {
    for register in isVarying.indices { isVarying[register] = false }
    for (position, instruction) in kernel.instructions.enumerated() where isTiled[position] {
      if case .loop(let loop) = instruction { isVarying[loop.index] = true }
    }
    var changes = true
    while changes {
      changes = false
      for (position, instruction) in kernel.instructions.enumerated() where tileOf[position] >= 0 {
        let result: Register
        let varies: Bool
        switch instruction {
        case .scalar(let scalar):
          result = scalar.result
          varies = scalar.operands.contains { isVarying[$0] }
        case .index(let register, let affine):
          result = register
          varies = self.varies(affine)
        case .load(let register, _, let index):
          result = register
          varies = self.varies(index)
        case .assign(let register, let value):
          result = register
          varies = isVarying[value]
        default: continue
        }
        if varies, !isVarying[result] {
          isVarying[result] = true
          changes = true
        }
      }
    }
  }

  /// Whether an index expression differs between the iterations of a tile.
  func varies(_ affine: Affine) -> Bool { affine.terms.contains { isVarying[$0.register] } }

  /// A tiled loop with a loop inside whose bounds differ within a tile.
  private func firstMisfit() -> Int? {
    for (position, instruction) in kernel.instructions.enumerated() {
      guard tileOf[position] >= 0, case .loop(let loop) = instruction else { continue }
      if loop.bounds.contains(where: { varies($0) }) { return tileOf[position] }
    }
    return nil
  }

  private mutating func collectRows() {
    for (position, instruction) in kernel.instructions.enumerated() {
      switch instruction {
      case .scalar(let scalar):
        definitionCounts[scalar.result] += 1
        if isVarying[scalar.result] { for operand in scalar.operands { needsRow[operand] = true } }
      case .index(let result, _), .load(let result, _, _): definitionCounts[result] += 1
      case .store(_, let index, let value):
        if tileOf[position] >= 0, varies(index) || isVarying[value] { needsRow[value] = true }
      case .assign(let result, let value):
        definitionCounts[result] += 1
        // A value that does not vary is splatted into the variable itself.
        if isVarying[value] { needsRow[value] = true }
      case .accumulate(let accumulator, _, let value):
        definitionCounts[accumulator] += 1
        needsRow[value] = true
      case .loop(let loop): definitionCounts[loop.index] += 1
      case .local, .if, .end: break
      }
    }
  }
}
