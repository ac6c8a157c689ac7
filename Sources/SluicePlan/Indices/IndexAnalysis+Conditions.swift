/// What is known of the conditions of `select`, so that indices are followed through those that do not keep them in range.

import SluiceIR

extension IndexAnalysis {
  /// What is known of a value.
  enum Fact: Hashable {
    /// Nothing.
    case none
    /// It is the same in every call.
    case constant
    /// It is this integer everywhere.
    case integer(Int64)
    /// It is made of random numbers and constants.
    case random
    /// It is a truth value about the elements of a piece that are above a number.
    case truth(Truth)
  }

  /// A truth value for large elements; either one where random numbers decide.
  struct Truth: Hashable {
    enum State: Hashable { case yes, no, either }

    var state: State
    /// The elements that it is about, each at its place; nil for all.
    var piece: Piece?
    /// The numbers above this one.
    var above = Int64.min

    /// The opposite.
    var inverted: Truth {
      Truth(state: state == .yes ? .no : state == .no ? .yes : .either, piece: piece, above: above)
    }
  }

  /// What is known of the first result of a node.
  func fact(_ graph: Graph, _ node: NodeID, _ operands: [Value]) -> Fact {
    let (op, record) = (graph.ops[node.index], graph.attributes[node.index])
    switch op {
    case .constant: return constant(record)
    case .randomBits: return .random
    case .read: return .none
    case .less, .lessEqual, .greater, .greaterEqual, .equal, .notEqual:
      if let truth = comparison(op, operands) { return .truth(truth) }
    case .and, .or:
      if let truth = combined(op, operands) { return .truth(truth) }
    case .not:
      if let truth = truth(operands[0]) { return .truth(truth.inverted) }
    case .broadcast, .reshape:
      if case .integer = operands[0].fact { return operands[0].fact }
    default:
      if case .body = op.definition.family { return .none }
    }
    let facts = operands.map { operand -> Fact in
      switch operand.fact {
      case .integer: .constant
      case .truth(let truth) where truth.piece == nil: .random
      default: operand.fact
      }
    }
    guard facts.allSatisfy({ $0 == .constant || $0 == .random }) else { return .none }
    return facts.contains(.random) ? .random : .constant
  }

  private func constant(_ record: AttributesID) -> Fact {
    guard let id = tables.attributes.constant(record, .value) else { return .constant }
    let dtype = tables.types.dtype(tables.constants.type(id))
    guard dtype.isInteger, tables.types.rank(tables.constants.type(id)) == 0 else { return .constant }
    let bits = tables.constants.bits(id, 0, size: dtype.byteCount)
    switch dtype {
    case .i32: return .integer(Int64(Int32(truncatingIfNeeded: bits)))
    case .u8: return .integer(Int64(bits & 255))
    default: return .integer(Int64(bitPattern: bits))
    }
  }

  /// The truth value of a bool.
  private func truth(_ value: Value) -> Truth? {
    switch value.fact {
    case .truth(let truth): truth
    case .random: Truth(state: .either)
    default: nil
    }
  }

  /// A comparison of elements with a number, for those above it.
  private func comparison(_ op: Op, _ operands: [Value]) -> Truth? {
    let (x, y) = (operands[0], operands[1])
    if case .integer(let number) = y.fact, let piece = Self.only(x) {
      let isTrue = op == .greater || op == .greaterEqual || op == .notEqual
      return Truth(state: isTrue ? .yes : .no, piece: piece, above: number)
    }
    if case .integer(let number) = x.fact, let piece = Self.only(y) {
      let isTrue = op == .less || op == .lessEqual || op == .notEqual
      return Truth(state: isTrue ? .yes : .no, piece: piece, above: number)
    }
    return nil
  }

  /// The one piece that a value is, without the condition that it has passed.
  private static func only(_ value: Value) -> Piece? {
    guard value.isAligned, var piece = value.pieces.first, piece.above == nil else { return nil }
    piece.above = nil
    return piece
  }

  private func combined(_ op: Op, _ operands: [Value]) -> Truth? {
    // The state that decides alone.
    let strong = op == .and ? Truth.State.no : .yes
    let truths = operands.map { truth($0) }
    if let decisive = truths.first(where: { $0?.state == strong }) { return decisive }
    guard let x = truths[0], let y = truths[1], x.piece == nil || y.piece == nil || x.piece == y.piece else {
      return nil
    }
    let state: Truth.State = x.state == .either || y.state == .either ? .either : x.state
    return Truth(state: state, piece: x.piece ?? y.piece, above: max(x.above, y.above))
  }

  /// The elements that a `select` lets through, or may by random numbers.
  func selected(_ operands: [Value]) -> Value {
    guard let truth = truth(operands[0]) else { return Value() }
    var pieces: [Piece] = []
    var areAligned = true
    for (branch, state) in [(operands[1], Truth.State.yes), (operands[2], .no)]
    where truth.state == state || truth.state == .either {
      for piece in branch.pieces {
        var kept = piece
        kept.above = nil
        guard branch.isAligned, truth.piece == nil || truth.piece == kept else { continue }
        if truth.piece != nil || piece.above != nil { kept.above = max(truth.above, piece.above ?? .min) }
        areAligned = areAligned && branch.isAligned
        if !pieces.contains(kept) { pieces.append(kept) }
      }
    }
    // The same elements from both branches, each behind conditions of its own.
    if pieces.count == 2, let above = pieces.compactMap(\.above).max() {
      let bare = pieces.map { piece in
        var bare = piece
        bare.above = nil
        return bare
      }
      if bare[0] == bare[1] {
        pieces = [bare[0]]
        pieces[0].above = above
      }
    }
    return Value(pieces: pieces, isAligned: areAligned && pieces.count == 1)
  }
}
