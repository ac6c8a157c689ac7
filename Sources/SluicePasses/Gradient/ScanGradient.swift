/// The derivative of `scan`: one loop forward that keeps what is needed, and one loop backward that uses it.

import SluiceIR

extension ModuleBuilder {
  /// The cotangents of the operands of a `scan` from those of its results.
  mutating func scanCotangents(_ node: GradientNode) throws(GradientError) -> [ValueID?] {
    var scan = ScanGradient(node, &self)
    try scan.differentiate(&self)
    scan.divide(&self)
    return try scan.emit(&self)
  }
}

/// A `scan` that is being differentiated.
///
/// The body and its derivative are first built as one graph. It is then cut in two: what does not depend on
/// cotangents runs forward, and gives what the rest needs as further outputs, stacked along the loop; the rest runs
/// backward. With `recompute` only the carried values are kept, and the body is computed again on the way back.
private struct ScanGradient {
  private let node: GradientNode
  private let body: Graph
  private let carries: Int
  private let sequences: Int
  private let length: DimID
  private let isReverse: Bool
  private let recomputes: Bool

  /// Per input of the body whether its cotangent is computed.
  private var isActive: [Bool] = []
  /// The body and its derivative in one graph: inputs of the body, cotangents of active carries and given outputs.
  private var whole: Graph
  /// Its results: the cotangents of the active inputs; nil for 0.
  private var found: [ValueID?] = []
  /// The results of the body in it.
  private var results: [ValueID] = []

  /// Per node of the whole whether it runs on the way back.
  private var isBackward: [Bool] = []
  /// Per value of the whole whether it depends on a cotangent: others are computed again on the way back.
  private var dependsOnCotangent: [Bool] = []
  /// Inputs of the body that the way back reads where they stand.
  private var readInputs: Set<Int> = []
  /// What is stacked on the way forward.
  private var kept: [ValueID] = []

  init(_ node: GradientNode, _ builder: inout ModuleBuilder) {
    self.node = node
    let tables = builder.tables
    body = builder.graph(tables.attributes.graph(node.attributes, .body) ?? .none)
    whole = body
    carries = Int(tables.attributes.int(node.attributes, .carries) ?? 0)
    sequences = Int(tables.attributes.int(node.attributes, .sequences) ?? 0)
    isReverse = tables.attributes.bool(node.attributes, .reverse)
    recomputes = tables.attributes.bool(node.attributes, .recompute)
    length =
      tables.attributes.dim(node.attributes, .length)
      ?? builder.shape(node.operands[carries]).first ?? builder.tables.dims.integer(0)
  }

  private var activeCarries: [Int] { (0..<carries).filter { isActive[$0] } }
  private var activeSequences: [Int] { (carries..<carries + sequences).filter { isActive[$0] } }
  private var activeCaptures: [Int] { (carries + sequences..<body.inputCount).filter { isActive[$0] } }
  private var active: [Int] { (0..<body.inputCount).filter { isActive[$0] } }
  /// The stacked results that have a cotangent, counted among all results.
  private var given: [Int] { (carries..<body.results.count).filter { node.cotangents[$0] != nil } }

  // MARK: One graph

  /// Builds the body and its derivative as one graph, and takes it out of the builder.
  mutating func differentiate(_ builder: inout ModuleBuilder) throws(GradientError) {
    findActive(builder)
    let inputs = builder.begin("gradient", like: body)
    var seeds: [(position: Int, cotangent: ValueID)] = []
    for position in activeCarries + given {
      let type = builder.cotangentType(body.types[body.results[position].index])
      seeds.append((position, builder.input(type, name: .none)))
    }
    results = builder.inline(body, inputs)
    let outputs = seeds.map { (value: results[$0.position], cotangent: $0.cotangent) }
    defer { builder.abandon() }
    found = try builder.cotangents(of: active.map { inputs[$0] }, from: outputs)
    whole = builder.current
  }

  /// Finds the inputs with a cotangent: the wanted ones, and carries that depend on them after some rounds.
  private mutating func findActive(_ builder: borrowing ModuleBuilder) {
    isActive = node.wanted
    while true {
      var depends = zip(body.inputs, isActive).map { $1 && Self.isFloat(body.types[$0.index], builder) }
      for index in body.inputCount..<body.nodeCount {
        let node = NodeID(index)
        var any = false
        if case .zero = body.ops[index].definition.gradient {
        } else {
          any = body.operandRange(node).contains { depends[body.operandPool[$0].index] }
        }
        for value in body.resultRange(node) {
          depends.append(any && Self.isFloat(body.types[value], builder))
        }
      }
      var next = isActive
      for position in 0..<carries where depends[body.results[position].index] { next[position] = true }
      if next == isActive { return }
      isActive = next
    }
  }

  private static func isFloat(_ type: TypeID, _ builder: borrowing ModuleBuilder) -> Bool {
    builder.tables.types.dtype(type).isDifferentiable
  }

  // MARK: Two graphs

  /// Says for every node of the whole whether it runs on the way back, and finds what the way back needs.
  ///
  /// The way back also computes what is the same in all rounds, and what is only another view of a kept value.
  mutating func divide(_ builder: inout ModuleBuilder) {
    // What depends on a cotangent runs backward; what depends on no carry and no sequence is the same in all rounds.
    dependsOnCotangent = [Bool](repeating: false, count: whole.valueCount)
    var isSame = [Bool](repeating: false, count: whole.valueCount)
    for index in 0..<whole.nodeCount {
      let operands = whole.operands(NodeID(index))
      let isInput = index < whole.inputCount
      for value in whole.resultRange(NodeID(index)) {
        dependsOnCotangent[value] =
          isInput ? index >= body.inputCount : operands.contains { dependsOnCotangent[$0.index] }
        isSame[value] =
          isInput
          ? index >= carries + sequences && index < body.inputCount
          : operands.allSatisfy { isSame[$0.index] }
      }
    }
    var isNeeded = [Bool](repeating: false, count: whole.valueCount)
    for value in found.compactMap({ $0 }) { isNeeded[value.index] = true }
    isBackward = Array(repeating: false, count: whole.nodeCount)
    for index in (0..<whole.nodeCount).reversed() {
      let range = whole.resultRange(NodeID(index))
      guard range.contains(where: { isNeeded[$0] }) else { continue }
      if index < whole.inputCount {
        if index < carries {
          kept.append(ValueID(index))
        } else if index < body.inputCount {
          readInputs.insert(index)
        }
        continue
      }
      let runsBack =
        range.contains { dependsOnCotangent[$0] } || range.allSatisfy { isSame[$0] } || recomputes
        || Self.isView(whole.ops[index])
      if runsBack {
        isBackward[index] = true
        for operand in whole.operands(NodeID(index)) { isNeeded[operand.index] = true }
      } else {
        kept += range.filter { isNeeded[$0] }.map { ValueID($0) }
      }
    }
    kept.reverse()
  }

  private static func isView(_ op: Op) -> Bool {
    if case .view(let kind) = op.definition.family, kind != .concat, kind != .pad { true } else { false }
  }

  // MARK: Two loops

  func emit(_ builder: inout ModuleBuilder) throws(GradientError) -> [ValueID?] {
    let stacks = try forward(&builder)
    builder.location = builder.tables.marked(builder.location, .gradient)
    let back = try backward(stacks, &builder)
    var cotangents = [ValueID?](repeating: nil, count: node.operands.count)
    let loops = activeCarries + activeCaptures + activeSequences
    for (offset, position) in loops.enumerated() where node.wanted[position] {
      cotangents[position] = ValueID(back.index + offset)
    }
    return cotangents
  }

  /// Runs the body as before, with what is kept as further outputs; gives their stacks.
  private func forward(_ builder: inout ModuleBuilder) throws(GradientError) -> [ValueID] {
    if kept.isEmpty { return [] }
    var isNeeded = [Bool](repeating: false, count: whole.valueCount)
    for value in results + kept { isNeeded[value.index] = true }
    for index in (whole.inputCount..<whole.nodeCount).reversed() {
      let node = NodeID(index)
      guard whole.resultRange(node).contains(where: { isNeeded[$0] }) else { continue }
      for operand in whole.operands(node) { isNeeded[operand.index] = true }
    }
    let inputs = builder.begin("forward", like: body)
    var values = [ValueID](repeating: .none, count: whole.valueCount)
    for (position, input) in inputs.enumerated() { values[position] = input }
    let place = builder.location
    for index in whole.inputCount..<whole.nodeCount
    where whole.resultRange(NodeID(index)).contains(where: { isNeeded[$0] }) {
      builder.copy(NodeID(index), of: whole, &values)
    }
    builder.location = place
    let graph = builder.endBody((results + kept).map { values[$0.index] })
    var attributes = builder.tables.attributes.attributes(node.attributes)
    for position in attributes.indices where attributes[position].name == .body {
      attributes[position].value = .graph(graph)
    }
    let first = try emit(node.operands, attributes, &builder)
    return kept.indices.map { ValueID(first.index + results.count + $0) }
  }

  /// Runs the rest from the last round to the first; gives the cotangents of active carries, captures, sequences.
  private func backward(
    _ stacks: [ValueID], _ builder: inout ModuleBuilder
  ) throws(GradientError) -> ValueID {
    var operands: [ValueID] = []
    var values = [ValueID](repeating: .none, count: whole.valueCount)
    builder.begin(
      .body, builder.freeName("\(builder.tables.strings[body.name]).backward"), symbols: body.symbols)

    // Carried: the cotangents of carries, then the sums for captures. They start outside of the body.
    var starts: [(value: ValueID?, type: TypeID)] = []
    for (offset, position) in activeCarries.enumerated() {
      let seed = ValueID(body.inputCount + offset)
      values[seed.index] = builder.input(whole.types[seed.index], name: .none)
      starts.append((node.cotangents[position], whole.types[seed.index]))
    }
    var sums: [ValueID] = []
    for position in activeCaptures {
      let type = builder.cotangentType(body.types[position])
      sums.append(builder.input(type, name: .none))
      starts.append((nil, type))
    }
    // Sequences: those of the forward loop, what it kept, the cotangents of its outputs.
    let reads = readInputs.sorted()
    let parts = reads.filter { $0 < carries + sequences }
    for position in parts {
      values[position] = builder.input(whole.types[position], name: whole.names[position])
      operands.append(node.operands[position])
    }
    for (value, stack) in zip(kept, stacks) {
      values[value.index] = builder.input(whole.types[value.index], name: whole.names[value.index])
      operands.append(stack)
    }
    for (offset, position) in given.enumerated() {
      let seed = ValueID(body.inputCount + activeCarries.count + offset)
      values[seed.index] = builder.input(whole.types[seed.index], name: .none)
      if let stack = node.cotangents[position] { operands.append(stack) }
    }
    let sequenceCount = operands.count
    for position in reads where position >= carries + sequences {
      values[position] = builder.input(whole.types[position], name: whole.names[position])
      operands.append(node.operands[position])
    }

    let place = builder.location
    for index in whole.inputCount..<whole.nodeCount where isBackward[index] {
      let isGradient = whole.resultRange(NodeID(index)).contains { dependsOnCotangent[$0] }
      builder.copy(NodeID(index), of: whole, &values, isGradient ? nil : .recomputed)
    }
    builder.location = place
    let byInput = Dictionary(uniqueKeysWithValues: zip(active, found))
    func result(_ position: Int) -> ValueID? { (byInput[position] ?? nil).map { values[$0.index] } }
    var outputs: [ValueID] = []
    for position in activeCarries {
      if let value = result(position) {
        outputs.append(value)
      } else {
        outputs.append(builder.zeros(builder.cotangentType(body.types[position])))
      }
    }
    for (sum, position) in zip(sums, activeCaptures) {
      outputs.append(result(position).map { builder.make(.add, [sum, $0]) } ?? sum)
    }
    for position in activeSequences {
      if let value = result(position) {
        outputs.append(value)
      } else {
        outputs.append(builder.zeros(builder.cotangentType(body.types[position])))
      }
    }
    let graph = builder.endBody(outputs)

    var carried: [ValueID] = []
    for start in starts {
      if let value = start.value { carried.append(value) } else { carried.append(builder.zeros(start.type)) }
    }
    var attributes = [
      Attribute(.body, .graph(graph)), Attribute(.carries, .int(Int64(carried.count))),
      Attribute(.sequences, .int(Int64(sequenceCount))),
    ]
    if sequenceCount == 0 { attributes.append(Attribute(.length, .dim(length))) }
    attributes.append(Attribute(.reverse, .bool(!isReverse)))
    return try emit(carried + operands, attributes, &builder)
  }

  private func emit(
    _ operands: [ValueID], _ attributes: [Attribute], _ builder: inout ModuleBuilder
  ) throws(GradientError) -> ValueID {
    do {
      return try builder.emit(.scan, operands, attributes)
    } catch {
      throw GradientError(
        message: "the derivative of `scan`: \(error.message)", hint: "`recompute` keeps the carries alone",
        location: builder.location)
    }
  }
}
