/// A tensor dataflow graph in SSA form: columns over nodes, columns over values, one pool of operands.
///
/// Index order is topological order is program order: the operands of a node are values of earlier nodes. The
/// first `inputCount` nodes are the inputs. There are no nested regions: the body of a `scan` is another graph of
/// the module, and what it captures is an explicit operand. Nothing is edited in place; passes build a new graph
/// through `ModuleBuilder`.
public struct Graph: Sendable {
  /// What a graph is for.
  public enum Kind: UInt8, Sendable {
    /// An entry point: it may read variables and write states.
    case function
    /// The body of a `scan`: it sees nothing but its inputs.
    case body
  }

  /// A state and the value it has after the function.
  public struct Write: Hashable, Sendable {
    /// The state's name.
    public var state: StringID
    /// Its new value.
    public var value: ValueID

    /// A state with its new value.
    public init(state: StringID, value: ValueID) {
      self.state = state
      self.value = value
    }
  }

  /// The name, without `@`.
  public internal(set) var name: StringID
  /// Function or body.
  public internal(set) var kind: Kind
  /// The symbols of the `where` clause, in the order written.
  public internal(set) var symbols: [SymbolID] = []
  /// A comment of the author, one entry a line, printed above the graph.
  public internal(set) var comment: [StringID] = []
  /// Where the graph was defined.
  public internal(set) var location: LocationID = .none

  // Per node.
  /// The op of each node.
  public internal(set) var ops: [Op] = []
  /// Where each node's operands end in `operandPool`.
  public internal(set) var operandEnds: [UInt32] = []
  /// The operands of all nodes, in order.
  public internal(set) var operandPool: [ValueID] = []
  /// The attribute record of each node.
  public internal(set) var attributes: [AttributesID] = []
  /// Where each node's results end among the values.
  public internal(set) var resultEnds: [UInt32] = []
  /// Where each node came from.
  public internal(set) var locations: [LocationID] = []

  // Per value.
  /// The type of each value.
  public internal(set) var types: [TypeID] = []
  /// The node that defines each value.
  public internal(set) var definers: [NodeID] = []
  /// The name of each value, or none.
  public internal(set) var names: [StringID] = []

  // The return.
  /// The values returned.
  public internal(set) var results: [ValueID] = []
  /// The name of each result, or none.
  public internal(set) var resultNames: [StringID] = []
  /// The states written on return.
  public internal(set) var writes: [Write] = []
  /// How many of the first nodes are inputs.
  public internal(set) var inputCount = 0

  init(name: StringID, kind: Kind) {
    self.name = name
    self.kind = kind
  }
}

extension Graph {
  /// Makes room for the nodes and values of another graph.
  mutating func reserveCapacity(like other: Graph) {
    ops.reserveCapacity(other.nodeCount)
    operandEnds.reserveCapacity(other.nodeCount)
    operandPool.reserveCapacity(other.operandPool.count)
    attributes.reserveCapacity(other.nodeCount)
    resultEnds.reserveCapacity(other.nodeCount)
    locations.reserveCapacity(other.nodeCount)
    types.reserveCapacity(other.valueCount)
    definers.reserveCapacity(other.valueCount)
    names.reserveCapacity(other.valueCount)
  }

  /// The number of nodes.
  public var nodeCount: Int { ops.count }

  /// The number of values.
  public var valueCount: Int { types.count }

  /// All nodes in program order.
  public var nodes: some Sequence<NodeID> { (0..<nodeCount).lazy.map { NodeID($0) } }

  /// Where a node's operands are in `operandPool`.
  @inlinable
  public func operandRange(_ node: NodeID) -> Range<Int> {
    (node.raw == 0 ? 0 : Int(operandEnds[node.index - 1]))..<Int(operandEnds[node.index])
  }

  /// The operands of a node, as an array of its own: for code that is not hot.
  public func operands(_ node: NodeID) -> [ValueID] { Array(operandPool[operandRange(node)]) }

  /// One operand of a node.
  public func operand(_ node: NodeID, _ position: Int) -> ValueID {
    operandPool[operandRange(node).lowerBound + position]
  }

  /// The index range of a node's results among the values.
  @inlinable
  public func resultRange(_ node: NodeID) -> Range<Int> {
    (node.raw == 0 ? 0 : Int(resultEnds[node.index - 1]))..<Int(resultEnds[node.index])
  }

  /// The results of a node.
  public func results(_ node: NodeID) -> [ValueID] { resultRange(node).map { ValueID($0) } }

  /// The only (or first) result of a node.
  public func result(_ node: NodeID) -> ValueID { ValueID(resultRange(node).lowerBound) }

  /// The inputs, in order: the results of the first `inputCount` nodes.
  public var inputs: [ValueID] { (0..<inputCount).map { ValueID($0) } }

  /// How often each value is used, as an operand, a result or a write.
  public func useCounts() -> [UInt32] {
    var counts = [UInt32](repeating: 0, count: valueCount)
    for value in operandPool { counts[value.index] += 1 }
    for value in results { counts[value.index] += 1 }
    for write in writes { counts[write.value.index] += 1 }
    return counts
  }
}
