/// The sizes of the columns: what a node costs is a promise.

import SluiceIR
import Testing

struct LayoutTests {
  private func stride<Element>(_: [Element]) -> Int { MemoryLayout<Element>.stride }

  @Test func bytesOfANode() throws {
    let module = try module { builder in
      let type = builder.type(.f32, 2)
      builder.begin(.function, "f")
      let x = builder.input("x", type)
      let y = try builder.emit(.add, [x, x])
      try builder.end(results: [y])
    }
    let graph = module.graphs[0]
    let node =
      stride(graph.ops) + stride(graph.operandEnds) + stride(graph.attributes) + stride(graph.resultEnds)
      + stride(graph.locations)
    let value = stride(graph.types) + stride(graph.definers) + stride(graph.names)
    #expect(node == 17)
    #expect(stride(graph.operandPool) == 4)
    #expect(value == 12)
    // `%z = add %x, %y`: a node, two operands, a value.
    #expect(node + 2 * stride(graph.operandPool) + value == 37)
    // There is no other column: name, kind, symbols, comment, location; 9 columns; 4 fields of the return.
    #expect(Mirror(reflecting: graph).children.count == 18)
  }

  @Test func handlesAreFourBytes() {
    #expect(MemoryLayout<NodeID>.size == 4)
    #expect(MemoryLayout<ValueID?>.size == 5, "which is why none is a value")
    #expect(ValueID.none.isNone && !ValueID(0).isNone)
    #expect(MemoryLayout<Op>.size == 1)
    #expect(MemoryLayout<DType>.size == 1)
    #expect(MemoryLayout<ScalarProgram.Instruction>.stride == 24)
  }
}
