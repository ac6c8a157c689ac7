/// Puts a graph in order whose inputs were found late: a `scan` in the DSL learns what its body captures from
/// the body.
extension Graph {
  /// Adds inputs behind the others, which nothing uses.
  mutating func addInputs(_ types: [TypeID]) {
    for type in types {
      ops.append(.input)
      operandEnds.append(UInt32(operandPool.count))
      attributes.append(AttributeTable.empty)
      locations.append(location)
      self.types.append(type)
      definers.append(NodeID(ops.count - 1))
      names.append(.none)
      resultEnds.append(UInt32(self.types.count))
    }
    inputCount += types.count
    moveInputsToFront()
  }

  /// Moves the inputs in front of the other nodes; both keep their order, and every value is renumbered once.
  mutating func moveInputsToFront() {
    let isInput = ops.map { $0 == .input }
    let order = nodes.filter { isInput[$0.index] } + nodes.filter { !isInput[$0.index] }
    var moved = Graph(name: name, kind: kind)
    moved.symbols = symbols
    moved.comment = comment
    moved.location = location
    moved.inputCount = inputCount
    var newValues = [ValueID](repeating: .none, count: valueCount)
    for node in order {
      moved.ops.append(ops[node.index])
      moved.attributes.append(attributes[node.index])
      moved.locations.append(locations[node.index])
      for position in operandRange(node) {
        // Operands of a node that is no input stand before it in the new order too.
        moved.operandPool.append(newValues[operandPool[position].index])
      }
      moved.operandEnds.append(UInt32(moved.operandPool.count))
      for value in resultRange(node) {
        newValues[value] = ValueID(moved.types.count)
        moved.types.append(types[value])
        moved.names.append(names[value])
        moved.definers.append(NodeID(moved.ops.count - 1))
      }
      moved.resultEnds.append(UInt32(moved.types.count))
    }
    moved.results = results.map { newValues[$0.index] }
    moved.resultNames = resultNames
    moved.writes = writes.map { Write(state: $0.state, value: newValues[$0.value.index]) }
    self = moved
  }
}
