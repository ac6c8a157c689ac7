/// The builder: identical nodes, rules, graphs within graphs, names, and what it refuses.

import SluiceIR
import Testing

struct BuilderTests {
  /// Two symbols of one name print alike, so the message says what they differ in.
  @Test func boundsAreNamedWhereOnlyTheyDiffer() throws {
    var builder = ModuleBuilder(name: "bounds")
    func rows(_ bound: Int64) -> TypeID {
      let name = builder.tables.strings.intern("N")
      let dim = builder.tables.dims.dim(builder.tables.dims.symbol(name, bound: bound))
      return builder.tables.types.intern(.f32, [dim])
    }
    let (inner, outer) = (rows(8), rows(4))
    builder.begin(.body, "same")
    let x = builder.input(inner, name: .none)
    let body = try builder.end(results: [x])
    builder.begin(.function, "f")
    let y = builder.input(outer, name: .none)
    let message = "`call` calls `@same` with (f32[N]) where N <= 4, it takes (f32[N]) where N <= 8"
    #expect(throws: InferenceError(message)) {
      try builder.emit(.call, [y], [Attribute(.body, .graph(body))])
    }
    builder.abandon()
  }

  /// Bodies get names of their own, in time that grows with their number; what was given up leaves its name.
  @Test func namesOfGraphsAreFree() throws {
    var builder = ModuleBuilder(name: "m")
    let type = builder.type(.f32, 2)
    var names: [String] = []
    for _ in 1...2_000 {
      builder.begin(.body, builder.freeName("body"))
      names.append(builder.tables.strings[builder.currentName])
      let x = builder.input("x", type)
      try builder.end(results: [x])
    }
    #expect(names == ["body"] + (2...2_000).map { "body\($0)" })
    #expect(builder.freeName("body2000") == "body20002")
    #expect(builder.freeName("other") == "other")
    builder.begin(.body, "other")
    #expect(builder.freeName("other") == "other2")
    builder.abandon()
  }

  @Test func identicalNodesAreFound() throws {
    for simplifies in [true, false] {
      let module = try module(simplifies: simplifies) { builder in
        let type = builder.type(.f32, 2)
        builder.begin(.function, "f")
        let (x, y) = (builder.input("x", type), builder.input("y", type))
        let a = try builder.emit(.subtract, [x, y])
        let b = try builder.emit(.subtract, [x, y])
        let c = try builder.emit(.subtract, [y, x])
        let d = try builder.emit(.sum, [x], [Attribute(.axes, .ints([0]))])
        let e = try builder.emit(.sum, [x])
        #expect((a == b) == simplifies)
        #expect(a != c)
        #expect((d == e) == simplifies, "all axes, said or not")
        let g = try builder.emit(.sum, [x], [Attribute(.axes, .ints([]))])
        #expect(d != g, "other attributes")
        try builder.end(results: [a, b, c, d, e, g])
      }
      #expect(module.graphs[0].nodeCount == (simplifies ? 6 : 8))
      #expect(verify(module) == [])
    }
  }

  @Test func manyIdenticalNodesStayFew() throws {
    let module = try module(simplifies: true) { builder in
      let type = builder.type(.f32, 2)
      builder.begin(.function, "f")
      let x = builder.input("x", type)
      var last = x
      // 500 different chains, each emitted twice.
      for step in 0..<1000 {
        let count = Double(step % 500)
        last = try builder.emit(.multiply, [x, builder.splat(count + 2, like: x)])
      }
      try builder.end(results: [last])
    }
    #expect(module.graphs[0].nodeCount == 1 + 500 * 3)
  }

  @Test func resultsFollowEachOther() throws {
    let module = try module(simplifies: true) { builder in
      let type = builder.type(.f32)
      builder.begin(.body, "two")
      let x = builder.input("x", type)
      let negative = try builder.emit(.negate, [x])
      try builder.end(results: [x, negative])
      builder.begin(.function, "f")
      let start = builder.input("start", type)
      let attributes = [
        Attribute(.body, .graph(GraphID(0))), Attribute(.carries, .int(1)),
        Attribute(.length, .dim(builder.tables.dims.integer(3))),
      ]
      let first = try builder.emit(.scan, [start], attributes)
      let again = try builder.emit(.scan, [start], attributes)
      #expect(first == again)
      try builder.end(results: [first, ValueID(first.index + 1)])
    }
    let graph = module.graphs[1]
    #expect(graph.nodeCount == 2 && graph.valueCount == 3)
    #expect(graph.results(NodeID(1)) == [ValueID(1), ValueID(2)])
    #expect(graph.useCounts() == [1, 1, 1])
    #expect(module.tables.text(graph.types[2]) == "f32[3]")
    #expect(verify(module) == [])
  }

  @Test func graphsNest() throws {
    let module = try module { builder in
      let type = builder.type(.f32)
      builder.begin(.function, "outer")
      let x = builder.input("x", type)
      builder.begin(.body, "inner")
      let y = builder.input("y", type)
      #expect(builder.depth == 2 && y == x, "handles are of the graph under construction")
      let inner = try builder.end(results: [y])
      builder.begin(.body, "given up")
      builder.abandon()
      #expect(builder.depth == 1 && inner == GraphID(0))
      let result = try builder.emit(.exp, [x])
      try builder.end(results: [result])
    }
    #expect(module.graphs.map { module.tables.strings[$0.name] } == ["inner", "outer"])
    #expect(module.function("outer") == GraphID(1))
    #expect(module.function("inner") == nil)
    #expect(verify(module) == [])
  }

  @Test func firstNameStays() throws {
    let module = try module { builder in
      let type = builder.type(.f32)
      builder.begin(.function, "f")
      let x = builder.input("x", type)
      let (y, z) = (builder.tables.strings.intern("y"), builder.tables.strings.intern("z"))
      let value = try builder.emit(.exp, [x])
      builder.name(value, y)
      builder.name(value, z)
      builder.name(x, z)
      try builder.end(results: [value])
    }
    #expect(module.graphs[0].names.map { module.tables.strings[$0] } == ["x", "y"])
  }

  private func error(_ build: (inout ModuleBuilder) throws -> Void) -> String {
    do {
      _ = try module(build)
      return "no error"
    } catch { return (error as? InferenceError)?.message ?? "\(error)" }
  }

  @Test func declarationsAreChecked() {
    func declare(_ initializer: Variable.Initializer, _ extents: Int..., twice: Bool = false) -> String {
      error { builder in
        let name = builder.tables.strings.intern("w")
        let shape = extents.map { builder.tables.dims.integer($0) }
        let type = builder.tables.types.intern(.f32, shape)
        let variable = Variable(kind: .parameter, name: name, type: type, initializer: initializer)
        try builder.declare(variable)
        if twice { try builder.declare(variable) }
      }
    }
    #expect(declare(.eye, 2, 2) == "no error")
    #expect(declare(.eye, 2, 3) == "`eye` needs a square matrix, `@w` is f32[2,3]")
    #expect(declare(.zeros, 2, twice: true) == "`@w` is declared twice")
  }

  @Test func writesAreChecked() {
    func write(_ name: String, _ dtype: DType, times: Int = 1) -> String {
      error { builder in
        let type = builder.type(.f32)
        let (w, s) = (builder.tables.strings.intern("w"), builder.tables.strings.intern("s"))
        try builder.declare(Variable(kind: .parameter, name: w, type: type))
        try builder.declare(Variable(kind: .state, name: s, type: type))
        builder.begin(.function, "f")
        let value = builder.scalar(1, dtype)
        let write = Graph.Write(state: builder.tables.strings.intern(name), value: value)
        try builder.end(results: [], writes: [Graph.Write](repeating: write, count: times))
      }
    }
    #expect(write("s", .f32) == "no error")
    #expect(write("t", .f32) == "`@t` is written but not declared")
    #expect(write("w", .f32) == "no error", "an optimizer writes parameters")
    #expect(write("s", .f64) == "`@s` is f32[], the value written is f64[]")
    #expect(write("s", .f32, times: 2) == "`@s` is written twice by one function")
  }

  @Test func inferenceExplains() {
    func emit(_ op: Op, _ extents: [[Int]], _ attributes: [Attribute] = [], dtype: DType = .f32) -> String {
      error { builder in
        builder.begin(.function, "f")
        let inputs = extents.map { extents in
          let shape = extents.map { builder.tables.dims.integer($0) }
          return builder.input(builder.tables.types.intern(dtype, shape), name: .none)
        }
        try builder.emit(op, inputs, attributes)
        try builder.end(results: [])
      }
    }
    #expect(emit(.add, [[2], [3]]) == "operands have different shapes: f32[2] and f32[3]")
    #expect(emit(.add, [[2]]) == "`add` takes 2 operands, got 1")
    #expect(emit(.exp, [[2]], dtype: .i32) == "`exp`: operand 1 (`x`) is i32, it may be f32, f64")
    #expect(emit(.matmul, [[2, 3], [4, 5]]) == "`matmul`: inner dims differ, 3 and 4: f32[2,3] x f32[4,5]")
    #expect(emit(.sum, [[2]], [Attribute(.axes, .ints([1]))]) == "axis 1 is out of range for rank 1")
    #expect(emit(.sum, [[2]], [Attribute(.axes, .ints([0, -1]))]) == "axis -1 is given twice")
    #expect(emit(.concat, []) == "`concat` takes at least 1 operands, got 0")
    #expect(emit(.input, []) == "`input` is written in the signature, not as a node")
    #expect(emit(.cholesky, [[2, 3]]) == "`cholesky` needs square matrices, got f32[2,3]")
    #expect(emit(.cast, [[2]]) == "`cast` needs the attribute `dtype`: the dtype of the result")
    #expect(
      emit(.cast, [[2]], [Attribute(.dtype, .int(1))]) == "`cast`: attribute `dtype` is not of kind dtype")
  }
}
