import SluiceFormats
import SluiceIR
import SluiceInterpreter
import SluicePlan
import TestSupport
import Testing

/// Kernels and plans that are not well formed end in an error, never in a trap.
@Suite struct InvalidPlanTests {
  /// What the verifier of kernels rejects is not run.
  @Test func kernelsThatAreNotWellFormed() throws {
    var m = PlanBuilder("bad")
    var f = m.builder("bad")
    _ = f.slot("x", .f32, .readWrite)
    _ = f.beginLoop(to: m.affine(3), .vector)
    let error = #expect(throws: InterpreterError.self) { try run(f, m, [HostTensor([1, 2] as [Float])]) }
    #expect(error?.description.contains("has no end") == true)
  }

  @Test(arguments: [Loop.Kind.vector, .sequential, .lanes(8)])
  func accessesBeyondABuffer(_ kind: Loop.Kind) throws {
    for count in [5, 300] {
      var m = PlanBuilder("beyond")
      var f = m.builder("beyond")
      let x = f.slot("x", .f32, .readWrite)
      let sum = f.variable(f.float(0))
      let i = f.beginLoop(to: m.affine(count), kind)
      let value = f.load(x, f.at(i))
      if kind == .lanes(8) { f.accumulate(sum, .add, value) }
      f.endLoop()
      #expect(throws: InterpreterError.outOfBounds(kernel: "beyond", memory: "x", index: 4, count: 4)) {
        try run(f, m, [HostTensor([1, 2, 3, 4] as [Float])])
      }
    }
    for (start, index) in [(-1, -1), (Int(Int32.max), Int(Int32.max))] {
      var m = PlanBuilder("beyond")
      var f = m.builder("beyond")
      let x = f.slot("x", .f32, .readWrite)
      let value = f.float(0)
      let i = f.beginLoop(to: m.affine(4), kind)
      f.store(x, m.affine(start, (1, i)), value)
      f.endLoop()
      #expect(throws: InterpreterError.outOfBounds(kernel: "beyond", memory: "x", index: index, count: 4)) {
        try run(f, m, [HostTensor([1, 2, 3, 4] as [Float])])
      }
    }
  }

  @Test(arguments: [Loop.Kind.vector, .sequential])
  func gathersBeyondABuffer(_ kind: Loop.Kind) throws {
    for isStore in [false, true] {
      var m = PlanBuilder("beyond")
      var f = m.builder("beyond")
      let x = f.slot("x", .i64, .readWrite)
      let i = f.beginLoop(to: m.affine(4), kind)
      let index = f.load(x, f.at(i))
      if isStore { f.store(x, f.at(index), i) } else { _ = f.load(x, f.at(index)) }
      f.endLoop()
      for index in [4, -1, Int64.max, .min] {
        #expect(
          throws: InterpreterError.outOfBounds(kernel: "beyond", memory: "x", index: Int(index), count: 4)
        ) {
          try run(f, m, [HostTensor([1, 2, index, 0] as [Int64])])
        }
      }
    }
  }

  @Test func strideThatOverflows() throws {
    var m = PlanBuilder("beyond")
    var f = m.builder("beyond")
    let x = f.slot("x", .f32, .read)
    let i = f.beginLoop(to: m.affine(200), .vector)
    _ = f.load(x, m.affine(0, (Int.max / 2, i)))
    f.endLoop()
    #expect(throws: InterpreterError.self) { try run(f, m, [HostTensor([1, 2, 3, 4] as [Float])]) }
  }

  @Test func endlessLoopsAreStopped() throws {
    var m = PlanBuilder("long")
    var f = m.builder("long")
    let x = f.slot("x", .f32, .readWrite)
    let i = f.beginLoop(to: m.affine(Int.max / 2), .sequential)
    f.store(x, m.affine(0), f.scalar(.cast, .f32, source: .i64, [i]))
    f.endLoop()
    #expect(throws: InterpreterError.tooManyIterations(limit: 1000)) {
      try run(f, m, [HostTensor([1, 2] as [Float])], options: .init(iterationLimit: 1000))
    }
  }

  /// A good plan with one thing changed.
  @Test func plans() throws {
    var m = PlanBuilder("copy")
    var f = m.builder("copy")
    let x = f.slot("x", .f32, .read)
    let y = f.slot("y", .f32, .write)
    let i = f.beginLoop(to: m.affine(4), .vector)
    f.store(y, f.at(i), f.load(x, f.at(i)))
    f.endLoop()
    let four = HostTensor([1, 2, 3, 4] as [Float])
    let counter = m.counter("t", 9)
    let good = statePlan(f, m, [four, four])
    func fails(
      _ reason: String, sourceLocation: SourceLocation = #_sourceLocation,
      _ change: (inout ModulePlan) -> Void
    ) {
      var plan = good
      change(&plan)
      do {
        var interpreter = try PlanInterpreter(plan, parameters: [], states: [four, four])
        _ = try interpreter.run("f", inputs: [])
        Issue.record("no error, `\(reason)` is expected", sourceLocation: sourceLocation)
      } catch {
        #expect(error.description.contains(reason), "\(error)", sourceLocation: sourceLocation)
      }
    }
    fails("no kernel 7") { $0.functions[0].steps = [.call(KernelID(7), [])] }
    fails("2 slots") { $0.functions[0].steps = [.call(KernelID(0), [])] }
    fails("a loop has no end") {
      $0.functions[0].steps.append(.loop(counter: counter, count: DimID(0), reverse: false))
    }
    fails("an end without") { $0.functions[0].steps.append(.end) }
    fails("no dim") { $0.functions[0].buffers[0].count = DimID(9999) }
    fails("is not inside its block") { $0.functions[0].buffers[0].storage = .arena(64) }
    fails("byte 60 of the arena") { $0.functions[0].buffers[0].storage = .arena(60) }
    fails("is no state") { $0.functions[0].buffers[0].storage = .state(2) }
    fails("is no input") { $0.functions[0].buffers[0].storage = .input(0) }
    fails("has another dtype") { $0.functions[0].buffers[0].dtype = .i32 }
    fails("more than its 4 bytes hold") { $0.functions[0].buffers[0].capacity = 4 }
    fails("is not inside its block") { $0.states[1].offset = 128 }
    fails("is not inside its block") { $0.states[1].offset = -64 }
    fails("no memory for -1") { $0.stateBytes = -1 }
    fails("the arena has") { $0.functions[0].arenaBytes = -8 }
    fails("no memory for") { $0.functions[0].arenaBytes = 1 << 60 }
    fails("mentions a symbol without a value") { plan in
      let dim = plan.module.tables.dims.dim(counter)
      plan.functions[0].steps = [
        .call(KernelID(0), [0, 1].map { Argument(buffer: BufferID($0), offset: dim) })
      ]
    }
  }

  /// Kernels with random changes: whatever happens, it is no trap.
  @Test func mutations() throws {
    var random = SeededRandom(77)
    var errors = 0
    for seed in 0..<(isRelease ? 2000 : 60) {
      var kernels = RandomKernels(seed: 1000 + seed)
      let (inputs, states) = (kernels.inputs(), try kernels.states)
      for _ in 0..<4 {
        var plan = kernels.m.plan
        mutate(&plan.kernels[0], &random)
        do {
          var interpreter = try PlanInterpreter(
            plan, parameters: [], states: states, options: .init(iterationLimit: 20_000))
          _ = try interpreter.run("f0", inputs: inputs, symbols: kernels.symbols(3, 40))
        } catch {
          errors += 1
        }
      }
    }
    #expect(errors > 20)
  }

  private func mutate(_ kernel: inout Kernel, _ random: inout SeededRandom) {
    guard !kernel.instructions.isEmpty else { return }
    let at = random.below(kernel.instructions.count)
    let register = random.below(kernel.registers.count + 1)
    switch random.below(6) {
    case 0: kernel.instructions.remove(at: at)
    case 1: kernel.instructions.swapAt(at, random.below(kernel.instructions.count))
    case 2: kernel.registers[random.below(kernel.registers.count)] = random.pick(DType.allCases)
    case 3: kernel.instructions.insert(.end, at: at)
    default:
      switch kernel.instructions[at] {
      case .scalar(var scalar):
        scalar.op = random.pick(ScalarOp.allCases)
        if !scalar.operands.isEmpty { scalar.operands[0] = register }
        kernel.instructions[at] = .scalar(scalar)
      case .index(let result, _): kernel.instructions[at] = .assign(result: register, value: result)
      case .load(let result, let memory, var index):
        index.terms.append(Affine.Term(index.constant, register))
        kernel.instructions[at] = .load(
          result: result, memory: changed(memory, by: random.below(2)), index: index)
      case .store(let memory, var index, let value):
        index.terms.append(Affine.Term(DimID(random.below(12)), register))
        kernel.instructions[at] = .store(
          memory: changed(memory, by: -random.below(2)), index: index, value: value)
      case .local(let local): kernel.instructions[at] = .local(local + 1)
      case .assign(let result, let value):
        kernel.instructions[at] = random.below(2) == 0 ? .assign(result: register, value: value) : .if(result)
      case .accumulate(let accumulator, _, let value):
        kernel.instructions[at] = .accumulate(
          accumulator: accumulator, random.pick(ScalarOp.allCases), value: value)
      case .loop(var loop):
        loop.step = random.below(4)
        loop.kind = random.pick([.vector, .tasks, .parallel, .sequential, .lanes(random.below(9))])
        if random.below(2) == 0 { loop.end.terms.append(Affine.Term(loop.end.constant, register)) }
        kernel.instructions[at] = .loop(loop)
      case .if: kernel.instructions[at] = .if(register)
      case .end: kernel.instructions[at] = .if(register)
      }
    }
  }

  private func changed(_ memory: Memory, by distance: Int) -> Memory {
    switch memory {
    case .slot(let slot): .slot(slot + distance)
    case .local(let local): .local(local + distance)
    }
  }
}
