import SluiceFormats
import SluiceIR
import SluiceInterpreter
import SluicePlan
import TestSupport
import Testing

/// Steps of loops and branches that are not well formed end in an error, never in a trap; what is well formed runs.
@Suite struct InvalidStepTests {
  /// A plan that adds 1 to the first state at each call of kernel 0, with the bools of the second state.
  private struct Sample {
    var plan: ModulePlan
    let dims: [DimID]
    let call: Step
    let counter: SymbolID
    let other: SymbolID
    let size: SymbolID

    init() {
      var m = PlanBuilder("more")
      var f = m.builder("more")
      let x = f.slot("x", .f32, .readWrite)
      let sum = f.scalar(.add, .f32, [f.load(x, m.affine(0)), f.float(1)])
      f.store(x, m.affine(0), sum)
      counter = m.counter("c", 9)
      other = m.counter("d", 9)
      size = m.symbol("n", 9)
      dims = (0...8).map { m.dim($0) }
      plan = statePlan(f, m, [Sample.zero, Sample.flags([])])
      call = .call(KernelID(0), [Argument(buffer: BufferID(0), offset: dims[0])])
    }

    static let zero = HostTensor([0] as [Float])
    static func flags(_ bools: [Bool]) -> HostTensor {
      HostTensor(bools + Array(repeating: false, count: 8 - bools.count))
    }

    /// One of the bools.
    func flag(_ index: Int) -> Argument { Argument(buffer: BufferID(1), offset: dims[index]) }

    /// The bool at the value of a counter.
    mutating func flag(at counter: SymbolID) -> Argument {
      Argument(buffer: BufferID(1), offset: plan.module.tables.dims.dim(counter))
    }

    func loop(_ counter: SymbolID, _ count: Int, reverse: Bool = false) -> Step {
      .loop(counter: counter, count: dims[count], reverse: reverse)
    }

    /// How often the kernel ran, with these bools.
    func run(_ steps: [Step], _ bools: [Bool] = [], limit: Int = 1000) throws -> Float {
      var plan = plan
      plan.functions[0].steps = steps
      var interpreter = try PlanInterpreter(
        plan, parameters: [], states: [Sample.zero, Sample.flags(bools)],
        options: .init(iterationLimit: limit))
      _ = try interpreter.run("f", inputs: [], symbols: [size: 1])
      return Float(bitPattern: UInt32(truncatingIfNeeded: interpreter.states[0].words[0]))
    }
  }

  @Test func structure() throws {
    let s = Sample()
    func fails(_ reason: String, _ steps: [Step], sourceLocation: SourceLocation = #_sourceLocation) {
      let error = #expect(throws: InterpreterError.self, sourceLocation: sourceLocation) {
        try s.run(steps)
      }
      #expect(
        error?.description.contains(reason) == true, "\(String(describing: error))",
        sourceLocation: sourceLocation)
    }
    let leave = Step.leave(unless: s.flag(0))
    let branch = Step.branch(s.flag(0))
    fails("a loop has no end", [.forever, leave])
    fails("a loop has no end", [branch])
    fails("a loop has no end", [branch, .otherwise])
    fails("an end without a loop", [.forever, leave, .end, .end])
    fails("a `leave` outside of a loop", [leave])
    fails("a `leave` outside of a loop", [.forever, branch, leave, .end, .end])
    fails("a `leave` outside of a loop", [.forever, branch, .otherwise, leave, .end, .end])
    fails("a `leave` outside of a loop", [.forever, leave, .end, leave])
    fails("an `otherwise` without a branch", [.otherwise])
    fails("an `otherwise` without a branch", [branch, .otherwise, .otherwise, .end])
    fails("an `otherwise` without a branch", [.forever, .otherwise, leave, .end])
    fails("an `otherwise` without a branch", [branch, s.loop(s.counter, 2), .otherwise, .end, .end])
    fails("an unknown counter", [s.loop(SymbolID(77), 2), .end])
    fails("a counter that is in use", [s.loop(s.counter, 2), s.loop(s.counter, 2), .end, .end])
    fails("a counter that is in use", [s.loop(s.counter, 2), branch, s.loop(s.counter, 2), .end, .end, .end])
    fails("a counter that is in use", [s.loop(s.size, 2), .end])
    fails("there is no dim", [.loop(counter: s.counter, count: DimID(9999), reverse: false), .end])
    for (reason, flag) in [
      ("there is no buffer 7", Argument(buffer: BufferID(7), offset: s.dims[0])),
      ("is no bool", Argument(buffer: BufferID(0), offset: s.dims[0])),
      ("there is no dim", Argument(buffer: BufferID(1), offset: DimID(9999))),
      ("has no element 8", s.flag(8)),
    ] {
      fails(reason, [.branch(flag), .end])
      fails(reason, [.forever, .leave(unless: flag), .end])
    }
    var t = s
    let moving = t.flag(at: s.counter)
    let error = #expect(throws: InterpreterError.self) { try t.run([.branch(moving), .end]) }
    #expect(error?.description.contains("mentions a symbol without a value") == true)
    #expect(throws: InterpreterError.self) {
      try t.run([t.loop(t.counter, 2), .leave(unless: t.flag(7)), .end, .branch(moving), .end])
    }
    // Counters may be used again once their loop has ended.
    #expect(try s.run([s.loop(s.counter, 2), s.call, .end, s.loop(s.counter, 3), s.call, .end]) == 5)
  }

  @Test func branches() throws {
    let s = Sample()
    let (call, both) = (s.call, [true, false])
    for flag in both {
      #expect(try s.run([.branch(s.flag(0)), call, .end], [flag]) == (flag ? 1 : 0))
      #expect(try s.run([.branch(s.flag(0)), .otherwise, call, .end], [flag]) == (flag ? 0 : 1))
      #expect(try s.run([.branch(s.flag(0)), .otherwise, .end, call], [flag]) == 1)
      #expect(
        try s.run([.branch(s.flag(0)), call, call, .otherwise, call, .end, call], [flag]) == (flag ? 3 : 2))
      for inner in both {
        // One branch in each side of another one.
        let one: [Step] = [.branch(s.flag(1)), call, .otherwise, call, call, .end]
        let steps: [Step] = [.branch(s.flag(0))] + one + [.otherwise] + one + [call, call, .end]
        #expect(try s.run(steps, [flag, inner]) == (inner ? 1 : 2) + (flag ? 0 : 2))
      }
    }
  }

  @Test func waysOut() throws {
    var s = Sample()
    let here = s.flag(at: s.counter)
    let bools = [true, true, false, true, true]
    // Forwards and backwards: until the first bool that is false.
    #expect(try s.run([s.loop(s.counter, 5), .leave(unless: here), s.call, .end], bools) == 2)
    #expect(try s.run([s.loop(s.counter, 4, reverse: true), .leave(unless: here), s.call, .end], bools) == 1)
    #expect(try s.run([s.loop(s.counter, 2), .leave(unless: here), s.call, .end], bools) == 2)
    #expect(try s.run([s.loop(s.counter, 0), .leave(unless: here), s.call, .end], bools) == 0)
    // What was left leaves the loop around it alone.
    let inner: [Step] = [s.loop(s.counter, 5), .leave(unless: here), s.call, .end]
    #expect(try s.run([s.loop(s.other, 3)] + inner + [s.call, .end], bools) == 9)
    #expect(try s.run([.forever] + inner + [.leave(unless: s.flag(2)), s.call, .end], bools) == 2)
    // Two ways out of one loop, the second one taken.
    #expect(
      try s.run(
        [.forever, .leave(unless: s.flag(0)), s.call, .leave(unless: s.flag(2)), s.call, .end], bools) == 1)
    // A counter that was left behind has no value any more, and its loop may begin again.
    #expect(try s.run(inner + inner, bools) == 4)
  }

  @Test func endlessLoopsAreStopped() throws {
    let s = Sample()
    for limit in [0, 1, 100] {
      #expect(throws: InterpreterError.tooManyIterations(limit: limit)) {
        try s.run([.forever, .leave(unless: s.flag(0)), .end], [true], limit: limit)
      }
    }
    let once: [Step] = [.forever, .leave(unless: s.flag(0)), .end]
    #expect(throws: Never.self) { try s.run(once, [false], limit: 1) }
    #expect(throws: InterpreterError.tooManyIterations(limit: 0)) { try s.run(once, [false], limit: 0) }
    #expect(throws: Never.self) { try s.run([s.loop(s.counter, 5), .end], limit: 5) }
    #expect(throws: InterpreterError.tooManyIterations(limit: 4)) {
      try s.run([s.loop(s.counter, 5), .end], limit: 4)
    }
  }

  /// A kernel that counts up to a counter runs inside of its loop only, however the loop ended.
  @Test func countersInKernels() throws {
    var m = PlanBuilder("up_to")
    var f = m.builder("up_to")
    let x = f.slot("x", .f32, .readWrite)
    let counter = m.counter("c", 9)
    let i = f.beginLoop(to: m.affine(counter), .sequential)
    f.store(x, f.at(i), f.float(1))
    f.endLoop()
    let (three, zero) = (m.dim(3), m.dim(0))
    let tensors = [HostTensor([0, 0, 0, 0] as [Float]), HostTensor([false])]
    let good = statePlan(f, m, [tensors[0]])
    var plan = statePlan(f, m, tensors)
    let call = good.functions[0].steps[0]
    let loop = Step.loop(counter: counter, count: three, reverse: false)
    let leave = Step.leave(unless: Argument(buffer: BufferID(1), offset: zero))
    func run(_ steps: [Step]) throws -> [UInt64] {
      plan.functions[0].steps = steps
      var interpreter = try PlanInterpreter(plan, parameters: [], states: tensors)
      _ = try interpreter.run("f", inputs: [])
      return interpreter.states[0].words.map { $0 == 0 ? 0 : 1 }
    }
    #expect(try run([loop, call, .end]) == [1, 1, 0, 0])
    for steps in [[call], [loop, .end, call], [loop, leave, .end, call]] {
      let error = #expect(throws: InterpreterError.self) { try run(steps) }
      #expect(error?.description.contains("mentions a symbol without a value") == true)
    }
  }
}
