import SluiceIR
import SluicePlan
import TestSupport
import Testing

/// Plans with one thing wrong in buffers or steps: the checker says what, and where.
@Suite struct PlanRejectionTests {
  typealias Change = @Sendable (inout ModulePlan) -> Void

  static let tables: [(String, ModulePlan, Change)] = [
    (
      "the offset 4 is no multiple of 64", SamplePlans.chain(),
      { $0.functions[0].buffers[2].storage = .arena(4) }
    ),
    (
      "is at bytes 320 ..< 400 of an arena of 384", SamplePlans.chain(),
      { $0.functions[0].buffers[2].storage = .arena(320) }
    ),
    (
      "the arena has 250 bytes, which is no multiple of 64", SamplePlans.chain(),
      { $0.functions[0].arenaBytes = 250 }
    ),
    ("less than its lower bound", SamplePlans.chain(), { $0.functions[0].lowerBoundBytes = 1 << 20 }),
    (
      "the capacity of 79 bytes may be less than B*T elements need", SamplePlans.chain(),
      { $0.functions[0].buffers[2].capacity = 79 }
    ),
    (
      "the count T-1 may be negative", SamplePlans.shifted(),
      { plan in
        plan.functions[0].checkedDims = []
        plan.functions[0].outputs[0].type = plan.functions[0].inputs[0].type
        let dims = plan.module.tables.dims
        plan.functions[0].buffers[1].count = DimID(
          (0..<dims.count).first { plan.module.tables.text(DimID($0)) == "T-1" } ?? 0)
      }
    ),
    ("input 7 does not exist", SamplePlans.chain(), { $0.functions[0].buffers[0].storage = .input(7) }),
    (
      "constant 0 does not exist", SamplePlans.chain(),
      { $0.functions[0].buffers[0].storage = .constant(ConstantID(0)) }
    ),
    (
      "elements of f32, the input is i32[B,T,2]", SamplePlans.shifted(),
      { $0.functions[0].buffers[0].dtype = .f32 }
    ),
    ("kernel 9 does not exist", SamplePlans.chain(), { $0.functions[0].steps[0] = .call(KernelID(9), []) }),
    ("takes 2 arguments, got 0", SamplePlans.chain(), { $0.functions[0].steps[0] = .call(KernelID(0), []) }),
    ("leaves no loop", SamplePlans.whileLoop(), { $0.functions[0].steps.swapAt(0, 5) }),
    ("the loop never ends", SamplePlans.whileLoop(isCounted: false), { $0.functions[0].steps.remove(at: 5) }),
    (
      "not bools", SamplePlans.whileLoop(),
      { $0.functions[0].steps[5] = .leave(unless: Argument(buffer: BufferID(1), offset: DimID(0))) }
    ),
    (
      "the bool at 2 may lie outside of it", SamplePlans.oneSide(),
      { plan in
        let two = plan.module.tables.dims.integer(2)
        plan.functions[0].steps[0] = .branch(Argument(buffer: BufferID(0), offset: two))
      }
    ),
    ("before anything was stored", SamplePlans.whileLoop(), { $0.functions[0].steps.remove(at: 4) }),
    ("is no other side", SamplePlans.branches(), { $0.functions[0].steps[0] = .otherwise }),
    (
      "a loop, a branch or a `together` has no end", SamplePlans.oneSide(),
      { $0.functions[0].steps.remove(at: 3) }
    ),
    // One side of a branch leaves out what is read behind it.
    ("before anything was stored", SamplePlans.branches(), { $0.functions[0].steps.remove(at: 3) }),
    // What the loop has not surely done is relied on behind it.
    (
      "loads", SamplePlans.whileLoop(),
      { $0.functions[0].steps.append($0.functions[0].steps[7]) }
    ),
    (
      "a loop, a branch or a `together` has no end", SamplePlans.scan(),
      { $0.functions[0].steps.remove(at: 5) }
    ),
    (
      "the counter `T` is not the loop's own", SamplePlans.scan(),
      { plan in
        let t = plan.functions[0].symbols[0]
        plan.functions[0].steps[1] = .loop(counter: t, count: DimID(0), reverse: false)
      }
    ),
    (
      "is not the loop's own", SamplePlans.scan(),
      { plan in plan.functions[0].steps.insert(contentsOf: [plan.functions[0].steps[1], .end], at: 2) }
    ),
    (
      "may exceed its bound 3", SamplePlans.scan(),
      { plan in
        guard case .loop(let counter, let count, _) = plan.functions[0].steps[1],
          let more = plan.module.tables.dims.multiply(count, plan.module.tables.dims.integer(2))
        else { return }
        plan.functions[0].steps[1] = .loop(counter: counter, count: more, reverse: false)
      }
    ),
    (
      "needs the symbol `T`, which has no value here", SamplePlans.softmax(),
      { plan in
        plan.kernels[0].symbols.append(
          plan.module.tables.dims.symbol(plan.module.tables.strings.intern("T"), bound: 77))
      }
    ),
    (
      "stores to an input", SamplePlans.chain(),
      { plan in
        guard case .call(let kernel, var arguments) = plan.functions[0].steps[0] else { return }
        arguments[1].buffer = BufferID(0)
        plan.functions[0].steps[0] = .call(kernel, arguments)
      }
    ),
    ("two inputs are named `a`", SamplePlans.tiles(), { $0.functions[0].inputs[1].name = "a" }),
    ("begins before 20", SamplePlans.variables(), { $0.states[1].offset = 0 }),
    ("ends behind the 64 bytes of its block", SamplePlans.variables(), { $0.stateBytes = 64 }),
    ("which is not the size of f32[5]", SamplePlans.variables(), { $0.states[0].byteCount = 19 }),
  ]

  @Test(arguments: tables.indices)
  func wrongTables(_ index: Int) {
    let (expected, sound, change) = Self.tables[index]
    var plan = sound
    change(&plan)
    let messages = PlanChecker().check(plan).map(\.message)
    #expect(messages.contains { $0.contains(expected) }, "expected `\(expected)`, got \(messages)")
  }

  // MARK: Lifetimes

  private func messages(_ plan: ModulePlan) -> [String] { PlanChecker().check(plan).map(\.description) }

  private func expect(
    _ plan: ModulePlan, _ expected: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let found = messages(plan)
    for text in expected {
      #expect(
        found.contains { $0.contains(text) }, "expected `\(text)`, got \(found)",
        sourceLocation: sourceLocation)
    }
  }

  @Test func takenBytes() {
    var plan = SamplePlans.chain()
    // `u` over `v`, which the last step still loads.
    plan.functions[0].buffers[3].storage = plan.functions[0].buffers[4].storage
    expect(
      plan,
      "step 3, `k2_add`, slot `b`, buffer %4 `v` at bytes 256 ..< 336: loads what buffer %3 `u` at bytes 256 ..< 336 took over in step 2"
    )
  }

  @Test func neverStored() {
    var plan = SamplePlans.chain()
    plan.functions[0].steps.swapAt(0, 1)
    expect(plan, "slot `x`, buffer %2 `t` at bytes 0 ..< 80: loads from it before anything was stored there")
  }

  @Test func storedInPart() {
    var plan = SamplePlans.concat()
    plan.functions[0].steps.remove(at: 2)
    expect(plan, "step 2, `k3_map_negate`, slot `x`", "may load elements that were never stored")
    plan = SamplePlans.concat()
    plan.functions[0].steps.removeLast()
    expect(plan, "output `y` is never written")
    var m = PlanBuilder("part")
    let x = m.input("x", .f32, "4")
    let y = m.output("y", .f32, "5")
    m.call(SamplePlans.map(&m, "4", .abs), x, y)
    expect(m.plan, "output `y` is not completely written")
  }

  @Test func overwrittenByTheNextIteration() {
    // `kept` is stored before the loop and loaded in every iteration; `temporary` takes its bytes at the end of each.
    var m = PlanBuilder("next")
    m.symbol("T", 3)
    let x = m.input("x", .f32, "4")
    let y = m.output("y", .f32, "T", "4")
    let kept = m.arena("kept", .f32, "4")
    let temporary = m.arena("temporary", .f32, "4", at: 0)
    let copy = SamplePlans.map(&m, "4", .abs)
    let c = m.counter("c", 2)
    m.call(copy, x, kept)
    m.loop(c, "T") { m in
      m.call(copy, (kept, "0"), (y, "4*c"))
      m.call(copy, (x, "0"), (temporary, "0"))
    }
    expect(
      m.plan, "step 2", "slot `x`, buffer %2 `kept`",
      "buffer %3 `temporary` at bytes 0 ..< 16 took over in step 3")
  }

  @Test func readsWhatNoIterationHasStored() {
    // Iteration c loads row c + 1, which a later one stores, or an earlier one where the loop runs backwards.
    func plan(reverse: Bool) -> ModulePlan {
      var m = PlanBuilder("ahead")
      m.symbol("T", 3)
      let x = m.input("x", .f32, "2")
      let y = m.output("y", .f32, "T+1", "2")
      let copy = SamplePlans.map(&m, "2", .negate)
      let c = m.counter("c", 2)
      m.call(copy, (x, "0"), (y, "2*T"))
      m.loop(c, "T", reverse: reverse) { m in m.call(copy, (y, "2*c+2"), (y, "2*c")) }
      return m.plan
    }
    #expect(messages(plan(reverse: true)) == [])
    expect(plan(reverse: false), "may load elements that were never stored")
  }

  @Test func aLoopThatMayNotRun() {
    var m = PlanBuilder("maybe")
    m.symbol("T", 3)
    let x = m.input("x", .f32, "2")
    let y = m.output("y", .f32, "2")
    let t = m.arena("t", .f32, "2")
    let copy = SamplePlans.map(&m, "2", .negate)
    let c = m.counter("c", 2)
    m.loop(c, "T") { m in m.call(copy, x, t) }
    m.call(copy, t, y)
    expect(m.plan, "may load elements that were never stored")
    m.function.checkedDims = [m.dim("T-1")]
    #expect(messages(m.plan) == [])
  }

  // MARK: In place

  /// A kernel that reverses a row of 4, called with both slots in the same bytes, or in one buffer at an offset.
  private func shared(_ body: (inout KernelBuilder, inout PlanBuilder) -> Void) -> ModulePlan {
    var m = PlanBuilder("shared")
    let x = m.input("x", .f32, "4")
    let y = m.output("y", .f32, "4")
    let a = m.arena("a", .f32, "4")
    let b = m.arena("b", .f32, "4", at: 0)
    let copy = SamplePlans.map(&m, "4", .abs)
    let kernel = m.kernel("shared") { k, m in
      _ = (k.slot("x", .f32, .read), k.slot("y", .f32, .write))
      body(&k, &m)
    }
    m.call(copy, x, a)
    m.call(kernel, a, b)
    m.call(copy, b, y)
    return m.plan
  }

  @Test func inPlace() {
    let message =
      "slot `y`, buffer %3 `b` at bytes 0 ..< 16: shares memory with another argument, and is not stored in place"
    let sound = shared { k, m in
      k.loop(to: m.affine("4"), .parallel) { k, i in
        k.store(.slot(1), k.at(i), k.load(.slot(0), k.at(i)))
      }
    }
    #expect(messages(sound) == [])
    expect(
      shared { k, m in
        k.loop(to: m.affine("4"), .sequential) { k, i in
          k.store(.slot(1), k.at(i), k.load(.slot(0), m.affine("3", ("-1", i))))
        }
      }, message, "note: slot `x` is buffer %2 `a` at bytes 0 ..< 16")
    // Loads the element after it has stored there.
    expect(
      shared { k, m in
        k.loop(to: m.affine("4"), .sequential) { k, i in
          k.store(.slot(1), k.at(i), k.constant(0, .f32))
          _ = k.load(.slot(0), k.at(i))
        }
      }, message)
    // Every iteration of the outer loop loads what the one before has stored.
    expect(
      shared { k, m in
        k.loop(to: m.affine("2"), .sequential) { k, _ in
          k.loop(to: m.affine("4"), .sequential) { k, i in
            k.store(.slot(1), k.at(i), k.load(.slot(0), k.at(i)))
          }
        }
      }, message)
    // All loads come first.
    #expect(
      messages(
        shared { k, m in
          let sum = k.variable(k.constant(0, .f32))
          k.loop(to: m.affine("4"), .lanes(2)) { k, i in
            k.accumulate(sum, .add, k.load(.slot(0), k.at(i)))
          }
          k.loop(to: m.affine("4"), .vector) { k, i in k.store(.slot(1), m.affine("3", ("-1", i)), sum) }
        }) == [])
  }

  @Test func partsOfOneBuffer() {
    func plan(_ offset: String) -> ModulePlan {
      var m = PlanBuilder("parts")
      let x = m.input("x", .f32, "4")
      let y = m.output("y", .f32, "8")
      let copy = SamplePlans.map(&m, "4", .abs)
      m.call(copy, (x, "0"), (y, "0"))
      m.call(copy, (y, "0"), (y, offset))
      m.call(copy, (x, "0"), (y, "4"))
      return m.plan
    }
    #expect(messages(plan("4")) == [])
    expect(plan("3"), "they begin at different elements")
  }

  @Test func scratchThatNobodyStored() {
    var plan = SamplePlans.argsort()
    let first = plan.kernels[0].instructions.firstIndex { if case .store = $0 { true } else { false } }
    if let first { plan.kernels[0].instructions.remove(at: first) }
    expect(
      plan,
      "slot `order`, buffer %2 `scratch` at bytes 0 ..< 40: loads from it before anything was stored there")
  }
}
