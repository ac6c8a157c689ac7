import SluiceIR
import SluicePlan

// Loops whose iterations run side by side: blocks of a `.vector` loop, and the lanes of a reduction.
extension CKernelPrinter {
  /// A `.vector` loop with loops inside: blocks of lanes, then what is left one at a time.
  mutating func printBlocks(
    _ loop: Loop, _ inside: [CKernelTree.Node], _ lanes: CLanes, _ bounds: (begin: String, end: String)
  ) {
    let length = lanes.blockLength
    let leavesNone = isMultiple(loop, of: length)
    // Where iterations are left over, the index is declared in the code around, and its name stays in use.
    if leavesNone { emitter.scope.open() }
    let index = emitter.indexName()
    if !leavesNone { emitter.scope.open() }
    let test = "\(index) \(leavesNone ? "<" : "<=") \(leavesNone ? bounds.end : minus(bounds.end, length))"
    if leavesNone {
      emitter.open("for (ptrdiff_t \(index) = \(bounds.begin); \(test); \(index) += \(length))")
    } else {
      emitter.writer.line("ptrdiff_t \(index) = \(bounds.begin);")
      emitter.open("for (; \(test); \(index) += \(length))")
    }
    let lane = emitter.scope.first(of: ["lane"])
    emitter.know(loop.index, CExpression("\(index) + \(lane)", .additive, .index))
    var arrays: [Register: String] = [:]
    printLaneBlock(inside, lanes, lane, &arrays)
    emitter.close()
    if !leavesNone {
      emitter.forget(lanes.defined)
      emitter.know(loop.index, CExpression(index, .primary, .index))
      emitter.open("for (; \(index) < \(bounds.end); ++\(index))")
      print(inside)
      emitter.close()
    }
    emitter.scope.close()
  }

  func isMultiple(_ loop: Loop, of length: Int) -> Bool {
    constantSpan(loop).map { $0 % Int64(length) == 0 } ?? false
  }

  /// The distance from the beginning to the end of a loop, where it is a number.
  private func constantSpan(_ loop: Loop) -> Int64? {
    guard loop.limit == nil, loop.start.terms.isEmpty, loop.end.terms.isEmpty,
      let start = dims.dims.value(loop.start.constant), let end = dims.dims.value(loop.end.constant)
    else { return nil }
    return end - start
  }

  /// `end - length`, computed where both are numbers.
  private func minus(_ end: String, _ length: Int) -> String {
    Int(end).map { String($0 - length) } ?? "\(end) - \(length)"
  }

  /// The body of a block: pieces of straight-line code as loops over the lanes, inner loops around them.
  private mutating func printLaneBlock(
    _ nodes: [CKernelTree.Node], _ lanes: CLanes, _ lane: String, _ arrays: inout [Register: String],
    _ accumulators: [Accumulator] = []
  ) {
    var piece: [Instruction] = []
    for node in nodes {
      switch node {
      case .instruction(let instruction):
        piece.append(instruction)
        if let call = instruction.reducingCall, lanes.varying.contains(call.operands[0]) {
          printPiece(piece, lanes, lane, &arrays, accumulators)
          piece = []
        }
      case .loop(let loop, let inside):
        printPiece(piece, lanes, lane, &arrays, accumulators)
        piece = []
        emitter.openLoop(loop, bounds(loop))
        printLaneBlock(inside, lanes, lane, &arrays)
        emitter.close()
        emitter.scope.close()
      case .branch: preconditionFailure("a condition inside a loop that runs in blocks")
      }
    }
    printPiece(piece, lanes, lane, &arrays, accumulators)
  }

  /// A loop over the lanes.
  ///
  /// Where the last instruction is a call that reduces its argument, the loop computes what
  /// small arguments give and looks for large ones, for which the results are replaced.
  private mutating func printPiece(
    _ piece: [Instruction], _ lanes: CLanes, _ lane: String, _ arrays: inout [Register: String],
    _ accumulators: [Accumulator]
  ) {
    func isVarying(_ instruction: Instruction) -> Bool {
      if let result = instruction.result { return lanes.varying.contains(result) }
      return true
    }
    for instruction in piece where !isVarying(instruction) { print(instruction) }
    emitter.flush()
    let varying = piece.filter(isVarying)
    guard !varying.isEmpty else { return }
    for instruction in varying {
      guard let result = instruction.result, lanes.carried.contains(result), arrays[result] == nil else {
        continue
      }
      let name = emitter.scope.claim(tree.variables.contains(result) ? variableName(result) : "lanes")
      arrays[result] = name
      emitter.writer.line("\(kernel.registers[result].cType) \(name)[\(lanes.blockLength)];")
    }
    let call = varying.last?.reducingCall
    let isLarge = call == nil ? "" : emitter.scope.claim("is_large")
    if let call { emitter.writer.line("int\(8 * call.dtype.byteCount)_t \(isLarge) = 0;") }
    noteIndependence(varying.map { .instruction($0) })
    emitter.open("for (ptrdiff_t \(lane) = 0; \(lane) < \(lanes.blockLength); ++\(lane))")
    emitter.lane = (lane, arrays)
    for instruction in varying { print(instruction, accumulators, lane) }
    emitter.flush()
    emitter.lane = nil
    guard let call, let x = arrays[call.operands[0]], let y = arrays[call.result],
      let function = call.reducingFunction
    else { return emitter.close() }
    emitter.writer.line("\(isLarge) |= \(helpers.use("is_large_\(call.dtype.name)"))(\(x)[\(lane)]);")
    emitter.close()
    emitter.open("if (\(isLarge))")
    emitter.writer.line("\(helpers.use(function, call.dtype, .large))(\(y), \(x), \(lanes.blockLength));")
    emitter.close()
  }

  // MARK: Reductions

  /// The variable of a reduction, and the array of its lanes.
  typealias Accumulator = (register: Register, op: ScalarOp, lanes: String)

  /// A `.lanes` loop: blocks of all lanes, a tail, and the tree that joins the lanes.
  mutating func printLanes(_ loop: Loop, _ inside: [CKernelTree.Node], _ count: Int) {
    precondition(
      count & (count - 1) == 0, "kernel `\(kernel.name)` reduces in \(count) lanes, no power of two")
    var accumulators: [Accumulator] = []
    for node in inside {
      guard case .instruction(.accumulate(let register, let op, _)) = node,
        !accumulators.contains(where: { $0.register == register }), let name = emitter.known(register)?.text
      else { continue }
      accumulators.append((register, op, emitter.scope.claim("\(name)_lanes")))
    }
    let bounds = bounds(loop)
    let index = emitter.indexName()
    emitter.scope.open()
    let lane = emitter.scope.first(of: ["lane"])
    for accumulator in accumulators {
      emitter.writer.line("\(kernel.registers[accumulator.register].cType) \(accumulator.lanes)[\(count)];")
    }
    emitter.open("for (ptrdiff_t \(lane) = 0; \(lane) < \(count); ++\(lane))")
    for (register, _, lanes) in accumulators {
      emitter.writer.line("\(lanes)[\(lane)] = \(emitter.known(register)?.text ?? "");")
    }
    emitter.close()

    printLaneBlocks(loop, inside, bounds, accumulators, index, lane, count)
    printTree(accumulators, count)
    emitter.scope.close()
  }

  /// Accumulates all iterations: whole blocks of lanes, then what is left.
  private mutating func printLaneBlocks(
    _ loop: Loop, _ inside: [CKernelTree.Node], _ bounds: (begin: String, end: String),
    _ accumulators: [Accumulator], _ index: String, _ lane: String,
    _ count: Int
  ) {
    let block = count * loop.step
    let hasTail = !isMultiple(loop, of: block)
    let hasBlocks = !hasTail || constantSpan(loop).map { $0 > Int64(block - loop.step) } ?? true
    if hasTail { emitter.writer.line("ptrdiff_t \(index) = \(bounds.begin);") }
    if hasBlocks {
      let begin = hasTail ? "" : "ptrdiff_t \(index) = \(bounds.begin)"
      let end = hasTail ? minus(bounds.end, block - loop.step) : bounds.end
      emitter.open("for (\(begin); \(index) < \(end); \(index) += \(block))")
      let stride = loop.step == 1 ? lane : "\(lane) * \(loop.step)"
      emitter.know(loop.index, CExpression("\(index) + \(stride)", .additive, .index))
      let lanes = lanes(loop, inside)
      if lanes.blockLength > 1 {
        var arrays: [Register: String] = [:]
        printLaneBlock(inside, lanes, lane, &arrays, accumulators)
      } else {
        emitter.open("for (ptrdiff_t \(lane) = 0; \(lane) < \(count); ++\(lane))")
        printAccumulation(inside, accumulators, lane)
        emitter.close()
      }
      emitter.close()
    }
    guard hasTail else { return }
    for case .instruction(let instruction) in inside {
      if let result = instruction.result { emitter.forget([result]) }
    }
    let step = loop.step == 1 ? "++\(index)" : "\(index) += \(loop.step)"
    emitter.open("for (ptrdiff_t \(lane) = 0; \(index) < \(bounds.end); \(step), ++\(lane))")
    emitter.know(loop.index, CExpression(index, .primary, .index))
    printAccumulation(inside, accumulators, lane)
    emitter.close()
  }

  private mutating func printAccumulation(
    _ inside: [CKernelTree.Node], _ accumulators: [Accumulator],
    _ lane: String
  ) {
    for node in inside {
      guard case .instruction(let instruction) = node else {
        preconditionFailure("kernel `\(kernel.name)` has a loop or condition inside a loop over lanes")
      }
      print(instruction, accumulators, lane)
    }
    emitter.flush()
  }

  /// Prints an instruction of one lane.
  private mutating func print(_ instruction: Instruction, _ accumulators: [Accumulator], _ lane: String) {
    guard case .accumulate(let register, let op, let value) = instruction,
      let accumulator = accumulators.first(where: { $0.register == register })
    else { return print(instruction) }
    let element = CExpression("\(accumulator.lanes)[\(lane)]")
    emitter.accumulate(element, op, value, kernel.registers[register])
  }

  /// Joins lane j with lane j + half for half = count/2, ..., 1.
  private mutating func printTree(_ accumulators: [Accumulator], _ count: Int) {
    for (register, op, lanes) in accumulators {
      let joined = helpers.fold(op, kernel.registers[register])
      emitter.writer.line("\(emitter.known(register)?.text ?? "") = \(joined)(\(lanes), \(count));")
    }
  }
}
