import SluiceIR
import SluicePlan

/// The codes of instructions and loops.
extension KernelCompiler {
  mutating func emit() {
    for (position, instruction) in kernel.instructions.enumerated() {
      tile = analysis.tileOf[position]
      switch instruction {
      case .scalar(let scalar): emit(scalar)
      case .index(let result, let affine):
        let isWide = analysis.isVarying[result]
        let index = address(affine)
        codes.append(
          Code(kind: .index, isWide: isWide, result: operand(result, isWide: isWide), index: index))
        splatIfNeeded(result)
      case .load(let result, let memory, let affine):
        let isWide = analysis.isVarying[result]
        let index = address(affine)
        let dtype = kernel.registers[result]
        codes.append(
          Code(
            kind: .load, dtype: dtype, isWide: isWide, result: operand(result, isWide: isWide),
            a: Int32(kernel.number(of: memory)), index: index))
        splatIfNeeded(result)
      case .store(let memory, let affine, let value):
        let isWide = tile >= 0 && (analysis.varies(affine) || analysis.isVarying[value])
        let index = address(affine)
        let dtype = kernel.registers[value]
        codes.append(
          Code(
            kind: .store, dtype: dtype, isWide: isWide, a: Int32(kernel.number(of: memory)),
            b: operand(value, isWide: isWide), index: index))
      case .local(let local):
        codes.append(
          Code(kind: .poison, dtype: kernel.locals[local].dtype, a: Int32(kernel.number(of: .local(local)))))
      case .assign(let result, let value): emitAssign(result, value)
      case .accumulate(let accumulator, let op, let value): emitAccumulate(accumulator, op, value)
      case .loop(let loop): begin(loop, position)
      case .if(let condition):
        scopes.append(Scope(loop: -1, begin: codes.count))
        codes.append(Code(kind: .unless, a: scalar(condition)))
      case .end: end()
      }
    }
    codes.append(Code(kind: .halt))
  }

  private mutating func emit(_ scalar: ScalarInstruction) {
    if constants[scalar.result] != nil { return }
    let isWide = analysis.isVarying[scalar.result]
    if scalar.op == .bitcast, share(scalar.result, scalar.operands[0], isWide: isWide) {
      return splatIfNeeded(scalar.result)
    }
    var code = Code(kind: .scalar, op: scalar.op, dtype: scalar.source, target: scalar.dtype, isWide: isWide)
    let operands = scalar.operands.map { operand($0, isWide: isWide) }
    if let first = operands.first {
      // What an operation does not use is a place of the right size all the same.
      code.a = first
      code.b = operands.count > 1 ? operands[1] : first
      code.c = operands.count > 2 ? operands[2] : first
    }
    switch scalar.op {
    case .constant:
      code.kind = .copy
      code.dtype = scalar.dtype
      code.a = constant(scalar.dtype, scalar.immediate, isRow: isWide)
    case .select: code.kind = .select
    case .cast: code.kind = .cast
    case .bitcast: code.kind = .copy
    case .piReduction: code.index = Int32(PiReduction(immediate: scalar.immediate).immediate)
    default: break
    }
    code.result = operand(scalar.result, isWide: isWide)
    codes.append(code)
    splatIfNeeded(scalar.result)
  }

  /// Lets a register stand where another one with the same bits stands; false where one of them may change.
  private mutating func share(_ result: Register, _ operand: Register, isWide: Bool) -> Bool {
    guard analysis.definitionCounts[result] == 1, analysis.definitionCounts[operand] == 1 else {
      return false
    }
    if let bits = constants[operand] {
      constants[result] = bits
    } else if isWide {
      rows[result] = row(operand)
    } else {
      scalars[result] = scalar(operand)
    }
    return true
  }

  private mutating func emitAssign(_ result: Register, _ value: Register) {
    let isWide = analysis.isVarying[result]
    var code = Code(kind: .copy, dtype: kernel.registers[result], isWide: isWide)
    if isWide, !analysis.isVarying[value] {
      code.kind = .splat
      code.a = scalar(value)
    } else {
      code.a = operand(value, isWide: isWide)
    }
    code.result = operand(result, isWide: isWide)
    codes.append(code)
    splatIfNeeded(result)
  }

  private mutating func emitAccumulate(_ accumulator: Register, _ op: ScalarOp, _ value: Register) {
    // The verifier has seen that the innermost scope is a lanes loop.
    guard let scope = scopes.last,
      let entry = scope.accumulators.first(where: { $0.register == accumulator })
    else { return }
    codes.append(
      Code(
        kind: .fold, op: op, dtype: kernel.registers[value], isWide: true, result: entry.row, b: row(value),
        index: Int32(scope.laneCount)))
  }

  // MARK: Loops

  private mutating func begin(_ loop: Loop, _ position: Int) {
    let isTiled = analysis.isTiled[position]
    var scope = Scope(loop: loops.count, begin: codes.count, isTiled: isTiled, laneCount: loop.lanes ?? 1)
    var tileWidth = CompiledKernel.tileWidth
    if isTiled, loop.lanes != nil { tileWidth = beginLanes(&scope, position) }
    let start = affine(loop.start)
    let stop = affine(loop.end)
    let limit = loop.limit.map { affine($0) } ?? -1
    let index = scalar(loop.index)
    let first = codes.count
    codes.append(Code(kind: isTiled ? .beginTiles : .beginLoop, index: Int32(scope.loop)))
    loops.append(
      LoopCode(
        start: start, end: stop, limit: limit, step: loop.step, index: index, remaining: placement.scalar(),
        indexRow: -1, tileWidth: tileWidth, body: -1, exit: -1))
    if isTiled {
      placement.beginTiles(at: first)
      tile = position
      for register in uniformOperands(of: position) { splatIfNeeded(register) }
      if analysis.needsRow[loop.index] {
        let indexRow = row(loop.index)
        placement.keepInTile(indexRow)
        loops[scope.loop].indexRow = indexRow
      }
      placement.beginBlock()
      loops[scope.loop].body = Int32(codes.count)
    } else {
      if tile >= 0 { placement.beginBlock() }
      loops[scope.loop].body = Int32(codes.count)
      splatIfNeeded(loop.index)
    }
    scopes.append(scope)
  }

  /// Gives every accumulator a row of lanes; how wide a tile may be.
  private mutating func beginLanes(_ scope: inout Scope, _ position: Int) -> Int {
    var isOrdered = false
    for instruction in kernel.instructions[position..<ends[position]] {
      guard case .accumulate(let register, let op, _) = instruction else { continue }
      if scope.accumulators.contains(where: { $0.register == register }) {
        isOrdered = true
        continue
      }
      let dtype = kernel.registers[register]
      let row = placement.row(dtype.byteCount)
      placement.touch(row, at: codes.count)
      codes.append(
        Code(kind: .spread, dtype: dtype, result: row, a: scalar(register), index: Int32(scope.laneCount)))
      scope.accumulators.append(Accumulator(register: register, op: op, row: row))
    }
    // Two values an iteration keep their order when a lane has only one iteration in a tile.
    return isOrdered ? scope.laneCount : CompiledKernel.tileWidth
  }

  /// The registers from outside a tiled loop that its instructions use.
  private mutating func uniformOperands(of loop: Int) -> [Register] {
    var inside: Set<Register> = []
    var used: [Register] = []
    var seen: Set<Register> = []
    for instruction in kernel.instructions[loop...ends[loop]] {
      var operands: [Register] = []
      switch instruction {
      case .scalar(let scalar):
        inside.insert(scalar.result)
        operands = scalar.operands
      case .index(let result, _), .load(let result, _, _): inside.insert(result)
      case .store(_, _, let value), .accumulate(_, _, let value): operands = [value]
      case .assign(let result, let value):
        // What is assigned here does not come from outside: the verifier has seen to that.
        inside.insert(result)
        operands = [value]
      case .loop(let loop): inside.insert(loop.index)
      case .local, .if, .end: break
      }
      for operand in operands where !inside.contains(operand) && seen.insert(operand).inserted {
        used.append(operand)
        // Its row in another tiled loop is not its row here.
        rows[operand] = -1
      }
    }
    return used
  }

  private mutating func end() {
    guard let scope = scopes.popLast() else { return }
    guard scope.loop >= 0 else {
      codes[scope.begin].index = Int32(codes.count)
      return
    }
    codes.append(Code(kind: scope.isTiled ? .endTiles : .endLoop, index: Int32(scope.loop)))
    loops[scope.loop].exit = Int32(codes.count)
    if scope.isTiled {
      placement.endBlock()
      placement.endTiles(at: codes.count - 1)
    } else if tile >= 0 {
      placement.endBlock()
    }
    for entry in scope.accumulators {
      placement.touch(entry.row, at: codes.count)
      codes.append(
        Code(
          kind: .tree, op: entry.op, dtype: kernel.registers[entry.register], result: scalar(entry.register),
          a: entry.row, index: Int32(scope.laneCount)))
    }
  }

  // MARK: Places

  /// The compiled kernel: virtual registers become places; nil when they take more than 2 GB.
  consuming func finish() -> CompiledKernel? {
    guard let (offsets, byteCount) = placement.place() else { return nil }
    func place(_ register: inout Int32) {
      if register >= 0 { register = offsets[Int(register)] }
    }
    for at in codes.indices {
      place(&codes[at].result)
      switch codes[at].kind {
      case .load, .store, .poison: break
      default: place(&codes[at].a)
      }
      place(&codes[at].b)
      place(&codes[at].c)
    }
    for at in terms.indices { place(&terms[at].register) }
    for at in loops.indices {
      place(&loops[at].index)
      place(&loops[at].remaining)
      place(&loops[at].indexRow)
    }
    place(&addressRow)
    var presets: [Preset] = []
    for (constants, count) in [(constantScalars, 1), (constantRows, CompiledKernel.tileWidth)] {
      for (constant, register) in constants {
        presets.append(
          Preset(
            register: offsets[Int(register)], dtype: constant.dtype, bits: constant.bits, count: count))
      }
    }
    let locals = kernel.locals.map {
      LocalCode(count: dim($0.count), elementBytes: $0.dtype.byteCount, most: table.bound($0.count) ?? 0)
    }
    return CompiledKernel(
      name: kernel.name, memories: (0..<kernel.memoryCount).map(kernel.memoryName), locals: locals,
      codes: codes, addresses: addresses, affines: affines,
      terms: terms, loops: loops, dims: dims, presets: presets, registerBytes: byteCount,
      addressRow: addressRow)
  }
}
