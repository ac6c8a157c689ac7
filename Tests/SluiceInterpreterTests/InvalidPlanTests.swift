import SluiceFormats
import SluiceIR
import SluiceInterpreter
import SluicePlan
import Testing

/// Kernels and plans that are not well formed end in an error, never in a trap.
@Suite struct InvalidPlanTests {
  private func fails(
    _ reason: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ write: (inout KernelFixture) -> Void
  ) {
    var f = KernelFixture("bad")
    _ = f.builder.slot("x", .f32, .readWrite)
    write(&f)
    let kernel = f.kernel
    do {
      _ = try run(kernel, f.tables, kernel.slots.map { _ in HostTensor([1, 2, 3, 4] as [Float]) })
      Issue.record("no error, `\(reason)` is expected", sourceLocation: sourceLocation)
    } catch let error as InterpreterError {
      #expect(error.description.contains(reason), "\(error)", sourceLocation: sourceLocation)
    } catch {
      Issue.record(error, sourceLocation: sourceLocation)
    }
  }

  @Test(arguments: [Loop.Kind.vector, .sequential, .lanes(8)])
  func accessesBeyondABuffer(_ kind: Loop.Kind) throws {
    for count in [5, 300] {
      var f = KernelFixture("beyond")
      let x = f.builder.slot("x", .f32, .readWrite)
      let sum = f.builder.variable(f.float(0))
      let i = f.loop(count, kind)
      let value = f.builder.load(x, f.at(i))
      if kind == .lanes(8) { f.builder.accumulate(sum, .add, value) }
      f.builder.endLoop()
      #expect(throws: InterpreterError.outOfBounds(kernel: "beyond", memory: "x", index: 4, count: 4)) {
        try f.run([HostTensor([1, 2, 3, 4] as [Float])])
      }
    }
    for (start, index) in [(-1, -1), (Int(Int32.max), Int(Int32.max))] {
      var f = KernelFixture("beyond")
      let x = f.builder.slot("x", .f32, .readWrite)
      let value = f.float(0)
      let i = f.loop(4, kind)
      f.builder.store(x, f.affine(start, (1, i)), value)
      f.builder.endLoop()
      #expect(throws: InterpreterError.outOfBounds(kernel: "beyond", memory: "x", index: index, count: 4)) {
        try f.run([HostTensor([1, 2, 3, 4] as [Float])])
      }
    }
  }

  @Test(arguments: [Loop.Kind.vector, .sequential])
  func gathersBeyondABuffer(_ kind: Loop.Kind) throws {
    for isStore in [false, true] {
      var f = KernelFixture("beyond")
      let x = f.builder.slot("x", .i64, .readWrite)
      let i = f.loop(4, kind)
      let index = f.builder.load(x, f.at(i))
      if isStore { f.builder.store(x, f.at(index), i) } else { _ = f.builder.load(x, f.at(index)) }
      f.builder.endLoop()
      for index in [4, -1, Int64.max, .min] {
        #expect(
          throws: InterpreterError.outOfBounds(kernel: "beyond", memory: "x", index: Int(index), count: 4)
        ) {
          try f.run([HostTensor([1, 2, index, 0] as [Int64])])
        }
      }
    }
  }

  @Test func strideThatOverflows() throws {
    var f = KernelFixture("beyond")
    let x = f.builder.slot("x", .f32, .read)
    let i = f.loop(200, .vector)
    _ = f.builder.load(x, f.affine(0, (Int.max / 2, i)))
    f.builder.endLoop()
    #expect(throws: InterpreterError.self) { try f.run([HostTensor([1, 2, 3, 4] as [Float])]) }
  }

  @Test func structure() {
    fails("has no end") { f in _ = f.loop(3, .vector) }
    fails("ends nothing") { $0.builder.endLoop() }
    fails("the step 0") { f in
      _ = f.loop(3, step: 0, .vector)
      f.builder.endLoop()
    }
    fails("3 lanes; expected a power of two") { f in
      _ = f.loop(3, .lanes(3))
      f.builder.endLoop()
    }
    fails("0 lanes; expected a power of two up to 256") { f in
      _ = f.loop(3, .lanes(0))
      f.builder.endLoop()
    }
    fails("not sequential") { f in
      _ = f.loop(3, .vector)
      _ = f.loop(3, .vector)
      f.builder.endLoop()
      f.builder.endLoop()
    }
    fails("a loop inside a `lanes` loop") { f in
      _ = f.loop(3, .lanes(4))
      _ = f.loop(3, .sequential)
      f.builder.endLoop()
      f.builder.endLoop()
    }
    fails("an `if` inside a vector") { f in
      let yes = f.builder.constant(1, .bool)
      _ = f.loop(3, .vector)
      f.builder.begin(if: yes)
      f.builder.endLoop()
      f.builder.endLoop()
    }
    fails("its bounds differ") { f in
      let i = f.loop(3, .vector)
      _ = f.builder.beginLoop(to: f.at(i), .sequential)
      f.builder.endLoop()
      f.builder.endLoop()
    }
  }

  @Test func registers() {
    fails("register 99 does not exist") { f in
      _ = f.builder.scalar(.abs, .f32, [f.float(1)])
      f.set(1, .assign(result: 0, value: 99))
    }
    fails("is used before it is defined") { f in
      _ = f.loop(3, .sequential)
      let inside = f.float(1)
      f.builder.endLoop()
      f.builder.store(.slot(0), f.affine(0), inside)
    }
    fails("defined twice") { f in
      let one = f.float(1)
      _ = f.builder.scalar(.abs, .f32, [one])
      f.set(1, .load(result: one, memory: .slot(0), index: f.affine(0)))
    }
    fails("is the index of a loop") { f in
      let i = f.loop(3, .sequential)
      f.builder.assign(i, i)
      f.builder.endLoop()
    }
    for kind in [Loop.Kind.vector, .parallel, .lanes(4)] {
      fails("is changed inside the loop over") { f in
        let sum = f.builder.variable(f.float(1))
        _ = f.loop(3, kind)
        f.builder.assign(sum, f.float(2))
        f.builder.endLoop()
      }
    }
    fails("whose iterations are parallel") { f in
      let sum = f.builder.variable(f.float(1))
      _ = f.loop(3, .parallel)
      _ = f.loop(3, .lanes(2))
      f.builder.accumulate(sum, .add, f.float(2))
      f.builder.endLoop()
      f.builder.endLoop()
    }
    fails("is used inside the loop that accumulates into it") { f in
      let sum = f.builder.variable(f.float(1))
      _ = f.loop(3, .lanes(4))
      f.builder.accumulate(sum, .add, f.builder.scalar(.abs, .f32, [sum]))
      f.builder.endLoop()
    }
    fails("accumulates in two ways") { f in
      let sum = f.builder.variable(f.float(1))
      let one = f.float(1)
      _ = f.loop(3, .lanes(4))
      f.builder.accumulate(sum, .add, one)
      f.builder.accumulate(sum, .multiply, one)
      f.builder.endLoop()
    }
    fails("outside a `lanes` loop") { f in
      let sum = f.builder.variable(f.float(1))
      f.builder.accumulate(sum, .add, sum)
    }
  }

  @Test func operations() {
    fails("`add` of f32, f32 gives no i32") { f in
      _ = f.builder.scalar(.add, .i32, source: .i32, [f.float(1), f.float(1)])
    }
    fails("`not` of f32") { f in _ = f.builder.scalar(.not, .f32, [f.float(1)]) }
    fails("`sqrt` of i64") { f in _ = f.builder.scalar(.sqrt, .i64, [f.integer(1)]) }
    fails("takes 2 operands") { f in _ = f.builder.scalar(.add, .f32, [f.float(1)]) }
    fails("the result is f32, expected bool") { f in
      _ = f.builder.scalar(.less, .f32, source: .f32, [f.float(1), f.float(1)])
    }
    fails("`bitcast` of f32 to f64") { f in _ = f.builder.scalar(.bitcast, .f64, source: .f32, [f.float(1)]) }
    fails("the function 200 does not exist") { f in
      _ = f.builder.scalar(.call, .f32, [f.float(1)], immediate: 200)
    }
    fails("a kernel has no parameters") { f in _ = f.builder.scalar(.parameter, .f32, []) }
    fails("slot 7 does not exist") { f in
      _ = f.float(1)
      f.set(0, .load(result: 0, memory: .slot(7), index: f.affine(0)))
    }
    fails("a dim is out of range") { f in
      _ = f.float(1)
      f.set(0, .load(result: 0, memory: .slot(0), index: Affine(DimID(raw: 12345))))
    }
    fails("is only read") { f in
      let y = f.builder.slot("y", .f32, .read)
      f.builder.store(y, f.affine(0), f.float(1))
    }
    fails("which is only written") { f in
      let y = f.builder.slot("y", .f32, .write)
      _ = f.builder.load(y, f.affine(0))
    }
  }

  @Test func endlessLoopsAreStopped() throws {
    var f = KernelFixture("long")
    let x = f.builder.slot("x", .f32, .readWrite)
    let i = f.loop(Int.max / 2, .sequential)
    f.builder.store(x, f.affine(0), f.builder.scalar(.cast, .f32, source: .i64, [i]))
    f.builder.endLoop()
    #expect(throws: InterpreterError.tooManyIterations(limit: 1000)) {
      try run(f.kernel, f.tables, [HostTensor([1, 2] as [Float])], options: .init(iterationLimit: 1000))
    }
  }

  /// A good plan with one thing changed.
  @Test func plans() throws {
    var f = KernelFixture("copy")
    let x = f.builder.slot("x", .f32, .read)
    let y = f.builder.slot("y", .f32, .write)
    let i = f.loop(4, .vector)
    f.builder.store(y, f.at(i), f.builder.load(x, f.at(i)))
    f.builder.endLoop()
    let four = HostTensor([1, 2, 3, 4] as [Float])
    let counter = f.symbol("t", bound: 9)
    let good = statePlan(f.kernel, f.tables, [four, four])
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
    var random = Random(77)
    var errors = 0
    for seed in 0..<(isRelease ? 2000 : 60) {
      var generator = KernelGenerator(UInt64(1000 + seed))
      let (dtypes, memory) = generator.make()
      let tensors = try zip(dtypes, memory).map { try tensor($0, $1) }
      for _ in 0..<4 {
        var kernel = generator.fixture.kernel
        mutate(&kernel, &random)
        do {
          _ = try run(kernel, generator.fixture.tables, tensors, options: .init(iterationLimit: 20_000))
        } catch is InterpreterError {
          errors += 1
        }
      }
    }
    #expect(errors > 20)
  }

  private func mutate(_ kernel: inout Kernel, _ random: inout Random) {
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

extension KernelFixture {
  /// Replaces an instruction when the kernel is finished.
  mutating func set(_ position: Int, _ instruction: Instruction) { replacements[position] = instruction }
}
