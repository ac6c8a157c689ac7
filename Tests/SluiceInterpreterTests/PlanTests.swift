import SluiceFormats
import SluiceIR
import SluiceInterpreter
import SluicePlan
import Testing

/// Whole plans: buffers of every kind, loops of steps, states, symbols.
@Suite struct PlanTests {
  /// `y[i] = scale * x[i] + bias` over `count` elements.
  private func scaled(_ f: inout KernelFixture, _ count: Affine, scale: Float, bias: Float) -> Kernel {
    f.builder = restarted(f, "scaled")
    let x = f.builder.slot("x", .f32, .read)
    let y = f.builder.slot("y", .f32, .write)
    let i = f.builder.beginLoop(to: count, .vector)
    let product = f.builder.scalar(.multiply, .f32, [f.builder.load(x, f.at(i)), f.float(scale)])
    f.builder.store(y, f.at(i), f.builder.scalar(.add, .f32, [product, f.float(bias)]))
    f.builder.endLoop()
    return f.kernel
  }

  private func restarted(_ f: KernelFixture, _ name: String) -> KernelBuilder {
    var builder = KernelBuilder(name: name)
    builder.zero = f.builder.zero
    builder.one = f.builder.one
    return builder
  }

  /// `out[t] = x[n-1-t] + previous out`, a scan with a counter, backwards; every part goes through the arena.
  private func scan(_ f: inout KernelFixture, poison: Bool) throws -> [HostTensor] {
    let time = f.symbol("T", bound: 20)
    let counter = f.symbol("t", bound: 19)
    let (timeDim, counterDim) = (f.tables.dims.dim(time), f.tables.dims.dim(counter))
    let width = f.tables.dims.integer(3)
    let offset = f.product(counterDim, width)
    let count = f.product(timeDim, width)
    let zero = f.tables.dims.integer(0)

    f.builder = restarted(f, "clear")
    let target = f.builder.slot("y", .f32, .write)
    var i = f.loop(3, .vector)
    f.builder.store(target, f.at(i), f.float(0))
    f.builder.endLoop()
    let clear = f.kernel

    f.builder = restarted(f, "step")
    let x = f.builder.slot("x", .f32, .read)
    let carried = f.builder.slot("h", .f32, .readWrite)
    let out = f.builder.slot("y", .f32, .write)
    i = f.loop(3, .vector)
    let sum = f.builder.scalar(.add, .f32, [f.builder.load(carried, f.at(i)), f.builder.load(x, f.at(i))])
    f.builder.store(carried, f.at(i), sum)
    f.builder.store(out, f.at(i), sum)
    f.builder.endLoop()
    let step = f.kernel

    let type = f.tables.types.intern(.f32, [timeDim, width])
    let buffers = [
      Buffer(name: "x", dtype: .f32, count: count, capacity: 240, storage: .input(0)),
      Buffer(name: "h", dtype: .f32, count: width, capacity: 12, storage: .arena(64)),
      Buffer(name: "y", dtype: .f32, count: count, capacity: 240, storage: .output(0)),
    ]
    let part = { (buffer: Int, offset: DimID) in Argument(buffer: BufferID(buffer), offset: offset) }
    let function = ExecutionPlan(
      name: "scan", symbols: [time], inputs: [Port(name: "x", type: type)],
      outputs: [Port(name: "y", type: type)],
      buffers: buffers,
      steps: [
        .call(KernelID(0), [part(1, zero)]), .loop(counter: counter, count: timeDim, reverse: true),
        .call(KernelID(1), [part(0, offset), part(1, zero), part(2, offset)]), .end,
      ], checkedDims: [timeDim], arenaBytes: 128, lowerBoundBytes: 64)
    let plan = ModulePlan(module: emptyModule(f.tables), kernels: [clear, step], functions: [function])
    var interpreter = try PlanInterpreter(plan, parameters: [], states: [], options: .init(poison: poison))
    var results: [HostTensor] = []
    for length in [0, 1, 5, 20] {
      let input = HostTensor((0..<length * 3).map { Float($0) }, shape: [length, 3])
      results += try interpreter.run("scan", inputs: [input], symbols: [time: length])
    }
    return results
  }

  @Test func scansWithCounters() throws {
    var f = KernelFixture()
    let results = try scan(&f, poison: false)
    for (length, result) in zip([0, 1, 5, 20], results) {
      var expected = [Float](repeating: 0, count: length * 3)
      var carried: [Float] = [0, 0, 0]
      for t in (0..<length).reversed() {
        for j in 0..<3 {
          carried[j] += Float(t * 3 + j)
          expected[t * 3 + j] = carried[j]
        }
      }
      #expect(result == HostTensor(expected, shape: [length, 3]))
    }
    var g = KernelFixture()
    #expect(try scan(&g, poison: true) == results)
  }

  @Test func nestedLoopsOfSteps() throws {
    var f = KernelFixture()
    let (a, b) = (f.symbol("a", bound: 9), f.symbol("b", bound: 9))
    let (aDim, bDim) = (f.tables.dims.dim(a), f.tables.dims.dim(b))
    // For a in 0..<3, for b in 0...a: y[4a + b] = a + b, by a kernel that mentions both counters.
    f.builder = restarted(f, "mark")
    let y = f.builder.slot("y", .i64, .write)
    let sum = f.sum(aDim, bDim)
    f.builder.store(y, f.affine(0), f.builder.index(Affine(sum)))
    let kernel = f.kernel
    let four = f.tables.dims.integer(4)
    let next = f.sum(aDim, f.tables.dims.integer(1))
    let place = f.sum(f.product(aDim, four), bDim)
    let count = f.tables.dims.integer(12)
    let function = ExecutionPlan(
      name: "f", inputs: [], outputs: [Port(name: "y", type: f.tables.types.intern(.i64, [count]))],
      buffers: [Buffer(name: "y", dtype: .i64, count: count, capacity: 96, storage: .output(0))],
      steps: [
        .loop(counter: a, count: f.tables.dims.integer(3), reverse: false),
        .loop(counter: b, count: next, reverse: true),
        .call(KernelID(0), [Argument(buffer: BufferID(0), offset: place)]), .end, .end,
        .loop(counter: b, count: f.tables.dims.integer(0), reverse: false),
        .call(KernelID(0), [Argument(buffer: BufferID(0), offset: place)]), .end,
      ], arenaBytes: 0, lowerBoundBytes: 0)
    var interpreter = try PlanInterpreter(
      ModulePlan(module: emptyModule(f.tables), kernels: [kernel], functions: [function]), parameters: [],
      states: [])
    let result = try interpreter.run("f", inputs: [])
    #expect(result == [HostTensor([0, 0, 0, 0, 1, 2, 0, 0, 2, 3, 4, 0] as [Int64])])
  }

  /// Buffers of different dtypes at the same place in the arena share their bytes.
  @Test func overlappingBuffers() throws {
    var f = KernelFixture()
    let count = f.tables.dims.integer(4)
    let twice = f.tables.dims.integer(8)
    let zero = f.tables.dims.integer(0)
    let kernel = scaled(&f, f.extent(4), scale: 1, bias: 1)
    f.builder = restarted(f, "bits")
    let x = f.builder.slot("x", .i32, .read)
    let y = f.builder.slot("y", .i32, .write)
    let i = f.loop(4, .vector)
    f.builder.store(y, f.at(i), f.builder.load(x, f.affine(1, (1, i))))
    f.builder.endLoop()
    let shift = f.kernel
    let (floats, integers) = (f.tables.types.intern(.f32, [count]), f.tables.types.intern(.i32, [count]))
    let call = { (kernel: Int, from: Int, to: Int) in
      Step.call(
        KernelID(kernel), [from, to].map { Argument(buffer: BufferID($0), offset: zero) })
    }
    let function = ExecutionPlan(
      name: "f", inputs: [Port(name: "x", type: floats)], outputs: [Port(name: "y", type: integers)],
      buffers: [
        Buffer(name: "x", dtype: .f32, count: count, capacity: 16, storage: .input(0)),
        Buffer(name: "t", dtype: .f32, count: count, capacity: 16, storage: .arena(64)),
        Buffer(name: "u", dtype: .i32, count: twice, capacity: 32, storage: .arena(64)),
        Buffer(name: "y", dtype: .i32, count: count, capacity: 16, storage: .output(0)),
      ], steps: [call(0, 0, 1), call(1, 2, 3)], arenaBytes: 128, lowerBoundBytes: 128)
    let plan = ModulePlan(module: emptyModule(f.tables), kernels: [kernel, shift], functions: [function])
    var interpreter = try PlanInterpreter(plan, parameters: [], states: [], options: .init(poison: true))
    let result = try interpreter.run("f", inputs: [HostTensor([1, 2, 3, 4] as [Float])])
    // The last element lies behind the floats, in poisoned memory.
    let bits = [3, 4, 5].map { Int32(bitPattern: Float($0).bitPattern) } + [-1]
    #expect(result == [HostTensor(bits)])
  }

  @Test func parametersStatesAndConstants() throws {
    var f = KernelFixture()
    let two = f.tables.dims.integer(2)
    let zero = f.tables.dims.integer(0)
    let type = f.tables.types.intern(.f32, [two])
    let constant = f.tables.constants.intern(type, HostTensor([100, 200] as [Float]).bytes)
    f.builder = restarted(f, "update")
    let p = f.builder.slot("p", .f32, .read)
    let c = f.builder.slot("c", .f32, .read)
    let s = f.builder.slot("s", .f32, .readWrite)
    let i = f.loop(2, .vector)
    let sum = f.builder.scalar(.add, .f32, [f.builder.load(p, f.at(i)), f.builder.load(c, f.at(i))])
    f.builder.store(s, f.at(i), f.builder.scalar(.add, .f32, [f.builder.load(s, f.at(i)), sum]))
    f.builder.endLoop()
    let kernel = f.kernel
    let buffer = { (name: String, storage: Buffer.Storage) in
      Buffer(name: name, dtype: .f32, count: two, capacity: 8, storage: storage)
    }
    let function = ExecutionPlan(
      name: "update", inputs: [], outputs: [],
      buffers: [buffer("p", .parameter(1)), buffer("c", .constant(constant)), buffer("s", .state(1))],
      steps: [.call(KernelID(0), (0..<3).map { Argument(buffer: BufferID($0), offset: zero) })],
      arenaBytes: 0,
      lowerBoundBytes: 0)
    let variables = [0, 1].map {
      ModulePlan.Variable(name: "v\($0)", type: type, offset: 64 * $0, byteCount: 8)
    }
    let plan = ModulePlan(
      module: emptyModule(f.tables), kernels: [kernel], functions: [function], parameters: variables,
      parameterBytes: 128, states: variables, stateBytes: 128)
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
    var f = KernelFixture()
    let n = f.symbol("N", bound: 8)
    let nDim = f.tables.dims.dim(n)
    let less = f.sum(nDim, f.tables.dims.integer(-2))
    let zero = f.tables.dims.integer(0)
    let kernel = scaled(&f, Affine(nDim), scale: 2, bias: 0)
    let type = f.tables.types.intern(.f32, [nDim])
    let function = ExecutionPlan(
      name: "f", symbols: [n], inputs: [Port(name: "x", type: type)], outputs: [Port(name: "y", type: type)],
      buffers: [
        Buffer(name: "x", dtype: .f32, count: nDim, capacity: 32, storage: .input(0)),
        Buffer(name: "y", dtype: .f32, count: nDim, capacity: 32, storage: .output(0)),
      ], steps: [.call(KernelID(0), [0, 1].map { Argument(buffer: BufferID($0), offset: zero) })],
      checkedDims: [less], arenaBytes: 0, lowerBoundBytes: 0)
    let plan = ModulePlan(module: emptyModule(f.tables), kernels: [kernel], functions: [function])
    var interpreter = try PlanInterpreter(plan, parameters: [], states: [])
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

  /// Symbols follow from shapes where the module has the function.
  @Test func bindsSymbolsFromShapes() throws {
    var builder = ModuleBuilder(name: "test")
    let b = builder.tables.dims.symbol(builder.tables.strings.intern("B"), bound: 8)
    let bDim = builder.tables.dims.dim(b)
    let type = builder.tables.types.intern(.f32, [bDim])
    builder.begin(.function, "f", symbols: [b])
    let x = builder.input(type, name: builder.tables.strings.intern("x"))
    try builder.end(results: [x])
    let module = builder.finish()
    var f = KernelFixture("test", module.tables)
    let zero = f.builder.zero
    let kernel = scaled(&f, Affine(bDim), scale: 3, bias: 0)
    var finished = module
    finished.tables = f.tables
    let buffers = [Buffer.Storage.input(0), .output(0)].map {
      Buffer(name: "t", dtype: .f32, count: bDim, capacity: 32, storage: $0)
    }
    let port = Port(name: "x", type: type)
    let function = ExecutionPlan(
      name: "f", symbols: [b], inputs: [port], outputs: [port], buffers: buffers,
      steps: [.call(KernelID(0), [0, 1].map { Argument(buffer: BufferID($0), offset: zero) })], arenaBytes: 0,
      lowerBoundBytes: 0)
    let plan = ModulePlan(module: finished, kernels: [kernel], functions: [function])
    var interpreter = try PlanInterpreter(plan, parameters: [], states: [])
    #expect(
      try interpreter.run("f", inputs: [HostTensor([1, 2] as [Float])]) == [HostTensor([3, 6] as [Float])])
    #expect(throws: InterpreterError.self) {
      try interpreter.run("f", inputs: [HostTensor([Float](repeating: 0, count: 9))])
    }
  }
}
