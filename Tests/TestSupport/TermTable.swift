package import SluiceIR

/// Floats as terms instead of numbers: an element names a node of a tree of operations.
///
/// `PlanMachine` computes with them where it is given a table: two values are the same word exactly when they were
/// computed by the same operations on the same operands. So the order of a sum is a tree that can be looked at.
/// Elements of inputs name themselves; 0 is 0. What an integer or bool that is made of floats is, a hash decides.
package final class TermTable {
  private struct Node: Hashable {
    var op: ScalarOp
    var dtype: DType
    var immediate: UInt64 = 0
    var a: UInt64
    var b: UInt64
    var c: UInt64
  }

  private var names: [Node: UInt64] = [:]
  /// The operands of each maximum and minimum, whose order can be seen in no result; and their nodes.
  private var members: [UInt64: Set<UInt64>] = [:]
  private var extremes: [Set<UInt64>: UInt64] = [:]
  /// Sums that are never -0, as all are that begin with 0: 0 changes nothing there.
  private var plainSums: Set<UInt64> = [0]

  /// The first word of a node: NaNs, which are nobody's input here.
  private static let first: UInt64 = 0xFF80_0001

  package init() {}

  /// An element of an input.
  package static func leaf(_ number: Int) -> UInt64 { 0x7F80_0001 + UInt64(number) }

  private func name(_ node: Node) -> UInt64 {
    if let known = names[node] { return known }
    let name = next()
    names[node] = name
    return name
  }

  private func next() -> UInt64 { Self.first + UInt64(names.count + extremes.count) }

  package func add(_ a: UInt64, _ b: UInt64, _ dtype: DType = .f32) -> UInt64 {
    if a == 0, plainSums.contains(b) { return b }
    if b == 0, plainSums.contains(a) { return a }
    let result = name(Node(op: .add, dtype: dtype, a: a, b: b, c: 0))
    if plainSums.contains(a) || plainSums.contains(b) { plainSums.insert(result) }
    return result
  }

  package func fma(_ a: UInt64, _ b: UInt64, _ c: UInt64, _ dtype: DType = .f32) -> UInt64 {
    name(Node(op: .fma, dtype: dtype, a: a, b: b, c: c))
  }

  /// The result of an operation; nil where it has nothing to do with floats.
  package func apply(
    _ op: ScalarOp, _ dtype: DType, source: DType, immediate: UInt64, _ operands: [UInt64]
  ) -> UInt64? {
    guard dtype.isFloat || source.isFloat, op != .constant else { return nil }
    switch op {
    case .select: return operands[0] != 0 ? operands[1] : operands[2]
    case .canonical: return operands[0]
    case .add: return add(operands[0], operands[1], dtype)
    case .fma: return fma(operands[0], operands[1], operands[2], dtype)
    case .maximum, .minimum: return extreme(op, dtype, operands)
    case .equal where operands[0] == operands[1], .lessEqual where operands[0] == operands[1]: return 1
    case .notEqual where operands[0] == operands[1], .less where operands[0] == operands[1]: return 0
    default: break
    }
    func operand(_ position: Int) -> UInt64 { position < operands.count ? operands[position] : 0 }
    let node = Node(
      op: op, dtype: dtype, immediate: immediate, a: operand(0), b: operand(1), c: operand(2))
    return dtype.isFloat ? name(node) : Self.integer(name(node), dtype)
  }

  private func extreme(_ op: ScalarOp, _ dtype: DType, _ operands: [UInt64]) -> UInt64 {
    // A maximum and a minimum are never one node.
    let mark: UInt64 = op == .maximum ? 1 : 2
    var all: Set<UInt64> = [mark]
    for operand in operands {
      if let own = members[operand], own.contains(mark) { all.formUnion(own) } else { all.insert(operand) }
    }
    if let known = extremes[all] { return known }
    let name = next()
    extremes[all] = name
    members[name] = all
    return name
  }

  private static func integer(_ name: UInt64, _ dtype: DType) -> UInt64 {
    let hash = (name &* 0x9E37_79B9_7F4A_7C15) >> 40
    return dtype == .bool ? hash & 1 : hash & 7
  }
}
