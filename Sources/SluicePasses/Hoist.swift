/// Moves out of loops what does not depend on the values that they carry on.

import SluiceIR

/// Computes once, in front of a scan, what its body computes from captures alone, and for all parts at once the
/// products of a part with what is captured.
///
/// The sums stay as they are, so no bit changes: one product of all parts with a matrix has for every element the
/// terms, in the order, of the products of single parts. It reads the matrix once, not once a part.
@Sendable
func hoist(_ module: Module, _ remarks: inout [Diagnostic]) -> Module {
  guard module.graphs.contains(where: { $0.ops.contains(.scan) }) else { return module }
  var counts = (invariant: 0, products: 0)
  let (result, _) = rebuild(module, simplifies: true) { builder, node in
    guard node.op == .scan, let scan = HoistableScan(node, builder) else { return .copy }
    counts.invariant += scan.fates.count { $0 == .invariant }
    counts.products += scan.fates.count { $0 == .product }
    return .replace(scan.emit(node, &builder))
  }
  for (count, what) in [(counts.invariant, "invariant node"), (counts.products, "product of parts")]
  where count > 0 {
    remarks.append(Diagnostic(.remark, "hoist: \(count) \(what)\(count == 1 ? "" : "s") moved out of scans"))
  }
  return result
}

/// A scan with nodes that can be moved out.
private struct HoistableScan {
  /// What becomes of a node of the body.
  enum Fate: UInt8 {
    /// It stays.
    case stays
    /// It is computed once.
    case invariant
    /// It is a product of a part, computed for all parts at once.
    case product
  }

  /// A product of all parts may be so many times as large as they are: it has to be kept for the whole loop.
  private static let largestGrowth: Int64 = 8

  let body: Graph
  let carries: Int
  let sequences: Int
  /// Per node of the body what becomes of it.
  private(set) var fates: [Fate]
  /// Per value whether it depends on captures alone.
  private var isInvariant: [Bool]
  /// Per value whether a node that stays, or the end of the body, reads it.
  private var isReadInside: [Bool]

  /// Nil where nothing can be moved.
  init?(_ node: NodeCopy, _ builder: borrowing ModuleBuilder) {
    guard let id = builder.tables.attributes.graph(node.attributes, .body) else { return nil }
    body = builder.graph(id)
    carries = Int(builder.tables.attributes.int(node.attributes, .carries) ?? 0)
    sequences = Int(builder.tables.attributes.int(node.attributes, .sequences) ?? 0)
    fates = [Fate](repeating: .stays, count: body.nodeCount)
    isInvariant = [Bool](repeating: false, count: body.valueCount)
    isReadInside = [Bool](repeating: false, count: body.valueCount)
    for input in (carries + sequences)..<body.inputCount { isInvariant[input] = true }
    for index in body.inputCount..<body.nodeCount {
      let node = NodeID(index)
      let operands = body.operands(node)
      if operands.allSatisfy({ isInvariant[$0.index] }) {
        for value in body.resultRange(node) { isInvariant[value] = true }
        if Self.isWork(body.ops[index]) { fates[index] = .invariant }
      } else if part(of: node, builder.tables) != nil {
        fates[index] = .product
      }
    }
    if fates.allSatisfy({ $0 == .stays }) { return nil }
    for result in body.results { isReadInside[result.index] = true }
    for index in body.inputCount..<body.nodeCount where fates[index] == .stays {
      for operand in body.operands(NodeID(index)) { isReadInside[operand.index] = true }
    }
  }

  /// Whether a node does something: sources, generated elements and looks at other places are had for nothing.
  private static func isWork(_ op: Op) -> Bool {
    if op.definition.traits.contains(.unique) { return false }
    return switch op.definition.family {
    case .source, .generate, .expand: false
    case .view(let kernel): kernel == .concat || kernel == .pad
    case .map, .reduce, .cumulative, .contract, .index, .update, .order, .linalg, .body: true
    }
  }

  /// The operand, 0 or 1, that is a part, where a node is the product of a part with an invariant value.
  private func part(of node: NodeID, _ tables: Tables) -> Int? {
    guard body.ops[node.index] == .matmul else { return nil }
    let operands = body.operands(node)
    guard let side = operands.firstIndex(where: { isPart($0) }), isInvariant[operands[1 - side].index] else {
      return nil
    }
    let (own, other) = (body.types[operands[side].index], body.types[operands[1 - side].index])
    let (ownRank, otherRank) = (tables.types.rank(own), tables.types.rank(other))
    // The parts' axis comes in front of all others; a vector is a row of the left side then.
    guard ownRank < TypeTable.maximumRank, ownRank >= otherRank || otherRank == 2,
      ownRank > 1 || otherRank == 2, otherRank > 1, isSmall(node, than: own, tables)
    else { return nil }
    return side
  }

  private func isPart(_ value: ValueID) -> Bool {
    value.index >= carries && value.index < carries + sequences
  }

  private func isSmall(_ node: NodeID, than part: TypeID, _ tables: Tables) -> Bool {
    func bound(_ type: TypeID) -> Int64? {
      tables.types.shape(type).reduce(1) { product, dim in
        guard let product, let bound = tables.dims.bound(dim) else { return nil }
        let (next, overflow) = product.multipliedReportingOverflow(by: bound)
        return overflow ? nil : next
      }
    }
    guard let result = body.resultRange(node).first, let own = bound(part),
      let made = bound(body.types[result]), own > 0
    else { return false }
    return made / own <= Self.largestGrowth
  }

  // MARK: Emission

  /// Emits what is moved, and the scan without it; gives the results of the scan.
  func emit(_ node: NodeCopy, _ builder: inout ModuleBuilder) -> [ValueID] {
    let outside = emitOutside(node, &builder)
    let captures = carries + sequences
    // What only moved nodes read is not handed on; one sequence stays, or nothing would say how many parts there are.
    var kept = Array(0..<carries)
    kept += (carries..<body.inputCount).filter { isReadInside[$0] }
    var parts: [ValueID] = []
    var fixed: [ValueID] = []
    for index in body.inputCount..<body.nodeCount {
      for value in body.resultRange(NodeID(index)) where isReadInside[value] {
        if fates[index] == .product { parts.append(ValueID(value)) }
        if fates[index] == .invariant { fixed.append(ValueID(value)) }
      }
    }
    if sequences > 0, parts.isEmpty, !kept.contains(where: { (carries..<captures).contains($0) }) {
      kept.insert(carries, at: carries)
    }
    let inputs =
      kept.filter { $0 < captures }.map { ValueID($0) } + parts
      + kept.filter { $0 >= captures }.map { ValueID($0) } + fixed
    let inner = emitBody(inputs, &builder)
    var attributes = builder.tables.attributes.attributes(node.attributes).filter { $0.name != .sequences }
    for position in attributes.indices where attributes[position].name == .body {
      attributes[position].value = .graph(inner)
    }
    let count = kept.count { (carries..<captures).contains($0) } + parts.count
    attributes.append(Attribute(.sequences, .int(Int64(count))))
    let operands = inputs.map { $0.index < carries ? node.operands[$0.index] : outside[$0.index] }
    let first = builder.make(.scan, operands, attributes)
    return body.results.indices.map { ValueID(first.index + $0) }
  }

  /// Per value of the body its value outside, for captures, sequences and what is moved.
  private func emitOutside(_ node: NodeCopy, _ builder: inout ModuleBuilder) -> [ValueID] {
    // What moved nodes read has to be there too: looks and constants that also stay.
    var isWanted = [Bool](repeating: false, count: body.nodeCount)
    for index in (body.inputCount..<body.nodeCount).reversed() {
      guard isWanted[index] || fates[index] != .stays else { continue }
      isWanted[index] = true
      for operand in body.operands(NodeID(index)) { isWanted[body.definers[operand.index].index] = true }
    }
    var values = [ValueID](repeating: .none, count: body.valueCount)
    for input in carries..<body.inputCount { values[input] = node.operands[input] }
    let place = builder.location
    for index in body.inputCount..<body.nodeCount where isWanted[index] {
      let result = body.resultRange(NodeID(index)).lowerBound
      if fates[index] == .product {
        builder.location = body.locations[index]
        values[result] = emitProduct(NodeID(index), values, &builder)
      } else {
        builder.copy(NodeID(index), of: body, &values)
      }
      if !body.names[result].isNone { builder.name(values[result], body.names[result]) }
    }
    builder.location = place
    return values
  }

  /// The product of all parts: the axis of parts stands in front.
  private func emitProduct(
    _ node: NodeID, _ values: [ValueID], _ builder: inout ModuleBuilder
  ) -> ValueID {
    let operands = body.operands(node)
    let record = body.attributes[node.index]
    let (x, y) = (values[operands[0].index], values[operands[1].index])
    var (isLhsTransposed, isRhsTransposed) = (
      builder.tables.attributes.bool(record, .transposeLhs),
      builder.tables.attributes.bool(record, .transposeRhs)
    )
    var sides = [x, y]
    if builder.tables.types.rank(body.types[operands[1].index]) == 1 {
      // W v for all v at once is V W^T.
      sides = [y, x]
      (isLhsTransposed, isRhsTransposed) = (false, !isLhsTransposed)
    } else if builder.tables.types.rank(body.types[operands[0].index]) == 1 {
      isLhsTransposed = false
    }
    return builder.make(
      .matmul, sides,
      [
        Attribute(.transposeLhs, .bool(isLhsTransposed)), Attribute(.transposeRhs, .bool(isRhsTransposed)),
      ])
  }

  /// The body that takes these values, and computes only what was not moved.
  private func emitBody(_ inputs: [ValueID], _ builder: inout ModuleBuilder) -> GraphID {
    let name = builder.freeName("\(builder.tables.strings[body.name]).hoisted")
    builder.begin(.body, name, symbols: body.symbols)
    var values = [ValueID](repeating: .none, count: body.valueCount)
    // What comes out of an inner scan may be called like something here.
    var taken: Set<StringID> = []
    for value in inputs {
      let name = body.names[value.index]
      let isFree = name.isNone || taken.insert(name).inserted
      values[value.index] = builder.input(body.types[value.index], name: isFree ? name : .none)
    }
    for index in body.inputCount..<body.nodeCount where fates[index] == .stays {
      let results = body.resultRange(NodeID(index))
      guard results.contains(where: { isReadInside[$0] }) else { continue }
      builder.copy(NodeID(index), of: body, &values)
      for value in results where !body.names[value].isNone { builder.name(values[value], body.names[value]) }
    }
    return builder.endBody(body.results.map { values[$0.index] })
  }
}
