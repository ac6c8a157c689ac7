import SluiceFormats
import SluiceIR
import SluiceInterpreter
import SluicePlan
import TestSupport
import Testing

/// Whole plans: buffers of every kind, loops of steps, states, symbols.
@Suite struct PlanTests {
  /// `y[i] = scale * x[i] + bias`.
  private func scaled(_ m: inout PlanBuilder, _ count: String, scale: Float, bias: Float) -> KernelID {
    m.kernel("scaled") { k, m in
      let (x, y) = (k.slot("x", .f32, .read), k.slot("y", .f32, .write))
      k.loop(to: m.affine(count), .vector) { k, i in
        let product = k.scalar(.multiply, .f32, [k.load(x, k.at(i)), k.float(scale)])
        k.store(y, k.at(i), k.scalar(.add, .f32, [product, k.float(bias)]))
      }
    }
  }

  /// A kernel may mention the counters of the loops around its call.
  @Test func nestedLoopsOfSteps() throws {
    var m = PlanBuilder("nested")
    let y = m.output("y", .i64, 12)
    let (a, b) = (m.counter("a", 9), m.counter("b", 9))
    let mark = m.kernel("mark") { k, m in
      k.store(k.slot("y", .i64, .write), m.affine(0), k.index(m.affine("a+b")))
    }
    // For a in 0..<3, for b in 0...a: y[4a + b] = a + b.
    m.loop(a, 3) { m in
      m.loop(b, "a+1", reverse: true) { m in m.call(mark, (y, "4*a+b")) }
      m.loop(b, 0) { m in m.call(mark, (y, "4*a+b")) }
    }
    var interpreter = try PlanInterpreter(m.plan, parameters: [], states: [])
    let result = try interpreter.run("f", inputs: [])
    #expect(result == [HostTensor([0, 0, 0, 0, 1, 2, 0, 0, 2, 3, 4, 0] as [Int64])])
  }

  /// Buffers of different dtypes at the same place in the arena share their bytes.
  @Test func overlappingBuffers() throws {
    var m = PlanBuilder("overlapping")
    let (x, y) = (m.input("x", .f32, 4), m.output("y", .i32, 4))
    let (t, u) = (m.arena("t", .f32, 4, at: 64), m.arena("u", .i32, 8, at: 64))
    let shift = m.kernel("bits") { k, m in
      let (x, y) = (k.slot("x", .i32, .read), k.slot("y", .i32, .write))
      k.loop(to: m.affine(4), .vector) { k, i in k.store(y, k.at(i), k.load(x, m.affine(1, (1, i)))) }
    }
    m.call(scaled(&m, "4", scale: 1, bias: 1), x, t)
    m.call(shift, u, y)
    var interpreter = try PlanInterpreter(m.plan, parameters: [], states: [], options: .init(poison: true))
    let result = try interpreter.run("f", inputs: [HostTensor([1, 2, 3, 4] as [Float])])
    // The last element lies behind the floats, in poisoned memory.
    let bits = [3, 4, 5].map { Int32(bitPattern: Float($0).bitPattern) } + [-1]
    #expect(result == [HostTensor(bits)])
  }

  @Test func parametersStatesAndConstants() throws {
    var m = PlanBuilder("variables", function: "update")
    let p = (0..<2).map { m.parameter("v\($0)", .f32, 2) }
    let s = (0..<2).map { m.state("s\($0)", .f32, 2) }
    let c = m.constant("c", HostTensor([100, 200] as [Float]))
    let update = m.kernel("update") { k, m in
      let (p, c) = (k.slot("p", .f32, .read), k.slot("c", .f32, .read))
      let s = k.slot("s", .f32, .readWrite)
      k.loop(to: m.affine(2), .vector) { k, i in
        let sum = k.scalar(.add, .f32, [k.load(p, k.at(i)), k.load(c, k.at(i))])
        k.store(s, k.at(i), k.scalar(.add, .f32, [k.load(s, k.at(i)), sum]))
      }
    }
    m.call(update, p[1], c, s[1])
    let plan = m.plan
    let first = HostTensor([1, 2] as [Float])
    let second = HostTensor([10, 20] as [Float])
    var interpreter = try PlanInterpreter(plan, parameters: [first, second], states: [second, first])
    let copy = interpreter
    _ = try interpreter.run("update", inputs: [])
    _ = try interpreter.run("update", inputs: [])
    #expect(interpreter.states == [second, HostTensor([221, 442] as [Float])])
    // A copy has states of its own.
    #expect(copy.states == [second, first])
    let saved = interpreter.stateBytes
    #expect(saved.count == 128)
    #expect(Array(saved[64..<72]) == HostTensor([221, 442] as [Float]).bytes)
    try interpreter.setStates([first, second])
    _ = try interpreter.run("update", inputs: [])
    #expect(interpreter.states[1] == HostTensor([120, 240] as [Float]))
    try interpreter.setStateBytes(saved)
    #expect(interpreter.states == [second, HostTensor([221, 442] as [Float])])
    #expect(throws: InterpreterError.stateSize(expected: 128, actual: 3)) {
      try interpreter.setStateBytes([1, 2, 3])
    }
    #expect(throws: InterpreterError.tensorCount(role: "parameters", expected: 2, actual: 1)) {
      try PlanInterpreter(plan, parameters: [first], states: [])
    }
    #expect(throws: InterpreterError.tensorType(name: "v0", expected: "f32[2]", actual: "f32[3]")) {
      try PlanInterpreter(
        plan, parameters: [HostTensor([1, 2, 3] as [Float]), first], states: [second, first])
    }
  }

  @Test func wrongCalls() throws {
    var m = PlanBuilder("calls")
    let n = m.symbol("N", 8)
    let (x, y) = (m.input("x", .f32, "N"), m.output("y", .f32, "N"))
    m.call(scaled(&m, "N", scale: 2, bias: 0), x, y)
    m.function.checkedDims = [m.dim("N-2")]
    var interpreter = try PlanInterpreter(m.plan, parameters: [], states: [])
    func fails(
      _ error: InterpreterError, _ inputs: [HostTensor], _ symbols: [SymbolID: Int], of name: String = "f"
    ) {
      #expect(throws: error) { try interpreter.run(name, inputs: inputs, symbols: symbols) }
    }
    let four = HostTensor([1, 2, 3, 4] as [Float])
    #expect(
      try interpreter.run("f", inputs: [four], symbols: [n: 4]) == [HostTensor([2, 4, 6, 8] as [Float])])
    fails(.unknownFunction("g"), [four], [n: 4], of: "g")
    fails(.unboundSymbol("N"), [four], [:])
    fails(.symbolOutOfBounds(name: "N", value: 9, bound: 8), [four], [n: 9])
    fails(.symbolOutOfBounds(name: "N", value: -1, bound: 8), [four], [n: -1])
    fails(.negativeDim("N-2", value: -1), [four], [n: 1])
    fails(.tensorCount(role: "inputs", expected: 1, actual: 0), [], [n: 4])
    fails(.tensorType(name: "x", expected: "f32[N]", actual: "f32[4]"), [four], [n: 5])
    fails(
      .tensorType(name: "x", expected: "f32[N]", actual: "i32[4]"), [HostTensor([1, 2, 3, 4] as [Int32])],
      [n: 4])
    #expect(throws: Never.self) { try interpreter.validate("f") }
  }

  /// Symbols follow from shapes.
  @Test func bindsSymbolsFromShapes() throws {
    var m = PlanBuilder("shapes")
    m.symbol("B", 8)
    let (x, y) = (m.input("x", .f32, "B"), m.output("y", .f32, "B"))
    m.call(scaled(&m, "B", scale: 3, bias: 0), x, y)
    var interpreter = try PlanInterpreter(m.plan, parameters: [], states: [])
    #expect(
      try interpreter.run("f", inputs: [HostTensor([1, 2] as [Float])]) == [HostTensor([3, 6] as [Float])])
    #expect(throws: InterpreterError.self) {
      try interpreter.run("f", inputs: [HostTensor([Float](repeating: 0, count: 9))])
    }
  }
}
